"""Assignment and addition at an index, as functions that return a new array: linear in the array and in the new values.

NumPy's functions that update their first argument (put, copyto, place …) give the new array to the box they were handed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import arange, filled
from hoad.core.box import Box, functions, ops, shape_of, strip
from hoad.core.in_place import assign
from hoad.core.kinds import jointly_linear
from hoad.core.kinds.cotangents import fit, is_real
from hoad.errors import InPlaceError, UnsupportedFunctionError
from hoad.rules.indexing import along_axis_index, batched_index, beside, getitem_, is_unique, kept_index, plain_index


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
    index = kept_index(kw["index"])
    x, v = xs
    shape, value_shape, real_x, real_v = shape_of(x), shape_of(v), is_real(x), is_real(v)
    repeated = not is_unique(index)

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


ops.index_update, ops.index_add = index_update, index_add

# -- functions that update their first argument --------------------------------------------------------------------------------


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
