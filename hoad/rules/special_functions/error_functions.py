"""Error functions, the normal distribution, their inverses, and Owen's T.

In the tails a slope with exp(y^2) of an inverse would magnify the rounding of y; there it is written with the scaled complementary
error function and the argument.  Source: NIST Digital Library of Mathematical Functions, chapter 7; D. B. Owen, Tables for
computing bivariate normal probabilities (1956).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from hoad.backends import maybe_any
from hoad.core.box import bare
from hoad.core.kinds.cotangents import is_complex
from hoad.rules.special_functions.declarations import declare
from hoad.rules.special_functions.ladders import scaled_erfc

SQRT2 = math.sqrt(2.0)
SQRT_PI = math.sqrt(math.pi)
SQRT_TAU = math.sqrt(2 * math.pi)


def density(x: Any) -> Any:
    """Of the normal distribution."""
    return np.exp(-0.5 * x * x) / SQRT_TAU


def _choice(condition: Any, f: Any, g: Any, points: tuple[Any, Any], *xs: Any) -> Any:
    """f(*xs) where the condition holds, g(*xs) elsewhere; both at a harmless point where they do not count."""
    holds = bare(condition)
    if not maybe_any(holds):
        return g(*xs)
    if not maybe_any(np.logical_not(holds)):
        return f(*xs)
    return np.where(
        condition,
        f(*[np.where(condition, x, p) for x, p in zip(xs, points[0], strict=True)]),
        g(*[np.where(condition, p, x) for x, p in zip(xs, points[1], strict=True)]),
    )


def _left_hazard(x: Any) -> Any:
    return math.sqrt(2 / math.pi) / special.erfcx(x / -SQRT2)


def hazard(x: Any) -> Any:
    """Normal density over normal distribution, without underflow on the left and without overflow on the right."""
    return _choice(np.greater(x, 0), lambda x: density(x) / special.ndtr(x), _left_hazard, ((1.0,), (0.0,)), x)


def _log_ndtr_slope(y: Any, x: Any) -> Any:
    def direct(y: Any, x: Any) -> Any:
        return np.exp(-0.5 * x * x - y) / SQRT_TAU

    if is_complex(x):
        return direct(y, x)
    return _choice(np.greater(x, 0), direct, lambda y, x: _left_hazard(x), ((0.0, 1.0), (0.0, 0.0)), y, x)


def _erfcx_slope(y: Any, x: Any) -> Any:
    return 2 * x * y - 2 / SQRT_PI if is_complex(x) else -2 * scaled_erfc.bind(x, n=1)


def _ndtri_slope(y: Any, p: Any) -> Any:
    return _choice(
        np.less_equal(p, 0.5),
        lambda y, p: 1 / (p * _left_hazard(y)),
        lambda y, p: 1 / ((1 - p) * _left_hazard(-y)),
        ((0.0, 0.5), (0.0, 0.5)),
        y,
        p,
    )


def _ndtri_exp_slope(x: Any, y: Any) -> Any:
    return _choice(
        np.less(y, -0.5),
        lambda x, y: 1 / hazard(x),
        lambda x, y: np.exp(y) / (-np.expm1(y) * _left_hazard(-x)),
        ((0.0, -1.0), (0.0, -0.5)),
        x,
        y,
    )


def _erfcinv_slope(y: Any, x: Any) -> Any:
    return (-SQRT_PI / 2) * _choice(
        np.less_equal(x, 1),
        lambda y, x: special.erfcx(y) / x,
        lambda y, x: special.erfcx(-y) / (2 - x),
        ((0.0, 1.0), (0.0, 1.0)),
        y,
        x,
    )


def _erfinv_slope(y: Any, x: Any) -> Any:
    return (SQRT_PI / 2) * _choice(
        np.greater(abs(x), 0.5),
        lambda y, x: special.erfcx(abs(y)) / (1 - abs(x)),
        lambda y, x: np.exp(y * y),
        ((1.0, 0.75), (0.0, 0.0)),
        y,
        x,
    )


declare("erf", lambda y, x: (2 / SQRT_PI) * np.exp(-x * x))
declare("erfc", lambda y, x: (-2 / SQRT_PI) * np.exp(-x * x))
declare("erfcx", _erfcx_slope)
declare("erfi", lambda y, x: (2 / SQRT_PI) * np.exp(x * x))
declare("erfinv", _erfinv_slope)
declare("erfcinv", _erfcinv_slope)
declare("ndtr", lambda y, x: density(x))
declare("log_ndtr", _log_ndtr_slope)
declare("ndtri", _ndtri_slope)
declare("ndtri_exp", _ndtri_exp_slope)
declare(
    "owens_t",
    lambda y, h, a: (-0.5 / SQRT_TAU) * np.exp(-0.5 * h * h) * special.erf(a * h / SQRT2),
    lambda y, h, a: np.exp(-0.5 * h * h * (1 + a * a)) / (2 * math.pi * (1 + a * a)),
)
