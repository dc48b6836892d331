"""Values of series by the recurrences of numpy.polynomial (Clenshaw 1955; Horner's rule for powers), in its order of operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hoad.compiler.loops.values import Value
from hoad.compiler.lower.lowering import RULES, code
from hoad.compiler.lower.shaping import moved
from hoad.compiler.lower.terms import Term, number

__all__: list[str] = []

LONGEST = 64
"""Coefficients of the longest series that is written out."""
Step = Callable[[Term, Term, Term, Term, int], tuple[Term, Term]]


def _declare(family: str, step: Step, last: Callable[[Term, Term, Term], Term]) -> None:
    def rule(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
        x, c = args
        dtype = code(spec.dtype)
        if (
            set(kw) - {"tensor", "n"}
            or not c.shape
            or not 0 < c.shape[0] <= LONGEST
            or 0 in spec.shape
            or x.dtype != dtype
            or c.dtype != dtype
        ):
            return None
        rest = c.shape[1:] + ((1,) * len(x.shape) if kw.get("tensor", True) else ())
        maps: list[Any] = [(0, ((k, 1),) if n != 1 else ()) for k, n in enumerate(c.shape[1:])]
        terms = [Term(moved(c, [(k, ()), *maps], rest), dtype) for k in range(c.shape[0])]
        if family == "poly":
            terms[-1] = terms[-1] + Term(x, dtype) * 0.0  # NaN at infinity, as there
        found = _value(terms, Term(x, dtype), step, last).value
        return found if found.shape == spec.shape else None

    RULES[f"{family}val (series)"] = rule


def _value(c: list[Term], x: Term, step: Step, last: Callable[[Term, Term, Term], Term]) -> Term:
    if len(c) == 1:
        return last(c[0], number(0.0, x), x)
    a, b = c[-2], c[-1]
    for n in range(len(c) - 1, 1, -1):
        a, b = step(a, b, x, c[n - 2], n)
    return last(a, b, x)


_declare("cheb", lambda a, b, x, c, n: (c - b, a + b * (x * 2.0)), lambda a, b, x: a + b * x)
_declare("leg", lambda a, b, x, c, n: (c - b * ((n - 1) / n), a + b * x * ((2 * n - 1) / n)), lambda a, b, x: a + b * x)
_declare("herm", lambda a, b, x, c, n: (c - b * (2.0 * (n - 1)), a + b * (x * 2.0)), lambda a, b, x: a + b * (x * 2.0))
_declare("herme", lambda a, b, x, c, n: (c - b * float(n - 1), a + b * x), lambda a, b, x: a + b * x)
_declare(
    "lag", lambda a, b, x, c, n: (c - b * float(n - 1) / n, a + b * ((2.0 * n - 1) - x) / n), lambda a, b, x: a + b * (1.0 - x)
)

_declare("poly", lambda a, b, x, c, n: (c, a + b * x), lambda a, b, x: a + b * x)
