"""FFT homogenisation with automatic differentiation: stresses and tangents from energies, topology optimisation.

Source: M. Pundir and D. S. Kammer, Simplifying FFT-based methods for solid mechanics with automatic differentiation, Comput.
Methods Appl. Mech. Eng. (2025), arXiv 2408.03804, with the notebooks of its package xpektra.
"""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

import hoad
import hoad.mechanics as me
from papers.reproduction import Check, Numbers, Result, at_most, needs, progress, put

TITLE = "Pundir & Kammer (2025): FFT homogenisation with automatic differentiation, tangents and topology optimisation"

COMPONENTS = {"C1111": (0, 0, 0, 0), "C1122": (0, 0, 1, 1), "C2222": (1, 1, 1, 1), "C1212": (0, 1, 0, 1), "C1221": (0, 1, 1, 0)}
PUBLISHED, CORRECTED = "Gent, published form", "Gent, plane strain"
STRAINS = np.geomspace(1e-4, 1e-1, 10)
REST = me.strain_path(np.zeros((1, 2, 2)))
SIDE, POISSON, BLOCK = 99, 0.3, 3


def disk(n: int, square: float, inside: str = "below") -> Any:
    """Label 1 where the squared distance from the middle voxel, in voxels, is at most (or below) ``square``."""
    x = np.arange(n) - n // 2
    distance = np.add.outer(x**2, x**2)
    return (distance < square if inside == "below" else distance <= square).astype(int)


def corner(n: int, side: int) -> Any:
    """Label 1 in a square at the corner."""
    image = np.zeros((n, n), int)
    image[:side, :side] = 1
    return image


def gent(form: str, n: int, matrix: float = 50.0) -> tuple[Any, Any]:
    """Cell and phases: a softer and more extensible square in the corner of a matrix."""
    side = round(49 * n / 199)
    if form == PUBLISHED:
        cell = me.Cell(corner(n, side), scheme="fourier", plane="two-dimensional")
        return cell, {0: me.GentTwoDimensional(mu=matrix, Jm=0.2), 1: me.GentTwoDimensional(mu=16.0, Jm=0.4)}
    cell = me.Cell(corner(n, side), scheme="fourier")
    return cell, {0: me.Gent(mu=matrix, Jm=0.2), 1: me.Gent(mu=16.0, Jm=0.4)}


def stretched(strain: float) -> Any:
    """The deformation gradients of the published curve."""
    return np.eye(2) + np.diag([strain, strain / 10])


def run(reduced: bool = False) -> Result:
    """Every case of the notebooks that has numbers; tangents over the strain, and 50 steps of an optimisation."""
    numbers: Numbers = {}
    moduli(numbers)
    saint_venant_kirchhoff(numbers)
    gent_tangent(numbers)
    for form in (PUBLISHED, CORRECTED):
        n = 21 if reduced else 99
        for strain in progress(STRAINS[:: 4 if reduced else 1], form):
            if form == CORRECTED and strain > 0.09:
                continue  # the mean I1 - 3 of 0.23 is beyond the 0.2 of the matrix
            cell, phases = gent(form, n)
            tangent = me.solve(cell, phases, me.strain_path([stretched(strain)])).tangent()
            for name, index in COMPONENTS.items():
                put(numbers, f"{form}: {name}", strain, tangent[index])
    at_rest(numbers)
    topology(numbers, 3 if reduced else 50)
    return Result(numbers, accept(numbers, reduced), reduced)


def moduli(numbers: Numbers) -> None:
    """Homogenised stiffness of two linear cells, and the stress of a third in both schemes."""
    start = perf_counter()
    phases = {0: me.LinearElastic(mu=1.0, lmbda=2.0), 1: me.LinearElastic(mu=5.0, lmbda=10.0)}
    found = me.solve(me.Cell(disk(199, 100, "up to")), phases, REST).tangent(tol=1e-9)
    put(numbers, "seconds", "moduli", perf_counter() - start)
    circle = lambda n: disk(n, 0.2 / np.pi * (n - 1) ** 2, "up to")
    phases = {0: me.LinearElastic(mu=0.25, lmbda=10.0), 1: me.LinearElastic(mu=2.5, lmbda=100.0)}
    other = me.solve(me.Cell(circle(251), scheme="fourier"), phases, REST).tangent(tol=1e-9)
    for name in ("C1111", "C1122", "C1212"):
        put(numbers, "moduli of a plate with a stiff disk", name, found[COMPONENTS[name]])
        put(numbers, "moduli at contrast ten", name, other[COMPONENTS[name]])
    phases = {0: me.LinearElastic(mu=0.25, lmbda=10.0), 1: me.LinearElastic(mu=2.5, lmbda=1000.0)}
    for scheme in ("rotated", "fourier"):
        sol = me.solve(me.Cell(circle(199), scheme=scheme), phases, me.strain_path([0.01 * np.eye(2)]), tol=1e-11)
        put(numbers, "stress of a stiff disk under expansion", scheme, sol.stress[0, 0, 0])


