"""Whole numbers in loops: counts and places, which are small, are computed as floating-point numbers without any rounding.

Products and sums of them are whole numbers again; a bound on their size is carried along.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from hoad.compiler.loops.values import Pointwise, Value
from hoad.compiler.lower.lowering import lowers, uniform
from hoad.compiler.lower.reductions import reduced

__all__ = ["WHOLE"]

Bounds = Sequence[float]


def _all(bounds: Bounds, args: Sequence[Value], spec: Any) -> float:
    return max(bounds, default=0.0)


def _terms(bounds: Bounds, args: Sequence[Value], spec: Any) -> float:
    return bounds[0] * prod(args[0].shape) / max(1, prod(spec.shape))


WHOLE: dict[str, Callable[[Bounds, Sequence[Value], Any], float]] = {
    "sum": _terms,
    "count_nonzero": lambda bounds, args, spec: prod(args[0].shape),
    "add": lambda bounds, args, spec: sum(bounds),
    "subtract": lambda bounds, args, spec: sum(bounds),
}
"""For a primitive whose rule holds for whole numbers: the largest absolute value of the result."""
MOVING = """reshape transpose broadcast_to getitem concatenate copy positive maximum minimum max min where absolute astype
    diagonal"""
WHOLE |= dict.fromkeys(MOVING.split(), _all)


@lowers("count_nonzero")
def _count(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    x = args[0]
    nonzero = Pointwise("not_equal", (x, uniform(0.0)), x.shape, "b1")
    return reduced("add", Pointwise("convert", (nonzero,), x.shape, "f8"), kw["axis"], spec)
