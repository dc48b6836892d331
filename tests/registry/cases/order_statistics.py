# a table: one case, one line where it fits
"""Cases: quantiles with missing values, weights and every method, running extrema, methods of ufuncs."""

import numpy as np

from .case import MASK, NO_COMPLEX, ORDERED, D, N, P, R, case, uniform, variants

CHOICE = {"real_only": ORDERED, "holomorphic": False}
WEIGHTS = np.array([[1.0, 2.0, 0.3], [0.5, 0.4, 1.0], [2.0, 1.0, 0.7], [1.5, 0.2, 0.9]])  # NumPy's nanquantile fails for fewer axes
for _name, _q in (("quantile", 0.3), ("percentile", 30.0), ("nanquantile", 0.3), ("nanpercentile", 30.0)):
    _f = getattr(np, _name)
    _x = N(4, 3) if _name.startswith("nan") else D(4, 3)
    _device = {"device": f"CuPy has no {_name}"} if _name.startswith("nan") else {}
    _methods = ("inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "normal_unbiased")
    variants(f"numpy.{_name}", lambda x, _f=_f, _q=_q, **kw: _f(x, _q, **kw), (_x,), *({"method": m, "axis": 0} for m in _methods), **_device, **CHOICE)
    if _name.startswith("nan"):
        variants(f"numpy.{_name}", lambda x, _f=_f, _q=_q, **kw: _f(x, _q, **kw), (_x,), {}, {"axis": 0}, {"axis": -1, "keepdims": True}, {"axis": (0, 1)}, **_device, **CHOICE)
    case(f"numpy.{_name}", lambda x, w, _f=_f, _q=_q: _f(x, _q, axis=0, weights=w, method="inverted_cdf"), _x, extra=(WEIGHTS if _name.startswith("nan") else WEIGHTS[:, 0],), label="weights", device="CuPy's quantile has no weights=", **CHOICE)
DEVICE_Q = {"device": "q is a host array here", "double_only": "q has the dtype of the data", "in_double": True}
case("numpy.quantile", lambda x, q: np.quantile(x, q, axis=0), D(5, 2), uniform(0.3, 0.45)(2), label="q", step=1e-3, **DEVICE_Q, **CHOICE)
case("numpy.nanquantile", lambda x, q: np.nanquantile(x, q, axis=0, method="hazen"), N(5, 2), uniform(0.55, 0.65)(2), label="q", step=1e-3, **DEVICE_Q, **CHOICE)
for _name in ("var", "std"):
    case(f"numpy.{_name}", lambda x, m, _f=getattr(np, _name): _f(x, axis=0, mean=m), R(3, 2), uniform(3.0, 4.0)(1, 2), label="mean", holomorphic=False, together="NumPy squares by the dtype of the data", device="CuPy has no mean=")
variants("numpy.nanmedian", np.nanmedian, (N(3, 4),), {}, {"axis": 0}, {"axis": 1, "keepdims": True}, {"axis": (0, 1)}, **CHOICE)
for _name in ("amax", "amin"):
    variants(f"numpy.{_name}", getattr(np, _name), (D(2, 3),), {}, {"axis": 0}, **CHOICE)
    case(f"numpy.{_name}", lambda x, m, _f=getattr(np, _name): _f(x, axis=0, initial=0.0, where=m), D(2, 3), label="where", extra=(MASK,), device="CuPy's max has no where=", **CHOICE)
case("numpy.maximum", np.maximum.accumulate, D(6), label="accumulate", device="CuPy has no accumulate", **CHOICE)
case("numpy.minimum", lambda x: np.minimum.accumulate(x, axis=1), D(2, 4), label="accumulate", device="CuPy has no accumulate", **CHOICE)
UFUNC = {"real_only": NO_COMPLEX, "holomorphic": False, "in_double": True, "device": "CuPy has no methods of this ufunc"}
case("numpy.logaddexp", lambda x: np.logaddexp.reduce(x, axis=1), R(2, 5), label="reduce", **UFUNC)
case("numpy.logaddexp", lambda x: np.logaddexp.accumulate(x), R(5), label="accumulate", **UFUNC)
case("numpy.logaddexp", lambda x: np.logaddexp.reduceat(x, [0, 2, 3]), R(5), label="reduceat", **UFUNC)
case("numpy.hypot", np.hypot.outer, P(2), P(3), label="outer", **UFUNC)
case("numpy.sum", lambda x, m: np.sum(x, axis=1, initial=2.0, where=m), R(2, 3), label="where-and-initial", extra=(MASK,), affine=True, device="CuPy's sum has no where=")
case("numpy.prod", lambda x, m: np.prod(x, axis=0, initial=2.0, where=m), P(2, 3), label="where-and-initial", extra=(MASK,), device="CuPy's prod has no where=")
case("numpy.mean", lambda x, m: np.mean(x, axis=1, where=m), R(2, 3), label="where-rows", extra=(MASK,), device="CuPy's mean has no where=")
