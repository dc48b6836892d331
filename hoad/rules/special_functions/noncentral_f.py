"""The noncentral F distribution in all its arguments, and its inverses.

A Poisson mixture of incomplete beta functions in a = dfn / 2, b = dfd / 2 and w = dfn f / (dfn f + dfd).  With
e = w^a (1-w)^b Gamma(a+b) / (Gamma(a+1) Gamma(b)), the difference between I_w(a, b) and I_w(a+1, b), the mixtures of I_w, of e and
of their derivatives with respect to a and b are closed under differentiation.  Source: N. L. Johnson, S. Kotz, N. Balakrishnan,
Continuous Univariate Distributions, vol. 2 (1995), chapter 30.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from hoad.core.kinds import elementwise
from hoad.rules.special_functions import incomplete_beta
from hoad.rules.special_functions.densities import beta_weight, in_double
from hoad.rules.special_functions.distributions import Partial, distribution, inverse
from hoad.rules.special_functions.noncentral import grid, mixture
from hoad.rules.special_functions.truncated import exponential_2, polygamma


def _peak(a: Any, b: Any, d: Any) -> Any:
    return d / 2 + np.sqrt(np.maximum(d, 0.0) / 2 * (a + b))


def _mixed(f: Any, a: Any, b: Any, d: Any, w: Any) -> Any:
    """Mixture of f(a + j, b, w)."""

    def term(j: Any, part: Any) -> Any:
        shape, flat = grid(a[part] + j, b[part], w[part])
        return f(*flat).reshape(shape)

    good = (a > 0) & (b > 0) & (d >= 0) & (w > 0) & (w < 1)
    return np.where(good, mixture(term, d / 2, _peak(a, b, d)), np.nan)


def _value_native(a: Any, b: Any, d: Any, w: Any, i: int, k: int) -> Any:
    return _mixed(lambda a, b, w: incomplete_beta._derivative(a, b, w, i, k), a, b, d, w)


def _step(a: Any, b: Any, w: Any, i: int, k: int) -> Any:
    """Derivative (i, k) of e with respect to a and b."""
    slopes = [[polygamma(p + q - 1, a + b) if p + q else 0.0 for q in range(k + 1)] for p in range(i + 1)]
    for p in range(1, i + 1):
        slopes[p][0] = slopes[p][0] - polygamma(p - 1, a + 1) + (np.log(w) if p == 1 else 0.0)
    for q in range(1, k + 1):
        slopes[0][q] = slopes[0][q] - polygamma(q - 1, b) + (np.log1p(-w) if q == 1 else 0.0)
    return beta_weight(a, b, w, 1 - w) / a * exponential_2(slopes, i, k)[i][k]


value_derivative: Any = elementwise(
    "noncentral_f_derivative",
    in_double(_value_native, "scipy.special.ncfdtr"),
    lambda y, a, b, d, w, i, k: value_derivative.bind(a, b, d, w, i=i + 1, k=k),
    lambda y, a, b, d, w, i, k: value_derivative.bind(a, b, d, w, i=i, k=k + 1),
    lambda y, a, b, d, w, i, k: step.bind(a, b, d, w, i=i, k=k) / -2,
    lambda y, a, b, d, w, i, k: _weighted(a, b, d, w, i, k) / (w * (1 - w)),
)
"""Derivative (i, k), not (0, 0), of the mixture of I_w(a, b) with respect to a and b."""

step: Any = elementwise(
    "noncentral_f_step",
    in_double(lambda a, b, d, w, i, k: _mixed(lambda a, b, w: _step(a, b, w, i, k), a, b, d, w), "scipy.special.ncfdtr"),
    lambda y, a, b, d, w, i, k: step.bind(a, b, d, w, i=i + 1, k=k),
    lambda y, a, b, d, w, i, k: step.bind(a, b, d, w, i=i, k=k + 1),
    lambda y, a, b, d, w, i, k: (step.bind(a + 1, b, d, w, i=i, k=k) - y) / 2,
    lambda y, a, b, d, w, i, k: _step_in_w(y, a, b, d, w, i, k),
)
"""Derivative (i, k) of the mixture of e."""


def _weighted(a: Any, b: Any, d: Any, w: Any, i: int, k: int) -> Any:
    """Derivative (i, k) of the mixture of (a + j) e(a + j, b)."""
    total = a * step.bind(a, b, d, w, i=i, k=k) + 0.5 * d * step.bind(a + 1, b, d, w, i=i, k=k)
    return total + i * step.bind(a, b, d, w, i=i - 1, k=k) if i else total


def _step_in_w(y: Any, a: Any, b: Any, d: Any, w: Any, i: int, k: int) -> Any:
    right = b * y + k * step.bind(a, b, d, w, i=i, k=k - 1) if k else b * y
    return _weighted(a, b, d, w, i, k) / w - right / (1 - w)


def _variables(n: Any, m: Any, d: Any, x: Any) -> tuple[Any, Any, Any, Any]:
    return 0.5 * n, 0.5 * m, d, n * x / (n * x + m)


def _density(n: Any, m: Any, d: Any, x: Any) -> Any:
    """Times x."""
    return _weighted(*_variables(n, m, d, x), 0, 0)


F: dict[str, Partial] = {
    "n": lambda n, m, d, x: value_derivative.bind(*_variables(n, m, d, x), i=1, k=0) / 2 + _density(n, m, d, x) / n,
    "m": lambda n, m, d, x: value_derivative.bind(*_variables(n, m, d, x), i=0, k=1) / 2 - _density(n, m, d, x) / m,
    "d": lambda n, m, d, x: step.bind(*_variables(n, m, d, x), i=0, k=0) / -2,
    "x": lambda n, m, d, x: _density(n, m, d, x) / x,
}


def _value(n: Any, m: Any, d: Any, x: Any) -> Any:
    return special.ncfdtr(n, m, d, x)


distribution("ncfdtr", F, "n m d x")
inverse("ncfdtri", _value, F, "x", "n m d p")
inverse("ncfdtridfd", _value, F, "m", "n p d x")
inverse("ncfdtridfn", _value, F, "n", "p m d x")
inverse("ncfdtrinc", _value, F, "d", "n m p x")
