"""Which entries of a Jacobian or a Hessian can be non-zero, from one run of the program on dependences instead of numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from hoad.core.box import Box, shape_of
from hoad.errors import DTypeError, StructureError
from hoad.modes.pattern import dependences
from hoad.transforms.first import grad

__all__ = ["hessian_pattern", "jacobian_pattern", "point"]

Function = Callable[..., Any]


def point(x: Any, name: str) -> Any:
    """The argument as a plain array of real floating-point numbers."""
    if isinstance(x, dict | list | tuple):
        raise StructureError(f"{name} needs one array as argument, got {type(x).__name__}. Join the parts with np.concatenate.")
    if isinstance(x, Box):
        raise StructureError(
            f"{name} makes a SciPy matrix, which cannot hold traced values. Inside a derivative use hoad.jacobian or hoad.hvp."
        )
    x = np.asarray(x)
    if x.dtype.kind != "f":
        raise DTypeError(f"{name} needs a real floating-point array, got dtype {x.dtype}. Convert with x.astype(float).")
    return x


def jacobian_pattern(f: Function, x: Any) -> csr_array:
    """Which entries of the Jacobian of ``f`` can be non-zero.

    Parameters
    ----------
    f : callable
        From one array to one array.
    x : array, shape s
        A point; the pattern does not depend on it but for branches of Python, indices and orders (``np.sort``) that ``f`` computes
        from values.

    Returns
    -------
    scipy.sparse.csr_array of bool, shape (number of results, number of entries of x)

    Raises
    ------
    DTypeError, StructureError
        If x is not one real floating-point array.

    Notes
    -----
    A superset: values that cancel count as dependences, both branches of ``np.where`` do, and functions like ``np.linalg.solve``
    and ``np.fft.fft`` make each of their results depend on all their inputs.  A product with a zero that is part of the program (an
    entry of a constant matrix) is a structural zero.  Cost: about a microsecond for each entry that an operation reads.

    Examples
    --------
    >>> import numpy as np
    >>> from hoad.sparse import jacobian_pattern
    >>> jacobian_pattern(lambda x: x[1:] * x[:-1], np.ones(4)).toarray().astype(int)
    array([[1, 1, 0, 0],
           [0, 1, 1, 0],
           [0, 0, 1, 1]])
    """
    x = point(x, "jacobian_pattern")

    def call(x: Any) -> tuple[Any]:
        y = f(x)
        if isinstance(y, dict | list | tuple):
            kind = type(y).__name__
            raise StructureError(f"A sparse Jacobian needs one array as result, got {kind}. Join the parts with np.concatenate.")
        return (y,)

    (rows,) = dependences(call, [x])
    return _matrix(rows, int(np.prod(shape_of(x))))


def hessian_pattern(f: Function, x: Any) -> csr_array:
    """Which entries of the Hessian of a scalar function can be non-zero.

    Parameters
    ----------
    f : callable
        From one array to a number.
    x : array, shape s
        A point, as for :func:`jacobian_pattern`.

    Returns
    -------
    scipy.sparse.csr_array of bool, shape (n, n), symmetric

    Notes
    -----
    The pattern of the Jacobian of the gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from hoad.sparse import hessian_pattern
    >>> hessian_pattern(lambda x: np.sum(x[1:] * x[:-1] ** 2), np.ones(3)).toarray().astype(int)
    array([[1, 1, 0],
           [1, 1, 1],
           [0, 1, 0]])
    """
    found = jacobian_pattern(grad(f), point(x, "hessian_pattern"))
    return (found + found.T).astype(bool).tocsr()


def _matrix(rows: list[frozenset[int]], n: int) -> csr_array:
    counts = np.array([0, *[len(r) for r in rows]])
    columns = np.fromiter((j for r in rows for j in sorted(r)), dtype=np.intp, count=int(counts.sum()))
    return csr_array((np.ones(len(columns), bool), columns, np.cumsum(counts)), shape=(len(rows), n))