def saint_venant_kirchhoff(numbers: Numbers) -> None:
    """A stiff square under all-round expansion in three steps."""
    nu = 0.386
    phases = {
        k: me.StVenantKirchhoff(mu=E / (2 + 2 * nu), lmbda=E * nu / ((1 + nu) * (1 - 2 * nu))) for k, E in enumerate((0.57, 5.7))
    }
    steps = (0.02, 0.04, 0.06)
    sol = me.solve(me.Cell(corner(99, 33)), phases, me.strain_path([(1 + e) * np.eye(2) for e in steps]), tol=1e-11)
    for e, stress, energy in zip(steps, sol.stress, sol.energy):
        put(numbers, "Saint Venant-Kirchhoff: P11", e, stress[0, 0])
        put(numbers, "Saint Venant-Kirchhoff: energy", e, energy)


def gent_tangent(numbers: Numbers) -> None:
    """The notebook's tangent at 199 x 199 voxels, its time, and its difference from central differences of the mean stress."""
    cell, phases = gent(PUBLISHED, 199)
    F = np.eye(2) + np.diag([1e-3, 2e-3])
    start = perf_counter()
    sol = me.solve(cell, phases, me.strain_path([F]))
    tangent = sol.tangent()
    put(numbers, "seconds", "Gent tangent", perf_counter() - start)
    case = f"{PUBLISHED}: mean stress and tangent"
    put(numbers, case, "P11", sol.stress[0, 0, 0])
    put(numbers, case, "P22", sol.stress[0, 1, 1])
    for name, index in COMPONENTS.items():
        put(numbers, case, name, tangent[index])
    h, unit = 1e-5, np.zeros((2, 2))
    unit[0, 0] = 1.0
    ends = [me.solve(cell, phases, me.strain_path([F + s * h * unit]), tol=1e-11).stress[0] for s in (1, -1)]
    difference = np.abs((ends[0] - ends[1]) / (2 * h) - tangent[:, :, 0, 0]).max() / np.abs(tangent).max()
    put(numbers, "tangent against differences", "", difference)


def at_rest(numbers: Numbers) -> None:
    """Stress of each form in the undeformed state, from the energy of the matrix alone."""
    for form in (PUBLISHED, CORRECTED):
        law = gent(form, 21)[1][0]
        put(numbers, "stress at rest", form, hoad.grad(law.energy)(np.eye(2))[0, 0])


# -- topology optimisation ----------------------------------------------------------------------------------------------------


def modulus(density: Any) -> Any:
    """Young's modulus of a density: a power, and a little of it for empty voxels."""
    return 1e-3 + (1 - 1e-3) * (density + 0.01) ** 5


