"""What the functions of scipy.linalg read of a matrix, and how they take stacks of matrices.

Many of them read a part of the array they are given: a triangle, a few diagonals.  The functions here build the matrix that
counts from that part, so that the other entries have derivative zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.core.box import ops, peek, shape_of, strip
from hoad.core.engine import engine
from hoad.core.kinds.batching import align_ranks, expand
from hoad.core.kinds.cotangents import conjugated
from hoad.rules.arguments import as_array
from hoad.rules.products import matmul

__all__ = [
    "adjoint", "as_array", "as_matrix", "batch_columns", "columns", "eye_like", "hermitian", "matmul", "over_stack", "plain_value",
    "stacked", "swapped", "take_rows", "transposed", "triangle",
]  # fmt: skip


def swapped(x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


def adjoint(x: Any) -> Any:
    return conjugated(swapped(x))


def eye_like(a: Any) -> Any:
    """The identity with the size and the dtype of a matrix."""
    return np.eye(shape_of(a)[-1], dtype=peek(a).dtype)


def plain_value(x: Any) -> Any:
    """The plain array inside any depth of boxes, for decisions that do not depend on the derivatives."""
    return np.asarray(strip(x))


def as_matrix(a: Any) -> Any:
    """An array of floating dtype; integers become float64, as LAPACK has none."""
    a = as_array(a)
    return a if a.dtype.kind in "fc" else a.astype(float)


def triangle(a: Any, lower: bool, *, unit: bool = False) -> Any:
    """The triangle of ``a`` that is read, with ones on the diagonal if ``unit``."""
    k = 1 if unit else 0
    t = np.tril(a, -k) if lower else np.triu(a, k)
    return t + eye_like(a) if unit else t


def hermitian(a: Any, lower: bool, *, symmetric: bool = False) -> Any:
    """The Hermitian (or complex symmetric) matrix of which ``a`` holds one triangle; the imaginary part of a Hermitian
    diagonal is not read."""
    strict = np.tril(a, -1) if lower else np.triu(a, 1)
    diagonal = np.diagonal(a, 0, -2, -1)
    if symmetric:
        other = swapped(strict)
    else:
        other, diagonal = adjoint(strict), ops.real(diagonal)
    return strict + other + diagonal[..., None] * np.eye(shape_of(a)[-1], dtype=peek(diagonal).dtype)


def columns(b: Any) -> tuple[Any, bool]:
    """A right-hand side as columns, and whether it was one vector."""
    b = as_array(b)
    return (b[:, None], True) if b.ndim == 1 else (b, False)


def transposed(solve: Callable[..., Any]) -> Callable[..., Any]:
    """The adjoint of ``solve(r, y, xs, **kw)``, linear in r, found by a reverse sweep."""

    def solve_adjoint(g: Any, y: Any, xs: Any, **kw: Any) -> Any:
        _, back = engine.pull(lambda r: solve(r, y, xs, **kw), [engine.zeros(g)], [0])
        return back(g)[0]

    return solve_adjoint


def stacked(prim: Any, size: int, xs: list[Any], flags: list[bool], kw: dict[str, Any]) -> Any:
    """Batching rule of a function of one stack of matrices: the hidden axis is one more axis of the stack."""
    return prim.bind(*xs, **kw)


def take_rows(x: Any, rows: Any) -> Any:
    """``x[rows]`` for each matrix of a stack."""
    if isinstance(rows, np.ndarray) and rows.ndim == 1:
        return x[..., rows, :]
    lead = np.broadcast_shapes(shape_of(rows)[:-1], shape_of(x)[:-2])
    rows = ops.broadcast_to(rows, (*lead, shape_of(rows)[-1]))
    return np.take_along_axis(ops.broadcast_to(x, (*lead, *shape_of(x)[-2:])), rows[..., None], axis=-2)


def batch_columns(prim: Any, size: int, xs: list[Any], flags: list[bool], kw: dict[str, Any]) -> Any:
    """Batching rule of a solve whose last argument holds columns: one matrix with many right-hand sides is factorised once."""
    *coefficients, b = xs
    if any(flags[:-1]) or len(shape_of(b)) != 3:
        return align_ranks(prim, size, xs, flags, kw)
    m, n, k = shape_of(b)
    wide = ops.reshape(ops.transpose(b, (1, 0, 2)), (n, m * k))
    y = prim.bind(*coefficients, wide, **kw)
    if len(shape_of(y)) != 2:  # a stack of matrices, not mapped
        return prim.bind(*coefficients, expand(b, len(shape_of(y))), **kw)
    return ops.transpose(ops.reshape(y, (shape_of(y)[0], m, k)), (1, 0, 2))


def over_stack(f: Callable[..., Any], arrays: list[Any], cores: tuple[int, ...]) -> Any:
    """``f`` for each matrix of a stack, as SciPy does it; results are tuples or single arrays."""
    lead = np.broadcast_shapes(*[tuple(shape_of(x))[: len(shape_of(x)) - c] for x, c in zip(arrays, cores, strict=True)])
    if not lead:
        return f(*arrays)
    wide = [ops.broadcast_to(x, (*lead, *shape_of(x)[len(shape_of(x)) - c :])) for x, c in zip(arrays, cores, strict=True)]
    rows = [f(*[x[at] for x in wide]) for at in np.ndindex(lead)]

    def joined(parts: Any) -> Any:
        return np.reshape(np.stack(list(parts)), (*lead, *shape_of(parts[0])))

    return [joined(p) for p in zip(*rows, strict=True)] if isinstance(rows[0], tuple) else joined(rows)
