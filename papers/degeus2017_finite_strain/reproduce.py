"""Newton's method with consistent tangents on FFT grids: laminates, a cube under 100 % shear, finite-strain plasticity.

Source: T. W. J. de Geus, J. Vondřejc, J. Zeman, R. H. J. Peerlings and M. G. D. Geers, Finite strain FFT-based non-linear solvers
made simple, Comput. Methods Appl. Mech. Engrg. 318 (2017) 412-430, arXiv 1603.08893; cells and parameters from its programs,
tdegeus/GooseFFT.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import brentq

import hoad
import hoad.mechanics as me
from papers.reproduction import Check, Numbers, Result, at_most, between, near, needs, progress, put, read_published

TITLE = "de Geus et al. (2017): finite-strain FFT solvers with Newton's method, tangents by differentiation"

SOFT = 26 / 31  # volume fraction of the first phase of the laminate
SHEAR = 0.05
LAMINATES = ("power law", "plasticity")
CUBE = {"P11": (0, 0), "P12": (0, 1), "P21": (1, 0), "P22": (1, 1), "P33": (2, 2)}
FACTOR = 0.004  # step of the stretch λ of F̄ = diag(λ, 1/λ, 1)
FLOWING = {"soft": dict(sigma_y=0.003, H=0.004), "hard": dict(sigma_y=0.006, H=0.008)}
GRAINS, WIDTH = {"soft": dict(sigma_y=0.003, H=0.01), "hard": dict(sigma_y=0.006, H=0.02)}, 45
BULK, RIGIDITY = 0.833, 0.386
PUBLISHED = {"forcing": 1e-8, "reference": "identity", "line_search": False, "max_cutbacks": 0}  # settings of the programs


def run(reduced: bool = False) -> Result:
    """Laminates against closed forms, the cube with the published settings and with ours, and two plastic cells."""
    numbers: Numbers = {}
    for name in LAMINATES:
        laminate(numbers, name)
    viscous(numbers)
    cube(numbers, 15 if reduced else 31)
    inclusion(numbers, 5 if reduced else 49, 1 if reduced else 15)
    phases(numbers)
    if not reduced:
        quadratic(numbers)
        grains(numbers)
    return Result(numbers, accept(numbers, reduced), reduced)


# -- laminates -------------------------------------------------------------------------------------------------------------------


def sheared(name: str, strain: float) -> float:
    """Shear stress of the first phase of a laminate in simple shear, in closed form."""
    equivalent = 2 * strain / 3**0.5
    if name == "power law":
        return 0.5 * (equivalent / 0.1) ** 10 / 3**0.5
    accumulated = max(0.0, (3 * equivalent - 0.01) / 3.05)
    return (3 * (equivalent - accumulated)) / 3**0.5


def laminate(numbers: Numbers, name: str) -> None:
    """A layered cell under shear along the layers against the scalar equation that it reduces to."""
    image = np.zeros((31, 31, 1), int)
    image[26:] = 1
    laws = {
        "power law": me.PowerLaw(sigma0=0.5, eps0=0.1, n=10.0, K=2.0),
        "plasticity": me.J2Plasticity(K=2.0, mu=1.0, sigma_y=0.01, H=0.05),
    }
    materials = {0: laws[name], 1: me.LinearElastic(mu=1.0, lmbda=2 - 2 / 3)}
    load = np.zeros((1, 3, 3))
    load[0, 0, 1] = load[0, 1, 0] = SHEAR
    found = me.solve(me.Cell(image, scheme="fourier"), materials, me.strain_path(load), tol=1e-13, forcing=1e-10)
    field = found.strain_field[0, 1, 0, :, 0, 0]
    soft = brentq(lambda e: sheared(name, e) - 2 * (SHEAR - SOFT * e) / (1 - SOFT), 0.0, 0.1, xtol=1e-17, rtol=1e-15)
    exact = {"soft strain": soft, "hard strain": (SHEAR - SOFT * soft) / (1 - SOFT), "stress": sheared(name, soft)}
    ours = {"soft strain": field[0], "hard strain": field[-1], "stress": found.stress[0, 0, 1]}
    for what, value in ours.items():
        put(numbers, f"laminate, {what}", name, value)
        put(numbers, f"laminate, {what}: error", name, abs(value / exact[what] - 1))
    for i, size in enumerate(found.steps[0].updates):
        put(numbers, f"Newton update, laminate, {name}", i + 1, size)
    if name == "plasticity":
        put(numbers, "laminate, plastic strain", name, found.variables["accumulated"][0, 0, 0, 0])


def viscous(numbers: Numbers) -> None:
    """The layered cell with a viscous first phase: a scalar recursion of backward Euler, and the exact solution."""
    image = np.zeros((31, 1, 1), int)
    image[26:] = 1
    law = me.Perzyna(K=2.0, mu=1.0, gamma0=0.1 / 3**0.5, sigma0=0.1, n=1.0)
    times = np.arange(1, 201) / 200
    path = np.zeros((200, 3, 3))
    path[:, 0, 1] = path[:, 1, 0] = SHEAR * times
    materials = {0: law, 1: me.LinearElastic(mu=1.0, lmbda=2 - 2 / 3)}
    found = me.solve(me.Cell(image, scheme="fourier"), materials, me.strain_path(path, times=times), tol=1e-12)
    rate = SOFT * 3**0.5
    put(numbers, "laminate, stress", "viscoplasticity, 200 steps", found.stress[-1, 0, 1])
    put(numbers, "laminate, stress", "viscoplasticity, exact", 0.1 / rate * (1 - np.exp(-rate)))
    put(numbers, "laminate, stress: error", "viscoplasticity", abs(found.stress[-1, 0, 1] * rate / 0.1 / (1 - np.exp(-rate)) - 1))


# -- the cube --------------------------------------------------------------------------------------------------------------------


def corner_cube(n: int) -> tuple[Any, dict[int, Any]]:
    """A cell of n³ voxels with a stiff cube in its corner, and St Venant-Kirchhoff materials of contrast ten."""
    image = np.zeros((n, n, n), int)
    m = 9 * n // 31
    image[-m:, :m, -m:] = 1
    laws = {k: me.StVenantKirchhoff(mu=RIGIDITY * c, lmbda=(BULK - 2 * RIGIDITY / 3) * c) for k, c in enumerate((1.0, 10.0))}
    return me.Cell(image, scheme="fourier"), laws


def cube(numbers: Numbers, n: int) -> None:
    """Linear elasticity, and 100 % shear in one step: with the published settings, and with those of hoad."""
    cell, laws = corner_cube(n)
    size = f"cube of {n} voxels"
    linear = {k: law.small_strain() for k, law in laws.items()}
    load = np.zeros((1, 3, 3))
    load[0, 0, 1] = load[0, 1, 0] = 0.01
    found = me.solve(cell, linear, me.strain_path(load), reference="identity")
    put(numbers, f"linear stress, {size}", "σ12", found.stress[0, 0, 1])
    put(numbers, f"linear iterations, {size}", "CG", found.iterations[0])
    gradient = np.eye(3)
    gradient[0, 1] = 1.0
    for settings in ("published", "adaptive"):
        options: dict[str, Any] = {"tol": 1e-6, **PUBLISHED} if settings == "published" else {"max_cutbacks": 0}
        found = me.solve(cell, laws, me.strain_path(gradient[None]), **options)
        step = found.steps[0]
        for i, (update, count) in enumerate(zip(step.updates, step.iterations, strict=True)):
            put(numbers, f"Newton update, {size}, {settings}", i + 1, update)
            put(numbers, f"iterations, {size}, {settings}", i + 1, count)
        for name, at in CUBE.items():
            put(numbers, f"stress, {size}, {settings}", name, found.stress[0][at])
        put(numbers, f"energy, {size}, {settings}", "W", found.energy[0])


def quadratic(numbers: Numbers) -> None:
    """Newton's method to rounding on a small cube, with linear systems solved exactly."""
    options = {**PUBLISHED, "forcing": 1e-12}
    gradient = np.eye(3)
    gradient[0, 1] = 1.0
    found = me.solve(*corner_cube(15), me.strain_path(gradient[None]), tol=1e-13, max_newton=8, **options)
    for i, update in enumerate(found.steps[0].updates):
        put(numbers, "Newton update, exact linear solves", i + 1, update)


