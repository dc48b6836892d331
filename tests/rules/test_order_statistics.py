"""Quantiles: every method in values and in q, missing values, weights, infinite neighbours, ties; every mode."""

import numpy as np
import pytest

import hoad
from hoad.errors import UnsupportedFunctionError
from hoad.rules.order_statistics import _places, _places_by_formula

from .agreement import all_modes_agree, close

RNG = np.random.default_rng(2)
METHODS = (
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull", "linear",
    "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest",
)  # fmt: skip
X = RNG.permutation(20).reshape(5, 4) / 7.0 + RNG.uniform(0, 0.05, (5, 4))
MISSING = np.where(RNG.uniform(size=X.shape) < 0.25, np.nan, X)
WEIGHTS = RNG.uniform(0.2, 2.0, X.shape)


def by_differences(f, x, v, h=1e-6):
    return (f(x + h * v) - f(x - h * v)) / (2 * h)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["quantile", "nanquantile", "percentile", "nanpercentile"])
def test_every_method_at_every_place(name, method):
    """At generic q, and at q that fall on an order statistic exactly."""
    f = getattr(np, name)
    x, v = (MISSING if name.startswith("nan") else X), RNG.normal(size=X.shape)
    scale = 100 if "percentile" in name else 1
    for q in (0.0, 0.13, 0.25, 0.5, 0.77, 1.0, np.array([0.2, 0.61]), np.array([[0.3], [0.95]])):
        g = lambda x, q=q: f(x, scale * q, axis=0, method=method)
        y, t = hoad.jvp(g, (x,), (v,))
        np.testing.assert_array_equal(y, g(x))
        np.testing.assert_allclose(t, by_differences(g, x, v), atol=1e-8)
        u = RNG.normal(size=y.shape)
        cotangent = hoad.vjp(g, x)[1](u)[0]
        assert np.isclose(np.sum(cotangent * v), np.sum(u * t))
        close(hoad.taylor(g, x, v, 2)[1], t, 1e-14)
        close(hoad.taylor(g, x, v, 2)[2], 0 * t, 0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["quantile", "nanquantile"])
def test_derivative_in_q(name, method):
    """The slope of the broken line between order statistics; zero for the methods that jump."""
    f = getattr(np, name)
    x = MISSING if name == "nanquantile" else X
    q = np.array([0.17, 0.43, 0.68])
    g = lambda q: f(x, q, axis=0, method=method)
    expected = by_differences(lambda t: g(q + t * np.ones(3)), 0.0, 1.0)
    close(hoad.jvp(g, (q,), (np.ones(3),))[1], expected, 1e-8)
    close(np.sum(hoad.jacrev(g)(q), axis=-1), expected, 1e-8)
    close(hoad.vmap(g)(np.stack([q, q / 2])), np.stack([g(q), g(q / 2)]), 1e-14)
    mixed = hoad.jvp(lambda q: hoad.jvp(lambda x: f(x, q, axis=0, method=method), (x,), (X,))[1], (q,), (np.ones(3),))[1]
    close(mixed, by_differences(lambda t: hoad.jvp(lambda x: f(x, q + t, axis=0, method=method), (x,), (X,))[1], 0.0, 1.0), 1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_places_by_formula_are_those_that_numpy_finds(method):
    for n in (1, 2, 3, 7, 10):
        q = np.concatenate([np.linspace(0, 1, 41), np.arange(n + 1) / n, np.arange(n) / max(n - 1, 1), (np.arange(n) + 0.5) / n])
        q = np.clip(q, 0, 1)
        close(_places_by_formula(q, n, method), _places(q, n, method), 1e-12)
    assert np.isnan(_places_by_formula(np.float64(0.3), np.array([0, 4]), method)).tolist() == [True, False]


def test_derivative_in_percent():
    f = lambda q: np.percentile(X[:, 0], q)
    close(hoad.grad(f)(37.0), by_differences(f, 37.0, 1.0), 1e-8)


@pytest.mark.parametrize("keywords", [{}, {"axis": 1}, {"axis": (0, 1), "keepdims": True}, {"axis": -1, "keepdims": True}], ids=str)
@pytest.mark.parametrize("name", ["nanmedian", "median"])
def test_medians(name, keywords):
    f = getattr(np, name)
    x = MISSING if name == "nanmedian" else X
    y, t = hoad.jvp(lambda x: f(x, **keywords), (x,), (WEIGHTS,))
    np.testing.assert_array_equal(y, f(x, **keywords))
    close(t, by_differences(lambda x: f(x, **keywords), x, WEIGHTS), 1e-8)


@pytest.mark.parametrize("axis", [0, 1, None, (0, 1)])
@pytest.mark.parametrize("name", ["quantile", "percentile"])
def test_weights(name, axis):
    f = getattr(np, name)
    q = 0.37 if name == "quantile" else 37.0
    all_modes_agree(lambda x: f(x, q, axis=axis, weights=WEIGHTS, method="inverted_cdf"), X, order=3)
    weights = lambda w: f(X, q, axis=axis, weights=w, method="inverted_cdf")
    np.testing.assert_array_equal(hoad.jvp(weights, (WEIGHTS,), (X,))[1], np.zeros_like(weights(WEIGHTS)))
    batch = np.stack([WEIGHTS, WEIGHTS[::-1]])
    close(hoad.vmap(weights)(batch), [weights(w) for w in batch], 0)


def test_an_infinite_neighbour_of_weight_zero_does_not_matter():
    x = np.array([1.0, 2.0, np.inf])
    for f in (lambda x: np.quantile(x, 0.5), lambda x: np.median(x), lambda x: np.nanquantile(x, 0.5)):
        with np.errstate(invalid="ignore"):  # NumPy's own value
            np.testing.assert_array_equal(hoad.grad(f)(x), [0, 1, 0])


def test_nan_gives_nan_and_no_elements_give_nan():
    x = np.array([[1.0, np.nan], [2.0, 3.0]])
    gradient = hoad.jacrev(lambda x: np.quantile(x, 0.4, axis=0))(x)
    assert np.isfinite(gradient[0]).all()
    with pytest.warns(RuntimeWarning, match="All-NaN"):
        assert np.isnan(hoad.jvp(lambda x: np.nanquantile(x, 0.4), (np.full(3, np.nan),), (np.ones(3),))[0])


def test_bad_input():
    with pytest.raises(ValueError, match="range"):
        hoad.grad(lambda x: np.quantile(x, 1.2))(X[0])
    with pytest.raises(ValueError, match="inverted_cdf"):
        hoad.grad(lambda x: np.quantile(x, 0.2, weights=WEIGHTS[0]))(X[0])
    with pytest.raises(TypeError, match="Axis must be specified"):
        hoad.grad(lambda x: np.quantile(x, 0.2, weights=WEIGHTS[0], method="inverted_cdf"))(X)
    with pytest.raises(UnsupportedFunctionError, match="with respect to q"):
        hoad.grad(lambda q: np.quantile(X[0], q, weights=WEIGHTS[0], method="inverted_cdf"))(0.3)
    with pytest.raises(TypeError, match="real"):
        hoad.jvp(lambda x: np.quantile(x, 0.3), (X[0] + 1j,), (X[0] + 0j,))
