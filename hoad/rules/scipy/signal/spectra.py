"""Spectral estimates: periodogram, welch, csd, coherence, spectrogram and stft.

SciPy gives the values; derivatives go through segments, window and transform.  Windows are fixed; frequencies and times are
constants.
"""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np
import scipy.signal as ss

from hoad.core.box import Box, ops, shape_of
from hoad.core.kinds import composite
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array
from hoad.rules.fft import fit_length, sized
from hoad.rules.scipy.ndimage.boundary import extend
from hoad.rules.scipy.signal.resampling import Held
from hoad.rules.scipy.signal.smoothing import detrend_

__all__: list[str] = []


class Settings:
    """The keywords of one call, with SciPy's own defaults."""

    def __init__(self, function: Any, keywords: dict[str, Any]) -> None:
        for name, value in keywords.items():
            if isinstance(value, Box):
                detail = "; it has one in the signal"
                raise UnsupportedFunctionError.no_rule(f"scipy.signal.{function.__name__} with traced {name}", detail)
        self.function = function
        self.keywords = keywords

    def __getattr__(self, name: str) -> Any:
        return self.keywords.get(name)

    def __call__(self, *xs: Any) -> Any:
        return self.function(*xs, **self.keywords)


def _window(s: Settings, n: int) -> tuple[np.ndarray, int]:
    """The window and the length of a segment."""
    if isinstance(s.window, str | tuple):
        size = min(256 if s.nperseg is None else int(s.nperseg), n)
        return ss.get_window(s.window, size), size
    w = np.asarray(s.window.values if isinstance(s.window, Held) else s.window)
    return w, w.size


def _trend_free(x: Any, how: Any) -> Any:
    if how is False or how is None:
        return x
    if how not in ("constant", "linear"):
        detail = "; 'constant' and 'linear' have one"
        raise UnsupportedFunctionError.no_rule("a spectral estimate with a function for detrend", detail)
    return detrend_.bind(x, axis=x.ndim - 1, type=how, bp=(0,))


def _spectra(x: Any, s: Settings, w: np.ndarray, step: int, nfft: int, one_sided: bool) -> Any:
    """Transforms of the windowed segments: (..., segments, frequencies)."""
    size = w.size
    count = (x.shape[-1] - size) // step + 1
    at = np.arange(count)[:, None] * step + np.arange(size)
    real = np.real(np.zeros((), x.dtype)).dtype
    segments = _trend_free(x[..., at], s.detrend) * w.astype(real)
    return np.fft.rfft(segments, n=nfft) if one_sided else np.fft.fft(segments, n=nfft)


def _layout(s: Settings, n: int, complex_: bool) -> tuple[np.ndarray, int, int, bool]:
    w, size = _window(s, n)
    overlap = s.noverlap
    if overlap is None:
        overlap = size // 8 if s.function is ss.spectrogram else 0 if s.function is ss.periodogram else size // 2
    nfft = size if s.nfft is None else int(s.nfft)
    return w, size - int(overlap), nfft, bool(s.return_onesided is not False) and not complex_


def _doubled(p: Any, nfft: int) -> Any:
    """One-sided densities stand for both signs of the frequency."""
    factor = np.full(p.shape[-1], 2.0, np.real(np.zeros((), p.dtype)).dtype)
    factor[0] = 1
    if nfft % 2 == 0:
        factor[-1] = 1
    return p * factor


def _scale(w: np.ndarray, s: Settings) -> float:
    fs = 1.0 if s.fs is None else s.fs
    density = s.scaling in (None, "density", "psd") and not (s.function is ss.stft and s.scaling in (None, "spectrum"))
    return float(1.0 / (fs * (w * w).sum()) if density else 1.0 / w.sum() ** 2)


def _last(x: Any, axis: int) -> Any:
    return np.moveaxis(x, axis, -1) if x.ndim > 1 else x


