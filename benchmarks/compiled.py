"""hoad.compile beside jax.jit: ``make peers``, or ``python -m benchmarks.compiled --quick``.

Both compile the same lines on the same float64 data, in one process with the same processors, repetitions interleaved. First
results, peak memory and times of compiling are measured in a process of their own for each sample. Every result is
compared before its time counts: to 1e-12 of the largest entry of each array.
"""

from __future__ import annotations

import argparse
import gc
import math
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.peers import (
    HEADER,
    Contest,
    Line,
    _import,
    _power,
    _printed,
    _quartiles,
    _time,
    limit_threads,
    machine,
    measure,
    write_markdown,
)

BEGIN, END = "<!-- compiled:begin -->", "<!-- compiled:end -->"
PAUSE = 5e-3  # seconds; threads that found no work sleep after less
RESOLUTION = 5e5  # bytes of resident memory by which two equal programs differ
MEAN_LIMIT = 0.4  # geometric mean of all Hessian-vector products


@dataclass
class Run:
    """The options of a run, and what its rows leave for later ones.

    ``products`` holds the ratios of the Hessian-vector products by row, ``notes`` what is said of rows above their limit.
    """

    peers: dict[str, Any]
    quick: bool = False
    long: bool = False
    rounds: int = 15
    least: float = 1e-2
    products: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    @property
    def processes(self) -> int:
        """Samples that cost a process each."""
        return 1 if self.quick else max(3, self.rounds // 3)


Row = Callable[[Run], Iterator[Line]]


# ---------------------------------------------------------------------------------------------------------------------
# Calls
# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Calls:
    """A derivative of a scenario by both libraries.

    ``limits`` holds what hoad's time over that of each opponent may be, ``quick`` the size of a quick run, ``title`` a text with
    braces where the size goes.
    """

    kind: str
    name: str
    size: int
    limits: dict[str, float | None]
    quick: int
    title: str = ""

    def contest(self, peers: dict[str, Any], quick: bool) -> tuple[Contest, Any]:
        """The runners, nothing traced or compiled yet, and the object that hoad.compile made."""
        from benchmarks.scenarios import SCENARIOS
        from benchmarks.sides import RTOL, expected_of, hoad_side, jax_side

        case = SCENARIOS[self.name].make(self.quick if quick else self.size, 0)
        hoad = hoad_side(self.kind, case)
        runners = {"hoad": hoad.run}
        if "jax" in peers:
            runners["jax jit"] = jax_side(self.kind, case).run
            if self.kind == "tensor Hessians":
                runners["jax jit, 9 products"] = jax_side(self.kind, case, by_products=True).run
        if "tensortrax" in peers and self.kind == "tensor Hessians":
            runners["tensortrax"] = tensortrax_hessians(peers["tensortrax"], case.point)
        work = (self.title or f"{self.kind}, {self.name}, {{}}").format(_power(self.quick if quick else self.size))
        ratios = {("hoad", opponent): limit for opponent, limit in self.limits.items()}
        return Contest(work, runners, ratios, expected_of(self.kind, case), rtol=RTOL), hoad.compiled

    def __call__(self, run: Run) -> Iterator[Line]:
        key = f"{self.kind} {self.name} {self.quick if run.quick else self.size}"
        if key in run.seen:  # two sizes of a full run may be one in a quick run
            return
        run.seen.add(key)
        contest, compiled = self.contest(run.peers, run.quick)
        check(contest)
        gc.collect()
        samples = interleaved(contest.runners, run.rounds, run.least)
        middle = {name: _quartiles(found)[1] for name, found in samples.items()}
        for (ours, theirs), limit in contest.limits.items():
            if theirs not in samples:
                yield Line(contest.work, f"{ours} {_time(samples[ours])}", "", "", f"{limit:.2f}" if limit else "")
                continue
            line = Line(
                contest.work, f"{ours} {_time(samples[ours])}", f"{theirs} {_time(samples[theirs])}",
                *verdict(middle[ours] / middle[theirs], limit),
            )  # fmt: skip
            if self.kind == "HVP":
                run.products[f"{self.name} {self.size}"] = middle[ours] / middle[theirs]
            if line.verdict == "FAIL":
                found = f"{contest.work}: {line.ratio} of {theirs}, at most {line.limit} wanted"
                run.notes += explain(found, compiled, middle[ours])
            yield line


def interleaved(runners: dict[str, Callable[[], Any]], rounds: int, least: float) -> dict[str, list[float]]:
    """Seconds per call, ``rounds`` samples of each runner in turn; a sample lasts at least ``least`` seconds.

    Before each sample there is a pause and a call that does not count: threads of one library that wait actively for more work
    must not take a processor from the other, and threads that sleep are awake again.
    """
    numbers = {name: max(1, int(least / max(found[0], 1e-7))) for name, found in measure(runners, 1, 0.0).items()}
    samples: dict[str, list[float]] = {name: [] for name in runners}
    for _ in range(rounds):
        for name, run in runners.items():
            repeat = range(numbers[name])
            time.sleep(PAUSE)
            run()
            start = time.perf_counter()
            for _ in repeat:
                run()
            samples[name].append((time.perf_counter() - start) / numbers[name])
    return samples


def tensortrax_hessians(p: Any, F: Any) -> Callable[[], Any]:
    from benchmarks.scenarios import neo_hooke_density

    hessians = p.package.hessian(neo_hooke_density(p.math), ntrax=1)
    return lambda: hessians(F)


def check(contest: Contest) -> None:
    """Every array of every result against the oracle; also warms everything up."""
    from benchmarks.sides import error_of

    assert contest.expected is not None
    expected = contest.expected()
    for name, run in contest.runners.items():
        error = error_of(run(), expected)
        if not error <= contest.rtol:
            found = f"{name} differs by {error:.1e} of the largest entry, expected at most {contest.rtol:.0e}"
            raise SystemExit(f"{contest.work}: {found}. Nothing was timed.")


def verdict(ratio: float, limit: float | None) -> tuple[str, str, str]:
    """Ratio, limit and verdict as they are printed."""
    digits = f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.3f}"
    return (digits, "", "") if limit is None else (digits, f"{limit:.2f}", "pass" if ratio <= limit else "FAIL")


