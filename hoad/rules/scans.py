"""Scans: running sums and products, and differences of neighbours.

A running sum is linear, its transpose runs backwards; a running product is a parallel prefix of products.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import asarray, filled, is_host, like
from hoad.core.box import Box, held, ops, peek, shape_of
from hoad.core.kinds import composite, linear
from hoad.core.kinds.batching import shift_axis
from hoad.core.kinds.opaque import opaque
from hoad.core.primitive import expose
from hoad.rules.arguments import normal_axis
from hoad.rules.reductions import NoValue


def _reversed(x: Any, axis: int) -> Any:
    return x[(*(slice(None),) * axis, slice(None, None, -1))]


cumsum_: Any = linear(
    "cumsum",
    lambda x, axis: np.cumsum(x, axis=axis),
    lambda g, shape, axis: _reversed(cumsum_.bind(_reversed(g, axis), axis=axis), axis),
    batch=shift_axis,
)


def _regular_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    x, axis = xs[0], kw["axis"]
    return lambda g: (_reversed(cumsum_.bind(_reversed(g * y, axis), axis=axis), axis) / x,)


regular_cumprod_ = opaque(
    "regular_cumprod",
    lambda x, axis: np.cumprod(x, axis=axis),
    lambda y, xs, ts, kw: y * cumsum_.bind(ts[0] / xs[0], axis=kw["axis"]),
    reverse=_regular_reverse,
)
"""The running product of numbers far from zero and from overflow, whose derivative may divide by them."""


def _only_on_tape(x: Any) -> bool:
    """Whether x is a plain array under one tape: nothing else is traced then, so that a rule may be chosen by the values."""
    inner = held(x) if isinstance(x, Box) and x.kind == "node of a tape" else None
    plain = peek(inner) if isinstance(inner, Box) and inner.recorded else inner
    return type(plain) is np.ndarray and plain.dtype.char in "df" and plain.size > 0


def _is_regular(y: Any) -> bool:
    """Whether running products are far enough from zero and from overflow to be divided by their factors."""
    size = np.abs(y)
    smallest, largest = (1e-30, 1e30) if y.dtype.char == "f" else (1e-250, 1e250)
    return bool(size.min() > smallest and size.max() < largest)


def _cumprod_body(x: Any, axis: int) -> Any:
    """Parallel prefix of products (Hillis & Steele 1986): log2(n) multiplications, right at zeros."""
    if _only_on_tape(x):
        y = regular_cumprod_.bind(x, axis=axis)
        if _is_regular(y.value):
            return y
    n = shape_of(x)[axis]
    before = (slice(None),) * axis
    step = 1
    while step < n:
        x = ops.concatenate(
            [x[(*before, slice(0, step))], x[(*before, slice(step, None))] * x[(*before, slice(0, n - step))]], axis
        )
        step *= 2
    return asarray(x)


cumprod_ = composite("cumprod", lambda x, axis: np.cumprod(x, axis=axis), _cumprod_body)


def _scan_function(prim: Any) -> Any:
    def scan(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        if axis is None or not a.ndim:
            a, axis = ops.ravel(a), 0 if axis is None else axis
        a = a if dtype is None else ops.astype(a, dtype)
        return prim.bind(a, axis=normal_axis(axis, a.ndim))

    return scan


cumsum, cumprod = _scan_function(cumsum_), _scan_function(cumprod_)


def _cumulative(scan: Any, neutral: float) -> Any:
    def cumulative(x: Any, /, *, axis: int | None = None, dtype: Any = None, out: Any = None, include_initial: bool = False) -> Any:
        if axis is None:
            if x.ndim > 1:
                raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
            axis = 0
        x = x if x.ndim else ops.ravel(x)
        axis = normal_axis(axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis, x.ndim)
        y = scan(x, axis, dtype)
        if include_initial:
            first = list(y.shape)
            first[axis] = 1
            y = ops.concatenate([filled(tuple(first), neutral, y.dtype, peek(y)), y], axis)
        return y

    return cumulative


cumulative_sum, cumulative_prod = _cumulative(cumsum, 0), _cumulative(cumprod, 1)


def _behind(axis: int) -> tuple[Any, Any]:
    before = (slice(None),) * axis
    return (*before, slice(1, None)), (*before, slice(None, -1))


def _diff_value(x: Any, axis: int) -> Any:
    later, earlier = _behind(axis)
    return x[later] - x[earlier]


def _undiff_value(g: Any, shape: tuple[int, ...], axis: int) -> Any:
    later, earlier = _behind(axis)
    if not is_host(g) and shape[axis] > 1:
        ends = [(*later[:-1], end) for end in (slice(0, 1), slice(-1, None))]
        return np.concatenate([-g[ends[0]], g[earlier] - g[later], g[ends[1]]], axis=axis)
    y = filled(shape, 0, g.dtype, g)
    if shape[axis] > 1:
        y[later] = g
        y[earlier] -= g
    return y


def _undiff_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    return prim.bind(xs[0], shape=(size, *kw["shape"]), axis=kw["axis"] + 1)


diff_: Any = linear("diff", _diff_value, lambda g, shape, axis: undiff_.bind(g, shape=tuple(shape), axis=axis), batch=shift_axis)
undiff_: Any = linear("diff_transpose", _undiff_value, lambda g, old, shape, axis: diff_.bind(g, axis=axis), batch=_undiff_batch)


def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = NoValue, append: Any = NoValue) -> Any:
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n!r}")
    if n == 0:
        return a
    if not a.ndim:
        raise ValueError("diff requires input that is at least one dimensional")
    axis = normal_axis(axis, a.ndim)
    ends = []
    for extra in (prepend, append):
        if extra is not NoValue:
            extra = like(asarray(extra), peek(a))
            if extra.ndim == 0:
                extra = ops.broadcast_to(extra, tuple(1 if i == axis else m for i, m in enumerate(a.shape)))
        ends.append(extra)
    parts = [p for p in (ends[0], a, ends[1]) if p is not NoValue]
    a = ops.concatenate(parts, axis) if len(parts) > 1 else a
    for _ in range(n):
        a = diff_.bind(a, axis=axis)
    return a


for _name, _f, _kind in (
    ("cumsum", cumsum, "linear"), ("cumprod", cumprod, "composite"), ("cumulative_sum", cumulative_sum, "linear"),
    ("cumulative_prod", cumulative_prod, "composite"), ("diff", diff, "linear"),
):  # fmt: skip
    expose(_f, f"numpy.{_name}", getattr(np, _name), _kind)
