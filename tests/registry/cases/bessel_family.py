"""Cases: Bessel functions and their relatives: scaled, spherical, Airy, Struve, Kelvin, integrals of them, Wright."""

import numpy as np
from scipy import special

from hoad.scipy import special as hs

from .case import NO_CUPYX, REAL, SPECIAL, P, R, case, uniform

IN_DOUBLE = "SciPy returns float64 for whole orders"
OPTIONS = {**SPECIAL, **REAL}


def one(name, call, *args, **options):
    """A function that CuPy may lack."""
    case(f"scipy.special.{name}", call, *args, **{**OPTIONS, "device": NO_CUPYX.format(name), **options})


def several(name, call, *args, **options):
    """A function with several results."""
    one(name, call, *args, **{"elementwise": False, **options})


for _name in ("jve", "yve", "ive", "kve"):
    one(_name, lambda x, _f=getattr(special, _name): _f(1.5, x), P(2, 3))
    one(_name, lambda x, _f=getattr(special, _name): _f(2.0, x), uniform(3.0, 9.0)(3), label="far")
for _name in ("hankel1", "hankel2"):
    one(_name, lambda x, _f=getattr(special, _name): _f(1.5, x), P(2, 3), label="order 1.5", real_only="")
for _name in ("hankel1e", "hankel2e"):
    one(_name, lambda x, _f=getattr(special, _name): _f(1.5, x), P(2, 3), label="order 1.5", real_only="", tolerance=10.0)
for _name in ("yn", "kn"):
    one(_name, lambda x, _f=getattr(special, _name): _f(2, x), P(2, 3), double_only=IN_DOUBLE)
for _name in ("i0e", "i1e"):
    one(_name, getattr(special, _name), R(2, 3), step=0.005)
for _name in ("k0e", "k1e"):
    one(_name, getattr(special, _name), P(2, 3))
for _name in ("jv", "yv", "iv", "kv"):
    for _label, _v in (
        ("low order", uniform(0.2, 3.0)),
        ("high order", uniform(6.0, 9.0)),
        ("negative order", uniform(-2.8, -2.2)),
    ):
        one(_name, getattr(special, _name), _v(3), P(3), label=_label, tolerance=10.0, order=2)
for _name in ("jv", "yv", "iv"):
    one(_name, getattr(special, _name), uniform(4.0, 6.0)(3), uniform(9.0, 12.0)(3), label="far", tolerance=10.0, order=2)
for _name in ("jvp", "yvp", "ivp", "kvp", "h1vp", "h2vp"):
    one(_name, lambda x, _f=getattr(hs, _name): _f(1.5, x, 2), P(2, 3), label="second", real_only="")
for _name in ("itj0y0", "it2j0y0", "iti0k0", "it2i0k0"):
    several(_name, getattr(special, _name), P(2, 3))
one("besselpoly", lambda a: special.besselpoly(a, 1.0, 2.0), P(2, 3))
one("wright_bessel", lambda x: special.wright_bessel(1.0, 1.5, x), P(2, 3))
if hasattr(special, "log_wright_bessel"):
    one("log_wright_bessel", lambda x: special.log_wright_bessel(1.0, 1.5, x), P(2, 3), tolerance=10.0)

for _name, _domain in (("spherical_jn", R), ("spherical_yn", P), ("spherical_in", R), ("spherical_kn", P)):
    for _n in (0, 2):
        one(
            _name,
            lambda x, _f=getattr(hs, _name), _n=_n: _f(_n, x),
            _domain(2, 3),
            label=f"n={_n}",
            double_only=IN_DOUBLE,
            real_only="",
        )
    one(_name, lambda x, _f=getattr(hs, _name): _f(2, x, True), _domain(2, 3), label="slope", double_only=IN_DOUBLE, real_only="")
    one(
        _name,
        lambda x, _f=getattr(hs, _name): _f(np.arange(3), x),
        _domain(2, 3),
        label="orders",
        double_only=IN_DOUBLE,
        real_only="",
    )

several("airy", special.airy, R(2, 3), real_only="")
several("airye", special.airye, uniform(0.2, 0.9)(2, 3), order=2)
several("airye", special.airye, uniform(1.2, 5.0)(2), label="far", order=2)
several("airye", lambda x: special.airye(x)[2:], uniform(-2.0, -0.2)(2), label="negative", order=2)
several("itairy", special.itairy, R(2, 3), tolerance=1e4)  # SciPy's values have 9 digits
for _name in ("struve", "modstruve"):
    one(_name, lambda x, _f=getattr(special, _name): _f(0.5, x), P(2, 3))
    one(_name, lambda x, _f=getattr(special, _name): _f(1, x), uniform(3.0, 6.0)(2, 3), label="far")
one("itstruve0", special.itstruve0, P(2, 3))
one("it2struve0", special.it2struve0, P(2, 3))
one("itmodstruve0", special.itmodstruve0, P(2, 3))
for _name in ("ber", "bei", "berp", "beip"):
    one(_name, getattr(special, _name), R(2, 3))
for _name in ("ker", "kei", "kerp", "keip"):
    one(_name, getattr(special, _name), P(2, 3))
several("kelvin", special.kelvin, P(2, 3))
