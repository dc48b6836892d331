"""Derivatives of solutions of differential equations: closed forms, stiff problems, every mode and order, events, bad input."""

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg

import hoad
import hoad.scipy.integrate as integrate
from hoad.errors import ClosureError, ImplicitError, IntegrationError
from hoad.transforms.differential_equations import odeint

TIGHT = {"rtol": 1e-10, "atol": 1e-10}
METHODS = ("RK45", "DOP853", "Radau", "BDF", "LSODA")


def close(found, expected, tolerance):
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * max(1.0, np.abs(expected).max()), np.abs(found - expected).max()


# -- linear systems -------------------------------------------------------------------------------------------------------

A = np.array([[-0.3, 1.0, 0.2], [-1.0, -0.2, 0.1], [0.05, -0.4, -0.5]])
Y0 = np.array([1.0, 0.5, -0.2])
TIMES = np.array([0.0, 0.7, 2.0])


def linear_loss(A, y0, **options):
    return np.sum(np.sin(odeint(lambda y, t, A: A @ y, y0, TIMES, A, **options)))


def exact_linear_loss(A, y0):
    return sum(np.sum(np.sin(scipy.linalg.expm(A * t) @ y0)) for t in TIMES)


def complex_step(f, x):
    h = 1e-30
    units = np.eye(x.size).reshape(x.size, *x.shape)
    return np.array([f(x + 1j * h * e).imag / h for e in units]).reshape(x.shape)


@pytest.mark.parametrize("sensitivity", ["forward", "adjoint"])
@pytest.mark.parametrize("method", METHODS)
def test_gradient_of_a_linear_system(method, sensitivity):
    options = {"method": method, "sensitivity": sensitivity, "rtol": 1e-7, "atol": 1e-9}
    matrix, start = hoad.grad(lambda A, y: linear_loss(A, y, **options), (0, 1))(A, Y0)
    close(matrix, complex_step(lambda a: exact_linear_loss(a, Y0), A), 3e-6)
    close(start, complex_step(lambda y: exact_linear_loss(A, y), Y0), 3e-6)


HESSIANS = {
    "reverse over forward": hoad.hessian,
    "forward over reverse": lambda f: hoad.jacfwd(hoad.grad(f)),
    "reverse over reverse": lambda f: hoad.jacrev(hoad.grad(f)),
    "forward over forward": lambda f: hoad.jacfwd(hoad.jacfwd(f)),
}


@pytest.mark.parametrize("sensitivity", ["forward", "adjoint"])
@pytest.mark.parametrize("way", HESSIANS)
def test_hessian_of_a_linear_system(way, sensitivity):
    found = HESSIANS[way](lambda y: linear_loss(A, y, sensitivity=sensitivity))(Y0)
    maps = [scipy.linalg.expm(A * t) for t in TIMES]
    close(found, -sum(m.T @ np.diag(np.sin(m @ Y0)) @ m for m in maps), 1e-7)


def test_accuracy_follows_the_tolerance():
    expected = complex_step(lambda y: exact_linear_loss(A, y), Y0)
    for sensitivity in ("forward", "adjoint"):
        errors = [
            np.abs(hoad.grad(lambda y: linear_loss(A, y, sensitivity=sensitivity, rtol=r, atol=r))(Y0) - expected).max()  # noqa: B023
            for r in (1e-3, 1e-6, 1e-9, 1e-12)
        ]
        assert errors[3] < 1e-10
        assert errors[2] < 1e-7
        assert errors[1] < 1e-4
        assert errors[0] < 1e-1


# -- closed forms to higher order -----------------------------------------------------------------------------------------

POINT = np.array([0.8, 2.0, 0.3, 1.5])  # rate, capacity, start, time
DIRECTION = np.array([0.3, -0.2, 0.1, 0.4])


def logistic(p, **options):
    times = np.array([0.0, 1.0]) * p[3]
    return odeint(lambda y, t, r, k: r * y * (1 - y / k), p[2:3], times, p[0], p[1], **TIGHT, **options)[-1, 0]


