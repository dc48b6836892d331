"""Sums, products, extrema, means, variances and scans, with their nan-versions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hoad.backends import asarray, filled, is_host, like
from hoad.core.box import Box, ops, shape_of, strip, ufuncs
from hoad.core.kinds import composite, constant, contraction, linear, selecting
from hoad.core.kinds.batching import shift_axis
from hoad.core.primitive import expose
from hoad.rules.kinks import at_kink

# -- axes ---------------------------------------------------------------------------------------------------------------------


def normal_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """Axes of a reduction as a sorted tuple of non-negative ints."""
    if axis is None:
        return tuple(range(ndim))
    if type(axis) is int:
        if not -ndim <= axis < ndim:
            raise np.exceptions.AxisError(axis, ndim)
        return (axis + ndim if axis < 0 else axis,)
    return np.lib.array_utils.normalize_axis_tuple(axis, ndim)


def _kept(shape: tuple[int, ...], axis: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(1 if i in axis else n for i, n in enumerate(shape))


def spread(g: Any, x: Any, kw: Any) -> Any:
    """A cotangent (or a value) of a reduction of x, with the reduced axes as axes of length one."""
    shape = shape_of(x)
    return g if kw.get("keepdims") or len(kw["axis"]) == 0 else ops.reshape(g, _kept(shape, kw["axis"]))


def _reduced(t: Any, kw: Any) -> Any:
    return sum_.bind(t, axis=kw["axis"], keepdims=kw.get("keepdims", False))


def _batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    return prim.bind(xs[0], **{**kw, "axis": tuple(a + 1 for a in kw["axis"])})


def _call(prim: Any, x: Any, axis: Any, keepdims: Any, where: Any, neutral: Any, initial: Any, combine: Any) -> Any:
    """Common keywords of NumPy's reductions: a mask becomes a neutral element, ``initial`` one more operand."""
    if where is not True and where is not np._NoValue:
        if neutral is None and initial in (None, np._NoValue):
            raise ValueError(
                f"reduction operation {prim.name!r} does not have an identity, so to use a where mask one has to specify 'initial'"
            )
        x = np.where(where, x, neutral if neutral is not None else initial)
    y = prim.bind(x, axis=normal_axes(axis, x.ndim), keepdims=bool(keepdims) if keepdims is not np._NoValue else False)
    return y if initial is None or initial is np._NoValue else combine(y, initial)


NoValue = np._NoValue

# -- sums and means -----------------------------------------------------------------------------------------------------------


def _sum_transpose(g: Any, shape: Any, axis: Any, keepdims: bool) -> Any:
    if not keepdims and len(axis) < len(shape):
        g = ops.reshape(g, tuple(1 if i in axis else n for i, n in enumerate(shape)))
    if type(g) is np.ndarray or type(g) is np.float64:
        return _repeated(g, shape)
    return ops.broadcast_to(g, shape)


def _repeated(g: Any, shape: Any) -> Any:
    """np.broadcast_to of a plain array, without its overhead for the cotangent of a full sum."""
    if g.ndim:
        return np.broadcast_to(g, shape)
    y: Any = np.ndarray(shape, g.dtype, np.asarray(g), 0, (0,) * len(shape))
    y.flags.writeable = False
    return y


sum_ = linear("sum", lambda x, axis, keepdims: np.sum(x, axis=axis, keepdims=keepdims), _sum_transpose, batch=_batch)
mean_ = linear(
    "mean",
    lambda x, axis, keepdims: np.mean(x, axis=axis, keepdims=keepdims),
    lambda g, shape, axis, keepdims: _sum_transpose(g, shape, axis, keepdims) / _count(shape, axis),
    batch=_batch,
)


def _count(shape: tuple[int, ...], axis: tuple[int, ...]) -> int:
    n = 1
    for a in axis:
        n *= shape[a]
    return n


