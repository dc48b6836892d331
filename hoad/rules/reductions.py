"""Sums, products, extrema, means, variances and norms along axes.

Sums and means are linear, extrema select, products are a balanced tree and variances are written in the others.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hoad.backends import asarray, filled, is_host
from hoad.core.box import Box, ops, peek, shape_of
from hoad.core.kinds import composite, constant, contraction, linear, selecting
from hoad.core.kinds.batching import shift_axis
from hoad.core.primitive import expose
from hoad.rules.arguments import normal_axis
from hoad.rules.kinks import at_kink

NoValue = np._NoValue

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


def ufunc_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """The same for reductions by a ufunc, for which a number has an axis too."""
    return () if ndim == 0 and type(axis) is int and axis in (0, -1) else normal_axes(axis, ndim)


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
    where = True if where is NoValue else where
    started = initial is not None and initial is not NoValue
    axes = (normal_axes if prim is mean_ else ufunc_axes)(axis, x.ndim)
    keywords = {"axis": axes, "keepdims": bool(keepdims) if keepdims is not NoValue else False}
    if where is True and not started:
        return prim.bind(x, **keywords)
    if where is not True and neutral is None and not started:
        raise ValueError(
            f"reduction operation {prim.name!r} does not have an identity, so to use a where mask one has to specify 'initial'"
        )
    return _with_keywords[prim.name].bind(x, where, *((initial,) if started else ()), **keywords)


_with_keywords: dict[str, Any] = {}
"""The reductions with ``where`` and ``initial``, by the names of those without."""


def _declare_keywords(prim: Any, neutral: Any, combine: Any) -> None:
    """The same reduction with ``where`` and ``initial``: the value is NumPy's, which may add in another order."""
    function = getattr(np, prim.name)

    def native(x: Any, where: Any, *initial: Any, axis: Any, keepdims: bool) -> Any:
        if not is_host(x):  # CuPy's reductions have no such keywords
            return body(x, where, *initial, axis=axis, keepdims=keepdims)
        return function(x, axis=axis, keepdims=keepdims, where=where, **({"initial": initial[0]} if initial else {}))

    def body(x: Any, where: Any, *initial: Any, axis: Any, keepdims: bool) -> Any:
        if where is not True:
            x = np.where(where, x, neutral if neutral is not None else initial[0])
        y = prim.bind(x, axis=axis, keepdims=keepdims)
        return combine(y, initial[0]) if initial else y

    _with_keywords[prim.name] = composite(f"{prim.name}_with_keywords", native, body)


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
    lambda g, shape, axis, keepdims: _sum_transpose(g / _count(shape, axis), shape, axis, keepdims),
    batch=_batch,
)


def _count(shape: tuple[int, ...], axis: tuple[int, ...]) -> int:
    n = 1
    for a in axis:
        n *= shape[a]
    return n


_declare_keywords(sum_, 0, np.add)


def sum(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, initial: Any = NoValue, where: Any = True
) -> Any:
    if where is True and initial is NoValue and dtype is None:
        return sum_.bind(
            a, axis=ufunc_axes(axis, a.ndim), keepdims=keepdims is True or (keepdims is not NoValue and bool(keepdims))
        )
    a = a if dtype is None else ops.astype(a, dtype)
    return _call(sum_, a, axis, keepdims, where, 0, initial, np.add)


def mean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True) -> Any:
    a = a if dtype is None else ops.astype(a, dtype)
    if where is True or where is NoValue:
        return _call(mean_, a, axis, keepdims, True, None, NoValue, None)
    return masked_mean_.bind(a, where, axis=ufunc_axes(axis, a.ndim), keepdims=keepdims is True)


def _masked_mean_body(x: Any, where: Any, axis: Any, keepdims: bool) -> Any:
    return divided(sum(x, axis, keepdims=keepdims, where=where), np.broadcast_to(where, x.shape), axis, keepdims)


