"""The incomplete beta function in all three arguments, to every order; and its inverses.

As for the incomplete gamma function: the (j, k)-th derivative of I_x(a, b) with respect to a and b is a sum of integrals of
t^(a-1) (1-t)^(b-1) log(t)^i log(1-t)^l over 0..x or, with the opposite sign, over x..1.  On the side of the smaller one the
integrand decays in s, the distance from x in log(t / (1 - t)), and Gauss-Legendre quadrature needs no case of its own for large
parameters.  A power series serves small parameters.  Source: NIST Digital Library of Mathematical Functions, 8.17.
"""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np

from hoad.core.kinds import elementwise
from hoad.rules.special_functions.declarations import declare
from hoad.rules.special_functions.densities import (
    beta_density,
    beta_weight,
    digamma_rest,
    expm1mx,
    in_double,
    log1pmx,
    log_ratio,
    where,
)
from hoad.rules.special_functions.polygamma import polygamma_difference, polygamma_rung, polygamma_step
from hoad.rules.special_functions.quadrature import gauss_legendre
from hoad.rules.special_functions.truncated import Expansion, exponential_2, polygamma, product_2, times_variable

NODES, WEIGHTS = gauss_legendre(44)
NEGLIGIBLE = 40.0
"""Minus the logarithm of what does not count."""


def _front(a: Any, b: Any, j: int, k: int) -> list[Expansion]:
    """Derivatives of a b G divided by G, where log G has the first derivatives 0, and the higher ones of
    log(Gamma(a + b) / (Gamma(a + 1) Gamma(b + 1)))."""
    slopes = [[np.zeros_like(a) for _ in range(k + 1)] for _ in range(j + 1)]
    for i in range(j + 1):
        for m in range(k + 1):
            if i and m:
                slopes[i][m] = polygamma(i + m - 1, a + b)
    for i in range(2, j + 1):
        slopes[i][0] = polygamma_step(a + 1, b - 1, i - 1)
    for m in range(2, k + 1):
        slopes[0][m] = polygamma_step(b + 1, a - 1, m - 1)
    f = [times_variable(row, b) for row in exponential_2(slopes, j, k)]
    return [[a * c + (i * d if i else 0.0) for c, d in zip(f[i], f[i - 1], strict=True)] for i in range(j + 1)]


def _series_front(a: Any, b: Any, x: Any, j: int, k: int) -> list[Expansion]:
    """Derivatives of x^a Gamma(a + b) / (Gamma(a + 1) Gamma(b)), divided by x^a Gamma(a + b) / (Gamma(a + 1) Gamma(b + 1))."""
    slopes = [[polygamma(i + m - 1, a + b) if i and m else np.zeros_like(a) for m in range(k + 1)] for i in range(j + 1)]
    for i in range(1, j + 1):
        slopes[i][0] = polygamma_step(a + 1, b - 1, i - 1) + (np.log(x) if i == 1 else 0.0)
    for m in range(1, k + 1):
        slopes[0][m] = polygamma_step(b, a, m - 1)
    direct = [[b * c for c in row] for row in exponential_2(slopes, j, k)]
    if k == 0:
        return direct
    for m in range(1, k + 1):  # for small b the poles of digamma(b) cancel beforehand
        slopes[0][m] = polygamma_step(b + 1, a - 1, m - 1)
    split = [times_variable(row, b) for row in exponential_2(slopes, j, k)]
    return [[np.where(b < 0.5, c, d) for c, d in zip(*rows, strict=True)] for rows in zip(split, direct, strict=True)]


def _series(a: Any, b: Any, x: Any, rest: Any, j: int, k: int) -> Any:
    """x^a Gamma(a + b) / (Gamma(a + 1) Gamma(b)) times 1 + a sum of (1-b)_n x^n / (n! (a + n)), for x up to 1/2 and b x to 1."""
    total = [[np.zeros_like(x) for _ in range(k + 1)] for _ in range(j + 1)]
    total[0][0] += 1.0
    terms = [np.ones_like(x)] + [np.zeros_like(x) for _ in range(k)]
    for n in range(1, 60):
        terms = [((n - b) * terms[m] - (m * terms[m - 1] if m else 0.0)) * (x / n) for m in range(k + 1)]
        factor = a / (a + n)  # = 1 - n / (a + n)
        for i in range(j + 1):
            for m in range(k + 1):
                total[i][m] += terms[m] * factor
            factor = (factor if i else -n / (a + n)) * (-(i + 1.0) / (a + n))
    return beta_weight(a, b, x, rest) * np.exp(-b * np.log(rest)) / (a * b) * product_2(_series_front(a, b, x, j, k), total, j, k)


def _exponent(s: Any, n: Any, x: Any, rest: Any, low: bool) -> tuple[Any, Any]:
    """n (log(1 - x + x exp(-s)) + x s), which is of second order in s; and that logarithm.  ``low``: x is at most 1/2."""
    share, turned = (x, -s) if low else (rest, np.minimum(s, 700.0))
    change = np.expm1(turned)
    z = share * change
    return n * (share * expm1mx(turned, change) + log1pmx(z)), np.log1p(z if low else x * np.expm1(-s))


