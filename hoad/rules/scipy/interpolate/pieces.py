"""Piecewise polynomials in SciPy's form: c[k, i] multiplies (x - x_i)^(K - 1 - k) in interval i.

At a breakpoint the interval on its right counts, at the last one the interval on its left, as in SciPy: derivatives at knots are
those of that piece.  Outside, and for NaN, where the value is NaN, every derivative is NaN.
"""

from __future__ import annotations

from math import perm
from typing import Any

import numpy as np
from scipy import interpolate

from hoad.core.box import Box, ops, peek, shape_of
from hoad.core.kinds import composite
from hoad.core.kinds.batching import by_loop
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array

__all__ = ["Piecewise", "as_float", "columns", "gather", "interval", "is_traced", "known", "placed"]


def is_traced(*xs: Any) -> bool:
    return any(isinstance(x, Box) or (isinstance(x, list | tuple) and is_traced(*x)) for x in xs)


def as_float(x: Any, *, real: bool = True) -> Any:
    """An array of float64, or complex128 where that is allowed."""
    x = as_array(x)
    kind = np.complex128 if peek(x).dtype.kind == "c" and not real else np.float64
    return x if x.dtype == kind else ops.astype(x, kind)


def gather(x: Any, i: Any) -> Any:
    """x[i] along the first axis, at an index that may be batched."""
    if not isinstance(i, Box):
        return x[i]
    rest = shape_of(x)[1:]
    flat = np.reshape(i, (-1, *(1,) * len(rest)))
    found = ops.take_along_axis(x, np.broadcast_to(flat, (shape_of(flat)[0], *rest)), 0)
    return np.reshape(found, (*shape_of(i), *rest))


def interval(edges: Any, x: Any, first: int, last: int) -> Any:
    """Number i of the interval edges[i] <= x < edges[i + 1], within first ... last."""
    return np.clip(np.searchsorted(edges, x, side="right") - 1, first, last)


def columns(x: Any, rank: int) -> Any:
    """A vector with ``rank`` axes of length one behind it."""
    return np.reshape(x, (*shape_of(x), *(1,) * rank))


def known(x: Any, lo: Any, hi: Any, extrapolate: bool) -> Any:
    """One where there is a value, else NaN: a factor that makes derivatives NaN there too."""
    return np.where(x == x if extrapolate else (x >= lo) & (x <= hi), 1.0, np.nan)


def placed(y: Any, x_ndim: int, axis: int) -> Any:
    """A result with the axes of x first, moved to where the interpolation axis was."""
    if axis == 0:
        return y
    order = list(range(y.ndim))
    return np.transpose(y, order[x_ndim : x_ndim + axis] + order[:x_ndim] + order[x_ndim + axis :])


def _values(c: Any, breaks: Any, x: Any, nu: int, extrapolate: bool) -> Any:
    """The polynomial of each x, or its derivative of order nu, by Horner's rule."""
    degree, pieces, rank = shape_of(c)[0] - 1, shape_of(c)[1], len(shape_of(c)) - 2
    there = known(x, breaks[0], breaks[pieces], extrapolate)
    at = interval(breaks, x, 0, pieces - 1)
    h = columns(x - gather(breaks, at), rank)
    rows = gather(ops.moveaxis(c, 0, 1), at)
    y = np.zeros(shape_of(rows)[:1] + shape_of(rows)[2:]) + 0 * h
    for k in range(degree + 1 - nu):
        y = y * h + rows[:, k] * float(perm(degree - k, nu))
    return y * columns(there, rank)


pieces_ = composite(
    "scipy.interpolate.PPoly",
    lambda c, breaks, x, nu, extrapolate: interpolate.PPoly.construct_fast(c, breaks, extrapolate)(x, nu),
    _values,
    batch=by_loop,
)


def _primitive_function(c: Any, breaks: Any) -> Any:
    """Coefficients of the antiderivative that is zero at the first breakpoint."""
    degree, pieces = shape_of(c)[0], shape_of(c)[1]
    rank = len(shape_of(c)) - 2
    powers = np.arange(degree, 0, -1.0).reshape(degree, 1, *(1,) * rank)
    higher = c / powers
    h = columns(breaks[1:] - breaks[:-1], rank)
    gain: Any = 0.0
    for k in range(degree):
        gain = (gain + higher[k]) * h
    start = ops.concatenate([0 * gain[:1], np.cumsum(gain[: pieces - 1], axis=0)], 0)
    return ops.concatenate([higher, start[None]], 0)


def _antiderivative(c: Any, breaks: Any, nu: int) -> Any:
    for _ in range(nu):
        c = _primitive_function(c, breaks)
    return c


