"""FoMoH: a line search by exact curvature along random directions, forward passes only.

Source: Cobb, Baydin, Pearlmutter & Jha (2024), Second-order forward-mode automatic differentiation for optimization, section 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.optimize.descent import gradient_report, value_report
from hoad.optimize.directions import Distribution
from hoad.optimize.method import Method, Report, State, Transform, optimiser, start_rng
from hoad.optimize.objective import Problem
from hoad.optimize.random_directions import check_distribution, confirmations, dimension_schedule, next_directions, slope_norm
from hoad.optimize.schedules import Schedule
from hoad.optimize.sgd import sgd

__all__ = ["fomoh", "fomoh_bp"]


@optimiser("fomoh")
def fomoh(
    lr: float | Schedule = 1.0,
    *,
    k: int | Schedule = 1,
    eps: float = 1e-5,
    clip: float = 0.0,
    distribution: Distribution = "normal",
    transform: Transform | None = None,
    replay: Any = None,
    seed: Any = None,
) -> Method:
    """The mean over K directions of ``-lr (g·v) / (|vᵀ H v| + eps) v``.

    Parameters
    ----------
    lr : float or schedule
        Fraction of the exact line-search step.
    k : int or schedule
        Directions for each step.
    eps : float
        Added to the curvature.
    clip : float
        Bound on each entry of the step before ``lr``; 0 for none.
    distribution : str or callable
        As for :func:`forward_gradient`.
    transform : Transform, optional
        Takes the negative step as its gradient, for momentum or weight decay; by default ``sgd(lr)``.
    replay : array, shape (steps, K, N), optional
        Directions to use in place of random ones.
    seed : int or numpy.random.Generator, optional
        Source of the directions.

    Returns
    -------
    Method
        ``init(params)``, ``update(f, params, state)``.

    Notes
    -----
    The absolute value makes the step go downhill under negative curvature too.  One pass carries three coefficients for each
    direction.

    Examples
    --------
    >>> import numpy as np, hoad.optimize as ho
    >>> method = ho.fomoh(distribution="coordinate", eps=0.0, seed=0)
    >>> step, state = method.update(lambda x: (x[0] - 3.0) ** 2, np.array([0.0]), method.init(np.array([0.0])))
    >>> step
    array([3.])
    """
    check_distribution(distribution)
    first_order = sgd(lr) if transform is None else transform
    directions = dimension_schedule(k)

    def init(params: Any) -> State:
        return State(memory=first_order.init(params), rng=start_rng(seed))

    def update(f: Any, params: Any, state: State) -> tuple[Any, State]:
        problem = Problem(f, params)
        count = directions(state.count)
        V, rng = next_directions(state, count, problem.size, problem.x.dtype, distribution, replay)
        value, F, curvature = problem.curves(problem.x, V)
        with np.errstate(divide="ignore", invalid="ignore"):
            descent = (F / (np.abs(curvature) + eps)) @ V / len(V)
        if clip:
            descent = np.clip(descent, -clip, clip)
        updates, memory = first_order.update(problem.unpack(descent), state.memory, params)
        details = {"k": float(len(V)), "min_curvature": float(np.min(curvature / np.sum(V**2, axis=1)))}
        report = Report(value, None, slope_norm(V, F), details, confirm=confirmations(V))
        return updates, State(state.count + 1, memory, rng, report)

    return Method(init, update, value_report)


@optimiser("fomoh-bp")
def fomoh_bp(lr: float | Schedule = 1.0, *, eps: float = 0.0, clip: float = 0.0, transform: Transform | None = None) -> Method:
    """``-lr (g·g) / (|gᵀ H g| + eps) g``: the gradient by one backward pass, its step length by exact curvature.

    Parameters
    ----------
    lr : float or schedule
        Fraction of the exact line-search step.
    eps : float
        Added to the curvature.
    clip : float
        Bound on each entry of the step before ``lr``; 0 for none.
    transform : Transform, optional
        Takes the negative step as its gradient; by default ``sgd(lr)``.

    Returns
    -------
    Method
        ``init(params)``, ``update(f, params, state)``.

    Notes
    -----
    Cauchy's steepest descent with the curvature of the quadratic model.  The published code trains with eps = 1e-5, which stalls
    where ``|g|²`` has become smaller than that.

    Examples
    --------
    >>> import numpy as np, hoad.optimize as ho
    >>> method = ho.fomoh_bp(eps=0.0)
    >>> x = np.array([1.0, 1.0])
    >>> method.update(lambda x: np.sum(x**2), x, method.init(x))[0]
    array([-1., -1.])
    """
    first_order = sgd(lr) if transform is None else transform

    def init(params: Any) -> State:
        return State(memory=first_order.init(params))

    def update(f: Any, params: Any, state: State) -> tuple[Any, State]:
        problem = Problem(f, params)
        value, g = problem.value_and_grad(problem.x)
        size = float(np.max(np.abs(g), initial=0.0))
        details = {"k": 1.0}
        descent = g * 0
        if 0 < size < np.inf:
            unit = g / size  # a g·g of tiny or huge gradients would leave the range of floats
            _, F, curvature = problem.curves(problem.x, unit[None])
            descent = F[0] / (np.abs(curvature[0]) + eps / size**2) * unit
            details["min_curvature"] = float(curvature[0] / np.sum(unit**2))
        elif size:
            descent = g
        if clip:
            descent = np.clip(descent, -clip, clip)
        updates, memory = first_order.update(problem.unpack(descent), state.memory, params)
        return updates, State(state.count + 1, memory, None, Report(value, problem.unpack(g), size, details))

    return Method(init, update, gradient_report)
