"""Incomplete gamma functions in both arguments, to every order; and their inverses.

The k-th derivative of P(a, x) with respect to a is a sum of integrals of t^(a-1) exp(-t) log(t)^i over 0..x or, with the opposite
sign, over x..infinity.  On the side of the smaller one the integrand, divided by its value at x, decays from 1 in s = |log(t/x)|:
Gauss-Legendre quadrature up to where it is negligible needs no case of its own for large parameters and no large numbers.  A
power series serves small a and x.  Source: NIST Digital Library of Mathematical Functions, 8.2, 8.7.
"""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np
from scipy import special

from hoad.backends import is_host
from hoad.core.box import peek
from hoad.core.kinds import elementwise
from hoad.rules.special_functions.declarations import declare
from hoad.rules.special_functions.densities import (
    digamma_rest,
    expm1mx,
    gamma_density,
    gamma_weight,
    in_double,
    log_ratio,
    where,
)
from hoad.rules.special_functions.polygamma import polygamma_rung
from hoad.rules.special_functions.quadrature import gauss_legendre
from hoad.rules.special_functions.truncated import exponential, polygamma, product, reciprocal_gamma, times_variable

NODES, WEIGHTS = gauss_legendre(44)
NEGLIGIBLE = 40.0
"""Minus the logarithm of what does not count."""


def _series(a: Any, x: Any, k: int) -> Any:
    """x^a / Gamma(a + 1) times 1 + a sum of (-x)^n / (n! (a + n)), for x up to 1."""
    rest = [np.zeros_like(x) for _ in range(k + 1)]
    term = np.ones_like(x)
    for n in range(1, 24):
        term = term * (-x / n)
        part = term / (a + n)
        rest[0] += a * part
        part = part * -n  # a / (a + n) = 1 - n / (a + n)
        for j in range(1, k + 1):
            part = part * (-j / (a + n))
            rest[j] += part
    rest[0] += 1.0
    power = exponential([np.log(x)] + [np.zeros_like(x)] * (k - 1)) if k else [1.0]
    return gamma_weight(a, x) * np.exp(x) * product(product(power, reciprocal_gamma(a, k)), rest)[k]


def _width(slope: Any, x: Any, sign: float) -> Any:
    """Where slope s + x (exp(sign s) - 1 - sign s) reaches NEGLIGIBLE: Newton's method on a convex function, from above."""
    # From above: the linear part alone, the part x s^2 / 2 with what exp(-s) can take from it, or the exponential.
    linear = NEGLIGIBLE / np.maximum(slope, 1e-300)
    with np.errstate(over="ignore"):
        root = np.sqrt(2 * NEGLIGIBLE / x)
        bound = root if sign > 0 else np.where(root < 1, 1.5 * root, 1 + NEGLIGIBLE / x)
    s = np.minimum(linear, bound)
    if sign > 0:
        s = np.minimum(s, 1 + np.log1p(NEGLIGIBLE / x))
    for _ in range(8):
        value = slope * s + x * expm1mx(sign * s) - NEGLIGIBLE
        s = s - value / (slope + x * sign * np.expm1(sign * s))
    return s


def _integral(a: Any, x: Any, k: int, sign: float) -> Any:
    """Derivative k of the part above x (sign 1) or below it (sign -1)."""
    slope = np.abs(x - a)
    width = _width(slope, x, sign)
    s = width * NODES
    weight = WEIGHTS * np.exp(-slope * s - x * expm1mx(sign * s))
    start = np.where(a < 0.5, np.log(x) - special.digamma(a + 1), log_ratio(x, a, x - a) - digamma_rest(a))
    log = start + sign * s
    moments = [weight.sum(0)]
    for _ in range(k):
        weight = weight * log
        moments.append(weight.sum(0))
    # The logarithms are relative to digamma(a + 1), 1 / Gamma(a) is a / Gamma(a + 1).
    scaled = times_variable(exponential([np.zeros_like(a)] + [-polygamma(n, a + 1) for n in range(1, k)]), a)
    total = sum(comb(k, i) * scaled[i] * moments[k - i] for i in range(k + 1))
    return width * gamma_weight(a, x) * total


def _derivative(a: Any, x: Any, k: int) -> Any:
    """Derivative k > 0 of P(a, x) with respect to a."""
    y = np.full_like(x, np.nan)
    valid = (a >= 0) & (x >= 0)
    ends = valid & ((x == 0) | np.isinf(x) | np.isinf(a))
    y[ends] = np.where(np.isinf(a) & np.isinf(x) | (a == 0) & (x == 0), np.nan, 0.0)[ends]
    inside = valid & ~ends
    near = inside & (x <= 1) & (a <= 1.5)
    where(near, lambda a, x: _series(a, x, k), y, a, x)
    below = inside & ~near & (x < a)
    where(below, lambda a, x: _integral(a, x, k, -1.0), y, a, x)
    where(inside & ~near & ~below, lambda a, x: -_integral(a, x, k, 1.0), y, a, x)
    return y


def _bell(a: Any, x: Any, k: int) -> Any:
    """Derivative k of the density with respect to a, divided by the density; differentiable."""
    slopes = [np.log(x) - special.digamma(a)] + [-polygamma_rung.bind(n, a) for n in range(1, k)]
    return exponential(slopes)[k]


parameter_derivative: Any = elementwise(
    "gammainc_parameter_derivative",
    in_double(_derivative, "scipy.special.gammainc with respect to argument 0"),
    lambda y, a, x, k: parameter_derivative.bind(a, x, k=k + 1),
    lambda y, a, x, k: gamma_density.bind(a, x) * _bell(a, x, k),
)
"""Derivative k of P(a, x) with respect to a."""


def _precise(y: Any, *xs: Any) -> list[Any]:
    """Arguments in the precision of the result: SciPy takes a Python number beside single precision as double precision."""
    dtype = peek(y).dtype
    return [x.astype(dtype) if getattr(peek(x), "dtype", dtype) != dtype and is_host(peek(x)) else x for x in xs]


def _in_a(y: Any, a: Any, x: Any) -> Any:
    return parameter_derivative.bind(*_precise(y, a, x), k=1)


def _in_x(y: Any, a: Any, x: Any) -> Any:
    return gamma_density.bind(*_precise(y, a, x))


declare("gammainc", _in_a, _in_x)
declare("gammaincc", lambda y, a, x: -_in_a(y, a, x), lambda y, a, x: -_in_x(y, a, x))
for _name, _sign in (("gammaincinv", 1.0), ("gammainccinv", -1.0)):
    declare(
        _name,
        lambda y, a, p: -_in_a(y, a, y) / _in_x(y, a, y),
        lambda y, a, p, _sign=_sign: _sign / _in_x(y, a, y),
    )
