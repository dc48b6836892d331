"""Weighted sums over a neighbourhood: correlation and convolution in one or more axes, and moving averages.

y[i] = sum over j of w[j] x[i + j - m//2 - origin], with x continued beyond its ends, is linear in the image and in the weights.
The cotangent of the image is the correlation of the zero-padded cotangent with reversed weights, folded back at the ends; that of
the weights is a sum of products with the continued image for each lag.  Three primitives, closed under transposition.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.ndimage as nd

from hoad.core.box import Box, ops, shape_of
from hoad.core.kinds import composite, linear, multilinear
from hoad.core.kinds.batching import by_loop, shift_axis
from hoad.core.kinds.cotangents import conjugated, is_complex
from hoad.core.primitive import expose
from hoad.rules.arguments import as_array
from hoad.rules.fft import fit_length
from hoad.rules.scipy.ndimage.boundary import CONTINUED, extend, fold, stored, target_dtype

__all__ = ["average_along", "correlate_along", "per_axis"]

# -- weights ------------------------------------------------------------------------------------------------------------------


def _reversed(w: Any) -> Any:
    return w[(slice(None, None, -1),) * w.ndim]


def _scaled(x: Any, w: Any, axis: int, mode: str, origin: int) -> Any:
    """SciPy takes a line of weights for symmetric if its halves differ by less than an absolute 2e-16.  Weights that are
    derivatives may all be smaller than that, so that small ones are brought near one by a power of two, which changes no digit."""
    largest = float(np.max(np.abs(w)))
    if not 0 < largest < 0.5:
        return nd.correlate1d(x, w, axis, mode=mode, origin=origin)
    power = int(np.frexp(largest)[1])
    up, down = 2.0 ** (-power // 2), 2.0 ** (-power - (-power // 2))
    y = nd.correlate1d(x, w * up * down, axis, mode=mode, origin=origin)
    if power > -100:
        y *= 1 / (up * down)
    else:
        y /= up
        y /= down
    return y


def _correlation(x: Any, w: Any, axes: tuple[int, ...], mode: str, origins: tuple[int, ...], line: bool) -> Any:
    w = np.conj(w) if w.dtype.kind == "c" else w  # SciPy conjugates the weights
    if line:
        return _scaled(x, w, axes[0], mode, origins[0])
    full = np.expand_dims(w, tuple(i for i in range(x.ndim) if i not in axes))
    where = [0] * x.ndim
    for axis, origin in zip(axes, origins, strict=True):
        where[axis] = origin
    return nd.correlate(x, full, mode=mode, origin=where)


def _before(origins: Any, shape: Any) -> list[int]:
    return [m // 2 + origin for origin, m in zip(origins, shape, strict=True)]


def _spread(g: Any, w: Any, axes: Any, line: bool) -> Any:
    """Sum over j of w[j] g[t - j]: longer than g by the size of w less one along each axis."""
    shape = shape_of(w)
    for axis, m in zip(axes, shape, strict=True):
        g = fit_length.bind(g, axis=axis, n=g.shape[axis] + m - 1)
    return correlation_.bind(g, _reversed(w), axes=axes, mode="constant", origins=tuple((m - 1) // 2 for m in shape), line=line)


def _gathered(e: Any, w: Any, axes: Any, line: bool) -> Any:
    """Sum over j of w[j] e[i + j]: shorter than e by the size of w less one along each axis."""
    shape = shape_of(w)
    y = correlation_.bind(e, w, axes=axes, mode="constant", origins=tuple(-(m // 2) for m in shape), line=line)
    for axis, m in zip(axes, shape, strict=True):
        y = fit_length.bind(y, axis=axis, n=e.shape[axis] - m + 1)
    return y


def _is_even(w: Any) -> bool:
    """Whether plain weights are the same backwards along each axis: reflected filters with them are symmetric matrices."""
    if isinstance(w, Box) or not all(m % 2 for m in w.shape):
        return False
    return all(np.array_equal(w, np.flip(w, i)) for i in range(w.ndim))


def _pull_image(g: Any, xs: Any, axes: Any, mode: str, origins: Any, line: bool) -> Any:
    w = conjugated(xs[1])
    shape = shape_of(w)
    before = _before(origins, shape)
    how = CONTINUED[mode]
    if how == "reflect" and not any(origins) and _is_even(w):
        return correlation_.bind(g, w, axes=axes, mode=mode, origins=origins, line=line)
    if how in ("constant", "wrap"):  # where the transpose is a filter of the same kind
        turned = tuple(m - 1 - b - m // 2 for m, b in zip(shape, before, strict=True))
        return correlation_.bind(g, _reversed(w), axes=axes, mode=mode, origins=turned, line=line)
    g = _spread(g, w, axes, line)
    for axis, m, b in zip(axes, shape, before, strict=True):
        g = fold.bind(g, axis=axis, before=b, after=m - 1 - b, mode=how)
    return g


def _pull_weights(g: Any, xs: Any, axes: Any, mode: str, origins: Any, line: bool) -> Any:
    x, w = conjugated(xs[0]), xs[1]
    shape = shape_of(w)
    for axis, m, b in zip(axes, shape, _before(origins, shape), strict=True):
        x = extend.bind(x, axis=axis, before=b, after=m - 1 - b, mode=CONTINUED[mode])
    return lag_products_.bind(g, x, axes=axes, line=line)


def _correlation_batch(prim: Any, size: int, xs: Any, flags: Any, kw: dict[str, Any]) -> Any:
    if flags[1]:
        return by_loop(prim, size, xs, flags, kw)
    return prim.bind(*xs, **{**kw, "axes": tuple(a + 1 for a in kw["axes"])})


correlation_: Any = multilinear("ndimage.correlation", _correlation, _pull_image, _pull_weights, batch=_correlation_batch)


def _lag_products(g: Any, e: Any, axes: tuple[int, ...], line: bool) -> Any:
    """For each lag j: the sum over i of g[i] e[i + j], over all axes."""
    counts = tuple(e.shape[a] - g.shape[a] + 1 for a in axes)
    y = np.empty(counts, np.result_type(g, e))
    for j in np.ndindex(*counts):
        window = [slice(None)] * g.ndim
        for axis, k in zip(axes, j, strict=True):
            window[axis] = slice(k, k + g.shape[axis])
        y[j] = np.tensordot(g, e[tuple(window)], g.ndim)
    return y


lag_products_: Any = multilinear(
    "ndimage.lag_products",
    _lag_products,
    lambda c, xs, axes, line: _gathered(conjugated(xs[1]), c, axes, line),
    lambda c, xs, axes, line: _spread(conjugated(xs[0]), c, axes, line),
)

# -- moving averages ----------------------------------------------------------------------------------------------------------


def _pull_average(g: Any, shape: Any, axis: int, size: int, mode: str, origin: int) -> Any:
    before = size // 2 + origin
    how = CONTINUED[mode]
    if how == "reflect" and origin == 0 and size % 2:
        return average_.bind(g, axis=axis, size=size, mode=mode, origin=0)
    if how in ("constant", "wrap"):
        return average_.bind(g, axis=axis, size=size, mode=mode, origin=size - 1 - before - size // 2)
    g = fit_length.bind(g, axis=axis, n=shape[axis] + size - 1)
    g = average_.bind(g, axis=axis, size=size, mode="constant", origin=(size - 1) // 2)
    return fold.bind(g, axis=axis, before=before, after=size - 1 - before, mode=how)


average_: Any = linear(
    "ndimage.uniform_filter1d",
    lambda x, axis, size, mode, origin: nd.uniform_filter1d(x, size, axis, mode=mode, origin=origin),
    _pull_average,
    batch=shift_axis,
)

# -- a constant beyond the ends -----------------------------------------------------------------------------------------------
# The zero continuation of x - c is the continuation of x by c.

with_constant_ = composite(
    "ndimage.correlation_with_constant",
    lambda x, w, c, axes, mode, origins, line: (
        nd.correlate1d(x, conjugated(w), axes[0], mode=mode, cval=c, origin=origins[0])
        if line
        else nd.correlate(x, conjugated(w), mode=mode, cval=c, origin=origins)
    ),
    lambda x, w, c, **kw: ops.astype(correlation_.bind(x - c, w, **kw) + c * np.sum(w), _result_dtype(x, w)),
)
average_with_constant_ = composite(
    "ndimage.average_with_constant",
    lambda x, c, axis, size, mode, origin: nd.uniform_filter1d(x, size, axis, mode=mode, cval=c, origin=origin),
    lambda x, c, **kw: ops.astype(average_.bind(x - c, **kw) + c, x.dtype),
)


def _result_dtype(x: Any, w: Any) -> Any:
    return np.promote_types(x.dtype, np.complex64) if is_complex(w) else x.dtype


def _uses(mode: str, cval: Any) -> bool:
    return CONTINUED.get(mode) == "constant" and (isinstance(cval, Box) or cval != 0)


def _checked(mode: Any) -> str:
    if mode not in CONTINUED:
        raise RuntimeError("boundary mode not supported")
    return mode


def correlate_along(x: Any, w: Any, axes: tuple[int, ...], mode: str, cval: Any, origins: Any, dtype: Any, line: bool) -> Any:
    """Correlation without conjugation, with a result of ``dtype``; weights in double precision as in SciPy."""
    mode = _checked(mode)
    if w.ndim != len(axes) or not w.size:
        raise RuntimeError(f"weights.ndim ({w.ndim}) must match len(axes) ({len(axes)})" if w.size else "no filter weights given")
    for origin, m in zip(origins, w.shape, strict=True):
        if not -(m // 2) <= origin <= (m - 1) // 2:
            raise ValueError("Invalid origin; origin must satisfy -(len(weights) // 2) <= origin <= (len(weights)-1) // 2")
    w = ops.astype(w, complex if is_complex(w) else float)
    wide = np.promote_types(x.dtype, dtype)
    x = x if x.dtype == wide or (wide.kind == "c" and x.dtype.kind != "c") else ops.astype(x, wide)
    kw = {"axes": axes, "mode": mode, "origins": tuple(map(int, origins)), "line": line}
    y = with_constant_.bind(x, w, cval, **kw) if _uses(mode, cval) else correlation_.bind(x, w, **kw)
    return y if y.dtype == dtype else ops.astype(y, dtype)


def average_along(x: Any, size: int, axis: int, mode: str, cval: Any, origin: int, dtype: Any) -> Any:
    """Moving average of ``size`` entries, with a result of ``dtype``."""
    mode = _checked(mode)
    if size < 1:
        raise RuntimeError("incorrect filter size")
    if not 0 <= size // 2 + origin < size:
        raise ValueError("invalid origin")
    wide = np.promote_types(x.dtype, dtype)
    x = x if x.dtype == wide else ops.astype(x, wide)
    kw = {"axis": axis, "size": int(size), "mode": mode, "origin": int(origin)}
    y = average_with_constant_.bind(x, cval, **kw) if _uses(mode, cval) else average_.bind(x, **kw)
    return y if y.dtype == dtype else ops.astype(y, dtype)


# -- the functions of SciPy ---------------------------------------------------------------------------------------------------


def per_axis(value: Any, count: int) -> list[Any]:
    """One value for each axis, from one for all or a sequence."""
    if isinstance(value, str) or not np.iterable(value) or (isinstance(value, Box) and not value.ndim):
        return [value] * count
    values = list(value)
    if len(values) != count:
        raise RuntimeError("sequence argument must have length equal to input rank")
    return values


def axes_of(axes: Any, rank: int) -> tuple[int, ...]:
    if axes is None:
        return tuple(range(rank))
    axes = np.lib.array_utils.normalize_axis_tuple(axes, rank)
    return tuple(axes)


def _one_axis(input: Any, weights: Any, axis: Any, output: Any, mode: Any, cval: Any, origin: Any) -> Any:
    x = as_array(input)
    axis = np.lib.array_utils.normalize_axis_index(axis, x.ndim)
    y = correlate_along(x, weights, (axis,), mode, cval, (origin,), target_dtype(output, x, weights), line=True)
    return stored(y, output, input)


def correlate1d(
    input: Any, weights: Any, axis: int = -1, output: Any = None, mode: str = "reflect", cval: Any = 0.0, origin: int = 0
) -> Any:
    return _one_axis(input, conjugated(as_array(weights)), axis, output, mode, cval, origin)


def convolve1d(
    input: Any, weights: Any, axis: int = -1, output: Any = None, mode: str = "reflect", cval: Any = 0.0, origin: int = 0
) -> Any:
    w = as_array(weights)
    return _one_axis(input, w[::-1], axis, output, mode, cval, -origin - (w.shape[0] % 2 == 0))


def _sorted(axes: Any, origin: Any, rank: int) -> tuple[tuple[int, ...], list[int]]:
    """Weights lie along the axes in increasing order, whatever the order in which these are named; origins follow the names."""
    axes = axes_of(axes, rank)
    origins = per_axis(origin, len(axes))
    if len(axes) < rank:
        origins = [o for _, o in sorted(zip(axes, origins, strict=True))]
    return tuple(sorted(axes)), origins


def _several_axes(input: Any, x: Any, w: Any, output: Any, mode: Any, cval: Any, origins: Any, axes: Any) -> Any:
    if not isinstance(mode, str):
        raise RuntimeError("A sequence of modes is not supported")
    if _uses(_checked(mode), cval) and len(axes) < x.ndim:
        missing = tuple(i for i in range(x.ndim) if i not in axes)
        where = dict(zip(axes, origins, strict=True))
        w, axes = np.expand_dims(w, missing), tuple(range(x.ndim))
        origins = [where.get(i, 0) for i in axes]
    y = correlate_along(x, w, axes, mode, cval, origins, target_dtype(output, x, w), line=False)
    return stored(y, output, input)


def correlate(
    input: Any, weights: Any, output: Any = None, mode: str = "reflect", cval: Any = 0.0, origin: Any = 0, *, axes: Any = None
) -> Any:
    x, w = as_array(input), as_array(weights)
    axes, origins = _sorted(axes, origin, x.ndim)
    return _several_axes(input, x, conjugated(w), output, mode, cval, origins, axes)


def convolve(
    input: Any, weights: Any, output: Any = None, mode: str = "reflect", cval: Any = 0.0, origin: Any = 0, *, axes: Any = None
) -> Any:
    x, w = as_array(input), as_array(weights)
    axes, origins = _sorted(axes, origin, x.ndim)
    origins = [-o - (m % 2 == 0) for o, m in zip(origins, w.shape, strict=False)]
    return _several_axes(input, x, _reversed(w), output, mode, cval, origins, axes)


def uniform_filter1d(
    input: Any, size: int, axis: int = -1, output: Any = None, mode: str = "reflect", cval: Any = 0.0, origin: int = 0
) -> Any:
    x = as_array(input)
    axis = np.lib.array_utils.normalize_axis_index(axis, x.ndim)
    return stored(average_along(x, size, axis, mode, cval, origin, target_dtype(output, x)), output, input)


def uniform_filter(
    input: Any, size: Any = 3, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, origin: Any = 0, *, axes: Any = None
) -> Any:
    x = as_array(input)
    dtype, axes = target_dtype(output, x), axes_of(axes, x.ndim)
    rows = zip(axes, *[per_axis(v, len(axes)) for v in (size, origin, mode)], strict=True)
    y = x
    for axis, n, o, m in rows:
        if n > 1:
            y = average_along(y, int(n), axis, m, cval, o, dtype)
    return stored(y if y.dtype == dtype else ops.astype(y, dtype), output, input)


expose(correlate1d, "scipy.ndimage.correlate1d", nd.correlate1d, "multilinear")
expose(convolve1d, "scipy.ndimage.convolve1d", nd.convolve1d, "multilinear")
expose(correlate, "scipy.ndimage.correlate", nd.correlate, "multilinear")
expose(convolve, "scipy.ndimage.convolve", nd.convolve, "multilinear")
expose(uniform_filter1d, "scipy.ndimage.uniform_filter1d", nd.uniform_filter1d, "linear")
expose(uniform_filter, "scipy.ndimage.uniform_filter", nd.uniform_filter, "linear")
