"""Integrals of functions: closed forms in parameters and limits, every mode and order."""

import numpy as np
import pytest
import scipy.integrate
import scipy.special

import hoad
import hoad.scipy.integrate as integrate
from hoad.errors import ClosureError, IntegrationError


def close(found, expected, tolerance=1e-10):
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * max(1.0, np.abs(expected).max()), np.abs(found - expected).max()


def gamma(z):
    return integrate.quad(lambda t, z: t ** (z - 1) * np.exp(-t), 0, np.inf, (z,))[0]


def test_gamma_function_from_its_integral():
    z = 3.0
    psi = [scipy.special.digamma(z), scipy.special.polygamma(1, z), scipy.special.polygamma(2, z)]
    g = scipy.special.gamma(z)
    expected = [g * psi[0], g * (psi[0] ** 2 + psi[1]), g * (psi[0] ** 3 + 3 * psi[0] * psi[1] + psi[2])]
    close(hoad.grad(gamma)(z), expected[0])
    for second in (
        hoad.hessian(gamma),
        hoad.grad(hoad.grad(gamma)),
        hoad.jacfwd(hoad.grad(gamma)),
        hoad.jacfwd(hoad.jacfwd(gamma)),
    ):
        close(second(z), expected[1])
    series = hoad.taylor(gamma, z, 1.0, 3)
    close([series[1], 2 * series[2], 6 * series[3]], expected)
    assert series[0] == scipy.integrate.quad(lambda t: t ** (z - 1) * np.exp(-t), 0, np.inf)[0]


def sine(p):
    return integrate.quad(lambda t: np.sin(p[2] * t), p[0], p[1])[0]


def exact_sine(p):
    return (np.cos(p[2] * p[0]) - np.cos(p[2] * p[1])) / p[2]


P = np.array([0.3, 1.4, 2.2])


def test_limits_and_parameters_together():
    for derivative in (hoad.grad, hoad.hessian, lambda f: hoad.jacrev(hoad.grad(f)), lambda f: hoad.jacfwd(hoad.grad(f))):
        close(derivative(sine)(P), derivative(exact_sine)(P))
    v = np.array([1.0, -2.0, 0.5])
    close(hoad.taylor(sine, P, v, 6), hoad.taylor(exact_sine, P, v, 6))
    points = np.stack([P, [0.0, 1.0, 1.0], [1.0, 0.2, -2.0]])
    close(hoad.vmap(sine)(points), hoad.vmap(exact_sine)(points))
    close(hoad.vmap(hoad.hessian(sine))(points), hoad.vmap(hoad.hessian(exact_sine))(points))


def test_many_parameters_at_once_by_one_integral():
    calls = []

    def f(c):
        def integrand(t):
            calls.append(1)
            return np.sum(c * t ** np.arange(50))

        return integrate.quad(integrand, 0.0, 1.0)[0]

    close(hoad.grad(f)(np.ones(50)), 1 / (1 + np.arange(50.0)), 1e-9)
    assert len(calls) < 400


def test_weights_break_points_and_errors():
    f = lambda k: integrate.quad(lambda t: np.exp(k * t), 0, 1, weight="cos", wvar=3.0)[0]
    exact = scipy.integrate.quad(lambda t: t * np.exp(0.4 * t) * np.cos(3 * t), 0, 1)[0]
    close(hoad.grad(f)(0.4), exact)
    kink = lambda k: integrate.quad(lambda t: k * k * abs(t - 0.3), 0, 1, points=[0.3])[0]
    close(hoad.hessian(kink)(1.5), 2 * (0.3**2 + 0.7**2) / 2, 1e-9)
    result = integrate.quad(lambda t: t, 0, 1, full_output=1)
    assert len(result) == 3
    with pytest.raises(IntegrationError, match="Multiply the weight"):
        hoad.grad(lambda b: integrate.quad(np.exp, 0, b, weight="cos", wvar=3.0)[0])(1.0)
    with pytest.raises(IntegrationError, match="real and imaginary"):
        hoad.grad(lambda b: integrate.quad(lambda t: np.exp(1j * t), 0, b, complex_func=True)[0])(1.0)


