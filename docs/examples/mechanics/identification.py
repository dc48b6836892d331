"""What a loading curve of a composite tells about the metal in it: Newton's method on the parameters of a plastic history.

A fibre composite is sheared forth and back, and its stress measured with noise. Yield stress, hardening and rate of saturation of
the metal are found from that curve alone: the misfit is a functional of the response, whose gradient and Hessian by the parameters
go exactly through all load steps. The Hessian at the minimum is also the precision of what was found. For another question, which
parts of the metal make the permanent set, one adjoint sweep has the answer for every voxel.

Source: Michaleris, Tortorelli & Vidal, Int. J. Numer. Methods Eng. 37 (1994) 2471-2499 (adjoint of a path-dependent problem).

    python docs/examples/mechanics/identification.py [--quick] [--out figure.png]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from presentation import BLUE, GREY, ORANGE, RED, canvas, command_line, label, legend, save

from hoad import mechanics as me

Array = np.ndarray

NAMES = ("sigma_y", "sigma_inf", "delta")
TRUTH = np.array([0.10, 0.18, 150.0])
START = np.array([0.15, 0.25, 80.0])
NOISE = 0.001
UNIT = np.array([[0.0, 1.0], [1.0, 0.0]])


def phases(values: Sequence[float]) -> dict[int, me.Material]:
    """Metal with saturating hardening, and ceramic fibres; GPa."""
    metal = me.J2Plasticity(K=70.0, mu=26.0, hardening="saturation", **dict(zip(NAMES, map(float, values))))
    return {0: metal, 1: me.LinearElastic(mu=190.0, lmbda=93.0)}


def fibre(n: int) -> Array:
    """A quarter of the cell is fibre."""
    x = (np.arange(n) + 0.5) / n - 0.5
    return (x[:, None] ** 2 + x**2 < 0.25 / np.pi).astype(int)


def there_and_back(steps: int) -> Array:
    """Shear strains up to 0.8 % and back to -0.4 %."""
    return 0.008 * np.concatenate([np.arange(1, steps + 1), np.arange(steps - 1, -steps // 2 - 1, -1)]) / steps


@dataclass
class Fit:
    """Path of Newton's method in the logarithms of the parameters, and the Hessian at its end."""

    values: list[Array]
    misfits: list[float]
    gradients: list[float]
    hessian: Array

    @property
    def deviations(self) -> Array:
        """Relative standard deviations of the parameters that were found."""
        return np.sqrt(np.diag(np.linalg.inv(self.hessian)))


def identify(response: me.Response, measured: Array, start: Array, most: int = 20) -> Fit:
    """Least squares by Newton's method with the exact Hessian, made positive and shortened where the misfit would grow."""

    def misfit(energy: Array, stress: Array) -> float:
        return 0.5 * (((stress[:, 0, 1] - measured) / NOISE) ** 2).sum()

    x, path = np.log(start), Fit([], [], [], np.eye(len(start)))
    value, slopes = response.value_and_gradient(misfit, list(np.exp(x)))
    while True:
        p = np.exp(x)
        slope = p * np.array([float(s) for s in slopes])
        rows = [response.hvp(misfit, list(p), list(p * unit)) for unit in np.eye(len(p))]
        path.hessian = p * np.array(rows, float) + np.diag(slope)  # by the logarithms
        path.values.append(p)
        path.misfits.append(value)
        path.gradients.append(float(np.abs(slope).max()))
        if path.gradients[-1] < 1e-6 * path.gradients[0] or len(path.values) == most:
            return path
        size, axes = np.linalg.eigh(0.5 * (path.hessian + path.hessian.T))
        step = -axes @ ((axes.T @ slope) / np.maximum(np.abs(size), 1e-3 * np.abs(size).max()))
        step *= min(1.0, 0.5 / np.abs(step).max())
        while True:
            new, slopes = response.value_and_gradient(misfit, list(np.exp(x + step)))
            if new < value:
                break
            step *= 0.5
        x, value = x + step, new


