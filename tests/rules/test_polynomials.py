"""Fits, roots and quotients of polynomials, and the series of numpy.polynomial: known derivatives, every mode, bad input."""

import numpy as np
import pytest

import hoad
import hoad.numpy as hnp
from hoad.errors import UnsupportedFunctionError
from hoad.rules.polynomial_series import FAMILIES

from .agreement import all_modes_agree, close

RNG = np.random.default_rng(4)
T = np.sort(RNG.uniform(-1, 1, 8))
Y, W = np.sin(2 * T), RNG.uniform(0.5, 2.0, 8)

over_families = pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.module)


def offered(family, name):
    return getattr(getattr(hnp.polynomial, family.module), family.prefix + name)


@pytest.mark.parametrize("deg", [0, 1, 3])
@pytest.mark.parametrize("weights", [None, W])
def test_a_fit_is_linear_in_y(deg, weights):
    """The Jacobian is the weighted pseudo-inverse of the Vandermonde matrix."""
    scale = np.ones(8) if weights is None else weights
    expected = np.linalg.pinv(np.vander(T, deg + 1) * scale[:, None]) * scale
    fit = lambda y: np.polyfit(T, y, deg, w=weights)
    close(hoad.jacfwd(fit)(Y), expected, 1e-12)
    close(hoad.jacrev(fit)(Y), expected, 1e-12)
    np.testing.assert_array_equal(hoad.jvp(fit, (Y,), (Y,))[0], fit(Y))


def test_a_fit_in_x_and_in_the_weights():
    all_modes_agree(lambda x: np.polyfit(x, Y, 2), T, order=3, tolerance=1e-7)
    all_modes_agree(lambda w: np.polyfit(T, Y, 2, w=w), W, order=3, tolerance=1e-7)
    all_modes_agree(lambda y: np.polyfit(T, np.stack([y, y**2], 1), 1), Y, order=3)


def test_covariance_and_details_of_a_fit():
    """For a straight line through n points the variance of the slope is s² / Σ (x - mean)²."""

    def slope_variance(y):
        return np.polyfit(T, y, 1, cov=True)[1][0, 0]

    def by_hand(y):
        x = T - T.mean()
        a = np.sum(x * y) / np.sum(x * x)
        r = y - np.mean(y) - a * x
        return np.sum(r * r) / 6 / np.sum(x * x)

    assert np.isclose(slope_variance(Y), by_hand(Y), rtol=1e-13)
    close(hoad.grad(slope_variance)(Y), hoad.grad(by_hand)(Y), 1e-12)
    close(hoad.hessian(slope_variance)(Y), hoad.hessian(by_hand)(Y), 1e-11)
    c, residuals = hoad.jvp(lambda y: np.polyfit(T, y, 2, full=True)[:2], (Y,), (W,))[0]
    np.testing.assert_array_equal(c, np.polyfit(T, Y, 2))
    np.testing.assert_allclose(residuals, np.polyfit(T, Y, 2, full=True)[1], rtol=1e-12)


def test_roots_move_by_minus_dp_over_slope():
    p = np.poly([1.5, -0.7, 2.3, 0.1])
    r = np.roots(p)
    expected = -(r[:, None] ** np.arange(4, -1, -1)) / np.polyval(np.polyder(p), r)[:, None]
    for jacobian in (hoad.jacfwd, hoad.jacrev):
        close(jacobian(np.roots)(p), expected, 1e-11)
    all_modes_agree(lambda r: np.sort(np.roots(np.poly(r))), np.array([-0.7, 0.1, 1.5]), order=3, tolerance=1e-8)
    second = hoad.jvp(lambda c: hoad.jvp(np.roots, (c,), (np.eye(3)[2],))[1], (np.array([1.0, 0.0, -4.0]),), (np.eye(3)[2],))[1]
    close(np.sort(second), [-1 / 32, 1 / 32], 1e-14)  # r = sqrt(-c): r'' = -1 / (4 r³)


