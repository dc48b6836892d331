"""Continuous distributions, each by the logarithm of its density and its distribution functions.

All formulas are of the standardised variable z = (x - loc) / scale and the shapes, as SciPy's documentation defines them; they give
derivatives only, the values are SciPy's.  Tails are written without cancellation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any

import numpy as np
from scipy import special

from hoad.core.box import bare

__all__ = ["FAMILIES", "Family"]

Formula = Callable[..., Any]
LOG_SQRT_TAU = 0.5 * math.log(2 * math.pi)
LN2 = math.log(2.0)
SQRT2 = math.sqrt(2.0)
INF = math.inf


def _everywhere(*shapes: Any) -> tuple[Any, Any]:
    return -INF, INF


def _positive(*shapes: Any) -> tuple[Any, Any]:
    return 0.0, INF


def _log_of(f: Formula) -> Formula:
    return lambda z, *shapes: np.log(f(z, *shapes))


@dataclass(frozen=True)
class Family:
    """Formulas of one family.

    Attributes
    ----------
    logpdf, cdf, sf, logcdf, logsf : callable
        Of z and the shapes, within the support.
    support : callable
        Of the shapes: the ends of the support of z.
    interior : callable
        Of the shapes: a point within the support, where formulas are evaluated in place of points outside.
    valid : callable
        Of the shapes: where they are allowed.
    """

    logpdf: Formula
    cdf: Formula
    sf: Formula
    logcdf: Formula
    logsf: Formula
    support: Formula = _everywhere
    interior: Formula = lambda *shapes: 0.5
    valid: Formula = lambda *shapes: True


def _family(
    logpdf: Formula, cdf: Formula, sf: Formula, *, logcdf: Formula | None = None, logsf: Formula | None = None, **rest: Any
) -> Family:
    return Family(logpdf, cdf, sf, logcdf or _log_of(cdf), logsf or _log_of(sf), **rest)


def _all_positive(*shapes: Any) -> Any:
    return reduce(and_, [s > 0 for s in shapes])


# -- laplace, generalised normal, cauchy -------------------------------------------------------------------------------------


def _laplace_cdf(z: Any) -> Any:
    half = 0.5 * np.exp(-np.abs(z))
    return np.where(z > 0, 1 - half, half)


def _laplace_logcdf(z: Any) -> Any:
    return np.where(z > 0, np.log1p(-0.5 * np.exp(-np.where(z > 0, z, 1.0))), z - LN2)


def _gennorm_cdf(z: Any, beta: Any) -> Any:
    tail = 0.5 * special.gammaincc(1 / beta, np.abs(z) ** beta)
    return np.where(z > 0, 1 - tail, tail)


def _cauchy_cdf(z: Any) -> Any:
    return np.arctan2(1.0, -z) / math.pi


# -- truncated normal ----------------------------------------------------------------------------------------------------------


def _log_difference(p: Any, q: Any) -> Any:
    """log(exp(p) - exp(q)) for p > q."""
    return p + np.log(-np.expm1(q - p))


def _log_normal_mass(a: Any, b: Any) -> Any:
    """log(Phi(b) - Phi(a)); on either side of 0 from the nearer tail."""
    right, left = a > 0, b <= 0
    ar, br = np.where(right, a, 1.0), np.where(right, b, 2.0)
    al, bl = np.where(left, a, -2.0), np.where(left, b, -1.0)
    outside = right | left
    am, bm = np.where(outside, -1.0, a), np.where(outside, 1.0, b)
    far = np.where(
        right,
        _log_difference(special.log_ndtr(-ar), special.log_ndtr(-br)),
        _log_difference(special.log_ndtr(bl), special.log_ndtr(al)),
    )
    return np.where(outside, far, np.log1p(-special.ndtr(am) - special.ndtr(-bm)))


# -- directions on the circle ----------------------------------------------------------------------------------------------------


def _vonmises_cdf(z: Any, kappa: Any) -> Any:
    """Fourier series of the distribution function, with as many terms as the sharpest density needs."""
    terms = 20 + int(10 * math.sqrt(float(np.max(np.nan_to_num(bare(kappa)), initial=1.0))))
    total = 0.5 + z / (2 * math.pi)
    scale = math.pi * special.i0e(kappa)
    for j in range(1, terms + 1):
        total = total + special.ive(j, kappa) * np.sin(j * z) / (j * scale)
    return total


def _wrapcauchy_cdf(z: Any, c: Any) -> Any:
    second = z > math.pi
    folded = np.where(second, 2 * math.pi - z, z)
    ratio = (1 + c) / (1 - c)
    half = np.arctan2(ratio * np.sin(folded / 2), np.cos(folded / 2)) / math.pi
    return np.where(second, 1 - half, half)


FAMILIES: dict[str, Family] = {
    "norm": _family(
        lambda z: -0.5 * z * z - LOG_SQRT_TAU, special.ndtr, lambda z: special.ndtr(-z),
        logcdf=special.log_ndtr, logsf=lambda z: special.log_ndtr(-z),
    ),
    "halfnorm": _family(
        lambda z: LN2 - 0.5 * z * z - LOG_SQRT_TAU, lambda z: special.erf(z / SQRT2), lambda z: special.erfc(z / SQRT2),
        logsf=lambda z: LN2 + special.log_ndtr(-z), support=_positive,
    ),
    "lognorm": _family(
        lambda z, s: -0.5 * (np.log(z) / s) ** 2 - np.log(s * z) - LOG_SQRT_TAU,
        lambda z, s: special.ndtr(np.log(z) / s), lambda z, s: special.ndtr(-np.log(z) / s),
        logcdf=lambda z, s: special.log_ndtr(np.log(z) / s), logsf=lambda z, s: special.log_ndtr(-np.log(z) / s),
        support=_positive, valid=_all_positive,
    ),
    "t": _family(
        lambda z, df: special.gammaln((df + 1) / 2) - special.gammaln(df / 2) - 0.5 * np.log(math.pi * df)
        - 0.5 * (df + 1) * np.log1p(z * z / df),
        lambda z, df: special.stdtr(df, z), lambda z, df: special.stdtr(df, -z), valid=_all_positive,
    ),
    "cauchy": _family(lambda z: -np.log1p(z * z) - math.log(math.pi), _cauchy_cdf, lambda z: _cauchy_cdf(-z)),
    "beta": _family(
        lambda z, a, b: special.xlogy(a - 1, z) + special.xlog1py(b - 1, -z) - special.betaln(a, b),
        lambda z, a, b: special.betainc(a, b, z), lambda z, a, b: special.betaincc(a, b, z),
        support=lambda a, b: (0.0, 1.0), valid=_all_positive,
    ),
    "gamma": _family(
        lambda z, a: special.xlogy(a - 1, z) - z - special.gammaln(a), lambda z, a: special.gammainc(a, z),
        lambda z, a: special.gammaincc(a, z), support=_positive, valid=_all_positive,
    ),
    "invgamma": _family(
        lambda z, a: -(a + 1) * np.log(z) - special.gammaln(a) - 1 / z, lambda z, a: special.gammaincc(a, 1 / z),
        lambda z, a: special.gammainc(a, 1 / z), support=_positive, valid=_all_positive,
    ),
    "chi2": _family(
        lambda z, df: special.xlogy(df / 2 - 1, z) - z / 2 - special.gammaln(df / 2) - 0.5 * LN2 * df,
        lambda z, df: special.gammainc(df / 2, z / 2), lambda z, df: special.gammaincc(df / 2, z / 2),
        support=_positive, valid=_all_positive,
    ),
    "f": _family(
        lambda z, n, m: 0.5 * m * np.log(m) + 0.5 * n * np.log(n) + special.xlogy(n / 2 - 1, z)
        - 0.5 * (n + m) * np.log(m + n * z) - special.betaln(n / 2, m / 2),
        lambda z, n, m: special.betainc(n / 2, m / 2, n * z / (n * z + m)),
        lambda z, n, m: special.betainc(m / 2, n / 2, m / (n * z + m)),
        support=_positive, valid=_all_positive,
    ),
    "expon": _family(
        lambda z: -z, lambda z: -np.expm1(-z), lambda z: np.exp(-z), logsf=lambda z: -z, support=_positive,
    ),
    "weibull_min": _family(
        lambda z, c: np.log(c) + special.xlogy(c - 1, z) - z**c, lambda z, c: -np.expm1(-(z**c)), lambda z, c: np.exp(-(z**c)),
        logsf=lambda z, c: -(z**c), support=_positive, valid=_all_positive,
    ),
    "rayleigh": _family(
        lambda z: np.log(z) - 0.5 * z * z, lambda z: -np.expm1(-0.5 * z * z), lambda z: np.exp(-0.5 * z * z),
        logsf=lambda z: -0.5 * z * z, support=_positive,
    ),
    "gennorm": _family(
        lambda z, beta: np.log(0.5 * beta) - special.gammaln(1 / beta) - np.abs(z) ** beta,
        _gennorm_cdf, lambda z, beta: _gennorm_cdf(-z, beta), valid=_all_positive,
    ),
    "gumbel_r": _family(
        lambda z: -z - np.exp(-z), lambda z: np.exp(-np.exp(-z)), lambda z: -np.expm1(-np.exp(-z)), logcdf=lambda z: -np.exp(-z),
    ),
    "gumbel_l": _family(
        lambda z: z - np.exp(z), lambda z: -np.expm1(-np.exp(z)), lambda z: np.exp(-np.exp(z)), logsf=lambda z: -np.exp(z),
    ),
    "laplace": _family(
        lambda z: -np.abs(z) - LN2, _laplace_cdf, lambda z: _laplace_cdf(-z),
        logcdf=_laplace_logcdf, logsf=lambda z: _laplace_logcdf(-z),
    ),
    "logistic": _family(
        lambda z: special.log_expit(z) + special.log_expit(-z), special.expit, lambda z: special.expit(-z),
        logcdf=special.log_expit, logsf=lambda z: special.log_expit(-z),
    ),
    "pareto": _family(
        lambda z, b: np.log(b) - (b + 1) * np.log(z), lambda z, b: -np.expm1(-b * np.log(z)), lambda z, b: np.exp(-b * np.log(z)),
        logsf=lambda z, b: -b * np.log(z), support=lambda b: (1.0, INF), interior=lambda b: 2.0, valid=_all_positive,
    ),
    "truncnorm": _family(
        lambda z, a, b: -0.5 * z * z - LOG_SQRT_TAU - _log_normal_mass(a, b),
        lambda z, a, b: np.exp(_log_normal_mass(a, z) - _log_normal_mass(a, b)),
        lambda z, a, b: np.exp(_log_normal_mass(z, b) - _log_normal_mass(a, b)),
        logcdf=lambda z, a, b: _log_normal_mass(a, z) - _log_normal_mass(a, b),
        logsf=lambda z, a, b: _log_normal_mass(z, b) - _log_normal_mass(a, b),
        support=lambda a, b: (a, b), interior=lambda a, b: np.clip(0.0, a, b), valid=lambda a, b: a < b,
    ),
    "uniform": _family(lambda z: 0.0 * z, lambda z: z, lambda z: 1 - z, support=lambda: (0.0, 1.0)),
    "vonmises": _family(
        lambda z, kappa: kappa * special.cosm1(z) - math.log(2 * math.pi) - np.log(special.i0e(kappa)),
        _vonmises_cdf, lambda z, kappa: 1 - _vonmises_cdf(z, kappa), valid=lambda kappa: kappa >= 0,
    ),
    "wrapcauchy": _family(
        lambda z, c: np.log((1 - c) * (1 + c)) - np.log(2 * math.pi * (1 + c * c - 2 * c * np.cos(z))),
        _wrapcauchy_cdf, lambda z, c: _wrapcauchy_cdf(2 * math.pi - z, c),
        support=lambda c: (0.0, 2 * math.pi), valid=lambda c: (c > 0) & (c < 1),
    ),
}  # fmt: skip
"""The families by their names in scipy.stats."""
