"""Shapes: reshape, transpose, broadcast, flip and what is written with them.

All are linear and only move elements; what NumPy returns as a view is linked as one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from hoad.core.box import Box, Buffer, ops, peek, shape_of
from hoad.core.in_place import link_view
from hoad.core.kinds import linear
from hoad.core.kinds.batching import expand
from hoad.core.primitive import expose
from hoad.errors import InPlaceError, UnsupportedFunctionError
from hoad.rules.arguments import normal_axis

# -- primitives ---------------------------------------------------------------------------------------------------------------


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
    write_back=lambda x, y, kw: _refused(),
)


def _refused() -> Any:
    """Of arrays that know no flag for it."""
    raise InPlaceError.read_only()


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

# -- the functions of NumPy --------------------------------------------------------------------------------------------------


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
    if copy is not None:
        y = reshape(a, exact, order)
        if copy:
            return ops.copy(y)
        if a.size and not np.may_share_memory(peek(y), peek(a)):
            raise ValueError("Unable to avoid creating a copy while reshaping.")
        return y
    if order in ("F",) or (order == "A" and _is_fortran(a)):
        return transpose(reshape_(transpose(a), shape=exact[::-1]))
    y = reshape_(a, shape=exact)
    return y if exact else view_of_one(a, y, reshape_, {"shape": exact})


def view_of_one(x: Any, y: Any, prim: Any, kw: Any) -> Any:
    """``y`` as a view without dimensions, which NumPy has beside its scalars; those that are no views get here unlinked."""
    if isinstance(x, Box) and y is not x and isinstance(peek(y), np.ndarray):
        if not isinstance(y, Box):
            y = Buffer(0, y, None)
        if y.base is None:
            link_view(x, y, prim, kw)
    return y


def _memory_order_letter(a: Any) -> str:
    """For order="K": the order in which the elements stand in memory, where it is C or Fortran."""
    flags = getattr(peek(a), "flags", None)
    if a.ndim < 2 or flags is None or flags.c_contiguous:
        return "C"
    if not flags.f_contiguous:
        raise UnsupportedFunctionError.no_rule("order='K' of an array that is not contiguous", "; 'C', 'F' and 'A' have one")
    return "F"


def _is_fortran(a: Any) -> bool:
    flags = getattr(peek(a), "flags", None)
    return flags is not None and flags.f_contiguous and not flags.c_contiguous


def ravel(a: Any, order: str = "C") -> Any:
    if order == "K":
        order = _memory_order_letter(a)
    return reshape(a, (a.size,), order)


def transpose(a: Any, axes: Any = None) -> Any:
    n = a.ndim
    if axes is None:
        axes = range(n)[::-1]
    elif isinstance(axes, int):
        axes = (axes,)
    order = tuple(normal_axis(x, n) for x in axes)
    if len(order) != n or len(set(order)) != n:
        raise ValueError("axes don't match array" if len(order) != n else "repeated axis in transpose")
    return transpose_(a, axes=order)


def matrix_transpose(a: Any) -> Any:
    return swapaxes(a, -1, -2)


def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    axes = list(range(a.ndim))
    axis1, axis2 = normal_axis(axis1, a.ndim), normal_axis(axis2, a.ndim)
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
    axis = normal_axis(axis, n)
    start = start + n if start < 0 else start
    if not 0 <= start <= n:
        raise np.exceptions.AxisError(f"'start' arg requires {-n} <= start < {n + 1}, but {start} was passed in")
    return moveaxis(a, axis, start - 1 if axis < start else start)


def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    return broadcast_to_(array, shape=(shape,) if isinstance(shape, int) else tuple(shape))


def broadcast_arrays(*args: Any, subok: bool = False) -> Any:
    shape = np.broadcast_shapes(*[shape_of(a) for a in args])
    return tuple(a if shape_of(a) == shape else broadcast_to(a, shape) for a in args)


def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    n = len(xi)
    out = []
    for i, x in enumerate(xi):
        axis = 1 - i if indexing == "xy" and n > 1 and i < 2 else i
        shape = [1] * n
        shape[axis] = -1
        out.append(reshape(x, tuple(shape)) if isinstance(x, Box) else np.reshape(x, shape))
    return tuple(out) if sparse else tuple(map(ops.copy, broadcast_arrays(*out)))


def expand_dims(a: Any, axis: Any) -> Any:
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    n = a.ndim + len(axes)
    axes = np.lib.array_utils.normalize_axis_tuple(tuple(axes), n)
    old = iter(a.shape)
    return reshape_(a, shape=tuple(1 if i in axes else next(old) for i in range(n)))


def squeeze(a: Any, axis: Any = None) -> Any:
    if axis is None:
        return reshape_(a, shape=tuple(n for n in a.shape if n != 1))
    if not a.ndim and axis in (0, -1):  # as NumPy
        return a[...]
    axes = np.lib.array_utils.normalize_axis_tuple(axis, a.ndim)
    if any(a.shape[i] != 1 for i in axes):
        raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return reshape_(a, shape=tuple(n for i, n in enumerate(a.shape) if i not in axes))


def at_least_rank(a: Any, rank: int) -> Any:
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
        done = tuple(at_least_rank(a, rank) for a in arys)
        return done[0] if len(done) == 1 else done

    return at_least


def flip(m: Any, axis: Any = None) -> Any:
    axes = range(m.ndim) if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, m.ndim)
    return m[tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(m.ndim))]


def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    if len(axes) != 2:
        raise ValueError("len(axes) must be 2.")
    if axes[0] == axes[1] or abs(axes[0] - axes[1]) == m.ndim:
        raise ValueError("Axes must be different.")
    a, b = np.lib.array_utils.normalize_axis_tuple(tuple(axes), m.ndim)
    k %= 4
    if k == 0:
        return m[...]
    if k == 2:
        return flip(m, (a, b))
    return swapaxes(flip(m, b), a, b) if k == 1 else flip(swapaxes(m, a, b), b)


for _f in (
    reshape, ravel, transpose, matrix_transpose, swapaxes, moveaxis, rollaxis, broadcast_to, broadcast_arrays, meshgrid,
    expand_dims, squeeze, flip, rot90,
):  # fmt: skip
    if hasattr(np, _f.__name__):
        expose(_f, f"numpy.{_f.__name__}", getattr(np, _f.__name__), "linear")
for _rank in (1, 2, 3):
    expose(_at_least_function(_rank), f"numpy.atleast_{_rank}d", getattr(np, f"atleast_{_rank}d"), "linear")


def _flip_of_rank(least: int, axis: int) -> Any:
    def flipped(m: Any) -> Any:
        if m.ndim < least:
            raise ValueError(f"Input must be >= {least}-d.")
        return flip(m, axis)

    return flipped


expose(_flip_of_rank(2, 1), "numpy.fliplr", np.fliplr, "linear")
expose(_flip_of_rank(1, 0), "numpy.flipud", np.flipud, "linear")