antiderivative_ = composite(
    "scipy.interpolate.PPoly.antiderivative",
    lambda c, breaks, nu: interpolate.PPoly.construct_fast(np.ascontiguousarray(c), breaks).antiderivative(nu).c,
    _antiderivative,
    batch=by_loop,
)


def _integral(c: Any, breaks: Any, a: Any, b: Any, extrapolate: bool) -> Any:
    ends = _values(_primitive_function(c, breaks), breaks, ops.stack([a, b]), 0, extrapolate)
    return ends[1] - ends[0]


integral_ = composite(
    "scipy.interpolate.PPoly.integrate",
    lambda c, breaks, a, b, extrapolate: np.asarray(
        interpolate.PPoly.construct_fast(np.ascontiguousarray(c), breaks).integrate(a, b, extrapolate)
    )[()],
    _integral,
    batch=by_loop,
)


class Piecewise:
    """A piecewise polynomial whose coefficients, breakpoints and arguments may be traced; SciPy's PPoly otherwise.

    Parameters
    ----------
    c : array (order, pieces, ...)
    x : array (pieces + 1,)
    extrapolate : bool or 'periodic'
    axis : int
        Axis of the result along which is interpolated.
    """

    def __init__(self, c: Any, x: Any, extrapolate: Any = None, axis: int = 0) -> None:
        self._set(as_float(c, real=False), as_float(x), True if extrapolate is None else extrapolate, axis)

    def _set(self, c: Any, x: Any, extrapolate: Any, axis: int) -> None:
        self.c, self.x, self.axis = c, x, axis
        self.extrapolate = extrapolate if extrapolate == "periodic" else bool(extrapolate)
        if not is_traced(c, x):
            interpolate.PPoly(c, x, extrapolate)  # SciPy's examination of shapes and order

    def __call__(self, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
        """Values at x, or derivatives of order ``nu``; the axes of x replace the interpolation axis."""
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        x = as_float(x)
        flat = np.reshape(x, (-1,))
        if extrapolate == "periodic":
            a, b = self.x[0], self.x[-1]
            flat, extrapolate = a + (flat - a) % (b - a), False
        y = pieces_.bind(self.c, self.x, flat, nu=int(nu), extrapolate=bool(extrapolate))
        return placed(np.reshape(y, (*x.shape, *shape_of(self.c)[2:])), x.ndim, self.axis)

    def _like(self, c: Any) -> Piecewise:
        new = Piecewise.__new__(Piecewise)
        new._set(c, self.x, False if self.extrapolate == "periodic" else self.extrapolate, self.axis)
        new.extrapolate = self.extrapolate
        return new

    def derivative(self, nu: int = 1) -> Piecewise:
        """The derivative of order ``nu`` as a piecewise polynomial."""
        if nu < 0:
            return self.antiderivative(-nu)
        order = shape_of(self.c)[0]
        if nu >= order:
            return self._like(0 * self.c[:1])
        factors = np.array([float(perm(order - 1 - k, nu)) for k in range(order - nu)])
        return self._like(self.c[: order - nu] * columns(factors, len(shape_of(self.c)) - 1))

    def antiderivative(self, nu: int = 1) -> Piecewise:
        """The antiderivative of order ``nu`` that is zero at the first breakpoint."""
        if nu <= 0:
            return self.derivative(-nu)
        new = self._like(antiderivative_.bind(self.c, self.x, nu=int(nu)))
        if self.extrapolate == "periodic":
            new.extrapolate = False
        return new

    def integrate(self, a: Any, b: Any, extrapolate: Any = None) -> Any:
        """Integral from a to b."""
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        if not is_traced(a, b, self.c, self.x):
            return self._native().integrate(a, b, extrapolate)
        if extrapolate == "periodic":
            raise UnsupportedFunctionError.no_rule("integrate with extrapolate='periodic'", "; split the interval into periods")
        return integral_.bind(self.c, self.x, as_float(a)[()], as_float(b)[()], extrapolate=bool(extrapolate))

    def _native(self) -> Any:
        native = interpolate.PPoly.construct_fast(self.c, self.x, self.extrapolate)
        native.axis = self.axis
        return native

    def roots(self, discontinuity: bool = True, extrapolate: Any = None) -> Any:
        """SciPy's roots, for plain coefficients only."""
        return self.solve(0.0, discontinuity, extrapolate)

    def solve(self, y: Any = 0.0, discontinuity: bool = True, extrapolate: Any = None) -> Any:
        """SciPy's solutions of p(x) = y, for plain coefficients only."""
        if is_traced(self.c, self.x, y):
            raise UnsupportedFunctionError.no_rule("roots of a traced spline", "; use hoad.scipy.optimize.brentq on an interval")
        return self._native().solve(y, discontinuity, self.extrapolate if extrapolate is None else extrapolate)
