"""Statements for what is computed at one point, in the words that C and CUDA C++ have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hoad.compiler.emit.prelude import FUNCTIONS
from hoad.compiler.loops.kernels import Box
from hoad.compiler.loops.scalar import Node
from hoad.compiler.loops.values import Reduced

__all__ = ["MEMORY", "TYPES", "Statements", "combined", "literal", "needed"]

INFIX = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
COMPARE = {"less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">=", "equal": "==", "not_equal": "!="}
TYPES = {"f8": "double", "f4": "float", "b1": "unsigned char"}
MEMORY = TYPES | {"i4": "int", "i8": "long long"}
"""Tables of places are read as well."""


def literal(x: Any, dtype: str) -> str:
    """A number as C text, exactly."""
    if isinstance(x, bool):
        return ("1.0" if x else "0.0") if dtype != "b1" else ("1" if x else "0")
    end = "f" if dtype == "f4" else ""
    if x != x:
        return '__builtin_nan("")'
    if x in (float("inf"), float("-inf")):
        return "__builtin_inf()" if x > 0 else "(-__builtin_inf())"
    text = (f"{x:.1f}" if x == int(x) and abs(x) < 1e6 and (x or str(x)[0] != "-") else x.hex()) + end
    return f"({text})" if text[0] == "-" else text


class Statements:
    """Statements for the nodes of a box.

    Truth values that do not vary in the loop ``inner`` are read before it, as floating-point numbers: among doubles, a loop over
    bytes would be cut into vectors of as many doubles as there are bytes in one, which short loops do not fill.
    """

    def __init__(self, box: Box, pointer: Any, names: list[str], inner: int = -1) -> None:
        self.pointer = pointer
        self.names = names
        self.wide = "double" if any(n.dtype == "f8" for n in box.graph.nodes) else "float"
        self.before: set[int] = set()
        if inner >= 0:
            truths = [n for n in box.graph.nodes if n.operation == "load" and n.dtype == "b1"]
            self.before = {n.number for n in truths if all(k != inner for k, _ in n.arguments[1].terms)}
        counts: dict[int, int] = {}
        for node in box.graph.nodes:
            for a in node.arguments if node.operation != "load" else ():
                if isinstance(a, Node):
                    counts[a.number] = counts.get(a.number, 0) + 1
        self.counts = counts
        self.needed = needed([s.entry for s in box.stores])
        self.nodes = [n for n in box.graph.nodes if n.number in self.needed]

    def text(self, a: Any, dtype: str) -> str:
        """A number of a dtype."""
        if not isinstance(a, Node):
            return literal(a, dtype)
        if a.dtype == "b1" and dtype != "b1":
            one = "1.0f" if dtype == "f4" else "1.0"
            return f"({self.condition(a)} ? {one} : {'0.0f' if dtype == 'f4' else '0.0'})"
        return self.condition(a) if a.dtype == "b1" else f"v{a.number}"

    def condition(self, a: Any) -> str:
        if not isinstance(a, Node):
            return "1" if a else "0"
        if a.dtype != "b1" or a.number in self.before:
            return f"(v{a.number} != 0)"
        return f"v{a.number}" if self.named(a) else self.truth(a)

    def named(self, a: Node) -> bool:
        return a.dtype != "b1" or a.operation in ("load", "gather") or self.counts.get(a.number, 0) > 1

    def truth(self, a: Node) -> str:
        x = a.arguments
        if a.operation in COMPARE:
            kinds = [y.dtype for y in x if isinstance(y, Node) and y.dtype != "b1"]
            dtype = "f4" if kinds and all(k == "f4" for k in kinds) else "f8"
            return f"({self.text(x[0], dtype)} {COMPARE[a.operation]} {self.text(x[1], dtype)})"
        match a.operation:
            case "logical_and":
                return f"({self.condition(x[0])} & {self.condition(x[1])})"
            case "logical_or":
                return f"({self.condition(x[0])} | {self.condition(x[1])})"
            case "logical_xor":
                return f"({self.condition(x[0])} ^ {self.condition(x[1])})"
            case "logical_not":
                return f"(!{self.condition(x[0])})"
            case "isnan":
                return f"({self.text(x[0], 'f8')} != {self.text(x[0], 'f8')})"
            case "isinf":
                return f"(fabs({self.text(x[0], 'f8')}) > 0x1.fffffffffffffp+1023)"
            case "isfinite":
                return f"(fabs({self.text(x[0], 'f8')}) <= 0x1.fffffffffffffp+1023)"
            case "signbit":
                return f"(__builtin_signbit({self.text(x[0], 'f8')}) != 0)"
            case "present":
                return f"({self.pointer(x[0])}[{x[1].text(self.names)}] >= 0)"
            case "select":
                c, p, q = (self.condition(y) for y in x)
                return f"(({c} & {p}) | ((!{c}) & {q}))"
            case "convert":
                return self.condition(x[0])
        raise AssertionError(a.operation)

    def earlier(self) -> Iterable[str]:
        """Declarations that stand before the innermost loop."""
        for a in self.nodes:
            if a.number in self.before:
                yield f"const {self.wide} v{a.number} = {self.pointer(a.arguments[0])}[{a.arguments[1].text(self.names)}];"

    def lines(self) -> Iterable[str]:
        """Declarations of the other nodes that have a name, in order."""
        for a in self.nodes:
            if not self.named(a) or a.number in self.before:
                continue
            if a.operation == "load":
                kind = "int" if a.dtype == "b1" else TYPES[a.dtype]
                yield f"const {kind} v{a.number} = {self.pointer(a.arguments[0])}[{a.arguments[1].text(self.names)}];"
            elif a.operation == "gather":
                yield f"const {'int' if a.dtype == 'b1' else TYPES[a.dtype]} v{a.number} = {self.gathered(a)};"
            elif a.dtype == "b1":
                yield f"const int v{a.number} = {self.truth(a)};"
            else:
                yield f"const {TYPES[a.dtype]} v{a.number} = {self.number(a)};"

    def gathered(self, a: Node) -> str:
        """The element at a place that a table says; 0 where it says a negative one, if it may."""
        buffer, place, table, where, missing = a.arguments
        entry = f"{self.pointer(table)}[{where.text(self.names)}]"
        element = f"{self.pointer(buffer)}[{place.text(self.names)} + {entry}]"
        return f"({entry} < 0) ? 0 : {element}" if missing else element

    def number(self, a: Node) -> str:
        x, t = a.arguments, a.dtype
        if a.operation in INFIX:
            return f"{self.text(x[0], t)} {INFIX[a.operation]} {self.text(x[1], t)}"
        if a.operation in FUNCTIONS:
            return f"{FUNCTIONS[a.operation]}{'f' if t == 'f4' else ''}({', '.join(self.text(y, t) for y in x)})"
        match a.operation:
            case "negative":
                return f"-{self.text(x[0], t)}"
            case "maximum" | "minimum":  # NaN wins, as in NumPy
                p, q = (self.text(y, t) for y in x)
                sign = ">=" if a.operation == "maximum" else "<="
                return f"(({p} {sign} {q}) | ({p} != {p})) ? {p} : {q}"
            case "sign":
                p = self.text(x[0], t)
                zero = f"({p} == 0) ? {literal(0.0, t)} : {p}"  # not -0, and NaN stays
                return f"({p} > 0) ? {literal(1.0, t)} : (({p} < 0) ? {literal(-1.0, t)} : ({zero}))"
            case "select":
                return f"{self.condition(x[0])} ? {self.text(x[1], t)} : {self.text(x[2], t)}"
            case "convert":
                inner = x[0].dtype if isinstance(x[0], Node) else t
                return f"({TYPES[t]}){self.text(x[0], inner if inner != 'b1' else t)}"
        raise AssertionError(a.operation)


def needed(entries: Iterable[Any]) -> set[int]:
    """Numbers of the nodes that entries are computed from."""
    seen: set[int] = set()
    waiting = [a for a in entries if isinstance(a, Node)]
    while waiting:
        a = waiting.pop()
        if a.number not in seen:
            seen.add(a.number)
            if a.operation != "load":
                waiting += [b for b in a.arguments if isinstance(b, Node)]
    return seen


def combined(value: Reduced, a: str, x: str) -> str:
    """An accumulator and one term more; NaN wins, as in NumPy."""
    match value.op:
        case "add":
            return f"{a} + ({x})"
        case "multiply":
            return f"{a} * ({x})"
        case "maximum":
            return f"(({a} >= {x}) | ({a} != {a})) ? {a} : {x}"
        case "minimum":
            return f"(({a} <= {x}) | ({a} != {a})) ? {a} : {x}"
        case "logical_or":
            return f"{a} | {x}"
        case "logical_and":
            return f"{a} & {x}"
    raise AssertionError(value.op)
