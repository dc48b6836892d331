"""The evaluation trace as a table: value, tangents and adjoint of every step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hoad.core.box import shape_of
from hoad.core.engine import engine
from hoad.core.space import as_leaf, cast_like, leaf_zeros
from hoad.errors import NotScalarError, ShapeError

if TYPE_CHECKING:
    from hoad.compiler.program import Program

__all__ = ["adjoints", "evaluation_trace", "tangents"]


def _run(program: Program, inputs: Any, shifts: Any = None) -> dict[int, Any]:
    """All slots from the inputs; ``shifts`` are added to the results of the steps."""
    values = dict(enumerate(inputs))
    extra = iter(shifts) if shifts is not None else None
    for step in program.steps:
        args = list(step.args)
        for position, slot in step.inputs:
            args[position] = values[slot]
        found = step.primitive.bind(*args, **step.kw)
        for slot, y in zip(step.outputs, found if step.primitive.multi else (found,), strict=True):
            values[slot] = y if extra is None or not _is_inexact(program.values[slot]) else y + next(extra)
    return values


def _is_inexact(y: Any) -> bool:
    return getattr(getattr(y, "dtype", None), "kind", "b") in "fc"


def tangents(program: Program, direction: Any = None) -> dict[int, Any]:
    count = len(program.names)
    inputs = [program.values[i] for i in range(count)]
    if direction is None:
        vs = [leaf_zeros(x) + 1 for x in inputs]
    else:
        vs = [as_leaf(np.asarray(v, float)[()], "the direction") for v in direction]
    if [shape_of(v) for v in vs] != [shape_of(x) for x in inputs]:
        raise ShapeError.direction("the direction", [shape_of(v) for v in vs], [shape_of(x) for x in inputs])
    slots: list[int] = []

    def all_slots(*xs: Any) -> Any:
        found = _run(program, xs)
        slots.extend(found)
        return tuple(found.values())

    values, ts = engine.push(all_slots, inputs, vs)
    return {s: cast_like(t, y) if _is_inexact(y) else None for s, t, y in zip(slots, ts, values, strict=True)}


def adjoints(program: Program, seed: Any = None) -> dict[int, Any]:
    if len(program.outputs) != 1:
        raise NotScalarError.found("adjoints", f"{len(program.outputs)} arrays")
    slot, constant = program.outputs[0]
    shape = shape_of(constant if slot is None else program.values[slot])
    if seed is None and shape != ():
        raise NotScalarError.found("adjoints", f"shape {shape}")
    inner = [s for step in program.steps for s in step.outputs if _is_inexact(program.values[s])]
    count = len(program.names)
    xs = [program.values[i] for i in range(count)] + [leaf_zeros(program.values[s]) for s in inner]
    if slot is None:
        return {s: leaf_zeros(program.values[s]) for s in [*range(count), *inner]}
    y, back = engine.pull(lambda *a: _run(program, a[:count], a[count:])[slot], xs, range(len(xs)))
    found = back(leaf_zeros(y) + 1 if seed is None else seed)
    return {s: cast_like(c, program.values[s]) for s, c in zip([*range(count), *inner], found, strict=True)}


def _number(x: Any) -> str:
    if x is None:
        return ""
    x = np.asarray(x)
    if x.ndim == 0:
        return f"{x[()]:.10g}" if x.dtype.kind in "fc" else str(x[()])
    return np.array2string(x, precision=4, threshold=6, edgeitems=2).replace("\n", "")


def _operand(program: Program, step: Any, position: int) -> str:
    for p, slot in step.inputs:
        if p == position:
            return program.label(slot)
    value = step.args[position]
    return _number(value) if np.ndim(value) == 0 else f"array{np.shape(value)}"


_INFIX = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "pow": "**", "power": "**", "matmul": "@"}


def formula(program: Program, step: Any) -> str:
    """The step as text, for example ``x1 * x2``."""
    name = step.primitive.name
    operands = [_operand(program, step, i) for i in range(len(step.args))]
    if name in _INFIX and len(operands) == 2:
        return f"{operands[0]} {_INFIX[name]} {operands[1]}"
    if name == "getitem":
        return f"{operands[0]}[{_index(step.kw['index'])}]"
    if name == "negative":
        return f"-{operands[0]}"
    static = (
        [f"{k}={v}" for k, v in step.kw.items() if v not in (False, None)]
        if all(np.ndim(v) == 0 or isinstance(v, tuple) for v in step.kw.values())
        else ["..."]
    )
    return f"{name}({', '.join(operands + static)})"


def _index(index: Any) -> str:
    if isinstance(index, tuple):
        return ", ".join(_index(i) for i in index)
    if isinstance(index, slice):
        text = f"{'' if index.start is None else index.start}:{'' if index.stop is None else index.stop}"
        return text if index.step is None else f"{text}:{index.step}"
    return "..." if index is Ellipsis or np.ndim(index) else str(index)


def evaluation_trace(program: Program) -> str:
    """Rows: inputs, steps; columns: name, formula, primal, tangents (one for each scalar input), adjoint (scalar output)."""
    count = len(program.names)
    inputs = [program.values[i] for i in range(count)]
    scalars = all(shape_of(x) == () for x in inputs)
    if scalars and 0 < count <= 4:
        units = [[1.0 if j == i else 0.0 for j in range(count)] for i in range(count)]
        columns = [(f"tangent d/d{program.names[i]}", tangents(program, u)) for i, u in enumerate(units)]
    else:
        columns = [("tangent", tangents(program))]
    slot = program.outputs[0][0] if len(program.outputs) == 1 else None
    if slot is not None and shape_of(program.values[slot]) == ():
        columns.append(("adjoint", adjoints(program)))
    rows = [["", "step", "primal", *[title for title, _ in columns]]]
    for i, name in enumerate(program.names):
        rows.append([name, "input", _number(program.values[i]), *[_number(c.get(i)) for _, c in columns]])
    for step in program.steps:
        for out in step.outputs:
            rows.append(
                [
                    program.label(out),
                    formula(program, step),
                    _number(program.values[out]),
                    *[_number(c.get(out)) for _, c in columns],
                ]
            )
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * w for w in widths))
    for out_slot, constant in program.outputs:
        lines.append(f"result: {_number(constant) if out_slot is None else program.label(out_slot)}")
    return "\n".join(lines)