# -- plasticity ------------------------------------------------------------------------------------------------------------------


def plastic(parameters: dict[str, dict[str, float]]) -> dict[int, Any]:
    """The two phases of a plastic cell, which differ in yield stress and hardening only."""
    return {k: me.LogarithmicJ2(K=BULK, mu=RIGIDITY, **p) for k, p in enumerate(parameters.values())}


def inclusion(numbers: Numbers, steps: int, layers: int) -> None:
    """Stretch of a cell with a hard prism in the corner, in steps of 0.4 %."""
    image = np.zeros((11, 13, layers), int)
    image[:3, :3] = 1
    stretches = 1 + FACTOR * np.arange(1, steps + 1)
    most: list[float] = []
    bar = iter(progress(range(steps), "plastic inclusion"))

    def note(solution: Any) -> None:
        most.append(float(solution.variables["accumulated"].max()))
        next(bar, None)

    load = me.strain_path([np.diag([x, 1 / x, 1.0]) for x in stretches])
    found = me.solve(me.Cell(image, scheme="fourier"), plastic(FLOWING), load, callback=note)
    for i, step in enumerate(found.steps):
        at = round(FACTOR * (i + 1), 6)
        put(numbers, "plastic inclusion, P11", at, step.stress[0, 0])
        put(numbers, "plastic inclusion, P22", at, step.stress[1, 1])
        put(numbers, "plastic inclusion, largest plastic strain", at, most[i])
        put(numbers, "plastic inclusion, Newton steps", at, step.newton)


