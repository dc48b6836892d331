"""Ladders of derivatives: functions whose slopes are the next rung.

Where the derivative of a function written in the function itself would cancel (erfcx, exprel, sinc), its n-th derivatives are
functions of their own.  Source: NIST Digital Library of Mathematical Functions, chapters 7 and 8.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from hoad.backends import is_host
from hoad.core.kinds import elementwise

SQRT_PI = math.sqrt(math.pi)


def wide(x: Any) -> Any:
    """At least one-dimensional, in double precision."""
    dtype = complex if np.iscomplexobj(x) else float
    return np.atleast_1d(np.asarray(x, dtype) if is_host(x) else x.astype(dtype))


def pieces(x: Any, *pieces: tuple[Any, Any, float]) -> Any:
    """Values from (where, function, a point of its domain): each function is called where it counts, and on a device, which
    would have to be waited for to know how many elements that are, everywhere."""
    if is_host(x):
        y = np.empty_like(x)
        for where, f, _ in pieces:
            y[where] = f(x[where])
        return y
    y = x
    for where, f, inside in pieces:
        y = np.where(where, f(np.where(where, x, inside)), y)
    return y


def _rounded(y: Any, x: Any) -> Any:
    """Result of a computation in double precision, with the shape, the dtype and the kind (array or scalar) of x."""
    y = y.reshape(np.shape(x))
    if not is_host(x):
        return y.astype(x.dtype)
    return y.astype(np.asarray(x).dtype)[()] if not isinstance(x, np.ndarray) else y.astype(x.dtype)


def _sinc_native(x: Any, n: int) -> Any:
    """n-th derivative of sin(u)/u in u = pi x, times pi^n: a power series near 0, elsewhere u s_n + n s_(n-1) = sin(u + n pi/2)."""
    plain = wide(x)
    near = np.abs(math.pi * plain) < max(1.0, n / 2)

    def series(x: Any) -> Any:
        u = math.pi * x
        total = np.zeros_like(u)
        for k in range((n + 1) // 2, (n + 1) // 2 + 20 + n):
            total = total + (-1) ** k * u ** (2 * k - n) / (float(2 * k + 1) * math.factorial(2 * k - n))
        return total

    def recurrence(x: Any) -> Any:
        turn = x if np.iscomplexobj(x) else x - 2 * np.rint(x / 2)  # sin(pi x) keeps its digits at large x
        u, angle = math.pi * x, math.pi * turn
        waves = (np.sin(angle), np.cos(angle), -np.sin(angle), -np.cos(angle))
        s = waves[0] / u
        for k in range(1, n + 1):
            s = (waves[k % 4] - k * s) / u
        return s

    return _rounded(math.pi**n * pieces(plain, (near, series, 0.0), (~near, recurrence, n + 1.0)), x)


def _erfc_native(x: Any, n: int) -> Any:
    """exp(x^2) times the n-th iterated integral of erfc: positive, and without cancellation for every x."""
    plain = wide(x)
    large = plain > 1

    def ratios(x: Any) -> Any:
        # E_k / E_(k-1) = 1 / (2x + 2(k+1) E_(k+1)/E_k), the minimal solution, from above (DLMF 7.18.9).
        if not x.size:
            return x
        y = special.erfcx(x)
        r = np.zeros_like(x)
        for k in range(n + int(200 / (np.min(x) if is_host(x) else 1) ** 2) + 10, 0, -1):
            r = 1 / (2 * x + 2 * (k + 1) * r)
            if k <= n:
                y = y * r
        return y

    def recurrence(x: Any) -> Any:
        before, y = np.full_like(x, 2 / SQRT_PI), special.erfcx(x)
        for k in range(1, n + 1):
            before, y = y, (before - 2 * x * y) / (2 * k)
        return y

    return _rounded(pieces(plain, (large, ratios, 2.0), (~large, recurrence, 0.0)), x)


def _exprel_native(x: Any, n: int) -> Any:
    """Integral of s^n exp(s x) over s in 0..1: the n-th derivative of (exp(x) - 1) / x."""
    plain = wide(x)

    def series(x: Any) -> Any:
        return sum((x**k / (math.factorial(k) * (n + k + 1)) for k in range(1, 22)), np.full_like(x, 1 / (n + 1)))

    def negative(x: Any) -> Any:
        return math.factorial(n) * special.gammainc(n + 1, -x) / (-x) ** (n + 1)

    def positive(x: Any) -> Any:
        return special.hyp1f1(n + 1, n + 2, np.minimum(x, 800.0)) / (n + 1) if is_host(x) else _exprel_large(x, n)

    y = pieces(plain, (np.abs(plain) <= 1, series, 0.0), (plain < -1, negative, -2.0), (~(plain <= 1), positive, 2.0))
    return _rounded(y, x)


def _exprel_large(x: Any, n: int) -> Any:
    """The same for x > 1 without SciPy's hyp1f1, which CuPy lacks: a series of positive terms, and from 2n on a recurrence."""
    limit = max(8, 2 * n)

    def series(x: Any) -> Any:
        term, total = x, 1 / (n + 1) + x / (n + 2)
        for k in range(2, 3 * limit + 40):
            term = term * x / k
            total = total + term / (n + k + 1)
        return total

    def recurrence(x: Any) -> Any:
        half = np.exp(x / 2)  # exp(x) may overflow before the result does
        y = -np.expm1(-x) / x
        for k in range(1, n + 1):
            y = (1 - k * y) / x
        return half * y * half

    return pieces(x, (x <= limit, series, 1.0), (~(x <= limit), recurrence, limit + 1.0))


sinc_derivative: Any = elementwise("sinc_derivative", _sinc_native, lambda y, x, n: sinc_derivative.bind(x, n=n + 1))
scaled_erfc: Any = elementwise("scaled_iterated_erfc", _erfc_native, lambda y, x, n: -2 * (n + 1) * scaled_erfc.bind(x, n=n + 1))
exprel_derivative: Any = elementwise("exprel_derivative", _exprel_native, lambda y, x, n: exprel_derivative.bind(x, n=n + 1))
