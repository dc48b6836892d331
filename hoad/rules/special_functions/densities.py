"""Densities of the gamma and the beta distribution times their argument: accurate for large parameters and in the tails.

Where parameters are small a product of powers; otherwise written about the maximum (Loader's saddle-point form), so that no large
numbers cancel.  Source: C. Loader, Fast and accurate computation of binomial probabilities (2000); NIST Digital Library of
Mathematical Functions, 5.11.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from scipy import special

from hoad.backends import is_host
from hoad.core.kinds import elementwise
from hoad.errors import UnsupportedFunctionError

BLOCK = 4096
"""Elements that are computed at once, so that their quadrature points stay in the cache."""

_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400)
"""Coefficients of 1/a, 1/a^3, ... of log Gamma(a) beyond Stirling's leading terms (DLMF 5.11.1)."""
_DIGAMMA = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12, -3617 / 8160)
"""Coefficients of 1/a^2, 1/a^4, ... of log(a) - 1/(2a) - digamma(a) (DLMF 5.11.2)."""


def in_double(
    f: Callable[..., Any], name: str, elsewhere: Callable[..., Any] | None = None, *, block: int = BLOCK, singles: bool = False
) -> Callable[..., Any]:
    """Native function from one that takes 1-d arrays of double precision: it broadcasts, works by blocks and keeps the dtype.

    ``elsewhere`` takes arrays on a device, of any shape.  With ``singles`` an argument that is one number stays an array of length
    one, so that what depends on it alone is computed once.
    """

    @wraps(f)
    def native(*xs: Any, **kw: Any) -> Any:
        if not all(map(is_host, xs)):
            if elsewhere is not None:
                return elsewhere(*xs, **kw)
            raise UnsupportedFunctionError.no_rule(name, " for arrays on a device: it is computed on the host")
        dtype = np.result_type(*[np.asarray(x) if isinstance(x, list | tuple) else x for x in xs])
        dtype = dtype if dtype.kind == "f" and dtype.itemsize <= 8 else np.dtype(float)
        plain = [np.asarray(x, float) for x in xs]
        shape = np.broadcast_shapes(*[x.shape for x in plain])
        kept = [singles and x.size == 1 for x in plain]
        flat = [x.ravel() if k else np.broadcast_to(x, shape).ravel() for x, k in zip(plain, kept, strict=True)]
        y = np.empty(math.prod(shape))
        with np.errstate(all="ignore"):
            for start in range(0, y.size, block):
                part = slice(start, start + block)
                y[part] = f(*[x if k else x[part] for x, k in zip(flat, kept, strict=True)], **kw)
            y = y.reshape(shape).astype(dtype, copy=False)
        return y if any(isinstance(x, np.ndarray) for x in xs) else y[()]

    return native


def where(condition: Any, f: Callable[..., Any], y: Any, *xs: Any) -> None:
    """Fill y with f where the condition holds."""
    if condition.any():
        y[condition] = f(*[x[condition] for x in xs])


def log1pmx(x: Any) -> Any:
    """log(1 + x) - x without cancellation."""
    near = np.abs(x - 0.1) < 0.5
    z = np.where(near, x, 0.0)
    r = z / (2 + z)
    square = r * r
    total = np.full_like(r, 1 / 29)
    for k in range(27, 1, -2):
        total *= square
        total += 1 / k
    total *= 2 * square
    total -= z
    total *= r
    return total if near.all() else np.where(near, total, np.log1p(x) - x)


def expm1mx(x: Any, exponential: Any = None) -> Any:
    """exp(x) - 1 - x without cancellation; ``exponential`` is exp(x) - 1 where that is known."""
    near = np.abs(x) < 0.7
    z = np.where(near, x, 0.0)
    total = np.full_like(z, 1 / math.factorial(16))
    for k in range(15, 1, -1):
        total *= z
        total += 1 / math.factorial(k)
    total *= z
    total *= z
    return total if near.all() else np.where(near, total, (np.expm1(x) if exponential is None else exponential) - x)


def log_gamma_rest(a: Any) -> Any:
    """log Gamma(a) - ((a - 1/2) log a - a + log(2 pi)/2)."""
    large = a >= 10
    b = np.where(large, a, 10.0)
    square = 1 / (b * b)
    total = np.full_like(b, _STIRLING[-1])
    for c in _STIRLING[-2::-1]:
        total = total * square + c
    small = np.where(large, 1.0, a)
    exact = special.gammaln(1 + small) - special.xlogy(small + 0.5, small) + small - 0.5 * math.log(2 * math.pi)
    return np.where(large, total / b, exact)


def digamma_rest(a: Any) -> Any:
    """digamma(a + 1) - log(a)."""
    large = a >= 10
    b = np.where(large, a, 10.0)
    square = 1 / (b * b)
    total = np.full_like(b, _DIGAMMA[-1])
    for c in _DIGAMMA[-2::-1]:
        total = total * square + c
    return np.where(large, 0.5 / b - total * square, special.digamma(1 + np.where(large, 1.0, a)) - np.log(np.where(large, 1.0, a)))


