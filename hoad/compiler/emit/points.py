"""C for a function of points: one loop whose length, rows and threads are arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hoad.compiler.emit.statements import Statements
from hoad.compiler.loops.kernels import Box

__all__ = ["print_points"]


def print_points(point: Box, entries: Sequence[Any], inputs: int, rows: int, through: int, chunk: int) -> str:
    """The loop over points that computes ``entries``, and what shares it among threads in chunks.

    Buffer k of the nodes of ``point`` is row k of the ``inputs``: the first ``through`` are read through an index, if there is one,
    the first ``rows`` at each point, and all others are one number.
    """
    statements = Statements(point, lambda row: f"x{row}" if row < rows else f"c{row}", ["i"])
    lines = list(statements.lines())
    used = sorted({n.arguments[0] for n in statements.nodes if n.operation == "load"})
    head = [f"    const double *x{k} = x[{k}];" for k in used if k < rows]
    head += [f"    const double c{k}[] = {{x[{k}][0]}};" for k in used if k >= rows]
    head += [f"    double *y{k} = y[{k}];" for k in range(len(entries))]
    body = [*lines, *[f"y{k}[i] = {statements.text(e, 'f8')};" for k, e in enumerate(entries)]]
    loop = ["    #pragma omp simd", "    for (long i = lo; i < hi; ++i) {", *[f"        {line}" for line in body], "    }"]
    law = "\n".join([*head, *loop])
    return LOOP.format(law=law, inputs=max(1, inputs), written=max(1, len(entries)), through=through, rows=rows, chunk=chunk)


LOOP = """
__attribute__((noinline)) static void law(long lo, long hi, const double *const *x, double *const *y)
{{
{law}
}}

enum {{ STRIP = 128, INPUTS = {inputs}, WRITTEN = {written}, THROUGH = {through}, ROWS = {rows} }};

/* Points that lie apart: their rows are copied to strips and back. Returns 1 where a place is none of the `whole`. */
static long apart(long lo, long hi, long whole, const long long *index, const double *const *x, double *const *y)
{{
    double from[THROUGH + 1][STRIP], to[WRITTEN][STRIP];
    const double *inputs[INPUTS];
    double *results[WRITTEN];
    for (int k = 0; k < INPUTS; ++k) inputs[k] = x[k];
    for (int k = 0; k < THROUGH; ++k) inputs[k] = from[k];
    for (int k = 0; k < WRITTEN; ++k) results[k] = to[k];
    for (long i = lo; i < hi; i += STRIP) {{
        const int m = hi - i < STRIP ? (int)(hi - i) : STRIP;
        long long sign = 0;
        for (int j = 0; j < m; ++j) sign |= index[i + j] | (whole - 1 - index[i + j]);
        if (sign < 0) return 1;
        for (int k = 0; k < THROUGH; ++k)
            for (int j = 0; j < m; ++j) from[k][j] = x[k][index[i + j]];
        for (int k = THROUGH; k < ROWS; ++k) inputs[k] = x[k] + i;
        law(0, m, inputs, results);
        for (int k = 0; k < WRITTEN; ++k)
            for (int j = 0; j < m; ++j) y[k][index[i + j]] = to[k][j];
    }}
    return 0;
}}

long hoad_points(long n, long whole, const long long *index, const double *const *x, double *const *y, long most)
{{
    const long chunks = (n + {chunk} - 1) / {chunk}, allowed = hoad_team();
    const int team = (int)(allowed < most ? allowed : most);
    long outside = 0;
    (void)team;
    #pragma omp parallel for schedule(dynamic) num_threads(team) if (team > 1 && chunks > 1) reduction(|:outside)
    for (long k = 0; k < chunks; ++k) {{
        const long lo = k * {chunk}, hi = n - lo < {chunk} ? n : lo + {chunk};
        if (index) outside |= apart(lo, hi, whole, index, x, y);
        else law(lo, hi, x, y);
    }}
    return outside;
}}
"""