def exact_logistic(p):
    return p[1] / (1 + (p[1] / p[2] - 1) * np.exp(-p[0] * p[3]))


@pytest.mark.parametrize(
    ("way", "sensitivity"),
    [
        pytest.param(way, s, marks=pytest.mark.slow) if (way, s) == ("reverse over reverse", "adjoint") else (way, s)
        for way in HESSIANS
        for s in ("auto", "adjoint")
    ],
)
def test_hessian_in_parameters_start_and_time(way, sensitivity):
    close(HESSIANS[way](lambda p: logistic(p, sensitivity=sensitivity))(POINT), hoad.hessian(exact_logistic)(POINT), 2e-9)


@pytest.mark.parametrize("sensitivity", ["auto", pytest.param("adjoint", marks=pytest.mark.slow)])
def test_third_derivative(sensitivity):
    def third(f):
        return hoad.grad(lambda p: hoad.hvp(f, p, DIRECTION) @ DIRECTION)(POINT)

    close(third(lambda p: logistic(p, sensitivity=sensitivity)), third(exact_logistic), 5e-9)


def test_taylor_coefficients():
    close(hoad.taylor(logistic, POINT, DIRECTION, 6), hoad.taylor(exact_logistic, POINT, DIRECTION, 6), 1e-9)


@pytest.mark.parametrize("derivative", [lambda f: f, hoad.grad, hoad.hessian], ids=["value", "gradient", "hessian"])
def test_batches(derivative):
    points = np.stack([POINT, 1.1 * POINT, 0.9 * POINT])
    found = hoad.vmap(derivative(logistic))(points)
    close(found, np.stack([derivative(exact_logistic)(p) for p in points]), 2e-9)
    total = hoad.grad(lambda ps: np.sum(hoad.vmap(logistic)(ps) ** 2))(points)
    close(total, hoad.grad(lambda ps: np.sum(hoad.vmap(exact_logistic)(ps) ** 2))(points), 2e-9)


@pytest.mark.parametrize("ends", [(0.3, 1.1), (1.3, 0.1)], ids=["forwards", "backwards"])
def test_both_ends_in_time(ends):
    found = hoad.hessian(lambda e: odeint(lambda y, t: -2 * t * y, np.ones(1), e, **TIGHT)[-1, 0])(np.array(ends))
    close(found, hoad.hessian(lambda e: np.exp(e[0] ** 2 - e[1] ** 2))(np.array(ends)), 1e-8)


def test_taylor_series_in_time_needs_no_solve():
    def beyond_the_solve(tolerance):
        count = []

        def rhs(y, t):
            count.append(1)
            return np.cos(t) * y

        def end(s):
            return odeint(rhs, np.ones(1), hoad.numpy.array([0.0, s]), rtol=tolerance, atol=tolerance)[-1, 0]

        end(np.float64(0.7))
        once = len(count)
        found = hoad.taylor(end, np.float64(0.7), 1.0, 6)
        close(found, hoad.taylor(lambda s: np.exp(np.sin(s)), np.float64(0.7), 1.0, 6), 100 * tolerance)
        return len(count) - 2 * once

    assert beyond_the_solve(1e-12) == beyond_the_solve(1e-4)


