"""Conjugate gradients, line searches and steps under negative curvature keep the promises that their callers rely on."""

from __future__ import annotations

import numpy as np
import pytest

import hoad.optimize as ho
from hoad.optimize.conjugate_gradient import iterates, martens, steihaug, truncated
from hoad.optimize.line_search import backtracking, strong_wolfe


def quadratic(seed, n, low):
    """A symmetric matrix with eigenvalues from ``low`` to 10, and a right-hand side."""
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.standard_normal((n, n)))[0]
    B = (Q * np.linspace(low, 10.0, n)) @ Q.T
    return B, rng.standard_normal(n)


@pytest.mark.parametrize("seed", range(5))
def test_iterates_report_their_model_and_solve_in_n_steps(seed):
    B, g = quadratic(seed, 6, 0.5)
    points = []
    for found in iterates(lambda v: B @ v, g, 0.1 * g):
        points.append(found)
        assert found.model == pytest.approx(g @ found.p + 0.5 * found.p @ B @ found.p, rel=1e-9, abs=1e-12)
        np.testing.assert_allclose(found.r, g + B @ found.p, atol=1e-10)
        if len(points) > 6:
            break
    np.testing.assert_allclose(points[-1].p, -np.linalg.solve(B, g), atol=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_truncated_directions_go_downhill_under_negative_curvature(seed):
    B, g = quadratic(seed, 6, -8.0)
    d, negative = truncated(lambda v: B @ v, g, 1e-12, 100)
    assert negative
    assert g @ d < 0
    assert d @ B @ d > 0 or np.array_equal(d, -g)
    d, negative = truncated(lambda v: -v, g, 1e-12, 100)
    assert negative
    np.testing.assert_array_equal(d, -g)


@pytest.mark.parametrize("low", [-8.0, 0.5])
@pytest.mark.parametrize("radius", [0.01, 0.3, 3.0, 100.0])
@pytest.mark.parametrize("seed", range(3))
def test_steihaug_beats_the_cauchy_point_within_the_region(low, radius, seed):
    B, g = quadratic(seed, 6, low)
    p, model, boundary = steihaug(lambda v: B @ v, g, radius, 1e-12, 100)
    norm = np.linalg.norm(p)
    assert model == pytest.approx(g @ p + 0.5 * p @ B @ p, rel=1e-9)
    assert norm == pytest.approx(radius) if boundary else norm < radius
    if low < 0:
        assert boundary
    c = g @ B @ g
    t = radius / np.linalg.norm(g) if c <= 0 else min(radius / np.linalg.norm(g), g @ g / c)
    assert model <= -t * g @ g + 0.5 * t**2 * c + 1e-12


def test_martens_keeps_points_of_falling_model_and_stops_early():
    B, g = quadratic(0, 200, 1e-3)
    calls = []
    kept = martens(lambda v: calls.append(1) or B @ v, g, None, 5e-4, 1000)
    assert 11 < len(calls) < 150  # run on, it takes some 200
    models = [m for _, m in kept]
    assert models == sorted(models, reverse=True)
    assert len(kept) < 40
    exact = -0.5 * g @ np.linalg.solve(B, g)
    assert exact < models[-1] < 0
    for p, m in kept:
        assert m == pytest.approx(g @ p + 0.5 * p @ B @ p, rel=1e-9)


FUNCTIONS = {
    "quadratic": (lambda t: (t - 3.0) ** 2, lambda t: 2 * (t - 3.0)),
    "quartic": (lambda t: (t - 0.01) ** 4 + 0.1 * t**2 - t, lambda t: 4 * (t - 0.01) ** 3 + 0.2 * t - 1),
    "far": (lambda t: -t / (t**2 + 2.0), lambda t: (t**2 - 2.0) / (t**2 + 2.0) ** 2),
    "waves": (lambda t: 0.05 * t**2 - t - np.sin(4 * t) / 5, lambda t: 0.1 * t - 1 - 0.8 * np.cos(4 * t)),
    "wall": (lambda t: -np.log(1 - t) - 5 * t if t < 1 else np.nan, lambda t: 1 / (1 - t) - 5 if t < 1 else np.nan),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("start", [1e-3, 0.1, 1.0, 50.0])
@pytest.mark.parametrize("c2", [0.1, 0.9])
def test_strong_wolfe_conditions_hold(name, start, c2):
    f, d = FUNCTIONS[name]
    t = strong_wolfe(lambda t: (f(t), d(t)), f(0.0), d(0.0), start, 1e-4, c2, 40)
    assert f(t) <= f(0.0) + 1e-4 * t * d(0.0)
    assert abs(d(t)) <= c2 * abs(d(0.0))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_backtracking_decreases_or_says_that_it_cannot(name):
    f, d = FUNCTIONS[name]
    t = backtracking(f, f(0.0), d(0.0), 50.0)
    assert 0 < t <= 50
    assert f(t) <= f(0.0) + 1e-4 * t * d(0.0)
    assert backtracking(lambda t: t, 0.0, -1.0) == 0.0
    assert strong_wolfe(lambda t: (t, 1.0), 0.0, -1.0) == 0.0


@pytest.mark.parametrize("make", [lambda V: ho.fomoh(replay=V), lambda V: ho.fomoh_bp(), lambda V: ho.fomoh_kd(k=1, replay=V)])
def test_steps_go_downhill_where_the_curvature_is_negative(make):
    hill = lambda x: -np.sum(x**2)
    x = np.array([1.0, 2.0, -1.0])
    V = np.random.default_rng(0).standard_normal((1, 1, 3))
    method = make(V)
    step, _ = method.update(hill, x, method.init(x))
    assert hill(x + step) < hill(x)
    assert 2 * x @ step > 0
