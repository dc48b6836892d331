"""What is computed at one point: scalar operations without repetition, each after its arguments.

Only rewrites that are exact for every value, NaN, infinities and signed zeros included, are made here, but for two constant
factors, which become one (a rounding less, and no overflow on the way).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["BOOLEAN", "COST", "OPERATIONS", "Graph", "Node"]

ARITHMETIC = {
    "add",
    "subtract",
    "multiply",
    "divide",
    "negative",
    "absolute",
    "sqrt",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "copysign",
    "sign",
}
ROUNDING = {"floor", "ceil", "trunc", "rint"}
TRANSCENDENTAL = {
    "cbrt", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh",
    "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "erf", "erfc", "power", "arctan2", "hypot", "fmod",
}  # fmt: skip
COMPARISONS = {"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"}
LOGICAL = {"logical_and", "logical_or", "logical_xor", "logical_not"}
TESTS = {"isnan", "isinf", "isfinite", "signbit"}
BOOLEAN = COMPARISONS | LOGICAL | TESTS
OPERATIONS = ARITHMETIC | ROUNDING | TRANSCENDENTAL | BOOLEAN | {"select", "convert", "gather", "present"}
"""Names of what a node can be, besides ``load``; those of NumPy where NumPy has one."""

COMMUTATIVE = {"add", "multiply", "logical_and", "logical_or", "logical_xor", "equal", "not_equal"}
COST = dict.fromkeys(TRANSCENDENTAL, 15.0) | {"divide": 4.0, "sqrt": 5.0, "power": 30.0}
"""Time of an operation beside that of an addition."""

SMALL, LARGE = 1e-30, 1e30


class Node:
    """One operation at a point; made by a :class:`Graph` only."""

    __slots__ = ("arguments", "dtype", "number", "operation")

    def __init__(self, number: int, operation: str, arguments: tuple[Any, ...], dtype: str) -> None:
        self.number = number
        self.operation = operation
        self.arguments = arguments
        self.dtype = dtype

    def __repr__(self) -> str:
        return f"{self.operation}#{self.number}"


Scalar = Any
"""A node, or a Python float or bool."""


def _key(a: Any) -> Any:
    if isinstance(a, Node):
        return a.number
    if isinstance(a, float):
        return ("nan", 0) if a != a else (a, math.copysign(1.0, a))
    return (type(a).__name__, a)


class Graph:
    """All nodes of one box of a loop."""

    def __init__(self, limit: int) -> None:
        self.nodes: list[Node] = []
        self.limit = limit
        self._known: dict[Any, Node] = {}

    def node(self, operation: str, arguments: tuple[Any, ...], dtype: str) -> Node:
        """The node of an operation; an equal one if there is one."""
        key = (operation, dtype, *(map(_key, arguments) if operation != "load" else arguments))
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = Node(len(self.nodes), operation, arguments, dtype)
            self.nodes.append(found)
        return found

    @property
    def full(self) -> bool:
        """True where a compiler would take long."""
        return len(self.nodes) > self.limit

    def apply(self, operation: str, arguments: tuple[Scalar, ...], dtype: str) -> Scalar:
        """An operation whose result has a dtype (``f8``, ``f4``, ``b1``): a node, or a number if all arguments are numbers."""
        if not any(isinstance(a, Node) for a in arguments):
            return _evaluate(operation, arguments, dtype)
        a = arguments[0]
        if len(arguments) == 2:
            b = arguments[1]
            if operation == "multiply":
                if _is(b, 1.0):
                    return self.apply("convert", (a,), dtype)
                if _is(a, 1.0):
                    return self.apply("convert", (b,), dtype)
                if _is(a, -1.0):
                    return self.apply("negative", (b,), dtype)
                if _is(b, -1.0):
                    return self.apply("negative", (a,), dtype)
            elif operation == "divide":
                if _is(b, 1.0):
                    return self.apply("convert", (a,), dtype)
                if _is(b, -1.0):
                    return self.apply("negative", (a,), dtype)
                if isinstance(b, float) and b and math.frexp(b)[0] in (0.5, -0.5) and 1e-300 < abs(b) < 1e300:
                    return self.apply("multiply", (a, 1.0 / b), dtype)
            elif operation == "add":
                if _is(b, 0.0) and math.copysign(1.0, b) < 0:
                    return self.apply("convert", (a,), dtype)
                if _is(a, 0.0) and math.copysign(1.0, a) < 0:
                    return self.apply("convert", (b,), dtype)
                if isinstance(b, Node) and b.operation == "negative":
                    return self.apply("subtract", (a, b.arguments[0]), dtype)
                if isinstance(a, Node) and a.operation == "negative":
                    return self.apply("subtract", (b, a.arguments[0]), dtype)
            elif operation == "subtract":
                if _is(b, 0.0) and math.copysign(1.0, b) > 0:
                    return self.apply("convert", (a,), dtype)
                if isinstance(b, Node) and b.operation == "negative":
                    return self.apply("add", (a, b.arguments[0]), dtype)
            if operation in ("multiply", "divide"):
                return self._signed(operation, a, b, dtype)
            if operation == "power":
                return self._power(a, b, dtype)
            if operation in COMMUTATIVE and _order(a) > _order(b):
                arguments = (b, a)
        elif operation == "negative" and isinstance(a, Node) and a.dtype == dtype:
            if a.operation == "negative":
                return a.arguments[0]
            if a.operation in ("multiply", "divide") and isinstance(a.arguments[1], float):
                return self.apply(a.operation, (a.arguments[0], -a.arguments[1]), dtype)
            if a.operation == "multiply" and isinstance(a.arguments[0], float):
                return self.apply("multiply", (-a.arguments[0], a.arguments[1]), dtype)
        elif operation == "logical_not" and isinstance(a, Node) and a.operation == "logical_not":
            return a.arguments[0]
        elif operation == "select":
            condition, p, q = arguments
            if not isinstance(condition, Node):
                return self.apply("convert", (p if condition else q,), dtype)
            if _key(p) == _key(q):
                return self.apply("convert", (p,), dtype)
        elif operation == "convert" and a.dtype == dtype:
            return a
        return self.node(operation, arguments, dtype)

    def _signed(self, operation: str, a: Scalar, b: Scalar, dtype: str) -> Scalar:
        """A product or quotient with the signs in front of it."""
        flip = False
        if isinstance(a, Node) and a.operation == "negative":
            a, flip = a.arguments[0], not flip
        if isinstance(b, Node) and b.operation == "negative":
            b, flip = b.arguments[0], not flip
        if flip and isinstance(a, float):
            a, flip = -a, False
        elif flip and isinstance(b, float):
            b, flip = -b, False
        if flip and not (_typed(a, dtype) and _typed(b, dtype)):
            return self.apply("negative", (self._signed(operation, a, b, dtype),), dtype)
        unit = (isinstance(a, float) and abs(a) == 1.0 and operation == "multiply") or (isinstance(b, float) and abs(b) == 1.0)
        product = self.apply(operation, (a, b), dtype) if unit else self._product(operation, a, b, dtype)
        return self.apply("negative", (product,), dtype) if flip else product

    def _product(self, operation: str, a: Scalar, b: Scalar, dtype: str) -> Node:
        if operation == "multiply" and _order(a) > _order(b):
            a, b = b, a
        if operation == "multiply" and isinstance(a, float) and isinstance(b, Node) and b.operation == "multiply":
            inner = b.arguments[0]
            if isinstance(inner, float) and SMALL < abs(inner * a) < LARGE and b.dtype == dtype:  # one rounding instead of two
                return self.apply("multiply", (_evaluate("multiply", (a, inner), dtype), b.arguments[1]), dtype)
        return self.node(operation, (a, b), dtype)

    def _power(self, a: Scalar, b: Scalar, dtype: str) -> Scalar:
        """Small whole powers as products, as NumPy computes the square."""
        if isinstance(b, float) and b in (1.0, 2.0, 3.0, 4.0):
            if b == 1.0:
                return self.apply("convert", (a,), dtype)
            square = self.apply("multiply", (a, a), dtype)
            return square if b == 2.0 else self.apply("multiply", (square, a if b == 3.0 else square), dtype)
        if isinstance(b, float) and b == -1.0:
            return self.apply("divide", (1.0, a), dtype)
        return self.node("power", (a, b), dtype)


def _is(a: Any, number: float) -> bool:
    return isinstance(a, float) and a == number


def _typed(a: Any, dtype: str) -> bool:
    return not isinstance(a, Node) or a.dtype == dtype


def _order(a: Any) -> int:
    return a.number if isinstance(a, Node) else -1


def _evaluate(operation: str, arguments: tuple[Any, ...], dtype: str) -> Any:
    """The operation on numbers, rounded to the dtype."""
    cast = np.dtype(dtype).type
    with np.errstate(all="ignore"):
        if operation == "select":
            value = arguments[1] if arguments[0] else arguments[2]
        elif operation == "convert":
            value = arguments[0]
        elif operation in ("erf", "erfc"):
            import scipy.special

            value = getattr(scipy.special, operation)(*arguments)
        else:
            kind = np.float32 if dtype == "f4" else np.float64
            value = getattr(np, operation)(*[a if isinstance(a, bool) else kind(a) for a in arguments])
        value = cast(value)
    return bool(value) if dtype == "b1" else float(value)
