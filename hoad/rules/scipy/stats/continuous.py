"""Methods of continuous distributions: values by SciPy, derivatives in x, in the shapes, in loc and in scale from the formulas."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
from scipy import stats

from hoad.core.kinds import composite
from hoad.core.primitive import Primitive
from hoad.rules.scipy.stats.distribution import Distribution, method
from hoad.rules.scipy.stats.families import FAMILIES, Family

__all__ = ["CONTINUOUS"]

OUTSIDE = {"logpdf": (-math.inf, -math.inf), "pdf": (0.0, 0.0), "cdf": (0.0, 1.0), "sf": (1.0, 0.0),
           "logcdf": (-math.inf, 0.0), "logsf": (0.0, -math.inf)}  # fmt: skip
"""Values below and above the support."""


def _is(end: Any, value: float) -> bool:
    """Whether the end of a support is this number whatever the shapes are."""
    return isinstance(end, float) and end == value


def _standardised(family: Family, formula: Callable[..., Any], outside: tuple[float, float]) -> Callable[..., Any]:
    """A formula of z and the shapes as a function of x, the shapes, loc and scale; constant outside the support."""

    def body(x: Any, *parameters: Any) -> Any:
        *shapes, loc, scale = parameters
        allowed = np.where((scale > 0) & family.valid(*shapes), 1.0, math.nan)  # so that a derivative is NaN where the value is
        scale = scale * np.where(scale > 0, 1.0, math.nan)
        z = (x - loc) / scale
        low, high = family.support(*shapes)
        beyond = []
        if not _is(low, -math.inf):
            beyond.append((z < low, outside[0]))
        if not _is(high, math.inf):
            beyond.append((z > high, outside[1]))
        if beyond:
            z = np.where(reduce(or_, [mask for mask, _ in beyond]), family.interior(*shapes), z)
        y = formula(z, *shapes, scale)
        for mask, value in beyond:
            y = np.where(mask, value, y)
        return y * allowed

    return body


def _without_scale(formula: Callable[..., Any]) -> Callable[..., Any]:
    return lambda z, *rest: formula(z, *rest[:-1])


def _bodies(family: Family) -> dict[str, Callable[..., Any]]:
    def logpdf(z: Any, *rest: Any) -> Any:
        *shapes, scale = rest
        return family.logpdf(z, *shapes) - np.log(scale)

    formulas: dict[str, Callable[..., Any]] = {"logpdf": logpdf, "pdf": lambda z, *rest: np.exp(logpdf(z, *rest))}
    for name in ("cdf", "sf", "logcdf", "logsf"):
        formulas[name] = _without_scale(getattr(family, name))
    return {name: _standardised(family, f, OUTSIDE[name]) for name, f in formulas.items()}


def _declare(name: str) -> Distribution:
    native = getattr(stats, name)
    shapes = tuple(native.shapes.split(", ")) if native.shapes else ()
    methods = {}
    for kind, body in _bodies(FAMILIES[name]).items():
        prim: Primitive = composite(f"stats.{name}.{kind}", getattr(native, kind), body)
        methods[kind] = method(prim, f"scipy.stats.{name}.{kind}", getattr(native, kind), ("x", *shapes, "loc", "scale"))
    return Distribution(name, native, methods)


CONTINUOUS = {name: _declare(name) for name in FAMILIES}
"""Distributions by their names in scipy.stats."""
