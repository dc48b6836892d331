# a table: one case, one line where it fits
"""Cases: calculus and statistics."""

import numpy as np

from .case import NO_COMPLEX, ORDERED, D, P, R, U, V, case, variants

variants("numpy.angle", np.angle, (R(2, 3),), {}, {"deg": True}, holomorphic=False)
case(
    "numpy.apply_along_axis",
    lambda x: np.apply_along_axis(lambda r: r * np.sum(r), 1, x),
    R(2, 3),
    device="calls Python for each row",
)
for _name in ("around", "round"):
    variants(f"numpy.{_name}", getattr(np, _name), (D(2, 3),), {}, {"decimals": 1})
for _name in ("fix", "isneginf", "isposinf", "iscomplex", "isreal"):
    case(f"numpy.{_name}", getattr(np, _name), D(2, 3), real_only=ORDERED)
case("numpy.digitize", lambda x, b: np.digitize(x, b), D(4), extra=(np.array([-0.4, 0.0, 0.4]),), real_only=ORDERED)
case(
    "numpy.bincount",
    lambda w, i: np.bincount(i, weights=w),
    R(4),
    extra=(np.array([0, 2, 2, 1]),),
    real_only=NO_COMPLEX,
    holomorphic=False,
    double_only="np.bincount returns float64",
    in_double=True,
)
case(
    "numpy.bincount",
    lambda w, i: np.bincount(i, weights=w, minlength=5),
    R(4),
    extra=(np.array([0, 2, 2, 1]),),
    label="minlength",
    real_only=NO_COMPLEX,
    holomorphic=False,
    double_only="np.bincount returns float64",
    in_double=True,
)
variants(
    "numpy.cov",
    np.cov,
    (R(2, 4),),
    {},
    {"rowvar": False},
    {"ddof": 0},
    {"bias": True},
    holomorphic=False,
    double_only="np.cov returns float64",
)
case("numpy.cov", np.cov, R(4), R(4), label="two", holomorphic=False, double_only="np.cov returns float64")
variants(
    "numpy.corrcoef",
    np.corrcoef,
    (R(3, 5),),
    {},
    {"rowvar": False},
    holomorphic=False,
    double_only="np.corrcoef returns float64",
    step=5e-3,
)
case("numpy.ediff1d", np.ediff1d, R(2, 3))
case("numpy.frexp", lambda x: np.frexp(x)[0], V([1.3, -2.7, 5.5]), real_only=NO_COMPLEX, holomorphic=False, elementwise=True)
case(
    "numpy.ldexp",
    lambda x, i: np.ldexp(x, i),
    R(3),
    extra=(np.array([1, -2, 0]),),
    real_only=NO_COMPLEX,
    holomorphic=False,
    elementwise=True,
)
case("numpy.modf", np.modf, D(2, 3), real_only=NO_COMPLEX, holomorphic=False)
case("numpy.heaviside", np.heaviside, D(2, 3), R(3), real_only=NO_COMPLEX, holomorphic=False, elementwise=True)
case("numpy.nan_to_num", np.nan_to_num, V([1.0, np.nan, np.inf, -2.0]), real_only=ORDERED, holomorphic=False, elementwise=True)
case(
    "numpy.i0",
    np.i0,
    V([0.5, -1.5, 2.0]),
    real_only=NO_COMPLEX,
    holomorphic=False,
    in_double=True,
    elementwise=True,
    double_only="np.i0 computes in float64",
)
case("numpy.sinc", np.sinc, V([0.3, -1.4, 2.2, 0.0]), holomorphic=False, elementwise=True)
case("numpy.unwrap", np.unwrap, V([0.0, 2.0, 4.5, -3.0, -1.0]), real_only=ORDERED, holomorphic=False)
case(
    "numpy.unwrap",
    lambda x: np.unwrap(x, axis=0, period=4.0),
    V([[0.0, 2.3], [3.1, -1.0], [0.5, 0.4]]),
    label="period",
    real_only=ORDERED,
    holomorphic=False,
)
_grid = np.array([-2.0, -0.5, 0.0, 1.0, 2.5])
case(
    "numpy.interp",
    lambda x, fp, xp: np.interp(x, xp, fp),
    V([-1.0, 0.3, 2.0]),
    R(5),
    extra=(_grid,),
    real_only=ORDERED,
    holomorphic=False,
    in_double=True,
    double_only="np.interp returns float64",
)
case(
    "numpy.interp",
    np.interp,
    V([-1.0, 0.3, 2.0]),
    V(_grid),
    R(5),
    label="grid",
    real_only=ORDERED,
    holomorphic=False,
    in_double=True,
    double_only="np.interp returns float64",
)
case("numpy.trapezoid", np.trapezoid, R(2, 4))
case("numpy.trapezoid", np.trapezoid, R(2, 4), R(4), label="x")
case("numpy.trapezoid", lambda y: np.trapezoid(y, dx=0.5, axis=0), R(3, 2), label="dx")
case("numpy.gradient", np.gradient, R(4))
case("numpy.gradient", lambda x: np.gradient(x, 0.5, axis=1, edge_order=2), R(2, 4), label="edge_order")
case("numpy.gradient", lambda x: np.gradient(x), R(3, 4), label="2-d")
case("numpy.gradient", np.gradient, R(4), V([0.0, 0.5, 1.5, 2.0]), label="coordinates", affine=True, real_only="spacings are real")
case("numpy.linspace", lambda a, b: np.linspace(a, b, 4), R(), R(), holomorphic=True, double_only="np.linspace returns float64")
case(
    "numpy.linspace",
    lambda a, b: np.linspace(a, b, 3, endpoint=False, axis=-1),
    R(2),
    R(2),
    label="axis",
    double_only="np.linspace returns float64",
)
case(
    "numpy.geomspace",
    lambda a, b: np.geomspace(a, b, 4),
    P(),
    P(),
    holomorphic=False,
    in_double=True,
    real_only="branches of the logarithm",
    double_only="returns float64",
    device="CuPy has no geomspace",
)
case(
    "numpy.logspace", lambda a, b: np.logspace(a, b, 4), U(), U(), holomorphic=False, in_double=True, double_only="returns float64"
)
case(
    "numpy.select",
    lambda x, y: np.select([x > 0.5, x > -0.5], [x, 2 * y], 0.0),
    D(2, 3),
    R(2, 3),
    real_only=ORDERED,
    holomorphic=False,
    affine=True,
)
case(
    "numpy.piecewise",
    lambda x: np.piecewise(x, [x < 0, x >= 0], [lambda u: u * u, lambda u: 3 * u]),
    D(5),
    real_only=ORDERED,
    holomorphic=False,
)
case("numpy.real_if_close", np.real_if_close, R(3), real_only="drops imaginary parts by their size", holomorphic=False)
case("numpy.polyadd", np.polyadd, R(3), R(2))
case("numpy.polysub", np.polysub, R(2), R(3))
case("numpy.polymul", np.polymul, R(3), R(2))
case("numpy.polyval", np.polyval, R(4), R(2, 2))
variants("numpy.polyder", np.polyder, (R(4),), {}, {"m": 2})
variants("numpy.polyint", np.polyint, (R(3),), {}, {"m": 2})
variants("numpy.vander", np.vander, (R(3),), {}, {"N": 2}, {"increasing": True})
case("numpy.unique", np.unique, V([1.0, 2.0, 1.5, 0.5]), real_only=ORDERED, holomorphic=False)
