"""Splines on a grid: the prefilter that turns samples into coefficients, and the taps that evaluate them between grid points.

The prefilter is the inverse of a banded matrix whose transpose is known: symmetric for half-sample reflection and periodic
continuation, symmetric up to the weights of the two ends for whole-sample reflection.  It is therefore transposed by itself.
Source: Unser, Splines: a perfect fit for signal and image processing, IEEE Signal Process. Mag. 16 (1999); the matrices are
those of uniform B-splines (de Boor, A Practical Guide to Splines, 1978).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import scipy.ndimage as nd

from hoad.core.box import ops
from hoad.core.kinds import linear
from hoad.core.kinds.batching import shift_axis
from hoad.core.primitive import expose
from hoad.rules.arguments import as_array
from hoad.rules.fft import weighted
from hoad.rules.scipy.ndimage.boundary import continued, extend, stored, target_dtype

__all__ = ["PADDING", "basis", "coefficients", "spline_filter_", "taps"]

PADDING = 12
"""Entries that SciPy adds at each end where no prefilter matches the continuation."""

_SYMMETRIC = {"reflect", "grid-mirror", "nearest", "grid-wrap"}
"""Modes whose prefilter is a symmetric matrix; that of the others reflects about the outermost samples."""


def _end_weights(n: int, w: float) -> np.ndarray:
    weights = np.ones(n)
    weights[[0, -1]] = w
    return weights


_SHORT = 24
"""SciPy starts the recursion for half-sample reflection with a sum that it cuts off: on axes up to this length its matrix is
measurably not symmetric, so that its own transpose is taken there."""


@lru_cache(maxsize=128)
def _matrix(n: int, order: int, mode: str) -> np.ndarray:
    return nd.spline_filter1d(np.eye(n), order, axis=0, mode=mode)


def _pull(g: Any, shape: Any, axis: int, order: int, mode: str) -> Any:
    n = shape[axis]
    if 1 < n <= _SHORT and mode in ("reflect", "grid-mirror", "nearest"):
        m = _matrix(n, order, mode).astype(np.real(np.zeros((), g.dtype)).dtype)
        return np.moveaxis(np.matmul(np.moveaxis(g, axis, -1), m), -1, axis)
    if mode in _SYMMETRIC or n == 1:
        return spline_filter_.bind(g, axis=axis, order=order, mode=mode)
    g = spline_filter_.bind(weighted(g, _end_weights(n, 2.0), axis), axis=axis, order=order, mode=mode)
    return weighted(g, _end_weights(n, 0.5), axis)


spline_filter_: Any = linear(
    "ndimage.spline_filter1d",
    lambda x, axis, order, mode: nd.spline_filter1d(x, order, axis, output=x.dtype, mode=mode),
    _pull,
    batch=shift_axis,
)


def _double(x: Any) -> Any:
    return ops.astype(x, complex if x.dtype.kind == "c" else float)


def coefficients(x: Any, order: int, mode: str, prefilter: bool, axes: tuple[int, ...]) -> tuple[Any, int]:
    """Spline coefficients of ``x`` along ``axes`` in double precision, and by how much they begin earlier."""
    x = _double(x)
    if not prefilter or order < 2:
        return x, 0
    padding = PADDING if mode in ("nearest", "grid-constant") else 0
    for axis in axes if padding else ():
        how = "nearest" if mode == "nearest" else "constant"
        x = extend.bind(x, axis=axis, before=padding, after=padding, mode=how)
    for axis in axes:
        x = spline_filter_.bind(x, axis=axis, order=order, mode=mode)
    return x, padding


def basis(u: Any, order: int) -> list[Any]:
    """The order + 1 uniform B-splines that are not zero at the fraction u of a knot interval (Cox-de Boor recursion)."""
    w: list[Any] = [1.0]
    for k in range(1, order + 1):
        raised = [(1 - u) * (1 / k) * w[0]]
        raised += [((k - j + u) * w[j - 1] + (j + 1 - u) * w[j]) * (1 / k) for j in range(1, k)]
        w = [*raised, u * (1 / k) * w[-1]]
    return w


def _folded(x: Any, n: int, mode: str) -> Any:
    """Coordinates inside the image that those outside it are reflections of, by SciPy's steps."""
    if mode in ("reflect", "grid-mirror") and n > 1:
        period = 2 * n
        low = np.where(x < -period, period * np.floor(-x / period) + x, x)
        low = np.where(low < -n, low + period, np.where(low > -1e-15, 1e-15, -low) - 1)
        high = x - period * np.floor(x / period)
        high = np.where(high >= n, period - high - 1, high)
    elif mode == "mirror" and n > 1:
        period = 2 * n - 2
        low = period * np.floor(-x / period) + x
        low = np.where(low <= 1 - n, low + period, -low)
        high = x - period * np.floor(x / period)
        high = np.where(high >= n, period - high, high)
    else:
        return x
    return np.where(x < 0, low, np.where(x > n - 1, high, x))