def permanent_set(n: int, steps: int) -> tuple[me.Solution, Array]:
    """Shear strain that remains after loading and unloading, and its derivative by the yield stress at every voxel."""
    metal = phases(TRUTH)[0].with_parameters(sigma_y=np.full((n, n), TRUTH[0]))
    free, loaded = np.full((2, 2), np.nan), [np.where(UNIT > 0, g, np.nan) for g in 0.008 * np.arange(1, steps + 1) / steps]
    sol = me.solve(me.Cell(fibre(n)), {**phases(TRUTH), 0: metal}, me.mixed_path([*loaded, free]), keep_path=True)
    return sol, sol.sensitivity((0, "sigma_y"), of=lambda energy, stress, strain: strain[0, 1])


def draw(out: Path, strains: Array, curves: dict[str, Array], fit: Fit, slope: Array) -> None:
    """Curves, convergence, and the map of the permanent set."""
    drawing, (loop, steps, where) = canvas(3, "A metal found from the curve of its composite")
    for (name, stress), style in zip(curves.items(), (dict(color=GREY), dict(color=ORANGE), dict(color=BLUE))):
        line = dict(linestyle="", marker="o", markersize=3) if name == "measured" else dict(linewidth=1.3)
        loop.plot(100 * strains, 1000 * stress, label=name, **style, **line)
    label(loop, "shear stress, MPa", xlabel="shear strain, %")
    legend(loop)
    steps.semilogy(fit.gradients, color=BLUE, marker="o", markersize=4, label="gradient")
    steps.semilogy(fit.misfits, color=RED, marker="o", markersize=4, label="misfit")
    label(steps, "Newton's method", xlabel="iteration")
    legend(steps)
    shown = where.imshow(-slope.T * slope.size, origin="lower", cmap="magma")
    drawing.colorbar(shown, ax=where)
    where.grid(False)
    label(where, "minus permanent set by yield stress, 1/GPa", xticks=[], yticks=[])
    save(drawing, out)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, identify, print, draw."""
    options = command_line(__doc__, "identification", argv)
    n, steps, fine, most = (4, 2, 8, 3) if options.quick else (12, 10, 96, 20)
    strains = there_and_back(steps)
    response = me.Response(me.Cell(fibre(n)), phases(START), np.multiply.outer(strains, UNIT), [(0, name) for name in NAMES])
    _, exact = response(list(TRUTH))
    measured = exact[:, 0, 1] + NOISE * np.random.default_rng(0).standard_normal(len(strains))
    first = response(list(START))[1][:, 0, 1]
    fit = identify(response, measured, START, most)
    found = response(list(fit.values[-1]))[1][:, 0, 1]
    print("iteration, misfit, gradient, " + ", ".join(NAMES))
    for k, (p, value, slope) in enumerate(zip(fit.values, fit.misfits, fit.gradients)):
        print(f"{k:3d} {value:12.5e} {slope:10.2e} " + " ".join(f"{v:12.7f}" for v in p))
    print("\nparameter: truth, found, standard deviation, distance in deviations")
    for name, true, value, deviation in zip(NAMES, TRUTH, fit.values[-1], fit.deviations * fit.values[-1]):
        print(f"{name}: {true:8.3f} {value:9.4f} {deviation:8.4f} {(value - true) / deviation:6.2f}")
    sol, slope = permanent_set(fine, steps)
    difference = 1e-3
    sides = [
        me.solve(sol.problem.cell, phases(TRUTH * [1 + s * difference, 1, 1]), load_of(sol), tol=1e-11).strain[-1, 0, 1]
        for s in (1, -1)
    ]
    by_difference = (sides[0] - sides[1]) / (2 * difference * TRUTH[0])
    print(f"\npermanent set {100 * sol.strain[-1, 0, 1]:.5f} %, its derivative by the yield stress: {slope.sum():.10f} 1/GPa,")
    print(f"by differences {by_difference:.10f}\n")
    draw(options.out, strains, {"measured": measured, "first guess": first, "found": found}, fit, slope)


def load_of(solution: me.Solution) -> me.LoadPath:
    """The load of the permanent set again."""
    loaded = [np.where(UNIT > 0, e[0, 1], np.nan) for e in solution.strain[:-1]]
    return me.mixed_path([*loaded, np.full((2, 2), np.nan)])


if __name__ == "__main__":
    main()
