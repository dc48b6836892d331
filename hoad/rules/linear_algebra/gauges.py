"""Choices that a decomposition leaves open, as functions of the matrix: phases of columns, and completions to a unitary matrix.

A factor that is determined up to a choice is differentiated as the smooth function of the matrix that is closest, in a fixed
sense, to what LAPACK returned: the returned factor is a constant of the choice.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.core.box import shape_of
from hoad.core.kinds import composite, constant
from hoad.core.kinds.cotangents import conjugated
from hoad.rules.linear_algebra.solving import adjoint
from hoad.rules.products import matmul

__all__ = ["completed", "frozen", "stacked", "unit_phases", "valued"]


def stacked(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    """Batching rule of a function of a stack of matrices or vectors: the hidden axis is one more axis of the stack."""
    return prim.bind(*xs, **kw)


frozen = constant("frozen", lambda x: x, batch=stacked)
"""The value, without derivatives."""


def _valued_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    x, value = (y if flag else np.broadcast_to(y, (size, *shape_of(y))) for y, flag in zip(xs, flags, strict=True))
    return prim.bind(x, value)


valued = composite("valued", lambda x, value: value, lambda x, value: x, batch=_valued_batch)
"""``valued(x, value)``: the value of the second argument and the derivatives of the first."""


def unit_phases(*pairs: Any) -> Any:
    """Unit complex numbers, one for each column, that turn the sum of x^H x0 over the pairs (x, x0) real and positive."""
    z: Any = 0
    for x, x0 in pairs:
        z = z + np.sum(conjugated(x) * x0, axis=-2)
    return z / np.abs(z)


def completed(basis: Any, rest: Any) -> Any:
    """Columns that complete orthonormal columns ``basis`` to a unitary matrix, next to the constant ones ``rest``.

    With P = rest - basis basis^H rest, the projection onto the complement, it is P L^-H where L L^H = P^H P.
    """
    if not shape_of(rest)[-1]:
        return rest
    p = rest - matmul(basis, matmul(adjoint(basis), rest))
    lower = np.linalg.cholesky(matmul(adjoint(p), p))
    return adjoint(np.linalg.solve(lower, adjoint(p)))
