"""Classification and regression runs whose numbers were computed with other programs (PyTorch, NumPy) in float64."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hoad
import hoad.optimize as ho

DATA = Path(__file__).parent / "data"
BINARY = dict(np.load(DATA / "binary_classification.npz"))
MLP = dict(np.load(DATA / "mlp_regression.npz"))
OPTIMUM = 0.141618387470011


def cross_entropy(w):
    z = BINARY["X"] @ w
    return np.mean(np.logaddexp(0.0, z) - BINARY["y"] * z)


def losses(method, maxiter, **options):
    res = ho.minimize(cross_entropy, np.zeros(10), method=method, options=options, maxiter=maxiter, tol=-1.0)
    return res.history["loss"]


def test_newton_on_binary_classification():
    printed = [
        0.693147180559945, 0.324414017121397, 0.217566760042521, 0.167679468342939, 0.147321350271848, 0.142103980095225,
        0.141623890005309, 0.141618388328982, OPTIMUM,
    ]  # fmt: skip
    res = ho.minimize(
        cross_entropy, np.zeros(10), method="fomoh-kd", options={"k": 10, "curvature": "raw", "seed": 0}, maxiter=9, tol=-1.0
    )
    np.testing.assert_allclose(res.history["loss"][:9], printed, rtol=0, atol=1.5e-15)
    assert np.linalg.norm(res.x) == pytest.approx(8.631641188948782, rel=1e-10)
    assert np.mean((BINARY["X"] @ res.x > 0) == BINARY["y"]) == 0.945
    true = BINARY["w_true"]
    assert res.x @ true / np.linalg.norm(res.x) / np.linalg.norm(true) == pytest.approx(0.9988576, abs=5e-8)
    ends = np.linalg.eigvalsh(hoad.hessian(cross_entropy)(res.x))[[0, -1]]
    np.testing.assert_allclose(ends, [0.0019379, 0.0554554], atol=5e-8)
    ends = np.linalg.eigvalsh(hoad.hessian(cross_entropy)(np.zeros(10)))[[0, -1]]
    np.testing.assert_allclose(ends, [0.20267, 0.29120], atol=5e-6)


@pytest.mark.parametrize(
    "method", ["lbfgs", "truncated-newton", "trust-region", "hessian-free", "BFGS", "trust-exact", "Newton-CG"]
)
def test_second_order_methods_find_the_same_optimum(method):
    res = ho.minimize(cross_entropy, np.zeros(10), method=method)
    assert res.success
    assert res.fun == pytest.approx(OPTIMUM, abs=2e-7)


def test_first_order_methods_on_binary_classification():
    assert losses("sgd", 100, lr=0.1)[-1] == pytest.approx(0.30177003342735, abs=1e-14)
    assert losses("sgd", 100, lr=1.0)[-1] == pytest.approx(0.163728799427645, abs=1e-14)
    assert losses("adam", 100, lr=0.1)[-1] == pytest.approx(0.147191853672263, abs=1e-14)


@pytest.mark.parametrize(
    ("k", "printed"),
    [
        (1, [0.424, 0.293, 0.144, 0.0463]),
        (2, [0.292, 0.150, 0.0470, 0.0128]),
        (5, [0.0814, 0.0349, 0.00433, 2.05e-5]),
        (10, [4.9e-4]),
    ],
)
def test_hyperplane_search_on_binary_classification(k, printed):
    """Median gap to the optimum over seeds 0..4 after 5, 10, 20, 50 steps, to the digits printed."""
    steps = [5, 10, 20, 50][: len(printed)]
    gaps = np.median([losses("fomoh-kd", steps[-1], k=k, curvature="raw", seed=s)[steps] - OPTIMUM for s in range(5)], axis=0)
    for gap, digits in zip(gaps, printed, strict=True):
        assert float(f"{gap:.{3 if digits != 4.9e-4 else 2}g}") == pytest.approx(digits, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("relu_noise", {0: 1.35967504411, 10: 1.02360589541, 99: 0.179242845628, 100: 0.174013282829}),
        ("relu_sum", {0: 10.3077443826, 10: 6.76599322892, 99: 0.0137013094429, 100: 0.0135134923171}),
        ("tanh_noise", {0: 1.24824750368, 10: 1.0487334096, 99: 0.0463434019631, 100: 0.0434353903302}),
    ],
)
def test_adam_on_the_regression_network(name, printed):
    """10-20-1 network, Adam 0.01, 100 epochs of full batches, in a dict of arrays; curves computed with PyTorch."""
    activation = np.tanh if name.startswith("tanh") else lambda z: np.maximum(z, 0.0)
    X = MLP["X"]
    y = MLP["y"] if name.endswith("noise") else np.sum(X, axis=1, keepdims=True)

    def mean_square(p):
        hidden = activation(X @ p["W1"].T + p["b1"])
        return np.mean((hidden @ p["W2"].T + p["b2"] - y) ** 2)

    start = {key: MLP[key] for key in ("W1", "b1", "W2", "b2")}
    res = ho.minimize(mean_square, start, method="adam", options={"lr": 0.01}, maxiter=100, tol=-1.0)
    np.testing.assert_allclose(res.history["loss"], MLP[f"loss_{name}"], rtol=1e-12)
    for epoch, value in printed.items():
        assert res.history["loss"][epoch] == pytest.approx(value, rel=5e-12)
    if name == "relu_noise":
        norm = np.sqrt(sum(np.sum(g**2) for g in hoad.grad(mean_square)(start).values()))
        assert norm == pytest.approx(1.41737653677, rel=5e-12)
