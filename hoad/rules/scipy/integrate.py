"""scipy.integrate: integrals of samples, in the samples and the points where they were taken."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import integrate

from hoad.core.box import Box, ops, peek, shape_of
from hoad.core.kinds import composite
from hoad.core.kinds.batching import by_loop
from hoad.core.primitive import expose
from hoad.rules.arguments import as_array

__all__: list[str] = []


def _ratio(a: Any, b: Any) -> Any:
    """a / b, zero where b is zero."""
    bad = b == 0
    return np.where(bad, 0.0, a / np.where(bad, 1.0, b))


def _samples(y: Any) -> Any:
    y = as_array(y)
    return y if peek(y).dtype.kind in "fc" else ops.astype(y, float)


def _points(x: Any, y: Any, axis: int) -> Any:
    """Points along the last axis, for samples whose axis was moved there."""
    return x if len(shape_of(x)) == 1 else ops.moveaxis(x, axis, -1)


def _prepared(y: Any, x: Any, dx: Any) -> tuple[Any, Any, Any]:
    dx = dx if isinstance(dx, (Box, int | float)) else as_array(dx)
    return _samples(y), None if x is None else _samples(x), dx


# -- trapezoids ----------------------------------------------------------------------------------------------------------------


def _areas(y: Any, x: Any, dx: Any, axis: int) -> Any:
    """Areas of the trapezoids along the last axis."""
    d = dx if x is None else np.diff(_points(x, y, axis), axis=-1)
    if x is None and len(shape_of(dx)) > 0:  # NumPy broadcasts the steps against the samples where they stand
        steps = [*shape_of(y)]
        steps[axis] -= 1
        d = ops.moveaxis(np.broadcast_to(dx, tuple(steps)), axis, -1)
    y = ops.moveaxis(y, axis, -1)
    return d * (y[..., 1:] + y[..., :-1]) / 2.0


trapezoid_ = composite(
    "scipy.integrate.trapezoid",
    lambda y, x, dx, axis: integrate.trapezoid(y, x, dx, axis),
    lambda y, x, dx, axis: np.sum(_areas(y, x, dx, axis), axis=-1),
    batch=by_loop,
)


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    y, x, dx = _prepared(y, x, dx)
    return trapezoid_.bind(y, x, dx, axis=axis)


def _cumulative(y: Any, x: Any, dx: Any, axis: int, initial: Any) -> Any:
    sums = np.cumsum(_areas(y, x, dx, axis), axis=-1)
    if initial is not None:
        sums = ops.concatenate([0 * sums[..., :1] if shape_of(sums)[-1] else np.zeros((*shape_of(sums)[:-1], 1)), sums], -1)
    return ops.moveaxis(sums, -1, axis)


cumulative_trapezoid_ = composite(
    "scipy.integrate.cumulative_trapezoid",
    lambda y, x, dx, axis, initial: integrate.cumulative_trapezoid(y, x, dx, axis, initial),
    _cumulative,
    batch=by_loop,
)


def cumulative_trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None) -> Any:
    y, x, dx = _prepared(y, x, dx)
    return cumulative_trapezoid_.bind(y, x, dx, axis=axis, initial=initial)


# -- Simpson's rule ------------------------------------------------------------------------------------------------------------


def _pairs(y: Any, h: Any) -> Any:
    """Simpson's rule on pairs of intervals, for an odd number of samples along the last axis."""
    h0, h1 = h[..., ::2], h[..., 1::2]
    total = h0 + h1
    ratio = _ratio(h0, h1)
    y0, y1, y2 = y[..., :-2:2], y[..., 1:-1:2], y[..., 2::2]
    parts = y0 * (2.0 - _ratio(1.0, ratio)) + y1 * (total * _ratio(total, h0 * h1)) + y2 * (2.0 - ratio)
    return np.sum(total / 6.0 * parts, axis=-1)


