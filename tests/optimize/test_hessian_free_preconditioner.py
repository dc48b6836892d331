"""Hessian-free optimisation: preconditioner, its options, products against hand-written ones, and negative curvature."""

from __future__ import annotations

import numpy as np
import pytest

import hoad
import hoad.optimize as ho
from hoad.errors import OptimizeError, ShapeError, StructureError
from hoad.optimize.conjugate_gradient import iterates
from hoad.optimize.empirical_fisher import empirical_fisher_diagonal
from hoad.optimize.hessian_free import _Damped, _scale

RNG = np.random.default_rng(0)
X = RNG.standard_normal((30, 4)) * np.array([1.0, 10.0, 100.0, 0.1])
Y = np.tanh(X @ np.array([0.5, 0.1, -0.01, 2.0]))
START = {"w": np.zeros(4), "b": np.zeros(())}


def residual(p):
    return np.tanh(X @ p["w"] + p["b"]) - Y


def example_loss(p, x, y):
    return 0.5 * (np.tanh(x @ p["w"] + p["b"]) - y) ** 2


FISHER = {"preconditioner": "empirical-fisher", "example_loss": example_loss, "examples": (X, Y), "reduction": "sum"}


def by_hand(p):
    """Σ (∂ loss of an example)², leaf by leaf, without automatic differentiation."""
    t = np.tanh(X @ p["w"] + p["b"])
    delta = (t - Y) * (1 - t**2)
    return {"w": (delta[:, None] ** 2 * X**2).sum(axis=0), "b": (delta**2).sum()}


@pytest.mark.parametrize("entries", [4_000_000, 5 * 7, 1])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_squared_gradients_of_examples_in_batches(monkeypatch, entries, reduction):
    monkeypatch.setattr("hoad.optimize.empirical_fisher.ENTRIES", entries)
    p = {"w": np.array([0.1, -0.2, 0.01, 1.0]), "b": np.array(0.3)}
    found = empirical_fisher_diagonal(example_loss, (X, Y), reduction)(p)
    expected = by_hand(p)
    weight = 1 / len(X) if reduction == "mean" else 1.0
    np.testing.assert_allclose(np.sort(found), np.sort(weight * np.append(expected["w"], expected["b"])), rtol=1e-13)
    unpacked = hoad.operators.vectors.Vectors(p).unpack(found)
    for key in p:
        np.testing.assert_allclose(unpacked[key], weight * expected[key], rtol=1e-13)


def test_examples_may_be_containers_with_integer_labels():
    labels = RNG.integers(0, 3, 12)
    data = {"x": X[:12], "label": labels}

    def nll(W, example):
        z = example["x"] @ W
        return np.log(np.sum(np.exp(z))) - np.sum(np.where(np.arange(3) == example["label"], z, 0.0))

    W = 0.01 * RNG.standard_normal((4, 3))
    found = empirical_fisher_diagonal(nll, (data,), "sum")(W)
    z = X[:12] @ W
    s = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) - np.eye(3)[labels]
    np.testing.assert_allclose(found.reshape(4, 3), np.einsum("ni,nj->ij", X[:12] ** 2, s**2), rtol=1e-12)


@pytest.mark.parametrize("exponent", [0.0, 0.75, 1.0])
@pytest.mark.parametrize("started", [False, True])
def test_scaled_variables_are_preconditioned_conjugate_gradients(exponent, started):
    """Against the textbook form, which divides residuals by M and never scales variables."""
    rng = np.random.default_rng(1)
    Q = rng.standard_normal((8, 8))
    B, g, D, lam = Q @ Q.T, rng.standard_normal(8), rng.uniform(0, 100, 8), 0.3
    M = (D + lam) ** exponent
    p = 0.1 * rng.standard_normal(8) if started else np.zeros(8)
    scale = _scale(D + lam, exponent)
    inner = _Damped(lambda v: B @ v, lam, scale)
    points = iterates(inner, scale * g, p / scale)
    A = B + lam * np.eye(8)
    r = A @ p + g
    y = r / M
    d = -y
    for _ in range(7):
        found = next(points)
        np.testing.assert_allclose(scale * found.p, p, rtol=1e-6, atol=1e-9)
        assert found.model == pytest.approx(g @ p + 0.5 * p @ A @ p, rel=1e-9, abs=1e-9)
        alpha = (r @ y) / (d @ A @ d)
        p = p + alpha * d
        new = r + alpha * A @ d
        beta = (new @ (new / M)) / (r @ y)
        r, y = new, new / M
        d = -y + beta * d
    if not started:
        first = scale**2 * g
        assert 0 < inner.least <= first @ B @ first / (first @ first)


