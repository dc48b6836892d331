# a table: one case, one line where it fits
"""Cases: gamma and zeta functions, incomplete gamma and beta functions, integrals, and distributions, in all their arguments."""

import numpy as np
from scipy import special

from hoad.scipy import special as hs

from .case import NO_CUPYX, REAL, SPECIAL, P, R, U, V, case, uniform

HOST = "its derivatives are computed on the host"
S: dict = {**SPECIAL, **REAL, "device": HOST}
ANY: dict = {**SPECIAL, "holomorphic": False}  # complex too, but not along the imaginary step
A, B = uniform(1.2, 3.0), uniform(0.2, 0.8)
SEARCHED: dict = {"tolerance": 20.0, "step": 0.01, "order": 3}  # SciPy finds the value by a search that stops early
K = np.array([2.0, 3.0, 5.0])  # counts


def of(name, *args, label="", **options):
    """A ufunc of SciPy in all the arguments that are given as samplers."""
    order = {"order": 3} if len(args) > 2 else {}
    case(f"scipy.special.{name}", getattr(special, name), *args, label=label, **{**S, **order, **options})


def at(name, call, *args, label="", **options):
    case(f"scipy.special.{name}", call, *args, label=label, **{**S, **options})


# -- gamma ------------------------------------------------------------------------------------------------------------------

for _name in ("gamma", "loggamma", "digamma"):
    case(f"scipy.special.{_name}", getattr(special, _name), P(2, 3), **ANY, device="cupyx.scipy.special has no complex polygamma")
case("scipy.special.gammaln", special.gammaln, P(2, 3), **SPECIAL, **REAL)
case("scipy.special.rgamma", special.rgamma, R(2, 3), **ANY, device=HOST)
of("rgamma", V([0.0, -1.0, -2.0, 1.0, 3.5]), label="poles", device=HOST)
of("gamma", V([-0.5, -3.3, -7.9]), label="negative", step=0.003)
for _name in ("beta", "betaln"):
    of(_name, P(2, 3), P(3), device="")
of("poch", P(2, 3), P(3))
of("poch", V([-2.0, -1.0, 0.0]), V([3.0, 2.5, 1.25]), label="zeros")
of("binom", uniform(3.0, 5.0)(2, 3), P(3))
of("binom", V([2.0, 3.0, 1.0]), V([5.0, 4.0, -1.0]), label="zeros")
at("polygamma", lambda x: hs.polygamma(1, x), P(3), device="")
at("multigammaln", lambda a: hs.multigammaln(a, 2), A(), elementwise=False, device="")
at("comb", hs.comb, uniform(3.0, 5.0)(2, 3), P(3))
at("comb", lambda n, k: hs.comb(n, k, repetition=True), A(2, 3), P(3), label="repetition")
at("perm", hs.perm, uniform(3.0, 5.0)(2, 3), P(3))
at("factorial", hs.factorial, P(2, 3), double_only="SciPy answers in double precision")
at("factorial", lambda n: hs.factorial(n, extend="complex"), P(2, 3), label="complex")

# -- zeta, exponential integrals, Box and Cox -------------------------------------------------------------------------------

at("zeta", hs.zeta, A(2, 3), P(3), step=0.005)
at("zeta", lambda s: hs.zeta(s), V([-3.3, -2.0, 0.5, 1.5, 4.0]), label="Riemann")
at("zeta", lambda q: hs.zeta(2.5, q), P(3), label="shift", device="")
of("zetac", A(2, 3), step=0.005)
of("expi", P(2, 3), real_only="")
of("exp1", P(2, 3), real_only="")
for _n in (0, 1, 4):
    at("expn", lambda x, _n=_n: special.expn(_n, x), P(2, 3), label=f"n={_n}")
