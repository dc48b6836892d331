"""Implicit derivatives of SciPy's solvers: closed forms, all methods, bounds, bad input."""

import numpy as np
import pytest
import scipy.optimize

import hoad
import hoad.scipy.optimize as optimize
from hoad.errors import ClosureError, ImplicitError, SolverError


def close(found, expected, tolerance=1e-10):
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * max(1.0, np.abs(expected).max()), np.abs(found - expected).max()


# -- roots ----------------------------------------------------------------------------------------------------------------


def equations(x, a):
    return hoad.numpy.array([x[0] ** 2 + x[1] - a[0], x[1] ** 3 + x[0] - a[1]])


PARAMETERS = np.array([3.0, 2.0])


def exact_jacobian(x):
    return np.linalg.inv(np.array([[2 * x[0], 1.0], [1.0, 3 * x[1] ** 2]]))


@pytest.mark.parametrize("method", ["hybr", "lm", "broyden1", "krylov", "df-sane"])
def test_root(method):
    f = lambda a: optimize.root(equations, [1.3, 1.0], (a,), method).x
    native = scipy.optimize.root(equations, [1.3, 1.0], (PARAMETERS,), method).x
    value, _ = hoad.jvp(f, (PARAMETERS,), (PARAMETERS,))
    assert np.array_equal(value, native)
    x = scipy.optimize.root(equations, [1.3, 1.0], (PARAMETERS,), tol=1e-14).x
    for jacobian in (hoad.jacfwd, hoad.jacrev):
        close(jacobian(f)(PARAMETERS), exact_jacobian(x), 1e-9)
    ways = [
        hoad.hessian(lambda a: f(a)[0]),
        hoad.jacrev(hoad.grad(lambda a: f(a)[0])),
        hoad.jacfwd(hoad.grad(lambda a: f(a)[0])),
    ]
    inverse = exact_jacobian(x)
    second = np.array([np.diag([2.0, 0.0]), np.diag([0.0, 6 * x[1]])])
    expected = -np.einsum("i,ijk,jl,km->lm", inverse[0], second, inverse, inverse)
    for way in ways:
        close(way(PARAMETERS), expected, 1e-9)


def test_root_with_its_jacobian_and_lists():
    def both(x, a):
        return [x[0] - a**2], [[1.0]]

    assert optimize.root(both, [0.0], (2.0,), jac=True).x == pytest.approx(4.0)
    close(hoad.grad(lambda a: optimize.root(lambda x, a: [x[0] - a**2], [0.0], a, jac=lambda x, a: [[1.0]]).x[0])(2.0), 4.0)
    close(hoad.grad(lambda a: optimize.root(both, [0.0], (a,), jac=True).x[0])(2.0), 4.0)


SCALAR_SOLVERS = {
    **{
        name: lambda a, name=name: getattr(optimize, name)(lambda x, a: x**3 - a, 0.0, 5.0, (a,))
        for name in ("brentq", "brenth", "ridder", "bisect", "toms748")
    },
    "newton": lambda a: optimize.newton(lambda x: x**3 - a, 1.0),
    "newton, derivative": lambda a: optimize.newton(lambda x: x**3 - a, 1.0, lambda x: 3 * x**2),
    "root_scalar": lambda a: optimize.root_scalar(lambda x: x**3 - a, bracket=(0, 5)).root,
    "root_scalar, secant": lambda a: optimize.root_scalar(lambda x: x**3 - a, x0=1.0, x1=1.5, method="secant").root,
    "root_scalar, halley": lambda a: (
        optimize.root_scalar(lambda x: x**3 - a, x0=1.0, fprime=lambda x: 3 * x * x, fprime2=lambda x: 6 * x, method="halley").root
    ),
    "fsolve": lambda a: optimize.fsolve(lambda x: x**3 - a, 1.0)[0],
    "fixed_point": lambda a: optimize.fixed_point(lambda x: (2 * x + a / x**2) / 3, 1.0),
    "minimize_scalar": lambda a: optimize.minimize_scalar(lambda x: x**4 / 4 - a * x, bracket=(0.5, 3.0)).x,
    "minimize": lambda a: optimize.minimize(lambda x: x[0] ** 4 / 4 - a * x[0], [1.0]).x[0],
    "least_squares": lambda a: optimize.least_squares(lambda x: x**3 - a, [1.0]).x[0],
}