def test_lotka_volterra_against_variational_equations_in_many_digits():
    mpmath = pytest.importorskip("mpmath")
    a, b, c, d = 1.1, 0.4, 0.4, 0.1
    start = (2.0, 1.0)

    def wide(t, s):  # state, its derivative in b, its derivative in the first start value
        x, y, xb, yb, x0, y0 = s
        jac = ((a - b * y, -b * x), (d * y, d * x - c))
        return [
            a * x - b * x * y,
            d * x * y - c * y,
            jac[0][0] * xb + jac[0][1] * yb - x * y,
            jac[1][0] * xb + jac[1][1] * yb,
            jac[0][0] * x0 + jac[0][1] * y0,
            jac[1][0] * x0 + jac[1][1] * y0,
        ]

    with mpmath.workdps(20):
        exact = [float(v) for v in mpmath.odefun(wide, 0, [*start, 0, 0, 1, 0])(3)]

    def end(b, y0, **options):
        f = lambda y, t, b: hoad.numpy.array([a * y[0] - b * y[0] * y[1], d * y[0] * y[1] - c * y[1]])
        return odeint(f, y0, np.array([0.0, 3.0]), b, **TIGHT, **options)[-1]

    y0 = np.array(start)
    close(end(b, y0), exact[:2], 1e-8)
    for sensitivity in ("forward", "adjoint"):
        for jacobian in (hoad.jacfwd, hoad.jacrev):
            in_b, in_start = jacobian(lambda b, y: end(b, y, sensitivity=sensitivity), (0, 1))(np.float64(b), y0)  # noqa: B023
            close(in_b, exact[2:4], 1e-8)
            close(in_start[:, 0], exact[4:], 1e-8)


# -- stiff problems -------------------------------------------------------------------------------------------------------


def robertson(y, t, k):
    r1, r2, r3 = k[0] * y[0], k[1] * y[1] * y[2], k[2] * y[1] ** 2
    return [-r1 + r2, r1 - r2 - r3, r3]


@pytest.mark.parametrize("method", ["Radau", "BDF", "LSODA"])
@pytest.mark.parametrize("sensitivity", ["forward", "adjoint"])
def test_robertson_sensitivities_of_sundials(method, sensitivity):
    """cvsRoberts_FSA_dns, example output at t = 0.4 (SUNDIALS documentation), printed with five digits."""
    expected = np.array(
        [
            [-3.5595e-01, 9.5431e-08, -1.5833e-11],
            [3.9025e-04, -2.1309e-10, -5.2900e-13],
            [3.5556e-01, -9.5218e-08, 1.6362e-11],
        ]
    )
    k = np.array([0.04, 1e4, 3e7])
    options = {"method": method, "sensitivity": sensitivity, "rtol": 1e-6, "atol": np.array([1e-8, 1e-12, 1e-8])}
    jacobian = hoad.jacrev(lambda k: odeint(robertson, np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.4]), k, **options)[-1])(k)
    np.testing.assert_allclose(jacobian, expected, rtol=1e-3)


@pytest.mark.parametrize("way", ["reverse over forward", "forward over reverse"])
def test_relaxation_with_a_fast_layer(way):
    """y' = -s (y - p cos t): the influence of the start dies within 1/s, long before the first step of the solution ends."""
    s = 1e4

    def exact(q, t=1.0):
        p, y0 = q[0], q[1]
        slow = lambda t: s * p * (s * np.cos(t) + np.sin(t)) / (s * s + 1)
        return np.sin(slow(t) + (y0 - slow(0.0)) * np.exp(-s * t))

    def f(q, sensitivity):
        y = odeint(
            lambda y, t, p: -s * (y - p * np.cos(t)),
            q[1:],
            np.array([0.0, 1.0]),
            q[0],
            method="Radau",
            rtol=1e-4,
            atol=1e-6,
            sensitivity=sensitivity,
        )
        return np.sin(y[-1, 0])

    q = np.array([0.8, 0.8])
    for sensitivity in ("forward", "adjoint"):
        close(hoad.grad(lambda q: f(q, sensitivity))(q), hoad.grad(exact)(q), 1e-3)  # noqa: B023
        close(HESSIANS[way](lambda q: f(q, sensitivity))(q), hoad.hessian(exact)(q), 1e-3)  # noqa: B023


