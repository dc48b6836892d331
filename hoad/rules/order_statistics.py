"""Median, quantile, percentile and their nan-versions: order statistics at places that NumPy finds.

Where a quantile falls among the ordered values is asked of NumPy itself, on the numbers 0, 1, 2 …, so that every method is known;
methods that interpolate have a derivative in q too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import asarray, is_host, like, maybe_any
from hoad.core.box import Box, ops, peek, shape_of
from hoad.core.kinds import composite, constant, elementwise
from hoad.core.kinds.batching import by_loop
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.reductions import normal_axes

_native: Any = np

# -- places -----------------------------------------------------------------------------------------------------------------

# Methods that interpolate: virtual index n q + alpha + q (1 - alpha - beta) - 1 (Hyndman & Fan 1996).
_CONTINUOUS = {
    "linear": (1.0, 1.0), "interpolated_inverted_cdf": (0.0, 1.0), "hazen": (0.5, 0.5), "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3), "normal_unbiased": (3 / 8, 3 / 8),
}  # fmt: skip


def _places(q: Any, counts: Any, method: str) -> Any:
    """Where quantile q of as many values as ``counts`` says falls among them; NaN among none."""
    if not is_host(q) or not is_host(counts):
        return _places_by_formula(q, counts, method)
    q, counts = np.broadcast_arrays(q, counts)
    y = np.full(q.shape, np.nan)
    for n in np.unique(counts):
        if n:
            y[counts == n] = _native.quantile(np.arange(n, dtype=float), q[counts == n].astype(float), method=method)
    near = np.rint(y)
    return np.where(np.abs(y - near) < 1e-11 * np.maximum(counts, 1), near, y)


def _places_by_formula(q: Any, counts: Any, method: str) -> Any:
    """The same in functions that every array library has, for arrays on a device."""
    last = counts - 1
    if method in _CONTINUOUS:
        alpha, beta = _CONTINUOUS[method]
        y = counts * q + (alpha + q * (1 - alpha - beta)) - 1
    elif method in ("lower", "higher", "midpoint", "nearest"):
        exact = q * last
        rounding: dict[str, Any] = {"lower": np.floor, "higher": np.ceil, "nearest": np.rint, "midpoint": _middle}
        y = rounding[method](exact)
    else:
        index = counts * q - (1.5 if method == "closest_observation" else 1)
        below, next_ = np.floor(index), np.floor(index) + 1
        if method == "averaged_inverted_cdf":
            y = np.where(index == below, below + 0.5, next_)
        elif method == "inverted_cdf":
            y = np.where(index == below, below, next_)
        else:
            y = np.where(np.logical_and(index == below, below % 2 == 1), below, next_)
    y = np.maximum(np.minimum(y, last), 0)
    return y if type(counts) is int else np.where(counts == 0, np.nan, y)


def _middle(x: Any) -> Any:
    return 0.5 * (np.floor(x) + np.ceil(x))


def _places_slope(y: Any, q: Any, counts: Any, method: str) -> Any:
    if method not in _CONTINUOUS:
        return 0.0 * y
    alpha, beta = _CONTINUOUS[method]
    return np.where(np.logical_and(y > 0, y < counts - 1), counts + (1.0 - alpha - beta), 0.0)


places_ = elementwise("quantile_places", _places, _places_slope, None)


def _moved(x: Any, axis: tuple[int, ...]) -> Any:
    """The reduced axes as the first one."""
    shape = shape_of(x)
    rest = tuple(i for i in range(len(shape)) if i not in axis)
    n = 1
    for i in axis:
        n *= shape[i]
    return ops.reshape(ops.transpose(x, (*axis, *rest)), (n, *(shape[i] for i in rest)))


def _restored(y: Any, shape: tuple[int, ...], lead: tuple[int, ...], axis: tuple[int, ...], keepdims: bool) -> Any:
    """The result with the shape of q first, then what is left of the axes."""
    rest = tuple(1 if i in axis else m for i, m in enumerate(shape) if keepdims or i not in axis)
    return ops.reshape(y, lead + rest)


def _read(ordered: Any, place: Any) -> Any:
    """``ordered`` at integer places along its first axis."""
    place = place.astype(int)
    if isinstance(place, Box) or len(shape_of(place)) > 1:
        full = (shape_of(place)[0], *shape_of(ordered)[1:])
        return ops.take_along_axis(ordered, ops.broadcast_to(place, full), 0)
    return ops.take(ordered, place, 0)


def _quantile_body(x: Any, q: Any, axis: tuple[int, ...], keepdims: bool, method: str, skip: bool) -> Any:
    shape, lead = shape_of(x), shape_of(q)
    flat = _moved(x, axis)
    n, rank = shape_of(flat)[0], len(shape_of(flat)) - 1
    q = ops.reshape(q, (-1,) + (1,) * rank)
    missing = np.isnan(flat)
    counts = np.sum(np.logical_not(missing), axis=0) if skip else n
    at = places_.bind(q, counts, method=method)
    low = np.clip(np.floor(np.nan_to_num(at)), 0, max(n - 1, 0))
    high = np.minimum(low + 1, np.maximum(counts - 1, 0))
    part = ops.astype(np.nan_to_num(at) - low, peek(q).dtype)
    ordered = np.sort(flat, axis=0)
    y = _between(_read(ordered, low), _read(ordered, high), part)
    undefined = np.equal(counts, 0) if skip else np.any(missing, axis=0)
    if isinstance(undefined, Box) or maybe_any(undefined):
        y = np.where(undefined, np.nan, y)
    return _restored(y, shape, lead, axis, keepdims)


def _between(a: Any, b: Any, part: Any) -> Any:
    """Interpolated; where q is not differentiated, a neighbour of weight zero does not matter, even if it is infinite."""
    if isinstance(part, Box):
        return a + (b - a) * part
    return np.where(part == 0, a, a + np.where(part == 0, 0.0, b - a) * part)


def _declared(name: str, skip: bool) -> Any:
    native = getattr(_native, name)
    return composite(
        name,
        lambda x, q, axis, keepdims, method: native(x, q, axis=axis, keepdims=keepdims, method=method),
        lambda x, q, axis, keepdims, method: _quantile_body(x, q, axis, keepdims, method, skip),
    )


_quantiles = {False: _declared("quantile", False), True: _declared("nanquantile", True)}


# -- weights: which element is chosen depends on them, but not smoothly -------------------------------------------------------


def _weighted_rank(x: Any, weights: Any, q: Any, method: str, skip: bool) -> Any:
    """For q and each column of x, the rank of the element that the weighted quantile is."""
    rank = np.argsort(np.argsort(x, axis=0, kind="stable"), axis=0, kind="stable").astype(float)
    rank[np.isnan(x)] = np.nan
    native = _native.nanquantile if skip else _native.quantile
    return np.nan_to_num(native(rank, q, axis=0, weights=weights, method=method)).astype(int)


weighted_rank_ = constant("weighted_quantile_rank", _weighted_rank, batch=by_loop)


def _weighted_body(x: Any, weights: Any, q: Any, axis: tuple[int, ...], keepdims: bool, method: str, skip: bool) -> Any:
    shape, lead = shape_of(x), shape_of(q)
    flat = _moved(x, axis)
    rank = weighted_rank_.bind(flat, _moved(weights, axis), np.reshape(q, (-1,)), method=method, skip=skip)
    missing = np.isnan(flat)
    y = _read(np.sort(flat, axis=0), rank)
    y = np.where(np.all(missing, axis=0) if skip else np.any(missing, axis=0), np.nan, y)
    return _restored(y, shape, lead, axis, keepdims)


def _weighted(name: str, skip: bool) -> Any:
    native = getattr(_native, name)
    return composite(
        f"weighted_{name}",
        lambda x, w, q, axis, keepdims, method: native(x, q, axis=axis, keepdims=keepdims, method=method, weights=w),
        lambda x, w, q, axis, keepdims, method: _weighted_body(x, w, q, axis, keepdims, method, skip),
    )


_weighted_quantiles = {False: _weighted("quantile", False), True: _weighted("nanquantile", True)}


def _full_weights(weights: Any, a: Any, axis: Any) -> Any:
    """Weights for the axis alone, as weights for every element."""
    weights = asarray(weights)
    if shape_of(weights) == shape_of(a):
        return weights
    if axis is None:
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    given = np.lib.array_utils.normalize_axis_tuple(axis, a.ndim)
    if shape_of(weights) != tuple(a.shape[i] for i in given):
        raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
    weights = ops.transpose(weights, tuple(int(i) for i in np.argsort(given)))
    full = np.reshape(weights, tuple(n if i in given else 1 for i, n in enumerate(a.shape)))
    return ops.broadcast_to(full, a.shape)


# -- the functions of NumPy -------------------------------------------------------------------------------------------------


def _quantile_function(skip: bool) -> Any:
    def quantile(
        a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, method: str = "linear",
        keepdims: Any = False, *, weights: Any = None, interpolation: Any = None,
    ) -> Any:  # fmt: skip
        method = method if interpolation is None else interpolation
        a = asarray(a)
        if a.dtype.kind == "c":
            raise TypeError("a must be an array of real numbers")
        if not isinstance(q, Box):  # as NumPy: Python numbers take the precision of the data
            q = np.asarray(q, a.dtype) if isinstance(q, int | float) and a.dtype.kind == "f" else np.asarray(asarray(q), float)
            if not np.all((q >= 0) & (q <= 1)):
                raise ValueError("Quantiles must be in the range [0, 1]")
            q = like(q, peek(a))
        axes, keepdims = normal_axes(axis, a.ndim), keepdims is True
        if weights is None:
            return _quantiles[skip].bind(a, q, axis=axes, keepdims=keepdims, method=method)
        if method != "inverted_cdf":
            raise ValueError(f"Only method 'inverted_cdf' supports weights. Got: {method}.")
        if isinstance(q, Box):
            raise UnsupportedFunctionError.no_rule("np.quantile with weights, with respect to q")
        weights = _full_weights(weights, a, axis)
        return _weighted_quantiles[skip].bind(a, weights, q, axis=axes, keepdims=keepdims, method=method)

    return quantile


def _percentile_function(quantile: Any) -> Any:
    def percentile(a: Any, q: Any, *args: Any, **kwargs: Any) -> Any:
        a = asarray(a)
        hundred = a.dtype.type(100) if a.dtype.kind == "f" else 100
        return quantile(a, np.true_divide(q if isinstance(q, Box) else asarray(q), hundred), *args, **kwargs)

    return percentile


def _nanmedian_body(x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    return _quantile_body(x, like(np.asarray(0.5, peek(x).dtype), peek(x)), axis, keepdims, "linear", True)


nanmedian_ = composite("nanmedian", lambda x, axis, keepdims: np.nanmedian(x, axis=axis, keepdims=keepdims), _nanmedian_body)


def nanmedian(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False) -> Any:
    return nanmedian_.bind(a, axis=normal_axes(axis, a.ndim), keepdims=keepdims is True)


quantile, nanquantile = _quantile_function(False), _quantile_function(True)
for _name, _f, _kind in (
    ("quantile", quantile, "composite"), ("percentile", _percentile_function(quantile), "composite"),
    ("nanquantile", nanquantile, "composite"), ("nanpercentile", _percentile_function(nanquantile), "composite"),
    ("nanmedian", nanmedian, "selecting"),
):  # fmt: skip
    expose(_f, f"numpy.{_name}", getattr(np, _name), _kind)