def phases(numbers: Numbers) -> None:
    """P11 of each phase alone along the same path: derivatives of the incremental potential, and the closed form."""
    worst = 0.0
    for name, law in zip(FLOWING, plastic(FLOWING).values()):
        state = law.initial_state(())
        for i in range(1, 50):
            stretch = 1 + FACTOR * i
            F = np.diag([stretch, 1 / stretch, 1.0])
            stress = hoad.grad(lambda F, law=law, state=state: law.energy(F, state))(F)
            put(numbers, f"phase alone, {name}, P11", round(FACTOR * i, 6), stress[0, 0])
            state = law.update(F, state)
            trial = 2 * 3**0.5 * RIGIDITY * np.log(stretch)  # equivalent stress; the path is proportional in ln b
            flow = max(0.0, (trial - law.sigma_y) / (3 * RIGIDITY + law.H))
            exact = (trial - 3 * RIGIDITY * flow) / 3**0.5 / stretch
            worst = max(worst, float(abs(stress[0, 0] / exact - 1)), float(abs(state["accumulated"] - flow)))
    put(numbers, "phases alone: largest error of stress and plastic strain", "", worst)


def grains(numbers: Numbers) -> None:
    """Pure shear of a cell of random hard grains in a soft matrix, to an equivalent strain of 10 %."""
    rng = np.random.default_rng(4)
    noise = np.fft.fft2(rng.standard_normal((WIDTH, WIDTH)))
    k = np.fft.fftfreq(WIDTH) * WIDTH
    smooth = np.fft.ifft2(noise * np.exp(-(k[:, None] ** 2 + k**2) / 60)).real
    image = (smooth > np.quantile(smooth, 0.75)).astype(int)
    strains = np.linspace(0, 0.1, 21)[1:]
    bar = iter(progress(range(len(strains)), "grains"))
    stretches = np.exp(3**0.5 / 2 * strains)
    load = me.strain_path([np.diag([x, 1 / x]) for x in stretches])
    found = me.solve(me.Cell(image, scheme="fourier"), plastic(GRAINS), load, tol=1e-6, callback=lambda s: next(bar, None))
    stresses = found.cauchy
    accumulated = found.variables["accumulated"][0]
    for i, step in enumerate(found.steps):
        put(numbers, "grains, equivalent stress", round(float(strains[i]), 6), 3**0.5 / 2 * (stresses[i, 0, 0] - stresses[i, 1, 1]))
        put(numbers, "grains, Newton steps", round(float(strains[i]), 6), step.newton)
    put(numbers, "grains, hard fraction", "", np.mean(image))
    for label, name in enumerate(GRAINS):
        put(numbers, "grains, mean plastic strain", name, np.mean(accumulated[image == label]))
    numbers["grains, plastic strain"] = dict(enumerate(np.round(accumulated.reshape(-1), 5).tolist()))


# -- acceptance ------------------------------------------------------------------------------------------------------------------


def accept(numbers: Numbers, reduced: bool = False) -> list[Check]:
    """Closed forms, quadratic convergence, and the same answers with adapted tolerances for fewer iterations."""
    checks = []
    for what in ("soft strain", "hard strain", "stress"):
        worst = max(numbers[f"laminate, {what}: error"][name] for name in LAMINATES)
        checks.append(at_most(f"laminates: largest error of the {what}", worst, 1e-11))
    error = numbers["laminate, stress: error"]["viscoplasticity"]
    checks.append(between("viscoplastic laminate: error of 200 steps of backward Euler", error, 1e-3, 2e-3))
    error = numbers["phases alone: largest error of stress and plastic strain"][""]
    checks.append(at_most("phases alone: error of stress and plastic strain against the closed form", error, 1e-12))
    sizes = list(numbers["Newton update, laminate, power law"].values())[:4]
    ratios = [b / a**2 for a, b in pairwise(sizes)]
    spread = max(ratios) / min(ratios)
    checks.append(at_most("power-law laminate: update over the square of the last, largest over smallest", spread, 1.3))
    most = max(numbers["plastic inclusion, Newton steps"].values())
    checks.append(at_most("plastic inclusion: Newton steps of a load step", most, 6))
    soft, hard = numbers["phase alone, soft, P11"], numbers["phase alone, hard, P11"]
    between_phases = [(v - soft[at]) / (hard[at] - soft[at]) for at, v in numbers["plastic inclusion, P11"].items()]
    checks.append(between("plastic inclusion: P11 on the scale from soft to hard phase, least", min(between_phases), 0))
    checks.append(at_most("plastic inclusion: P11 on that scale, largest", max(between_phases), 1))
    size = "cube of 15 voxels" if reduced else "cube of 31 voxels"
    stress = numbers[f"stress, {size}, published"]
    other = numbers[f"stress, {size}, adaptive"]
    difference = max(abs(other[n] / stress[n] - 1) for n in CUBE)
    checks.append(at_most("cube: stress with adapted tolerances, difference", difference, 1e-7))
    counts = [sum(numbers[f"iterations, {size}, {settings}"].values()) for settings in ("adaptive", "published")]
    checks.append(at_most("cube: CG iterations with adapted tolerances over published", counts[0] / counts[1], 0.5))
    if not reduced:
        sizes = list(numbers["Newton update, exact linear solves"].values())
        orders = [np.log(c / b) / np.log(b / a) for a, b, c in zip(sizes, sizes[1:], sizes[2:]) if c > 1e-13]
        checks.append(near("cube: order of convergence of the last Newton step above rounding", float(orders[-1]), 2, 0.2))
        checks.append(at_most("grains: Newton steps of a load step", max(numbers["grains, Newton steps"].values()), 7))
        mean = numbers["grains, mean plastic strain"]
        checks.append(at_most("grains: mean plastic strain of the hard phase over the soft one", mean["hard"] / mean["soft"], 0.8))
    return checks