def test_van_der_pol_at_a_thousand():
    def end(mu, **options):
        y = odeint(
            lambda y, t, mu: hoad.numpy.array([y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]]),
            np.array([2.0, 0.0]),
            np.array([0.0, 300.0]),
            mu,
            method="Radau",
            **options,
        )
        return y[-1, 0]

    plain = lambda mu: scipy.integrate.solve_ivp(
        lambda t, y: [y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]], (0, 300), [2.0, 0.0], "Radau", rtol=1e-11, atol=1e-13
    ).y[0, -1]
    difference = (plain(1001.0) - plain(999.0)) / 2
    for sensitivity in ("forward", "adjoint"):
        found = hoad.grad(lambda mu: end(mu, rtol=1e-7, atol=1e-9, sensitivity=sensitivity))(1000.0)  # noqa: B023
        assert abs(found - difference) < 1e-4 * abs(difference)


@pytest.mark.parametrize("mode", ["forward", "reverse by sensitivities", "reverse by the adjoint"])
@pytest.mark.parametrize("force", ["of amplitude zero", "of tiny amplitude"])
def test_derivatives_have_error_control_of_their_own(force, mode):
    """The solution decays smoothly; its derivative in the amplitude of a fast force does not."""
    c, p = (1.0, 0.0) if force == "of amplitude zero" else (1e-9, 1.0)

    def end(p, sensitivity="auto"):
        f = lambda y, t, p: hoad.numpy.array([0.0 * y[0], c * p * np.sin(20 * t)])
        y0 = np.array([1.0, 0.0])
        return odeint(f, y0, np.array([0.0, 10.0]), p, method="RK45", rtol=1e-6, atol=1e-6, sensitivity=sensitivity)[-1, 1]

    if mode == "forward":
        found = hoad.jvp(end, (p,), (1.0,))[1]
    else:
        found = hoad.grad(lambda p: end(p, "forward" if "sensitivities" in mode else "adjoint"))(p)
    assert found == pytest.approx(c * (1 - np.cos(200.0)) / 20, rel=1e-3)


def test_cost_of_the_adjoint_does_not_grow_with_the_number_of_parameters():
    def count(n):
        calls = []

        def rhs(y, t, p):
            calls.append(1)
            return -y * np.sum(p) / n

        hoad.grad(lambda p: odeint(rhs, np.ones(2), np.array([0.0, 1.0]), p, sensitivity="adjoint")[-1, 0])(np.ones(n))
        return len(calls)

    assert count(300) < 2 * count(3)  # one more solve may find the scale


# -- what functions may look like -----------------------------------------------------------------------------------------


def test_containers():
    def total(w):
        s = odeint(lambda s, t, w: {"x": s["v"], "v": -(w**2) * s["x"]}, {"x": 1.0, "v": 0.0}, np.linspace(0, 3, 4), w)
        return np.sum(s["x"] ** 2)

    close(hoad.hessian(total)(1.3), hoad.hessian(lambda w: np.sum(np.cos(w * np.linspace(0, 3, 4)) ** 2))(1.3), 1e-6)


def test_complex_states():
    def wave(w):
        z = odeint(lambda z, t, w: 1j * w * z, np.array([1.0 + 0.5j]), np.array([0.0, 1.0]), w, **TIGHT)[-1, 0]
        return np.real(z) * np.imag(z)

    def exact(w):
        z = (1 + 0.5j) * np.exp(1j * w)
        return np.real(z) * np.imag(z)

    close(hoad.grad(wave)(0.7), hoad.grad(exact)(0.7), 1e-8)
    close(hoad.hessian(wave)(0.7), hoad.hessian(exact)(0.7), 1e-8)

    def size(z0):  # not holomorphic
        z = odeint(lambda z, t: 1j * z + 0.1 * np.conj(z), z0, np.array([0.0, 1.0]), **TIGHT)[-1]
        return np.sum(np.abs(z) ** 2)

    z0, h = np.array([0.3 + 0.2j]), 1e-5
    g = hoad.grad(size)(z0)[0]
    assert g.real == pytest.approx((size(z0 + h) - size(z0 - h)) / (2 * h), abs=1e-7)
    assert g.imag == pytest.approx((size(z0 + 1j * h) - size(z0 - 1j * h)) / (2 * h), abs=1e-7)


