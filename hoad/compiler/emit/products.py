"""Functions that are no loops over a formula: products of matrices by BLAS, and sums of the results of chunks."""

from __future__ import annotations

from hoad.compiler.loops.roots import Call
from hoad.compiler.loops.values import Value

__all__ = ["combine", "copy", "gemm"]


def gemm(call: Call) -> tuple[str, float]:
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


def combine(v: Value) -> str:
    """The function that adds up the results of chunks."""
    op = getattr(v, "op", "add")
    if op == "add":
        return f"{{ add_{v.dtype}(b, a, lo, hi, chunk); }}"
    kind = {"f8": "double", "f4": "float", "b1": "unsigned char"}[v.dtype]
    step = {
        "multiply": "z = z * x;",
        "maximum": "z = ((z >= x) | (z != z)) ? z : x;",
        "minimum": "z = ((z <= x) | (z != z)) ? z : x;",
        "logical_or": "z = z | x;",
        "logical_and": "z = z & x;",
    }[op]
    return "\n".join(
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


def copy(size: int) -> str:
    """A copy of so many bytes: a[0] to, a[1] from."""
    return f"{{ (void)lo; (void)hi; (void)chunk; __builtin_memcpy(b[a[0]], b[a[1]], {size}L); }}"
