"""What ``hoad.numpy`` offers beyond NumPy's protocols: arange of traced ends, r_ and c_, conversions, windows."""

from __future__ import annotations

from functools import wraps
from typing import Any

import numpy as np

from hoad.backends import like
from hoad.core.box import Box, Buffer, bare, ops, peek, shape_of, strip
from hoad.core.level import any_open
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array, numbers_together, place_of
from hoad.rules.creation import CREATION
from hoad.rules.joining import asarray
from hoad.rules.polynomials import with_value

_native: Any = np


def _spaced(start: Any, step: Any, n: int) -> Any:
    return _native.arange(start, start + (n - 0.5) * step, step)[:n]


@wraps(np.arange, updated=())
def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None, **kwargs: Any) -> Any:
    """``np.arange``: differentiable in start and step; the number of elements comes from the values."""
    if stop is None:
        start, stop = 0, start
    if not any(isinstance(v, Box) for v in (start, stop, step)):
        return _native.arange(start, stop, step, dtype, **kwargs)
    plain = [strip(v) for v in (start, stop, step)]
    if any(np.ndim(v) for v in plain):
        raise UnsupportedFunctionError.no_rule("arange of batched ends", ", because the number of elements depends on them")
    n = len(_native.arange(*plain))
    start, step = numbers_together(start, step)
    y = with_value(start + step * like(np.arange(n), place_of(start, step)), lambda a, b: _spaced(a, b, n), start, step)
    return y if dtype is None else ops.astype(y, dtype)


def _buffered(native: Any) -> Any:
    @wraps(native, updated=())
    def made(*args: Any, **kwargs: Any) -> Any:
        y = native(*args, **kwargs)
        return Buffer(0, y, None) if any_open() else y

    return made


class _Joined:
    """``r_`` and ``c_``: slices, numbers and arrays in square brackets, joined to one array."""

    def __init__(self, native: Any, axis: int, ndmin: int, trans1d: int) -> None:
        self.native, self.axis, self.ndmin, self.trans1d = native, axis, ndmin, trans1d

    def __len__(self) -> int:
        return 0

    def __getitem__(self, key: Any) -> Any:
        parts = key if isinstance(key, tuple) else (key,)
        if not any(_holds_box(p) for p in parts):
            return self.native[key]
        axis, ndmin, trans1d = self.axis, self.ndmin, self.trans1d
        if isinstance(parts[0], str):
            numbers = [int(v) for v in parts[0].split(",")]
            axis, ndmin, trans1d = (*numbers, *(axis, ndmin, trans1d)[len(numbers) :])
            parts = parts[1:]
        arrays = [self._array(p, ndmin, trans1d) for p in parts]
        return ops.concatenate(arrays, axis)

    @staticmethod
    def _array(part: Any, ndmin: int, trans1d: int) -> Any:
        if isinstance(part, slice):
            start, step = 0 if part.start is None else part.start, 1 if part.step is None else part.step
            many = isinstance(step, complex)
            x = ops.linspace(start, part.stop, int(abs(step))) if many else arange(start, part.stop, step)
        else:
            x = as_array(part)
        n, shape = len(shape_of(x)), shape_of(x)
        if n >= ndmin or (n == 0 and ndmin <= 1):
            return np.reshape(x, (1,)) if n == 0 else x
        missing = ndmin - n
        k = trans1d if trans1d >= 0 else trans1d + missing + 1
        return np.reshape(x, (1,) * missing if n == 0 else (*(1,) * k, *shape, *(1,) * (missing - k)))


def _holds_box(x: Any) -> bool:
    if isinstance(x, slice):
        return any(isinstance(v, Box) for v in (x.start, x.stop, x.step))
    return isinstance(x, Box) or (isinstance(x, list | tuple) and any(map(_holds_box, x)))


def asarray_chkfinite(a: Any, dtype: Any = None, order: Any = None) -> Any:
    a = asarray(a, dtype)
    if peek(a).dtype.kind in "fc" and not np.all(np.isfinite(bare(a))):
        raise ValueError("array must not contain infs or NaNs")
    return a


def require(a: Any, dtype: Any = None, requirements: Any = None, *, like: Any = None) -> Any:
    return asarray(a, dtype) if _holds_box(a) else _native.require(a, dtype, requirements)


def fromiter(iter: Any, dtype: Any, count: int = -1, **kwargs: Any) -> Any:
    items = [v for v, _ in zip(iter, range(count), strict=False)] if count >= 0 else list(iter)
    return ops.astype(ops.array(items), dtype) if _holds_box(items) else _native.fromiter(items, dtype, count, **kwargs)


def kaiser(M: int, beta: Any) -> Any:  # NumPy's name
    """Differentiable in beta; in the order in which NumPy computes."""
    if M == 1:
        return np.ones(1)
    n = like(np.arange(0, M), peek(beta))
    alpha = (M - 1) / 2.0
    return np.i0(beta * np.sqrt(1 - ((n - alpha) / alpha) ** 2.0)) / np.i0(beta)


expose(kaiser, "numpy.kaiser", np.kaiser, "composite")
CREATION.update(
    arange=arange, eye=_buffered(np.eye), identity=_buffered(np.identity), tri=_buffered(np.tri),
    asarray_chkfinite=asarray_chkfinite, require=require, fromiter=fromiter, asfortranarray=asarray,
    r_=_Joined(np.r_, 0, 1, -1), c_=_Joined(np.c_, -1, 2, 0),
)  # fmt: skip
