"""Student's distribution in its degrees of freedom, to every order.

The k-th derivative of the density with respect to n is the density times a polynomial in the derivatives of its logarithm, which
are written so that they keep their digits where the distribution approaches the normal one.  Its integral over 0..t, or over
t..infinity in the logarithm of u, is a Gauss-Legendre sum.  Source: NIST Digital Library of Mathematical Functions, 5.11.14, 8.17.
"""

from __future__ import annotations

import math
from math import factorial
from typing import Any

import numpy as np
from scipy import special

from hoad.core.kinds import elementwise
from hoad.rules.special_functions.densities import in_double, log1pmx, where
from hoad.rules.special_functions.quadrature import gauss_legendre
from hoad.rules.special_functions.truncated import exponential, product

MANY, FEW = 52, 20
"""Nodes on 0..t; the fewer ones for t^2 <= n, where the poles of the integrand at +-i sqrt(n) are far."""
NEGLIGIBLE = 40.0

_RATIO = (-1 / 8, 1 / 192, -1 / 640, 17 / 14336, -31 / 18432, 691 / 180224, -5461 / 425984)
"""Coefficients of 1/a, 1/a^3, ... of log(Gamma(a + 1/2) / Gamma(a)) - log(a) / 2."""


def _reciprocal(x: Any, count: int) -> list[Any]:
    """Derivatives of 1 / x."""
    return [(-1) ** m * factorial(m) / x ** (m + 1) for m in range(count)]


def _normaliser(n: Any, order: int) -> list[Any]:
    """Derivatives 1 ... ``order`` with respect to n of log(Gamma((n + 1) / 2) / Gamma(n / 2)) - log(n) / 2."""
    a = n / 2
    total = [np.zeros_like(a) for _ in range(order)]
    for _ in range(16):  # c(a) - c(a + 1) = 1 / (4 a (a + 1/2) (a + 1)) for the derivative c with respect to a
        step = product(product(_reciprocal(a, order), _reciprocal(a + 0.5, order)), _reciprocal(a + 1, order))
        total = [t + 0.25 * s for t, s in zip(total, step, strict=True)]
        a = a + 1
    for m in range(order):
        for i, c in enumerate(_RATIO):
            p = 2 * i + 1
            total[m] = total[m] + c * (-1) ** (m + 1) * (factorial(p + m) / factorial(p - 1)) * a ** -(p + m + 1.0)
    return [t / 2 ** (m + 1) for m, t in enumerate(total)]


def _logarithm(n: Any, u: Any, order: int) -> list[Any]:
    """Derivatives 1 ... ``order`` with respect to n of the logarithm of the density at u."""
    square = u * u
    v = square / n
    slopes = [c + np.zeros_like(u) for c in _normaliser(n, order)]
    ratio = v / (1 + v)
    curved = log1pmx(np.minimum(v, 1.0))
    curved += v * ratio
    large = v >= 1
    if large.any():
        curved = np.where(large, np.log1p(v) - ratio, curved)
    ratio /= n
    curved -= ratio
    curved *= 0.5
    slopes[0] -= curved
    if order > 1:
        near = _reciprocal(n + np.zeros_like(u), order - 1)
        share = square / (n + square)
        far = [(-1) ** m * factorial(m) * share * (n + square) ** -float(m) for m in range(order - 1)]  # u^2 / (n + u^2)
        both = product(near, far)
        first = product(both, far)  # u^4 / (n (n + u^2)^2)
        second = product(both, [a + b for a, b in zip(near, _reciprocal(n + square, order - 1), strict=True)])
        for m in range(1, order):
            slopes[m] = slopes[m] + (first[m - 1] - second[m - 1]) / 2
    return slopes


def _density(n: Any, u: Any) -> Any:
    a = n / 2
    large, small = np.maximum(a, 16.0), np.minimum(a, 16.0)
    series = np.exp(sum(c / large ** (2 * i + 1) for i, c in enumerate(_RATIO))) / np.sqrt(2.0)
    front = np.where(a > 16, series, special.gamma(small + 0.5) / (special.gamma(small) * np.sqrt(2 * small)))
    return front / np.sqrt(math.pi) * np.exp(-0.5 * (n + 1) * np.log1p(u * u / n))


