"""Trust-region Newton with Steihaug's conjugate gradients; negative curvature is followed to the boundary.

Source: Nocedal & Wright, Numerical Optimization, 2nd ed. (2006), algorithms 4.1 and 7.2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.optimize.conjugate_gradient import steihaug
from hoad.optimize.descent import gradient_report
from hoad.optimize.method import Method, Report, State, optimiser
from hoad.optimize.objective import Problem

__all__ = ["trust_region"]


@optimiser("trust-region")
def trust_region(radius: float = 1.0, *, max_radius: float = 1000.0, accept: float = 0.15, max_cg: int | None = None) -> Method:
    """Trust-region Newton (Steihaug); each update is one trial, a rejected one a zero step.

    Parameters
    ----------
    radius, max_radius : float
        First and largest radius.
    accept : float
        Least ratio of actual to predicted decrease.
    max_cg : int, optional
        Bound on the Hessian-vector products of a step; by default twice the number of variables.

    Returns
    -------
    Method
        ``init(params)``, ``update(f, params, state)``.

    Examples
    --------
    >>> import numpy as np, hoad.optimize as ho
    >>> ho.minimize(lambda x: np.sum(np.cosh(x - 2.0)), np.zeros(3), method="trust-region").x.round(6)
    array([2., 2., 2.])
    """

    def init(params: Any) -> State:
        return State(memory=float(radius))

    def update(f: Any, params: Any, state: State) -> tuple[Any, State]:
        problem = Problem(f, params)
        x, r = problem.x, state.memory
        value, g, product = problem.linearized(x)
        size, norm = float(np.max(np.abs(g), initial=0.0)), float(np.linalg.norm(g))
        step, stop, details = np.zeros_like(x), "", {"radius": r}
        if not np.isfinite(norm):
            step = g
        elif norm:
            limit = 2 * problem.size if max_cg is None else max_cg
            p, model, boundary = steihaug(product, g, r, min(0.5, np.sqrt(norm)) * norm, limit)
            decrease = value - problem.value(x + p)
            rounding = np.finfo(x.dtype).eps * max(abs(value), 1e-300)
            if abs(decrease) <= 10 * rounding and -model <= 10 * rounding:
                ratio = 1.0 if decrease >= 0 else 0.0  # both are below rounding: the model is as good as it gets
            else:
                ratio = decrease / -model if model < 0 else -1.0
            details["ratio"] = ratio
            if not ratio >= 0.25:
                r = 0.25 * float(np.linalg.norm(p))
            elif ratio > 0.75 and boundary:
                r = min(2 * r, max_radius)
            if ratio > accept:
                step = p
            if r < 1e-14 * max(1.0, float(np.linalg.norm(x))):
                stop = "the trust region shrank to rounding"
        report = Report(value, problem.unpack(g), size, details, stop)
        return problem.unpack(step), State(state.count + 1, r, None, report)

    return Method(init, update, gradient_report)
