"""Descriptive statistics of scipy.stats: means, moments, scores, circular statistics, entropies, transformations.

Each is a formula of NumPy functions; the values are SciPy's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from scipy import special, stats

from hoad.core.box import Box, shape_of
from hoad.core.kinds import composite
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array, holds_box, joined

__all__: list[str] = []

Formula = Callable[..., Any]


def _count(a: Any, axis: int | None) -> int:
    return math.prod(shape_of(a)) if axis is None else shape_of(a)[axis]


# -- means -----------------------------------------------------------------------------------------------------------------


def gmean(a: Any, *weights: Any, axis: int | None = 0, keepdims: bool = False) -> Any:
    return np.exp(_mean(np.log(a), weights, axis, keepdims))


def hmean(a: Any, *weights: Any, axis: int | None = 0, keepdims: bool = False) -> Any:
    return 1 / _mean(1 / a, weights, axis, keepdims)


def pmean(a: Any, p: Any, *weights: Any, axis: int | None = 0, keepdims: bool = False) -> Any:
    return _mean(a**p, weights, axis, keepdims) ** (1 / p)


def _mean(a: Any, weights: tuple[Any, ...], axis: int | None, keepdims: bool) -> Any:
    average: Any = np.average
    return average(a, axis, weights[0] if weights else None, keepdims=keepdims)


def trim_mean(a: Any, *, proportiontocut: float, axis: int | None = 0) -> Any:
    a, axis = (np.ravel(a), 0) if axis is None else (a, axis)
    n = shape_of(a)[axis]
    cut = int(proportiontocut * n)
    middle = np.moveaxis(np.sort(a, axis), axis, 0)[cut : n - cut]
    return np.mean(middle, axis=0)


# -- moments ---------------------------------------------------------------------------------------------------------------


def moment(a: Any, *, order: int = 1, axis: int | None = 0, center: Any = None, keepdims: bool = False) -> Any:
    centre = np.mean(a, axis=axis, keepdims=True) if center is None else center
    return np.mean((a - centre) ** order, axis=axis, keepdims=keepdims)


def skew(a: Any, *, axis: int | None = 0, bias: bool = True, keepdims: bool = False) -> Any:
    second, third = (moment(a, order=k, axis=axis, keepdims=keepdims) for k in (2, 3))
    y = third / second**1.5
    n = _count(a, axis)
    return y if bias or n <= 2 else math.sqrt((n - 1.0) * n) / (n - 2.0) * y


def kurtosis(a: Any, *, axis: int | None = 0, fisher: bool = True, bias: bool = True, keepdims: bool = False) -> Any:
    second, fourth = (moment(a, order=k, axis=axis, keepdims=keepdims) for k in (2, 4))
    y = fourth / second**2
    n = _count(a, axis)
    if not bias and n > 3:
        y = 1.0 / (n - 2) / (n - 3) * ((n**2 - 1.0) * y - 3 * (n - 1) ** 2.0) + 3.0
    return y - 3 if fisher else y


def variation(a: Any, *, axis: int | None = 0, ddof: int = 0, keepdims: bool = False) -> Any:
    return np.std(a, axis=axis, ddof=ddof, keepdims=keepdims) / np.mean(a, axis=axis, keepdims=keepdims)


def sem(a: Any, *, axis: int | None = 0, ddof: int = 1, keepdims: bool = False) -> Any:
    return np.std(a, axis=axis, ddof=ddof, keepdims=keepdims) / math.sqrt(_count(a, axis))


def gstd(a: Any, *, axis: int | None = 0, ddof: int = 1, keepdims: bool = False) -> Any:
    return np.exp(np.std(np.log(a), axis=axis, ddof=ddof, keepdims=keepdims))


def iqr(x: Any, *, axis: int | None = None, rng: Any = (25, 75), scale: float = 1.0, keepdims: bool = False) -> Any:
    low, high = (np.percentile(x, q, axis=axis, keepdims=keepdims) for q in sorted(rng))
    return (high - low) / scale


def median_abs_deviation(x: Any, *, axis: int | None = 0, scale: float = 1.0, keepdims: bool = False) -> Any:
    return np.median(np.abs(x - np.median(x, axis=axis, keepdims=True)), axis=axis, keepdims=keepdims) / scale


# -- scores ----------------------------------------------------------------------------------------------------------------


def zmap(scores: Any, compare: Any, *, axis: int | None = 0, ddof: int = 0) -> Any:
    centre, spread = np.mean(compare, axis=axis, keepdims=True), np.std(compare, axis=axis, ddof=ddof, keepdims=True)
    return (scores - centre) / spread


def zscore(a: Any, *, axis: int | None = 0, ddof: int = 0) -> Any:
    return zmap(a, a, axis=axis, ddof=ddof)


def gzscore(a: Any, *, axis: int | None = 0, ddof: int = 0) -> Any:
    return zscore(np.log(a), axis=axis, ddof=ddof)


# -- circles ---------------------------------------------------------------------------------------------------------------


def _resultant(samples: Any, high: float, low: float, axis: int | None, keepdims: bool) -> tuple[Any, Any]:
    angle = (samples - low) * (2 * math.pi / (high - low))
    sine, cosine = (np.mean(f(angle), axis=axis, keepdims=keepdims) for f in (np.sin, np.cos))
    return sine, cosine


def circmean(samples: Any, *, high: float = 2 * math.pi, low: float = 0, axis: int | None = None, keepdims: bool = False) -> Any:
    sine, cosine = _resultant(samples, high, low, axis, keepdims)
    angle = np.arctan2(sine, cosine)
    return np.where(angle < 0, angle + 2 * math.pi, angle) * ((high - low) / (2 * math.pi)) + low


def circvar(samples: Any, *, high: float = 2 * math.pi, low: float = 0, axis: int | None = None, keepdims: bool = False) -> Any:
    return 1 - np.hypot(*_resultant(samples, high, low, axis, keepdims))


def circstd(
    samples: Any,
    *,
    high: float = 2 * math.pi,
    low: float = 0,
    axis: int | None = None,
    normalize: bool = False,
    keepdims: bool = False,
) -> Any:
    deviation = np.sqrt(-2 * np.log(np.hypot(*_resultant(samples, high, low, axis, keepdims))))
    return deviation if normalize else deviation * ((high - low) / (2 * math.pi))


# -- entropy and transformations -----------------------------------------------------------------------------------------------


def entropy(pk: Any, *qk: Any, base: float | None = None, axis: int = 0, keepdims: bool = False) -> Any:
    p = pk / np.sum(pk, axis=axis, keepdims=True)
    if qk:
        terms = special.rel_entr(p, qk[0] / np.sum(qk[0], axis=axis, keepdims=True))
    else:
        terms = special.entr(p)
    total = np.sum(terms, axis=axis, keepdims=keepdims)
    return total if base is None else total / math.log(base)


def boxcox(x: Any, lmbda: Any) -> Any:
    return special.boxcox(x, lmbda)


def boxcox_llf(lmb: Any, data: Any, *, axis: int | None = 0, keepdims: bool = False) -> Any:
    logs = np.log(data)
    spread = np.log(np.var(special.boxcox(data, lmb), axis=axis, keepdims=keepdims))
    return (lmb - 1) * np.sum(logs, axis=axis, keepdims=keepdims) - 0.5 * _count(data, axis) * spread


def yeojohnson(x: Any, lmbda: Any) -> Any:
    positive = x >= 0
    right = special.boxcox1p(np.where(positive, x, 0.0), lmbda)
    left = -special.boxcox1p(np.where(positive, 0.0, -x), 2 - lmbda)
    return np.where(positive, right, left)


def yeojohnson_llf(lmb: Any, data: Any, *, axis: int | None = 0, keepdims: bool = False) -> Any:
    spread = np.log(np.var(yeojohnson(data, lmb), axis=axis, keepdims=keepdims))
    scale = np.sum(np.sign(data) * np.log1p(np.abs(data)), axis=axis, keepdims=keepdims)
    return (lmb - 1) * scale - 0.5 * _count(data, axis) * spread


# -- registration --------------------------------------------------------------------------------------------------------------

ARRAYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "gmean": (("a",), ("weights",)), "hmean": (("a",), ("weights",)), "pmean": (("a", "p"), ("weights",)),
    "trim_mean": (("a",), ()),
    "moment": (("a",), ()), "skew": (("a",), ()), "kurtosis": (("a",), ()), "variation": (("a",), ()), "sem": (("a",), ()),
    "gstd": (("a",), ()), "iqr": (("x",), ()), "median_abs_deviation": (("x",), ()), "zmap": (("scores", "compare"), ()),
    "zscore": (("a",), ()), "gzscore": (("a",), ()), "circmean": (("samples",), ()), "circvar": (("samples",), ()),
    "circstd": (("samples",), ()), "entropy": (("pk",), ("qk",)), "boxcox": (("x", "lmbda"), ()),
    "boxcox_llf": (("lmb", "data"), ()),
    "yeojohnson": (("x", "lmbda"), ()), "yeojohnson_llf": (("lmb", "data"), ()),
}  # fmt: skip
"""For each function its array arguments: those that are always given, and one that may be."""

POSITIONS = {
    "trim_mean": ("a", "proportiontocut", "axis"), "moment": ("a", "order", "axis"), "skew": ("a", "axis", "bias"),
    "kurtosis": ("a", "axis", "fisher", "bias"), "gmean": ("a", "axis"), "hmean": ("a", "axis"), "pmean": ("a", "p"),
    "variation": ("a", "axis"), "sem": ("a", "axis", "ddof"), "gstd": ("a", "axis", "ddof"), "iqr": ("x", "axis", "rng", "scale"),
    "median_abs_deviation": ("x", "axis"), "zmap": ("scores", "compare", "axis", "ddof"), "zscore": ("a", "axis", "ddof"),
    "gzscore": ("a",), "circmean": ("samples", "high", "low", "axis"), "circvar": ("samples", "high", "low", "axis"),
    "circstd": ("samples", "high", "low", "axis"), "entropy": ("pk", "qk", "base", "axis"), "boxcox": ("x", "lmbda"),
    "boxcox_llf": ("lmb", "data"), "yeojohnson": ("x", "lmbda"), "yeojohnson_llf": ("lmb", "data"),
}  # fmt: skip
"""Names of the arguments that may be given by position."""


def _register(name: str) -> None:
    native, body = getattr(stats, name), globals()[name]
    required, optional = ARRAYS[name]
    known = set(body.__kwdefaults__ or ())

    def value(*arrays: Any, **kw: Any) -> Any:
        numbers = [x.item() if np.ndim(x) == 0 else x for x in map(np.asarray, arrays)]  # SciPy wants an exponent that is a float
        return native(**dict(zip((*required, *optional), numbers, strict=False)), **kw)

    prim = composite(f"stats.{name}", value, body)

    @wraps(native, updated=())
    def function(*args: Any, **kwds: Any) -> Any:
        given = dict(zip(POSITIONS[name], args, strict=False)) | kwds
        if not any(map(holds_box, given.values())):
            return native(*args, **kwds)
        arrays = [as_array(joined(given.pop(n))) for n in required]
        arrays += [as_array(joined(x)) for n in optional if (x := given.pop(n, None)) is not None]
        if given.get("nan_policy") == "propagate":
            del given["nan_policy"]
        for n, x in given.items():
            if n not in known and n != "proportiontocut":
                raise UnsupportedFunctionError.no_rule(f"scipy.stats.{name} with {n}={x!r}")
            if isinstance(x, Box):
                raise UnsupportedFunctionError.no_rule(f"scipy.stats.{name} with respect to {n}")
        return prim.bind(*arrays, **given)

    expose(function, f"scipy.stats.{name}", native, "composite")


for _name in ARRAYS:
    _register(_name)
