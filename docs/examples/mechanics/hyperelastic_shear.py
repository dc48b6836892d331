"""A rubber with stiff fibres in simple shear up to 50 %, and its Taylor expansion half-way there.

The matrix is a Gent material, which stiffens as its chains are drawn out, the fibres are neo-Hookean. Ten load steps, Newton's
method on the exact tangent. At 25 % the effective energy is expanded: a few linear solves with the tangent that is there predict
the rest of the path. The derivative of the homogenised tangent, a tensor of order six, comes from the solves of the tangent itself.

    python docs/examples/mechanics/hyperelastic_shear.py [--quick] [--out figure.png]
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from presentation import BLUE, GREEN, GREY, ORANGE, canvas, command_line, label, legend, save

from hoad import mechanics as me

Array = np.ndarray

PHASES = {0: me.Gent(mu=1.0, Jm=2.0, lmbda=4.0), 1: me.NeoHooke(mu=20.0, lmbda=40.0)}
SHEAR = np.array([[0.0, 1.0], [0.0, 0.0]])
ORDERS = {1: "order 1: tangent", 2: "order 2: its derivative", 4: "order 4: two solves"}
"""Highest power of the distance in the predicted stress, and where it comes from."""


def fibres(n: int) -> Array:
    """Two fibres of different size in a square cell, 28 % of it, seen along their axis."""
    x, y = np.meshgrid(*[(np.arange(n) + 0.5) / n] * 2, indexing="ij")
    image = np.zeros((n, n), int)
    for a, b, radius in ((0.28, 0.35, 0.24), (0.76, 0.72, 0.18)):
        image[((x - a + 0.5) % 1 - 0.5) ** 2 + ((y - b + 0.5) % 1 - 0.5) ** 2 < radius**2] = 1
    return image


def sheared(amounts: Sequence[float]) -> me.LoadPath:
    """Load path through these amounts of simple shear along the first axis."""
    return me.strain_path([np.eye(2) + g * SHEAR for g in amounts], times=amounts)


@dataclass(frozen=True)
class Expansion:
    """The effective response about a state: energy over the amount of shear, tangent and its derivative."""

    shear: float
    coefficients: Array
    tangent: Array
    derivative: Array

    def stress(self, shear: Array, order: int) -> Array:
        """Shear stress at other amounts of shear: derivative of the energy's polynomial of one order more."""
        slope = np.polynomial.Polynomial(self.coefficients[: order + 2]).deriv()
        return slope(np.asarray(shear) - self.shear)

    def along(self, angles: Array) -> tuple[Array, Array]:
        """Second and third derivative of the energy by simple shears along directions at these angles to the first axis."""
        s = np.stack([np.cos(angles), np.sin(angles)], -1)
        n = np.stack([-np.sin(angles), np.cos(angles)], -1)
        d = np.einsum("ai,aj->aij", s, n)
        second = np.einsum("ijkl,aij,akl->a", self.tangent, d, d)
        return second, np.einsum("ijklmn,aij,akl,amn->a", self.derivative, d, d, d)


def expand(solution: me.Solution) -> Expansion:
    """The expansion about the end of a path."""
    return Expansion(
        shear=float(solution.strain[-1, 0, 1]),
        coefficients=solution.taylor(SHEAR, order=5),
        tangent=solution.tangent(),
        derivative=solution.tangent_derivative(),
    )