def _derivative(n: Any, t: Any, k: int) -> Any:
    """Derivative k > 0 with respect to n of the distribution function."""
    y = np.full_like(t, np.nan)
    size = np.abs(t)
    inside = (n > 0) & np.isfinite(n) & np.isfinite(t)
    y[(n > 0) & np.isinf(t)] = 0.0
    low = inside & (size * size < 2)
    smooth = size * size <= n
    where(low & smooth, lambda n, t: _to_the_left(n, t, k, FEW), y, n, size)
    where(low & ~smooth, lambda n, t: _to_the_left(n, t, k, MANY), y, n, size)
    far = inside & ~low  # for small n the integrand has nearly a power law in u, which is long
    where(far & (n < 1), lambda n, t: -_to_the_right(n, t, k, (4.0, 12.0), (40, 40, 52)), y, n, size)
    where(far & (n >= 1), lambda n, t: -_to_the_right(n, t, k, (4.0,), (40, 32)), y, n, size)
    return np.where(t < 0, -y, y)


def _to_the_left(n: Any, t: Any, k: int, count: int) -> Any:
    nodes, weights = gauss_legendre(count)
    u = t * nodes
    return t * (weights * _density(n, u) * exponential(_logarithm(n, u, k))[k]).sum(0)


def _to_the_right(n: Any, t: Any, k: int, ends: tuple[float, ...], counts: tuple[int, ...]) -> Any:
    """With u = t exp(s), s in pieces up to these ends and up to where the integrand is negligible, with so many nodes each."""
    v = t * t / n
    ratio = v / (1 + v)
    width = NEGLIGIBLE / ((n + 1) * ratio - 1)  # of s: Newton's method on a convex function, from above
    for _ in range(12):
        grow = np.expm1(np.minimum(2 * width, 600.0))
        logarithm = np.where(width > 300, 2 * width + np.log(ratio), np.log1p(ratio * grow))
        width = width - (0.5 * (n + 1) * logarithm - width - NEGLIGIBLE) / ((n + 1) * (v * grow + v) / (1 + v + v * grow) - 1)
    edges = [np.zeros_like(t), *[np.minimum(width / 2, end) for end in ends], width]
    total = np.zeros_like(t)
    for start, stop, count in zip(edges[:-1], edges[1:], counts, strict=True):
        nodes, weights = gauss_legendre(count)
        s = start + (stop - start) * nodes
        reached = np.minimum(s, 200.0)  # beyond, what is left of the integrand is a power of u
        u = t * np.exp(reached)
        slopes = _logarithm(n, u, k)
        weight = weights * u * _density(n, u)
        if (s > reached).any():
            slopes[0] = slopes[0] - (s - reached)
            weight *= np.exp(-n * (s - reached))
        total += (stop - start) * (weight * exponential(slopes)[k]).sum(0)
    return total


def _density_slope(y: Any, n: Any, t: Any) -> Any:
    return -y * t * (n + 1) / (n + t * t)


density_derivative: Any = elementwise(
    "student_density_derivative",
    in_double(lambda n, t, k: _density(n, t) * exponential(_logarithm(n, t, k))[k], "the density of Student's distribution"),
    lambda y, n, t, k: density_derivative.bind(n, t, k=k + 1),
    lambda y, n, t, k: _in_t(y, n, t, k),
)
"""Derivative k > 0 of the density with respect to n."""


def _in_t(y: Any, n: Any, t: Any, k: int) -> Any:
    """From f_t (n + t^2) = -t (n + 1) f: k-th derivative with respect to n."""
    lower = student_density.bind(n, t) if k == 1 else density_derivative.bind(n, t, k=k - 1)
    ahead = _density_slope(lower, n, t) if k == 1 else _in_t(lower, n, t, k - 1)
    return -(k * ahead + t * ((n + 1) * y + k * lower)) / (n + t * t)


student_density: Any = elementwise(
    "student_density",
    in_double(_density, "the density of Student's distribution"),
    lambda y, n, t: density_derivative.bind(n, t, k=1),
    _density_slope,
)
student_derivative: Any = elementwise(
    "student_derivative",
    in_double(_derivative, "scipy.special.stdtr with respect to argument 0"),
    lambda y, n, t, k: student_derivative.bind(n, t, k=k + 1),
    lambda y, n, t, k: density_derivative.bind(n, t, k=k),
)
"""Derivative k of the distribution function with respect to n."""
