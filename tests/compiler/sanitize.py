"""Generated code under AddressSanitizer and UndefinedBehaviorSanitizer.

``python -m tests.compiler.sanitize`` compiles random programs, programs about special numbers, long arrays on two threads, and the
scenarios of the benchmarks with both sanitizers, runs them, and compares the results as the tests do.  Intermediate results lie in
one block of memory in use; here each has a place of its own, is filled with NaN before, and has forbidden bytes before and behind.

It first makes sure that errors are found, with code into which some were put.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

FLAGS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g1")
REPORTS = ("ERROR: AddressSanitizer", "runtime error:", "DEADLYSIGNAL")
GAP = 64
MARK = "    (void)a; (void)b;"
INJECTED = {
    "a write before an array": f"    ((volatile unsigned char *)b[a[0]])[-1] = 0;\n{MARK}",
    "a read far behind an array": f"    if (((volatile unsigned char *)b[a[0]])[1 << 14] == 77) return;\n{MARK}",
    "an overflow of whole numbers": f"    volatile int big = 2147483647; big = big + 1;\n{MARK}",
}
"""What is put into the first kernel of each source to see whether it is found."""


# -- the process in which the code runs -------------------------------------------------------------------------------------------


def apart(sizes: Sequence[tuple[int, int, int]]) -> tuple[list[int], int]:
    """Offsets of buffers with a gap before and behind each."""
    offsets, at = [], GAP
    for size, _, _ in sizes:
        offsets.append(at)
        at += -(-size // 64) * 64 + GAP
    return offsets, at


def forbid(forbidden: bool, address: int, size: int) -> None:
    function = ctypes.CDLL(None)["__asan_poison_memory_region" if forbidden else "__asan_unpoison_memory_region"]
    function(ctypes.c_void_p(address), ctypes.c_size_t(size))


def checked(executor: type) -> type:
    """The executor, with forbidden gaps between intermediate results while native code runs."""

    class Checked(executor):  # type: ignore[misc]
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.native_run = self.run
            if self.run is not None:
                self.run = self.guarded_run

        def make_fast(self) -> Any:
            self.run = self.native_run
            try:
                return super().make_fast()
            finally:
                self.run = self.guarded_run

        def guarded_run(self, table: int, start: int, stop: int) -> Any:
            b = self.native.buffers
            first = b.inputs + len(b.outputs) + len(b.constants)
            sizes = [size for size, _, _ in b.scratch]
            at = (ctypes.c_void_p * (first + len(sizes))).from_address(table)[first:]
            bases = Counter(a - o for a, o in zip(at, self.offsets, strict=True))
            base = bases.most_common(1)[0][0] if bases else 0  # some are results of libraries elsewhere
            mine = [(base + o, size) for a, o, size in zip(at, self.offsets, sizes, strict=True) if a == base + o]
            gaps = [(base, GAP)] if sizes else []
            for address, size in mine:
                end = address + size
                gaps.append((end + -end % 8, -(-size // 64) * 64 + GAP - size - -end % 8))
                if start == min(s[0] for s in self.native.segments if isinstance(s, tuple)):
                    ctypes.memset(address, 255, size)
            for gap in gaps:
                forbid(True, *gap)
            try:
                return self.native_run(table, start, stop)
            finally:
                for gap in gaps:
                    forbid(False, *gap)

    return Checked


def instrument(injected: str | None) -> None:
    """Both sanitizers for everything that is compiled from now on."""
    import hoad.compiler.build as building
    import hoad.compiler.calls.stub as stub
    import hoad.compiler.executor as executor
    from hoad.compiler.toolchain import shared_library

    def library(source: str, *, optimise: str = "-O1", **more: Any) -> Any:
        if injected is not None and MARK in source:
            source = source.replace(MARK, INJECTED[injected], 1)
        return shared_library(source, optimise=optimise, extra=FLAGS)

    building.shared_library = library  # type: ignore[attr-defined]
    stub.shared_library = partial(shared_library, extra=FLAGS)  # type: ignore[attr-defined]
    executor.arena = apart  # type: ignore[attr-defined]
    building.NativeExecutor = checked(executor.NativeExecutor)  # type: ignore[attr-defined,misc]


def random_pieces(start: int, count: int) -> Iterator[tuple[str, Any, int]]:
    from tests.compiler.agreement import compare
    from tests.compiler.random_programs import draw
    from tests.compiler.test_random_programs import pieces, programs

    for special, number in ((False, count), (True, count // 5)):
        for k, some in enumerate(pieces(programs(start, number, special), 10)):
            yield "\n\n".join(p.script() for p in some), partial(compare, some, optimise_steps=k % 3 > 0), len(some)
    for seed in range(start, start + max(1, count // 25)):
        p = draw(seed, large=True)
        yield p.script(), partial(compare, [p]), 1


def scenarios() -> Iterator[tuple[str, Any, int]]:
    """Value, gradient and product with the Hessian of each case of the benchmarks."""
    import numpy as np

    import hoad
    from benchmarks.scenarios import SCENARIOS, available
    from hoad.compiler.build import build
    from hoad.compiler.passes import optimise
    from hoad.compiler.recording import record_twice
    from hoad.core.space import flatten
    from tests.compiler.agreement import run

    def check(function: Any, *arguments: Any) -> None:
        leaves, structure = flatten(arguments)
        steps = record_twice(lambda xs: function(*structure.unflatten(xs)), leaves, "scenario").steps
        executor = build(optimise(steps), "-O1")
        expected = run(steps, leaves)
        plain = [np.array(x, order="C") for x in leaves]
        for found in (executor(leaves)[0], executor.fast(*plain) if executor.fast is not None else expected):
            for x, y in zip(found if isinstance(found, list | tuple) else (found,), expected, strict=True):
                assert np.allclose(x, y, rtol=1e-9, atol=1e-12 * (1 + np.abs(y).max(initial=0)))

    for s in SCENARIOS.values():
        if not available(s):
            continue
        case = s.make(s.tested if s.tested <= 300 else 30, 0)
        f = case.function
        operators = {"value": (f, case.point)}
        if s.scalar:
            operators["gradient"] = (hoad.grad(f), case.point)
            operators["hvp"] = (lambda x, v, f=f: hoad.hvp(f, x, v), case.point, case.direction)
        for name, call in operators.items():
            yield f"benchmarks: {name} of {s.name}", partial(check, *call), 1


def run_here(start: int, count: int, injected: str | None) -> None:
    """Run programs in this process, into which the sanitizers were loaded."""
    os.environ.pop("LD_PRELOAD", None)  # not for compilers
    instrument(injected)
    from hoad.compiler.toolchain import set_num_threads

    set_num_threads(2)
    total = 0
    for work in (random_pieces(start, count), scenarios()) if injected is None else (random_pieces(start, 10),):
        for text, check, number in work:
            print(f"PIECE\n{text}\nEND", file=sys.stderr, flush=True)
            check()
            total += number
    print(f"RAN {total}", flush=True)


# -- the process that starts and reads them ---------------------------------------------------------------------------------------


def child(start: int, count: int, injected: str | None = None) -> tuple[int, str]:
    """Number of programs that were run without a report (-1 after a failure), and what was printed."""
    from hoad.compiler.toolchain import capabilities

    command = [*capabilities().command]
    preloaded = [
        subprocess.run([*command, f"-print-file-name={name}"], capture_output=True, text=True, check=False).stdout.strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    if not all(os.path.isabs(path) for path in preloaded):
        raise SystemExit(f"{command[0]} has no libasan.so and libubsan.so: install them, or choose a compiler that has them by CC=")
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "LD_PRELOAD": " ".join(os.path.realpath(p) for p in preloaded),
            "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=1:strict_string_checks=1:exitcode=77",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
            "HOAD_CACHE_DIR": folder,
            "OMP_NUM_THREADS": "2",
            "OPENBLAS_NUM_THREADS": "1",
        }
        arguments = ["--child", str(start), str(count), *([injected] if injected else [])]
        command = [sys.executable, "-m", "tests.compiler.sanitize", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    text = done.stderr
    ran = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("RAN ")]
    clean = done.returncode == 0 and ran and not any(r in text for r in REPORTS)
    return (int(ran[0]) if clean else -1), text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=200, help="random programs")
    parser.add_argument("--start", type=int, default=900_000, help="the first seed")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run_here(int(options.child[0]), int(options.child[1]), options.child[2] if len(options.child) > 2 else None)
        return 0
    for what in INJECTED:
        ran, text = child(options.start, 10, what)
        if ran >= 0 or not any(r in text for r in REPORTS):
            print(f"{what} was put into the code and not found:\n{text[-3000:]}")
            return 1
        print(f"found as it should be: {what}")
    ran, text = child(options.start, options.programs)
    if ran < 0:
        at = text.rfind("PIECE\n")
        print(f"FAILED\n{text[at:][:20_000]}")
        return 1
    print(f"{ran} programs ran under AddressSanitizer and UndefinedBehaviorSanitizer without a report")
    return 0


if __name__ == "__main__":
    sys.exit(main())
