"""scipy.linalg: eigenvalues and eigenvectors of general matrices and pairs.

With C = V^-1 B^-1 (dA V - dB V L): dl = diag C and dV = V (F * C) in the directions of the other eigenvectors, with
F_ij = 1 / (l_j - l_i).  Vectors keep their length, and LAPACK makes the largest entry of each vector of a single matrix real, which
fixes the rest.  Of a pair the phase of complex vectors is not fixed: functions of them should not depend on it.  Where eigenvalues
agree to rounding, the derivatives of vectors, and second ones of eigenvalues, are NaN.
Source: Giles (2008), Collected matrix derivative results for forward and reverse mode AD, section 3.1.
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


def _separation_native(w: Any) -> Any:
    rounding = 4 * len(w) * np.finfo(w.dtype).eps * np.abs(w).max(initial=0.0)
    close = np.abs(w[None, :] - w[:, None]) <= rounding
    return np.where(np.eye(len(w), dtype=bool), 1.0, np.where(close, np.nan, 0.0)).astype(w.real.dtype)


_separation = constant("scipy.linalg.separation_of_general_eigenvalues", _separation_native, batch=by_loop)


def _reciprocal_gaps(w: Any) -> Any:
    eye = np.eye(shape_of(w)[0], dtype=peek(w).real.dtype)
    with np.errstate(invalid="ignore"):
        return (1 - eye) / (w[None, :] - w[:, None] + _separation.bind(w))


def _largest_native(v: Any) -> Any:
    """1 at the largest entry of each column."""
    out = np.zeros(v.shape, v.real.dtype)
    out[np.abs(v).argmax(axis=0), np.arange(v.shape[1])] = 1.0
    return out


_largest = constant("scipy.linalg.largest_entries", _largest_native, batch=by_loop)


def _coefficients(w: Any, v: Any, xs: Any, ts: Any) -> Any:
    """C."""
    right = matmul(ts[0], v)
    if len(xs) > 1:
        right = np.linalg.solve(xs[1] + 0 * right[:1, :1], right - matmul(ts[1], v) * w[None, :])
    return np.linalg.solve(v, right)


def _vectors_tangent(w: Any, v: Any, xs: Any, ts: Any) -> Any:
    c = _coefficients(w, v, xs, ts)
    dv = matmul(v, _reciprocal_gaps(w) * c)
    if not is_complex(v):
        dv = np.real(dv)
        return dv - v * np.sum(v * dv, axis=0)
    dv = dv - v * np.real(np.sum(np.conjugate(v) * dv, axis=0))
    if len(xs) > 1:
        return dv
    top = _largest.bind(v)
    turn = ops.imag(np.sum(top * dv, axis=0)) / np.real(np.sum(top * v, axis=0))
    return dv - 1j * v * turn


def _as_complex(dw: Any) -> Any:
    return dw if is_complex(dw) else dw + 0j * peek(dw).dtype.type(1)


def _right_native(*ab: Any, check_finite: bool) -> Any:
    return tuple(scipy.linalg.eig(*ab, check_finite=check_finite))


def _right_tangent(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    w, v = y
    dw = np.diagonal(_coefficients(w, v, xs, ts))
    return _as_complex(dw), _vectors_tangent(w, v, xs, ts)


eig_ = register(opaque("scipy.linalg.eig", _right_native, _right_tangent, multi=True))


def _left_native(*ab: Any, check_finite: bool) -> Any:
    return tuple(scipy.linalg.eig(*ab, left=True, right=False, check_finite=check_finite))


def _left_tangent(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    """Left eigenvectors are those of the adjoint matrices, with conjugate eigenvalues."""
    w, v = y
    turned = [adjoint(x) for x in xs], [adjoint(t) for t in ts]
    dw = np.conjugate(np.diagonal(_coefficients(np.conjugate(w), v, *turned)))
    return _as_complex(dw), _vectors_tangent(np.conjugate(w), v, *turned)


left_eig = register(opaque("scipy.linalg.left_eig", _left_native, _left_tangent, multi=True))


def _values_tangent(w: Any, xs: Any, ts: Any, kw: Any) -> Any:
    every, v = eig_.bind(*xs, check_finite=False)
    return _as_complex(np.diagonal(_coefficients(every, v, xs, ts)))


eigvals_ = register(
    opaque("scipy.linalg.eigvals", lambda *ab, check_finite: scipy.linalg.eigvals(*ab, check_finite=check_finite), _values_tangent)
)


def eig(
    a: Any,
    b: Any = None,
    left: bool = False,
    right: bool = True,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    homogeneous_eigvals: bool = False,
) -> Any:
    if homogeneous_eigvals:
        raise UnsupportedFunctionError.no_rule("scipy.linalg.eig", " with homogeneous_eigvals=True, whose scaling is arbitrary")
    arrays = [as_matrix(x) for x in (a, b) if x is not None]
    cores = (2,) * len(arrays)

    def one(prim: Any) -> Any:
        return over_stack(lambda *xs: prim.bind(*xs, check_finite=check_finite), arrays, cores)

    if not left and not right:
        return one(eigvals_)
    if not left:
        return tuple(one(eig_))
    w, vl = one(left_eig)
    return (w, vl, one(eig_)[1]) if right else (w, vl)


def eigvals(a: Any, b: Any = None, overwrite_a: bool = False, check_finite: bool = True, homogeneous_eigvals: bool = False) -> Any:
    return eig(a, b, False, False, check_finite=check_finite, homogeneous_eigvals=homogeneous_eigvals)


expose(eig, "scipy.linalg.eig", scipy.linalg.eig, "opaque")
expose(eigvals, "scipy.linalg.eigvals", scipy.linalg.eigvals, "opaque")
