"""scipy.special: every mode, the tails against mpmath, and sums of exponentials at infinity."""

import mpmath as mp
import numpy as np
import pytest
from scipy import special as s

import hoad
import hoad.scipy.special as hs
from hoad.core.series import curve
from hoad.errors import TracedConversionError, UnsupportedFunctionError
from hoad.modes.taylor import expand, unpack

from .agreement import all_modes_agree, close

RNG = np.random.default_rng(11)
POSITIVE = RNG.uniform(1.1, 2.9, 3)
UNIT = RNG.uniform(0.2, 0.8, 3)
ANY = RNG.normal(size=3)
TWO = RNG.uniform(1, 3, (2, 3))
GRID = RNG.normal(size=(2, 3, 2))

CASES = {name: (getattr(s, name), ANY) for name in (
    "erf", "erfc", "erfcx", "ndtr", "log_ndtr", "expit", "log_expit", "exprel", "cosm1", "exp10", "i0",
    "i1", "j0", "j1", "expm1", "exp2",
)}  # fmt: skip
CASES |= {name: (getattr(s, name), POSITIVE) for name in (
    "gamma", "gammaln", "loggamma", "digamma", "entr", "k0", "k1", "y0", "y1", "log1p", "cbrt",
)}  # fmt: skip
CASES |= {name: (getattr(s, name), UNIT) for name in ("logit", "erfinv", "erfcinv", "ndtri")}
CASES |= {
    name: (lambda z, name=name: getattr(s, name)(z[0], z[1]), TWO)
    for name in ("beta", "betaln", "xlogy", "xlog1py", "rel_entr", "kl_div", "pseudo_huber")
}
CASES |= {
    name: (lambda z, name=name: getattr(s, name)(1.5, z), POSITIVE) for name in ("jv", "yv", "iv", "kv", "gammainc", "gammaincc")
}
CASES |= {
    "huber": (lambda z: s.huber(z[0], 2 * z[1]), TWO),
    "betainc": (lambda z: s.betainc(2.5, 1.5, z), UNIT),
    "sinc": (np.sinc, np.array([0.0, 1e-9, 0.3, 0.33, -1.0, 7.6])),
    "sinc: complex": (np.sinc, ANY + 1j),
    "numpy.i0": (np.i0, ANY),
}


@pytest.mark.parametrize("name", CASES)
def test_all_modes_agree(name):
    all_modes_agree(*CASES[name])


UNREACHED = {
    "polygamma": (lambda m, z: m.polygamma(2, z), POSITIVE),
    "zeta": (lambda m, z: m.zeta(2.5, z), POSITIVE),
    "multigammaln": (lambda m, z: m.multigammaln(z + 2, 3), POSITIVE),
    "logsumexp": (lambda m, z: m.logsumexp(z), GRID),
    "logsumexp: axes": (lambda m, z: m.logsumexp(z, axis=(0, 2), keepdims=True), GRID),
    "logsumexp: complex": (lambda m, z: m.logsumexp(z), ANY + 1j * UNIT),
    "logsumexp: number": (lambda m, z: m.logsumexp(z), np.float64(0.3)),
    "logsumexp: weights": (lambda m, z: m.logsumexp(z[0], axis=0, b=z[1] + 3), GRID),
    "logsumexp: sign": (lambda m, z: m.logsumexp(z, axis=1, b=np.array([1.0, -4.0, 1.0])[:, None], return_sign=True)[0], GRID),
    "softmax": (lambda m, z: m.softmax(z, axis=1), GRID),
    "log_softmax": (lambda m, z: m.log_softmax(z), GRID),
}
if hasattr(s, "softplus"):
    UNREACHED["softplus"] = (lambda m, z: m.softplus(z), ANY)


@pytest.mark.parametrize("name", UNREACHED)
def test_functions_that_convert_their_arguments_work_in_the_namespace(name):
    f, x = UNREACHED[name]
    all_modes_agree(lambda z: f(hs, z), x, plain=lambda z: f(s, z))


TAILS = {
    "erf": (s.erf, mp.erf, [0.3, 5.0]),
    "erfc": (s.erfc, mp.erfc, [-2.0, 10.0, 20.0]),
    "erfcx": (s.erfcx, lambda x: mp.exp(x * x) * mp.erfc(x), [-3.0, 0.5, 1.5, 1e4]),
    "log_ndtr": (s.log_ndtr, lambda x: mp.log(mp.erfc(-x / mp.sqrt(2)) / 2), [-30.0, -1.0, 0.5, 30.0]),
    # On the right, less 1: the digits that matter are beyond the first 300.
    "expit": (s.expit, lambda x: 1 / (1 + mp.exp(-x)) if x < 0 else -1 / (1 + mp.exp(x)), [-700.0, -30.0, 0.3, 30.0, 700.0]),
    "log_expit": (s.log_expit, lambda x: -mp.log1p(mp.exp(-x)), [-30.0, 700.0]),
    "logit": (s.logit, lambda x: mp.log(x / (1 - x)), [1e-20, 0.3, 1 - 1e-12]),
    "gammaln": (s.gammaln, mp.loggamma, [1e-3, 1e5]),
    "digamma": (s.digamma, mp.digamma, [1e-3, 100.0, -1.5]),
    "sinc": (np.sinc, mp.sincpi, [1e-8, 0.31, 0.9, 3.0, 20.25]),
    "exprel": (s.exprel, lambda x: mp.expm1(x) / x, [-800.0, -1.01, 1e-9, 1.2, 30.0]),
    "ndtri": (s.ndtri, lambda x: mp.sqrt(2) * mp.erfinv(2 * x - 1), [1e-10, 0.99]),
    "j1": (s.j1, lambda x: mp.besselj(1, x), [1e-5, 2.0]),
    "gammainc": (lambda x: s.gammainc(2.5, x), lambda x: mp.gammainc(2.5, 0, x, regularized=True), [0.1, 30.0]),
}


