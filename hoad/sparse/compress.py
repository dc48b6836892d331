"""Sparse derivatives from a few directional ones: seeds from colours, a block of products, and every entry read off once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from hoad.core.box import shape_of
from hoad.errors import SparsityError
from hoad.sparse.coloring import color_columns, color_star
from hoad.sparse.pattern import Function, hessian_pattern, jacobian_pattern, point
from hoad.transforms.batching import vmap
from hoad.transforms.first import jvp, vjp
from hoad.transforms.linear import linearize_hvp

__all__ = [
    "SparseHessianPlan", "SparseJacobianPlan", "plan_sparse_hessian", "plan_sparse_jacobian", "sparse_hessian", "sparse_jacobian",
]  # fmt: skip

Array = NDArray[Any]


@dataclass(frozen=True)
class SparseJacobianPlan:
    """Pattern and colours of a Jacobian; call it with a point to get the matrix.

    Parameters
    ----------
    function : callable
        From one array to one array.
    pattern : scipy.sparse.csr_array of bool, shape (m, n)
    colors : array of int
        Colour of each column, or of each row if ``by_rows``; -1 where nothing is to be found.
    by_rows : bool
        Whether rows are compressed, by reverse mode, because that takes fewer colours.
    """

    function: Function
    pattern: csr_array
    colors: Array
    by_rows: bool

    @property
    def number_of_colors(self) -> int:
        """How many directional derivatives one evaluation takes."""
        return int(self.colors.max(initial=-1)) + 1

    def __call__(self, x: Any, *, check: bool = True) -> csr_array:
        """The Jacobian at x.

        Parameters
        ----------
        x : array
            Of the shape the plan was made for.
        check : bool
            Compare one more directional derivative with the matrix, which finds a pattern that no longer holds.

        Returns
        -------
        scipy.sparse.csr_array, shape (m, n)

        Raises
        ------
        SparsityError
            If x has another size, or the pattern does not hold at x.
        """
        x = point(x, "sparse_jacobian")
        _same_size(x, self.pattern.shape[1])
        seeds = _seeds(self.colors, check, x.dtype)
        rows, columns = self.pattern.nonzero()
        if self.by_rows:
            y, pull = vjp(self.function, x)
            block = _block(lambda u: pull(np.reshape(u, shape_of(y)))[0], seeds)
            data = block[self.colors[rows], columns]
        else:
            block = _block(lambda v: jvp(self.function, (x,), (np.reshape(v, x.shape),))[1], seeds)
            data = block[self.colors[columns], rows]
        found = csr_array((data, self.pattern.indices, self.pattern.indptr), shape=self.pattern.shape)
        if check:
            _compare(block[-1], (found.T if self.by_rows else found) @ seeds[-1], "Jacobian")
        return found


@dataclass(frozen=True)
class SparseHessianPlan:
    """Pattern and colours of a Hessian; call it with a point to get the matrix.

    Parameters
    ----------
    function : callable
        From one array to a number.
    pattern : scipy.sparse.csr_array of bool, shape (n, n)
    colors : array of int, shape (n,)
        A star colouring; -1 where a row has no entries.
    sources : tuple of two arrays of int
        For each entry of the pattern the colour and the index where the compressed Hessian holds it.
    """

    function: Function
    pattern: csr_array
    colors: Array
    sources: tuple[Array, Array]

    @property
    def number_of_colors(self) -> int:
        """How many Hessian-vector products one evaluation takes."""
        return int(self.colors.max(initial=-1)) + 1

    def __call__(self, x: Any, *, check: bool = True) -> csr_array:
        """The Hessian at x, exactly symmetric.

        Parameters
        ----------
        x : array
            Of the shape the plan was made for.
        check : bool
            Compare one more Hessian-vector product with the matrix, which finds a pattern that no longer holds.

        Returns
        -------
        scipy.sparse.csr_array, shape (n, n)

        Raises
        ------
        SparsityError
            If x has another size, or the pattern does not hold at x.
        """
        x = point(x, "sparse_hessian")
        _same_size(x, self.pattern.shape[1])
        seeds = _seeds(self.colors, check, x.dtype)
        _, _, product = linearize_hvp(self.function, x)
        block = _block(lambda v: product(np.reshape(v, x.shape)), seeds)
        found = csr_array((block[self.sources], self.pattern.indices, self.pattern.indptr), shape=self.pattern.shape)
        if check:
            _compare(block[-1], found @ seeds[-1], "Hessian")
        return found


def plan_sparse_jacobian(f: Function, x: Any) -> SparseJacobianPlan:
    """Pattern and colours of the Jacobian of ``f``, to be used at many points.

    Parameters
    ----------
    f : callable
        From one array to one array.
    x : array
        A point of the shape that is wanted.

    Returns
    -------
    SparseJacobianPlan

    Examples
    --------
    >>> import numpy as np
    >>> from hoad.sparse import plan_sparse_jacobian
    >>> plan = plan_sparse_jacobian(lambda x: np.diff(x) ** 2, np.ones(1000))
    >>> plan.number_of_colors, plan(np.arange(1000.0)).nnz
    (2, 1998)
    """
    pattern = jacobian_pattern(f, x)
    columns, rows = color_columns(pattern), color_columns(csr_array(pattern.T))
    by_rows = bool(rows.max(initial=-1) < columns.max(initial=-1))
    return SparseJacobianPlan(f, pattern, rows if by_rows else columns, by_rows)


def plan_sparse_hessian(f: Function, x: Any) -> SparseHessianPlan:
    """Pattern and star colouring of the Hessian of ``f``, to be used at many points.

    Parameters
    ----------
    f : callable
        From one array to a number.
    x : array
        A point of the shape that is wanted.

    Returns
    -------
    SparseHessianPlan

    Examples
    --------
    >>> import numpy as np
    >>> from hoad.sparse import plan_sparse_hessian
    >>> def rosenbrock(x):
    ...     return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    >>> plan_sparse_hessian(rosenbrock, np.ones(1000)).number_of_colors
    3
    """
    pattern = hessian_pattern(f, x)
    colors = color_star(pattern)
    return SparseHessianPlan(f, pattern, colors, _sources(pattern, colors))


def sparse_jacobian(f: Function) -> Callable[..., csr_array]:
    """Function that returns the Jacobian as a sparse matrix.

    Parameters
    ----------
    f : callable
        From one array to one array.

    Returns
    -------
    callable
        x -> scipy.sparse.csr_array of shape (number of results, number of entries of x).

    Notes
    -----
    Finds pattern and colours at every call; :func:`plan_sparse_jacobian` keeps them.  One directional derivative for each colour.

    Examples
    --------
    >>> import numpy as np
    >>> from hoad.sparse import sparse_jacobian
    >>> sparse_jacobian(lambda x: x[1:] * x[:-1])(np.arange(1.0, 5.0)).toarray()
    array([[2., 1., 0., 0.],
           [0., 3., 2., 0.],
           [0., 0., 4., 3.]])
    """

    @wraps(f)
    def jacobian(x: Any) -> csr_array:
        return plan_sparse_jacobian(f, x)(x)

    return jacobian


def sparse_hessian(f: Function) -> Callable[..., csr_array]:
    """Function that returns the Hessian as a sparse matrix.

    Parameters
    ----------
    f : callable
        From one array to a number.

    Returns
    -------
    callable
        x -> scipy.sparse.csr_array of shape (n, n), n the number of entries of x.

    Notes
    -----
    Finds pattern and colours at every call; :func:`plan_sparse_hessian` keeps them.  One Hessian-vector product for each colour.

    Examples
    --------
    >>> import numpy as np
    >>> from hoad.sparse import sparse_hessian
    >>> sparse_hessian(lambda x: np.sum(x[1:] * x[:-1] ** 2))(np.arange(1.0, 4.0)).toarray()
    array([[4., 2., 0.],
           [2., 6., 4.],
           [0., 4., 0.]])
    """

    @wraps(f)
    def hessian(x: Any) -> csr_array:
        return plan_sparse_hessian(f, x)(x)

    return hessian


def _seeds(colors: Array, check: bool, dtype: Any) -> Array:
    """One direction for each colour, and a random one for the check."""
    count = int(colors.max(initial=-1)) + 1
    seeds = np.zeros((count + check, len(colors)), dtype)
    active = np.flatnonzero(colors >= 0)
    seeds[colors[active], active] = 1
    if check:
        seeds[-1] = np.random.default_rng(0).uniform(0.5, 1.5, len(colors))
    return seeds


def _block(product: Callable[[Any], Any], seeds: Array) -> Array:
    found = np.asarray(vmap(product)(seeds))
    return found.reshape(len(seeds), -1)


def _sources(pattern: csr_array, colors: Array) -> tuple[Array, Array]:
    """Where the compressed Hessian, one row for each colour, holds entry (i, j): its own place, or that of (j, i)."""
    rows, columns = pattern.nonzero()
    n = pattern.shape[0]
    counts = np.zeros((n, int(colors.max(initial=-1)) + 1), np.intp)
    np.add.at(counts, (rows, colors[columns]), 1)
    own = counts[rows, colors[columns]] == 1
    mirrored = counts[columns, colors[rows]] == 1
    lower = own & mirrored & (columns < rows)  # entries that can be read twice are read once, so that the matrix is symmetric
    own &= ~lower
    return np.where(own, colors[columns], colors[rows]), np.where(own, rows, columns)


def _same_size(x: Array, n: int) -> None:
    if x.size != n:
        raise SparsityError.size(x.size, n)


def _compare(expected: Array, found: Array, name: str) -> None:
    """The matrix must do to a random direction what the derivative does."""
    scale = np.max(np.abs(expected), initial=0.0)
    tolerance = 1e4 * np.finfo(found.dtype).eps * scale
    if not np.all(np.isfinite(expected)):
        return
    difference = np.abs(found - expected)
    if np.max(difference, initial=0.0) > tolerance:
        raise SparsityError.pattern(name, int(np.argmax(difference)))
