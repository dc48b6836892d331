"""Reading at an index, basic, fancy or boolean, and its transpose, which adds values into zeros.

What an index may be, and whether it can read an element twice, is decided here for assignment and picking too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import arange, is_host, like
from hoad.core.box import Box, Buffer, ops, peek, shape_of, strip
from hoad.core.engine import engine, sweep
from hoad.core.kinds import jointly_linear, linear
from hoad.core.kinds.cotangents import fit, is_real
from hoad.core.level import STATE
from hoad.errors import TracedConversionError, UnsupportedFunctionError
from hoad.rules.conversions import kept_buffer
from hoad.rules.shaping import view_of_one

_BASIC = (int, slice, type(None), type(Ellipsis), np.integer)


def is_basic(index: Any) -> bool:
    """True for an index of integers, slices, None and Ellipsis: no element is read twice, the result is a view."""
    if type(index) is tuple:
        return all(isinstance(i, _BASIC) and type(i) is not bool for i in index)
    return isinstance(index, _BASIC) and type(index) is not bool


def is_unique(index: Any) -> bool:
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
            if index.recorded:
                return int(index) if index.dtype.kind != "b" and not index.ndim else strip(index)
            raise UnsupportedFunctionError.no_rule("indexing with a batched index", "; np.take_along_axis and np.where have one")
        raise TracedConversionError.conversion("indexing with x", "an integer array that does not depend on x")
    return np.asarray(index) if type(index) is list else index


def memory_order(x: Any) -> tuple[int, ...] | None:
    """Axes of the plain array inside x from the largest stride to the smallest; None if that is C order."""
    plain = peek(x)
    if not isinstance(plain, np.ndarray) or plain.flags.c_contiguous or plain.ndim < 2:
        return None
    return tuple(sorted(range(plain.ndim), key=lambda a: -abs(plain.strides[a])))


def beside(index: Any, x: Any) -> Any:
    """An index whose arrays are where the array is that it reads."""
    plain = peek(x)
    if is_host(plain):
        return index
    return tuple(like(i, plain) for i in index) if type(index) is tuple else like(index, plain)


def kept_index(index: Any) -> Any:
    """The index as a reverse rule may keep it: the user may overwrite his index arrays later."""
    if type(index) is tuple:
        return tuple(i.copy("K") if isinstance(i, np.ndarray) else i for i in index)
    return index.copy("K") if isinstance(index, np.ndarray) else index


def batched_index(index: Any, ndim: int) -> tuple[Any, int]:
    """Index of the batched array, and where the hidden axis ends up."""
    parts = index if type(index) is tuple else (index,)
    advanced = [i for i, p in enumerate(parts) if not isinstance(p, slice | type(None) | type(Ellipsis))]
    arrays = any(not isinstance(parts[i], int | np.integer) for i in advanced)
    full = (slice(None), *parts)
    if arrays and advanced[-1] - advanced[0] + 1 != len(advanced):  # separated: NumPy puts their axes first
        rank = max(np.ndim(parts[i]) if getattr(getattr(parts[i], "dtype", None), "kind", "") != "b" else 1 for i in advanced)
        return full, rank
    return full, 0


def along_axis_index(shape: tuple[int, ...], indices: Any, axis: int) -> tuple[Any, ...]:
    """The fancy index with which ``x[index]`` is ``take_along_axis(x, indices, axis)``."""
    n = len(shape)
    return tuple(
        indices if i == axis else arange(shape[i], peek(indices)).reshape([-1 if k == i else 1 for k in range(n)]) for i in range(n)
    )


# -- reading and scattering ---------------------------------------------------------------------------------------------------


def added_to_zeros(g: Any, index: Any, shape: Any, order: Any) -> Any:
    """Plain zeros with ``g`` added at ``index``."""
    z = _zeros(g, shape, order)
    if is_unique(index):
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


def _getitem_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    full, at = batched_index(kw["index"], xs[0].ndim - 1)
    y = xs[0][full]
    return ops.moveaxis(y, at, 0) if at else y


def _scatter_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    full, at = batched_index(kw["index"], len(kw["shape"]))
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
    write_back=lambda x, y, kw: ops.index_update(x, kw["index"], y),
)
scatter_: Any = linear(
    "scatter",
    added_to_zeros,
    lambda g, old, index, shape, order: getitem_.bind(g, index=index),
    batch=_scatter_batch,
)


def _getitem_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    shape = xs[0].shape
    index = kw["index"]
    if type(index) not in (int, slice):
        index = kept_index(index)
    unique = is_unique(index)
    scattered = engine.Scattered
    order = memory_order(xs[0])
    return lambda g: (scattered(g if sweep.tracking is None else engine.tracked(g), index, shape, unique, order),)


def chooses(kw: dict[str, Any]) -> bool:
    """Whether an index has arrays or masks, so that it may leave out elements on purpose."""
    index = kw["index"]
    kind = type(index)
    if kind is int or kind is slice:
        return False
    return any(hasattr(i, "ndim") and i.ndim for i in (index if kind is tuple else (index,)))


getitem_.reverse = _getitem_reverse
getitem_.masks = chooses


# -- an index that differs from example to example --------------------------------------------------------------------------------


def is_batched(index: Any) -> bool:
    """Whether integers or truth values of a batch are among the parts of an index."""
    parts = index if type(index) is tuple else (index,)
    return any(isinstance(i, Box) and type(i) is not Buffer and i.dtype.kind in "iub" and not i.recorded for i in parts)


def _is_recorded_gather(x: Any, index: Any) -> bool:
    """Whether an index holds recorded integers and gives a copy: then any integers may be repeated.

    With masks the shape depends on the numbers, and x[i] for one integer is a view if there are other axes; both are looked at.
    """
    parts = index if type(index) is tuple else (index,)
    boxes = [i for i in parts if isinstance(i, Box) and i.recorded]
    if not boxes or any(i.dtype.kind not in "iu" for i in boxes):
        return False
    if not all(isinstance(i, slice | int | np.integer) or getattr(getattr(i, "dtype", None), "kind", "") in "iu" for i in parts):
        return False
    return any(shape_of(i) for i in parts if not isinstance(i, slice)) or len(parts) == len(shape_of(x))


def _row_of_loop(x: Any, index: Any) -> Any:
    """The entry of an array at the number of the step of a loop whose steps are recorded as one; None where that is not so."""
    parts = index if type(index) is tuple else (index,)
    found = [k for k, i in enumerate(parts) if not isinstance(i, _BASIC)]
    if len(found) != 1:
        return None
    i = parts[found[0]]
    if not isinstance(i, Box) or not i.recorded or i.shape or i.dtype.kind not in "iu":
        return None
    state = STATE.get(i.level)
    return None if state is None else state.row(x, parts, found[0])


def places_of(index: Any, shape: tuple[int, ...]) -> Any:
    """The elements that an index reads, counted in C order, as an array that may be batched."""
    parts = list(index) if type(index) is tuple else [index]
    if any(isinstance(i, Box) and i.dtype.kind == "b" for i in parts):
        raise UnsupportedFunctionError.no_rule("reading at a batched mask", ", which decides the shape; np.where has one")
    parts = [plain_index(i) if not isinstance(i, Box) or type(i) is Buffer else i for i in parts]
    if any(i is None or getattr(getattr(i, "dtype", None), "kind", "") == "b" for i in parts):
        raise UnsupportedFunctionError.no_rule("a batched index beside None or a mask", "; np.take_along_axis has one")
    if any(i is Ellipsis for i in parts):
        at = next(k for k, i in enumerate(parts) if i is Ellipsis)
        parts[at : at + 1] = [slice(None)] * (len(shape) - len(parts) + 1)
    parts += [slice(None)] * (len(shape) - len(parts))
    if len(parts) > len(shape):
        raise IndexError(f"too many indices for array: array is {len(shape)}-dimensional, but {len(parts)} were indexed")
    advanced = [k for k, i in enumerate(parts) if not isinstance(i, slice)]
    inner = np.broadcast_shapes(*(shape_of(parts[k]) for k in advanced))
    first = advanced[0] if advanced[-1] - advanced[0] + 1 == len(advanced) else 0
    free = [k for k in range(len(shape)) if k not in advanced]
    before = [k for k in free if k < advanced[0]] if first else []
    after = [k for k in free if k not in before]
    rank = len(free) + len(inner)
    place: Any = 0
    stride = 1
    for k in reversed(range(len(shape))):
        part, n = parts[k], shape[k]
        if k in advanced:
            _check_range(part, n, k)
            part = np.where(part < 0, part + n, part)
            part = np.reshape(part, tuple(shape_of(part)) + (1,) * len(after))
        else:
            part = np.arange(n)[part]
            behind = len(after) - 1 - after.index(k) if k in after else len(after) + len(inner) + len(before) - 1 - before.index(k)
            part = part.reshape((-1,) + (1,) * behind)
        place = place + part * stride
        stride *= n
    missing = rank - len(shape_of(place))
    return np.reshape(place, (1,) * missing + tuple(shape_of(place))) if missing else place


def _check_range(part: Any, n: int, axis: int) -> None:
    plain = np.asarray(peek(part)) if is_host(peek(part)) else np.zeros(0)
    if plain.size and (plain.min() < -n or plain.max() >= n):
        wrong = plain.min() if plain.min() < -n else plain.max()
        raise IndexError(f"index {wrong} is out of bounds for axis {axis} with size {n}")


def getitem(x: Any, index: Any) -> Any:
    """``x[index]`` of a traced array; a view (in NumPy's sense) if the index is basic."""
    if type(index) is slice or type(index) is int:
        return getitem_(x, index=index)
    if not is_basic(index):
        row = _row_of_loop(x, index)
        if row is not None:
            return row
        if is_batched(index) or _is_recorded_gather(x, index):
            places = places_of(index, shape_of(x))
            y = ops.take_along_axis(ops.ravel(x), ops.ravel(places), 0)
            return ops.reshape(y, shape_of(places)) if shape_of(places) else y[0]
        index = beside(plain_index(index), x)
        if not is_basic(index):
            return kept_buffer(x, getitem_.bind(x, index=index))
    y = getitem_(x, index=index)
    if index is Ellipsis or (type(index) is tuple and any(i is Ellipsis for i in index)):  # x[0, ...] is no scalar
        return y if shape_of(y) else view_of_one(x, y, getitem_, {"index": index})
    return y


def scatter(g: Any, index: Any, shape: Any, order: Any = None) -> Any:
    """Array of zeros with ``g`` added at ``index``: the transpose of ``x[index]``."""
    return scatter_.bind(g, index=beside(index, g), shape=tuple(shape), order=order)


# -- several pieces gathered in one array -------------------------------------------------------------------------------------


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
        elif is_unique(index):
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
        full, at = (Ellipsis, 0) if index is Ellipsis else batched_index(index, len(kw["shape"]))
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


ops.getitem, ops.scatter, ops.assemble = getitem, scatter, assemble
