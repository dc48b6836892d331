"""Forward gradient descent: a step along gradients that forward passes estimate; no tape is kept.

Source: Baydin, Pearlmutter, Syme, Wood & Torr (2022), Gradients without backpropagation, algorithm 1.
"""

from __future__ import annotations

from typing import Any

from hoad.errors import OptimizeError
from hoad.optimize.descent import value_report
from hoad.optimize.directions import Distribution
from hoad.optimize.estimators import COMBINE, combined
from hoad.optimize.method import Method, Report, State, Transform, optimiser, start_rng
from hoad.optimize.objective import Problem
from hoad.optimize.random_directions import check_distribution, confirmations, dimension_schedule, next_directions, slope_norm
from hoad.optimize.schedules import Schedule
from hoad.optimize.sgd import sgd

__all__ = ["fgd"]


@optimiser("fgd")
def fgd(
    lr: float | Schedule = 1e-3,
    *,
    k: int | Schedule = 1,
    distribution: Distribution = "normal",
    combine: str = "mean",
    transform: Transform | None = None,
    batch: int | None = None,
    replay: Any = None,
    seed: Any = None,
) -> Method:
    """Forward gradient descent: -lr (1/K) Σ (g·vᵢ) vᵢ with fresh random directions at each step.

    Parameters
    ----------
    lr : float or schedule
        Step size.
    k : int or schedule
        Directions for each step.
    distribution : str or callable
        As for :func:`forward_gradient`.
    combine : {"mean", "project"}
        As for :func:`forward_gradient`.
    transform : Transform, optional
        What to do with the estimate, for example ``adam(1e-3)``; by default ``sgd(lr)``.
    batch : int, optional
        Directions that are pushed forward together, to bound memory.
    replay : array, shape (steps, K, N), optional
        Directions to use in place of random ones.
    seed : int or numpy.random.Generator, optional
        Source of the directions.

    Returns
    -------
    Method
        ``init(params)``, ``update(f, params, state)``.

    Raises
    ------
    OptimizeError
        If a name is unknown.

    Notes
    -----
    With independent entries the step is stable for lr < 2 / ((N + 2) λ_max) or so: N times smaller steps than with the gradient.

    Examples
    --------
    >>> import numpy as np, hoad.optimize as ho
    >>> method = ho.fgd(0.1, k=2, distribution="orthonormal", seed=0)
    >>> x = np.array([1.0, 2.0])
    >>> step, state = method.update(lambda x: np.sum(x**2), x, method.init(x))
    >>> step.round(12)
    array([-0.2, -0.4])
    """
    check_distribution(distribution)
    if combine not in COMBINE:
        raise OptimizeError.unknown("combine", combine, COMBINE)
    first_order = sgd(lr) if transform is None else transform
    directions = dimension_schedule(k)

    def init(params: Any) -> State:
        return State(memory=first_order.init(params), rng=start_rng(seed))

    def update(f: Any, params: Any, state: State) -> tuple[Any, State]:
        problem = Problem(f, params)
        count = directions(state.count)
        V, rng = next_directions(state, count, problem.size, problem.x.dtype, distribution, replay)
        value, F = problem.slopes(problem.x, V, batch)
        updates, memory = first_order.update(problem.unpack(combined(V, F, combine)), state.memory, params)
        report = Report(value, None, slope_norm(V, F), {"k": float(len(V))}, confirm=confirmations(V))
        return updates, State(state.count + 1, memory, rng, report)

    return Method(init, update, value_report)