@pytest.mark.parametrize("name", SCALAR_SOLVERS)
def test_cube_root_to_order_four_in_every_mode(name):
    f = SCALAR_SOLVERS[name]
    expected = hoad.taylor(np.cbrt, np.float64(8.0), 1.0, 4)
    found = hoad.taylor(f, np.float64(8.0), 1.0, 4)
    close(found[1:], expected[1:], 1e-9)
    close(hoad.grad(hoad.grad(hoad.grad(f)))(8.0), 6 * expected[3], 1e-9)
    close(hoad.jacfwd(hoad.jacrev(f))(8.0), 2 * expected[2], 1e-9)
    a = np.array([1.5, 8.0])
    close(hoad.vmap(hoad.grad(f))(a), 1 / (3 * np.cbrt(a) ** 2), 1e-9)


@pytest.mark.parametrize("name", SCALAR_SOLVERS)
def test_value_is_bitwise_that_of_scipy(name, monkeypatch):
    value, _ = hoad.jvp(SCALAR_SOLVERS[name], (8.0,), (1.0,))
    plain = SCALAR_SOLVERS[name](8.0)
    assert value == plain
    monkeypatch.setattr(__import__(__name__, fromlist=["optimize"]), "optimize", scipy.optimize)
    assert value == SCALAR_SOLVERS[name](8.0)


def test_newton_on_an_array_is_elementwise():
    a = np.array([1.0, 4.0, 9.0])
    f = lambda a: optimize.newton(lambda x, a: x * x - a, np.ones(3), args=(a,))
    close(hoad.jacobian(f)(a), np.diag(0.5 / np.sqrt(a)))
    close(hoad.hessian(lambda a: np.sum(f(a)))(a), np.diag(-0.25 * a**-1.5))


def test_full_output():
    def f(a):
        x, report = optimize.brentq(lambda x: x**3 - a, 0, 5, full_output=True)
        y, info, flag, message = optimize.fsolve(lambda x: x**3 - a, 1.0, full_output=True)
        assert report.converged
        assert flag == 1
        return x + y[0]

    close(hoad.grad(f)(8.0), 2 / 12)
    result = optimize.root_scalar(lambda x: x**3 - 8, bracket=(0, 5))
    assert result.converged
    assert isinstance(result.root, float)


# -- minima ---------------------------------------------------------------------------------------------------------------


def objective(x, a):
    return np.sum((x[:2] - a) ** 2) + (x[0] * x[1] - 1) ** 2 + np.exp(x[0] - a[1])


A0 = np.array([0.4, 0.9])


def exact_minimum(a):
    x = np.zeros(2)
    for _ in range(60):
        x = x - np.linalg.solve(hoad.hessian(objective)(x, a), hoad.grad(objective)(x, a))
    return x


METHODS = (
    None,
    "Nelder-Mead",
    "Powell",
    "CG",
    "BFGS",
    "Newton-CG",
    "L-BFGS-B",
    "TNC",
    "COBYLA",
    "COBYQA",
    "SLSQP",
    "trust-constr",
    "dogleg",
    "trust-ncg",
    "trust-exact",
    "trust-krylov",
)


@pytest.mark.parametrize("method", METHODS)
def test_minimize(method):
    x = exact_minimum(A0)
    mixed = hoad.jacfwd(hoad.grad(objective), 1)(x, A0)
    jacobian = -np.linalg.solve(hoad.hessian(objective)(x, A0), mixed)
    f = lambda a: optimize.minimize(objective, [0.1, 0.2], (a,), method)
    close(hoad.jacobian(lambda a: f(a).x)(A0), jacobian, 1e-9)
    close(hoad.grad(lambda a: f(a).fun)(A0), hoad.grad(objective, 1)(x, A0), 1e-9)
    second = hoad.jacfwd(hoad.grad(objective, 1), 1)(x, A0) + mixed.T @ jacobian
    close(hoad.hessian(lambda a: f(a).fun)(A0), second, 1e-9)
    if method in (None, "CG", "Nelder-Mead", "SLSQP"):
        native = scipy.optimize.minimize(objective, [0.1, 0.2], (A0,), method)
        found = hoad.jvp(lambda a: (f(a).x, f(a).fun), (A0,), (A0,))[0]
        assert np.array_equal(found[0], native.x)
        assert found[1] == native.fun


