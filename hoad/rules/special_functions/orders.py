"""Bessel functions in their order: derivatives of J, Y, I, K with respect to v, to every order, by trapezoidal sums.

All are integrals of exp(phi(t) - v t), so that a derivative with respect to v is a factor -t.  On paths of steepest descent the
exponential neither oscillates nor cancels, and trapezoidal sums of such integrands converge exponentially.  Source: NIST Digital
Library of Mathematical Functions, 10.9 (v), 10.32, 10.4, 10.27; Watson, A Treatise on the Theory of Bessel Functions, 8.31.
"""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np
from scipy import special

from hoad.core.kinds import elementwise
from hoad.core.kinds.cotangents import is_complex
from hoad.errors import UnsupportedFunctionError
from hoad.rules.special_functions.quadrature import gauss_legendre

NODES = 240
NEGLIGIBLE = 42.0
"""Minus the logarithm of what does not count."""

_GAUSS = tuple(zip(*(column.ravel() for column in gauss_legendre(NODES // 2)), strict=True))
"""Nodes and weights on 0..1."""

SCIPY = {"jv": special.jv, "yv": special.yv, "iv": special.iv, "kv": special.kv}


def _reach(growth: Any, x: Any, c: Any) -> Any:
    """The largest s with x growth(s) - c s = NEGLIGIBLE, by bisection."""
    low = np.zeros_like(x)
    high = np.log1p((NEGLIGIBLE + 800 * (1 + np.abs(c))) / x) + 3
    for _ in range(50):
        middle = (low + high) / 2
        beyond = x * growth(middle) - c * middle > NEGLIGIBLE
        low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
    return high


def _hankel(v: Any, x: Any, n: int) -> Any:
    """d^n/dv^n of J + i Y for v >= 0 and x > 0."""
    y = np.empty(x.shape, complex)
    low = v <= np.maximum(1.5, np.sqrt(5 * x))
    turn = ~low & (v > x - 4.5 * np.cbrt(x))
    for where, f in ((low, _hankel_low), (turn, _hankel_beyond), (~low & ~turn, _hankel_saddle)):
        if where.any():
            y[where] = f(v[where], x[where], n)
    return y


def _hankel_low(v: Any, x: Any, n: int) -> Any:
    """For orders small against sqrt(x): on the path t = i pi/2 + s + i gd(s), the one of steepest descent for v = 0."""

    def growth(s: Any) -> Any:
        return np.sinh(s) * np.tanh(s)

    right, left = _reach(growth, x, -v), _reach(growth, x, v)
    step = (right + left) / NODES
    total = np.zeros(x.shape, complex)
    for k in range(NODES + 1):
        s = k * step - left
        t = s + 1j * np.arctan(np.sinh(s))
        total += (-t - 0.5j * np.pi) ** n * np.exp(-x * growth(s) - v * t) * (1 + 1j / np.cosh(s))
    quarter = np.remainder(v, 4)  # exact, so that whole orders are
    return np.exp(1j * x) * np.exp(-0.5j * np.pi * quarter) / (1j * np.pi) * total * step


def _hankel_saddle(v: Any, x: Any, n: int) -> Any:
    """For v below x: on the path through the saddle i b, cos(b) = v / x, on which the phase is that of the saddle."""
    b = np.arccos(v / x)
    total = np.zeros(x.shape, complex)
    for k in range(NODES):
        u = np.pi * (k + 0.5) / NODES
        d = u - b
        small = np.abs(d) < 0.1
        rest = np.where(small, d**3 / 6 * (1 - d**2 / 20 * (1 - d**2 / 42 * (1 - d**2 / 72))), d - np.sin(d))
        excess = (np.sin(b) * 2 * np.sin(d / 2) ** 2 + np.cos(b) * rest) / np.sin(u)  # cosh(s) - 1
        s = np.sign(d) * 2 * np.arcsinh(np.sqrt(excess / 2))
        # d/du of cosh(s) = (sin(b) + cos(b) d) / sin(u); at the saddle both sides vanish and the slope is 1
        slope = (np.cos(b) - (1 + excess) * np.cos(u)) / np.sin(u)
        at = np.abs(s) < 1e-12
        speed = np.where(at, 1.0, slope / np.where(at, 1.0, np.sinh(s)))
        weight = (-s - 1j * u) ** n * (speed + 1j)
        total += weight * np.exp(x * np.sinh(s) * np.cos(u) - v * s)
    return np.exp(1j * (x * np.sin(b) - v * b)) / 1j * total / NODES


def _hankel_beyond(v: Any, x: Any, n: int) -> Any:
    """For v about x or above: along the real axis, and from its saddle (of v = x, if v is near) to infinity + i pi."""
    above = v > x + 2 * np.cbrt(x)
    order = np.where(above, v, x)
    saddle = np.arccosh(order / x)
    total = np.zeros(x.shape, complex)
    left = _reach(np.sinh, x, v)
    for node, weight in _GAUSS:
        for start, end in ((-left, -saddle), (-saddle, saddle)):  # the integrand is largest at -saddle
            s = start + (end - start) * node
            total += weight * (end - start) * (-s) ** n * np.exp(x * np.sinh(s) - v * s)
        u = np.pi * node
        s = np.arccosh(order / x * u / np.sin(u))
        speed = order / x * (np.sin(u) - u * np.cos(u)) / np.sin(u) ** 2 / np.sinh(s)
        t = s + 1j * u
        total += weight * np.pi * (-t) ** n * np.exp(x * np.sinh(t) - v * t) * (speed + 1j)
    return total / (1j * np.pi)


def _steepest(v: Any, x: Any, n: int, sinh: Any, cosh: Any, arc: Any) -> Any:
    """1/(2 pi i) times the integral of (-t)^n exp(x sinh(t) - v t) over the path t = s + i u on which the exponent is real."""
    total = np.zeros_like(x)
    for k in range(NODES):  # the integrand is even in u and ends at u = pi with all its derivatives 0
        u = np.pi * (k + 0.5) / NODES
        ratio = v / x * (u / np.sin(u))
        s = arc(ratio)
        speed = v / x * (np.sin(u) - u * np.cos(u)) / np.sin(u) ** 2 / sinh(s)
        weight = np.imag((-s - 1j * u) ** n * (speed + 1j))
        total += weight * np.exp(x * cosh(s) * np.cos(u) - v * s)
    return total / NODES


def _j_beyond(v: Any, x: Any, n: int) -> Any:
    """For v well above x: J is recessive in v."""
    return _steepest(v, x, n, np.sinh, np.sinh, np.arccosh)


def _i_beyond(v: Any, x: Any, n: int) -> Any:
    return _steepest(v, x, n, np.cosh, np.cosh, np.arcsinh)


def _i_real(v: Any, x: Any, n: int) -> Any:
    """For small orders: the integral of exp(x cos u) cos(v u), less that of exp(-x cosh t - v t) sin(pi v) / pi."""
    width = np.minimum(np.pi, 2 * np.arcsin(np.minimum(1.0, np.sqrt(NEGLIGIBLE / (2 * x)))))
    total = np.zeros_like(x)
    for node, weight in _GAUSS:
        u = width * node
        wave = (np.cos, np.sin)[n % 2](v * u) * (1, -1, -1, 1)[n % 4]
        total += weight * u**n * wave * np.exp(-2 * x * np.sin(u / 2) ** 2)
    total *= width * np.exp(x)
    top = _reach(lambda t: np.cosh(t) - 1, x, -v)
    for node, weight in _GAUSS:
        t = top * node
        # d^n/dv^n of sin(pi v) exp(-v t): the imaginary part of (i pi - t)^n exp(i pi v - t v)
        turned = _sinpi(v) * np.real((1j * np.pi - t) ** n) + _cospi(v) * np.imag((1j * np.pi - t) ** n)
        total -= weight * top * turned * np.exp(-x * np.cosh(t) - v * t)
    return total / np.pi


def _k(v: Any, x: Any, n: int) -> Any:
    v, sign = np.abs(v), np.where(v < 0, (-1.0) ** n, 1.0)
    top = _reach(lambda t: np.cosh(t) - 1, x, v)
    step = top / NODES
    total = np.zeros_like(x)
    for k in range(NODES + 1):
        t = k * step
        hyperbolic = (np.exp(v * t - x * np.cosh(t)) + (-1) ** n * np.exp(-v * t - x * np.cosh(t))) / 2
        total += (0.5 if k == 0 else 1.0) * t**n * hyperbolic
    return sign * total * step


def _sinpi(v: Any) -> Any:
    nearest = np.rint(v)
    return np.sin(np.pi * (v - nearest)) * (1 - 2 * np.remainder(nearest, 2))


def _cospi(v: Any) -> Any:
    nearest = np.rint(v)
    return np.cos(np.pi * (v - nearest)) * (1 - 2 * np.remainder(nearest, 2))


def _from_above(name: str, v: Any, x: Any, n: int) -> Any:
    """f of order v = 2 (v + 1) / x f of order v + 1 -+ f of order v + 2, differentiated n times: for small v and x."""
    sign = -1 if name == "jv" else 1
    above = 2 / x * ((v + 1) * _positive(name, v + 1, x, n) + n * _positive(name, v + 1, x, n - 1))
    return above + sign * _positive(name, v + 2, x, n)


def _positive(name: str, v: Any, x: Any, n: int) -> Any:
    """For v >= 0 and x > 0, both arrays."""
    if n == 0:
        return SCIPY[name](v, x)
    if name == "kv":
        return _k(v, x, n)
    if name == "yv":
        return _hankel(v, x, n).imag
    y = np.empty_like(x)
    if name == "jv":
        near = v < x + 2 * np.cbrt(x)
        small = (v < 1) & (x < 1)
        parts = ((near & ~small, lambda v, x: _hankel(v, x, n).real), (~near & (v >= 1), lambda v, x: _j_beyond(v, x, n)))
    else:
        near = (v < np.sqrt(x)) & (x >= 1) | (v < 1) & (x >= 1)
        parts = ((near, lambda v, x: _i_real(v, x, n)), (~near & (v >= 1), lambda v, x: _i_beyond(v, x, n)))
    rest = np.ones(x.shape, bool)
    for where, f in parts:
        rest &= ~where
        y[where] = f(v[where], x[where]) if where.any() else 0
    if rest.any():
        y[rest] = _from_above(name, v[rest], x[rest], n)
    return y


def _negative(name: str, u: Any, x: Any, n: int) -> Any:
    """The n-th derivative with respect to u = -v of the function of order -u, by reflection."""

    def product(trigonometric: Any, other: str) -> Any:
        total: Any = 0.0
        for k in range(n + 1):  # the k-th derivative of sin and cos (pi u) is a shift by k quarter turns
            sine, cosine = _sinpi(u), _cospi(u)
            waves = (sine, cosine, -sine, -cosine)
            factor = waves[(k + (0 if trigonometric == "sin" else 1)) % 4]
            total = total + comb(n, k) * np.pi**k * factor * _positive(other, u, x, n - k)
        return total

    if name == "jv":
        return product("cos", "jv") - product("sin", "yv")
    if name == "yv":
        return product("sin", "jv") + product("cos", "yv")
    return _positive("iv", u, x, n) + 2 / np.pi * product("sin", "kv")


def _native(name: str) -> Any:
    def function(v: Any, x: Any, n: int) -> Any:
        dtype = SCIPY[name](v, x).dtype
        if is_complex(x):
            raise UnsupportedFunctionError.no_rule(f"scipy.special.{name} with respect to its order at complex arguments")
        v, x = np.broadcast_arrays(np.asarray(v, float), np.asarray(x, float))
        shape, v, x = v.shape, np.atleast_1d(v).ravel(), np.atleast_1d(x).ravel()
        y = np.full(v.shape, np.nan)
        with np.errstate(over="ignore", under="ignore"):
            inside = (x > 0) & np.isfinite(v) & np.isfinite(x)
            up, down = inside & ((v >= 0) | (name == "kv")), inside & (v < 0) & (name != "kv")
            if up.any():
                y[up] = _positive(name, v[up], x[up], n)
            if down.any():
                y[down] = (-1) ** n * _negative(name, -v[down], x[down], n)
        if name in ("jv", "iv"):
            y[(x == 0) & (v > 0)] = 0.0
        return y.reshape(shape).astype(dtype)[()]

    return function


def _slope(name: str) -> Any:
    a, b, c = {"jv": (1, -1, 2), "yv": (1, -1, 2), "iv": (1, 1, 2), "kv": (1, 1, -2)}[name]
    return lambda y, v, x, n: (a * in_order[name].bind(v - 1, x, n=n) + b * in_order[name].bind(v + 1, x, n=n)) / c


in_order: dict[str, Any] = {}
"""The n-th derivatives of J, Y, I, K with respect to the order."""

for _name in ("jv", "yv", "iv", "kv"):
    in_order[_name] = elementwise(
        f"{_name}_in_order", _native(_name), lambda y, v, x, n, _f=_name: in_order[_f].bind(v, x, n=n + 1), _slope(_name)
    )
