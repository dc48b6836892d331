"""Implicit functions: y is defined by a residual F(y, x) = 0, and a solve with dF/dy serves every mode.

Forward: dy = -(dF/dy)^-1 dF(dx).  Reverse: l = -(dF/dy)^-H g, then the cotangents of F at l.  Taylor: coefficient n of y is
-(dF/dy)^-1 of coefficient n of F evaluated with y_n = 0, because y_n enters F's coefficient n only through dF/dy at order 0.
Source: Griewank & Walther, Evaluating Derivatives, 2nd ed. (2008), ch. 15.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hoad.core.engine import engine
from hoad.core.kinds.batching import align_ranks
from hoad.core.primitive import Primitive, register
from hoad.core.series import Algebra, Series

__all__ = ["implicit"]


def implicit(
    name: str,
    native: Callable[..., Any],
    residual: Callable[..., Any],
    solve: Callable[..., Any],
    solve_adjoint: Callable[..., Any],
    **overrides: Any,
) -> Primitive:
    """Register a function that is defined by a residual.

    Parameters
    ----------
    residual : callable
        ``residual(y, *xs, **kw)``, zero at y = native(*xs, **kw), written in differentiable functions.
    solve : callable
        ``solve(r, y, xs, **kw)`` = (dF/dy)^-1 r, written in differentiable functions.
    solve_adjoint : callable
        ``solve_adjoint(g, y, xs, **kw)`` = (dF/dy)^-H g, likewise.
    """

    def forward(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
        _, r = engine.push(lambda *x: residual(y, *x, **kw), xs, ts)
        return None if r is None else -solve(r, y, xs, **kw)

    def reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
        def pull(g: Any) -> Any:
            _, back = engine.pull(lambda *x: residual(y, *x, **kw), xs, which)
            return back(-solve_adjoint(g, y, xs, **kw))

        return pull

    def taylor(algebra: Algebra, y: Series, xs: list[Series], kw: dict[str, Any], memo: Any) -> Callable[[int], Any]:
        values = [x.c[0] for x in xs]

        def rule(n: int) -> Any:
            guess = Series([*y.c[:n], None])
            known = [Series([x[i] for i in range(n + 1)]) for x in xs]
            r = engine.series(algebra, lambda *a: residual(*a, **kw), [guess, *known], {})[n]
            return None if r is None else -solve(r, y.c[0], values, **kw)

        return rule

    rules: dict[str, Any] = {"forward": forward, "reverse": reverse, "taylor": taylor, "batch": align_ranks}
    rules.update(overrides)
    return register(Primitive(name, native, "implicit", declaration=(residual, solve, solve_adjoint), **rules))