class Decay:
    def __init__(self, rate):
        self.rate = rate

    def __call__(self, y, t):
        return -self.rate * y

    def method(self, y, t):
        return -self.rate * y


def test_traced_values_in_closures_are_parameters():
    def solve(f):
        return odeint(f, np.ones(1), np.array([0.0, 1.0]), **TIGHT)[-1, 0]

    def with_default(k):
        def f(y, t, k=k):
            return -k * y

        return f

    def inner(k):
        g = lambda y: -k * y
        return lambda y, t: g(y)

    for make in (lambda k: lambda y, t: -k * y, with_default, inner, Decay, lambda k: Decay(k).method):
        close(hoad.grad(lambda k: solve(make(k)))(0.5), -np.exp(-0.5), 1e-8)  # noqa: B023
        close(hoad.hessian(lambda k: solve(make(k)))(0.5), np.exp(-0.5), 1e-8)  # noqa: B023


LEAK = []


def test_a_traced_value_that_cannot_be_found_raises():
    def f(k):
        LEAK[:] = [k]
        return odeint(lambda y, t: -LEAK[0] * y, np.ones(1), np.array([0.0, 1.0]))[-1, 0]

    for derivative in (hoad.grad, hoad.hessian, lambda f: lambda x: hoad.jvp(f, (x,), (1.0,))):
        with pytest.raises(ClosureError, match="Pass that value as an argument"):
            derivative(f)(0.5)


def test_branches_on_time_and_state():
    def f(p):
        def rhs(y, t, p):
            return p * y if t < 1.0 else -p * y

        return odeint(rhs, np.ones(1), np.array([0.0, 1.0, 2.5]), p, sensitivity="adjoint", max_step=0.25, **TIGHT)[-1, 0]

    close(hoad.grad(f)(0.4), -0.5 * np.exp(-0.2), 1e-3)


# -- SciPy's own functions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["RK23", *METHODS])
def test_values_of_solve_ivp_are_bitwise_those_of_scipy(method):
    f = lambda t, y, k: [y[1], -k * y[0]]
    native = scipy.integrate.solve_ivp(f, (0, 3), [1.0, 0.0], method, args=(2.0,))
    plain = integrate.solve_ivp(f, (0, 3), [1.0, 0.0], method, args=(2.0,))
    traced = hoad.jvp(lambda k: integrate.solve_ivp(f, (0, 3), [1.0, 0.0], method, args=(k,)).y, (2.0,), (1.0,))[0]
    assert np.array_equal(plain.y, native.y)
    assert np.array_equal(traced, native.y)


@pytest.mark.parametrize("method", ["RK23", *METHODS])
def test_derivatives_of_solve_ivp(method):
    options = {"rtol": 1e-7, "atol": 1e-9, "method": method}
    end = lambda k: integrate.solve_ivp(lambda t, y, k: -k * y, (0, 2), [1.0], args=(k,), **options).y[0, -1]
    close(hoad.grad(end)(0.5), -2 * np.exp(-1), 3e-6)
    close(hoad.hessian(end)(0.5), 4 * np.exp(-1), 3e-6)


def test_given_jacobian_and_vectorized_functions():
    f = lambda t, y, k: -k * y
    end = lambda k: integrate.solve_ivp(
        f, (0, 2), [1.0, 2.0], "BDF", args=(k,), vectorized=True, jac=lambda t, y, k: -k * np.eye(2), rtol=1e-8, atol=1e-10
    ).y[1, -1]
    native = scipy.integrate.solve_ivp(
        f, (0, 2), [1.0, 2.0], "BDF", args=(0.5,), vectorized=True, jac=lambda t, y, k: -k * np.eye(2), rtol=1e-8, atol=1e-10
    )
    value, slope = hoad.jvp(end, (0.5,), (1.0,))
    assert value == native.y[1, -1]
    close(slope, -4 * np.exp(-1), 1e-6)


