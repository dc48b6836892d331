"""Powers and products of matrices that live in numpy.linalg; the array API's forms of matmul, trace and others."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import filled
from hoad.core.box import ops, peek
from hoad.core.primitive import expose
from hoad.rules.linear_algebra.solving import identity, plain_or_traced, swapped
from hoad.rules.products import matmul, vecdot


def matrix_power(a: Any, n: int) -> Any:
    """Repeated squaring, in the order in which NumPy multiplies."""
    if n == 0:
        return filled(a.shape, 0, a.dtype, peek(a)) + identity(a)
    if n < 0:
        a, n = np.linalg.inv(a), -n
    if n == 3:
        return matmul(matmul(a, a), a)
    square = result = None
    while n:
        square = a if square is None else matmul(square, square)
        n, bit = divmod(n, 2)
        if bit:
            result = square if result is None else matmul(result, square)
    return result


def multi_dot(arrays: Any, *, out: Any = None) -> Any:
    arrays = [plain_or_traced(a) for a in arrays]
    if len(arrays) < 2:
        raise ValueError("Expecting at least two arrays.")
    first, last = arrays[0].ndim == 1, arrays[-1].ndim == 1
    if first:
        arrays[0] = arrays[0][None, :]
    if last:
        arrays[-1] = arrays[-1][:, None]
    y = _product(arrays, _chain_order([*[a.shape[0] for a in arrays], arrays[-1].shape[1]]), 0, len(arrays) - 1)
    if first and last:
        return y[0, 0]
    return np.ravel(y) if first or last else y


def _chain_order(sizes: list[int]) -> dict[tuple[int, int], int]:
    """Where to split each product i..j (Cormen et al., Introduction to Algorithms, section 15.2)."""
    n = len(sizes) - 1
    cost = {(i, i): 0 for i in range(n)}
    split: dict[tuple[int, int], int] = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            choices = [(cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)]
            # NumPy multiplies three matrices from the right when both orders cost the same, and otherwise splits early.
            cost[i, j], split[i, j] = min(choices)
    return split


def _product(arrays: list[Any], split: Any, i: int, j: int) -> Any:
    if i == j:
        return arrays[i]
    k = split[i, j]
    return ops.dot(_product(arrays, split, i, k), _product(arrays, split, k + 1, j))


def outer(x1: Any, x2: Any, /) -> Any:
    x1, x2 = plain_or_traced(x1), plain_or_traced(x2)
    if x1.ndim != 1 or x2.ndim != 1:
        raise ValueError("Input arrays must be one-dimensional")
    return ops.outer(x1, x2)


def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    x1, x2 = plain_or_traced(x1), plain_or_traced(x2)
    if x1.shape[axis] != 3 or x2.shape[axis] != 3:
        raise ValueError("Both input arrays must be (arrays of) 3-dimensional vectors")
    return ops.cross(x1, x2, axis=axis)


for _name, _f, _kind in (
    ("matrix_power", matrix_power, "composite"),
    ("multi_dot", multi_dot, "multilinear"), ("outer", outer, "multilinear"), ("cross", cross, "multilinear"),
    ("matmul", lambda x1, x2, /: matmul(plain_or_traced(x1), plain_or_traced(x2)), "multilinear"),
    ("tensordot", lambda x1, x2, /, *, axes=2: ops.tensordot(x1, x2, axes), "multilinear"),
    ("vecdot", lambda x1, x2, /, *, axis=-1: vecdot(x1, x2, axis=axis), "multilinear"),
    ("trace", lambda x, /, *, offset=0, dtype=None: ops.trace(x, offset, -2, -1), "linear"),
    ("diagonal", lambda x, /, *, offset=0: ops.diagonal(x, offset, -2, -1), "linear"),
    ("matrix_transpose", lambda x, /: swapped(x), "linear"),
):  # fmt: skip
    expose(_f, f"numpy.linalg.{_name}", getattr(np.linalg, _name), _kind)
