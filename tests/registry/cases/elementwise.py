# a table: one case, one line where it fits
"""Cases: elementwise."""

import numpy as np

from .case import A1, NO_COMPLEX, ORDERED, P, R, U, V, case

for _names, _domain in (
    ("exp exp2 expm1 sin cos sinh cosh tanh arctan arcsinh square", R),
    ("log log2 log10 log1p sqrt reciprocal", P),
    ("arcsin arccos arctanh tan", U),
    ("arccosh", A1),
):
    for _name in _names.split():
        case(f"numpy.{_name}", getattr(np, _name), _domain(2, 3), elementwise=True)
        case(f"numpy.{_name}", getattr(np, _name), _domain(), label="0-d", elementwise=True)
        case(f"numpy.{_name}", getattr(np, _name), _domain(0, 3), label="empty", elementwise=True)
case("numpy.cbrt", np.cbrt, P(2, 3), real_only=NO_COMPLEX, holomorphic=False, elementwise=True)
for _name in ("deg2rad", "radians", "rad2deg", "degrees"):
    case(f"numpy.{_name}", getattr(np, _name), R(2, 3), real_only=NO_COMPLEX, holomorphic=False)
for _name in ("negative", "positive", "conjugate", "real", "imag"):
    case(f"numpy.{_name}", getattr(np, _name), R(2, 3), holomorphic=_name in ("negative", "positive"))
for _name in ("add", "subtract", "multiply", "divide"):
    _f = getattr(np, _name)
    for _label, _a, _b in (
        ("same", R(2, 3), P(2, 3)), ("broadcast", R(3), P(2, 1)), ("0-d", R(), P(2, 2)), ("both-0-d", R(), P()), ("empty", R(0, 3), P(3)),
        ("one-axis", R(1, 3), P(2, 3)),
    ):  # fmt: skip
        case(f"numpy.{_name}", _f, _a, _b, label=_label, elementwise=_name == "divide")
    case(f"numpy.{_name}", lambda x, _f=_f: _f(x, 2.0), R(3), label="scalar-right", elementwise=_name == "divide", affine=True)
    case(f"numpy.{_name}", lambda x, _f=_f: _f(3.0, x), P(3), label="scalar-left", elementwise=_name == "divide", affine=True)
    case(f"numpy.{_name}", lambda x, _f=_f: _f(x, x), P(3), label="same-argument")
for _name in ("power", "float_power"):
    _f = getattr(np, _name)
    _o = {"double_only": "returns at least float64"} if _name == "float_power" else {}
    case(f"numpy.{_name}", _f, P(2, 3), R(3), label="arrays", elementwise=True, **_o)
    for _p in (0, 1, 2, 3, -1, 0.5, 2.0, 2.5):
        case(f"numpy.{_name}", lambda x, _p=_p, _f=_f: _f(x, _p), P(3), label=f"p={_p}", elementwise=True, **_o)
    case(f"numpy.{_name}", lambda p, _f=_f: _f(2.0, p), R(3), label="exponent", elementwise=True, **_o)
case("numpy.power", lambda x: x**3, R(3), label="operator", elementwise=True)
case("numpy.power", lambda x: x**-2.5, P(3), label="operator-real", elementwise=True)
case("numpy.power", lambda x: 2.0**x, R(3), label="operator-exponent", elementwise=True)
case("numpy.power", lambda x, y: x**y, P(3), R(2, 1), label="operator-broadcast", elementwise=True)
case("numpy.power", lambda x: x**3, V([0.0, -1.5, 2.0]), label="zero-base", elementwise=True)
for _name in ("arctan2", "hypot", "logaddexp", "logaddexp2"):
    for _label, _a, _b in (("same", R(2, 3), P(2, 3)), ("broadcast", P(3), R(2, 1)), ("0-d", R(), P(2))):
        case(f"numpy.{_name}", getattr(np, _name), _a, _b, label=_label, real_only=NO_COMPLEX, holomorphic=False, elementwise=True)
for _name in ("remainder", "fmod", "divmod"):
    _f = getattr(np, _name)
    case(
        f"numpy.{_name}",
        _f,
        V([[5.3, -4.2], [7.7, 1.1]]),
        V([2.0, -1.5]),
        real_only=ORDERED,
        holomorphic=False,
        elementwise=_name != "divmod",
    )
case("numpy.divmod", divmod, V([5.3, -4.2]), V([2.0]), label="builtin", real_only=ORDERED, holomorphic=False)
case("numpy.remainder", lambda x: x % 2.0, V([5.3, -4.2]), label="operator", real_only=ORDERED, holomorphic=False)
case("numpy.add", lambda x: np.add.outer(x, x), R(3), label="outer-method")
case("numpy.multiply", np.multiply.outer, R(2), R(3), label="outer-method", device="")