of("spence", V([0.3, 0.9, 1.0, 1.3, 3.0]), step=0.01, real_only="")
of("sici", P(2, 3), elementwise=False, real_only="")
of("shichi", P(2, 3), elementwise=False, real_only="")
of("boxcox", P(2, 3), R(3))
of("boxcox1p", P(2, 3), R(3))
of("inv_boxcox", P(2, 3), P(3))
of("inv_boxcox1p", P(2, 3), P(3))
of("powm1", P(2, 3), R(3))
of("tklmbda", U(2, 3), B(3))

# -- error functions --------------------------------------------------------------------------------------------------------

of("erfi", R(2, 3), real_only="")
of("ndtri_exp", uniform(-3.0, -0.2)(2, 3))
of("owens_t", R(2, 3), R(3))
of("nrdtrimn", B(2, 3), P(3), R(3))
of("nrdtrisd", R(2, 3), uniform(0.6, 0.9)(3), uniform(3.0, 4.0)(3))

# -- angles, kernels --------------------------------------------------------------------------------------------------------

for _name in ("sindg", "cosdg", "tandg"):
    of(_name, R(2, 3), device=NO_CUPYX.format(_name))
of("cotdg", uniform(20.0, 40.0)(2, 3))
of("radian", R(2, 3), R(3), R(3))
of("agm", P(2, 3), P(3))
case("scipy.special.round", special.round, R(2, 3), real_only="complex numbers have no order", device=HOST)
at("diric", lambda x: hs.diric(x, 4), R(2, 3), elementwise=False)
at("diric", lambda x: hs.diric(x, 5), R(2, 3), label="odd", elementwise=False)

# -- incomplete gamma and beta ----------------------------------------------------------------------------------------------

for _name in ("gammainc", "gammaincc"):
    of(_name, P(2, 3), P(3))
    of(_name, uniform(8.0, 30.0)(2, 3), uniform(8.0, 30.0)(3), label="large")
    at(_name, lambda x, _f=getattr(special, _name): _f(1.5, x), P(2, 3), label="x", device="")
at("betainc", lambda x: special.betainc(1.5, 2.0, x), B(2, 3), label="x", device="")
for _name in ("gammaincinv", "gammainccinv"):
    of(_name, A(2, 3), B(3))
for _name in ("betainc", "betaincc"):
    of(_name, P(2, 3), P(3), B(3))
    of(_name, uniform(2.0, 20.0)(2, 3), uniform(2.0, 20.0)(3), B(3), label="large")
for _name in ("betaincinv", "betainccinv"):
    of(_name, A(2, 3), A(3), B(3))

# -- distributions ----------------------------------------------------------------------------------------------------------

for _name in ("gdtr", "gdtrc"):
    of(_name, P(2, 3), A(3), P(3))
of("gdtria", B(2, 3), A(3), P(3))
of("gdtrib", P(2, 3), B(3), A(3))
of("gdtrix", P(2, 3), A(3), B(3))
for _name in ("chdtr", "chdtrc"):
    of(_name, A(2, 3), P(3))
of("chdtri", A(2, 3), B(3))
of("chdtriv", B(2, 3), A(3))
for _name in ("pdtr", "pdtrc"):
    at(_name, lambda m, _f=getattr(special, _name): _f(K, m), A(2, 3), elementwise=False)
at("pdtri", lambda p: special.pdtri(3, p), B(2, 3))
of("pdtrik", B(2, 3), uniform(3.0, 6.0)(3))
for _name in ("bdtr", "bdtrc"):
    at(_name, lambda q, _f=getattr(special, _name): _f(K, 7, q), B(2, 3), elementwise=False)
at("bdtr", lambda q: special.bdtr(7.0, 7, q), B(2, 3), label="all", double_only="SciPy warns of counts in single precision")
at("bdtri", lambda p: special.bdtri(K, 7, p), B(2, 3), elementwise=False)
of("bdtrik", uniform(0.4, 0.8)(2, 3), uniform(7.0, 9.0)(3), uniform(0.4, 0.6)(3), **SEARCHED)
of("bdtrin", uniform(2.0, 4.0)(2, 3), B(3), uniform(0.4, 0.6)(3), **SEARCHED)
for _name in ("nbdtr", "nbdtrc"):
    at(_name, lambda q, _f=getattr(special, _name): _f(3, 7, q), B(2, 3))
