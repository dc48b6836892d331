"""Legendre's elliptic integrals in both arguments, and Jacobi's elliptic functions.

Derivatives with respect to m are symmetric integrals, which do not cancel at m = 0; the first two of complete integrals come
from sums over an arithmetic-geometric mean.  Source: NIST Digital Library of Mathematical Functions, 19.2, 19.8, 19.25, 22.13,
22.16.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from hoad.core.kinds import elementwise
from hoad.rules.special_functions.carlson import integral, integrals
from hoad.rules.special_functions.declarations import declare, declare_several
from hoad.rules.special_functions.densities import in_double, where

CANCELLING = 1e-4
"""Where 1 - m lies beyond this, or its reciprocal, the sums over the arithmetic-geometric mean lose digits."""


def _one(x: Any) -> Any:
    return np.ones((), getattr(x, "dtype", float))[()]


def _steps(p: Any) -> int:
    """Steps of the arithmetic-geometric mean of 1 and sqrt(p) until the difference is below the square root of what counts."""
    count = 2
    for end in (np.fmin.reduce(p), np.fmax.reduce(p)):
        a, g, n = 1.0, float(np.sqrt(end)), 0
        while abs(a - g) > 1e-9 * a and g > 0 and np.isfinite(g):
            a, g, n = 0.5 * (a + g), math.sqrt(a * g), n + 1
        count = max(count, n)
    return count


def _mean(p: Any) -> tuple[Any, Any]:
    """K(m) and the sum over n > 0 of 2^(n-1) c_n^2 / m of the arithmetic-geometric mean of 1 and sqrt(p), m = 1 - p."""
    m = 1 - p
    before, g = 1.0, np.sqrt(p)
    a = 0.5 * (1 + g)
    m *= 0.0625
    t = m / (a * a)  # c_n^2 / m; the next is m t^2 / (4 a)^2, without a difference
    total = t.copy()
    for n in range(1, _steps(p)):
        g *= before
        np.sqrt(g, out=g)
        before = a
        a = a + g
        a *= 0.5
        t /= a
        t *= t
        t *= m
        total += 2.0**n * t
    g *= before
    return math.pi / (a + np.sqrt(g)), total


def _first_kind(p: Any) -> Any:
    """dK/dm."""
    k, total = _mean(p)
    y = k * (0.5 - total) / (2 * p)
    y[p == 0] = np.inf
    where(p < CANCELLING, lambda p: special.elliprd(0.0, 1.0, p) / 6, y, p)
    return y


def _second_kind(p: Any) -> Any:
    """-dE/dm."""
    k, total = _mean(p)
    y = 0.5 * k * (0.5 + total)
    where(p > 1 / CANCELLING, lambda p: special.elliprd(0.0, p, 1.0) / 6, y, p)
    y[p == 0] = np.inf
    return y


_SQUARES = [math.prod((i - 0.5) / i for i in range(1, k + 1)) ** 2 for k in range(34)]
"""K(m) is pi / 2 times the power series of m with these coefficients; those of E(m) are divided by 1 - 2k."""


def _near_zero(m: Any, kind: int) -> Any:
    """d2K/dm2 (kind 1) or -d2E/dm2 (kind 2) as a power series."""
    total = np.zeros_like(m)
    for k in range(len(_SQUARES) - 1, 1, -1):
        total *= m
        total += math.pi / 2 * k * (k - 1) * _SQUARES[k] / (1 if kind == 1 else 2 * k - 1)
    return total


def _first_kind_twice(p: Any) -> Any:
    """d2K/dm2, away from 0 from the differential equation."""
    m = 1 - p
    y = (special.ellipkm1(p) / 4 - (1 - 2 * m) * _first_kind(p)) / (m * p)
    y[p == 0] = np.inf
    where(np.abs(m) < 0.25, lambda m: _near_zero(m, 1), y, m)
    return y


def _second_kind_twice(p: Any) -> Any:
    """-d2E/dm2, likewise."""
    m = 1 - p
    y = (_first_kind(p) - _second_kind(p)) / (2 * m)
    y[p == 0] = np.inf
    where(np.abs(m) < 0.25, lambda m: _near_zero(m, 2), y, m)
    return y


# K(m) is 1/2 of the integral of powers 1/2 at 0, p = 1 - m and 1, so that dK/dm is 1/4 of that with the power 3/2 at p; -dE/dm is
# 1/4 of that with the power 3/2 at 1.
first_kind_twice: Any = elementwise(
    "complete_elliptic_1_twice_in_m",
    in_double(_first_kind_twice, "scipy.special.ellipk"),
    lambda y, p: -0.9375 * integral(0 * _one(p), p, _one(p), powers=(0.5, 3.5, 0.5)),
)
second_kind_twice: Any = elementwise(
    "complete_elliptic_2_twice_in_m",
    in_double(_second_kind_twice, "scipy.special.ellipe"),
    lambda y, p: -0.1875 * integral(0 * _one(p), p, _one(p), powers=(0.5, 2.5, 1.5)),
)
first_kind: Any = elementwise(
    "complete_elliptic_1_in_m", in_double(_first_kind, "scipy.special.ellipk"), lambda y, p: -first_kind_twice.bind(p)
)
second_kind: Any = elementwise(
    "complete_elliptic_2_in_m", in_double(_second_kind, "scipy.special.ellipe"), lambda y, p: -second_kind_twice.bind(p)
)

declare("ellipk", lambda y, m: first_kind.bind(1 - m))
declare("ellipkm1", lambda y, p: -first_kind.bind(p))
declare("ellipe", lambda y, m: -second_kind.bind(1 - m))


def _rising(start: float, n: int) -> float:
    return math.prod(start + k for k in range(n))


def _incomplete_native(phi: Any, m: Any, n: int, kind: int) -> Any:
    """n-th derivative in m: of the integral of 1 / D (kind 1) or of D (kind 2) over 0..phi, D^2 = 1 - m sin^2."""
    dtype = np.result_type(special.ellipkinc(phi, m))
    phi, m = (np.asarray(a, float) for a in np.broadcast_arrays(phi, m))
    turns = np.rint(phi / np.pi)
    rest = phi - turns * np.pi
    sine, cosine = np.sin(rest), np.cos(rest)
    powers = (0.5, 0.5 + n, 0.5) if kind == 1 else (0.5, n - 0.5, 1.5)
    factor = 0.5 * _rising(0.5 if kind == 1 else -0.5, n)
    square = sine**2
    inner = integrals[3].native(cosine**2, cosine**2 + (1 - m) * square, np.ones_like(square), powers=powers, s=0)
    y = factor * sine ** (2 * n) * sine * inner
    if np.any(turns):
        whole = integrals[3].native(np.zeros_like(m), 1 - m, np.ones_like(m), powers=powers, s=0)
        y = y + np.where(turns != 0, 2 * turns * factor * whole, 0.0)
    return np.asarray(y).astype(dtype)[()]


def _squared(phi: Any, m: Any) -> Any:
    """1 - m sin(phi)^2."""
    return np.cos(phi) ** 2 + (1 - m) * np.sin(phi) ** 2


def _in_phi(y: Any, phi: Any, m: Any, n: int, kind: int) -> Any:
    exponent = -0.5 - n if kind == 1 else 0.5 - n
    factor = _rising(0.5 if kind == 1 else -0.5, n)
    return factor * np.sin(phi) ** (2 * n) * _squared(phi, m) ** exponent


incomplete: Any = elementwise(
    "incomplete_elliptic_in_m",
    _incomplete_native,
    _in_phi,
    lambda y, phi, m, n, kind: incomplete.bind(phi, m, n=n + 1, kind=kind),
)

declare("ellipkinc", lambda y, phi, m: 1 / np.sqrt(_squared(phi, m)), lambda y, phi, m: incomplete.bind(phi, m, n=1, kind=1))
declare("ellipeinc", lambda y, phi, m: np.sqrt(_squared(phi, m)), lambda y, phi, m: incomplete.bind(phi, m, n=1, kind=2))


def _amplitude(u: Any, m: Any) -> Any:
    """d am / dm: F(am, m) = u."""
    return -dn.bind(u, m) * incomplete.bind(am.bind(u, m), m, n=1, kind=1)


def _dn_in_m(y: Any, u: Any, m: Any) -> Any:
    s = sn.bind(u, m)
    return -(s * s / 2 + m * s * cn.bind(u, m) * _amplitude(u, m)) / y


sn: Any
cn: Any
dn: Any
am: Any
sn, cn, dn, am = declare_several(
    "ellipj",
    (lambda y, u, m: cn.bind(u, m) * dn.bind(u, m), lambda y, u, m: cn.bind(u, m) * _amplitude(u, m)),
    (lambda y, u, m: -sn.bind(u, m) * dn.bind(u, m), lambda y, u, m: -sn.bind(u, m) * _amplitude(u, m)),
    (lambda y, u, m: -m * sn.bind(u, m) * cn.bind(u, m), _dn_in_m),
    (lambda y, u, m: dn.bind(u, m), lambda y, u, m: _amplitude(u, m)),
)
