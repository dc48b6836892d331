"""Interpolation: exactness for polynomials in every derivative, linearity in the data, knots, kinks and bad input."""

import numpy as np
import pytest
import scipy.interpolate

import hoad
import hoad.scipy.interpolate as interpolate
from hoad.errors import UnsupportedFunctionError

X = np.array([0.0, 0.7, 1.5, 2.1, 3.0, 4.2])
Q = np.array([0.2, 1.1, 2.6, 3.9])


def close(found, expected, tolerance=1e-11):
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * max(1.0, np.abs(expected).max()), np.abs(found - expected).max()


def cubic(x, p):
    return p[0] + p[1] * x + p[2] * x**2 + p[3] * x**3


CUBICS = {
    "not-a-knot": lambda x, p, q: interpolate.CubicSpline(x, cubic(x, p))(q),
    "given slopes": lambda x, p, q: interpolate.CubicSpline(
        x, cubic(x, p), bc_type=((1, p[1] + 2 * p[2] * x[0] + 3 * p[3] * x[0] ** 2), (2, 2 * p[2] + 6 * p[3] * x[-1]))
    )(q),
    "hermite": lambda x, p, q: interpolate.CubicHermiteSpline(x, cubic(x, p), p[1] + 2 * p[2] * x + 3 * p[3] * x**2)(q),
    "make_interp_spline": lambda x, p, q: interpolate.make_interp_spline(x, cubic(x, p))(q),
    "quintic": lambda x, p, q: interpolate.make_interp_spline(x, cubic(x, p), 5)(q),
    "interp1d": lambda x, p, q: interpolate.interp1d(x, cubic(x, p), "cubic")(q),
    "krogh": lambda x, p, q: interpolate.KroghInterpolator(x, cubic(x, p))(q),
    "barycentric": lambda x, p, q: interpolate.BarycentricInterpolator(x, cubic(x, p))(q),
}


@pytest.mark.parametrize("name", CUBICS)
def test_a_cubic_is_reproduced_in_every_derivative(name):
    """The interpolant of a cubic is the cubic: it does not depend on the knots, and on the coefficients and x as the cubic does."""
    f, p = CUBICS[name], np.array([0.3, -1.0, 0.5, 0.2])
    close(f(X, p, Q), cubic(Q, p))
    close(hoad.jacobian(f, 0)(X, p, Q), np.zeros((4, 6)), 1e-9)
    close(hoad.jacobian(f, 1)(X, p, Q), np.vander(Q, 4, increasing=True), 1e-9)
    for second in (hoad.hessian, lambda g: hoad.jacrev(hoad.grad(g)), lambda g: hoad.jacfwd(hoad.grad(g))):
        close(second(lambda q: np.sum(f(X, p, q)))(Q), np.diag(2 * p[2] + 6 * p[3] * Q), 1e-9)
        close(second(lambda x: np.sum(f(x, p, Q)))(X), np.zeros((6, 6)), 1e-8)
    series = hoad.taylor(lambda s: f(X + 0.1 * s * np.cos(X), p, Q + s), 0.0, 1.0, 4)
    close(series, [cubic(Q, p), p[1] + 2 * p[2] * Q + 3 * p[3] * Q**2, p[2] + 3 * p[3] * Q, p[3] + 0 * Q, 0 * Q], 1e-9)


GRIDS = {
    "linear": lambda a, b: 1.0 + a - 2 * b + 0.5 * a * b,
    "slinear": lambda a, b: 1.0 + a - 2 * b + 0.5 * a * b,
    "cubic": lambda a, b: a**3 - b**3 + a**2 * b,
    "quintic": lambda a, b: a**5 - b**4 + a**2 * b,
}


@pytest.mark.parametrize("method", GRIDS)
def test_polynomials_on_grids(method):
    a, b = np.array([0.0, 0.5, 1.2, 2.0, 2.7, 3.1]), np.array([0.0, 1.0, 1.8, 2.4, 3.3, 4.0])
    points = np.array([[0.3, 0.7], [1.5, 2.9], [2.95, 0.2]])
    exact = GRIDS[method]

    def f(a, b, points):
        values = exact(a[:, None], b[None, :])
        return interpolate.RegularGridInterpolator((a, b), values, method)(points)

    close(hoad.jacobian(f, 0)(a, b, points), np.zeros((3, 6)), 1e-7)
    close(hoad.jacobian(f, 1)(a, b, points), np.zeros((3, 6)), 1e-7)
    on_points = lambda p: exact(p[:, 0], p[:, 1])
    close(hoad.jacobian(f, 2)(a, b, points), hoad.jacobian(on_points)(points), 1e-7)
    close(hoad.hessian(lambda p: np.sum(f(a, b, p)))(points), hoad.hessian(lambda p: np.sum(on_points(p)))(points), 1e-6)


