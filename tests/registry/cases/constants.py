# a table: one case, one line where it fits
"""Cases: constants."""

import numpy as np

from .case import ORDERED, D, N, R, V, case, variants

for _name in ("floor", "ceil", "trunc", "rint", "sign", "signbit", "isnan", "isinf", "isfinite", "logical_not"):
    case(f"numpy.{_name}", getattr(np, _name), D(2, 3), real_only=ORDERED)
for _name in (
    "less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "logical_and", "logical_or", "logical_xor", "floor_divide",
):  # fmt: skip
    case(f"numpy.{_name}", getattr(np, _name), D(2, 3), D(3), real_only=ORDERED)
    case(f"numpy.{_name}", lambda x, _f=getattr(np, _name): _f(x, 0.3), D(2, 3), label="scalar", real_only=ORDERED)
for _name in ("all", "any", "count_nonzero"):
    variants(f"numpy.{_name}", getattr(np, _name), (D(2, 3),), {}, {"axis": 0}, {"axis": (0, -1)}, {"axis": -1, "keepdims": True})
for _name in ("argmax", "argmin"):
    variants(f"numpy.{_name}", getattr(np, _name), (D(2, 3),), {}, {"axis": 0}, {"axis": -1, "keepdims": True}, real_only=ORDERED)
for _name in ("nanargmax", "nanargmin"):
    variants(f"numpy.{_name}", getattr(np, _name), (N(2, 3),), {}, {"axis": 0}, real_only=ORDERED)
variants("numpy.argsort", np.argsort, (D(2, 3),), {}, {"axis": 0}, {"axis": None}, real_only=ORDERED)
variants("numpy.argpartition", np.argpartition, (D(2, 5),), {"kth": 1}, {"kth": 1, "axis": 0}, real_only=ORDERED)
case("numpy.nonzero", np.nonzero, V([[0.0, 1.0], [2.0, 0.0]]))
case("numpy.flatnonzero", np.flatnonzero, V([[0.0, 1.0], [2.0, 0.0]]))
case("numpy.searchsorted", np.searchsorted, V([-1.0, 0.0, 1.0]), R(2, 2), real_only=ORDERED)
case(
    "numpy.searchsorted",
    lambda a, v: np.searchsorted(a, v, side="right"),
    V([-1.0, 0.0, 1.0]),
    V([0.0, 5.0]),
    label="right",
    real_only=ORDERED,
)
for _name in ("allclose", "array_equal", "array_equiv", "isclose"):
    case(f"numpy.{_name}", getattr(np, _name), V([1.0, 2.0]), V([1.0, 2.5]))
for _name in ("zeros_like", "ones_like"):
    case(f"numpy.{_name}", getattr(np, _name), R(2, 3))
case("numpy.empty_like", lambda x: np.empty_like(x).shape, R(2, 3), label="shape")
case("numpy.full_like", lambda x: np.full_like(x, 1.5), R(2, 3))
case("numpy.zeros_like", lambda x: np.zeros_like(x, shape=(4,)), R(2, 3), label="shape")
