"""Products that share their right factor are joined: [A; B; ...] W is one matrix product instead of one for each.

So the Taylor coefficients of a layer, or value and tangent, go through its weights together.  Products are joined if they do not
depend on one another.  To see that in one sweep each is given a level: the number of products (of those that may be joined) on
the longest path to it.  Products of equal level cannot depend on one another, nor can joining them close a circle.

Joined are products of matrices of at most 2**19 multiplications each, where a call costs about as much as the work, or the
blocks of the routine are too small for it: measured with OpenBLAS, 9 products of 100 x 50 with 50 x 50 take half the time
together, copying included, and products of 256 x 128 with 128 x 128 gain nothing.  Single rows times large matrices, and products
of a matrix and a vector, are read faster by themselves.  Values differ by rounding only: the routine may add in another order
in matrices of other size.
"""

from __future__ import annotations

from typing import Any

from hoad.compiler.passes.common import Constants
from hoad.compiler.passes.rewriting import Slot, make_step, operands
from hoad.compiler.steps import ArraySpec, Step, Steps

__all__ = ["join_products"]

LARGEST = 2**19
"""Multiplications in one product."""

LARGEST_FOR_ROWS = 4096
"""Elements of the right factor, where the left one is a single row."""


def join_products(steps: Steps) -> Steps:
    """Join products of matrices that have the right factor in common: k of them become one, a concatenation and k slices."""
    groups = _groups(steps)
    if not groups:
        return steps
    specs = dict(enumerate(steps.inputs)) | steps.specs
    return steps.with_steps(_in_order(steps, groups, specs), specs=specs)


def _candidate(steps: Steps, step: Step, constants: Constants) -> Any:
    """What products must have in common to be joined; None for steps that are none."""
    if step.primitive.name not in ("matmul", "dot") or step.kw or len(step.args) != 2:
        return None
    left, right = operands(step)
    if type(left) is not Slot:
        return None
    a = steps.specs[left] if left in steps.specs else steps.inputs[left]
    b = (steps.specs[right] if right in steps.specs else steps.inputs[right]) if type(right) is Slot else right
    if len(a.shape) != 2 or len(b.shape) != 2 or a.dtype != b.dtype or a.dtype.kind not in "fc":
        return None
    (m, k), n = a.shape, b.shape[1]
    if not 0 < m * k * n <= LARGEST or (m == 1 and k * n > LARGEST_FOR_ROWS):
        return None
    return (int(right) if type(right) is Slot else -1 - constants.number(right), a.shape, a.dtype.str)


def _groups(steps: Steps) -> list[list[Step]]:
    levels: dict[int, int] = {}
    found: dict[Any, list[Step]] = {}
    constants = Constants()
    for step in steps.steps:
        level = max([levels.get(slot, 0) for _, slot in step.inputs]) if levels and step.inputs else 0
        key = _candidate(steps, step, constants)
        if key is not None:
            found.setdefault((level, key), []).append(step)
            level += 1
        if level:
            for slot in step.outputs:
                levels[slot] = level
    return [group for group in found.values() if len({operands(s)[0] for s in group}) == len(group) > 1]


def _joined(group: list[Step], specs: dict[int, ArraySpec]) -> list[Step]:
    """The concatenation of the left factors, their product, and its rows."""
    left, right = operands(group[0])
    (m, k), dtype = specs[left]
    n = specs[group[0].outputs[0]].shape[1]
    first = max(specs) + 1
    specs[first] = ArraySpec((m * len(group), k), dtype)
    specs[first + 1] = ArraySpec((m * len(group), n), dtype)
    return [
        make_step("concatenate", [operands(s)[0] for s in group], {"axis": 0}, (first,)),
        make_step(group[0].primitive, [Slot(first), right], {}, (first + 1,)),
        *(make_step("getitem", [Slot(first + 1)], {"index": slice(i * m, i * m + m)}, s.outputs) for i, s in enumerate(group)),
    ]


def _in_order(steps: Steps, groups: list[list[Step]], specs: dict[int, ArraySpec]) -> list[Step]:
    """All steps in topological order: as they were, but what a joined product needs comes before it."""
    member = {step.outputs[0]: g for g, group in enumerate(groups) for step in group}
    maker = {slot: step for step in steps.steps for slot in step.outputs}
    done: set[int] = set()
    order: list[Step] = []
    for start in steps.steps:
        waiting = [start]
        while waiting:
            step = waiting[-1]
            if step.outputs[0] in done:
                waiting.pop()
                continue
            g = member.get(step.outputs[0])
            parts = [step] if g is None else groups[g]
            missing = [maker[s] for p in parts for _, s in p.inputs if s in maker and s not in done]
            if missing:
                waiting += reversed(missing)
                continue
            waiting.pop()
            order += [step] if g is None else _joined(groups[g], specs)
            done.update(slot for p in parts for slot in p.outputs)
    return order
