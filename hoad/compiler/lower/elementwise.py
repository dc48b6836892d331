"""Functions of one point."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hoad.compiler.loops.values import Pointwise, Uniform, Value
from hoad.compiler.lower.lowering import RULES, code, lowers, pointwise, uniform

_SAME = (
    "add", "subtract", "multiply", "divide", "negative", "absolute", "sqrt", "cbrt", "exp", "exp2", "expm1", "log", "log2",
    "log10", "log1p", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh",
    "erf", "erfc",
    "maximum", "minimum", "fmax", "fmin", "arctan2", "hypot", "copysign", "sign", "floor", "ceil", "trunc", "rint", "fmod",
    "less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "logical_and", "logical_or", "logical_xor",
    "logical_not",
    "isnan", "isinf", "isfinite", "signbit",
)  # fmt: skip
_OTHER = {
    "scipy.cbrt": "cbrt",
    "scipy.exp2": "exp2",
    "scipy.expm1": "expm1",
    "scipy.log1p": "log1p",
    "fix": "trunc",
}
_LOGICAL = {"bitwise_and": "logical_and", "bitwise_or": "logical_or", "bitwise_xor": "logical_xor", "invert": "logical_not"}
_BOOLEAN_RESULT = {
    "less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "logical_and", "logical_or", "logical_xor",
    "logical_not",
    "isnan", "isinf", "isfinite", "signbit",
}  # fmt: skip


def _declare(name: str, operation: str) -> None:
    def rule(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
        dtype = code(spec.dtype)
        if kw or (dtype == "b1") != (operation in _BOOLEAN_RESULT):
            return None
        if operation in ("add", "subtract", "multiply", "maximum", "minimum") and all(a.dtype == "b1" for a in args):
            return None
        return Pointwise(operation, args, spec.shape, dtype)

    RULES[name] = rule


for _name in _SAME:
    _declare(_name, _name)
for _name, _operation in _OTHER.items():
    _declare(_name, _operation)


ROOTS = bool(np.signbit(np.power(np.array([-0.0]), 0.5)[0]))
"""Whether NumPy's power of an array with the exponent 0.5 is its root, which differs from the power at -0.0 and -inf."""


