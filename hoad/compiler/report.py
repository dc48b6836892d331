"""What is told about Programs: their steps as text, their cost, and why something is as it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from hoad.compiler.steps import ArraySpec, Steps

if TYPE_CHECKING:
    from hoad.compiler.paths import Paths
    from hoad.modes.surroundings import Captures

__all__ = ["Cost", "cost_of", "explained", "steps_as_text"]


@dataclass(frozen=True)
class Cost:
    """What one call does, step by step, before any fusion.

    Attributes
    ----------
    operations : int
        Arithmetic operations on numbers; an elementary function counts as one, moving numbers as none.
    bytes : int
        Bytes that the steps read and write.
    least_bytes : int
        Bytes of the inputs, constants and results alone: what is left if everything is fused.
    steps : int
    """

    operations: int
    bytes: int
    least_bytes: int
    steps: int


_MOVING = frozenset((
    "getitem", "reshape", "transpose", "broadcast_to", "concatenate", "stack", "pad", "flip", "roll", "repeat", "tile", "moveaxis",
    "swapaxes", "squeeze", "expand_dims", "take", "take_along_axis", "copy", "ravel", "real", "imag", "astype", "diagonal", "where",
    "scatter", "index_update", "assembled",
))  # fmt: skip


def _size(spec: ArraySpec) -> int:
    return prod(spec.shape)


def _nbytes(x: Any) -> int:
    if isinstance(x, ArraySpec):
        return _size(x) * x.dtype.itemsize
    if isinstance(x, np.ndarray):
        return int(x.nbytes)
    if type(x) in (tuple, list):
        return sum(map(_nbytes, x))
    return sum(map(_nbytes, x.values())) if type(x) is dict else 0


def _operations(steps: Steps, step: Any) -> int:
    out = max((_size(steps.specs[o]) for o in step.outputs), default=0)
    name = step.primitive.name
    if name in _MOVING:
        return 0
    shapes = [steps.specs[slot].shape if slot is not None else np.shape(a) for slot, a in steps.arguments(step)]
    if name in ("matmul", "dot", "inner", "vdot", "tensordot"):
        first = max(prod(shapes[0]), 1)
        rows = prod(shapes[0][:-1]) if shapes[0] else 1
        return 2 * out * (first // max(rows, 1))
    if name == "outer":
        return out
    if step.primitive.kind in ("elementwise", "selecting", "multilinear", "constant"):
        return max([out, *(prod(s) for s in shapes)]) if step.primitive.kind != "elementwise" else out
    return max([out, *(prod(s) for s in shapes)])


def cost_of(steps: Steps) -> Cost:
    """Operations and bytes of one run of the steps."""
    operations = moved = 0
    constants: dict[int, int] = {}
    for step in steps.steps:
        operations += _operations(steps, step)
        for a in (*step.args, *step.kw.values()):
            if isinstance(a, np.ndarray):
                constants[id(a)] = a.nbytes
        moved += sum(_nbytes(steps.specs[slot]) for _, slot in step.inputs) + _nbytes(step.args)
        moved += sum(_nbytes(steps.specs[o]) for o in step.outputs)
    results = sum(_nbytes(steps.specs[slot]) if slot is not None else _nbytes(value) for slot, value in steps.outputs)
    least = sum(map(_nbytes, steps.inputs)) + sum(constants.values()) + results
    return Cost(operations, moved, least, len(steps))


# -- text ---------------------------------------------------------------------------------------------------------------------


def _spec_text(spec: ArraySpec) -> str:
    return f"{spec.dtype}{list(spec.shape) if spec.shape else ''}"


def _argument(a: Any) -> str:
    if isinstance(a, np.ndarray):
        return f"array({_spec_text(ArraySpec(a.shape, a.dtype))})" if a.size != 1 else repr(a.item())
    if isinstance(a, np.generic):
        return repr(a.item())
    if isinstance(a, slice):
        return ":".join("" if p is None else str(p) for p in ((a.start, a.stop) if a.step is None else (a.start, a.stop, a.step)))
    if a is Ellipsis:
        return "..."
    if type(a) in (tuple, list) and len(a) <= 8:
        return f"({', '.join(map(_argument, a))})"
    text = repr(a) if isinstance(a, int | float | complex | str | type(None) | np.dtype) else type(a).__name__
    return text if len(text) <= 40 else text[:37] + "..."


def steps_as_text(steps: Steps) -> str:
    """One line for each input, step and guard, and one for the results."""
    lines = [f"input   v{i}: {_spec_text(spec)}" for i, spec in enumerate(steps.inputs)]
    waiting: dict[int, list[str]] = {}
    for g in steps.guards:
        value = repr(g.value) if isinstance(g.value, bool | int) else f"{_argument(np.asarray(g.value))}, bit for bit"
        waiting.setdefault(g.slot, []).append(f"guard   v{g.slot} is {value}, asked by {g.what}")
    for i in range(len(steps.inputs)):
        lines += waiting.pop(i, [])
    for step in steps.steps:
        args = [f"v{slot}" if slot is not None else _argument(a) for slot, a in steps.arguments(step)]
        args += [f"{k}={_argument(v)}" for k, v in step.kw.items()]
        targets = ", ".join(f"v{o}" for o in step.outputs)
        kinds = ", ".join(_spec_text(steps.specs[o]) for o in step.outputs)
        lines.append(f"step    {targets}: {kinds} = {step.primitive.name}({', '.join(args)})")
        for o in step.outputs:
            lines += waiting.pop(o, [])
    found = [f"v{slot}" if slot is not None else _argument(value) for slot, value in steps.outputs]
    return "\n".join([*lines, f"result  {', '.join(found)}"])


def explained(name: str, backend: str, eager: str, paths: Iterable[Paths], captures: Captures | None) -> str:
    """The text of ``explain()``."""
    lines = [f"{name}, back end {backend}"]
    if eager:
        lines.append(f"  runs without compilation: {eager}")
    for one in paths:
        lines.append(f"signature {one.signature}")
        if one.eager:
            lines.append(f"  runs without compilation: {one.eager}")
        for program in one.programs:
            cost = program.cost
            kinds = Counter(step.primitive.name for step in program.steps.steps)
            most = ", ".join(f"{n} {k}" for k, n in kinds.most_common(8))
            lines.append(f"  Program of {cost.steps} steps, {len(program.recorded.steps)} before the passes: {most}")
            lines.append(f"    {cost.operations} operations, {cost.bytes} bytes step by step, {cost.least_bytes} at least")
            for g in program.steps.guards:
                answer = g.value if isinstance(g.value, bool | int) else f"an array of shape {np.shape(g.value)}, bit for bit"
                lines.append(f"    holds where {answer} is the answer to {g.what}")
            lines += [f"    {line}" for line in program.executor.explain]
    if captures is not None and len(captures):
        rest = "" if captures.complete else "; there are more, which are not watched"
        lines.append(f"watches {len(captures)} places that it closes over for changes{rest}")
    return "\n".join(lines)
