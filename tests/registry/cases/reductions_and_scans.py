# a table: one case, one line where it fits
"""Cases: reductions and scans."""

import numpy as np

from .case import MASK, REDUCED, D, N, P, R, V, case, variants

for _name in ("sum", "mean", "prod", "nansum", "nanmean", "nanprod"):
    _s = N if _name.startswith("nan") else R
    variants(f"numpy.{_name}", getattr(np, _name), (_s(2, 3, 2),), *REDUCED, holomorphic="nan" not in _name)
for _name in ("var", "std", "nanvar", "nanstd"):
    _s = N if _name.startswith("nan") else D
    variants(
        f"numpy.{_name}", getattr(np, _name), (_s(3, 3, 2),), *REDUCED, {"ddof": 1}, {"axis": 0, "ddof": 1}, holomorphic=False
    )
_EMPTY = ({}, {"axis": 0}, {"axis": 1})
for _name in ("sum", "prod"):
    variants(
        f"numpy.{_name}",
        lambda x, _f=getattr(np, _name), **kw: _f(x, **kw),
        (R(0, 3),),
        *({**k, "keepdims": False} for k in _EMPTY),
    )
    case(f"numpy.{_name}", getattr(np, _name), R(), label="0-d")
    case(
        f"numpy.{_name}",
        lambda x, m, _f=getattr(np, _name): _f(x, axis=0, where=m),
        R(2, 3),
        label="where",
        extra=(MASK,),
        device="CuPy's reductions have no where=",
    )
    case(
        f"numpy.{_name}",
        lambda x, _f=getattr(np, _name): _f(x, initial=2.0),
        R(2, 3),
        label="initial",
        affine=True,
        device="CuPy's reductions have no initial=",
    )
case(
    "numpy.mean",
    lambda x, m: np.mean(x, axis=1, where=m),
    R(2, 3),
    label="where",
    extra=(MASK,),
    device="CuPy's mean has no where=",
)
case(
    "numpy.var",
    lambda x, m: np.var(x, axis=1, where=m),
    R(2, 3),
    label="where",
    extra=(np.array([[True, True, False], [True, True, True]]),),
    holomorphic=False,
    device="CuPy's var has no where=",
)
case(
    "numpy.std",
    lambda x, m: np.std(x, axis=1, where=m),
    R(2, 3),
    label="where",
    extra=(np.array([[True, True, False], [True, True, True]]),),
    holomorphic=False,
    device="CuPy's std has no where=",
)
case("numpy.sum", lambda x: np.add.reduce(x), R(2, 3), label="ufunc-reduce")
case("numpy.sum", lambda x: np.add.reduceat(x, [0, 2, 1]), R(4), label="reduceat")
case("numpy.sum", lambda x: x.sum(-1), R(2, 3), label="method")
case("numpy.prod", np.prod, V([0.0, 2.0, 3.0]), label="with-one-zero")
case("numpy.prod", np.prod, V([0.0, 2.0, 0.0, 1.5]), label="two-zeros")
case("numpy.cumprod", np.cumprod, V([2.0, 0.0, 3.0, 1.5]), label="zero")
variants("numpy.average", np.average, (R(2, 3),), {}, {"axis": 0}, {"axis": 1, "keepdims": True})
case("numpy.average", lambda x, w: np.average(x, axis=0, weights=w), R(2, 3), P(2, 3), label="weights")
case("numpy.average", lambda x, w: np.average(x, axis=1, weights=w), R(2, 3), P(3), label="axis-weights")
case("numpy.average", lambda x, w: np.average(x, weights=w, returned=True), R(3), P(3), label="returned")
for _name in ("cumsum", "cumprod", "nancumsum", "nancumprod"):
    _s = N if _name.startswith("nan") else R
    variants(f"numpy.{_name}", getattr(np, _name), (_s(3, 4),), {}, {"axis": 0}, {"axis": -1}, holomorphic="nan" not in _name)
for _name in ("cumulative_sum", "cumulative_prod"):
    variants(f"numpy.{_name}", getattr(np, _name), (R(3, 4),), {"axis": 0}, {"axis": -1, "include_initial": True},
        affine=_name == "cumulative_sum")  # fmt: skip
    case(f"numpy.{_name}", getattr(np, _name), R(4), label="1-d")
variants("numpy.diff", np.diff, (R(4, 5),), {}, {"axis": 0}, {"n": 2}, {"n": 0})
case("numpy.diff", lambda x, e: np.diff(x, prepend=e, append=1.0), R(2, 3), R(2, 1), label="ends", affine=True)
