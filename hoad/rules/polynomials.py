"""Polynomials by their coefficients, and the matrix of Vandermonde; in the order in which NumPy computes."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from hoad.backends import filled, like
from hoad.core.box import Box, bare, ops, peek, shape_of
from hoad.core.kinds import composite, implicit, jointly_linear
from hoad.core.kinds.batching import align_ranks, by_loop
from hoad.core.primitive import Primitive, expose
from hoad.rules.arguments import as_array, together


def polyval(p: Any, x: Any) -> Any:
    p, x = together(p, x)
    y = filled(shape_of(x), 0, peek(x).dtype, peek(x))
    for i in range(shape_of(p)[0]):
        y = y * x + p[i]
    return y


def polyder(p: Any, m: int = 1) -> Any:
    p = as_array(p)
    for _ in range(operator.index(m)):
        p = p[:-1] * like(np.arange(shape_of(p)[0] - 1, 0, -1), peek(p))
    return p


def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    p, m = as_array(p), operator.index(m)
    constants = filled((m,), 0, float, peek(p)) if k is None else np.atleast_1d(like(as_array(k), peek(p)))
    for i in range(m):
        k_i = constants[i if shape_of(constants)[0] > 1 else 0]
        p = ops.concatenate([p / like(np.arange(shape_of(p)[0], 0, -1), peek(p)), np.reshape(k_i, (1,))], 0)
    return p


def _padded(a: Any, n: int) -> Any:
    missing = n - shape_of(a)[0]
    return ops.concatenate([filled((missing,), 0, peek(a).dtype, peek(a)), a], 0) if missing else a


def polyadd(a1: Any, a2: Any) -> Any:
    a1, a2 = np.atleast_1d(as_array(a1)), np.atleast_1d(as_array(a2))
    n = max(shape_of(a1)[0], shape_of(a2)[0])
    return _padded(a1, n) + _padded(a2, n)


def polysub(a1: Any, a2: Any) -> Any:
    a1, a2 = np.atleast_1d(as_array(a1)), np.atleast_1d(as_array(a2))
    n = max(shape_of(a1)[0], shape_of(a2)[0])
    return _padded(a1, n) - _padded(a2, n)


def polymul(a1: Any, a2: Any) -> Any:
    return ops.convolve(np.atleast_1d(as_array(a1)), np.atleast_1d(as_array(a2)))


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:  # NumPy's name
    x = as_array(x)
    if x.ndim != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    x = ops.astype(x, np.promote_types(peek(x).dtype, int))
    n = x.shape[0] if N is None else N
    if n <= 0:
        return filled((x.shape[0], 0), 0, peek(x).dtype, peek(x))
    columns = [filled((x.shape[0],), 1, peek(x).dtype, peek(x))]
    for k in range(1, n):
        columns.append(columns[-1] * x if k > 1 else x)
    return ops.stack(columns if increasing else columns[::-1], 1)


# -- fits ---------------------------------------------------------------------------------------------------------------------


def least_squares(native: Any, lhs: Any, x: Any, y: Any, w: Any, rcond: Any, columns: Any = None) -> tuple[Any, tuple[Any, ...]]:
    """Coefficients of a fit and (residuals, rank, singular values, rcond), as NumPy's fits scale and solve them.

    ``native(x, y, w=w)`` gives the value; ``lhs`` has a column for each coefficient, ``columns`` places them in the result.
    """
    if len(shape_of(x)) != 1:
        raise TypeError("expected 1D vector for x")
    if shape_of(x)[0] != shape_of(y)[0]:
        raise TypeError("expected x and y to have same length")
    w = None if w is None else like(as_array(w), peek(x))

    def solve(lhs: Any, y: Any, *w: Any) -> Any:
        if w:
            lhs = lhs * w[0][:, None]
            y = y * (w[0][:, None] if len(shape_of(y)) == 2 else w[0])
        squares = np.sum(ops.abs2(lhs), axis=0)
        scale = np.sqrt(np.where(squares == 0, 1.0, squares))
        c, residuals, rank, s = np.linalg.lstsq(lhs / scale, y, rcond)
        return np.transpose(np.transpose(c) / scale), residuals, rank, s

    def placed(c: Any) -> Any:
        if columns is None:
            return c
        zeros = filled((int(columns[-1]) + 1, *shape_of(c)[1:]), 0, peek(c).dtype, peek(c))
        return ops.index_update(zeros, np.asarray(columns), c)

    weights = () if w is None else (w,)
    c, *details = solve(lhs, y, *weights)
    body = placed(c)
    return with_value(body, lambda *v: native(*v[:2], w=v[2] if len(v) > 2 else None), x, y, *weights), (*details, rcond)


def with_value(traced: Any, native: Any, *arrays: Any) -> Any:
    """``traced`` with the value, at every level, that ``native`` gives; a batch keeps its own, which agrees to rounding."""
    if any(isinstance(a, Box) and a.shape != peek(a).shape for a in arrays):
        return traced
    if not isinstance(traced, Box):
        return native(*arrays)
    plain = [bare(a) for a in arrays]
    value = Primitive("value", native, "constant").bind(*plain) if any(isinstance(a, Box) for a in plain) else native(*plain)
    return value_of_.bind(traced, value)


value_of_ = jointly_linear(
    "value_of",
    lambda y, value: value,
    lambda y, xs, ts, kw: ts[0],
    lambda y, xs, kw, which: lambda g: [g if i == 0 else None for i in which],
    batch=align_ranks,
)
"""A result by one formula with the derivatives of another, where a function has several results."""


def polyfit(x: Any, y: Any, deg: Any, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False) -> Any:
    x, y = together(x, y)
    x, y = x + 0.0, y + 0.0
    order = operator.index(deg) + 1
    if deg < 0:
        raise ValueError("expected deg >= 0")
    n = shape_of(x)[0]
    rcond = n * np.finfo(peek(x).dtype).eps if rcond is None else rcond
    native: Any = np.polyfit
    lhs = vander(x, order)
    c, details = least_squares(lambda x, y, w: native(x, y, deg, rcond, w=w), lhs, x, y, w, rcond)
    if full:
        return (c, *details)
    if not cov:
        return c
    lhs = lhs if w is None else lhs * like(as_array(w), peek(x))[:, None]
    base = np.linalg.inv(np.matmul(np.transpose(lhs), lhs))
    if cov == "unscaled":
        factor: Any = 1.0
    else:
        if n <= order:
            raise ValueError("the number of data points must exceed order to scale the covariance matrix")
        factor = details[0] / (n - order)
        factor = factor[0] if len(shape_of(y)) == 1 and shape_of(factor) == (1,) else factor
    v = base[:, :, None] * factor if len(shape_of(y)) == 2 else base * factor
    weights = () if w is None else (like(as_array(w), peek(x)),)
    return c, with_value(v, lambda *v: native(*v[:2], deg, rcond, w=v[2] if weights else None, cov=cov)[1], x, y, *weights)


# -- roots --------------------------------------------------------------------------------------------------------------------

roots_ = implicit(
    "polynomial_roots",
    np.roots,
    lambda y, p: polyval(p, y),
    lambda r, y, xs: r / polyval(polyder(xs[0]), y),
    lambda g, y, xs: g / np.conjugate(polyval(polyder(xs[0]), y)),
    batch=by_loop,
)
"""Simple roots; at a multiple root the slope vanishes and the derivative is infinite or NaN."""


def roots(p: Any) -> Any:
    p = np.atleast_1d(as_array(p))
    if p.ndim != 1:
        raise ValueError("Input must be a rank-1 array.")
    return roots_.bind(ops.astype(p, np.result_type(peek(p).dtype, 0.0)) if peek(p).dtype.kind in "iub" else p)


def _poly_body(z: Any, real: bool) -> Any:
    zero = filled((1,), 0, peek(z).dtype, peek(z))
    c = filled((1,), 1, peek(z).dtype, peek(z))
    for i in range(shape_of(z)[0]):
        c = ops.concatenate([c, zero], 0) - z[i] * ops.concatenate([zero, c], 0)
    return ops.real(c) if real else c


poly_ = composite("poly", lambda z, real: np.poly(z), _poly_body)


def poly(seq_of_zeros: Any) -> Any:
    z = np.atleast_1d(as_array(seq_of_zeros))
    if z.ndim == 2 and z.shape[0] == z.shape[1] and z.shape[0] != 0:
        z = np.linalg.eigvals(z)
    elif z.ndim != 1:
        raise ValueError("input must be 1d or non-empty square 2d array.")
    if not z.size:
        return 1.0
    plain = bare(z)
    real = plain.dtype.kind == "c" and bool(np.all(np.sort(plain) == np.sort(plain.conj())))
    return poly_.bind(z, real=real)


def polydiv(u: Any, v: Any) -> tuple[Any, Any]:
    """Quotient and remainder; leading coefficients of the remainder that vanish are dropped."""
    u, v = (np.atleast_1d(a) + 0.0 for a in together(u, v))
    dtype = np.result_type(peek(u).dtype, peek(v).dtype)
    u, v = ops.astype(u, dtype), ops.astype(v, dtype)
    m, n = shape_of(u)[0] - 1, shape_of(v)[0] - 1
    scale = 1.0 / v[0]
    quotient, r = [], u
    for k in range(m - n + 1):
        d = scale * r[k]
        quotient.append(d)
        r = ops.concatenate([r[:k], r[k : k + n + 1] - d * v, r[k + n + 1 :]], 0)
    q = ops.stack(quotient) if quotient else filled((max(m - n + 1, 1),), 0, dtype, peek(u))
    while shape_of(r)[0] > 1 and np.allclose(bare(r)[..., 0], 0, rtol=1e-14):
        r = r[1:]
    return q, r


for _name, _f, _kind in (
    ("polyval", polyval, "composite"),
    ("polyfit", polyfit, "composite"),
    ("roots", roots, "implicit"),
    ("poly", poly, "composite"),
    ("polydiv", polydiv, "composite"),
    ("polyder", polyder, "linear"),
    ("polyint", polyint, "linear"),
    ("polyadd", polyadd, "linear"),
    ("polysub", polysub, "linear"),
    ("polymul", polymul, "multilinear"),
    ("vander", vander, "composite"),
):
    expose(_f, f"numpy.{_name}", getattr(np, _name), _kind)
