"""The gamma function and its relatives: logarithms, ratios, binomial coefficients, factorials.

Slopes of ratios are written with differences of digamma functions that keep their digits.  Where a binomial coefficient or a
Pochhammer symbol vanishes because of a pole in its denominator, the derivative is that of the entire function 1 / Gamma.
Source: NIST Digital Library of Mathematical Functions, chapter 5.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from hoad.backends import maybe_any, of
from hoad.core.box import Box, bare
from hoad.core.kinds import composite, constant, elementwise
from hoad.core.kinds.batching import align_ranks
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array
from hoad.rules.special_functions.declarations import declare
from hoad.rules.special_functions.polygamma import (
    polygamma_difference,
    polygamma_native,
    polygamma_rung,
    rgamma_derivative,
)


def _digamma_step(a: Any, d: Any) -> Any:
    return polygamma_difference.bind(a, d, n=0)


declare("gamma", lambda y, x: y * special.digamma(x))
declare("gammaln", lambda y, x: special.digamma(x))
declare("loggamma", lambda y, x: special.digamma(x))
declare("digamma", lambda y, x: polygamma_rung.bind(1, x))
declare("rgamma", lambda y, x: rgamma_derivative.bind(x, n=1))
declare("beta", lambda y, a, b: -y * _digamma_step(a, b), lambda y, a, b: -y * _digamma_step(b, a))
declare("betaln", lambda y, a, b: -_digamma_step(a, b), lambda y, a, b: -_digamma_step(b, a))
expose(constant("gammasgn", special.gammasgn), "scipy.special.gammasgn", special.gammasgn, "constant")


def _unless_zero(y: Any, regular: Any, at_zero: Any, inside: tuple[float, ...], *xs: Any) -> Any:
    """``regular`` where y is not 0; where it is, ``regular`` is evaluated at a harmless point instead."""
    zero = np.equal(y, 0)
    if not maybe_any(bare(zero)):
        return regular(y, *xs)
    moved = [np.where(zero, p, x) for p, x in zip(inside, xs, strict=True)]
    return np.where(zero, at_zero(*xs), regular(np.where(zero, 1.0, y), *moved))


def _binom_slope_n(n: Any, k: Any) -> Any:
    r, slope = special.rgamma(n - k + 1), rgamma_derivative.bind(n - k + 1, n=1)
    return special.gamma(n + 1) * special.rgamma(k + 1) * (special.digamma(n + 1) * r + slope)


def _binom_slope_k(n: Any, k: Any) -> Any:
    r, dr = special.rgamma(n - k + 1), rgamma_derivative.bind(n - k + 1, n=1)
    s, ds = special.rgamma(k + 1), rgamma_derivative.bind(k + 1, n=1)
    return special.gamma(n + 1) * (ds * r - s * dr)


binom_ = declare(
    "binom",
    lambda y, n, k: _unless_zero(y, lambda y, n, k: y * _digamma_step(n - k + 1, k), _binom_slope_n, (3.0, 1.0), n, k),
    lambda y, n, k: _unless_zero(y, lambda y, n, k: y * _digamma_step(k + 1, n - 2 * k), _binom_slope_k, (3.0, 1.0), n, k),
)


def _poch_slope_z(z: Any, m: Any) -> Any:
    """Where Gamma(z + m) / Gamma(z) vanishes z is a pole and z + m is none."""
    return special.gamma(z + m) * (special.digamma(z + m) * special.rgamma(z) + rgamma_derivative.bind(z, n=1))


def _poch_slope_m(z: Any, m: Any) -> Any:
    return special.gamma(z + m) * special.digamma(z + m) * special.rgamma(z)


poch_ = declare(
    "poch",
    lambda y, z, m: _unless_zero(y, lambda y, z, m: y * _digamma_step(z, m), _poch_slope_z, (1.0, 1.0), z, m),
    lambda y, z, m: _unless_zero(y, lambda y, z, m: y * special.digamma(z + m), _poch_slope_m, (1.0, 1.0), z, m),
)

# -- functions that are not ufuncs: reached through hoad.scipy.special ------------------------------------------------------

polygamma_ = elementwise("polygamma", polygamma_native, None, lambda y, n, x: polygamma_rung.bind(n + 1, x))


def polygamma(n: Any, x: Any) -> Any:
    if isinstance(n, Box):
        raise UnsupportedFunctionError.no_rule("scipy.special.polygamma with respect to the order n")
    return polygamma_.bind(as_array(n)[()], as_array(x))


def _multigammaln_body(a: Any, d: int) -> Any:
    y = d * (d - 1) * 0.25 * math.log(math.pi)
    for j in range(1, d + 1):
        y = y + special.gammaln(a - (j - 1.0) / 2)
    return y


multigammaln_ = composite("multigammaln", lambda a, d: of(a).special().multigammaln(a, d), _multigammaln_body)


def multigammaln(a: Any, d: int) -> Any:
    return multigammaln_.bind(as_array(a), d=d)


def _counted(y: Any, n: Any, k: Any) -> Any:
    return np.where((k <= n) & (n >= 0) & (k >= 0), y, 0.0)


def _comb_body(n: Any, k: Any, repetition: bool) -> Any:
    if repetition:
        return np.where((k == 0) & (n >= 0), 1.0, binom_.bind(n + k - 1, k))
    return _counted(binom_.bind(n, k), n, k)


comb_ = composite("comb", lambda n, k, repetition: special.comb(n, k, repetition=repetition), _comb_body, batch=align_ranks)
perm_ = composite("perm", special.perm, lambda n, k: _counted(poch_.bind(n - k + 1, k), n, k), batch=align_ranks)
factorial_ = composite(
    "factorial",
    lambda n, extend: special.factorial(n, extend=extend),
    lambda n, extend: special.gamma(n + 1) if extend == "complex" else np.where(n < 0, 0.0, special.gamma(n + 1)),
)


def _inexact(name: str, exact: bool) -> None:
    if exact:
        raise UnsupportedFunctionError.no_rule(f"scipy.special.{name} with exact=True", ", since that is a function of integers")


def comb(N: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> Any:
    _inexact("comb", exact)
    return comb_.bind(as_array(N), as_array(k), repetition=repetition)


def perm(N: Any, k: Any, exact: bool = False) -> Any:
    _inexact("perm", exact)
    return perm_.bind(as_array(N), as_array(k))


def factorial(n: Any, exact: bool = False, extend: str = "zero") -> Any:
    _inexact("factorial", exact)
    return factorial_.bind(as_array(n), extend=extend)


for _name, _f, _kind in (
    ("polygamma", polygamma, "elementwise"), ("multigammaln", multigammaln, "composite"), ("comb", comb, "composite"),
    ("perm", perm, "composite"), ("factorial", factorial, "composite"),
):  # fmt: skip
    expose(_f, f"scipy.special.{_name}", getattr(special, _name), _kind)
