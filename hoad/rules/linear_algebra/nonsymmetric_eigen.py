"""numpy.linalg: eig and eigvals.

With C = V^-1 dA V:  dl_i = C_ii,  dv_i = sum over j != i of v_j C_ji / (l_i - l_j) + c v_i, where c keeps what the eigenvectors
of LAPACK satisfy: norm one, and the component that is largest in modulus real.
Where two eigenvalues agree to rounding, eigenvectors have no derivative and eigenvalues no second one: NaN.  Where the matrix of
eigenvectors is singular to working precision (a defective matrix), eigenvalues have no derivative either: NaN.  Sums of rational
functions over all eigenvalues, and their products, are recognised in ``spectral_outputs``.
Source: Giles (2008), Collected matrix derivative results, section 3.1; Anderson et al., LAPACK Users' Guide, xGEEV.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.core.box import ops, shape_of
from hoad.core.kinds import constant, opaque
from hoad.core.kinds.cotangents import conjugated, is_complex
from hoad.core.primitive import expose, register
from hoad.rules.linear_algebra.gauges import stacked
from hoad.rules.linear_algebra.solving import plain_or_traced
from hoad.rules.linear_algebra.spectral_outputs import mark_general_eigenvalues
from hoad.rules.products import matmul

# -- where derivatives do not exist -----------------------------------------------------------------------------------------------


def _marks_native(w: Any, v: Any, a: Any) -> Any:
    """Where derivatives do not exist.

    (..., n): NaN for eigenvalues without a derivative, else 1.  (..., n, n): weights of 1 / (l_i - l_j), 0 on the diagonal and NaN
    where there is no difference; and what is added to the difference, 1 in these places.

    The error of l_i is the rounding of the matrix times the condition number 1 / |y_i^H v_i|, the norm of row i of V^-1.  An
    eigenvalue with a large condition number that agrees with another one within that error belongs to a defective matrix.
    """
    n, dtype = w.shape[-1], v.real.dtype
    try:
        condition = np.linalg.norm(np.linalg.inv(v), axis=-1)
    except np.linalg.LinAlgError:
        condition = np.full(w.shape, np.inf)
    condition = np.where(np.isfinite(condition), condition, np.inf)
    worse = np.maximum(condition[..., None, :], condition[..., :, None])
    rounding = 4 * n * np.finfo(dtype).eps * np.linalg.norm(a, axis=(-2, -1))[..., None, None]
    others = ~np.eye(n, dtype=bool)
    gaps = np.abs(w[..., None, :] - w[..., :, None])
    with np.errstate(all="ignore"):
        defective = others & (worse > 1e4) & ((gaps <= rounding * worse) | np.isinf(worse))
    close = others & (gaps <= rounding * np.minimum(worse, 1e3))
    values = np.where(defective.any(-1), np.nan, 1.0)
    bad = close | defective
    weights = np.where(bad, np.nan, np.where(others, 1.0, 0.0))
    return values.astype(dtype), weights.astype(dtype), (bad | ~others).astype(dtype)


_marks = constant("eigenvector_marks", _marks_native, multi=True, batch=stacked)


def _order_native(found: Any, w: Any) -> Any:
    """For each eigenvalue ``found`` the place of the same one in w: LAPACK's order may depend on whether it computes vectors."""
    place = np.broadcast_to(np.arange(w.shape[-1]), found.shape).copy()
    scale = np.abs(w).max(-1, initial=0.0)[..., None]
    for row in np.ndindex(found.shape[:-1]):
        if (np.abs(found[row] - w[row]) <= 1e-7 * scale[row]).all():
            continue
        free = list(range(w.shape[-1]))
        for i, value in enumerate(found[row]):
            place[(*row, i)] = free.pop(int(np.abs(w[row][free] - value).argmin()))
    return place


_order = constant("eigenvalue_order", _order_native, batch=stacked)


def _pivot_native(v: Any) -> Any:
    """One-hot rows that pick the component of each eigenvector that LAPACK made real: the largest one without imaginary part."""
    n = v.shape[-1]
    place = np.where(v.imag == 0, np.abs(v), -1.0).argmax(-2)
    return (np.arange(n)[:, None] == place[..., None, :]).astype(v.real.dtype)


_pivot = constant("eigenvector_pivot", lambda v: _pivot_native(v) if v.size else v.real, batch=stacked)


# -- the decomposition ------------------------------------------------------------------------------------------------------------


def _in_frame(v: Any, a: Any) -> Any:
    """V^-1 a V."""
    return np.linalg.solve(v, matmul(a, v))


def _values_rate(c: Any, marks: Any, w: Any) -> Any:
    rate = np.diagonal(c, 0, -2, -1) * marks
    return rate if is_complex(w) else ops.real(rate)


def _eig_tangent(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    w, v = y
    if not shape_of(w)[-1]:
        return w * 0, v * 0
    at_values, weights, shift = _marks.bind(w, v, xs[0])
    c = _in_frame(v, ts[0])
    x = matmul(v, weights * (c / (w[..., None, :] - w[..., :, None] + shift)))
    real = np.sum(ops.real(conjugated(v) * x), axis=-2)
    if not is_complex(v):
        return _values_rate(c, at_values, w), x - v * real[..., None, :]
    pivot = _pivot.bind(v)
    picked = np.sum(pivot * ops.imag(x), axis=-2) / np.sum(pivot * ops.real(v), axis=-2)
    return _values_rate(c, at_values, w), x - v * (real + 1j * picked)[..., None, :]


eig_ = register(opaque("eig", lambda a: tuple(np.linalg.eig(a)), _eig_tangent, multi=True, batch=stacked))


def _eigvals_tangent(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    w, v = eig_.bind(xs[0])
    if not shape_of(w)[-1]:
        return w * 0
    rate = _values_rate(_in_frame(v, ts[0]), _marks.bind(w, v, xs[0])[0], y)
    return np.take_along_axis(rate, _order.bind(y, w), axis=-1)


eigvals_ = register(opaque("eigvals", np.linalg.eigvals, _eigvals_tangent, batch=stacked))

_Result: Any = type(np.linalg.eig(np.ones((1, 1))))


def eig(a: Any) -> Any:
    a = plain_or_traced(a)
    w, v = eig_.bind(a)
    return _Result(mark_general_eigenvalues(a, w), v)


def eigvals(a: Any) -> Any:
    a = plain_or_traced(a)
    return mark_general_eigenvalues(a, eigvals_.bind(a))


expose(eig, "numpy.linalg.eig", np.linalg.eig, "opaque")
expose(eigvals, "numpy.linalg.eigvals", np.linalg.eigvals, "opaque")
