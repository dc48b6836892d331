"""Derivatives with respect to parameters: closed forms, identities, published values, tails, ends of domains, and refusals."""

import mpmath as mp
import numpy as np
import pytest
from scipy import special as s

import hoad
import hoad.scipy.special as hs
from hoad.errors import UnsupportedFunctionError

RNG = np.random.default_rng(5)


def derivatives(f, x, order):
    """Derivatives 1 ... ``order`` at a number."""
    c = hoad.taylor(f, np.float64(x), 1.0, order)
    return [c[n] * mp.factorial(n) for n in range(1, order + 1)]


def near(found, expected, rtol=1e-14):
    np.testing.assert_allclose(np.asarray(found, float), np.asarray(expected, float), rtol=rtol, atol=0)


# -- incomplete gamma -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("a", [0.05, 0.8, 3.0, 40.0, 2e3, 1e6])
@pytest.mark.parametrize("spread", [-3.0, -0.5, 0.4, 4.0])
def test_recurrence_of_the_incomplete_gamma_function(a, spread):
    """P(a, x) - P(a + 1, x) = x^a exp(-x) / Gamma(a + 1) in two derivatives with respect to a, whatever branch each is in."""
    x = max(a + spread * np.sqrt(a), 0.3)
    found = derivatives(lambda t: s.gammainc(t, x) - s.gammainc(t + 1, x), a, 2)
    with mp.workdps(50):
        exact = mp.taylor(lambda t: mp.exp(t * mp.log(x) - x - mp.loggamma(t + 1)), a, 2)
    size = [abs(hoad.grad(s.gammainc)(a, x)), abs(hoad.grad(hoad.grad(s.gammainc))(a, x))]
    for k in (0, 1):
        expected = exact[k + 1] * (k + 1)
        assert abs(found[k] - expected) <= 1e-13 * (size[k] + abs(expected) * (1 + np.sqrt(a)))


@pytest.mark.parametrize("x", [0.2, 0.9, 1.5, 8.0, 40.0])
def test_slope_at_the_end_of_the_parameter_is_the_exponential_integral(x):
    near(hoad.grad(s.gammaincc)(0.0, x), s.exp1(x))
    near(hoad.grad(s.gammainc)(0.0, x), -s.exp1(x))


def test_far_tails_keep_their_digits():
    """Of 1e-126 and of 1 - 1e-90."""
    for a, x in ((393.0, 87.0), (2.0, 200.0), (0.01, 150.0), (50.0, 1e-3)):
        with mp.workdps(220):
            low, high, sign = (0, x, 1) if x < a else (x, mp.inf, -1)
            exact = sign * mp.diff(
                lambda t, low=low, high=high: mp.gammainc(t, low, high, regularized=True), mp.mpf(a), 1, h=mp.mpf(10) ** -30
            )
        near(hoad.grad(s.gammainc)(a, x), exact, 2e-14)
    assert hoad.grad(s.gammainc)(1e5, 1.0) == 0
    assert hoad.grad(s.gammainc)(2.0, np.inf) == 0
    assert hoad.grad(s.gammainc)(2.0, 0.0) == 0


def test_high_orders_agree_with_differences_in_many_digits():
    with mp.workdps(60):
        exact = mp.taylor(lambda t: mp.gammainc(t, 0, t * t, regularized=True), mp.mpf(1.7), 7)
    near(hoad.taylor(lambda t: s.gammainc(t, t * t), np.float64(1.7), 1.0, 7), exact, 2e-12)


def test_inverse_undoes_the_function_in_both_arguments():
    a = RNG.uniform(0.3, 20, 30)
    x, one = a * RNG.uniform(0.7, 1.4, 30), np.ones(30)

    def lower(a, x):
        return s.gammaincinv(a, s.gammainc(a, x))

    def upper(a, x):
        return s.gammainccinv(a, s.gammaincc(a, x))

    for f in (lower, upper):
        np.testing.assert_allclose(hoad.jvp(f, (a, x), (one, 0 * one))[1], 0, atol=1e-12)
        np.testing.assert_allclose(hoad.jvp(f, (a, x), (0 * one, one))[1], 1, rtol=1e-12)


