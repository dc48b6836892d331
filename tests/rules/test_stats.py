"""scipy.stats: identities between densities and distribution functions, closed forms, tails, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from scipy import special

import hoad
from hoad.errors import UnsupportedFunctionError
from hoad.rules.scipy.stats.continuous import CONTINUOUS
from hoad.rules.scipy.stats.discrete import DISCRETE
from hoad.scipy import stats
from tests.registry.cases.scipy_stats import SHAPES

RNG = np.random.default_rng(8)


def sample(name):
    domain, *shapes = SHAPES[name]
    x = domain(RNG) if domain.__code__.co_varnames[:1] == ("rng",) else domain(6)(RNG)
    return np.ravel(x), [s()(RNG) for s in shapes]


@pytest.mark.parametrize("name", CONTINUOUS)
def test_density_is_the_slope_of_the_distribution_function(name):
    d = CONTINUOUS[name]
    x, shapes = sample(name)
    one = np.ones_like(x)
    slope = lambda f: hoad.jvp(lambda x: f(x, *shapes), (x,), (one,))[1]
    density = getattr(scipy.stats, name).pdf(x, *shapes)
    np.testing.assert_allclose(slope(d.cdf), density, rtol=1e-12)
    np.testing.assert_allclose(slope(d.sf), -density, rtol=1e-12)
    np.testing.assert_allclose(slope(d.logcdf), density / getattr(scipy.stats, name).cdf(x, *shapes), rtol=1e-11)
    np.testing.assert_allclose(slope(d.logpdf) * density, slope(d.pdf), rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_score_has_mean_zero_and_covariance_the_fisher_information(name):
    """In the shapes: the integrals of p d(log p) and of p (d² log p + (d log p)²) vanish (where the support does not move)."""
    d = CONTINUOUS[name]
    _, shapes = sample(name)
    if not shapes or name in ("truncnorm", "pareto", "wrapcauchy"):
        return
    native = getattr(scipy.stats, name)
    knots, weights = np.polynomial.legendre.leggauss(400)
    u = 0.5 + 0.5 * knots  # x = quantile of u: the integral of p f is the mean of f over u
    x = native.ppf(u, *shapes)
    ok = np.isfinite(x)
    for i in range(len(shapes)):
        f = lambda s, i=i: d.logpdf(x[ok], *shapes[:i], s, *shapes[i + 1 :])
        first = hoad.jvp(f, (shapes[i],), (1.0,))[1]
        second = 2 * hoad.taylor(f, shapes[i], 1.0, 2)[2]
        mean = lambda v: np.sum(v * weights[ok]) / 2
        scale = mean(first**2)
        assert abs(mean(first)) < 2e-3 * np.sqrt(scale)
        assert abs(mean(second + first**2)) < 2e-2 * scale


def test_closed_forms():
    """Scores of the normal, gamma and Poisson distributions."""
    x, loc, scale = 0.7, -0.2, 1.3
    z = (x - loc) / scale
    gradient = hoad.grad(stats.norm.logpdf, (0, 1, 2))(x, loc, scale)
    np.testing.assert_allclose(gradient, [-z / scale, z / scale, (z * z - 1) / scale], rtol=1e-14)
    hessian = hoad.hessian(lambda p: stats.norm.logpdf(x, p[0], p[1]))(np.array([loc, scale]))
    np.testing.assert_allclose(hessian, -np.array([[1, 2 * z], [2 * z, 3 * z * z - 1]]) / scale**2, rtol=1e-13)
    np.testing.assert_allclose(hoad.grad(stats.gamma.logpdf, 1)(x, 2.5), np.log(x) - special.digamma(2.5), rtol=1e-14)
    np.testing.assert_allclose(hoad.grad(lambda mu: stats.poisson.logpmf(3, mu))(2.0), 3 / 2 - 1, rtol=1e-14)
    np.testing.assert_allclose(hoad.grad(lambda mu: stats.poisson.cdf(3, mu))(2.0), -scipy.stats.poisson.pmf(3, 2.0), rtol=1e-13)
    slope = hoad.grad(lambda p: stats.binom.cdf(2, 6, p))(0.3)
    np.testing.assert_allclose(slope, -6 * scipy.stats.binom.pmf(2, 5, 0.3), rtol=1e-13)
    counts = np.arange(7.0)
    mean = hoad.grad(lambda p: np.sum(counts * stats.binom.pmf(counts, 6, p)))
    np.testing.assert_allclose(mean(0.3), 6, rtol=1e-13)  # of n p


def test_tails_keep_their_relative_accuracy():
    """Hazard rates far out: the normal's is x + 1/x - 2/x³ + ..., the exponential's and the logistic's are 1."""
    for x in (20.0, 35.0):
        slope = hoad.grad(stats.norm.logcdf)(-x)
        np.testing.assert_allclose(slope, x + 1 / x - 2 / x**3 + 10 / x**5 - 74 / x**7, rtol=1e-9)
        np.testing.assert_allclose(hoad.grad(stats.logistic.logsf)(2 * x), -1, rtol=1e-14)
    np.testing.assert_allclose(hoad.grad(stats.expon.logsf)(800.0), -1, rtol=1e-15)
    np.testing.assert_allclose(hoad.grad(lambda a: stats.truncnorm.logpdf(30.5, a, 40.0))(30.0), 30 + 1 / 30 - 2 / 30**3, rtol=1e-5)


