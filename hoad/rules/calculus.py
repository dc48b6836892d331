"""Sampled functions: interp, trapezoid, gradient, ediff1d, unwrap.

Written out in other functions, in the order in which NumPy computes, so that values agree to the bit; where NumPy's
own code stays the value, the function is composite.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import filled, is_host, like
from hoad.core.box import Box, ops, peek, shape_of
from hoad.core.kinds import composite, elementwise
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array, normal_axis, together
from hoad.rules.scans import diff

# -- interpolation ---------------------------------------------------------------------------------------------------


def _picked(x: Any, index: Any) -> Any:
    """Elements of a one-dimensional array at an index that may be batched."""
    return ops.take_along_axis(x, index, 0) if isinstance(index, Box) else x[index]


def _interp_body(x: Any, xp: Any, fp: Any, left: Any, right: Any) -> Any:
    """The interval right of a knot is the one that counts, except at the last knot; outside the value is constant."""
    shape = shape_of(x)
    x = np.reshape(x, (-1,))
    n = shape_of(xp)[0]
    left = fp[0] if left is None else left
    right = fp[n - 1] if right is None else right
    low, high = x < xp[0], x > xp[n - 1]
    if n == 1:
        y = np.where(low, left, np.where(high, right, fp[0]))
    else:
        at = np.clip(np.searchsorted(xp, x, side="right") - 1, 0, n - 2)
        x0, x1, f0, f1 = _picked(xp, at), _picked(xp, at + 1), _picked(fp, at), _picked(fp, at + 1)
        inside = np.where(np.logical_or(low, high), x0, x)
        y = np.where(low, left, np.where(high, right, (f1 - f0) / (x1 - x0) * (inside - x0) + f0))
    return np.reshape(y, shape)


interp_ = composite(
    "interp",
    lambda x, xp, fp, left, right: np.interp(x, xp, fp, left, right),
    lambda x, xp, fp, left, right: _interp_body(x, xp, fp, left, right),
)


def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    x, xp, fp = (ops.astype(v, np.promote_types(peek(v).dtype, float)) for v in together(x, xp, fp))
    if period is not None:
        if period == 0:
            raise ValueError("period must be a non-zero value")
        period = abs(period)
        x, xp = x % period, xp % period
        order = np.argsort(xp)
        xp, fp = _picked(xp, order), _picked(fp, order)
        xp = np.concatenate((xp[-1:] - period, xp, xp[0:1] + period))
        fp = np.concatenate((fp[-1:], fp, fp[0:1]))
        left = right = None
    if isinstance(left, Box) or isinstance(right, Box):
        return _interp_body(x, xp, fp, left, right)
    return interp_.bind(x, xp, fp, left=left, right=right)


# -- integrals and differences ---------------------------------------------------------------------------------------


def _at(ndim: int, axis: int, index: Any) -> tuple[Any, ...]:
    return tuple(index if i == axis else slice(None) for i in range(ndim))


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    y = as_array(y)
    n = y.ndim
    axis = normal_axis(axis, n)
    if x is None:
        d = dx
    else:
        x = like(as_array(x), peek(y))
        if x.ndim == 1:
            d = np.reshape(diff(x), tuple(-1 if i == axis else 1 for i in range(n)))
        else:
            d = diff(x, axis=axis)
    return np.sum(d * (y[_at(n, axis, slice(1, None))] + y[_at(n, axis, slice(None, -1))]) / 2.0, axis=axis)


def _spacings(f: Any, axes: tuple[int, ...], varargs: tuple[Any, ...]) -> list[Any]:
    if not varargs:
        return [1.0] * len(axes)
    if len(varargs) == 1 and len(shape_of(varargs[0])) == 0:
        return [varargs[0]] * len(axes)
    if len(varargs) != len(axes):
        raise TypeError("invalid number of arguments")
    spacings = []
    for axis, h in zip(axes, varargs, strict=True):
        h = h if len(shape_of(h)) == 0 else like(as_array(h), peek(f))
        if len(shape_of(h)) == 1:
            if h.shape[0] != f.shape[axis]:
                raise ValueError("when 1d, distances must match the length of the corresponding dimension")
            h = diff(h)
            if not isinstance(h, Box) and is_host(h) and (h == h[0]).all():
                h = h[0]
        elif len(shape_of(h)) > 1:
            raise ValueError("distances must be either scalars or 1d")
        spacings.append(h)
    return spacings


def _first_weights(h1: Any, h2: Any) -> tuple[Any, Any, Any]:
    return -(2.0 * h1 + h2) / (h1 * (h1 + h2)), (h1 + h2) / (h1 * h2), -h1 / (h2 * (h1 + h2))


def _last_weights(h1: Any, h2: Any) -> tuple[Any, Any, Any]:
    return h2 / (h1 * (h1 + h2)), -(h2 + h1) / (h1 * h2), (2.0 * h2 + h1) / (h2 * (h1 + h2))


def _gradient_along(f: Any, h: Any, axis: int, edge_order: int) -> Any:
    n = f.ndim
    if f.shape[axis] < edge_order + 1:
        raise ValueError(
            "Shape of array too small to calculate a numerical gradient, at least (edge_order + 1) elements are required."
        )

    def part(start: Any, stop: Any) -> Any:
        return f[_at(n, axis, slice(start, stop))]

    uniform = len(shape_of(h)) == 0
    if uniform:
        middle = (part(2, None) - part(None, -2)) / (2.0 * h)
    else:
        h1, h2 = h[0:-1], h[1:]
        a, b, c = -h2 / (h1 * (h1 + h2)), (h2 - h1) / (h1 * h2), h1 / (h2 * (h1 + h2))
        a, b, c = (np.reshape(w, tuple(-1 if i == axis else 1 for i in range(n))) for w in (a, b, c))
        middle = a * part(None, -2) + b * part(1, -1) + c * part(2, None)
    if edge_order == 1:
        first = (part(1, 2) - part(0, 1)) / (h if uniform else h[0])
        last = (part(-1, None) - part(-2, -1)) / (h if uniform else h[-1])
    else:
        if uniform:
            begin, end = (-1.5 / h, 2.0 / h, -0.5 / h), (0.5 / h, -2.0 / h, 1.5 / h)
        else:
            begin, end = _first_weights(h[0], h[1]), _last_weights(h[-2], h[-1])
        first = begin[0] * part(0, 1) + begin[1] * part(1, 2) + begin[2] * part(2, 3)
        last = end[0] * part(-3, -2) + end[1] * part(-2, -1) + end[2] * part(-1, None)
    y = ops.concatenate([first, middle, last], axis)
    return ops.astype(y, peek(f).dtype) if peek(f).dtype.kind in "fc" else y


def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    f = as_array(f)
    axes = tuple(range(f.ndim)) if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, f.ndim)
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    results = tuple(_gradient_along(f, h, a, edge_order) for a, h in zip(axes, _spacings(f, axes, varargs), strict=True))
    return results[0] if len(axes) == 1 else results


def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    ary = np.ravel(as_array(ary))
    inner = ary[1:] - ary[:-1]
    ends = [None if e is None else ops.astype(np.ravel(as_array(e)), peek(ary).dtype) for e in (to_begin, to_end)]
    parts = [p for p in (ends[0], inner, ends[1]) if p is not None]
    return inner if len(parts) == 1 else ops.concatenate(parts, 0)


def _ones(y: Any, *xs: Any, **kw: Any) -> Any:
    return filled(shape_of(y), 1, peek(y).dtype, peek(y))


def _unwrap_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    return prim.bind(*xs, **{**kw, "axis": kw["axis"] + 1})


unwrap_ = elementwise(
    "unwrap", lambda p, discont, axis, period: np.unwrap(p, discont, axis, period=period), _ones, batch=_unwrap_batch
)


def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: Any = 2 * np.pi) -> Any:
    if isinstance(discont, Box) or isinstance(period, Box):
        raise UnsupportedFunctionError.no_rule("np.unwrap with respect to discont or period")
    if not p.ndim:
        raise ValueError("diff requires input that is at least one dimensional")
    return unwrap_.bind(p, discont=discont, axis=normal_axis(axis, p.ndim), period=period)


for _name, _f, _kind in (
    ("interp", interp, "composite"),
    ("trapezoid", trapezoid, "multilinear"),
    ("gradient", gradient, "linear"),
    ("ediff1d", ediff1d, "linear"),
    ("unwrap", unwrap, "elementwise"),
):
    expose(_f, f"numpy.{_name}", getattr(np, _name), _kind)
