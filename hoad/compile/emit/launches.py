"""The CUDA program of a plan: functions (equal ones once), their launches in order, and where all arrays are.

Inputs, results and what libraries return are elsewhere in each call.  A launch is told where in a table on the device their addresses
are, so that it stays the same in every call, and a recorded sequence of launches can be run again as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hoad.compile.emit.c import cost_of
from hoad.compile.emit.cuda import ARGUMENTS, BLOCK, Partial, Printed, print_launches
from hoad.compile.emit.cuda_prelude import PRELUDE
from hoad.compile.loops.kernels import Kernel
from hoad.compile.loops.roots import Plan
from hoad.compile.loops.values import Constant, Input, Result, Value

__all__ = ["PLACED", "Launch", "LaunchProgram", "Place", "emit_launches"]

PLACED = 32
"""Addresses that one launch writes into the table."""
MOVING = ("input", "output", "result")


@dataclass
class Launch:
    """A launch of a function on buffers, by their places."""

    function: int
    grid: int
    block: int
    places: list[int]


@dataclass
class Place:
    """An array: ``kind`` is input, output, constant, scratch, guard or result (of a library); in use from ``first`` to ``last``."""

    kind: str
    shape: tuple[int, ...]
    dtype: Any
    constant: Any = None
    first: int = 0
    last: int = 0


@dataclass
class LaunchProgram:
    """A program as CUDA.

    Attributes
    ----------
    functions : list of str
        Parameters and body of each; the name of number n is ``k<n>``.
    launches : list of Launch
    segments : list
        Pairs (start, stop) of launches, and calls of libraries, in the order in which they run.
    places : list of Place
        Inputs first, then outputs, then all others.
    outputs, guards : list of Value
    at : dict
        Identity of a value -> its place.
    """

    functions: list[str]
    launches: list[Launch]
    segments: list[Any]
    places: list[Place]
    outputs: list[Value]
    guards: list[Value]
    at: dict[int, int]
    operations: float
    notes: list[str]

    @property
    def source(self) -> str:
        """The text of the file."""
        parts = [f"__global__ void __launch_bounds__({BLOCK}) k{n}{text}\n" for n, text in enumerate(self.functions)]
        names = ", ".join(f"void *x{k}" for k in range(PLACED))
        steps = "\n".join(f"    if (n > {k}) table[{k}] = x{k};" for k in range(PLACED))
        place = f"/* Where n arrays are in this call. */\n__global__ void place(void **table, int n, {names})\n{{\n{steps}\n}}\n"
        return "\n".join([PRELUDE, 'extern "C" {\n', *parts, place, "}", ""])

    @property
    def moving(self) -> dict[int, int]:
        """Place -> entry of the table of addresses."""
        return {p: n for n, p in enumerate(p for p, place in enumerate(self.places) if place.kind in MOVING)}


class _Places:
    """Places of values, and when they are in use."""

    def __init__(self, inputs: int, outputs: list[Value], guards: list[Value]) -> None:
        self.now = 0
        self.outputs = {id(v): inputs + n for n, v in enumerate(outputs)}
        self.guards = {id(v) for v in guards}
        self.inputs = inputs
        self.list = [Place("input", (), None) for _ in range(inputs)]
        self.list += [Place("output", v.shape, np.dtype(v.dtype)) for v in outputs]
        self.at: dict[int, int] = {}
        self.parts: dict[int, int] = {}

    def of(self, v: Value) -> int:
        """The place of a value."""
        if isinstance(v, Input):
            self.at[id(v)] = v.slot
        elif id(v) not in self.at:
            if id(v) in self.outputs and not isinstance(v, Result | Constant):
                self.at[id(v)] = self.outputs[id(v)]
            else:
                kind = "scratch" if id(v) not in self.guards else "guard"
                kind = {Result: "result", Constant: "constant"}.get(type(v), kind)
                self.at[id(v)] = self.new(Place(kind, v.shape, np.dtype(v.dtype), v.array if isinstance(v, Constant) else None))
        return self.at[id(v)]

    def part(self, part: Partial) -> int:
        """The place of results of parts."""
        if id(part) not in self.parts:
            v = part.root.value
            self.parts[id(part)] = self.new(Place("scratch", (part.copies, v.size), np.dtype(v.dtype)))
        return self.parts[id(part)]

    def new(self, place: Place) -> int:
        place.first = self.now
        self.list.append(place)
        return len(self.list) - 1

    def use(self, n: int) -> int:
        self.list[n].last = self.now
        return n


def emit_launches(plan: Plan, inputs: int, results: int) -> LaunchProgram:
    """The launches of a plan; its outputs after the first ``results`` are guards.

    Raises
    ------
    OverflowError
        If a launch needs more arrays than it can be given.
    """
    outputs, guards = plan.outputs[:results], plan.outputs[results:]
    places = _Places(inputs, outputs, guards)
    functions: dict[str, int] = {}
    launches: list[Launch] = []
    segments: list[Any] = []
    operations, start = 0.0, 0

    def moving(buffer: int) -> bool:
        return places.list[places.of(plan.stored.values[buffer])].kind in MOVING

    def launch(printed: Printed) -> None:
        if len(printed.arguments) > ARGUMENTS:
            raise OverflowError(f"a launch on {len(printed.arguments)} arrays, at most {ARGUMENTS} can be given to it")
        places.now += 1
        found = [places.part(a) if isinstance(a, Partial) else places.of(plan.stored.values[a]) for a in printed.arguments]
        number = functions.setdefault(printed.text, len(functions))
        launches.append(Launch(number, printed.grid, printed.block, [places.use(n) for n in found]))

    for item in plan.order:
        places.now += 1
        if isinstance(item, Kernel):
            if item.boxes or any(r.reduced for r in item.roots):
                operations += cost_of(item)
                for printed in print_launches(item, plan.stored, moving):
                    launch(printed)
            continue
        if len(launches) > start:
            segments.append((start, len(launches)))
            start = len(launches)
        segments.append(item)
        for v in (*item.args, *item.results):
            places.use(places.of(v))
    if len(launches) > start:
        segments.append((start, len(launches)))
    places.now += 1
    for v in (*outputs, *guards):  # read when all has run
        places.use(places.of(v))
    return LaunchProgram(list(functions), launches, segments, places.list, outputs, guards, places.at, operations, list(plan.notes))
