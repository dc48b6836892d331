"""Convolution and correlation in one or more axes, by sums, by transforms, or by overlapping blocks.

A convolution is bilinear and its transposes are convolutions: of mode full by mode valid, of mode valid by mode full, of mode same
by mode valid after padding, so that each costs what the convolution itself costs.  The method stays that of the call.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.signal as ss

from hoad.core.box import Box, bare, ops, shape_of
from hoad.core.kinds import composite, multilinear
from hoad.core.kinds.batching import expand
from hoad.core.kinds.cotangents import conjugated
from hoad.core.primitive import expose
from hoad.rules.arguments import as_array
from hoad.rules.scipy.ndimage.boundary import extend, fold

__all__ = ["convolution_", "reversed_along"]

MODES = ("full", "same", "valid")


def reversed_along(x: Any, axes: Any) -> Any:
    return x[tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(x.ndim))]


# -- the primitive ------------------------------------------------------------------------------------------------------------


def _direct(a: Any, v: Any, mode: str, axes: tuple[int, ...], quick: bool) -> Any:
    beside = [i for i in range(a.ndim) if i not in axes]
    if quick and not beside and a.ndim == 2:
        return ss.convolve2d(a, v, mode)
    if all(v.shape[i] == 1 for i in beside):  # SciPy's function with a kernel of length one along the other axes
        return ss.convolve(a, v, mode, "direct")
    lead = np.broadcast_shapes(tuple(a.shape[i] for i in beside), tuple(v.shape[i] for i in beside))
    rows = [np.moveaxis(x, beside, range(len(beside))) for x in (a, v)]
    rows = [np.broadcast_to(x, (*lead, *x.shape[len(beside) :])) for x in rows]
    first = None
    for at in np.ndindex(*lead):
        y = ss.convolve(rows[0][at], rows[1][at], mode, "direct")
        if first is None:
            first = np.empty((*lead, *y.shape), y.dtype)
        first[at] = y
    if first is None:
        shape = [_length(n, m, mode) for n, m in zip(a.shape, v.shape, strict=True)]
        first = np.empty((*lead, *[shape[i] for i in axes]), np.result_type(a, v))
    return np.moveaxis(first, range(len(beside)), beside)


def _length(n: int, m: int, mode: str) -> int:
    return n + m - 1 if mode == "full" else n if mode == "same" else n - m + 1


def _convolution(a: Any, v: Any, mode: str, method: str, axes: tuple[int, ...]) -> Any:
    if method in ("direct", "plane"):  # the same sums; in the plane SciPy has a quicker function for them
        return _direct(a, v, mode, axes, method == "plane")
    beside = [i for i in range(a.ndim) if i not in axes]
    if mode == "same" and any(v.shape[i] > a.shape[i] for i in beside):  # SciPy would cut these axes, too
        shape = [max(n, m) if i in beside else n for i, (n, m) in enumerate(zip(a.shape, v.shape, strict=True))]
        a = np.broadcast_to(a, shape)
    if method == "fft":
        return ss.convolve(a, v, mode, "fft") if not beside else ss.fftconvolve(a, v, mode, axes)
    return (ss.oaconvolve if method == "overlap-add" else ss.fftconvolve)(a, v, mode, axes)


def _uncut(g: Any, v: Any, mode: str, axes: Any) -> Any:
    """The cotangent of mode same, as one of mode full."""
    for axis in axes if mode == "same" else ():
        m = shape_of(v)[axis]
        start = (m - 1) // 2
        g = extend.bind(g, axis=axis, before=start, after=m - 1 - start, mode="constant")
    return g


def _pull_first(g: Any, xs: Any, mode: str, method: str, axes: Any) -> Any:
    v = reversed_along(conjugated(xs[1]), axes)
    g = _uncut(g, xs[1], mode, axes)
    return convolution_.bind(g, v, mode="full" if mode == "valid" else "valid", method=method, axes=axes)


def _pull_second(g: Any, xs: Any, mode: str, method: str, axes: Any) -> Any:
    a = conjugated(xs[0])
    if mode == "valid":
        return reversed_along(convolution_.bind(a, reversed_along(g, axes), mode="valid", method=method, axes=axes), axes)
    g = _uncut(g, xs[1], mode, axes)
    return convolution_.bind(g, reversed_along(a, axes), mode="valid", method=method, axes=axes)


def _batch(prim: Any, size: int, xs: Any, flags: Any, kw: dict[str, Any]) -> Any:
    rank = max(len(shape_of(x)) - flag for x, flag in zip(xs, flags, strict=True))
    full = [expand(x, rank) if flag else np.reshape(x, (1, *shape_of(x))) for x, flag in zip(xs, flags, strict=True)]
    return prim.bind(*full, **{**kw, "axes": tuple(a + 1 for a in kw["axes"])})


convolution_: Any = multilinear("signal.convolution", _convolution, _pull_first, _pull_second, batch=_batch)


def _correlation_pull(i: int, g: Any, xs: Any, mode: str) -> Any:
    axes = tuple(range(len(shape_of(xs[0]))))
    pair = [xs[0], reversed_along(xs[1], axes)]
    turned = mode == "valid" and any(n < m for n, m in zip(shape_of(xs[0]), shape_of(xs[1]), strict=True))
    pull = _pull_first if (i == 0) != turned else _pull_second
    c = pull(g, pair[::-1] if turned else pair, mode, "direct", axes)
    return c if i == 0 else reversed_along(c, axes)


def _correlation_batch(prim: Any, size: int, xs: Any, flags: Any, kw: dict[str, Any]) -> Any:
    axes = tuple(range(1, len(shape_of(xs[0])) + 1 - flags[0]))
    pair = [xs[0], reversed_along(xs[1], axes if flags[1] else tuple(i - 1 for i in axes))]
    sizes = [shape_of(x)[flag:] for x, flag in zip(xs, flags, strict=True)]
    if kw["mode"] == "valid" and any(n < m for n, m in zip(*sizes, strict=True)):
        pair, flags = pair[::-1], flags[::-1]
    return _batch(convolution_, size, pair, flags, {**kw, "method": "direct", "axes": tuple(i - 1 for i in axes)})


correlation_: Any = multilinear(
    "signal.correlation",
    lambda a, w, mode: ss.correlate(a, conjugated(w), mode, "direct"),
    many=_correlation_pull,
    batch=_correlation_batch,
)
"""Direct correlation without conjugation."""

# -- the functions of SciPy ---------------------------------------------------------------------------------------------------


def _pair(in1: Any, in2: Any) -> tuple[Any, Any]:
    a, v = as_array(in1), as_array(in2)
    if a.ndim != v.ndim:
        raise ValueError("in1 and in2 should have the same dimensionality")
    return a, v


def _checked(mode: str) -> None:
    if mode not in MODES:
        raise ValueError("acceptable mode flags are 'valid', 'same', or 'full'")


def _in_order(a: Any, v: Any, mode: str, axes: Any) -> tuple[Any, Any]:
    """The longer operand first where SciPy exchanges them, too."""
    if mode != "valid":
        return a, v
    n, m = [a.shape[i] for i in axes], [v.shape[i] for i in axes]
    if all(p >= q for p, q in zip(n, m, strict=True)):
        return a, v
    if all(p <= q for p, q in zip(n, m, strict=True)):
        return v, a
    raise ValueError("For 'valid' mode, one must be at least as large as the other in every dimension")


def _stand_in(x: Any) -> Any:
    """An array of the same shape and dtype: the choice of a method looks at the values of integers only."""
    return np.broadcast_to(np.zeros((), x.dtype), x.shape) if isinstance(x, Box) else x


def convolve(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    a, v = _pair(in1, in2)
    if a.ndim == 0:
        return a * v
    _checked(mode)
    axes = tuple(range(a.ndim))
    a, v = _in_order(a, v, mode, axes)
    if method == "auto":
        method = ss.choose_conv_method(_stand_in(a), _stand_in(v), mode=mode)
    elif method not in ("direct", "fft"):
        raise ValueError("Acceptable method flags are 'auto', 'direct', or 'fft'.")
    if method == "fft" and not (a.size and v.size):
        return np.asarray([])
    return convolution_.bind(a, v, mode=mode, method=method, axes=axes)


def correlate(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    a, v = _pair(in1, in2)
    if a.ndim == 0:
        return a * conjugated(v)
    _checked(mode)
    axes = tuple(range(a.ndim))
    if method == "auto":
        w = _stand_in(v)
        first, second = _in_order(_stand_in(a), w, mode, axes)
        method = ss.choose_conv_method(first, second, mode=mode)
        if method == "direct":  # as SciPy goes on from there
            return convolve(a, reversed_along(conjugated(v), axes), mode, "direct")
    if method == "direct":
        _in_order(a, v, mode, axes)
        return correlation_.bind(a, conjugated(v), mode=mode)
    return convolve(a, reversed_along(conjugated(v), axes), mode, method)


def _by_transforms(name: str) -> Any:
    def function(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
        a, v = _pair(in1, in2)
        if a.ndim == 0:
            return a * v
        _checked(mode)
        if not (a.size and v.size):
            return np.asarray([])
        along = tuple(range(a.ndim)) if axes is None else np.lib.array_utils.normalize_axis_tuple(axes, a.ndim)
        if not along:
            raise ValueError("when provided, axes cannot be empty")
        a, v = _in_order(a, v, mode, [i for i in along if a.shape[i] != 1 and v.shape[i] != 1])
        return convolution_.bind(a, v, mode=mode, method=name, axes=along)

    return function


for _name, _f in (
    ("convolve", convolve), ("correlate", correlate), ("fftconvolve", _by_transforms("transform")),
    ("oaconvolve", _by_transforms("overlap-add")),
):  # fmt: skip
    expose(_f, f"scipy.signal.{_name}", getattr(ss, _name), "multilinear")

# -- two axes with a boundary -------------------------------------------------------------------------------------------------

_CONTINUED = {"fill": "constant", "pad": "constant", "wrap": "wrap", "circular": "wrap", "symm": "reflect", "symmetric": "reflect"}


def _margins(n: int, m: int, mode: str, turned: bool) -> tuple[int, int]:
    """How far an axis of length n is continued at each end before a kernel of length m is moved inside it."""
    if mode == "valid":
        return 0, 0
    start = 0 if mode == "full" else m // 2 if turned else (m - 1) // 2
    return m - 1 - start, (n + m - 1 if mode == "full" else n) + start - n


def _in_plane(a: Any, v: Any, mode: str, boundary: str, turned: bool) -> Any:
    return ss.correlate2d(a, conjugated(v), mode, boundary) if turned else ss.convolve2d(a, v, mode, boundary)


def _continued(a: Any, v: Any, mode: str, boundary: str, turned: bool, first: int = 0) -> Any:
    for axis, m in enumerate(shape_of(v)[-2:], first):
        before, after = _margins(shape_of(a)[axis], m, mode, turned)
        if before or after:
            a = extend.bind(a, axis=axis, before=before, after=after, mode=_CONTINUED[boundary])
    return a


def _plane_pull(i: int, g: Any, xs: Any, mode: str, boundary: str, turned: bool) -> Any:
    a, v = xs
    w = reversed_along(v, (0, 1)) if turned else v
    keywords: dict[str, Any] = {"mode": "valid", "method": "plane", "axes": (0, 1)}
    if i == 1:
        c = _pull_second(g, [_continued(a, v, mode, boundary, turned), w], **keywords)
        return reversed_along(c, (0, 1)) if turned else c
    c = _pull_first(g, [a, w], **keywords)
    for axis, m in enumerate(shape_of(v)):
        before, after = _margins(shape_of(a)[axis], m, mode, turned)
        if before or after:
            c = fold.bind(c, axis=axis, before=before, after=after, mode=_CONTINUED[boundary])
    return c


def _plane_batch(prim: Any, size: int, xs: Any, flags: Any, kw: dict[str, Any]) -> Any:
    a, v = xs
    full = _continued(a, v, first=int(flags[0]), **kw)
    w = reversed_along(v, tuple(i + flags[1] for i in (0, 1))) if kw["turned"] else v
    return _batch(convolution_, size, [full, w], flags, {"mode": "valid", "method": "plane", "axes": (0, 1)})


plane_ = multilinear("signal.convolution2d", _in_plane, many=_plane_pull, batch=_plane_batch)
plane_with_constant_ = composite(
    "signal.convolution2d_with_constant",
    lambda a, v, c, mode, boundary, turned: (
        ss.correlate2d(a, conjugated(v), mode, boundary, c) if turned else ss.convolve2d(a, v, mode, boundary, c)
    ),
    lambda a, v, c, **kw: plane_.bind(a - c, v, **kw) + c * np.sum(v),
)


def _two_axes(turned: bool) -> Any:
    def function(in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0) -> Any:
        a, v = as_array(in1), as_array(in2)
        if not a.ndim == v.ndim == 2:
            raise ValueError(f"{'correlate' if turned else 'convolve'}2d inputs must both be 2-D arrays")
        if boundary not in _CONTINUED:
            raise ValueError("Acceptable boundary flags are 'fill', 'circular' (or 'wrap'), and 'symmetric' (or 'symm').")
        _checked(mode)
        first, second = _in_order(a, v, mode, (0, 1))
        exchanged = first is v and v is not a
        second = conjugated(second) if turned else second  # of the operands as SciPy has exchanged them
        kw = {"mode": mode, "boundary": boundary, "turned": turned}
        dtype = np.result_type(first.dtype, second.dtype)
        first, second = (x if x.dtype == dtype else ops.astype(x, dtype) for x in (first, second))
        if _CONTINUED[boundary] == "constant" and mode != "valid" and (isinstance(fillvalue, Box) or bare(fillvalue) != 0):
            y = plane_with_constant_.bind(first, second, fillvalue, **kw)
        else:
            y = plane_.bind(first, second, **kw)
        return reversed_along(y, (0, 1)) if exchanged and turned else y

    return function


expose(_two_axes(False), "scipy.signal.convolve2d", ss.convolve2d, "multilinear")
expose(_two_axes(True), "scipy.signal.correlate2d", ss.correlate2d, "multilinear")
