"""Loops over the table of optimisers: optimum of a small case list within a budget, reproducible, resumable, usable from SciPy.

An optimiser that is added must do the first case ("bowl") with its default options, or say here which options it needs.
"""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import scipy.optimize

import hoad.optimize as ho
from hoad.optimize import OPTIMISERS

CENTRE = np.array([0.5, -1.0, 2.0])

CASES = {  # name -> objective, residual r with |r|²/2 = objective - constant, start, minimum of the objective
    "bowl": (
        lambda x: np.sum(np.cosh(x - CENTRE)),
        lambda x: 2.0 * np.sinh(0.5 * (x - CENTRE)),
        np.zeros(3),
        3.0,
    ),
    "rosenbrock": (
        lambda x: np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2),
        lambda x: np.sqrt(2.0) * np.concatenate([10.0 * (x[1:] - x[:-1] ** 2), 1.0 - x[:-1]]),
        np.array([-1.2, 1.0]),
        0.0,
    ),
    "negative curvature": (
        lambda x: np.sum(x[1:] ** 2) + x[0] ** 4 - 2.0 * x[0] ** 2,
        None,
        np.array([0.1, 1.0, -0.5]),
        -1.0,
    ),
    "scales": (
        lambda x: np.sum(np.array([1.0, 1e2, 1e4]) * x**2),
        lambda x: np.sqrt(2.0) * np.array([1.0, 1e1, 1e2]) * x,
        np.array([1.0, 1.0, 1.0]),
        0.0,
    ),
}
RESIDUALS = {"gauss-newton", "levenberg-marquardt", "natural-gradient"}
SECOND_ORDER = {"lbfgs", "truncated-newton", "trust-region", "hessian-free", "fomoh-kd", *RESIDUALS}

OPTIONS = {
    "sgd": {"lr": 0.3},
    "adam": {"lr": 0.1},
    "adamw": {"lr": 0.1, "weight_decay": 0.0},
    "rmsprop": {"lr": ho.schedules.exponential_decay(0.1, 50, 0.5)},
    "adagrad": {"lr": 1.0},
    "lion": {"lr": ho.schedules.exponential_decay(0.1, 40, 0.5)},
    "fgd": {"lr": 0.1},
    "fomoh-kd": {"k": 2},
}
BUDGET = dict.fromkeys(OPTIMISERS, 400) | dict.fromkeys(SECOND_ORDER, 150) | {"hessian-free": 300}
"""Calls of the function in any mode."""


def tasks():
    for name in OPTIMISERS:
        for case, (f, residual, _, _) in CASES.items():
            if case != "bowl" and name not in SECOND_ORDER:
                continue
            if f is not None and (name not in RESIDUALS or residual is not None):
                yield name, case


def solve(name, case, **more):
    f, residual, start, _ = CASES[case]
    options = dict(OPTIONS.get(name, {}))
    if name == "fomoh-kd" and case != "bowl":
        options["k"] = len(start)
    given = {"options": options, "maxiter": 390, "seed": 5} | more
    return ho.minimize(residual if name in RESIDUALS else f, start, method=name, **given)


@pytest.mark.parametrize(("name", "case"), list(tasks()))
def test_reaches_the_optimum_within_the_budget(name, case):
    f, _, start, minimum = CASES[case]
    res = solve(name, case)
    assert f(res.x) - minimum < 1e-6 * max(1.0, abs(f(start) - minimum)), res.message
    assert res.passes <= BUDGET[name]
    assert res.nit == len(res.history["step_norm"]) == len(res.history["loss"]) - 1
    assert res.fun == np.min(res.history["loss"])


@pytest.mark.parametrize("name", OPTIMISERS)
def test_same_seed_same_run(name):
    a, b = (solve(name, "bowl", maxiter=10) for _ in range(2))
    np.testing.assert_array_equal(a.history["loss"], b.history["loss"])
    np.testing.assert_array_equal(a.x, b.x)


