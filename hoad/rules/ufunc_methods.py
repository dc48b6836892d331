"""Methods of ufuncs: reduce, accumulate, reduceat, outer and at.

Sums, products, extrema and scans are the functions of those names; every other ufunc that hoad knows gets its methods from its
own rule, applied along an axis. Values are those of NumPy's method; what is written here is differentiated.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from hoad.backends import asarray, filled, is_host
from hoad.core.box import Box, functions, ops, peek, shape_of, ufuncs
from hoad.core.in_place import assign
from hoad.core.kinds import composite, constant
from hoad.core.kinds.batching import shift_axis
from hoad.errors import InPlaceError
from hoad.rules.arguments import normal_axis
from hoad.rules.indexing import is_unique, plain_index
from hoad.rules.reductions import NoValue, ufunc_axes

ASSOCIATIVE = {np.add, np.multiply, np.logaddexp, np.logaddexp2, np.hypot}
"""Ufuncs whose operands may be grouped in any way: reduced by halves instead of one by one."""


def _first_axis(x: Any, axis: tuple[int, ...]) -> Any:
    """The reduced axes as the first one."""
    shape = shape_of(x)
    rest = tuple(i for i in range(len(shape)) if i not in axis)
    return ops.reshape(ops.transpose(x, (*axis, *rest)), (-1 if x.size else _size(shape, axis), *(shape[i] for i in rest)))


def _size(shape: tuple[int, ...], axis: tuple[int, ...]) -> int:
    n = 1
    for i in axis:
        n *= shape[i]
    return n


def _kept(y: Any, shape: tuple[int, ...], axis: tuple[int, ...], keepdims: bool) -> Any:
    return ops.reshape(y, tuple(1 if i in axis else n for i, n in enumerate(shape))) if keepdims else y


# -- reduce -----------------------------------------------------------------------------------------------------------------


def _reduce_body(x: Any, where: Any, *initial: Any, ufunc: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    shape = shape_of(x)
    rows = _first_axis(x, axis)
    n = rows.shape[0]
    if where is not True:
        where = _first_axis(ops.broadcast_to(asarray(where), shape), axis)
    if where is True and n and ufunc in ASSOCIATIVE:
        y = _by_halves(ufunc, rows)
        return _kept(ufunc(initial[0], y) if initial else y, shape, axis, keepdims)
    start = 0
    if initial:
        y = ops.broadcast_to(asarray(initial[0]), rows.shape[1:])
    elif ufunc.identity is None and (where is not True or not n):
        raise ValueError(f"zero-size array to reduction operation {ufunc.__name__} which has no identity")
    elif where is not True or not n:
        y = filled(rows.shape[1:], ufunc.identity, peek(x).dtype, peek(x))
    else:
        y, start = rows[0], 1
    for i in range(start, n):
        step = ufunc(y, rows[i])
        y = step if where is True else np.where(where[i], step, y)
    return _kept(y, shape, axis, keepdims)


def _by_halves(ufunc: Any, x: Any) -> Any:
    n = x.shape[0]
    while n > 1:
        half = n // 2
        paired = ufunc(x[:half], x[half : 2 * half])
        x = ops.concatenate([paired, x[2 * half :]], 0) if n % 2 else paired
        n = x.shape[0]
    return x[0]


def _reduce_native(x: Any, where: Any, *initial: Any, ufunc: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    return ufunc.reduce(x, axis=axis, keepdims=keepdims, where=where, initial=initial[0] if initial else NoValue)


reduce_ = composite("ufunc_reduce", _reduce_native, _reduce_body)


def reduce(
    ufunc: Any, a: Any, axis: Any = 0, dtype: Any = None, keepdims: Any = False, initial: Any = NoValue, where: Any = True
) -> Any:
    """``ufunc.reduce`` from the rule of the ufunc itself."""
    a = asarray(a) if dtype is None else ops.astype(a, dtype)
    given = () if initial is NoValue or initial is None else (initial,)
    axes = ufunc_axes(axis, len(shape_of(a)))
    if ufunc in (np.fmax, np.fmin) and where is True and not given:  # ties are shared as in np.max
        return functions[np.nanmax if ufunc is np.fmax else np.nanmin](a, axes, keepdims=bool(keepdims))
    # One by one, the body is the definition of the value too; NumPy 2.4 gives another one for power and arctan2 along an axis
    # that is contiguous in memory.
    function = reduce_.bind if ufunc in ASSOCIATIVE or len(axes) != 1 else _reduce_body
    return function(a, where, *given, ufunc=ufunc, axis=axes, keepdims=bool(keepdims))


def _known(function: Callable[..., Any]) -> Callable[..., Any]:
    def reduced(a: Any, axis: Any = 0, dtype: Any = None, keepdims: Any = False, initial: Any = NoValue, where: Any = True) -> Any:
        given = {} if initial is NoValue else {"initial": initial}
        a = asarray(a) if dtype is None else ops.astype(a, dtype)
        return function(a, axis, keepdims=keepdims, where=where, **given)

    return reduced


# -- accumulate -------------------------------------------------------------------------------------------------------------


def _accumulate_body(x: Any, ufunc: Any, axis: int) -> Any:
    n = shape_of(x)[axis]
    before = (slice(None),) * axis
    if ufunc in ASSOCIATIVE:  # parallel prefix (Hillis & Steele 1986)
        step = 1
        while step < n:
            later = ufunc(x[(*before, slice(0, n - step))], x[(*before, slice(step, None))])
            x = ops.concatenate([x[(*before, slice(0, step))], later], axis)
            step *= 2
        return asarray(x)
    rows = [x[(*before, 0)]] if n else []
    for i in range(1, n):
        rows.append(ufunc(rows[-1], x[(*before, i)]))
    return ops.stack(rows, axis) if rows else asarray(x)


running_value = constant("running_value", lambda x, ufunc, axis: ufunc.accumulate(x, axis=axis), batch=shift_axis)


def _extremum_body(x: Any, ufunc: Any, axis: int) -> Any:
    """Running extremum, ties shared equally: the mean, within a run of equal extrema, of the elements that attain it.

    Sums within runs are a segmented scan, in log2(n) steps.
    """
    plain_y = running_value.bind(x, ufunc=ufunc, axis=axis)
    n = shape_of(x)[axis]
    before = (slice(None),) * axis
    if n < 2:
        return asarray(x)
    hit = np.logical_or(np.equal(x, plain_y), np.logical_and(np.isnan(x), np.isnan(plain_y)))
    changed = np.not_equal(plain_y[(*before, slice(1, None))], plain_y[(*before, slice(0, -1))])
    changed = np.logical_and(changed, np.logical_not(np.isnan(plain_y[(*before, slice(0, -1))])))
    run = np.cumsum(ops.concatenate([0 * hit[(*before, slice(0, 1))], changed], axis), axis)
    total, count = np.where(hit, x, 0.0), np.where(hit, 1.0, 0.0)
    step = 1
    while step < n:
        head, tail, first = (*before, slice(0, n - step)), (*before, slice(step, None)), (*before, slice(0, step))
        same = run[head] == run[tail]
        total, count = (ops.concatenate([s[first], s[tail] + np.where(same, s[head], 0.0)], axis) for s in (total, count))
        step *= 2
    return total / count.astype(peek(x).dtype)


accumulate_ = composite("ufunc_accumulate", lambda x, ufunc, axis: ufunc.accumulate(x, axis=axis), _accumulate_body)


def _one_axis(a: Any, axis: int | None, method: str) -> int:
    """The axis of a method that needs one."""
    rank = len(shape_of(a))
    if not rank:
        raise TypeError(f"cannot {method} on a scalar")
    if axis is None:
        if rank > 1:
            raise ValueError(f"{method} does not allow multiple axes")
        return 0
    return normal_axis(axis, rank)


def accumulate(ufunc: Any, a: Any, axis: int = 0, dtype: Any = None) -> Any:
    """``ufunc.accumulate`` from the rule of the ufunc itself."""
    a = asarray(a) if dtype is None else ops.astype(a, dtype)
    return accumulate_.bind(a, ufunc=ufunc, axis=_one_axis(a, axis, "accumulate"))


# -- reduceat ---------------------------------------------------------------------------------------------------------------


def _reduceat_body(x: Any, ufunc: Any, indices: Any, axis: int) -> Any:
    moved = ops.moveaxis(x, axis, 0)
    n = moved.shape[0]
    if ufunc is np.add and np.all(np.diff(indices) > 0):
        segment = np.searchsorted(indices, np.arange(indices[0], n), side="right") - 1
        zeros = filled((len(indices), *moved.shape[1:]), 0, peek(x).dtype, peek(x))
        return ops.moveaxis(ops.index_add(zeros, segment, moved[indices[0] :]), 0, axis)
    stops = [*indices[1:].tolist(), n]
    rows = [
        moved[i] if stop <= i else getattr(ufunc, "reduce")(moved[i:stop], 0)  # noqa: B009  # dispatched on the traced value
        for i, stop in zip(indices.tolist(), stops, strict=True)
    ]
    return ops.moveaxis(ops.stack(rows), 0, axis)


reduceat_ = composite("ufunc_reduceat", lambda x, ufunc, indices, axis: ufunc.reduceat(x, indices, axis=axis), _reduceat_body)


def reduceat(ufunc: Any, a: Any, indices: Any, axis: int = 0, dtype: Any = None) -> Any:
    """``ufunc.reduceat`` by the reductions of its slices."""
    a = asarray(a) if dtype is None else ops.astype(a, dtype)
    axis = _one_axis(a, axis, "reduceat")
    indices = np.asarray(plain_index(indices))
    if indices.size and not (indices.min() >= 0 and indices.max() < shape_of(a)[axis]):
        raise IndexError(f"index {indices.max()} out-of-bounds in {ufunc.__name__}.reduceat [0, {shape_of(a)[axis]})")
    function = reduceat_.bind if ufunc in ASSOCIATIVE and is_host(peek(a)) else _reduceat_body
    return function(a, ufunc=ufunc, indices=indices, axis=axis)


# -- outer and at -----------------------------------------------------------------------------------------------------------


def outer(ufunc: Any, a: Any, b: Any, **kwargs: Any) -> Any:
    """``ufunc.outer``: every element of a with every element of b."""
    a, b = asarray(a), asarray(b)
    return ufunc(np.reshape(a, tuple(a.shape) + (1,) * b.ndim), b, **kwargs)


def at(ufunc: Any, a: Any, indices: Any, *b: Any) -> None:
    """``ufunc.at``: repeated indices act one after the other."""
    if not isinstance(a, Box):
        raise InPlaceError.plain_buffer(f"the first argument of np.{ufunc.__name__}.at", a, "Make")
    if ufunc in (np.add, np.subtract):
        new = ops.index_add(a, indices, b[0] if ufunc is np.add else -b[0] if isinstance(b[0], Box) else np.negative(b[0]))
    else:
        new = _updated_at(ufunc, a, plain_index(indices), b)
    if not np.can_cast(new.dtype, a.dtype, "same_kind"):
        raise InPlaceError(f"np.{ufunc.__name__}.at gives {new.dtype}, which an array of dtype {a.dtype} cannot take.")
    assign(a, new if new.dtype == a.dtype else ops.astype(new, a.dtype))


def _updated_at(ufunc: Any, a: Any, index: Any, b: tuple[Any, ...]) -> Any:
    if is_unique(index):
        return ops.index_update(a, index, ufunc(a[index], *b))
    place = np.arange(a.size).reshape(a.shape)[index]
    operands = [ops.ravel(ops.broadcast_to(asarray(v), place.shape)) for v in b]
    place = place.ravel()
    order = np.argsort(place, kind="stable")
    first = np.flatnonzero(np.diff(place[order], prepend=-1))
    turn = np.empty(place.size, int)
    turn[order] = np.arange(place.size) - np.repeat(first, np.diff(first, append=place.size))
    y = ops.ravel(a)
    for k in range(int(turn.max(initial=-1)) + 1):
        now = np.flatnonzero(turn == k)
        y = ops.index_update(y, place[now], ufunc(y[place[now]], *(v[now] for v in operands)))
    return ops.reshape(y, a.shape)


# -- which function handles which method ------------------------------------------------------------------------------------


def _running(function: Any, a: Any, axis: int = 0, dtype: Any = None) -> Any:
    a = asarray(a)
    return function(a, _one_axis(a, axis, "accumulate"), dtype)


for _ufunc, _f in (
    (np.add, ops.sum), (np.multiply, ops.prod), (np.maximum, ops.max), (np.minimum, ops.min),
    (np.logical_and, ops.all), (np.logical_or, ops.any),
):  # fmt: skip
    ufuncs[_ufunc, "reduce"] = _known(_f)
for _ufunc, _f in ((np.add, ops.cumsum), (np.multiply, ops.cumprod)):
    ufuncs[_ufunc, "accumulate"] = partial(_running, _f)

extremum_ = composite("running_extremum", lambda x, ufunc, axis: ufunc.accumulate(x, axis=axis), _extremum_body)


def _running_extremum(ufunc: Any, a: Any, axis: int = 0, dtype: Any = None) -> Any:
    a = asarray(a) if dtype is None else ops.astype(a, dtype)
    return extremum_.bind(a, ufunc=ufunc, axis=_one_axis(a, axis, "accumulate"))


for _ufunc in (np.maximum, np.minimum):
    ufuncs[_ufunc, "accumulate"] = partial(_running_extremum, _ufunc)


def ufunc_method(ufunc: Any, method: str) -> Any:
    """What handles a method of a ufunc that has a rule, made when it is first asked for; None where NumPy has no such method."""
    if (ufunc, "__call__") not in ufuncs or ufunc.nout != 1 or ufunc.signature is not None:
        return None
    if method != "at" and ufunc.nin != 2:
        return None
    by_name: dict[str, Any] = {"reduce": reduce, "accumulate": accumulate, "reduceat": reduceat, "outer": outer, "at": at}
    ufuncs[ufunc, method] = handler = partial(by_name[method], ufunc)
    return handler


ops.ufunc_method = ufunc_method