def _simpson(y: Any, x: Any, dx: Any, axis: int) -> Any:
    n = shape_of(y)[axis]
    y = ops.moveaxis(y, axis, -1)
    if x is None:
        h = dx * np.ones(n - 1)
    else:
        h = np.diff(_points(x, y, axis), axis=-1)
    if n == 1:
        return np.sum(0 * y, axis=-1)
    if n == 2:
        return 0.5 * h[..., 0] * (y[..., 1] + y[..., 0])
    if n % 2:
        return _pairs(y, h)
    a, b = h[..., n - 3], h[..., n - 2]
    last = _ratio(2 * b**2 + 3 * a * b, 6 * (b + a)) * y[..., n - 1] + _ratio(b**2 + 3.0 * a * b, 6 * a) * y[..., n - 2]
    return _pairs(y[..., :-1], h[..., :-1]) + last - _ratio(b**3, 6 * a * (a + b)) * y[..., n - 3]


simpson_ = composite(
    "scipy.integrate.simpson", lambda y, x, dx, axis: integrate.simpson(y, x, dx=dx, axis=axis), _simpson, batch=by_loop
)


def simpson(y: Any, x: Any = None, *, dx: Any = 1.0, axis: int = -1) -> Any:
    y, x, dx = _prepared(y, x, dx)
    return simpson_.bind(y, x, dx, axis=axis)


def _first_intervals(y: Any, dx: Any) -> Any:
    """Integral over the first interval of each pair."""
    d, e = dx[..., :-1], dx[..., 1:]
    p = d / (d + e)
    q = p * (d / e)
    return d / 6 * ((3 - p) * y[..., :-2] + (3 + q + p) * y[..., 1:-1] - q * y[..., 2:])


def _cumulative_simpson(y: Any, x: Any, dx: Any, initial: Any, axis: int) -> Any:
    n = shape_of(y)[axis]
    y = ops.moveaxis(y, axis, -1)
    if x is not None:
        h = np.diff(_points(x, y, axis), axis=-1)
    else:
        h = ops.moveaxis(dx, axis, -1) if len(shape_of(dx)) else dx
    if n < 3:
        parts = h * (y[..., 1:] + y[..., :-1]) / 2.0
    else:
        h = np.broadcast_to(h, (*shape_of(y)[:-1], n - 1))
        left = _first_intervals(y, h)
        right = _first_intervals(y[..., ::-1], h[..., ::-1])[..., ::-1]
        pick = np.arange(n - 1) % 2 == 0
        pick[-1] = False
        first = ops.concatenate([left, left[..., -1:]], -1)
        second = ops.concatenate([right[..., :1], right], -1)
        parts = np.where(pick, first, second)
    sums = np.cumsum(parts, axis=-1)
    if initial is not None:
        start = ops.moveaxis(initial, axis, -1) if len(shape_of(initial)) else initial
        start = np.broadcast_to(start, (*shape_of(y)[:-1], 1))
        sums = ops.concatenate([start, sums + start], -1)
    return ops.moveaxis(sums, -1, axis)


cumulative_simpson_ = composite(
    "scipy.integrate.cumulative_simpson",
    lambda y, x, dx, initial, axis: integrate.cumulative_simpson(y, x=x, dx=dx, axis=axis, initial=initial),
    _cumulative_simpson,
    batch=by_loop,
)


def cumulative_simpson(y: Any, *, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None) -> Any:
    y, x, dx = _prepared(y, x, dx)
    return cumulative_simpson_.bind(y, x, dx, None if initial is None else as_array(initial), axis=axis)


# -- Romberg's rule -------------------------------------------------------------------------------------------------------------


def _romb(y: Any, dx: Any, axis: int) -> Any:
    weights = integrate.romb(np.eye(shape_of(y)[axis]), axis=0)
    return dx * np.sum(ops.moveaxis(y, axis, -1) * weights, axis=-1)


romb_ = composite("scipy.integrate.romb", lambda y, dx, axis: integrate.romb(y, dx, axis), _romb, batch=by_loop)


def romb(y: Any, dx: Any = 1.0, axis: int = -1, show: bool = False) -> Any:
    y, _, dx = _prepared(y, None, dx)
    return romb_.bind(y, dx, axis=axis)


for _name, _f, _kind in (
    ("trapezoid", trapezoid, "composite"),
    ("cumulative_trapezoid", cumulative_trapezoid, "composite"),
    ("simpson", simpson, "composite"),
    ("cumulative_simpson", cumulative_simpson, "composite"),
    ("romb", romb, "composite"),
):
    expose(_f, f"scipy.integrate.{_name}", getattr(integrate, _name), _kind)
