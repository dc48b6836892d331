"""Other interpolation in one variable: interp1d, and the polynomial through all points (barycentric, Krogh)."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import interpolate

from hoad.core.box import bare, ops, shape_of
from hoad.core.kinds import composite
from hoad.core.kinds.batching import by_loop
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.scipy.interpolate.bsplines import _knots, _system, spline_values
from hoad.rules.scipy.interpolate.pieces import as_float, columns, gather, interval, is_traced, placed

__all__ = ["BarycentricInterpolator", "KroghInterpolator", "barycentric_interpolate", "interp1d", "krogh_interpolate"]

ORDERS = {"slinear": 1, "quadratic": 2, "cubic": 3}


def _interp1d_body(x: Any, y: Any, q: Any, kind: Any, bounds_error: Any, fill: Any) -> Any:
    n = shape_of(x)[0]
    rank = len(shape_of(y)) - 1
    if kind == "linear":
        i = np.clip(np.searchsorted(x, q, side="left"), 1, n - 1)
        x0, x1, y0, y1 = gather(x, i - 1), gather(x, i), gather(y, i - 1), gather(y, i)
        out = (y1 - y0) / columns(x1 - x0, rank) * columns(q - x0, rank) + y0
    elif kind in ("previous", "zero"):
        known = q >= x[0] if kind == "previous" else q == q
        out = gather(y, interval(x, q, 0, n - 1)) + columns(np.where(known, 0.0, np.nan), rank)
    elif kind == "next":
        unknown = np.where(q <= x[n - 1], 0.0, np.nan)
        out = gather(y, np.clip(np.searchsorted(x, q, side="left"), 0, n - 1)) + columns(unknown, rank)
    elif kind in ("nearest", "nearest-up"):
        middle = x[:-1] + (x[1:] - x[:-1]) / 2.0
        out = gather(y, np.clip(np.searchsorted(middle, q, side="left" if kind == "nearest" else "right"), 0, n - 1))
    else:
        k = kind if isinstance(kind, int) else ORDERS[kind]
        t = _knots(x, k, False)
        c = y if k == 1 else _system(x, y, t, k=k, orders=((), ()))
        out = spline_values(t, c, q, k, 0, True)
    if fill != "extrapolate":
        low, high = fill
        out = np.where(columns(q < x[0], rank), low, np.where(columns(q > x[n - 1], rank), high, out))
    return out + columns(np.where(np.isnan(q), np.nan, 0.0), rank)


def _interp1d_native(x: Any, y: Any, q: Any, kind: Any, bounds_error: Any, fill: Any) -> Any:
    f = interpolate.interp1d(x, y, kind, axis=0, bounds_error=bounds_error, fill_value=fill, assume_sorted=True)
    return f(q)


interp1d_ = composite("scipy.interpolate.interp1d", _interp1d_native, _interp1d_body, batch=by_loop)


class interp1d:  # SciPy's name
    """:class:`scipy.interpolate.interp1d` whose ``x``, ``y`` and arguments may be traced."""

    def __init__(
        self,
        x: Any,
        y: Any,
        kind: Any = "linear",
        axis: int = -1,
        copy: bool = True,
        bounds_error: Any = None,
        fill_value: Any = np.nan,
        assume_sorted: bool = False,
    ) -> None:
        self._plain = None
        if not is_traced(x, y, fill_value):
            self._plain = interpolate.interp1d(x, y, kind, axis, copy, bounds_error, fill_value, assume_sorted)
        if is_traced(fill_value):
            raise UnsupportedFunctionError.no_rule("interp1d with a traced fill_value", "; use np.where")
        x, y = as_float(x), as_float(y, real=False)
        if x.ndim != 1:
            raise ValueError("the x array must have exactly one dimension.")
        self.axis = axis % y.ndim
        y = ops.moveaxis(y, self.axis, 0)
        if shape_of(y)[0] != shape_of(x)[0]:
            raise ValueError("x and y arrays must be equal in length along interpolation axis.")
        if not assume_sorted:
            order = np.argsort(x, kind="stable")
            x, y = gather(x, order), gather(y, order)
        self.x, self.y, self.kind, self.bounds_error = x, y, kind, bounds_error
        if isinstance(fill_value, str):
            self.fill: Any = "extrapolate"
            self.bounds_error = bool(bounds_error)
        else:
            self.fill = tuple(fill_value) if isinstance(fill_value, tuple) else (fill_value, fill_value)
            if bounds_error is None:
                self.bounds_error = (
                    not isinstance(fill_value, tuple) and np.size(fill_value) == 1 and bool(np.all(np.isnan(fill_value)))
                )

    def __call__(self, x: Any) -> Any:
        """Values at x; the axes of x replace the interpolation axis."""
        if self._plain is not None and not is_traced(x):
            return self._plain(x)
        x = as_float(x)
        y = interp1d_.bind(self.x, self.y, np.reshape(x, (-1,)), kind=self.kind, bounds_error=self.bounds_error, fill=self.fill)
        return placed(np.reshape(y, (*x.shape, *shape_of(self.y)[1:])), x.ndim, self.axis)


# -- the polynomial through all points ------------------------------------------------------------------------------------


def _through_all(x: Any, y: Any, q: Any, which: str, der: int = 0) -> Any:
    """Newton's divided differences, exact at the nodes too."""
    n, rank = shape_of(x)[0], len(shape_of(y)) - 1
    c = [y[i] for i in range(n)]
    for level in range(1, n):
        for i in range(n - 1, level - 1, -1):
            c[i] = (c[i] - c[i - 1]) / (x[i] - x[i - level])
    derivatives = [c[n - 1] + 0 * columns(q, rank), *[0 * columns(q, rank)] * der]
    for i in range(n - 2, -1, -1):
        h = columns(q - x[i], rank)
        for k in range(der, 0, -1):
            derivatives[k] = derivatives[k] * h + k * derivatives[k - 1]
        derivatives[0] = derivatives[0] * h + c[i]
    return derivatives[der]


