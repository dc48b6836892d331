"""Moments of effective moduli: closed forms of laminates and of single materials, and the sampled solves."""

from __future__ import annotations

import numpy as np
import pytest

import hoad


@pytest.fixture(scope="module")
def done(run_example):
    return run_example("uncertainty")


@pytest.fixture(scope="module")
def laminate(done):
    """Layers of both phases, 0.7 and 0.3 thick: their shear modulus is 1 / (0.7/μ0 + 0.3/μ1)."""
    image = np.repeat([0, 1], [7, 3])[:, None] * np.ones((1, 2), int)
    return done.module.me.Response(done.module.me.Cell(image), done.module.PHASES, done.module.STRAINS, done.module.NAMES)


def layered(xi):
    mu0, mu1 = 1.0 * np.exp(0.25 * xi[0]), 10.0 * np.exp(0.25 * xi[2])
    return 1 / (0.7 / mu0 + 0.3 / mu1)


def test_expansion_of_a_laminate_is_that_of_the_closed_form(done, laminate):
    q = done.module.expand(laminate, done.module.MODULI["shear modulus"], 0.25)
    rest = np.zeros(4)
    assert q.value == pytest.approx(layered(rest), rel=1e-12)
    np.testing.assert_allclose(q.gradient, hoad.grad(layered)(rest), atol=1e-11)
    np.testing.assert_allclose(q.hessian, hoad.hessian(layered)(rest), atol=1e-11)


def test_moments_are_those_of_the_quadratic(done):
    """Gauss-Hermite quadrature with three points along each axis is exact for the square of a quadratic."""
    rng = np.random.default_rng(0)
    H = rng.standard_normal((3, 3))
    q = done.module.Quadratic(0.7, rng.standard_normal(3), H + H.T)
    x, w = np.polynomial.hermite_e.hermegauss(3)
    points = np.stack(np.meshgrid(x, x, x), -1).reshape(-1, 3)
    weights = np.prod(np.stack(np.meshgrid(w, w, w), -1).reshape(-1, 3), -1) / (2 * np.pi) ** 1.5
    mean = weights @ q(points)
    assert q.moments() == pytest.approx((mean, np.sqrt(weights @ (q(points) - mean) ** 2)), rel=1e-12)


def test_series_has_its_orders_and_agrees_with_the_hessian(done, laminate, table):
    rows = np.array(table(done.text, "distance"))
    rates = np.log2(rows[1, 1:] / rows[0, 1:])
    np.testing.assert_allclose(rates, [2, 3, 4, 6], atol=0.3)
    coefficients = done.module.series(laminate, 0.25)
    line = lambda t: 1 / (0.7 / (1 + 0.25 * t) + 0.3 / (10 - 2.5 * t))
    derivatives = [line, hoad.grad(line), hoad.grad(hoad.grad(line)), hoad.grad(hoad.grad(hoad.grad(line)))]
    for n, (f, factor) in enumerate(zip(derivatives, (1, 1, 2, 6))):
        assert factor * coefficients[n] == pytest.approx(float(f(0.0)), rel=1e-9)


@pytest.mark.parametrize("name", ["bulk modulus", "shear modulus"])
def test_samples_lie_near_the_expansion(name, done, table):
    first, second, sampled = (row[:2] for row in _rows(done.text, name))
    rms = float(done.text.split(name)[1].split("root mean square: ")[1].split()[0])
    assert rms < 0.05 * sampled[1]  # the expansion follows each sample, not only the moments
    standard_error = sampled[1] / 10  # of a hundred samples
    assert abs(second[0] - sampled[0]) < 3 * standard_error
    assert second[1] == pytest.approx(sampled[1], rel=0.25)
    assert second[0] > first[0]  # log-normal parameters: the mean is above the median


def _rows(text, name):
    lines = text.splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith(name))
    return [[float(w) for w in line.split()[:2]] for line in lines[start + 1 : start + 4]]


def test_random_voxels_lower_the_mean(done):
    """First order sees no shift at all; the second order has most of it."""
    first, second, sampled = _rows(done.text, "256 random moduli")
    assert first[0] == 1.0
    assert first[1] == pytest.approx(0.5 / 16, abs=1e-6)  # the mean of 256 independent moduli
    assert abs(second[0] - sampled[0]) < 3 * sampled[1] / np.sqrt(60) + 0.006  # and the fourth order
    assert sampled[0] < 0.96
    assert sampled[1] == pytest.approx(second[1], rel=0.3)


def test_probes_find_trace_and_norm(done):
    """Against the whole Hessian, column by column."""
    module, me = done.module, done.module.me
    rng = np.random.default_rng(2)
    phases = {0: me.LinearElastic(mu=rng.uniform(0.5, 2, (4, 4)), lmbda=1.5)}
    response = me.Response(me.Cell(np.zeros((4, 4), int)), phases, module.STRAINS, [(0, "mu")])
    modulus = module.MODULI["shear modulus"]
    (p,) = response.parameters.values
    value, (slope,) = response.value_and_gradient(modulus, [p])
    units = np.eye(16).reshape(16, 4, 4)
    H = np.array([response.hvp(modulus, [p], [unit])[0].ravel() for unit in units])
    H = 0.09 * (np.outer(p, p) * H + np.diag((p * slope).ravel()))
    field = module.of_field(response, 0.3, 200)
    first = 0.3 * np.linalg.norm(p * slope)
    assert field.first == pytest.approx((value, first), rel=1e-12)
    assert field.second[0] - value == pytest.approx(np.trace(H) / 2, rel=0.1)
    assert field.second[1] ** 2 - first**2 == pytest.approx(np.sum(H**2) / 2, rel=0.1)
