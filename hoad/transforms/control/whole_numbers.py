"""Whole numbers that are known beforehand (the number of a step, a counter) as floating-point numbers in the body of a loop.

Native loops have no integers.  Sums, differences, products and remainders of whole numbers up to 2**53 are exact, and functions of
NumPy that give floating-point numbers convert integers first; a body that does anything else with them keeps its integers.
Integers have no negative zero: what could give one is not changed either.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hoad.modes.loop_steps import Body
from hoad.modes.record import Step

__all__ = ["EXACT", "Whole", "with_floats"]

EXACT = 2.0**53
"""Whole numbers up to here are floating-point numbers."""

_MOVES = frozenset({"reshape", "broadcast_to", "getitem", "transpose", "expand_dims", "squeeze", "positive", "copy"})


class Whole(NamedTuple):
    """Bounds of an integer."""

    least: float
    most: float


def with_floats(body: Body, bounds: dict[int, Whole]) -> tuple[Body, set[int]] | None:
    """The body with some of its inputs, integers within bounds, as floats; and which outputs are integers that became floats.

    None if the results could differ.
    """
    whole = dict(bounds)
    for step in body.steps:
        if any(slot in whole for _, slot in step.inputs) and not _is_exact(step, body, whole):
            return None
    if any(max(-w.least, w.most) > EXACT for w in whole.values()):
        return None
    real = np.dtype(np.float64)
    specs = {slot: (shape, real if slot in whole else dtype) for slot, (shape, dtype) in body.specs.items()}
    changed = {i for i, (slot, _) in enumerate(body.outputs) if slot in whole}
    return Body(tuple([specs[i] for i in range(len(body.inputs))]), body.steps, body.outputs, specs), changed


def _is_exact(step: Step, body: Body, whole: dict[int, Whole]) -> bool:
    """Whether a step gives the same for floats; an integer that it gives is added to ``whole``."""
    if len(step.outputs) != 1:
        return False
    (out,) = step.outputs
    dtype = body.specs[out][1]
    if dtype.kind in "iu":
        found = _bounds(step, whole)
        if found is not None:
            whole[out] = found
        return found is not None
    name = step.primitive.name
    if name == "astype":
        return dtype.kind in "fc"
    return isinstance(step.primitive.native, np.ufunc) and dtype.char in "dD?" and name != "ldexp" and not step.kw


def _bounds(step: Step, whole: dict[int, Whole]) -> Whole | None:
    """Bounds of the integer that a step gives; None if floats would not give it."""
    name, places = step.primitive.name, dict(step.inputs)
    operands = [whole.get(places[i]) if i in places else _constant(a) for i, a in enumerate(step.args)]
    a = operands[0]
    if a is None or None in operands:
        return None
    if name in _MOVES:
        return a if len(step.inputs) == 1 else None
    if step.kw or len(operands) > 2:
        return None
    b = operands[-1]
    assert b is not None
    n = 2 if name == "square" else step.args[-1] if name in ("power", "pow") else None
    if name == "add":
        return Whole(a.least + b.least, a.most + b.most)
    if name == "subtract":
        return Whole(a.least - b.most, a.most - b.least)
    if name == "multiply" and min(a.least, b.least) >= 0:
        return Whole(a.least * b.least, a.most * b.most)
    if type(n) is int and 0 <= n <= 3 and a.least >= 0:
        return Whole(a.least**n, a.most**n)
    if name in ("remainder", "floor_divide") and len(operands) == 2 and b.least >= 1 and a.least >= 0:
        return Whole(0, b.most) if name == "remainder" else Whole(0, a.most)
    return None


def _constant(x: Any) -> Whole | None:
    return Whole(int(x), int(x)) if isinstance(x, int | np.integer) and not isinstance(x, bool) else None
