"""Recursive filters: lfilter in the signal, the coefficients and the initial state.

y = lfilter(b, a, x) solves a * y = b * x, a triangular Toeplitz system whose residual needs only causal convolutions with the short
sequences b and a, and whose transpose is the same filter run backwards.  In the signal alone the filter is linear and every mode
costs one call of SciPy's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.signal as ss

from hoad.core.box import Box, bare, ops, shape_of
from hoad.core.kinds import composite, implicit, linear, multilinear
from hoad.core.kinds.batching import by_loop
from hoad.core.kinds.cotangents import conjugated
from hoad.core.primitive import expose
from hoad.rules.arguments import as_array
from hoad.rules.fft import fit_length

__all__ = [
    "Coefficients", "backwards", "coefficients_of", "filtered", "from_last", "from_state", "line_", "same_dtype", "steady",
    "to_last",
]  # fmt: skip


def backwards(x: Any) -> Any:
    return x[..., ::-1]


def to_last(x: Any, axis: int) -> Any:
    return x if axis in (-1, x.ndim - 1) else np.moveaxis(x, axis, -1)


def from_last(y: Any, axis: int) -> Any:
    return y if axis in (-1, y.ndim - 1) else np.moveaxis(y, -1, axis)


# -- causal convolution along the last axis, closed under transposition -------------------------------------------------------


def _causal(b: Any, x: Any) -> Any:
    y = b[0] * x
    for k in range(1, min(len(b), x.shape[-1])):
        y[..., k:] += b[k] * x[..., :-k]
    return y


def _lags(g: Any, x: Any, count: int) -> Any:
    n = x.shape[-1]
    y = np.zeros(count, np.result_type(g, x))
    for k in range(min(count, n)):
        y[k] = np.tensordot(g[..., k:], x[..., : n - k], g.ndim)
    return y


def _by_signal(prim: Any, size: int, xs: Any, flags: Any, kw: dict[str, Any]) -> Any:
    """Leading axes of the signal are lines of their own; coefficients that differ are filters of their own."""
    return by_loop(prim, size, xs, flags, kw) if any(flags[:-1]) else prim.bind(*xs, **kw)


causal_: Any = multilinear(
    "signal.causal",
    _causal,
    lambda g, xs: lags_.bind(g, conjugated(xs[1]), count=shape_of(xs[0])[0]),
    lambda g, xs: backwards(causal_.bind(conjugated(xs[0]), backwards(g))),
    batch=_by_signal,
)
"""Sum over k of b[k] x[n - k]."""

lags_: Any = multilinear(
    "signal.lags",
    _lags,
    lambda c, xs, count: causal_.bind(c, conjugated(xs[1])),
    lambda c, xs, count: backwards(causal_.bind(c, backwards(conjugated(xs[0])))),
)
"""Sum over n, and over all lines, of g[n] x[n - k], for each k."""

# -- filters in all arguments -------------------------------------------------------------------------------------------------


def _unit(a: Any) -> Any:
    return np.ones(1, a.dtype)


filter_: Any = implicit(
    "signal.lfilter",
    lambda b, a, x: ss.lfilter(b, a, x),
    lambda y, b, a, x: causal_.bind(a, y) - causal_.bind(b, x),
    lambda r, y, xs: filter_.bind(_unit(xs[1]), xs[1], r),
    lambda g, y, xs: backwards(filter_.bind(_unit(xs[1]), conjugated(xs[1]), backwards(g))),
    batch=_by_signal,
)


class Coefficients:
    """Fixed coefficients of a filter: (b, a) or second-order sections."""

    def __init__(self, run: Any, *arrays: np.ndarray) -> None:
        self.run = run
        self.arrays = arrays

    def __call__(self, x: Any) -> Any:
        return self.run(*self.arrays, x)

    def conjugate(self) -> Coefficients:
        return Coefficients(self.run, *[np.conj(c) for c in self.arrays])


line_: Any = linear(
    "signal.fixed_filter",
    lambda x, coefficients: coefficients(x),
    lambda g, shape, coefficients: backwards(line_.bind(backwards(g), coefficients=coefficients.conjugate())),
    batch=lambda prim, size, xs, flags, kw: prim.bind(xs[0], **kw),
)


def filtered(b: Any, a: Any, x: Any) -> Any:
    """The filter along the last axis from rest."""
    if isinstance(b, Box) or isinstance(a, Box):
        return filter_.bind(b, a, x)
    if not isinstance(x, Box):
        return ss.lfilter(b, a, x)
    return line_.bind(x, coefficients=Coefficients(ss.lfilter, np.array(b), np.array(a)))


def from_state(b: Any, a: Any, x: Any, zi: Any) -> tuple[Any, Any]:
    """Result and final state from the initial state: zi is an input of its own to the feedback."""
    n, size = x.shape[-1], zi.shape[-1]
    start = fit_length.bind(zi, axis=zi.ndim - 1, n=n)
    y = filtered(b, a, x) + filtered(np.ones(1), a / a[0], start)
    past = min(n, size)
    zf = _after(b / a[0], x[..., n - past :], size) - _after(a / a[0], y[..., n - past :], size)
    if size > n:
        zf = zf + fit_length.bind(zi[..., n:], axis=zi.ndim - 1, n=size)
    return y, zf


def _after(b: Any, x: Any, size: int) -> Any:
    """What the causal convolution still gives after the last entry of x."""
    n = x.shape[-1]
    return causal_.bind(b, fit_length.bind(x, axis=x.ndim - 1, n=n + size))[..., n:]


with_state_ = composite("signal.lfilter_with_state", lambda b, a, x, zi: ss.lfilter(b, a, x, zi=zi), from_state, multi=True)


def coefficients_of(b: Any, a: Any) -> tuple[Any, Any]:
    b, a = np.atleast_1d(as_array(b)), np.atleast_1d(as_array(a))
    for name, c in (("b", b), ("a", a)):
        if c.ndim != 1 or not c.size:
            raise ValueError(f"Parameter {name} is not a non-empty 1d array, since {name}.shape={c.shape}!")
    return b, a


def same_dtype(*arrays: Any) -> list[Any]:
    dtype = np.result_type(*[x.dtype for x in arrays])
    dtype = dtype if dtype.kind in "fc" else np.result_type(dtype, float)
    return [x if x.dtype == dtype else ops.astype(x, dtype) for x in arrays]


def lfilter(b: Any, a: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    b, a = coefficients_of(b, a)
    x = as_array(x)
    axis = np.lib.array_utils.normalize_axis_index(axis, x.ndim)
    if zi is None:
        b, a, x = same_dtype(b, a, x)
        return from_last(filtered(b, a, to_last(x, axis)), axis)
    b, a, x, zi = same_dtype(b, a, x, as_array(zi))
    shape = [*x.shape[:axis], max(b.size, a.size) - 1, *x.shape[axis + 1 :]]
    if zi.ndim != x.ndim or any(n not in (1, m) for n, m in zip(zi.shape, shape, strict=True)):
        raise ValueError(f"Unexpected shape for parameter zi: expected {tuple(shape)}, found {zi.shape}.")
    zi = np.broadcast_to(zi, tuple(shape)) if zi.shape != tuple(shape) else zi
    y, zf = with_state_.bind(b, a, to_last(x, axis), to_last(zi, axis))
    return from_last(y, axis), from_last(zf, axis)


def steady(b: Any, a: Any) -> Any:
    """The state of a step response that has settled, by the sums that solve its triangular system."""
    b, a = b / a[0], a / a[0]
    n = max(b.shape[0], a.shape[0])
    b, a = (c if c.shape[0] == n else fit_length.bind(c, axis=0, n=n) for c in (b, a))
    difference = b - a * b[0]
    first = np.sum(difference[1:]) / np.sum(a)
    return np.cumsum(a)[:-1] * first - np.concatenate([np.zeros(1, a.dtype), np.cumsum(difference[1:-1])]) if n > 1 else b[:0]


steady_ = composite("signal.lfilter_zi", lambda b, a: ss.lfilter_zi(b, a), steady)


def lfilter_zi(b: Any, a: Any) -> Any:
    b, a = same_dtype(*coefficients_of(b, a))
    while a.shape[0] > 1 and bare(a)[..., 0].max() == 0.0 == bare(a)[..., 0].min():
        a = a[1:]
    return steady_.bind(b, a)


expose(lfilter, "scipy.signal.lfilter", ss.lfilter, "implicit")
expose(lfilter_zi, "scipy.signal.lfilter_zi", ss.lfilter_zi, "composite")
