"""Views: steps that only move elements are joined, and those that leave them where they are go.

Transposes of transposes, broadcasts of broadcasts and slices of slices become one step or none, and so do reshapes of reshapes
where one of them only has to do with axes of length one.  Slices are written in one form, so that equal ones are found.  An operand
of arithmetic is not broadcast if the other one has the shape of the result.  All results have the same elements in the same places
of memory.
"""

from __future__ import annotations

from typing import Any

from hoad.compiler.passes.region import read
from hoad.compiler.passes.rewriting import Slot, Walk, make_step, operands, rewrite
from hoad.compiler.steps import ArraySpec, Step, Steps

__all__ = ["join_views", "source"]


def join_views(steps: Steps) -> Steps:
    """Compose views, and leave out those that change nothing."""
    return rewrite(steps, _RULES)


def source(walk: Walk, step: Step) -> tuple[Any, ArraySpec, ArraySpec] | None:
    """Operand, its spec, and the spec of the result."""
    args = operands(step)
    if len(args) != 1 or type(args[0]) is not Slot or len(step.outputs) != 1:
        return None
    before, after = walk.specs.get(args[0]), walk.specs.get(step.outputs[0])
    return None if before is None or after is None else (args[0], before, after)


def _real(walk: Walk, step: Step) -> Any:
    """The real part of real numbers."""
    found = source(walk, step)
    return found[0] if found is not None and found[1] == found[2] else None


def _reshape(walk: Walk, step: Step) -> Any:
    found = source(walk, step)
    if found is None:
        return None
    x, before, after = found
    if before.shape == after.shape:
        return x
    inner = walk.maker(x, "reshape")
    if inner is not None and type(y := operands(inner)[0]) is Slot:
        if _without_ones(before.shape) in (_without_ones(walk.specs[y].shape), _without_ones(after.shape)):
            return y if walk.specs[y] == after else make_step("reshape", [y], {"shape": after.shape}, step.outputs)
    return None


def _without_ones(shape: tuple[int, ...]) -> list[int]:
    return [n for n in shape if n != 1]


def _transpose(walk: Walk, step: Step) -> Any:
    found = source(walk, step)
    if found is None:
        return None
    x, before, after = found
    axes = step.kw["axes"]
    if all(i == a for i, a in enumerate(axes)):
        return x
    inner = walk.maker(x, "transpose")
    if inner is not None and type(y := operands(inner)[0]) is Slot:
        first = inner.kw["axes"]
        return make_step("transpose", [y], {"axes": tuple(first[a] for a in axes)}, step.outputs)
    longer = [a for a in axes if before.shape[a] != 1]
    return make_step("reshape", [x], {"shape": after.shape}, step.outputs) if longer == sorted(longer) else None


def _broadcast(walk: Walk, step: Step) -> Any:
    found = source(walk, step)
    if found is None:
        return None
    x, before, after = found
    if before == after:
        return x
    inner = walk.maker(x, "broadcast_to")
    if inner is not None and type(y := operands(inner)[0]) is Slot:
        return make_step("broadcast_to", [y], {"shape": after.shape}, step.outputs)
    return None


def _getitem(walk: Walk, step: Step) -> Any:
    found = source(walk, step)
    if found is None:
        return None
    x, before, after = found
    region = read(step.kw["index"], before.shape)
    if region is None:
        return None
    if region.whole:
        return x if before == after else make_step("reshape", [x], {"shape": after.shape}, step.outputs)
    inner = walk.maker(x, "getitem")
    if inner is not None and type(y := operands(inner)[0]) is Slot:
        first = read(inner.kw["index"], walk.specs[y].shape)
        joined = None if first is None else first.then(step.kw["index"])
        if joined is not None:
            return make_step("getitem", [y], {"index": joined.index}, step.outputs)
    index = region.index
    return None if _equal(index, step.kw["index"]) else make_step("getitem", [x], {"index": index}, step.outputs)


def _equal(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if type(a) is tuple:
        return len(a) == len(b) and all(map(_equal, a, b))
    return bool(a == b)


def _arithmetic(walk: Walk, step: Step) -> Any:
    """Operands as they were before they were broadcast."""
    args = operands(step)
    out = walk.specs[step.outputs[0]]
    if len(args) != 2 or step.kw:
        return None
    for i, a in enumerate(args):
        other = args[1 - i]
        inner = walk.maker(a, "broadcast_to")
        if inner is not None and type(other) is Slot and walk.specs[other].shape == out.shape:
            y = operands(inner)[0]
            if type(y) is Slot:
                args[i] = y
                return make_step(step.primitive, args, {}, step.outputs)
    return None


_RULES = {
    "reshape": (_reshape,), "transpose": (_transpose,), "broadcast_to": (_broadcast,), "getitem": (_getitem,), "real": (_real,),
    **dict.fromkeys(("add", "subtract", "multiply", "divide", "maximum", "minimum", "less", "less_equal", "greater",
                     "greater_equal", "equal", "not_equal", "logical_and", "logical_or"), (_arithmetic,)),
}  # fmt: skip