def _below(a: Any, b: Any, x: Any, rest: Any, j: int, k: int, low: bool) -> Any:
    """Derivative (j, k) of the integral over 0..x, where x lies below a / (a + b); ``rest`` is 1 - x."""
    n = a + b
    slope = a * rest - b * x
    # exp(-slope s - n (...)): the width by Newton's method, on a convex function from above
    curvature = n * x * rest
    width = np.minimum(NEGLIGIBLE / np.maximum(slope, 1e-300), 2 * np.sqrt(NEGLIGIBLE / curvature) + NEGLIGIBLE / a)
    for _ in range(8):
        value = slope * width + _exponent(width, n, x, rest, low)[0] - NEGLIGIBLE
        shrink = np.expm1(-width)
        width = width - value / (slope + n * x * rest * -shrink / (1 + x * shrink))
    s = width * NODES
    exponent, change = _exponent(s, n, x, rest, low)
    weight = WEIGHTS * np.exp(-slope * s - exponent)
    # Logarithms relative to digamma(a + 1) - digamma(a + b) and digamma(b + 1) - digamma(a + b).
    shared = digamma_rest(n) - 1 / n
    d = x * b - a * rest
    log_a = (log_ratio(x * n, a, d) - digamma_rest(a) + shared) + (-s - change)
    log_b = (log_ratio(rest * n, b, -d) - digamma_rest(b) + shared) - change
    front = _front(a, b, j, k)
    # The polynomial in the logarithms first: where it has one sign nothing cancels.
    total = np.zeros_like(s)
    for i in range(j + 1):
        for m in range(k + 1):
            total += comb(j, i) * comb(k, m) * front[i][m] * _power(log_a, j - i) * _power(log_b, k - m)
    return width * beta_weight(a, b, x, rest) / (a * b) * (weight * total).sum(0)


def _power(x: Any, n: int) -> Any:
    return 1.0 if n == 0 else x if n == 1 else x**n


def _derivative(a: Any, b: Any, x: Any, j: int, k: int) -> Any:
    """Derivative (j, k) of I_x(a, b) with respect to a and b, j + k > 0."""
    y = np.full_like(x, np.nan)
    valid = (a > 0) & (b > 0) & (x >= 0) & (x <= 1) & np.isfinite(a) & np.isfinite(b)
    y[valid & ((x == 0) | (x == 1))] = 0.0
    inside = valid & (x > 0) & (x < 1)
    rest = 1 - x
    near = inside & (a <= 1.5) & (x <= 0.5) & (b * x <= 1)
    where(near, lambda a, b, x, rest: _series(a, b, x, rest, j, k), y, a, b, x, rest)
    far = inside & (b <= 1.5) & (x > 0.5) & (a * rest <= 1)
    where(far, lambda a, b, x, rest: -_series(b, a, rest, x, k, j), y, a, b, x, rest)
    inside &= ~near & ~far
    below, small = b * x < a * rest, x <= 0.5
    for low in (True, False):
        half = inside & (small == low)
        where(half & below, lambda a, b, x, rest, low=low: _below(a, b, x, rest, j, k, low), y, a, b, x, rest)
        where(half & ~below, lambda a, b, x, rest, low=low: -_below(b, a, rest, x, k, j, not low), y, a, b, x, rest)
    return y


def _bell(a: Any, b: Any, x: Any, j: int, k: int) -> Any:
    """Derivative (j, k) of the density with respect to a and b, divided by the density; differentiable."""
    slopes: list[Expansion] = [[0.0] * (k + 1) for _ in range(j + 1)]
    for i in range(j + 1):
        for m in range(k + 1):
            if i + m > 1:
                slopes[i][m] = polygamma_rung.bind(i + m - 1, a + b)
    for i in range(2, j + 1):
        slopes[i][0] = slopes[i][0] - polygamma_rung.bind(i - 1, a)
    for m in range(2, k + 1):
        slopes[0][m] = slopes[0][m] - polygamma_rung.bind(m - 1, b)
    if j:
        slopes[1][0] = np.log(x) + polygamma_difference.bind(a, b, n=0)
    if k:
        slopes[0][1] = np.log1p(-x) + polygamma_difference.bind(b, a, n=0)
    return exponential_2(slopes, j, k)[j][k]


parameter_derivative: Any = elementwise(
    "betainc_parameter_derivative",
    in_double(_derivative, "scipy.special.betainc with respect to its parameters"),
    lambda y, a, b, x, j, k: parameter_derivative.bind(a, b, x, j=j + 1, k=k),
    lambda y, a, b, x, j, k: parameter_derivative.bind(a, b, x, j=j, k=k + 1),
    lambda y, a, b, x, j, k: beta_density.bind(a, b, x) * _bell(a, b, x, j, k),
)
"""Derivative (j, k) of I_x(a, b) with respect to a and b."""


def in_a(a: Any, b: Any, x: Any) -> Any:
    return parameter_derivative.bind(a, b, x, j=1, k=0)


def in_b(a: Any, b: Any, x: Any) -> Any:
    return parameter_derivative.bind(a, b, x, j=0, k=1)


declare(
    "betainc",
    lambda y, a, b, x: in_a(a, b, x), lambda y, a, b, x: in_b(a, b, x), lambda y, a, b, x: beta_density.bind(a, b, x),
)  # fmt: skip
declare(
    "betaincc",
    lambda y, a, b, x: -in_a(a, b, x), lambda y, a, b, x: -in_b(a, b, x), lambda y, a, b, x: -beta_density.bind(a, b, x),
)  # fmt: skip
for _name, _sign in (("betaincinv", 1.0), ("betainccinv", -1.0)):
    declare(
        _name,
        lambda y, a, b, p: -in_a(a, b, y) / beta_density.bind(a, b, y),
        lambda y, a, b, p: -in_b(a, b, y) / beta_density.bind(a, b, y),
        lambda y, a, b, p, _sign=_sign: _sign / beta_density.bind(a, b, y),
    )