def test_derivatives_at_knots_are_those_of_the_piece_that_scipy_takes():
    rng = np.random.default_rng(0)
    y = rng.standard_normal(6)
    spline = scipy.interpolate.CubicSpline(X, y)
    for order in (1, 2, 3):
        found = hoad.taylor(lambda q: interpolate.CubicSpline(X, y)(q), X, np.ones(6), order)[order] * [1, 1, 2, 6][order]
        close(found, spline(X, order))
    line = scipy.interpolate.make_interp_spline(X, y, 1)
    close(np.diag(hoad.jacobian(interpolate.make_interp_spline(X, y, 1))(X)), line(X, 1))
    plane = interpolate.RegularGridInterpolator((X,), y)
    close(np.diag(hoad.jacobian(lambda q: plane(q[:, None]))(X)), np.append(np.diff(y) / np.diff(X), (y[5] - y[4]) / (X[5] - X[4])))


def test_linear_in_the_data():
    rng = np.random.default_rng(1)
    y = rng.standard_normal(6)
    for f in (
        lambda y: interpolate.CubicSpline(X, y, bc_type="natural")(Q),
        lambda y: interpolate.make_interp_spline(X, y, 2)(Q),
        lambda y: interpolate.CubicSpline(X, y).integrate(0.3, 3.3),
        lambda y: interpolate.CubicSpline(X, y).antiderivative()(Q),
        lambda y: interpolate.CubicSpline(X, y).derivative(2)(Q),
    ):
        jacobian = hoad.jacobian(f)(y)
        close(jacobian @ y, f(y))
        assert not hoad.jacfwd(hoad.jacfwd(f))(y).any()


def test_integral_of_a_spline_in_its_limits():
    y = np.sin(X)
    spline = scipy.interpolate.CubicSpline(X, y)
    f = lambda a, b: interpolate.CubicSpline(X, y).integrate(a, b)
    close(hoad.grad(f, (0, 1))(0.3, 3.3), [-spline(0.3), spline(3.3)])
    close(np.array(hoad.hessian(f, (0, 1))(0.3, 3.3)), np.diag([-spline(0.3, 1), spline(3.3, 1)]))


def test_knots_of_a_b_spline():
    """Knot insertion does not change a spline, and moving a knot without a jump in its derivatives changes nothing."""
    t = np.array([0.0, 0, 0, 0, 1, 2, 3, 3, 3, 3])
    c = scipy.interpolate.make_interp_spline(np.linspace(0, 3, 6), np.linspace(0, 3, 6) ** 3, t=t).c
    q = np.array([0.3, 1.4, 2.9])
    jacobian = hoad.jacobian(lambda t, c: interpolate.BSpline(t, c, 3)(q), (0, 1))(t, c)
    assert np.abs(jacobian[0][:, 4:6]).max() > 1e-3  # coefficients fixed: the knots matter
    both = hoad.jacobian(lambda u: interpolate.make_interp_spline(np.linspace(0, 3, 6), np.linspace(0, 3, 6) ** 3, t=u)(q))(t)
    close(both[:, 4:6], np.zeros((3, 2)), 1e-9)  # interpolation of a cubic: they do not
    close(np.sum(jacobian[1], axis=1), np.ones(3))


def test_repeated_knots_and_derivative_spline():
    t = np.array([0.0, 0, 0, 0, 0.8, 1.7, 1.7, 3.1, 4, 4, 4, 4])
    c = np.random.default_rng(2).standard_normal(8)
    spline = scipy.interpolate.BSpline(t, c, 3)
    for order in (1, 2, 3):
        close(hoad.taylor(interpolate.BSpline(t, c, 3), Q, np.ones(4), order)[order] * [1, 1, 2, 6][order], spline(Q, order))
        close(interpolate.BSpline(t, c, 3).derivative(order)(Q), spline(Q, order))
        close(hoad.jacobian(lambda c: interpolate.BSpline(t, c, 3).derivative(order)(Q))(c) @ c, spline(Q, order))  # noqa: B023


