"""scipy.linalg: QR and RQ, the polar decomposition and what is computed with them.

With C = Q^H dA R^-1, X = Q^H dQ is skew-Hermitian with the lower triangle of C, and dR = Q^H dA - X R.  Where Q has more columns
than A, those beyond are not determined by A = Q R; LAPACK's are the products of its reflectors, which are then differentiated
one by one.  Sources: Walter & Lehmann (2013), Numer. Algorithms 62, 311-331; Golub & Van Loan (2013), section 5.2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from hoad.core.box import ops, peek, shape_of
from hoad.core.kinds import composite, constant, opaque
from hoad.core.kinds.cotangents import conjugated, is_complex
from hoad.core.primitive import expose, register
from hoad.rules.scipy.linalg.matrix_functions import sqrtm_
from hoad.rules.scipy.linalg.structure import adjoint, as_array, as_matrix, eye_like, matmul, over_stack, stacked

# -- thin QR ----------------------------------------------------------------------------------------------------------------------


def _skew(c: Any) -> Any:
    """The skew-Hermitian matrix with the strictly lower triangle and the imaginary diagonal of C."""
    low = np.tril(c, -1)
    x = low - adjoint(low)
    return x + 1j * ops.imag(np.diagonal(c, 0, -2, -1))[..., None] * eye_like(c) if is_complex(c) else x


def _thin_tangent(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    q, r = y
    da = ts[0]
    k = shape_of(q)[-1]
    inverse = np.linalg.inv(r[..., :, :k])
    w = matmul(da[..., :, :k], inverse)
    c = matmul(adjoint(q), w)
    x = _skew(c)
    return matmul(q, x - c) + w, matmul(adjoint(q), da) - matmul(x, r)


thin_qr = register(
    opaque(
        "scipy.linalg.qr",
        lambda a, check_finite: tuple(scipy.linalg.qr(a, mode="economic", check_finite=check_finite)),
        _thin_tangent,
        multi=True,
        batch=stacked,
    )
)

# -- all reflectors, one by one ---------------------------------------------------------------------------------------------------


def _reflected(a: Any) -> tuple[Any, list[Any], list[Any]]:
    """R, and the vectors v and factors tau of the reflectors 1 - tau v v^H that geqrf takes."""
    m, n = shape_of(a)[-2:]
    vs, taus = [], []
    for j in range(min(m, n)):
        x = a[..., j:, j]
        alpha = x[..., 0]
        one = np.ones((*shape_of(alpha), 1), peek(a).dtype)
        if j == m - 1 and not is_complex(a):  # a single real entry is left as it is
            tau, v = alpha * 0, one
        else:
            size = np.sqrt(np.sum(np.real(x * conjugated(x)), axis=-1))
            beta = np.where(np.real(alpha) < 0, size, -size)
            tau = (beta - alpha) / beta
            v = np.concatenate([one, x[..., 1:] / (alpha - beta)[..., None]], axis=-1)
        rows = a[..., j:, :]
        rows = rows - conjugated(tau)[..., None, None] * v[..., :, None] * matmul(conjugated(v)[..., None, :], rows)
        a = np.concatenate([a[..., :j, :], rows], axis=-2)
        vs.append(v)
        taus.append(tau)
    return np.triu(a), vs, taus


def _full_body(a: Any, check_finite: bool) -> Any:
    m = shape_of(a)[-2]
    r, vs, taus = _reflected(a)
    q = eye_like(np.swapaxes(a, -1, -2)) + a[..., :, :1] * 0
    for v, tau in zip(reversed(vs), reversed(taus), strict=True):
        j = m - shape_of(v)[-1]
        rows = q[..., j:, :]
        rows = rows - tau[..., None, None] * v[..., :, None] * matmul(conjugated(v)[..., None, :], rows)
        q = np.concatenate([q[..., :j, :], rows], axis=-2)
    return q, r


full_qr = composite(
    "scipy.linalg.full_qr",
    lambda a, check_finite: tuple(scipy.linalg.qr(a, mode="full", check_finite=check_finite)),
    _full_body,
    multi=True,
    batch=stacked,
)


def _raw_native(a: Any, check_finite: bool) -> Any:
    (packed, tau), r = scipy.linalg.qr(a, mode="raw", check_finite=check_finite)
    return packed, tau, r


def _raw_body(a: Any, check_finite: bool) -> Any:
    m, n = shape_of(a)[-2:]
    r, vs, taus = _reflected(a)
    zero = peek(a).dtype.type(0)
    below = [np.concatenate([np.full(j + 1, zero), v[1:], np.full(0, zero)]) for j, v in enumerate(vs)]
    below += [np.full(m, zero)] * (n - len(vs))
    return r + np.stack(below, axis=-1), np.stack(taus), r[: min(m, n)]


raw_qr = composite("scipy.linalg.raw_qr", _raw_native, _raw_body, multi=True)


def _pivots_native(a: Any) -> Any:
    return scipy.linalg.qr(a, mode="r", pivoting=True, check_finite=False)[1]


_pivots = constant("scipy.linalg.column_order", _pivots_native, batch=stacked)


def qr(
    a: Any,
    overwrite_a: bool = False,
    lwork: Any = None,
    mode: str = "full",
    pivoting: bool = False,
    check_finite: bool = True,
) -> Any:
    a = as_matrix(a)
    if mode not in ("full", "r", "economic", "raw"):
        raise ValueError("Mode argument should be one of ['full', 'r', 'economic', 'raw']")
    extra: tuple[Any, ...] = ()
    if pivoting:
        extra = (_pivots.bind(a),)
        a = np.take_along_axis(a, extra[0][..., None, :], axis=-1)
    m, n = shape_of(a)[-2:]
    if mode == "raw":
        packed, tau, r = raw_qr.bind(a, check_finite=check_finite)
        return ((packed, tau), r, *extra)
    if mode == "economic" or m <= n:
        q, r = thin_qr.bind(a, check_finite=check_finite)
    else:
        q, r = full_qr.bind(a, check_finite=check_finite)
    if mode == "r":
        return r if len(shape_of(a)) > 2 and not extra else (r, *extra)  # as SciPy does for stacks
    return q, r, *extra


def _multiply_native(a: Any, c: Any, mode: str, pivoting: bool, conjugate: bool) -> Any:
    return tuple(scipy.linalg.qr_multiply(a, c, mode=mode, pivoting=pivoting, conjugate=conjugate))


def _multiply_body(a: Any, c: Any, mode: str, pivoting: bool, conjugate: bool) -> Any:
    order = (_pivots.bind(a),) if pivoting else ()
    if order:
        a = np.take_along_axis(a, order[0][None, :], axis=-1)
    q, r = thin_qr.bind(a, check_finite=False)
    q = conjugated(q) if conjugate else q
    return (matmul(q, c) if mode == "left" else matmul(c, q)), r, *order


qr_multiply_ = composite("scipy.linalg.qr_multiply", _multiply_native, _multiply_body, multi=True)


def qr_multiply(
    a: Any,
    c: Any,
    mode: str = "right",
    pivoting: bool = False,
    conjugate: bool = False,
    overwrite_a: bool = False,
    overwrite_c: bool = False,
) -> Any:
    if mode not in ("left", "right"):
        raise ValueError("Mode argument can only be 'left' or 'right' but not '" + str(mode) + "'")
    kw = {"mode": mode, "pivoting": pivoting, "conjugate": conjugate}
    return over_stack(lambda *xs: tuple(qr_multiply_.bind(*xs, **kw)), [as_matrix(a), c := as_array(c)], (2, min(c.ndim, 2)))


def _flipped(x: Any) -> Any:
    """Both axes reversed, and the adjoint."""
    return adjoint(x[..., ::-1, ::-1])


def _rq_body(a: Any, mode: str, check_finite: bool) -> Any:
    """R Q of A is Q R of the adjoint read backwards; LAPACK's reflectors are the same."""
    m, n = shape_of(a)[-2:]
    prim = thin_qr if mode == "economic" or n <= m else full_qr
    q, r = prim.bind(_flipped(a), check_finite=check_finite)
    return _flipped(r), _flipped(q)


