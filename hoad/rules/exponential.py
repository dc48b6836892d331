"""Exponentials, logarithms and hyperbolic functions; each slope is written so that it keeps full relative accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.core.kinds import elementwise
from hoad.core.primitive import expose

LN2 = float(np.log(2.0))
LN10 = float(np.log(10.0))


def _sech2(y: Any, x: Any) -> Any:
    """1 - tanh^2, which keeps its digits only away from |y| = 1; there 0 is the correctly rounded limit for |x| > 19."""
    return 1 - y * y


def _share(y: Any, a: Any, base: Any = np.exp) -> Any:
    """Weight of a in logaddexp; where both are -inf the weights are 1/2 each."""
    both = np.logical_and(np.isneginf(y), np.isneginf(a))
    same = np.logical_and(y == a, np.isinf(y))
    return np.where(both, 0.5, base(np.where(same, 0.0, a) - np.where(same, 0.0, y)))  # not a - y: inf - inf warns


SLOPES: dict[str, tuple[Any, ...]] = {
    "exp": (lambda y, x: y,),
    "exp2": (lambda y, x: LN2 * y,),
    "expm1": (lambda y, x: np.exp(x),),  # y + 1 loses its digits where x is far below 0
    "log": (lambda y, x: 1 / x,),
    "log2": (lambda y, x: 1 / (LN2 * x),),
    "log10": (lambda y, x: 1 / (LN10 * x),),
    "log1p": (lambda y, x: 1 / (1 + x),),
    "sinh": (lambda y, x: np.cosh(x),),
    "cosh": (lambda y, x: np.sinh(x),),
    "tanh": (_sech2,),
    "arcsinh": (lambda y, x: 1 / np.sqrt(1 + x * x),),
    "arccosh": (lambda y, x: 1 / (np.sqrt(x - 1) * np.sqrt(x + 1)),),
    "arctanh": (lambda y, x: 1 / ((1 - x) * (1 + x)),),
    "logaddexp": (lambda y, a, b: _share(y, a), lambda y, a, b: _share(y, b)),
    "logaddexp2": (lambda y, a, b: _share(y, a, np.exp2), lambda y, a, b: _share(y, b, np.exp2)),
}

for _name, _slopes in SLOPES.items():
    expose(elementwise(_name, getattr(np, _name), *_slopes), f"numpy.{_name}", getattr(np, _name), "elementwise")
