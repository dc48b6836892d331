"""Other sampling rates: upfirdn, resample_poly, resample and decimate.

A filter between two rates is transposed by the reversed filter between the exchanged rates, at the same cost.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import scipy.fft
import scipy.signal as ss

from hoad.core.box import Box, ops, shape_of
from hoad.core.kinds import composite, linear
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array
from hoad.rules.fft import fit_length
from hoad.rules.scipy.ndimage.boundary import extend
from hoad.rules.scipy.signal.cascades import filtfilt, sosfilt, sosfiltfilt
from hoad.rules.scipy.signal.recursive import from_last, lfilter, to_last

__all__: list[str] = []

# -- up, filter, down ---------------------------------------------------------------------------------------------------------


class Rates:
    """A fixed filter between two sampling rates, along the last axis."""

    def __init__(self, h: np.ndarray, up: int, down: int) -> None:
        self.h, self.up, self.down = h, up, down

    def __call__(self, x: Any) -> Any:
        return ss.upfirdn(self.h, x, self.up, self.down)

    def transposed(self) -> tuple[Rates, int]:
        """The filter the other way, and the number of leading samples to leave out of its result."""
        missing = -(len(self.h) - 1) % self.up
        h = np.conj(np.concatenate([self.h, np.zeros(missing, self.h.dtype)]))[::-1]
        return Rates(h, self.down, self.up), (len(h) - 1) // self.up


def _pull(g: Any, shape: Any, rates: Rates) -> Any:
    other, skip = rates.transposed()
    y = upfirdn_.bind(g, rates=other)[..., skip:]
    return fit_length.bind(y, axis=y.ndim - 1, n=shape[-1])


upfirdn_: Any = linear(
    "signal.upfirdn", lambda x, rates: rates(x), _pull, batch=lambda prim, size, xs, flags, kw: prim.bind(xs[0], **kw)
)


def _length(n: int, taps: int, up: int, down: int) -> int:
    return ((n - 1) * up + taps - 1) // down + 1


def _polyphase(h: Any, x: Any, up: int, down: int) -> Any:
    """The taps and the samples that meet in each sample of the result, as arrays of indices."""
    taps, n = h.shape[0], x.shape[-1]
    t = np.arange(_length(n, taps, up, down)) * down
    q = np.arange(-(-taps // up))
    j, k = (t % up)[:, None] + q * up, (t // up)[:, None] - q
    j, k = np.where(j < taps, j, taps), np.where((k >= 0) & (k < n), k, n)
    h = fit_length.bind(h, axis=0, n=taps + 1)[j]
    x = fit_length.bind(x, axis=x.ndim - 1, n=n + 1)[..., k]
    return np.einsum("...nq,nq->...n", x, h, optimize=True)


traced_taps_ = composite("signal.upfirdn_taps", lambda h, x, up, down: ss.upfirdn(h, x, up, down), _polyphase)

_CONTINUED = {"symmetric": "reflect", "reflect": "mirror", "edge": "nearest", "wrap": "wrap"}


def _with_continuation(h: Any, x: Any, up: int, down: int, mode: str) -> Any:
    n = x.shape[-1]
    step = down // math.gcd(up, down)
    beyond = math.ceil(math.ceil(h.shape[0] / up) / step) * step
    y = _run(h, extend.bind(x, axis=x.ndim - 1, before=beyond, after=beyond, mode=_CONTINUED[mode]), up, down)
    start = beyond * up // down
    return y[..., start : start + _length(n, h.shape[0], up, down)]


continued_ = composite(
    "signal.upfirdn_continued", lambda h, x, up, down, mode: ss.upfirdn(h, x, up, down, mode=mode), _with_continuation
)


def _run(h: Any, x: Any, up: int, down: int) -> Any:
    if isinstance(h, Box):
        return traced_taps_.bind(h, x, up=up, down=down)
    return upfirdn_.bind(x, rates=Rates(np.array(h), up, down))


def upfirdn(h: Any, x: Any, up: int = 1, down: int = 1, axis: int = -1, mode: str = "constant", cval: Any = 0) -> Any:
    h, x = as_array(h), as_array(x)
    if h.ndim != 1 or not h.size:
        raise ValueError("h must be 1-D with non-zero length")
    up, down = int(up), int(down)
    if up < 1 or down < 1:
        raise ValueError("Both up and down must be >= 1")
    dtype = np.result_type(h.dtype, x.dtype, np.float32)
    h, x = (v if v.dtype == dtype else ops.astype(v, dtype) for v in (h, x))
    axis = np.lib.array_utils.normalize_axis_index(axis, x.ndim)
    line = to_last(x, axis)
    if mode == "constant" and not isinstance(cval, Box) and cval == 0:
        return from_last(_run(h, line, up, down), axis)
    if mode not in _CONTINUED:
        detail = f"; it has one for the constant 0 and the modes {', '.join(sorted(_CONTINUED))}"
        raise UnsupportedFunctionError.no_rule(f"scipy.signal.upfirdn with mode={mode!r} and this cval", detail)
    return from_last(continued_.bind(h, line, up=up, down=down, mode=mode), axis)


# -- rational rates -----------------------------------------------------------------------------------------------------------

_BACKGROUND: dict[str, Any] = {"mean": np.mean, "median": np.median, "minimum": np.min, "maximum": np.max}


def _rational_body(x: Any, up: int, down: int, window: Any, padtype: str) -> Any:
    common = math.gcd(up, down)
    up, down = up // common, down // common
    if up == down == 1:
        return x
    n = x.shape[-1]
    n_out = -(-n * up // down)
    if isinstance(window, Held):
        h, half = window.values, (window.values.size - 1) // 2
    else:
        rate = max(up, down)
        half = 10 * rate
        h = ss.firwin(2 * half + 1, 1.0 / rate, window=window)
    h = (h * up).astype(np.result_type(h, x.dtype) if isinstance(window, Held) else x.dtype)
    before = down - half % down
    skip = (half + before) // down
    after = 0
    while _length(n, h.size + before + after, up, down) < n_out + skip:
        after += 1
    h = np.concatenate([np.zeros(before, h.dtype), h, np.zeros(after, h.dtype)])
    background = _BACKGROUND[padtype](x, axis=-1, keepdims=True) if padtype in _BACKGROUND else None
    x = x if background is None else x - background
    y = _run(h, x, up, down) if padtype == "constant" or background is not None else _with_continuation(h, x, up, down, padtype)
    y = y[..., skip : skip + n_out]
    return y if background is None else y + background


class Held:
    """An array that is a keyword."""

    def __init__(self, values: Any) -> None:
        self.values = np.array(values)


rational_ = composite(
    "signal.resample_poly",
    lambda x, up, down, window, padtype: ss.resample_poly(
        x, up, down, axis=-1, window=window.values if isinstance(window, Held) else window, padtype=padtype
    ),
    _rational_body,
)


def resample_poly(
    x: Any, up: int, down: int, axis: int = 0, window: Any = ("kaiser", 5.0), padtype: str = "constant", cval: Any = None
) -> Any:
    if isinstance(window, Box):
        raise UnsupportedFunctionError.no_rule("scipy.signal.resample_poly with a traced window", "; upfirdn has one in its taps")
    if isinstance(cval, Box) or cval or padtype not in ("constant", *_BACKGROUND, *_CONTINUED):
        raise UnsupportedFunctionError.no_rule(f"scipy.signal.resample_poly with padtype={padtype!r} and cval={cval!r}")
    if up != int(up) or down != int(down):
        raise ValueError("up and down must be integers")
    if up < 1 or down < 1:
        raise ValueError("up and down must be >= 1")
    x = as_array(x)
    axis = np.lib.array_utils.normalize_axis_index(axis, x.ndim)
    window = Held(window) if isinstance(window, list | np.ndarray) else window
    y = rational_.bind(to_last(x, axis), up=int(up), down=int(down), window=window, padtype=padtype)
    return from_last(y, axis)


def decimate(x: Any, q: int, n: Any = None, ftype: Any = "iir", axis: int = -1, zero_phase: bool = True) -> Any:
    x, q = as_array(x), operator.index(q)
    axis = np.lib.array_utils.normalize_axis_index(axis, x.ndim)
    every = (*(slice(None),) * axis, slice(None, None, q))
    if ftype == "iir":
        sos = np.asarray(ss.cheby1(8 if n is None else operator.index(n), 0.05, 0.8 / q, output="sos"), x.dtype)
        return (sosfiltfilt if zero_phase else sosfilt)(sos, x, axis=axis)[every]
    if ftype == "fir":
        b = np.asarray(ss.firwin((20 * q if n is None else operator.index(n)) + 1, 1.0 / q, window="hamming"), x.dtype)
        if zero_phase:
            return resample_poly(x, 1, q, axis=axis, window=b)
        return upfirdn(b, x, 1, q, axis=axis)[(*(slice(None),) * axis, slice(None, -(-x.shape[axis] // q)))]
    if not isinstance(ftype, ss.dlti):
        raise ValueError("invalid ftype")
    system = ftype.to_tf()
    return (filtfilt if zero_phase else lfilter)(system.num, system.den, x, axis=axis)[every]


# -- by Fourier transforms ----------------------------------------------------------------------------------------------------


def _spectral_window(window: Any, n: int) -> Any:
    if window is None:
        return None
    if callable(window):
        return np.asarray(window(scipy.fft.fftfreq(n)))
    return window.values if isinstance(window, Held) else scipy.fft.fftshift(ss.get_window(window, n))


def _resample_body(x: Any, num: int, window: Any, domain: str) -> Any:
    n = x.shape[-1]
    m = min(n, num)
    half = m // 2 + 1
    w = _spectral_window(window, n)
    last = x.ndim - 1
    if domain == "time" and x.dtype.kind != "c":
        spectrum = np.fft.rfft(x)
        if w is not None:
            bins = spectrum.shape[-1]
            w = np.array(w, float)
            w[1:bins] = (w[1:bins] + w[-bins + 1 :][::-1]) / 2
            spectrum = spectrum * w[:bins]
        spectrum = spectrum[..., :half]
        if m % 2 == 0 and num != n:  # one bin stands for the pair, or for itself
            factor = np.ones(half)
            factor[m // 2] = 2.0 if num < n else 0.5
            spectrum = spectrum * factor
        return ops.astype(np.fft.irfft(spectrum * (num / n), n=num), x.dtype)
    spectrum = np.fft.fft(x) if domain == "time" else x
    spectrum = spectrum if w is None else spectrum * w
    positive = fit_length.bind(spectrum[..., :half], axis=last, n=num)
    negative = spectrum[..., half - m :] if half < m else spectrum[..., :0]
    y = positive + extend.bind(negative, axis=last, before=num - negative.shape[-1], after=0, mode="constant")
    if m % 2 == 0 and num != n:
        factor = np.ones(num)
        at = num - m // 2
        if num < n:
            y = y + extend.bind(spectrum[..., n - m // 2 :][..., :1], axis=last, before=at, after=num - at - 1, mode="constant")
        else:
            factor[m // 2] = 0.5
            y = y * factor
            pair = y[..., m // 2 : m // 2 + 1] - y[..., at : at + 1]
            y = y + extend.bind(pair, axis=last, before=at, after=num - at - 1, mode="constant")
    return ops.astype(np.fft.ifft(y * (num / n)), np.result_type(x.dtype, np.complex64))


resample_ = composite(
    "signal.resample",
    lambda x, num, window, domain: ss.resample(
        x, num, axis=-1, window=window.values if isinstance(window, Held) else window, domain=domain
    ),
    _resample_body,
)


def resample(x: Any, num: int, t: Any = None, axis: int = 0, window: Any = None, domain: str = "time") -> Any:
    if domain not in ("time", "freq"):
        raise ValueError(f"Parameter domain={domain!r} not in ('time', 'freq')!")
    if isinstance(window, Box):
        raise UnsupportedFunctionError.no_rule("scipy.signal.resample with a traced window", "; it has one in the signal")
    x = as_array(x)
    axis = np.lib.array_utils.normalize_axis_index(axis, x.ndim)
    n = shape_of(x)[axis]
    window = Held(window) if hasattr(window, "shape") else window
    y = from_last(resample_.bind(to_last(x, axis), num=operator.index(num), window=window, domain=domain), axis)
    return y if t is None else (y, t[0] + (t[1] - t[0]) * (n / num) * np.arange(num))


for _f in (upfirdn, resample_poly, decimate, resample):
    expose(_f, f"scipy.signal.{_f.__name__}", getattr(ss, _f.__name__), "multilinear" if _f is upfirdn else "composite")