rq_ = composite("scipy.linalg.rq", lambda a, **kw: tuple(scipy.linalg.rq(a, **kw)), _rq_body, multi=True, batch=stacked)


def rq(a: Any, overwrite_a: bool = False, lwork: Any = None, mode: str = "full", check_finite: bool = True) -> Any:
    r, q = rq_.bind(as_matrix(a), mode="full" if mode == "r" else mode, check_finite=check_finite)
    return r if mode == "r" else (r, q)


# -- polar decomposition ----------------------------------------------------------------------------------------------------------


def _polar_body(a: Any, side: str) -> Any:
    """The Hermitian root is taken of the smaller of A^H A and A A^H, which has full rank where the factors are smooth."""
    m, n = shape_of(a)[-2:]
    if m >= n:
        root = sqrtm_.bind(matmul(adjoint(a), a))
        u = adjoint(np.linalg.solve(root, adjoint(a)))  # A P^-1
        return u, (root if side == "right" else matmul(a, adjoint(u)))
    root = sqrtm_.bind(matmul(a, adjoint(a)))
    u = np.linalg.solve(root, a)
    return u, (root if side == "left" else matmul(adjoint(u), a))


polar_ = composite("scipy.linalg.polar", lambda a, side: tuple(scipy.linalg.polar(a, side)), _polar_body, multi=True, batch=stacked)


def polar(a: Any, side: str = "right") -> Any:
    return polar_.bind(as_matrix(a), side=side)


def _procrustes_body(a: Any, b: Any, check_finite: bool) -> Any:
    u, p = _polar_body(matmul(adjoint(a), b), "right")
    return u, np.real(np.trace(p))


procrustes_ = composite(
    "scipy.linalg.orthogonal_procrustes",
    lambda a, b, check_finite: tuple(scipy.linalg.orthogonal_procrustes(a, b, check_finite)),
    _procrustes_body,
    multi=True,
)


def orthogonal_procrustes(A: Any, B: Any, check_finite: bool = True) -> Any:  # SciPy's names
    return procrustes_.bind(as_matrix(A), as_matrix(B), check_finite=check_finite)


for _name, _f, _kind in (
    ("qr", qr, "opaque"), ("qr_multiply", qr_multiply, "composite"), ("rq", rq, "composite"), ("polar", polar, "composite"),
    ("orthogonal_procrustes", orthogonal_procrustes, "composite"),
):  # fmt: skip
    expose(_f, f"scipy.linalg.{_name}", getattr(scipy.linalg, _name), _kind)
