"""Determinants.

The slope of det is the cofactor matrix C.  Where A is well conditioned, C = det A^-T.  Elsewhere that formula divides by what
is nearly zero, so orthogonal bases U, V from a singular value decomposition (constants: any basis gives the same polynomial)
bring A to blocks B with a well conditioned B11 and a small B22, in which the adjugate needs no division by the small part:
  adj B = det B11 [[det S B11^-1 + P adj S Q, -P adj S], [-adj S Q, adj S]],
  S = B22 - B21 B11^-1 B12,  P = B11^-1 B12,  Q = B21 B11^-1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import is_host, of, truth
from hoad.core.box import Box, bare, ops, peek, shape_of
from hoad.core.kinds import constant, contraction, opaque
from hoad.core.kinds.batching import align_ranks
from hoad.core.kinds.cotangents import is_complex
from hoad.core.primitive import expose, register
from hoad.rules.linear_algebra.solving import adjoint, identity, swapped
from hoad.rules.products import matmul
from hoad.rules.reductions import sum_


def _frames_native(x: Any) -> Any:
    u, s, vh = np.linalg.svd(x)
    return u, s, vh, np.linalg.det(u) * np.linalg.det(vh)


_frames = constant("determinant_frames", _frames_native, multi=True)


def _condition_limit(x: Any) -> float:
    """Where dividing by det costs as many digits as second derivatives keep."""
    return float(np.finfo(peek(x).dtype).eps) ** (-1 / 3)


def _blocks(rows: Any) -> Any:
    return ops.concatenate([ops.concatenate(row, -1) for row in rows], -2)


def _minors(x: Any) -> Any:
    """Adjugate of matrices up to 3 x 3, written out."""
    n = shape_of(x)[-1]
    if n == 0:
        return x
    if n == 1:
        return np.ones_like(peek(x)) if not isinstance(x, Box) else x * 0 + 1
    e = [[x[..., i, j] for j in range(n)] for i in range(n)]
    if n == 2:
        rows = [[e[1][1], -e[0][1]], [-e[1][0], e[0][0]]]
    else:
        rows = [
            [
                e[(i + 1) % 3][(j + 1) % 3] * e[(i + 2) % 3][(j + 2) % 3]
                - e[(i + 1) % 3][(j + 2) % 3] * e[(i + 2) % 3][(j + 1) % 3]
                for i in range(3)
            ]
            for j in range(3)
        ]
    return ops.stack([ops.stack(row, -1) for row in rows], -2)


def _adjugate(x: Any) -> Any:
    """Adjugate without division by an element: Faddeev & LeVerrier's recursion beyond 3 x 3."""
    n = shape_of(x)[-1]
    if n <= 3:
        return _minors(x)
    eye = identity(x)
    m = eye
    for k in range(1, n):
        product = matmul(x, m)
        c = -np.sum(np.diagonal(product, 0, -2, -1), axis=-1) / k
        m = product + c[..., None, None] * eye
    return m if n % 2 else -m


def _singular_adjugate(x: Any, limit: float) -> Any:
    n = shape_of(x)[-1]
    if n <= 3:
        return _minors(x)
    u, s, vh, sign = _frames(x)
    plain = bare(s)
    r = int(of(plain).to_host(np.min(np.sum(plain * limit > plain[..., :1], axis=-1))))
    b = matmul(matmul(adjoint(u), x), adjoint(vh))
    if r == 0:
        adjugate = _adjugate(b)
    else:
        b11, b12, b21, b22 = b[..., :r, :r], b[..., :r, r:], b[..., r:, :r], b[..., r:, r:]
        inverse = np.linalg.inv(b11)
        p, q = matmul(inverse, b12), matmul(b21, inverse)
        small = b22 - matmul(b21, p)
        adj = _adjugate(small)
        det_small = np.sum(small * swapped(adj), axis=(-2, -1)) / (n - r)
        right, below = matmul(p, adj), matmul(adj, q)
        whole = _blocks([[det_small[..., None, None] * inverse + matmul(right, q), -right], [-below, adj]])
        adjugate = det_.bind(b11)[..., None, None] * whole
    return sign[..., None, None] * matmul(adjoint(vh), matmul(adjugate, adjoint(u)))


def _well_conditioned(x: Any, inverse: Any, limit: float) -> bool:
    plain = [bare(m) for m in (x, inverse)]
    finite = [truth(np.isfinite(m).all()) for m in plain]
    if not all(finite):
        return not finite[0]
    one, two = (np.linalg.norm(m, axis=(-2, -1)) for m in plain)
    return not one.size or truth(np.max(one) * np.max(two) < limit * shape_of(x)[-1])


def cofactors(y: Any, x: Any) -> Any:
    """Slope of det, exact in every order at singular matrices too.

    On a device, minors are taken wherever they are written out; beyond 3 x 3 it is waited for to see the condition.
    """
    if shape_of(x)[-1] <= 3 and not is_host(peek(x)):
        return swapped(_minors(x))
    limit = _condition_limit(x)
    try:
        inverse = np.linalg.inv(x)
    except np.linalg.LinAlgError:
        return swapped(_singular_adjugate(x, limit))
    if _well_conditioned(x, inverse, limit):
        return y[..., None, None] * swapped(inverse)
    return swapped(_singular_adjugate(x, limit))


def _frobenius(s: Any, t: Any, kw: Any) -> Any:
    return sum_.bind(s * t, axis=(len(shape_of(t)) - 2, len(shape_of(t)) - 1), keepdims=False)


def _real_frobenius(s: Any, t: Any, kw: Any) -> Any:
    return ops.real(_frobenius(s, t, kw))


def _matrix_spread(g: Any, x: Any, kw: Any) -> Any:
    return g[..., None, None]


det_ = contraction("det", np.linalg.det, cofactors, _frobenius, _matrix_spread, batch=align_ranks)
log_abs_det = contraction(
    "log_abs_det",
    lambda a: np.linalg.slogdet(a).logabsdet,
    lambda y, a: swapped(np.linalg.inv(a)),
    _real_frobenius,
    _matrix_spread,
    batch=align_ranks,
)
det_sign_real = constant("det_sign_real", lambda a: np.linalg.slogdet(a).sign)
det_sign = register(
    opaque(
        "det_sign",
        lambda a: np.linalg.slogdet(a).sign,
        lambda y, xs, ts, kw: y * (1j * ops.imag(_frobenius(swapped(np.linalg.inv(xs[0])), ts[0], kw))),
        batch=align_ranks,
    )
)


def slogdet(a: Any) -> Any:
    """Phase and logarithm of the modulus; the phase of a real matrix is constant."""
    sign = (det_sign if is_complex(a) else det_sign_real).bind(a)
    return type(np.linalg.slogdet(np.ones((1, 1))))(sign, log_abs_det.bind(a))


expose(det_, "numpy.linalg.det", np.linalg.det, "elementwise")
expose(slogdet, "numpy.linalg.slogdet", np.linalg.slogdet, "elementwise")
