"""Trigonometric functions, angles and lengths."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.core.kinds import elementwise, linear
from hoad.core.kinds.batching import align_ranks
from hoad.core.kinds.cotangents import scaled
from hoad.core.primitive import expose
from hoad.core.series import add_term
from hoad.rules.kinks import at_kink


def _hypot_slope(y: Any, x: Any) -> Any:
    """x / hypot, 0 at the origin, where the next derivative is undefined (NaN)."""
    origin = y == 0
    return at_kink(origin, y, x / np.where(origin, 1.0, y))


SLOPES: dict[str, tuple[Any, ...]] = {
    "sin": (lambda y, x: np.cos(x),),
    "cos": (lambda y, x: -np.sin(x),),
    "tan": (lambda y, x: 1 + y * y,),
    "arcsin": (lambda y, x: 1 / np.sqrt((1 - x) * (1 + x)),),
    "arccos": (lambda y, x: -1 / np.sqrt((1 - x) * (1 + x)),),
    "arctan": (lambda y, x: 1 / (1 + x * x),),
    "arctan2": (lambda y, a, b: b / (a * a + b * b), lambda y, a, b: -a / (a * a + b * b)),
    "hypot": (lambda y, a, b: _hypot_slope(y, a), lambda y, a, b: _hypot_slope(y, b)),
}

# -- sin and cos of large arrays are computed together: each is the slope of the other, at every order ----------------------------

LARGE = 4096
"""From this size on the second function costs more than the bookkeeping of two results."""


def _sincos_forward(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    s, c = y
    (t,) = ts
    return c * t, -(s * t)


def _sincos_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    s, c = y

    def pull(g: Any) -> Any:
        gs, gc = g
        if gc is None:
            return (scaled(gs, c),)
        return (-scaled(gc, s) if gs is None else scaled(gs, c) - scaled(gc, s),)

    return pull


def _sincos_taylor(algebra: Any, y: Any, xs: Any, kw: Any, memo: Any) -> Any:
    (x,), (s, c) = xs, y

    def rule(n: int) -> Any:
        k, degree, terms = algebra.flows[n]
        up = down = None
        for i, j in terms:
            if (dx := x.flow(algebra, k, i)) is not None:
                up = add_term(up, None if c[j] is None else c[j] * dx)
                down = add_term(down, None if s[j] is None else s[j] * dx)
        return (None if up is None else up / degree, None if down is None else -down / degree)

    return rule


sincos = elementwise(
    "sincos",
    lambda x: (np.sin(x), np.cos(x)),
    None,
    forward=_sincos_forward,
    reverse=_sincos_reverse,
    taylor=_sincos_taylor,
    multi=True,
)


def _together(alone: Any, which: int) -> Any:
    def function(x: Any) -> Any:
        return sincos.bind(x)[which] if x.size >= LARGE else alone.bind(x)

    return function


for _name, _slopes in SLOPES.items():
    _prim = elementwise(_name, getattr(np, _name), *_slopes)
    _function = _together(_prim, ("sin", "cos").index(_name)) if _name in ("sin", "cos") else _prim
    expose(_function, f"numpy.{_name}", getattr(np, _name), "elementwise")

for _name, _factor in {
    "deg2rad": np.pi / 180, "radians": np.pi / 180, "rad2deg": 180 / np.pi, "degrees": 180 / np.pi,
}.items():  # fmt: skip
    _prim = linear(_name, getattr(np, _name), lambda g, shape, _factor=_factor: g * _factor, batch=align_ranks)
    expose(_prim, f"numpy.{_name}", getattr(np, _name), "linear")
