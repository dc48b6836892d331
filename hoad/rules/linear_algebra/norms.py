"""Norms of vectors and matrices, and the condition number."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import maybe_any
from hoad.core.box import bare, ops, peek, shape_of
from hoad.core.kinds import composite, elementwise
from hoad.core.primitive import expose
from hoad.rules.arguments import normal_axis
from hoad.rules.kinks import undefined_slope
from hoad.rules.linear_algebra.singular_value_norms import nuclear_norm, spectral_norm
from hoad.rules.reductions import normal_axes, two_norm

apex = elementwise("apex", lambda zero, x: np.zeros_like(x), None, lambda y, zero, x: undefined_slope(zero, x))
"""Zero with derivative zero, and no second one where ``zero`` holds: a norm at 0."""


def _vector_norm(x: Any, order: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    if order is None or order == 2:
        return two_norm.bind(x, axis=axis, keepdims=keepdims)
    size = np.abs(x)
    if order == np.inf:
        return np.max(size, axis=axis, keepdims=keepdims)
    if order == -np.inf:
        return np.min(size, axis=axis, keepdims=keepdims)
    if order == 0:
        return np.sum(np.not_equal(x, 0), axis=axis, keepdims=keepdims).astype(peek(x).real.dtype)
    if order == 1:
        return np.sum(size, axis=axis, keepdims=keepdims)
    # |x|^p is smooth at 0 for even p, which |x| would hide.
    even = order > 0 and float(order).is_integer() and order % 2 == 0
    powers = ops.abs2(x) ** (float(order) / 2) if even else size ** float(order)
    if 0 < order < 1:  # a cusp
        powers = powers + undefined_slope(np.equal(x, 0), ops.real(x))
    total = np.sum(powers, axis=axis, keepdims=keepdims)
    if order < 0:
        return total ** (1.0 / order)
    zero = total == 0
    if not maybe_any(bare(zero)):
        return total ** (1.0 / order)
    at_zero = apex.bind(zero, np.sum(ops.real(x), axis=axis, keepdims=keepdims))
    return np.where(zero, at_zero, np.where(zero, 1.0, total) ** (1.0 / order))


def _matrix_norm(x: Any, order: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    if order in (None, "fro", "f"):
        return two_norm.bind(x, axis=axis, keepdims=keepdims)
    if order in (2, -2, "nuc"):
        matrices = np.moveaxis(x, axis, (-2, -1))
        y = nuclear_norm(matrices) if order == "nuc" else spectral_norm(matrices, largest=order == 2)
        return np.reshape(y, _dropped(shape_of(x), axis, keepdims)) if keepdims else y
    if order not in (1, -1, np.inf, -np.inf):
        raise ValueError("Invalid norm order for matrices.")
    row, column = axis
    summed, rest = (row, column) if order in (1, -1) else (column, row)
    return (np.max if order > 0 else np.min)(np.sum(np.abs(x), axis=summed, keepdims=True), axis=rest, keepdims=True).reshape(
        _dropped(shape_of(x), axis, keepdims)
    )


def _dropped(shape: tuple[int, ...], axis: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    return tuple(1 if i in axis else n for i, n in enumerate(shape) if keepdims or i not in axis)


def _norm_body(x: Any, ord: Any, axis: Any, keepdims: bool) -> Any:
    n = x.ndim
    if axis is None and (ord is None or (ord in ("f", "fro") and n == 2) or (ord == 2 and n == 1)):
        return two_norm.bind(x, axis=tuple(range(n)), keepdims=keepdims)
    axes = tuple(range(n)) if axis is None else tuple(axis) if isinstance(axis, tuple) else (int(axis),)
    axes = tuple(normal_axis(a, n) for a in axes)
    if len(axes) == 1:
        if isinstance(ord, str):
            raise ValueError(f"Invalid norm order '{ord}' for vectors")
        return _vector_norm(x, ord, axes, keepdims)
    if len(axes) != 2 or axes[0] == axes[1]:
        raise ValueError("Improper number of dimensions to norm.")
    return _matrix_norm(x, ord, axes, keepdims)


norm_ = composite("norm", lambda x, ord, axis, keepdims: np.linalg.norm(x, ord, axis, keepdims), _norm_body)


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    return norm_.bind(x, ord=ord, axis=axis, keepdims=bool(keepdims))


def _vector_norm_body(x: Any, axis: Any, keepdims: bool, ord: Any) -> Any:
    return _vector_norm(x, ord, normal_axes(axis, x.ndim), keepdims)


vector_norm_ = composite(
    "vector_norm", lambda x, axis, keepdims, ord: np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord), _vector_norm_body
)
matrix_norm_ = composite(
    "matrix_norm",
    lambda x, keepdims, ord: np.linalg.matrix_norm(x, keepdims=keepdims, ord=ord),
    lambda x, keepdims, ord: _matrix_norm(x, ord, (x.ndim - 2, x.ndim - 1), keepdims),
)


def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    return vector_norm_.bind(x, axis=axis, keepdims=bool(keepdims), ord=ord)


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    return matrix_norm_.bind(x, keepdims=bool(keepdims), ord=ord)


def _cond_body(x: Any, p: Any) -> Any:
    if p in (None, 2, -2):
        largest, smallest = spectral_norm(x), spectral_norm(x, largest=False)
        with np.errstate(divide="ignore", invalid="ignore"):
            return smallest / largest if p == -2 else largest / smallest
    return norm(x, p, (-2, -1)) * norm(np.linalg.inv(x), p, (-2, -1))


cond_ = composite("cond", lambda x, p: np.linalg.cond(x, p), _cond_body)


def cond(x: Any, p: Any = None) -> Any:
    return cond_.bind(x, p=p)


for _name, _f in (
    ("norm", norm), ("vector_norm", vector_norm), ("matrix_norm", matrix_norm), ("cond", cond),
):  # fmt: skip
    expose(_f, f"numpy.linalg.{_name}", getattr(np.linalg, _name), "composite")
