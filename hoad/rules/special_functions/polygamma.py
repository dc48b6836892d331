"""Polygamma functions, also of complex arguments, their differences, and the derivatives of 1 / Gamma: ladders in their order.

Source: NIST Digital Library of Mathematical Functions, 5.5, 5.7, 5.11, 5.15.
"""

from __future__ import annotations

import math
from math import factorial
from typing import Any

import numpy as np
from scipy import special

from hoad.backends import asarray, like, of
from hoad.core.kinds import elementwise
from hoad.rules.special_functions.densities import in_double
from hoad.rules.special_functions.truncated import exponential, product

BERNOULLI = (
    1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330, 854513 / 138,
    -236364091 / 2730,
)  # fmt: skip
"""B_2, B_4, ..."""


def _cotangent_derivative(z: Any, n: int) -> Any:
    """Derivative n > 0 of pi cot(pi z): a polynomial in the cotangent, away from the real axis a series in exp(2 pi i z)."""
    poly = np.polynomial.Polynomial([0.0, 1.0])
    for _ in range(n):
        poly = poly.deriv() * np.polynomial.Polynomial([-1.0, 0.0, -1.0])
    turn = z - np.rint(z.real)
    with np.errstate(all="ignore"):
        y = math.pi ** (n + 1) * poly(1 / np.tan(math.pi * turn))
    far = np.abs(z.imag) > 0.5
    if far.any():
        rate = 2j * math.pi * np.sign(z.imag[far])
        terms = sum((k * rate) ** n * np.exp(k * rate * turn[far]) for k in range(1, 20 + 2 * n))
        y[far] = -rate * terms
    return y


def complex_polygamma(n: int, z: Any) -> Any:
    """Derivative n of digamma of complex numbers: reflection, recurrence, asymptotic series."""
    z = np.atleast_1d(np.asarray(z, complex))
    if n == 0:
        return special.digamma(z)
    left = z.real < 0.5
    w = np.where(left, 1 - z, z)
    total = np.zeros_like(w)
    for _ in range(16 + n):
        short = w.real < 15 + n
        if not short.any():
            break
        total[short] += w[short] ** -(n + 1)
        w = np.where(short, w + 1, w)
    total *= factorial(n)
    tail = factorial(n - 1) * w**-n + factorial(n) / 2 * w ** -(n + 1)
    for k, b in enumerate(BERNOULLI, 1):
        tail += b * factorial(2 * k + n - 1) / factorial(2 * k) * w ** -(2 * k + n)
    y = (-1) ** (n + 1) * (total + tail)
    if left.any():
        y[left] = (-1) ** n * y[left] - _cotangent_derivative(z[left], n)
    return y


# SciPy's polygamma returns double precision; as a slope it has the precision of its argument.
def polygamma_native(n: Any, x: Any) -> Any:
    return of(x).special().polygamma(like(np.asarray(n), x), x)


def _rung_native(n: Any, x: Any) -> Any:
    if np.iscomplexobj(x):
        y = complex_polygamma(int(np.max(n)), x).reshape(np.shape(x)).astype(asarray(x).dtype)
        return y if isinstance(x, np.ndarray) else y[()]
    return polygamma_native(n, x).astype(asarray(x).dtype)[()]


polygamma_rung: Any = elementwise("polygamma_rung", _rung_native, None, lambda y, n, x: polygamma_rung.bind(n + 1, x))


def polygamma_step(a: Any, d: Any, n: int) -> Any:
    """Derivative n of digamma at a + d less that at a, of 1-d arrays: sums of terms of one sign where a and a + d are positive."""
    positive = (a > 0) & (a + d > 0)
    low = np.where(positive, np.minimum(a, a + d), 1.0)
    shift = np.where(positive, np.abs(d), 1.0)
    total = np.zeros_like(low)
    for _ in range(12 + n):
        short = low < 12 + n
        if not short.any():
            break
        if n:
            term = low ** -(n + 1.0) * np.expm1(-(n + 1) * np.log1p(shift / low))
        else:
            term = shift / low / (low + shift)
        total += np.where(short, term, 0.0)
        low = np.where(short, low + 1, low)
    ratio = np.log1p(shift / low)

    def power(k: int) -> Any:
        """Difference of the k-th negative power."""
        return low**-k * np.expm1(-k * ratio)

    if n:
        total = (-1) ** (n + 1) * factorial(n) * total
        tail = factorial(n - 1) * power(n) + factorial(n) / 2 * power(n + 1)
        for k, b in enumerate(BERNOULLI, 1):
            tail += b * factorial(2 * k + n - 1) / factorial(2 * k) * power(2 * k + n)
        tail = (-1) ** (n + 1) * tail
    else:
        tail = ratio - power(1) / 2
        for k, b in enumerate(BERNOULLI, 1):
            tail -= b / (2 * k) * power(2 * k)
    y = np.where(d < 0, -1.0, 1.0) * (total + tail)
    if positive.all():
        return y
    return np.where(positive, y, _polygamma(n, a + d) - _polygamma(n, a))


def _polygamma(n: int, x: Any) -> Any:
    return special.digamma(x) if n == 0 else (-1) ** (n + 1) * factorial(n) * special.zeta(n + 1, x)


def _difference_elsewhere(a: Any, d: Any, n: int) -> Any:
    if n == 0:
        return special.digamma(a + d) - special.digamma(a)
    return polygamma_native(n, a + d) - polygamma_native(n, a)


polygamma_difference: Any = elementwise(
    "polygamma_difference",
    in_double(polygamma_step, "a difference of polygamma functions", _difference_elsewhere),
    lambda y, a, d, n: polygamma_difference.bind(a, d, n=n + 1),
    lambda y, a, d, n: polygamma_rung.bind(n + 1, a + d),
)
"""Derivative n of digamma at a + d less that at a."""


def _reciprocal_native(x: Any, n: int) -> Any:
    right = x >= 0.5
    y = np.empty_like(x)
    t = x[right]
    y[right] = special.rgamma(t) * exponential([-_polygamma(k, t) for k in range(n)] or [t])[n]
    t = x[~right]
    turn = t - 2 * np.rint(t / 2)
    turn = np.where(turn > 0.5, 1 - turn, np.where(turn < -0.5, -1 - turn, turn))
    sign = np.where(np.rint(t) % 2 == 0, 1.0, -1.0)
    waves = (np.sin(math.pi * turn), sign * np.cos(math.pi * turn))
    sines = [(-1) ** (k // 2) * math.pi**k * waves[k % 2] for k in range(n + 1)]
    slopes = [(-1) ** (k + 1) * _polygamma(k, 1 - t) for k in range(n)] or [t]
    y[~right] = product(sines, exponential(slopes))[n] * special.gamma(1 - t) / math.pi
    y[np.isposinf(x)] = 0.0
    return y


_reciprocal_real = in_double(_reciprocal_native, "scipy.special.rgamma")


def _reciprocal(x: Any, n: int) -> Any:
    if not np.iscomplexobj(x):
        return _reciprocal_real(x, n=n)
    z = np.atleast_1d(x)
    factors = exponential([-complex_polygamma(k, z) for k in range(n)])
    y = (special.rgamma(z) * factors[n]).reshape(np.shape(x)).astype(asarray(x).dtype)
    return y if isinstance(x, np.ndarray) else y[()]


rgamma_derivative: Any = elementwise("rgamma_derivative", _reciprocal, lambda y, x, n: rgamma_derivative.bind(x, n=n + 1))
"""Derivative n of 1 / Gamma, an entire function."""