def test_complex_roots_of_a_real_polynomial():
    f = lambda c: np.sum(np.abs(np.roots(c)) ** 2)  # x² + c: twice |c|
    close(hoad.grad(f)(np.array([1.0, 0.0, 4.0]))[2], 2.0, 1e-13)
    close(hoad.grad(lambda c: f(np.stack([1.0 + 0 * c, 0 * c, c])))(4.0), 2.0, 1e-13)


def test_a_double_root_has_no_finite_derivative():
    with np.errstate(all="ignore"):
        gradient = hoad.jacfwd(np.roots)(np.array([1.0, -2.0, 1.0]))
    assert not np.isfinite(gradient).any() or np.max(np.abs(gradient)) > 1e6


def test_poly_of_roots_and_of_a_matrix():
    all_modes_agree(np.poly, np.array([0.3, -1.2, 0.7]), order=3)
    a = np.array([[1.0, 0.4], [0.3, -2.0]])
    close(hoad.jacrev(np.poly)(a)[1], -np.eye(2), 1e-13)  # minus the trace
    close(hoad.jacrev(np.poly)(a)[2], np.linalg.det(a) * np.linalg.inv(a).T, 1e-13)
    z = np.array([1.0 + 2j, 1.0 - 2j, 0.5])
    assert hoad.jvp(np.poly, (z,), (z,))[0].dtype == np.poly(z).dtype == np.float64


def test_quotients():
    u, v = np.array([2.0, -1.0, 0.5, 3.0, 1.0]), np.array([1.0, 0.4, -0.3])
    for i in (0, 1):
        all_modes_agree(lambda u, i=i: np.polydiv(u, v)[i], u, order=3)
        all_modes_agree(lambda v, i=i: np.polydiv(u, v)[i], v, order=3)
    exact = lambda v: np.polydiv(np.polymul(v, np.array([1.0, 2.0])), np.array([1.0, 2.0]))[0]
    close(hoad.jacrev(exact)(v), np.eye(3), 1e-13)
    all_modes_agree(lambda u: np.polydiv(u, np.array([1.0, 2.0, 3.0]))[1], np.array([0.5, 1.5]), order=3)


# -- numpy.polynomial ----------------------------------------------------------------------------------------------------------


@over_families
def test_series_and_its_derivative(family):
    """d/dx of a series is the series of its derivative, to every order."""
    c, x = RNG.normal(size=5), np.array([0.3, -0.6, 0.9])
    value, der = offered(family, "val"), family.native("der")
    coefficients = hoad.taylor(lambda x: value(x, c), x, np.ones(3), 4)
    factorial = 1.0
    for n in range(5):
        factorial *= max(n, 1)
        close(factorial * coefficients[n], value(x, der(c, n) if n else c), 1e-10)
    close(hoad.jacrev(lambda c: value(x, c))(c), family.native("vander")(x, 4), 1e-13)


@over_families
def test_integral_then_derivative(family):
    c = RNG.normal(size=4)
    f = lambda c: offered(family, "der")(offered(family, "int")(c, 2, [0.3, 0.4], 0.5, 2.0), 2, 0.5)
    close(hoad.jacfwd(f)(c), np.eye(4), 1e-12)
    k = lambda k: offered(family, "int")(c, 1, [k])
    close(hoad.jacfwd(k)(0.7), np.eye(5)[0], 1e-15)
    with pytest.raises(UnsupportedFunctionError, match="with respect to lbnd"):
        hoad.grad(lambda b: offered(family, "int")(c, lbnd=b)[0])(0.5)


