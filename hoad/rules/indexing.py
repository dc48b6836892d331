"""Indexing: basic, fancy and boolean reads, their transposes, and functional assignment."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import arange, asarray, filled, is_host, like
from hoad.core.box import Box, Buffer, assign, functions, ops, shape_of, strip
from hoad.core.engine import engine
from hoad.core.kinds import jointly_linear, linear
from hoad.core.kinds.cotangents import fit, is_real
from hoad.core.primitive import expose
from hoad.errors import InPlaceError, TracedConversionError, UnsupportedFunctionError

_BASIC = (int, slice, type(None), type(Ellipsis), np.integer)


def is_basic(index: Any) -> bool:
    """True for an index of integers, slices, None and Ellipsis: no element is read twice, the result is a view."""
    if type(index) is tuple:
        return all(isinstance(i, _BASIC) and type(i) is not bool for i in index)
    return isinstance(index, _BASIC) and type(index) is not bool


def _is_unique(index: Any) -> bool:
    """True if no element can be read twice: basic and boolean indices."""
    if type(index) is slice or type(index) is int:
        return True
    parts = index if type(index) is tuple else (index,)
    return all(isinstance(i, _BASIC) or (getattr(getattr(i, "dtype", None), "kind", "") == "b") or type(i) is bool for i in parts)


def plain_index(index: Any) -> Any:
    """The index with lists as arrays; a traced index is an error, because it would drop its derivative."""
    if type(index) is tuple:
        return tuple(plain_index(i) for i in index)
    if isinstance(index, Box):
        if type(index) is Buffer and index.dtype.kind in "iub":
            return index.value
        if index.dtype.kind in "iub":
            raise UnsupportedFunctionError.no_rule("indexing with a batched index", "; np.take_along_axis and np.where have one")
        raise TracedConversionError.conversion("indexing with x", "an integer array that does not depend on x")
    return np.asarray(index) if type(index) is list else index


def _scatter(g: Any, index: Any, shape: Any, order: Any) -> Any:
    z = _zeros(g, shape, order)
    if _is_unique(index):
        z[index] = g
    else:
        np.add.at(z, index, g)
    return z


def _zeros(like: Any, shape: tuple[int, ...], order: tuple[int, ...] | None) -> Any:
    """Zeros of the dtype and device of ``like``, with axes laid out in memory in the given order."""
    if not isinstance(like, np.ndarray | np.generic):
        return np.zeros_like(like, shape=shape)
    if order is None or len(order) != len(shape):
        return np.zeros(shape, like.dtype)
    inverse = [0] * len(order)
    for i, a in enumerate(order):
        inverse[a] = i
    return np.zeros([shape[a] for a in order], like.dtype).transpose(inverse)


def memory_order(x: Any) -> tuple[int, ...] | None:
    """Axes of the plain array inside x from the largest stride to the smallest; None if that is C order."""
    plain = strip(x)
    if not isinstance(plain, np.ndarray) or plain.flags.c_contiguous or plain.ndim < 2:
        return None
    return tuple(sorted(range(plain.ndim), key=lambda a: -abs(plain.strides[a])))


def beside(index: Any, x: Any) -> Any:
    """An index whose arrays are where the array is that it reads."""
    plain = strip(x)
    if is_host(plain):
        return index
    return tuple(like(i, plain) for i in index) if type(index) is tuple else like(index, plain)


def _batched_index(index: Any, ndim: int) -> tuple[Any, int]:
    """Index of the batched array, and where the hidden axis ends up."""
    parts = index if type(index) is tuple else (index,)
    advanced = [i for i, p in enumerate(parts) if not isinstance(p, slice | type(None) | type(Ellipsis))]
    arrays = any(not isinstance(parts[i], int | np.integer) for i in advanced)
    full = (slice(None), *parts)
    if arrays and advanced[-1] - advanced[0] + 1 != len(advanced):  # separated: NumPy puts their axes first
        rank = max(np.ndim(parts[i]) if getattr(getattr(parts[i], "dtype", None), "kind", "") != "b" else 1 for i in advanced)
        return full, rank
    return full, 0


def _getitem_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    full, at = _batched_index(kw["index"], xs[0].ndim - 1)
    y = xs[0][full]
    return ops.moveaxis(y, at, 0) if at else y


def _scatter_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    full, at = _batched_index(kw["index"], len(kw["shape"]))
    g = ops.moveaxis(xs[0], 0, at) if at else xs[0]
    order, shape = kw["order"], (size, *kw["shape"])
    if order is not None and len(order) < len(shape):
        order = (0, *(a + 1 for a in order))
    return scatter_.bind(g, index=full, shape=shape, order=order)


getitem_ = linear(
    "getitem",
    lambda x, index: x[index],
    lambda g, old, index: scatter_.bind(g, index=index, shape=old, order=None),
    batch=_getitem_batch,
    write_back=lambda x, y, kw: index_update(x, kw["index"], y),
)
scatter_: Any = linear(
    "scatter",
    _scatter,
    lambda g, old, index, shape, order: getitem_.bind(g, index=index),
    batch=_scatter_batch,
)


def _assembled(*gs: Any, indices: Any, shape: Any, order: Any) -> Any:
    dtype = np.result_type(*[g.dtype for g in gs])
    like = gs[0] if gs[0].dtype == dtype else gs[0].astype(dtype)
    if indices[0] is Ellipsis and gs[0].shape == shape:
        total = np.array(like, order="K") if isinstance(like, np.ndarray | np.generic) else like.copy()
        rest = 1
    else:
        total, rest = _zeros(like, shape, order), 0
    for g, index in zip(gs[rest:], indices[rest:], strict=True):
        if index is Ellipsis:
            total += g
        elif _is_unique(index):
            total[index] += g
        else:
            np.add.at(total, index, g)
    return total


def _assemble_forward(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    active = [i for i, t in enumerate(ts) if t is not None]
    return assemble_.bind(*[ts[i] for i in active], **{**kw, "indices": tuple(kw["indices"][i] for i in active)})


def _assemble_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    indices = kw["indices"]
    spec = [(indices[i], shape_of(xs[i]), is_real(xs[i])) for i in which]

    def pull(g: Any) -> Any:
        return [fit(g if index is Ellipsis else getitem_.bind(g, index=index), shape, real) for index, shape, real in spec]

    return pull


def _assemble_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    shape, order, gs, indices = (size, *kw["shape"]), kw["order"], [], []
    for x, flag, index in zip(xs, flags, kw["indices"], strict=True):
        full, at = (Ellipsis, 0) if index is Ellipsis else _batched_index(index, len(kw["shape"]))
        x = x if flag else np.expand_dims(x, 0)
        gs.append(ops.moveaxis(x, 0, at) if at else x)
        indices.append(full)
    if order is not None and len(order) < len(shape):
        order = (0, *(a + 1 for a in order))
    return prim.bind(*gs, indices=tuple(indices), shape=shape, order=order)


assemble_ = jointly_linear("assemble", _assembled, _assemble_forward, _assemble_reverse, batch=_assemble_batch)


def assemble(pieces: list[tuple[Any, Any]], shape: tuple[int, ...], order: Any) -> Any:
    """Array of zeros with every piece (values, index) added; an index of Ellipsis is the whole array."""
    return assemble_.bind(*[g for g, _ in pieces], indices=tuple(i for _, i in pieces), shape=shape, order=order)


ops.assemble = assemble


def _kept(index: Any) -> Any:
    """The index as a reverse rule may keep it: the user may overwrite his index arrays later."""
    if type(index) is tuple:
        return tuple(i.copy("K") if isinstance(i, np.ndarray) else i for i in index)
    return index.copy("K") if isinstance(index, np.ndarray) else index


def _getitem_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    shape = xs[0].shape
    index = kw["index"]
    if type(index) not in (int, slice):
        index = _kept(index)
    unique = _is_unique(index)
    scattered = engine.Scattered
    order = memory_order(xs[0])
    return lambda g: (scattered(g, index, shape, unique, order),)


getitem_.reverse = _getitem_reverse


def getitem(x: Any, index: Any) -> Any:
    """``x[index]`` of a traced array; a view (in NumPy's sense) if the index is basic."""
    if type(index) is slice or type(index) is int:
        return getitem_(x, index=index)
    index = beside(plain_index(index), x)
    return getitem_(x, index=index) if is_basic(index) else getitem_.bind(x, index=index)


def scatter(g: Any, index: Any, shape: Any, order: Any = None) -> Any:
    """Array of zeros with ``g`` added at ``index``: the transpose of ``x[index]``."""
    return scatter_.bind(g, index=beside(index, g), shape=tuple(shape), order=order)


# -- assignment and addition at an index: linear in the array and in the new values --------------------------------------------


def _updated(x: Any, v: Any, index: Any) -> Any:
    z = np.array(x) if isinstance(x, np.ndarray | np.generic) else x.copy()
    z[index] = v
    return z


def _added(x: Any, v: Any, index: Any) -> Any:
    z = np.array(x) if isinstance(x, np.ndarray | np.generic) else x.copy()
    if _is_unique(index):
        z[index] += v
    else:
        np.add.at(z, index, v)
    return z


def _zeros_for(x: Any, t: Any) -> Any:
    return filled(shape_of(x), 0, strip(t).dtype, strip(t))


def _both(prim_name: str) -> Any:
    def forward(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
        dx, dv = ts
        prim = index_update_ if prim_name == "update" else index_add_
        if dx is None:
            dx = _zeros_for(xs[0], dv)
        elif dv is None:
            if prim_name == "add":
                return dx
            dv = strip(dx).dtype.type(0)
        return prim.bind(dx, dv, **kw)

    return forward


def _last_writes(index: Any, shape: tuple[int, ...], array: Any) -> Any:
    """For a repeated index, which of the written values stay: the last one wins, as in NumPy."""
    order = filled(shape, -1, int, array)
    written = arange(order[index].size, array).reshape(order[index].shape)
    order[index] = written
    return order[index] == written


def _update_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    index = _kept(kw["index"])
    x, v = xs
    shape, value_shape, real_x, real_v = shape_of(x), shape_of(v), is_real(x), is_real(v)
    repeated = not _is_unique(index)

    def pull(g: Any) -> Any:
        out = []
        for i in which:
            if i == 0:
                zero = strip(g).dtype.type(0)
                out.append(fit(index_update_.bind(g, zero, index=index), shape, real_x))
            else:
                c = getitem_.bind(g, index=index)
                if repeated:
                    c = ops.gate(_last_writes(index, shape, strip(g)), c)
                out.append(fit(_drop_leading(c, value_shape), value_shape, real_v))
        return out

    return pull


def _drop_leading(c: Any, shape: tuple[int, ...]) -> Any:
    """Assignment also broadcasts away leading axes of length one of the value."""
    extra = len(shape) - len(c.shape)
    return ops.reshape(c, (1,) * extra + tuple(c.shape)) if extra > 0 else c


def _add_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    index = _kept(kw["index"])
    spec = [(i, shape_of(xs[i]), is_real(xs[i])) for i in which]

    def pull(g: Any) -> Any:
        return [fit(_drop_leading(getitem_.bind(g, index=index), shape) if i else g, shape, real) for i, shape, real in spec]

    return pull


def _assign_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    x, v = xs
    if not flags[0]:
        x = ops.copy(ops.broadcast_to(x, (size, *shape_of(x))))
    full, at = _batched_index(kw["index"], len(shape_of(x)) - 1)
    if flags[1]:
        target = len(filled(shape_of(x)[1:], 0, bool, strip(x))[kw["index"]].shape)
        v = ops.reshape(v, (size, *(1,) * (target - len(shape_of(v)) + 1), *shape_of(v)[1:]))
        v = ops.moveaxis(v, 0, at) if at else v
    return prim.bind(x, v, index=full)


index_update_ = jointly_linear(
    "index_update", lambda x, v, index: _updated(x, v, index), _both("update"), _update_reverse, batch=_assign_batch
)
index_add_ = jointly_linear("index_add", lambda x, v, index: _added(x, v, index), _both("add"), _add_reverse, batch=_assign_batch)


def index_update(x: Any, index: Any, values: Any) -> Any:
    """Copy of x with ``x[index] = values``."""
    index = beside(plain_index(index), x)
    if strip(values) is not values and strip(values).dtype.kind == "c" and strip(x).dtype.kind != "c":
        raise InPlaceError("a complex value cannot be assigned into a real array; make the buffer complex: np.zeros(n, complex).")
    if isinstance(values, list | tuple):
        values = ops.array(values)
    return index_update_.bind(x, values, index=index)


def index_add(x: Any, index: Any, values: Any) -> Any:
    """Copy of x with ``np.add.at(x, index, values)``."""
    return index_add_.bind(x, values, index=beside(plain_index(index), x))


ops.getitem, ops.scatter, ops.index_update, ops.index_add = getitem, scatter, index_update, index_add

# -- the functions of NumPy ------------------------------------------------------------------------------------------------


def take(a: Any, indices: Any, axis: int | None = None, out: Any = None, mode: str = "raise") -> Any:
    if axis is None:
        a, axis = ops.ravel(a), 0
    indices = asarray(plain_index(indices))
    n = a.shape[axis]
    if mode == "clip":
        indices = np.clip(indices, 0, n - 1)
    elif mode == "wrap":
        indices = indices % n
    return getitem(a, (*(slice(None),) * (axis % a.ndim), indices))


def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    if axis is None:
        arr, axis = ops.ravel(arr), 0
    if isinstance(indices, Box):
        return take_along_(arr, indices, axis=axis % arr.ndim)
    return getitem_.bind(arr, index=along_axis_index(shape_of(arr), indices, axis % arr.ndim))


def along_axis_index(shape: tuple[int, ...], indices: Any, axis: int) -> tuple[Any, ...]:
    """The fancy index with which ``x[index]`` is ``take_along_axis(x, indices, axis)``."""
    n = len(shape)
    return tuple(
        indices if i == axis else arange(shape[i], strip(indices)).reshape([-1 if k == i else 1 for k in range(n)])
        for i in range(n)
    )


def _take_along_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    x, indices = xs
    shape, axis = shape_of(x), kw["axis"]
    return lambda g: [put_along_.bind(g, indices, shape=shape, axis=axis) if i == 0 else None for i in which]


def _along_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    full = [x if f else ops.broadcast_to(x, (size, *shape_of(x))) for x, f in zip(xs, flags, strict=True)]
    new = {**kw, "axis": kw["axis"] + 1}
    if "shape" in kw:
        new["shape"] = (size, *kw["shape"])
    return prim.bind(*full, **new)


def _put_along(g: Any, indices: Any, shape: Any, axis: int) -> Any:
    return _scatter(g, along_axis_index(shape, indices, axis), shape, None)


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


def compress(condition: Any, a: Any, axis: int | None = None, out: Any = None) -> Any:
    if axis is None:
        a, axis = ops.ravel(a), 0
    return take(a, np.flatnonzero(asarray(plain_index(condition))), axis)


def extract(condition: Any, arr: Any) -> Any:
    return take(ops.ravel(arr), np.flatnonzero(asarray(plain_index(condition))), 0)


def read_only(y: Any) -> Any:
    """A result that is a view in NumPy but not here: an in-place update of it is an error, not silently lost."""
    plain = strip(y)
    if isinstance(plain, np.ndarray):
        plain.flags.writeable = False
    return y


ops.read_only = read_only


def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    a = ops.moveaxis(a, (axis1, axis2), (-2, -1))
    rows, columns = a.shape[-2:]
    i = arange(max(0, min(rows + min(offset, 0), columns - max(offset, 0))), strip(a))
    return read_only(getitem_.bind(a, index=(..., i - min(offset, 0), i + max(offset, 0))))


def diag(v: Any, k: int = 0) -> Any:
    if v.ndim == 2:
        return diagonal(v, k)
    if v.ndim != 1:
        raise ValueError("Input must be 1- or 2-d.")
    n = v.shape[0] + abs(k)
    i = arange(v.shape[0], strip(v))
    return scatter(v, (i + max(0, -k), i + max(0, k)), (n, n))


def diagflat(v: Any, k: int = 0) -> Any:
    return diag(ops.ravel(v), k)


def delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    if axis is None:
        arr, axis = ops.ravel(arr), 0
    return take(arr, np.delete(np.arange(arr.shape[axis]), obj), axis)


def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    if axis is None:
        arr, axis = ops.ravel(arr), 0
    axis %= max(arr.ndim, 1)
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


# -- functions that update their first argument ----------------------------------------------------------------------------------


def _box_to_update(a: Any, name: str) -> Any:
    if not isinstance(a, Box):
        raise InPlaceError(
            f"{name} would write a traced value into a plain {type(a).__name__}, which cannot hold its derivative. "
            "Make the array with np.zeros_like(x) or hoad.numpy.zeros."
        )
    return a


def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    dst = _box_to_update(dst, "np.copyto")
    assign(dst, index_update(dst, ..., src if where is True else np.where(where, src, dst)))


def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    if mode != "raise":
        raise UnsupportedFunctionError.no_rule(f"np.put with mode={mode!r}")
    index = np.asarray(plain_index(ind)).ravel()
    _box_to_update(a, "np.put")
    assign(a, ops.reshape(index_update(ops.ravel(a), index, _repeated(v, index.size)), a.shape))


def _repeated(v: Any, n: int) -> Any:
    v = ops.ravel(v) if isinstance(v, Box) else np.ravel(v)
    return v if v.size == n else v[np.arange(n) % v.size]


def putmask(a: Any, mask: Any, values: Any) -> None:
    chosen = np.flatnonzero(np.asarray(plain_index(mask)))
    v = ops.ravel(values) if isinstance(values, Box) else np.ravel(values)
    _box_to_update(a, "np.putmask")
    assign(a, ops.reshape(index_update(ops.ravel(a), chosen, v[chosen % v.size]), a.shape))


def place(arr: Any, mask: Any, vals: Any) -> None:
    chosen = np.flatnonzero(np.asarray(plain_index(mask)))
    _box_to_update(arr, "np.place")
    v = ops.ravel(vals) if isinstance(vals, Box) else np.ravel(vals)
    assign(arr, ops.reshape(index_update(ops.ravel(arr), chosen, v[np.arange(chosen.size) % v.size]), arr.shape))


def put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None) -> None:
    indices = np.asarray(plain_index(indices))
    _box_to_update(arr, "np.put_along_axis")
    if axis is None:
        return put(arr, indices, values)
    assign(arr, index_update(arr, along_axis_index(shape_of(arr), indices, axis % arr.ndim), values))
    return None


def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    if a.ndim != 2 or wrap:
        raise UnsupportedFunctionError.no_rule("np.fill_diagonal with wrap=True or more than two dimensions")
    i = np.arange(min(a.shape))
    _box_to_update(a, "np.fill_diagonal")
    assign(a, index_update(a, (i, i), _repeated(val, i.size) if np.size(strip(val)) > 1 else val))


_f: Any
for _f in (copyto, put, putmask, place, put_along_axis, fill_diagonal):
    functions[getattr(np, _f.__name__)] = _f
for _f in (take, take_along_axis, compress, extract, diagonal, diag, diagflat, delete, insert):
    expose(_f, f"numpy.{_f.__name__}", getattr(np, _f.__name__), "linear")
