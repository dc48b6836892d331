"""Signals from their descriptions: istft from a spectrogram, chirp from its frequencies; and the heights of peaks."""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np
import scipy.signal as ss

from hoad.core.box import Box, bare, ops, shape_of, strip
from hoad.core.kinds import composite, linear
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array
from hoad.rules.scipy.signal.spectra import Settings

__all__ = ["find_peaks"]

# -- overlapping segments -----------------------------------------------------------------------------------------------------


def _overlap_add(segments: Any, step: int) -> Any:
    count, size = segments.shape[-2:]
    y = np.zeros((*segments.shape[:-2], size + (count - 1) * step), segments.dtype)
    for k in range(count):
        y[..., k * step : k * step + size] += segments[..., k, :]
    return y


def _segments(x: Any, step: int, count: int, size: int) -> Any:
    return x[..., np.arange(count)[:, None] * step + np.arange(size)]


overlap_add_: Any = linear(
    "signal.overlap_add",
    _overlap_add,
    lambda g, shape, step: _segments(g, step, shape[-2], shape[-1]),
    batch=lambda prim, size, xs, flags, kw: prim.bind(xs[0], **kw),
)
"""The sum of segments (..., segments, samples) that begin ``step`` samples apart."""


def _istft_body(z: Any, s: Settings) -> Any:
    freq, time = (a % z.ndim for a in (s.freq_axis, s.time_axis))
    one_sided = bool(s.input_onesided)
    bins = shape_of(z)[freq]
    size = 2 * (bins - 1) if one_sided else bins
    nperseg = size if s.nperseg is None else int(s.nperseg)
    nfft = (nperseg if one_sided and nperseg == size + 1 else size) if s.nfft is None else int(s.nfft)
    step = nperseg - (nperseg // 2 if s.noverlap is None else int(s.noverlap))
    window = s.window.values if hasattr(s.window, "values") else s.window
    w = ss.get_window(window, nperseg) if isinstance(window, str | tuple) else np.asarray(window)
    rows = np.moveaxis(z, (time, freq), (-2, -1))
    pieces = (np.fft.irfft if one_sided else np.fft.ifft)(rows, n=nfft)[..., :nperseg]
    pieces = pieces * (w.sum() if s.scaling == "spectrum" else np.sqrt(s.fs * np.sum(w**2)))
    x = overlap_add_.bind(pieces * w, step=step)
    norm = _overlap_add(np.broadcast_to(w**2, (rows.shape[-2], nperseg)), step)
    if s.boundary:
        half = nperseg // 2
        x, norm = x[..., half : x.shape[-1] - half], norm[half : norm.size - half]
    x = x / np.where(norm > 1e-10, norm, 1.0)
    if x.ndim > 1 and time != z.ndim - 1:
        x = np.moveaxis(x, -1, time - 1 if freq < time else time)
    t = np.arange(norm.size) / float(s.fs)
    real = np.real(np.zeros((), z.dtype)).dtype
    return t, ops.astype(x, real if one_sided else np.result_type(real, np.complex64))


istft_ = composite("signal.istft", lambda z, s: s(z), _istft_body, multi=True)


def istft(*args: Any, **kwargs: Any) -> Any:
    bound = signature(ss.istft).bind(*args, **kwargs)
    bound.apply_defaults()
    keywords = dict(bound.arguments)
    z = as_array(keywords.pop("Zxx"))
    if z.ndim < 2:
        raise ValueError("Input stft must be at least 2d!")
    return istft_.bind(z, s=Settings(ss.istft, keywords))


# -- chirps -------------------------------------------------------------------------------------------------------------------


def _phase(t: Any, f0: Any, t1: Any, f1: Any, method: str, vertex_zero: bool) -> Any:
    if method in ("linear", "lin", "li"):
        return 2 * np.pi * (f0 * t + 0.5 * ((f1 - f0) / t1) * t * t)
    if method in ("quadratic", "quad", "q"):
        beta = (f1 - f0) / (t1 * t1)
        if vertex_zero:
            return 2 * np.pi * (f0 * t + beta * t**3 / 3)
        return 2 * np.pi * (f1 * t + beta * ((t1 - t) ** 3 - t1**3) / 3)
    if method in ("logarithmic", "log", "lo"):
        rate = np.log(f1 / f0) / t1
        return 2 * np.pi * f0 * t * _relative_growth(rate * t)
    place = f1 * t1 / (f1 - f0)
    return 2 * np.pi * (-place * f0) * np.log(np.abs(1 - t / place))


def _relative_growth(x: Any) -> Any:
    """(exp(x) - 1) / x, with its limit at 0."""
    zero = x == 0
    return np.where(zero, 1 + x / 2 + x * x / 6, np.expm1(x) / np.where(zero, 1.0, x))


def _chirp_body(t: Any, f0: Any, t1: Any, f1: Any, phi: Any, method: str, vertex_zero: bool, **kind: Any) -> Any:
    phase = _phase(t, f0, t1, f1, method, vertex_zero) + phi * (np.pi / 180)
    return np.exp(1j * phase) if kind.get("complex") else np.cos(phase)


chirp_ = composite(
    "signal.chirp",
    lambda t, f0, t1, f1, phi, method, vertex_zero, **kind: ss.chirp(
        t, float(f0), float(t1), float(f1), method, float(phi), vertex_zero, **kind
    ),
    _chirp_body,
)


def chirp(t: Any, f0: Any, t1: Any, f1: Any, method: str = "linear", phi: Any = 0, vertex_zero: bool = True, **kind: Any) -> Any:
    numbers = [as_array(v) for v in (t, f0, t1, f1, phi)]
    if method in ("hyperbolic", "hyp") and np.any(bare(numbers[1]) == bare(numbers[3])):
        detail = "; with equal frequencies its formula is a limit"
        raise UnsupportedFunctionError.no_rule("scipy.signal.chirp of equal frequencies with method='hyperbolic'", detail)
    return chirp_.bind(*numbers, method=method, vertex_zero=vertex_zero, **kind)


# -- peaks --------------------------------------------------------------------------------------------------------------------


def find_peaks(x: Any, *args: Any, **kwargs: Any) -> Any:
    """Positions, which do not depend smoothly on x, and properties, which do."""
    if not any(isinstance(v, Box) for v in (x, *args, *kwargs.values())):
        return ss.find_peaks(x, *args, **kwargs)
    bound = signature(ss.find_peaks).bind(x, *args, **kwargs)
    if any(isinstance(v, Box) for k, v in bound.arguments.items() if k != "x"):
        raise UnsupportedFunctionError.no_rule("scipy.signal.find_peaks with a traced condition", "; it has one in x")
    plain = strip(x)
    if shape_of(x) != plain.shape:
        raise UnsupportedFunctionError.no_rule(
            "scipy.signal.find_peaks of a batch", "; the number of peaks differs between signals"
        )
    peaks, found = ss.find_peaks(plain, *args, **kwargs)
    new: dict[str, Any] = dict(found)
    heights = x[peaks]
    if "peak_heights" in found:
        new["peak_heights"] = heights
    for side, step in (("left", -1), ("right", 1)):
        if f"{side}_thresholds" in found:
            new[f"{side}_thresholds"] = heights - x[peaks + step]
    if "prominences" in found:
        bases = np.maximum(x[found["left_bases"]], x[found["right_bases"]])
        new["prominences"] = heights - bases
    if "widths" in found:
        level = heights - new["prominences"] * bound.arguments.get("rel_height", 0.5)
        new["width_heights"] = level
        new["left_ips"] = _crossing(x, level, np.floor(found["left_ips"]).astype(int), found["left_ips"], 1)
        new["right_ips"] = _crossing(x, level, np.ceil(found["right_ips"]).astype(int), found["right_ips"], -1)
        new["widths"] = new["right_ips"] - new["left_ips"]
    return peaks, new


def _crossing(x: Any, level: Any, at: np.ndarray, value: np.ndarray, step: int) -> Any:
    """Where the signal crosses the level between a sample and its neighbour towards the peak."""
    inside = at != value
    rise = np.where(inside, x[np.where(inside, at + step, at)] - x[at], 1.0)
    return at + step * np.where(inside, (level - x[at]) / rise, 0.0)


expose(istft, "scipy.signal.istft", ss.istft, "composite")
expose(chirp, "scipy.signal.chirp", ss.chirp, "composite")
