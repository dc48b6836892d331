"""Scalar expressions as a graph without repetition: what one point of an elementwise computation does.

Equal expressions are one object, so that common steps are found while the graph is built. Operations with constants are
carried out, and products with a literal 0 or 1 and sums with a literal 0 vanish, as do those of tangents that are not there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.errors import UnsupportedFunctionError

__all__ = ["FUNCTIONS", "Graph", "Node", "apply", "select"]

Scalar = Any
"""A node, or a Python number or bool."""


class Node:
    """One operation; made by a :class:`Graph` only."""

    __slots__ = ("arguments", "boolean", "graph", "number", "operation")

    def __init__(self, graph: Graph, number: int, operation: str, arguments: tuple[Any, ...], boolean: bool) -> None:
        self.graph = graph
        self.number = number
        self.operation = operation
        self.arguments = arguments
        self.boolean = boolean

    def __bool__(self) -> bool:
        raise UnsupportedFunctionError(
            "a branch on the value at a point was met while compiling, which holds for all points. Use np.where instead."
        )

    __float__ = __int__ = __index__ = __bool__
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"{self.operation}#{self.number}"

    # NumPy's loops over object arrays (sum, einsum, matmul) call the operators
    def __add__(self, other: Scalar) -> Scalar:
        return apply("add", self, other)

    def __radd__(self, other: Scalar) -> Scalar:
        return apply("add", other, self)

    def __sub__(self, other: Scalar) -> Scalar:
        return apply("subtract", self, other)

    def __rsub__(self, other: Scalar) -> Scalar:
        return apply("subtract", other, self)

    def __mul__(self, other: Scalar) -> Scalar:
        return apply("multiply", self, other)

    def __rmul__(self, other: Scalar) -> Scalar:
        return apply("multiply", other, self)

    def __truediv__(self, other: Scalar) -> Scalar:
        return apply("divide", self, other)

    def __rtruediv__(self, other: Scalar) -> Scalar:
        return apply("divide", other, self)

    def __neg__(self) -> Scalar:
        return apply("negative", self)


class Graph:
    """All nodes of a computation, in an order in which each comes after its arguments."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._known: dict[Any, Node] = {}

    def input(self, name: str) -> Node:
        """A value at the point, by the name that the code reads it under."""
        return self.node("input", (name,), False)

    def node(self, operation: str, arguments: tuple[Any, ...], boolean: bool) -> Node:
        """The node of an operation on nodes and constants."""
        key = (operation, *(("node", a.number) if isinstance(a, Node) else _constant(a) for a in arguments))
        found = self._known.get(key)
        if found is None:
            found = Node(self, len(self.nodes), operation, arguments, boolean)
            self._known[key] = found
            self.nodes.append(found)
        return found


def _constant(a: Any) -> Any:
    if isinstance(a, float):
        return ("number", a, math.copysign(1.0, a)) if a == a else ("nan",)
    return (type(a).__name__, a)