@pytest.mark.parametrize("method", ["L-BFGS-B", "TNC", "SLSQP", "Nelder-Mead", "Powell"])
def test_bounds(method):
    """min (x - a)^2 + (y - x a)^2 + y^2 with x <= 1/2: the bound holds x for a = 2."""
    f = lambda x, a: (x[0] - a) ** 2 + (x[1] - x[0] * a) ** 2 + x[1] ** 2

    def solve(a, u):
        return optimize.minimize(f, [0.1, 0.1], (a,), method, bounds=[(None, u), (None, None)], tol=1e-10).x

    close(hoad.jacobian(lambda a: solve(a, 0.5))(2.0), [0.0, 0.25], 1e-7)
    close(hoad.jacobian(lambda u: solve(2.0, u))(0.5), [1.0, 1.0], 1e-7)
    close(hoad.jacobian(lambda a: solve(a, 90.0))(0.1), hoad.jacobian(lambda a: solve(a, 80.0))(0.1), 1e-9)


def test_bounds_that_hold_nothing_back_and_constraints_raise():
    f = lambda a: optimize.minimize(lambda x: np.sum((x - a) ** 2), [0.3], bounds=[(0.0, 1.0)], method="L-BFGS-B").x[0]
    with pytest.raises(SolverError, match="one-sided"):
        hoad.grad(f)(1.0)
    assert hoad.grad(f)(2.0) == 0
    assert hoad.grad(f)(0.5) == pytest.approx(1)
    with pytest.raises(SolverError, match="constraints"):
        hoad.grad(lambda a: optimize.minimize(lambda x: a * x[0], [0.3], constraints={"type": "eq", "fun": lambda x: x[0]}).fun)(
            1.0
        )


# -- fits -----------------------------------------------------------------------------------------------------------------

XS = np.linspace(0, 1, 8)
YS = 2 * np.exp(-1.3 * XS) + 0.05 * np.sin(17 * XS)
LOSSES = {
    "linear": lambda z: z,
    "soft_l1": lambda z: 2 * (np.sqrt(1 + z) - 1),
    "huber": lambda z: np.where(z <= 1, z, 2 * np.sqrt(z) - 1),
    "cauchy": np.log1p,
    "arctan": np.arctan,
}


def newton_fit(y, cost):
    p = scipy.optimize.least_squares(lambda p: p[0] * np.exp(-p[1] * XS) - y, [2.0, 1.3]).x
    for _ in range(30):
        p = p - np.linalg.solve(hoad.hessian(cost)(p, y), hoad.grad(cost)(p, y))
    return p


@pytest.mark.parametrize("loss", LOSSES)
def test_least_squares(loss):
    def cost(p, y):
        r = p[0] * np.exp(-p[1] * XS) - y
        return 0.5 * 0.01 * np.sum(LOSSES[loss]((r / 0.1) ** 2))

    p = newton_fit(YS, cost)
    expected = -np.linalg.solve(hoad.hessian(cost)(p, YS), hoad.jacfwd(hoad.grad(cost), 1)(p, YS))
    f = lambda y: optimize.least_squares(lambda p: p[0] * np.exp(-p[1] * XS) - y, [1.0, 1.0], loss=loss, f_scale=0.1)
    close(hoad.jacobian(lambda y: f(y).x)(YS), expected, 1e-8)
    close(hoad.grad(lambda y: f(y).cost)(YS), hoad.grad(cost, 1)(p, YS), 1e-8)


