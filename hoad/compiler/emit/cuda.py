"""CUDA C++ for one kernel of the plan: launches that visit each point of its boxes once.

The statements at a point are those of the C printer; what differs is who visits which point: see ``cuda_splits``. Where one block
is not enough for a sum, results of parts go to memory and a second launch adds them up, in an order that depends on the program
only: the same inputs give the same bits on every device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from hoad.compiler.emit.cuda_splits import ALONE, BLOCK, BLOCKS, LAUNCH, SERIAL, SHARE, WARP, Split, splits
from hoad.compiler.emit.statements import MEMORY, TYPES, Statements, combined, literal, needed
from hoad.compiler.loops.index import Affine, variable
from hoad.compiler.loops.kernels import Box, Kernel, Root
from hoad.compiler.loops.values import Reduced

__all__ = ["ARGUMENTS", "NARROW", "Partial", "Printed", "print_launches"]

ARGUMENTS = 480
"""Pointers that one launch may be given: 4 KiB of parameters."""
NARROW = (1 << 31) - (1 << 25)
"""Places up to which they are computed in 32 bits."""


@dataclass(eq=False)
class Partial:
    """Results of ``copies`` parts of a sum, one array of its size each."""

    root: Root
    copies: int


@dataclass
class Printed:
    """A launch: parameters and body of its function, what the pointers are, and the blocks and threads."""

    parameters: str
    body: str
    arguments: list[int | Partial]
    grid: int
    block: int

    @property
    def text(self) -> str:
        """All that makes a function beside its name."""
        return f"({self.parameters})\n{self.body}"


@dataclass
class _Sum:
    """An accumulator: its name, and where its total goes."""

    name: str
    root: Root
    place: Affine

    @property
    def value(self) -> Reduced:
        assert isinstance(self.root.value, Reduced)
        return self.root.value

    @property
    def type(self) -> str:
        return "int" if self.value.dtype == "b1" else TYPES[self.value.dtype]

    def declaration(self) -> str:
        return f"{self.type} {self.name} = {literal(self.value.start, self.value.dtype)};"

    def of_lanes(self, lanes: int) -> str:
        """The total of neighbouring threads."""
        return f"lanes_total<{self.value.op}_of, {self.type}, {lanes}>({self.name})"

    def of_block(self) -> str:
        """The total of a block."""
        return f"block_total<{self.value.op}_of, {self.type}>({self.name}, {literal(self.value.start, self.value.dtype)})"

    def plus(self, entry: str) -> str:
        """One term more."""
        if self.value.op in ("maximum", "minimum"):
            return f"{{ const {self.type} x = {entry}; {self.name} = {combined(self.value, self.name, 'x')}; }}"
        return f"{self.name} = {combined(self.value, self.name, entry)};"


class _Launch:
    """The text of one launch for some roots of a kernel."""

    def __init__(
        self, kernel: Kernel, roots: Sequence[Root], split: Split | None, stored: Any, moving: Callable[[int], bool]
    ) -> None:
        self.kernel, self.roots, self.split, self.stored, self.moving = kernel, roots, split, stored, moving
        self.arguments: list[int | Partial] = []
        self.declared: list[tuple[str, bool]] = []
        self.lines: list[str] = []
        self.boxes = [replace(b, stores=[s for s in b.stores if any(s.root is r for r in roots)]) for b in kernel.boxes]
        self.int = "int" if _narrow(kernel, self.boxes, stored) else "long long"
        over_all = [r for r in roots if r.reduced and all(r.summed) and r.summed]
        points = sum(prod(b.counts) for b in self.boxes)
        if split is not None:
            self.grid, self.block = split.grid, BLOCK
        elif over_all:
            wanted = 1 if points <= ALONE else max(min(-(-points // (BLOCK * SHARE)), BLOCKS), -(-points // (BLOCK * SERIAL)))
            self.grid, self.block = wanted, BLOCK
        else:
            self.block = min(BLOCK, max(WARP, -(-points // WARP) * WARP))
            self.grid = max(1, min(LAUNCH, -(-points // self.block)))
        self.partial = {id(r): Partial(r, self.grid) for r in over_all if self.grid > 1}
        if split is not None and split.parts > 1:
            self.partial |= {id(r): Partial(r, split.parts) for r in roots if r.reduced and any(r.summed) and r not in over_all}
        self.whole = [_Sum(f"a{n}_{j}", r, p) for n, r in enumerate(roots) if r in over_all for j, p in enumerate(self.places(r))]
        self.own = [
            _Sum(f"a{n}_{j}", r, p)
            for n, r in enumerate(roots)
            if r.reduced and any(r.summed) and r not in over_all
            for j, p in enumerate(self.places(r))
        ]

    def places(self, root: Root) -> list[Affine]:
        """Places of the results that belong to one point of the loops, in the order of the stores of a box."""
        variables = [variable(k) for k in range(len(root.loops))]
        return list(dict.fromkeys(root.place(index) for index in root.places(variables)))

    # -- arguments ------------------------------------------------------------------------------------------------------------

    def pointer(self, buffer: int, written: bool = False) -> str:
        if buffer not in self.arguments:
            self.arguments.append(buffer)
            self.declared.append((MEMORY[self.stored.values[buffer].dtype], written))
        at = self.arguments.index(buffer)
        if written:
            self.declared[at] = (self.declared[at][0], True)
        return f"p{at}"

    def target(self, root: Root) -> str:
        """The array that takes the results of a root: its own, or that of its parts."""
        partial = self.partial.get(id(root))
        if partial is None:
            return self.pointer(self.stored.buffer(root.buffer), True)
        if partial not in self.arguments:
            self.arguments.append(partial)
            self.declared.append((TYPES[root.value.dtype], True))
        return f"p{self.arguments.index(partial)}"

    # -- text -----------------------------------------------------------------------------------------------------------------

    def print(self) -> list[Printed]:
        """The launch, and the one that puts parts together if there are any."""
        for s in self.whole:
            self.lines.append(s.declaration())
        if self.split is None:
            self.flat()
        else:
            self.grouped(self.split)
        for s in self.whole:
            self.lines.append(f"{s.name} = {s.of_block()};")
        if self.whole:
            self.lines.append("if (threadIdx.x == 0) {")
            for s in self.whole:
                part = f"({self.int})blockIdx.x*{s.value.span} + " if id(s.root) in self.partial else ""
                self.lines.append(f"    {self.target(s.root)}[{part}{s.place.const}] = {s.name};")
            self.lines.append("}")
        head, parameters = [], []
        for n, (argument, (kind, written)) in enumerate(zip(self.arguments, self.declared, strict=True)):
            kind = kind if written else f"const {kind}"
            if isinstance(argument, int) and self.moving(argument):
                parameters.append(f"{kind} *const *__restrict__ b{n}")
                head.append(f"{kind} *__restrict__ p{n} = *b{n};")
            else:
                parameters.append(f"{kind} *__restrict__ p{n}")
        body = _indented([*head, *self.lines])
        found = [Printed(", ".join(parameters), body, self.arguments, self.grid, self.block)]
        if self.partial:
            found.append(_finish(list(self.partial.values()), self.stored, self.moving))
        return found

    def flat(self) -> None:
        """Threads stride over all points."""
        self.lines.append(f"const {self.int} thread = ({self.int})blockIdx.x*blockDim.x + threadIdx.x;")
        for box in self.boxes:
            points = prod(box.counts)
            if points == 1:
                self.lines.append("if (thread == 0) {")
            else:
                self.lines.append(f"for ({self.int} i = thread; i < {points}; i += ({self.int})gridDim.x*blockDim.x) {{")
            inner = len(self.lines)
            self.lines += self.unfolded("i", [(k, box.counts[k], f"t{k}") for k in range(len(box.axes))])
            self.point(box)
            self.indent(inner)
            self.lines.append("}")

    def grouped(self, split: Split) -> None:
        """Lanes stride over the points of a row or of a column."""
        I, domain = self.int, self.kernel.domain
        if split.columns:
            width = BLOCK // split.lanes
            tiles = -(-split.rows // width)
            self.lines += [
                f"const int lane = threadIdx.x / {width};",
                f"const {I} part = blockIdx.x / {tiles}, row = ({I})(blockIdx.x % {tiles})*{width} + threadIdx.x % {width};",
                f"const bool mine = row < {split.rows};",
                "{",
            ]
        else:
            groups = BLOCK // split.lanes
            self.lines += [
                f"const int lane = threadIdx.x % {split.lanes};",
                f"for ({I} first = ({I})blockIdx.x*{groups}; first < {split.tasks}; first += ({I})gridDim.x*{groups}) {{",
                f"    const {I} task = first + threadIdx.x / {split.lanes};",
                f"    const bool mine = task < {split.tasks};",
                f"    const {I} row = task % {split.rows}, part = task / {split.rows};",
            ]
        start = len(self.lines)
        self.lines += self.unfolded("row", [(k, domain[k], f"d{k}") for k in split.kept])
        self.lines += [s.declaration() for s in self.own]
        step = split.lanes * split.parts
        for box in self.boxes:
            points = prod(box.counts[k] for k in split.summed)
            self.lines.append(f"if ({' && '.join(['mine', *_inside(box, split.kept, domain)])}) {{")
            for k in split.kept:
                base, stride, count = box.axes[k]
                if count > 1:
                    at = f"d{k} - {base}" if base else f"d{k}"
                    self.lines.append(f"    const {I} t{k} = {f'({at}) / {stride}' if stride > 1 else at};")
            first = f"part*{split.lanes} + lane" if split.parts > 1 else "lane"
            self.lines.append(f"    for ({I} i = {first}; i < {points}; i += {step}) {{")
            inner = len(self.lines)
            self.lines += self.unfolded("i", [(k, box.counts[k], f"t{k}") for k in split.summed])
            self.point(box)
            self.indent(inner, 2)
            self.lines += ["    }", "}"]
        for s in self.own:
            if split.columns:
                total = f"column_total<{s.value.op}_of, {s.type}, {BLOCK // split.lanes}>({s.name})"
            elif split.lanes == BLOCK:
                total = s.of_block()
            else:
                total = s.of_lanes(split.lanes)
            self.lines.append(f"{s.name} = {total};")
        names = [f"d{k}" for k in range(len(domain))]
        self.lines.append("if (mine && lane == 0) {")
        for s in self.own:
            part = f"part*{s.value.span} + " if id(s.root) in self.partial else ""
            self.lines.append(f"    {self.target(s.root)}[{part}{s.place.text(names)}] = {s.name};")
        self.lines.append("}")
        self.indent(start)
        self.lines.append("}")

    def indent(self, start: int, depth: int = 1) -> None:
        """Move the lines from ``start`` on to the right."""
        self.lines[start:] = [f"{'    ' * depth}{line}" for line in self.lines[start:]]

    def unfolded(self, index: str, axes: Sequence[tuple[int, int, str]]) -> list[str]:
        """The variables of axes (axis, extent, name) from a running index; axes of one point have none."""
        axes = [a for a in axes if a[1] > 1]
        found: list[str] = []
        inside = 1
        for n, (_, count, name) in enumerate(reversed(axes)):
            at = f"{index} / {inside}" if inside > 1 else index
            found.append(f"const {self.int} {name} = {at if n == len(axes) - 1 else f'{at} % {count}'};")
            inside *= count
        return found[::-1]

    def point(self, box: Box) -> None:
        """What happens at a point."""
        names = [f"t{k}" for k in range(len(box.axes))]
        statements = Statements(box, self.pointer, names)
        self.lines += statements.lines()
        sums = {s.name: s for s in (*self.whole, *self.own)}
        seen: dict[int, int] = {}
        for s in box.stores:
            n = next(n for n, r in enumerate(self.roots) if r is s.root)
            entry = statements.text(s.entry, s.root.value.dtype)
            if s.root.reduced and any(s.root.summed):
                seen[n] = seen.get(n, -1) + 1
                self.lines.append(sums[f"a{n}_{seen[n]}"].plus(entry))
            else:
                sign = "=" if s.root.into is None else "+="
                self.lines.append(f"{self.target(s.root)}[{s.place.text(names)}] {sign} {entry};")


def _inside(box: Box, axes: Iterable[int], domain: Sequence[int]) -> Iterable[str]:
    """Conditions for points of the kept loops to be in a box."""
    for k in axes:
        base, stride, count = box.axes[k]
        if count == 1:
            yield f"d{k} == {base}"
            continue
        if base:
            yield f"d{k} >= {base}"
        if (end := base + stride * (count - 1) + 1) < domain[k]:
            yield f"d{k} < {end}"
        if stride > 1:
            yield f"(d{k} - {base}) % {stride} == 0"


def _indented(lines: Iterable[str]) -> str:
    return "\n".join(["{", *(f"    {line}" for line in lines), "}"])


def _narrow(kernel: Kernel, boxes: Sequence[Box], stored: Any) -> bool:
    """Whether all places are computed in 32 bits without overflow."""

    def reach(place: Affine, counts: Sequence[int]) -> int:
        return abs(place.const) + sum(abs(c) * counts[k] for k, c in place.terms)

    if prod(kernel.domain) > NARROW:
        return False
    for box in boxes:
        found = needed([s.entry for s in box.stores])
        affine = [s.place for s in box.stores]
        buffers = [stored.buffer(s.root.buffer) for s in box.stores]
        for n in box.graph.nodes:
            if n.number in found and n.operation in ("load", "gather", "present"):
                affine += [a for a in n.arguments if isinstance(a, Affine)]
                buffers.append(n.arguments[0])
        if any(reach(a, box.counts) > NARROW for a in affine) or any(stored.values[b].span > NARROW for b in buffers):
            return False
    return True


def _finish(parts: Sequence[Partial], stored: Any, moving: Callable[[int], bool]) -> Printed:
    """The launch that puts parts together, each entry by a thread, a warp or a block."""
    lines: list[str] = []
    parameters: list[str] = []
    arguments: list[int | Partial] = []
    grid = 1
    for n, part in enumerate(parts):
        value = part.root.value
        assert isinstance(value, Reduced)
        kind = TYPES[value.dtype]
        total = _Sum("a", part.root, Affine(0, ()))
        I = "int" if value.span * part.copies < NARROW else "long long"
        lanes = 1 if part.copies <= SERIAL // 2 else WARP if part.copies <= WARP * SERIAL // 2 else BLOCK
        groups = BLOCK // lanes
        grid = max(grid, min(LAUNCH, -(-value.span // groups)))
        buffer = stored.buffer(value)
        arguments += [buffer, part]
        if moving(buffer):
            parameters.append(f"{kind} *const *__restrict__ b{2 * n}")
            lines.append(f"{kind} *__restrict__ p{2 * n} = *b{2 * n};")
        else:
            parameters.append(f"{kind} *__restrict__ p{2 * n}")
        parameters.append(f"const {kind} *__restrict__ p{2 * n + 1}")
        lane = f"threadIdx.x % {lanes}" if lanes > 1 else "0"
        lines += [
            f"for ({I} first = ({I})blockIdx.x*{groups}; first < {value.span}; first += ({I})gridDim.x*{groups}) {{",
            f"    const {I} j = first + threadIdx.x / {lanes};",
            f"    {total.declaration()}",
            f"    if (j < {value.span})",
            f"        for ({I} i = {lane}; i < {part.copies}; i += {lanes})",
            f"            {total.plus(f'p{2 * n + 1}[i*{value.span} + j]')}",
        ]
        if lanes == BLOCK:
            lines.append(f"    a = {total.of_block()};")
        elif lanes > 1:
            lines.append(f"    a = {total.of_lanes(lanes)};")
        first = f" && threadIdx.x % {lanes} == 0" if lanes > 1 else ""
        lines += [f"    if (j < {value.span}{first}) p{2 * n}[j] = a;", "}"]
    return Printed(", ".join(parameters), _indented(lines), arguments, grid, BLOCK)


def print_launches(kernel: Kernel, stored: Any, moving: Callable[[int], bool]) -> list[Printed]:
    """The launches of a kernel.

    ``moving`` says of which buffers a launch is told where their address is, instead of the address: those that are elsewhere in
    each call of the program.
    """
    found: list[Printed] = []
    for roots, split in splits(kernel):
        waiting = [list(roots)]
        while waiting:
            some = waiting.pop(0)
            launches = _Launch(kernel, some, split, stored, moving).print()
            if len(launches[0].arguments) > ARGUMENTS and len(some) > 1:
                half = len(some) // 2
                waiting[:0] = [some[:half], some[half:]]
                continue
            found += launches
    return found
