"""The C file of a plan: kernels (equal ones once), a table of calls, and ``hoad_run``, which runs a part of the table.

A body that a Python loop repeats gives the same kernels with other arguments, so the code does not grow with the number of steps, only
the table does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hoad.compile.emit.c import CHUNK, CHUNKS, TYPES, cost_of, print_kernel
from hoad.compile.emit.prelude import prelude
from hoad.compile.loops.kernels import Kernel
from hoad.compile.loops.roots import Call, Plan
from hoad.compile.loops.streams import Stream, streams
from hoad.compile.loops.values import Constant, Input, Result, Value

__all__ = ["Buffers", "Native", "emit"]

RUN = """
long hoad_run(char *const *restrict b, long start, long stop) {
    for (long c = start; c < stop; ++c)
        functions[calls[c].function](b, arguments + calls[c].arguments, 0, calls[c].length, 0);
    return 0;
}
"""
RUN_CHUNKS = """
long hoad_run(char *const *restrict b, long start, long stop) {
    for (long c = start; c < stop; ++c) {
        const struct call *q = &calls[c];
        const int *a = arguments + q->arguments;
        if (q->chunks == 1 && q->together == 1) {
            functions[q->function](b, a, 0, q->length, 0);
            continue;
        }
        const long n = q->chunks;
        const int team = hoad_team();
        (void)team;
        #pragma omp parallel for schedule(dynamic) num_threads(team) if (team > 1)
        for (long k = 0; k < n; ++k) {
            const long lo = q->length * k / n, hi = q->length * (k + 1) / n;
            if (q->together == 1) {
                functions[q->function](b, a, lo, hi, k);
                continue;
            }
            for (long i = lo; i < hi; i += q->block)
                for (const struct call *p = q; p < q + q->together; ++p)
                    functions[p->function](b, arguments + p->arguments, i, i + q->block < hi ? i + q->block : hi, i == lo ? k : ~k);
        }
        c += q->together - 1;
    }
    return 0;
}
"""


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


class _Table:
    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.texts: list[str] = []
        self.arguments: list[int] = []
        self.rows: list[str] = []
        self.chunked = False

    def function(self, body: str, text: str | None = None) -> int:
        """Number of a function; equal bodies are one function."""
        if body not in self.names:
            self.names[body] = len(self.names)
            name = f"k{self.names[body]}"
            self.texts.append(text or f"static void {name}(char *const *restrict b, const int *restrict a, long lo, long hi, long chunk)\n{body}\n")
        return self.names[body]

    def call(self, function: int, arguments: list[int], length: int, chunks: int, together: int = 1, block: int = 0) -> None:
        """A row of the table; the first of ``together`` calls of a stream runs all of them, ``block`` rows at a time."""
        self.rows.append(f"{{{function}, {len(self.arguments)}, {length}L, {chunks}L, {together}, {block}}}")
        self.arguments += arguments
        self.chunked = self.chunked or chunks > 1 or together > 1


def emit(plan: Plan, inputs: int, results: int) -> Native:
    """C text of a plan and where its arrays are; the outputs of the plan after the first ``results`` are guards."""
    table = _Table()
    outputs, guards = plan.outputs[:results], plan.outputs[results:]
    place: dict[Any, int] = {}
    first_use: dict[Any, int] = {}
    last_use: dict[Any, int] = {}
    constants: list[Constant] = []
    scratch: list[Any] = []
    sizes: dict[Any, int] = {}
    pending: list[tuple[int, list[Any]]] = []
    segments: list[Any] = []
    out_names = {id(v): n for n, v in enumerate(outputs)}
    operations = 0.0
    position = 0
    notes = list(plan.notes)

    def known(v: Value) -> Any:
        """A name for the buffer of a value."""
        if isinstance(v, Input):
            return ("input", v.slot)
        if id(v) in out_names and not isinstance(v, Result):
            return ("output", out_names[id(v)])
        if isinstance(v, Constant):
            name = ("constant", id(v))
            if name not in sizes:
                sizes[name] = v.array.nbytes
                constants.append(v)
            return name
        name = ("scratch", id(v))
        if name not in sizes:
            sizes[name] = v.size * _bytes(v.dtype)
            scratch.append(name)
        return name

    def use(name: Any) -> Any:
        first_use.setdefault(name, position)
        last_use[name] = position
        return name

    start = 0

    def kernel(item: Kernel, chunks: int | None, together: int, block: int) -> list[Any]:
        """Put the call of a kernel into the table; its roots of which there are results of chunks."""
        nonlocal operations
        printed = print_kernel(item, plan.stored, chunks)
        operations += printed.cost
        partial = {id(r.value): ("scratch", ("partial", id(r.value))) for r in printed.partial}
        for r in printed.partial:
            name = partial[id(r.value)]
            sizes[name] = r.value.size * _bytes(r.value.dtype) * printed.chunks
            scratch.append(name)
        names = [use(partial.get(id(v)) or known(v)) for v in (plan.stored.values[b] for b in printed.buffers)]
        pending.append((len(table.rows), names))
        table.call(table.function(printed.body), [0] * len(names), printed.length, printed.chunks, together, block)
        return [(r.value, partial[id(r.value)], printed.chunks) for r in printed.partial]

    def finish(parts: list[Any]) -> None:
        """Add up the results of chunks."""
        nonlocal position
        for value, name, chunks in parts:
            position += 1
            names = [use(known(value)), use(name)]
            pending.append((len(table.rows), names))
            table.call(table.function(*_combine(value)), [0, 0, chunks, value.size], 1, 1)

    for item in streams(plan.order, plan.stored):
        position += 1
        if isinstance(item, Kernel):
            if item.boxes or any(r.reduced for r in item.roots):
                finish(kernel(item, None, 1, 0))
        elif isinstance(item, Stream):
            cost = sum(map(cost_of, item.kernels))
            chunks = int(max(1, min(CHUNKS, cost / CHUNK, item.kernels[0].domain[0] // item.block)))
            parts = []
            for n, part in enumerate(item.kernels):  # all of their arrays are in use at once
                parts += kernel(part, chunks, len(item.kernels) if n == 0 else 1, item.block)
            notes.append(f"{len(item.kernels)} kernels run together on {item.block} of {item.kernels[0].domain[0]} rows at a time")
            finish(parts)
        elif item.kind == "gemm":
            body, count = _gemm(item)
            operations += count
            names = [use(known(v)) for v in (item.results[0], *item.args)]
            pending.append((len(table.rows), names))
            table.call(table.function(body), [0, 0, 0], 1, 1)
        else:
            if len(table.rows) > start:
                segments.append((start, len(table.rows)))
                start = len(table.rows)
            for v in item.args:
                if v.dtype in TYPES:
                    use(known(v))
            segments.append(item)
            for v in item.results:
                if v.dtype in TYPES:
                    use(known(v))
    if len(table.rows) > start:
        segments.append((start, len(table.rows)))
    position += 1
    for v in guards:  # read when all has run
        if v.dtype in TYPES:
            use(known(v))
    for n in range(len(outputs)):
        place[("output", n)] = inputs + n
    for n in range(inputs):
        place[("input", n)] = n
    for n, c in enumerate(constants):
        place[("constant", id(c))] = inputs + len(outputs) + n
    for n, name in enumerate(scratch):
        place[name] = inputs + len(outputs) + len(constants) + n
    offsets = [0]
    for row in table.rows:
        offsets.append(int(row.split(",")[1]))
    for n, names in pending:
        at = offsets[n + 1]
        table.arguments[at : at + len(names)] = [place[name] for name in names]
    buffers = Buffers(inputs, outputs, guards, constants, [(sizes[n], first_use.get(n, 0), last_use.get(n, 0)) for n in scratch])
    buffers.place = {id(v): place[known(v)] for v in plan.stored.values if v.dtype in TYPES and known(v) in place}
    source = _source(table)
    tables = 8 * (len(table.arguments) + 4 * len(table.rows))
    return Native(source, len(table.rows), buffers, segments, operations, len(table.names), notes, table.chunked, tables)


def _bytes(dtype: str) -> int:
    return {"f8": 8, "f4": 4, "b1": 1}[dtype]


def _source(table: _Table) -> str:
    def rows(items: list[str], width: int = 12) -> str:
        return ",\n    ".join(", ".join(items[i : i + width]) for i in range(0, len(items), width))

    blas = any("hoad_dgemm" in t or "hoad_sgemm" in t for t in table.texts)
    return "\n".join(
        [
            prelude("\n".join(table.texts)),
            _BLAS if blas else "",
            *table.texts,
            f"static const int arguments[] = {{{rows([str(a) for a in table.arguments] or ['0'], 24)}}};",
            f"static const kernel functions[] = {{{rows([f'k{n}' for n in range(len(table.names))] or ['0'])}}};",
            "struct call { int function, arguments; long length, chunks; int together, block; };",
            f"static const struct call calls[] = {{{rows(table.rows or ['{0, 0, 0, 0, 1, 0}'], 4)}}};",
            RUN_CHUNKS if table.chunked else RUN,
        ]
    )


_BLAS = """
typedef void gemm(const char *, const char *, const int *, const int *, const int *, const void *, const void *, const int *,
    const void *, const int *, const void *, void *, const int *);