def explain(what: str, compiled: Any, seconds: float) -> list[str]:
    """What a compiled function moves and computes in a call, for a row above its limit."""
    cost = getattr(compiled, "cost", None)
    cost = cost() if callable(cost) else cost
    if cost is None:
        return [f"{what}."]
    rates = [
        f"{getattr(cost, name) / seconds / 1e9:.3g} G{unit}/s"
        for name, unit in (("bytes", "B"), ("operations", "op"))
        if isinstance(getattr(cost, name, None), int | float)
    ]
    return [f"{what}. A call: {cost}" + (f"; {', '.join(rates)}." if rates else ".")]


def geometric_mean(run: Run) -> Iterator[Line]:
    """Of all rows of Hessian-vector products that were run before this one."""
    if not run.products:
        return
    wanted = sum(isinstance(row, Calls) and row.kind == "HVP" for row in ROWS.values())
    mean = math.exp(sum(map(math.log, run.products.values())) / len(run.products))
    complete = len(run.products) == wanted
    yield Line(
        f"geometric mean of {len(run.products)} HVP rows" + ("" if complete else f" of {wanted}"), "hoad", "jax jit",
        *verdict(mean, MEAN_LIMIT if complete else None),
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------------
# First results
# ---------------------------------------------------------------------------------------------------------------------


def absolute(work: str, samples: list[float], limit: float, theirs: str = "") -> Line:
    """A row with a limit in seconds."""
    shown = f"{limit:g} s" if limit >= 1 else f"{1e3 * limit:g} ms"
    ratio = f"{_quartiles(samples)[1] / limit:.2f} of the limit"
    return Line(work, f"hoad {_time(samples)}", theirs, ratio, shown, "pass" if _quartiles(samples)[1] <= limit else "FAIL")


def first_result(name: str, size: int) -> Row:
    """The first Hessian-vector product of a process: nothing cached, beside JAX without its cache; and from hoad's cache."""

    def row(run: Run) -> Iterator[Line]:
        from benchmarks.fresh import sample

        n = min(size, 100) if run.quick else size
        cold: dict[str, list[float]] = {"hoad": [], **({"jax": []} if "jax" in run.peers else {})}
        cached = []
        for _ in range(run.processes):
            with tempfile.TemporaryDirectory(prefix="hoad-cache-", ignore_cleanup_errors=True) as cache:
                for library, found in cold.items():
                    found.append(sample("first", library, "HVP", name, n, cache=cache)["seconds"])
                cached.append(sample("first", "hoad", "HVP", name, n, cache=cache)["seconds"])
        work = f"first HVP, {name}, {_power(n)}"
        if "jax" in cold:
            ratio = _quartiles(cold["hoad"])[1] / _quartiles(cold["jax"])[1]
            yield Line(work, f"hoad {_time(cold['hoad'])}", f"jax jit {_time(cold['jax'])}", *verdict(ratio, 1.0))
        else:
            yield Line(work, f"hoad {_time(cold['hoad'])}", "", "", "1.00")
        yield absolute(f"{work}, from the cache", cached, 0.02)

    return row


def first_of_loop(kind: str, limit: float, theirs: str) -> Row:
    """The first derivative through a Python loop of a hundred steps; JAX needs minutes and runs only when asked to."""

    def row(run: Run) -> Iterator[Line]:
        from benchmarks.fresh import sample

        n = 5 if run.quick else 100
        ours = [sample("first", "hoad", kind, "spring_damper", n)["seconds"] for _ in range(run.processes)]
        shown = f"jax jit {theirs}, not run" if n == 100 else ""
        if run.long and "jax" in run.peers:
            shown = f"jax jit {_time([sample('first', 'jax', kind, 'spring_damper', n)['seconds']])}"
        yield absolute(f"first {kind}, spring-damper, Python loop of {n} steps", ours, limit, shown)

    return row


# ---------------------------------------------------------------------------------------------------------------------
# Memory and growth
# ---------------------------------------------------------------------------------------------------------------------


def peak_memory(name: str, size: int) -> Row:
    """Of one Hessian-vector product, beside what reverse mode must keep, and beside JAX."""

    def row(run: Run) -> Iterator[Line]:
        from benchmarks.fresh import sample

        n = min(size, 100_000) if run.quick else size
        work = f"peak memory of HVP, {name}, {_power(n)}"
        if not os.access("/proc/self/clear_refs", os.W_OK):
            yield Line(work, "", "", "", "", "needs Linux's /proc")
            return
        ours, needed = sample("memory", "hoad", name, n)["bytes"], sample("stored", name, n)["bytes"]
        shown = f"hoad {ours / 1e6:.1f} MB"
        yield Line(work, shown, f"arguments, result, stored values {needed / 1e6:.1f} MB", *verdict(ours / needed, 1.2))
        if "jax" in run.peers:
            theirs = sample("memory", "jax", name, n)["bytes"]
            ratio, limit, found = verdict(ours / theirs, 1.0)
            found = "pass" if ours <= theirs + RESOLUTION else found
            yield Line(work, shown, f"jax jit {theirs / 1e6:.1f} MB", ratio, limit, found)

    return row


def growth(name: str) -> Row:
    """The slope of log time over log n, from 10^5 to 10^7 elements."""

    def row(run: Run) -> Iterator[Line]:
        import numpy as np

        sizes = (1_000, 10_000) if run.quick else (100_000, 1_000_000, 10_000_000)
        slopes = {}
        for library in ("hoad", "jax jit"):
            if library != "hoad" and "jax" not in run.peers:
                continue
            times = []
            for n in sizes:
                contest, _ = Calls("HVP", name, n, {}, n).contest(run.peers, False)
                runners = {library: contest.runners[library]}
                check(Contest(contest.work, runners, {}, contest.expected, rtol=contest.rtol))
                times.append(_quartiles(interleaved(runners, max(3, run.rounds // 3), run.least)[library])[1])
            slopes[library] = float(np.polyfit(np.log(sizes), np.log(times), 1)[0])
        work = f"slope of log time over log n, HVP, {name}, {_power(sizes[0])} to {_power(sizes[-1])}"
        theirs = f"jax jit {slopes['jax jit']:.2f}" if "jax jit" in slopes else ""
        within = "pass" if abs(slopes["hoad"] - 1) <= 0.1 else "FAIL"
        yield Line(work, f"hoad {slopes['hoad']:.2f}", theirs, f"{slopes['hoad']:.2f}", "1 ± 0.1", within)

    return row


def compile_time(body: str) -> Row:
    """Seconds of compiling per operation, for unrolled loops of 10^2 to 10^5 operations."""

    def row(run: Run) -> Iterator[Line]:
        from benchmarks.fresh import sample

        steps = (100, 300) if run.quick else (100, 1_000, 10_000, 100_000)
        each = []
        for n in steps:
            samples = [sample("length", body, n)["seconds"] / n for _ in range(run.processes if n < 10_000 else 1)]
            each.append(_quartiles(samples)[1])
            last = n == steps[-1]
            # Linear with a logarithm has 1.25 at the last tenfold; the rest is left for caches and for the allocator.
            grown = verdict(each[-1] / each[-2], 1.5) if last else ("", "", "")
            theirs = f"{_power(steps[-2])} operations {_time([each[-2]])}" if last else ""
            yield Line(f"compiling, per operation, {body} bodies", f"{_power(n)} operations {_time(samples)}", theirs, *grown)

    return row


# ---------------------------------------------------------------------------------------------------------------------
# Rows
# ---------------------------------------------------------------------------------------------------------------------


def _hvps(name: str, quick: int, limits: dict[int, float], title: str = "") -> dict[str, Row]:
    return {f"hvp {name} {n}": Calls("HVP", name, n, {"jax jit": limit}, min(n, quick), title) for n, limit in limits.items()}


SPRING = "spring_damper_scan"
ROWS: dict[str, Row] = {
    **_hvps("rosenbrock", 2_000, {10: 0.6, 1_000: 0.3, 100_000: 0.8, 1_000_000: 0.95}),
    **_hvps("transcendental", 2_000, {10: 0.6, 1_000: 0.3, 100_000: 0.4, 1_000_000: 0.4}),
    **_hvps("neo_hooke", 500, {1: 0.6, 1_000: 0.3, 100_000: 0.1}),
    "tensor hessians": Calls(
        "tensor Hessians", "neo_hooke", 100_000, {"jax jit": 0.5, "jax jit, 9 products": 0.5, "tensortrax": None}, 200,
        "9 x 9 Hessians, neo_hooke, {}",
    ),
    **_hvps("logistic_200", 500, {10_000: 0.75, 100_000: 0.5}, "HVP, logistic, {} x 200"),
    **_hvps("classifier", 16, {256: 0.95}, "HVP, tanh network 64-128-128-10, batch {}"),
    **{
        f"{kind} {SPRING}": Calls(kind, SPRING, 100, {"jax jit": 0.25}, 10, f"{kind}, spring-damper, rolled loop of {{}} steps")
        for kind in ("gradient", "HVP", "Hessian")
    },
    "taylor": Calls("Taylor", "tanh_network", 100, {"jax jit": 0.8}, 5, "Taylor order 8, tanh network 10-50-50-1, batch {}"),
    "mean": geometric_mean,
    **{f"first {name}": first_result(name, 1_000) for name in ("rosenbrock", "transcendental", "neo_hooke")},
    "first gradient spring_damper": first_of_loop("gradient", 3.0, "41 s"),
    "first HVP spring_damper": first_of_loop("HVP", 6.0, "403 s"),
    **{f"memory {name}": peak_memory(name, 1_000_000) for name in ("rosenbrock", "transcendental")},
    "memory neo_hooke": peak_memory("neo_hooke", 100_000),
    **{f"growth {name}": growth(name) for name in ("rosenbrock", "transcendental")},
    **{f"compiling {body}": compile_time(body) for body in ("repeated", "different")},
}  # fmt: skip


def load_peers() -> tuple[dict[str, Any], list[str]]:
    """JAX and tensortrax where they are installed, and a line for each that is missing."""
    peers: dict[str, Any] = {}
    if found := _import("jax", "jax.experimental.jet"):
        found[0].config.update("jax_enable_x64", True)
        peers["jax"] = SimpleNamespace(package=found[0])
    if found := _import("tensortrax", "tensortrax.math"):
        peers["tensortrax"] = SimpleNamespace(package=found[0], math=found[1])
    return peers, [f"{name} is not installed: its columns are left out." for name in ("jax", "tensortrax") if name not in peers]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compiled", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, few samples: compares all results, measures nothing")
    parser.add_argument("--long", action="store_true", help="also rows of JAX that take minutes")
    parser.add_argument("--only", metavar="REGEX", default="", help=f"only rows whose key matches; keys: {', '.join(ROWS)}")
    parser.add_argument("--markdown", metavar="FILE", type=Path, help=f"also write the table into this page, after {BEGIN}")
    parser.add_argument("--rounds", type=int, help="interleaved samples of each runner (default 15)")
    parser.add_argument("--threads", type=int, default=2, help="for both libraries (default %(default)s)")
    options = parser.parse_args(argv)
    if options.markdown and options.markdown.exists() and BEGIN not in options.markdown.read_text(encoding="utf-8"):
        parser.error(f"{options.markdown} holds no line {BEGIN}")
    os.environ["HOAD_NUM_THREADS"] = str(options.threads)
    limit_threads(options.threads)
    peers, missing = load_peers()
    run = Run(peers, options.quick, options.long, options.rounds or (3 if options.quick else 15), 1e-4 if options.quick else 1e-2)
    page = [*missing, *([""] if missing else []), machine(peers, options.threads), ""]
    if options.quick:
        page += ["Quick run: small sizes, few repetitions; the ratios mean nothing.", ""]
    page += HEADER
    print("\n".join(page), flush=True)
    start, missed, different = time.perf_counter(), 0, 0
    for key, row in ROWS.items():
        if not re.search(options.only, key):
            continue
        try:
            for line in row(run):
                line = replace(line, verdict="") if run.quick else line
                page.append(_printed(line))
                missed += line.verdict == "FAIL"
                print(page[-1], flush=True)
        except (SystemExit, Exception) as problem:  # the other rows are worth their time
            different += 1
            what = str(problem) if isinstance(problem, SystemExit) else f"{type(problem).__name__}: {problem}"
            page.append(_printed(Line(key, "", "", "", "", f"FAIL: {what.splitlines()[-1]}")))
            print(f"{page[-1]}\n{what}", flush=True)
    if run.notes and not options.quick:
        page += ["", *[f"- {note}" for note in run.notes]]
        print("\n".join(page[-len(run.notes) :]), flush=True)
    if options.markdown:
        write_markdown(options.markdown, "\n".join(page), BEGIN, END)
    counted = "quick run: no verdict" if options.quick else f"{missed} above the limit" if missed else "all within their limits"
    broken = f"; {different} rows without agreement or result" if different else ""
    print(f"\n{counted}{broken}, {time.perf_counter() - start:.0f} s", flush=True)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
