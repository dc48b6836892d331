"""The zeta functions of Riemann and Hurwitz in both arguments, to every order.

Derivatives with respect to s by the formula of Euler and Maclaurin, differentiated term by term; for s < 0, where its terms cancel,
by the reflection formula.  Source: NIST Digital Library of Mathematical Functions, 25.2, 25.4, 25.11.
"""

from __future__ import annotations

import math
from math import comb, factorial
from typing import Any

import numpy as np
from scipy import special

from hoad.backends import of
from hoad.core.kinds import elementwise
from hoad.core.kinds.cotangents import is_complex
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_number
from hoad.rules.special_functions.declarations import declare
from hoad.rules.special_functions.densities import in_double, where
from hoad.rules.special_functions.polygamma import BERNOULLI
from hoad.rules.special_functions.truncated import exponential, polygamma, product

SHIFT = 14


def _hurwitz(s: Any, q: Any, k: int) -> Any:
    """Derivative k with respect to s, for q > 0 and s > -4."""
    total = np.zeros_like(s)
    low = q
    for _ in range(SHIFT):
        logarithm = -np.log(low)
        total = total + low**-s * logarithm**k
        low = low + 1
    logarithm = -np.log(low)
    power = [low**-s * logarithm**i for i in range(k + 1)]
    # low^(1-s) / (s - 1)
    tail = sum(comb(k, i) * power[k - i] * (-1) ** i * factorial(i) / (s - 1) ** (i + 1) for i in range(k + 1)) * low
    tail = tail + power[k] / 2
    rising = [s] + ([np.ones_like(s)] if k else []) + [np.zeros_like(s)] * (k - 1)
    scale = 1 / low
    for j, b in enumerate(BERNOULLI, 1):  # B_2j / (2j)! (s)_(2j-1) low^(1 - s - 2j)
        coefficient = b / factorial(2 * j)
        tail = tail + coefficient * scale * product(rising, power)[k]
        for m in (2 * j - 1, 2 * j):
            rising = [(s + m) * rising[i] + (i * rising[i - 1] if i else 0.0) for i in range(k + 1)]
        scale = scale / (low * low)
    return total + tail


def _reflected(s: Any, k: int) -> Any:
    """zeta(s) = 2 (2 pi)^(s-1) sin(pi s / 2) Gamma(1 - s) zeta(1 - s)."""
    turn = s / 2 - 2 * np.rint(s / 4)  # sin(pi s / 2) keeps its zeros
    waves = [np.sin(math.pi * turn), np.cos(math.pi * turn)]
    waves[0] = np.where(s % 2 == 0, 0.0, waves[0])
    waves[1] = np.where(s % 2 == 1, 0.0, waves[1])
    sines = [(-1) ** (i // 2) * (math.pi / 2) ** i * waves[i % 2] for i in range(k + 1)]
    slopes = [(-1) ** (i + 1) * polygamma(i, 1 - s) + (math.log(2 * math.pi) if i == 0 else 0.0) for i in range(k)]
    front = exponential(slopes) if k else [np.ones_like(s)]
    zetas = [(-1) ** i * (special.zeta(1 - s) if i == 0 else _hurwitz(1 - s, np.ones_like(s), i)) for i in range(k + 1)]
    return 2 * (2 * math.pi) ** (s - 1) * special.gamma(1 - s) * product(product(sines, front), zetas)[k]


def _derivative(s: Any, q: Any, k: int) -> Any:
    y = np.full_like(s, np.nan)
    positive = (q > 0) & np.isfinite(q)
    where(positive & (s > 1), lambda s, q: _hurwitz(s, q, k), y, s, q)
    y[positive & (s == np.inf) & (q > 1)] = 0.0
    y[(q == np.inf) & (s > 1)] = 0.0
    return y


def _riemann_derivative(s: Any, k: int) -> Any:
    y = np.full_like(s, np.nan)
    right = s >= 0
    where(right & (s != 1), lambda s: _hurwitz(s, np.full_like(s, 2.0), k), y, s)
    where(s < 0, lambda s: _reflected(s, k), y, s)
    y[s == np.inf] = 0.0
    return y


exponent_derivative: Any = elementwise(
    "zeta_exponent_derivative",
    in_double(_derivative, "scipy.special.zeta with respect to argument 0"),
    lambda y, s, q, k: exponent_derivative.bind(s, q, k=k + 1),
    lambda y, s, q, k: -s * exponent_derivative.bind(s + 1, q, k=k) - k * _lower(s + 1, q, k - 1),
)
"""Derivative k of zeta(s, q) with respect to s."""


def _lower(s: Any, q: Any, k: int) -> Any:
    return zeta_.bind(s, q) if k == 0 else exponent_derivative.bind(s, q, k=k)


riemann_derivative: Any = elementwise(
    "riemann_zeta_derivative",
    in_double(_riemann_derivative, "scipy.special.zeta"),
    lambda y, s, k: riemann_derivative.bind(s, k=k + 1),
)
"""Derivative k of the zeta function of Riemann."""

zeta_: Any = elementwise(
    "zeta",
    lambda s, q: of(q).special().zeta(s, q),
    lambda y, s, q: exponent_derivative.bind(s, q, k=1),
    lambda y, s, q: -s * zeta_.bind(s + 1, q),
)
riemann_zeta: Any = elementwise("riemann_zeta", special.zeta, lambda y, s: riemann_derivative.bind(s, k=1))


def zeta(x: Any, q: Any = None, out: Any = None) -> Any:
    if out is not None:
        raise UnsupportedFunctionError.no_rule("scipy.special.zeta with out")
    x = as_number(x)
    if q is None:
        if is_complex(x):
            raise UnsupportedFunctionError.no_rule("scipy.special.zeta of complex values")
        return riemann_zeta.bind(x)
    return zeta_.bind(x, as_number(q))


expose(zeta, "scipy.special.zeta", special.zeta, "elementwise")
declare("zetac", lambda y, s: riemann_derivative.bind(s, k=1))
