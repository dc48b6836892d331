"""Cells of the largest bulk and shear modulus, of a negative Poisson's ratio, and of a prescribed stress at finite strains.

The density of each voxel is a variable, the amount of material is given. Gradients come from the fields of the solution, exact
Hessian-vector products from one more linear solve for each load where the objective is a function of energies, from two where it
is one of stresses; a truncated Newton method uses them, beside first-order methods.

Sources: Bendsøe & Sigmund, Topology Optimization (2003); Sigmund, Int. J. Solids Struct. 31 (1994) (inverse homogenisation);
Bourdin, Int. J. Numer. Methods Eng. 50 (2001) (density filter); Hashin & Shtrikman, J. Mech. Phys. Solids 11 (1963) (bounds).

    python docs/examples/mechanics/topology_optimisation.py [--quick] [--out figure.png]
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import convolve

sys.path.append(str(Path(__file__).resolve().parents[1]))
from presentation import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, canvas, command_line, label, legend, save
from volume_constrained import Record, newton_cg, optimality_criteria, project, projected_gradient

from hoad import mechanics as me

Array = np.ndarray

POISSON = 0.3
SHEET = me.LinearElastic(mu=1 / 2 / (1 + POISSON), lmbda=POISSON / (1 - POISSON**2))
"""Plane stress with Young's modulus 1: as a law for 2 × 2 tensors, it has the Lamé parameter λ* = 2λμ/(λ + 2μ) = Eν/(1 - ν²)."""
RUBBER = me.NeoHooke(mu=1.0, lmbda=2.0)
TARGET = {"C11": 0.06, "C12": -0.036}
"""Stiffness of a sheet with Poisson's ratio -0.6."""
UNIT = np.array([[[1.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 1.0]], [[0.0, 0.5], [0.5, 0.0]]])
"""Unit strains."""


class Design:
    """A cell whose filtered densities are variables, and an objective J(energies, stresses) of its response to some strains.

    Slopes and products are multiplied by the number of voxels, so that they do not depend on the resolution.
    """

    def __init__(
        self,
        law: me.Material,
        shape: tuple[int, int],
        strains: Any,
        objective: Callable[[Array, Array], Any],
        *,
        exponent: float = 3.0,
        smallest: float = 1e-3,
        radius: float = 1.3,
        offset: float = 0.0,
        **options: Any,
    ) -> None:
        plane = "two-dimensional" if law.linear else "strain"
        phases = {0: me.SIMP(law, np.full(shape, 0.5), exponent, smallest)}
        options = {"tol": 1e-8, "product_tol": 1e-3, **options}
        self.response = me.Response(me.Cell(np.zeros(shape, int), plane=plane), phases, strains, [(0, "density")], **options)
        self.objective, self.offset, self.products, self.steps = objective, offset, 0, 0
        reach = np.arange(-int(radius), int(radius) + 1)
        cone = np.maximum(0.0, radius - np.hypot(*np.meshgrid(reach, reach)))
        self.kernel = cone / cone.sum()

    def filtered(self, x: Array) -> Array:
        """Periodic weighted mean over neighbours; it is symmetric, so that it is its own transpose in the chain rule."""
        return convolve(x, self.kernel, mode="wrap")

    def densities(self, x: Array) -> list[Array]:
        """What the material is given."""
        return [self.filtered(x) + self.offset]

    def value(self, x: Array) -> float:
        return float(self.objective(*self.response(self.densities(x))))

    def slope(self, x: Array) -> Array:
        (slope,) = self.response.value_and_gradient(self.objective, self.densities(x))[1]
        return x.size * self.filtered(slope)

    def product(self, x: Array, v: Array) -> Array:
        self.products += 1
        (along,) = self.response.hvp(self.objective, self.densities(x), [self.filtered(v)])
        return x.size * self.filtered(along)

    @property
    def work(self) -> int:
        """Iterations of conjugate gradients so far, each of them one stiffness and two Fourier transforms."""
        return self.response.iterations


# ---------------------------------------------------------------------------------------------------------------------
# Problems


def shear(n: int) -> Design:
    """Largest shear modulus C1212 = 2 W under unit shear."""
    return Design(SHEET, (n, n), UNIT[2:], lambda energy, stress: -2 * energy[0], exponent=5.0, offset=0.01)


def bulk(n: int) -> Design:
    """Largest plane bulk modulus (C1111 + 2 C1122 + C2222) / 4."""
    return Design(SHEET, (n, n), [np.eye(2) / 2], lambda energy, stress: -2 * energy[0])


def mismatch(energy: Array, stress: Array) -> Any:
    """Distance of the stiffness from the target; C1122 by the energy under both normal strains at once."""
    C11, C22, C12 = 2 * energy[0], 2 * energy[1], energy[2] - energy[0] - energy[1]
    a, b = TARGET["C11"], TARGET["C12"]
    return ((C11 - a) ** 2 + (C22 - a) ** 2 + 2 * (C12 - b) ** 2) / (2 * a * a + 2 * b * b)


