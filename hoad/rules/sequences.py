"""Choosing among arrays, repeating and trimming, orders of several keys, and questions about shapes."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import asarray, filled, like, truth
from hoad.core.box import Box, bare, functions, ops, peek, shape_of, strip
from hoad.core.kinds import constant
from hoad.core.kinds.batching import by_loop
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array, normal_axis
from hoad.rules.indexing import plain_index

# -- choosing and repeating -------------------------------------------------------------------------------------------------


def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    """Element by element the choice of that number; the numbers may be batched."""
    choices = [as_array(c) for c in choices]
    n = len(choices)
    a = asarray(a)
    if peek(a).dtype.kind not in "iub":
        raise TypeError(f"Cannot cast array data from {peek(a).dtype!r} to dtype('int64') according to the rule 'safe'")
    a = a % n if mode == "wrap" else np.clip(a, 0, n - 1) if mode == "clip" else a
    if mode == "raise" and truth(np.logical_or(np.any(bare(a) < 0), np.any(bare(a) >= n))):
        raise ValueError("invalid entry in choice array")
    shape = np.broadcast_shapes(shape_of(a), *map(shape_of, choices))
    dtype = np.result_type(*[peek(c).dtype for c in choices])
    y = ops.broadcast_to(ops.astype(choices[0], dtype), shape)
    for i in range(1, n):
        y = np.where(a == i, choices[i], y)
    return ops.copy(y) if n == 1 else y


def resize(a: Any, new_shape: Any) -> Any:
    """Repeats of the elements until the new shape is full."""
    shape = (int(new_shape),) if isinstance(new_shape, int | np.integer) else tuple(int(n) for n in new_shape)
    if any(n < 0 for n in shape):
        raise ValueError("all elements of `new_shape` must be non-negative")
    a = ops.ravel(a)
    size = int(np.prod(shape))
    if not a.size:
        return filled(shape, 0, peek(a).dtype, peek(a))
    return np.reshape(ops.take(a, like(np.arange(size) % a.size, peek(a)), 0), shape)


def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    filt = as_array(filt)
    if isinstance(filt, Box) and filt.shape != peek(filt).shape:
        raise UnsupportedFunctionError.no_rule("np.trim_zeros of batched values", ", because they decide the shape of its result")
    trim = trim.lower()
    if trim not in ("fb", "bf", "f", "b"):
        raise ValueError(f"unexpected character(s) in `trim`: {trim!r}")
    axes = range(filt.ndim) if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, filt.ndim)
    places = np.argwhere(asarray(strip(filt)))
    index: list[slice] = [slice(None)] * filt.ndim
    for i in axes:
        low, high = (places[:, i].min(), places[:, i].max() + 1) if len(places) else (0, 0)
        n = filt.shape[i]
        index[i] = slice(int(low) if "f" in trim or not len(places) else 0, int(high) if "b" in trim or not len(places) else n)
    return filt[tuple(index)]


def apply_over_axes(func: Any, a: Any, axes: Any) -> Any:
    y = as_array(a)
    n = y.ndim
    for axis in (axes,) if np.ndim(axes) == 0 else axes:
        axis = normal_axis(axis, n)
        result = func(y, axis)
        if result.ndim != y.ndim:
            result = np.expand_dims(result, axis)
            if result.ndim != y.ndim:
                raise ValueError("function is not returning an array of the correct shape")
        y = result
    return y


# -- orders -----------------------------------------------------------------------------------------------------------------

lexsort_ = constant("lexsort", lambda *keys, **kw: np.lexsort(keys, **kw), batch=by_loop)
argwhere_ = constant("argwhere", np.argwhere)


def lexsort(keys: Any, axis: int = -1) -> Any:
    return lexsort_.bind(*keys, **({} if axis == -1 else {"axis": axis}))


sort_complex_order = constant("sort_complex_order", lambda x: np.argsort(x, axis=-1, kind="stable"))


def sort_complex(a: Any) -> Any:
    """Sorted by real, then by imaginary part; the result is complex."""
    a = as_array(a)
    y = ops.take_along_axis(a, sort_complex_order.bind(a), -1)
    if y.dtype.kind == "c":
        return y
    return ops.astype(y, np.clongdouble if y.dtype == np.longdouble else np.complex64 if y.dtype.itemsize < 2 else np.complex128)


# -- questions about shapes and dtypes ----------------------------------------------------------------------------------------


def _from_shape(native: Any) -> Any:
    return lambda arr, *args, **kwargs: native(np.empty(arr.shape, np.int8), *args, **kwargs)


for _name in ("diag_indices_from", "tril_indices_from", "triu_indices_from"):
    functions[getattr(np, _name)] = _from_shape(getattr(np, _name))


def _shapes_alone(x: Any) -> Any:
    return np.broadcast_to(x.dtype.type(0), x.shape) if isinstance(x, Box) else x


_dtypes: Any = np
functions[np.einsum_path] = lambda *operands, **kw: _dtypes.einsum_path(*map(_shapes_alone, operands), **kw)
functions[np.common_type] = lambda *arrays: np.common_type(*[np.empty(0, a.dtype) if isinstance(a, Box) else a for a in arrays])
functions[np.min_scalar_type] = lambda a: _dtypes.min_scalar_type(strip(a) if peek(a).ndim == 0 else np.empty(1, a.dtype))
functions[np.array2string] = lambda a, *args, **kwargs: str(a)
functions[np.ix_] = lambda *args: _dtypes.ix_(*map(plain_index, args))

for _name, _f, _kind in (
    ("choose", choose, "linear"), ("resize", resize, "linear"), ("trim_zeros", trim_zeros, "linear"),
    ("apply_over_axes", apply_over_axes, "composite"), ("sort_complex", sort_complex, "selecting"),
    ("lexsort", lexsort, "constant"), ("argwhere", argwhere_, "constant"),
):  # fmt: skip
    expose(_f, f"numpy.{_name}", getattr(np, _name), _kind)
for _name in ("max", "min"):
    expose(functions[getattr(np, _name)], f"numpy.a{_name}", getattr(np, f"a{_name}"), "selecting")
