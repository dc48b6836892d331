"""Algebra of second-order tensors stored components first: shape (d, d, *points), d = 1, 2 or 3.

Everything is ordinary NumPy, so that stored energies written with it can be differentiated.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import like
from hoad.core.box import peek

__all__ = [
    "as_array",
    "det",
    "deviator",
    "dot",
    "double_dot",
    "eye",
    "eye_like",
    "in_precision_of",
    "inverse",
    "outer",
    "symmetric",
    "trace",
    "transpose",
    "with_points",
]

Array = Any


def eye(d: int, points: int) -> Array:
    """Identity of shape (d, d, 1, ..., 1) with ``points`` trailing axes of length one."""
    return np.reshape(np.eye(d), (d, d) + (1,) * points)


def eye_like(a: Array) -> Array:
    """Identity that broadcasts against the tensor field ``a`` of shape (d, d, *points), in its precision and where it lives."""
    return in_precision_of(a, eye(a.shape[0], a.ndim - 2))


def trace(a: Array) -> Array:
    """Sum of the diagonal components."""
    total = a[0, 0]
    for i in range(1, a.shape[0]):
        total = total + a[i, i]
    return total


def transpose(a: Array) -> Array:
    """Components a_ji."""
    return np.swapaxes(a, 0, 1)


def symmetric(a: Array) -> Array:
    """Half of a + aᵀ."""
    return 0.5 * (a + transpose(a))


def deviator(a: Array) -> Array:
    """Traceless part of a three-dimensional tensor, a - tr(a)/3 · 1."""
    return a - (trace(a) / 3.0) * eye_like(a)


def dot(a: Array, b: Array) -> Array:
    """Product a_ik b_kj; ``b`` may also be a vector field of shape (d, *points)."""
    if b.ndim == a.ndim - 1:
        return (a * b[None]).sum(1)
    return np.stack([sum((a[:, k] * b[k, j] for k in range(1, a.shape[1])), a[:, 0] * b[0, j]) for j in range(b.shape[1])], axis=1)


def double_dot(a: Array, b: Array) -> Array:
    """Scalar product a_ij b_ij."""
    return (a * b).sum((0, 1))


def outer(a: Array, b: Array) -> Array:
    """Tensor a_i b_j of two vector fields."""
    return a[:, None] * b[None]


def det(a: Array) -> Array:
    """Determinant of 1 × 1, 2 × 2 or 3 × 3 components."""
    if a.shape[0] == 1:
        return a[0, 0]
    if a.shape[0] == 2:
        return a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0]
    return (
        a[0, 0] * (a[1, 1] * a[2, 2] - a[1, 2] * a[2, 1])
        + a[0, 1] * (a[1, 2] * a[2, 0] - a[1, 0] * a[2, 2])
        + a[0, 2] * (a[1, 0] * a[2, 1] - a[1, 1] * a[2, 0])
    )


def inverse(a: Array) -> Array:
    """Inverse by cofactors; singular tensors give infinities, as a division by zero does."""
    if a.shape[0] == 1:
        return 1.0 / a
    if a.shape[0] == 2:
        rows = [[a[1, 1], -a[0, 1]], [-a[1, 0], a[0, 0]]]
    else:

        def minor(i: int, j: int) -> Array:
            """Cofactor of component (j, i): rows and columns taken cyclically carry the sign."""
            r, s = (j + 1) % 3, (j + 2) % 3
            p, q = (i + 1) % 3, (i + 2) % 3
            return a[r, p] * a[s, q] - a[r, q] * a[s, p]

        rows = [[minor(i, j) for j in range(3)] for i in range(3)]
    return np.stack([np.stack(row) for row in rows]) / det(a)


def with_points(a: Array, components: int, points: int) -> Array:
    """The same field with at least ``points`` axes of points, new ones of length one in front, so that fields broadcast."""
    missing = components + points - a.ndim
    return np.reshape(a, a.shape[:components] + (1,) * missing + a.shape[components:]) if missing > 0 else a


def in_precision_of(field: Array, constant: Array) -> Array:
    """A plain array of real numbers in the precision of ``field``, if that is real, and where it lives; other things as they are.

    For constant tensors, which would turn a field of single precision into one of double precision where a Python number
    would not.
    """
    if isinstance(constant, np.ndarray) and field.dtype.kind == "f" and constant.dtype.kind in "fiu":
        constant = constant.astype(field.dtype, copy=False)
    return like(constant, peek(field))


def as_array(a: Any) -> Array:
    """Nested lists as an array; arrays as they are, wherever they live."""
    return np.asarray(a) if isinstance(a, list | tuple | int | float) else a
