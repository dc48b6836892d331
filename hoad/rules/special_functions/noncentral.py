"""Noncentral chi-square and Student distributions in all their arguments, and their inverses.

Chi-square: a Poisson mixture of central ones, whose derivative with respect to the noncentrality is a density.  Student: the
integral of the normal distribution at t s - d over the distribution of s, a chi variable over sqrt(n); every derivative is an
integral of the same kind.  Source: N. L. Johnson, S. Kotz, N. Balakrishnan, Continuous Univariate Distributions, vol. 2 (1995),
chapters 29 and 31.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from hoad.core.kinds import elementwise
from hoad.rules.special_functions import incomplete_gamma
from hoad.rules.special_functions.densities import expm1mx, gamma_weight, in_double
from hoad.rules.special_functions.distributions import Partial, distribution, inverse
from hoad.rules.special_functions.quadrature import gauss_legendre
from hoad.rules.special_functions.truncated import exponential, polygamma

MOST_TERMS = 20000
"""Beyond this noncentrality the mixture would be too long: the derivative is NaN."""


def mixture(term: Any, half: Any, peak: Any) -> Any:
    """Sum over j of the Poisson probability of j at the mean ``half`` times ``term(j, which)``, for 1-d arrays.

    ``peak`` is where the terms are largest if that is beyond the mean.
    """
    y = np.full_like(half, np.nan)
    top = np.maximum(half, peak)
    good = np.flatnonzero(top < MOST_TERMS)
    for part in np.array_split(good, max(1, good.size // 32)):
        if not part.size:
            continue
        count = int(np.max(top[part] + 12 * np.sqrt(top[part]) + 60))
        mean = half[part]
        total = np.zeros_like(mean)
        for start in range(0, count, 256):
            j = np.arange(start, min(start + 256, count), dtype=float)[:, None]
            weight = gamma_weight(*(v.ravel() for v in np.broadcast_arrays(j, mean))).reshape(len(j), -1)
            total += (weight * term(j, part)).sum(0)
        y[part] = total
    return y


def grid(*xs: Any) -> tuple[tuple[int, ...], list[Any]]:
    """The common shape of arrays, and the arrays of that shape, flat."""
    full = np.broadcast_arrays(*xs)
    return full[0].shape, [np.ascontiguousarray(x).ravel() for x in full]


# -- chi-square -------------------------------------------------------------------------------------------------------------


def _chi_peak(x: Any, n: Any, d: Any) -> Any:
    return 0.5 * (np.sqrt(n * n / 4 + np.maximum(d * x, 0.0)) - n / 2)


def _chi_native(x: Any, n: Any, d: Any, k: int) -> Any:
    """Derivative k > 0 with respect to n."""

    def term(j: Any, part: Any) -> Any:
        shape, (a, half) = grid(n[part] / 2 + j, x[part] / 2)
        return incomplete_gamma._derivative(a, half, k).reshape(shape) / 2**k

    return np.where((x >= 0) & (n > 0) & (d >= 0), mixture(term, d / 2, _chi_peak(x, n, d)), np.nan)


def _chi_density_native(x: Any, n: Any, d: Any, k: int) -> Any:
    """Derivative k of the density with respect to n."""

    def term(j: Any, part: Any) -> Any:
        shape, (a, half) = grid(n[part] / 2 + j, x[part] / 2)
        slopes = [np.log(half) - special.digamma(a)] + [-polygamma(i, a) for i in range(1, k)]
        factor = exponential(slopes)[k] if k else 1.0
        return (gamma_weight(a, half) * a / half * factor).reshape(shape) / 2 ** (k + 1)

    return np.where((x > 0) & (n > 0) & (d >= 0), mixture(term, d / 2, _chi_peak(x, n, d)), np.nan)


chi_derivative: Any = elementwise(
    "noncentral_chi_square_derivative",
    in_double(_chi_native, "scipy.special.chndtr"),
    lambda y, x, n, d, k: chi_density.bind(x, n, d, k=k),
    lambda y, x, n, d, k: chi_derivative.bind(x, n, d, k=k + 1),
    lambda y, x, n, d, k: -chi_density.bind(x, n + 2, d, k=k),
)
chi_density: Any = elementwise(
    "noncentral_chi_square_density",
    in_double(_chi_density_native, "the density of the noncentral chi-square distribution"),
    lambda y, x, n, d, k: _chi_in_x(y, x, n, d, k),
    lambda y, x, n, d, k: chi_density.bind(x, n, d, k=k + 1),
    lambda y, x, n, d, k: (chi_density.bind(x, n + 2, d, k=k) - y) / 2,
)


def _chi_in_x(y: Any, x: Any, n: Any, d: Any, k: int) -> Any:
    slope = y * ((n - 2 - x) / (2 * x)) + chi_density.bind(x, n + 2, d, k=k) * (d / (2 * x))
    return slope + chi_density.bind(x, n, d, k=k - 1) * (k / (2 * x)) if k else slope


CHI: dict[str, Partial] = {
    "x": lambda x, n, d: chi_density.bind(x, n, d, k=0),
    "n": lambda x, n, d: chi_derivative.bind(x, n, d, k=1),
    "d": lambda x, n, d: -chi_density.bind(x, n + 2, d, k=0),
}


def _chi(x: Any, n: Any, d: Any) -> Any:
    return special.chndtr(x, n, d)


distribution("chndtr", CHI, "x n d")
inverse("chndtrix", _chi, CHI, "x", "p n d")
inverse("chndtridf", _chi, CHI, "n", "x p d")
inverse("chndtrinc", _chi, CHI, "d", "x n p")

# -- Student ----------------------------------------------------------------------------------------------------------------

NODES, WEIGHTS = gauss_legendre(160)


def _student_native(n: Any, d: Any, t: Any, i: int, k: int, m: int) -> Any:
    """Derivative (i, k, m) with respect to n, d, t, not (0, 0, 0), as an integral over r = log(s)."""
    q = k + m
    side = np.where(t > d, -1.0, 1.0)  # of the normal distribution, the smaller part
    low, high = _student_range(n, d, t, None if q else side)
    width = high - low
    r = low + width * NODES
    s = np.exp(r)
    u = t * s - d
    log_density = _student_front(n) - n / 2 * expm1mx(2 * r)
    y = np.exp(log_density - (0.5 * u * u if q else 0.0))
    if q:  # derivative q - 1 of the normal density
        before, hermite = np.zeros_like(u), np.ones_like(u)
        for p in range(q - 1):
            before, hermite = hermite, -(u * hermite + p * before)
        y = y * hermite * s**m * (-1) ** k / math.sqrt(2 * math.pi)
    else:
        y = y * side * special.ndtr(side * u)
    if i:
        h = n / 2
        slopes = [-expm1mx(2 * r) / 2 + (np.log(h) - special.digamma(h)) / 2]
        for p in range(1, i):
            slopes.append((-1) ** (p - 1) * math.factorial(p - 1) / 2 / n**p - polygamma(p, h) / 2 ** (p + 1) + 0 * r)
        y = y * exponential(slopes)[i]
    y = width * (WEIGHTS * y).sum(0)
    return np.where((n > 0) & np.isfinite(d) & np.isfinite(t), y, np.nan)


def _student_front(n: Any) -> Any:
    """Logarithm of 2 h^h exp(-h) / Gamma(h), h = n / 2."""
    h = n / 2
    return math.log(2.0) + np.log(gamma_weight(h, h)) + np.log(h)


def _student_range(n: Any, d: Any, t: Any, side: Any) -> tuple[Any, Any]:
    """Where the integrand, with the normal density or the normal distribution of ``side``, is above exp(-42) of its maximum."""

    def log_of(r: Any) -> Any:
        u = t * np.exp(r) - d
        value = -n / 2 * expm1mx(2 * r)
        return value - 0.5 * u * u if side is None else value + special.log_ndtr(side * u)

    r = np.zeros_like(n)
    step = np.full_like(n, 1.0)
    for _ in range(80):  # the maximum, by a search that narrows
        left, here, right = log_of(r - step), log_of(r), log_of(r + step)
        r = np.where(left > here, r - step, np.where(right > here, r + step, r))
        step = np.where((left > here) | (right > here), step, step / 2)
    top = log_of(r)
    ends = []
    for sign in (-1.0, 1.0):
        inner, outer = np.zeros_like(n), 60 / n + 60.0 if sign < 0 else np.full_like(n, 60.0)
        for _ in range(50):
            middle = (inner + outer) / 2
            beyond = log_of(r + sign * middle) < top - 42
            inner, outer = np.where(beyond, inner, middle), np.where(beyond, middle, outer)
        ends.append(r + sign * outer)
    return ends[0], ends[1]


student: Any = elementwise(
    "noncentral_student_derivative",
    in_double(_student_native, "scipy.special.nctdtr"),
    lambda y, n, d, t, i, k, m: student.bind(n, d, t, i=i + 1, k=k, m=m),
    lambda y, n, d, t, i, k, m: student.bind(n, d, t, i=i, k=k + 1, m=m),
    lambda y, n, d, t, i, k, m: student.bind(n, d, t, i=i, k=k, m=m + 1),
)
STUDENT: dict[str, Partial] = {
    "n": lambda n, d, t: student.bind(n, d, t, i=1, k=0, m=0),
    "d": lambda n, d, t: student.bind(n, d, t, i=0, k=1, m=0),
    "t": lambda n, d, t: student.bind(n, d, t, i=0, k=0, m=1),
}


def _student(n: Any, d: Any, t: Any) -> Any:
    return special.nctdtr(n, d, t)


distribution("nctdtr", STUDENT, "n d t")
inverse("nctdtrit", _student, STUDENT, "t", "n d p")
inverse("nctdtridf", _student, STUDENT, "n", "p d t")
inverse("nctdtrinc", _student, STUDENT, "d", "n p t")
