"""Special functions of mathematical physics: limits, removable points, orders and parameters, and what is refused."""

import mpmath as mp
import numpy as np
import pytest
from scipy import special as s

import hoad
import hoad.scipy.special as hs
from hoad.errors import UnsupportedFunctionError


def derivatives(f, x, highest):
    """Derivatives 1 … highest of a function of a number, in Taylor mode."""
    with np.errstate(all="ignore"):  # other outputs of the same function may be infinite
        series = hoad.taylor(f, np.float64(x), 1.0, highest)
    return np.array([c * float(mp.factorial(n)) for n, c in enumerate(series)][1:])


AT_ZERO = {
    "J0": (lambda x: s.jv(0, x), [0, -1 / 2, 0, 3 / 8]),
    "J2": (lambda x: s.jv(2, x), [0, 1 / 4, 0, -1 / 4]),
    "I0": (lambda x: s.iv(0, x), [0, 1 / 2, 0, 3 / 8]),
    "j0": (lambda x: hs.spherical_jn(0, x), [0, -1 / 3, 0, 1 / 5]),
    "j1": (lambda x: hs.spherical_jn(1, x), [1 / 3, 0, -1 / 5, 0]),
    "i0": (lambda x: hs.spherical_in(0, x), [0, 1 / 3, 0, 1 / 5]),
    "H0": (lambda x: s.struve(0, x), [2 / np.pi, 0, -4 / (3 * np.pi), 0]),
    "L0": (lambda x: s.modstruve(0, x), [2 / np.pi, 0, 4 / (3 * np.pi), 0]),
    "integral of H0 / x": (s.it2struve0, [-2 / np.pi, 0, 4 / (9 * np.pi), 0]),
    "integral of (1 - J0) / x": (lambda x: s.it2j0y0(x)[0], [0, 1 / 4, 0, -3 / 32]),
    "integral of (I0 - 1) / x": (lambda x: s.it2i0k0(x)[0], [0, 1 / 4, 0, 3 / 32]),
    "ber": (s.ber, [0, 0, 0, -3 / 8]),
    "bei": (s.bei, [0, 1 / 2, 0, 0]),
    "dawsn": (s.dawsn, [1, 0, -4, 0]),
    "K(m)": (s.ellipk, np.pi / 2 * np.array([1 / 4, 9 / 32, 75 / 128, 3675 / 2048])),
    "E(m)": (s.ellipe, -np.pi / 2 * np.array([1 / 4, 3 / 32, 15 / 128, 525 / 2048])),
    "W": (lambda x: hs.lambertw(x).real, [1, -2, 9, -64]),
    "Ai": (lambda x: s.airy(x)[0], [float(mp.airyai(0, derivative=n)) for n in (1, 2, 3, 4)]),
}


@pytest.mark.parametrize("name", AT_ZERO)
def test_known_derivatives_at_zero(name):
    f, expected = AT_ZERO[name]
    np.testing.assert_allclose(derivatives(f, 0.0, 4), expected, rtol=1e-13, atol=1e-14)


ENDS = {
    "legendre": (lambda x: s.eval_legendre(5, x), [15.0, 105.0]),
    "chebyt": (lambda x: s.eval_chebyt(5, x), [25.0, 200.0]),
    "chebyu": (lambda x: s.eval_chebyu(4, x), [40.0, 168.0]),
    "legendre_p": (lambda x: hs.legendre_p(5, x)[0], [15.0, 105.0]),
}


@pytest.mark.parametrize("name", ENDS)
def test_polynomials_at_the_end_of_their_interval(name):
    f, expected = ENDS[name]
    np.testing.assert_allclose(derivatives(f, 1.0, 2), expected, rtol=1e-13)


def test_polynomials_of_degree_0_are_constant():
    for f in (s.eval_legendre, s.eval_chebyt, s.eval_chebyu, s.eval_laguerre, s.eval_hermite, s.eval_hermitenorm):
        np.testing.assert_array_equal(derivatives(lambda x, f=f: f(0, x), 0.3, 3), 0.0)
    degrees = np.arange(3)
    np.testing.assert_allclose(hoad.jacobian(lambda x: s.eval_legendre(degrees, x))(0.5), [0.0, 1.0, 1.5], rtol=1e-14)


@pytest.mark.parametrize("name", ["jv", "yv", "iv", "kv"])
def test_derivatives_in_order_and_argument_commute(name):
    f = getattr(s, name)
    v, x = np.array([0.3, 2.0, 7.5]), np.array([0.4, 3.0, 9.0])
    first = hoad.jvp(lambda v: hoad.jvp(lambda x: f(v, x), (x,), (np.ones(3),))[1], (v,), (np.ones(3),))[1]
    second = hoad.jvp(lambda x: hoad.jvp(lambda v: f(v, x), (v,), (np.ones(3),))[1], (x,), (np.ones(3),))[1]
    np.testing.assert_allclose(first, second, rtol=1e-12)


