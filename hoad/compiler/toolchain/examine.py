"""Run in a process of its own: load a probe and print, as JSON, what works. A probe that crashes takes only this process down."""

from __future__ import annotations

import ctypes
import json
import math
import sys


def missing(symbols: list[str]) -> list[str]:
    """Vector functions that the probe calls, and libmvec does not have."""
    if not symbols:
        return []
    try:
        library = ctypes.CDLL("libmvec.so.1")
    except OSError:
        return symbols
    return [name for name in symbols if not hasattr(library, name)]


def right(library: ctypes.CDLL, name: str, count: int) -> bool:
    """Whether a loop over a function gives what Python's math gives; vector forms may be off by some units in the last place."""
    single = name not in ("erf",) and name.endswith("f")
    base = name[:-1] if single else name
    real = ctypes.c_float if single else ctypes.c_double
    f = getattr(math, base)
    low, high = (1.05, 3.0) if base == "acosh" else (0.05, 0.95)
    x = (real * 64)(*[low + (high - low) * i / 63 for i in range(64)])
    y = (real * 64)()
    getattr(library, f"probe_{name}")(x, y)
    tolerance = 1e-5 if single else 1e-13
    return all(math.isclose(b, f(*[a] * count), rel_tol=tolerance, abs_tol=tolerance / 100) for a, b in zip(x, y))


def main(path: str, functions: str, symbols: str) -> None:
    """Print what the probe at a path can do."""
    lacking = missing(json.loads(symbols))
    if lacking:
        print(json.dumps({"lacking": lacking}))
        return
    library = ctypes.CDLL(path)
    library.probe_arithmetic.argtypes = (ctypes.c_double,) * 4
    wrong = [name for name, count in json.loads(functions).items() if not right(library, name, count)]
    found = {
        "lacking": [],
        "wrong": wrong,
        "evaluation": library.probe_evaluation(),
        "arithmetic": library.probe_arithmetic(math.nan, math.inf, 1e-320, 0.0),
        "team": library.probe_team(),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
