"""numpy.linalg: svd, svdvals and matrix_rank.

With E = U^H dA V, G_ij = 1 / (s_j - s_i) off the diagonal, and H_ij = 1 / (s_j + s_i):
  ds = Re E_ii,  U^H dU = (G * (E + E^H) + H * (E - E^H)) / 2,  V^H dV = (G * (E + E^H) - H * (E - E^H)) / 2,
and the parts outside the spans, (1 - U U^H) dA V / s and (1 - V V^H) dA^H U / s.  Where two singular values agree to rounding,
singular vectors have no derivative, nor have singular values a second one: G is NaN there.  What does have derivatives there is
recognised in ``spectral_outputs``.  Columns that complete U or V, and the phases of complex columns, are chosen in ``gauges``.
Source: Giles (2008), Collected matrix derivative results, section 3.2; Townsend (2016), Differentiating the singular value
decomposition.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.core.box import ops, peek, shape_of
from hoad.core.kinds import composite, constant, opaque
from hoad.core.kinds.cotangents import conjugated, is_complex
from hoad.core.primitive import expose, register
from hoad.core.series import add_term
from hoad.rules.linear_algebra.eigen import eigh, eigvalsh, reciprocal_gaps
from hoad.rules.linear_algebra.gauges import completed, frozen, stacked, unit_phases, valued
from hoad.rules.linear_algebra.norms import apex
from hoad.rules.linear_algebra.solving import adjoint, identity, plain_or_traced
from hoad.rules.linear_algebra.spectral_outputs import mark_singular_values
from hoad.rules.products import matmul

# -- the decomposition ------------------------------------------------------------------------------------------------------------


def _factors_native(a: Any, full: bool) -> Any:
    """U, s, V^H of the smaller dimension, and the columns of U and rows of V^H beyond it."""
    u, s, vh = np.linalg.svd(a, full_matrices=full)
    k = s.shape[-1]
    return u[..., :k], s, vh[..., :k, :], u[..., k:], vh[..., k:, :]


def _vanish(s: Any) -> Any:
    """Which singular values are rounding."""
    if not s.shape[-1]:
        return s > 0
    return s <= 4 * s.shape[-1] * np.finfo(s.dtype).eps * s[..., :1]


vanishing = constant("vanishing_singular_values", _vanish, batch=stacked)


def _divisors(s: Any) -> Any:
    """s along columns, NaN where it vanishes to rounding."""
    return (s + np.where(vanishing.bind(s), np.nan, 0.0).astype(s.dtype))[..., None, :]


def _vanishing_pairs_native(s: Any) -> Any:
    zero = _vanish(s)
    return (zero[..., None] & zero[..., None, :]) * s.dtype.type(1)


_vanishing_pairs = constant("vanishing_pairs", _vanishing_pairs_native, batch=stacked)


def _reciprocal_sums(s: Any, complex_: bool) -> Any:
    """H, NaN where both singular values vanish; a real E - E^H has no diagonal, so that a single one does no harm there."""
    eye = identity(s[..., None] + s[..., None, :])
    bad = _vanishing_pairs.bind(s)
    if not complex_:
        bad = bad * (1 - eye)
    sums = s[..., None, :] + s[..., :, None] + np.where(bad > 0, np.nan, 0.0).astype(s.dtype)
    return 1 / sums if complex_ else (1 - eye) / (sums + eye)


def _svd_tangent(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    u, s, vh, _, _ = y
    m, n = shape_of(xs[0])[-2:]
    da, v = ts[0], adjoint(vh)
    projected = matmul(da, v)
    e = matmul(adjoint(u), projected)
    eh = adjoint(e)
    even = 0.5 * reciprocal_gaps(s) * (e + eh)
    odd = 0.5 * _reciprocal_sums(s, is_complex(e)) * (e - eh)
    du, dv = matmul(u, even + odd), matmul(v, even - odd)
    if m > n:
        du = du + (projected - matmul(u, e)) / _divisors(s)
    if n > m:
        dv = dv + (matmul(adjoint(da), u) - matmul(v, eh)) / _divisors(s)
    return du, ops.real(np.diagonal(e, 0, -2, -1)), adjoint(dv), None, None


def _svd_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    u, s, vh, _, _ = y
    m, n = shape_of(xs[0])[-2:]

    def pull(gs: Any) -> Any:
        gu, gsv, gvh = gs[:3]
        v = adjoint(vh)
        p = None if gu is None else matmul(adjoint(u), gu)
        gv = None if gvh is None else adjoint(gvh)
        r = None if gv is None else matmul(vh, gv)
        inner = None if gsv is None else gsv[..., None, :] * identity(u if m == s.shape[-1] else matmul(adjoint(u), u))
        if p is not None or r is not None:
            both, difference = add_term(p, r), add_term(p, None if r is None else -r)
            even, odd = 0.5 * reciprocal_gaps(s) * both, 0.5 * _reciprocal_sums(s, is_complex(u)) * difference
            inner = add_term(inner, even + adjoint(even) + odd - adjoint(odd))
        total = matmul(u, matmul(inner, vh))
        if p is not None and m > n:
            total = total + matmul((gu - matmul(u, p)) / _divisors(s), vh)
        if r is not None and n > m:
            total = total + matmul(u, adjoint((gv - matmul(v, r)) / _divisors(s)))
        return (total,)

    return pull


svd_factors = register(opaque("svd_factors", _factors_native, _svd_tangent, reverse=_svd_reverse, multi=True, batch=stacked))

# -- the functions ----------------------------------------------------------------------------------------------------------------

_Result: Any = type(np.linalg.svd(np.ones((1, 1))))


def _decomposition(a: Any, full: bool) -> Any:
    """The factors with the choices of ``gauges``; their values stay those of LAPACK."""
    u, s, vh, u_rest, vh_rest = svd_factors.bind(a, full=full)
    if is_complex(a):
        u0, vh0 = frozen.bind(u), frozen.bind(vh)
        phases = unit_phases((u, u0), (adjoint(vh), adjoint(vh0)))
        u = valued.bind(u * phases[..., None, :], u0)
        vh = valued.bind(conjugated(phases)[..., :, None] * vh, vh0)
    if full:
        if shape_of(u_rest)[-1]:
            u = ops.concatenate([u, valued.bind(completed(u, u_rest), u_rest)], -1)
        if shape_of(vh_rest)[-2]:
            rows = adjoint(completed(adjoint(vh), adjoint(vh_rest)))
            vh = ops.concatenate([vh, valued.bind(rows, vh_rest)], -2)
    return u, s, vh


def _hermitian(a: Any, compute_uv: bool) -> Any:
    """As NumPy does it: s = |l| in descending order, V = U sign(l) with the signs as constants."""
    if not compute_uv:
        return np.flip(np.sort(np.abs(eigvalsh(a)), axis=-1), -1)
    w, u = eigh(a)
    sign = np.copysign(1.0, frozen.bind(w)).astype(peek(w).dtype)
    s = w * sign
    order = np.flip(np.argsort(frozen.bind(s), axis=-1), -1)
    sign, s = (np.take_along_axis(x, order, axis=-1) for x in (sign, s))
    u = np.take_along_axis(u, order[..., None, :], axis=-1)
    return _Result(u, s, adjoint(u * sign[..., None, :]))


def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    a = plain_or_traced(a)
    if hermitian:
        return _hermitian(a, compute_uv)
    if not compute_uv:
        return svdvals(a)
    u, s, vh = _decomposition(a, bool(full_matrices))
    return _Result(*mark_singular_values(a, s, u, vh))


def _rates(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    u, _, vh, _, _ = svd_factors.bind(xs[0], full=False)
    return ops.real(np.sum(conjugated(u) * matmul(ts[0], adjoint(vh)), axis=-2))


def _rates_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    def pull(g: Any) -> Any:
        u, _, vh, _, _ = svd_factors.bind(xs[0], full=False)
        return (matmul(u * g[..., None, :], vh),)

    return pull


signed_values = register(
    opaque("signed_singular_values", lambda a: np.linalg.svd(a, compute_uv=False), _rates, reverse=_rates_reverse, batch=stacked)
)
"""Singular values, with the derivative u^H dA v also where they vanish."""


def _values_body(a: Any) -> Any:
    s = signed_values.bind(a)
    zero = vanishing.bind(s)
    return np.where(zero, apex.bind(zero, s), s)


svdvals_ = composite("svdvals", lambda a: np.linalg.svd(a, compute_uv=False), _values_body, batch=stacked)


def svdvals(x: Any, /) -> Any:
    x = plain_or_traced(x)
    return mark_singular_values(x, svdvals_.bind(x))[0]


matrix_rank_ = constant(
    "matrix_rank",
    lambda a, tol, hermitian, rtol: np.linalg.matrix_rank(a, tol, hermitian, rtol=rtol),
    batch=stacked,
)


def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:  # NumPy's name
    return matrix_rank_.bind(plain_or_traced(A), tol=tol, hermitian=hermitian, rtol=rtol)


expose(svd, "numpy.linalg.svd", np.linalg.svd, "opaque")
expose(svdvals, "numpy.linalg.svdvals", np.linalg.svdvals, "composite")
expose(matrix_rank, "numpy.linalg.matrix_rank", np.linalg.matrix_rank, "constant")
