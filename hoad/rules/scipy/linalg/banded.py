"""scipy.linalg: solves with banded matrices.

A band with ``l`` diagonals below and ``u`` above the main one is kept as SciPy keeps it, ab[u + i - j, j] = A[i, j], in l + u + 1
rows.  Products with it and its adjoint take O(n (l + u + 1)) operations for each column.  Corners of ``ab`` that lie outside the
matrix are not read.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import scipy.linalg

from hoad.core.box import ops, peek, shape_of
from hoad.core.kinds import implicit
from hoad.core.kinds.cotangents import conjugated
from hoad.core.primitive import expose
from hoad.rules.scipy.linalg.structure import as_array, batch_columns, columns


@lru_cache(maxsize=64)
def _rows(n: int, lower: int, upper: int) -> tuple[Any, Any]:
    """For each row d of the band and each row i of the matrix: the column j = i + u' - d where the entry stands, clipped, and
    whether there is one.  ``u'`` counts from ``upper``."""
    d, i = np.indices((lower + upper + 1, n))
    j = i - d + upper
    return np.clip(j, 0, max(n - 1, 0)), (j >= 0) & (j < n)


def by_rows(ab: Any, lower: int, upper: int) -> Any:
    """A[i, i - d + u] at (d, i): the band shifted so that entries of one row of the matrix stand in one column."""
    n = shape_of(ab)[-1]
    j, inside = _rows(n, lower, upper)
    d = np.arange(lower + upper + 1)[:, None]
    return np.where(inside, ab[..., d, j], peek(ab).dtype.type(0))


def band_product(ab: Any, x: Any, lower: int, upper: int) -> Any:
    """A x for columns x."""
    j, _ = _rows(shape_of(ab)[-1], lower, upper)
    return np.sum(by_rows(ab, lower, upper)[..., None] * x[..., j, :], axis=-3)


def band_adjoint(ab: Any, lower: int, upper: int) -> Any:
    """The band of A^H, which has ``upper`` diagonals below and ``lower`` above the main one."""
    return conjugated(by_rows(ab, lower, upper)[..., ::-1, :])


def hermitian_band(ab: Any, lower: bool) -> Any:
    """All diagonals of the Hermitian matrix of which ``ab`` holds the lower or the upper ones; the imaginary part of the main
    diagonal is not read."""
    u = shape_of(ab)[-2] - 1
    if lower:
        main, below = ops.real(ab[..., :1, :]), ab[..., 1:, :]
        above = band_adjoint(ab, u, 0)[..., :-1, :]
    else:
        main, above = ops.real(ab[..., -1:, :]), ab[..., :-1, :]
        below = band_adjoint(ab, 0, u)[..., 1:, :]
    return np.concatenate([above, main.astype(peek(ab).dtype), below], axis=-2)


def dense(ab: Any, lower: int, upper: int) -> Any:
    """The matrix of a band."""
    n = shape_of(ab)[-1]
    i, j = np.indices((n, n))
    d = upper + i - j
    inside = (d >= 0) & (d <= lower + upper)
    return np.where(inside, ab[..., np.clip(d, 0, lower + upper), j], peek(ab).dtype.type(0))


def in_band(a: Any, lower: int, upper: int) -> tuple[Any, Any]:
    """The band of a matrix, and where it has entries."""
    n = shape_of(a)[-1]
    d, j = np.indices((lower + upper + 1, n))
    i = j + d - upper
    return a[..., np.clip(i, 0, max(n - 1, 0)), j], (i >= 0) & (i < n)


# -- solves ----------------------------------------------------------------------------------------------------------------------


def _banded_native(ab: Any, b: Any, lower: int, upper: int, check_finite: bool) -> Any:
    return scipy.linalg.solve_banded((lower, upper), ab, b, check_finite=check_finite)


solve_banded_: Any = implicit(
    "scipy.linalg.solve_banded",
    _banded_native,
    lambda x, ab, b, lower, upper, check_finite: band_product(ab, x, lower, upper) - b,
    lambda r, x, xs, **kw: solve_banded_.bind(xs[0], r, **kw),
    lambda g, x, xs, lower, upper, check_finite: solve_banded_.bind(
        band_adjoint(xs[0], lower, upper), g, lower=upper, upper=lower, check_finite=check_finite
    ),
    batch=batch_columns,
)


def solve_banded(
    l_and_u: Any, ab: Any, b: Any, overwrite_ab: bool = False, overwrite_b: bool = False, check_finite: bool = True
) -> Any:
    lower, upper = (int(k) for k in l_and_u)
    b, vector = columns(b)
    x = solve_banded_.bind(as_array(ab), b, lower=lower, upper=upper, check_finite=check_finite)
    return x[..., 0] if vector else x


def _solveh_residual(x: Any, ab: Any, b: Any, lower: bool, check_finite: bool) -> Any:
    u = shape_of(ab)[-2] - 1
    return band_product(hermitian_band(ab, lower), x, u, u) - b


solveh_banded_: Any = implicit(
    "scipy.linalg.solveh_banded",
    lambda ab, b, lower, check_finite: scipy.linalg.solveh_banded(ab, b, lower=lower, check_finite=check_finite),
    _solveh_residual,
    lambda r, x, xs, **kw: solveh_banded_.bind(xs[0], r, **kw),
    lambda g, x, xs, **kw: solveh_banded_.bind(xs[0], g, **kw),
    batch=batch_columns,
)


def solveh_banded(
    ab: Any, b: Any, overwrite_ab: bool = False, overwrite_b: bool = False, lower: bool = False, check_finite: bool = True
) -> Any:
    b, vector = columns(b)
    x = solveh_banded_.bind(as_array(ab), b, lower=bool(lower), check_finite=check_finite)
    return x[..., 0] if vector else x


def _cho_residual(x: Any, cb: Any, b: Any, lower: bool, check_finite: bool) -> Any:
    k = shape_of(cb)[-2] - 1
    factor, other = (cb, band_adjoint(cb, k, 0)) if lower else (band_adjoint(cb, 0, k), cb)
    return band_product(factor, band_product(other, x, 0, k), k, 0) - b


cho_solve_banded_: Any = implicit(
    "scipy.linalg.cho_solve_banded",
    lambda cb, b, lower, check_finite: scipy.linalg.cho_solve_banded((cb, lower), b, check_finite=check_finite),
    _cho_residual,
    lambda r, x, xs, **kw: cho_solve_banded_.bind(xs[0], r, **kw),
    lambda g, x, xs, **kw: cho_solve_banded_.bind(xs[0], g, **kw),
    batch=batch_columns,
)


def cho_solve_banded(cb_and_lower: Any, b: Any, overwrite_b: bool = False, check_finite: bool = True) -> Any:
    cb, lower = cb_and_lower
    b, vector = columns(b)
    x = cho_solve_banded_.bind(as_array(cb), b, lower=bool(lower), check_finite=check_finite)
    return x[..., 0] if vector else x


expose(solve_banded, "scipy.linalg.solve_banded", scipy.linalg.solve_banded, "implicit")
expose(solveh_banded, "scipy.linalg.solveh_banded", scipy.linalg.solveh_banded, "implicit")
expose(cho_solve_banded, "scipy.linalg.cho_solve_banded", scipy.linalg.cho_solve_banded, "implicit")
