"""Exponential, sine and cosine integrals, dilogarithm, zeta functions, Kolmogorov's distribution, and means."""

import mpmath as mp
from scipy import special

from hoad.scipy import special as hs

from .reference import reference


def euler_maclaurin(n, s, q):
    """Derivative n of the zeta function of Hurwitz with respect to s."""
    return mp.zeta(s, q, derivative=n)


def kolmogorov(x):
    return 2 * mp.fsum((-1) ** (k - 1) * mp.exp(-2 * k * k * x * x) for k in range(1, 60))


reference("scipy.special.expi", special.expi, mp.ei, (0.01, 100.0), logarithmic=True)
reference("scipy.special.expi", special.expi, mp.ei, (-100.0, -0.01), logarithmic=True)
reference("scipy.special.exp1", special.exp1, mp.e1, (0.01, 100.0), logarithmic=True)
reference(
    "scipy.special.expn", lambda n, x: special.expn(int(n), x), lambda n, x: mp.expint(int(n), x), [0.0, 1.0, 2.0, 7.0],
    (0.01, 100.0), argument=1, logarithmic=True,
)  # fmt: skip
reference("scipy.special.spence", special.spence, lambda z: mp.re(mp.polylog(2, 1 - z)), (0.01, 30.0))
reference("scipy.special.sici", lambda x: special.sici(x)[0], mp.si, (-30.0, 30.0))
reference("scipy.special.sici", lambda x: special.sici(x)[1], mp.ci, (0.1, 30.0))
reference("scipy.special.shichi", lambda x: special.shichi(x)[0], mp.shi, (-30.0, 30.0))
reference("scipy.special.shichi", lambda x: special.shichi(x)[1], mp.chi, (0.1, 30.0))
reference("scipy.special.zeta", lambda s, q: hs.zeta(s, q), mp.zeta, (1.01, 30.0), (0.1, 30.0), exact_derivative=euler_maclaurin)
reference("scipy.special.zeta", lambda s, q: hs.zeta(s, q), mp.zeta, (1.01, 30.0), (0.1, 30.0), argument=1)
reference("scipy.special.zeta", lambda s: hs.zeta(s), mp.zeta, (-12.0, 0.9))
reference("scipy.special.zetac", special.zetac, lambda s: mp.zeta(s) - 1, (1.01, 50.0))
reference("scipy.special.kolmogorov", special.kolmogorov, kolmogorov, (0.2, 5.0))
reference("scipy.special.agm", special.agm, mp.agm, (1e-3, 1e3), (0.1, 10.0), logarithmic=True)