def taps(x: Any, n: int, order: int, mode: str) -> tuple[list[Any], list[Any], Any]:
    """Positions and weights of the order + 1 coefficients, of n, that make up the spline at coordinates x; and where x is outside.

    The third is None for the modes that continue the spline.  Positions and ``outside`` do not depend smoothly on x.
    """
    outside = None
    if mode == "constant":
        outside = np.logical_or(x < 0, x > n - 1)
    elif mode == "wrap" and n > 1:  # period n - 1: both ends are the same point
        period = n - 1
        turns = np.where(x < 0, np.floor(-x / period) + 1, np.where(x > period, -np.floor(x / period), 0.0))
        x = x + period * turns
    elif order == 0:  # which of two neighbours is the nearest is decided on the folded coordinate
        x = _folded(x, n, mode)
    x = x + 0.5 if order % 2 == 0 else x
    start = np.floor(x)
    u = x - start
    first = start.astype(int) - order // 2
    how = {"reflect": "reflect", "grid-mirror": "reflect", "grid-wrap": "wrap", "nearest": "nearest"}.get(mode, "mirror")
    how = "constant" if mode == "grid-constant" else how
    at = [continued(first + j, n, how) for j in range(order + 1)]
    w = basis(u, order)
    if mode == "grid-constant":
        w = [np.where(i < 0, 0.0, v) for i, v in zip(at, w, strict=True)]
        at = [np.where(i < 0, 0, i) for i in at]
    return at, w, outside


# -- the functions of SciPy ---------------------------------------------------------------------------------------------------


def _checked_order(order: int) -> None:
    if order < 0 or order > 5:
        raise RuntimeError("spline order not supported")


def _filtered(x: Any, order: int, axis: int, dtype: Any, mode: str) -> Any:
    wide = np.promote_types(x.dtype, dtype)
    x = x if x.dtype == wide else ops.astype(x, wide)
    y = spline_filter_.bind(x, axis=axis, order=order, mode=mode) if order > 1 else x
    return y if y.dtype == dtype else ops.astype(y, dtype)


def spline_filter1d(input: Any, order: int = 3, axis: int = -1, output: Any = np.float64, mode: str = "mirror") -> Any:
    _checked_order(order)
    x = as_array(input)
    axis = np.lib.array_utils.normalize_axis_index(axis, x.ndim)
    return stored(_filtered(x, order, axis, target_dtype(output, x), mode), output, input)


def spline_filter(input: Any, order: int = 3, output: Any = np.float64, mode: str = "mirror") -> Any:
    if order < 2 or order > 5:
        raise RuntimeError("spline order not supported")
    x = as_array(input)
    dtype = target_dtype(output, x)
    y = ops.astype(x, dtype) if not x.ndim else x
    for axis in range(x.ndim):
        y = _filtered(y, order, axis, dtype, mode)
    return stored(y, output, input)


expose(spline_filter1d, "scipy.ndimage.spline_filter1d", nd.spline_filter1d, "linear")
expose(spline_filter, "scipy.ndimage.spline_filter", nd.spline_filter, "linear")
