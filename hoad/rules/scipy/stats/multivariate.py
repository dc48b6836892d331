"""Multivariate distributions: normal, Dirichlet, multinomial.

Derivatives are with respect to what SciPy reads: of a covariance the lower triangle, of the probabilities of a multinomial all but
the last, which is what the others leave.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special, stats

from hoad.core.box import Box, shape_of
from hoad.core.kinds import composite
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array, holds_box, joined
from hoad.rules.scipy.stats.distribution import Distribution

__all__ = ["MULTIVARIATE"]

LOG_TAU = math.log(2 * math.pi)


# -- multivariate normal -------------------------------------------------------------------------------------------------------


def _normal_logpdf(x: Any, mean: Any, cov: Any) -> Any:
    """Through the Cholesky factor of the covariance."""
    k = shape_of(mean)[-1]
    factor = np.linalg.cholesky(cov)
    deviation = x - mean
    white = np.linalg.solve(factor, np.moveaxis(np.reshape(deviation, (-1, k)), 0, -1))
    distance = np.reshape(np.sum(white * white, axis=0), shape_of(deviation)[:-1])
    return -0.5 * (k * LOG_TAU + distance) - np.sum(np.log(np.diagonal(factor)))


def _as_scipy(f: Any) -> Any:
    return lambda x, mean, cov: f(x, mean=mean, cov=cov)


_mvn = stats.multivariate_normal
_logpdf = composite("stats.multivariate_normal.logpdf", _as_scipy(_mvn.logpdf), _normal_logpdf)
_pdf = composite("stats.multivariate_normal.pdf", _as_scipy(_mvn.pdf), lambda x, m, c: np.exp(_normal_logpdf(x, m, c)))


def _normal_entropy(mean: Any, cov: Any) -> Any:
    factor = np.linalg.cholesky(cov)
    return 0.5 * shape_of(cov)[-1] * (1 + LOG_TAU) + np.sum(np.log(np.diagonal(factor)))


_entropy = composite("stats.multivariate_normal.entropy", lambda mean, cov: _mvn.entropy(mean=mean, cov=cov), _normal_entropy)


def _full(mean: Any, cov: Any, dimension: int) -> tuple[Any, Any]:
    """Mean as a vector and covariance as a matrix, as SciPy completes them."""
    mean = np.zeros(dimension) if mean is None else mean
    rank = len(shape_of(cov))
    if rank == 0:
        cov = cov * np.eye(dimension)
    elif rank == 1:
        cov = cov[:, None] * np.eye(dimension)
    return np.reshape(mean, (dimension,)), cov


def _dimension(mean: Any, cov: Any) -> int:
    """Number of variables, as SciPy finds it: from the mean, else from a covariance matrix, else one."""
    if mean is not None:
        return math.prod(shape_of(mean))
    return int(shape_of(cov)[-1]) if len(shape_of(cov)) == 2 else 1


def _density(prim: Any, name: str) -> Any:
    native = getattr(_mvn, name)

    def function(x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Any:
        if not any(map(holds_box, (x, mean, cov))):
            return native(x, mean=mean, cov=cov, allow_singular=allow_singular)
        if allow_singular:
            raise UnsupportedFunctionError.no_rule(f"scipy.stats.multivariate_normal.{name} with allow_singular=True")
        x, cov = as_array(joined(x)), as_array(joined(cov))
        mean = None if mean is None else as_array(joined(mean))
        d = _dimension(mean, cov)
        mean, cov = _full(mean, cov, d)
        if len(shape_of(x)) == 0:
            x = np.reshape(x, (1,))
        elif len(shape_of(x)) == 1 and d == 1:
            x = np.reshape(x, (-1, 1))
        return prim.bind(x, mean, cov)

    expose(function, f"scipy.stats.multivariate_normal.{name}", native, "composite")
    return function


def entropy(mean: Any = None, cov: Any = 1) -> Any:
    if not any(map(holds_box, (mean, cov))):
        return _mvn.entropy(mean=mean, cov=cov)
    cov = as_array(joined(cov))
    mean = None if mean is None else as_array(joined(mean))
    return _entropy.bind(*_full(mean, cov, _dimension(mean, cov)))


expose(entropy, "scipy.stats.multivariate_normal.entropy", _mvn.entropy, "composite")


# -- Dirichlet -----------------------------------------------------------------------------------------------------------------


def _dirichlet_logpdf(x: Any, alpha: Any) -> Any:
    alpha = alpha if len(shape_of(x)) == 1 else np.reshape(alpha, (-1, *(1,) * (len(shape_of(x)) - 1)))
    if shape_of(x)[0] + 1 == shape_of(alpha)[0]:  # the last of the fractions may be left out
        x = np.concatenate([x, 1 - np.sum(x, axis=0, keepdims=True)])
    total = special.gammaln(np.sum(alpha)) - np.sum(special.gammaln(alpha))
    return total + np.sum(special.xlogy(alpha - 1, x), axis=0)


_dirichlet = {
    "logpdf": composite("stats.dirichlet.logpdf", stats.dirichlet.logpdf, _dirichlet_logpdf),
    "pdf": composite("stats.dirichlet.pdf", stats.dirichlet.pdf, lambda x, alpha: np.exp(_dirichlet_logpdf(x, alpha))),
}


def _of_fractions(name: str) -> Any:
    native = getattr(stats.dirichlet, name)

    def function(x: Any, alpha: Any) -> Any:
        if not any(map(holds_box, (x, alpha))):
            return native(x, alpha)
        return _dirichlet[name].bind(as_array(joined(x)), as_array(joined(alpha)))

    expose(function, f"scipy.stats.dirichlet.{name}", native, "composite")
    return function


# -- multinomial ---------------------------------------------------------------------------------------------------------------


def _multinomial_logpmf(x: Any, n: Any, p: Any) -> Any:
    others = p[..., :-1]
    p = np.concatenate([others, 1 - np.sum(others, axis=-1, keepdims=True)], axis=-1)
    x = np.asarray(x, float)
    return special.gammaln(np.asarray(n) + 1.0) + np.sum(special.xlogy(x, p) - special.gammaln(x + 1), axis=-1)


_multinomial = {
    "logpmf": composite("stats.multinomial.logpmf", stats.multinomial.logpmf, _multinomial_logpmf),
    "pmf": composite("stats.multinomial.pmf", stats.multinomial.pmf, lambda x, n, p: np.exp(_multinomial_logpmf(x, n, p))),
}


def _of_counts(name: str) -> Any:
    native = getattr(stats.multinomial, name)

    def function(x: Any, n: Any, p: Any) -> Any:
        if isinstance(x, Box) or isinstance(n, Box):
            raise UnsupportedFunctionError.no_rule(f"scipy.stats.multinomial.{name} with respect to x or n, which count,")
        if not holds_box(p):
            return native(x, n, p)
        return _multinomial[name].bind(np.asarray(x), np.asarray(n), as_array(joined(p)))

    expose(function, f"scipy.stats.multinomial.{name}", native, "composite")
    return function


MULTIVARIATE = {
    "multivariate_normal": Distribution(
        "multivariate_normal", _mvn, {"logpdf": _density(_logpdf, "logpdf"), "pdf": _density(_pdf, "pdf"), "entropy": entropy}
    ),
    "dirichlet": Distribution("dirichlet", stats.dirichlet, {n: _of_fractions(n) for n in ("logpdf", "pdf")}),
    "multinomial": Distribution("multinomial", stats.multinomial, {n: _of_counts(n) for n in ("logpmf", "pmf")}),
}
"""Distributions by their names in scipy.stats."""
