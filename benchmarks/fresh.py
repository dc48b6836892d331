"""Measurements that need a process of their own: first results, peak memory, and the time of compiling.

``python -m benchmarks.fresh WHAT ...`` prints one JSON object; :func:`sample` runs it and reads that.
"""

from __future__ import annotations

import argparse
import compileall
import ctypes
import functools
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.scenarios import SCENARIOS
from benchmarks.sides import KINDS, LIBRARIES, RTOL, error_of, expected_of, hoad_side, jax_side

__all__ = ["BODIES", "chain", "sample"]

ROOT = Path(__file__).resolve().parents[1]
LEAST_SIZE = 50  # for memory that does not depend on the size
SIDES: dict[str, Callable[..., Any]] = dict(zip(LIBRARIES, (hoad_side, jax_side), strict=True))


@functools.cache
def _write_bytecode() -> None:
    """What an installation does, so that no first result waits for Python's own compiler."""
    compileall.compile_dir(str(ROOT / "hoad"), quiet=2)


def sample(what: str, *arguments: Any, cache: str | None = None, timeout: float = 1800) -> dict[str, float]:
    """What a new process measured, with ``cache`` as hoad's folder of compiled objects (default: a new, empty one)."""
    _write_bytecode()
    with tempfile.TemporaryDirectory(prefix="hoad-cache-") as empty:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("JAX_COMPILATION_CACHE")}
        environment["HOAD_CACHE_DIR"] = cache or empty
        command = [sys.executable, "-m", "benchmarks.fresh", what, *map(str, arguments)]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[1:])} failed:\n{done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _checked(what: str, found: Any, expected: Any) -> None:
    error = error_of(found, expected)
    if not error <= RTOL:
        raise SystemExit(f"{what} differs by {error:.1e} of the largest entry, expected at most {RTOL:.0e}")


# -- first results --------------------------------------------------------------------------------------------------------


def first(library: str, kind: str, name: str, size: int) -> dict[str, float]:
    """Seconds from the first call of the compiled function until its result; imports and data are there before."""
    case = SCENARIOS[name].make(size, 0)
    side = SIDES[library](kind, case)
    start = time.perf_counter()
    result = side.run()
    seconds = time.perf_counter() - start
    _checked(f"the first {kind} of {name} by {library}", result, expected_of(kind, case)())
    return {"seconds": seconds}


# -- memory ---------------------------------------------------------------------------------------------------------------


def _status(key: str) -> int:
    """Bytes of resident memory: VmRSS now, VmHWM at the peak since it was last reset."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(key))


def _settle() -> None:
    """Give freed memory back to the system, so that what stays is in use."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)


def _growth(library: str, name: str, size: int) -> tuple[int, int]:
    """Resident bytes at the peak of a call above those before its compilation, and bytes of the arguments."""
    case = SCENARIOS[name].make(size, 0)
    side = SIDES[library]("HVP", case)
    expected = expected_of("HVP", case)()
    _settle()
    before = _status("VmRSS")
    call = side.compiled
    if library == "jax":
        call = call.lower(*side.arguments).compile()
    else:  # there is no compiling without a call, and working memory may belong to the compiled object
        side.run()
    _settle()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak starts here
    result = call(*side.arguments)
    if library == "jax":
        result.block_until_ready()
    peak = _status("VmHWM") - before
    _checked(f"HVP of {name} by {library}", result, expected)
    return peak, case.point.nbytes + case.direction.nbytes


def memory(library: str, name: str, size: int) -> dict[str, float]:
    """Bytes at the peak of a Hessian-vector product: its arguments, its result, and whatever it keeps or needs in between.

    What compiling takes and gives back is left out, and so is the code that it leaves, found by compiling for a few elements.
    """
    _growth(library, name, LEAST_SIZE)  # loads what any first call loads
    code, _ = _growth(library, name, LEAST_SIZE + 1)
    peak, arguments = _growth(library, name, size)
    return {"bytes": peak - code + arguments, "code": code}


def stored(name: str, size: int) -> dict[str, float]:
    """Bytes of the arguments, the result and what the reverse sweep over a tangent needs, as the uncompiled tape keeps it."""
    import hoad

    case = SCENARIOS[name].make(size, 0)
    f = case.function
    tracemalloc.start()
    pull = hoad.vjp(lambda x: hoad.jvp(f, (x,), (case.direction,))[1], case.point)[1]
    gc.collect()
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del pull
    return {"bytes": held + 2 * case.point.nbytes + case.direction.nbytes, "held": held}


# -- time of compiling ----------------------------------------------------------------------------------------------------

BODIES = ("repeated", "different")


def chain(body: str, steps: int) -> Callable[[Any], Any]:
    """An unrolled loop of ``steps`` elementwise operations, three in each round: y = y + c g(y).

    "repeated": each round is the same.  "different": each has its own g and c, so that no round can be found again.
    """
    rng = np.random.default_rng(steps)
    rounds = steps // 3
    choice = [0] * rounds if body == "repeated" else rng.integers(4, size=rounds).tolist()
    factors = [1e-3] * rounds if body == "repeated" else rng.uniform(-1e-3, 1e-3, rounds).tolist()
    functions = (np.sin, np.cos, np.tanh, np.arctan)

    def f(y: Any) -> Any:
        for i, c in zip(choice, factors, strict=True):
            y = y + c * functions[i](y)
        return y

    return f


def length(body: str, steps: int) -> dict[str, float]:
    """Seconds of recording, optimising and compiling a function of so many operations: the first call less a later one."""
    import hoad

    f, x = chain(body, steps), np.linspace(0.1, 1.0, 16)
    expected = f(x)
    hoad.compile(chain(body, 30))(x)
    compiled = hoad.compile(f)
    start = time.perf_counter()
    result = compiled(x)
    middle = time.perf_counter()
    compiled(x)
    seconds = 2 * middle - start - time.perf_counter()
    _checked(f"a loop of {steps} operations", result, expected)
    return {"seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fresh", description=(__doc__ or "").splitlines()[0])
    actions = parser.add_subparsers(dest="what", required=True)
    for action in (first, memory, stored, length):
        sub = actions.add_parser(action.__name__, help=(action.__doc__ or "").splitlines()[0])
        sub.set_defaults(action=action)
        if action in (first, memory):
            sub.add_argument("library", choices=LIBRARIES)
        if action is first:
            sub.add_argument("kind", choices=KINDS)
        if action is length:
            sub.add_argument("body", choices=BODIES)
            sub.add_argument("steps", type=int)
        else:
            sub.add_argument("name", choices=SCENARIOS)
            sub.add_argument("size", type=int)
    options = vars(parser.parse_args())
    del options["what"]
    print(json.dumps(options.pop("action")(**options)))


if __name__ == "__main__":
    main()
