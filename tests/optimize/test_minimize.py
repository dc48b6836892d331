"""The driver: SciPy's methods with exact derivatives, callbacks, limits, interruptions, points that are not finite, bad input."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
import warnings
from collections import Counter

import numpy as np
import pytest
import scipy.optimize

import hoad
import hoad.optimize as ho
from hoad import errors
from hoad.optimize.scipy_methods import SCIPY_METHODS

X0 = np.array([-1.2, 1.0, 0.5])
OWN = ["fomoh-kd", "adam", "lbfgs"]


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def bowl(x):
    return np.sum(np.cosh(x - 1.0))


def spied(monkeypatch):
    """What scipy.optimize.minimize was given."""
    given = {}
    real = scipy.optimize.minimize

    def spy(fun, x0, **keywords):
        given.update(keywords, fun=fun)
        return real(fun, x0, **keywords)

    monkeypatch.setattr(scipy.optimize, "minimize", spy)
    return given


def test_every_method_of_scipy_is_listed():
    assert set(SCIPY_METHODS) == set(scipy.optimize._minimize.MINIMIZE_METHODS)


@pytest.mark.parametrize("name", SCIPY_METHODS)
def test_scipy_methods_receive_exact_derivatives(name, monkeypatch):
    given = spied(monkeypatch)
    start = X0 if name != "dogleg" else np.array([0.9, 0.8, 0.7])  # dogleg needs positive definite Hessians
    f = bowl if name in ("cobyla", "dogleg", "cobyqa") else rosenbrock
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # SciPy warns of derivatives that a method does not use
        res = ho.minimize(f, start, method=name, maxiter=2000)
    assert res.fun - f(np.ones(3)) < 1e-4
    assert set(SCIPY_METHODS[name]) == {key for key in ("jac", "hess", "hessp") if key in given}
    x, v = np.array([0.3, -0.4, 0.7]), np.array([1.0, 2.0, -1.0])
    if "jac" in given:
        np.testing.assert_allclose(given["jac"](x), hoad.grad(f)(x), rtol=1e-12)
    if "hessp" in given:
        np.testing.assert_allclose(given["hessp"](x, v), hoad.hvp(f, x, v), rtol=1e-12)
        assert res.nhvp > 0
    if "hess" in given:
        np.testing.assert_allclose(given["hess"](x), hoad.hessian(f)(x), rtol=1e-12)
        assert res.nhev > 0
    assert res.nfev > 0
    assert len(res.history["loss"]) > 1
    assert res.history["loss"][0] == f(start)
    assert np.min(res.history["loss"]) >= res.fun
    if res.jac is not None:
        np.testing.assert_allclose(res.jac, hoad.grad(f)(res.x), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["BFGS", "Newton-CG", "trust-exact", "Nelder-Mead"])
def test_scipy_methods_with_containers(name):
    f = lambda p: rosenbrock(np.append(p["a"], p["b"]))
    seen = []
    res = ho.minimize(f, {"a": X0[:1], "b": X0[1:]}, method=name, callback=seen.append)
    flat = ho.minimize(rosenbrock, X0, method=name)
    np.testing.assert_allclose(np.append(res.x["a"], res.x["b"]), flat.x, rtol=1e-5)
    assert seen[0]["b"].shape == (2,)


def test_bounds_and_constraints_get_exact_jacobians(monkeypatch):
    given = spied(monkeypatch)
    circle = lambda x: 1.0 - np.sum(x**2)
    for name, constraint in (
        ("SLSQP", {"type": "ineq", "fun": circle}),
        ("trust-constr", scipy.optimize.NonlinearConstraint(circle, 0.0, np.inf)),
    ):
        res = ho.minimize(rosenbrock, np.zeros(2), method=name, constraints=constraint)
        np.testing.assert_allclose(res.x, [0.786415, 0.617698], atol=1e-3)
        passed = given["constraints"][0]
        jac = passed["jac"] if isinstance(passed, dict) else passed.jac
        np.testing.assert_allclose(np.ravel(jac(np.array([0.5, 0.25]))), [-1.0, -0.5])
        if not isinstance(passed, dict):
            np.testing.assert_allclose(passed.hess(np.array([0.5, 0.25]), np.array([3.0])), -6 * np.eye(2))
    res = ho.minimize(rosenbrock, np.zeros(2), method="L-BFGS-B", bounds=[(-1.0, 0.5), (-1.0, 1.0)])
    np.testing.assert_allclose(res.x, [0.5, 0.25], atol=1e-6)


def test_args_and_a_gradient_of_ones_own():
    f = lambda x, a: np.sum((x - a) ** 2)
    jac = lambda x, a: 2.0 * (x - a)
    for method in ("BFGS", "lbfgs", "fomoh-kd"):
        np.testing.assert_allclose(ho.minimize(f, X0, args=(2.0,), method=method, seed=0).x, 2.0, atol=1e-6)
    counted = Counter()

    def opaque(x):
        counted["f"] += 1
        return float(np.sum((np.asarray(x) - 2.0) ** 2))  # cannot be traced

    np.testing.assert_allclose(ho.minimize(opaque, X0, method="lbfgs", jac=lambda x: jac(x, 2.0)).x, 2.0, atol=1e-6)
    assert counted["f"] > 0


@pytest.mark.parametrize("method", [*OWN, "BFGS", "L-BFGS-B", "TNC", "trust-constr", "Nelder-Mead", "SLSQP"])
def test_callback_sees_every_iterate_and_may_stop(method):
    seen = []

    def callback(intermediate_result):
        seen.append((intermediate_result.x.copy(), intermediate_result.fun))
        if len(seen) == 3:
            raise StopIteration

    res = ho.minimize(rosenbrock, X0, method=method, callback=callback, seed=0)
    assert len(seen) == 3
    assert not res.success
    assert res.status == 99
    assert "StopIteration" in res.message
    for x, fun in seen:
        assert rosenbrock(x) == pytest.approx(fun, rel=1e-14)
    assert res.fun <= min(fun for _, fun in seen)
    assert rosenbrock(res.x) == pytest.approx(res.fun, rel=1e-14)
    at = []
    ho.minimize(rosenbrock, X0, method=method, callback=lambda xk: at.append(xk), maxiter=5, seed=0)
    np.testing.assert_array_equal(at[0], seen[0][0])


@pytest.mark.parametrize("method", OWN)
def test_an_exhausted_budget_says_so(method):
    res = ho.minimize(rosenbrock, X0, method=method, maxiter=3, seed=0)
    assert (res.success, res.status, res.nit) == (False, 1, 3)
    assert res.message == "The budget of 3 iterations is exhausted."
    assert res.fun == np.min(res.history["loss"]) == rosenbrock(res.x)
    assert len(res.history["loss"]) == 4


@pytest.mark.parametrize("method", [*OWN, "BFGS", "TNC"])
def test_time_limit(method):
    res = ho.minimize(rosenbrock, X0, method=method, time_limit=0.0, seed=0)
    assert (res.success, res.status) == (False, 3)
    assert res.message == "The time limit of 0 s is reached."
    assert res.fun == rosenbrock(res.x)


def test_target():
    res = ho.minimize(rosenbrock, X0, method="lbfgs", options={"target": 1.0})
    assert res.success
    assert 0.01 < res.fun <= 1.0


@pytest.mark.parametrize("method", [*OWN, "BFGS", "Nelder-Mead", "TNC"])
def test_the_best_point_survives_an_interruption(method):
    calls = Counter()

    def f(x):
        calls["f"] += 1
        if calls["f"] == 15:
            raise KeyboardInterrupt
        return rosenbrock(x)

    res = ho.minimize(f, X0, method=method, options={"lr": 0.1} if method == "adam" else None, seed=0)
    assert not res.success
    assert res.status == 5
    assert res.message.startswith("Interrupted; the best point found so far is returned.")
    assert res.fun == rosenbrock(res.x) < rosenbrock(X0)
    if method in OWN:  # and the run can go on
        more = ho.minimize(
            rosenbrock, X0, method=method, options={"lr": 0.1} if method == "adam" else None, state=res.state, maxiter=50, seed=0
        )
        assert more.fun < res.fun


def test_steps_to_points_that_are_not_finite_are_halved():
    f = lambda x: np.sum(x - np.log(x))
    res = ho.minimize(f, np.array([3.0]), method="sgd", options={"lr": ho.schedules.piecewise_constant(10.0, {1: 0.01})})
    assert res.history["halved"][0] == 2
    assert res.history["step_norm"][0] == pytest.approx(10 * (1 - 1 / 3) / 4)
    assert np.all(np.isfinite(res.history["loss"]))
    assert res.x == pytest.approx(1.0, abs=1e-4)
    assert "2 steps to points that are not finite were halved or skipped." in res.message


def test_a_wall_that_cannot_be_passed_ends_the_run():
    f = lambda x: np.sum(np.where(x == 3.0, 1.0, np.nan) * x)
    res = ho.minimize(f, np.array([3.0]), method="sgd", options={"lr": 1e9})
    assert (res.success, res.status) == (False, 4)
    assert res.x == 3.0
    assert res.message.startswith("No finite value was found within 60 halvings of the last step.")


def test_random_steps_that_are_not_finite_are_skipped():
    """Curvature zero along every other axis makes the paper's step infinite there."""
    f = lambda x: x[0] ** 2 + x[1]
    res = ho.minimize(
        f, np.array([3.0, 0.0]), method="fomoh", options={"eps": 0.0, "distribution": "coordinate"}, maxiter=10, seed=0
    )
    assert np.nansum(res.history["skipped"]) >= 1
    assert res.x[0] == pytest.approx(0.0, abs=1e-12)
    assert np.all(np.isfinite(res.history["loss"]))


