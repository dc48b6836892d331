"""Gauss–Newton and Levenberg–Marquardt for residual functions r: the objective is ½ |r|².

Source: Nocedal & Wright, Numerical Optimization, 2nd ed. (2006), section 10.3; Nielsen (1999), Damping parameter in Marquardt's
method, equation (2.5), for the damping.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse.linalg import lsmr

from hoad.operators.vectors import Vectors
from hoad.optimize.line_search import backtracking
from hoad.optimize.method import Method, Report, State, optimiser
from hoad.optimize.model_problem import ModelProblem, model_report

__all__ = ["gauss_newton", "levenberg_marquardt"]

DENSE = 4_000_000
"""Jacobians of at most so many entries are formed and factored; larger ones are only applied (LSMR)."""


def _least_squares_step(J: Any, dense: Any, r: Any, damping: float) -> Any:
    """Minimum of |J p + r|² + damping |p|²."""
    if dense is None:
        return lsmr(J, -r, damp=np.sqrt(damping), atol=1e-10, btol=1e-10, maxiter=4 * min(J.shape))[0]
    if not damping:
        return np.linalg.lstsq(dense, -r, rcond=None)[0]
    n = dense.shape[1]
    stacked = np.concatenate([dense, np.sqrt(damping) * np.eye(n, dtype=dense.dtype)])
    return np.linalg.lstsq(stacked, np.concatenate([-r, np.zeros(n, r.dtype)]), rcond=None)[0]


def _scale(J: Any, dense: Any, g: Any) -> float:
    """Largest diagonal entry of JᵀJ, or where J is only applied, its Rayleigh quotient along the gradient."""
    if dense is not None:
        return float(np.max(np.sum(dense**2, axis=0)))
    return float(np.linalg.norm(J @ g) / np.linalg.norm(g)) ** 2


def _dense(J: Any) -> Any:
    return J.to_dense() if J.shape[0] * J.shape[1] <= DENSE else None


@optimiser("gauss-newton")
def gauss_newton(lr: float = 1.0) -> Method:
    """Gauss–Newton with a backtracking line search.

    Parameters
    ----------
    lr : float
        First trial of the line search.

    Returns
    -------
    Method
        ``init(params)``, ``update(residual, params, state)``.

    Raises
    ------
    OptimizeError
        If the function returns a scalar.

    Examples
    --------
    >>> import numpy as np, hoad.optimize as ho
    >>> ho.minimize(lambda x: np.exp(x) - 2.0, np.zeros(2), method="gauss-newton").x.round(6)
    array([0.693147, 0.693147])
    """

    def init(params: Any) -> State:
        return State()

    def update(f: Any, params: Any, state: State) -> tuple[Any, State]:
        problem = ModelProblem(f, params, None, "gauss-newton")
        x = problem.x
        value, g, operator = problem.linearized(x)
        size = float(np.max(np.abs(g), initial=0.0))
        step, stop, details = np.zeros_like(x), "", {}
        if not np.isfinite(size):
            step = g
        elif size:
            J = operator.jacobian
            d = _least_squares_step(J, _dense(J), Vectors(J.value).pack(J.value), 0.0)
            if not float(g @ d) < 0:
                d = -g
            t = backtracking(lambda t: problem.value(x + t * d), value, float(g @ d), lr)
            step, details = t * d, {"line_search": t}
            stop = "" if t else "the line search found no decrease"
        report = Report(value, problem.unpack(g), size, details, stop)
        return problem.unpack(step), State(state.count + 1, None, None, report)

    return Method(init, update, model_report("gauss-newton", None))


@optimiser("levenberg-marquardt")
def levenberg_marquardt(damping: float = 1e-3) -> Method:
    """Levenberg–Marquardt: Gauss–Newton steps whose damping follows the agreement of model and residual.

    Parameters
    ----------
    damping : float
        First damping, relative to the largest diagonal entry of Jᵀ J.

    Returns
    -------
    Method
        ``init(params)``, ``update(residual, params, state)``; a rejected trial is a zero step.

    Raises
    ------
    OptimizeError
        If the function returns a scalar.

    Examples
    --------
    >>> import numpy as np, hoad.optimize as ho
    >>> residual = lambda x: np.concatenate([10.0 * (x[1:] - x[:-1] ** 2), 1.0 - x[:-1]])
    >>> ho.minimize(residual, np.array([-1.2, 1.0]), method="levenberg-marquardt").x.round(4)
    array([1., 1.])
    """

    def init(params: Any) -> State:
        return State(memory=(None, 2.0))

    def update(f: Any, params: Any, state: State) -> tuple[Any, State]:
        problem = ModelProblem(f, params, None, "levenberg-marquardt")
        x = problem.x
        value, g, operator = problem.linearized(x)
        size = float(np.max(np.abs(g), initial=0.0))
        mu, nu = state.memory
        step, stop, details = np.zeros_like(x), "", {}
        if not np.isfinite(size):
            step = g
        elif size:
            J = operator.jacobian
            dense = _dense(J)
            if mu is None:
                mu = damping * _scale(J, dense, g)
            p = _least_squares_step(J, dense, Vectors(J.value).pack(J.value), mu)
            predicted = 0.5 * float(p @ (mu * p - g))
            decrease = value - problem.value(x + p)
            ratio = decrease / predicted if predicted > 0 else -1.0
            details = {"damping": mu, "ratio": ratio}
            if decrease > 0 and ratio > 0:
                step, mu, nu = p, mu * max(1 / 3, 1 - (2 * ratio - 1) ** 3), 2.0
            else:
                mu, nu = mu * nu, nu * 2
            if np.linalg.norm(p) <= 1e-15 * (np.linalg.norm(x) + 1e-15):
                stop = "the steps shrank to rounding"
        report = Report(value, problem.unpack(g), size, details, stop)
        return problem.unpack(step), State(state.count + 1, (mu, nu), None, report)

    return Method(init, update, model_report("levenberg-marquardt", None))
