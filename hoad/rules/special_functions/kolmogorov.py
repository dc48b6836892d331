"""The distributions of Kolmogorov and Smirnov and their inverses.

Kolmogorov's is a theta function: a series in exp(-2 k^2 x^2) for large x, and for small x its transform in
exp(-pi^2 (2k-1)^2 / 8 x^2).  Smirnov's is a sum of n products at most.  Source: N. Smirnov, Table for estimating the goodness of
fit (1948); Z. W. Birnbaum and F. H. Tingey, One-sided confidence contours for probability distribution functions (1951).
"""

from __future__ import annotations

import math
from math import factorial
from typing import Any

import numpy as np

from hoad.core.kinds import elementwise
from hoad.rules.special_functions.declarations import declare
from hoad.rules.special_functions.densities import beta_weight, in_double, where
from hoad.rules.special_functions.truncated import exponential


def _large(x: Any, n: int) -> Any:
    """Derivative n of 2 (exp(-2 x^2) - exp(-8 x^2) + ...)."""
    total = np.zeros_like(x)
    for k in range(1, 7):
        total += (
            (-1) ** (k - 1)
            * np.exp(-2 * k * k * x * x)
            * exponential([-4 * k * k * x, np.full_like(x, -4.0 * k * k), *[np.zeros_like(x)] * n][:n] or [x])[n]
        )
    return 2 * total


def _small(x: Any, n: int) -> Any:
    """Derivative n of -sqrt(2 pi) / x times the sum of exp(-pi^2 (2k-1)^2 / (8 x^2))."""
    total = np.zeros_like(x)
    for k in range(1, 5):
        c = (math.pi * (2 * k - 1)) ** 2 / 8
        # derivatives of -log(x) - c / x^2
        slopes = [(-1) ** (m + 1) * (factorial(m) / x ** (m + 1) - c * factorial(m + 2) / x ** (m + 3)) for m in range(n)]
        weight = np.exp(-c / (x * x))
        total += np.where(weight > 0, weight * exponential(slopes or [x])[n], 0.0)
    return -math.sqrt(2 * math.pi) * total / x


def _kolmogorov(x: Any, n: int) -> Any:
    y = np.where(np.isnan(x), np.nan, 0.0)
    where((x > 0.02) & (x < 1), lambda x: _small(x, n), y, x)
    where(x >= 1, lambda x: _large(np.minimum(x, 1e3), n), y, x)
    return y


kolmogorov_derivative: Any = elementwise(
    "kolmogorov_derivative",
    in_double(_kolmogorov, "scipy.special.kolmogorov"),
    lambda y, x, n: kolmogorov_derivative.bind(x, n=n + 1),
)
"""Derivative n > 0 of kolmogorov."""

declare("kolmogorov", lambda y, x: kolmogorov_derivative.bind(x, n=1))
declare("kolmogi", lambda y, p: 1 / kolmogorov_derivative.bind(y, n=1))


def _smirnov(n: Any, d: Any, k: int) -> Any:
    """Derivative k of d sum_v C(n, v) (d + v/n)^(v-1) (1 - d - v/n)^(n-v), v up to n (1 - d)."""
    y = np.where(np.isnan(d), np.nan, 0.0)
    inside = (d > 0) & (d < 1)
    if not inside.any():
        return y
    n, d = n[inside], d[inside]
    total = np.zeros_like(d)
    for v in range(int(np.max(np.floor(n * (1 - d)))) + 1):
        part = v < n * (1 - d)
        m, x = n[part], d[part]
        low, high = x + v / m, 1 - x - v / m
        # C(m, v) low^v high^(m - v), with low + high = 1
        value = beta_weight(np.full_like(m, v), m - v, low, high) * m / (v * (m - v)) if v else np.exp(m * np.log1p(-x))
        value *= x / low
        slopes = [
            (-1) ** i * factorial(i) * (x ** -(i + 1.0) + (v - 1) * low ** -(i + 1.0)) - factorial(i) * (m - v) * high ** -(i + 1.0)
            for i in range(k)
        ]
        total[part] += value * exponential(slopes)[k]
    y[inside] = total
    return y


smirnov_derivative: Any = elementwise(
    "smirnov_derivative",
    in_double(_smirnov, "scipy.special.smirnov"),
    None,
    lambda y, n, d, k: smirnov_derivative.bind(n, d, k=k + 1),
)
"""Derivative k > 0 of smirnov with respect to the deviation."""

declare("smirnov", None, lambda y, n, d: smirnov_derivative.bind(np.asarray(n), d, k=1))
declare("smirnovi", None, lambda y, n, p: 1 / smirnov_derivative.bind(np.asarray(n), y, k=1))
