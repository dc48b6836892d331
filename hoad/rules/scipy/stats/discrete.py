"""Discrete distributions: derivatives of probabilities in their real parameters; counts and locations have none."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special, stats

from hoad.core.kinds import composite
from hoad.rules.scipy.stats.distribution import Distribution, method

__all__ = ["DISCRETE"]

Formula = Callable[..., Any]


def _unit(p: Any) -> Any:
    return (p >= 0) & (p <= 1)


@dataclass(frozen=True)
class Counts:
    """Formulas of one family.

    Attributes
    ----------
    logpmf, cdf : callable
        Of the count k and the parameters, within the support.
    support : callable
        Of the parameters: the least and the greatest count.
    valid : callable
        Of the parameters: where they are allowed.
    discrete : tuple of str
        Parameters that count.
    """

    logpmf: Formula
    cdf: Formula
    sf: Formula
    support: Formula
    valid: Formula
    discrete: tuple[str, ...] = ()


def _choose(n: Any, k: Any) -> Any:
    """Logarithm of the binomial coefficient."""
    return -special.betaln(1 + n - k, 1 + k) - np.log(n + 1)


FAMILIES: dict[str, Counts] = {
    "poisson": Counts(
        lambda k, mu: special.xlogy(k, mu) - special.gammaln(k + 1) - mu,
        lambda k, mu: special.gammaincc(k + 1, mu), lambda k, mu: special.gammainc(k + 1, mu),
        lambda mu: (0, math.inf), lambda mu: mu >= 0,
    ),
    "bernoulli": Counts(
        lambda k, p: special.xlogy(k, p) + special.xlog1py(1 - k, -p),
        lambda k, p: np.where(k >= 1, 1.0, 1 - p), lambda k, p: np.where(k >= 1, 0.0, p),
        lambda p: (0, 1), _unit,
    ),
    "binom": Counts(
        lambda k, n, p: _choose(n, k) + special.xlogy(k, p) + special.xlog1py(n - k, -p),
        lambda k, n, p: special.betaincc(k + 1, np.where(k >= n, 1.0, n - k), p) * (k < n) + (k >= n),
        lambda k, n, p: special.betainc(k + 1, np.where(k >= n, 1.0, n - k), p) * (k < n),
        lambda n, p: (0, n), lambda n, p: _unit(p), ("n",),
    ),
    "geom": Counts(
        lambda k, p: special.xlog1py(k - 1, -p) + np.log(p), lambda k, p: -np.expm1(special.xlog1py(k, -p)),
        lambda k, p: np.exp(special.xlog1py(k, -p)), lambda p: (1, math.inf), lambda p: (p > 0) & (p <= 1),
    ),
    "nbinom": Counts(
        lambda k, n, p: special.gammaln(n + k) - special.gammaln(k + 1) - special.gammaln(n)
        + n * np.log(p) + special.xlog1py(k, -p),
        lambda k, n, p: special.betainc(n, k + 1, p), lambda k, n, p: special.betaincc(n, k + 1, p),
        lambda n, p: (0, math.inf), lambda n, p: (n > 0) & (p > 0) & (p <= 1),
    ),
    "betabinom": Counts(
        lambda k, n, a, b: _choose(n, k) + special.betaln(k + a, n - k + b) - special.betaln(a, b),
        lambda k, n, a, b: _summed(k, n, a, b), lambda k, n, a, b: 1 - _summed(k, n, a, b),
        lambda n, a, b: (0, n), lambda n, a, b: (a > 0) & (b > 0), ("n",),
    ),
}  # fmt: skip


def _summed(k: Any, n: Any, a: Any, b: Any) -> Any:
    """Probabilities of a beta-binomial variable up to k, added up."""
    total: Any = 0.0
    for j in range(int(np.max(np.nan_to_num(np.asarray(k)), initial=0)) + 1):
        counted = (j <= k) & (j <= n)
        inside = np.where(counted, float(j), 0.0)
        term = np.exp(_choose(n, inside) + special.betaln(inside + a, n - inside + b) - special.betaln(a, b))
        total = total + np.where(counted, term, 0.0)
    return total


def _body(family: Counts, formula: Formula, outside: tuple[float, float], whole: bool) -> Formula:
    """A formula of the count and the parameters as a function of x, the parameters and loc."""

    def body(x: Any, *rest: Any) -> Any:
        *parameters, loc = rest
        k = np.asarray(x, float) - loc
        low, high = family.support(*parameters)
        counted = k == np.floor(k) if whole else True
        k = np.floor(k)
        below, above = k < low, k > high
        inside = formula(np.where(below | above, float(low), k), *parameters)
        allowed = np.where(family.valid(*parameters), 1.0, math.nan)
        value = np.where(below, outside[0], np.where(above, outside[1], inside))
        return np.where(counted, value, outside[0]) * allowed

    return body


def _declare(name: str) -> Distribution:
    native, family = getattr(stats, name), FAMILIES[name]
    parameters = tuple(native.shapes.split(", "))
    formulas: dict[str, tuple[Formula, tuple[float, float]]] = {
        "logpmf": (family.logpmf, (-math.inf, -math.inf)),
        "pmf": (lambda k, *p: np.exp(family.logpmf(k, *p)), (0.0, 0.0)),
        "cdf": (family.cdf, (0.0, 1.0)),
        "sf": (family.sf, (1.0, 0.0)),
        "logcdf": (lambda k, *p: np.log(family.cdf(k, *p)), (-math.inf, 0.0)),
        "logsf": (lambda k, *p: np.log(family.sf(k, *p)), (0.0, -math.inf)),
    }
    methods = {}
    for kind, (formula, outside) in formulas.items():
        prim = composite(f"stats.{name}.{kind}", getattr(native, kind), _body(family, formula, outside, kind in ("logpmf", "pmf")))
        methods[kind] = method(
            prim, f"scipy.stats.{name}.{kind}", getattr(native, kind), ("k", *parameters, "loc"), ("k", "loc", *family.discrete)
        )
    return Distribution(name, native, methods)


DISCRETE = {name: _declare(name) for name in FAMILIES}
"""Distributions by their names in scipy.stats."""
