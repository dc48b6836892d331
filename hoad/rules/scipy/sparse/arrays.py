"""Sparse arrays with a fixed pattern whose values may be traced.

Operations that only move entries are carried out by SciPy on an array that holds the positions of the entries; the values follow by
indexing.  Sums of entries are products with a constant matrix of ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from hoad.core.box import Box, ops, peek, shape_of
from hoad.core.kinds.cotangents import conjugated
from hoad.errors import ShapeError, TracedConversionError
from hoad.rules.arguments import as_array
from hoad.rules.scipy.sparse.pattern import Pattern
from hoad.rules.scipy.sparse.products import dense, product

__all__ = ["SparseArray", "as_sparse", "is_traced", "moved"]


class SparseArray:
    """A sparse array of two dimensions with a fixed pattern, like SciPy's sparse arrays.

    Attributes
    ----------
    data : (nnz,) array
        Stored values in the order of the format, traced or plain.
    pattern : Pattern
        Where they stand; never traced.
    """

    __slots__ = ("data", "pattern")
    __array_ufunc__ = None  # NumPy leaves operators with a sparse operand to the sparse array
    __hash__ = None  # type: ignore[assignment]
    ndim = 2

    def __init__(self, data: Any, pattern: Pattern) -> None:
        self.data, self.pattern = data, pattern

    # -- what an array knows about itself ---------------------------------------------------------------------------------------
    @property
    def shape(self) -> tuple[int, int]:
        return self.pattern.shape

    @property
    def dtype(self) -> Any:
        return self.data.dtype

    @property
    def nnz(self) -> int:
        return self.pattern.nnz

    @property
    def format(self) -> str:
        return self.pattern.format

    @property
    def T(self) -> SparseArray:  # NumPy's name
        return SparseArray(self.data, self.pattern.T)

    def __len__(self) -> int:
        raise TypeError("sparse array length is ambiguous; use getnnz() or shape[0]")

    def __repr__(self) -> str:
        kind = f"{self.shape} and dtype {self.dtype}"
        return f"<sparse array of shape {kind}: {self.nnz} stored values in {self.format.upper()} order>"

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TracedConversionError.conversion("np.asarray of a sparse array of hoad", "its toarray() or to_scipy()")

    # -- conversions ------------------------------------------------------------------------------------------------------------
    def toarray(self) -> Any:
        return dense.bind(self.data, pattern=self.pattern)

    todense = toarray

    def to_scipy(self) -> Any:
        """SciPy's array, for plain values."""
        if isinstance(self.data, Box):
            raise TracedConversionError.conversion("to_scipy() of traced values", "the functions of hoad.scipy.sparse")
        return self.pattern.matrix(self.data)

    def asformat(self, format: str | None, copy: bool = False) -> SparseArray:
        """The same array in "csr", "csc" or "coo" order."""
        if format is None or format == self.format:
            return self
        return moved(lambda m: m.asformat(format), self)

    def tocsr(self, copy: bool = False) -> SparseArray:
        return self.asformat("csr")

    def tocsc(self, copy: bool = False) -> SparseArray:
        return self.asformat("csc")

    def tocoo(self, copy: bool = False) -> SparseArray:
        return self.asformat("coo")

    def copy(self) -> SparseArray:
        return SparseArray(self.data.copy(), self.pattern)

    def astype(self, dtype: Any, **kwargs: Any) -> SparseArray:
        return SparseArray(self.data.astype(dtype), self.pattern)

    def transpose(self, axes: Any = None, copy: bool = False) -> SparseArray:
        return self.T

    def conj(self, copy: bool = True) -> SparseArray:
        return SparseArray(conjugated(self.data), self.pattern)

    conjugate = conj

    @property
    def real(self) -> SparseArray:
        return SparseArray(np.real(self.data), self.pattern)

    @property
    def imag(self) -> SparseArray:
        return SparseArray(np.imag(self.data), self.pattern)

    def sum_duplicates(self) -> SparseArray:
        """Each entry stored once; returns a new array, unlike SciPy's method."""
        rows, columns = self.pattern.places
        keys, place = np.unique(np.asarray(rows, np.int64) * self.shape[1] + columns, return_inverse=True)
        if len(keys) == self.nnz:
            return self
        data = _summed(self.data, place, len(keys))
        found = sp.coo_array((np.ones(len(keys)), (keys // self.shape[1], keys % self.shape[1])), shape=self.shape)
        return SparseArray(data, Pattern.of(found)).asformat(self.format)

    # -- arithmetic ------------------------------------------------------------------------------------------------------------
    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, SparseArray) or sp.issparse(other):
            return _sparse_product(self, as_sparse(other))
        x = as_array(other)
        if x.ndim not in (1, 2) or shape_of(x)[0] != self.shape[1]:
            raise ShapeError(f"the factor has shape {shape_of(x)}, expected ({self.shape[1]},) or ({self.shape[1]}, k).")
        return product.bind(self.data, x, pattern=self.pattern)

    def __rmatmul__(self, other: Any) -> Any:
        if sp.issparse(other):
            return as_sparse(other) @ self
        x = as_array(other)
        return ops.transpose(self.T @ ops.transpose(x))

    dot = __matmul__

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, SparseArray) and not sp.issparse(other) and shape_of(other) == ():
            return SparseArray(self.data * other, self.pattern)
        return self.multiply(other)

    __rmul__ = __mul__

    def multiply(self, other: Any) -> SparseArray:
        """Entrywise product with a sparse array, or with a dense one that broadcasts to the shape."""
        if isinstance(other, SparseArray) or sp.issparse(other):
            return _entrywise(self, as_sparse(other))
        rows, columns = self.pattern.places
        return SparseArray(self.data * ops.broadcast_to(as_array(other), self.shape)[rows, columns], self.pattern)

    def __truediv__(self, other: Any) -> SparseArray:
        return self * (1 / other if shape_of(other) == () else 1 / as_array(other))

    def __neg__(self) -> SparseArray:
        return SparseArray(-self.data, self.pattern)

    def __pos__(self) -> SparseArray:
        return self

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, SparseArray) and not sp.issparse(other):
            if shape_of(other) == () and not isinstance(other, Box) and other == 0:
                return self
            return self.toarray() + other
        other = as_sparse(other)
        if other.pattern is self.pattern:
            return SparseArray(self.data + other.data, self.pattern)
        if other.shape != self.shape:
            raise ShapeError(f"the other array has shape {other.shape}, expected {self.shape}.")
        (r1, c1), (r2, c2) = self.pattern.places, other.pattern.places
        both = Pattern("coo", np.concatenate([c1, c2]), np.concatenate([r1, r2]), self.shape)
        return SparseArray(ops.concatenate([self.data, other.data]), both).sum_duplicates().asformat(self.format)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self + (-other)

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def power(self, n: Any) -> SparseArray:
        """Each stored value to the power n."""
        return SparseArray(self.sum_duplicates().data ** n, self.sum_duplicates().pattern)

    def __abs__(self) -> SparseArray:
        once = self.sum_duplicates()
        return SparseArray(np.abs(once.data), once.pattern)

    # -- reductions and parts -----------------------------------------------------------------------------------------------------
    def sum(self, axis: Any = None) -> Any:
        if axis is None:
            return np.sum(self.data)
        place = self.pattern.places[1 - axis % 2]
        return _summed(self.data, place, self.shape[1 - axis % 2])

    def mean(self, axis: Any = None) -> Any:
        return self.sum(axis) / (self.shape[0] * self.shape[1] if axis is None else self.shape[axis])

    def diagonal(self, k: int = 0) -> Any:
        m, n = self.shape
        rows, columns = self.pattern.places
        on = np.flatnonzero(np.asarray(columns, np.int64) - rows == k)
        size = max(min(m + min(k, 0), n - max(k, 0)), 0)
        return _summed(self.data[on], rows[on] + min(k, 0), size)

    def trace(self, offset: int = 0) -> Any:
        return np.sum(self.diagonal(offset))

    def __getitem__(self, key: Any) -> Any:
        return moved(lambda m: m.tocsr()[key], self)


