"""Flags of C compilers, and the source that shows which of them work."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable

__all__ = [
    "FUNCTIONS",
    "LIBRARIES",
    "REQUIRED",
    "SUFFIX",
    "VECTOR_LIBRARIES",
    "optional_flags",
    "probe_source",
    "vector_declarations",
]

SUFFIX = ".dll" if sys.platform == "win32" else ".so"
REQUIRED = ("-std=gnu11", "-shared", *(("-undefined", "dynamic_lookup") if sys.platform == "darwin" else ()))
LIBRARIES = ("-lm",)
VECTOR_LIBRARIES = ("-lmvec", *LIBRARIES) if platform.libc_ver()[0] == "glibc" else LIBRARIES
"""Behind the source; zig's linker takes libmvec for a part of libm only where it finds another compiler."""
ONE = (
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh",
    "asinh", "acosh", "atanh", "erf", "erfc", "cbrt",
)  # fmt: skip
TWO = ("pow", "atan2", "hypot")
FUNCTIONS = {f"{name}{suffix}": count for names, count in ((ONE, 1), (TWO, 2)) for name in names for suffix in ("", "f")}
"""Functions of libm that may have vector forms, in double and in single precision, and their number of arguments."""

_PROBE = """\
#include <float.h>
#include <math.h>
#ifdef _OPENMP
#include <omp.h>
#endif
#ifdef _WIN32
#define PUBLIC __declspec(dllexport)
#else
#define PUBLIC
#endif
{declarations}
PUBLIC int probe_evaluation(void) {{ return FLT_EVAL_METHOD; }}
PUBLIC int probe_arithmetic(double nan, double infinity, double tiny, double zero)
{{
    return (nan != nan) + 2 * (infinity - infinity != 0.0) + 4 * (tiny / 2.0 > 0.0) + 8 * (1.0 / (-zero + zero) > 0.0)
        + 16 * (1.0 / (-zero * 1.0) < 0.0) + 32 * ((1.0 + 1e16 * tiny) - 1.0 == 0.0);
}}
PUBLIC int probe_team(void)
{{
    int count = 0;
#ifdef _OPENMP
    if (omp_get_max_threads() > 0) {{
        #pragma omp parallel num_threads(2) reduction(+ : count)
        count += 1;
    }}
#endif
    return count;
}}
{loops}
"""
_LOOP = """\
PUBLIC void probe_{name}(const {type} *restrict x, {type} *restrict y)
{{
    #pragma omp simd
    for (int i = 0; i < 64; ++i) y[i] = {name}({arguments});
}}"""


def _type_of(name: str) -> str:
    return "double" if name in ONE or name in TWO else "float"


def vector_declarations(names: Iterable[str]) -> str:
    """C text that declares functions of libm to have vector forms, for compilers that are told so in this way.

    Parameters
    ----------
    names : iterable of str
        Of ``capabilities().vector_functions``: with any other, the compiled library cannot be loaded.

    Notes
    -----
    gcc then calls glibc's vector functions from loops under ``#pragma omp simd``, with IEEE semantics kept. clang has a flag for
    that, which ``capabilities().flags`` contain. The declarations go after ``#include <math.h>``.

    Examples
    --------
    >>> from hoad.compiler.toolchain import vector_declarations
    >>> print(vector_declarations(["exp"]).splitlines()[1])
    __attribute__((simd("notinbranch"), const, nothrow)) double exp(double);
    """
    lines = []
    for name in names:
        kind = _type_of(name)
        arguments = ", ".join([kind] * FUNCTIONS[name])
        lines.append(f'__attribute__((simd("notinbranch"), const, nothrow)) {kind} {name}({arguments});')
    return "\n".join(["#if defined(__GNUC__) && !defined(__clang__)", *lines, "#endif", ""])


def probe_source(names: Iterable[str]) -> str:
    """C source with a loop over each function, a parallel region, and questions about arithmetic."""
    names = list(names)
    loops = [_LOOP.format(name=f, type=_type_of(f), arguments=", ".join(["x[i]"] * FUNCTIONS[f])) for f in names]
    return _PROBE.format(declarations=vector_declarations(names), loops="\n".join(loops))


def optional_flags(version: str) -> tuple[str, ...]:
    """Flags worth having, for the compiler that says this about itself; what it refuses is left out after a trial.

    - For this processor: ``-march=native``.
    - Without errno and floating-point traps, which nobody reads, so that loops with functions of libm can be vectorised; no
      ``-ffast-math``, which would break NaN, infinities, signed zeros and subnormals.
    - Without contraction of a·b + c to fma: the root of x·x - y·y would be NaN where x and y are equal, which it is not in NumPy.
    - gcc joins sin(x) and cos(x) to a call that has no vector form, unless they are no builtin functions.
    - clang gets the vector functions of glibc by a flag.  zig's clang adds checks of its own without a level of optimisation.
    """
    native = "-march=native" if platform.machine().lower() in ("x86_64", "amd64", "i386", "i686") else "-mcpu=native"
    position = () if sys.platform == "win32" else ("-fPIC",)
    common = (native, *position, "-fopenmp", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-pipe", "-w")
    if "clang" in version.lower():
        return (*common, "-fveclib=libmvec", "-fno-sanitize=undefined")
    return (*common, *(f"-fno-builtin-{name}" for name in ("sin", "cos", "sinf", "cosf")))
