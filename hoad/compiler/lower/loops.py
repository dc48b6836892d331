"""Rolled loops: the step is planned once, and runs natively in a loop where all of it has a loop form."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hoad.compiler.emit.program import LoopData
from hoad.compiler.loops.roots import Call, plan
from hoad.compiler.loops.values import Moved, Result, Uniform, Value
from hoad.compiler.lower.dtypes import LOOPS, code
from hoad.compiler.steps import ArraySpec, Step, Steps

if TYPE_CHECKING:
    from hoad.compiler.lower.lowering import Lowered

__all__ = ["loop_call", "stored_apart"]


def stored_apart(values: list[Value]) -> list[Value]:
    """Results that have a buffer each: copies of what is stored elsewhere or asked for twice."""
    seen: set[int] = set()
    found = []
    for v in values:
        if v.dtype in LOOPS and (v.stored or id(v) in seen or isinstance(v, Uniform | Moved)):
            v = Moved(v, [(0, ((k, 1),)) for k in range(len(v.shape))], v.shape)
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
    given = [Moved(a, [], a.shape) if isinstance(a, Uniform) else a for a in args if a is not None]
    data = LoopData(plan(stored_apart(lowered.outputs)), step.kw["carry"], step.kw["slices"], step.kw["length"], step.kw["reverse"])
    call = Call(given, [], "loop", data)
    call.results = [Result(call, n, s.shape, code(s.dtype)) for n, s in enumerate(specs)]
    return list(call.results)