def is_traced(*xs: Any) -> bool:
    """Whether a derivative depends on one of these."""
    return any(isinstance(x.data if isinstance(x, SparseArray) else x, Box) for x in xs)


def as_sparse(x: Any, format: str | None = None) -> SparseArray:
    """SciPy's sparse arrays, and dense ones with all their entries, as sparse arrays with a fixed pattern."""
    if isinstance(x, SparseArray):
        return x.asformat(format)
    if sp.issparse(x):
        x = x if format is None and x.format in ("csr", "csc", "coo") else x.asformat(format or "csr")
        return SparseArray(x.data, Pattern.of(x))
    x = as_array(x)
    if x.ndim != 2:
        raise ShapeError(f"the array has shape {shape_of(x)}, expected two dimensions.")
    m, n = shape_of(x)
    every = Pattern("csr", np.tile(np.arange(n), m), np.arange(0, m * n + 1, n) if n else np.zeros(m + 1, int), (m, n))
    return SparseArray(ops.reshape(x, (m * n,)), every).asformat(format)


def moved(f: Callable[..., Any], *arrays: SparseArray) -> Any:
    """``f`` of sparse arrays, where ``f`` moves entries without computing with them."""
    once = [a.sum_duplicates() for a in arrays]
    start = np.cumsum([1, *[a.nnz for a in once]])
    found = f(*[a.pattern.matrix(np.arange(s, s + a.nnz, dtype=np.int64)) for a, s in zip(once, start, strict=False)])
    data = once[0].data if len(once) == 1 else ops.concatenate([a.data for a in once])
    if not sp.issparse(found):  # one entry, or an array of entries
        zero = peek(data).dtype.type(0)
        if np.ndim(found):
            return np.where(found > 0, data[np.maximum(found - 1, 0)], zero)
        return data[int(found) - 1] if found else zero
    if found.ndim == 1:
        at = found.tocoo()
        return _summed(data[at.data - 1], at.coords[0], found.shape[0])
    if found.format not in ("csr", "csc", "coo"):
        found = found.tocsr()
    return SparseArray(data[found.data - 1], Pattern.of(found))