@pytest.mark.parametrize("method", [*OWN, "fomoh", "fgd", "BFGS", "trust-exact"])
def test_a_start_that_is_not_finite_is_an_error(method):
    with pytest.raises(errors.OptimizeError, match="the objective is nan at the starting point, expected a finite number"):
        ho.minimize(lambda x: np.sum(x) * np.nan, X0, method=method)


@pytest.mark.parametrize("method", [*OWN, "fomoh", "fgd", "fomoh-bp", "hessian-free", "BFGS", "Nelder-Mead", "trust-exact"])
def test_an_array_objective_is_an_error(method):
    if method == "hessian-free":
        loss = lambda y: y
        with pytest.raises(errors.NotScalarError):
            ho.minimize(lambda x: x**2, X0, method=method, options={"loss": loss})
        return
    with pytest.raises(errors.NotScalarError, match=r"returned .*\(3,\)"):
        ho.minimize(lambda x: x**2, X0, method=method)


@pytest.mark.parametrize("method", ["gauss-newton", "levenberg-marquardt", "natural-gradient"])
def test_a_scalar_residual_is_an_error(method):
    with pytest.raises(errors.OptimizeError, match=f"^{method} was given a function that returns a scalar, expected a residual"):
        ho.minimize(rosenbrock, X0, method=method)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ho.minimize(rosenbrock, X0, method="adm"), errors.OptimizeError, "did you mean 'adam'"),
        (lambda: ho.minimize(rosenbrock, X0, method="newton"), errors.OptimizeError, "newton-cg"),
        (lambda: ho.minimize(rosenbrock, X0, method=3), errors.OptimizeError, "method 3 is unknown"),
        (
            lambda: ho.minimize(rosenbrock, X0, method="fomoh-kd", options={"kk": 2}),
            errors.OptimizeError,
            "option of method 'fomoh-kd' 'kk' is unknown, expected one of .*: did you mean 'k'",
        ),
        (
            lambda: ho.minimize(rosenbrock, X0, method="fomoh-kd", options={"k": 4}),
            errors.OptimizeError,
            r"^k = 4 directions in a space of 3 dimensions, expected 1 <= k <= 3: further directions span nothing new. Use k=3",
        ),
        (lambda: ho.minimize(bowl, X0, method="fomoh-kd", options={"k": 0}), errors.OptimizeError, "^k = 0, expected a whole"),
        (lambda: ho.forward_gradient(rosenbrock, X0, 0), errors.OptimizeError, "^directions = 0, expected a whole"),
        (lambda: ho.forward_gradient(bowl, X0, distribution="gauss"), errors.OptimizeError, "distribution 'gauss' is unknown"),
        (lambda: ho.forward_gradient(rosenbrock, X0, combine="sum"), errors.OptimizeError, "combine 'sum' is unknown"),
        (lambda: ho.forward_gradient(bowl, X0, 4, distribution="orthonormal"), errors.ShapeError, "4 orthonormal directions in 3"),
        (lambda: ho.fgd(distribution="radmacher"), errors.OptimizeError, "did you mean 'rademacher'"),
        (lambda: ho.fomoh_kd(curvature="absolute"), errors.OptimizeError, "curvature 'absolute' is unknown"),
        (lambda: ho.fomoh_kd(line_search="wolfe"), errors.OptimizeError, "line_search 'wolfe' is unknown"),
        (lambda: ho.lbfgs(line_search="wolfe"), errors.OptimizeError, "did you mean 'strong-wolfe'"),
        (lambda: ho.adam("cosine"), errors.OptimizeError, "'cosine' is unknown, expected one of .*did you mean 'cosine_decay'"),
        (lambda: ho.adam({"schedule": "lineer"}), errors.OptimizeError, "did you mean 'linear'"),
        (lambda: ho.adam("linear"), errors.OptimizeError, "schedule 'linear' needs its numbers"),
        (lambda: ho.minimize(bowl, X0, method="adam", bounds=[(0, 1)] * 3), errors.OptimizeError, "handles neither bounds nor"),
        (lambda: ho.root(np.sin, X0, method="hybrd"), errors.OptimizeError, "did you mean 'hybr'"),
        (lambda: ho.least_squares(np.sin, X0, method="marquardt"), errors.OptimizeError, "did you mean 'levenberg-marquardt'"),
        (lambda: ho.minimize(rosenbrock, np.array([1, 2]), method="adam"), errors.DTypeError, "dtype int64"),
        (lambda: ho.adamw(0.1).update(1.0, ho.adamw(0.1).init(1.0)), errors.OptimizeError, "weight decay needs the parameters"),
        (lambda: ho.apply_updates(X0, np.ones(2)), errors.ShapeError, "updates has shape"),
        (lambda: ho.schedules.join([abs], [3]), errors.OptimizeError, "1 schedules with 1 boundaries"),
    ],
)  # fmt: skip
def test_bad_input_is_a_typed_error(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_state_belongs_to_its_method():
    res = ho.minimize(rosenbrock, X0, method="adam", maxiter=2)
    with pytest.raises(errors.OptimizeError, match="state belongs to method 'adam', expected 'lbfgs'"):
        ho.minimize(rosenbrock, X0, method="lbfgs", state=res.state)


def test_transforms_and_methods_of_ones_own():
    chained = ho.chain(ho.clip_by_global_norm(1.0), ho.add_decayed_weights(1e-3), ho.adam(0.1))
    assert ho.minimize(bowl, X0, method=chained, maxiter=300).fun < bowl(X0) - 1
    assert ho.minimize(bowl, X0, method=ho.fomoh_kd(k=3, seed=1)).success
    foreign = lambda fun, x0, **options: scipy.optimize.OptimizeResult(x=x0, fun=fun(x0), success=True)
    assert ho.minimize(bowl, X0, method=foreign).fun == bowl(X0)


def test_schedules_by_name():
    options = {"lr": {"schedule": "linear", "init": 0.2, "end": 0.0, "steps": 10}}
    res = ho.minimize(bowl, X0, method="adam", options=options, maxiter=15)
    assert res.history["step_norm"][0] > 0.1
    assert res.history["step_norm"][-1] == 0.0


def test_results_pickle_and_plot(monkeypatch):
    res = ho.minimize(rosenbrock, X0, method="fomoh-kd", seed=0, maxiter=20)
    again = pickle.loads(pickle.dumps(res))
    np.testing.assert_array_equal(again.x, res.x)
    assert isinstance(again, ho.Result)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    from matplotlib import pyplot

    try:
        ax = again.plot(label="hyperplane")
        assert ax.get_yscale() == "log"
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), res.history["loss"])
        assert again.plot(ax, key="step_norm") is ax
    finally:
        pyplot.close("all")


