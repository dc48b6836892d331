"""Shapes: reshape, transpose, broadcast, join, split, repeat, pad.  All linear, most only move elements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from hoad.backends import asarray as _asarray
from hoad.backends import filled
from hoad.core.box import Box, ops, shape_of, strip
from hoad.core.kinds import jointly_linear, linear
from hoad.core.kinds.batching import align_ranks, expand
from hoad.core.kinds.cotangents import fit, is_real
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError

# -- primitives -------------------------------------------------------------------------------------------------------------


def _reshape_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    return prim.bind(xs[0], shape=(size, *kw["shape"]))


def _transpose_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    return prim.bind(xs[0], axes=(0, *(a + 1 for a in kw["axes"])))


def _broadcast_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    shape = kw["shape"]
    return prim.bind(expand(xs[0], len(shape)), shape=(size, *shape))


def _inverse(axes: Sequence[int]) -> tuple[int, ...]:
    inverse = [0] * len(axes)
    for i, a in enumerate(axes):
        inverse[a] = i
    return tuple(inverse)


reshape_: Any = linear(
    "reshape",
    lambda x, shape: np.reshape(x, shape),
    lambda g, old, shape: reshape_.bind(g, shape=old),
    batch=_reshape_batch,
    write_back=lambda x, y, kw: reshape_.bind(y, shape=shape_of(x)),
)
transpose_: Any = linear(
    "transpose",
    lambda x, axes: np.transpose(x, axes),
    lambda g, old, axes: transpose_.bind(g, axes=_inverse(axes)),
    batch=_transpose_batch,
    write_back=lambda x, y, kw: transpose_.bind(y, axes=_inverse(kw["axes"])),
)
broadcast_to_ = linear(
    "broadcast_to",
    lambda x, shape: np.broadcast_to(x, shape),
    lambda g, old, shape: sum_to(g, old),
    batch=_broadcast_batch,
)


def sum_to(x: Any, shape: tuple[int, ...]) -> Any:
    """Sum over the axes along which ``shape`` was broadcast to the shape of ``x``."""
    old = x.shape
    if old == shape:
        return x
    lead = len(old) - len(shape)
    axes = (*range(lead), *(i + lead for i, n in enumerate(shape) if n == 1 and old[i + lead] != 1))
    if not isinstance(x, Box):
        return np.reshape(np.sum(x, axis=axes) if axes else x, shape)
    return reshape_.bind(ops.sum(x, axis=axes) if axes else x, shape=shape)


ops.sum_to = sum_to


def _concatenate_forward(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    like = next(t for t in ts if t is not None)
    parts = [filled(shape_of(x), 0, like.dtype, strip(like)) if t is None else t for x, t in zip(xs, ts, strict=True)]
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
astype_ = linear(
    "astype",
    lambda x, dtype: np.asarray(x).astype(dtype) if isinstance(x, np.generic) else x.astype(dtype),
    lambda g, old, dtype: g,
    batch=align_ranks,
)
_astype_reverse = astype_.reverse


def _keep_dtype(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    x = xs[0]
    dtype, real = x.dtype, is_real(x)

    def pull(g: Any) -> Any:
        g = ops.real(g) if real and not is_real(g) else g
        return (g if g.dtype == dtype else astype(g, dtype),)

    return pull


astype_.reverse = _keep_dtype
copy_ = linear("copy", lambda x: x.copy(), lambda g, old: g, batch=align_ranks)


def _real_transpose(g: Any, old: Any) -> Any:
    return g


real_ = linear(
    "real", np.real, lambda g, old: g, batch=align_ranks,
    write_back=lambda x, y, kw: y + 1j * imag(x) if not is_real(x) else y,
)  # fmt: skip
imag_ = linear(
    "imag", np.imag, lambda g, old: g * 1j, batch=align_ranks,
    write_back=lambda x, y, kw: real(x) + 1j * y,
)  # fmt: skip

# -- the functions of NumPy ---------------------------------------------------------------------------------------------------


def _exact_shape(shape: Any, size: int) -> tuple[int, ...]:
    shape = (int(shape),) if not isinstance(shape, tuple | list) else tuple(int(n) for n in shape)
    if -1 in shape:
        known = math.prod(n for n in shape if n != -1)
        if known == 0 or size % known or shape.count(-1) > 1:
            raise ValueError(f"cannot reshape array of size {size} into shape {shape}")
        shape = tuple(size // known if n == -1 else n for n in shape)
    return shape


def reshape(a: Any, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: bool | None = None) -> Any:
    exact = _exact_shape(shape if newshape is None else newshape, a.size)
    if order in ("F",) or (order == "A" and _is_fortran(a)):
        return transpose(reshape_(transpose(a), shape=exact[::-1]))
    return reshape_(a, shape=exact)


def _is_fortran(a: Any) -> bool:
    flags = getattr(strip(a), "flags", None)
    return flags is not None and flags.f_contiguous and not flags.c_contiguous


def ravel(a: Any, order: str = "C") -> Any:
    if order == "K":
        raise UnsupportedFunctionError.no_rule("ravel with order='K'", "; order='C', 'F' and 'A' have one")
    return reshape(a, (a.size,), order)


def transpose(a: Any, axes: Any = None) -> Any:
    n = a.ndim
    if axes is None:
        axes = range(n)[::-1]
    elif isinstance(axes, int):
        axes = (axes,)
    return transpose_(a, axes=tuple(x + n if x < 0 else x for x in map(int, axes)))


def matrix_transpose(a: Any) -> Any:
    return swapaxes(a, -1, -2)


def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    axes = list(range(a.ndim))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return transpose_(a, axes=tuple(axes))


def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    n = a.ndim
    source = np.lib.array_utils.normalize_axis_tuple(source, n, "source")
    destination = np.lib.array_utils.normalize_axis_tuple(destination, n, "destination")
    if len(source) != len(destination):
        raise ValueError("`source` and `destination` arguments must have the same number of elements")
    order = [i for i in range(n) if i not in source]
    for d, s in sorted(zip(destination, source, strict=True)):
        order.insert(d, s)
    return transpose_(a, axes=tuple(order))


def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    n = a.ndim
    axis = axis + n if axis < 0 else axis
    start = start + n if start < 0 else start
    return moveaxis(a, axis, start - 1 if axis < start else start)


def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    return broadcast_to_.bind(array, shape=(shape,) if isinstance(shape, int) else tuple(shape))


def broadcast_arrays(*args: Any, subok: bool = False) -> Any:
    shape = np.broadcast_shapes(*[shape_of(a) for a in args])
    return tuple(a if shape_of(a) == shape else broadcast_to(a, shape) for a in args)


def expand_dims(a: Any, axis: Any) -> Any:
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    n = a.ndim + len(axes)
    axes = np.lib.array_utils.normalize_axis_tuple(tuple(axes), n)
    old = iter(a.shape)
    return reshape_(a, shape=tuple(1 if i in axes else next(old) for i in range(n)))


def squeeze(a: Any, axis: Any = None) -> Any:
    if axis is None:
        return reshape_(a, shape=tuple(n for n in a.shape if n != 1))
    axes = np.lib.array_utils.normalize_axis_tuple(axis, a.ndim)
    if any(a.shape[i] != 1 for i in axes):
        raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return reshape_(a, shape=tuple(n for i, n in enumerate(a.shape) if i not in axes))


def concatenate(arrays: Any, axis: int | None = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    arrays = list(arrays)
    if axis is None:
        arrays, axis = [ravel(a) if isinstance(a, Box) else np.ravel(a) for a in arrays], 0
    n = len(shape_of(arrays[0]))
    if n == 0:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    y = concatenate_.bind(*arrays, axis=axis + n if axis < 0 else axis)
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


def _at_least(a: Any, rank: int) -> Any:
    if not isinstance(a, Box):
        return (np.atleast_1d, np.atleast_2d, np.atleast_3d)[rank - 1](a)
    shape = a.shape
    if len(shape) >= rank:
        return a
    if rank == 3 and len(shape) == 2:
        return reshape_(a, shape=(*shape, 1))
    if rank == 3 and len(shape) == 1:
        return reshape_(a, shape=(1, *shape, 1))
    return reshape_(a, shape=(1,) * (rank - len(shape)) + shape)


def _at_least_function(rank: int) -> Any:
    def at_least(*arys: Any) -> Any:
        done = tuple(_at_least(a, rank) for a in arys)
        return done[0] if len(done) == 1 else done

    return at_least


def hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    arrays = [_at_least(a, 1) for a in tup]
    return concatenate(arrays, 0 if arrays[0].ndim == 1 else 1, dtype=dtype)


def vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    return concatenate([_at_least(a, 2) for a in tup], 0, dtype=dtype)


def dstack(tup: Any) -> Any:
    return concatenate([_at_least(a, 3) for a in tup], 2)


def column_stack(tup: Any) -> Any:
    return concatenate([_expanded(_at_least(a, 1), 1) if len(shape_of(a)) < 2 else a for a in tup], 1)


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
    return _at_least(y, ndmin) if 0 < ndmin <= 3 and len(shape_of(y)) < ndmin else y


def asarray(a: Any, dtype: Any = None, **kwargs: Any) -> Any:
    return array(a, dtype, copy=None) if isinstance(a, Box | list | tuple) else np.asarray(a, dtype, **kwargs)


def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    dtype = np.dtype(dtype)
    if not isinstance(x, Box):
        return _asarray(x).astype(dtype)
    if x.dtype == dtype:
        return x
    if dtype.kind not in "fc":
        return _truncate(x, dtype=dtype)
    if dtype.kind == "f" and x.dtype.kind == "c":
        x = real(x)
    return astype_.bind(x, dtype=dtype)


def copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    return copy_.bind(a)


def real(val: Any) -> Any:
    if isinstance(val, Box) and val.dtype.kind != "c":
        return val
    return real_(val)


def imag(val: Any) -> Any:
    if isinstance(val, Box) and val.dtype.kind != "c":
        return filled(val.shape, 0, val.dtype, strip(val))
    return imag_(val)


def repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    if axis is None:
        a, axis = ravel(a), 0
    index = np.repeat(np.arange(a.shape[axis]), repeats)
    return ops.take(a, index, axis)


def tile(A: Any, reps: Any) -> Any:  # NumPy's name
    reps = (reps,) if isinstance(reps, int | np.integer) else tuple(reps)
    shape = (1,) * (len(reps) - A.ndim) + A.shape
    reps = (1,) * (len(shape) - len(reps)) + reps
    apart = reshape_(A, shape=tuple(n for s in shape for n in (1, s)))
    full = broadcast_to_.bind(apart, shape=tuple(n for r, s in zip(reps, shape, strict=True) for n in (r, s)))
    return reshape_(full, shape=tuple(r * s for r, s in zip(reps, shape, strict=True)))


def flip(m: Any, axis: Any = None) -> Any:
    axes = range(m.ndim) if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, m.ndim)
    return m[tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(m.ndim))]


def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    a, b = np.lib.array_utils.normalize_axis_tuple(tuple(axes), m.ndim)
    k %= 4
    if k == 0:
        return m[...]
    if k == 2:
        return flip(m, (a, b))
    return swapaxes(flip(m, b), a, b) if k == 1 else flip(swapaxes(m, a, b), b)


def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    if axis is None:
        return reshape_(roll(ravel(a), shift, 0), shape=a.shape)
    shifts, axes = np.broadcast_arrays(shift, axis)
    for s, ax in zip(shifts.ravel(), axes.ravel(), strict=True):
        ax = int(ax) % a.ndim if a.ndim else 0
        n = a.shape[ax]
        s = int(s) % n if n else 0
        if s:
            before = (slice(None),) * ax
            a = concatenate([a[(*before, slice(n - s, None))], a[(*before, slice(None, n - s))]], ax)
    return _asarray(a)


def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    n = ary.shape[axis]
    if isinstance(indices_or_sections, int | np.integer):
        small, extra = divmod(n, int(indices_or_sections))
        sizes = [small + 1] * extra + [small] * (int(indices_or_sections) - extra)
        stops = [0, *np.cumsum(sizes).tolist()]
    else:
        stops = [0, *map(int, indices_or_sections), n]
    before = (slice(None),) * (axis % ary.ndim)
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


def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    n = len(xi)
    out = []
    for i, x in enumerate(xi):
        axis = 1 - i if indexing == "xy" and n > 1 and i < 2 else i
        shape = [1] * n
        shape[axis] = -1
        out.append(reshape(x, tuple(shape)) if isinstance(x, Box) else np.reshape(x, shape))
    return tuple(out) if sparse else tuple(map(ops.copy, broadcast_arrays(*out)))


def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    """Every mode of np.pad that only copies elements or constants; statistics and ramps by composition."""
    if isinstance(pad_width, dict):
        full = [(0, 0)] * array.ndim
        for axis, w in pad_width.items():
            full[axis] = (w, w) if isinstance(w, int) else tuple(w)
        pad_width = full
    width = np.broadcast_to(np.asarray(pad_width), (array.ndim, 2)).tolist()
    if mode == "constant":
        values = kwargs.get("constant_values", 0)
        if isinstance(values, Box):
            raise UnsupportedFunctionError.no_rule("np.pad with traced constant_values")
        plain = filled(array.shape, 0, array.dtype, strip(array))
        frame = np.pad(plain, width, mode, constant_values=values)
        inside = tuple(slice(a, a + n) for (a, _), n in zip(width, array.shape, strict=True))
        return ops.index_update(frame, inside, array)
    if mode in ("edge", "reflect", "symmetric", "wrap", "empty") and kwargs.get("reflect_type", "even") == "even":
        index = np.pad(np.arange(array.size).reshape(array.shape), width, "edge" if mode == "empty" else mode, **kwargs)
        return ravel(array)[index]
    raise UnsupportedFunctionError.no_rule(f"np.pad with mode={mode!r}")


def _truncate_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    return prim.bind(*xs, **kw)


from hoad.core.kinds import constant  # noqa: E402

_truncate = constant("astype_integer", lambda x, dtype: _asarray(x).astype(dtype), batch=_truncate_batch)
ops.astype, ops.copy, ops.array = astype, copy, array

for _f in (
    reshape, ravel, transpose, matrix_transpose, swapaxes, moveaxis, rollaxis, broadcast_to, broadcast_arrays, expand_dims, squeeze,
    concatenate, stack, hstack, vstack, dstack, column_stack, append, block, astype, copy, real, imag, repeat, tile, flip,
    rot90, roll, array_split, split, hsplit, vsplit, dsplit, unstack, meshgrid, pad,
):  # fmt: skip
    if hasattr(np, _f.__name__):
        expose(_f, f"numpy.{_f.__name__}", getattr(np, _f.__name__), "linear")
for _rank in (1, 2, 3):
    expose(_at_least_function(_rank), f"numpy.atleast_{_rank}d", getattr(np, f"atleast_{_rank}d"), "linear")
expose(lambda m: flip(m, 1), "numpy.fliplr", np.fliplr, "linear")
expose(lambda m: flip(m, 0), "numpy.flipud", np.flipud, "linear")