def test_a_preconditioner_saves_products_where_variables_are_badly_scaled():
    """Linear regression whose columns differ by a factor of 1000: the same bound on products, the same number of steps."""
    rng = np.random.default_rng(2)
    A = rng.standard_normal((300, 40)) * np.geomspace(1.0, 1e3, 40)
    y = A @ (rng.standard_normal(40) / np.geomspace(1.0, 1e3, 40)) + rng.standard_normal(300)
    best = 0.5 * np.sum((A @ np.linalg.lstsq(A, y, rcond=None)[0] - y) ** 2)
    model = lambda w: A @ w - y
    squares = lambda w: (((A @ w - y) ** 2)[:, None] * A**2).sum(axis=0)
    fisher = {"preconditioner": "empirical-fisher", "reduction": "sum", "examples": (A, y)}
    fisher["example_loss"] = lambda w, a, y: 0.5 * (a @ w - y) ** 2
    plain, given, called = (
        ho.minimize(model, np.zeros(40), method="hessian-free", options={"max_cg": 10, **more}, maxiter=15)
        for more in ({}, fisher, {"preconditioner": squares})
    )
    assert given.fun - best < 1e-2 * (plain.fun - best)
    np.testing.assert_allclose(called.history["loss"], given.history["loss"], rtol=1e-8)
    assert given.njev == plain.njev + given.nit  # squared gradients are counted as a gradient
    assert called.njev == plain.njev
    assert np.nansum(given.history["cg"]) == given.nhvp


def test_without_a_preconditioner_steps_are_those_of_exponent_zero():
    a = ho.minimize(residual, START, method="hessian-free", maxiter=8)
    b = ho.minimize(residual, START, method="hessian-free", options={**FISHER, "exponent": 0.0}, maxiter=8)
    np.testing.assert_allclose(a.history["loss"], b.history["loss"], rtol=1e-12)


def test_a_first_step_follows_the_paper_written_out():
    """Damped Gauss–Newton equation solved exactly: few variables, so the inner iteration ends at its solution."""
    p = {"w": np.array([0.1, -0.02, 0.001, 1.0]), "b": np.array(0.3)}
    method = ho.hessian_free(0.7, **{**FISHER, "eps": 0.0})
    step, state = method.update(residual, p, method.init(p))
    t = np.tanh(X @ p["w"] + p["b"])
    J = (1 - t**2)[:, None] * np.column_stack([X, np.ones(len(X))])
    r = t - Y
    s = -np.linalg.solve(J.T @ J + 0.7 * np.eye(5), J.T @ r)
    flat = lambda q: np.append(q["w"], q["b"])
    value = lambda q: 0.5 * np.sum((np.tanh(X @ q[:4] + q[4]) - Y) ** 2)
    ratio = (value(flat(p) + s) - value(flat(p))) / (r @ J @ s + 0.5 * np.sum((J @ s) ** 2))
    details = state.report.details
    assert details["line_search"] == 1.0
    np.testing.assert_allclose(flat(step), s, rtol=1e-6)
    assert details["ratio"] == pytest.approx(ratio, rel=1e-6)
    assert state.memory[0] == pytest.approx(0.7 * (2 / 3 if ratio > 0.75 else 1.5 if ratio < 0.25 else 1.0))


