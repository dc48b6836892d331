"""Trends, envelopes and local estimates: detrend, hilbert, savgol_filter, medfilt, order_filter, wiener, deconvolve."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import scipy.ndimage as nd
import scipy.signal as ss

from hoad.core.box import ops
from hoad.core.kinds import composite, linear
from hoad.core.kinds.batching import shift_axis
from hoad.core.primitive import expose
from hoad.rules.arguments import as_array
from hoad.rules.fft import sized
from hoad.rules.scipy.ndimage.correlation import correlate_along
from hoad.rules.scipy.ndimage.ranking import chosen
from hoad.rules.scipy.signal.convolution import convolve, correlate
from hoad.rules.scipy.signal.recursive import from_last, lfilter, to_last

__all__ = ["detrend_"]

# -- projections and rotations: transposed by themselves ----------------------------------------------------------------------

detrend_: Any = linear(
    "signal.detrend",
    lambda x, axis, type, bp: ss.detrend(x, axis, type, bp),
    lambda g, shape, **kw: detrend_.bind(g, **kw),
    batch=shift_axis,
)
"""What is left after a fit by least squares is an orthogonal projection: a symmetric matrix."""

hilbert_: Any = linear(
    "signal.hilbert",
    lambda x, axis: ss.hilbert(x, axis=axis),
    lambda g, shape, axis: np.real(g) - np.imag(hilbert_.bind(np.imag(g), axis=axis)),
    batch=shift_axis,
)
"""x + i H x with H antisymmetric."""


def detrend(data: Any, axis: int = -1, type: str = "linear", bp: Any = 0, overwrite_data: bool = False) -> Any:
    x = as_array(data)
    axis = np.lib.array_utils.normalize_axis_index(axis, x.ndim)
    return detrend_.bind(x, axis=axis, type=type, bp=tuple(np.ravel(bp).tolist()))


def hilbert(x: Any, N: Any = None, axis: int = -1) -> Any:  # SciPy's name
    x = as_array(x)
    axis = np.lib.array_utils.normalize_axis_index(axis, x.ndim)
    if x.dtype.kind == "c":
        raise ValueError("x must be real.")
    if N is not None and N <= 0:
        raise ValueError("N must be positive.")
    return hilbert_.bind(sized(x, axis, N), axis=axis)


expose(detrend, "scipy.signal.detrend", ss.detrend, "linear")
expose(hilbert, "scipy.signal.hilbert", ss.hilbert, "linear")

# -- Savitzky and Golay -------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _edge_matrix(window: int, order: int, deriv: int, delta: float) -> np.ndarray:
    """The first window // 2 values of the polynomial that fits ``window`` samples."""
    impulses = np.eye(window)
    return ss.savgol_filter(impulses, window, order, deriv, delta, axis=0)[: window // 2]


def _savgol_body(x: Any, window: int, order: int, deriv: int, delta: float, mode: str, cval: float) -> Any:
    w = ss.savgol_coeffs(window, order, deriv=deriv, delta=delta)[::-1]
    how = "constant" if mode == "interp" else mode
    y = correlate_along(x, w, (x.ndim - 1,), how, cval if mode == "constant" else 0.0, (-(window % 2 == 0),), x.dtype, line=True)
    if mode != "interp":
        return y
    half = window // 2
    if not half:
        return y
    first = _edge_matrix(window, order, deriv, delta).astype(x.dtype)
    last = (first * (-1.0) ** deriv)[::-1, ::-1].astype(x.dtype)
    ends = [np.matmul(x[..., :window], first.T), np.matmul(x[..., x.shape[-1] - window :], last.T)]
    return np.concatenate([ends[0], y[..., half : y.shape[-1] - half], ends[1]], axis=-1)


savgol_ = composite(
    "signal.savgol_filter",
    lambda x, window, order, deriv, delta, mode, cval: ss.savgol_filter(x, window, order, deriv, delta, -1, mode, cval),
    _savgol_body,
)


def savgol_filter(
    x: Any, window_length: int, polyorder: int, deriv: int = 0, delta: float = 1.0, axis: int = -1, mode: str = "interp",
    cval: float = 0.0,
) -> Any:  # fmt: skip
    x = as_array(x)
    x = x if x.dtype in (np.float32, np.float64) else ops.astype(x, float)
    axis = np.lib.array_utils.normalize_axis_index(axis, x.ndim)
    if mode == "interp" and window_length > x.shape[axis]:
        raise ValueError("If mode is 'interp', window_length must be less than or equal to the size of x.")
    y = savgol_.bind(
        to_last(x, axis), window=int(window_length), order=polyorder, deriv=deriv, delta=delta, mode=mode, cval=float(cval)
    )
    return from_last(y, axis)


expose(savgol_filter, "scipy.signal.savgol_filter", ss.savgol_filter, "linear")

# -- ranks and local moments --------------------------------------------------------------------------------------------------


def _rank_inputs(x: Any) -> Any:
    x = as_array(x)
    if x.dtype.kind == "c":
        raise ValueError(f"dtype={x.dtype} is not supported by median and order filters")
    return x


def medfilt(volume: Any, kernel_size: Any = None) -> Any:
    return chosen(_rank_inputs(volume), None, 0.0, lambda v, c: _rank(v, c, kernel_size))


def _rank(v: Any, c: Any, kernel_size: Any) -> Any:
    """SciPy's function; on ranks, whose constant is not zero, the filter that it is made of."""
    if c == 0.0:
        return ss.medfilt(v, kernel_size)
    size = np.broadcast_to(3 if kernel_size is None else np.asarray(kernel_size), (v.ndim,))
    return nd.rank_filter(v, int(np.prod(size)) // 2, size=tuple(map(int, size)), mode="constant", cval=c)


def medfilt2d(input: Any, kernel_size: Any = 3) -> Any:
    def apply(v: Any, c: Any) -> Any:
        return ss.medfilt2d(v, kernel_size) if c == 0.0 else _rank(v, c, kernel_size)

    return chosen(_rank_inputs(input), None, 0.0, apply)


def order_filter(a: Any, domain: Any, rank: int) -> Any:
    domain = np.asarray(domain)

    def apply(v: Any, c: Any) -> Any:
        if c == 0.0:
            return ss.order_filter(v, domain, rank)
        return nd.rank_filter(v, rank, footprint=domain, mode="constant", cval=c)

    return chosen(_rank_inputs(a), None, 0.0, apply)


for _f in (medfilt, medfilt2d, order_filter):
    expose(_f, f"scipy.signal.{_f.__name__}", getattr(ss, _f.__name__), "selecting")


def wiener(im: Any, mysize: Any = None, noise: Any = None) -> Any:
    im = as_array(im)
    size = tuple(int(n) for n in np.broadcast_to(3 if mysize is None else np.asarray(mysize), (im.ndim,)))
    count, ones = float(np.prod(size)), np.ones(size)
    mean = correlate(im, ones, "same") / count
    variance = correlate(im**2, ones, "same") / count - mean**2
    noise = np.mean(np.ravel(variance)) if noise is None else noise
    reduced = (im - mean) * (1 - noise / variance) + mean
    return np.where(variance < noise, mean, reduced)


def deconvolve(signal: Any, divisor: Any) -> Any:
    num, den = np.atleast_1d(as_array(signal)), np.atleast_1d(as_array(divisor))
    if num.ndim != 1 or not num.size or den.ndim != 1 or not den.size:
        raise ValueError("Parameters signal and divisor must be non-empty 1d arrays")
    n, d = num.shape[0], den.shape[0]
    if d > n:
        return [], num
    impulse = np.zeros(n - d + 1)
    impulse[0] = 1
    quotient = lfilter(num, den, impulse)
    return quotient, num - convolve(den, quotient, mode="full")


expose(wiener, "scipy.signal.wiener", ss.wiener, "composite")
expose(deconvolve, "scipy.signal.deconvolve", ss.deconvolve, "composite")
