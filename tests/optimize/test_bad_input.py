"""Bad input ends in an error of hoad's that says what is wrong, or in ``success=False`` with the best point."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import hoad.optimize as ho
from hoad.errors import DTypeError, HoadError, NotScalarError, OptimizeError, ShapeError

X0 = np.array([-1.2, 1.0, 0.5])
RANDOM = ("fgd", "fomoh", "fomoh-kd")
SCALAR = [name for name in ho.OPTIMISERS if name not in ("gauss-newton", "levenberg-marquardt", "natural-gradient", "hessian-free")]
ANY = [*SCALAR, "L-BFGS-B", "Newton-CG", "trust-exact"]


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def run(method, f=rosenbrock, x0=X0, maxiter=5, **given):
    options = {**({"seed": 0} if method in RANDOM else {}), **given.pop("options", {})}
    return ho.minimize(f, x0, method=method, options=options, maxiter=maxiter, **given)


# -- the objective -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ANY)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite_at_the_start(method, value):
    with np.errstate(all="ignore"), pytest.raises(OptimizeError, match="at the starting point, expected a finite number"):
        run(method, lambda x: np.sum(x) * 0 + value)


def wall(x):
    """Falls towards a region where it is NaN."""
    return np.sum(np.where(np.abs(x) < 1.3, x * x, np.nan)) - 10 * x[0]


@pytest.mark.parametrize("method", ANY)
def test_nan_on_the_way_keeps_the_best_point(method):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        result = run(method, wall, np.array([0.5, 0.2, 0.1]), 40)
    assert np.isfinite(result.fun)
    assert result.fun == wall(result.x) <= wall(np.array([0.5, 0.2, 0.1]))
    assert result.message


@pytest.mark.parametrize("method", SCALAR)
def test_derivative_that_is_not_finite_at_the_start(method):
    with np.errstate(all="ignore"):
        result = run(method, lambda x: np.sum(np.sqrt(x)), np.zeros(3))
    assert not result.success
    assert "not finite" in result.message
    assert result.fun == 0.0
    np.testing.assert_array_equal(result.x, 0.0)


@pytest.mark.parametrize("method", ANY)
@pytest.mark.parametrize("f", [lambda x: x**2, lambda x: np.sum(x, keepdims=True), lambda x: [x[0], x[1]]], ids="ask")
def test_an_objective_that_is_no_scalar(method, f):
    with pytest.raises((NotScalarError, DTypeError)):
        run(method, f)


@pytest.mark.parametrize("method", ANY)
def test_a_complex_objective(method):
    with pytest.raises((NotScalarError, DTypeError)):
        run(method, lambda x: np.sum(x) * (1 + 1j))


@pytest.mark.parametrize("method", [m for m in ANY if m not in ("sgd", "adam", "adamw", "rmsprop", "adagrad", "lion")])
def test_a_complex_point(method):
    with pytest.raises(DTypeError, match="works on real variables, but the point has dtype complex128"):
        run(method, lambda x: np.sum(np.abs(x) ** 2), X0 * 1j)


@pytest.mark.parametrize("method", ["sgd", "adam"])
def test_first_order_methods_take_complex_points(method):
    x0 = X0 + 1j
    result = run(method, lambda x: np.sum(np.abs(x) ** 2), x0, options={"lr": 0.1})
    assert result.fun < np.sum(np.abs(x0) ** 2)
    assert np.any(result.x.imag != 1.0)


@pytest.mark.parametrize("method", SCALAR)
def test_a_constant_objective_stays(method):
    result = run(method, lambda x: 3.0)
    np.testing.assert_array_equal(result.x, X0)
    assert result.fun == 3.0
    assert "not finite" not in result.message


# -- interruption and budget ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ANY)
@pytest.mark.parametrize("where", ["objective", "callback"])
def test_an_interruption_keeps_the_best_point(method, where):
    seen, calls = [], [0]

    def tick():
        calls[0] += 1
        if calls[0] == 7:
            raise KeyboardInterrupt

    def f(x):
        value = rosenbrock(x)
        if where == "objective":
            tick()
        return value

    def callback(intermediate_result):
        seen.append(intermediate_result.fun)
        if where == "callback":
            tick()

    options = {"lr": 1e-4} if method in ("sgd", "fgd") else {}  # by default they diverge here before the seventh call
    result = run(method, f, callback=callback, maxiter=60, options=options)
    assert (result.success, result.message) == (False, "Interrupted; the best point found so far is returned.")
    assert result.fun == pytest.approx(rosenbrock(result.x), rel=1e-12)
    assert result.fun <= min([rosenbrock(X0), *seen])


@pytest.mark.parametrize("method", SCALAR)
@pytest.mark.parametrize("budget", [{"maxiter": 2}, {"maxiter": 0}, {"time_limit": 0.0}])
def test_an_exhausted_budget(method, budget):
    result = run(method, **budget)
    assert not result.success
    assert "exhausted" in result.message or "time limit" in result.message
    assert result.fun <= rosenbrock(X0)


@pytest.mark.parametrize("method", ["adam", "fomoh-kd", "lbfgs", "L-BFGS-B", "Newton-CG"])
@pytest.mark.parametrize(
    "given",
    [
        *({"maxiter": value} for value in (-1, 2.5, "many")),
        *({"tol": value} for value in (np.nan, "small")),
        *({"time_limit": value} for value in (-1.0, np.nan)),
    ],
    ids=str,
)
def test_limits_that_are_none(method, given):
    with pytest.raises(OptimizeError, match=f"^{next(iter(given))} = "):
        run(method, **given)


@pytest.mark.parametrize("method", SCALAR)
@pytest.mark.parametrize("options", [{"target": "low"}, {"maxiter": -1}, {"tol": np.nan}], ids=str)
def test_limits_among_the_options(method, options):
    with pytest.raises(OptimizeError, match=f"^{next(iter(options))} = "):
        ho.minimize(rosenbrock, X0, method=method, options=options)


@pytest.mark.parametrize("method", SCALAR)
def test_a_state_that_is_none(method):
    with pytest.raises(OptimizeError, match=r"^state is int, expected result\.state"):
        run(method, state=3)


# -- directions ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", RANDOM)
@pytest.mark.parametrize("k", [0, -1, 1.5, np.nan, True, np.array(0)])
def test_numbers_of_directions(method, k):
    with pytest.raises(OptimizeError, match=r"^k = .*, expected a whole number, at least 1"):
        run(method, options={"k": k})


def test_more_directions_than_variables():
    with pytest.raises(OptimizeError, match=r"expected 1 <= k <= 3"):
        run("fomoh-kd", options={"k": 4})
    with pytest.raises(OptimizeError, match=r"^k = 0 directions"):
        run("fomoh-kd", options={"k": lambda count: 0})


def test_whole_numbers_of_any_type_and_schedules():
    same = [run("fomoh-kd", options={"k": k}).history["loss"] for k in (2, 2.0, np.int64(2), np.array(2), lambda count: 2.9)]
    assert all(np.array_equal(loss, same[0]) for loss in same)


def entries(value):
    return lambda rng, shape: np.full(shape, value)


@pytest.mark.parametrize("method", RANDOM)
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"distribution": "gauss"}, OptimizeError, "distribution 'gauss' is unknown"),
        ({"distribution": None}, OptimizeError, "distribution None is unknown"),
        ({"distribution": entries(0.0)}, OptimizeError, "direction 0 is zero"),
        ({"distribution": entries(np.nan)}, OptimizeError, "not finite, the first in row 0"),
        ({"distribution": entries(1j)}, DTypeError, "dtype complex128, expected real numbers"),
        ({"distribution": lambda rng, shape: np.ones(3)}, ShapeError, r"returned shape \(3,\)"),
        ({"replay": np.zeros((5, 1, 3))}, OptimizeError, "direction 0 is zero"),
        ({"replay": np.full((5, 1, 3), np.inf)}, OptimizeError, "not finite"),
        ({"replay": np.ones((2, 1, 2))}, ShapeError, r"shape \(2, 1, 2\), expected \(steps, K, 3\)"),
        ({"replay": np.ones(3)}, ShapeError, r"shape \(3,\), expected"),
        ({"replay": np.ones((2, 1, 3))}, OptimizeError, "directions for 2 steps and no more. Set maxiter=2"),
        ({"seed": "a"}, OptimizeError, "^seed 'a', expected a whole number"),
        ({"seed": -1}, OptimizeError, "^seed -1"),
        ({"lr": np.nan}, OptimizeError, "found nan, expected a finite number"),
        ({"lr": None}, OptimizeError, "found None, expected"),
        ({"lr": "linear"}, OptimizeError, "schedule 'linear' needs its numbers"),
        ({"lr": "cosine"}, OptimizeError, "did you mean 'cosine_decay'"),
        ({"lr": {"schedule": "linear", "init": 1.0, "end": 0.0, "step": 3}}, OptimizeError, "unexpected keyword argument 'step'"),
    ],
)
def test_options(method, options, error, message):
    with pytest.raises(error, match=message):
        run(method, options=options)


@pytest.mark.parametrize("method", ["fgd", "fomoh-kd"])
@pytest.mark.parametrize("batch", [0, -1, 1.5, "all"])
def test_batches(method, batch):
    with pytest.raises(OptimizeError, match=r"^batch = .*, expected a whole number"):
        run(method, options={"batch": batch})


@pytest.mark.parametrize(
    "options",
    [
        *({"damping": value} for value in (-1.0, np.nan)),
        {"sharpness": 0.0},
        *({"max_step": value} for value in (0.0, np.nan)),
        *({"clip": value} for value in (-1.0, np.nan)),
    ],
    ids=str,
)
def test_numbers_of_the_hyperplane_search(options):
    name = next(iter(options))
    with pytest.raises(OptimizeError, match=f"^{name} = "):
        ho.hyperplane_search(**options)


# -- estimators ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimate", [ho.forward_gradient, ho.curvature_matrix])
@pytest.mark.parametrize(
    ("V", "error", "message"),
    [
        (np.zeros((0, 3)), ShapeError, "expected .K, 3. with K >= 1"),
        (np.ones((2, 2)), ShapeError, "expected .K, 3."),
        (np.ones(3), ShapeError, "expected .K, 3."),
        ([[1.0, 2.0], [1.0, 2.0, 3.0]], ShapeError, "rows of different lengths"),
        (np.full((2, 3), np.nan), OptimizeError, "not finite, the first in row 0"),
        (1j * np.ones((2, 3)), DTypeError, "complex128"),
        (np.array([["a", "b", "c"]]), DTypeError, "expected real numbers"),
    ],
)
def test_blocks_of_directions(estimate, V, error, message):
    with pytest.raises(error, match=message):
        estimate(rosenbrock, X0, V)


@pytest.mark.parametrize("directions", [0, -2, 1.5, "three", None, True])
def test_numbers_of_drawn_directions(directions):
    with pytest.raises(OptimizeError, match=r"^directions = .*, expected a whole number"):
        ho.forward_gradient(rosenbrock, X0, directions)


@pytest.mark.parametrize("estimate", [ho.forward_gradient, ho.curvature_matrix])
@pytest.mark.parametrize("f", [lambda x: x, lambda x: (x[0], x[1]), lambda x: np.sum(x) * 1j], ids=["array", "tuple", "complex"])
def test_estimates_of_what_is_no_real_scalar(estimate, f):
    with pytest.raises(NotScalarError):
        estimate(f, X0, np.eye(3))


@pytest.mark.parametrize("estimate", [ho.forward_gradient, ho.curvature_matrix])
def test_estimates_at_complex_and_whole_points(estimate):
    with pytest.raises(DTypeError, match="works on real variables"):
        estimate(lambda x: np.sum(np.abs(x)), X0 * 1j, np.eye(3))
    with pytest.raises(DTypeError, match="dtype int64"):
        estimate(rosenbrock, np.arange(3), np.eye(3))


def test_the_norm_of_tiny_and_huge_leaves():
    for scale in (1e-200, 1.0, 1e200):
        assert ho.global_norm({"w": scale * np.array([1.0, 2.0]), "b": 2.0 * scale}) == pytest.approx(3.0 * scale, rel=1e-15)
    assert ho.global_norm([]) == 0.0
    assert ho.global_norm(np.zeros(0)) == 0.0
    assert ho.global_norm(np.array([3.0 + 4.0j])) == 5.0
    assert np.isinf(ho.global_norm(np.array([np.inf, 1.0])))
    assert np.isnan(ho.global_norm(np.array([np.nan, 1.0])))


def test_a_callers_own_errors_pass_through():
    for method in ANY:
        with pytest.raises(ZeroDivisionError):
            run(method, lambda x: 1 / 0)
    assert issubclass(OptimizeError, HoadError)
