"""The basic FFT scheme: iterations against contrast, Nyquist frequencies, resolution, and elastic-plastic fibre composites.

Source: H. Moulinec and P. Suquet, A fast numerical method for computing the linear and nonlinear mechanical properties of
composites, C. R. Acad. Sci. Paris II 318 (1994) 1417-1423, and A numerical method for computing the overall response of nonlinear
composites with complex microstructure, Comput. Methods Appl. Mech. Engrg. 157 (1998) 69-94.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import hoad
import hoad.mechanics as me
from papers.measure import slope
from papers.reproduction import Check, Numbers, Result, at_most, between, near, needs, progress, put

TITLE = "Moulinec & Suquet (1994, 1998): the basic FFT scheme, contrast, and elastic-plastic fibre composites"

METHODS = {
    "basic": "basic",
    "eyre-milton": "Eyre-Milton",
    "augmented-lagrangian": "augmented Lagrangian",
    "displacement": "conjugate gradients",
}
CONTRASTS = (2, 5, 10, 20, 50, 100, 200)
FRACTION = 0.475
YIELD, HARDENING = 0.0689, 0.171  # GPa
FIBRE, MATRIX = (400.0, 0.23), (68.9, 0.35)  # Young's modulus in GPa, Poisson's ratio
STRAINS = np.linspace(0, 0.01, 21)[1:]
ARRAYS = {"square, 0°": 64, "square, 45°": 90, "hexagonal": 64, "random": 128}
MAPS = ("square, 0°", "square, 45°")


def run(reduced: bool = False) -> Result:
    """Iterations of four schemes, a published example, Nyquist conventions, and tension of four fibre composites."""
    numbers: Numbers = {}
    schemes(numbers, 31 if reduced else 127, (10, 40) if reduced else CONTRASTS)
    example(numbers)
    nyquist(numbers)
    radial_return(numbers)
    for name in progress(list(ARRAYS)[:2] if reduced else ARRAYS, "fibres"):
        composite(numbers, name, ARRAYS[name] // 2 if reduced else ARRAYS[name], STRAINS[1::2] if reduced else STRAINS)
    limit_load(numbers)
    basic_plasticity(numbers, STRAINS[: 2 if reduced else 4])
    if not reduced:
        for n in progress((16, 32, 64, 128), "resolution"):
            found = me.solve(square(n), composite_phases(), tension(STRAINS[1::2]), tol=1e-5)
            put(numbers, "stress / σ0 at 1 %, square array", n, found.stress[-1, 0, 0] / YIELD)
    return Result(numbers, accept(numbers, reduced), reduced)


# -- linear elasticity -----------------------------------------------------------------------------------------------------------


def disk(n: int, fraction: float) -> Any:
    """Voxels whose centres lie in a disk in the middle of the unit cell."""
    x = (np.arange(n) + 0.5) / n - 0.5
    return (x[:, None] ** 2 + x**2 <= fraction / np.pi).astype(int)


def schemes(numbers: Numbers, n: int, contrasts: tuple[int, ...]) -> None:
    """Iterations to 1e-8 for a stiff disk, by the residual of equilibrium and by the change of the strain."""
    cell = me.Cell(disk(n, 0.2), scheme="fourier")
    load = me.strain_path([np.diag([1.0, 0.0])])
    for contrast in progress(contrasts, "contrasts"):
        phases = {k: me.LinearElastic(mu=0.5 * c, lmbda=1.0 * c) for k, c in enumerate((1.0, float(contrast)))}
        for method, name in METHODS.items():
            found = me.solve(cell, phases, load, method=method, max_cg=20_000)
            put(numbers, f"iterations, {name}, {n} x {n}", contrast, found.iterations[0])
            if name != "conjugate gradients":
                changes = np.array(found.steps[0].updates)
                first = np.argmax(changes <= 1e-8) + 1
                put(numbers, f"iterations until the strain changes by 1e-8, {name}, {n} x {n}", contrast, first)
            if method == "basic":
                put(numbers, f"σ11, {n} x {n}", contrast, found.stress[0, 0, 0])
                put(numbers, f"σ22, {n} x {n}", contrast, found.stress[0, 1, 1])
            reference = numbers[f"σ11, {n} x {n}"][float(contrast)]
            put(numbers, f"σ11 of {name} over that of the basic scheme, {n} x {n}", contrast, found.stress[0, 0, 0] / reference)


def example(numbers: Numbers) -> None:
    """The example that comes with a package of today: iterations of the basic scheme and effective moduli."""
    x = np.linspace(-0.5, 0.5, 251)
    cell = me.Cell((x[:, None] ** 2 + x**2 <= 0.2 / np.pi).astype(int), scheme="fourier")
    phases = {0: me.LinearElastic(lmbda=10.0, mu=0.25), 1: me.LinearElastic(lmbda=100.0, mu=2.5)}
    load = me.strain_path([np.diag([1.0, 0.0])])
    found = me.solve(cell, phases, load, method="basic")
    changes = np.array(found.steps[0].updates)
    put(numbers, "example: iterations of the basic scheme", "", np.argmax(changes <= 1e-8) + 1)
    put(numbers, "example, basic scheme", "C1111", found.stress[0, 0, 0])
    put(numbers, "example, basic scheme", "C1122", found.stress[0, 1, 1])
    c = found.tangent()
    put(numbers, "example, tangent", "C1111", c[0, 0, 0, 0])
    put(numbers, "example, tangent", "C1122", c[0, 0, 1, 1])
    put(numbers, "example, tangent", "2 C1212", 2 * c[0, 1, 0, 1])


def nyquist(numbers: Numbers) -> None:
    """Conduction across a laminate on even grids: no stress, or no strain, at Nyquist frequencies."""
    phases = {0: me.Conduction(k=1.0), 1: me.Conduction(k=10.0)}
    for n in (16, 32, 64, 128):
        image = np.zeros((n, 1), int)
        image[: n // 4 + 1] = 1
        fraction = (n // 4 + 1) / n
        exact = 1 / (1 - fraction + fraction / 10)
        for name, option in (("no stress", "free"), ("no strain", "zero")):
            cell = me.Cell(image, scheme="fourier", nyquist=option)
            found = me.solve(cell, phases, me.strain_path([[1.0, 0.0]]), tol=1e-13)
            put(numbers, f"error of a laminate, {name} at Nyquist frequencies", n, abs(found.stress[0, 0] / exact - 1))


# -- plasticity ------------------------------------------------------------------------------------------------------------------


def matrix(hardening: float = HARDENING) -> Any:
    """The elastic-plastic matrix."""
    E, nu = MATRIX
    return me.J2Plasticity(K=E / 3 / (1 - 2 * nu), mu=E / 2 / (1 + nu), sigma_y=YIELD, H=hardening)


def composite_phases(hardening: float = HARDENING) -> dict[int, Any]:
    """Matrix and elastic fibres."""
    return {0: matrix(hardening), 1: me.LinearElastic.from_young(*FIBRE)}


def fibres(shape: tuple[int, int], lengths: tuple[float, float], centres: Any, scheme: str = "fourier") -> Any:
    """Cell with fibres of equal radius at given places."""
    radius2 = FRACTION * lengths[0] * lengths[1] / np.pi / len(centres)
    x, y = ((np.arange(n) + 0.5) * length / n for n, length in zip(shape, lengths))
    image = np.zeros(shape, int)
    for a, b in centres:
        dx = (x - a + lengths[0] / 2) % lengths[0] - lengths[0] / 2
        dy = (y - b + lengths[1] / 2) % lengths[1] - lengths[1] / 2
        image |= dx[:, None] ** 2 + dy**2 <= radius2
    return me.Cell(image, lengths, scheme=scheme)


def square(n: int, scheme: str = "fourier") -> Any:
    """Square array, one fibre in the cell."""
    return fibres((n, n), (1.0, 1.0), [(0.5, 0.5)], scheme)


def array(name: str, n: int) -> Any:
    """A cell of each arrangement with n voxels along its first edge."""
    if name == "square, 0°":
        return square(n)
    if name == "square, 45°":  # the same lattice in a cell along its diagonals
        return fibres((n, n), (2**0.5, 2**0.5), [(0.0, 0.0), (0.5**0.5, 0.5**0.5)])
    if name == "hexagonal":
        return fibres((n, round(3**0.5 * n)), (1.0, 3**0.5), [(0.0, 0.0), (0.5, 3**0.5 / 2)])
    rng = np.random.default_rng(1)
    least, centres = 1.05 * 2 * (FRACTION / np.pi / 16) ** 0.5, []
    while len(centres) < 16:  # random sequential addition with a small gap
        p = rng.random(2)
        if all(np.hypot(*((p - q + 0.5) % 1 - 0.5)) > least for q in centres):
            centres.append(p)
    return fibres((n, n), (1.0, 1.0), centres)


def tension(strains: Any) -> Any:
    """Plane strain along the fibres, tension along the first axis, no stress along the second."""
    path = np.full((len(strains), 2, 2), np.nan)
    path[:, 0, 0] = strains
    path[:, 0, 1] = path[:, 1, 0] = 0.0
    return me.mixed_path(path)


def composite(numbers: Numbers, name: str, n: int, strains: Any) -> None:
    """Stress against strain of one arrangement."""
    found = me.solve(array(name, n), composite_phases(), tension(strains), tol=1e-5)
    for i, step in enumerate(found.steps):
        put(numbers, f"stress / σ0, {name}", round(float(strains[i]), 6), step.stress[0, 0] / YIELD)
    if name in MAPS and len(strains) == len(STRAINS):  # both cells are symmetric: a quarter is enough
        quarter = np.nan_to_num(found.variables["accumulated"][0])[: n // 2, : n // 2]
        numbers[f"plastic strain, {name}"] = dict(enumerate(np.round(quarter.reshape(-1), 5).tolist()))


def limit_load(numbers: Numbers) -> None:
    """Shear of a square array without hardening: slip in the matrix between rows of fibres bounds the stress by σ0/√3."""
    path = np.full((5, 2, 2), np.nan)
    path[:, 0, 1] = path[:, 1, 0] = np.linspace(0.0003, 0.0007, 5)
    found = me.solve(square(32, "rotated"), composite_phases(0.0), me.mixed_path(path), tol=1e-5)
    for strain, stress in zip(path[:, 0, 1], found.stress[:, 0, 1]):
        put(numbers, "shear stress / (σ0/√3) without hardening", round(float(strain), 6), stress * 3**0.5 / YIELD)


def basic_plasticity(numbers: Numbers, strains: Any) -> None:
    """The scheme of the paper on the plastic composite: C0 halfway between the elastic phases, and all iterations."""
    stiff, soft = me.LinearElastic.from_young(*FIBRE), me.LinearElastic.from_young(*MATRIX)
    reference = me.LinearElastic(mu=0.5 * (stiff.mu + soft.mu), lmbda=0.5 * (stiff.lmbda + soft.lmbda))
    exact = me.solve(square(32), composite_phases(), tension(strains), tol=1e-6)
    options = {"method": "basic", "reference": reference, "max_cg": 5000, "max_cutbacks": 0}
    found = me.solve(square(32), composite_phases(), tension(strains), tol=1e-4, **options)
    for i, strain in enumerate(strains):
        at = round(float(strain), 6)
        put(numbers, "basic scheme, plastic: iterations", at, found.iterations[i])
        put(numbers, "Newton's method, plastic: CG iterations", at, exact.iterations[i])
        put(numbers, "basic scheme, plastic: stress over Newton's", at, found.stress[i, 0, 0] / exact.stress[i, 0, 0])


def radial_return(numbers: Numbers) -> None:
    """The paper's return mapping, written out, against the derivative of the incremental potential."""
    law = matrix()
    rng = np.random.default_rng(0)
    worst = 0.0
    for _ in range(100):
        a = rng.standard_normal((3, 3))
        old = a + a.T - np.trace(a + a.T) / 3 * np.eye(3)
        state = {"plastic_strain": 0.002 * old, "accumulated": np.array(0.01 * rng.random())}
        b = rng.standard_normal((3, 3))
        strain = 0.004 * (b + b.T)
        stress = hoad.grad(lambda e, state=state: law.energy(e, state))(strain)
        trial = 2 * law.mu * (strain - np.trace(strain) / 3 * np.eye(3) - state["plastic_strain"])
        q = np.sqrt(1.5) * np.linalg.norm(trial)
        flow = max(0.0, float(q - YIELD - HARDENING * state["accumulated"]) / (3 * law.mu + HARDENING))
        hand = law.K * np.trace(strain) * np.eye(3) + (1 - 3 * law.mu * flow / q) * trial
        worst = max(worst, float(np.max(np.abs(stress - hand)) / np.max(np.abs(hand))))
    put(numbers, "largest difference from the radial return of the paper", "", worst)