@over_families
def test_products_and_quotients_agree_with_values(family):
    a, b, x = RNG.normal(size=4), np.array([0.7, -0.2, 1.3]), np.array([0.2, -0.4])
    value = offered(family, "val")
    for f, plain in (
        (lambda a: value(x, offered(family, "mul")(a, b)), lambda a: value(x, a) * value(x, b)),
        (lambda a: value(x, offered(family, "pow")(a, 2)), lambda a: value(x, a) ** 2),
        (lambda a: value(x, offered(family, "mulx")(a)), lambda a: x * value(x, a)),
        (lambda a: value(x, offered(family, "sub")(a, b)), lambda a: value(x, a) - value(x, b)),
        (lambda r: value(x, offered(family, "fromroots")(r)), lambda r: np.prod(x[:, None] - r, axis=1)),
    ):
        for n in (0, 1, 2, 3):
            found, expected = hoad.taylor(f, a, a[::-1].copy(), 3)[n], hoad.taylor(plain, a, a[::-1].copy(), 3)[n]
            close(found, expected, 1e-11)
        close(hoad.jacrev(f)(a), hoad.jacrev(plain)(a), 1e-11)

    def recomposed(a):
        quotient, rest = offered(family, "div")(a, b)
        return value(x, quotient) * value(x, b) + value(x, rest)

    close(hoad.jacrev(recomposed)(a), hoad.jacrev(lambda a: value(x, a))(a), 1e-12)


@over_families
def test_roots_of_series(family):
    roots = np.array([-0.8, 0.1, 0.6])
    f = lambda r: np.sort(offered(family, "roots")(offered(family, "fromroots")(r)))
    close(hoad.jacfwd(f)(roots), np.eye(3), 1e-10)
    close(hoad.jacrev(f)(roots), np.eye(3), 1e-10)
    c = family.native("fromroots")(roots)
    matrix = lambda c: np.trace(offered(family, "companion")(c))
    close(hoad.grad(matrix)(c), hoad.grad(lambda c: np.sum(offered(family, "roots")(c)))(c), 1e-11)


@over_families
def test_fits_of_series(family):
    fit = lambda y: offered(family, "fit")(T, y, 3, w=W)
    expected = np.linalg.pinv(family.native("vander")(T, 3) * W[:, None]) * W
    close(hoad.jacfwd(fit)(Y), expected, 1e-11)
    close(hoad.jacrev(fit)(Y), expected, 1e-11)
    c, (residuals, *_) = offered(family, "fit")(T, Y, 2, full=True)
    squares = lambda y: offered(family, "fit")(T, y, 2, full=True)[1][0][0]
    misfit = Y - family.native("val")(T, c)
    close(hoad.grad(squares)(Y), 2 * misfit, 1e-12)


@over_families
def test_vanishing_leading_coefficients_are_dropped_as_numpy_drops_them(family):
    a, b = np.array([1.0, 2.0, 3.0]), np.array([0.5, 1.0, 3.0])
    y, t = hoad.jvp(lambda a: offered(family, "sub")(a, b), (a,), (np.ones(3),))
    np.testing.assert_array_equal(y, family.native("sub")(a, b))
    np.testing.assert_array_equal(t, np.ones(2))


def test_interpolation_at_chebyshev_points():
    c = lambda s: np.polynomial.chebyshev.chebinterpolate(lambda x: np.exp(s * x), 12)
    tangent = hoad.jvp(c, (0.7,), (1.0,))[1]
    close(np.polynomial.chebyshev.chebval(0.3, tangent), 0.3 * np.exp(0.21), 1e-10)


@over_families
def test_bad_input(family):
    with pytest.raises(ValueError, match="non-negative"):
        hoad.jvp(lambda c: offered(family, "pow")(c, -1), (np.ones(2),), (np.ones(2),))
    with pytest.raises(ValueError, match="incompatible"):
        hoad.jvp(lambda x: offered(family, "val2d")(x, x[:1], np.ones((2, 2))), (np.ones(2),), (np.ones(2),))
    with pytest.raises(ValueError, match="degree of at least 1"):
        hoad.jvp(lambda c: offered(family, "companion")(c), (np.ones(1),), (np.ones(1),))
    with pytest.raises(ZeroDivisionError):
        hoad.jvp(lambda c: offered(family, "div")(c, np.zeros(1)), (np.ones(2),), (np.ones(2),))