UNARY = {
    "negative", "absolute", "sqrt", "cbrt", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan",
    "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "erf", "erfc", "floor", "ceil",
    "trunc", "rint", "sign",
}  # fmt: skip
BINARY = {"add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "arctan2", "hypot", "copysign"}
COMPARISONS = {"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"}
LOGICAL = {"logical_and", "logical_or", "logical_not"}
TESTS = {"isnan", "isinf", "isfinite"}
ALIASES = {
    "true_divide": "divide", "fabs": "absolute", "abs": "absolute", "bitwise_and": "logical_and", "bitwise_or": "logical_or",
    "invert": "logical_not", "float_power": "power", "pow": "power",
}  # fmt: skip
FUNCTIONS = UNARY | BINARY | COMPARISONS | LOGICAL | TESTS
"""Names of NumPy's and SciPy's elementwise functions that a node can be."""
COMMUTATIVE = {"add", "multiply", "maximum", "minimum", "logical_and", "logical_or", "equal", "not_equal"}


def _is_zero(a: Any) -> bool:
    return not isinstance(a, Node) and a == 0


def _masked(a: Any) -> Any:
    """Condition and branches of a node that is a literal 0 where a condition fails: what it multiplies does not matter there."""
    if isinstance(a, Node) and a.operation == "select" and (_is_zero(a.arguments[1]) or _is_zero(a.arguments[2])):
        return a.arguments
    return None


def _is_one(a: Any) -> bool:
    return not isinstance(a, Node) and a == 1


def _native(operation: str) -> Callable[..., Any]:
    if operation in ("erf", "erfc"):
        import scipy.special

        return getattr(scipy.special, operation)
    return getattr(np, operation)


def apply(operation: str, *arguments: Scalar) -> Scalar:
    """An operation on nodes and constants: a node, or a constant."""
    operation = ALIASES.get(operation, operation)
    graph = next((a.graph for a in arguments if isinstance(a, Node)), None)
    if graph is None:
        with np.errstate(all="ignore"):
            value = _native(operation)(*arguments)
        return bool(value) if isinstance(value, np.bool_ | bool) else float(value)
    if operation in ("square", "reciprocal", "positive"):
        a = arguments[0]
        return apply("multiply", a, a) if operation == "square" else apply("divide", 1.0, a) if operation == "reciprocal" else a
    if operation not in FUNCTIONS:
        raise UnsupportedFunctionError(f"{operation} has no form in compiled pointwise code.")
    short = _simpler(operation, arguments)
    if short is not None:
        return short[0]
    if operation in COMMUTATIVE:
        arguments = tuple(sorted(arguments, key=lambda a: (not isinstance(a, Node), a.number if isinstance(a, Node) else 0)))
    boolean = operation in COMPARISONS or operation in LOGICAL or operation in TESTS
    return graph.node(operation, arguments, boolean)


def _simpler(operation: str, arguments: tuple[Scalar, ...]) -> tuple[Scalar] | None:
    """What an operation comes down to, in a tuple, or None."""
    a, b = arguments[0], arguments[-1]
    match operation:
        case "add":
            if _is_zero(a):
                return (b,)
            if _is_zero(b):
                return (a,)
        case "subtract":
            if _is_zero(b):
                return (a,)
            if _is_zero(a):
                return (apply("negative", b),)
        case "multiply":
            if _is_zero(a) or _is_zero(b):
                return (0.0,)
            if _is_one(a):
                return (b,)
            if _is_one(b):
                return (a,)
            if not isinstance(a, Node) and a == -1:
                return (apply("negative", b),)
            if not isinstance(b, Node) and b == -1:
                return (apply("negative", a),)
            for x, y in ((a, b), (b, a)):
                if (parts := _masked(x)) is not None:
                    return (select(parts[0], *(p if _is_zero(p) else apply("multiply", p, y) for p in parts[1:])),)
        case "divide":
            if _is_one(b):
                return (a,)
            if _is_zero(a):
                return (0.0,)
            if (parts := _masked(a)) is not None:
                return (select(parts[0], *(p if _is_zero(p) else apply("divide", p, b) for p in parts[1:])),)
        case "negative":
            if (parts := _masked(a)) is not None:
                return (select(parts[0], *(p if _is_zero(p) else apply("negative", p) for p in parts[1:])),)
            if isinstance(a, Node) and a.operation == "negative":
                return (a.arguments[0],)
        case "power":
            return _power(a, b)
        case "logical_and":
            for x, y in ((a, b), (b, a)):
                if not isinstance(x, Node):
                    return (y if x else False,)
        case "logical_or":
            for x, y in ((a, b), (b, a)):
                if not isinstance(x, Node):
                    return (True if x else y,)
    return None


def _power(a: Scalar, b: Scalar) -> tuple[Scalar] | None:
    """Powers with small whole exponents as products, with 1/2 as square roots."""
    if isinstance(b, Node):
        return None
    if b == 0:
        return (1.0,)
    if b == 1:
        return (a,)
    if b == 2:
        return (apply("multiply", a, a),)
    if b == 3:
        return (apply("multiply", apply("multiply", a, a), a),)
    if b == 4:
        square = apply("multiply", a, a)
        return (apply("multiply", square, square),)
    if b == -1:
        return (apply("divide", 1.0, a),)
    if b == -2:
        return (apply("divide", 1.0, apply("multiply", a, a)),)
    if b == 0.5:
        return (apply("sqrt", a),)
    return None


def select(condition: Scalar, a: Scalar, b: Scalar) -> Scalar:
    """``np.where`` at a point."""
    if not isinstance(condition, Node):
        return a if condition else b
    if a is b or (not isinstance(a, Node) and not isinstance(b, Node) and _constant(a) == _constant(b)):
        return a
    boolean = all(x.boolean if isinstance(x, Node) else isinstance(x, bool) for x in (a, b))
    return condition.graph.node("select", (condition, a, b), boolean)