def test_least_squares_with_bounds_and_keywords():
    f = lambda y, u: (
        optimize.least_squares(
            lambda p, y=None: p[0] + p[1] * XS - y, [0.5, 0.0], bounds=([-9.0, -9.0], [u, 9.0]), kwargs={"y": y}
        ).x
    )
    jacobian = hoad.jacobian(lambda u: f(YS, u))(0.7)
    close(jacobian, [1.0, -np.sum(XS) / np.sum(XS**2)], 1e-7)
    close(hoad.jacobian(lambda y: f(y, 0.7))(YS)[1], XS / np.sum(XS**2), 1e-7)


def test_curve_fit_of_a_line_with_weights():
    s = np.linspace(0.5, 1.5, 8)

    def exact(y, s):
        x = np.stack([XS, np.ones(8)], 1) / s[:, None]
        inverse = np.linalg.inv(x.T @ x)
        p = inverse @ (x.T @ (y / s))
        return np.concatenate([p, np.ravel(inverse * np.sum((x @ p - y / s) ** 2) / 6)])

    def found(y, s):
        p, c = optimize.curve_fit(lambda x, a, b: a * x + b, XS, y, sigma=s)
        return np.concatenate([p, np.ravel(c)])

    for argument in (0, 1):
        close(hoad.jacobian(found, argument)(YS, s), hoad.jacobian(exact, argument)(YS, s), 1e-8)
    close(hoad.hessian(lambda y: found(y, s)[0] ** 2)(YS), hoad.hessian(lambda y: exact(y, s)[0] ** 2)(YS), 1e-8)
    absolute = lambda s: optimize.curve_fit(lambda x, a: a * x, XS, YS, [1.0], s, True)[1][0, 0]
    close(hoad.grad(absolute)(s), hoad.grad(lambda s: 1 / np.sum((XS / s) ** 2))(s), 1e-8)
    native = scipy.optimize.curve_fit(lambda x, a, b: a * x + b, XS, YS, sigma=s)
    assert np.array_equal(hoad.jvp(found, (YS, s), (YS, s))[0], np.concatenate([native[0], native[1].ravel()]))


# -- bad input ------------------------------------------------------------------------------------------------------------


def test_no_solution_raises():
    with pytest.raises(SolverError, match="did not converge"):
        hoad.grad(lambda a: optimize.root(lambda x: x**2 + a, [2.0]).x[0])(1.0)
    with pytest.raises(ValueError, match="different signs"):
        hoad.grad(lambda a: optimize.brentq(lambda x: x - a, 2, 3))(1.0)


@pytest.mark.parametrize(
    "f",
    [
        lambda a: optimize.root(lambda x: (x - 1) ** 2 - a, [2.0]).x[0],
        lambda a: optimize.root(lambda x: (x - 1 - a) ** 3, [2.0]).x[0],
        lambda a: optimize.minimize(lambda x: np.sum((x - 1 - a) ** 4), [2.0, 2.0]).x[0],
        lambda a: optimize.newton(lambda x: (x - 1) ** 2 - a, 2.0),
    ],
    ids=["double root", "triple root", "flat minimum", "newton"],
)
def test_multiple_roots_raise(f):
    with pytest.raises((ImplicitError, SolverError)):
        hoad.grad(f)(0.0)


def test_a_saddle_is_no_reason_to_refuse_but_a_slope_is():
    with pytest.raises((ImplicitError, SolverError)):
        hoad.grad(lambda a: optimize.minimize(lambda x: np.exp(a * x[0]), [0.0], options={"maxiter": 1}, method="CG").x[0])(1.0)


HIDDEN = []


def test_a_traced_value_that_cannot_be_found_raises():
    def f(a):
        HIDDEN[:] = [a]
        return optimize.root(lambda x, b: x**3 - HIDDEN[0] + 0 * b, [1.0], (a,)).x[0]

    with pytest.raises(ClosureError):
        hoad.grad(f)(8.0)


def test_what_has_no_rule_says_so():
    with pytest.raises(hoad.errors.UnsupportedFunctionError, match="linprog"):
        hoad.grad(lambda c: optimize.linprog(c).fun)(np.ones(2))