gemm *hoad_dgemm, *hoad_sgemm;
"""


def _gemm(call: Call) -> tuple[str, float]:
    """C = A B in rows is C' = B' A' in columns."""
    la, lb, out = call.data
    a, b = call.args
    if la[0] not in out and la[1] not in out:
        raise AssertionError("a product without a kept axis")
    if set(out[0]) <= set(la):
        (x, lx), (y, ly) = (a, la), (b, lb)
        px, py = 1, 2
    else:
        (x, lx), (y, ly) = (b, lb), (a, la)
        px, py = 2, 1
    shared = next(k for k in lx if k in ly)
    m, n = call.results[0].shape
    k = x.shape[lx.index(shared)]
    # column major: C' (n x m) = op(Y) op(X)
    ty = "N" if ly == shared + out[1] else "T"
    tx = "N" if lx == out[0] + shared else "T"
    dtype = call.results[0].dtype
    function, kind = ("hoad_dgemm", "double") if dtype == "f8" else ("hoad_sgemm", "float")
    body = "\n".join(
        [
            "{",
            "    (void)lo; (void)hi; (void)chunk;",
            f"    const int n = {n}, m = {m}, k = {k}, ldy = {y.shape[1]}, ldx = {x.shape[1]};",
            f"    const {kind} one = 1, zero = 0;",
            f'    {function}("{ty}", "{tx}", &n, &m, &k, &one, b[a[{py}]], &ldy, b[a[{px}]], &ldx, &zero, b[a[0]], &n);',
            "}",
        ]
    )
    return body, 2.0 * m * n * k / 8


def _combine(v: Value) -> tuple[str, str | None]:
    """The function that adds up the results of chunks."""
    op = getattr(v, "op", "add")
    if op == "add":
        body = f"{{ add_{v.dtype}(b, a, lo, hi, chunk); }}"
        return body, None
    kind = {"f8": "double", "f4": "float", "b1": "unsigned char"}[v.dtype]
    step = {
        "multiply": "z = z * x;",
        "maximum": "z = ((z >= x) | (z != z)) ? z : x;",
        "minimum": "z = ((z <= x) | (z != z)) ? z : x;",
        "logical_or": "z = z | x;",
        "logical_and": "z = z & x;",
    }[op]
    body = "\n".join(
        [
            "{",
            f"    {kind} *y = ({kind} *)b[a[0]]; const {kind} *p = (const {kind} *)b[a[1]]; (void)lo; (void)hi; (void)chunk;",
            "    for (long j = 0; j < a[3]; ++j) {",
            f"        {kind} z = p[j];",
            f"        for (long i = 1; i < a[2]; ++i) {{ const {kind} x = p[i * a[3] + j]; {step} }}",
            "        y[j] = z;",
            "    }",
            "}",
        ]
    )
    return body, None