def test_outside_of_the_support_and_of_the_parameters():
    with np.errstate(all="raise"):
        for d in (stats.gamma, stats.chi2, stats.lognorm, stats.weibull_min):
            value, slope = hoad.value_and_grad(d.pdf, (0, 1))(-1.0, 2.0)
            assert (value, *slope) == (0, 0, 0)
            assert hoad.grad(d.logpdf)(-1.0, 2.0) == 0
        assert hoad.value_and_grad(stats.beta.cdf)(1.5, 2.0, 3.0) == (1, 0)
    for call in (lambda s: stats.norm.logpdf(0.3, 0.0, s), lambda s: stats.gamma.cdf(0.3, s)):
        value, slope = hoad.value_and_grad(call)(-1.0)
        assert np.isnan(value)
        assert np.isnan(slope)


def test_frozen_distributions_and_keywords():
    f = lambda a: np.sum(stats.gamma(a, scale=2.0).logpdf(np.array([0.5, 1.5])))
    g = lambda a: np.sum(stats.gamma.logpdf([0.5, 1.5], a=a, scale=2.0))
    assert f(1.3) == np.sum(scipy.stats.gamma(1.3, scale=2.0).logpdf([0.5, 1.5]))
    assert hoad.grad(f)(1.3) == hoad.grad(g)(1.3)
    assert stats.norm(0, 2).mean() == 0
    assert stats.norm.rvs(size=2, random_state=0).shape == (2,)
    assert stats.norm.logpdf(0.3) == scipy.stats.norm.logpdf(0.3)
    assert stats.pearsonr is not None


def test_covariance_is_read_where_scipy_reads_it():
    """The lower triangle: perturbing an upper entry changes nothing, in value and in derivative."""
    cov, x = np.array([[2.0, 0.3], [0.3, 1.0]]), np.array([0.4, -0.7])
    gradient = hoad.grad(lambda c: stats.multivariate_normal.logpdf(x, np.zeros(2), c))(cov)
    inverse = np.linalg.inv(cov)
    symmetric = 0.5 * (inverse @ np.outer(x, x) @ inverse - inverse)
    np.testing.assert_allclose(gradient, [[symmetric[0, 0], 0], [2 * symmetric[1, 0], symmetric[1, 1]]], atol=1e-14)
    through = hoad.grad(lambda a: stats.multivariate_normal.logpdf(x, np.zeros(2), a * np.eye(2)))(2.0)
    np.testing.assert_allclose(through, 0.5 * (x @ x) / 4 - 0.5, rtol=1e-13)


@pytest.mark.parametrize("name", DISCRETE)
def test_counts_have_no_derivative(name):
    d = DISCRETE[name]
    known = {"poisson": (2.0,), "bernoulli": (0.4,), "geom": (0.4,), "nbinom": (2.0, 0.4), "binom": (5, 0.4)}
    parameters = known.get(name, (5, 1.5, 2.0))
    with pytest.raises(UnsupportedFunctionError, match=rf"scipy.stats.{name}.logpmf with respect to k, which counts,"):
        hoad.grad(lambda k: d.logpmf(k, *parameters))(1.0)


def test_what_is_not_covered_says_so():
    with pytest.raises(UnsupportedFunctionError, match=r"scipy.stats.norm.ppf"):
        hoad.grad(lambda q: stats.norm.ppf(q))(0.3)
    with pytest.raises(UnsupportedFunctionError, match=r"scipy.stats.norm.mean"):
        hoad.grad(lambda m: stats.norm(m).mean())(0.3)
    with pytest.raises(UnsupportedFunctionError, match=r"scipy.stats.pearsonr"):
        hoad.grad(lambda x: stats.pearsonr(x, x)[0])(np.ones(3))
    with pytest.raises(UnsupportedFunctionError, match="allow_singular=True"):
        hoad.grad(lambda x: stats.multivariate_normal.logpdf(x, 0.0, 1.0, allow_singular=True))(0.3)
    with pytest.raises(TypeError, match=r"norm.logpdf takes x, loc, scale; found 1 positional arguments and \['sigma'\]"):
        hoad.grad(lambda x: stats.norm.logpdf(x, sigma=1.0))(0.3)
