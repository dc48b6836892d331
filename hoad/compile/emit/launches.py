"""The CUDA program of a plan: functions (equal ones once), their launches in order, and where all arrays are.

Inputs, results and what libraries return are elsewhere in each call.  A launch is told where in a table on the device their addresses
are, so that it stays the same in every call, and a recorded sequence of launches can be run again as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hoad.compile.emit.c import cost_of
from hoad.compile.emit.cuda import ARGUMENTS, Partial, Printed, print_launches
from hoad.compile.emit.cuda_prelude import PRELUDE
from hoad.compile.emit.program import Buffers
from hoad.compile.loops.kernels import Kernel
from hoad.compile.loops.roots import Call, Plan
from hoad.compile.loops.values import Constant, Input, Result, Value
from hoad.compile.lower.lowering import LOOPS

__all__ = ["Launch", "LaunchProgram", "emit_launches"]

PLACED = 32
"""Addresses that one launch writes into the table."""


@dataclass
class Launch:
    """A launch of a function on buffers, by their places."""

    function: int
    grid: int
    block: int
    places: list[int]


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
    buffers : Buffers
        Places are inputs, outputs, constants, scratch, results of libraries, in this order.
    moving : dict
        Place -> entry of the table, for what is elsewhere in each call.
    """

    functions: list[str]
    launches: list[Launch]
    segments: list[Any]
    buffers: Buffers
    moving: dict[int, int]
    operations: float
    notes: list[str]

    @property
    def source(self) -> str:
        """The text of the file."""
        parts = [f"__global__ void __launch_bounds__(256) k{n}{text}\n" for n, text in enumerate(self.functions)]
        names = ", ".join(f"void *x{k}" for k in range(PLACED))
        steps = " ".join(f"if (n > {k}) table[{k}] = x{k};" for k in range(PLACED))
        place = f"/* Where n arrays are in this call. */\n__global__ void place(void **table, int n, {names})\n{{\n    {steps}\n}}\n"
        return "\n".join([PRELUDE, 'extern "C" {', *parts, place, "}", ""])


class _Places:
    """Names of buffers, and when they are in use."""

    def __init__(self, outputs: list[Value]) -> None:
        self.outputs = {id(v): n for n, v in enumerate(outputs)}
        self.constants: list[Constant] = []
        self.scratch: list[Any] = []
        self.results: list[Any] = []
        self.sizes: dict[Any, int] = {}
        self.first: dict[Any, int] = {}
        self.last: dict[Any, int] = {}
        self.now = 0

    def name(self, v: Value) -> Any:
        """A name for the buffer of a value."""
        if isinstance(v, Input):
            return ("input", v.slot)
        if isinstance(v, Result):
            return self.known(("result", id(v)), self.results, 0, v)
        if id(v) in self.outputs:
            return ("output", self.outputs[id(v)])
        if isinstance(v, Constant):
            return self.known(("constant", id(v)), self.constants, v.array.nbytes, v)
        return self.known(("scratch", id(v)), self.scratch, v.size * bytes_of(v), ("scratch", id(v)))

    def partial(self, part: Partial) -> Any:
        """The buffer of results of parts."""
        name = ("scratch", ("partial", id(part)))
        return self.known(name, self.scratch, part.root.value.size * bytes_of(part.root.value) * part.copies, name)

    def known(self, name: Any, items: list[Any], size: int, item: Any) -> Any:
        if name not in self.sizes:
            self.sizes[name] = size
            items.append(item)
        return name

    def use(self, name: Any) -> Any:
        self.first.setdefault(name, self.now)
        self.last[name] = self.now
        return name


def bytes_of(v: Value) -> int:
    """Bytes of an element."""
    return {"f8": 8, "f4": 4, "b1": 1}[v.dtype]


def emit_launches(plan: Plan, inputs: int, results: int) -> LaunchProgram:
    """The launches of a plan; its outputs after the first ``results`` are guards.

    Raises
    ------
    OverflowError
        If a launch needs more arrays than it can be given.
    """
    outputs, guards = plan.outputs[:results], plan.outputs[results:]
    places = _Places(outputs)
    functions: dict[str, int] = {}
    pending: list[tuple[Printed, list[Any]]] = []
    segments: list[Any] = []
    operations, start = 0.0, 0

    def moving(buffer: int) -> bool:
        return places.name(plan.stored.values[buffer])[0] in ("input", "output", "result")

    def close() -> None:
        nonlocal start
        if len(pending) > start:
            segments.append((start, len(pending)))
            start = len(pending)

    for item in plan.order:
        places.now += 1
        if isinstance(item, Call):
            close()
            for v in item.args:
                places.use(places.name(v))
            segments.append(item)
            for v in item.results:
                if v.dtype in LOOPS:
                    places.use(places.name(v))
            continue
        assert isinstance(item, Kernel)
        if not item.boxes and not any(r.reduced for r in item.roots):
            continue
        operations += cost_of(item)
        for printed in print_launches(item, plan.stored, moving):
            if len(printed.arguments) > ARGUMENTS:
                raise OverflowError(f"a launch on {len(printed.arguments)} arrays, at most {ARGUMENTS} can be given to it")
            places.now += 1
            names = [places.partial(a) if isinstance(a, Partial) else places.name(plan.stored.values[a]) for a in printed.arguments]
            pending.append((printed, [places.use(name) for name in names]))
            functions.setdefault(printed.text, len(functions))
    close()
    places.now += 1
    for v in guards:  # read when all has run
        if v.dtype in LOOPS:
            places.use(places.name(v))
    at: dict[Any, int] = {("input", n): n for n in range(inputs)}
    at |= {("output", n): inputs + n for n in range(len(outputs))}
    at |= {("constant", id(c)): inputs + len(outputs) + n for n, c in enumerate(places.constants)}
    fixed = inputs + len(outputs) + len(places.constants)
    at |= {name: fixed + n for n, name in enumerate(places.scratch)}
    at |= {("result", id(v)): fixed + len(places.scratch) + n for n, v in enumerate(places.results)}
    moved = [name for name in at if name[0] in ("input", "output", "result")]
    launches = [Launch(functions[p.text], p.grid, p.block, [at[name] for name in names]) for p, names in pending]
    scratch = [(places.sizes[n], places.first.get(n, 0), places.last.get(n, 0)) for n in places.scratch]
    buffers = Buffers(inputs, outputs, guards, places.constants, scratch)
    named = [v for v in (*plan.stored.values, *places.results) if v.dtype in LOOPS or not _is_scratch(v, places)]
    buffers.place = {id(v): at[places.name(v)] for v in named if places.name(v) in at}
    entries = {at[name]: n for n, name in enumerate(moved)}
    return LaunchProgram(list(functions), launches, segments, buffers, entries, operations, list(plan.notes))


def _is_scratch(v: Value, places: _Places) -> bool:
    return not isinstance(v, Input | Result | Constant) and id(v) not in places.outputs
