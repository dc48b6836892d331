"""Struve functions, by neighbouring orders.

Source: NIST Digital Library of Mathematical Functions, 11.4.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from hoad.rules.special_functions.declarations import declare


def _rest(v: Any, x: Any) -> Any:
    """(x / 2)^v / (sqrt(pi) Gamma(v + 3/2))."""
    factor = special.rgamma(np.asarray(v, float) + 1.5) / math.sqrt(math.pi)
    return factor.astype(getattr(x, "dtype", float))[()] * (x / 2) ** v


def _near(prim: Any, sign: int, v: Any, x: Any) -> Any:
    """By both neighbours; of order 0 by the upper one alone, since orders below -1/2 are singular at 0 only to cancel."""
    constant = np.equal(v, 0)
    if np.all(constant):
        return _rest(v, x) + sign * prim.bind(v + 1, x)
    lower = np.where(constant, 1, v)[()] if np.any(constant) else v
    both = (prim.bind(lower - 1, x) + sign * prim.bind(v + 1, x) + _rest(v, x)) / 2
    return np.where(constant, _rest(v, x) + sign * prim.bind(v + 1, x), both) if np.any(constant) else both


def _alternating(y: Any, v: Any, x: Any) -> Any:
    """For large x the algebraic parts of the neighbours cancel; there H' = H of order v - 1, less v / x H."""
    large = np.greater(np.abs(x), np.maximum(2.0, np.abs(v)))
    near = _near(struve, -1, v, np.where(large, 1.0, x))
    outside = np.where(large, x, 1.0)
    return np.where(large, struve.bind(v - 1, outside) - v / outside * struve.bind(v, outside), near)


struve: Any = declare("struve", None, _alternating)
modstruve: Any = declare("modstruve", None, lambda y, v, x: _near(modstruve, 1, v, x))
