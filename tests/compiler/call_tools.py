"""Kernels in C, and functions around them, for tests of calls of native code."""

from __future__ import annotations

import ctypes
import os
import sys

import numpy as np
import pytest

from hoad.compiler.calls import call, runner
from hoad.compiler.calls.call import fast_calls, make_fast
from hoad.compiler.steps import ArraySpec
from hoad.compiler.toolchain import NoCompilerError, shared_library

SOURCE = r"""
#include <string.h>
#include <time.h>
typedef volatile double shared;

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + 1e-9 * t.tv_nsec; }

long axpy(char **b, long start, long stop) {                       /* a, x, y -> a x + y; 5 elements */
    for (int i = 0; i < 5; ++i) ((double *)b[3])[i] = *(double *)b[0] * ((double *)b[1])[i] + ((double *)b[2])[i];
    return 0;
}
long two(char **b, long start, long stop) {                        /* x (2, 3) -> x^T (3, 2) and the sum */
    const double *x = (double *)b[0]; double *y = (double *)b[1], *s = (double *)b[2];
    *s = 0;
    for (int i = 0; i < 2; ++i) for (int j = 0; j < 3; ++j) { y[2 * j + i] = x[3 * i + j]; *s += x[3 * i + j]; }
    return 0;
}
long single(char **b, long start, long stop) { *(float *)b[1] = *(float *)b[0] * 3; return 0; }
long whole(char **b, long start, long stop) { *(long long *)b[1] = *(long long *)b[0] + 1; return 0; }
long truth(char **b, long start, long stop) { *b[1] = !*b[0]; return 0; }
long complex_(char **b, long start, long stop) {
    ((double *)b[1])[0] = ((double *)b[0])[0]; ((double *)b[1])[1] = -((double *)b[0])[1];
    return 0;
}
long nothing(char **b, long start, long stop) { return 0; }
long fails(char **b, long start, long stop) { return 7; }
long segment(char **b, long start, long stop) {                    /* x (4) -> t = 2 x; y = t + c; each a call */
    const double *x = (double *)b[0], *c = (double *)b[2]; double *y = (double *)b[1], *t = (double *)b[3];
    for (long k = start; k < stop; ++k) for (int i = 0; i < 4; ++i) { if (k == 0) t[i] = 2 * x[i]; else y[i] = t[i] + c[i]; }
    return 0;
}
long addresses(char **b, long start, long stop) {                  /* -> where scratch 0 and 1 are */
    ((long long *)b[0])[0] = (long long)b[1]; ((long long *)b[0])[1] = (long long)b[2];
    memset(b[1], 255, 64); memset(b[2], 255, 1 << 20);
    return 0;
}
long waits(char **b, long start, long stop) {                      /* until another thread writes into x, at most 20 s */
    shared *x = (shared *)b[0];
    double end = now() + 20;
    x[0] = 1;
    while (x[1] == 0) if (now() > end) return 1;
    *(double *)b[1] = x[1];
    return 0;
}
long meets(char **b, long start, long stop) {                      /* own number into scratch; wait for the other; read it back */
    double own = *(double *)b[0], end = now() + 20;
    shared *x = (shared *)b[1], *t = (shared *)b[3];
    *t = own;
    x[(int)own] = 1;
    while (x[0] == 0 || x[1] == 0) if (now() > end) return 1;
    *(double *)b[2] = *t;
    return 0;
}
"""

REAL = np.dtype(np.float64)
X5 = ArraySpec((5,), REAL)
NUMBER = ArraySpec((), REAL)


def library():
    """The kernels, compiled."""
    try:
        return shared_library(SOURCE)
    except NoCompilerError:
        pytest.skip("no C compiler on this machine")


def choose(way, monkeypatch):
    """Make functions in one of the two ways."""
    if way == "python":
        monkeypatch.setattr(call, "stub", lambda: None)
        monkeypatch.setattr(runner, "address", lambda: lambda a: a.ctypes.data)
    elif not fast_calls():
        pytest.skip("no builtin functions here")
    return way


def at(library, name):
    return ctypes.cast(getattr(library, name), ctypes.c_void_p).value


def made(library, name, inputs, outputs, **more):
    given = dict(run=at(library, name), steps=1, inputs=inputs, outputs=outputs, keep=library, numbers=range(len(inputs)))
    return make_fast(**{**given, **more})


measurable = pytest.mark.skipif(
    sys.platform != "linux" or "asan" in os.environ.get("LD_PRELOAD", ""), reason="reads /proc; a sanitizer keeps freed memory"
)


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Sub(np.ndarray):
    pass
