"""Error functions, the normal distribution, the gamma function and its relatives."""

import mpmath as mp
from scipy import special

from hoad.scipy import special as hs

from .reference import reference


def normal(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def quantile(p):
    """Of the normal distribution; p may be far below the last digit of 1."""
    with mp.workdps(mp.mp.dps + int(-2 * mp.log10(min(p, 1 - p))) + 10):
        start = mp.mpf(float(special.ndtri(float(p))))
        return mp.findroot(lambda x: normal(x) - p, (start, start + mp.mpf(10) ** -12), tol=mp.mpf(10) ** (-2 * mp.mp.dps + 10))


def error_quantile(y):
    """Inverse of erfc."""
    return -quantile(y / 2) / mp.sqrt(2)


def owen(n, h, a, argument):
    """Owen's T and its derivatives, from those of its integrand exp(-h^2 (1 + x^2) / 2) / (2 pi (1 + x^2))."""

    def density(h, x):
        return mp.exp(-h * h * (1 + x * x) / 2) / (1 + x * x) / (2 * mp.pi)

    if n == 0:
        return mp.quad(lambda x: density(h, x), [0, a])
    if argument == 1:
        return mp.taylor(lambda x: density(h, x), a, n - 1)[n - 1] * mp.factorial(n - 1)
    with mp.workdps(30):
        slope = lambda t: -t * mp.quad(lambda x: mp.exp(-t * t * (1 + x * x) / 2), [0, a]) / (2 * mp.pi)
        return mp.diff(slope, h, n - 1)


reference("scipy.special.erf", special.erf, mp.erf, (-5.0, 5.0))
reference("scipy.special.erfc", special.erfc, mp.erfc, (-5.0, 25.0))
reference("scipy.special.erfcx", special.erfcx, lambda x: mp.exp(x * x) * mp.erfc(x), (-5.0, 100.0))
reference("scipy.special.erfi", special.erfi, mp.erfi, (-5.0, 5.0))
reference("scipy.special.erfinv", special.erfinv, lambda y: error_quantile(1 - y), (-0.999, 0.999))
reference("scipy.special.erfcinv", special.erfcinv, error_quantile, (1e-30, 1.9), logarithmic=True)
reference("scipy.special.ndtr", special.ndtr, normal, (-30.0, 5.0))
reference("scipy.special.log_ndtr", special.log_ndtr, lambda x: mp.log(normal(x)), (-100.0, 10.0))
reference("scipy.special.ndtri", special.ndtri, quantile, (1e-30, 0.999), logarithmic=True)
reference("scipy.special.ndtri_exp", special.ndtri_exp, lambda y: quantile(mp.exp(y)), (-40.0, -1e-3), logarithmic=True)
for _argument in (0, 1):
    reference(
        "scipy.special.owens_t", special.owens_t, owen, (0.1, 4.0), (-3.0, 3.0), argument=_argument,
        exact_derivative=lambda n, h, a, _argument=_argument: owen(n, h, a, _argument),
    )  # fmt: skip

reference("scipy.special.gamma", special.gamma, mp.gamma, (1e-3, 150.0), logarithmic=True)
reference("scipy.special.gammaln", special.gammaln, mp.loggamma, (1e-3, 1e4), logarithmic=True)
reference("scipy.special.digamma", special.digamma, mp.digamma, (1e-3, 1e4), logarithmic=True)
reference("scipy.special.digamma", special.digamma, mp.digamma, (-9.9, -0.1))
reference("scipy.special.rgamma", special.rgamma, mp.rgamma, (-10.0, 30.0))
reference("scipy.special.beta", special.beta, mp.beta, (0.01, 100.0), (0.01, 30.0), logarithmic=True)
reference("scipy.special.betaln", special.betaln, lambda a, b: mp.log(mp.beta(a, b)), (0.01, 1e6), (0.01, 30.0), logarithmic=True)
NATIVE = "SciPy's own value has errors of this size"
for _argument in (0, 1):
    reference("scipy.special.poch", special.poch, mp.rf, (0.1, 20.0), (0.1, 10.0), argument=_argument, limit=150.0, reason=NATIVE)
    reference(
        "scipy.special.binom", special.binom, mp.binomial, (5.0, 60.0), (0.1, 4.0), argument=_argument, limit=150.0, reason=NATIVE
    )
reference(
    "scipy.special.polygamma", lambda n, x: hs.polygamma(int(n), x), lambda n, x: mp.polygamma(int(n), x), [1.0, 2.0, 5.0],
    (0.01, 100.0), argument=1, logarithmic=True,
)  # fmt: skip
reference(
    "scipy.special.multigammaln", lambda a: hs.multigammaln(a, 3),
    lambda a: mp.log(mp.pi) * 3 / 2 + mp.fsum(mp.loggamma(a - mp.mpf(j) / 2) for j in range(3)), (1.5, 100.0),
)  # fmt: skip
