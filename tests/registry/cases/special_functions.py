# a table: one case, one line where it fits
"""Cases: special functions."""

import numpy as np
from scipy import special

from hoad.scipy import special as hs

from .case import NO_CUPYX, ORDERED, REAL, SPECIAL, D, P, R, U, V, case, uniform, variants

for _name in ("erf", "erfc", "erfcx", "expm1", "expit", "log1p"):
    _o = REAL if _name in ("expit", "erfcx", "erfc") else {"holomorphic": _name in ("expm1", "log1p", "erf")}
    case(f"scipy.special.{_name}", getattr(special, _name), P(2, 3), **SPECIAL, **_o)
for _names, _domain in (
    ("log_ndtr ndtr exp10 exp2 log_expit cosm1 exprel i0 i1 j0 j1", R), ("k0 k1 y0 y1 entr", P), ("erfinv", U),
    ("logit ndtri", uniform(0.2, 0.8)), ("erfcinv", uniform(0.3, 1.7)), ("cbrt", P),
):  # fmt: skip
    for _name in _names.split():
        case(f"scipy.special.{_name}", getattr(special, _name), _domain(2, 3), **SPECIAL, **REAL)
for _name in ("xlogy", "xlog1py", "rel_entr", "kl_div", "huber", "pseudo_huber"):
    case(f"scipy.special.{_name}", getattr(special, _name), P(2, 3), P(3), **SPECIAL, **REAL)
for _name in ("jv", "yv", "iv", "kv"):
    case(
        f"scipy.special.{_name}",
        lambda x, _f=getattr(special, _name): _f(1.5, x),
        P(2, 3),
        device=NO_CUPYX.format(_name),
        **SPECIAL,
        **REAL,
    )
case("scipy.special.gammasgn", special.gammasgn, D(2, 3), real_only=ORDERED)
if hasattr(special, "softplus"):
    case("scipy.special.softplus", hs.softplus, R(2, 3), **SPECIAL, **REAL)
for _name in ("logsumexp", "softmax", "log_softmax"):
    _o = {"in_double": True, "holomorphic": False, "real_only": "compared for real arguments"}
    variants(
        f"scipy.special.{_name}",
        lambda x, _n=_name, **kw: getattr(hs, _n)(x, **kw),
        (R(2, 3),),
        {},
        {"axis": 0},
        {"axis": -1},
        **_o,
    )
case(
    "scipy.special.logsumexp",
    lambda x, b: hs.logsumexp(x, axis=1, b=b, keepdims=True),
    R(2, 3),
    P(3),
    label="weights",
    in_double=True,
    **REAL,
)
case(
    "scipy.special.logsumexp",
    lambda x, b: hs.logsumexp(x, axis=1, b=b, return_sign=True),
    R(2, 3),
    V([0.5, -2.0, 0.7]),
    label="sign",
    in_double=True,
    **REAL,
)
for _name in ("sin", "cos"):
    case(f"numpy.{_name}", getattr(np, _name), R(4100), label="large", elementwise=False)
case("numpy.linalg.norm", lambda x: np.linalg.norm(x, ord=3), V([0.5, -1.0, 2.0]), label="ord=3", holomorphic=False)
