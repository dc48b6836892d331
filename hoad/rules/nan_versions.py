"""The nan-versions of reductions and scans: a missing element counts as the neutral one, and its derivative is zero.

Variances and extrema keep NumPy's own code for the value.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.core.box import ops
from hoad.core.kinds import composite
from hoad.core.primitive import expose
from hoad.rules.reductions import NoValue, divided, masked_spread, normal_axes, std_, ufunc_axes, var_


def _nan_filled(fill: float) -> Any:
    return lambda a: (np.where(np.isnan(a), fill, a), np.isnan(a))


def nansum(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, initial: Any = NoValue, where: Any = True
) -> Any:
    return ops.sum(_nan_filled(0.0)(a)[0], axis, dtype, None, keepdims, initial, where)


def nanprod(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, initial: Any = NoValue, where: Any = True
) -> Any:
    return ops.prod(_nan_filled(1.0)(a)[0], axis, dtype, None, keepdims, initial, where)


def nancumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    return ops.cumsum(_nan_filled(0.0)(a)[0], axis, dtype)


def nancumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    return ops.cumprod(_nan_filled(1.0)(a)[0], axis, dtype)


def nanmean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True) -> Any:
    filled, missing = _nan_filled(0.0)(a)
    counted = np.logical_and(np.logical_not(missing), where)
    return divided(ops.sum(filled, axis, dtype, None, keepdims, where=where), counted, axis, keepdims)


def _nan_spread_composite(name: str, prim: Any) -> Any:
    native = getattr(np, name)

    def body(x: Any, axis: tuple[int, ...], keepdims: bool, ddof: float) -> Any:
        filled, missing = _nan_filled(0.0)(x)
        return masked_spread(prim, filled, np.logical_not(missing), axis, keepdims, ddof)

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
        if mean is not None and mean is not NoValue:
            a, missing = _nan_filled(0.0)(a if dtype is None else ops.astype(a, dtype))
            mask = np.logical_and(np.logical_not(missing), where)
            ddof = ddof if correction is NoValue else correction
            return spread_function(a, axis, None, None, ddof, keepdims, where=mask, mean=mean)
        if where is True:
            a = a if dtype is None else ops.astype(a, dtype)
            ddof = ddof if correction is NoValue else correction
            return nan_prim.bind(a, axis=normal_axes(axis, a.ndim), keepdims=keepdims is True, ddof=ddof)
        filled, missing = _nan_filled(0.0)(a)
        mask = np.logical_and(np.logical_not(missing), where)
        return spread_function(filled, axis, dtype, None, ddof, keepdims, where=mask, correction=correction)

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
            return prim.bind(a, axis=ufunc_axes(axis, a.ndim), keepdims=keepdims is True)
        filled, missing = _nan_filled(fill)(a)
        y = extremum(filled, axis, None, keepdims, initial, where)
        return np.where(np.all(missing, axis=axis, keepdims=keepdims is True), np.nan, y)

    return nan_extremum


for _name, _f, _kind in (
    ("nansum", nansum, "linear"), ("nanprod", nanprod, "composite"), ("nancumsum", nancumsum, "linear"),
    ("nancumprod", nancumprod, "composite"), ("nanmean", nanmean, "linear"),
    ("nanvar", _nan_spread(_nan_spread_composite("nanvar", var_), ops.var), "composite"),
    ("nanstd", _nan_spread(_nan_spread_composite("nanstd", std_), ops.std), "composite"),
    ("nanmax", _nan_extremum("nanmax", ops.max, -np.inf), "selecting"),
    ("nanmin", _nan_extremum("nanmin", ops.min, np.inf), "selecting"),
):  # fmt: skip
    expose(_f, f"numpy.{_name}", getattr(np, _name), _kind)