# -- incomplete beta --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [1e-12, 0.2, 0.6, 0.97])
@pytest.mark.parametrize("p", [0.02, 0.7, 1.0, 4.0, 300.0])
def test_powers_as_incomplete_beta_functions(x, p):
    """I_x(a, 1) = x^a and I_x(1, b) = 1 - (1 - x)^b, to the third derivative in the parameter."""
    with mp.workdps(60):
        in_a = [mp.mpf(x) ** p * mp.log(x) ** n for n in range(1, 4)]
        in_b = [-((1 - mp.mpf(x)) ** p) * mp.log(1 - mp.mpf(x)) ** n for n in range(1, 4)]
    found = derivatives(lambda a: s.betainc(a, 1.0, x), p, 3), derivatives(lambda b: s.betainc(1.0, b, x), p, 3)
    for values, exact in zip(found, (in_a, in_b), strict=True):
        for v, e in zip(values, exact, strict=True):
            assert abs(v - e) <= 1e-13 * (abs(e) + abs(exact[0])) or abs(e) < 1e-300


def test_symmetry_of_the_incomplete_beta_function():
    a, b = np.exp(RNG.uniform(-2, 6, (2, 40)))
    x = RNG.uniform(0.01, 0.99, 40).round(6)
    x = np.round(x * 2**20) / 2**20  # 1 - x is exact
    swap = hoad.vjp(lambda a, b: s.betainc(b, a, 1 - x), a, b)[1](np.ones(40))
    plain = hoad.vjp(lambda a, b: s.betainc(a, b, x), a, b)[1](np.ones(40))
    for u, v in zip(swap, plain, strict=True):
        np.testing.assert_allclose(u, -v, rtol=1e-13, atol=1e-300)


def test_mixed_derivatives_of_the_incomplete_beta_function():
    point = np.array([1.3, 2.4, 0.35])
    hessian = hoad.hessian(lambda z: s.betainc(z[0], z[1], z[2]))(point)
    with mp.workdps(40):
        f = lambda a, b, x: mp.betainc(a, b, 0, x, regularized=True)
        for i in range(3):
            for k in range(3):
                order = tuple(int(i == m) + int(k == m) for m in range(3))
                near(hessian[i, k], mp.diff(f, tuple(point), order), 1e-13)


@pytest.mark.parametrize(("f", "args"), [
    (s.gammainc, (-1.0, 0.5)), (s.gammainc, (1.0, -0.5)), (s.betainc, (1.0, 2.0, 1.5)), (s.betainc, (-1.0, 2.0, 0.5)),
    (s.stdtr, (-1.0, 0.5)), (s.gammainc, (np.nan, 0.5)), (s.betaincinv, (1.0, 2.0, 1.5)),
])  # fmt: skip
def test_outside_of_the_domain_derivatives_are_nan(f, args):
    with np.errstate(all="ignore"):
        assert np.isnan(f(*args))
        assert np.isnan(hoad.grad(f, tuple(range(len(args))))(*args)).all()


def test_no_solution_has_no_derivative():
    """SciPy answers with the end of its search interval."""
    with np.errstate(all="ignore"):
        assert s.fdtridfd(2.0, 0.9, 0.3) > 1e90
        assert np.isnan(hoad.grad(s.fdtridfd, (0, 1, 2))(2.0, 0.9, 0.3)).all()
        assert s.pdtrik(0.3, 0.1) == 0
        assert np.isnan(hoad.grad(s.pdtrik, (0, 1))(0.3, 0.1)).all()


# -- distributions ----------------------------------------------------------------------------------------------------------


def test_student_at_zero_and_in_the_normal_limit():
    f = lambda z: s.stdtr(z[0], z[1])
    for n in (0.3, 2.0, 30.0, 1e4):
        hessian = hoad.hessian(f)(np.array([n, 0.0]))
        with mp.workdps(40):
            slope = mp.diff(lambda n: mp.gamma((n + 1) / 2) / mp.sqrt(n * mp.pi) / mp.gamma(n / 2), mp.mpf(n))
        near(hessian[0, 1], slope, 1e-13)
        assert hessian[0, 0] == 0
    # F(t; n) = Phi(t) - t (1 + t^2) phi(t) / (4 n) + O(1 / n^2), so that n^2 times the slope tends to the coefficient.
    t = 1.3
    near(1e16 * hoad.grad(s.stdtr)(1e8, t), t * (1 + t * t) * np.exp(-t * t / 2) / np.sqrt(2 * np.pi) / 4, 1e-7)


