"""Run the reproductions: ``python -m papers`` lists and runs all, ``python -m papers NAME [--reduced] [--out DIR]`` one."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from papers.reproduction import (
    FOLDER,
    MissingPackageError,
    Result,
    agreement,
    available,
    load,
    read_published,
    write_numbers,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 if every check passed, 1 if one failed, 2 if a request could not be carried out."""
    parser = argparse.ArgumentParser(prog="python -m papers", description="Reproduce figures and tables of papers with hoad.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="papers to run; all if none is named")
    parser.add_argument("--list", action="store_true", help="list the papers and stop")
    parser.add_argument("--reduced", action="store_true", help="a few seconds in all; clocks are shown and not judged")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write DIR/NAME/figure.png and DIR/NAME/numbers.csv")
    options = parser.parse_args(arguments)

    unknown = [name for name in options.names if name not in available()]
    if unknown:
        print(f"no paper named {unknown[0]!r}; there are: {', '.join(available())}", file=sys.stderr)
        return 2
    if options.reduced and options.out is not None and options.out.resolve() == FOLDER.resolve():
        print("a reduced run does not replace the checked-in numbers: choose another --out", file=sys.stderr)
        return 2
    os.environ.setdefault("MPLBACKEND", "Agg")
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):  # before NumPy is imported; times repeat better on one thread
        os.environ.setdefault(variable, "1")
    names = options.names or available()
    if options.list or not options.names:
        for name in available():
            print(f"{name:24} {load(name).TITLE}")
    if options.list:
        return 0
    outcome = {name: attempt(name, options.reduced, options.out) for name in names}
    print()
    for code, word in ((1, "failed"), (2, "not run")):
        found = [name for name in names if outcome[name] == code]
        if found:
            print(f"{word}: {', '.join(found)}")
    if not any(outcome.values()):
        print(f"all checks passed: {', '.join(names)}")
    return max(outcome.values())


def attempt(name: str, reduced: bool, out: Path | None) -> int:
    """Exit code of one paper."""
    try:
        return 0 if report(name, reduced, out).passed else 1
    except MissingPackageError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2


def report(name: str, reduced: bool, out: Path | None) -> Result:
    """Run one paper, print ours beside theirs and the verdicts, and write its figure and numbers if asked."""
    module = load(name)
    print(f"\n=== {module.TITLE}\n", flush=True)
    start = perf_counter()
    result = module.run(reduced)
    seconds = perf_counter() - start
    published = read_published(name)
    result = replace(result, checks=[*result.checks, *agreement(result.numbers, published, reduced)])

    rows = [(p, result.numbers.get(p.quantity, {}).get(p.at)) for p in published]
    rows = [(p, ours) for p, ours in rows if ours is not None]
    print(f"  {'quantity':58} {'at':>14} {'ours':>15} {'theirs':>15}  origin")
    for p, ours in rows:
        at = p.at if isinstance(p.at, str) else f"{p.at:g}"
        print(f"  {p.quantity:58} {at:>14} {ours:15.8g} {p.value:15.8g}  {p.origin}: {p.source}")
    print()
    for c in result.checks:
        verdict = "unjudged" if reduced and c.timing else "pass" if c.passed else "deviates" if c.deviation else "FAIL"
        print(f"  {verdict:8} {c.name}{' (clock)' if c.timing else ''}: {c.ours:.6g}, accepted {c.criterion}")
        if verdict == "deviates":
            print(f"           {c.deviation}")
    print(f"\n  {seconds:.1f} s", flush=True)

    if out is not None:
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        write_numbers(result.numbers, folder / "numbers.csv")
        module.plot(result, folder / "figure.png")
        print(f"  wrote {folder / 'numbers.csv'} and {folder / 'figure.png'}")
    return result


if __name__ == "__main__":
    sys.exit(main())
