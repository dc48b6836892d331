"""Bessel functions of integer order on devices: CuPy has orders 0 and 1, second derivatives need more.

Upwards recurrences, and for J and I, where these lose digits at small arguments, power series there.  Source: NIST Digital
Library of Mathematical Functions, 10.2, 10.6, 10.25, 10.29.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from hoad.backends import is_host
from hoad.rules.special_functions.ladders import pieces, wide

_FIRST = {"jv": ("j0", "j1"), "yv": ("y0", "y1"), "iv": ("i0", "i1"), "kv": ("k0", "k1")}
_SIGNS = {"jv": (-1, 1), "yv": (-1, 1), "iv": (1, -1), "kv": (1, 1)}
"""f of order k + 1 is a f of order k - 1 + b (2k / x) f of order k: the a and b."""


def bessel_native(name: str) -> Any:
    """SciPy's function of (order, x), also for arrays on a device if the order is a whole number."""
    native = getattr(special, name)

    def function(v: Any, x: Any) -> Any:
        if is_host(x) or not (is_host(v) and np.ndim(v) == 0 and float(v).is_integer()):
            return native(v, x)
        n = abs(int(v))
        sign = -1 if name in ("jv", "yv") and v < 0 and n % 2 else 1
        y = _whole_order(name, n, wide(x)) * sign
        return y.reshape(x.shape).astype(x.dtype)

    return function


def _whole_order(name: str, n: int, x: Any) -> Any:
    zero, one = (getattr(special, f) for f in _FIRST[name])
    if n < 2:
        return one(x) if n else zero(x)
    a, b = _SIGNS[name]

    def recurrence(x: Any) -> Any:
        before, y = zero(x), one(x)
        for k in range(1, n):
            before, y = y, a * before + b * (2 * k / x) * y
        return y

    if name in ("yv", "kv"):
        return recurrence(x)
    # Where the recurrence keeps its digits: beyond the order for J, beyond its square for I.
    limit = n if name == "jv" else max(8, n * n)

    def series(x: Any) -> Any:
        square = a * x * x / 4
        term = (x / 2) ** n / math.factorial(n)
        total = term
        for k in range(1, 2 * limit + 30):
            term = term * square / (k * (n + k))
            total = total + term
        return total

    small = np.abs(x) <= limit
    return pieces(x, (small, series, 0.0), (~small, recurrence, limit + 1.0))