def test_outside_the_range():
    y = np.sin(X)
    outside = np.array([-0.5, 4.5])
    akima = lambda q: interpolate.Akima1DInterpolator(X, y)(q)
    assert np.isnan(akima(outside)).all()
    for mode in (hoad.jacfwd, hoad.jacrev):
        assert np.isnan(np.diag(mode(akima)(outside))).all()
    bounded = interpolate.BSpline(np.array([0.0, 0, 1, 2, 2]), np.ones(3), 1, extrapolate=False)
    assert np.isnan(np.diag(hoad.jacobian(bounded)(np.array([-1.0, 3.0])))).all()
    with pytest.raises(ValueError, match="out of bounds"):
        hoad.grad(lambda v: interpolate.RegularGridInterpolator((X,), v)([[9.0]])[0])(y)
    filled = lambda v: interpolate.RegularGridInterpolator((X,), v, bounds_error=False, fill_value=7.0)([[9.0]])[0]
    assert filled(y) == 7
    assert not hoad.grad(filled)(y).any()
    periodic = lambda q: interpolate.CubicSpline(X, np.sin(2 * np.pi * X / X[-1]).round(15), bc_type="periodic")(q)
    inside = np.array([0.3, 1.2])
    close(np.diag(hoad.jacobian(periodic)(inside + 3 * X[-1])), np.diag(hoad.jacobian(periodic)(inside)), 1e-9)


def test_bad_input_raises_as_in_scipy():
    y = np.ones(6)
    bad = [
        lambda v: interpolate.CubicSpline(X[::-1], v)(1.0),
        lambda v: interpolate.CubicSpline(X[:5], v)(1.0),
        lambda v: interpolate.CubicSpline(X, v, bc_type="free")(1.0),
        lambda v: interpolate.CubicSpline(X, v * np.nan)(1.0),
        lambda v: interpolate.CubicSpline(X, np.concatenate([v[:5], v[:1] + 1]), bc_type="periodic")(1.0),
        lambda v: interpolate.BSpline(X, v, 3)(1.0),
        lambda v: interpolate.RegularGridInterpolator((X[:5],), v)([[1.0]]),
        lambda v: interpolate.RegularGridInterpolator((X,), v, "sextic")([[1.0]]),
        lambda v: interpolate.interp1d(X[:4], v)(1.0),
        lambda v: interpolate.make_interp_spline(X, v, 3, bc_type="odd")(1.0),
    ]
    for f in bad:
        with pytest.raises(ValueError):
            f(y)
        with pytest.raises(ValueError):
            hoad.jvp(f, (y,), (y,))


def test_what_has_no_rule_says_so():
    y = np.sin(X)
    for f in (
        lambda v: interpolate.CubicSpline(X, v).roots(),
        lambda v: interpolate.make_interp_spline(X, np.concatenate([v[:5], v[:1]]), bc_type="periodic")(1.0),
        lambda v: interpolate.BSpline(np.array([0.0, 0, 1, 2, 2]), v[:3], 1).integrate(0, 1),
        lambda v: interpolate.splrep(X, v)[1],
        lambda v: interpolate.BarycentricInterpolator(np.zeros(6), v)(1.0),
    ):
        with pytest.raises(UnsupportedFunctionError):
            hoad.jvp(f, (y,), (y,))


def test_plain_objects_answer_as_those_of_scipy():
    y = np.sin(X)
    ours, theirs = interpolate.CubicSpline(X, y), scipy.interpolate.CubicSpline(X, y)
    assert np.array_equal(ours(Q), theirs(Q))
    assert np.array_equal(ours.c, theirs.c)
    assert np.array_equal(ours.roots(), theirs.roots())
    assert ours.integrate(0.3, 3.3) == theirs.integrate(0.3, 3.3)
    assert np.array_equal(ours.antiderivative(2)(Q), theirs.antiderivative(2)(Q))
    b = interpolate.make_interp_spline(X, y)
    assert b.integrate(0.3, 3.3) == scipy.interpolate.make_interp_spline(X, y).integrate(0.3, 3.3)
    assert np.array_equal(interpolate.pchip(X, y)(Q), scipy.interpolate.PchipInterpolator(X, y)(Q))


def test_complex_data():
    y = np.exp(1j * X)
    f = lambda y: interpolate.CubicSpline(X, y)(Q)
    v = np.cos(3 * X) + 2j * X
    value, tangent = hoad.jvp(f, (y,), (v,))
    assert np.array_equal(value, scipy.interpolate.CubicSpline(X, y)(Q))
    close(tangent, scipy.interpolate.CubicSpline(X, v)(Q))
    u = np.array([1.0, 2j, -1 + 1j, 0.5])
    g = hoad.vjp(f, y)[1](u)
    g = g[0] if isinstance(g, tuple) else g
    assert np.vdot(u, tangent).real == pytest.approx(np.vdot(g, v).real)


def test_cost_of_a_long_spline_is_linear():
    """No dense matrix of the size of the data."""
    x = np.linspace(0, 1, 20_000)
    g = hoad.grad(lambda y: np.sum(interpolate.CubicSpline(x, y)(x[:-1] + 2e-5) ** 2))(np.sin(9 * x))
    assert g.shape == x.shape
    assert np.isfinite(g).all()