# -- acceptance ------------------------------------------------------------------------------------------------------------------


def accept(numbers: Numbers, reduced: bool = False) -> list[Check]:
    """Growth with contrast, exact laminates, order of the arrangements, and the limit load."""
    checks = []
    n = 31 if reduced else 127
    least = 10
    for name in METHODS.values():
        counts = {c: i for c, i in numbers[f"iterations, {name}, {n} x {n}"].items() if c >= least}
        power = slope(list(counts), list(counts.values()))
        checks.append(near(f"power of the contrast, {name}", power, 1.0 if name == "basic" else 0.5, 0.15))
        worst = max(abs(v - 1) for v in numbers[f"σ11 of {name} over that of the basic scheme, {n} x {n}"].values())
        checks.append(at_most(f"σ11 of {name}, difference from the basic scheme", worst, 1e-7))
    worst = max(numbers["error of a laminate, no stress at Nyquist frequencies"].values())
    checks.append(at_most("laminate on even grids, no stress at Nyquist frequencies: error", worst, 1e-12))
    zero = numbers["error of a laminate, no strain at Nyquist frequencies"]
    order = -slope(list(zero), list(zero.values()))
    checks.append(near("the same, no strain: order of the error in the voxel size", order, 2, 0.15))
    tangent, basic = numbers["example, tangent"], numbers["example, basic scheme"]
    difference = abs(tangent["C1111"] / basic["C1111"] - 1)
    checks.append(at_most("example: C1111 of tangent and basic scheme, difference", difference, 1e-9))
    error = numbers["largest difference from the radial return of the paper"][""]
    checks.append(at_most("derivative of the potential against the radial return", error, 1e-12))
    at_end = {name: list(numbers[f"stress / σ0, {name}"].values())[-1] for name in ARRAYS if f"stress / σ0, {name}" in numbers}
    softest_first = [name for name in ("square, 45°", "hexagonal", "random", "square, 0°") if name in at_end]
    for a, b in pairwise(softest_first):
        checks.append(between(f"stress at 1 %: {b} over {a}", at_end[b] / at_end[a], 1.02))
    knee = numbers["stress / σ0, square, 45°"][0.001] * 3**0.5 / 2  # slip on the same rows, before hardening counts
    checks.append(near("square, 45°: stress at 0.1 % over 2σ0/√3", knee, 1.0, 0.03))
    shear = numbers["shear stress / (σ0/√3) without hardening"]
    checks.append(between("limit load in shear over σ0/√3", list(shear.values())[-1], 0.99, 1.0 + 1e-6))
    worst = max(abs(v - 1) for v in numbers["basic scheme, plastic: stress over Newton's"].values())
    checks.append(at_most("basic scheme, plastic: stress, difference from Newton's method", worst, 1e-3))
    if not reduced:
        steps = np.abs(np.diff(list(numbers["stress / σ0 at 1 %, square array"].values())))
        ratio = steps[2] / steps[1]
        checks.append(at_most("resolution: change of stress from 64² to 128² voxels over that from 32² to 64²", ratio, 0.9))
    return checks