at("nbdtri", lambda p: special.nbdtri(3, 7, p), B(2, 3))
of("nbdtrik", uniform(0.4, 0.8)(2, 3), uniform(7.0, 9.0)(3), uniform(0.4, 0.6)(3), **SEARCHED)
of("nbdtrin", uniform(2.0, 4.0)(2, 3), B(3), uniform(0.4, 0.6)(3), **SEARCHED)
of("btdtria", B(2, 3), A(3), B(3))
of("btdtrib", A(2, 3), B(3), B(3))
for _name in ("fdtr", "fdtrc"):
    of(_name, A(2, 3), A(3), P(3))
of("fdtri", uniform(2.0, 4.0)(2, 3), uniform(3.0, 6.0)(3), B(3))
of("fdtridfd", uniform(1.9, 2.1)(2, 3), uniform(0.46, 0.48)(3), uniform(0.7, 0.72)(3), step=0.002)
of("stdtr", A(2, 3), V([-1.5, 0.0, 2.0]))
of("stdtrit", A(2, 3), B(3))
of("stdtridf", uniform(0.2, 0.25)(2, 3), uniform(-0.9, -0.8)(3))
of("kolmogorov", P(2, 3))
of("kolmogi", B(2, 3))
at("smirnov", lambda d: special.smirnov(5, d), V([0.11, 0.27, 0.51, 0.75]), step=0.01)
at("smirnovi", lambda p: special.smirnovi(5, p), V([0.15, 0.43, 0.77]), step=0.01)

# -- noncentral distributions -----------------------------------------------------------------------------------------------

NONCENTRAL: dict = {"order": 2, "tolerance": 20.0, "step": 0.01}
of("chndtr", P(2), A(2), P(2), **NONCENTRAL)
of("chndtrix", B(2), A(2), P(2), **NONCENTRAL)
of("chndtridf", A(2), uniform(0.2, 0.4)(2), uniform(0.3, 0.6)(2), **NONCENTRAL)
of("chndtrinc", A(2), uniform(1.5, 2.0)(2), uniform(0.1, 0.2)(2), **NONCENTRAL)
of("nctdtr", A(2), R(2), R(2), **NONCENTRAL)
of("nctdtrit", uniform(3.0, 5.0)(2), R(2), B(2), **NONCENTRAL)
of("nctdtridf", uniform(0.055, 0.065)(2), uniform(0.0, 0.02)(2), uniform(-2.05, -1.95)(2), **{**NONCENTRAL, "step": 0.002})
of("nctdtrinc", uniform(3.0, 5.0)(2), B(2), P(2), **{**NONCENTRAL, "step": 0.05, "tolerance": 500.0})  # the search stops at 1e-8
of("ncfdtr", A(2), A(2), P(2), P(2), **NONCENTRAL)
of("ncfdtri", uniform(2.0, 4.0)(2), uniform(3.0, 5.0)(2), P(2), B(2), **NONCENTRAL)
# SciPy's values of these have errors of 1e-5, which differences magnify; tests/rules compares with the distribution instead.
COARSE: dict = {"order": 2, "tolerance": 1e5, "step": 0.1}
of(
    "ncfdtridfd",
    uniform(2.9, 3.1)(2),
    uniform(0.32, 0.34)(2),
    uniform(0.45, 0.55)(2),
    uniform(0.7, 0.72)(2),
    **{**COARSE, "step": 0.01},
)
of("ncfdtridfn", uniform(0.7, 0.71)(2), uniform(3.9, 4.1)(2), uniform(0.9, 1.1)(2), uniform(2.4, 2.6)(2), **COARSE)
of("ncfdtrinc", uniform(2.9, 3.1)(2), uniform(3.9, 4.1)(2), uniform(0.32, 0.34)(2), uniform(1.3, 1.5)(2), **COARSE)
