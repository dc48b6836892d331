"""Copies: steps whose result has the same elements as an array that exists, in another place of memory.

Copies, conversions to the same dtype, reshapes of reshapes, and sums over axes of length one (to which 0.0 is added, as NumPy does,
where an element could be -0.0).  Values are the same, but NumPy adds the elements of an array in an order that depends on where
they stand in memory, so that a later sum may be rounded differently.
"""

from __future__ import annotations

from typing import Any

from hoad.compiler.passes.rewriting import Slot, Walk, make_step, operands, rewrite
from hoad.compiler.passes.signs import never_negative_zero
from hoad.compiler.passes.views import source
from hoad.compiler.steps import Step, Steps

__all__ = ["remove_copies"]


def remove_copies(steps: Steps) -> Steps:
    """Use arrays in place of their copies."""
    return rewrite(steps, _RULES)


def _same(walk: Walk, step: Step) -> Any:
    """Copies and conversions to the same dtype."""
    found = source(walk, step)
    return found[0] if found is not None and found[1] == found[2] else None


def _reshape(walk: Walk, step: Step) -> Any:
    found = source(walk, step)
    inner = None if found is None else walk.maker(found[0], "reshape")
    if found is None or inner is None or type(y := operands(inner)[0]) is not Slot:
        return None
    return y if walk.specs[y] == found[2] else make_step("reshape", [y], {"shape": found[2].shape}, step.outputs)


def _sum(walk: Walk, step: Step) -> Any:
    found = source(walk, step)
    if found is None:
        return None
    x, before, after = found
    if any(before.shape[a] != 1 for a in step.kw["axis"]) or before.dtype != after.dtype or before.dtype.kind != "f":
        return None
    if not never_negative_zero(walk, x):
        y = x if before == after else walk.add("reshape", [x], {"shape": after.shape}, after)
        return make_step("add", [y, 0.0], {}, step.outputs)
    return x if before == after else make_step("reshape", [x], {"shape": after.shape}, step.outputs)


_RULES = {
    "copy": (_same,), "positive": (_same,), "astype": (_same,), "reshape": (_reshape,), "sum": (_sum,),
}  # fmt: skip
