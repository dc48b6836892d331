"""Kelvin functions: real and imaginary parts of Bessel functions on a diagonal of the complex plane.

ber + i bei = J0(x exp(3 pi i / 4)) and ker + i kei = K0(x exp(pi i / 4)).  Source: NIST Digital Library of Mathematical
Functions, 10.61, 10.63.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from hoad.core.kinds import elementwise
from hoad.core.primitive import expose
from hoad.rules.special_functions.declarations import declare

_POWERS = [complex(round(math.cos(k * math.pi / 2)), round(math.sin(k * math.pi / 2))) for k in range(4)]


def _turn(eighths: int) -> complex:
    """exp(i pi / 4) to a power, exact where that is a power of i."""
    half, odd = divmod(eighths % 8, 2)
    return _POWERS[half] * (complex(1, 1) / math.sqrt(2) if odd else 1)


def _series(x: Any, which: str, n: int) -> Any:
    """Of (-1)^k (x / 2)^(4 k) / (2 k)!^2, for bei with 2 k + 1: the small one of real and imaginary part keeps its digits."""
    total = np.zeros_like(x)
    for k in range(12 + n):
        half = 2 * k + (which == "bei")
        if 2 * half >= n:
            c = (-1) ** k / (4.0**half * math.factorial(half) ** 2) * math.perm(2 * half, n)
            total = total + c * x ** (2 * half - n)
    return total


def _native(x: Any, which: str, n: int) -> Any:
    """n-th derivative of ber, bei, ker or kei."""
    dtype = getattr(special, which)(x).dtype
    x = np.asarray(x, float)
    be = which.startswith("b")
    eighths = 3 if be else 1
    z = x * _turn(eighths)
    f = special.jv if be else special.kv
    total: Any = 0.0
    for k in range(n + 1):
        total = total + math.comb(n, k) * ((-1) ** k if be else (-1) ** n) * f(2 * k - n, z)
    y = total * _turn(eighths * n) / 2**n
    y = y.real if which.endswith("r") else y.imag
    if be:
        small = np.abs(x) <= 4
        y = np.where(small, _series(np.where(small, x, 0.0), which, n), y)
    return np.where((x < 0) & (not be), np.nan, y).astype(dtype)[()]


kelvin_derivative: Any = elementwise(
    "kelvin_derivative", _native, lambda y, x, which, n: kelvin_derivative.bind(x, which=which, n=n + 1)
)

# Not by SciPy's own derivatives (berp and others), which have 9 digits where asymptotic series begin.
for _name in ("ber", "bei", "ker", "kei"):
    declare(_name, lambda y, x, _f=_name: kelvin_derivative.bind(x, which=_f, n=1))
    declare(f"{_name}p", lambda y, x, _f=_name: kelvin_derivative.bind(x, which=_f, n=2))


def _pair(output: int) -> Any:
    """Slope of an output of kelvin: Be, Ke, Be', Ke'."""
    real, imaginary = ("ber", "bei") if output % 2 == 0 else ("ker", "kei")
    n = 1 if output < 2 else 2
    return lambda y, x: kelvin_derivative.bind(x, which=real, n=n) + 1j * kelvin_derivative.bind(x, which=imaginary, n=n)


_outputs = [elementwise(f"kelvin[{i}]", lambda x, _i=i: special.kelvin(x)[_i], _pair(i)) for i in range(4)]
expose(lambda x: tuple(p.bind(x) for p in _outputs), "scipy.special.kelvin", special.kelvin, "elementwise")
