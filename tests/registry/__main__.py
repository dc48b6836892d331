"""Measure the error of every function's derivative against references from outside hoad.

``python -m tests.registry`` prints, for each function, the worst error over its cases, in machine epsilons of the largest entry of
the derivative, and the interval that its arguments were drawn from; ``--json docs/measured_errors.json`` also writes what the
documentation's table of functions shows.  The reference is the complex step, exact to rounding, where the function takes complex
arguments, and extrapolated differences elsewhere: in extended precision where NumPy has it for the function, else in double, which
then limits what can be seen.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

import hoad

from .harness import SMOOTH, directional, leaves, scale_of, silent

EPS = float(np.finfo(float).eps)


def error_of(case, samples: int) -> tuple[float, str]:
    """The worst error of a case, and the kind of reference."""
    worst, kind = 0.0, ""
    for k in range(samples):
        xs = case.sample(salt="" if not k else str(k))
        vs = case.directions(xs)
        with silent():
            expected, factor = directional(case, xs, vs)
            _, t = hoad.jvp(lambda *x: tuple(leaves(case(*x))), tuple(xs), tuple(vs))
        kind = "complex step" if case.holomorphic else "differences in double" if factor > 1 else "differences"
        for a, b in zip(leaves(t), expected):
            difference = np.abs(np.asarray(a) - np.asarray(b).astype(np.asarray(a).dtype))
            if difference.size and np.isfinite(difference).any():
                worst = max(worst, float(np.nanmax(difference)) / (EPS * scale_of(b)))
    return worst, kind


def interval(case) -> tuple[float, float] | None:
    """Smallest and largest entry of the arguments."""
    entries = np.concatenate([np.real(x).ravel() for x in case.sample()] or [np.zeros(0)])
    entries = entries[np.isfinite(entries)]
    return (float(entries.min()), float(entries.max())) if entries.size else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="only functions whose name contains one of these")
    parser.add_argument("--samples", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: dict[str, dict[str, object]] = {}
    for case in SMOOTH:
        if options.names and not any(n in case.name for n in options.names):
            continue
        worst, kind = error_of(case, options.samples)
        row = rows.setdefault(case.name, {"error": 0.0, "reference": kind, "low": np.inf, "high": -np.inf, "cases": 0})
        if worst >= row["error"]:
            row |= {"error": float(f"{worst:.2g}"), "reference": kind}
        if span := interval(case):
            row |= {"low": float(f"{min(row['low'], span[0]):.2g}"), "high": float(f"{max(row['high'], span[1]):.2g}")}
        row["cases"] = int(row["cases"]) + 1
    for name, row in sorted(rows.items()):
        print(f"{name:38s} {row['error']:9.2g}  {row['reference']:22s} [{row['low']:g}, {row['high']:g}]  {row['cases']} cases")
    if options.json:
        text = json.dumps({"samples": options.samples, "functions": dict(sorted(rows.items()))}, indent=1)
        options.json.write_text(text.replace("Infinity", "null") + "\n")


if __name__ == "__main__":
    main()