def test_cauchy_distribution_in_its_scale():
    """One degree of freedom: the quantile slope is pi (1 + t^2)."""
    near(hoad.grad(s.stdtrit, 1)(1.0, 0.3), np.pi * (1 + np.tan(np.pi * 0.2) ** 2), 1e-13)


def test_counts_are_refused_and_rounded_down():
    near(hoad.grad(lambda m: s.pdtr(3.7, m))(2.0), -np.exp(-2.0) * 8 / 6)
    near(hoad.grad(lambda p: s.bdtr(1, 3, p))(0.4), -6 * 0.4 * 0.6)
    assert hoad.grad(lambda p: s.bdtr(3, 3, p))(0.4) == 0
    for f in (lambda k: s.pdtr(k, 2.0), lambda k: s.bdtr(k, 3, 0.4), lambda n: s.smirnov(n, 0.3)):
        with pytest.raises(UnsupportedFunctionError, match="with respect to argument"):
            hoad.grad(f)(2.0)


def test_smirnov_of_one_observation_is_linear():
    near(derivatives(lambda d: s.smirnov(1, d), 0.3, 1), [-1.0])
    assert abs(derivatives(lambda d: s.smirnov(1, d), 0.3, 2)[1]) < 1e-14


# -- gamma and zeta ---------------------------------------------------------------------------------------------------------


def test_reciprocal_gamma_at_the_poles():
    """(-1)^n n! at -n, and the Euler constant at 0 in the second derivative."""
    assert [hoad.grad(s.rgamma)(-float(n)) for n in range(5)] == pytest.approx([1, -1, 2, -6, 24], rel=1e-15)
    near(derivatives(s.rgamma, 0.0, 2)[1], 2 * np.euler_gamma)


def test_binomial_coefficients_that_vanish():
    near(hoad.grad(s.binom)(3.0, 5.0), -1 / 20)  # x (x-1) (x-2) (x-3) (x-4) / 120
    near(hoad.grad(hs.comb)(5.0, 2.0), 4.5)  # x (x-1) / 2
    assert hoad.grad(hs.comb)(1.0, 2.0) == 0  # SciPy's comb is 0 there
    near(hoad.grad(s.poch)(-1.0, 3.0), -1.0)  # x (x+1) (x+2)


def test_ratios_keep_their_digits_for_large_arguments():
    near(hoad.grad(s.betaln)(1e10, 2.0), -2e-10 * (1 - 0.5e-10), 1e-14)
    with mp.workdps(40):
        near(hoad.grad(s.poch)(1e8, 0.5), 0.5 * mp.rf(1e8, 0.5) / 1e8, 1e-7)


@pytest.mark.parametrize("z", [-3.3 + 0.2j, 0.4 - 2j, -30.5 - 50j, 12 + 1e-3j])
def test_digamma_of_complex_numbers(z):
    with mp.workdps(30):
        exact = mp.taylor(lambda t: mp.psi(0, t), mp.mpc(z), 4)
    found = hoad.taylor(s.digamma, np.complex128(z), 1.0, 4)
    for n in range(1, 5):
        assert abs(found[n] - exact[n]) < 1e-13 * abs(exact[n])


def test_zeta_at_known_points():
    near(hoad.grad(lambda t: hs.zeta(t))(0.0), -0.5 * np.log(2 * np.pi))
    near(hoad.grad(lambda t: hs.zeta(t))(-2.0), -s.zeta(3.0) / (4 * np.pi**2))
    near(hoad.grad(lambda t: hs.zeta(t))(2.0), -0.9375482543158437537, 1e-15)  # published digits
    near(hoad.grad(s.zetac)(60.0), -np.log(2) / 2.0**60 - np.log(3) / 3.0**60)
    # zeta(s, 1/2) = (2^s - 1) zeta(s)
    t = 2.7
    near(hoad.grad(lambda t: hs.zeta(t, 0.5))(t), hoad.grad(lambda t: (2**t - 1) * hs.zeta(t))(t))
    with np.errstate(all="ignore"):
        assert np.isnan(hoad.grad(lambda t: hs.zeta(t, 2.0))(0.5))  # as SciPy's value
    with pytest.raises(UnsupportedFunctionError, match="complex"):
        hoad.jvp(lambda t: hs.zeta(t), (np.complex128(2 + 1j),), (np.complex128(1),))


