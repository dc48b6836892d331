"""Filters that smooth and differentiate: Gaussian, Sobel, Prewitt, Laplace, and magnitudes of gradients.

Each is a sequence of correlations along one axis, as in SciPy, so that the values are SciPy's.  The standard deviation of a
Gaussian may be traced; the radius at which it is cut off is a whole number and does not move with it.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.ndimage as nd

from hoad.core.box import Box, bare, ops
from hoad.core.kinds import elementwise
from hoad.core.primitive import expose
from hoad.rules.arguments import as_array
from hoad.rules.scipy.ndimage.boundary import stored, target_dtype
from hoad.rules.scipy.ndimage.correlation import axes_of, correlate_along, per_axis

__all__ = ["gaussian_weights"]


def gaussian_weights(sigma: Any, order: int, radius: int) -> Any:
    """Samples of a Gaussian of unit sum times the polynomial of its derivative of the given order, as SciPy computes them."""
    if order < 0:
        raise ValueError("order must be non-negative")
    powers = np.arange(order + 1)
    sigma2 = sigma * sigma
    x = np.arange(-radius, radius + 1)
    phi = np.exp(-0.5 / sigma2 * x**2)
    phi = phi / phi.sum()
    if order == 0:
        return phi
    q: Any = np.zeros(order + 1)
    q[0] = 1
    step = np.diag(powers[1:], 1) + np.diag(np.ones(order), -1) / -sigma2
    for _ in range(order):
        q = np.dot(step, q)
    return np.dot(x[:, None] ** powers, q) * phi


def _radius(sigma: Any, truncate: float, radius: Any) -> int:
    """Where the kernel ends: found from the value of sigma alone, the largest one if it is mapped."""
    r = int(truncate * float(np.max(bare(sigma))) + 0.5) if radius is None else radius
    if not isinstance(r, numbers.Integral) or r < 0:
        raise ValueError("Radius must be a nonnegative integer.")
    return int(r)


def _gaussian_along(
    x: Any, sigma: Any, axis: int, order: int, mode: str, cval: Any, truncate: float, radius: Any, dtype: Any
) -> Any:
    sigma = sigma if isinstance(sigma, Box) else float(sigma)
    w = gaussian_weights(sigma, order, _radius(sigma, truncate, radius))[::-1]
    return correlate_along(x, w, (axis,), mode, cval, (0,), dtype, line=True)


def gaussian_filter1d(
    input: Any, sigma: Any, axis: int = -1, order: int = 0, output: Any = None, mode: str = "reflect", cval: Any = 0.0,
    truncate: float = 4.0, *, radius: Any = None,
) -> Any:  # fmt: skip
    x = as_array(input)
    axis = np.lib.array_utils.normalize_axis_index(axis, x.ndim)
    return stored(_gaussian_along(x, sigma, axis, order, mode, cval, truncate, radius, target_dtype(output, x)), output, input)


def _gaussian(x: Any, sigma: Any, order: Any, mode: Any, cval: Any, truncate: float, radius: Any, axes: Any, dtype: Any) -> Any:
    axes = axes_of(axes, x.ndim)
    rows = zip(axes, *[per_axis(v, len(axes)) for v in (sigma, order, mode, radius)], strict=True)
    for axis, s, k, m, r in rows:
        if np.max(bare(s)) > 1e-15:
            x = _gaussian_along(x, s, axis, k, m, cval, truncate, r, dtype)
    return x if x.dtype == dtype else ops.astype(x, dtype)


def gaussian_filter(
    input: Any, sigma: Any, order: Any = 0, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, truncate: float = 4.0, *,
    radius: Any = None, axes: Any = None,
) -> Any:  # fmt: skip
    x = as_array(input)
    return stored(_gaussian(x, sigma, order, mode, cval, truncate, radius, axes, target_dtype(output, x)), output, input)


# -- derivatives by differences -----------------------------------------------------------------------------------------------


def _edge_filter(smoothing: list[int]) -> Callable[..., Any]:
    def edges(input: Any, axis: int = -1, output: Any = None, mode: Any = "reflect", cval: Any = 0.0) -> Any:
        x = as_array(input)
        dtype, modes = target_dtype(output, x), per_axis(mode, x.ndim)
        axis = np.lib.array_utils.normalize_axis_index(axis, x.ndim)
        y = correlate_along(x, np.array([-1, 0, 1]), (axis,), modes[axis], cval, (0,), dtype, line=True)
        for i in range(x.ndim):
            if i != axis:
                y = correlate_along(y, np.array(smoothing), (i,), modes[i], cval, (0,), dtype, line=True)
        return stored(y, output, input)

    return edges


def _sum_over_axes(input: Any, second: Callable[..., Any], output: Any, mode: Any, axes: Any) -> Any:
    """Sum of second derivatives ``second(x, axis, mode, dtype)``."""
    x = as_array(input)
    dtype, axes = target_dtype(output, x), axes_of(axes, x.ndim)
    total = None
    for axis, m in zip(axes, per_axis(mode, len(axes)), strict=True):
        term = second(x, axis, m, dtype)
        total = term if total is None else total + term
    total = ops.astype(x, dtype) if total is None else total
    return stored(total, output, input)


def laplace(input: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, *, axes: Any = None) -> Any:
    def second(x: Any, axis: int, m: str, dtype: Any) -> Any:
        return correlate_along(x, np.array([1, -2, 1]), (axis,), m, cval, (0,), dtype, line=True)

    return _sum_over_axes(input, second, output, mode, axes)


def _smoothed_derivative(order: int, sigma: Any, cval: Any, axes: Any, truncate: float, radius: Any, rank: int) -> Any:
    axes = axes_of(axes, rank)

    def derivative(x: Any, axis: int, m: Any, dtype: Any) -> Any:
        orders = [order if i == axis else 0 for i in axes]
        return _gaussian(x, sigma, orders, m, cval, truncate, radius, axes, dtype)

    return derivative


def gaussian_laplace(
    input: Any, sigma: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, *, axes: Any = None,
    truncate: float = 4.0, radius: Any = None,
) -> Any:  # fmt: skip
    second = _smoothed_derivative(2, sigma, cval, axes, truncate, radius, as_array(input).ndim)
    return _sum_over_axes(input, second, output, mode, axes)


length_ = elementwise("ndimage.length", np.sqrt, lambda y, x: 0.5 * _reciprocal(y))
"""Square root of a sum of squares: a length, whose derivative at zero is zero by convention."""


def _reciprocal(y: Any) -> Any:
    return np.where(y == 0, 0.0, 1.0) / np.where(y == 0, 1.0, y)


def gaussian_gradient_magnitude(
    input: Any, sigma: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, *, axes: Any = None,
    truncate: float = 4.0, radius: Any = None,
) -> Any:  # fmt: skip
    x = as_array(input)
    first = _smoothed_derivative(1, sigma, cval, axes, truncate, radius, x.ndim)
    dtype, chosen = target_dtype(output, x), axes_of(axes, x.ndim)
    total = None
    for axis, m in zip(chosen, per_axis(mode, len(chosen)), strict=True):
        d = first(x, axis, m, dtype)
        total = d * d if total is None else total + d * d
    return stored(ops.astype(x, dtype) if total is None else length_.bind(total), output, input)


expose(gaussian_filter1d, "scipy.ndimage.gaussian_filter1d", nd.gaussian_filter1d, "composite")
expose(gaussian_filter, "scipy.ndimage.gaussian_filter", nd.gaussian_filter, "composite")
expose(gaussian_laplace, "scipy.ndimage.gaussian_laplace", nd.gaussian_laplace, "composite")
expose(gaussian_gradient_magnitude, "scipy.ndimage.gaussian_gradient_magnitude", nd.gaussian_gradient_magnitude, "composite")
expose(laplace, "scipy.ndimage.laplace", nd.laplace, "linear")
expose(_edge_filter([1, 2, 1]), "scipy.ndimage.sobel", nd.sobel, "linear")
expose(_edge_filter([1, 1, 1]), "scipy.ndimage.prewitt", nd.prewitt, "linear")
