"""Cases: scipy.integrate, integrals of samples."""

import numpy as np

import hoad.scipy.integrate as integrate

from .case import P, R, V, case

OPTIONS = {
    "real_only": "SciPy's own tests are of real samples",
    "holomorphic": False,
    "double_only": "SciPy's rules mix float64 into some of them",
    "in_double": True,
    "device": "SciPy computes on the host",
}
POINTS = V([0.0, 0.7, 1.1, 2.0, 2.6, 3.7])
for _name in ("trapezoid", "simpson", "cumulative_trapezoid", "cumulative_simpson"):
    _f = getattr(integrate, _name)
    _q = f"scipy.integrate.{_name}"
    case(_q, lambda y, f=_f: f(y), R(2, 7), **OPTIONS)
    case(_q, lambda y, d, f=_f: f(y, dx=d, axis=0), R(6, 2), P(), label="dx", **OPTIONS)
    case(_q, lambda y, x, f=_f: f(y, x=x), R(2, 6), POINTS, label="x,even", **OPTIONS)
    case(_q, lambda y, x, f=_f: f(y, x=x, axis=0), R(3, 2), V([0.0, 0.7, 1.1]), label="x,three", **OPTIONS)
    case(_q, lambda y, x, f=_f: f(y, x=x), R(2, 2), V([0.3, 1.1]), label="x,two", **OPTIONS)
    case(
        _q,
        lambda y, x, f=_f: f(y, x=np.cumsum(x, axis=0), axis=0),
        R(5, 2),
        P(5, 2),
        label="own-points",
        **OPTIONS,
    )
case(
    "scipy.integrate.cumulative_trapezoid",
    lambda y, x: integrate.cumulative_trapezoid(y, x, axis=0, initial=0),
    R(6, 2),
    POINTS,
    label="initial",
    **OPTIONS,
)
case(
    "scipy.integrate.cumulative_simpson",
    lambda y, s: integrate.cumulative_simpson(y, dx=0.5, initial=s),
    R(2, 6),
    R(),
    label="initial",
    **OPTIONS,
)
case("scipy.integrate.romb", lambda y: integrate.romb(y), R(3, 9), **OPTIONS)
case("scipy.integrate.romb", lambda y, d: integrate.romb(y, d, axis=0), R(5, 2), P(), label="dx", **OPTIONS)