def _summed(data: Any, place: Any, size: int) -> Any:
    """Entry i: the sum of the values with place i."""
    ones = np.ones(len(place), peek(data).dtype)
    return product.bind(ones, data, pattern=Pattern("coo", np.arange(len(place)), np.asarray(place), (size, len(place))))


def _sparse_product(a: SparseArray, b: SparseArray) -> SparseArray:
    if a.shape[1] != b.shape[0]:
        raise ShapeError(f"the second factor has shape {b.shape}, expected ({a.shape[1]}, k).")
    (rows, middle), b = a.pattern.places, b.asformat("csr")
    start = b.pattern.indptr
    counts = np.asarray(start)[middle + 1] - np.asarray(start)[middle]
    left = np.repeat(np.arange(a.nnz), counts)
    right = np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(np.asarray(start)[middle], counts)
    pairs = Pattern("coo", np.asarray(b.pattern.indices)[right], np.asarray(rows)[left], (a.shape[0], b.shape[1]))
    return SparseArray(a.data[left] * b.data[right], pairs).sum_duplicates().asformat("csr")


def _entrywise(a: SparseArray, b: SparseArray) -> SparseArray:
    if a.shape != b.shape:
        raise ShapeError(f"the other array has shape {b.shape}, expected {a.shape}.")
    a, b = a.sum_duplicates(), b.sum_duplicates()
    (r1, c1), (r2, c2) = a.pattern.places, b.pattern.places
    n = a.shape[1]
    _, one, two = np.intersect1d(np.asarray(r1, np.int64) * n + c1, np.asarray(r2, np.int64) * n + c2, return_indices=True)
    pattern = Pattern("coo", np.asarray(c1)[one], np.asarray(r1)[one], a.shape)
    return SparseArray(a.data[one] * b.data[two], pattern).asformat(a.format)
