"""numpy.linalg: eigh and eigvalsh.

With E = Q^H dA Q:  dl_i = E_ii,  dQ = Q (F * E),  F_ij = 1 / (l_j - l_i) off the diagonal and 0 on it.
Where two eigenvalues agree to rounding, eigenvectors have no derivative, nor have eigenvalues a second one: F is NaN there, which
is what such derivatives become.  First derivatives of eigenvalues need no F.  Functions of a matrix that do have derivatives at
repeated eigenvalues are in ``symmetric_functions``, and those that users write with eigenvalues and eigenvectors are recognised
in ``spectral_outputs``.  The phases of complex eigenvectors are chosen in ``gauges``.
Source: Giles (2008), Collected matrix derivative results for forward and reverse mode AD, section 3.1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import like
from hoad.core.box import ops, peek, shape_of
from hoad.core.kinds import constant, opaque
from hoad.core.kinds.cotangents import fit, is_complex, is_real
from hoad.core.primitive import expose, register
from hoad.core.series import add_term
from hoad.rules.linear_algebra.gauges import frozen, stacked, unit_phases, valued
from hoad.rules.linear_algebra.solving import adjoint, identity, plain_or_traced
from hoad.rules.linear_algebra.spectral_outputs import mark_eigenvalues
from hoad.rules.products import matmul

# -- the triangle that is read --------------------------------------------------------------------------------------------------


def _triangle(x: Any, uplo: str) -> Any:
    """The triangle of a matrix that is read, with half of the diagonal."""
    n, plain = shape_of(x)[-1], peek(x)
    one = np.tri(n) if uplo.upper() == "L" else np.tri(n).T
    return x * like((one - 0.5 * np.eye(n)).astype(plain.real.dtype), plain)


def read_triangle(a: Any, uplo: str) -> Any:
    """The Hermitian matrix of which ``a`` holds one triangle; the imaginary part of the diagonal is not read."""
    half = _triangle(a, uplo)
    return half + adjoint(half)


def _written(g: Any, a: Any, uplo: str) -> Any:
    """Transpose of :func:`read_triangle`."""
    return fit(_triangle(g + adjoint(g), uplo), shape_of(a), is_real(a))


# -- F ----------------------------------------------------------------------------------------------------------------------------


def _separation_native(w: Any) -> Any:
    n = w.shape[-1]
    if n == 0:
        return w[..., None] * w[..., None, :]
    rounding = 4 * n * np.finfo(w.dtype).eps * abs(w).max(-1)[..., None, None]
    close = abs(w[..., None, :] - w[..., :, None]) <= rounding
    eye = like(np.eye(n, dtype=w.dtype), w)
    return np.where(eye > 0, eye, np.where(close, np.nan, 0.0)).astype(w.dtype)


_separation = constant("eigenvalue_separation", _separation_native, batch=stacked)
"""What is added to l_j - l_i: 1 on the diagonal, NaN where the difference is rounding."""


def reciprocal_gaps(w: Any) -> Any:
    gaps = w[..., None, :] - w[..., :, None] + _separation.bind(w)
    return (1 - identity(w)) / gaps


# -- eigenvalues and eigenvectors --------------------------------------------------------------------------------------------------


def _in_frame(q: Any, a: Any, uplo: str) -> Any:
    """E."""
    return matmul(adjoint(q), matmul(read_triangle(a, uplo), q))


def _diagonal(e: Any) -> Any:
    return ops.real(np.diagonal(e, 0, -2, -1))


def _eigh_tangent(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    w, q = y
    e = _in_frame(q, ts[0], kw["uplo"])
    return _diagonal(e), matmul(q, reciprocal_gaps(w) * e)


def _eigh_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    w, q = y

    def pull(gs: Any) -> Any:
        gw, gq = gs
        inner = None if gq is None else reciprocal_gaps(w) * matmul(adjoint(q), gq)
        if gw is not None:
            inner = add_term(inner, gw[..., None, :] * identity(q))
        return (_written(matmul(q, matmul(inner, adjoint(q))), xs[0], kw["uplo"]),)

    return pull


eigh_ = register(
    opaque(
        "eigh",
        lambda a, uplo: tuple(np.linalg.eigh(a, UPLO=uplo)),
        _eigh_tangent,
        reverse=_eigh_reverse,
        multi=True,
        batch=stacked,
    )
)


def _eigvalsh_tangent(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    return _diagonal(_in_frame(eigh_.bind(xs[0], **kw)[1], ts[0], kw["uplo"]))


def _eigvalsh_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    def pull(g: Any) -> Any:
        q = eigh_.bind(xs[0], **kw)[1]
        return (_written(matmul(q * g[..., None, :], adjoint(q)), xs[0], kw["uplo"]),)

    return pull


eigvalsh_ = register(
    opaque(
        "eigvalsh",
        lambda a, uplo: np.linalg.eigvalsh(a, UPLO=uplo),
        _eigvalsh_tangent,
        reverse=_eigvalsh_reverse,
        batch=stacked,
    )
)

_Result: Any = type(np.linalg.eigh(np.ones((1, 1))))


def eigh(a: Any, UPLO: str = "L") -> Any:  # NumPy's name
    a = plain_or_traced(a)
    w, v = eigh_.bind(a, uplo=UPLO)
    if is_complex(v):
        v0 = frozen.bind(v)
        v = valued.bind(v * unit_phases((v, v0))[..., None, :], v0)
    return _Result(*mark_eigenvalues(lambda: read_triangle(a, UPLO), w, v))


def eigvalsh(a: Any, UPLO: str = "L") -> Any:  # NumPy's name
    a = plain_or_traced(a)
    return mark_eigenvalues(lambda: read_triangle(a, UPLO), eigvalsh_.bind(a, uplo=UPLO))[0]


expose(eigh, "numpy.linalg.eigh", np.linalg.eigh, "opaque")
expose(eigvalsh, "numpy.linalg.eigvalsh", np.linalg.eigvalsh, "opaque")
