"""Plasma dispersion function w, Dawson's integral, the Voigt profile, and Fresnel integrals.

Derivatives of w have a ladder: asymptotic series far out, means over a circle near 0, and the differential equation where w grows.
The Voigt profile solves the heat equation, so that all its derivatives are derivatives of w.  Source: NIST Digital Library of
Mathematical Functions, 7.2, 7.7, 7.10, 7.12, 7.19.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from hoad.core.kinds import elementwise
from hoad.core.kinds.cotangents import is_complex
from hoad.rules.special_functions.circles import derivative, rounded
from hoad.rules.special_functions.declarations import declare, declare_several
from hoad.rules.special_functions.ladders import pieces, wide

SQRT_PI = math.sqrt(math.pi)
FAR = 7.0


def _far(z: Any, n: int) -> Any:
    """i / sqrt(pi) times the sum of (1/2)_k z^(-2k-1), differentiated."""
    inverse = 1 / z
    square = inverse * inverse
    power = inverse ** (n + 1)
    coefficient = (-1) ** n * float(math.factorial(n))
    total = np.zeros_like(z)
    for k in range(30):
        total = total + coefficient * power
        # (1/2)_(k+1) (2k + 3)_n / ((1/2)_k (2k + 1)_n)
        coefficient *= (k + 0.5) * (2 * k + 1 + n) * (2 * k + 2 + n) / ((2 * k + 1) * (2 * k + 2))
        power = power * square
    return 1j / SQRT_PI * total


def _growing(z: Any, n: int) -> Any:
    """w' = 2 i / sqrt(pi) - 2 z w."""
    before, w = np.zeros_like(z), special.wofz(z)
    for k in range(n):
        before, w = w, (2j / SQRT_PI if k == 0 else 0) - 2 * z * w - 2 * k * before
    return w


def _near(z: Any, n: int) -> Any:
    return derivative(special.wofz, z, np.maximum(0.7, np.abs(z) / 4), n)


def _wofz_native(z: Any, n: int) -> Any:
    plain = np.atleast_1d(np.asarray(z, complex))
    growing = (plain.imag < -0.3) | (np.abs(plain) < 1.0) & (n < 3)
    far = ~growing & (np.abs(plain) > FAR + 0.5 * n)
    near = ~growing & ~far
    y = np.empty_like(plain)
    for where, f in ((growing, _growing), (far, _far), (near, _near)):
        y[where] = f(plain[where], n)
    return rounded(y, z)


w_derivative: Any = elementwise("wofz_derivative", _wofz_native, lambda y, z, n: w_derivative.bind(z, n=n + 1))
declare("wofz", lambda y, z: w_derivative.bind(z, n=1))


def _dawsn_native(x: Any, n: int) -> Any:
    plain = wide(x)
    small = ~(np.abs(plain) > 1)

    def series(x: Any) -> Any:
        total = np.zeros_like(x)
        for k in range(30 + n):
            power = 2 * k + 1
            if power >= n:
                c = (-2.0) ** k / math.prod(range(1, power + 1, 2)) * math.perm(power, n)
                total = total + c * x ** (power - n)
        return total

    def circle(x: Any) -> Any:
        return derivative(special.dawsn, x, np.maximum(0.7, np.abs(x) / 3), n)  # further off the axis SciPy loses digits

    return rounded(pieces(plain, (small, series, 0.0), (~small, circle, 2.0)), x)


dawsn_derivative: Any = elementwise("dawsn_derivative", _dawsn_native, lambda y, x, n: dawsn_derivative.bind(x, n=n + 1))
declare("dawsn", lambda y, x: 1 - 2 * x * special.dawsn(x) if is_complex(x) else dawsn_derivative.bind(x, n=1))


def _voigt_native(x: Any, sigma: Any, gamma: Any, n: int, part: str) -> Any:
    """n-th derivative in x of the profile (part real) or of its conjugate function (part imag)."""
    dtype = special.voigt_profile(x, sigma, gamma).dtype
    x, sigma, gamma = np.broadcast_arrays(*(np.asarray(a, float) for a in (x, sigma, gamma)))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        z = (x + 1j * gamma) / (math.sqrt(2) * sigma)
        lorentz = sigma == 0
        z = np.where(lorentz, 1j, z)
        y = np.asarray(w_derivative.native(z, n=n)) / (math.sqrt(math.pi) * (math.sqrt(2) * sigma) ** (n + 1))
        if n == 0:
            y = np.asarray(special.wofz(z)) / (math.sqrt(2 * math.pi) * sigma)
        real = y.real
        # w is the Gaussian itself on the real axis, and its derivatives there are Hermite functions.
        u = x / (math.sqrt(2) * sigma)
        before, hermite = np.zeros_like(u), np.ones_like(u)
        for k in range(n):
            before, hermite = hermite, -2 * u * hermite - 2 * k * before
        gauss = hermite * np.exp(-u * u) / (math.sqrt(math.pi) * (math.sqrt(2) * sigma) ** (n + 1))
        real = np.where(gamma == 0, gauss, real)
        limit = 1j / np.pi * (-1) ** n * math.factorial(n) / (x + 1j * gamma) ** (n + 1)
        y = np.where(lorentz, limit.real if part == "real" else limit.imag, real if part == "real" else y.imag)
    return y.astype(dtype)[()]


def _in_gamma(y: Any, x: Any, s: Any, g: Any, n: int, part: str) -> Any:
    if part == "real":
        return -voigt.bind(x, s, g, n=n + 1, part="imag")
    return voigt.bind(x, s, g, n=n + 1, part="real")


voigt: Any = elementwise(
    "voigt_derivative",
    _voigt_native,
    lambda y, x, s, g, n, part: voigt.bind(x, s, g, n=n + 1, part=part),
    lambda y, x, s, g, n, part: s * voigt.bind(x, s, g, n=n + 2, part=part),
    _in_gamma,
)
declare(
    "voigt_profile",
    lambda y, x, s, g: voigt.bind(x, s, g, n=1, part="real"),
    lambda y, x, s, g: s * voigt.bind(x, s, g, n=2, part="real"),
    lambda y, x, s, g: -voigt.bind(x, s, g, n=1, part="imag"),
)

declare_several("fresnel", (lambda y, x: np.sin(math.pi / 2 * x * x),), (lambda y, x: np.cos(math.pi / 2 * x * x),))


def _modified(name: str, sign: int) -> None:
    """F(x), the integral of exp(+-i t^2) from x to infinity, and K(x) = exp(-+i (x^2 + pi / 4)) F(x) / sqrt(pi)."""
    turn = complex(1, sign) / math.sqrt(2)

    def slope(y: Any, x: Any) -> Any:  # K(x) = w(x exp(+-i pi / 4)) / 2, taken in the upper half plane
        if sign > 0:
            return turn / 2 * w_derivative.bind(turn * x, n=1)
        return np.conjugate(turn.conjugate() / 2 * w_derivative.bind(turn.conjugate() * x, n=1))

    declare_several(name, (lambda y, x: -np.exp(sign * 1j * (x * x)),), (slope,))


_modified("modfresnelp", 1)
_modified("modfresnelm", -1)
