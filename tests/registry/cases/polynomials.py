# a table: one case, one line where it fits
"""Cases: fits, roots and quotients of polynomials, and the six modules of numpy.polynomial."""

from importlib import import_module

import numpy as np

import hoad.numpy as hnp
from hoad.rules.polynomial_series import FAMILIES

from .case import NO_COMPLEX, P, R, U, V, W, case, variants

FIT = {"holomorphic": False, "real_only": "np.polyfit of real points", "tolerance": 1e3, "double_only": "rcond depends on the dtype"}
GRID = V([-1.0, -0.3, 0.2, 0.9, 1.6])
variants("numpy.polyfit", lambda x, y, **kw: np.polyfit(x, y, **kw), (GRID, R(5)), {"deg": 2}, {"deg": 0}, {"deg": 1, "w": np.array([1.0, 2.0, 0.5, 1.0, 1.5])}, **FIT)
case("numpy.polyfit", lambda x, y: np.polyfit(x, y, 1, cov=True)[1], GRID, R(5), label="cov", **{**FIT, "tolerance": 1e4})
case("numpy.polyfit", lambda x, y: np.polyfit(x, y, 1, cov="unscaled")[1], GRID, R(5, 2), label="unscaled", **{**FIT, "tolerance": 1e4})
case("numpy.polyfit", lambda x, y: np.polyfit(x, y, 2, full=True)[1], GRID, R(5, 2), label="residuals", **FIT)
DISTINCT = V([1.0, -2.1, 0.7, 0.3])
case("numpy.roots", lambda p: np.roots(p), V([1.0, -1.0, -4.0, 4.5, 0.3]), holomorphic=False, real_only="ordered by LAPACK", tolerance=1e4, in_double=True, double_only="returns the precision of LAPACK's eigenvalues", device="CuPy has other roots")
variants("numpy.poly", np.poly, (DISTINCT,), {}, holomorphic=False, device="CuPy has no poly")
case("numpy.poly", lambda a: np.poly(a), W(3, 3), label="matrix", holomorphic=False, tolerance=1e3, in_double=True, device="CuPy has no poly")
case("numpy.polydiv", lambda u, v: np.polydiv(u, v), R(5), P(3), device="CuPy has no polydiv", tolerance=10.0, double_only="how many coefficients of the remainder vanish depends on rounding")

SERIES = {"device": "numpy.polynomial is NumPy's alone", "double_only": "numpy.polynomial computes in float64", "tolerance": 20.0}
for _family in FAMILIES:
    _module = getattr(hnp.polynomial, _family.module)
    _native = import_module(f"numpy.polynomial.{_family.module}")
    _name = f"numpy.polynomial.{_family.module}.{_family.prefix}"
    _f = {k: getattr(_module, _family.prefix + k) for k in (
        "val", "val2d", "val3d", "grid2d", "grid3d", "vander", "vander2d", "vander3d", "der", "int", "add", "sub", "mul", "mulx", "pow",
        "div", "fromroots", "roots", "companion", "fit", "trim", "line")}  # fmt: skip
    case(_name + "val", _f["val"], U(3), R(4), **SERIES)
    case(_name + "val", lambda x, c, _g=_f["val"]: _g(x, c, tensor=False), U(3), R(4, 3), label="tensor=False", **SERIES)
    case(_name + "val2d", _f["val2d"], U(3), U(3), R(2, 3), **SERIES)
    case(_name + "val3d", _f["val3d"], U(2), U(2), U(2), R(2, 3, 2), **SERIES)
    case(_name + "grid2d", _f["grid2d"], U(2), U(3), R(2, 3), **SERIES)
    case(_name + "grid3d", _f["grid3d"], U(2), U(1), U(2), R(2, 2, 2), **SERIES)
    case(_name + "vander", lambda x, _g=_f["vander"]: _g(x, 4), U(2, 2), **SERIES)
    case(_name + "vander2d", lambda x, y, _g=_f["vander2d"]: _g(x, y, [1, 2]), U(2), U(2), **SERIES)
    case(_name + "vander3d", lambda x, y, z, _g=_f["vander3d"]: _g(x, y, z, [1, 2, 1]), U(2), U(2), U(2), **SERIES)
    variants(_name + "der", _f["der"], (R(4),), {}, {"m": 2, "scl": 0.5}, {"m": 3}, {"m": 4}, **SERIES)
    case(_name + "der", lambda c, _g=_f["der"]: _g(c, 1, 1, 1), R(2, 4), label="axis", **SERIES)
    variants(_name + "int", _f["int"], (R(3),), {}, {"m": 2, "lbnd": 0.5, "scl": 2.0}, **SERIES)
    case(_name + "int", lambda c, k, _g=_f["int"]: _g(c, 2, [k[0], k[1]]), R(2, 3), R(2), label="k", **{**SERIES, "together": "NumPy adds the constants to coefficients of one dtype"})
    for _operation in ("add", "sub", "mul"):
        case(_name + _operation, _f[_operation], R(3), R(2), **SERIES)
    case(_name + "mulx", _f["mulx"], R(3), **SERIES)
    case(_name + "pow", lambda c, _g=_f["pow"]: _g(c, 3), R(3), **SERIES)
    case(_name + "div", _f["div"], R(4), P(2), **SERIES)
    case(_name + "fromroots", _f["fromroots"], V([0.7, -0.4, 1.3]), **SERIES)
    case(_name + "roots", _f["roots"], V(1.3 * _family.native("fromroots")([0.7, -0.4, 1.3])), **{**SERIES, "holomorphic": False, "real_only": "ordered by LAPACK", "tolerance": 1e4, "in_double": True})
    case(_name + "companion", _f["companion"], P(4), **SERIES)
    case(_name + "fit", lambda x, y, _g=_f["fit"]: _g(x, y, 2), GRID, R(5), **{**SERIES, **FIT})
    case(_name + "fit", lambda x, y, _g=_f["fit"]: _g(x, y, [0, 2], w=np.array([1.0, 2.0, 0.5, 1.0, 1.5])), GRID, R(5), label="degrees", **{**SERIES, **FIT})
    case(_name + "trim", _f["trim"], V([1.0, -2.0, 0.5]), **SERIES)
    case(_name + "line", _f["line"], R(), P(), **SERIES)
    if _family.prefix == "poly":
        case(_name + "valfromroots", _module.polyvalfromroots, U(3), R(4), **SERIES)
        continue
    case(_name + "weight", getattr(_module, _family.prefix + "weight"), U(3), **{**SERIES, "real_only": NO_COMPLEX, "in_double": True, "holomorphic": False})
    for _conversion in (f"poly2{_family.prefix}", f"{_family.prefix}2poly"):
        case(f"numpy.polynomial.{_family.module}.{_conversion}", getattr(_module, _conversion), R(4), **SERIES)
