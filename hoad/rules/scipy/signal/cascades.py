"""Filters as second-order sections, and filters forward and backward: sosfilt, filtfilt, sosfiltfilt.

Sections are recursive filters one after the other; zero-phase filters run from the state in which the filter has settled at the
first sample of the continued signal.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.signal as ss

from hoad.core.box import Box, bare, ops
from hoad.core.kinds import composite, linear
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array
from hoad.rules.fft import fit_length
from hoad.rules.scipy.ndimage.boundary import extend, fold
from hoad.rules.scipy.signal.recursive import (
    Coefficients,
    backwards,
    coefficients_of,
    filtered,
    from_last,
    from_state,
    line_,
    same_dtype,
    steady,
    to_last,
)

__all__ = ["filtfilt", "sosfilt", "sosfiltfilt"]


def _sections(sos: Any) -> Any:
    sos = np.atleast_2d(as_array(sos))
    if sos.ndim != 2 or sos.shape[1] != 6:
        raise ValueError("sos array must be shape (n_sections, 6)")
    if not np.all(bare(sos)[..., 3] == 1):
        raise ValueError("sos[:, 3] should be all ones")
    return sos


def _one_by_one(sos: Any, x: Any) -> Any:
    for k in range(sos.shape[0]):
        x = filtered(sos[k, :3], sos[k, 3:], x)
    return x


def _one_by_one_with_state(sos: Any, x: Any, zi: Any) -> tuple[Any, Any]:
    """States have the section first."""
    states = []
    for k in range(sos.shape[0]):
        x, zf = from_state(sos[k, :3], sos[k, 3:], x, zi[k])
        states.append(zf)
    return x, np.stack(states)


sections_ = composite("signal.sosfilt", lambda sos, x: ss.sosfilt(np.ascontiguousarray(sos), x), _one_by_one)
sections_with_state_ = composite(
    "signal.sosfilt_with_state",
    lambda sos, x, zi: ss.sosfilt(np.ascontiguousarray(sos), x, zi=zi),
    _one_by_one_with_state,
    multi=True,
)


def _through_sections(sos: Any, x: Any) -> Any:
    if isinstance(sos, Box):
        return sections_.bind(sos, x)
    return line_.bind(x, coefficients=Coefficients(ss.sosfilt, np.array(sos, order="C")))


def sosfilt(sos: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    sos, x = _sections(sos), as_array(x)
    axis = np.lib.array_utils.normalize_axis_index(axis, x.ndim)
    if zi is None:
        sos, x = same_dtype(sos, x)
        return from_last(_through_sections(sos, to_last(x, axis)), axis)
    sos, x, zi = same_dtype(sos, x, as_array(zi))
    shape = (sos.shape[0], *x.shape[:axis], 2, *x.shape[axis + 1 :])
    if zi.shape != shape:
        raise ValueError(f"Invalid zi shape. zi must have shape {shape}, got {zi.shape}.")
    y, zf = sections_with_state_.bind(sos, to_last(x, axis), to_last(zi, axis + 1))
    return from_last(y, axis), from_last(zf, axis + 1)


def _steady_sections(sos: Any) -> Any:
    rows, scale = [], 1.0
    for k in range(sos.shape[0]):
        b, a = sos[k, :3], sos[k, 3:]
        rows.append(scale * steady(b, a))
        scale = scale * (np.sum(b) / np.sum(a))
    return np.stack(rows)


steady_sections_ = composite("signal.sosfilt_zi", lambda sos: ss.sosfilt_zi(sos), _steady_sections)


def sosfilt_zi(sos: Any) -> Any:
    return steady_sections_.bind(*same_dtype(_sections(sos)))


# -- forward and backward -----------------------------------------------------------------------------------------------------


def _continued(x: Any, padtype: Any, padlen: Any, taps: int) -> tuple[Any, int]:
    """The signal with its odd, even or constant continuation along the last axis, as filtfilt makes it."""
    if padtype not in ("even", "odd", "constant", None):
        raise ValueError(f"Unknown value '{padtype}' given to padtype. padtype must be 'even', 'odd', 'constant', or None.")
    edge = _edge(padtype, padlen, taps)
    n = x.shape[-1]
    if n <= edge:
        raise ValueError(f"The length of the input vector x must be greater than padlen, which is {edge}.")
    if edge == 0:
        return x, 0
    how = "nearest" if padtype == "constant" else "mirror"
    y = extend.bind(x, axis=x.ndim - 1, before=edge, after=edge, mode=how)
    if padtype == "odd":
        y = np.concatenate([2 * x[..., :1] - y[..., :edge], x, 2 * x[..., -1:] - y[..., n + edge :]], axis=-1)
    return y, edge


def _both_ways(x: Any, padtype: Any, padlen: Any, taps: int, run: Any) -> Any:
    """``run(x, x0)``: the filter from the state in which it has settled at x0."""
    y, edge = _continued(x, padtype, padlen, taps)
    y = run(y, y[..., :1])
    y = backwards(run(backwards(y), y[..., -1:]))
    return y[..., edge:-edge] if edge else y


def _filtfilt_body(b: Any, a: Any, x: Any, padtype: Any, padlen: Any) -> Any:
    zi = steady(b, a)

    def run(v: Any, first: Any) -> Any:
        start = fit_length.bind(zi * first, axis=v.ndim - 1, n=v.shape[-1])
        return filtered(b, a, v) + filtered(np.ones(1), a / a[0], start)

    y = _both_ways(x, padtype, padlen, max(b.shape[0], a.shape[0]), run)
    return ops.astype(y, np.result_type(b.dtype, a.dtype, x.dtype))


def _sosfiltfilt_body(sos: Any, x: Any, padtype: Any, padlen: Any, taps: int) -> Any:
    zi = _steady_sections(sos)

    def run(v: Any, first: Any) -> Any:
        for k in range(sos.shape[0]):
            b, a = sos[k, :3], sos[k, 3:]
            start = fit_length.bind(zi[k] * first, axis=v.ndim - 1, n=v.shape[-1])
            v = filtered(b, a, v) + filtered(np.ones(1), a, start)
        return v

    return ops.astype(_both_ways(x, padtype, padlen, taps, run), np.result_type(sos.dtype, x.dtype))


class BothWays:
    """A fixed filter run forward and backward, y = C R G R G E x: continuation E, reversal R, crop C, and the filter G = L + s e^T
    from the state in which it has settled at the first sample: L from rest, s the response to that state."""

    def __init__(self, native: Any, rest: Any, response: Any, padtype: Any, edge: int, dtype: Any) -> None:
        self.native, self.rest, self.response, self.padtype, self.edge = native, rest, response, padtype, edge
        self.dtype = dtype

    def adjoint(self, g: Any) -> Any:
        g = self._adjoint(g)
        return g if self.dtype.kind != "c" and g.dtype.kind == "c" else g.astype(self.dtype)

    def _adjoint(self, g: Any) -> Any:
        edge, last = self.edge, g.ndim - 1
        if edge:
            g = np.pad(g, [(0, 0)] * last + [(edge, edge)])
        s = self.response(g.shape[-1])
        for _ in range(2):
            start = np.sum(g[..., ::-1] * np.conj(s), axis=-1)
            g = np.array(np.conj(self.rest(np.conj(g)))[..., ::-1])  # L^T = R L R: the transpose of R L is R L
            g[..., 0] += start
        return self._folded(g, edge, last)

    def _folded(self, g: Any, edge: int, last: int) -> Any:
        if not edge:
            return g
        if self.padtype != "odd":
            return fold.bind(g, axis=last, before=edge, after=edge, mode="nearest" if self.padtype == "constant" else "mirror")
        ends = np.array(g)
        ends[..., :edge] *= -1
        ends[..., g.shape[-1] - edge :] *= -1
        y = fold.bind(ends, axis=last, before=edge, after=edge, mode="mirror")
        y[..., 0] += 2 * np.sum(g[..., :edge], axis=-1)
        y[..., -1] += 2 * np.sum(g[..., g.shape[-1] - edge :], axis=-1)
        return y


both_ways_: Any = linear(
    "signal.both_ways",
    lambda x, run: run.native(x),
    lambda g, shape, run: both_ways_transposed_.bind(g, run=run),
    batch=lambda prim, size, xs, flags, kw: prim.bind(xs[0], **kw),
)
both_ways_transposed_: Any = linear(
    "signal.both_ways_transposed",
    lambda g, run: run.adjoint(g),
    lambda x, shape, run: both_ways_.bind(x, run=run),
    batch=lambda prim, size, xs, flags, kw: prim.bind(xs[0], **kw),
)


def _edge(padtype: Any, padlen: Any, taps: int) -> int:
    return 0 if padtype is None else taps * 3 if padlen is None else int(padlen)


filtfilt_ = composite("signal.filtfilt", lambda b, a, x, **kw: ss.filtfilt(b, a, x, **kw), _filtfilt_body)
sosfiltfilt_ = composite(
    "signal.sosfiltfilt",
    lambda sos, x, padtype, padlen, taps: ss.sosfiltfilt(np.ascontiguousarray(sos), x, padtype=padtype, padlen=padlen),
    _sosfiltfilt_body,
)


def filtfilt(
    b: Any, a: Any, x: Any, axis: int = -1, padtype: Any = "odd", padlen: Any = None, method: str = "pad", irlen: Any = None
) -> Any:
    if method == "gust":
        raise UnsupportedFunctionError.no_rule("scipy.signal.filtfilt with method='gust'", "; with method='pad' it has one")
    if method != "pad":
        raise ValueError("method must be 'pad' or 'gust'.")
    b, a = coefficients_of(b, a)
    (b,), (a,), (x,) = (same_dtype(c) for c in (b, a, as_array(x)))  # SciPy prepares the state in the precision of b and a
    axis = np.lib.array_utils.normalize_axis_index(axis, x.ndim)
    if isinstance(b, Box) or isinstance(a, Box):
        return from_last(filtfilt_.bind(b, a, to_last(x, axis), padtype=padtype, padlen=padlen), axis)
    b, a = np.array(b), np.array(a)
    wide = np.result_type(b, a, x.dtype)
    run = BothWays(
        lambda v: ss.filtfilt(b, a, v, padtype=padtype, padlen=padlen),
        lambda v: ss.lfilter(b, a, v),
        lambda n: ss.lfilter(b, a, np.zeros(n, wide), zi=ss.lfilter_zi(b, a).astype(wide))[0],
        padtype,
        _edge(padtype, padlen, max(b.size, a.size)),
        x.dtype,
    )
    return from_last(both_ways_.bind(to_last(x, axis), run=run), axis)


def sosfiltfilt(sos: Any, x: Any, axis: int = -1, padtype: Any = "odd", padlen: Any = None) -> Any:
    sos = _sections(sos)
    plain = bare(sos)
    taps = 2 * sos.shape[0] + 1 - int(min((plain[..., 2] == 0).sum(), (plain[..., 5] == 0).sum()))
    (sos,), (x,) = same_dtype(sos), same_dtype(as_array(x))
    axis = np.lib.array_utils.normalize_axis_index(axis, x.ndim)
    if isinstance(sos, Box):
        return from_last(sosfiltfilt_.bind(sos, to_last(x, axis), padtype=padtype, padlen=padlen, taps=taps), axis)
    sos = np.array(sos, order="C")
    wide = np.result_type(sos, x.dtype)
    run = BothWays(
        lambda v: ss.sosfiltfilt(sos, v, padtype=padtype, padlen=padlen),
        lambda v: ss.sosfilt(sos, v),
        lambda n: ss.sosfilt(sos, np.zeros(n, wide), zi=ss.sosfilt_zi(sos).astype(wide))[0],
        padtype,
        _edge(padtype, padlen, taps),
        x.dtype,
    )
    return from_last(both_ways_.bind(to_last(x, axis), run=run), axis)


for _f in (sosfilt, sosfilt_zi, filtfilt, sosfiltfilt):
    expose(_f, f"scipy.signal.{_f.__name__}", getattr(ss, _f.__name__), "composite")