def shear_to_half(cell: me.Cell, phases: Mapping[int, Any], steps: int) -> tuple[list[Expansion], me.Solution]:
    """Path to 50 % in an even number of steps, with expansions at rest and half-way."""
    amounts = 0.5 * np.arange(1, steps + 1) / steps
    start = me.solve(cell, phases, me.strain_path([np.eye(2)]))
    half = me.solve(cell, phases, sheared(amounts[: steps // 2]), tol=1e-10)
    whole = me.solve(cell, phases, sheared(amounts), start=half, tol=1e-10)
    return [expand(start), expand(half)], whole


def prediction_errors(cell: me.Cell, phases: Mapping[int, Any], about: Expansion, steps: Sequence[float]) -> dict[int, list[float]]:
    """Errors of the predicted shear stress at some distances from a state, by full solves."""
    found = [me.solve(cell, phases, sheared([about.shear + h]), tol=1e-11).stress[-1, 0, 1] for h in steps]
    return {order: [abs(about.stress(about.shear + h, order) - s) for h, s in zip(steps, found)] for order in ORDERS}


def draw(out: Path, whole: me.Solution, expansions: list[Expansion], steps: Sequence[float], errors: dict[int, Any]) -> None:
    """Path with predictions, field on the deformed cell, iterations; errors, second and third derivatives."""
    title = "Fibres in a Gent matrix under simple shear, and the expansion at 25 %"
    drawing, (path, field, work, error, second, third) = canvas(3, title, rows=2, height=6.6)
    half = expansions[1]
    shear = whole.strain[:, 0, 1]
    path.plot(shear, whole.stress[:, 0, 1], "o", color=GREY, markersize=4, label="solved")
    ahead = np.linspace(half.shear, 0.5, 50)
    colours = dict(zip(ORDERS, (ORANGE, GREEN, BLUE)))
    for order, name in ORDERS.items():
        path.plot(ahead, half.stress(ahead, order), color=colours[order], label=name)
        error.loglog(steps, errors[order], color=colours[order], marker="o", markersize=4, label=f"order {order}")
    label(path, "shear stress $\\bar P_{12}$", xlabel="amount of shear")
    legend(path)
    label(error, "error of predicted $\\bar P_{12}$", xlabel="distance from 25 %")
    legend(error)
    limit = np.percentile(whole.stress_field[0, 1], 98)
    whole.plot("stress_12", deformed=True, ax=field, vmin=0.0, vmax=limit)
    label(field, "$P_{12}$ at 50 %", xlabel="", ylabel="")
    field.grid(False)
    for k, (name, counts, colour) in enumerate(
        (("Newton steps", [s.newton for s in whole.steps], ORANGE), ("CG iterations / 10", whole.iterations / 10, BLUE))
    ):
        work.bar(shear + (k - 0.5) * 0.018, counts, width=0.018, color=colour, label=name)
    label(work, "iterations of each step", xlabel="amount of shear")
    work.set_ylim(0, 1.35 * work.get_ylim()[1])
    legend(work, ncols=2, loc="upper left", columnspacing=1.0)
    angles = np.linspace(0, np.pi, 181)
    for expansion, colour, name in zip(expansions, (GREY, BLUE), ("at rest", "at 25 %")):
        for axes, values in zip((second, third), expansion.along(angles)):
            axes.plot(np.degrees(angles), values, color=colour, label=name)
    label(second, "second derivative of $\\bar W$ by shear", xlabel="direction of shear, degrees", xticks=[0, 45, 90, 135, 180])
    label(third, "third derivative", xlabel="direction of shear, degrees", xticks=[0, 45, 90, 135, 180])
    legend(second)
    legend(third)
    save(drawing, out)


def main(argv: Sequence[str] | None = None) -> None:
    """Solve, expand, predict, print, draw."""
    options = command_line(__doc__, "hyperelastic_shear", argv)
    cell = me.Cell(fibres(31 if options.quick else 99))
    expansions, whole = shear_to_half(cell, PHASES, 10)
    half = expansions[1]
    print(f"{cell}\n\nshear, stress, its prediction from 25 % of order 1, 2 and 4, Newton steps, CG iterations")
    for step in whole.steps:
        g = step.strain[0, 1]
        predicted = " ".join(f"{half.stress(g, order):10.6f}" for order in ORDERS)
        print(f"{g:5.2f} {step.stress[0, 1]:10.6f} {predicted} {step.newton:4d} {sum(step.iterations):5d}")
    print(f"\nNewton's residuals in the last step: {' '.join(f'{r:.1e}' for r in whole.steps[-1].residuals)}")
    distances = [0.02, 0.04, 0.08, 0.16] if options.quick else [0.01, 0.02, 0.04, 0.08, 0.16]
    errors = prediction_errors(cell, PHASES, half, distances)
    print("\ndistance from 25 %, error of the prediction of order 1, 2 and 4")
    for k, h in enumerate(distances):
        print(f"{h:5.2f} " + " ".join(f"{errors[order][k]:10.2e}" for order in ORDERS))
    second, third = half.along(np.zeros(1))
    print(f"\nderivatives of the energy by the shear, from the tensors: {second[0]:.10f} {third[0]:.8f}")
    second, third = 2 * half.coefficients[2], 6 * half.coefficients[3]
    print(f"from the expansion: {second:.10f} {third:.8f}")
    draw(options.out, whole, expansions, distances, errors)


if __name__ == "__main__":
    main()
