"""Rational functions, given entry by entry, of a square matrix: powers, products, quotients and sums become those of matrices.

The sum of f over all eigenvalues of any matrix is tr f(A), and their product is det f(A).  Written with products and solves, these
have derivatives of every order at repeated eigenvalues and at defective matrices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from hoad.rules.linear_algebra.solving import identity
from hoad.rules.products import matmul

__all__ = ["is_rational", "of_matrix"]

Scalar = Callable[[Any], Any]


class _Irrational(Exception):
    """The function uses an operation that is not defined here."""


class _Argument(NDArrayOperatorsMixin):
    """A matrix in the place of a scalar."""

    def __init__(self, matrix: Any) -> None:
        self.matrix = matrix

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        operation = _OPERATIONS.get(ufunc)
        if operation is None or method != "__call__" or options:
            raise _Irrational
        return operation(*inputs)


def _whole(x: Any, like: _Argument) -> Any:
    return x.matrix if isinstance(x, _Argument) else x * identity(like.matrix)


def _added(a: Any, b: Any) -> _Argument:
    like = a if isinstance(a, _Argument) else b
    return _Argument(_whole(a, like) + _whole(b, like))


def _multiplied(a: Any, b: Any) -> _Argument:
    if isinstance(a, _Argument) and isinstance(b, _Argument):
        return _Argument(matmul(a.matrix, b.matrix))
    return _Argument(a.matrix * b if isinstance(a, _Argument) else a * b.matrix)


def _divided(a: Any, b: Any) -> _Argument:
    if not isinstance(b, _Argument):
        return _Argument(a.matrix / b)
    return _Argument(np.linalg.solve(b.matrix, _whole(a, b)))


def _raised(a: Any, n: Any) -> _Argument:
    if isinstance(n, _Argument) or np.asarray(n).dtype.kind == "c" or float(n) != int(n):
        raise _Irrational
    return _Argument(np.linalg.matrix_power(a.matrix, int(n)))


_OPERATIONS: dict[Any, Callable[..., Any]] = {
    np.add: _added,
    np.subtract: lambda a, b: _added(a, -b),
    np.multiply: _multiplied,
    np.divide: _divided,
    np.power: _raised,
    np.float_power: _raised,
    np.square: lambda a: _multiplied(a, a),
    np.reciprocal: lambda a: _divided(1.0, a),
    np.negative: lambda a: _Argument(-a.matrix),
    np.positive: lambda a: a,
}


def of_matrix(f: Scalar, a: Any) -> Any:
    """f(A) of matrices (..., n, n)."""
    argument = _Argument(a)
    return _whole(f(argument), argument)


def is_rational(f: Scalar) -> bool:
    """Whether ``f`` can be evaluated at a matrix."""
    try:
        with np.errstate(all="ignore"):
            of_matrix(f, np.array([[0.7]]))
    except (_Irrational, AttributeError, TypeError):
        return False
    return True