def test_span_evaluation_points_and_dense_output():
    tight = {"rtol": 1e-10, "atol": 1e-11}
    end = lambda s: integrate.solve_ivp(lambda t, y: -2 * t * y, (s[0], s[1]), [1.0], **tight).y[0, -1]
    close(
        hoad.hessian(end)(np.array([0.3, 1.1])), hoad.hessian(lambda s: np.exp(s[0] ** 2 - s[1] ** 2))(np.array([0.3, 1.1])), 1e-8
    )
    times = np.array([0.2, 0.9, 1.7])
    at = lambda t: integrate.solve_ivp(lambda t, y: -2 * t * y, (0, 2), [1.0], t_eval=t, **tight).y[0]
    close(hoad.jacobian(at)(times), np.diag(-2 * times * np.exp(-(times**2))), 1e-8)

    def dense(k, t):
        return integrate.solve_ivp(lambda t, y, k: -k * y, (0, 2), [1.0], args=(k,), dense_output=True, **tight).sol(t)[0]

    exact = lambda k, t: np.exp(-k * t)
    close(hoad.hessian(dense, (0, 1))(0.5, 1.2), hoad.hessian(exact, (0, 1))(0.5, 1.2), 1e-8)
    unsorted = np.array([1.2, 0.1, 1.9])
    close(hoad.jacobian(lambda k: dense(k, unsorted))(0.5), -unsorted * np.exp(-0.5 * unsorted), 1e-8)
    with pytest.raises(IntegrationError, match="outside the interval"):
        hoad.grad(lambda k: dense(k, 2.5))(0.5)


def test_batch_of_solve_ivp():
    f = lambda k: integrate.solve_ivp(lambda t, y: -k * y, (0, 2), [1.0], t_eval=[1.0, 2.0], rtol=1e-9, atol=1e-10).y[0, 1]
    k = np.array([0.5, 1.0])
    close(hoad.vmap(hoad.grad(f))(k), -2 * np.exp(-2 * k), 1e-8)
    with pytest.raises(IntegrationError, match="Give t_eval"):
        hoad.vmap(lambda k: integrate.solve_ivp(lambda t, y: -k * y, (0, 2), [1.0]).y[0, -1])(k)


def test_odeint_of_scipy():
    t = np.linspace(0, 3, 5)
    f = lambda k: integrate.odeint(lambda y, t, k: [y[1], -k * y[0]], [1.0, 0.0], t, (k,))
    native = scipy.integrate.odeint(lambda y, t, k: [y[1], -k * y[0]], [1.0, 0.0], t, (2.0,))
    assert np.array_equal(hoad.jvp(f, (2.0,), (1.0,))[0], native)
    exact = lambda k: np.cos(np.sqrt(k) * t)
    close(hoad.jacobian(lambda k: f(k)[:, 0])(2.0), hoad.jacobian(exact)(2.0), 1e-6)
    close(hoad.hessian(lambda k: np.sum(f(k)[:, 0]))(2.0), hoad.hessian(lambda k: np.sum(exact(k)))(2.0), 1e-6)
    first = lambda k: integrate.odeint(lambda t, y: -k * y, 1.0, [0, 1], tfirst=True, full_output=True)[0][1, 0]
    close(hoad.grad(first)(0.5), -np.exp(-0.5), 1e-6)


# -- events ---------------------------------------------------------------------------------------------------------------


def fall(h, g):
    def ground(t, y, g):
        return y[0]

    ground.terminal, ground.direction = True, -1
    return integrate.solve_ivp(lambda t, y, g: [y[1], -g], (0, 100), [h, 0.0], events=ground, args=(g,), rtol=1e-9, atol=1e-10)


