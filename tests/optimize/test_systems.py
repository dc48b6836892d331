"""root and least_squares: SciPy's solvers receive exact Jacobians, containers are flattened, own methods agree."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import scipy.optimize

import hoad
import hoad.optimize as ho

X0 = np.array([-1.2, 1.0])


def residual(x):
    return np.concatenate([10.0 * (x[1:] - x[:-1] ** 2), 1.0 - x[:-1]])


@pytest.mark.parametrize("method", ["hybr", "lm", "krylov", "broyden1", "df-sane"])
def test_root(method):
    f = lambda x: np.array([2.0, 3.0]) * x + 0.3 * np.sin(x) - 1.0
    res = ho.root(f, np.zeros(2), method=method)
    assert res.success
    np.testing.assert_allclose(f(res.x), 0.0, atol=1e-5)


def test_root_uses_the_exact_jacobian(monkeypatch):
    given = {}
    real = scipy.optimize.root
    monkeypatch.setattr(scipy.optimize, "root", lambda *a, **k: given.update(k) or real(*a, **k))
    ho.root(residual, X0, method="hybr")
    np.testing.assert_allclose(given["jac"](X0), hoad.jacobian(residual)(X0))


def test_root_in_containers():
    f = lambda p, a: {"u": p["u"] ** 2 - a, "v": p["v"] * p["u"][0] - 6.0}
    res = ho.root(f, {"u": np.ones(1), "v": np.ones(2)}, args=(4.0,))
    np.testing.assert_allclose(res.x["u"], 2.0)
    np.testing.assert_allclose(res.x["v"], 3.0)


@pytest.mark.parametrize("method", ["trf", "dogbox", "lm", "levenberg-marquardt", "gauss-newton"])
def test_least_squares(method):
    res = ho.least_squares(residual, X0, method=method)
    np.testing.assert_allclose(res.x, 1.0, atol=1e-6)
    assert res.cost < 1e-12
    assert res.success


def test_least_squares_uses_the_exact_jacobian_as_an_operator_when_it_is_large(monkeypatch):
    given = {}
    real = scipy.optimize.least_squares
    monkeypatch.setattr(scipy.optimize, "least_squares", lambda *a, **k: given.update(k) or real(*a, **k))
    ho.least_squares(residual, X0)
    np.testing.assert_allclose(given["jac"](X0), hoad.jacobian(residual)(X0))
    monkeypatch.setattr(import_module("hoad.optimize.systems"), "DENSE", 1)
    res = ho.least_squares(residual, X0)
    assert isinstance(given["jac"](X0), hoad.JacobianOperator)
    np.testing.assert_allclose(res.x, 1.0, atol=1e-6)


@pytest.mark.parametrize("method", ["levenberg-marquardt", "gauss-newton"])
def test_large_jacobians_are_only_applied(method, monkeypatch):
    monkeypatch.setattr(import_module("hoad.optimize.gauss_newton"), "DENSE", 0)
    res = ho.least_squares(residual, X0, method=method)
    np.testing.assert_allclose(res.x, 1.0, atol=1e-5)


def test_curve_fit_with_containers_agrees_with_scipy():
    rng = np.random.default_rng(0)
    t = np.linspace(0, 4, 50)
    y = 2.5 * np.exp(-1.3 * t) + 0.5 + 0.01 * rng.standard_normal(50)
    model = lambda p: p["a"] * np.exp(-p["rate"] * t) + p["c"] - y
    start = {"a": 1.0, "c": 0.0, "rate": 1.0}
    own = ho.least_squares(model, start, method="levenberg-marquardt")
    theirs = scipy.optimize.curve_fit(lambda t, a, c, r: a * np.exp(-r * t) + c, t, y, p0=[1, 0, 1])[0]
    np.testing.assert_allclose([own.x["a"], own.x["c"], own.x["rate"]], theirs, rtol=1e-5)


def test_natural_gradient_and_hessian_free_with_a_likelihood():
    """Softmax regression: both reach the optimum that BFGS finds, from products with Jᵀ L J alone."""
    rng = np.random.default_rng(1)
    X, labels = rng.standard_normal((60, 4)), rng.integers(0, 3, 60)

    def nll(z):
        z = z - np.max(z, axis=1, keepdims=True)
        return np.mean(np.log(np.sum(np.exp(z), axis=1)) - z[np.arange(60), labels])

    model = lambda W: X @ W
    best = ho.minimize(lambda W: nll(model(W)), np.zeros((4, 3)), method="BFGS").fun
    for method in ("natural-gradient", "hessian-free"):
        res = ho.minimize(model, np.zeros((4, 3)), method=method, options={"loss": nll})
        assert res.success, res.message
        assert res.fun == pytest.approx(best, abs=1e-8)
        assert np.all(np.diff(res.history["loss"]) <= 0)
    assert res.njvp == 0