# -- removable singularities ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("f", "at", "expected"), [
    (s.spence, 1.0, [-1.0, 0.5, -2 / 3]),
    (lambda x: s.sici(x)[0], 0.0, [1.0, 0.0, -1 / 3]),
    (lambda x: s.shichi(x)[0], 0.0, [1.0, 0.0, 1 / 3]),
    (lambda p: s.boxcox(np.e, p), 0.0, [0.5, 1 / 3, 0.25]),
    (lambda p: s.inv_boxcox(1.0, p), 0.0, [-np.e / 2, np.e * 11 / 12, -np.e * 21 / 8]),
    (lambda x: hs.diric(x, 3), 0.0, [0.0, -2 / 3, 0.0]),
    (lambda x: hs.diric(x, 4), 2 * np.pi, [0.0, 1.25, 0.0]),
    (lambda x: s.erfinv(x), 0.0, [np.sqrt(np.pi) / 2, 0.0, np.pi**1.5 / 4]),
])  # fmt: skip
def test_removable_singularities(f, at, expected):
    with np.errstate(all="ignore"):  # the second result of sici has a pole
        found = np.asarray(derivatives(f, at, 3), float)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)


def test_box_cox_of_zero():
    with np.errstate(all="ignore"):
        assert hoad.grad(s.boxcox, 1)(0.0, 2.0) == 0.25  # of -1 / p


# -- arguments of all kinds -------------------------------------------------------------------------------------------------


def test_lists_empty_arrays_and_broadcasting():
    g = hoad.grad(lambda a: np.sum(hs.gammainc(a, [[0.5], [2.0]])))(np.array([1.0, 2.0, 3.0]))
    assert g.shape == (3,)
    assert hoad.jvp(lambda a: s.betainc(a, 2.0, 0.3), (np.ones((0, 2)),), (np.ones((0, 2)),))[1].shape == (0, 2)
    big = np.linspace(0.5, 30, 10001)  # several blocks
    slopes = hoad.vjp(lambda a: s.gammainc(a, 5.0), big)[1](np.ones_like(big))[0]
    assert slopes[5000] == hoad.grad(s.gammainc)(big[5000], 5.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: hs.comb(x, 2, exact=True), lambda x: hs.perm(x, 2, exact=True), lambda x: hs.factorial(x, exact=True),
        lambda x: hs.diric(1.0, x), lambda x: hs.diric(x, 2.5), lambda x: hs.zeta(x, 2.0, out=np.zeros(())),
    ],
)  # fmt: skip
def test_what_has_no_derivative_is_refused(call):
    with pytest.raises(UnsupportedFunctionError, match=r"scipy\.special\."):
        hoad.grad(call)(3.0)


# -- noncentral distributions -----------------------------------------------------------------------------------------------


def test_noncentral_distributions_without_noncentrality_are_the_central_ones():
    """Computed in other ways: mixtures and integrals here, incomplete functions there."""
    for x, n in ((0.3, 2.5), (4.0, 1.2), (30.0, 20.0)):
        near(hoad.grad(s.chndtr, (0, 1))(x, n, 0.0), hoad.grad(s.chdtr, (1, 0))(n, x), 1e-13)
    for t, n in ((-2.5, 1.3), (0.4, 7.0), (3.0, 40.0)):
        near(hoad.grad(s.nctdtr, (0, 2))(n, 0.0, t), hoad.grad(s.stdtr, (0, 1))(n, t), 2e-12)
        plain = hoad.hessian(lambda z: s.stdtr(z[0], z[1]))(np.array([n, t]))
        found = hoad.hessian(lambda z: s.nctdtr(z[0], 0.0, z[1]))(np.array([n, t]))
        np.testing.assert_allclose(found, plain, rtol=1e-10)
    near(hoad.grad(s.ncfdtr, (0, 1, 3))(3.0, 5.0, 0.0, 1.4), hoad.grad(s.fdtr, (0, 1, 2))(3.0, 5.0, 1.4), 1e-13)


