"""numpy.linalg: pinv and lstsq.

Where the rank stays as it is, the pseudo-inverse Y has dY = -Y dA Y + Y Y^H dA^H (1 - A Y) + (1 - Y A) dA^H Y^H Y, whatever
singular values coincide.  A matrix that is not of full rank has neighbours of higher rank, towards which Y has no derivative:
tangents and series in such a direction are NaN, and cotangents are those of directions that keep the rank.
Where ``rcond`` cuts off singular values that do not vanish, Y is the function 1/s above the cut and 0 below, see ``clusters``.
Source: Golub & Pereyra (1973), SIAM J. Numer. Anal. 10, section 4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.core.box import Box, bare, ops, peek, shape_of
from hoad.core.kinds import composite, constant, opaque
from hoad.core.kinds.batching import by_loop
from hoad.core.primitive import Primitive, expose, register
from hoad.rules.linear_algebra.clusters import signs
from hoad.rules.linear_algebra.dilation import Continued, block, dilation_frames
from hoad.rules.linear_algebra.eigen import read_triangle
from hoad.rules.linear_algebra.gauges import stacked, valued
from hoad.rules.linear_algebra.singular_values import svdvals
from hoad.rules.linear_algebra.solving import adjoint, plain_or_traced
from hoad.rules.linear_algebra.symmetric_functions import family
from hoad.rules.products import matmul

# -- pseudo-inverse at constant rank -----------------------------------------------------------------------------------------------


def _outside_native(a: Any, y: Any, da: Any) -> Any:
    """NaN where dA leads to a higher rank: (1 - A Y) dA (1 - Y A) does not vanish; else 0."""
    left = da - a @ (y @ da)
    outside = np.linalg.norm(left - (left @ y) @ a, axis=(-2, -1))
    limit = 100 * max(a.shape[-2:]) * np.finfo(a.dtype).eps * np.linalg.norm(da, axis=(-2, -1))
    cut = np.rint(np.trace(y @ a, axis1=-2, axis2=-1).real) < min(a.shape[-2:])
    return np.where(cut & (outside > limit), np.nan, 0.0).astype(a.real.dtype)[..., None, None]


_outside = constant("rank_raised", _outside_native, batch=stacked)


def _pinv_rate(y: Any, a: Any, da: Any) -> Any:
    m, n = shape_of(a)[-2:]
    dah = adjoint(da)
    ydah = matmul(y, matmul(adjoint(y), dah))  # Y Y^H dA^H
    rate = -matmul(y, matmul(da, y)) + ydah - matmul(matmul(ydah, a), y)
    right = matmul(matmul(dah, adjoint(y)), y)  # dA^H Y^H Y
    return rate + right - matmul(y, matmul(a, right))


def _pinv_forward(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    return _pinv_rate(y, xs[0], ts[0]) + _outside.bind(xs[0], y, ts[0])


pinv_ = register(
    opaque(
        "pinv",
        lambda a, options: np.linalg.pinv(a, **dict(options)),
        lambda y, xs, ts, kw: _pinv_rate(y, xs[0], ts[0]),
        forward=_pinv_forward,
        batch=stacked,
    )
)

# -- pseudo-inverse with a cut ----------------------------------------------------------------------------------------------------


def _inverse_difference(x: list[Any]) -> Any:
    """Of 1/x: (-1)^k over the product of the nodes."""
    product = x[0]
    for v in x[1:]:
        product = product * v
    return (-1) ** (len(x) - 1) / product


def _cut_inverse(rcond: Any) -> Primitive:
    def labels(w: Any) -> Any:
        return signs(w, rcond * np.abs(w).max(-1))

    return family("cut_inverse", Continued(_inverse_difference, np.inf, None, labels))


def _cutoff(a: Any, rcond: Any, rtol: Any) -> Any:
    """NumPy's relative cutoff."""
    if rcond is None:
        rcond = 1e-15 if rtol is np._NoValue else max(shape_of(a)[-2:]) * np.finfo(a.dtype).eps if rtol is None else rtol
    return np.asarray(rcond)


def _cuts(a: Any, cutoff: Any) -> bool:
    """Whether a singular value that is more than rounding is cut off."""
    plain = bare(a)
    if not isinstance(peek(a), np.ndarray) or not plain.size:
        return False
    eps = 4 * max(plain.shape[-2:]) * np.finfo(plain.dtype).eps
    if (cutoff <= eps).all():
        return False
    s = np.linalg.svd(plain, compute_uv=False)
    return bool(((s <= cutoff[..., None] * s[..., :1]) & (s > eps * s[..., :1])).any())


def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = np._NoValue) -> Any:
    a = plain_or_traced(a)
    options: dict[str, Any] = {"hermitian": True} if hermitian else {}
    if rcond is not None:
        options["rcond"] = rcond
    if rtol is not np._NoValue:
        options["rtol"] = rtol
    kept = tuple(options.items())
    if not a.size:
        return pinv_.bind(a, options=kept)
    cutoff = _cutoff(a, rcond, rtol)
    whole = read_triangle(a, "L") if hermitian else a
    if isinstance(a, Box) and _cuts(whole, cutoff):
        # Y^H = U (1/s) V^H above the cut
        y = adjoint(block(_cut_inverse(cutoff), whole, *dilation_frames.bind(whole)))
        return valued.bind(y, _native_pinv.bind(a, options=kept))
    if hermitian:
        plain = tuple((k, v) for k, v in kept if k != "hermitian")
        return valued.bind(pinv_.bind(whole, options=plain), _native_pinv.bind(a, options=kept))
    return pinv_.bind(a, options=kept)


_native_pinv = constant("pinv_value", lambda a, options: np.linalg.pinv(a, **dict(options)), batch=stacked)

# -- least squares ----------------------------------------------------------------------------------------------------------------


def _lstsq_native(a: Any, b: Any, rcond: Any) -> Any:
    return np.linalg.lstsq(a, b, rcond)


_plain_lstsq = constant("lstsq_value", _lstsq_native, multi=True, batch=by_loop)


def _lstsq_body(a: Any, b: Any, rcond: Any) -> Any:
    _, residuals, rank, _ = _plain_lstsq.bind(a, b, rcond=rcond)
    used = np.finfo(peek(a).dtype).eps * max(shape_of(a)) if rcond is None or rcond < 0 else rcond
    x = matmul(pinv(a, used), b)
    if shape_of(residuals)[-1]:
        r = b - matmul(a, x)
        residuals = np.sum(ops.abs2(r), axis=0, keepdims=len(shape_of(r)) == 1)
    return x, residuals, rank, svdvals(a)


lstsq_ = composite("lstsq", _lstsq_native, _lstsq_body, multi=True, batch=by_loop)


def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    a, b = plain_or_traced(a), plain_or_traced(b)
    return tuple(lstsq_.bind(a, b, rcond=rcond))


expose(pinv, "numpy.linalg.pinv", np.linalg.pinv, "opaque")
expose(lstsq, "numpy.linalg.lstsq", np.linalg.lstsq, "composite")
