"""Selections whose condition is known, or whose branches are the same.

``where(True, a, b)`` is a; ``gate(True, x)`` and ``gate(1, x)`` are x.  A gate that is closed stays: whether it gives 0.0 or -0.0
depends on the values.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.compiler.passes.rewriting import Constant, Slot, Walk, make_step, operands, rewrite
from hoad.compiler.passes.uniform import compact, element
from hoad.compiler.steps import Step, Steps

__all__ = ["simplify_selections"]


def simplify_selections(steps: Steps) -> Steps:
    """Replace selections by what they select, where that is known."""
    return rewrite(steps, {"where": (_where,), "gate": (_gate,)})


def _where(walk: Walk, step: Step) -> Any:
    args = operands(step)
    if len(args) != 3 or step.kw:
        return None
    condition, a, b = args
    if type(a) is Slot and type(b) is Slot and a == b:
        return walk.spread(step, a)
    if type(condition) is Slot:
        before = walk.maker(condition, "logical_not")
        c = None if before is None else operands(before)[0]
        return make_step("where", [c, b, a], {}, step.outputs) if type(c) is Slot and walk.specs[c].dtype.kind == "b" else None
    known = condition if type(condition) is bool else element(compact(condition))
    return None if known is None else _as_result(walk, step, a if known else b)


def _as_result(walk: Walk, step: Step, a: Any) -> Any:
    """An operand in shape and dtype of the result."""
    out = walk.specs[step.outputs[0]]
    if type(a) is not Slot:
        value = np.broadcast_to(np.asarray(a, out.dtype), out.shape)
        return Constant(value if out.shape else value[()])
    spec = walk.specs[a]
    if spec.dtype == out.dtype:
        return walk.spread(step, a)
    if spec.shape != out.shape or out.dtype.kind not in "fc" or (spec.dtype.kind, out.dtype.kind) == ("c", "f"):
        return None
    return make_step("astype", [a], {"dtype": out.dtype}, step.outputs)


def _gate(walk: Walk, step: Step) -> Any:
    w, x = operands(step)
    if type(w) is Slot or type(x) is not Slot or step.kw:
        return None
    known = w if type(w) in (bool, int, float) else element(compact(w))
    return walk.spread(step, x) if known is not None and known == 1 else None
