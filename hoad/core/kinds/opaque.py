"""Opaque functions: a tangent rule by hand, from which reverse mode (by transposition) and Taylor mode (by its flow) follow.

y' = R(x, x') is linear in x'.  Its transpose in x' is the reverse rule; coefficient n of y is coefficient n - 1 of
R(x(t), x'(t)) over n, with R evaluated on series.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hoad.core.engine import engine
from hoad.core.kinds.batching import by_loop
from hoad.core.primitive import Primitive
from hoad.core.series import Algebra, Series

__all__ = ["opaque"]

Tangent = Callable[..., Any]


def opaque(name: str, native: Callable[..., Any], tangent: Tangent, **overrides: Any) -> Primitive:
    """A primitive from its tangent rule; it is not registered, so that functions may be made into primitives at run time.

    Parameters
    ----------
    tangent : callable
        ``tangent(y, xs, ts, kw)``: tangent of y (a tuple if the primitive has several outputs) for tangents ``ts``, all
        given as arrays, written in differentiable functions and linear in ``ts``.
    """

    def zeros(xs: Any, ts: Any) -> list[Any]:
        return [engine.zeros(x) if t is None else t for x, t in zip(xs, ts, strict=True)]

    def forward(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
        return tangent(y, xs, zeros(xs, ts), kw)

    def reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
        def pull(g: Any) -> Any:
            def of_active(*active: Any) -> Any:
                ts: list[Any] = [None] * len(xs)
                for i, t in zip(which, active, strict=True):
                    ts[i] = t
                return tangent(y, xs, zeros(xs, ts), kw)

            _, back = engine.pull(of_active, [engine.zeros(xs[i]) for i in which], range(len(which)))
            return back(g)

        return pull

    def taylor(algebra: Algebra, y: Any, xs: list[Series], kw: dict[str, Any], memo: Any) -> Callable[[int], Any]:
        return _flow(tangent, algebra, y, xs, kw)

    rules: dict[str, Any] = {"forward": forward, "reverse": reverse, "taylor": taylor, "batch": by_loop}
    rules.update(overrides)
    return Primitive(name, native, "opaque", declaration=tangent, **rules)


def _flow(tangent: Tangent, algebra: Algebra, y: Any, xs: list[Series], kw: dict[str, Any]) -> Callable[[int], Any]:
    """Coefficient n of y from the tangent rule along variable k: degree_k(n) y_n = coefficient (n - e_k) of R(x, dx/dt_k)."""
    multi = isinstance(y, list)
    ys = y if multi else [y]
    velocities: dict[int, list[Series]] = {}

    def speed(x: Series, k: int) -> Series:
        ahead = [_ahead(algebra, i, k) for i in range(len(algebra))]

        def rule(i: int) -> Any:
            at = ahead[i]
            c = None if at is None else x.flow(algebra, k, at)
            return engine.zeros(x.c[0]) if c is None and i == 0 else c

        return Series([], rule)

    def of_rule(*a: Any) -> Any:
        values, points, speeds = a[: len(ys)], a[len(ys) : len(ys) + len(xs)], a[len(ys) + len(xs) :]
        t = tangent(values if multi else values[0], list(points), list(speeds), kw)
        return tuple(t) if multi else (t,)

    def rule(n: int) -> Any:
        k, degree, _ = algebra.flows[n]
        index = list(algebra.indices[n])
        index[k] -= 1
        if k not in velocities:
            velocities[k] = engine.series(algebra, of_rule, [*ys, *xs, *[speed(x, k) for x in xs]], {})
        at = algebra.position[tuple(index)]
        cs = [v[at] for v in velocities[k]]
        cs = [c if c is None or degree == 1 else c / degree for c in cs]
        return tuple(cs) if multi else cs[0]

    return rule


def _ahead(algebra: Algebra, i: int, k: int) -> int | None:
    index = list(algebra.indices[i])
    index[k] += 1
    return algebra.position.get(tuple(index))
