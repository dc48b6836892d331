"""Discrete Fourier transforms: numpy.fft.

Each one-dimensional transform is linear; its transpose is the transform the other way with the normalisation exchanged.  A real
transform stores only half of the spectrum, so that its transpose weighs the bins: those that stand for two count twice.
Transforms along several axes are, as in NumPy, one after the other, so that an axis may be named more than once.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.backends import asarray, like
from hoad.core.box import ops, peek
from hoad.core.kinds import linear
from hoad.core.kinds.batching import shift_axis
from hoad.core.primitive import expose

__all__ = ["EXCHANGED", "as_complex", "bin_weights", "fit_length", "sized", "weighted"]

EXCHANGED = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}
"""Normalisation of the transform the other way that has the same factor."""

# -- lengths ------------------------------------------------------------------------------------------------------------------


def _fit_length(x: Any, axis: int, n: int) -> Any:
    old = x.shape[axis]
    before = (slice(None),) * axis
    if n <= old:
        return x[(*before, slice(0, n))]
    shape = list(x.shape)
    shape[axis] = n
    y = np.zeros_like(x, shape=tuple(shape))
    y[(*before, slice(0, old))] = x
    return y


fit_length: Any = linear(
    "fit_length", _fit_length, lambda g, shape, axis, n: fit_length.bind(g, axis=axis, n=shape[axis]), batch=shift_axis
)
"""Crop an axis at its end, or pad it with zeros, to length ``n``."""


def sized(x: Any, axis: int, n: int | None) -> Any:
    """``x`` with length ``n`` along ``axis``, as transforms take it."""
    if n is None or x.shape[axis] == n:
        return x
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    return fit_length.bind(x, axis=axis, n=n)


def as_complex(x: Any) -> Any:
    return x if x.dtype.kind == "c" else ops.astype(x, np.result_type(x.dtype, np.complex64))


# -- weights ------------------------------------------------------------------------------------------------------------------


def bin_weights(n: int, paired: float) -> np.ndarray:
    """One for the bins 0 and n/2 of a half spectrum of n samples, ``paired`` for those that stand for two."""
    w = np.full(n // 2 + 1, paired)
    w[0] = 1
    if n % 2 == 0:
        w[-1] = 1
    return w


def weighted(g: Any, weights: np.ndarray, axis: int) -> Any:
    """``g`` times weights along an axis, in the precision of ``g``; weights of powers of two change no digit."""
    plain = peek(g)
    real = np.real(np.zeros((), g.dtype)).dtype
    return g * like(weights.astype(real).reshape(-1, *(1,) * (g.ndim - 1 - axis)), plain)


# -- one axis -----------------------------------------------------------------------------------------------------------------

fft_: Any = linear(
    "fft",
    lambda x, axis, norm: np.fft.fft(x, axis=axis, norm=norm),
    lambda g, shape, axis, norm: ifft_.bind(g, axis=axis, norm=EXCHANGED[norm]),
    batch=shift_axis,
)
ifft_: Any = linear(
    "ifft",
    lambda x, axis, norm: np.fft.ifft(x, axis=axis, norm=norm),
    lambda g, shape, axis, norm: fft_.bind(g, axis=axis, norm=EXCHANGED[norm]),
    batch=shift_axis,
)
rfft_: Any = linear(
    "rfft",
    lambda x, axis, norm: np.fft.rfft(x, axis=axis, norm=norm),
    lambda g, shape, axis, norm: irfft_.bind(
        weighted(g, bin_weights(shape[axis], 0.5), axis), axis=axis, n=shape[axis], norm=EXCHANGED[norm]
    ),
    batch=shift_axis,
)
irfft_: Any = linear(
    "irfft",
    lambda x, axis, n, norm: np.fft.irfft(x, n=n, axis=axis, norm=norm),
    lambda g, shape, axis, n, norm: weighted(rfft_.bind(g, axis=axis, norm=EXCHANGED[norm]), bin_weights(n, 2.0), axis),
    batch=shift_axis,
)


def _place(a: Any, n: Any, axis: Any) -> tuple[Any, int | None, int]:
    a = asarray(a)
    return a, None if n is None else operator.index(n), np.lib.array_utils.normalize_axis_index(operator.index(axis), a.ndim)


def _fft(a: Any, n: Any, axis: Any, norm: Any) -> Any:
    a, n, axis = _place(a, n, axis)
    return fft_.bind(sized(a, axis, n), axis=axis, norm=norm)


def _ifft(a: Any, n: Any, axis: Any, norm: Any) -> Any:
    a, n, axis = _place(a, n, axis)
    return ifft_.bind(sized(a, axis, n), axis=axis, norm=norm)


def _rfft(a: Any, n: Any, axis: Any, norm: Any) -> Any:
    a, n, axis = _place(a, n, axis)
    return rfft_.bind(sized(a, axis, n), axis=axis, norm=norm)


def _irfft(a: Any, n: Any, axis: Any, norm: Any) -> Any:
    a, n, axis = _place(a, n, axis)
    n = (a.shape[axis] - 1) * 2 if n is None else n
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    return irfft_.bind(sized(as_complex(a), axis, n // 2 + 1), axis=axis, n=n, norm=norm)


def _hfft(a: Any, n: Any, axis: Any, norm: Any) -> Any:
    return _irfft(np.conjugate(asarray(a)), n, axis, _other_way(norm))


def _ihfft(a: Any, n: Any, axis: Any, norm: Any) -> Any:
    return np.conjugate(_rfft(a, n, axis, _other_way(norm)))


def _other_way(norm: Any) -> Any:
    if norm not in EXCHANGED:
        raise ValueError(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".')
    return EXCHANGED[norm]


# -- several axes -------------------------------------------------------------------------------------------------------------


def _lengths_and_axes(a: Any, s: Any, axes: Any, half: bool = False) -> tuple[list[int], list[int]]:
    """The length for each transformed axis, as NumPy reads ``s`` and ``axes``; ``half``: the last is that of a real result."""
    given = s is not None
    if axes is None:
        if given:
            warnings.warn("`axes` should not be `None` if `s` is not `None` (Deprecated in NumPy 2.0).", DeprecationWarning, 3)
            s = list(s)
        axes = range(-len(s), 0) if given else range(a.ndim)
    axes = [np.lib.array_utils.normalize_axis_index(operator.index(i), a.ndim) for i in axes]
    s = list(s) if given else [a.shape[i] for i in axes]
    if len(s) != len(axes):
        raise ValueError("Shape and axes have different lengths.")
    if half and not given:
        s[-1] = (a.shape[axes[-1]] - 1) * 2
    if None in s:
        warnings.warn("Passing an array containing `None` values to `s` is deprecated in NumPy 2.0.", DeprecationWarning, 3)
    full = [a.shape[i] for i in axes]
    default = [(m - 1) * 2 if half and k == len(axes) - 1 else m for k, m in enumerate(full)]
    return [default[k] if n is None else full[k] if n == -1 else operator.index(n) for k, n in enumerate(s)], axes


def _each(one: Callable[..., Any]) -> Callable[..., Any]:
    def transform(a: Any, s: Any, axes: Any, norm: Any) -> Any:
        a = asarray(a)
        s, axes = _lengths_and_axes(a, s, axes)
        for n, axis in zip(s[::-1], axes[::-1], strict=True):
            a = one(a, n, axis, norm)
        return a

    return transform


def _rfftn(a: Any, s: Any, axes: Any, norm: Any) -> Any:
    a = asarray(a)
    s, axes = _lengths_and_axes(a, s, axes)
    a = _rfft(a, s[-1], axes[-1], norm)
    for n, axis in zip(s[-2::-1], axes[-2::-1], strict=True):
        a = _fft(a, n, axis, norm)
    return a


def _irfftn(a: Any, s: Any, axes: Any, norm: Any) -> Any:
    a = asarray(a)
    s, axes = _lengths_and_axes(a, s, axes, half=True)
    for n, axis in zip(s[:-1], axes[:-1], strict=True):
        a = _ifft(a, n, axis, norm)
    return _irfft(a, s[-1], axes[-1], norm)


# -- the functions of NumPy ---------------------------------------------------------------------------------------------------


def _stored(out: Any, y: Any, a: Any) -> Any:
    return y if out is None else ops.store_out((out,), y, (a,))


def _along_axis(transform: Callable[..., Any]) -> Callable[..., Any]:
    def function(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
        return _stored(out, transform(a, n, axis, norm), a)

    return function


def _along_axes(transform: Callable[..., Any], default: Any) -> Callable[..., Any]:
    def function(a: Any, s: Any = None, axes: Any = default, norm: Any = None, out: Any = None) -> Any:
        return _stored(out, transform(a, s, axes, norm), a)

    return function


def _shift(direction: int) -> Callable[..., Any]:
    def shift(x: Any, axes: Any = None) -> Any:
        """The halves of each axis exchanged, so that the bin of frequency zero is in the middle (or first again)."""
        x = asarray(x)
        axes = tuple(range(x.ndim)) if axes is None else (axes,) if isinstance(axes, int | np.integer) else tuple(axes)
        by = tuple(x.shape[i] // 2 if direction > 0 else -(x.shape[i] // 2) for i in axes)
        return ops.roll(x, by, axes)

    return shift


for _name, _one in (("fft", _fft), ("ifft", _ifft), ("rfft", _rfft), ("irfft", _irfft), ("hfft", _hfft), ("ihfft", _ihfft)):
    expose(_along_axis(_one), f"numpy.fft.{_name}", getattr(np.fft, _name), "linear")
for _name, _all in (("fft", _each(_fft)), ("ifft", _each(_ifft)), ("rfft", _rfftn), ("irfft", _irfftn)):
    expose(_along_axes(_all, (-2, -1)), f"numpy.fft.{_name}2", getattr(np.fft, _name + "2"), "linear")
    expose(_along_axes(_all, None), f"numpy.fft.{_name}n", getattr(np.fft, _name + "n"), "linear")
expose(_shift(1), "numpy.fft.fftshift", np.fft.fftshift, "linear")
expose(_shift(-1), "numpy.fft.ifftshift", np.fft.ifftshift, "linear")