def _median(p: Any) -> Any:
    n = p.shape[-1]
    odd = 2 * np.arange(1.0, (n - 1) // 2 + 1)
    bias = 1 + np.sum(1.0 / (odd + 1) - 1.0 / odd)
    middle = np.median(np.real(p), axis=-1) + 1j * np.median(np.imag(p), axis=-1) if p.dtype.kind == "c" else np.median(p, axis=-1)
    return middle / bias


def _cross_density(x: Any, y: Any, s: Settings) -> Any:
    """Cross density of x and y (the same object for its own), averaged over the segments."""
    axis = -1 if s.axis is None else s.axis
    own = x is y
    x = _last(x, axis)
    y = x if own else _last(y, axis)
    n = max(x.shape[-1], y.shape[-1])
    if s.function is ss.periodogram and s.nfft is not None and s.nfft < n:
        n = int(s.nfft)
    x = x if x.shape[-1] == n else fit_length.bind(x, axis=x.ndim - 1, n=n)
    y = x if own else y if y.shape[-1] == n else fit_length.bind(y, axis=y.ndim - 1, n=n)
    complex_ = x.dtype.kind == "c" or y.dtype.kind == "c"
    if s.function is ss.periodogram:
        name = "boxcar" if s.window is None else s.window
        w = ss.get_window(name, n) if isinstance(name, str | tuple) else name.values
        step, nfft, one_sided = n, n if s.nfft is None else int(s.nfft), s.return_onesided is not False and not complex_
    else:
        w, step, nfft, one_sided = _layout(s, n, x.dtype.kind == "c")
    a = _spectra(x, s, w, step, nfft, one_sided)
    if own:
        p = np.real(a) ** 2 + np.imag(a) ** 2
    else:
        p = np.conjugate(a) * _spectra(y, s, w, step, nfft, one_sided)
    p = np.swapaxes(p * _scale(w, s), -1, -2)  # segments last
    if p.shape[-1] > 1:
        p = _median(p) if s.average == "median" else np.mean(p, axis=-1)
    else:
        p = p[..., 0]
    p = _doubled(p, nfft) if one_sided else p
    p = np.moveaxis(p, -1, axis) if p.ndim > 1 else p
    return ops.astype(p, np.result_type(x.dtype, y.dtype, np.complex64) if not own else np.real(np.zeros((), x.dtype)).dtype)


def _plain_axes(s: Settings, *xs: Any) -> Any:
    """Frequencies (and times) of the estimate, which depend on the shapes alone."""
    with np.errstate(all="ignore"):
        return s(*[np.ones(shape_of(x), x.dtype) for x in xs])[:-1]


own_density_ = composite(
    "signal.density", lambda x, s: s(x), lambda x, s: (*_plain_axes(s, x), _cross_density(x, x, s)), multi=True
)
cross_density_ = composite(
    "signal.cross_density", lambda x, y, s: s(x, y), lambda x, y, s: (*_plain_axes(s, x, y), _cross_density(x, y, s)), multi=True
)


def _coherence_body(x: Any, y: Any, s: Settings) -> Any:
    inner = Settings(ss.csd, {**s.keywords, "return_onesided": True, "scaling": "density", "average": "mean"})
    pxy = _cross_density(x, y, inner)
    power = np.real(pxy) ** 2 + np.imag(pxy) ** 2
    return (*_plain_axes(s, x, y), power / _cross_density(x, x, inner) / _cross_density(y, y, inner))


coherence_ = composite("signal.coherence", lambda x, y, s: s(x, y), _coherence_body, multi=True)

# -- in time and frequency ----------------------------------------------------------------------------------------------------

_BOUNDARY = {"even": "mirror", "constant": "nearest", "zeros": "constant"}


def _in_time(x: Any, s: Settings) -> Any:
    """The transforms of the segments, scaled: frequencies at the axis of the signal, segments last."""
    axis = -1 if s.axis is None else s.axis
    x = _last(x, axis)
    w, step, nfft, one_sided = _layout(s, x.shape[-1], x.dtype.kind == "c")
    size, last = w.size, x.ndim - 1
    if s.function is ss.stft:
        edge = size // 2
        if s.boundary == "odd":
            y = extend.bind(x, axis=last, before=edge, after=edge, mode="mirror")
            n = x.shape[-1]
            x = np.concatenate([2 * x[..., :1] - y[..., :edge], x, 2 * x[..., -1:] - y[..., n + edge :]], axis=-1)
        elif s.boundary is not None:
            x = extend.bind(x, axis=last, before=edge, after=edge, mode=_BOUNDARY[s.boundary])
        if s.padded:
            x = sized(x, last, x.shape[-1] + (-(x.shape[-1] - size) % step) % size)
    z = _spectra(x, s, w, step, nfft, one_sided)
    scale = _scale(w, s)
    if s.function is ss.spectrogram and s.mode == "psd":
        z = np.real(z) ** 2 + np.imag(z) ** 2
        z = _doubled(z, nfft) if one_sided else z
    else:
        scale = np.sqrt(scale)
    z = z * scale
    at = axis - 1 if axis < 0 else axis
    z = np.moveaxis(z, -1, at)
    if s.function is ss.spectrogram and s.mode != "psd":
        if s.mode == "magnitude":
            z = np.abs(z)
        elif s.mode in ("angle", "phase"):
            z = np.angle(z)
            z = np.unwrap(z, axis=at) if s.mode == "phase" else z
    return z


time_frequency_ = composite(
    "signal.time_frequency", lambda x, s: s(x), lambda x, s: (*_plain_axes(s, x), _in_time(x, s)), multi=True
)

# -- the functions of SciPy ---------------------------------------------------------------------------------------------------


def _function(name: str, prim: Any, signals: int) -> None:
    native = getattr(ss, name)
    names = list(signature(native).parameters)[:signals]

    def function(*args: Any, **kwargs: Any) -> Any:
        bound = signature(native).bind(*args, **kwargs)
        bound.apply_defaults()
        keywords = dict(bound.arguments)
        xs = [as_array(keywords.pop(k)) for k in names]
        if name == "csd" and keywords and args[1:2] and args[0] is args[1]:
            return own_density_.bind(xs[0], s=_same(Settings(native, keywords)))
        return prim.bind(*xs, s=Settings(native, keywords))

    expose(function, f"scipy.signal.{name}", native, "composite")


class _same(Settings):
    """csd of a signal with itself."""

    def __init__(self, s: Settings) -> None:
        super().__init__(s.function, s.keywords)

    def __call__(self, *xs: Any) -> Any:
        return self.function(xs[0], xs[0], **self.keywords)


for _name, _prim, _count in (
    ("welch", own_density_, 1), ("periodogram", own_density_, 1), ("csd", cross_density_, 2), ("coherence", coherence_, 2),
    ("spectrogram", time_frequency_, 1), ("stft", time_frequency_, 1),
):  # fmt: skip
    _function(_name, _prim, _count)
