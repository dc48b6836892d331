"""C for one kernel: a function that runs its boxes over a range of the outermost loop."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Any

from hoad.compiler.emit.statements import MEMORY, TYPES, Statements, combined, literal, needed
from hoad.compiler.loops.kernels import Box, Kernel, Root, Store
from hoad.compiler.loops.scalar import BOOLEAN, COST
from hoad.compiler.loops.values import Reduced

__all__ = ["CHUNK", "CHUNKS", "Printed", "cost_of", "print_kernel"]

BLOCK = 128
"""Terms that are summed one after the other (in as many lanes as the processor has)."""
CHUNK = 250_000.0
"""Operations in one chunk of a loop that threads share."""
CHUNKS = 64


@dataclass
class Printed:
    """A kernel as text without its name, so that equal ones are found; ``buffers`` are its arguments in order."""

    body: str
    buffers: list[int]
    length: int
    chunks: int
    partial: list[Root] = field(default_factory=list)
    cost: float = 0.0


def _weight(box: Box) -> float:
    found = needed([s.entry for s in box.stores])
    return sum(COST.get(n.operation, 0.3 if n.operation in BOOLEAN else 1.0) for n in box.graph.nodes if n.number in found)


def cost_of(kernel: Kernel) -> float:
    """Operations of a kernel."""
    return sum(_weight(b) * prod(b.counts) for b in kernel.boxes)


class _Kernel:
    def __init__(self, kernel: Kernel, stored: Any, chunks: int | None) -> None:
        self.kernel = kernel
        self.streamed = chunks is not None
        self.stored = stored
        self.buffers: list[int] = []
        self.kinds: list[tuple[str, bool]] = []
        self.cost = cost_of(kernel)
        domain = kernel.domain
        self.chunks = 1
        if domain and domain[0] >= 8:
            self.chunks = int(max(1, min(CHUNKS, self.cost / CHUNK, domain[0] // 2)))
        if chunks is not None:
            self.chunks = chunks
        self.several = len(kernel.boxes) > 1
        for r in kernel.roots:  # rows of a chunk are set to zero by themselves
            if self.in_memory(r) and not self.over_outer(r) and r.value.extents[:1] != domain[:1]:
                self.chunks = 1
        self.lines: list[str] = []

    def pointer(self, buffer: int, written: bool = False) -> str:
        if buffer not in self.buffers:
            self.buffers.append(buffer)
            self.kinds.append((self.stored.values[buffer].dtype, written))
        at = self.buffers.index(buffer)
        if written and not self.kinds[at][1]:
            self.kinds[at] = (self.kinds[at][0], True)
        return f"p{at}"

    def out(self, root: Root) -> str:
        return self.pointer(self.stored.buffer(root.buffer), True)

    # -- what a root does with the loops ------------------------------------------------------------------------------------

    def depth_of(self, root: Root) -> int | None:
        """The first of the loops that are summed, all later ones being summed as well; None if later ones are kept."""
        marks = root.summed
        first = marks.index(True) if True in marks else len(marks)
        return first if all(marks[first:]) else None

    def over_outer(self, root: Root) -> bool:
        return bool(root.reduced) and bool(root.summed) and root.summed[0]

    def in_memory(self, root: Root) -> bool:
        """Whether the result grows in memory."""
        depth = self.depth_of(root)
        return any(root.summed) and (depth is None or (depth > 0 and self.several))

    def print(self) -> Printed:
        """The text of the kernel."""
        for n, root in enumerate(self.kernel.roots):
            if root.reduced and any(root.summed):
                self.prepare(n, root)
        for box in self.kernel.boxes:
            self.box(box)
        for n, root in enumerate(self.kernel.roots):
            if root.reduced and self.depth_of(root) == 0 and any(root.summed):
                self.finish(n, root)
        partial = [r for r in self.kernel.roots if self.over_outer(r)] if self.chunks > 1 else []
        head = []
        for k, (dtype, written) in enumerate(self.kinds):
            const = "" if written else "const "
            shift = ""
            for root in partial:
                if self.buffers[k] == self.stored.buffer(root.value):
                    shift = f" + chunk * {root.value.span}L"
            head.append(f"    {const}{MEMORY[dtype]} *restrict p{k} = ({const}{MEMORY[dtype]} *)b[a[{k}]]{shift};")
        more = ["    const int more = chunk < 0;", "    if (more) chunk = ~chunk;"] if self.streamed else []
        body = "\n".join(["{", "    (void)a; (void)b; (void)lo; (void)hi; (void)chunk;", *more, *head, *self.lines, "}"])
        length = self.kernel.domain[0] if self.kernel.domain else 1
        return Printed(body, self.buffers, length, self.chunks, partial, self.cost)

    def names_of(self, n: int, root: Root) -> list[tuple[int, str]]:
        """Accumulators of a root whose sum runs over all loops: (place, name)."""
        places = sorted({s.place.const for b in self.kernel.boxes for s in b.stores if s.root is root})
        return [(place, f"s{n}_{place}") for place in places]

    def prepare(self, n: int, root: Root) -> None:
        value = root.value
        assert isinstance(value, Reduced)
        start = literal(value.start, value.dtype)
        if self.in_memory(root):
            name = self.out(root)
            covered = self.over_outer(root)
            if covered or self.chunks == 1:
                once = "    if (!more)\n" if self.streamed and covered else ""
                self.lines.append(f"{once}    for (long j = 0; j < {value.span}L; ++j) {name}[j] = {start};")
            else:  # rows of this chunk only
                row = value.span // self.kernel.domain[0]
                self.lines.append(f"    for (long j = lo * {row}L; j < hi * {row}L; ++j) {name}[j] = {start};")
        elif self.depth_of(root) == 0:
            for _, acc in self.names_of(n, root):
                self.declare(acc, value, prod(self.kernel.domain), "    ")

    def declare(self, acc: str, value: Reduced, terms: int, pad: str) -> None:
        if value.op == "add" and terms > BLOCK:
            self.lines.append(f"{pad}cascade_{value.dtype} {acc}; {acc}.n = 0;")
        else:
            kind = "int" if value.dtype == "b1" else TYPES[value.dtype]
            self.lines.append(f"{pad}{kind} {acc} = {literal(value.start, value.dtype)};")

    def total(self, acc: str, value: Reduced, terms: int) -> str:
        return f"total_{value.dtype}(&{acc})" if value.op == "add" and terms > BLOCK else acc

    def finish(self, n: int, root: Root) -> None:
        value = root.value
        assert isinstance(value, Reduced)
        name = self.out(root)
        for place, acc in self.names_of(n, root):
            total = self.total(acc, value, prod(self.kernel.domain))
            if self.streamed:
                self.lines.append(f"    if (more) {name}[{place}] = {combined(value, f'{name}[{place}]', total)}; else")
            self.lines.append(f"    {name}[{place}] = {total};")
        known = {place for place, _ in self.names_of(n, root)}
        for place in range(value.size):
            if place not in known:
                self.lines.append(f"    {name}[{place}] = {literal(value.start, value.dtype)};")

    # -- boxes -----------------------------------------------------------------------------------------------------------------

    def box(self, box: Box) -> None:
        """One nest of loops."""
        depth = len(box.axes)
        names = [f"t{k}" for k in range(depth)]
        inner = max([k for k, (_, _, count) in enumerate(box.axes) if count > 1], default=-1)
        statements = Statements(box, self.pointer, names, inner)
        roots = self.kernel.roots
        pad = "    "
        self.lines.append(pad + "{")
        starts: dict[int, list[Any]] = {}
        after: dict[int, list[str]] = {}
        if self.chunks > 1 and depth and box.axes[0][2] == 1:
            self.lines.append(f"{pad}if (lo <= {box.axes[0][0]} && {box.axes[0][0]} < hi)")
            self.lines.append(pad + "{")
        body: list[str] = []
        sums: list[tuple[str, Reduced, str, int]] = []  # accumulator, value, entry, terms
        for s in box.stores:
            n = roots.index(s.root)
            value = s.root.value
            if not (s.root.reduced and any(s.root.summed)):
                sign = "=" if s.root.into is None else "+="
                body.append(f"{self.out(s.root)}[{s.place.text(names)}] {sign} {statements.text(s.entry, value.dtype)};")
                continue
            assert isinstance(value, Reduced)
            first = self.depth_of(s.root)
            if first is None or first > max(inner, 0):  # in this box there is one term for each point
                target = f"{self.out(s.root)}[{s.place.text(names)}]"
                body.append(f"{target} = {combined(value, target, statements.text(s.entry, value.dtype))};")
            elif first == 0:
                acc = f"s{n}_{s.place.const}"
                sums.append((acc, value, statements.text(s.entry, value.dtype), prod(self.kernel.domain)))
            else:
                acc = f"r{n}_{len(sums)}"
                terms = prod(box.counts[first:])
                sums.append((acc, value, statements.text(s.entry, value.dtype), terms))
                after.setdefault(first, []).append(self.stored_sum(s, acc, value, terms, names))
                starts.setdefault(first, []).append((acc, value, terms))
        for k in range(depth):
            for acc, value, terms in starts.get(k, []):
                self.declare(acc, value, terms, pad)
            base, stride, count = box.axes[k]
            if count == 1:
                continue
            low, high = "0", str(count)
            if k == 0 and self.chunks > 1:
                low, high = f"b{k}", f"e{k}"
                self.lines.append(f"{pad}const long b0 = {_clip('lo', base, stride, count)};")
                self.lines.append(f"{pad}const long e0 = {_clip('hi', base, stride, count)};")
            if k == inner:
                self.innermost(pad, k, low, high, count, statements, body, sums)
            else:
                self.lines.append(f"{pad}for (long t{k} = {low}; t{k} < {high}; ++t{k}) {{")
                pad += "    "
        if inner < 0:
            self.plain(pad, statements, body, sums)
        for k in range(depth - 1, -1, -1):
            if box.axes[k][2] > 1 and k != inner:
                # what belongs after loop k + 1 ... stands inside loop k
                for j in range(k + 1, depth):
                    for line in after.pop(j, []):
                        self.lines.append(pad + line)
                pad = pad[:-4]
                self.lines.append(pad + "}")
        for k in sorted(after):
            for line in after[k]:
                self.lines.append(pad + line)
        if self.chunks > 1 and depth and box.axes[0][2] == 1:
            self.lines.append(pad + "}")
        self.lines.append("    }")

    def stored_sum(self, s: Store, acc: str, value: Reduced, terms: int, names: list[str]) -> str:
        target = f"{self.out(s.root)}[{s.place.text(names)}]"
        total = self.total(acc, value, terms)
        return f"{target} = {combined(value, target, total) if self.several else total};"

    def plain(self, pad: str, statements: Statements, body: list[str], sums: list[Any]) -> None:
        """A single point."""
        for line in (*statements.lines(), *body):
            self.lines.append(pad + line)
        for acc, value, entry, terms in sums:
            self.lines.append(pad + self.added(acc, value, entry, terms))

    def added(self, acc: str, value: Reduced, entry: str, terms: int) -> str:
        if value.op == "add" and terms > BLOCK:
            return f"push_{value.dtype}(&{acc}, {entry});"
        if value.op in ("maximum", "minimum"):
            return f"{{ const {TYPES[value.dtype]} x = {entry}; {acc} = {combined(value, acc, 'x')}; }}"
        return f"{acc} = {combined(value, acc, entry)};"

    def innermost(
        self, pad: str, k: int, low: str, high: str, count: int, statements: Statements, body: list[str], sums: list[Any]
    ) -> None:
        cascades = [s for s in sums if s[1].op == "add" and s[3] > BLOCK]
        direct = [s for s in sums if not (s[1].op == "add" and s[3] > BLOCK)]
        plain_only = all(s[1].op in ("add", "multiply") for s in direct)
        lo, hi = low, high
        deeper = pad
        if cascades:
            if count > BLOCK:
                self.lines.append(f"{pad}for (long q = {low}; q < {high}; q += {BLOCK}) {{")
                deeper = pad + "    "
                lo, hi = "q", f"(q + {BLOCK} < {high} ? q + {BLOCK} : {high})"
            else:
                self.lines.append(pad + "{")
                deeper = pad + "    "
            for n, (_, value, _, _) in enumerate(cascades):
                self.lines.append(f"{deeper}{TYPES[value.dtype]} q{n} = 0;")
        self.lines += [deeper + line for line in statements.earlier()]
        if plain_only and (count >= 4):
            pluses = [f"q{n}" for n in range(len(cascades))] + [s[0] for s in direct if s[1].op == "add"]
            times = [s[0] for s in direct if s[1].op == "multiply"]
            clauses = (f" reduction(+:{','.join(pluses)})" if pluses else "") + (
                f" reduction(*:{','.join(times)})" if times else ""
            )
            self.lines.append(f"{deeper}#pragma omp simd{clauses}")
        self.lines.append(f"{deeper}for (long t{k} = {lo}; t{k} < {hi}; ++t{k}) {{")
        for line in (*statements.lines(), *body):
            self.lines.append(f"{deeper}    {line}")
        for n, (_, _, entry, _) in enumerate(cascades):
            self.lines.append(f"{deeper}    q{n} += {entry};")
        for acc, value, entry, terms in direct:
            self.lines.append(f"{deeper}    {self.added(acc, value, entry, terms)}")
        self.lines.append(deeper + "}")
        if cascades:
            for n, (acc, value, _, _) in enumerate(cascades):
                self.lines.append(f"{deeper}push_{value.dtype}(&{acc}, q{n});")
            self.lines.append(pad + "}")


def _clip(bound: str, base: int, stride: int, count: int) -> str:
    """The first point of a box at or after a bound of the outermost loop."""
    at = (
        bound
        if base == 0 and stride == 1
        else f"({bound} - {base} + {stride - 1}) / {stride}"
        if stride > 1
        else f"{bound} - {base}"
    )
    return f"{bound} <= {base} ? 0 : ({at}) < {count} ? ({at}) : {count}"


def print_kernel(kernel: Kernel, stored: Any, chunks: int | None = None) -> Printed:
    """The text of a kernel and the buffers that it reads and writes.

    ``chunks`` is given for a kernel of a stream: the same for all of them.  Its functions are called for one block of rows after
    the other, and ``~chunk`` instead of ``chunk`` says that results of the chunk are to be added to.
    """
    return _Kernel(kernel, stored, chunks).print()
