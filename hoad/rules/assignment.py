"""Assignment and addition at an index, as functions that return a new array: linear in the array and in the new values.

NumPy's functions that update their first argument (put, copyto, place …) give the new array to the box they were handed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import arange, filled
from hoad.core.box import Box, ops, peek, shape_of
from hoad.core.engine import engine, sweep
from hoad.core.in_place import assign
from hoad.core.kinds import jointly_linear
from hoad.core.kinds.cotangents import fit, is_real
from hoad.core.primitive import expose
from hoad.errors import InPlaceError, UnsupportedFunctionError
from hoad.rules.indexing import (
    along_axis_index,
    batched_index,
    beside,
    getitem_,
    is_batched,
    is_unique,
    kept_index,
    places_of,
    plain_index,
)


def _updated(x: Any, v: Any, index: Any) -> Any:
    z = np.array(x) if isinstance(x, np.ndarray | np.generic) else x.copy()
    z[index] = v
    return z


def _added(x: Any, v: Any, index: Any) -> Any:
    z = np.array(x) if isinstance(x, np.ndarray | np.generic) else x.copy()
    if is_unique(index):
        z[index] += v
    else:
        np.add.at(z, index, v)
    return z


def _zeros_for(x: Any, t: Any) -> Any:
    return filled(shape_of(x), 0, peek(t).dtype, peek(t))


def _both(prim_name: str) -> Any:
    def forward(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
        dx, dv = ts
        prim = index_update_ if prim_name == "update" else index_add_
        if dx is None:
            dx = _zeros_for(xs[0], dv)
        elif dv is None:
            if prim_name == "add":
                return dx
            dv = peek(dx).dtype.type(0)
        return prim.bind(dx, dv, **kw)

    return forward


def _last_writes(index: Any, shape: tuple[int, ...], array: Any) -> Any:
    """For a repeated index, which of the written values stay: the last one wins, as in NumPy."""
    order = filled(shape, -1, int, array)
    written = arange(order[index].size, array).reshape(order[index].shape)
    order[index] = written
    return order[index] == written


def _update_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    index = kept_index(kw["index"])
    x, v = xs
    shape, value_shape, real_x, real_v = shape_of(x), shape_of(v), is_real(x), is_real(v)
    repeated = not is_unique(index)

    def pull(g: Any) -> Any:
        if sweep.tracking is not None:
            g = engine.tracked(g)
        out = []
        for i in which:
            if i == 0:
                zero = peek(g).dtype.type(0)
                out.append(fit(index_update_.bind(g, zero, index=index), shape, real_x))
            else:
                c = getitem_.bind(g, index=index)
                if repeated:
                    c = ops.gate(_last_writes(index, shape, peek(g)), c)
                out.append(fit(_drop_leading(c, value_shape), value_shape, real_v))
        return out

    return pull


def _drop_leading(c: Any, shape: tuple[int, ...]) -> Any:
    """Assignment also broadcasts away leading axes of length one of the value."""
    extra = len(shape) - len(c.shape)
    return ops.reshape(c, (1,) * extra + tuple(c.shape)) if extra > 0 else c


def _add_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    index = kept_index(kw["index"])
    spec = [(i, shape_of(xs[i]), is_real(xs[i])) for i in which]

    def pull(g: Any) -> Any:
        return [fit(_drop_leading(getitem_.bind(g, index=index), shape) if i else g, shape, real) for i, shape, real in spec]

    return pull


def _assign_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    x, v = xs
    if not flags[0]:
        x = ops.copy(ops.broadcast_to(x, (size, *shape_of(x))))
    full, at = batched_index(kw["index"], len(shape_of(x)) - 1)
    if flags[1]:
        target = len(filled(shape_of(x)[1:], 0, bool, peek(x))[kw["index"]].shape)
        v = ops.reshape(v, (size, *(1,) * (target - len(shape_of(v)) + 1), *shape_of(v)[1:]))
        v = ops.moveaxis(v, 0, at) if at else v
    return prim.bind(x, v, index=full)


index_update_ = jointly_linear(
    "index_update", lambda x, v, index: _updated(x, v, index), _both("update"), _update_reverse, batch=_assign_batch
)
index_update_.masks = True
index_add_ = jointly_linear("index_add", lambda x, v, index: _added(x, v, index), _both("add"), _add_reverse, batch=_assign_batch)


def index_update(x: Any, index: Any, values: Any) -> Any:
    """Copy of x with ``x[index] = values``."""
    if isinstance(values, list | tuple):
        values = ops.array(values)
    if is_batched(index):
        return _batched_update(x, index, _in_dtype(values, x), add=False)
    index = beside(plain_index(index), x)
    return index_update_.bind(x, _in_dtype(values, x), index=index)


def _batched_update(x: Any, index: Any, values: Any, add: bool) -> Any:
    """Assignment, or addition, at an index that differs from example to example.

    A mask chooses between the old elements and values that do not depend on how many it chooses. Integers write into a flat array;
    of several values for one place the last stays.
    """
    shape = shape_of(x)
    if isinstance(index, Box) and index.dtype.kind == "b":
        if len(shape_of(values)) > max(0, len(shape) - index.ndim):
            raise UnsupportedFunctionError.no_rule("assignment of an array at a batched mask", "; np.where has one")
        mask = ops.reshape(index, (*index.shape, *(1,) * (len(shape) - index.ndim)))
        return np.where(mask, x + values if add else values, x)
    places = places_of(index, shape)
    v = ops.ravel(ops.broadcast_to(values if isinstance(values, Box) else np.asarray(values), shape_of(places)))
    places, n = ops.ravel(places), int(np.prod(shape))
    if not add:  # of several values for one place, the last stays, and what was there goes
        order = ops.argsort(places, stable=True)
        v, places = ops.take_along_axis(v, order, 0), ops.take_along_axis(places, order, 0)
        last = ops.concatenate([places[1:] != places[:-1], np.ones(min(1, places.size), bool)], 0)
        v = np.where(last, v, 0.0)
        written = ops.put_along(np.ones(places.size), places, n) > 0
        x = np.where(ops.reshape(written, shape), 0.0, x)
    added = ops.put_along(v, places, n)
    return ops.astype(x + ops.reshape(added, shape), peek(x).dtype)


def _in_dtype(values: Any, x: Any) -> Any:
    """Traced values as an array of the dtype of x takes them; into integers they are truncated, without derivative."""
    if not isinstance(values, Box) or values.dtype == x.dtype:
        return values
    _must_be_real(values, x)
    return ops.astype(values, x.dtype)


def _must_be_real(values: Any, x: Any) -> None:
    if values.dtype.kind == "c" and x.dtype.kind != "c":
        raise InPlaceError("a complex value cannot be assigned into a real array; make the buffer complex: np.zeros(n, complex).")


def index_add(x: Any, index: Any, values: Any) -> Any:
    """Copy of x with ``np.add.at(x, index, values)``."""
    values = values if isinstance(values, Box) else np.asarray(values)
    _must_be_real(values, x)
    if is_batched(index):
        return _batched_update(x, index, values, add=True)
    return index_add_.bind(x, values, index=beside(plain_index(index), x))


ops.index_update, ops.index_add = index_update, index_add

# -- functions that update their first argument --------------------------------------------------------------------------------


def _box_to_update(a: Any, name: str) -> Any:
    if not isinstance(a, Box):
        raise InPlaceError(
            f"{name} would write a traced value into a plain {type(a).__name__}, which cannot hold its derivative. "
            "Make the array with np.zeros_like(x) or hoad.numpy.zeros."
        )
    return a


def copyto(dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    dst = _box_to_update(dst, "np.copyto")
    src = ops.array(src) if isinstance(src, list | tuple) else src
    if hasattr(src, "dtype") and not np.can_cast(src.dtype, dst.dtype, casting):
        raise TypeError(f"Cannot cast array data from {src.dtype!r} to {dst.dtype!r} according to the rule {casting!r}")
    chosen = src if where is True else np.where(where, src, dst)
    if len(shape_of(chosen)) > dst.ndim:
        raise ValueError(f"could not broadcast input array from shape {shape_of(src)} into shape {dst.shape}")
    assign(dst, index_update(dst, ..., chosen))


def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    a = _box_to_update(a, "np.put")
    index = np.ravel(np.asarray(plain_index(ind)))
    if mode == "wrap":
        index = index % a.size
    elif mode == "clip":
        index = np.clip(index, 0, a.size - 1)
    elif mode != "raise":
        raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got {mode!r})")
    _write_flat(a, index, v)


def _write_flat(a: Box, places: Any, values: Any) -> None:
    """Give the elements at ``places``, counted in C order, the values, which repeat if they are too few."""
    v = values if isinstance(values, Box) else ops.array(values)
    n, v = len(places), ops.ravel(v)
    if not n:
        return
    if not v.size:
        raise ValueError("Cannot insert from an empty array!")
    v = v if v.size == n else v[np.arange(n) % v.size]
    assign(a, ops.reshape(index_update(ops.ravel(a), places, v), a.shape))


def _masked_places(a: Any, mask: Any, name: str) -> Any:
    mask = np.asarray(plain_index(mask), bool)
    if mask.size != a.size:
        raise ValueError(f"{name}: mask and data must be the same size")
    return np.flatnonzero(mask)


def putmask(a: Any, mask: Any, values: Any) -> None:
    a = _box_to_update(a, "np.putmask")
    v = ops.ravel(values if isinstance(values, Box) else ops.array(values))
    if isinstance(mask, Box):  # batched: nothing has a shape that depends on it
        full = ops.reshape(v[np.arange(a.size) % v.size], a.shape)
        return assign(a, index_update(a, ..., np.where(mask, full, a)))
    places = _masked_places(a, mask, "putmask")
    return _write_flat(a, places, v[places % v.size]) if v.size else None


def place(arr: Any, mask: Any, vals: Any) -> None:
    arr = _box_to_update(arr, "np.place")
    _write_flat(arr, _masked_places(arr, mask, "place"), vals)


def put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None) -> None:
    arr = _box_to_update(arr, "np.put_along_axis")
    indices = np.asarray(plain_index(indices))
    if axis is None:
        index: Any = (np.unravel_index(indices, arr.shape)) if arr.ndim != 1 else indices
        return assign(arr, index_update(arr, index, values))
    axis = np.lib.array_utils.normalize_axis_index(axis, arr.ndim)
    return assign(arr, index_update(arr, along_axis_index(shape_of(arr), indices, axis), values))


def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    a = _box_to_update(a, "np.fill_diagonal")
    if a.ndim < 2:
        raise ValueError("array must be at least 2-d")
    if a.ndim == 2:
        step = a.shape[1] + 1
        end = a.size if wrap else min(a.size, a.shape[1] * a.shape[1])
    else:
        if len(set(a.shape)) != 1:
            raise ValueError("All dimensions of input must be of equal length")
        step, end = 1 + sum(a.shape[0] ** k for k in range(1, a.ndim)), a.size
    _write_flat(a, np.arange(0, end, step), val)


for _f in (copyto, put, putmask, place, put_along_axis, fill_diagonal):
    expose(_f, f"numpy.{_f.__name__}", getattr(np, _f.__name__), "linear")
