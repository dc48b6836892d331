"""A plan as native code: kernels (equal ones once), a table of calls, and where each array is.

A body that a Python loop repeats gives the same kernels with other arguments, so the code does not grow with the number of steps,
only the table does.  A rolled loop is one call, which repeats a part of the table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hoad.compiler.emit.c import CHUNK, CHUNKS, TYPES, cost_of, print_kernel
from hoad.compiler.emit.products import combine, copy, gemm
from hoad.compiler.emit.table import Loop, Name, Row, Table
from hoad.compiler.loops.kernels import Kernel
from hoad.compiler.loops.roots import Call, Plan
from hoad.compiler.loops.streams import Stream, streams
from hoad.compiler.loops.values import Constant, Input, Result, Value

__all__ = ["Buffers", "LoopData", "Native", "emit"]


@dataclass
class Buffers:
    """Where each stored array is: places in the table of pointers are inputs, outputs, constants, scratch, in this order."""

    inputs: int
    outputs: list[Value]
    guards: list[Value] = field(default_factory=list)
    constants: list[Constant] = field(default_factory=list)
    scratch: list[tuple[int, int, int]] = field(default_factory=list)
    """(bytes, first call, last call) of each."""
    place: dict[int, int] = field(default_factory=dict)


@dataclass
class Native:
    """A program as C."""

    source: str
    calls: int
    buffers: Buffers
    segments: list[Any]
    """Pairs (start, stop) of calls of the table, and calls of libraries, in the order in which they run."""
    operations: float
    kernels: int
    notes: list[str]
    threaded: bool
    """Whether threads may share some of its loops."""
    tables: int
    """Characters of the tables in the source, which cost a compiler nothing."""


@dataclass
class LoopData:
    """A rolled loop: the plan of a step, whose inputs are carry, slices and closed-over values, in this order.

    ``lanes`` is the extent of the axis that lies densely in memory, or 0.
    """

    body: Plan
    carry: int
    slices: int
    length: int
    reverse: bool
    lanes: int


class _Emitter:
    """All that is known while the table is written."""

    def __init__(self) -> None:
        self.table = Table()
        self.first: dict[Name, int] = {}
        self.last: dict[Name, int] = {}
        self.sizes: dict[Name, int] = {}
        self.constants: dict[Name, Constant] = {}
        self.scratch: list[Name] = []
        self.operations = 0.0
        self.position = 0
        self.notes: list[str] = []

    def use(self, name: Name) -> Name:
        """A buffer that the call at this position reads or writes."""
        self.first.setdefault(name, self.position)
        self.last[name] = self.position
        return name

    def buffer(self, name: Name, size: int) -> Name:
        """A buffer of scratch memory."""
        if name not in self.sizes:
            self.sizes[name] = size
            self.scratch.append(name)
        return name

    def constant(self, v: Constant) -> Name:
        name = ("constant", id(v))
        self.constants.setdefault(name, v)
        return name

    def value(self, v: Value) -> Name:
        """The name of a constant or of an array in scratch memory."""
        return self.constant(v) if isinstance(v, Constant) else self.buffer(("scratch", id(v)), v.nbytes)

    # -- sequences of calls ---------------------------------------------------------------------------------------------------

    def sequence(self, plan: Plan, known: Callable[[Value], Name], inside: bool) -> list[Any]:
        """Rows of the table, and calls of libraries between them."""
        rows: list[Any] = []
        for item in streams(plan.order, plan.stored):
            self.position += not inside
            if isinstance(item, Kernel):
                if item.boxes or any(r.reduced for r in item.roots):
                    parts = self.kernel(rows, item, plan, known, None)
                    self.finish(rows, parts, known, inside)
            elif isinstance(item, Stream):
                self.stream(rows, item, plan, known, inside)
            elif item.kind == "gemm":
                body, count = gemm(item)
                self.operations += count
                rows.append(Row(self.table.function(body), [self.use(known(v)) for v in (item.results[0], *item.args)]))
            elif item.kind == "loop":
                self.loop(rows, item, known, inside)
            else:
                for v in (*item.args, *item.results):
                    if v.dtype in TYPES:
                        self.use(known(v))
                rows.append(item)
        return rows

    def kernel(self, rows: list[Any], item: Kernel, plan: Plan, known: Any, stream: tuple[int, int, int] | None) -> list[Any]:
        """The call of a kernel; of its roots those of which there are results of chunks."""
        chunks, together, block = stream or (None, 1, 0)
        printed = print_kernel(item, plan.stored, chunks)
        self.operations += printed.cost
        partial = {id(r.value): self.buffer(("partial", id(r.value)), r.value.nbytes * printed.chunks) for r in printed.partial}
        names = [self.use(partial.get(id(v)) or known(v)) for v in (plan.stored.values[b] for b in printed.buffers)]
        rows.append(Row(self.table.function(printed.body), names, [], printed.length, printed.chunks, together, block))
        return [(r.value, partial[id(r.value)], printed.chunks) for r in printed.partial]

    def finish(self, rows: list[Any], parts: list[Any], known: Any, inside: bool) -> None:
        """Add up the results of chunks."""
        for value, name, chunks in parts:
            self.position += not inside
            rows.append(Row(self.table.function(combine(value)), [self.use(known(value)), self.use(name)], [chunks, value.span]))

    def stream(self, rows: list[Any], item: Stream, plan: Plan, known: Any, inside: bool) -> None:
        """Kernels that run block by block; all of their arrays are in use at once."""
        cost = sum(map(cost_of, item.kernels))
        chunks = int(max(1, min(CHUNKS, cost / CHUNK, item.kernels[0].domain[0] // item.block)))
        parts = []
        for n, part in enumerate(item.kernels):
            parts += self.kernel(rows, part, plan, known, (chunks, len(item.kernels) if n == 0 else 1, item.block))
        self.notes.append(f"{len(item.kernels)} kernels run together on {item.block} of {item.kernels[0].domain[0]} rows at a time")
        self.finish(rows, parts, known, inside)

    def loop(self, rows: list[Any], call: Call, known: Any, inside: bool) -> None:
        """A rolled loop: the carry lives in the buffers of its results, slices and stacked results are pointers that move."""
        data: LoopData = call.data
        results = [self.use(known(v)) for v in call.results]
        given = [self.use(known(v)) for v in call.args]
        for name, source, v in zip(results, given, call.args[: data.carry], strict=False):
            rows.append(Row(self.table.function(copy(v.nbytes)), [name, source]))
        outputs = data.body.outputs
        updated = updated_in_place(data.body, data.carry)
        place: dict[int, Name] = {}
        moves, copies = [], []
        for n, v in enumerate(outputs):
            size = v.nbytes
            if n in updated:
                place[id(v)] = results[n]
            elif n < data.carry:
                place[id(v)] = self.use(self.buffer(("next", id(v)), size))
                copies.append((results[n], place[id(v)], size))
            else:
                place[id(v)] = self.use(self.buffer(("moving", id(v)), 0))
                moves.append((place[id(v)], results[n], size))
        entries: dict[int, Name] = {n: results[n] for n in range(data.carry)}
        for n in range(data.carry, data.carry + data.slices):
            v = call.args[n]
            entries[n] = self.use(self.buffer(("entry", id(call), n), 0))
            moves.append((entries[n], given[n], v.nbytes // max(1, v.shape[0])))
        for n in range(data.carry + data.slices, len(given)):
            entries[n] = given[n]

        def inner(v: Value) -> Name:
            if isinstance(v, Input):
                return entries[v.slot]
            return place[id(v)] if id(v) in place else self.value(v)

        before = self.operations
        body = self.sequence(data.body, inner, True)
        self.operations = before + (self.operations - before) * data.length
        rows.append(Row(-1, [], loop=Loop(body, data.length, data.reverse, moves, copies)))
        lanes = f", its {data.lanes} lanes are the innermost loops" if data.lanes else ""
        self.notes.append(f"a loop of {data.length} steps is one native loop of {len(body)} calls{lanes}")


def updated_in_place(body: Plan, carry: int) -> set[int]:
    """Numbers of the carries whose new value may be written over the old one; the two then have one buffer.

    The kernel that writes reads the old value at the places alone that it writes at the same point, and no later call reads it.
    """
    inputs = {v.slot: n for n, v in enumerate(body.stored.values) if isinstance(v, Input) and v.slot < carry}
    found = set()
    for slot, buffer in inputs.items():
        v = body.outputs[slot]
        kernels = [(n, item) for n, item in enumerate(body.order) if isinstance(item, Kernel)]
        at, kernel = next(((n, k) for n, k in kernels if any(r.value is v for r in k.roots)), (-1, None))
        if kernel is None or sum(v is o for o in body.outputs) != 1 or v.dtype != body.stored.values[buffer].dtype:
            continue
        root = next(r for r in kernel.roots if r.value is v)
        if root.reduced or root.into is not None:
            continue
        if all(_reads_what_it_writes(box, buffer, root) for box in kernel.boxes) and not any(
            _reads(item, body.stored.values[buffer], buffer) for item in body.order[at + 1 :]
        ):
            body.stored.buffers[id(v)] = buffer
            found.add(slot)
    return found


def _reads(item: Any, value: Value, buffer: int) -> bool:
    if isinstance(item, Kernel):
        nodes = [n for b in item.boxes for n in b.graph.nodes]
        return any(n.operation == "gather" or (n.operation == "load" and n.arguments[0] == buffer) for n in nodes)
    return any(a is value for a in item.args)


def _reads_what_it_writes(box: Any, buffer: int, root: Any) -> bool:
    written = {s.place for s in box.stores if s.root is root}
    for n in box.graph.nodes:
        if n.operation == "gather":
            return False
        if n.operation == "load" and n.arguments[0] == buffer and n.arguments[1] not in written:
            return False
    return True


def emit(plan: Plan, inputs: int, results: int) -> Native:
    """C text of a plan and where its arrays are; the outputs of the plan after the first ``results`` are guards."""
    e = _Emitter()
    outputs, guards = plan.outputs[:results], plan.outputs[results:]
    out_names = {id(v): n for n, v in enumerate(outputs)}

    def known(v: Value) -> Name:
        if isinstance(v, Input):
            return ("input", v.slot)
        if id(v) in out_names and not isinstance(v, Result):
            return ("output", out_names[id(v)])
        return e.value(v)

    items = e.sequence(plan, known, False)
    e.position += 1
    for v in guards:  # read when all has run
        if v.dtype in TYPES:
            e.use(known(v))
    rows: list[Row] = []
    segments: list[Any] = []
    start = 0
    for item in (*items, None):
        if isinstance(item, Row):
            rows.append(item)
            continue
        if len(rows) > start:
            segments.append((start, len(rows)))
            start = len(rows)
        if item is not None:
            segments.append(item)
    names = [("input", n) for n in range(inputs)] + [("output", n) for n in range(len(outputs))] + [*e.constants, *e.scratch]
    place = {name: n for n, name in enumerate(names)}
    source = e.table.source(rows, place)
    scratch = [(e.sizes[n], e.first.get(n, 0), e.last.get(n, 0)) for n in e.scratch]
    buffers = Buffers(inputs, outputs, guards, list(e.constants.values()), scratch)
    stored = [v for v in plan.stored.values if v.dtype in TYPES]
    buffers.place = {id(v): place[known(v)] for v in stored if known(v) in place}
    kernels = len(e.table.names)
    return Native(source, len(rows), buffers, segments, e.operations, kernels, e.notes, e.table.chunked, e.table.size)
