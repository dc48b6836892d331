"""Hessian-free optimisation: damped Gauss–Newton models minimised by conjugate gradients, never formed.

Source: Martens (2010), Deep learning via Hessian-free optimization: damping (section 4.1), stopping rule (4.4), search back along
the iterates (4.6), start from the last solution (4.5).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.optimize.conjugate_gradient import martens
from hoad.optimize.descent import gradient_report
from hoad.optimize.line_search import backtracking
from hoad.optimize.method import Method, Report, State, optimiser
from hoad.optimize.model_problem import ModelProblem, model_report, scalar_model
from hoad.optimize.objective import Problem

__all__ = ["hessian_free"]


@optimiser("hessian-free")
def hessian_free(
    damping: float = 1.0, *, loss: Callable[..., Any] | None = None, eps: float = 5e-4, max_cg: int = 250, decay: float = 0.95
) -> Method:
    """Hessian-free optimisation of loss(model(params)).

    Parameters
    ----------
    damping : float
        First λ; it becomes 3/2 λ where the model predicts badly (ratio < 1/4) and 2/3 λ where it predicts well (> 3/4).
    loss : callable, optional
        Scalar function of the model's output; half the sum of squares by default.
    eps : float
        The inner iteration stops when its relative progress over k steps falls below k eps.
    max_cg : int
        Bound on the products of a step.
    decay : float
        The inner iteration starts from the last solution times this.

    Returns
    -------
    Method
        ``init(params)``, ``update(model, params, state)``.

    Notes
    -----
    A model that returns a scalar and has no ``loss`` is an objective; its Hessian then takes the place of Jᵀ L J, and the inner
    iteration ends at the first direction of negative curvature.

    Examples
    --------
    >>> import numpy as np, hoad.optimize as ho
    >>> ho.minimize(lambda x: np.exp(x) - 2.0, np.zeros(2), method="hessian-free").x.round(6)
    array([0.693147, 0.693147])
    """
    evaluate_model = model_report("hessian-free", loss)

    def evaluate(f: Any, params: Any) -> Report:
        return gradient_report(f, params) if loss is None and scalar_model(f, params) else evaluate_model(f, params)

    def init(params: Any) -> State:
        return State(memory=(float(damping), None, None))

    def update(f: Any, params: Any, state: State) -> tuple[Any, State]:
        lam, start, scalar = state.memory
        if scalar is None:
            scalar = loss is None and scalar_model(f, params)
        problem: Any
        if scalar:
            problem = Problem(f, params)
            value, g, product = problem.linearized(problem.x)
        else:
            problem = ModelProblem(f, params, loss, "hessian-free")
            value, g, operator = problem.linearized(problem.x)
            product = problem.counted(operator)
        x = problem.x
        size = float(np.max(np.abs(g), initial=0.0))
        step, details = np.zeros_like(x), {"damping": lam}
        if not np.isfinite(size):
            step = g
        elif size:
            candidates = martens(lambda v: product(v) + lam * v, g, None if start is None else decay * start, eps, max_cg)
            start = candidates[-1][0]
            p, model = candidates[-1]
            best = problem.value(x + p)
            for q, m in reversed(candidates[:-1]):
                found = problem.value(x + q)
                if np.isfinite(best) and found >= best:
                    break
                p, model, best = q, m, found
            undamped = model - 0.5 * lam * float(p @ p)
            ratio = (best - value) / undamped if undamped < 0 and np.isfinite(best) else -1.0
            details["ratio"] = ratio
            lam = lam * 1.5 if ratio < 0.25 else lam * (2 / 3) if ratio > 0.75 else lam
            slope = float(g @ p)
            if not slope < 0:
                p, slope, start = -g, -float(g @ g), None
            t = backtracking(lambda t: problem.value(x + t * p), value, slope, c1=1e-2, shrink=0.8, trials=60)
            step, details["line_search"] = t * p, t
            if not t:
                start = None
        report = Report(value, problem.unpack(g), size, details)
        return problem.unpack(step), State(state.count + 1, (lam, start, scalar), None, report)

    return Method(init, update, evaluate)
