"""scipy.linalg: solve, inv, det and LU.

Each assumption about the structure of a matrix says which entries are read: the residual is written with the matrix that these
entries define, so that the others have derivative zero, as differences of SciPy's values have.  Where SciPy looks at the values
to find a structure (``assume_a=None``, ``"banded"``), all entries count.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from hoad.core.box import peek, shape_of
from hoad.core.kinds import composite, constant, implicit
from hoad.core.kinds.batching import expand
from hoad.core.kinds.cotangents import conjugated
from hoad.core.primitive import expose
from hoad.rules.scipy.linalg.structure import (
    adjoint,
    as_array,
    as_matrix,
    batch_columns,
    columns,
    hermitian,
    matmul,
    stacked,
    swapped,
    take_rows,
    transposed,
    triangle,
)

_LONG = {
    "general": "gen", "symmetric": "sym", "hermitian": "her", "positive definite": "pos",
}  # fmt: skip
_FLIPPED = {"upper triangular": "lower triangular", "lower triangular": "upper triangular"}


def read(a: Any, assume_a: str | None, lower: bool) -> Any:
    """The matrix that SciPy takes ``a`` for."""
    kind = _LONG.get(assume_a or "gen", assume_a)
    if kind == "diagonal":
        return np.tril(np.triu(a))
    if kind == "tridiagonal":
        return np.tril(np.triu(a, -1), 1)
    if kind in ("upper triangular", "lower triangular"):
        return triangle(a, kind == "lower triangular")
    if kind in ("sym", "her", "pos"):
        return hermitian(a, lower, symmetric=kind == "sym")
    return a


# -- solve -----------------------------------------------------------------------------------------------------------------------


def _native(a: Any, b: Any, assume_a: str | None, lower: bool, transposed: bool, check_finite: bool) -> Any:
    return scipy.linalg.solve(a, b, assume_a=assume_a, lower=lower, transposed=transposed, check_finite=check_finite)


def _residual(x: Any, a: Any, b: Any, assume_a: str | None, lower: bool, transposed: bool, check_finite: bool) -> Any:
    matrix = read(a, assume_a, lower)
    return matmul(swapped(matrix) if transposed else matrix, x) - b


def _solve_adjoint(g: Any, x: Any, xs: Any, assume_a: str | None, lower: bool, **kw: Any) -> Any:
    return solve_.bind(adjoint(xs[0]), g, assume_a=_FLIPPED.get(assume_a or "", assume_a), lower=not lower, **kw)


solve_: Any = implicit(
    "scipy.linalg.solve",
    _native,
    _residual,
    lambda r, x, xs, **kw: solve_.bind(xs[0], r, **kw),
    _solve_adjoint,
    batch=batch_columns,
)


def solve(
    a: Any,
    b: Any,
    lower: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    assume_a: str | None = None,
    transposed: bool = False,
) -> Any:
    a = as_array(a)
    if a.ndim < 2:
        a = np.reshape(a, (1, a.size))
    b, vector = columns(b)
    if a.size == 1 and shape_of(b)[-2:-1] != (1,):  # SciPy divides then, whatever the shape of b
        x = b / np.reshape(a, ())
    else:
        x = solve_.bind(a, b, assume_a=assume_a, lower=lower, transposed=transposed, check_finite=check_finite)
    return x[..., 0] if vector else x


# -- inverse and determinant ------------------------------------------------------------------------------------------------------


inv_ = composite(
    "scipy.linalg.inv",
    lambda a, check_finite, assume_a, lower: scipy.linalg.inv(a, check_finite=check_finite, assume_a=assume_a, lower=lower),
    lambda a, check_finite, assume_a, lower: np.linalg.inv(read(a, assume_a, lower)),
    batch=stacked,
)


def inv(a: Any, overwrite_a: bool = False, check_finite: bool = True, *, assume_a: str | None = None, lower: bool = False) -> Any:
    return inv_.bind(as_array(a), check_finite=check_finite, assume_a=assume_a, lower=lower)


def _det_body(a: Any, check_finite: bool) -> Any:
    """SciPy computes determinants of single precision in double precision."""
    return np.linalg.det(a.astype(np.result_type(a.dtype, np.float64)))


det_ = composite(
    "scipy.linalg.det", lambda a, check_finite: scipy.linalg.det(a, check_finite=check_finite), _det_body, batch=stacked
)


def det(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    return det_.bind(as_array(a), check_finite=check_finite)


# -- LU: the order of the rows is piecewise constant ------------------------------------------------------------------------------


def _order_native(a: Any) -> Any:
    """p with a = (L U)[p], and its inverse."""
    p = np.asarray(scipy.linalg.lu(a, p_indices=True, check_finite=False)[0])
    return p, np.argsort(p, axis=-1)


_order = constant("scipy.linalg.row_order", _order_native, multi=True, batch=stacked)


def _unpacked(f: Any) -> tuple[Any, Any]:
    """L (m x k) and U (k x n) from one array that holds both, k = min(m, n)."""
    m, n = shape_of(f)[-2:]
    k = min(m, n)
    return np.tril(f[..., :, :k], -1) + np.eye(m, k, dtype=peek(f).dtype), np.triu(f[..., :k, :])


def _packed_native(a: Any) -> Any:
    _, lower, upper = scipy.linalg.lu(a, p_indices=True, check_finite=False)
    m, n = a.shape[-2:]
    f = np.zeros(a.shape, upper.dtype)
    f[..., :, : lower.shape[-1]] += np.tril(lower, -1)
    f[..., : upper.shape[-2], :] += upper
    return f


def _packed_solve(r: Any, f: Any, xs: Any) -> Any:
    """dL U + L dU = r, by blocks: the square part first, then the rows below it or the columns beside it."""
    lower, upper = _unpacked(f)
    k = min(shape_of(f)[-2:])
    inverse_l, inverse_u = np.linalg.inv(lower[..., :k, :]), np.linalg.inv(upper[..., :, :k])
    x = matmul(inverse_l, matmul(r[..., :k, :k], inverse_u))
    dl, du = matmul(lower[..., :k, :], np.tril(x, -1)), matmul(np.triu(x), upper[..., :, :k])
    square = dl + du
    m, n = shape_of(f)[-2:]
    if m > n:
        return np.concatenate([square, matmul(r[..., k:, :] - matmul(lower[..., k:, :], du), inverse_u)], axis=-2)
    if n > m:
        return np.concatenate([square, matmul(inverse_l, r[..., :, k:] - matmul(dl, upper[..., :, k:]))], axis=-1)
    return square


packed_lu = implicit(
    "scipy.linalg.lu_without_exchanges",
    _packed_native,
    lambda f, a: matmul(*_unpacked(f)) - a,
    _packed_solve,
    transposed(_packed_solve),
)
"""L and U in one array, for rows that are in the right order already."""


def _factors(a: Any) -> tuple[Any, Any, Any]:
    p, inverse = _order.bind(a)
    return (p, *_unpacked(packed_lu.bind(take_rows(a, inverse))))


def _lu_body(a: Any, permute_l: bool, p_indices: bool, check_finite: bool) -> Any:
    p, lower, upper = _factors(a)
    if permute_l:
        return take_rows(lower, p), upper
    return p if p_indices else 0, lower, upper


lu_ = composite(
    "scipy.linalg.lu",
    lambda a, **kw: tuple(scipy.linalg.lu(a, **kw)),
    _lu_body,
    multi=True,
    batch=stacked,
)


def lu(a: Any, permute_l: bool = False, overwrite_a: bool = False, check_finite: bool = True, p_indices: bool = False) -> Any:
    return lu_.bind(as_matrix(a), permute_l=permute_l, p_indices=p_indices, check_finite=check_finite)


def _lu_factor_native(a: Any, check_finite: bool) -> Any:
    return tuple(scipy.linalg.lu_factor(a, check_finite=check_finite))


lu_factor_ = composite(
    "scipy.linalg.lu_factor",
    _lu_factor_native,
    lambda a, check_finite: (packed_lu.bind(take_rows(a, _order.bind(a)[1])), 0),
    multi=True,
    batch=stacked,
)


def lu_factor(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    return lu_factor_.bind(as_matrix(a), check_finite=check_finite)


def _rows_of_pivots(piv: Any) -> Any:
    """rows with (P a) = a[rows]."""
    piv = np.asarray(piv)
    rows = np.broadcast_to(np.arange(piv.shape[-1]), piv.shape).copy()
    for at in np.ndindex(piv.shape[:-1]):
        order = rows[at]
        for i, j in enumerate(piv[at]):
            order[i], order[j] = order[j], order[i]
    return rows


_exchanges = constant("scipy.linalg.row_exchanges", _rows_of_pivots)


def _lu_solve_native(f: Any, piv: Any, b: Any, trans: int, check_finite: bool) -> Any:
    return scipy.linalg.lu_solve((f, piv), b, trans=trans, check_finite=check_finite)


def _lu_solve_residual(x: Any, f: Any, piv: Any, b: Any, trans: int, check_finite: bool) -> Any:
    lower, upper = triangle(f, True, unit=True), triangle(f, False)
    rows = _exchanges.bind(piv)
    if trans == 0:
        return matmul(lower, matmul(upper, x)) - take_rows(b, rows)
    turn = swapped if trans == 1 else adjoint
    return matmul(turn(upper), matmul(turn(lower), take_rows(x, rows))) - b


def _lu_solve_solve(r: Any, x: Any, xs: Any, trans: int, check_finite: bool) -> Any:
    f, piv, _ = xs
    if trans == 0:  # the residual has its rows in the order of the factors
        r = take_rows(r, np.argsort(_exchanges.bind(piv), axis=-1))
    return lu_solve_.bind(f, piv, r, trans=trans, check_finite=check_finite)


def _lu_solve_adjoint(g: Any, x: Any, xs: Any, trans: int, check_finite: bool) -> Any:
    f, piv, _ = xs
    kw = {"check_finite": check_finite}
    if trans == 0:
        return take_rows(lu_solve_.bind(f, piv, g, trans=2, **kw), _exchanges.bind(piv))
    if trans == 1:
        return conjugated(lu_solve_.bind(f, piv, conjugated(g), trans=0, **kw))
    return lu_solve_.bind(f, piv, g, trans=0, **kw)


def _lu_solve_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    f, piv, b = xs
    if not flags[0] and not flags[1]:
        return batch_columns(prim, size, xs, flags, kw)
    rank = max(len(shape_of(x)) - flag + (i == 1) for i, (x, flag) in enumerate(zip(xs, flags, strict=True)))
    return prim.bind(*[expand(x, rank - (i == 1)) if flag else x for i, (x, flag) in enumerate(zip(xs, flags, strict=True))], **kw)


lu_solve_ = implicit(
    "scipy.linalg.lu_solve",
    _lu_solve_native,
    _lu_solve_residual,
    _lu_solve_solve,
    _lu_solve_adjoint,
    batch=_lu_solve_batch,
)


def lu_solve(
    lu_and_piv: Any,
    b: Any,
    trans: int = 0,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:
    f, piv = lu_and_piv
    b, vector = columns(b)
    x = lu_solve_.bind(as_array(f), as_array(piv), b, trans=trans, check_finite=check_finite)
    return x[..., 0] if vector else x


for _name, _f, _kind in (
    ("solve", solve, "implicit"), ("inv", inv, "implicit"), ("det", det, "elementwise"), ("lu", lu, "implicit"),
    ("lu_factor", lu_factor, "implicit"), ("lu_solve", lu_solve, "implicit"),
):  # fmt: skip
    expose(_f, f"scipy.linalg.{_name}", getattr(scipy.linalg, _name), _kind)