def _declare_power(name: str, roots: bool) -> None:
    def rule(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
        dtype = code(spec.dtype)
        if kw or dtype == "b1":
            return None
        x, p = args
        if isinstance(p, Uniform) and p.number == 0.5:
            if roots and x.shape and not p.shape:
                return Pointwise("sqrt", (x,), spec.shape, dtype)
            root = pointwise("sqrt", [pointwise("add", [x, uniform(0.0)], dtype=dtype)], dtype=dtype)
            least = pointwise("equal", [x, uniform(-math.inf)], dtype="b1")
            return pointwise("select", [least, uniform(math.inf), root], spec.shape, dtype)  # C compilers forget these two points
        if x.dtype != dtype and x.dtype != "b1":  # multiplied by itself, it would be rounded to its own precision
            x = Pointwise("convert", (x,), x.shape, dtype)
        return Pointwise("power", (x, p), spec.shape, dtype)

    RULES[name] = rule


_declare_power("pow", ROOTS)
_declare_power("power", ROOTS)
_declare_power("float_power", False)


def _declare_logical(name: str, operation: str) -> None:
    def rule(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
        if kw or any(a.dtype != "b1" for a in args):
            return None
        return Pointwise(operation, args, spec.shape, "b1")

    RULES[name] = rule


for _name, _operation in _LOGICAL.items():
    _declare_logical(_name, _operation)


@lowers("positive", "copy", "conjugate", "real", "value_of", "valued", "frozen")
def _same(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    return args[0] if not kw and len(args) == 1 and args[0].dtype == code(spec.dtype) and args[0].shape == spec.shape else None


@lowers("square")
def _square(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    return Pointwise("multiply", (args[0], args[0]), spec.shape, code(spec.dtype))


@lowers("reciprocal")
def _reciprocal(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    return Pointwise("divide", (uniform(1.0), args[0]), spec.shape, code(spec.dtype))


def _scaled(factor: float) -> Any:
    def rule(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
        return Pointwise("multiply", (args[0], uniform(factor)), spec.shape, code(spec.dtype))

    return rule


RULES["deg2rad"] = RULES["radians"] = _scaled(math.pi / 180)
RULES["rad2deg"] = RULES["degrees"] = _scaled(180 / math.pi)


@lowers("where")
def _where(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    condition = args[0]
    if condition.dtype != "b1":
        condition = pointwise("not_equal", (condition, uniform(0.0)), dtype="b1")
    return Pointwise("select", (condition, args[1], args[2]), spec.shape, code(spec.dtype))


@lowers("gate")
def _gate(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    """w x, with 0 where w is 0 whatever x is there."""
    w, x = args
    dtype, shape = code(spec.dtype), spec.shape
    if w.dtype == "b1":
        return Pointwise("select", (w, x, uniform(0.0)), shape, dtype)
    if isinstance(w, Uniform) and w.number != 0:
        return Pointwise("multiply", (w, x), shape, dtype)
    product = Pointwise("multiply", (w, x), shape, dtype)
    return Pointwise("select", (pointwise("equal", (w, uniform(0.0)), dtype="b1"), uniform(0.0), product), shape, dtype)


@lowers("astype")
def _astype(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    dtype = code(spec.dtype)
    if dtype == "b1" and args[0].dtype != "b1":
        return Pointwise("not_equal", (args[0], uniform(0.0)), spec.shape, "b1")
    return args[0] if args[0].dtype == dtype else Pointwise("convert", args[:1], spec.shape, dtype)


@lowers("expit")
def _expit(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    """1 / (1 + exp(-x)), from exp(-|x|), which cannot overflow."""
    (x,), dtype = args, code(spec.dtype)
    one = uniform(1.0)
    e = pointwise("exp", [pointwise("negative", [pointwise("absolute", [x], dtype=dtype)], dtype=dtype)], dtype=dtype)
    top = pointwise("select", [pointwise("less", [x, uniform(0.0)], dtype="b1"), e, one], dtype=dtype)
    return pointwise("divide", [top, pointwise("add", [one, e], dtype=dtype)], spec.shape, dtype)


@lowers("logaddexp", "softplus")
def _logaddexp(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    """max + log1p(exp(-|a - b|)), and a + log 2 for equal ones, infinite ones among them."""
    if kw or len(args) > 2:
        return None
    dtype = code(spec.dtype)
    a, b = args if len(args) == 2 else (args[0], uniform(0.0))
    gap = pointwise("negative", [pointwise("absolute", [pointwise("subtract", [a, b], dtype=dtype)], dtype=dtype)], dtype=dtype)
    larger = pointwise("maximum", [a, b], dtype=dtype)
    total = pointwise("add", [larger, pointwise("log1p", [pointwise("exp", [gap], dtype=dtype)], dtype=dtype)], dtype=dtype)
    even = pointwise("add", [a, uniform(math.log(2.0))], dtype=dtype)
    return pointwise("select", [pointwise("equal", [a, b], dtype="b1"), even, total], spec.shape, dtype)


def _product_with_log(name: str, logarithm: str) -> None:
    def rule(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
        """x log y, and 0 where x is 0, unless y is NaN."""
        x, y = args
        dtype = code(spec.dtype)
        product = pointwise("multiply", [x, pointwise(logarithm, [y], dtype=dtype)], dtype=dtype)
        zero = pointwise("equal", [x, uniform(0.0)], dtype="b1")
        known = pointwise("logical_not", [pointwise("isnan", [y], dtype="b1")], dtype="b1")
        return pointwise("select", [pointwise("logical_and", [zero, known], dtype="b1"), uniform(0.0), product], spec.shape, dtype)

    RULES[name] = rule


_product_with_log("xlogy", "log")
_product_with_log("xlog1py", "log1p")


@lowers("clip")
def _clip(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    if kw or len(args) != 3:
        return None
    dtype = code(spec.dtype)
    return Pointwise("minimum", (Pointwise("maximum", args[:2], spec.shape, dtype), args[2]), spec.shape, dtype)


@lowers("sincos")
def _sincos(args: list[Value], kw: dict[str, Any], specs: Any) -> list[Value]:
    return [pointwise(name, args, specs[0].shape, code(specs[0].dtype)) for name in ("sin", "cos")]