def plot(result: Result, path: Path) -> None:
    """Iterations, Nyquist conventions, resolution, stress-strain curves, and maps of plastic strain."""
    plt = needs("matplotlib.pyplot")
    numbers = result.numbers
    figure, axes = plt.subplots(2, 3, figsize=(14, 8.4), layout="constrained")
    n = 127 if "iterations, basic, 127 x 127" in numbers else 31
    for name, marker in zip(METHODS.values(), "osD^"):
        counts = numbers[f"iterations, {name}, {n} x {n}"]
        axes[0, 0].loglog(list(counts), list(counts.values()), marker=marker, label=name)
    ends = np.array([10.0, 200.0])
    axes[0, 0].loglog(ends, 10 * ends, "--", color="0.5", label="contrast")
    axes[0, 0].loglog(ends, 5 * ends**0.5, ":", color="0.5", label="√contrast")
    axes[0, 0].set(xlabel="contrast", ylabel="iterations to 1e-8", title=f"stiff disk, 20 %, {n} × {n}, Fourier")
    axes[0, 0].legend(fontsize=8)
    for name, marker in (("no stress", "o"), ("no strain", "s")):
        errors = numbers[f"error of a laminate, {name} at Nyquist frequencies"]
        axes[0, 1].loglog(list(errors), [max(e, 1e-17) for e in errors.values()], marker=marker, label=name)
    axes[0, 1].set(xlabel="voxels", ylabel="error", title="laminate on even grids: Nyquist frequencies", ylim=(3e-18, 1))
    axes[0, 1].legend(title="there is", loc="center right")
    curve = numbers.get("stress / σ0 at 1 %, square array", {})
    axes[0, 2].semilogx(list(curve), list(curve.values()), "o-")
    axes[0, 2].set(xlabel="voxels along an edge", ylabel="σ̄₁₁ / σ₀ at 1 %", title="square array, 0°: resolution")
    for name, style in zip(ARRAYS, ("-", "--", "-.", ":")):
        curve = {0.0: 0.0, **numbers.get(f"stress / σ0, {name}", {})}
        axes[1, 0].plot([100 * e for e in curve], list(curve.values()), style, label=name)
    axes[1, 0].set(xlabel="ε̄₁₁ in %", ylabel="σ̄₁₁ / σ₀", title="47.5 % fibres in a plastic matrix, tension", ylim=(0, None))
    axes[1, 0].legend()
    for ax in axes[0, 1:]:
        ax.set_xticks([16, 32, 64, 128], ["16", "32", "64", "128"])
        ax.set_xticks([], minor=True)
    for ax in (*axes[0], axes[1, 0]):
        ax.grid(alpha=0.3, which="both")
    for ax, name in zip(axes[1, 1:], MAPS):
        values = np.array(list(numbers.get(f"plastic strain, {name}", {0: 0.0}).values()))
        side = int(len(values) ** 0.5)
        quarter = values.reshape(side, side)
        half = np.concatenate([quarter, quarter[::-1]])
        mesh = ax.pcolormesh(100 * np.concatenate([half, half[:, ::-1]], axis=1).T, cmap="inferno")
        figure.colorbar(mesh, ax=ax, shrink=0.85)
        ax.set_aspect("equal")
        ax.set(title=f"{name}: plastic strain in % at 1 %", xticks=[], yticks=[])
    figure.savefig(path, dpi=120)
    plt.close(figure)
