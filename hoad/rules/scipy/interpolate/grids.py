"""Interpolation on a rectangular grid: RegularGridInterpolator and interpn, in values, grid points and arguments.

At a grid plane SciPy's cell counts (the one on the right, the last one at the end), so derivatives there are those of that cell.
Method "nearest" has derivatives with respect to the values only.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Any

import numpy as np
from scipy import interpolate

from hoad.core.box import bare, ops, peek, shape_of
from hoad.core.kinds import composite
from hoad.core.kinds.batching import by_loop
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array
from hoad.rules.scipy.interpolate.bsplines import _knots, interpolating_, spline_values
from hoad.rules.scipy.interpolate.cubic import _hermite, pchip_slopes
from hoad.rules.scipy.interpolate.pieces import as_float, columns, gather, interval, is_traced

__all__ = ["RegularGridInterpolator", "interpn"]

DEGREES = {"slinear": 1, "cubic": 3, "quintic": 5}


def _cells(grid: Any, x: Any) -> tuple[list[Any], list[Any]]:
    """Cell along each axis, and the place in it from 0 to 1."""
    at, place = [], []
    for d, g in enumerate(grid):
        n = shape_of(g)[0]
        xd = x[:, d]
        if n == 1:
            i = 0 * np.searchsorted(g, xd)
            at.append(i)
            place.append(0 * xd)
            continue
        i = interval(g, xd, 0, n - 2)
        low = gather(g, i)
        at.append(i)
        place.append((xd - low) / (gather(g, i + 1) - low))
    return at, place


def _linear(values: Any, grid: Any, x: Any) -> Any:
    at, place = _cells(grid, x)
    shape = shape_of(values)
    d = len(grid)
    flat = np.reshape(values, (prod(shape[:d]), *shape[d:]))
    total = None
    for corner in product((0, 1), repeat=d):
        index, weight = 0, 1.0
        for axis, side in enumerate(corner):
            i = at[axis] if shape[axis] == 1 else at[axis] + side
            index = index * shape[axis] + i
            weight = weight * (place[axis] if side else 1 - place[axis])
        term = gather(flat, index) * columns(weight, len(shape) - d)
        total = term if total is None else total + term
    return total


def _nearest(values: Any, grid: Any, x: Any) -> Any:
    at, place = _cells(grid, x)
    shape = shape_of(values)
    index = 0
    for axis in range(len(grid)):
        i = at[axis] if shape[axis] == 1 else at[axis] + np.where(place[axis] <= 0.5, 0, 1)
        index = index * shape[axis] + i
    return gather(np.reshape(values, (prod(shape[: len(grid)]), *shape[len(grid) :])), index)


def _spline(values: Any, grid: Any, x: Any, k: int, nu: Any) -> Any:
    """Coefficients along each axis, then the basis of each axis at the points."""
    d = len(grid)
    c, knots = values, []
    for axis, g in enumerate(grid):
        t = _knots(g, k, False)
        knots.append(t)
        if k == 1:
            continue
        moved = ops.moveaxis(c, axis, 0)
        c = ops.moveaxis(interpolating_.bind(g, moved, t, k=k, orders=((), ())), 0, axis)
    y = None
    for axis in range(d):
        n = shape_of(knots[axis])[0] - k - 1
        rows = spline_values(knots[axis], np.eye(n), x[:, axis], k, 0 if nu is None else int(nu[axis]), True)
        if y is None:
            y = np.tensordot(rows, c, axes=(1, 0))
        else:
            y = np.sum(columns(rows, len(shape_of(y)) - 2) * y, axis=1)
    return y


def _pchip(values: Any, grid: Any, x: Any) -> Any:
    """One axis after the other, the last one first, as SciPy does it."""
    d = len(grid)
    order = tuple(range(d))[::-1] + tuple(range(d, len(shape_of(values))))
    y = np.transpose(values, order)
    lead = 0  # axes of points in front
    for axis in range(d - 1, -1, -1):
        g, xd = grid[axis], x[:, axis]
        n = shape_of(g)[0]
        i = interval(g, xd, 0, n - 2)
        h = xd - gather(g, i)
        along = y if not lead else ops.moveaxis(y, 1, 0)
        c = _hermite(g, along, pchip_slopes(g, along))  # (4, n - 1, [points], ...)
        pieces = ops.moveaxis(c, 1, 0)  # (n - 1, 4, [points], ...)
        if lead:
            own = ops.moveaxis(pieces, 2, 0)  # (points, n - 1, 4, ...)
            count = shape_of(own)[0]
            flat = np.reshape(own, (count * (n - 1), *shape_of(own)[2:]))
            rows = gather(flat, i + (n - 1) * np.arange(count))
        else:
            rows = gather(pieces, i)
        hc = columns(h, len(shape_of(rows)) - 2)
        y = ((rows[:, 0] * hc + rows[:, 1]) * hc + rows[:, 2]) * hc + rows[:, 3]
        lead = 1
    return y


def _body(values: Any, x: Any, *grid: Any, method: str, bounds_error: bool, fill_value: Any, nu: Any) -> Any:
    if method == "linear":
        y = _linear(values, grid, x)
    elif method == "nearest":
        y = _nearest(values, grid, x)
    elif method == "pchip":
        y = _pchip(values, grid, x)
    else:
        y = _spline(values, grid, x, DEGREES[method], nu)
    if not bounds_error and fill_value is not None:
        outside = False
        for d, g in enumerate(grid):
            outside = (x[:, d] < g[0]) | (x[:, d] > g[-1]) | outside
        y = np.where(columns(outside, len(shape_of(y)) - 1), fill_value, y)
    unknown = np.where(np.isnan(np.sum(x, axis=1)), np.nan, 0.0)
    return y + columns(unknown, len(shape_of(y)) - 1)


def _native(values: Any, x: Any, *grid: Any, method: str, bounds_error: bool, fill_value: Any, nu: Any) -> Any:
    f = interpolate.RegularGridInterpolator(grid, values, method, bounds_error, fill_value)
    return f(x) if nu is None else f(x, nu=nu)


grid_ = composite("scipy.interpolate.RegularGridInterpolator", _native, _body, batch=by_loop)


class RegularGridInterpolator:
    """:class:`scipy.interpolate.RegularGridInterpolator` whose values, grid points and arguments may be traced.

    Parameters
    ----------
    points, values, method, bounds_error, fill_value, solver, solver_args
        As SciPy's; with traced values or points the splines are computed by direct solves, whatever the ``solver``.

    Examples
    --------
    >>> import numpy as np, hoad, hoad.scipy.interpolate
    >>> x, y = np.arange(3.0), np.arange(4.0)
    >>> f = lambda v: hoad.scipy.interpolate.RegularGridInterpolator((x, y), v)([0.5, 2.25])[0]
    >>> hoad.grad(f)(np.zeros((3, 4)))[:2, 2:]
    array([[0.375, 0.125],
           [0.375, 0.125]])
    """

    def __init__(
        self,
        points: Any,
        values: Any,
        method: str = "linear",
        bounds_error: bool = True,
        fill_value: Any = np.nan,
        *,
        solver: Any = None,
        solver_args: Any = None,
    ) -> None:
        self._plain = None
        self.method, self.bounds_error, self.fill_value = method, bounds_error, fill_value
        if not is_traced(values, *points):
            self._plain = interpolate.RegularGridInterpolator(
                points, values, method, bounds_error, fill_value, solver=solver, solver_args=solver_args
            )
        elif method not in ("linear", "nearest", "pchip", *DEGREES):
            raise ValueError(f"Method '{method}' is not defined")
        values = as_array(values)
        values = values if peek(values).dtype.kind in "fc" else ops.astype(values, float)
        grid = []
        for axis, p in enumerate(points):
            p = as_float(p)
            plain = bare(p)
            rising = np.diff(plain, axis=-1) > 0
            if not rising.all():
                if (np.diff(plain, axis=-1) < 0).all():
                    p, values = p[::-1], np.flip(values, axis)
                else:
                    raise ValueError(f"The points in dimension {axis} must be strictly ascending or descending")
            if p.ndim != 1 or shape_of(p)[0] != shape_of(values)[axis]:
                raise ValueError(f"There are {shape_of(p)} points and {shape_of(values)[axis]} values along dimension {axis}")
            grid.append(p)
        self.grid, self.values = tuple(grid), values

    def __call__(self, xi: Any, method: Any = None, *, nu: Any = None) -> Any:
        """Values at ``xi`` of shape (..., dimensions)."""
        if self._plain is not None and not is_traced(xi):
            return self._plain(xi, method, nu=nu)
        method = self.method if method is None else method
        if method not in ("linear", "nearest", "pchip", *DEGREES):
            raise ValueError(f"Method '{method}' is not defined")
        if nu is not None and method not in DEGREES:
            raise ValueError(f"Can only compute derivatives for methods {sorted(DEGREES)}, got {method = }.")
        d = len(self.grid)
        if isinstance(xi, tuple):
            parts = ops.broadcast_arrays(*[as_float(p) for p in xi])
            xi = ops.stack(list(parts), -1)
        xi = as_float(xi)
        if xi.ndim == 1:
            xi = np.reshape(xi, (-1, 1) if d == 1 else (1, -1))
        if xi.shape[-1] != d:
            raise ValueError(
                f"The requested sample points xi have dimension {xi.shape[-1]} but this interpolator has dimension {d}"
            )
        if self.fill_value is not None and is_traced(self.fill_value):
            raise UnsupportedFunctionError.no_rule("RegularGridInterpolator with a traced fill_value", "; use np.where")
        y = grid_.bind(
            self.values,
            np.reshape(xi, (-1, d)),
            *self.grid,
            method=method,
            bounds_error=self.bounds_error,
            fill_value=self.fill_value,
            nu=None if nu is None else tuple(int(n) for n in nu),
        )
        return np.reshape(y, (*xi.shape[:-1], *shape_of(self.values)[d:]))


def interpn(points: Any, values: Any, xi: Any, method: str = "linear", bounds_error: bool = True, fill_value: Any = np.nan) -> Any:
    """:func:`scipy.interpolate.interpn`, in values, grid points and arguments."""
    if not is_traced(values, xi, *points):
        return interpolate.interpn(points, values, xi, method, bounds_error, fill_value)
    if method == "splinef2d":
        raise UnsupportedFunctionError.no_rule("interpn with method='splinef2d'", "; method='cubic' has one")
    return RegularGridInterpolator(points, values, method, bounds_error, fill_value)(xi)


expose(interpn, "scipy.interpolate.interpn", interpolate.interpn, "composite")