def test_vector_integrands_and_gauss_rules():
    c = np.array([0.5, 1.5])
    f = lambda c, b: integrate.quad_vec(lambda t: np.exp(-c * t), 0, b)[0]
    exact = lambda c, b: (1 - np.exp(-c * b)) / c
    for argument in (0, 1):
        close(hoad.jacobian(f, argument)(c, 2.0), hoad.jacobian(exact, argument)(c, 2.0))
        close(hoad.jacfwd(hoad.jacrev(f, argument), argument)(c, 2.0), hoad.jacfwd(hoad.jacrev(exact, argument), argument)(c, 2.0))
    fixed = lambda b: integrate.fixed_quad(lambda t: np.exp(b * t), 0.0, b, n=8)[0]
    close(hoad.hessian(fixed)(1.0), hoad.hessian(lambda b: (np.exp(b * b) - 1) / b)(1.0))
    assert (
        hoad.jvp(lambda b: integrate.fixed_quad(np.exp, 0.0, b)[0], (1.0,), (1.0,))[0]
        == scipy.integrate.fixed_quad(np.exp, 0, 1)[0]
    )


def test_double_and_triple_integrals():
    triangle = lambda r, k: integrate.dblquad(lambda y, x: np.exp(-k * (x + y)), 0, r, 0, lambda x: r - x, (), 1e-4, 1e-4)[0]
    exact = lambda r, k: (1 - np.exp(-k * r) * (1 + k * r)) / k**2
    value, slope = hoad.jvp(triangle, (1.2, 0.7), (1.0, -0.5))
    close(slope, hoad.jvp(exact, (1.2, 0.7), (1.0, -0.5))[1], 1e-8)
    native = scipy.integrate.dblquad(lambda y, x: np.exp(-0.7 * (x + y)), 0, 1.2, 0, lambda x: 1.2 - x, (), 1e-4, 1e-4)[0]
    assert value == pytest.approx(native, rel=1e-14)
    close(hoad.grad(lambda k: triangle(1.2, k))(0.7), hoad.grad(lambda k: exact(1.2, k))(0.7), 1e-8)
    plain = integrate.tplquad(lambda z, y, x: x + y * z, 0, 1, 0, 1, 0, 1)
    assert plain == scipy.integrate.tplquad(lambda z, y, x: x + y * z, 0, 1, 0, 1, 0, 1)


STORE = []


def test_a_traced_value_that_cannot_be_found_raises():
    def f(a):
        STORE[:] = [a]
        return integrate.quad(lambda t, b: STORE[0] * t + b, 0, 1, (a,))[0]

    with pytest.raises(ClosureError):
        hoad.grad(f)(1.0)


def test_simpson_is_exact_for_cubics_in_every_derivative():
    x = np.array([0.0, 0.5, 1.0, 1.5, 2.0])
    f = lambda p: integrate.simpson(p[0] * x**3 + p[1] * x**2 + p[2], x=x)
    close(hoad.grad(f)(np.ones(3)), [4.0, 8 / 3, 2.0])
    stretch = lambda s: integrate.simpson((s * x) ** 3, x=s * x)
    close(hoad.taylor(stretch, 1.0, 1.0, 4), [4.0, 16.0, 24.0, 16.0, 4.0])
    cumulative = lambda s: integrate.cumulative_simpson((s * x) ** 2, x=s * x, initial=0.0)
    close(hoad.jacobian(cumulative)(1.0), x**3)


def test_repeated_points_contribute_nothing():
    x = np.array([0.0, 1.0, 1.0, 2.0, 3.0])
    f = lambda y: integrate.simpson(y, x=x)
    y = np.arange(5.0)
    assert np.isfinite(hoad.grad(f)(y)).all()
    assert f(y) == scipy.integrate.simpson(y, x=x)
    close(hoad.jvp(f, (y,), (y,))[1], f(y))
