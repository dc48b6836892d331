"""Cubic interpolation by values and slopes: CubicSpline, PchipInterpolator, Akima1DInterpolator, CubicHermiteSpline.

Their slopes are those of SciPy: the solution of a tridiagonal system for the spline, formulas that select by signs for the other
two, which have a kink in the data where a sign changes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import interpolate

from hoad.core.box import bare, ops, peek, shape_of
from hoad.core.kinds import composite
from hoad.core.kinds.batching import by_loop
from hoad.rules.scipy.interpolate.pieces import Piecewise, as_float, columns
from hoad.rules.scipy.linalg.banded import solve_banded_

__all__ = ["Akima1DInterpolator", "CubicHermiteSpline", "CubicSpline", "PchipInterpolator"]


def _steps(x: Any, y: Any) -> tuple[Any, Any]:
    """Widths of the intervals, shaped like y, and slopes of the secants."""
    dx = columns(x[1:] - x[:-1], len(shape_of(y)) - 1)
    return dx, (y[1:] - y[:-1]) / dx


def _hermite(x: Any, y: Any, s: Any) -> Any:
    """Coefficients from values and slopes at the knots."""
    dx, slope = _steps(x, y)
    t = (s[:-1] + s[1:] - 2 * slope) / dx
    return ops.stack([t / dx, (slope - s[:-1]) / dx - t, s[:-1], y[:-1]])


def _tridiagonal(upper: Any, main: Any, lower: Any, b: Any) -> Any:
    band = ops.stack([upper, main, lower])
    n = shape_of(b)[0]
    flat = solve_banded_.bind(band, np.reshape(b, (n, -1)), lower=1, upper=1, check_finite=False)
    return np.reshape(flat, shape_of(b))


# -- cubic splines -----------------------------------------------------------------------------------------------------------


def _spline(x: Any, y: Any, start: Any, end: Any, bc: tuple[Any, Any]) -> Any:
    return _hermite(x, y, _slopes(x, y, start, end, bc))


def _slopes(x: Any, y: Any, start: Any, end: Any, bc: tuple[Any, Any]) -> Any:
    n = shape_of(x)[0]
    dx = x[1:] - x[:-1]
    dxr, slope = _steps(x, y)
    first, last = bc
    if n == 2:
        if first in ("not-a-knot", "periodic"):
            first, start = 1, slope[0]
        if last in ("not-a-knot", "periodic"):
            last, end = 1, slope[0]
    zero = 0 * dx[:1]
    if n == 3 and first == last == "not-a-knot":
        one = zero + 1
        rows = [[one[0], one[0], zero[0]], [dx[1], 2 * (dx[0] + dx[1]), dx[0]], [zero[0], one[0], one[0]]]
        a = ops.stack([ops.stack(r) for r in rows])
        b = ops.stack([2 * slope[0], 3 * (dxr[0] * slope[1] + dxr[1] * slope[0]), 2 * slope[1]])
        return np.reshape(np.linalg.solve(a, np.reshape(b, (3, -1))), shape_of(b))
    if n == 3 and first == "periodic":
        return np.broadcast_to(np.sum(slope / dxr, axis=0) / np.sum(1.0 / dxr, axis=0), (3, *shape_of(y)[1:]))
    middle = 3 * (dxr[1:] * slope[:-1] + dxr[:-1] * slope[1:])
    main = 2 * (dx[:-1] + dx[1:])
    if first == "periodic":
        return _periodic(dx, dxr, slope, main, middle)
    if first == "not-a-knot":
        d = x[2] - x[0]
        m0, u0 = dx[1:2], np.reshape(d, (1,))
        b0 = ((dxr[0] + 2 * d) * dxr[1] * slope[0] + dxr[0] ** 2 * slope[1]) / d
    elif first == 1:
        m0, u0, b0 = zero + 1, zero, start + 0 * slope[0]
    else:
        m0, u0, b0 = 2 * dx[:1], dx[:1], -0.5 * start * dxr[0] ** 2 + 3 * (y[1] - y[0])
    if last == "not-a-knot":
        d = x[n - 1] - x[n - 3]
        m1, l1 = dx[n - 3 : n - 2], np.reshape(d, (1,))
        b1 = (dxr[n - 2] ** 2 * slope[n - 3] + (2 * d + dxr[n - 2]) * dxr[n - 3] * slope[n - 2]) / d
    elif last == 1:
        m1, l1, b1 = zero + 1, zero, end + 0 * slope[0]
    else:
        m1, l1, b1 = 2 * dx[-1:], dx[-1:], 0.5 * end * dxr[n - 2] ** 2 + 3 * (y[n - 1] - y[n - 2])
    return _tridiagonal(
        ops.concatenate([zero, u0, dx[:-1]], 0),
        ops.concatenate([m0, main, m1], 0),
        ops.concatenate([dx[1:], l1, zero], 0),
        ops.concatenate([b0[None], middle, b1[None]], 0),
    )


def _periodic(dx: Any, dxr: Any, slope: Any, main: Any, middle: Any) -> Any:
    """A cyclic system of n - 1 unknowns: the last of them apart, the others by two tridiagonal solves."""
    count = shape_of(dx)[0]  # unknowns s_0 ... s_(count - 1)
    zero = 0 * dx[:1]
    b0 = 3 * (dxr[0] * slope[count - 1] + dxr[count - 1] * slope[0])
    b_last = 3 * (dxr[count - 1] * slope[count - 2] + dxr[count - 2] * slope[count - 1])
    b = ops.concatenate([b0[None], middle[: count - 2]], 0)
    diagonal = ops.concatenate([2 * (dx[count - 1 :] + dx[:1]), main[: count - 2]], 0)
    upper = ops.concatenate([zero, dx[count - 1 :], dx[: count - 3]], 0)
    lower = ops.concatenate([dx[1 : count - 1], zero], 0)
    shape = (count - 1, *(1,) * (len(shape_of(b)) - 1))
    corner = np.reshape(ops.concatenate([-dx[:1], np.zeros(count - 3), -dx[count - 3 : count - 2]], 0), shape)
    if count == 2:
        corner = np.reshape(-dx[:1] - dx[1:2], shape)
    s1 = _tridiagonal(upper, diagonal, lower, b)
    s2 = _tridiagonal(upper, diagonal, lower, corner)
    final = (b_last - dxr[count - 2] * s1[0] - dxr[count - 1] * s1[count - 2]) / (
        2 * (dxr[count - 1] + dxr[count - 2]) + dxr[count - 2] * s2[0] + dxr[count - 1] * s2[count - 2]
    )
    inner = s1 + final * s2
    return ops.concatenate([inner, final[None], inner[:1]], 0)


def _native_spline(x: Any, y: Any, start: Any, end: Any, bc: tuple[Any, Any]) -> Any:
    sides = [kind if isinstance(kind, str) else (kind, v) for kind, v in zip(bc, (start, end), strict=True)]
    return interpolate.CubicSpline(x, y, 0, "periodic" if bc[0] == "periodic" else tuple(sides)).c


spline_ = composite("scipy.interpolate.CubicSpline", _native_spline, _spline, batch=by_loop)


def _conditions(bc_type: Any, shape: tuple[int, ...]) -> tuple[tuple[Any, Any], Any, Any]:
    """Kinds of the two end conditions and their values."""
    if isinstance(bc_type, str):
        if bc_type == "periodic":
            return ("periodic", "periodic"), np.float64(0), np.float64(0)
        bc_type = (bc_type, bc_type)
    elif len(bc_type) != 2:
        raise ValueError("`bc_type` must contain 2 elements to specify start and end conditions.")
    kinds, values = [], []
    for side in bc_type:
        if isinstance(side, str):
            if side == "periodic":
                raise ValueError(
                    "'periodic' `bc_type` is defined for both curve ends and cannot be used with other boundary conditions."
                )
            if side not in ("not-a-knot", "clamped", "natural"):
                raise ValueError(f"bc_type={side} is not allowed.")
            kinds.append({"clamped": 1, "natural": 2}.get(side, side))
            values.append(np.zeros(shape))
        else:
            order, value = side
            if order not in (1, 2):
                raise ValueError("The specified derivative order must be 1 or 2.")
            kinds.append(order)
            values.append(as_float(value, real=False))
    return (kinds[0], kinds[1]), values[0], values[1]


class _Interpolator(Piecewise):
    def _prepare(self, x: Any, y: Any, axis: int) -> tuple[Any, Any, int]:
        x, y = as_float(x), as_float(y, real=False)
        axis %= y.ndim
        if x.ndim != 1 or shape_of(x)[0] < 2:
            raise ValueError("`x` must be 1-dimensional and contain at least 2 elements.")
        if shape_of(x)[0] != y.shape[axis]:
            raise ValueError(f"The length of `y` along `axis`={axis} doesn't match the length of `x`")
        if not np.isfinite(bare(x)).all() or not np.isfinite(bare(y)).all():
            raise ValueError("`x` and `y` must contain only finite values.")
        if (np.diff(bare(x)) <= 0).any():
            raise ValueError("`x` must be strictly increasing sequence.")
        return x, ops.moveaxis(y, axis, 0), axis


class CubicSpline(_Interpolator):
    """:class:`scipy.interpolate.CubicSpline` whose ``x``, ``y``, end conditions and arguments may be traced.

    Parameters
    ----------
    x, y, axis, bc_type, extrapolate
        As SciPy's.

    Notes
    -----
    The number of operations is linear in the number of knots, for derivatives too.

    Examples
    --------
    >>> import numpy as np, hoad, hoad.scipy.interpolate
    >>> x = np.array([0.0, 1.0, 2.0, 3.0])
    >>> f = lambda y: hoad.scipy.interpolate.CubicSpline(x, y)(1.5)
    >>> hoad.grad(f)(x**2).round(9)
    array([-0.0625,  0.5625,  0.5625, -0.0625])
    """

    def __init__(self, x: Any, y: Any, axis: int = 0, bc_type: Any = "not-a-knot", extrapolate: Any = None) -> None:
        x, y, axis = self._prepare(x, y, axis)
        bc, start, end = _conditions(bc_type, shape_of(y)[1:])
        if bc[0] == "periodic" and not np.allclose(bare(y[0]), bare(y[-1]), rtol=1e-15, atol=1e-15):
            raise ValueError("The first and last `y` point along the interpolation axis must be identical when bc_type='periodic'.")
        if extrapolate is None:
            extrapolate = "periodic" if bc[0] == "periodic" else True
        self._set(spline_.bind(x, y, start, end, bc=bc), x, extrapolate, axis)


# -- Hermite, Pchip, Akima -----------------------------------------------------------------------------------------------------


class CubicHermiteSpline(_Interpolator):
    """:class:`scipy.interpolate.CubicHermiteSpline` whose ``x``, ``y``, ``dydx`` and arguments may be traced."""

    def __init__(self, x: Any, y: Any, dydx: Any, axis: int = 0, extrapolate: Any = None) -> None:
        dydx = as_float(dydx, real=False)
        if dydx.shape != shape_of(as_float(y, real=False)):
            raise ValueError("The shapes of `y` and `dydx` must be identical.")
        slopes = ops.moveaxis(dydx, axis % dydx.ndim, 0)
        x, y, axis = self._prepare(x, y, axis)
        self._set(hermite_.bind(x, y, slopes), x, True if extrapolate is None else extrapolate, axis)


hermite_ = composite(
    "scipy.interpolate.CubicHermiteSpline", lambda x, y, s: interpolate.CubicHermiteSpline(x, y, s).c, _hermite, batch=by_loop
)


def _pchip_edge(h0: Any, h1: Any, m0: Any, m1: Any) -> Any:
    d = ((2 * h0 + h1) * m0 - h0 * m1) / (h0 + h1)
    steep = (np.sign(m0) != np.sign(m1)) & (np.abs(d) > 3.0 * np.abs(m0))
    return np.where(np.sign(d) != np.sign(m0), 0.0, np.where(steep, 3.0 * m0, d))


def pchip_slopes(x: Any, y: Any) -> Any:
    h, m = _steps(x, y)
    n = shape_of(x)[0]
    if n == 2:
        return ops.concatenate([m, m], 0)
    flat = (np.sign(m[1:]) != np.sign(m[:-1])) | (m[1:] == 0) | (m[:-1] == 0)
    w1, w2 = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    m0, m1 = np.where(flat, 1.0, m[:-1]), np.where(flat, 1.0, m[1:])
    inner = np.where(flat, 0.0, (w1 + w2) / (w1 / m0 + w2 / m1))
    first = _pchip_edge(h[0], h[1], m[0], m[1])
    last = _pchip_edge(h[n - 2], h[n - 3], m[n - 2], m[n - 3])
    return ops.concatenate([first[None], inner, last[None]], 0)


pchip_ = composite(
    "scipy.interpolate.PchipInterpolator",
    lambda x, y: interpolate.PchipInterpolator(x, y).c,
    lambda x, y: _hermite(x, y, pchip_slopes(x, y)),
    batch=by_loop,
)


class PchipInterpolator(_Interpolator):
    """:class:`scipy.interpolate.PchipInterpolator` whose ``x``, ``y`` and arguments may be traced."""

    def __init__(self, x: Any, y: Any, axis: int = 0, extrapolate: Any = None) -> None:
        x, y, axis = self._prepare(x, y, axis)
        if peek(y).dtype.kind == "c":
            raise ValueError("`PchipInterpolator` only works with real values for `y`.")
        self._set(pchip_.bind(x, y), x, True if extrapolate is None else extrapolate, axis)


def _akima_slopes(x: Any, y: Any, method: str) -> Any:
    _, m = _steps(x, y)
    if shape_of(x)[0] == 2:
        return ops.concatenate([m, m], 0)
    left1 = 2.0 * m[0] - m[1]
    left0 = 2.0 * left1 - m[0]
    n = shape_of(m)[0]
    right1 = 2.0 * m[n - 1] - m[n - 2]
    right0 = 2.0 * right1 - m[n - 1]
    m = ops.concatenate([left0[None], left1[None], m, right1[None], right0[None]], 0)
    dm = np.abs(m[1:] - m[:-1])
    f1, f2 = dm[2:], dm[:-2]
    if method == "makima":
        pm = np.abs(m[1:] + m[:-1])
        f1, f2 = f1 + 0.5 * pm[2:], f2 + 0.5 * pm[:-2]
    total = f1 + f2
    known = total > 1e-9 * np.max(total)
    mean = 0.5 * (m[3:] + m[:-3])
    return np.where(known, m[1:-2] + f2 / np.where(known, total, 1.0) * (m[2:-1] - m[1:-2]), mean)


akima_ = composite(
    "scipy.interpolate.Akima1DInterpolator",
    lambda x, y, method: interpolate.Akima1DInterpolator(x, y, method=method).c,
    lambda x, y, method: _hermite(x, y, _akima_slopes(x, y, method)),
    batch=by_loop,
)


class Akima1DInterpolator(_Interpolator):
    """:class:`scipy.interpolate.Akima1DInterpolator` whose ``x``, ``y`` and arguments may be traced."""

    def __init__(self, x: Any, y: Any, axis: int = 0, *, method: str = "akima", extrapolate: Any = None) -> None:
        if method not in ("akima", "makima"):
            raise NotImplementedError(f"`method`={method} is unsupported.")
        x, y, axis = self._prepare(x, y, axis)
        if peek(y).dtype.kind == "c":
            raise ValueError("`Akima1DInterpolator` only works with real values for `y`.")
        self._set(akima_.bind(x, y, method=method), x, bool(extrapolate), axis)
