"""The pattern of a sparse array: which entries are stored, in which order.  It is a constant in every mode.

The transpose of a CSR pattern is a CSC pattern with the same order of entries, so that transposing moves no values.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

__all__ = ["Pattern"]

_TRANSPOSED = {"csr": "csc", "csc": "csr", "coo": "coo"}
FACTORS_KEPT = 8
"""Factorisations that a pattern remembers."""


class Pattern:
    """Rows and columns of the stored entries.

    Attributes
    ----------
    format : {"csr", "csc", "coo"}
    shape : (m, n)
    indices, indptr : arrays of ints
        As SciPy keeps them; for "coo" the columns and the rows.
    """

    def __init__(self, format: str, indices: Any, indptr: Any, shape: tuple[int, int]) -> None:
        self.format, self.indices, self.indptr, self.shape = format, indices, indptr, (int(shape[0]), int(shape[1]))
        self.factors: list[tuple[Any, Any, Any]] = []

    @classmethod
    def of(cls, matrix: Any) -> Pattern:
        """Of one of SciPy's arrays in a format that is known here."""
        if matrix.format == "coo":
            return cls("coo", matrix.col, matrix.row, matrix.shape)
        return cls(matrix.format, matrix.indices, matrix.indptr, matrix.shape)

    @property
    def nnz(self) -> int:
        return len(self.indices)

    def matrix(self, data: Any) -> Any:
        """SciPy's array with values ``data``."""
        if self.format == "coo":
            return sp.coo_array((data, (self.indptr, self.indices)), shape=self.shape)
        made = sp.csr_array if self.format == "csr" else sp.csc_array
        return made((data, self.indices, self.indptr), shape=self.shape)

    @cached_property
    def places(self) -> tuple[Any, Any]:
        """Row and column of each entry."""
        if self.format == "coo":
            return self.indptr, self.indices
        other = np.repeat(np.arange(len(self.indptr) - 1), np.diff(self.indptr))
        return (other, self.indices) if self.format == "csr" else (self.indices, other)

    @cached_property
    def T(self) -> Pattern:  # NumPy's name
        turned = (self.shape[1], self.shape[0])
        if self.format == "coo":
            return Pattern("coo", self.indptr, self.indices, turned)
        return Pattern(_TRANSPOSED[self.format], self.indices, self.indptr, turned)

    def factor(self, data: Any, options: Any) -> Any:
        """SuperLU's factors of the matrix with values ``data``; those of the last few values are kept."""
        from scipy.sparse.linalg import splu

        for known, given, found in self.factors:
            if given == options and known.dtype == data.dtype and np.array_equal(known, data):
                return found
        matrix = sp.csc_array(self.matrix(np.array(data)))
        matrix.sum_duplicates()
        try:
            found = splu(matrix, **dict(options))
        except RuntimeError as e:
            raise np.linalg.LinAlgError(
                f"the sparse matrix cannot be factorised ({e}), expected an invertible one: the solution has no derivative there."
            ) from None
        self.factors = [(np.array(data), options, found), *self.factors[: FACTORS_KEPT - 1]]
        return found
