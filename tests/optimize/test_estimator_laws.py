"""Variance and direction of forward gradients follow their theory.

Laws: E|ĝ - g|² / |g|² = (N + κ₄ - 2) / K for K independent directions (Baydin et al. 2022; Shukla & Shin 2023), N/K - 1 for K
orthonormal ones; mean cosines as tabulated by our own NumPy run of Flügel et al. (2024), N = 100.
"""

from __future__ import annotations

import numpy as np
import pytest

import hoad.optimize as ho

N = 100


def linear(n=N):
    g = np.random.default_rng(n).standard_normal(n)
    return g, lambda x: g @ x


def relative_variance(k, n, samples, distribution="normal"):
    """Mean of |ĝ - g|² / |g|² over independent estimates, cut from one large block of directions."""
    g, f = linear(n)
    rng = np.random.default_rng(k + 1000 * n)
    total = 0.0
    if distribution in ("orthonormal", "coordinate") or k > 64:
        estimates = [ho.forward_gradient(f, np.zeros(n), k, distribution=distribution, rng=rng).gradient for _ in range(samples)]
    else:
        block = ho.forward_gradient(f, np.zeros(n), samples * k, distribution=distribution, rng=rng)
        products = (block.derivatives[:, None] * block.directions).reshape(samples, k, n)
        estimates = products.mean(axis=1)
        one = ho.forward_gradient(f, np.zeros(n), block.directions[:k])
        np.testing.assert_allclose(one.gradient, estimates[0], rtol=1e-9, atol=1e-9)
    for estimate in estimates:
        total += np.sum((estimate - g) ** 2)
    return total / samples / (g @ g)


def slope(x, y):
    return np.polyfit(np.log(x), np.log(y), 1)[0]


def test_variance_falls_with_the_number_of_directions():
    ks = [1, 2, 4, 8, 16, 32]
    assert slope(ks, [relative_variance(k, N, 2000) for k in ks]) == pytest.approx(-1.0, abs=0.05)


def test_variance_grows_with_the_dimension():
    ns = [25, 50, 100, 200, 400]
    assert slope(ns, [relative_variance(1, n, 4000) for n in ns]) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        ("normal", N + 1),
        ("rademacher", N - 1),
        ("uniform", N - 0.2),
        ("sphere", N - 1),
        (lambda rng, shape: rng.laplace(0.0, np.sqrt(0.5), shape), N + 4),
    ],
)
def test_variance_of_each_distribution(distribution, expected):
    assert relative_variance(1, N, 10000, distribution) == pytest.approx(expected, rel=0.06)


@pytest.mark.parametrize("distribution", ["orthonormal", "coordinate"])
@pytest.mark.parametrize("k", [10, 50, 100])
def test_variance_without_replacement(distribution, k):
    found = relative_variance(k, N, 100, distribution)
    assert found == pytest.approx(N / k - 1, rel=0.1, abs=1e-12)


@pytest.mark.parametrize(
    ("combine", "expected"),
    [
        ("mean", [0.083, 0.126, 0.189, 0.266, 0.368, 0.492, 0.623]),
        ("project", [0.083, 0.127, 0.192, 0.276, 0.396, 0.563, 0.797]),
    ],
)
def test_mean_cosine_table(combine, expected):
    g, f = linear()
    rng = np.random.default_rng(11)
    for k, table in zip([1, 2, 4, 8, 16, 32, 64], expected, strict=True):
        cosines = []
        for _ in range(400):
            e = ho.forward_gradient(f, np.zeros(N), k, combine=combine, rng=rng).gradient
            cosines.append(e @ g / np.linalg.norm(e) / np.linalg.norm(g))
        error = np.std(cosines) / np.sqrt(len(cosines))
        assert abs(np.mean(cosines) - table) < 4 * error + 5e-4, k


def test_estimates_are_unbiased():
    g, f = linear(20)
    for distribution in ("normal", "rademacher", "uniform", "sphere", "orthonormal", "coordinate"):
        found = [ho.forward_gradient(f, np.zeros(20), 4, distribution=distribution, rng=s).gradient for s in range(500)]
        error = np.std(found, axis=0) / np.sqrt(500)
        assert np.all(np.abs(np.mean(found, axis=0) - g) < 4.5 * error + 1e-12), distribution