def written_out(q, lam, steps, limit):
    """The method for the tanh model in plain NumPy, residuals divided by M; losses and dampings before each step."""
    value = lambda q: 0.5 * np.sum((np.tanh(X @ q[:4] + q[4]) - Y) ** 2)
    columns = np.column_stack([X, np.ones(len(X))])
    last, rows = np.zeros(5), []
    for _ in range(steps):
        t = np.tanh(columns @ q)
        J, e = (1 - t**2)[:, None] * columns, t - Y
        g, A = J.T @ e, J.T @ J + lam * np.eye(5)
        M = (np.sum((e[:, None] * J) ** 2, axis=0) + lam) ** 0.75
        p = 0.95 * last
        r = g + A @ p
        d, points = -r / M, []
        for _ in range(limit):
            alpha = (r @ (r / M)) / (d @ A @ d)
            p, new = p + alpha * d, r + alpha * A @ d
            d = -new / M + (new @ (new / M)) / (r @ (r / M)) * d
            r = new
            points.append(p)
        last = points[-1]
        s = points.pop()
        while points and value(q + points[-1]) < value(q + s):
            s = points.pop()
        rows.append((value(q), lam))
        predicted = g @ s + 0.5 * np.sum((J @ s) ** 2)
        ratio = (value(q + s) - value(q)) / predicted if predicted < 0 else -1.0
        lam *= 1.5 if ratio < 0.25 else 2 / 3 if ratio > 0.75 else 1.0
        if g @ s >= 0:  # a search back may end at a point that is uphill: then the gradient, and no start from it
            s, last = -g, np.zeros(5)
        rate = 1.0
        while value(q + rate * s) > value(q) + 1e-2 * rate * (g @ s):
            rate *= 0.8
        q = q + rate * s
    return np.array(rows).T


@pytest.mark.parametrize("damping", [0.01, 0.7, 30.0])
def test_preconditioned_steps_are_those_of_the_paper_written_out(damping):
    start = {"b": np.array(0.3), "w": np.array([0.1, -0.02, 0.001, 1.0])}
    losses, dampings = written_out(np.append(start["w"], start["b"]), damping, 9, 2)
    options = {"damping": damping, "max_cg": 2, **FISHER}
    res = ho.minimize(residual, start, method="hessian-free", options=options, maxiter=9, tol=-1.0)
    np.testing.assert_allclose(res.history["loss"][:-1], losses, rtol=1e-8)
    np.testing.assert_allclose(res.history["damping"], dampings, rtol=1e-12)


@pytest.mark.parametrize("fisher", [False, True])
def test_gauss_newton_curvature_is_never_negative_and_that_of_a_saddle_is_found_and_passed(fisher):
    options = FISHER if fisher else {}
    found = ho.minimize(residual, START, method="hessian-free", options=options, maxiter=15)
    assert np.nanmin(found.history["min_curvature"]) >= 0
    assert not np.nansum(found.history["negative_curvature"])
    saddle = lambda x: np.sum(x[1:] ** 2) + x[0] ** 4 - 2.0 * x[0] ** 2
    more = {"preconditioner": lambda x: np.array([1.0, 4.0, 9.0])} if fisher else {}
    x0 = np.array([0.1, 1e-3, -1e-3])
    res = ho.minimize(saddle, x0, method="hessian-free", options={"damping": 0.1, **more}, maxiter=100)
    history = res.history
    assert history["negative_curvature"][0] == 1.0
    assert history["min_curvature"][0] == pytest.approx(12 * 0.1**2 - 4, rel=1e-2)
    assert res.fun == pytest.approx(-1.0, abs=1e-9)
    assert np.all(np.diff(history["loss"]) <= 0)


