"""Line-search Newton–CG: Newton's equation solved as far as it pays, by exact Hessian-vector products.

Source: Nocedal & Wright, Numerical Optimization, 2nd ed. (2006), algorithm 7.1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.optimize.conjugate_gradient import truncated
from hoad.optimize.descent import gradient_report
from hoad.optimize.line_search import backtracking
from hoad.optimize.method import Method, Report, State, optimiser
from hoad.optimize.objective import Problem

__all__ = ["newton_cg"]


@optimiser("truncated-newton")
def newton_cg(lr: float = 1.0, *, max_cg: int | None = None, forcing: float = 0.1) -> Method:
    """Newton–CG with a backtracking line search; directions of negative curvature end the inner iteration.

    Parameters
    ----------
    lr : float
        First trial of the line search.
    max_cg : int, optional
        Bound on the Hessian-vector products of a step; by default twice the number of variables.
    forcing : float
        The inner iteration stops at a residual of ``min(forcing, sqrt(|g|)) |g|``.

    Returns
    -------
    Method
        ``init(params)``, ``update(f, params, state)``.

    Notes
    -----
    Named "truncated-newton" in :func:`minimize`, where "Newton-CG" is the method of SciPy.

    Examples
    --------
    >>> import numpy as np, hoad.optimize as ho
    >>> ho.minimize(lambda x: np.sum(np.cosh(x - 2.0)), np.zeros(3), method=ho.newton_cg()).x.round(6)
    array([2., 2., 2.])
    """

    def init(params: Any) -> State:
        return State()

    def update(f: Any, params: Any, state: State) -> tuple[Any, State]:
        problem = Problem(f, params)
        x = problem.x
        value, g, product = problem.linearized(x)
        size, norm = float(np.max(np.abs(g), initial=0.0)), float(np.linalg.norm(g))
        step, stop, details = np.zeros_like(x), "", {}
        if not np.isfinite(norm):
            step = g
        elif norm:
            limit = 2 * problem.size if max_cg is None else max_cg
            d, negative = truncated(product, g, min(forcing, np.sqrt(norm)) * norm, limit)
            if not float(g @ d) < 0:
                d = -g
            t = backtracking(lambda t: problem.value(x + t * d), value, float(g @ d), lr)
            step, details = t * d, {"line_search": t, "negative_curvature": float(negative)}
            stop = "" if t else "the line search found no decrease"
        report = Report(value, problem.unpack(g), size, details, stop)
        return problem.unpack(step), State(state.count + 1, None, None, report)

    return Method(init, update, gradient_report)
