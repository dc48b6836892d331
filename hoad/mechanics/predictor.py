"""Taylor predictor of a load step: the path of equilibria is expanded in the load, with one tangent for all orders.

Along F̄ + t ΔF̄ and a stress target that grows linearly with t, the equilibrium strain is e(t) = e0 + t a1 + t² a2 + ...; a1 is the
tangent predictor. Each further coefficient follows from a linear solve with the same tangent, whose right-hand side is coefficient
k of the stress along the path truncated before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hoad.mechanics.equilibrium import Formulation
from hoad.mechanics.krylov import conjugate_gradients
from hoad.mechanics.materials.base import Material, State
from hoad.mechanics.problem import Problem
from hoad.transforms.first import grad
from hoad.transforms.higher import jet

__all__ = ["PREDICTORS", "higher_coefficients", "stress_coefficient"]

Array = Any

PREDICTORS = {"tangent": 1, "taylor": 3}
"""Order of the expansion of the path in the load, by name."""


def stress_coefficient(
    problem: Problem, e: Array, states: list[State | None], dt: float, path: Sequence[Array], order: int
) -> Array:
    """Coefficient ``order`` of the stress field along e + t path[0] + t² path[1] + ...; missing coefficients are 0."""
    m = len(e)
    flat, series = e.reshape((m, -1)), [a.reshape((m, -1)) for a in path]
    out = np.empty_like(flat)

    def work(where: Any, material: Material, state: State | None, _: int, __: slice) -> None:
        w = problem.constitutive.density(material, state, dt)
        x = flat[:, where]
        steps = [a[:, where] for a in series] + [np.zeros_like(x)] * (order - len(series))
        with np.errstate(all="ignore"):
            _, found = jet(grad(lambda y: w(y).sum()), (x,), (steps,))
        out[:, where] = found[order - 1]

    problem.constitutive.each(work, states)
    return out.reshape(e.shape)


def higher_coefficients(
    linear: Formulation,
    problem: Problem,
    e: Array,
    states: list[State | None],
    dt: float,
    first: tuple[Array, Array],
    order: int,
    eta: float,
    max_cg: int,
) -> tuple[list[tuple[Array, Array]], list[int]]:
    """Coefficients 2 ... ``order`` of the path as pairs of a strain field and free macroscopic components, and iterations.

    They end early where one is not finite or not smaller than the one before: the step is then beyond the radius of the series.

    Parameters
    ----------
    linear : Formulation
        Linear equations at ``e``, with the tangent and the free components of the load.
    first : tuple
        Coefficient 1: strain field with its macroscopic part, and free components.
    eta : float
        Relative tolerance of the linear solves.
    """
    operators = problem.operators
    path, pairs, counts = [first[0]], [first], []
    for k in range(2, order + 1):
        right = stress_coefficient(problem, e, states, dt, path, k)
        if not np.all(np.isfinite(right)):
            break
        b = linear.rhs(right, np.zeros(linear.free.shape[1]))
        size = np.sqrt(max(linear.dot(b, linear.precondition(b)), 0.0))
        if not size > 0.0:
            break
        solved = conjugate_gradients(linear, b, atol=eta * size, maxiter=max_cg)
        counts.append(solved.iterations)
        if not solved.converged:
            break
        a = np.array(linear.strain(solved.x))
        if not operators.mean_dot(a, a) < operators.mean_dot(path[-1], path[-1]):
            break
        path.append(a)
        pairs.append((a, solved.x[1]))
    return pairs[1:], counts
