"""Quotients f(x) / x of functions that vanish at 0, to every order: a power series near 0, elsewhere x g = f differentiated.

For (1 - J0(x)) / x, (I0(x) - 1) / x and H0(x) / x, slopes of integrals of Bessel and Struve functions.  Source: NIST Digital
Library of Mathematical Functions, 10.8, 10.25, 11.2.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from hoad.core.kinds import elementwise
from hoad.rules.special_functions.circles import rounded
from hoad.rules.special_functions.ladders import pieces, wide


def _coefficient(name: str, k: int) -> tuple[int, float]:
    """Power and coefficient of term k."""
    if name == "struve":  # H0(x) / x = (2 / pi) sum of (-1)^k x^(2k) / ((2k + 1)!!)^2
        return 2 * k, (-1) ** k * 2 / math.pi / math.prod(range(1, 2 * k + 2, 2)) ** 2
    sign = (-1) ** k if name == "j0" else 1
    return 2 * k + 1, sign / (4 ** (k + 1) * math.factorial(k + 1) ** 2)


def _derivative(name: str, x: Any, n: int) -> Any:
    """n-th derivative of f."""
    if name == "j0":
        return (1 - special.j0(x)) if n == 0 else -special.jvp(0, x, n)
    if name == "i0":
        return (special.i0(x) - 1) if n == 0 else special.ivp(0, x, n)
    # H0' = 2 / pi - H1, H_v' = (H_(v-1) - H_(v+1) + c_v x^v) / 2: the powers of x end
    if n == 0:
        return special.struve(0, x)
    total = np.zeros_like(x)
    orders = {0: 1.0}
    powers: dict[int, float] = {}
    for _ in range(n):
        new: dict[int, float] = {}
        new_powers = {p - 1: c * p for p, c in powers.items() if p}
        for v, c in orders.items():
            if v == 0:  # H_(-1) = 2 / pi - H_1
                new[1] = new.get(1, 0.0) - c
                new_powers[0] = new_powers.get(0, 0.0) + c * 2 / math.pi
                continue
            for w, d in ((v - 1, 0.5), (v + 1, -0.5)):
                new[w] = new.get(w, 0.0) + c * d
            new_powers[v] = new_powers.get(v, 0.0) + c / (2 * 2**v * math.sqrt(math.pi) * math.gamma(v + 1.5))
        orders, powers = new, new_powers
    for v, c in orders.items():
        total = total + c * special.struve(v, x)
    return total + sum(c * x**p for p, c in powers.items())


def _native(name: str) -> Any:
    def function(x: Any, n: int) -> Any:
        plain = wide(x)
        near = ~(np.abs(plain) > 3 + n)

        def series(x: Any) -> Any:
            total = np.zeros_like(x)
            for k in range((n + 1) // 2 + 24 + 2 * n):
                power, c = _coefficient(name, k)
                if power >= n:
                    total = total + c * math.perm(power, n) * x ** (power - n)
            return total

        def recurrence(x: Any) -> Any:
            g = _derivative(name, x, 0) / x
            for k in range(1, n + 1):
                g = (_derivative(name, x, k) - k * g) / x
            return g

        return rounded(pieces(plain, (near, series, 0.0), (~near, recurrence, n + 4.0)), x)

    return function


over_x: dict[str, Any] = {}
"""(1 - J0) / x, (I0 - 1) / x, H0 / x, and their n-th derivatives."""

for _name in ("j0", "i0", "struve"):
    over_x[_name] = elementwise(f"{_name}_over_x", _native(_name), lambda y, x, n, _f=_name: over_x[_f].bind(x, n=n + 1))