def auxetic(n: int) -> Design:
    """A stiffness with a negative Poisson's ratio."""
    return Design(SHEET, (n, n), [UNIT[0], UNIT[1], np.eye(2)], mismatch)


STRETCHES = np.array([1.1, 1.2, 1.3])
CURVE = np.array([0.03, 0.06, 0.09])
"""Nominal stresses wanted at these stretches: a straight line, while the curve of the rubber itself becomes flatter."""


def spring(n: int) -> Design:
    """A rubber with voids, in plane strain, whose stress under stretch along the first axis follows a curve."""

    def objective(energy: Array, stress: Array) -> Any:
        return ((stress[:, 0, 0] / CURVE - 1) ** 2).mean()

    strains = [np.diag([s, 1.0]) for s in STRETCHES]
    return Design(RUBBER, (n, n), strains, objective, smallest=1e-2, radius=2.0)


def disk(n: int, outside: float, inside: float, radius: float) -> Array:
    """A disk of another density, which tells an optimiser where to begin."""
    r = np.hypot(*np.meshgrid(*[np.arange(n) - (n - 1) / 2] * 2, indexing="ij"))
    return np.where(r < radius * n, inside, outside)


def seed(n: int, mean: float, inside: float, radius: float) -> Array:
    """A disk of another density and a little noise, lest symmetry keep the optimiser at a saddle point; the mean is made right."""
    noise = 0.02 * np.random.default_rng(0).standard_normal((n, n))
    return project(disk(n, mean, inside, radius) + noise, mean)


# ---------------------------------------------------------------------------------------------------------------------
# What is known


def stiffness(design: Design, x: Array) -> Array:
    """Homogenised stiffness C_ijkl from the stresses under unit strains."""
    law = design.response.parameters.problem.phases[0].with_parameters(density=design.densities(x)[0])
    stress = me.solve(me.Cell(np.zeros(x.shape, int), plane="two-dimensional"), {0: law}, me.strain_path(UNIT), tol=1e-9).stress
    C = np.empty((2, 2, 2, 2))
    C[..., 0, 0], C[..., 1, 1] = stress[:2]
    C[..., 0, 1] = C[..., 1, 0] = stress[2]
    return C


def moduli(C: Array) -> dict[str, float]:
    """Plane bulk modulus, shear modulus G along the axes and G' at 45°, Poisson's ratio, anisotropy |G - G'| / (G + G')."""
    bulk, diagonal = np.einsum("iijj", C) / 4, (C[0, 0, 0, 0] + C[1, 1, 1, 1] - 2 * C[0, 0, 1, 1]) / 4
    axial = C[0, 1, 0, 1]
    poisson = 2 * C[0, 0, 1, 1] / (C[0, 0, 0, 0] + C[1, 1, 1, 1])
    return {
        "bulk": bulk,
        "shear": axial,
        "shear 45": diagonal,
        "poisson": poisson,
        "anisotropy": abs(axial - diagonal) / (axial + diagonal),
    }


def hashin_shtrikman(fraction: float) -> tuple[float, float]:
    """Largest plane bulk and shear modulus of an isotropic sheet with holes."""
    k, m = SHEET.lmbda + SHEET.mu, SHEET.mu
    holes = 1 - fraction
    return k + holes / (fraction / (k + m) - 1 / k), m + holes / (fraction * (k + 2 * m) / (2 * m * (k + m)) - 1 / m)


# ---------------------------------------------------------------------------------------------------------------------
# Runs


class Run:
    """First-order steps from a start, and from where they end both projected gradients and Newton's method."""

    def __init__(self, design: Design, start: Array, mean: float, first: Any, steps: Sequence[int], tol: float = 1e-6) -> None:
        self.design, self.mean = design, mean
        x, self.first = first(design, start, mean, steps[0])
        spent = design.work
        _, self.gradient = projected_gradient(design, x, mean, steps[1], tol=tol)
        between = design.work - spent
        self.x, newton = newton_cg(design, x, mean, steps[2], tol=tol)
        self.newton = [Record(r.value, r.departure, r.work - between, r.products) for r in newton]

    def report(self, name: str) -> str:
        """Steps, value, departure from stationarity, products and iterations of conjugate gradients of the three phases."""
        rows = []
        for phase, records in (("first", self.first), ("gradient", self.gradient), ("newton", self.newton)):
            work = records[-1].work - (records[0].work if phase != "first" else 0)
            end = records[-1]
            rows.append(
                f"{name:8s} {phase:9s} {len(records) - 1:5d} {end.value:14.7e} {end.departure:9.1e} {end.products:6d} {work:8d}"
            )
        return "\n".join(rows)


