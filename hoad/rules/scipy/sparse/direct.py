"""scipy.sparse.linalg: solves with sparse LU factors, declared by their residual.

The value of spsolve is SciPy's.  Its derivatives of all orders, and those of splu, use one factorisation of the matrix, for the
adjoint as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse.linalg

from hoad.core.box import shape_of
from hoad.core.kinds import implicit
from hoad.core.kinds.cotangents import conjugated
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array
from hoad.rules.scipy.sparse.arrays import SparseArray, as_sparse, moved
from hoad.rules.scipy.sparse.pattern import Pattern
from hoad.rules.scipy.sparse.products import batch_columns, product

__all__ = ["Factorisation"]


def _by_factors(factors: Any, b: Any, trans: str, dtype: Any) -> Any:
    """SuperLU solves in the dtype of its factors only."""
    if dtype.kind != "c" and b.dtype.kind == "c":
        return _by_factors(factors, b.real, trans, dtype) + 1j * _by_factors(factors, b.imag, trans, dtype)
    return factors.solve(np.ascontiguousarray(b.astype(dtype, copy=False)), trans)


def _native(data: Any, b: Any, pattern: Pattern, trans: str, options: Any, value: Any) -> Any:
    if value is not None:
        return value(pattern.matrix(np.array(data)), b)
    common = np.result_type(data, np.float32)
    found = _by_factors(pattern.factor(data.astype(common, copy=False), options), b, trans, np.dtype(common))
    return found.astype(np.result_type(data, b), copy=False)


def _residual(x: Any, data: Any, b: Any, pattern: Pattern, trans: str, **kw: Any) -> Any:
    if trans == "N":
        return product.bind(data, x, pattern=pattern) - b
    return product.bind(conjugated(data) if trans == "H" else data, x, pattern=pattern.T) - b


def _adjoint(g: Any, x: Any, xs: Any, trans: str, **kw: Any) -> Any:
    kw["value"] = None
    if trans == "T":
        return conjugated(solve_.bind(xs[0], conjugated(g), trans="N", **kw))
    return solve_.bind(xs[0], g, trans="H" if trans == "N" else "N", **kw)


solve_: Any = implicit(
    "scipy.sparse.linalg.spsolve",
    _native,
    _residual,
    lambda r, x, xs, **kw: solve_.bind(xs[0], r, **{**kw, "value": None}),
    _adjoint,
    batch=batch_columns,
)


def _dense_right(name: str, b: Any) -> Any:
    if isinstance(b, SparseArray):
        raise UnsupportedFunctionError.no_rule(name, " for a sparse right-hand side; give b.toarray()")
    b = as_array(b.toarray() if scipy.sparse.issparse(b) else b)
    return b if b.dtype.kind in "fc" else b.astype(float)


def _floating(a: SparseArray) -> SparseArray:
    return a if a.dtype.kind in "fc" else a.astype(float)


def spsolve(A: Any, b: Any, permc_spec: Any = None, use_umfpack: bool = True) -> Any:  # SciPy's names
    a = _floating(as_sparse(A))
    a = a if a.format in ("csr", "csc") else a.tocsc()
    b = _dense_right("scipy.sparse.linalg.spsolve", b)

    def value(matrix: Any, b: Any) -> Any:
        return scipy.sparse.linalg.spsolve(matrix, b, permc_spec=permc_spec, use_umfpack=use_umfpack)

    column = b.ndim == 2 and shape_of(b)[1] == 1  # which SciPy returns as a vector
    options = (("permc_spec", permc_spec),)
    return solve_.bind(a.data, b[:, 0] if column else b, pattern=a.pattern, trans="N", options=options, value=value)


class Factorisation:
    """What splu returns: solves with a matrix, its transpose and its adjoint, by one factorisation.

    Attributes
    ----------
    shape : (n, n)
    """

    def __init__(self, a: SparseArray, options: Any) -> None:
        self.shape, self._a, self._options = a.shape, a, options

    def solve(self, rhs: Any, trans: str = "N") -> Any:
        """x with op(A) x = rhs, op the identity ("N"), the transpose ("T") or the adjoint ("H")."""
        if trans not in ("N", "T", "H"):
            raise ValueError(f"trans={trans!r}, expected 'N', 'T' or 'H'")
        b = _dense_right("scipy.sparse.linalg.splu(A).solve", rhs)
        return solve_.bind(self._a.data, b, pattern=self._a.pattern, trans=trans, options=self._options, value=None)

    def __getattr__(self, name: str) -> Any:
        if name in ("L", "U", "perm_r", "perm_c", "nnz"):
            raise UnsupportedFunctionError.no_rule(f"scipy.sparse.linalg.splu(A).{name}", "; solve() has one")
        raise AttributeError(name)


def splu(
    A: Any, permc_spec: Any = None, diag_pivot_thresh: Any = None, relax: Any = None, panel_size: Any = None, options: Any = None
) -> Factorisation:  # SciPy's names
    given = {
        "permc_spec": permc_spec, "diag_pivot_thresh": diag_pivot_thresh, "relax": relax, "panel_size": panel_size,
    }  # fmt: skip
    given.update({"options": options} if options else {})
    return Factorisation(_floating(as_sparse(A, "csc")), tuple(given.items()))


def factorized(A: Any) -> Callable[[Any], Any]:  # SciPy's names
    return splu(A).solve


def spsolve_triangular(
    A: Any, b: Any, lower: bool = True, overwrite_A: bool = False, overwrite_b: bool = False, unit_diagonal: bool = False
) -> Any:  # SciPy's names
    a = _floating(as_sparse(A, "csr")).sum_duplicates()
    b = _dense_right("scipy.sparse.linalg.spsolve_triangular", b)
    if unit_diagonal:  # the stored diagonal is not read
        strict = moved(lambda m: scipy.sparse.tril(m, -1, "csr") if lower else scipy.sparse.triu(m, 1, "csr"), a)
        a = strict + as_sparse(scipy.sparse.eye_array(a.shape[0], dtype=a.dtype, format="csr"))

    def value(matrix: Any, b: Any) -> Any:
        return scipy.sparse.linalg.spsolve_triangular(matrix, b, lower=lower, unit_diagonal=unit_diagonal)

    return solve_.bind(a.data, b, pattern=a.pattern, trans="N", options=(("permc_spec", "NATURAL"),), value=value)


def inv(A: Any) -> SparseArray:  # SciPy's names
    """All entries of the inverse are stored."""
    a = as_sparse(A, "csc")
    return as_sparse(spsolve(a, np.eye(a.shape[0], dtype=_floating(a).dtype)), "csc")


def matrix_power(A: Any, power: int) -> SparseArray:  # SciPy's names
    a = as_sparse(A, "csr")
    if power < 0:
        raise ValueError("exponent must be >= 0")
    if power == 0:
        return as_sparse(scipy.sparse.eye_array(a.shape[0], dtype=a.dtype, format="csr"))
    half = a if power == 1 else matrix_power(a, power // 2)
    if power == 1:
        return a
    return half @ half @ a if power % 2 else half @ half


expose(matrix_power, "scipy.sparse.linalg.matrix_power", scipy.sparse.linalg.matrix_power, "composite")
expose(inv, "scipy.sparse.linalg.inv", scipy.sparse.linalg.inv, "implicit")
for _name, _f in (("spsolve", spsolve), ("splu", splu), ("factorized", factorized), ("spsolve_triangular", spsolve_triangular)):
    expose(_f, f"scipy.sparse.linalg.{_name}", getattr(scipy.sparse.linalg, _name), "implicit")
