"""scipy.linalg: Schur and Hessenberg forms, A = Z T Z^H.

dZ = Z X with X skew-Hermitian, and dT = Z^H dA Z + T X - X T must keep the zeros of T.  For the Schur form that gives X column by
column from triangular systems with T - t_jj; eigenvalues that agree to rounding make them singular, and the derivative does not
exist.  For the Hessenberg form it gives X by a recurrence, since the first column of Z does not change.
The phases of the columns of a complex Z are not fixed: the derivative is that with Z^H dZ zero on the diagonal.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from hoad.core.box import ops, peek, shape_of
from hoad.core.kinds import constant, opaque
from hoad.core.kinds.batching import by_loop
from hoad.core.kinds.cotangents import is_complex
from hoad.core.primitive import expose, register
from hoad.errors import UnsupportedFunctionError
from hoad.rules.scipy.linalg.structure import adjoint, as_matrix, matmul, over_stack
from hoad.rules.scipy.linalg.triangular import solve_triangular_


def _skew_from_columns(columns: list[Any], n: int) -> Any:
    """X from the parts of its columns below the diagonal."""
    low = np.stack([np.concatenate([np.zeros(n - shape_of(c)[0], peek(c).dtype), c]) for c in columns], axis=-1)
    return low - adjoint(low)


def _examine(t: Any) -> Any:
    """Raise where the form has no derivative."""
    n = len(t)
    if np.any(np.diagonal(t, -1)):
        raise UnsupportedFunctionError.no_rule(
            "scipy.linalg.schur", " where a real matrix has complex eigenvalues; give output='complex'"
        )
    w = np.diagonal(t)
    gaps = np.abs(w[:, None] - w[None, :]) + np.diag(np.full(n, np.inf))
    if n and gaps.min() <= 4 * n * np.finfo(t.dtype).eps * np.abs(w).max():
        raise np.linalg.LinAlgError(
            "two eigenvalues agree to rounding, expected distinct ones: the Schur form has no derivative there. Use functions of "
            "the matrix itself (expm, logm, sqrtm, funm), which have one."
        )
    return gaps


_examined = constant("scipy.linalg.distinct_eigenvalues", _examine, batch=by_loop)


def _schur_tangent(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    t, z = y
    n = shape_of(t)[0]
    _examined.bind(t)
    e = matmul(adjoint(z), matmul(ts[0], z))
    columns: list[Any] = []
    for j in range(n):
        right = -e[j + 1 :, j]
        for k, known in enumerate(columns):
            right = right + known[j - k :] * t[k, j]
        if j < n - 1:
            shifted = t[j + 1 :, j + 1 :] - t[j, j] * np.eye(n - j - 1, dtype=peek(t).dtype)
            right = solve_triangular_.bind(shifted, right[:, None], trans=0, lower=False, unit=False, check_finite=False)[:, 0]
        columns.append(right)
    x = _skew_from_columns(columns, n)
    return np.triu(e + matmul(t, x) - matmul(x, t)), matmul(z, x)


def _schur_native(a: Any, output: str, check_finite: bool) -> Any:
    return tuple(scipy.linalg.schur(a, output=output, check_finite=check_finite))


schur_ = register(opaque("scipy.linalg.schur", _schur_native, _schur_tangent, multi=True))


def schur(
    a: Any,
    output: str = "real",
    lwork: Any = None,
    overwrite_a: bool = False,
    sort: Any = None,
    check_finite: bool = True,
) -> Any:
    if sort is not None:
        raise UnsupportedFunctionError.no_rule("scipy.linalg.schur", " with sort=")
    output = {"r": "real", "c": "complex"}.get(output, output)
    a = as_matrix(a)
    if output == "complex" and not is_complex(a):
        a = a + 0j * peek(a).dtype.type(1)
    return over_stack(lambda x: tuple(schur_.bind(x, output=output, check_finite=check_finite)), [a], (2,))


# -- Hessenberg form --------------------------------------------------------------------------------------------------------------


def _hessenberg_tangent(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    """Column j of dH must vanish below the subdiagonal, which gives column j + 1 of X."""
    h, q = y
    n = shape_of(h)[0]
    e = matmul(adjoint(q), matmul(ts[0], q))
    zero = peek(e).dtype.type(0) + peek(h).dtype.type(0)
    x_columns: list[Any] = [e[:, 0] * 0 + zero]
    for j in range(n - 1):
        known = np.stack(x_columns, axis=-1)
        right = e[:, j] + matmul(h, known[:, j]) - matmul(known, h[: j + 1, j])
        below = right[j + 1 :] / h[j + 1, j]
        diagonal = 1j * ops.imag(below[:1]) if is_complex(below) else below[:1] * 0
        above = -np.conjugate(known[j + 1, :])
        x_columns.append(np.concatenate([above, diagonal, below[1:]]))
    x = np.stack(x_columns, axis=-1)
    return np.triu(e + matmul(h, x) - matmul(x, h), -1), matmul(q, x)


hessenberg_ = register(
    opaque(
        "scipy.linalg.hessenberg",
        lambda a, check_finite: tuple(scipy.linalg.hessenberg(a, calc_q=True, check_finite=check_finite)),
        _hessenberg_tangent,
        multi=True,
    )
)


def hessenberg(a: Any, calc_q: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    found = over_stack(lambda x: tuple(hessenberg_.bind(x, check_finite=check_finite)), [as_matrix(a)], (2,))
    return found if calc_q else found[0]


expose(schur, "scipy.linalg.schur", scipy.linalg.schur, "opaque")
expose(hessenberg, "scipy.linalg.hessenberg", scipy.linalg.hessenberg, "opaque")