def _native_through_all(x: Any, y: Any, q: Any, which: str, der: int = 0) -> Any:
    # SciPy orders the points of its barycentric formula at random; a fixed order makes values reproducible
    f = interpolate.KroghInterpolator(x, y) if which == "krogh" else interpolate.BarycentricInterpolator(x, y, rng=0)
    return f(q) if der == 0 else f.derivative(q, der)


polynomial_ = composite("scipy.interpolate.KroghInterpolator", _native_through_all, _through_all, batch=by_loop)


class _Polynomial:
    which = "krogh"

    def __init__(self, xi: Any, yi: Any, axis: int = 0) -> None:
        self.xi, yi = as_float(xi), as_float(yi, real=False)
        self.axis = axis % yi.ndim
        self.yi = ops.moveaxis(yi, self.axis, 0)
        plain = bare(self.xi)
        if (np.diff(np.sort(plain, -1), axis=-1) == 0).any():
            raise UnsupportedFunctionError.no_rule(
                f"{type(self).__name__} with repeated points (derivatives)", "; CubicHermiteSpline has one"
            )

    def __call__(self, x: Any) -> Any:
        """Values at x; the axes of x replace the interpolation axis."""
        return self.derivative(x, 0)

    def derivative(self, x: Any, der: int = 1) -> Any:
        """Derivative of order ``der`` at x."""
        x = as_float(x)
        y = polynomial_.bind(self.xi, self.yi, np.reshape(x, (-1,)), which=self.which, der=int(der))
        return placed(np.reshape(y, (*x.shape, *shape_of(self.yi)[1:])), x.ndim, self.axis)


class KroghInterpolator(_Polynomial):
    """:class:`scipy.interpolate.KroghInterpolator` whose points, values and arguments may be traced; points must differ."""


class BarycentricInterpolator(_Polynomial):
    """:class:`scipy.interpolate.BarycentricInterpolator` whose points, values and arguments may be traced."""

    which = "barycentric"

    def __init__(
        self, xi: Any, yi: Any = None, axis: int = 0, *, wi: Any = None, rng: Any = None, random_state: Any = None
    ) -> None:
        if yi is None or wi is not None:
            raise UnsupportedFunctionError.no_rule(
                "BarycentricInterpolator without values or with given weights", "; give xi and yi"
            )
        super().__init__(xi, yi, axis)


def krogh_interpolate(xi: Any, yi: Any, x: Any, der: Any = 0, axis: int = 0) -> Any:
    """:func:`scipy.interpolate.krogh_interpolate`; ``der`` one order, or a list of orders."""
    f = KroghInterpolator(xi, yi, axis)
    return f.derivative(x, der) if isinstance(der, int) else ops.stack([f.derivative(x, d) for d in der])


def barycentric_interpolate(xi: Any, yi: Any, x: Any, axis: int = 0, *, der: Any = 0, rng: Any = None) -> Any:
    """:func:`scipy.interpolate.barycentric_interpolate`; ``der`` one order, or a list of orders."""
    f = BarycentricInterpolator(xi, yi, axis)
    return f.derivative(x, der) if isinstance(der, int) else ops.stack([f.derivative(x, d) for d in der])


expose(krogh_interpolate, "scipy.interpolate.krogh_interpolate", interpolate.krogh_interpolate, "composite")
expose(barycentric_interpolate, "scipy.interpolate.barycentric_interpolate", interpolate.barycentric_interpolate, "composite")