def test_one_degree_of_freedom_is_a_shifted_normal_variable_squared():
    """P((Z + c)^2 < x) for the noncentrality c^2."""
    f = lambda x, c: s.ndtr(np.sqrt(x) - c) - s.ndtr(-np.sqrt(x) - c)
    g = lambda x, c: s.chndtr(x, 1.0, c * c)
    for point in ((2.0, 0.7), (0.1, 3.0), (50.0, 6.0)):
        near(hoad.grad(g, (0, 1))(*point), hoad.grad(f, (0, 1))(*point), 1e-12)
        near(hoad.hessian(lambda z: g(z[0], z[1]))(np.array(point)), hoad.hessian(lambda z: f(z[0], z[1]))(np.array(point)), 1e-11)


INVERSES = {
    "ncfdtri": (s.ncfdtr, 3, (3.0, 4.0, 1.0, 1.0)),
    "ncfdtridfd": (s.ncfdtr, 1, (3.0, 4.0, 1.0, 1.0)),
    "ncfdtridfn": (s.ncfdtr, 0, (2.0, 4.0, 1.0, 2.5)),
    "ncfdtrinc": (s.ncfdtr, 2, (3.0, 4.0, 2.0, 2.5)),
    "chndtrix": (s.chndtr, 0, (3.0, 2.0, 1.5)),
    "chndtridf": (s.chndtr, 1, (3.0, 2.0, 1.5)),
    "chndtrinc": (s.chndtr, 2, (3.0, 2.0, 1.5)),
    "nctdtrit": (s.nctdtr, 2, (3.0, 0.5, 1.5)),
    "nctdtridf": (s.nctdtr, 0, (3.0, 0.5, -2.0)),
    "nctdtrinc": (s.nctdtr, 1, (3.0, 0.5, 1.5)),
    "fdtridfd": (s.fdtr, 1, (3.0, 4.0, 1.5)),
    "stdtridf": (s.stdtr, 0, (3.0, -1.5)),
    "gdtrib": (s.gdtr, 1, (1.2, 3.0, 2.0)),
}


@pytest.mark.parametrize("name", INVERSES)
def test_inverses_undo_their_distributions(name):
    """The gradient of the inverse of the distribution function is that of the variable, although SciPy's search stops early."""
    f, unknown, point = INVERSES[name]

    def back(*xs):
        p = f(*xs)
        at = [p if i == unknown else x for i, x in enumerate(xs)]
        return getattr(s, name)(*at)

    slopes = hoad.grad(back, tuple(range(len(point))))(*point)
    expected = [float(i == unknown) for i in range(len(point))]
    np.testing.assert_allclose(slopes, expected, rtol=2e-7, atol=2e-7)


@pytest.mark.parametrize("m", [1e-9, -1e-9, 0.2499, 0.2501, -0.2499, -0.2501, 1 - 0.99e-4, 1 - 1.01e-4, -1.01e4, -0.99e4])
@pytest.mark.parametrize("name", ["ellipk", "ellipe"])
def test_complete_elliptic_integrals_where_formulas_meet(name, m):
    with mp.workdps(40):
        exact = mp.taylor(getattr(mp, name), mp.mpf(m), 2)
    found = hoad.taylor(getattr(s, name), m, 1.0, 2)
    np.testing.assert_allclose(found, [float(c) for c in exact], rtol=3e-14)


@pytest.mark.parametrize("df", [0.01, 0.05, 0.12, 0.15])
def test_student_with_hardly_any_degrees_of_freedom(df):
    def exact(df):
        t = mp.mpf("1.3")
        return 1 - mp.betainc(df / 2, mp.mpf(1) / 2, 0, df / (df + t * t), regularized=True) / 2

    with mp.workdps(40):
        slope = mp.diff(exact, mp.mpf(df))
    np.testing.assert_allclose(hoad.grad(s.stdtr)(df, 1.3), float(slope), rtol=2e-13)
