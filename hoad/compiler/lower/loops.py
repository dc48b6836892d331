"""Rolled loops: the step is planned once, and runs natively in a loop where all of it has a loop form."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from hoad.compiler.emit.program import LoopData
from hoad.compiler.loops.roots import Call, plan
from hoad.compiler.loops.values import Constant, Moved, Result, Uniform, Value
from hoad.compiler.lower.dtypes import LOOPS, code
from hoad.compiler.steps import ArraySpec, Step, Steps

if TYPE_CHECKING:
    from hoad.compiler.lower.lowering import Lowered

__all__ = ["laid_out", "lanes_of", "loop_call", "stored_apart"]

LANES = 16
"""Entries of an axis from which it may become the innermost loop of a rolled loop."""
SHORT = 64
"""Entries of a last axis from which it stays the innermost loop."""


def stored_apart(values: list[Value]) -> list[Value]:
    """Results that have a buffer each: copies of what is stored elsewhere or asked for twice."""
    seen: set[int] = set()
    found = []
    for v in values:
        if v.dtype in LOOPS and (v.stored or id(v) in seen or isinstance(v, Uniform | Moved)):
            v = _same(v)
        seen.add(id(v))
        found.append(v)
    return found


def loop_call(
    step: Step, args: list[Value | None], specs: list[ArraySpec], lower: Callable[[Steps], Lowered]
) -> list[Value] | None:
    """Results of a rolled loop, or None if its step has calls of libraries or other dtypes."""
    body = step.kw["body"]
    inputs = tuple(ArraySpec(*s) for s in body.inputs)
    if any(a is None or a.dtype not in LOOPS for a in args) or any(code(s.dtype) not in LOOPS for s in (*specs, *inputs)):
        return None
    if any(code(s) != a.dtype for (_, s), a in zip(body.inputs[: step.kw["carry"]], args, strict=False) if a is not None):
        return None
    steps = Steps(inputs, tuple(body.steps), tuple(body.outputs), (), {k: ArraySpec(*s) for k, s in body.specs.items()})
    lowered = lower(steps)
    if lowered.calls or lowered.checks or any(v.dtype not in LOOPS for v in lowered.outputs):
        return None
    carry, slices = step.kw["carry"], step.kw["slices"]
    entries, outputs = lowered.inputs, stored_apart(lowered.outputs)
    lanes = lanes_of(entries[:carry])
    body = plan(outputs, entries[:carry], lanes)
    data = LoopData(body, carry, slices, step.kw["length"], step.kw["reverse"], lanes)
    for v in data.body.stored.values:
        if isinstance(v, Constant) and v.order is not None:
            v.array = _in_memory(v.array, v)
    call = Call([], [], "loop", data)
    for n, (a, entry) in enumerate(zip(args, entries, strict=True)):
        assert a is not None
        call.args.append(laid_out(a, _of_entries(entry.order) if carry <= n < carry + slices else entry.order))
    for n, s in enumerate(specs):
        v = Result(call, n, s.shape, code(s.dtype))
        v.order = outputs[n].order if n < carry else _of_entries(outputs[n].order)
        call.results.append(v)
    return [v if v.order is None else _same(v) for v in call.results]


def lanes_of(carries: list[Value]) -> int:
    """How many entries an axis has that most of the carries begin with while their last axes are short; 0 if there is none.

    A batch of directions, in most cases: loops over it are longer than those over the axes of one of them.
    """
    found: dict[int, int] = {}
    for v in carries:
        if len(v.shape) > 1 and v.shape[0] >= LANES and v.shape[-1] < SHORT:
            found[v.shape[0]] = found.get(v.shape[0], 0) + v.size
    lanes = max(found, key=found.__getitem__, default=0)
    others = sum(v.size for v in carries if v.shape[:1] != (lanes,))
    return lanes if found.get(lanes, 0) > others else 0


def laid_out(a: Value, order: tuple[int, ...] | None) -> Value:
    """A stored array of the same entries whose axes lie in memory as asked."""
    if isinstance(a, Constant) and order is not None:
        found = Constant(a.array, a.dtype)
        found.order = order
        found.array = _in_memory(a.array, found)
        return found
    if isinstance(a, Uniform) or order is not None:
        a = Moved(a, [], a.shape) if isinstance(a, Uniform) else _same(a)
        a.order = order
    return a


def _in_memory(array: np.ndarray[Any, Any], v: Value) -> np.ndarray[Any, Any]:
    """The entries of a value as they lie in memory."""
    assert v.order is not None
    found = np.zeros(v.extents, array.dtype)
    found[..., : v.shape[v.order[-1]]] = array.transpose(v.order)
    return found


def _same(v: Value) -> Value:
    return Moved(v, [(0, ((k, 1),)) for k in range(len(v.shape))], v.shape)


def _of_entries(order: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """How an array lies in memory of which each entry along the first axis lies so."""
    return None if order is None else (0, *[k + 1 for k in order])
