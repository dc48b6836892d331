"""The head of every generated C file: sums with the error of pairwise summation.

Where it says ``declarations`` the toolchain puts those of vector mathematics and of threads that hold on the machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["FUNCTIONS", "called", "prelude"]

FUNCTIONS = {
    "sqrt": "sqrt", "cbrt": "cbrt", "exp": "exp", "exp2": "exp2", "expm1": "expm1", "log": "log", "log2": "log2", "log10": "log10",
    "log1p": "log1p", "sin": "sin", "cos": "cos", "tan": "tan", "arcsin": "asin", "arccos": "acos", "arctan": "atan",
    "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "erf": "erf",
    "erfc": "erfc", "floor": "floor", "ceil": "ceil", "trunc": "trunc", "rint": "rint", "absolute": "fabs", "power": "pow",
    "arctan2": "atan2", "hypot": "hypot", "copysign": "copysign", "fmod": "fmod", "fmax": "fmax", "fmin": "fmin",
}  # fmt: skip
TWO = ("pow", "atan2", "hypot", "copysign", "fmod", "fmax", "fmin")
TYPEDEF = """\
typedef void (*kernel)(char *const *restrict b, const int *restrict a, long lo, long hi, long chunk);
"""
CASCADE = """\
/* A sum of partial sums as a binary counter adds: the error grows with the logarithm of their number. */
#define CASCADE(T, S) \\
typedef struct { long n; T part[56]; } cascade_##S; \\
static inline void push_##S(cascade_##S *c, T x) { \\
    int k = 0; \\
    for (long n = c->n++; n & 1; n >>= 1, ++k) x += c->part[k]; \\
    c->part[k] = x; \\
} \\
static inline T total_##S(const cascade_##S *c) { \\
    T x = 0; int k = 0; \\
    for (long n = c->n; n; n >>= 1, ++k) if (n & 1) x += c->part[k]; \\
    return x; \\
} \\
/* Partial results of `chunks` chunks, `size` each: a[0] result, a[1] partial results, a[2] chunks, a[3] size. */ \\
static void add_##S(char *const *restrict b, const int *restrict a, long lo, long hi, long chunk) { \\
    T *y = (T *)b[a[0]]; const T *x = (const T *)b[a[1]]; (void)lo; (void)hi; (void)chunk; \\
    for (long j = 0; j < a[3]; ++j) { \\
        cascade_##S c; c.n = 0; \\
        for (long i = 0; i < a[2]; ++i) push_##S(&c, x[i * a[3] + j]); \\
        y[j] = total_##S(&c); \\
    } \\
}
"""


def called(text: str) -> list[str]:
    """Functions of libm that a text calls, in single precision as well."""
    words = set(re.findall(r"\b([a-z0-9]+)\(", text))
    return sorted(f for name in set(FUNCTIONS.values()) for f in (name, name + "f") if f in words)


def prototypes(names: Iterable[str]) -> str:
    """Declarations of functions of libm, without the cost of reading its header."""
    lines = []
    for f in names:
        kind, name = ("float", f[:-1]) if f not in FUNCTIONS.values() else ("double", f)
        arguments = f"{kind}, {kind}" if name in TWO else kind
        lines.append(f"{kind} {f}({arguments});\n")
    return "".join(lines)


def prelude(text: str) -> str:
    """What stands before kernels with this text."""
    parts = ["/* declarations */\n", prototypes(called(text)), TYPEDEF]
    kinds = [(kind, name) for kind, name in (("double", "f8"), ("float", "f4")) if f"_{name}(" in text or f"cascade_{name}" in text]
    if kinds:
        parts += [CASCADE, *(f"CASCADE({kind}, {name})\n" for kind, name in kinds)]
    return "".join(parts)