def test_the_ratio_of_a_step_along_negative_curvature_belongs_to_the_model_at_that_step():
    f = lambda x: -2.0 * np.sum(x**2) + np.sum(x**4)
    x = np.array([0.1])
    method = ho.hessian_free(0.5)
    _, state = method.update(f, x, method.init(x))
    g, h = -4 * 0.1 + 4 * 0.1**3, -4 + 12 * 0.1**2
    p = -g
    expected = (f(x + p) - f(x)) / (g * p + 0.5 * h * p**2)
    assert state.report.details["negative_curvature"] == 1.0
    assert state.report.details["ratio"] == pytest.approx(expected, rel=1e-9)


def test_variables_without_gradient_and_without_damping_are_left_finite():
    f = lambda x: (x - 1.0) * np.array([1.0, 0.0])
    options = {"damping": 0.0, "preconditioner": lambda x: np.array([1.0, 0.0])}
    res = ho.minimize(f, np.array([3.0, 5.0]), method="hessian-free", options=options)
    assert res.success
    np.testing.assert_allclose(res.x, [1.0, 5.0], atol=1e-6)
    assert res.nit < 10
    scale = _scale(np.array([1.0, 0.0]), 0.75)
    assert np.all(np.isfinite(scale))
    assert scale[1] > 1e5 * scale[0]
    np.testing.assert_array_equal(_scale(np.zeros(3), 0.75), 1.0)


def test_float32_stays_float32_with_a_preconditioner():
    options = {"preconditioner": lambda x: np.ones(3)}
    res = ho.minimize(lambda x: np.exp(x) - np.float32(2), np.zeros(3, np.float32), method="hessian-free", options=options)
    assert res.x.dtype == np.float32
    np.testing.assert_allclose(res.x, np.log(2), rtol=1e-5)


WRONG = {
    "unknown name": ({"preconditioner": "empirical-fischer"}, OptimizeError, "did you mean 'empirical-fisher'"),
    "a number": ({"preconditioner": 3.0}, OptimizeError, "preconditioner 3.0 is unknown"),
    "no examples": ({"preconditioner": "empirical-fisher", "example_loss": example_loss}, OptimizeError, "expected both"),
    "no losses": ({"preconditioner": "empirical-fisher", "examples": (X,)}, OptimizeError, "expected both"),
    "not used": ({"example_loss": example_loss}, OptimizeError, "does not use them"),
    "not used by a callable": ({"preconditioner": by_hand, "examples": (X,)}, OptimizeError, "does not use them"),
    "exponent": ({**FISHER, "exponent": 1.5}, OptimizeError, "expected a number from 0 to 1"),
    "exponent nan": ({**FISHER, "exponent": np.nan}, OptimizeError, "expected a number from 0 to 1"),
    "reduction": ({**FISHER, "reduction": "none"}, OptimizeError, "reduction 'none' is unknown"),
    "lengths": ({**FISHER, "examples": (X, Y[:7])}, ShapeError, r"lengths \[7, 30\]"),
    "empty": ({**FISHER, "examples": (X[:0], Y[:0])}, ShapeError, r"lengths \[0\]"),
    "scalar": ({**FISHER, "examples": (X, 1.0)}, ShapeError, r"lengths \[0, 30\]"),
    "nothing": ({**FISHER, "examples": ()}, ShapeError, r"lengths \[\]"),
    "negative": ({"preconditioner": lambda p: {"w": -2 * np.ones(4), "b": 1.0}}, OptimizeError, "expected squares"),
    "not finite": ({"preconditioner": lambda p: {"w": np.full(4, np.nan), "b": 1.0}}, OptimizeError, "expected squares"),
    "shape": ({"preconditioner": lambda p: {"w": np.ones(3), "b": 1.0}}, ShapeError, "preconditioner's diagonal"),
    "structure": ({"preconditioner": lambda p: np.ones(5)}, StructureError, "preconditioner's diagonal"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_options_say_what_to_do(case):
    options, error, words = WRONG[case]
    with pytest.raises(error, match=words):
        ho.minimize(residual, START, method="hessian-free", options=options, maxiter=2)