@pytest.mark.parametrize("name", TAILS)
def test_derivatives_keep_relative_accuracy_in_the_tails(name):
    """Three orders in Taylor mode and in nested reverse mode: 13 digits."""
    f, exact, points = TAILS[name]
    for x in points:
        out = unpack(*expand(curve(3), f, [[np.float64(x), np.float64(1.0)]]), 4)
        g = hoad.grad(f)
        second = hoad.grad(g)
        found = [(out[1], g(x)), (2 * out[2], second(x)), (6 * out[3], hoad.grad(second)(x))]
        with mp.workdps(150):
            h = mp.mpf(min(abs(x), abs(1 - x))) * mp.mpf(10) ** -30
            expected = [mp.diff(exact, mp.mpf(x), n, h=h) for n in (1, 2, 3)]
            for n in range(3):
                for value in found[n]:
                    assert abs(mp.mpf(float(value)) - expected[n]) <= 1e-13 * abs(expected[n]), (x, n + 1)


def test_expit_saturates_without_warning_or_nan():
    for x in (-800.0, 800.0):
        assert unpack(*expand(curve(3), s.expit, [[np.float64(x), np.float64(1.0)]]), 4)[1:] == [0, 0, 0]


def test_sinc_at_zero():
    out = unpack(*expand(curve(4), np.sinc, [[np.float64(0), np.float64(1)]]), 5)
    close(np.array(out) * [1, 1, 2, 6, 24], [1, 0, -(np.pi**2) / 3, 0, np.pi**4 / 5], 1e-15)
    assert hoad.grad(hoad.grad(np.sinc))(0.0) == pytest.approx(-(np.pi**2) / 3, rel=1e-15)


def test_logsumexp_with_minus_infinity():
    x = np.array([-np.inf, 0.0])
    np.testing.assert_array_equal(hoad.grad(hs.logsumexp)(x), [0, 1])
    np.testing.assert_array_equal(hoad.hessian(hs.logsumexp)(x), np.zeros((2, 2)))
    np.testing.assert_array_equal(hoad.jacfwd(hs.logsumexp)(x), [0, 1])


def test_logsumexp_of_minus_infinity_only_takes_the_softmax_limit():
    x = np.full(4, -np.inf)
    np.testing.assert_array_equal(hoad.grad(hs.logsumexp)(x), np.full(4, 0.25))
    np.testing.assert_array_equal(hoad.hessian(hs.logsumexp)(x), np.zeros((4, 4)))


def test_xlogy_at_zero_keeps_its_finite_part():
    assert hoad.grad(s.xlogy, 1)(0.0, 0.0) == 0
    assert hoad.grad(s.xlogy, 1)(0.0, 2.0) == 0
    assert hoad.grad(hoad.grad(s.xlogy, 1), 0)(0.0, 2.0) == 0.5


def test_orders_that_are_counts_have_no_derivative():
    with pytest.raises(UnsupportedFunctionError, match="polygamma"):
        hoad.grad(lambda n: hs.polygamma(n, 1.0))(1.0)
    with pytest.raises(UnsupportedFunctionError, match=r"scipy\.special\.expn with respect to argument 0"):
        hoad.grad(lambda n: s.expn(n, 1.0))(1.0)


def test_scipys_own_logsumexp_is_loud():
    with pytest.raises((TracedConversionError, UnsupportedFunctionError)):
        hoad.grad(s.logsumexp)(np.ones(2))


def test_namespace_falls_back_to_scipy():
    assert hs.factorial2(5) == s.factorial2(5)
    assert {"erf", "logsumexp", "lambertw"} <= set(dir(hs))
    with pytest.raises(UnsupportedFunctionError, match="factorial2"):
        hoad.grad(lambda x: hs.factorial2(x))(1.0)
    with pytest.raises(AttributeError, match="nonsense"):
        hs.nonsense
    assert hoad.grad(lambda x: hs.logsumexp([x, x]))(0.3) == pytest.approx(1)


def test_slopes_keep_single_precision():
    from hoad.modes.forward import push

    for name, (f, x) in CASES.items():
        x = x.astype(np.complex64 if np.iscomplexobj(x) else np.float32)
        y, t = push(f, [x], [x])
        assert t.dtype == y.dtype, name