@pytest.mark.parametrize("method", ["adam", "BFGS"])
def test_progress_is_shown_on_a_terminal_only(method, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        ho.minimize(rosenbrock, X0, method=method, maxiter=5, progress=True)
        assert ("loss=" in stream.getvalue()) is shown


def test_counts_are_those_of_the_function():
    calls = Counter()

    def f(x):
        calls["f"] += 1
        return rosenbrock(x)

    res = ho.minimize(f, X0, method="fomoh-kd", options={"k": 2, "curvature": "raw"}, maxiter=7, tol=-1.0, seed=0)
    assert res.passes == calls["f"] == 8  # seven jets and the value of the last point
    assert (res.njvp, res.nhyperdual, res.njev) == (14, 21, 0)
    res = ho.minimize(rosenbrock, X0, method="adam", maxiter=7, tol=-1.0)
    assert (res.nfev, res.njev, res.passes) == (8, 8, 8)


def test_nothing_heavy_is_imported_before_it_is_used():
    code = (
        "import sys, hoad; a = 'scipy.optimize' in sys.modules; hoad.optimize.adam; "
        "print(a, 'scipy.optimize' in sys.modules, [m for m in ('matplotlib', 'tqdm') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False True []"
    with pytest.raises(AttributeError, match="optimise"):
        hoad.optimise


def test_public_names_exist_and_are_sorted():
    assert ho.__all__ == sorted(ho.__all__, key=lambda n: (not n.isupper(), not n[0].isupper(), n))
    for name in ho.__all__:
        assert getattr(ho, name).__doc__ or name == "OPTIMISERS"
