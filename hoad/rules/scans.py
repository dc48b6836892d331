"""Scans: running sums and products, and differences of neighbours.

A running sum is linear, its transpose runs backwards; a running product is a parallel prefix of products.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import asarray, filled, like
from hoad.core.box import ops, shape_of, strip
from hoad.core.kinds import composite, linear
from hoad.core.kinds.batching import shift_axis
from hoad.core.primitive import expose
from hoad.rules.reductions import NoValue


def _reversed(x: Any, axis: int) -> Any:
    return x[(*(slice(None),) * axis, slice(None, None, -1))]


cumsum_: Any = linear(
    "cumsum",
    lambda x, axis: np.cumsum(x, axis=axis),
    lambda g, shape, axis: _reversed(cumsum_.bind(_reversed(g, axis), axis=axis), axis),
    batch=shift_axis,
)


def _cumprod_body(x: Any, axis: int) -> Any:
    """Parallel prefix of products (Hillis & Steele 1986): log2(n) multiplications, right at zeros."""
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
        if axis is None:
            a, axis = ops.ravel(a), 0
        a = a if dtype is None else ops.astype(a, dtype)
        return prim.bind(a, axis=axis + a.ndim if axis < 0 else axis)

    return scan


cumsum, cumprod = _scan_function(cumsum_), _scan_function(cumprod_)


def _cumulative(scan: Any, neutral: float) -> Any:
    def cumulative(x: Any, /, *, axis: int | None = None, dtype: Any = None, out: Any = None, include_initial: bool = False) -> Any:
        if axis is None:
            if x.ndim > 1:
                raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
            axis = 0
        y = scan(x, axis, dtype)
        if include_initial:
            first = list(y.shape)
            first[axis] = 1
            y = ops.concatenate([filled(tuple(first), neutral, y.dtype, strip(y)), y], axis)
        return y

    return cumulative


cumulative_sum, cumulative_prod = _cumulative(cumsum, 0), _cumulative(cumprod, 1)


def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = NoValue, append: Any = NoValue) -> Any:
    axis = axis + a.ndim if axis < 0 else axis
    ends = []
    for extra in (prepend, append):
        if extra is not NoValue:
            extra = like(asarray(extra), strip(a))
            if extra.ndim == 0:
                extra = ops.broadcast_to(extra, tuple(1 if i == axis else m for i, m in enumerate(a.shape)))
        ends.append(extra)
    parts = [p for p in (ends[0], a, ends[1]) if p is not NoValue]
    a = ops.concatenate(parts, axis) if len(parts) > 1 else a
    before = (slice(None),) * axis
    for _ in range(n):
        a = a[(*before, slice(1, None))] - a[(*before, slice(None, -1))]
    return a


for _name, _f, _kind in (
    ("cumsum", cumsum, "linear"), ("cumprod", cumprod, "composite"), ("cumulative_sum", cumulative_sum, "linear"),
    ("cumulative_prod", cumulative_prod, "composite"), ("diff", diff, "linear"),
):  # fmt: skip
    expose(_f, f"numpy.{_name}", getattr(np, _name), _kind)
