"""The table of calls of a program and the C text around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hoad.compiler.emit.prelude import prelude

__all__ = ["Loop", "Row", "Table"]

Name = Any
"""What a buffer is called before its place in the table of pointers is known."""


@dataclass
class Row:
    """One call: a kernel (or the first of ``together`` kernels that run block by block), or a loop of calls."""

    function: int
    names: list[Name]
    numbers: list[int] = field(default_factory=list)
    length: int = 1
    chunks: int = 1
    together: int = 1
    block: int = 0
    loop: Loop | None = None


@dataclass
class Loop:
    """Calls that are repeated: ``moves`` are (pointer, array, bytes of an entry), ``copies`` (to, from, bytes) after each step."""

    rows: list[Row]
    length: int
    reverse: bool
    moves: list[tuple[Name, Name, int]]
    copies: list[tuple[Name, Name, int]]


class Table:
    """Functions, each text once, and the calls of them."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.texts: list[str] = []
        self.chunked = False
        self.size = 0

    def function(self, body: str) -> int:
        """Number of a function; equal bodies are one function."""
        if body not in self.names:
            self.names[body] = len(self.names)
            head = f"static void k{self.names[body]}(char *const *restrict b, const int *restrict a, long lo, long hi, long chunk)"
            self.texts.append(f"{head}\n{body}\n")
        return self.names[body]

    def source(self, rows: Sequence[Row], place: dict[Name, int]) -> str:
        """The C file."""
        order = list(rows)
        loops: list[Loop] = []
        starts: dict[int, int] = {}
        at = 0
        while at < len(order):  # the calls of loops stand behind all others
            loop = order[at].loop
            if loop is not None:
                starts[id(loop)] = len(order)
                loops.append(loop)
                order += loop.rows
            at += 1
        arguments: list[int] = []
        calls = []
        for r in order:
            self.chunked = self.chunked or r.chunks > 1 or r.together > 1
            number = r.function if r.loop is None else -1 - next(n for n, one in enumerate(loops) if one is r.loop)
            calls.append(f"{{{number}, {len(arguments)}, {r.length}L, {r.chunks}L, {r.together}, {r.block}}}")
            arguments += [place[n] for n in r.names] + r.numbers
        moves: list[str] = []
        copies: list[str] = []
        heads: list[str] = []
        for loop in loops:
            first = starts[id(loop)]
            heads.append(
                f"{{{first}, {first + len(loop.rows)}, {loop.length}, {int(loop.reverse)}, "
                f"{len(moves)}, {len(moves) + len(loop.moves)}, {len(copies)}, {len(copies) + len(loop.copies)}}}"
            )
            moves += [f"{{{place[p]}, {place[base]}, {size}}}" for p, base, size in loop.moves]
            copies += [f"{{{place[p]}, {place[base]}, {size}}}" for p, base, size in loop.copies]
        text = "\n".join(self.texts)
        parts = [
            prelude(text),
            BLAS if "hoad_dgemm" in text or "hoad_sgemm" in text else "",
            *self.texts,
            f"static const int arguments[] = {{{_lines(list(map(str, arguments)), '0', 24)}}};",
            f"static const kernel functions[] = {{{_lines([f'k{n}' for n in range(len(self.names))], '0', 12)}}};",
            "struct call { int function, arguments; long length, chunks; int together, block; };",
            f"static const struct call calls[] = {{{_lines(calls, '{0, 0, 0, 0, 1, 0}', 4)}}};",
        ]
        self.size = sum(map(len, parts[-4:]))
        if loops:
            parts += [
                "struct move { long pointer, base, bytes; };",
                f"static const struct move moves[] = {{{_lines(moves, '{0, 0, 0}', 6)}}};",
                f"static const struct move copies[] = {{{_lines(copies, '{0, 0, 0}', 6)}}};",
                "static const struct loop { long start, stop, length, reverse, move, moved, copy, copied; } loops[] = {"
                + _lines(heads, "", 2)
                + "};",
                LOOPS,
            ]
        parts += [
            RUN.replace("/* loops */", RUN_LOOPS if loops else "").replace("/* chunks */", RUN_CHUNKS if self.chunked else "")
        ]
        return "\n".join(parts)


def _lines(items: list[str], empty: str, width: int) -> str:
    items = items or [empty]
    return ",\n    ".join(", ".join(items[i : i + width]) for i in range(0, len(items), width))


RUN = """
long hoad_run(char **b, long start, long stop) {
    for (long c = start; c < stop; ++c) {
        const struct call *q = &calls[c];
        const int *a = arguments + q->arguments;/* loops *//* chunks */
        functions[q->function](b, a, 0, q->length, 0);
    }
    return 0;
}
"""
LOOPS = """
long hoad_run(char **b, long start, long stop);
void *memcpy(void *, const void *, __SIZE_TYPE__);

static void repeat(char **b, const struct loop *l) {
    for (long i = 0; i < l->length; ++i) {
        const long k = l->reverse ? l->length - 1 - i : i;
        for (long m = l->move; m < l->moved; ++m) b[moves[m].pointer] = b[moves[m].base] + k * moves[m].bytes;
        hoad_run(b, l->start, l->stop);
        for (long m = l->copy; m < l->copied; ++m) memcpy(b[copies[m].pointer], b[copies[m].base], copies[m].bytes);
    }
}
"""
RUN_LOOPS = """
        if (q->function < 0) {
            repeat(b, &loops[-1 - q->function]);
            continue;
        }"""
RUN_CHUNKS = """
        if (q->chunks > 1 || q->together > 1) {
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
                    for (const struct call *p = q; p < q + q->together; ++p) {
                        const long end = i + q->block < hi ? i + q->block : hi;
                        functions[p->function](b, arguments + p->arguments, i, end, i == lo ? k : ~k);
                    }
            }
            c += q->together - 1;
            continue;
        }"""
BLAS = """
typedef void gemm(const char *, const char *, const int *, const int *, const int *, const void *, const void *, const int *,
    const void *, const int *, const void *, void *, const int *);
gemm *hoad_dgemm, *hoad_sgemm;
"""
