"""Joining, splitting and repeating arrays: concatenate and stack, split, roll, tile and repeat.

One primitive joins; the others are written with it, with slices and with fancy reads.
"""

from __future__ import annotations

from functools import wraps
from itertools import pairwise
from typing import Any

import numpy as np

from hoad.backends import filled
from hoad.core.box import Box, ops, peek, shape_of
from hoad.core.kinds import jointly_linear, linear
from hoad.core.kinds.batching import expand, shift_axis
from hoad.core.kinds.cotangents import fit, is_real
from hoad.core.primitive import expose
from hoad.rules.arguments import normal_axis
from hoad.rules.conversions import astype
from hoad.rules.shaping import at_least_rank, expand_dims, moveaxis, ravel, reshape_

# -- joining ------------------------------------------------------------------------------------------------------------------


def _concatenate_forward(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    like = next(t for t in ts if t is not None)
    parts = [filled(shape_of(x), 0, like.dtype, peek(like)) if t is None else t for x, t in zip(xs, ts, strict=True)]
    return concatenate_.bind(*parts, **kw)


def _concatenate_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    axis = kw["axis"]
    shapes = [shape_of(x) for x in xs]
    starts = [0]
    for s in shapes:
        starts.append(starts[-1] + s[axis])
    before = (slice(None),) * axis
    spec = [((*before, slice(starts[i], starts[i + 1])), shapes[i], is_real(xs[i])) for i in which]
    return lambda g: [fit(g[index], shape, real) for index, shape, real in spec]


def _concatenate_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    parts = [x if f else ops.broadcast_to(x, (size, *shape_of(x))) for x, f in zip(xs, flags, strict=True)]
    return prim.bind(*parts, axis=kw["axis"] + 1)


concatenate_ = jointly_linear(
    "concatenate",
    lambda *xs, axis: np.concatenate(xs, axis=axis),
    _concatenate_forward,
    _concatenate_reverse,
    batch=_concatenate_batch,
)


def concatenate(arrays: Any, axis: int | None = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    arrays = list(arrays)
    if axis is None:
        arrays, axis = [ravel(a) if isinstance(a, Box) else np.ravel(a) for a in arrays], 0
    n = len(shape_of(arrays[0]))
    if n == 0:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    y = concatenate_.bind(*arrays, axis=normal_axis(axis, n))
    return y if dtype is None else astype(y, dtype)


def _as_array(a: Any) -> Any:
    """Nested lists that may hold traced values, as one array."""
    return array(a) if isinstance(a, list | tuple) else a


def stack(arrays: Any, axis: int = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    arrays = [_as_array(a) for a in arrays]
    if not arrays:
        raise ValueError("need at least one array to stack")
    if len({shape_of(a) for a in arrays}) != 1:
        raise ValueError("all input arrays must have the same shape")
    rank = len(shape_of(arrays[0])) + 1
    axis = np.lib.array_utils.normalize_axis_index(axis, rank)
    return concatenate([_expanded(a, axis) for a in arrays], axis, dtype=dtype)


def _expanded(a: Any, axis: int) -> Any:
    return expand_dims(a, axis) if isinstance(a, Box) else np.expand_dims(a, axis)


def hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    arrays = [at_least_rank(a, 1) for a in tup]
    return concatenate(arrays, 0 if arrays[0].ndim == 1 else 1, dtype=dtype)


def vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    return concatenate([at_least_rank(a, 2) for a in tup], 0, dtype=dtype)


def dstack(tup: Any) -> Any:
    return concatenate([at_least_rank(a, 3) for a in tup], 2)


def column_stack(tup: Any) -> Any:
    return concatenate([_expanded(at_least_rank(a, 1), 1) if len(shape_of(a)) < 2 else a for a in tup], 1)


def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    return concatenate((arr, values), axis)


def block(arrays: Any) -> Any:
    def depth(a: Any) -> int:
        return 1 + max(map(depth, a)) if isinstance(a, list) else 0

    def build(a: Any, level: int) -> Any:
        if not isinstance(a, list):
            return a
        parts = [build(p, level - 1) for p in a]
        rank = max(levels, *(len(shape_of(p)) for p in parts))
        return concatenate([_pad_rank(p, rank) for p in parts], axis=-level)

    levels = depth(arrays)
    return build(arrays, levels)


def _pad_rank(a: Any, rank: int) -> Any:
    shape = shape_of(a)
    new = (1,) * (rank - len(shape)) + tuple(shape)
    return reshape_(a, shape=new) if isinstance(a, Box) else np.reshape(a, new)


def array(object: Any, dtype: Any = None, *, copy: Any = True, ndmin: int = 0, like: Any = None) -> Any:
    """Array from nested sequences of numbers, arrays and traced values; traced values keep their derivative."""
    if isinstance(object, list | tuple):
        parts = [array(p) if isinstance(p, list | tuple | Box) else p for p in object]
        y = stack(parts) if any(isinstance(p, Box) for p in parts) else np.array(object)
    elif isinstance(object, Box):
        y = ops.copy(object) if copy else object
    else:
        return np.array(object, dtype=dtype, copy=copy, ndmin=ndmin)
    if dtype is not None:
        y = astype(y, dtype)
    return _pad_rank(y, ndmin) if len(shape_of(y)) < ndmin else y


@wraps(np.asarray, updated=())
def asarray(a: Any, dtype: Any = None, order: Any = None, *, copy: bool | None = None, **kwargs: Any) -> Any:
    if isinstance(a, Box | list | tuple):
        return array(a, dtype, copy=copy)
    return np.asarray(a, dtype, order, copy=copy, **kwargs)


# -- splitting ----------------------------------------------------------------------------------------------------------------


def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    n = ary.shape[axis]
    if isinstance(indices_or_sections, int | np.integer):
        small, extra = divmod(n, int(indices_or_sections))
        sizes = [small + 1] * extra + [small] * (int(indices_or_sections) - extra)
        stops = [0, *np.cumsum(sizes).tolist()]
    else:
        stops = [0, *map(int, indices_or_sections), n]
    before = (slice(None),) * normal_axis(axis, ary.ndim)
    return [ary[(*before, slice(a, b))] for a, b in pairwise(stops)]


def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    if isinstance(indices_or_sections, int | np.integer) and ary.shape[axis] % indices_or_sections:
        raise ValueError("array split does not result in an equal division")
    return array_split(ary, indices_or_sections, axis)


def hsplit(ary: Any, indices_or_sections: Any) -> Any:
    return split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0)


def vsplit(ary: Any, indices_or_sections: Any) -> Any:
    return split(ary, indices_or_sections, 0)


def dsplit(ary: Any, indices_or_sections: Any) -> Any:
    return split(ary, indices_or_sections, 2)


def unstack(x: Any, /, *, axis: int = 0) -> Any:
    return tuple(moveaxis(x, axis, 0))


roll_: Any = linear(
    "roll",
    lambda x, shift, axis: np.roll(x, shift, axis),
    lambda g, shape, shift, axis: roll_.bind(g, shift=tuple(-s for s in shift), axis=axis),
    batch=shift_axis,
)


def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    if axis is None:
        shift = shift if type(shift) is int else int(np.sum(shift))
        if a.ndim == 1:
            return roll_.bind(a, shift=(shift,), axis=(0,))
        return reshape_.bind(roll_.bind(ravel(a), shift=(shift,), axis=(0,)), shape=a.shape)
    shifts, axes = np.broadcast_arrays(shift, axis)
    normal = np.lib.array_utils.normalize_axis_tuple(axes.ravel().tolist(), a.ndim, allow_duplicate=True)
    return roll_.bind(a, shift=tuple(int(s) for s in shifts.ravel()), axis=normal)


# -- repeating --------------------------------------------------------------------------------------------------------------


def repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    if axis is None or not a.ndim:
        a, axis = ravel(a), 0 if axis is None else axis
    index = np.repeat(np.arange(a.shape[normal_axis(axis, a.ndim)]), repeats)
    return ops.take(a, index, axis)


def _tile_transpose(g: Any, shape: tuple[int, ...], reps: tuple[int, ...]) -> Any:
    full = (1,) * (len(reps) - len(shape)) + tuple(shape)
    apart = ops.reshape(g, tuple(n for r, s in zip(reps, full, strict=True) for n in (r, s)))
    return ops.reshape(ops.sum(apart, axis=tuple(range(0, 2 * len(reps), 2))), shape)


tile_ = linear(
    "tile",
    lambda x, reps: np.tile(x, reps),
    _tile_transpose,
    batch=lambda prim, size, xs, flags, kw: prim.bind(expand(xs[0], len(kw["reps"])), reps=(1, *kw["reps"])),
)


def tile(A: Any, reps: Any) -> Any:  # NumPy's name
    reps = (reps,) if isinstance(reps, int | np.integer) else tuple(reps)
    shape = (1,) * (len(reps) - A.ndim) + A.shape
    reps = (1,) * (len(shape) - len(reps)) + reps
    return tile_.bind(A, reps=reps)


ops.array = array

for _f in (
    concatenate, stack, hstack, vstack, dstack, column_stack, append, block, array_split, split, hsplit, vsplit, dsplit, unstack,
    roll, repeat, tile,
):  # fmt: skip
    if hasattr(np, _f.__name__):
        expose(_f, f"numpy.{_f.__name__}", getattr(np, _f.__name__), "linear")