def sum(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, initial: Any = NoValue, where: Any = True
) -> Any:
    if where is True and initial is NoValue and dtype is None:
        return sum_.bind(
            a, axis=normal_axes(axis, a.ndim), keepdims=keepdims is True or (keepdims is not NoValue and bool(keepdims))
        )
    a = a if dtype is None else ops.astype(a, dtype)
    return _call(sum_, a, axis, keepdims, where, 0, initial, np.add)


def mean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True) -> Any:
    a = a if dtype is None else ops.astype(a, dtype)
    if where is True or where is NoValue:
        return _call(mean_, a, axis, keepdims, True, None, NoValue, None)
    return _divided(sum(a, axis, keepdims=keepdims, where=where), np.broadcast_to(where, a.shape), axis, keepdims)


def _divided(total: Any, counted: Any, axis: Any, keepdims: Any) -> Any:
    """A sum over the number of elements that were counted, in the precision of the sum."""
    count = np.sum(counted, axis=axis, keepdims=keepdims is True)
    return total / count.astype(strip(total).real.dtype)


def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False) -> Any:
    if weights is None:
        y = mean(a, axis, keepdims=keepdims)
        total = np.full_like(strip(y), a.size // (math.prod(shape_of(y)) or 1), shape=shape_of(y)) if returned else None
    else:
        weights = asarray(weights)
        if shape_of(a) != shape_of(weights):
            axes = normal_axes(axis, len(shape_of(a)))
            full = [1] * len(shape_of(a))
            for i, n in zip(axes, shape_of(weights), strict=True):
                full[i] = n
            weights = ops.broadcast_to(np.reshape(weights, tuple(full)), shape_of(a))
        total = np.sum(weights, axis=axis, keepdims=bool(keepdims is True))
        y = np.sum(a * weights, axis=axis, keepdims=bool(keepdims is True)) / total
    return (y, ops.broadcast_to(total, shape_of(y))) if returned else y


# -- products -----------------------------------------------------------------------------------------------------------------


def _prod_body(x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    """Balanced tree of products: right at zeros, in every order."""
    shape = shape_of(x)
    rest = tuple(i for i in range(len(shape)) if i not in axis)
    x = ops.reshape(ops.transpose(x, (*axis, *rest)), (_count(shape, axis), *(shape[i] for i in rest)))
    n = x.shape[0]
    if n == 0:
        return filled(_kept(shape, axis) if keepdims else x.shape[1:], 1, x.dtype, strip(x))
    while n > 1:
        half = n // 2
        paired = x[:half] * x[half : 2 * half]
        x = ops.concatenate([paired, x[2 * half :]], 0) if n % 2 else paired
        n = x.shape[0]
    return ops.reshape(x[0], _kept(shape, axis)) if keepdims else x[0]


prod_ = composite("prod", lambda x, axis, keepdims: np.prod(x, axis=axis, keepdims=keepdims), _prod_body)


def prod(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, initial: Any = NoValue, where: Any = True
) -> Any:
    a = a if dtype is None else ops.astype(a, dtype)
    return _call(prod_, a, axis, keepdims, where, 1, initial, np.multiply)


# -- extrema ------------------------------------------------------------------------------------------------------------------


def _tie_weights(y: Any, x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    full = spread(y, x, {"axis": axis, "keepdims": keepdims})
    chosen = np.logical_or(x == full, np.logical_and(np.isnan(x), np.isnan(full)))
    return (chosen / np.sum(chosen, axis=axis, keepdims=True).astype(strip(y).dtype),)


def _extremum(name: str) -> Any:
    native = getattr(np, name)
    return selecting(
        name,
        lambda x, axis, keepdims: native(x, axis=axis, keepdims=keepdims),
        _tie_weights,
        combine=_reduced,
        spread=spread,
        batch=_batch,
    )


max_, min_ = _extremum("max"), _extremum("min")


def max(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = NoValue, where: Any = True) -> Any:
    return _call(max_, a, axis, keepdims, where, None, initial, np.maximum)


def min(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = NoValue, where: Any = True) -> Any:
    return _call(min_, a, axis, keepdims, where, None, initial, np.minimum)


def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    return max(a, axis, keepdims=keepdims) - min(a, axis, keepdims=keepdims)


# -- variance -----------------------------------------------------------------------------------------------------------------


def _var_body(x: Any, axis: tuple[int, ...], keepdims: bool, ddof: float) -> Any:
    centred = x - mean_.bind(x, axis=axis, keepdims=True)
    return sum_.bind(ops.abs2(centred), axis=axis, keepdims=keepdims) / np.maximum(_count(shape_of(x), axis) - ddof, 0)


def _std_body(x: Any, axis: tuple[int, ...], keepdims: bool, ddof: float) -> Any:
    """A norm, so that the derivative at constant data follows the kink of the norm: 0."""
    centred = x - mean_.bind(x, axis=axis, keepdims=True)
    return two_norm.bind(centred, axis=axis, keepdims=keepdims) / np.sqrt(np.maximum(_count(shape_of(x), axis) - ddof, 0))


var_ = composite("var", lambda x, axis, keepdims, ddof: np.var(x, axis=axis, keepdims=keepdims, ddof=ddof), _var_body)
std_ = composite("std", lambda x, axis, keepdims, ddof: np.std(x, axis=axis, keepdims=keepdims, ddof=ddof), _std_body)


def _spread_function(prim: Any) -> Any:
    def spread_of(
        a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: Any = False, *,
        where: Any = True, mean: Any = None, correction: Any = NoValue,
    ) -> Any:  # fmt: skip
        a = a if dtype is None else ops.astype(a, dtype)
        ddof = ddof if correction is NoValue else correction
        if where is not True:
            return _masked[prim].bind(a, where, axis=normal_axes(axis, a.ndim), keepdims=keepdims is True, ddof=ddof)
        return prim.bind(a, axis=normal_axes(axis, a.ndim), keepdims=keepdims is True, ddof=ddof)

    return spread_of


def _masked_spread(prim: Any, a: Any, where: Any, axes: tuple[int, ...], keepdims: bool, ddof: float) -> Any:
    count = np.sum(np.broadcast_to(where, a.shape), axis=axes, keepdims=True)
    centred = np.where(where, a - sum(a, axes, keepdims=True, where=where) / count, 0.0)
    free = np.maximum(count - ddof, 0)
    free = free if keepdims else np.reshape(free, shape_of(sum_.bind(centred, axis=axes, keepdims=False)))
    if prim is var_:
        return sum_.bind(ops.abs2(centred), axis=axes, keepdims=keepdims) / free
    return two_norm.bind(centred, axis=axes, keepdims=keepdims) / np.sqrt(free)


def _masked_composite(name: str, prim: Any, native: Any) -> Any:
    return composite(
        name,
        lambda x, where, axis, keepdims, ddof: native(x, axis=axis, keepdims=keepdims, ddof=ddof, where=where),
        lambda x, where, axis, keepdims, ddof: _masked_spread(prim, x, where, axis, keepdims, ddof),
    )


_masked = {var_: _masked_composite("masked_var", var_, np.var), std_: _masked_composite("masked_std", std_, np.std)}


def _abs2(x: Any) -> Any:
    """|x|^2, without the kink of |x|."""
    return ops.real(x) ** 2 + ops.imag(x) ** 2 if x.dtype.kind == "c" else np.square(x)


ops.abs2 = _abs2


def _norm_value(x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    return np.sqrt(np.sum(_abs2(x), axis=axis, keepdims=keepdims))


def _norm_slope(y: Any, x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    full = spread(y, x, {"axis": axis, "keepdims": keepdims})
    zero = full == 0
    return at_kink(zero, x, x / np.where(zero, 1.0, full))


def _norm_combine(s: Any, t: Any, kw: Any) -> Any:
    product = s * t if s.dtype.kind != "c" else ops.real(np.conjugate(s) * t)
    return _reduced(product, kw)


def _norm_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    x = xs[0]
    # The slope of a norm is its gradient already: for complex x it must not be conjugated, so no `scaled` here.
    return lambda g: (ops.scaled_gradient(spread(g, x, kw), _norm_slope(y, x, **kw)),)


two_norm = contraction("two_norm", _norm_value, _norm_slope, _norm_combine, spread, batch=_batch, reverse=_norm_reverse)

# -- scans --------------------------------------------------------------------------------------------------------------------


def _reversed(x: Any, axis: int) -> Any:
    return x[(*(slice(None),) * axis, slice(None, None, -1))]


cumsum_: Any = linear(
    "cumsum",
    lambda x, axis: np.cumsum(x, axis=axis),
    lambda g, shape, axis: _reversed(cumsum_.bind(_reversed(g, axis), axis=axis), axis),
    batch=shift_axis,
)


def _cumprod_body(x: Any, axis: int) -> Any:
    """Parallel prefix of products (Hillis & Steele 1986): log2(n) multiplications, right at zeros."""
    n = shape_of(x)[axis]
    before = (slice(None),) * axis
    step = 1
    while step < n:
        x = ops.concatenate(
            [x[(*before, slice(0, step))], x[(*before, slice(step, None))] * x[(*before, slice(0, n - step))]], axis
        )
        step *= 2
    return asarray(x)


cumprod_ = composite("cumprod", lambda x, axis: np.cumprod(x, axis=axis), _cumprod_body)


def _scan_function(prim: Any) -> Any:
    def scan(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        if axis is None:
            a, axis = ops.ravel(a), 0
        a = a if dtype is None else ops.astype(a, dtype)
        return prim.bind(a, axis=axis + a.ndim if axis < 0 else axis)

    return scan


cumsum, cumprod = _scan_function(cumsum_), _scan_function(cumprod_)


def _cumulative(scan: Any, neutral: float) -> Any:
    def cumulative(x: Any, /, *, axis: int | None = None, dtype: Any = None, out: Any = None, include_initial: bool = False) -> Any:
        if axis is None:
            if x.ndim > 1:
                raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
            axis = 0
        y = scan(x, axis, dtype)
        if include_initial:
            first = list(y.shape)
            first[axis] = 1
            y = ops.concatenate([filled(tuple(first), neutral, y.dtype, strip(y)), y], axis)
        return y

    return cumulative


cumulative_sum, cumulative_prod = _cumulative(cumsum, 0), _cumulative(cumprod, 1)


def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = NoValue, append: Any = NoValue) -> Any:
    axis = axis + a.ndim if axis < 0 else axis
    ends = []
    for extra in (prepend, append):
        if extra is not NoValue:
            extra = like(asarray(extra), strip(a))
            if extra.ndim == 0:
                extra = ops.broadcast_to(extra, tuple(1 if i == axis else m for i, m in enumerate(a.shape)))
        ends.append(extra)
    parts = [p for p in (ends[0], a, ends[1]) if p is not NoValue]
    a = ops.concatenate(parts, axis) if len(parts) > 1 else a
    before = (slice(None),) * axis
    for _ in range(n):
        a = a[(*before, slice(1, None))] - a[(*before, slice(None, -1))]
    return a


# -- nan-versions -----------------------------------------------------------------------------------------------------------------


def _nan_filled(fill: float) -> Any:
    return lambda a: (np.where(np.isnan(a), fill, a), np.isnan(a))


def nansum(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, initial: Any = NoValue, where: Any = True
) -> Any:
    return sum(_nan_filled(0.0)(a)[0], axis, dtype, None, keepdims, initial, where)


def nanprod(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, initial: Any = NoValue, where: Any = True
) -> Any:
    return prod(_nan_filled(1.0)(a)[0], axis, dtype, None, keepdims, initial, where)


def nancumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    return cumsum(_nan_filled(0.0)(a)[0], axis, dtype)


def nancumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    return cumprod(_nan_filled(1.0)(a)[0], axis, dtype)


def nanmean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True) -> Any:
    filled, missing = _nan_filled(0.0)(a)
    counted = np.logical_and(np.logical_not(missing), where)
    return _divided(sum(filled, axis, dtype, None, keepdims, where=where), counted, axis, keepdims)


def _nan_spread_composite(name: str, prim: Any) -> Any:
    native = getattr(np, name)

    def body(x: Any, axis: tuple[int, ...], keepdims: bool, ddof: float) -> Any:
        filled, missing = _nan_filled(0.0)(x)
        return _masked_spread(prim, filled, np.logical_not(missing), axis, keepdims, ddof)

    return composite(name, lambda x, axis, keepdims, ddof: native(x, axis=axis, keepdims=keepdims, ddof=ddof), body)


def _nan_spread(nan_prim: Any, spread_function: Any) -> Any:
    def nan_spread(
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: float = 0,
        keepdims: Any = False,
        *,
        where: Any = True,
        mean: Any = None,
        correction: Any = NoValue,
    ) -> Any:
        if where is True:
            a = a if dtype is None else ops.astype(a, dtype)
            ddof = ddof if correction is NoValue else correction
            return nan_prim.bind(a, axis=normal_axes(axis, a.ndim), keepdims=keepdims is True, ddof=ddof)
        filled, missing = _nan_filled(0.0)(a)
        return spread_function(filled, axis, dtype, None, ddof, keepdims, where=np.logical_and(np.logical_not(missing), where))

    return nan_spread


def _nan_extremum(name: str, extremum: Any, fill: float) -> Any:
    native = getattr(np, name)

    def body(x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
        filled, missing = _nan_filled(fill)(x)
        return np.where(np.all(missing, axis=axis, keepdims=keepdims), np.nan, extremum(filled, axis, None, keepdims))

    prim = composite(name, lambda x, axis, keepdims: native(x, axis=axis, keepdims=keepdims), body)

    def nan_extremum(
        a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = NoValue, where: Any = True
    ) -> Any:
        if where is True and initial is NoValue:
            return prim.bind(a, axis=normal_axes(axis, a.ndim), keepdims=keepdims is True)
        filled, missing = _nan_filled(fill)(a)
        y = extremum(filled, axis, None, keepdims, initial, where)
        return np.where(np.all(missing, axis=axis, keepdims=keepdims is True), np.nan, y)

    return nan_extremum


# -- the functions of NumPy --------------------------------------------------------------------------------------------------

var, std = _spread_function(var_), _spread_function(std_)
for _name, _f, _kind in (
    ("sum", sum, "linear"), ("mean", mean, "linear"), ("average", average, "composite"), ("prod", prod, "composite"),
    ("max", max, "selecting"), ("min", min, "selecting"), ("ptp", ptp, "selecting"), ("var", var, "composite"),
    ("std", std, "composite"), ("cumsum", cumsum, "linear"), ("cumprod", cumprod, "composite"),
    ("cumulative_sum", cumulative_sum, "linear"), ("cumulative_prod", cumulative_prod, "composite"), ("diff", diff, "linear"),
    ("nansum", nansum, "linear"), ("nanprod", nanprod, "composite"), ("nancumsum", nancumsum, "linear"),
    ("nancumprod", nancumprod, "composite"), ("nanmean", nanmean, "linear"),
    ("nanvar", _nan_spread(_nan_spread_composite("nanvar", var_), var), "composite"),
    ("nanstd", _nan_spread(_nan_spread_composite("nanstd", std_), std), "composite"),
    ("nanmax", _nan_extremum("nanmax", max, -np.inf), "selecting"),
    ("nanmin", _nan_extremum("nanmin", min, np.inf), "selecting"),
):  # fmt: skip
    expose(_f, f"numpy.{_name}", getattr(np, _name), _kind)

# -- reductions that return no differentiable value ---------------------------------------------------------------------------


def _counted(x: Any, axis: Any, keepdims: bool) -> Any:
    """np.count_nonzero; CuPy's has no keepdims."""
    return np.count_nonzero(x, axis=axis, keepdims=keepdims) if is_host(x) else np.sum(x != 0, axis=axis, keepdims=keepdims)


def _axis_constant(name: str, many: bool) -> None:
    native = getattr(np, name)
    value = _counted if name == "count_nonzero" else native
    prim = constant(name, lambda x, axis, keepdims: value(x, axis=axis, keepdims=keepdims), batch=_batch if many else shift_axis)

    def function(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True) -> Any:
        if where is not True:
            a = np.where(where, a, name == "all")
        if many:
            return prim.bind(a, axis=normal_axes(axis, a.ndim), keepdims=keepdims is True)
        if axis is None:
            y = prim.bind(ops.ravel(a), axis=0, keepdims=False)
            return np.reshape(y, (1,) * a.ndim) if keepdims is True else y
        return prim.bind(a, axis=axis + a.ndim if axis < 0 else axis, keepdims=keepdims is True)

    expose(function, f"numpy.{name}", native, "constant")


for _name in ("all", "any", "count_nonzero"):
    _axis_constant(_name, many=True)
for _name in ("argmax", "argmin"):
    _axis_constant(_name, many=False)
for _name in ("nanargmax", "nanargmin"):
    _axis_constant(_name, many=False)

# -- methods of ufuncs -----------------------------------------------------------------------------------------------------------

for _ufunc, _f in (
    (np.add, sum), (np.multiply, prod), (np.maximum, max), (np.minimum, min), (np.logical_and, ops.all), (np.logical_or, ops.any),
):  # fmt: skip

    def _reduce(
        a: Any, axis: Any = 0, dtype: Any = None, keepdims: Any = False, initial: Any = NoValue, where: Any = True, _f: Any = _f
    ) -> Any:
        given = {} if initial is NoValue else {"initial": initial}
        if dtype is not None:
            a = ops.astype(a, dtype)
        return _f(a, axis, keepdims=keepdims, where=where, **given)

    ufuncs[_ufunc, "reduce"] = _reduce
for _ufunc, _f in ((np.add, cumsum), (np.multiply, cumprod)):
    ufuncs[_ufunc, "accumulate"] = lambda a, axis=0, dtype=None, _f=_f: _f(a, axis, dtype)


def _outer(ufunc: Any) -> Any:
    def outer(a: Any, b: Any, **kwargs: Any) -> Any:
        a, b = asarray(a), asarray(b)
        return ufunc(np.reshape(a, tuple(a.shape) + (1,) * b.ndim), b, **kwargs)

    return outer


def _add_at(a: Any, indices: Any, b: Any = None) -> None:
    if not isinstance(a, Box):
        raise ops.plain_buffer_error()
    from hoad.core.box import assign

    assign(a, ops.index_add(a, indices, b))


def _reduceat(a: Any, indices: Any, axis: int = 0, dtype: Any = None) -> Any:
    a = a if dtype is None else ops.astype(a, dtype)
    moved = ops.moveaxis(a, axis, 0)
    n = moved.shape[0]
    stops = [*list(indices)[1:], n]
    rows = [moved[i] if stop <= i else sum(moved[i:stop], 0) for i, stop in zip(indices, stops, strict=True)]
    return ops.moveaxis(ops.stack(rows), 0, axis)


ufuncs[np.add, "at"] = _add_at
ufuncs[np.subtract, "at"] = lambda a, indices, b: _add_at(a, indices, -b)
ufuncs[np.add, "reduceat"] = _reduceat
for _ufunc, _method in list(ufuncs):
    if _method == "__call__" and getattr(_ufunc, "nin", 0) == 2:
        ufuncs[_ufunc, "outer"] = _outer(_ufunc)