EVENTS = {
    "time": (lambda h, g: fall(h, g).t_events[0][0], lambda h, g: np.sqrt(2 * h / g)),
    "end of t": (lambda h, g: fall(h, g).t[-1], lambda h, g: np.sqrt(2 * h / g)),
    "state": (lambda h, g: fall(h, g).y_events[0][0, 1], lambda h, g: -np.sqrt(2 * h * g)),
    "last state": (lambda h, g: fall(h, g).y[1, -1], lambda h, g: -np.sqrt(2 * h * g)),
}


@pytest.mark.parametrize("what", EVENTS)
def test_events_of_a_falling_body(what):
    f, exact = EVENTS[what]
    close(hoad.grad(f, (0, 1))(2.0, 9.81), hoad.grad(exact, (0, 1))(2.0, 9.81), 1e-8)
    close(hoad.hessian(f, (0, 1))(2.0, 9.81), hoad.hessian(exact, (0, 1))(2.0, 9.81), 1e-8)
    line = lambda s: f(2.0 + s, 9.81 - 0.3 * s)
    exact_line = lambda s: exact(2.0 + s, 9.81 - 0.3 * s)
    close(hoad.taylor(line, np.float64(0), 1.0, 4), hoad.taylor(exact_line, np.float64(0), 1.0, 4), 1e-8)


def test_events_that_do_not_end_the_integration():
    def zeros(w):
        r = integrate.solve_ivp(
            lambda t, y: [y[1], -w * w * y[0]], (0, 5), [1.0, 0.0], events=[lambda t, y: y[0], lambda t, y: y[0] - 3.0], **TIGHT
        )
        assert len(r.t_events[1]) == 0
        return r.t_events[0]

    close(hoad.jacobian(zeros)(2.0), -(np.arange(3) + 0.5) * np.pi / 4, 1e-7)


def test_an_event_that_only_touches_zero_raises():
    def graze(t, y):
        return y[0]

    graze.terminal = True

    def f(a):
        return integrate.solve_ivp(lambda t, y: [a * (t - 1.0) + 0 * y[0]], (0, 3), [0.5], events=graze, max_step=0.1).t[-1]

    found = scipy.integrate.solve_ivp(lambda t, y: [t - 1.0], (0, 3), [0.5], events=graze, max_step=0.1)
    if found.status == 1:  # the touching point was taken for a crossing
        with pytest.raises((ImplicitError, IntegrationError)):
            hoad.grad(f)(1.0)


# -- bad input ------------------------------------------------------------------------------------------------------------


def test_bad_times():
    for t in ([0.0, 2.0, 1.0], [], [[0.0, 1.0]], [0.0, np.nan]):
        with pytest.raises(IntegrationError, match="Sort the times"):
            odeint(lambda y, t: -y, np.ones(1), t)


def test_a_solution_that_blows_up_raises():
    with pytest.raises(IntegrationError, match="stopped at t = "):
        hoad.grad(lambda k: odeint(lambda y, t, k: k * y**2, np.ones(1), np.array([0.0, 2.0]), k)[-1, 0])(1.0)


def test_one_time_repeated_times_and_empty_states():
    f = lambda k: odeint(lambda y, t: -k * y, np.ones(2), np.array([0.5]))
    assert np.array_equal(hoad.jacobian(f)(1.0), np.zeros((1, 2)))
    twice = lambda k: odeint(lambda y, t: -k * y, np.ones(1), np.array([0.0, 1.0, 1.0, 2.0]), **TIGHT)[:, 0]
    t = np.array([0.0, 1.0, 1.0, 2.0])
    for sensitivity in (hoad.jacfwd, hoad.jacrev):
        close(sensitivity(twice)(0.5), -t * np.exp(-0.5 * t), 1e-8)
    assert odeint(lambda y, t: y, np.zeros(0), np.array([0.0, 1.0])).shape == (2, 0)


def test_single_precision_start_gets_single_precision_gradient():
    g = hoad.grad(lambda y: odeint(lambda y, t: -y, y, np.array([0.0, 1.0]))[-1, 0])(np.ones(1, np.float32))
    assert g.dtype == np.float32
    close(g, [np.exp(-1)], 1e-6)