def plot(result: Result, path: Path) -> None:
    """Convergence of Newton's method, linear iterations, stress against stretch, and a map of plastic strain."""
    plt = needs("matplotlib.pyplot")
    numbers = result.numbers
    figure, axes = plt.subplots(2, 2, figsize=(11.5, 8.6), layout="constrained")
    cubes = sorted({q.split(", ")[1] for q in numbers if q.startswith("Newton update, cube")})
    curves = {"power-law laminate": "Newton update, laminate, power law"}
    for size in cubes:
        curves[f"{size}, published tolerances"] = f"Newton update, {size}, published"
        curves[f"{size}, adapted tolerances"] = f"Newton update, {size}, adaptive"
    curves["cube of 15 voxels, exact linear solves"] = "Newton update, exact linear solves"
    for (label, quantity), marker in zip(curves.items(), "oD^vx"):
        values = {i: v for i, v in numbers.get(quantity, {}).items() if v > 1e-15}
        axes[0, 0].semilogy(list(values), list(values.values()), marker=marker, label=label)
    axes[0, 0].set(xlabel="Newton step", ylabel="‖δF‖ / ‖F̄‖", title="Newton's method", ylim=(1e-13, 10))
    axes[0, 0].legend(fontsize=8, loc="lower left")
    for size in cubes:
        for settings, shift in (("published", -0.2), ("adaptive", 0.2)):
            counts = numbers[f"iterations, {size}, {settings}"]
            label = f"{'adapted' if settings == 'adaptive' else settings} tolerances: {sum(counts.values()):.0f}"
            bars = axes[0, 1].bar(np.array(list(counts)) + shift, list(counts.values()), width=0.38, label=label)
            axes[0, 1].bar_label(bars, fmt="%.0f", fontsize=8)
    axes[0, 1].set(xlabel="Newton step", ylabel="CG iterations", title="100 % shear of a cube, contrast 10", ylim=(0, 180))
    axes[0, 1].legend(loc="upper left")
    for name, style in (("soft", "--"), ("hard", "-.")):
        curve = numbers[f"phase alone, {name}, P11"]
        axes[1, 0].plot(list(curve), list(curve.values()), style, color="0.5", label=f"{name} phase alone")
    curve = numbers["plastic inclusion, P11"]
    axes[1, 0].plot(list(curve), list(curve.values()), color="tab:blue", label="cell")
    theirs = {p.at: p.value for p in read_published("degeus2017_finite_strain") if p.quantity == "plastic inclusion, P11"}
    axes[1, 0].plot(list(theirs), list(theirs.values()), "o", mfc="none", color="tab:red", label="cell, the authors' program")
    axes[1, 0].set(xlabel="λ − 1 of F̄ = diag(λ, 1/λ, 1)", ylabel="P̄₁₁", title="logarithmic plasticity, hard prism in a soft cell")
    axes[1, 0].legend()
    field = np.array(list(numbers.get("grains, plastic strain", dict.fromkeys(range(WIDTH**2), 0.0)).values()))
    mesh = axes[1, 1].pcolormesh(field.reshape(WIDTH, WIDTH).T, cmap="inferno")
    figure.colorbar(mesh, ax=axes[1, 1], shrink=0.85)
    axes[1, 1].set_aspect("equal")
    axes[1, 1].set(title="25 % hard grains: plastic strain at ε̄ = 10 %", xticks=[], yticks=[])
    for ax in axes.flat[:3]:
        ax.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    plt.close(figure)