def _masked_mean_value(x: Any, where: Any, axis: Any, keepdims: bool) -> Any:
    return np.mean(x, axis=axis, keepdims=keepdims, where=where) if is_host(x) else _masked_mean_body(x, where, axis, keepdims)


masked_mean_ = composite("masked_mean", _masked_mean_value, _masked_mean_body)


def divided(total: Any, counted: Any, axis: Any, keepdims: Any) -> Any:
    """A sum over the number of elements that were counted, in the precision of the sum."""
    count = np.sum(counted, axis=axis, keepdims=keepdims is True)
    return total / count.astype(peek(total).real.dtype)


def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False) -> Any:
    if weights is None:
        y = mean(a, axis, keepdims=keepdims)
        total = np.full_like(peek(y), a.size // (math.prod(shape_of(y)) or 1), shape=shape_of(y))[()] if returned else None
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
        return filled(_kept(shape, axis) if keepdims else x.shape[1:], 1, x.dtype, peek(x))
    while n > 1:
        half = n // 2
        paired = x[:half] * x[half : 2 * half]
        x = ops.concatenate([paired, x[2 * half :]], 0) if n % 2 else paired
        n = x.shape[0]
    return ops.reshape(x[0], _kept(shape, axis)) if keepdims else x[0]


prod_ = composite("prod", lambda x, axis, keepdims: np.prod(x, axis=axis, keepdims=keepdims), _prod_body)
_declare_keywords(prod_, 1, np.multiply)


def prod(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, initial: Any = NoValue, where: Any = True
) -> Any:
    a = a if dtype is None else ops.astype(a, dtype)
    return _call(prod_, a, axis, keepdims, where, 1, initial, np.multiply)


# -- extrema ------------------------------------------------------------------------------------------------------------------


def _tie_weights(y: Any, x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    full = spread(y, x, {"axis": axis, "keepdims": keepdims})
    chosen = np.logical_or(x == full, np.logical_and(np.isnan(x), np.isnan(full)))
    return (chosen / np.sum(chosen, axis=axis, keepdims=True).astype(peek(y).dtype),)


def _tie_masks(y: Any, xs: Any, which: Any, kw: Any) -> Any:
    """Where no element is equal to the extremum but one: which one that is."""
    x = xs[0]
    chosen = x == spread(y, x, kw)
    if len(kw["axis"]) == x.ndim:
        return [chosen] if np.count_nonzero(chosen) == 1 else None
    return [chosen] if np.all(np.count_nonzero(chosen, axis=kw["axis"]) == 1) else None


def _extremum(name: str) -> Any:
    native = getattr(np, name)
    return selecting(
        name,
        lambda x, axis, keepdims: native(x, axis=axis, keepdims=keepdims),
        _tie_weights,
        masks_of=_tie_masks,
        combine=_reduced,
        spread=spread,
        batch=_batch,
    )


max_, min_ = _extremum("max"), _extremum("min")
_declare_keywords(max_, None, np.maximum)
_declare_keywords(min_, None, np.minimum)


def max(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = NoValue, where: Any = True) -> Any:
    return _call(max_, a, axis, keepdims, where, None, initial, np.maximum)


def min(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = NoValue, where: Any = True) -> Any:
    return _call(min_, a, axis, keepdims, where, None, initial, np.minimum)


def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    return max(a, axis, keepdims=keepdims) - min(a, axis, keepdims=keepdims)


# -- variance -----------------------------------------------------------------------------------------------------------------


def _var_body(x: Any, axis: tuple[int, ...], keepdims: bool, ddof: float) -> Any:
    centred = x - mean_.bind(x, axis=axis, keepdims=True)
    return sum_.bind(ops.abs2(centred), axis=axis, keepdims=keepdims) / _free(x, axis, ddof)


def _free(x: Any, axis: tuple[int, ...], ddof: float) -> float:
    """Degrees of freedom, as a Python number, which does not promote single precision."""
    free = _count(shape_of(x), axis) - ddof
    return float(free) if free > 0 else 0.0


def _var_slope(y: Any, x: Any, axis: tuple[int, ...], keepdims: bool, ddof: float) -> Any:
    return (x - mean_.bind(x, axis=axis, keepdims=True)) * _two_over(x, axis, ddof)


def _two_over(x: Any, axis: tuple[int, ...], ddof: float) -> float:
    free = _count(shape_of(x), axis) - ddof
    return 2.0 / free if free > 0 else math.inf


def _var_combine(s: Any, t: Any, kw: Any) -> Any:
    """The slope sums to zero, so the mean of the tangent does not matter; without it less is rounded."""
    return _reduced(s * (t - mean_.bind(t, axis=kw["axis"], keepdims=True)), kw)


def _var_reverse(derived: Any) -> Any:
    def reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
        x = xs[0]
        general = derived(y, xs, kw, which)
        if type(x) is not np.ndarray or x.dtype.kind != "f":
            return general

        def pull(g: Any) -> Any:
            if isinstance(g, Box) or g.dtype != x.dtype:
                return general(g)
            centred = x - np.mean(x, axis=kw["axis"], keepdims=True)
            centred *= spread(g, x, kw) * _two_over(x, kw["axis"], kw["ddof"])
            return (centred,)

        return pull

    return reverse


def _std_body(x: Any, axis: tuple[int, ...], keepdims: bool, ddof: float) -> Any:
    """A norm, so that the derivative at constant data follows the kink of the norm: 0."""
    centred = x - mean_.bind(x, axis=axis, keepdims=True)
    return two_norm.bind(centred, axis=axis, keepdims=keepdims) / math.sqrt(_free(x, axis, ddof))


_native_var: Any = lambda x, axis, keepdims, ddof: np.var(x, axis=axis, keepdims=keepdims, ddof=ddof)
var_ = composite("var", _native_var, _var_body)
real_var_ = contraction("real_var", _native_var, _var_slope, _var_combine, spread, batch=_batch)
real_var_.reverse = _var_reverse(real_var_.reverse)
std_ = composite("std", lambda x, axis, keepdims, ddof: np.std(x, axis=axis, keepdims=keepdims, ddof=ddof), _std_body)


def _spread_function(prim: Any) -> Any:
    def spread_of(
        a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: Any = False, *,
        where: Any = True, mean: Any = None, correction: Any = NoValue,
    ) -> Any:  # fmt: skip
        a = a if dtype is None else ops.astype(a, dtype)
        ddof = ddof if correction is NoValue else correction
        if mean is not None and mean is not NoValue:
            return _about[prim].bind(a, mean, where, axis=normal_axes(axis, a.ndim), keepdims=keepdims is True, ddof=ddof)
        if where is not True:
            return _masked[prim].bind(a, where, axis=normal_axes(axis, a.ndim), keepdims=keepdims is True, ddof=ddof)
        chosen = real_var_ if prim is var_ and a.dtype.kind == "f" and isinstance(ddof, int | float) else prim
        return chosen.bind(a, axis=normal_axes(axis, a.ndim), keepdims=keepdims is True, ddof=ddof)

    return spread_of


def masked_spread(prim: Any, a: Any, where: Any, axes: tuple[int, ...], keepdims: bool, ddof: float) -> Any:
    count = np.sum(np.broadcast_to(where, a.shape), axis=axes, keepdims=True).astype(peek(a).real.dtype)
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
        lambda x, where, axis, keepdims, ddof: masked_spread(prim, x, where, axis, keepdims, ddof),
    )


def _about_composite(name: str, prim: Any, native: Any) -> Any:
    """Spread about a mean that is given (with the reduced axes kept), which need not be the mean of the data."""

    def body(x: Any, mean: Any, where: Any, axis: tuple[int, ...], keepdims: bool, ddof: float) -> Any:
        centred = x - mean
        count: Any = _count(shape_of(x), axis)
        if where is not True:
            centred = np.where(where, centred, 0.0)
            count = np.sum(np.broadcast_to(where, x.shape), axis=axis, keepdims=keepdims)
        free = np.maximum(count - ddof, 0)
        if prim is var_:
            return sum_.bind(ops.abs2(centred), axis=axis, keepdims=keepdims) / free
        return two_norm.bind(centred, axis=axis, keepdims=keepdims) / np.sqrt(free)

    return composite(
        name,
        lambda x, mean, where, axis, keepdims, ddof: native(x, axis=axis, keepdims=keepdims, ddof=ddof, mean=mean, where=where),
        body,
    )


_about = {var_: _about_composite("var_about", var_, np.var), std_: _about_composite("std_about", std_, np.std)}
_masked = {var_: _masked_composite("masked_var", var_, np.var), std_: _masked_composite("masked_std", std_, np.std)}
var, std = _spread_function(var_), _spread_function(std_)

# -- norm ---------------------------------------------------------------------------------------------------------------------


def _abs2(x: Any) -> Any:
    """|x|^2, without the kink of |x|."""
    return ops.real(x) ** 2 + ops.imag(x) ** 2 if x.dtype.kind == "c" else np.square(x)


ops.abs2 = _abs2


def _norm_value(x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    if type(x) is np.ndarray and x.dtype.char in "df" and len(axis) == x.ndim and not keepdims:
        return np.sqrt(np.vdot(x, x))
    return np.sqrt(np.sum(_abs2(x), axis=axis, keepdims=keepdims))


def _norm_slope(y: Any, x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    full = spread(y, x, {"axis": axis, "keepdims": keepdims})
    zero = full == 0
    if isinstance(x, np.ndarray) and not np.any(zero):
        return x / full
    return at_kink(zero, x, x / np.where(zero, 1.0, full))


def _norm_combine(s: Any, t: Any, kw: Any) -> Any:
    product = s * t if s.dtype.kind != "c" else ops.real(np.conjugate(s) * t)
    return _reduced(product, kw)


def _norm_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    x = xs[0]

    def pull(g: Any) -> Any:
        if type(x) is np.ndarray and isinstance(g, np.floating) and isinstance(y, np.floating) and x.dtype == g.dtype == y.dtype:
            factor = float(g) / float(y) if y else 0.0
            if 1e-30 < abs(factor) < 1e30:  # no overflow and no lost bits, in single precision either
                return (g / y * x,)
        # The slope of a norm is its gradient already: for complex x it must not be conjugated, so no `scaled` here.
        return (ops.scaled_gradient(spread(g, x, kw), _norm_slope(y, x, **kw)),)

    return pull


two_norm = contraction("two_norm", _norm_value, _norm_slope, _norm_combine, spread, batch=_batch, reverse=_norm_reverse)

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
            return prim.bind(a, axis=ufunc_axes(axis, a.ndim), keepdims=keepdims is True)
        if axis is None or not a.ndim:
            normal_axis(axis or 0, a.ndim or 1)
            y = prim.bind(ops.ravel(a), axis=0, keepdims=False)
            return np.reshape(y, (1,) * a.ndim) if keepdims is True else y
        return prim.bind(a, axis=normal_axis(axis, a.ndim), keepdims=keepdims is True)

    expose(function, f"numpy.{name}", native, "constant")


for _name in ("all", "any", "count_nonzero"):
    _axis_constant(_name, many=True)
for _name in ("argmax", "argmin", "nanargmax", "nanargmin"):
    _axis_constant(_name, many=False)
for _name, _f, _kind in (
    ("sum", sum, "linear"), ("mean", mean, "linear"), ("average", average, "composite"), ("prod", prod, "composite"),
    ("max", max, "selecting"), ("min", min, "selecting"), ("ptp", ptp, "selecting"), ("var", var, "composite"),
    ("std", std, "composite"),
):  # fmt: skip
    expose(_f, f"numpy.{_name}", getattr(np, _name), _kind)
