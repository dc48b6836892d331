"""Natural gradient: the gradient in the metric of Fisher's information matrix, by conjugate gradients.

For a loss that is the negative log-likelihood of an exponential family in its natural parameters (squares, softmax and logistic
cross-entropy, Poisson), Fisher's matrix equals the Gauss–Newton matrix Jᵀ L J.
Source: Amari (1998), Natural gradient works efficiently in learning; Martens (2020), New insights and perspectives on the natural
gradient method, section 9.2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.errors import OptimizeError
from hoad.optimize.conjugate_gradient import truncated
from hoad.optimize.line_search import backtracking
from hoad.optimize.method import Method, Report, State, optimiser
from hoad.optimize.model_problem import ModelProblem, model_report
from hoad.optimize.schedules import Schedule, as_schedule

__all__ = ["natural_gradient"]


@optimiser("natural-gradient")
def natural_gradient(
    lr: float | Schedule = 1.0,
    *,
    loss: Callable[..., Any] | None = None,
    damping: float = 1e-4,
    max_cg: int = 100,
    line_search: str | None = "armijo",
) -> Method:
    """-lr (F + damping)⁻¹ g, with F Fisher's matrix of loss(model(params)).

    Parameters
    ----------
    lr : float or schedule
        Step size, or the first trial of the line search.
    loss : callable, optional
        Negative log-likelihood as a function of the model's output; half the sum of squares by default.
    damping : float
        Added to Fisher's matrix.
    max_cg : int
        Bound on the products of a step.
    line_search : {"armijo", None}
        Halve the step until the loss decreases sufficiently.

    Returns
    -------
    Method
        ``init(params)``, ``update(model, params, state)``.

    Raises
    ------
    OptimizeError
        If a model without ``loss`` returns a scalar, or the line search is unknown.

    Examples
    --------
    >>> import numpy as np, hoad.optimize as ho
    >>> ho.minimize(lambda x: np.exp(x) - 2.0, np.zeros(2), method="natural-gradient").x.round(6)
    array([0.693147, 0.693147])
    """
    if line_search not in ("armijo", None):
        raise OptimizeError.unknown("line_search", line_search, ("armijo",))
    rate = as_schedule(lr)

    def init(params: Any) -> State:
        return State()

    def update(f: Any, params: Any, state: State) -> tuple[Any, State]:
        problem = ModelProblem(f, params, loss, "natural-gradient")
        x = problem.x
        value, g, operator = problem.linearized(x)
        size, norm = float(np.max(np.abs(g), initial=0.0)), float(np.linalg.norm(g))
        step, stop, details = np.zeros_like(x), "", {}
        if not np.isfinite(norm):
            step = g
        elif norm:
            product = problem.counted(operator)
            d, _ = truncated(lambda v: product(v) + damping * v, g, 1e-4 * norm, max_cg)
            t = rate(state.count)
            if line_search:
                t = backtracking(lambda t: problem.value(x + t * d), value, float(g @ d), t)
                stop = "" if t else "the line search found no decrease"
            step, details = t * d, {"line_search": float(t)}
        report = Report(value, problem.unpack(g), size, details, stop)
        return problem.unpack(step), State(state.count + 1, None, None, report)

    return Method(init, update, model_report("natural-gradient", loss))
