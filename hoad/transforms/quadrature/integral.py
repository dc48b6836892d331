"""The integral of a function between constant limits as a primitive, and limits that move.

Between constant limits, integration is linear in the integrand: tangents, cotangents and Taylor coefficients of an integral are
integrals of those of the integrand, a vector of them at once, by the same adaptive method with the same tolerances.  A limit moves
the result by a series in the limit whose coefficients are those of the integrand there, which costs no further integral.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.core.box import Box, Buffer, ops, shape_of
from hoad.core.engine import engine
from hoad.core.kinds.batching import by_loop
from hoad.core.primitive import Primitive
from hoad.core.series import Algebra, Series
from hoad.core.space import leaf_zeros
from hoad.errors import ClosureError
from hoad.transforms.closures import array_of
from hoad.transforms.differential_equations.clocks import clock, is_differentiated, still

__all__ = ["Integral", "between", "limit", "plain", "with_value"]

Function = Callable[..., Any]


class Integral:
    """The integral of ``f(t, *params)``, an array, over t between constant limits."""

    def __init__(self, f: Function, native: Function) -> None:
        self.f = f
        self.native = native
        self.primitive = Primitive(
            "integral",
            lambda a, b, *params: native(f, a, b, params),
            "linear",
            forward=self._forward,
            reverse=self._reverse,
            taylor=self._taylor,
            batch=by_loop,
        )

    def __call__(self, a: Any, b: Any, *params: Any) -> Any:
        return self.primitive.bind(a, b, *params)

    def _forward(self, y: Any, xs: Any, ts: Any, kw: Any) -> Any:
        a, b, *params = xs
        active = [i for i, d in enumerate(ts[2:]) if d is not None]
        count = len(params)

        def tangent(t: Any, *given: Any) -> Any:
            ds: list[Any] = [None] * count
            for i, d in zip(active, given[count:], strict=True):
                ds[i] = d
            value, d = engine.push(lambda *p: self.f(t, *p), given[:count], ds)
            return leaf_zeros(value) if d is None else d

        return Integral(tangent, self.native)(a, b, *params, *[ts[2 + i] for i in active])

    def _reverse(self, y: Any, xs: Any, kw: Any, which: Any) -> Any:
        a, b, *params = xs
        places = [i - 2 for i in which]
        shapes = [shape_of(params[i]) for i in places]
        ends = np.cumsum([int(np.prod(s)) for s in shapes])

        def cotangent(t: Any, g: Any, *ps: Any) -> Any:
            back = engine.pull(lambda *p: self.f(t, *p), ps, places)[1]
            parts = [leaf_zeros(ps[i]) if c is None else c for i, c in zip(places, back(g), strict=True)]
            return ops.concatenate([np.reshape(c, (-1,)) for c in parts], 0)

        def pull(g: Any) -> Any:
            flat = Integral(cotangent, self.native)(a, b, g, *params)
            parts = np.split(flat, ends[:-1]) if len(shapes) > 1 else [flat]
            return [np.reshape(p, s) for p, s in zip(parts, shapes, strict=True)]

        return pull

    def _taylor(self, algebra: Algebra, y: Series, xs: list[Series], kw: dict[str, Any], memo: Any) -> Callable[[int], Any]:
        a, b, *params = xs

        def rule(n: int) -> Any:
            inner = Algebra(algebra.indices[: n + 1])
            cs = [[p[k] for k in range(n + 1)] for p in params]
            present = [[k for k, c in enumerate(row) if c is not None] for row in cs]
            if all(ks in ([], [0]) for ks in present):
                return None

            def coefficient(t: Any, *given: Any) -> Any:
                series, at = [], 0
                for ks in present:
                    row: list[Any] = [None] * (n + 1)
                    for k in ks:
                        row[k] = given[at]
                        at += 1
                    series.append(Series(row))
                out = engine.series(inner, lambda *p: self.f(t, *p), series, {})
                c = out[n]
                return leaf_zeros(out[0]) if c is None else c

            given = [c[k] for c, ks in zip(cs, present, strict=True) for k in ks]
            return Integral(coefficient, self.native)(a[0], b[0], *given)

        return rule


def plain(f: Function, params: Any, what: str) -> Function:
    def integrand(t: Any) -> Any:
        out = f(t, *params)
        if isinstance(out, Box) and type(out) is not Buffer:
            raise ClosureError.closes_over(what)
        return out.value if type(out) is Buffer else out

    return integrand


def between(f: Function, native: Function, a: Any, b: Any, params: list[Any]) -> Any:
    """The integral with limits of any level."""
    total = Integral(f, native)(still(a), still(b), *params)
    for limit, sign in ((b, 1), (a, -1)):
        if is_differentiated(limit):
            here = still(limit)
            first = f(here, *params)

            def rate(t: Any, y: Any, *ps: Any) -> Any:
                return f(t, *ps)

            total = total + sign * clock(rate).bind(leaf_zeros(first), here, limit, *params)
    return total


def limit(x: Any) -> Any:
    x = array_of(x)
    return x if x.dtype.kind == "f" else ops.astype(x, float)


def with_value(value: Function, body: Function, data: list[Any]) -> Any:
    return Primitive("integral", value, "composite", body=body, batch=by_loop).bind(*data)
