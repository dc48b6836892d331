"""Exponential, sine and cosine integrals, and the dilogarithm of Spence.

Source: NIST Digital Library of Mathematical Functions, chapter 6, 8.19, 25.12.
"""

from __future__ import annotations

import math
from math import factorial
from typing import Any

import numpy as np
from scipy import special

from hoad.backends import is_host
from hoad.core.kinds import elementwise
from hoad.rules.special_functions.declarations import declare, declare_several
from hoad.rules.special_functions.ladders import sinc_derivative, wide
from hoad.rules.special_functions.quadrature import gauss_legendre

_NODES, _WEIGHTS = gauss_legendre(40)


def _log1p_quotient_native(z: Any, n: int) -> Any:
    """Derivative n of log(1 + z) / z: (-1)^n n! times the integral of u^n / (1 + u z)^(n+1) over 0..1."""
    flat = wide(z)
    flat = flat.ravel()
    with np.errstate(all="ignore"):
        y = _recurrence(flat, n)
        near = np.abs(flat + 0.25) <= 0.75 + 0.25 * n
        near &= flat.real > -0.9 if np.iscomplexobj(flat) else flat > -0.9
        if near.any():
            u = _NODES
            terms = _WEIGHTS * u**n / (1 + u * flat[near]) ** (n + 1)
            y[near] = (-1) ** n * factorial(n) * terms.sum(0)
        y[flat == -1] = np.inf
    y = y.reshape(np.shape(z)).astype(np.asarray(z).dtype if is_host(z) else float)
    return y if isinstance(z, np.ndarray) else y[()]


def _recurrence(z: Any, n: int) -> Any:
    """From z L_k + k L_(k-1) = derivative k of log(1 + z)."""
    y = np.log1p(z) / z
    for k in range(1, n + 1):
        y = ((-1) ** (k - 1) * factorial(k - 1) / (1 + z) ** k - k * y) / z
    return y


log1p_quotient: Any = elementwise("log1p_quotient", _log1p_quotient_native, lambda y, z, n: log1p_quotient.bind(z, n=n + 1))
"""Derivative n of log(1 + z) / z."""


def _expn_slope(y: Any, n: Any, x: Any) -> Any:
    """-E_(n-1); E_0 is exp(-x) / x."""
    n = np.asarray(n)
    if not np.any(n == 0):
        return -special.expn(n - 1, x)
    return np.where(n == 0, -y * (1 + 1 / x), -special.expn(np.maximum(n - 1, 0), x))


def _sine_slope(y: Any, x: Any) -> Any:
    return sinc_derivative.bind(x / math.pi, n=0)


declare("expi", lambda y, x: np.exp(x) / x)
declare("exp1", lambda y, x: -np.exp(-x) / x)
declare("expn", None, _expn_slope)
declare("spence", lambda y, x: -log1p_quotient.bind(x - 1, n=0))
declare_several("sici", (_sine_slope,), (lambda y, x: np.cos(x) / x,))


def _sinh_quotient_native(x: Any, n: int) -> Any:
    """Derivative n of sinh(x) / x: the mean of exp(s x) s^n over s in -1..1, by parity over 0..1."""
    flat = wide(x)
    flat = flat.ravel()
    near = np.abs(flat) <= 6 + n
    y = np.empty_like(flat)
    with np.errstate(all="ignore"):
        t = _NODES * flat[near]
        y[near] = (_WEIGHTS * _NODES**n * (np.sinh(t) if n % 2 else np.cosh(t))).sum(0)
        t = flat[~near]
        # From u s_k + k s_(k-1) = sinh or cosh, both halved and scaled so that they overflow last.
        big, small = np.exp(t / 2), np.exp(-t)
        waves = ((1 - small * small) / 2 * big, (1 + small * small) / 2 * big)
        s = waves[0] / t
        for k in range(1, n + 1):
            s = (waves[k % 2] - k * s) / t
        y[~near] = s * big
    y = y.reshape(np.shape(x)).astype(np.asarray(x).dtype)
    return y if isinstance(x, np.ndarray) else y[()]


sinh_quotient: Any = elementwise("sinh_quotient", _sinh_quotient_native, lambda y, x, n: sinh_quotient.bind(x, n=n + 1))
"""Derivative n of sinh(x) / x."""

declare_several("shichi", (lambda y, x: sinh_quotient.bind(x, n=0),), (lambda y, x: np.cosh(x) / x,))