@pytest.mark.parametrize(("name", "function"), [("jv", mp.besselj), ("yv", mp.bessely), ("iv", mp.besseli), ("kv", mp.besselk)])
def test_derivatives_in_the_order_across_their_methods(name, function):
    """On both sides of each border between paths of integration, against mpmath."""
    for v, x in [(0.4, 1e-6), (1.5, 0.2), (2.0, 30.0), (14.0, 30.0), (29.0, 30.0), (33.0, 30.0), (37.0, 30.0), (-2.5, 4.0)]:
        found = hoad.jvp(lambda v, x=x: getattr(s, name)(v, x), (v,), (1.0,))[1]
        with mp.workdps(50):
            exact = mp.diff(lambda u, x=x: function(u, mp.mpf(x)), mp.mpf(v) + mp.mpf(10) ** -30)
        assert found == pytest.approx(float(exact), rel=2e-13), (v, x)


def test_the_voigt_profile_solves_the_heat_equation_and_has_its_limits():
    x, sigma, gamma = 0.7, 0.9, 0.4
    in_sigma = hoad.grad(s.voigt_profile, 1)(x, sigma, gamma)
    twice = hoad.grad(hoad.grad(s.voigt_profile))(x, sigma, gamma)
    assert in_sigma == pytest.approx(sigma * twice, rel=1e-14)
    gauss = hoad.grad(lambda x: np.exp(-x * x / (2 * sigma**2)) / (sigma * np.sqrt(2 * np.pi)))(5.0)
    assert hoad.grad(s.voigt_profile)(5.0, sigma, 0.0) == pytest.approx(gauss, rel=1e-13)
    lorentz = hoad.grad(lambda x: gamma / np.pi / (x * x + gamma**2))(x)
    assert hoad.grad(s.voigt_profile)(x, 0.0, gamma) == pytest.approx(lorentz, rel=1e-14)


def test_spherical_harmonics_satisfy_their_eigenvalue_equation():
    n, m, theta, phi = 4, 2, 0.8, 0.3

    def y(t, p):
        return hs.sph_harm_y(n, m, t, p).real

    first = hoad.grad(y, 0)(theta, phi)
    second = hoad.grad(hoad.grad(y, 0), 0)(theta, phi)
    around = hoad.grad(hoad.grad(y, 1), 1)(theta, phi)
    laplacian = second + first / np.tan(theta) + around / np.sin(theta) ** 2
    assert laplacian == pytest.approx(-n * (n + 1) * y(theta, phi), rel=1e-13)


def test_all_harmonics_are_the_single_ones():
    t = np.array([0.3, 1.1])
    found = hoad.jvp(lambda t: hs.sph_harm_y_all(2, 1, t, 0.5), (t,), (np.ones(2),))[1]
    for m in (-1, 0, 1):
        single = hoad.jvp(lambda t, m=m: hs.sph_harm_y(2, m, t, 0.5), (t,), (np.ones(2),))[1]
        np.testing.assert_allclose(found[2, m], single, rtol=1e-14)


def test_scaled_functions_at_their_kink():
    assert hoad.grad(s.i0e)(0.0) == 0
    assert hoad.grad(hoad.grad(s.i0e))(0.0) == pytest.approx(1.5, rel=1e-14)
    assert hoad.grad(s.i0e)(-0.5) == -hoad.grad(s.i0e)(0.5)


REFUSED = {
    "order of hankel1": lambda t: np.real(s.hankel1(t, 2.0)),
    "order of spherical_jn": lambda t: hs.spherical_jn(t, 2.0),
    "degree of eval_legendre": lambda t: s.eval_legendre(t, 0.3),
    "parameter at a degree that is not whole": lambda t: s.eval_gegenbauer(2.5, t, 0.3),
    "parameter of hyperu": lambda t: s.hyperu(t, 1.5, 2.0),
    "hyp2f1 far out": lambda t: s.hyp2f1(t, 1.5, 2.0, -3.0),
    "q of a Mathieu function": lambda t: s.mathieu_cem(2, t, 30.0)[0],
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_derivative_says_so(name):
    with pytest.raises(UnsupportedFunctionError, match=r"scipy\.special\."):
        hoad.jvp(REFUSED[name], (2.0,), (1.0,))


def test_orders_may_be_batched():
    x = np.array([0.5, 1.5])
    found = hoad.vmap(lambda v, x: hoad.jvp(lambda x: s.hankel1(v, x), (x,), (1.0,))[1])(np.array([0.0, 1.5]), x)
    for v, at, slope in zip((0.0, 1.5), x, found):
        assert slope == pytest.approx(s.h1vp(v, at), rel=1e-14)


def test_empty_arrays_and_single_precision():
    assert hoad.jvp(s.dawsn, (np.zeros(0),), (np.zeros(0),))[1].shape == (0,)
    assert hoad.jvp(s.ellipk, (np.zeros(0),), (np.zeros(0),))[1].shape == (0,)
    x = np.array([0.3, 0.6], np.float32)
    for f in (s.ellipk, s.dawsn, s.i0e, s.ber, lambda x: s.jv(np.float32(1.5), x), lambda x: s.struve(np.float32(1), x)):
        assert hoad.jvp(f, (x,), (np.ones_like(x),))[1].dtype == np.float32
