"""Fast transforms of scipy.fft: Fourier, cosine, sine and Hankel.

Every transform is linear and is transposed by a transform of the same cost.  Real Fourier transforms weigh the bins of their half
spectrum; cosine and sine transforms of types 2 and 3 are each other's transposes up to the weight of the first (last) entry,
type 1 of the cosines up to the weights of both ends, and the rest are symmetric matrices, as is the logarithmic Hankel transform.
Source: Makhoul, A fast cosine transform in one and two dimensions, IEEE Trans. ASSP 28 (1980), for the matrices; Hamilton,
Mon. Not. R. Astron. Soc. 312 (2000), for the Hankel transform.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.fft

from hoad.core.box import Box, functions
from hoad.core.kinds import linear
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array
from hoad.rules.fft import EXCHANGED, as_complex, bin_weights, fit_length, weighted

__all__: list[str] = []


def _shift_axes(prim: Any, size: int, xs: Any, flags: Any, kw: dict[str, Any]) -> Any:
    return prim.bind(*xs, **{**kw, "axes": tuple(a + 1 for a in kw["axes"])})


# -- Fourier ------------------------------------------------------------------------------------------------------------------


def _complex_transform(name: str, native: Callable[..., Any], other: str) -> None:
    def transpose(g: Any, shape: Any, axes: Any, norm: Any, workers: Any) -> Any:
        return _FOURIER[other].bind(as_complex(g), axes=axes, norm=EXCHANGED[norm], workers=workers)

    _FOURIER[name] = linear(
        f"scipy.fft.{name}",
        lambda x, axes, norm, workers: native(x, axes=axes, norm=norm, workers=workers),
        transpose,
        batch=_shift_axes,
    )


def _to_half_spectrum(name: str, native: Callable[..., Any], other: str) -> None:
    def transpose(g: Any, shape: Any, axes: Any, norm: Any, workers: Any) -> Any:
        n = shape[axes[-1]]
        g = weighted(g, bin_weights(n, 0.5), axes[-1])
        return _FOURIER[other].bind(g, axes=axes, n=n, norm=EXCHANGED[norm], workers=workers)

    _FOURIER[name] = linear(
        f"scipy.fft.{name}",
        lambda x, axes, norm, workers: native(x, axes=axes, norm=norm, workers=workers),
        transpose,
        batch=_shift_axes,
    )


def _from_half_spectrum(name: str, native: Callable[..., Any], other: str) -> None:
    def value(x: Any, axes: Any, n: int, norm: Any, workers: Any) -> Any:
        return native(x, s=(*[x.shape[i] for i in axes[:-1]], n), axes=axes, norm=norm, workers=workers)

    def transpose(g: Any, shape: Any, axes: Any, n: int, norm: Any, workers: Any) -> Any:
        g = _FOURIER[other].bind(g, axes=axes, norm=EXCHANGED[norm], workers=workers)
        return weighted(g, bin_weights(n, 2.0), axes[-1])

    _FOURIER[name] = linear(f"scipy.fft.{name}", value, transpose, batch=_shift_axes)


_FOURIER: dict[str, Any] = {}
_complex_transform("fft", scipy.fft.fftn, "ifft")
_complex_transform("ifft", scipy.fft.ifftn, "fft")
_to_half_spectrum("rfft", scipy.fft.rfftn, "irfft")
_from_half_spectrum("irfft", scipy.fft.irfftn, "rfft")
_from_half_spectrum("hfft", scipy.fft.hfftn, "ihfft")
_to_half_spectrum("ihfft", scipy.fft.ihfftn, "hfft")


def _lengths_and_axes(x: Any, s: Any, axes: Any) -> tuple[list[int | None], tuple[int, ...]]:
    """The length asked for (or None) along each transformed axis, as SciPy reads ``s`` and ``axes``."""
    if axes is not None:
        named: list[Any] = [axes] if isinstance(axes, int | np.integer) else list(axes)
        chosen: list[int] = [np.lib.array_utils.normalize_axis_index(operator.index(i), x.ndim) for i in named]
    if s is None:
        chosen = list(range(x.ndim)) if axes is None else chosen
        lengths: list[int | None] = [None] * len(chosen)
    else:
        s = [s] if isinstance(s, int | np.integer) else list(s)
        if axes is not None and len(s) != len(chosen):
            raise ValueError("when given, axes and shape arguments have to be of the same length")
        if len(s) > x.ndim:
            raise ValueError("shape requires more axes than are present")
        chosen = list(range(x.ndim - len(s), x.ndim)) if axes is None else chosen
        lengths = [x.shape[i] if n == -1 else operator.index(n) for i, n in zip(chosen, s, strict=True)]
    if len(set(chosen)) != len(chosen):
        raise ValueError("all axes must be unique")
    if any(n is not None and n < 1 for n in lengths):
        raise ValueError(f"invalid number of data points ({lengths}) specified")
    return lengths, tuple(chosen)


def _sized(x: Any, axis: int, n: int | None) -> Any:
    return x if n is None or x.shape[axis] == n else fit_length.bind(x, axis=axis, n=n)


def _transform(name: str, x: Any, s: Any, axes: Any, norm: Any, workers: Any) -> Any:
    x = as_array(x)
    lengths, chosen = _lengths_and_axes(x, s, axes)
    prim = _FOURIER[name]
    if name in ("irfft", "hfft"):
        if not chosen:
            raise ValueError("at least 1 axis must be transformed")
        x, last = as_complex(x), chosen[-1]
        n = (x.shape[last] - 1) * 2 if lengths[-1] is None else lengths[-1]
        if n < 1:
            raise ValueError(f"Invalid number of data points ({n}) specified")
        lengths[-1] = n // 2 + 1
    for axis, m in zip(chosen, lengths, strict=True):
        x = _sized(x, axis, m)
    keywords = {"axes": chosen, "norm": norm, "workers": workers}
    return prim.bind(x, n=n, **keywords) if name in ("irfft", "hfft") else prim.bind(x, **keywords)


def _no_plan(plan: Any) -> None:
    if plan is not None:
        raise NotImplementedError("Passing a precomputed plan is not yet supported by scipy.fft functions")


def _along_axis(name: str) -> Callable[..., Any]:
    def function(
        x: Any, n: Any = None, axis: Any = -1, norm: Any = None, overwrite_x: bool = False, workers: Any = None, *, plan: Any = None
    ) -> Any:
        _no_plan(plan)
        return _transform(name, x, n, axis, norm, workers)

    return function


def _along_axes(name: str, default: Any) -> Callable[..., Any]:
    def function(
        x: Any,
        s: Any = None,
        axes: Any = default,
        norm: Any = None,
        overwrite_x: bool = False,
        workers: Any = None,
        *,
        plan: Any = None,
    ) -> Any:
        _no_plan(plan)
        return _transform(name, x, s, axes, norm, workers)

    return function


for _name in _FOURIER:
    expose(_along_axis(_name), f"scipy.fft.{_name}", getattr(scipy.fft, _name), "linear")
    expose(_along_axes(_name, (-2, -1)), f"scipy.fft.{_name}2", getattr(scipy.fft, _name + "2"), "linear")
    expose(_along_axes(_name, None), f"scipy.fft.{_name}n", getattr(scipy.fft, _name + "n"), "linear")

# -- cosines and sines --------------------------------------------------------------------------------------------------------

_TRIGONOMETRIC: dict[str, Any] = {}
_TRANSPOSED_TYPE = {1: 1, 2: 3, 3: 2, 4: 4}


def _end_weights(kind: str, plain_type: int, n: int) -> tuple[Any, Any]:
    """Weights before and after the transposed transform of unnormalised type ``plain_type``; None for ones."""
    ends = [0, -1] if plain_type == 1 else [0] if kind == "dct" else [-1]
    double, half = np.ones(n), np.ones(n)
    double[ends], half[ends] = 2.0, 0.5
    if plain_type == 1 and kind == "dct":
        return double, half
    return (double, None) if plain_type == 2 else (None, half) if plain_type == 3 else (None, None)


def _trigonometric(name: str, native: Callable[..., Any]) -> None:
    kind, forward = name[-3:], len(name) == 3

    def value(x: Any, type: int, axes: Any, norm: Any, orthogonalize: Any, workers: Any) -> Any:
        return native(x, type=type, axes=axes, norm=norm, orthogonalize=orthogonalize, workers=workers)

    def transpose(g: Any, shape: Any, type: int, axes: Any, norm: Any, orthogonalize: Any, workers: Any) -> Any:
        plain = orthogonalize is False or (orthogonalize is None and norm != "ortho")
        ends = [(a, _end_weights(kind, type if forward else _TRANSPOSED_TYPE[type], shape[a])) for a in axes if plain]
        for axis, (before, _) in ends:
            g = g if before is None else weighted(g, before, axis)
        g = prim.bind(g, type=_TRANSPOSED_TYPE[type], axes=axes, norm=norm, orthogonalize=orthogonalize, workers=workers)
        for axis, (_, after) in ends:
            g = g if after is None else weighted(g, after, axis)
        return g

    prim = _TRIGONOMETRIC[name] = linear(f"scipy.fft.{name}", value, transpose, batch=_shift_axes)

    def apply(x: Any, type: int, s: Any, axes: Any, norm: Any, workers: Any, orthogonalize: Any) -> Any:
        x = as_array(x)
        lengths, chosen = _lengths_and_axes(x, s, axes)
        for axis, m in zip(chosen, lengths, strict=True):
            x = _sized(x, axis, m)
        if x.dtype.kind == "c":
            orthogonalize = None  # SciPy passes it on for real arrays only
        return prim.bind(x, type=operator.index(type), axes=chosen, norm=norm, orthogonalize=orthogonalize, workers=workers)

    def one(
        x: Any,
        type: int = 2,
        n: Any = None,
        axis: Any = -1,
        norm: Any = None,
        overwrite_x: bool = False,
        workers: Any = None,
        *,
        orthogonalize: Any = None,
    ) -> Any:
        return apply(x, type, n, axis, norm, workers, orthogonalize)

    def several(
        x: Any,
        type: int = 2,
        s: Any = None,
        axes: Any = None,
        norm: Any = None,
        overwrite_x: bool = False,
        workers: Any = None,
        *,
        orthogonalize: Any = None,
    ) -> Any:
        return apply(x, type, s, axes, norm, workers, orthogonalize)

    expose(one, f"scipy.fft.{name}", getattr(scipy.fft, name), "linear")
    expose(several, f"scipy.fft.{name}n", getattr(scipy.fft, name + "n"), "linear")


for _name in ("dct", "idct", "dst", "idst"):
    _trigonometric(_name, getattr(scipy.fft, _name + "n"))

# -- Hankel -------------------------------------------------------------------------------------------------------------------


def _hankel(name: str, native: Callable[..., Any]) -> None:
    """The matrix is a reversal times a real circulant one between two diagonal ones, equal up to a factor: symmetric."""

    def value(x: Any, dln: float, mu: float, offset: float, bias: float) -> Any:
        return native(x, dln, mu, offset, bias)

    prim: Any = linear(
        f"scipy.fft.{name}",
        value,
        lambda g, shape, **kw: prim.bind(g, **kw),
        batch=lambda prim, size, xs, flags, kw: prim.bind(xs[0], **kw),
    )

    def function(a: Any, dln: Any, mu: Any, offset: Any = 0.0, bias: Any = 0.0) -> Any:
        for argument, given in (("dln", dln), ("mu", mu), ("offset", offset), ("bias", bias)):
            if isinstance(given, Box):
                raise UnsupportedFunctionError.no_rule(f"scipy.fft.{name} with traced {argument}", "; it has one in the array")
        a = as_array(a)
        return prim.bind(a, dln=float(dln), mu=float(mu), offset=float(offset), bias=float(bias))

    expose(function, f"scipy.fft.{name}", native, "linear")


_hankel("fht", scipy.fft.fht)
_hankel("ifht", scipy.fft.ifht)

for _name in ("fftshift", "ifftshift"):
    expose(functions[getattr(np.fft, _name)], f"scipy.fft.{_name}", getattr(scipy.fft, _name), "linear")
