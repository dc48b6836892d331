# a table: one case, one line where it fits
"""Cases: choosing."""

import numpy as np

from .case import MASK, NO_COMPLEX, ORDERED, REDUCED, D, N, R, V, case, variants

for _name in ("maximum", "minimum", "fmax", "fmin"):
    for _label, _a, _b in (("same", D(2, 3), R(2, 3)), ("broadcast", D(3), R(2, 1)), ("empty", D(0), R(0))):
        case(f"numpy.{_name}", getattr(np, _name), _a, _b, label=_label, real_only=ORDERED, holomorphic=False)
    case(f"numpy.{_name}", lambda x, _f=getattr(np, _name): _f(x, 0), D(4), label="with-0", real_only=ORDERED, holomorphic=False)
case("numpy.absolute", np.absolute, D(2, 3), holomorphic=False)
case("numpy.absolute", abs, D(3), label="builtin", holomorphic=False)
case("numpy.fabs", np.fabs, D(2, 3), real_only=NO_COMPLEX, holomorphic=False)
case("numpy.copysign", np.copysign, D(2, 3), D(3), real_only=NO_COMPLEX, holomorphic=False)
case("numpy.clip", lambda x: np.clip(x, -0.5, 0.5), D(2, 3), label="numbers", real_only=ORDERED, holomorphic=False)
case(
    "numpy.clip", np.clip, D(2, 3), V([-0.4, -0.3, -0.2]), V([0.4]), label="arrays", step=1e-3, real_only=ORDERED, holomorphic=False
)
case("numpy.clip", lambda x: np.clip(x, None, 0.5), D(4), label="one-sided", real_only=ORDERED, holomorphic=False)
case("numpy.where", lambda a, b, m: np.where(m, a, b), R(2, 3), R(2, 3), label="mask", extra=(MASK,))
case("numpy.where", lambda a, b, m: np.where(m, a, b), R(3), R(2, 1), label="broadcast", extra=(MASK,))
case("numpy.where", lambda a, m: np.where(m, a, 1.5), R(2, 3), label="scalar", extra=(MASK,), affine=True)
case(
    "numpy.where",
    lambda a: np.where(a > 0, a, 2 * a),
    D(2, 3),
    label="condition",
    real_only=ORDERED,
    holomorphic=False,
    affine=True,
)
for _kw in ({}, {"axis": 0}, {"axis": None}, {"axis": -2}):
    variants("numpy.sort", np.sort, (D(3, 4),), _kw, real_only=ORDERED, holomorphic=False)
variants(
    "numpy.partition",
    np.partition,
    (D(3, 4),),
    {"kth": 1},
    {"kth": 2, "axis": 0},
    {"kth": 3, "axis": None},
    real_only=ORDERED,
    holomorphic=False,
    in_double=True,
)  # the order within the parts depends on the dtype
for _name in ("max", "min", "ptp", "median"):
    variants(f"numpy.{_name}", getattr(np, _name), (D(2, 3, 2),), *REDUCED, real_only=ORDERED, holomorphic=False)
case(
    "numpy.max",
    lambda x: np.maximum.reduce(x, axis=1),
    D(2, 3),
    label="ufunc-reduce",
    real_only=ORDERED,
    holomorphic=False,
    device="CuPy has no maximum.reduce",
)
case(
    "numpy.max",
    lambda x, m: np.max(x, axis=0, initial=-9.0, where=m),
    D(2, 3),
    label="where",
    extra=(MASK,),
    real_only=ORDERED,
    holomorphic=False,
    device="CuPy's max has no where=",
)
case("numpy.median", np.median, D(5), label="odd", real_only=ORDERED, holomorphic=False)
for _name in ("nanmax", "nanmin"):
    variants(
        f"numpy.{_name}",
        getattr(np, _name),
        (N(2, 3),),
        {},
        {"axis": 0},
        {"axis": 1, "keepdims": True},
        real_only=ORDERED,
        holomorphic=False,
    )
for _name, _q in (("quantile", 0.3), ("percentile", 30.0)):
    _f = getattr(np, _name)
    variants(f"numpy.{_name}", lambda x, _f=_f, _q=_q, **kw: _f(x, _q, **kw), (D(4, 3),), {}, {"axis": 0}, {"axis": -1, "keepdims": True},
        {"axis": (0, 1)}, *({"method": m} for m in ("lower", "higher", "midpoint", "nearest", "hazen", "weibull", "median_unbiased")),
        real_only=ORDERED, holomorphic=False)  # fmt: skip
    case(
        f"numpy.{_name}",
        lambda x, _f=_f, _q=_q: _f(x, [_q, 2 * _q], axis=0),
        D(4, 3),
        label="two",
        real_only=ORDERED,
        holomorphic=False,
    )
