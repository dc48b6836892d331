"""Functions that pick elements: take, compress, diagonal, delete, insert …

Each is a read at an index that NumPy computes from the arguments, or the transpose of one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import arange, asarray
from hoad.core.box import Box, ops, peek, shape_of
from hoad.core.engine import engine, sweep
from hoad.core.kinds import jointly_linear, linear
from hoad.core.primitive import expose
from hoad.rules.arguments import as_array, normal_axis
from hoad.rules.assignment import index_update
from hoad.rules.indexing import added_to_zeros, along_axis_index, getitem, getitem_, plain_index, scatter


def _whole_numbers(indices: Any) -> Any:
    """Indices as np.take reads them: truth values are numbers; those of a batch stay in it."""
    if isinstance(indices, list | tuple | int | float):
        return np.asarray(plain_index(list(indices) if isinstance(indices, tuple) else indices), np.intp)
    if not isinstance(indices, Box) or indices.dtype.kind not in "iub" or indices.recorded:
        indices = asarray(plain_index(indices))
        if indices.dtype.kind not in "iub" and indices.size:
            raise TypeError(f"Cannot cast array data from {indices.dtype!r} to dtype('int64') according to the rule 'safe'")
    return indices if indices.dtype.kind in "iu" else ops.astype(indices, np.intp)


def take(a: Any, indices: Any, axis: int | None = None, out: Any = None, mode: str = "raise") -> Any:
    a = as_array(a)
    if axis is None or not a.ndim:  # a number is a vector of one here
        a, axis = ops.ravel(a), 0 if axis is None else axis
    axis = normal_axis(axis, a.ndim)
    indices = _whole_numbers(indices)
    n = a.shape[axis]
    if mode == "clip":
        indices = np.clip(indices, 0, n - 1)
    elif mode == "wrap":
        indices = indices % n
    return getitem(a, (*(slice(None),) * axis, indices))


def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    if axis is None:
        if len(shape_of(indices)) != 1:
            raise ValueError("when axis=None, `indices` must have a single dimension.")
        arr, axis = ops.ravel(arr), 0
    elif len(shape_of(indices)) != arr.ndim:
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    if isinstance(indices, Box):
        return take_along_(arr, indices, axis=normal_axis(axis, arr.ndim))
    return getitem_.bind(arr, index=along_axis_index(shape_of(arr), indices, normal_axis(axis, arr.ndim)))


def _take_along_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    x, indices = xs
    shape, axis = shape_of(x), kw["axis"]

    def pull(g: Any) -> Any:
        g = g if sweep.tracking is None else engine.tracked(g)
        return [put_along_.bind(g, indices, shape=shape, axis=axis) if i == 0 else None for i in which]

    return pull


def _along_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    full = [x if f else ops.broadcast_to(x, (size, *shape_of(x))) for x, f in zip(xs, flags, strict=True)]
    new = {**kw, "axis": kw["axis"] + 1}
    if "shape" in kw:
        new["shape"] = (size, *kw["shape"])
    return prim.bind(*full, **new)


def _put_along(g: Any, indices: Any, shape: Any, axis: int) -> Any:
    return added_to_zeros(g, along_axis_index(shape, indices, axis), shape, None)


take_along_: Any = jointly_linear(
    "take_along_axis",
    lambda x, indices, axis: np.take_along_axis(x, indices, axis),
    lambda y, xs, ts, kw: None if ts[0] is None else take_along_.bind(ts[0], xs[1], **kw),
    _take_along_reverse,
    batch=_along_batch,
)
put_along_: Any = jointly_linear(
    "put_along_axis_zeros",
    _put_along,
    lambda y, xs, ts, kw: None if ts[0] is None else put_along_.bind(ts[0], xs[1], **kw),
    lambda y, xs, kw, which: lambda g: [take_along_.bind(g, xs[1], axis=kw["axis"]) if i == 0 else None for i in which],
    batch=_along_batch,
)


def _put_along_flat(v: Any, places: Any, n: int) -> Any:
    """Zeros of length n with v added at ``places``, which may be batched."""
    return put_along_(v, places, shape=(n,), axis=0)


ops.put_along = _put_along_flat


def compress(condition: Any, a: Any, axis: int | None = None, out: Any = None) -> Any:
    if axis is None or not a.ndim:
        a, axis = ops.ravel(a), 0 if axis is None else axis
    return take(a, np.flatnonzero(asarray(plain_index(condition))), axis)


def extract(condition: Any, arr: Any) -> Any:
    return take(ops.ravel(arr), np.flatnonzero(asarray(plain_index(condition))), 0)


def read_only(y: Any) -> Any:
    """A result that is a view in NumPy but not here: an in-place update of it is an error, not silently lost."""
    plain = peek(y)
    if isinstance(plain, np.ndarray):
        plain.flags.writeable = False
    return y


ops.read_only = read_only


def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    if a.ndim < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    axes = tuple(np.lib.array_utils.normalize_axis_index(i, a.ndim) for i in (axis1, axis2))
    if axes[0] == axes[1]:
        raise ValueError("axis1 and axis2 cannot be the same")
    return diagonal_(a, offset=int(offset), axes=axes)


def _on_diagonal(shape: tuple[int, ...], offset: int, array: Any) -> tuple[Any, Any, Any]:
    """Index of the diagonal of the last two axes."""
    i = arange(max(0, min(shape[-2] + min(offset, 0), shape[-1] - max(offset, 0))), peek(array))
    return (..., i - min(offset, 0), i + max(offset, 0))


def _diagonal_transpose(g: Any, shape: tuple[int, ...], offset: int, axes: tuple[int, int]) -> Any:
    moved = tuple(n for i, n in enumerate(shape) if i not in axes) + tuple(shape[i] for i in axes)
    return ops.moveaxis(scatter(g, _on_diagonal(moved, offset, g), moved), (-2, -1), axes)


def _with_diagonal(x: Any, y: Any, offset: int, axes: tuple[int, int]) -> Any:
    moved = ops.moveaxis(x, axes, (-2, -1))
    return ops.moveaxis(index_update(moved, _on_diagonal(moved.shape, offset, x), y), (-2, -1), axes)


def _diagonal_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    return prim.bind(xs[0], **{**kw, "axes": tuple(i + 1 for i in kw["axes"])})


diagonal_ = linear(
    "diagonal",
    lambda x, offset, axes: np.diagonal(x, offset, *axes),
    _diagonal_transpose,
    batch=_diagonal_batch,
    write_back=lambda x, y, kw: _with_diagonal(x, y, **kw),  # NumPy's diagonal is read-only, those of others are not
)


def diag(v: Any, k: int = 0) -> Any:
    if v.ndim == 2:
        return diagonal(v, k)
    if v.ndim != 1:
        raise ValueError("Input must be 1- or 2-d.")
    n = v.shape[0] + abs(k)
    i = arange(v.shape[0], peek(v))
    return scatter(v, (i + max(0, -k), i + max(0, k)), (n, n))


def diagflat(v: Any, k: int = 0) -> Any:
    return diag(ops.ravel(v), k)


def sliding_window_view(x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False) -> Any:
    """Windows along axes, which come last; read at an index, and so without the saving of memory of a view."""
    x = as_array(x)
    window = tuple(window_shape) if np.iterable(window_shape) else (window_shape,)
    if any(n < 0 for n in window):
        raise ValueError("`window_shape` cannot contain negative values")
    axes = tuple(range(x.ndim)) if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, x.ndim, allow_duplicate=True)
    if len(window) != len(axes):
        raise ValueError(f"Must provide matching length window_shape and axis; got {len(window)} and {len(axes)} elements.")
    for a, n in zip(axes, window, strict=True):
        places = x.shape[a] - n + 1
        if places < 1:
            raise ValueError("window shape cannot be larger than input array shape")
        index = arange(places, peek(x))[:, None] + arange(n, peek(x))[None, :]
        x = ops.moveaxis(take(x, index, a), a + 1, -1)
    return read_only(x)


def delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    if axis is None:
        arr, axis = ops.ravel(arr), 0
    return take(arr, np.delete(np.arange(arr.shape[normal_axis(axis, arr.ndim)]), obj), axis)


def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    if axis is None:
        arr, axis = ops.ravel(arr), 0
    axis = normal_axis(axis, arr.ndim)
    n = arr.shape[axis]
    place = np.insert(np.arange(n), obj, -1)
    new = np.flatnonzero(place < 0)
    moved = ops.moveaxis(arr, axis, 0)
    out = scatter(moved, (np.flatnonzero(place >= 0),), (len(place), *moved.shape[1:]))
    values = asarray(values)
    if values.ndim == arr.ndim and arr.ndim > 1 and not np.ndim(obj):
        new = np.arange(new[0], new[0] + len(new))
    value_moved = values if values.ndim < arr.ndim else np.moveaxis(values, axis, 0)
    if values.ndim == arr.ndim - 1 and not np.ndim(obj):
        value_moved = values
    elif 0 < values.ndim < arr.ndim:
        value_moved = np.moveaxis(np.reshape(values, (1,) * (arr.ndim - values.ndim) + tuple(values.shape)), axis, 0)
    return ops.moveaxis(index_update(out, (new,), value_moved), 0, axis)


_f: Any
for _f in (take, take_along_axis, compress, extract, diagonal, diag, diagflat, delete, insert):
    expose(_f, f"numpy.{_f.__name__}", getattr(np, _f.__name__), "linear")
_windows: Any = np.lib.stride_tricks.sliding_window_view
expose(sliding_window_view, "numpy.lib.stride_tricks.sliding_window_view", _windows, "linear")