@pytest.mark.parametrize("name", ["fgd", "fomoh", "fomoh-kd"])
def test_another_seed_another_run_and_no_global_state(name):
    before = np.random.get_state()[1].copy()
    a, b = solve(name, "bowl", maxiter=5), solve(name, "bowl", maxiter=5, seed=6)
    assert a.fun != b.fun
    rng = np.random.default_rng(3)
    c, d = solve(name, "bowl", maxiter=5, seed=rng), solve(name, "bowl", maxiter=5, seed=rng)
    assert c.fun != d.fun
    np.testing.assert_array_equal(before, np.random.get_state()[1])


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_pickled_state_resumes_as_if_never_stopped(name):
    whole = solve(name, "bowl", maxiter=12, tol=-1.0)
    part = solve(name, "bowl", maxiter=5, tol=-1.0)
    rest = solve(name, "bowl", maxiter=7, tol=-1.0, state=pickle.loads(pickle.dumps(part.state)))
    np.testing.assert_array_equal(rest.x, whole.x)
    np.testing.assert_array_equal(rest.history["loss"], whole.history["loss"])
    np.testing.assert_array_equal(rest.history["step_norm"], whole.history["step_norm"])
    assert rest.nit == whole.nit
    assert len(part.history["loss"]) == part.nit + 1  # the resumed run left the first result alone


@pytest.mark.parametrize("name", OPTIMISERS)
def test_update_changes_neither_params_nor_state(name):
    f, residual, start, _ = CASES["bowl"]
    f = residual if name in RESIDUALS else f
    made = OPTIMISERS[name](**OPTIONS.get(name, {}), **({"seed": 1} if name in ("fgd", "fomoh", "fomoh-kd") else {}))
    method = ho.descend(made) if isinstance(made, ho.Transform) else made
    params = start.copy()
    first = method.init(params)
    before = pickle.dumps(first)
    one, second = method.update(f, params, first)
    two, _ = method.update(f, params, first)
    np.testing.assert_array_equal(one, two)
    assert pickle.dumps(first) == before
    np.testing.assert_array_equal(params, start)
    assert second.count == 1


@pytest.mark.parametrize("name", OPTIMISERS)
def test_scipy_calls_it(name):
    f, residual, start, _ = CASES["bowl"]
    options = {**OPTIONS.get(name, {}), "maxiter": 20, **({"seed": 5} if name in ("fgd", "fomoh", "fomoh-kd") else {})}
    calls = []
    res = scipy.optimize.minimize(
        residual if name in RESIDUALS else f, start, method=OPTIMISERS[name], options=options, callback=calls.append
    )
    assert isinstance(res, scipy.optimize.OptimizeResult)
    np.testing.assert_array_equal(res.x, solve(name, "bowl", maxiter=20).x)
    assert len(calls) == res.nit


@pytest.mark.parametrize("name", OPTIMISERS)
def test_containers(name):
    f, residual, start, _ = CASES["bowl"]
    g = residual if name in RESIDUALS else f
    tree = {"a": start[:1], "b": [start[1:]]}
    joined = lambda p: g(np.concatenate([p["a"], p["b"][0]]))
    res = ho.minimize(joined, tree, method=name, options=OPTIONS.get(name), maxiter=8, seed=5)
    flat = solve(name, "bowl", maxiter=8)
    np.testing.assert_allclose(np.concatenate([res.x["a"], res.x["b"][0]]), flat.x, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_float32_stays_float32(name):
    f, residual, start, _ = CASES["bowl"]
    centre = CENTRE.astype(np.float32)
    half = np.float32(0.5)
    g = (lambda x: 2 * np.sinh(half * (x - centre))) if name in RESIDUALS else (lambda x: np.sum(np.cosh(x - centre)))
    res = ho.minimize(g, start.astype(np.float32), method=name, options=OPTIONS.get(name), maxiter=5, seed=5)
    assert res.x.dtype == np.float32
    assert f(res.x) < f(start)
