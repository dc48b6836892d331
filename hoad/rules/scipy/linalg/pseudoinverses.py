"""scipy.linalg: pinv, pinvh and lstsq, at matrices whose rank does not change.

The tangent of P = A^+ needs P alone: dP = -P dA P + P P^H dA^H (1 - A P) + (1 - P A) dA^H P^H P.
Source: Golub & Pereyra (1973), SIAM J. Numer. Anal. 10, 413-432.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from hoad.core.box import shape_of
from hoad.core.kinds import composite, opaque
from hoad.core.kinds.batching import by_loop
from hoad.core.primitive import expose, register
from hoad.rules.scipy.linalg.structure import adjoint, as_array, as_matrix, hermitian, matmul, over_stack, plain_value, stacked


def _tangent(p: Any, xs: Any, ts: Any, kw: Any) -> Any:
    a, da = xs[0], ts[0]
    ph, dah = adjoint(p), adjoint(da)
    rows = matmul(p, matmul(ph, dah))
    columns = matmul(dah, matmul(ph, p))
    return -matmul(p, matmul(da, p)) + rows - matmul(rows, matmul(a, p)) + columns - matmul(p, matmul(a, columns))


pinv_ = register(opaque("scipy.linalg.pinv", lambda a, **kw: scipy.linalg.pinv(a, **kw), _tangent, batch=stacked))
pinvh_ = composite(
    "scipy.linalg.pinvh",
    lambda a, lower, **kw: scipy.linalg.pinvh(a, lower=lower, **kw),
    lambda a, lower, **kw: pinv_.bind(hermitian(a, lower), **kw),
    batch=stacked,
)


def pinv(a: Any, *, atol: Any = None, rtol: Any = None, return_rank: bool = False, check_finite: bool = True) -> Any:
    a = as_matrix(a)
    kw = {"atol": atol, "rtol": rtol, "check_finite": check_finite}
    y = pinv_.bind(a, **kw)
    return (y, scipy.linalg.pinv(plain_value(a), return_rank=True, **kw)[1]) if return_rank else y


def pinvh(
    a: Any, atol: Any = None, rtol: Any = None, lower: bool = True, return_rank: bool = False, check_finite: bool = True
) -> Any:
    a = as_matrix(a)
    kw = {"atol": atol, "rtol": rtol, "lower": bool(lower), "check_finite": check_finite}
    y = pinvh_.bind(a, **kw)
    return (y, scipy.linalg.pinvh(plain_value(a), return_rank=True, **kw)[1]) if return_rank else y


# -- least squares -----------------------------------------------------------------------------------------------------------------


def _lstsq_native(a: Any, b: Any, cond: Any, **kw: Any) -> Any:
    """Without the singular values where the driver gives none."""
    found = scipy.linalg.lstsq(a, b, cond=cond, **kw)
    return tuple(found[:3]) if found[3] is None else tuple(found)


def _lstsq_body(a: Any, b: Any, cond: Any, check_finite: bool, lapack_driver: Any) -> Any:
    plain = plain_value(a)
    x = matmul(pinv_.bind(a, atol=None, rtol=np.finfo(plain.dtype).eps if cond is None else cond, check_finite=False), b)
    if lapack_driver == "gelsy":  # which gives neither residuals nor singular values
        return x, 0, 0
    r = b - matmul(a, x)
    residuals = np.sum(np.real(r * np.conjugate(r)), axis=0)
    m, n = shape_of(a)
    if m > n:  # SciPy gives residuals where the rank is full
        each = np.reshape(plain, (-1, m, n))
        full = all(scipy.linalg.lstsq(one, np.zeros(m, plain.dtype), cond=cond)[2] == n for one in each)
    return x, residuals if m > n and full else 0, 0, np.linalg.svd(a, compute_uv=False)


lstsq_ = composite("scipy.linalg.lstsq", _lstsq_native, _lstsq_body, multi=True, batch=by_loop)


def lstsq(
    a: Any,
    b: Any,
    cond: Any = None,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    lapack_driver: str | None = None,
) -> Any:
    a, b = as_matrix(a), as_array(b)
    kw = {"cond": cond, "check_finite": check_finite, "lapack_driver": lapack_driver}
    found = over_stack(lambda *xs: tuple(lstsq_.bind(*xs, **kw)), [a, b], (2, min(b.ndim, 2)))
    return (*found, None) if len(found) == 3 else found


for _name, _f, _kind in (("pinv", pinv, "opaque"), ("pinvh", pinvh, "opaque"), ("lstsq", lstsq, "composite")):
    expose(_f, f"scipy.linalg.{_name}", getattr(scipy.linalg, _name), _kind)
