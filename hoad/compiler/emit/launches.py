"""The CUDA program of a plan: functions (equal ones once), their launches in order, and where all arrays are.

Inputs, results, what libraries return, and the rows that a rolled loop goes through are elsewhere each time. A launch is told
where in a table on the device their addresses are, so that it stays the same, and a recorded sequence of launches can be run
again as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from hoad.compiler.emit.c import cost_of
from hoad.compiler.emit.cuda import ARGUMENTS, NARROW, Partial, print_launches
from hoad.compiler.emit.cuda_prelude import PRELUDE
from hoad.compiler.emit.cuda_splits import BLOCK, LAUNCH
from hoad.compiler.emit.statements import MEMORY
from hoad.compiler.loops.kernels import Kernel
from hoad.compiler.loops.roots import Call, Plan
from hoad.compiler.loops.values import Constant, Input, Result, Value

__all__ = ["PLACED", "Launch", "LaunchProgram", "Library", "Place", "Product", "Repeat", "emit_launches"]

PLACED = 32
"""Addresses that one launch writes into the table."""
MOVING = ("input", "output", "result", "row")


@dataclass
class Launch:
    """A launch of a function on buffers, by their places."""

    function: int
    grid: int
    block: int
    places: list[int]


@dataclass
class Place:
    """An array, in use from ``first`` to ``last``.

    ``kind`` is input, output, constant, scratch, guard, result (of a library) or row (of an array that a loop goes through).
    """

    kind: str
    shape: tuple[int, ...]
    dtype: Any
    constant: Any = None
    first: int = 0
    last: int = 0
    width: int = 0
    """Entries of the last axis that have a value; 0 for all."""


@dataclass
class Product:
    """A product of matrices, ``labels`` as in einsum; ``places`` are those of the result and of the factors."""

    labels: tuple[str, str, str]
    places: list[int]


@dataclass
class Library:
    """A call of a library, and the places of its arguments and results."""

    call: Call
    given: list[int]
    results: list[int]


@dataclass
class Repeat:
    """A rolled loop: ``rows`` are (row, array that it is taken from)."""

    items: list[Any]
    times: int
    rows: list[tuple[int, int]]
    reverse: bool


@dataclass
class LaunchProgram:
    """A program as CUDA.

    Attributes
    ----------
    functions : list of str
        Parameters and body of each; the name of number n is ``k<n>``.
    launches : list of Launch
    items : list
        Numbers of launches, products, calls of libraries and rolled loops, in the order in which they run.
    places : list of Place
        Inputs first, then outputs, then all others.
    outputs, guards : list of Value
    at : dict
        Identity of a value -> its place.
    """

    functions: list[str]
    launches: list[Launch]
    items: list[Any]
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


class _Emitter:
    """The program as far as it is written."""

    def __init__(self, inputs: Sequence[Any], outputs: list[Value], guards: list[Value]) -> None:
        self.now = 0
        self.outputs = {id(v): len(inputs) + n for n, v in enumerate(outputs)}
        self.guards = {id(v) for v in guards}
        self.places = [Place("input", shape, dtype) for shape, dtype in inputs]
        self.places += [Place("output", v.shape, np.dtype(v.dtype)) for v in outputs]
        self.at: dict[int, int] = {}
        self.parts: dict[Partial, int] = {}
        self.functions: dict[str, int] = {}
        self.launches: list[Launch] = []
        self.operations = 0.0
        self.notes: list[str] = []

    # -- places ---------------------------------------------------------------------------------------------------------------

    def of(self, v: Value) -> int:
        """The place of a value."""
        if isinstance(v, Input):
            self.at[id(v)] = v.slot
        elif id(v) not in self.at:
            if id(v) in self.outputs and not isinstance(v, Result | Constant):
                self.at[id(v)] = self.outputs[id(v)]
            elif isinstance(v, Constant):
                self.at[id(v)] = self.new("constant", v.extents, v.dtype, v.array)
            elif isinstance(v, Result) and v.call.kind != "loop":
                self.at[id(v)] = self.new("result", v.shape, v.dtype)
            else:
                self.at[id(v)] = self.new("guard" if id(v) in self.guards else "scratch", v.extents, v.dtype)
                self.places[-1].width = v.width
        return self.at[id(v)]

    def new(self, kind: str, shape: tuple[int, ...], dtype: Any, constant: Any = None) -> int:
        self.places.append(Place(kind, shape, np.dtype(dtype), constant, self.now, self.now))
        return len(self.places) - 1

    def use(self, n: int) -> int:
        self.places[n].last = self.now
        return n

    # -- launches -------------------------------------------------------------------------------------------------------------

    def launch(self, text: str, grid: int, block: int, places: Sequence[int]) -> int:
        """One more launch; its number."""
        if len(places) > ARGUMENTS:
            raise OverflowError(f"a launch on {len(places)} arrays, at most {ARGUMENTS} can be given to it")
        number = self.functions.setdefault(text, len(self.functions))
        self.launches.append(Launch(number, grid, block, [self.use(n) for n in places]))
        return len(self.launches) - 1

    def sequence(self, plan: Plan, of: Callable[[Value], int], inside: bool) -> list[Any]:
        """What runs for a plan, in order; what is ``inside`` of a loop is in use all the time."""
        items: list[Any] = []
        for item in plan.order:
            self.now += not inside
            if isinstance(item, Kernel):
                if item.boxes or any(r.reduced for r in item.roots):
                    self.operations += cost_of(item)
                    items += self.kernel(item, plan, of, inside)
                continue
            results, given = ([self.use(of(v)) for v in values] for values in (item.results, item.args))
            if item.kind == "gemm":
                items.append(Product(item.data, [*results, *given]))
            elif item.kind == "loop":
                items += self.loop(item, results, given)
            else:
                items.append(Library(item, given, results))
        return items

    def kernel(self, item: Kernel, plan: Plan, of: Callable[[Value], int], inside: bool) -> list[int]:
        """The launches of a kernel."""

        def moving(buffer: int) -> bool:
            return self.places[of(plan.stored.values[buffer])].kind in MOVING

        found = []
        for printed in print_launches(item, plan.stored, moving):
            self.now += not inside
            places = []
            for a in printed.arguments:
                if isinstance(a, Partial):
                    v = a.root.value
                    if a not in self.parts:
                        self.parts[a] = self.new("scratch", (a.copies, v.span), v.dtype)
                    places.append(self.parts[a])
                else:
                    places.append(of(plan.stored.values[a]))
            found.append(self.launch(printed.text, printed.grid, printed.block, places))
        return found

    # -- rolled loops ---------------------------------------------------------------------------------------------------------

    def loop(self, call: Call, results: list[int], given: list[int]) -> list[Any]:
        """A rolled loop: the carry lives in the buffers of its results, slices and stacked results are rows of arrays."""
        data = call.data
        outputs = data.body.outputs
        entries = dict(enumerate(results[: data.carry])) | {n: given[n] for n in range(data.carry, len(given))}
        rows: list[tuple[int, int]] = []
        copies: list[tuple[int, int]] = []
        place: dict[int, int] = {}
        for n, v in enumerate(outputs):
            place[id(v)] = self.new("scratch" if n < data.carry else "row", v.extents, v.dtype)
            self.places[-1].width = v.width
            (copies if n < data.carry else rows).append((place[id(v)], results[n]))
        for n in range(data.carry, data.carry + data.slices):
            entries[n] = self.new("row", call.args[n].extents[1:], call.args[n].dtype)
            rows.append((entries[n], given[n]))

        def of(v: Value) -> int:
            return entries[v.slot] if isinstance(v, Input) else place[id(v)] if id(v) in place else self.of(v)

        before = self.operations
        items = self.copies(list(zip(given[: data.carry], results, strict=False)), [])
        if rows:
            items.append(self.aim(rows, data.length - 1 if data.reverse else 0))
        body = self.sequence(data.body, of, True)
        body += self.copies(copies, [(r, -1 if data.reverse else 1) for r, _ in rows])
        self.operations = before + (self.operations - before) * data.length
        self.notes.append(f"a loop of {data.length} steps is repeated launches")
        for n in (*results, *given, *place.values(), *entries.values()):
            self.use(n)
        return [*items, Repeat(body, data.length, rows, data.reverse)]

    def parameter(self, n: int, place: int, written: bool) -> tuple[str, str]:
        """The parameter for an array, and what finds it."""
        kind = ("" if written else "const ") + MEMORY[self.places[place].dtype.str[1:]]
        if self.places[place].kind in MOVING:
            return f"{kind} *const *__restrict__ b{n}", f"    {kind} *__restrict__ p{n} = *b{n};\n"
        return f"{kind} *__restrict__ p{n}", ""

    def aim(self, rows: list[tuple[int, int]], first: int) -> int:
        """Let rows be the ones of a number of their arrays."""
        parameters, head, lines = [], [], []
        for n, (row, array) in enumerate(rows):
            kind = MEMORY[self.places[row].dtype.str[1:]]
            parameter, found = self.parameter(2 * n + 1, array, True)
            parameters += [f"{kind} **__restrict__ b{2 * n}", parameter]
            head.append(found)
            lines.append(f"    *b{2 * n} = p{2 * n + 1} + {first * prod(self.places[row].shape)};\n")
        body = "".join([f"({', '.join(parameters)})\n{{\n", *head, *lines, "}"])
        return self.launch(body, 1, 1, [n for pair in rows for n in pair])

    def copies(self, pairs: list[tuple[int, int]], moves: list[tuple[int, int]]) -> list[Any]:
        """Copy arrays (from, to), and let rows be those so many further on."""
        if not pairs and not moves:
            return []
        parameters: list[str] = []
        head: list[str] = []
        lines: list[str] = []
        places: list[int] = []
        most = 1
        for source, target in pairs:
            at, size = len(places), prod(self.places[target].shape)
            for k, (place, written) in enumerate(((target, True), (source, False))):
                parameter, found = self.parameter(at + k, place, written)
                parameters.append(parameter)
                head.append(found)
            index = "int" if size < NARROW else "long long"
            width = self.places[target].width
            known = f"if (i % {self.places[target].shape[-1]} < {width}) " if width else ""
            lines.append(
                f"    for ({index} i = thread; i < {size}; i += ({index})gridDim.x*blockDim.x) {known}p{at}[i] = p{at + 1}[i];\n"
            )
            places += [target, source]
            most = max(most, size)
        for row, by in moves:
            parameters.append(f"{MEMORY[self.places[row].dtype.str[1:]]} **__restrict__ b{len(places)}")
            lines.append(f"    if (thread == 0) *b{len(places)} += {by * prod(self.places[row].shape)};\n")
            places.append(row)
        head.append("    const int thread = (int)blockIdx.x*blockDim.x + threadIdx.x;\n")
        body = "".join([f"({', '.join(parameters)})\n{{\n", *head, *lines, "}"])
        return [self.launch(body, min(LAUNCH, -(-most // BLOCK)), BLOCK, places)]


def emit_launches(plan: Plan, inputs: Sequence[tuple[tuple[int, ...], Any]], results: int) -> LaunchProgram:
    """The launches of a plan, for inputs of given shapes and dtypes; its outputs after the first ``results`` are guards.

    Raises
    ------
    OverflowError
        If a launch needs more arrays than it can be given.
    """
    outputs, guards = plan.outputs[:results], plan.outputs[results:]
    e = _Emitter(inputs, outputs, guards)
    items = e.sequence(plan, e.of, False)
    e.now += 1
    for v in (*outputs, *guards):  # read when all has run
        e.use(e.of(v))
    notes = e.notes
    return LaunchProgram(list(e.functions), e.launches, items, e.places, outputs, guards, e.at, e.operations, notes)