def log_ratio(x: Any, a: Any, difference: Any) -> Any:
    """log(x / a), given x - a: accurate where x is near a, and where it is far."""
    z = difference / a
    return np.where(np.abs(z) < 0.5, np.log1p(np.where(np.abs(z) < 0.5, z, 0.0)), np.log(x) - np.log(a))


def _deviation(x: Any, a: Any, difference: Any) -> Any:
    """log(x / a) - (x - a) / a."""
    z = difference / a
    near = np.abs(z) < 0.5
    return np.where(near, log1pmx(np.where(near, z, 0.0)), np.log(x / a) - z)


def gamma_weight(a: Any, x: Any) -> Any:
    """x^a exp(-x) / Gamma(a + 1), for 1-d arrays of double precision."""
    y = np.exp(a * _deviation(x, a, x - a) - log_gamma_rest(a)) / np.sqrt(2 * math.pi * a)
    small = a < 1
    where(small, lambda a, x: np.exp(special.xlogy(a, x) - x) * special.rgamma(a + 1), y, a, x)
    y[(a == 0) & (x >= 0)] = np.exp(-x[(a == 0) & (x >= 0)])
    y[np.isinf(x) & (x > 0) & (a >= 0)] = 0.0
    y[(x == 0) & (a > 0)] = 0.0
    return y


def beta_weight(a: Any, b: Any, x: Any, rest: Any) -> Any:
    """x^a (1 - x)^b / B(a, b) with ``rest`` = 1 - x, for 1-d arrays of double precision."""
    n = a + b
    d = x * b - a * rest
    exponent = a * _deviation(x * n, a, d) + b * _deviation(rest * n, b, -d)
    y = np.exp(exponent + log_gamma_rest(n) - log_gamma_rest(a) - log_gamma_rest(b)) * np.sqrt(a / n * b / (2 * math.pi))
    y[((x == 0) | (x == 1)) & (a > 0) & (b > 0)] = 0.0
    return y


def _where_safe(direct: Any, safe: Any, careful: Callable[..., Any], *xs: Any) -> Any:
    """``direct`` where it is safe, elsewhere ``careful``; arguments may be of length one."""
    if safe.all():
        return direct
    y = direct + np.zeros(np.broadcast_shapes(*[x.shape for x in xs]))
    where(~np.broadcast_to(safe, y.shape), careful, y, *[np.broadcast_to(x, y.shape) for x in xs])
    return y


def _gamma_density(a: Any, x: Any) -> Any:
    safe = (a > 1e-6) & (a < 12) & (x > 1e-20) & (x < 600)
    return _where_safe(x**a * (np.exp(-x) * special.rgamma(a)) / x, safe, _saddle_gamma_density, a, x)


def _beta_density(a: Any, b: Any, x: Any) -> Any:
    rest = 1 - x
    safe = (a > 1e-6) & (b > 1e-6) & (a < 8) & (b < 8) & (x > 1e-30) & (rest > 0)
    return _where_safe(x**a * rest**b / (special.beta(a, b) * (x * rest)), safe, _saddle_beta_density, a, b, x)


def _saddle_gamma_density(a: Any, x: Any) -> Any:
    y = gamma_weight(a, x) * (a / x)
    zero = x == 0
    where(zero, lambda a: np.where(a > 1, 0.0, np.where(a == 1, 1.0, np.inf)), y, a)
    y[np.isinf(x) & (x > 0)] = 0.0
    y[(a < 0) | (x < 0)] = np.nan
    return y


def _saddle_beta_density(a: Any, b: Any, x: Any) -> Any:
    y = beta_weight(a, b, x, 1 - x) / (x * (1 - x))
    where(x == 0, lambda a, b: np.where(a > 1, 0.0, np.where(a == 1, b, np.inf)), y, a, b)
    where(x == 1, lambda a, b: np.where(b > 1, 0.0, np.where(b == 1, a, np.inf)), y, a, b)
    y[(x < 0) | (x > 1) | (a <= 0) | (b <= 0)] = np.nan
    return y


gamma_density: Any = elementwise(
    "gamma_density",
    in_double(
        _gamma_density,
        "the density of the gamma distribution",
        lambda a, x: np.exp(special.xlogy(a - 1, x) - x - special.gammaln(a)),
        singles=True,
    ),
    lambda y, a, x: y * (np.log(x) - special.digamma(a)),
    lambda y, a, x: y * ((a - 1 - x) / x),
)
"""x^(a-1) exp(-x) / Gamma(a)."""

beta_density: Any = elementwise(
    "beta_density",
    in_double(
        _beta_density,
        "the density of the beta distribution",
        lambda a, b, x: np.exp(special.xlogy(a - 1, x) + special.xlog1py(b - 1, -x) - special.betaln(a, b)).astype(x.dtype),
        singles=True,
    ),
    lambda y, a, b, x: y * (np.log(x) - special.digamma(a) + special.digamma(a + b)),
    lambda y, a, b, x: y * (np.log1p(-x) - special.digamma(b) + special.digamma(a + b)),
    lambda y, a, b, x: y * ((a - 1) / x - (b - 1) / (1 - x)),
)
"""x^(a-1) (1-x)^(b-1) / B(a, b)."""
