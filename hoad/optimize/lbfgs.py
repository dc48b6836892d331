"""L-BFGS: quasi-Newton steps from the last few changes of point and gradient, with a strong-Wolfe or backtracking search.

Source: Nocedal & Wright, Numerical Optimization, 2nd ed. (2006), algorithms 7.4 and 7.5.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hoad.errors import OptimizeError
from hoad.optimize.descent import gradient_report
from hoad.optimize.line_search import backtracking, strong_wolfe
from hoad.optimize.method import Method, Report, State, optimiser
from hoad.optimize.objective import Problem

__all__ = ["lbfgs"]


class Pairs(NamedTuple):
    """The last point and gradient, and the last changes of both, oldest first."""

    x: Any
    g: Any
    changes: tuple[tuple[Any, Any], ...]


@optimiser("lbfgs")
def lbfgs(lr: float = 1.0, *, memory: int = 10, line_search: str = "strong-wolfe", c1: float = 1e-4, c2: float = 0.9) -> Method:
    """Limited-memory BFGS.

    Parameters
    ----------
    lr : float
        First trial of the line search.
    memory : int
        Changes of point and gradient that are kept.
    line_search : {"strong-wolfe", "armijo"}
        Conditions that a step must fulfil.
    c1, c2 : float
        Constants of the Wolfe conditions.

    Returns
    -------
    Method
        ``init(params)``, ``update(f, params, state)``.

    Raises
    ------
    OptimizeError
        If the name of the line search is unknown.

    Examples
    --------
    >>> import numpy as np, hoad.optimize as ho
    >>> ho.minimize(lambda x: np.sum(np.cosh(x - 1.0)), np.zeros(3), method="lbfgs").x.round(6)
    array([1., 1., 1.])
    """
    if line_search not in ("strong-wolfe", "armijo"):
        raise OptimizeError.unknown("line_search", line_search, ("strong-wolfe", "armijo"))

    def init(params: Any) -> State:
        return State()

    def update(f: Any, params: Any, state: State) -> tuple[Any, State]:
        problem = Problem(f, params)
        x = problem.x
        value, g = problem.value_and_grad(x)
        pairs = _extended(state.memory, x, g, memory)
        size = float(np.max(np.abs(g), initial=0.0))
        step, stop, details = np.zeros_like(x), "", {}
        if not np.all(np.isfinite(g)):
            step = g
        elif size:
            direction = -_inverse_times(pairs.changes, g)
            slope = float(direction @ g)
            if not slope < 0:
                pairs, direction, slope = pairs._replace(changes=()), -g, -float(g @ g)
            first = lr if pairs.changes else lr * min(1.0, 1.0 / float(np.sum(np.abs(g))))
            t = _search(problem, x, direction, value, slope, first, line_search, c1, c2)
            if not t and pairs.changes:  # once more without memory
                pairs, direction, slope = pairs._replace(changes=()), -g, -float(g @ g)
                t = _search(problem, x, direction, value, slope, lr / size, "armijo", c1, c2)
            step, details = t * direction, {"line_search": t}
            stop = "" if t else "the line search found no decrease"
        return problem.unpack(step), State(state.count + 1, pairs, None, Report(value, problem.unpack(g), size, details, stop))

    return Method(init, update, gradient_report)


def _search(problem: Problem, x: Any, d: Any, value: float, slope: float, first: float, kind: str, c1: float, c2: float) -> float:
    def both(t: float) -> tuple[float, float]:
        f, g = problem.value_and_grad(x + t * d)
        return f, float(g @ d)

    if kind == "armijo":
        return backtracking(lambda t: problem.value(x + t * d), value, slope, first, c1)
    return strong_wolfe(both, value, slope, first, c1, c2)


def _extended(pairs: Pairs | None, x: Any, g: Any, memory: int) -> Pairs:
    if pairs is None:
        return Pairs(x, g, ())
    s, y = x - pairs.x, g - pairs.g
    if float(s @ y) > 1e-10 * float(np.linalg.norm(s) * np.linalg.norm(y)):
        return Pairs(x, g, (*pairs.changes, (s, y))[-memory:])
    return Pairs(x, g, pairs.changes)


def _inverse_times(changes: Any, g: Any) -> Any:
    """Two-loop recursion, algorithm 7.4."""
    q = g.copy()
    alphas = []
    for s, y in reversed(changes):
        alpha = (s @ q) / (y @ s)
        q = q - alpha * y
        alphas.append(alpha)
    if changes:
        s, y = changes[-1]
        q = q * ((s @ y) / (y @ y))
    for (s, y), alpha in zip(changes, reversed(alphas), strict=True):
        q = q + s * (alpha - (y @ q) / (y @ s))
    return q
