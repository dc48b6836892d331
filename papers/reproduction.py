"""What every reproduction consists of: numbers, published numbers, and acceptance checks that compare the two.

Numbers and published numbers are CSV files with the same first columns, so that a checked-in run can be judged again, and
its figure drawn again, without running anything.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

__all__ = [
    "FOLDER", "Check", "MissingPackageError", "Numbers", "Published", "Result",
    "agreement", "at_most", "available", "between", "load", "near", "needs", "progress", "put",
    "read_numbers", "read_published", "write_numbers",
]  # fmt: skip

FOLDER = Path(__file__).parent

Place = Any  # a number or a label
Numbers = dict[str, dict[Place, float]]
"""Quantity -> where it was measured (a step, an order, a label; "" if there is only one) -> value."""

T = TypeVar("T")


@dataclass(frozen=True)
class Published:
    """One number that others printed or computed.

    Attributes
    ----------
    quantity : str
        The same words as in the numbers of the reproduction.
    at : float or str
        The same place.
    value : float
    tolerance : float or None
        Relative difference that counts as agreement; None where the number is shown for comparison only (times, rounding
        errors, counts of another program).
    origin : {"printed", "recomputed", "recalled"}
        Printed in the paper; recomputed independently of hoad; or quoted from memory and not checked against the paper.
    source : str
        Table, figure or program.
    """

    quantity: str
    at: Place
    value: float
    tolerance: float | None
    origin: str
    source: str


@dataclass(frozen=True)
class Check:
    """One acceptance criterion and how it came out.

    Attributes
    ----------
    name : str
    ours : float
    criterion : str
        What is accepted, in words or as an interval.
    passed : bool
    timing : bool
        Depends on the clock, so that it is judged in full runs only and not in the tests.
    deviation : str
        Why this criterion of the paper need not hold here; it is printed with the measured value, and does not fail the run.
    """

    name: str
    ours: float
    criterion: str
    passed: bool
    timing: bool = False
    deviation: str = ""


def at_most(name: str, ours: float, bound: float, timing: bool = False) -> Check:
    """A number that must not exceed ``bound``."""
    return Check(name, ours, f"<= {bound:g}", bool(ours <= bound), timing)


def between(name: str, ours: float, low: float, high: float = float("inf"), timing: bool = False) -> Check:
    """A number that must lie in an interval."""
    criterion = f">= {low:g}" if high == float("inf") else f"in [{low:g}, {high:g}]"
    return Check(name, ours, criterion, bool(low <= ours <= high), timing)


def near(name: str, ours: float, expected: float, distance: float, timing: bool = False) -> Check:
    """A number that must be ``expected`` up to ``distance``."""
    return Check(name, ours, f"{expected:g} ± {distance:g}", bool(abs(ours - expected) <= distance), timing)


@dataclass(frozen=True)
class Result:
    """Numbers of one run and the checks made on them."""

    numbers: Numbers
    checks: list[Check] = field(default_factory=list)
    reduced: bool = False

    @property
    def passed(self) -> bool:
        """True if nothing failed but explained deviations; clocks do not count in a reduced run."""
        return all(c.passed or c.deviation or (self.reduced and c.timing) for c in self.checks)


def available() -> list[str]:
    """Names of the papers, which are the folders that have a ``reproduce.py``."""
    return sorted(path.parent.name for path in FOLDER.glob("*/reproduce.py"))


def load(name: str) -> ModuleType:
    """The module that reproduces paper ``name``."""
    return import_module(f"papers.{name}.reproduce")


def number_of(text: str) -> Place:
    """A number if the text is one, else the text."""
    try:
        return float(text)
    except ValueError:
        return text


def read_numbers(path: Path) -> Numbers:
    """Numbers of an earlier run."""
    numbers: Numbers = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            numbers.setdefault(row["quantity"], {})[number_of(row["at"])] = float(row["value"])
    return numbers


def put(numbers: Numbers, quantity: str, at: Place, value: Any) -> None:
    """Store one number."""
    numbers.setdefault(quantity, {})[at if isinstance(at, str) else float(at)] = float(value)


def write_numbers(numbers: Mapping[str, Mapping[Place, float]], path: Path) -> None:
    """Write ``numbers`` as CSV; an interrupted run leaves the old file."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["quantity", "at", "value"])
        for quantity, values in numbers.items():
            for at, value in values.items():
                writer.writerow([quantity, _plain(at), repr(float(value))])
    os.replace(partial, path)


def _plain(at: Place) -> str:
    return at if isinstance(at, str) else repr(int(at)) if at == int(at) else repr(float(at))


def read_published(name: str) -> list[Published]:
    """The published numbers of paper ``name``."""
    with (FOLDER / name / "published.csv").open(newline="", encoding="utf-8") as file:
        return [
            Published(
                row["quantity"],
                number_of(row["at"]),
                float(row["value"]),
                float(row["tolerance"]) if row["tolerance"] else None,
                row["origin"],
                row["source"],
            )
            for row in csv.DictReader(file)
        ]


def agreement(numbers: Numbers, published: Iterable[Published], reduced: bool) -> list[Check]:
    """One check for each quantity that has published values with a tolerance; a reduced run may lack some of them."""
    groups: dict[str, list[tuple[Published, float]]] = {}
    for row in published:
        ours = numbers.get(row.quantity, {}).get(row.at, float("nan"))
        if row.tolerance is not None and (ours == ours or not reduced):
            groups.setdefault(row.quantity, []).append((row, ours))
    checks = []
    for quantity, pairs in groups.items():
        differences = [abs(ours - row.value) / (abs(row.value) or 1) for row, ours in pairs]
        passed = all(d <= (row.tolerance or 0) for d, (row, _) in zip(differences, pairs))
        criterion = f"<= {max(row.tolerance or 0 for row, _ in pairs):.0e} relative"
        name = f"{quantity}: largest difference from {len(pairs)} published values"
        checks.append(Check(name, max(differences), criterion, passed))
    return checks


def progress(items: Iterable[T], title: str) -> Iterator[T]:
    """The same items, with a bar on a terminal if tqdm is installed, and nothing in a pipe."""
    if sys.stderr.isatty():
        try:
            from tqdm import tqdm
        except ImportError:
            pass
        else:
            return iter(tqdm(items, desc=title, leave=False))
    return iter(items)


class MissingPackageError(ImportError):
    """A paper needs a package that hoad itself does not."""


def needs(module: str) -> Any:
    """An optional module, or an error that says how to get it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingPackageError(f"this paper needs {module}: python -m pip install {module.partition('.')[0]}") from error