def topology(numbers: Numbers, steps: int) -> None:
    """Largest shear modulus of a plate in plane stress with 30 % of its material, by optimality criteria."""
    design = np.where(disk(SIDE, (SIDE / 3) ** 2) == 1, 0.15, 0.3)
    density = design
    shear = np.array([[[0.0, 0.5], [0.5, 0.0]]])
    # in the plane of a sheet without stress across it, Hooke's law has this first parameter
    lame = lambda e: (e / (2 + 2 * POISSON), e * POISSON / (1 - POISSON**2))
    mu, lmbda = lame(modulus(density))
    cell = me.Cell(np.zeros((SIDE, SIDE), int), plane="two-dimensional")
    response = me.Response(cell, {0: me.LinearElastic(mu=mu, lmbda=lmbda)}, shear, wrt=[(0, "mu"), (0, "lmbda")], tol=1e-6)
    for step in progress(range(steps + 1), "topology"):
        value, slopes = response.value_and_gradient(lambda energy, stress: -2 * energy[0], list(lame(modulus(density))))
        put(numbers, "minus the shear modulus", step, value)
        if step == steps:
            break
        # the chain from density to both Lamé parameters, differentiated as it is written
        along = hoad.grad(lambda r, slopes=slopes: sum(np.sum(p * s) for p, s in zip(lame(modulus(r)), slopes)))
        design = criteria(design, filtered(along(density)))
        density = filtered(design)
    put(numbers, "volume fraction", "", density.mean())
    fields = density.reshape(SIDE // BLOCK, BLOCK, SIDE // BLOCK, BLOCK).mean((1, 3))
    numbers["density in blocks"] = {float(k): float(round(v, 4)) for k, v in enumerate(fields.reshape(-1))}


def filtered(x: Any) -> Any:
    """Weights 1.3 minus the distance in voxels: of a voxel itself and of its four neighbours."""
    return (1.3 * x + 0.3 * sum(np.roll(x, s, a) for s in (-1, 1) for a in (0, 1))) / 2.5


def criteria(design: Any, slope: Any) -> Any:
    """One step of optimality criteria that keeps the volume: changes of 0.2 at most."""
    low, high = 1e-12, 1e9
    lower, upper = np.maximum(design - 0.2, 0), np.minimum(design + 0.2, 1)
    while high / low > 1 + 1e-10:
        middle = np.sqrt(low * high)
        new = np.clip(design * np.sqrt(np.maximum(-slope, 0) / middle), lower, upper)
        low, high = (middle, high) if new.mean() > 0.3 else (low, middle)
    return new


def accept(numbers: Numbers, reduced: bool = False) -> list[Check]:
    """What the published numbers cannot say: derivatives against differences, the two forms of the law, the optimisation."""
    checks = [at_most("Gent tangent: difference from central differences", numbers["tangent against differences"][""], 1e-7)]
    rest = numbers["stress at rest"]
    expected = -50.0 * 0.2**2 / 1.2
    checks.append(at_most("Gent, published form: stress at rest against -μ Jm²/(1 + Jm)", abs(rest[PUBLISHED] - expected), 1e-12))
    checks.append(at_most("Gent, plane strain: stress at rest", abs(rest[CORRECTED]), 1e-12))
    falls = int(np.sum(np.diff(list(numbers[f"{CORRECTED}: C1111"].values())) <= 0))
    checks.append(at_most("Gent, plane strain: strains at which C1111 does not grow", falls, 0))
    history = list(numbers["minus the shear modulus"].values())
    checks.append(at_most("topology: largest rise of -G over |G|", max(np.diff(history)) / abs(history[-1]), 1e-3))
    checks.append(at_most("topology: volume fraction minus 0.3", abs(numbers["volume fraction"][""] - 0.3), 1e-6))
    return checks


def plot(result: Result, path: Path) -> None:
    """Tangents of both forms over the strain, the optimisation, its design."""
    plt = needs("matplotlib.pyplot")
    numbers = result.numbers
    figure, axes = plt.subplots(1, 4, figsize=(15.5, 4.2), layout="constrained")
    colours = dict(zip(COMPONENTS, ("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple")))
    for ax, form, title in zip(axes, (PUBLISHED, CORRECTED), ("Gent as published (two-dimensional I1)", "Gent in plane strain")):
        for name, colour in colours.items():
            curve = numbers[f"{form}: {name}"]
            style = "--" if name == "C2222" else "-"  # it lies on C1111 at small strains
            ax.semilogx(list(curve), list(curve.values()), style, marker="o", markersize=3, color=colour, label=name)
        ax.set(xlabel="strain e, F = 1 + diag(e, e/10)", title=title)
        ax.grid(alpha=0.3)
    axes[0].set_ylabel("homogenised tangent")
    axes[1].legend(fontsize=8)
    curve = numbers["minus the shear modulus"]
    axes[2].plot(list(curve), [-v for v in curve.values()], color="tab:blue")
    axes[2].axhline(0.0752, color="0.5", linewidth=0.8, linestyle=":", label="NumPy program after 50 steps")
    axes[2].set(xlabel="step", ylabel="shear modulus", title="topology optimisation, plane stress")
    axes[2].grid(alpha=0.3)
    axes[2].legend(fontsize=8, loc="lower right")
    field = np.array(list(numbers["density in blocks"].values())).reshape(SIDE // BLOCK, SIDE // BLOCK)
    axes[3].imshow(np.tile(field, (2, 2)).T, origin="lower", cmap="gray_r", vmin=0, vmax=1)
    axes[3].set(xticks=[], yticks=[], title="density, 2 × 2 cells")
    figure.suptitle("Stresses and tangents of periodic cells from energies alone")
    figure.savefig(path, dpi=120)
    plt.close(figure)
