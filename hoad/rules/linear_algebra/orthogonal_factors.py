"""numpy.linalg.qr in all modes.

With k = min(m, n), R_1 the first k columns of R, M = Q^H dA_1 R_1^-1 and W the skew-Hermitian matrix with the strict lower triangle
of M and i Im of its diagonal, which keeps the diagonal of R real, as LAPACK does:
  dQ = Q W + (1 - Q Q^H) dA_1 R_1^-1,  dR = Q^H dA - W R.
These exist where the first k columns are independent; elsewhere the derivatives are NaN.  The columns that complete Q are chosen in
``gauges``.  In mode "raw" the reflectors themselves are differentiated.
Source: Walter, Lehmann & Lamour (2012), On evaluating higher-order derivatives of the QR decomposition, Optim. Methods Softw. 27;
LAPACK, xGEQR2 and xLARFG.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import like
from hoad.core.box import ops, peek, shape_of
from hoad.core.kinds import composite, constant, opaque
from hoad.core.kinds.cotangents import conjugated, is_complex
from hoad.core.primitive import expose, register
from hoad.rules.linear_algebra.gauges import completed, frozen, stacked, valued
from hoad.rules.linear_algebra.solving import adjoint, plain_or_traced, swapped
from hoad.rules.products import matmul

# -- reduced and complete ---------------------------------------------------------------------------------------------------------


def _factors_native(a: Any, mode: Any) -> Any:
    """Q and R of the smaller dimension, and the columns of Q beyond it."""
    k = min(a.shape[-2:])
    q, r = np.linalg.qr(a, mode)
    return q[..., :k], r[..., :k, :], q[..., k:]


def _dependent_native(r: Any) -> Any:
    """NaN where the diagonal of R_1 vanishes to rounding, else 0."""
    size = np.abs(np.diagonal(r, 0, -2, -1))
    if not size.shape[-1]:
        return np.zeros((*size.shape[:-1], 1, 1), size.dtype)
    limit = 4 * max(r.shape[-2:]) * np.finfo(size.dtype).eps * size.max(-1)
    return np.where(size.min(-1) <= limit, np.nan, 0.0).astype(size.dtype)[..., None, None]


_dependent = constant("dependent_columns", _dependent_native, batch=stacked)


def _over_r(x: Any, r1: Any) -> Any:
    """x R_1^-1."""
    return swapped(np.linalg.solve(swapped(r1), swapped(x)))


def _skew(m: Any) -> Any:
    k, plain = shape_of(m)[-1], peek(m)
    lower = m * like(np.tri(k, k=-1, dtype=plain.real.dtype), plain)
    w = lower - adjoint(lower)
    if is_complex(m):
        w = w + 1j * (ops.imag(m) * like(np.eye(k, dtype=plain.real.dtype), plain))
    return w


def _qr_tangent(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    q, r, _ = y
    m, k = shape_of(q)[-2:]
    r1 = r[..., :, :k] + _dependent.bind(r)
    projected = matmul(adjoint(q), ts[0])
    rate = _over_r(ts[0][..., :, :k], r1)
    inside = matmul(adjoint(q), rate)
    w = _skew(inside)
    dq = matmul(q, w)
    if m > k:
        dq = dq + rate - matmul(q, inside)
    upper = like(np.tri(k, shape_of(r)[-1], k=-1, dtype=peek(r).real.dtype), peek(r))
    return dq, (projected - matmul(w, r)) * (1 - upper), None


qr_factors = register(opaque("qr_factors", _factors_native, _qr_tangent, multi=True, batch=stacked))
_triangle = constant("qr_triangle", lambda a: np.linalg.qr(a, "r"), batch=stacked)
_Result: Any = type(np.linalg.qr(np.ones((1, 1))))


# -- raw: Householder's reflectors as LAPACK stores them --------------------------------------------------------------------------


def _nothing_to_do(alpha: Any, x: Any) -> Any:
    """NaN where LAPACK leaves a column alone (tau = 0), because a sign jumps there, else 0."""
    idle = (x == 0).all(-1) & (alpha.imag == 0)
    return np.where(idle, np.nan, 0.0).astype(alpha.real.dtype)


_idle = constant("idle_reflector", _nothing_to_do, batch=stacked)


def _reflector(alpha: Any, x: Any) -> Any:
    """xLARFG: beta, tau and v with (1 - conj(tau) [1, v] [1, v]^H) [alpha, x] = [beta, 0]."""
    alpha = alpha + _idle.bind(alpha, x)
    modulus = np.sqrt(ops.abs2(alpha) + np.sum(ops.abs2(x), axis=-1))
    beta = -np.copysign(1.0, frozen.bind(ops.real(alpha))) * modulus
    return beta, (beta - alpha) / beta, x / (alpha - beta)[..., None]


def _raw_body(a: Any) -> Any:
    m, n = shape_of(a)[-2:]
    if not min(m, n):
        return swapped(a), np.sum(a, axis=-2)[..., :0]
    rows, columns, taus = [], [], []
    for i in range(min(m, n)):
        alpha, x = a[..., 0, 0], a[..., 1:, 0]
        if i == m - 1 and not is_complex(a):  # nothing is left to annihilate
            beta, tau = alpha, alpha * 0
        else:
            beta, tau, x = _reflector(alpha, x)
        column = ops.concatenate([(alpha * 0 + 1)[..., None], x], -1)
        others = a[..., :, 1:]
        inner = matmul(conjugated(column)[..., None, :], others)
        others = others - (conjugated(tau)[..., None] * column)[..., :, None] * inner
        rows.append(ops.concatenate([(beta + alpha * 0)[..., None], others[..., 0, :]], -1))
        columns.append(x)
        taus.append(tau)
        a = others[..., 1:, :]
    return _assembled(rows, columns, n), ops.stack(taus, -1)


def _assembled(rows: list[Any], columns: list[Any], n: int) -> Any:
    """The transpose of the matrix with R in and above the diagonal and the reflectors below it."""
    k = len(rows)
    stored = []
    for j in range(n):
        above = [rows[i][..., j - i] for i in range(min(j + 1, k))]
        column = ops.stack(above, -1)
        if j < k:
            column = ops.concatenate([column, columns[j]], -1)
        stored.append(column)
    return ops.stack(stored, -2)


qr_raw = composite("qr_raw", lambda a: tuple(np.linalg.qr(a, "raw")), _raw_body, multi=True, batch=stacked)

# -- the function -----------------------------------------------------------------------------------------------------------------


def qr(a: Any, mode: str = "reduced") -> Any:
    a = plain_or_traced(a)
    m, n = shape_of(a)[-2:]
    if mode not in ("reduced", "complete", "r", "raw"):
        raise ValueError(f"Unrecognized mode {mode!r}; expected 'reduced', 'complete', 'r' or 'raw'")
    if mode == "raw":
        return qr_raw.bind(a)
    if mode == "r":
        return valued.bind(qr_factors.bind(a, mode="reduced")[1], _triangle.bind(a))
    q, r, rest = qr_factors.bind(a, mode="complete" if mode == "complete" else "reduced")
    if mode == "complete" and m > n:
        q = ops.concatenate([q, valued.bind(completed(q, rest), rest)], -1)
        r = ops.concatenate([r, _zero_rows(r, m - n)], -2)
    return _Result(q, r)


def _zero_rows(r: Any, count: int) -> Any:
    plain = peek(r)
    return like(np.zeros((*shape_of(r)[:-2], count, shape_of(r)[-1]), plain.dtype), plain)


expose(qr, "numpy.linalg.qr", np.linalg.qr, "opaque")