def runs(quick: bool) -> dict[str, Run]:
    """The four problems."""
    pick = lambda few, many: few if quick else many
    n = pick((27, 13, 9, 5), (99, 63, 33, 31))
    return {
        "shear": Run(shear(n[0]), disk(n[0], 0.3, 0.15, 1 / 3), 0.3, optimality_criteria, pick((15, 4, 3), (50, 60, 60))),
        "bulk": Run(bulk(n[1]), seed(n[1], 0.4, 0.02, 0.4), 0.4, optimality_criteria, pick((12, 6, 4), (60, 60, 60))),
        "auxetic": Run(auxetic(n[2]), seed(n[2], 0.4, 0.05, 0.25), 0.4, projected_gradient, pick((5, 2, 1), (45, 60, 30))),
        "spring": Run(spring(n[3]), seed(n[3], 0.5, 0.1, 0.25), 0.5, projected_gradient, pick((2, 2, 1), (10, 50, 20)), tol=1e-4),
    }


def draw(out: Path, found: dict[str, Run]) -> None:
    """Densities of 2 x 2 cells; moduli over bounds, both methods over their work, the curve of the rubber."""
    drawing, panels = canvas(4, "Periodic cells of a given mass, optimised", rows=2, height=5.4)
    titles = {
        "shear": "shear modulus",
        "bulk": "bulk modulus",
        "auxetic": "Poisson's ratio $-0.6$",
        "spring": "straight stress-stretch curve",
    }
    for axes, (name, run) in zip(panels, found.items()):
        axes.imshow(np.tile(run.design.filtered(run.x), (2, 2)).T, cmap="Greys", vmin=0, vmax=1, origin="lower")
        label(axes, titles[name], xticks=[], yticks=[])
        axes.grid(False)
    bounds = {"shear": hashin_shtrikman(0.3)[1], "bulk": hashin_shtrikman(0.4)[0]}
    colours = dict(zip(found, (BLUE, ORANGE, GREEN, PURPLE)))
    over, moving, missing, last = panels[4:]
    for name, bound in bounds.items():
        run = found[name]
        done = len(run.first) - 1
        over.plot([-r.value / bound for r in run.first], color=GREY)
        over.plot(done + np.arange(len(run.newton)), [-r.value / bound for r in run.newton], color=colours[name], label=name)
    over.axhline(1.0, color=RED, linewidth=1, linestyle="--")
    label(over, "modulus / Hashin-Shtrikman bound", xlabel="steps (grey: optimality criteria)")
    legend(over, loc="lower right")
    for name, run in found.items():
        axes = moving if name in bounds else missing
        for records, style in ((run.newton, "-"), (run.gradient, ":")):
            work = [1e-3 * (r.work - records[0].work) for r in records]
            axes.semilogy(work, [r.departure if name in bounds else r.value for r in records], style, color=colours[name])
        axes.plot([], [], color=colours[name], label=f"{name}, Newton-CG")
        axes.plot([], [], ":", color=colours[name], label="projected gradient")
    label(moving, "departure from stationarity", xlabel="CG iterations / 1000")
    label(missing, "distance from the target", xlabel="CG iterations / 1000")
    for axes in (moving, missing):
        legend(axes, fontsize=7, loc="lower left")
    moving.set_ylim(1e-14, 1e-1)
    missing.set_ylim(1e-24, 1.0)
    run = found["spring"]
    for x, colour, name in ((np.full(run.x.shape, run.mean), GREY, "uniform"), (run.x, BLUE, "optimised")):
        last.plot([1, *STRETCHES], [0, *curve(run.design, x)], color=colour, marker="o", markersize=4, label=name)
    last.plot(STRETCHES, CURVE, "x", color=ORANGE, label="wanted")
    label(last, "nominal stress", xlabel="stretch")
    legend(last)
    save(drawing, out)


def curve(design: Design, x: Array) -> Array:
    """Nominal stress at the stretches."""
    return design.response(design.densities(x))[1][:, 0, 0]


def main(argv: Sequence[str] | None = None) -> None:
    """Optimise, print, draw."""
    options = command_line(__doc__, "topology_optimisation", argv)
    found = runs(options.quick)
    print("problem  phase     steps          value departure products CG iterations")
    print("\n".join(run.report(name) for name, run in found.items()))
    print("\nbulk modulus, shear modulus along the axes and at 45 degrees, Poisson's ratio, anisotropy")
    for name in ("shear", "bulk", "auxetic"):
        print(f"{name:8s} " + " ".join(f"{v:9.6f}" for v in moduli(stiffness(found[name].design, found[name].x)).values()))
    print(
        "Hashin-Shtrikman bounds of the moduli of isotropic cells: "
        + ", ".join(f"{k:.7f} and {m:.7f} at {f}" for f in (0.3, 0.4) for k, m in [hashin_shtrikman(f)])
    )
    rubber = found["spring"]
    print("\nstretch, nominal stress wanted and found")
    for row in zip(STRETCHES, CURVE, curve(rubber.design, rubber.x)):
        print("{:4.2f} {:9.6f} {:9.6f}".format(*row))
    draw(options.out, found)


if __name__ == "__main__":
    main()
