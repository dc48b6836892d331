"""np.pad in every mode: axis after axis, each a concatenation of what comes before, the array, and what comes after."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import filled, like
from hoad.core.box import Box, ops, peek, shape_of
from hoad.core.kinds import composite, jointly_linear
from hoad.core.primitive import expose
from hoad.rules.arguments import as_array, holds_box

_KEYWORDS = {
    "empty": (), "edge": (), "wrap": (), "constant": ("constant_values",), "linear_ramp": ("end_values",),
    "maximum": ("stat_length",), "mean": ("stat_length",), "median": ("stat_length",), "minimum": ("stat_length",),
    "reflect": ("reflect_type",), "symmetric": ("reflect_type",),
}  # fmt: skip
_STATISTICS: dict[str, Any] = {"maximum": np.max, "minimum": np.min, "mean": np.mean, "median": np.median}


def _slices(axis: int, part: slice) -> tuple[slice, ...]:
    return (*(slice(None),) * axis, part)


def _pairs(x: Any, ndim: int) -> list[list[Any]]:
    """A number, a pair, or a pair for each axis, as a pair for each axis."""
    if isinstance(x, Box):
        full = ops.broadcast_to(x, (ndim, 2))
        return [[full[i, 0], full[i, 1]] for i in range(ndim)]
    if isinstance(x, list | tuple) and any(isinstance(v, Box | list | tuple) for v in x):
        rows: Any = [v if isinstance(v, list | tuple) else [v, v] for v in x] if len(x) > 1 or ndim == 1 else list(x)
        if all(not isinstance(v, list | tuple) for v in x) and len(x) == 2:
            rows = [list(x)]
        rows = [list(r) if len(r) == 2 else [r[0], r[0]] for r in rows]
        return rows * ndim if len(rows) == 1 else rows
    return np.broadcast_to(np.asarray(x), (ndim, 2)).tolist()


def _constant(x: Any, axis: int, width: tuple[int, int], values: list[Any]) -> list[Any]:
    def block(n: int, value: Any) -> Any:
        shape = tuple(n if i == axis else m for i, m in enumerate(shape_of(x)))
        if isinstance(value, Box):
            return ops.broadcast_to(ops.astype(value, peek(x).dtype), shape)
        return filled(shape, value, peek(x).dtype, peek(x))

    return [block(width[0], values[0]), x, block(width[1], values[1])]


def _ramp(x: Any, axis: int, width: tuple[int, int], ends: list[Any]) -> list[Any]:
    first, last = (ops.take(x, i, axis) for i in (0, shape_of(x)[axis] - 1))
    before, after = (
        ops.astype(np.linspace(end, edge, n, endpoint=False, axis=axis), peek(x).dtype)
        for end, edge, n in zip(ends, (first, last), width, strict=True)
    )
    return [before, x, after[_slices(axis, slice(None, None, -1))]]


def _statistic(x: Any, axis: int, width: tuple[int, int], lengths: list[Any], mode: str) -> list[Any]:
    n = shape_of(x)[axis]
    parts = []
    for length, count, side in zip(lengths, width, (0, 1), strict=True):
        length = n if length is None else min(int(length), n)
        if length == 0 and mode in ("maximum", "minimum"):
            raise ValueError("stat_length of 0 yields no value for padding")
        part = slice(0, length) if side == 0 else slice(n - length, n)
        value: Any = _STATISTICS[mode](x[_slices(axis, part)], axis=axis, keepdims=True)
        shape = tuple(count if i == axis else m for i, m in enumerate(shape_of(x)))
        parts.append(ops.broadcast_to(value, shape))
    return [parts[0], x, parts[1]]


def _picked(x: Any, axis: int, width: tuple[int, int], mode: str) -> Any:
    index = np.pad(np.arange(shape_of(x)[axis]), width, mode)  # type: ignore[call-overload]
    return ops.take(x, like(index, peek(x)), axis)


def _odd(x: Any, axis: int, width: tuple[int, int], mode: str) -> Any:
    """Reflected at the edge values: each new element is a combination of one element and the two edges, found on unit vectors."""
    n = shape_of(x)[axis]
    unit = np.eye(max(n, 1))
    first, last = (np.pad(unit[i], width, mode, reflect_type="odd") for i in (0, -1))  # type: ignore[call-overload]
    index = np.pad(np.arange(n), width, mode)  # type: ignore[call-overload]
    inner = np.where((index > 0) & (index < n - 1), 1.0 - first - last, 0.0)
    if n == 1:
        last = 0.0 * last

    def along(weights: Any) -> Any:
        column = weights.astype(peek(x).real.dtype).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
        return like(column, peek(x))

    edges = along(first) * x[_slices(axis, slice(0, 1))] + along(last) * x[_slices(axis, slice(n - 1, n))]
    return along(inner) * ops.take(x, like(index, peek(x)), axis) + edges


def _pad_body(x: Any, width: Any, mode: str, **kw: Any) -> Any:
    ndim = x.ndim
    values = _pairs(next(iter(kw.values()), {"linear_ramp": 0, "constant": 0}.get(mode)), ndim) if mode in _PAIRED else [[]] * ndim
    for axis in range(ndim):
        if not sum(width[axis]):
            continue
        if mode == "constant":
            x = ops.concatenate(_constant(x, axis, width[axis], values[axis]), axis)
        elif mode == "linear_ramp":
            x = ops.concatenate(_ramp(x, axis, width[axis], values[axis]), axis)
        elif mode in _STATISTICS:
            x = ops.concatenate(_statistic(x, axis, width[axis], values[axis], mode), axis)
        elif kw.get("reflect_type", "even") == "odd":
            x = _odd(x, axis, width[axis], mode)
        else:
            x = _picked(x, axis, width[axis], mode)
    return x


_PAIRED = {"constant", "linear_ramp", *_STATISTICS}
_native: Any = np.pad
pad_ = composite("pad", lambda x, width, mode, **kw: _native(x, width or 0, mode, **kw), _pad_body)  # NumPy declines () for ()


def _pad_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    inner = tuple(slice(a, a + n) for (a, _), n in zip(kw["width"], shape_of(xs[0]), strict=True))
    return lambda g: (g[inner],)


def _wider(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    values = np.broadcast_to(kw.get("constant_values", 0), (len(kw["width"]), 2)).tolist()
    return prim.bind(xs[0], width=((0, 0), *kw["width"]), constant_values=((0, 0), *values))


pad_constant_: Any = jointly_linear(
    "pad_constant",
    lambda x, width, constant_values=0: _native(x, width or 0, "constant", constant_values=constant_values),
    lambda y, xs, ts, kw: pad_constant_.bind(ts[0], width=kw["width"]),
    _pad_reverse,
    batch=_wider,
)
"""Linear but for the constant around the array, which has no tangent."""


def _by_function(array: Any, width: Any, function: Any, kwargs: dict[str, Any]) -> Any:
    """A function that writes into vectors of the padded array, which are views of it."""
    padded = ops.copy(_pad_body(array, width, "constant"))
    for axis in range(padded.ndim):
        view = ops.moveaxis(padded, axis, -1)
        for at in np.ndindex(*view.shape[:-1]):
            function(view[at] if at else view, tuple(width[axis]), axis, kwargs)
    return padded


def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    array = as_array(array)
    if type(pad_width) is int and pad_width >= 0 and mode == "constant" and not kwargs:
        return pad_constant_.bind(array, width=((pad_width, pad_width),) * array.ndim)
    if isinstance(pad_width, dict):
        full = [(0, 0)] * array.ndim
        for axis, w in pad_width.items():
            full[axis] = (w, w) if isinstance(w, int) else tuple(w)
        pad_width = full
    widths = np.asarray(pad_width)
    if widths.dtype.kind != "i":
        raise TypeError("`pad_width` must be of integral type.")
    if widths.min() < 0:
        raise ValueError("index can't contain negative values")
    width = tuple((int(a), int(b)) for a, b in np.broadcast_to(widths, (array.ndim, 2)))
    if callable(mode):
        return _by_function(array, width, mode, kwargs)
    if mode not in _KEYWORDS:
        raise ValueError(f"mode {mode!r} is not supported")
    if unknown := set(kwargs) - set(_KEYWORDS[mode]):
        raise ValueError(f"unsupported keyword arguments for mode {mode!r}: {unknown}")
    for axis, n in enumerate(array.shape):
        if n == 0 and mode not in ("constant", "empty") and sum(width[axis]):
            raise ValueError(f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'")
    if mode == "empty":  # undefined elements: anything will do
        mode = "edge" if array.size else "constant"
    values = next(iter(kwargs.values()), 0)
    if isinstance(values, Box) or (isinstance(values, list | tuple) and holds_box(values)):
        return _pad_body(array, width, mode, **kwargs)
    if mode == "constant":
        return pad_constant_.bind(array, width=width, **kwargs)
    return pad_.bind(array, width=width, mode=mode, **kwargs)


expose(pad, "numpy.pad", np.pad, "composite")
