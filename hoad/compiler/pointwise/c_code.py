"""C for a graph of scalar expressions: one loop over the points, written so that compilers vectorise it.

Vector mathematics without -ffast-math: declaring a function of libm with the ``simd`` attribute lets gcc call glibc's vector
version of it, with IEEE semantics kept (NaN, infinities, signed zeros); accuracy is that of libmvec, up to about 4 ulp.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hoad.compiler.pointwise.expression import Graph, Node

__all__ = ["source_of"]

_CALLS = {
    "sqrt": "sqrt", "cbrt": "cbrt", "exp": "exp", "exp2": "exp2", "expm1": "expm1", "log": "log", "log2": "log2", "log10": "log10",
    "log1p": "log1p", "sin": "sin", "cos": "cos", "tan": "tan", "arcsin": "asin", "arccos": "acos", "arctan": "atan",
    "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "erf": "erf",
    "erfc": "erfc", "floor": "floor", "ceil": "ceil", "trunc": "trunc", "rint": "rint", "absolute": "fabs",
    "power": "pow", "arctan2": "atan2",
    "hypot": "hypot", "copysign": "copysign",
}  # fmt: skip
_VECTOR = (
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh",
    "asinh", "acosh", "atanh", "erf", "erfc", "cbrt",
)  # fmt: skip
_INFIX = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
_COMPARE = {"less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">=", "equal": "==", "not_equal": "!="}

_HEAD = """\
#include <math.h>
#include <float.h>
#if defined(__GLIBC__) && defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define VECTOR1(f) __attribute__((simd("notinbranch"), const, nothrow)) double f(double);
#define VECTOR2(f) __attribute__((simd("notinbranch"), const, nothrow)) double f(double, double);
"""


def _literal(x: Any) -> str:
    if x is True or x is False:
        return "1" if x else "0"
    x = float(x)
    if x != x:
        return "NAN"
    if x in (float("inf"), float("-inf")):
        return "INFINITY" if x > 0 else "(-INFINITY)"
    text = x.hex()
    return f"({text})" if x < 0 else text


class _Printer:
    """Statements for the nodes that the outputs need."""

    def __init__(self, reads: dict[str, str]) -> None:
        self.reads = reads

    def value(self, a: Any) -> str:
        """A number: a variable or a literal."""
        if not isinstance(a, Node):
            return _literal(a)
        return f"({self.condition(a)} ? 1.0 : 0.0)" if a.boolean else f"v{a.number}"

    def condition(self, a: Any) -> str:
        """A truth value, written out where it is used."""
        if not isinstance(a, Node):
            return _literal(bool(a))
        if not a.boolean:
            return f"(v{a.number} != 0)"
        x = a.arguments
        if a.operation in _COMPARE:
            return f"({self.value(x[0])} {_COMPARE[a.operation]} {self.value(x[1])})"
        match a.operation:
            case "logical_and":
                return f"({self.condition(x[0])} & {self.condition(x[1])})"
            case "logical_or":
                return f"({self.condition(x[0])} | {self.condition(x[1])})"
            case "logical_not":
                return f"(!{self.condition(x[0])})"
            case "isnan":
                return f"({self.value(x[0])} != {self.value(x[0])})"
            case "isinf":
                return f"(fabs({self.value(x[0])}) > DBL_MAX)"
            case "isfinite":
                return f"(fabs({self.value(x[0])}) <= DBL_MAX)"
            case "select":
                c, p, q = (self.condition(y) for y in x)
                return f"(({c} & {p}) | ((!{c}) & {q}))"
        raise AssertionError(a.operation)

    def statement(self, a: Node) -> str:
        """The line that computes a node."""
        x = a.arguments
        if a.operation == "input":
            text = self.reads[x[0]]
        elif a.operation in _INFIX:
            text = f"{self.value(x[0])} {_INFIX[a.operation]} {self.value(x[1])}"
        elif a.operation in _CALLS:
            text = f"{_CALLS[a.operation]}({', '.join(map(self.value, x))})"
        elif a.operation == "negative":
            text = f"-{self.value(x[0])}"
        elif a.operation in ("maximum", "minimum"):  # NaN wins, as in NumPy
            p, q = map(self.value, x)
            sign = ">=" if a.operation == "maximum" else "<="
            text = f"(({p} {sign} {q}) | ({p} != {p})) ? {p} : {q}"
        elif a.operation == "sign":
            p = self.value(x[0])
            text = f"({p} > 0) ? 1.0 : (({p} < 0) ? -1.0 : {p})"
        elif a.operation == "select":
            text = f"{self.condition(x[0])} ? {self.value(x[1])} : {self.value(x[2])}"
        else:
            raise AssertionError(a.operation)
        return f"const double v{a.number} = {text};"


def _needed(outputs: Sequence[Any]) -> set[int]:
    seen: set[int] = set()
    waiting = [a for a in outputs if isinstance(a, Node)]
    while waiting:
        a = waiting.pop()
        if a.number not in seen:
            seen.add(a.number)
            waiting += [b for b in a.arguments if isinstance(b, Node)]
    return seen


def source_of(graph: Graph, fields: Sequence[str], constants: Sequence[str], outputs: Sequence[Any]) -> str:
    """A C file with ``void kernel(long n, const double *const *in, double *const *out)``.

    Parameters
    ----------
    graph : Graph
    fields : sequence of str
        Names of inputs that differ from point to point; ``in[k]`` holds n numbers.
    constants : sequence of str
        Names of inputs that are one number, behind the fields in ``in``.
    outputs : sequence of nodes or numbers
        ``out[k]`` gets n numbers.
    """
    needed = _needed(outputs)
    reads = {name: f"x{k}[i]" for k, name in enumerate(fields)} | {name: f"c{k}" for k, name in enumerate(constants)}
    printer = _Printer(reads)
    used = {a.arguments[0] for a in graph.nodes if a.number in needed and a.operation == "input"}
    lines = [_HEAD, *(f"VECTOR1({f})" for f in _VECTOR), "VECTOR2(pow)", "VECTOR2(atan2)", "VECTOR2(hypot)", "#endif", ""]
    lines += ["void kernel(long n, const double *const *in, double *const *out)", "{"]
    lines += [f"    const double *restrict x{k} = in[{k}];" for k, name in enumerate(fields) if name in used]
    lines += [f"    const double c{k} = in[{len(fields) + k}][0];" for k, name in enumerate(constants) if name in used]
    lines += [f"    double *restrict y{k} = out[{k}];" for k in range(len(outputs))]
    lines += ["    #pragma omp simd", "    for (long i = 0; i < n; ++i) {"]
    lines += [f"        {printer.statement(a)}" for a in graph.nodes if a.number in needed and not a.boolean]
    lines += [f"        y{k}[i] = {printer.value(a)};" for k, a in enumerate(outputs)]
    lines += ["    }", "}", ""]
    return "\n".join(lines)
