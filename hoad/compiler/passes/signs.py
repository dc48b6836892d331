"""Where a result cannot be -0.0, so that adding 0.0 to it changes nothing."""

from __future__ import annotations

import math
from typing import Any

from hoad.compiler.passes.rewriting import Slot, Walk, operands
from hoad.compiler.passes.uniform import number

__all__ = ["never_negative_zero"]

_NEVER = frozenset({"exp", "exp2", "square", "absolute", "cosh", "expit", "softplus", "sum", "hypot", "logaddexp"})
"""Results are at least +0.0, or (sum) NumPy adds them to +0.0."""

_DEPTH = 6


def never_negative_zero(walk: Walk, a: Any, depth: int = _DEPTH) -> bool:
    """Whether no element of an operand can be -0.0.

    A sum of two numbers, rounded to nearest, is -0.0 only if both are; a difference only if the first is.
    """
    if type(a) is not Slot:
        value = number(a)
        return value is not None and not (value == 0 and math.copysign(1.0, value) < 0)
    step = walk.made.get(a)
    if step is None or walk.specs[a].dtype.kind != "f" or not depth:
        return False
    name = step.primitive.name
    if name in _NEVER:
        return True
    if name == "assemble":
        return step.kw["indices"][0] is not Ellipsis
    if name == "multiply":
        x, y = operands(step)
        return type(x) is Slot and type(y) is Slot and x == y
    depth -= 1
    if name == "add":
        return any(never_negative_zero(walk, x, depth) for x in operands(step))
    if name in ("subtract", "sqrt", "getitem", "reshape", "transpose", "broadcast_to", "copy"):
        return never_negative_zero(walk, operands(step)[0], depth)
    return False
