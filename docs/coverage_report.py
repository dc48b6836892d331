"""Counts the public functions of NumPy and SciPy that hoad differentiates, and names the others with a reason each.

Run by ``make coverage-report``. What is public is what a module lists in ``__all__``, apart from exceptions and constants. What
is covered is found from the registry and from ``hoad.numpy`` and ``hoad.scipy``; the reasons stand in ``coverage_reasons.toml``.
With ``--markdown`` the report is a page for the documentation. The exit code is 1 if a function has no reason, so that new
functions of NumPy and SciPy are noticed.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
import tomllib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

MODULES = (
    "numpy", "numpy.linalg", "numpy.fft", "numpy.polynomial.polynomial", "numpy.polynomial.chebyshev", "numpy.polynomial.legendre",
    "numpy.polynomial.hermite", "numpy.polynomial.hermite_e", "numpy.polynomial.laguerre", "scipy.special", "scipy.linalg",
    "scipy.fft", "scipy.signal", "scipy.stats", "scipy.ndimage", "scipy.interpolate", "scipy.integrate", "scipy.optimize",
    "scipy.sparse", "scipy.sparse.linalg",
)  # fmt: skip
REASONS = Path(__file__).with_name("coverage_reasons.toml")
UNKNOWN = "no reason given"


@dataclass
class Coverage:
    """The public functions of one module.

    Attributes
    ----------
    module : str
    covered : list of str
        Functions that accept traced values: with a derivative, or constant where that is the function's nature.
    without : dict of str to list of str
        Functions that have no derivative by nature, by reason.
    missing : dict of str to list of str
        Functions that have one which hoad does not know, by reason.
    stale : list of str
        Functions of the registry which the table of reasons names all the same.
    """

    module: str
    covered: list[str] = field(default_factory=list)
    without: dict[str, list[str]] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)

    @property
    def counts(self) -> tuple[int, int, int]:
        """Covered, missing, without derivative."""
        return len(self.covered), sum(map(len, self.missing.values())), sum(map(len, self.without.values()))

    @property
    def unexplained(self) -> list[str]:
        """Functions that are neither covered nor named in the table of reasons."""
        return self.missing.get(UNKNOWN, [])


def public_functions(module: Any) -> Iterator[tuple[str, Any]]:
    """Functions, classes and distributions that a module makes public, in alphabetical order."""
    for name in sorted(set(module.__all__)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            value = getattr(module, name, None)
        if not callable(value):
            continue
        if isinstance(value, type) and (issubclass(value, BaseException) or module.__name__ == "numpy"):
            continue  # NumPy's classes are its dtypes and containers
        yield name, value


def twin(module: str) -> Any:
    """The module of hoad that mirrors ``module``, or None."""
    try:
        return import_module("hoad." + module)
    except ModuleNotFoundError:
        return None


def offered(mirror: Any, name: str, native: Any) -> bool:
    """Whether the mirroring module has an object of its own, other than one that refuses traced values."""
    try:
        mine = getattr(mirror, name)
    except AttributeError:
        return False
    written_in = getattr(getattr(mine, "__code__", None), "co_qualname", "")
    return mine is not native and not written_in.startswith(("uncovered.", "_uncovered."))


def covered_names() -> tuple[set[str], set[int]]:
    """Names in the registry (methods count for their object), and identities of the functions that have a rule."""
    import hoad
    from hoad.core.box import functions, ufuncs

    registry = hoad.registry()
    names = {f.name for f in registry} | {f.name.rpartition(".")[0] for f in registry if f.name.count(".") > 2}
    called = {id(ufunc) for ufunc, method in ufuncs if method == "__call__"}
    return names, {id(f.native) for f in registry} | {id(f) for f in functions} | called


def report(name: str) -> Coverage:
    """Sort the public functions of the module ``name``."""
    reasons = tomllib.loads(REASONS.read_text(encoding="utf-8"))
    without = {n: why for why, names in reasons["without_derivative"].get(name, {}).items() for n in names}
    missing = {n: why for why, names in reasons["not_covered"].get(name, {}).items() for n in names}
    by_calls = set(reasons["covered"].get(name, ()))
    names, natives = covered_names()
    mirror, result = twin(name), Coverage(name)
    for function, native in public_functions(import_module(name)):
        known = f"{name}.{function}" in names or id(native) in natives or offered(mirror, function, native)
        if known or function in by_calls:
            result.covered.append(function)
            if function in without or function in missing or (known and function in by_calls):
                result.stale.append(function)
        elif function in without:
            result.without.setdefault(without[function], []).append(function)
        else:
            result.missing.setdefault(missing.get(function, UNKNOWN), []).append(function)
    return result


def as_text(reports: list[Coverage], verbose: bool) -> str:
    """The report for a terminal."""
    lines = [f"{'module':<30}{'covered':>9}{'missing':>9}{'of those with a derivative':>28}{'without':>9}"]
    for r in reports:
        have, lack, none = r.counts
        lines.append(f"{r.module:<30}{have:>9}{lack:>9}{have / max(have + lack, 1):>28.1%}{none:>9}")
    for r in reports:
        groups = [*r.missing.items()] + ([("without derivative: " + why, names) for why, names in r.without.items()] * verbose)
        if groups:
            lines.append(f"\n{r.module}")
        for why, names in groups:
            lines += textwrap.wrap(f"{why}: {', '.join(names)}", 110, initial_indent="  ", subsequent_indent="    ")
        if verbose:
            lines += textwrap.wrap("covered: " + ", ".join(r.covered), 110, initial_indent="  ", subsequent_indent="    ")
    return "\n".join(lines)


def as_markdown(reports: list[Coverage]) -> str:
    """The report as a page of the documentation."""
    import numpy
    import scipy

    lines = [
        "# Coverage of NumPy and SciPy",
        "",
        "<!-- written by: python docs/coverage_report.py --markdown -->",
        "",
        f"Public functions, classes and distributions of NumPy {numpy.__version__} and SciPy {scipy.__version__}: how many hoad",
        "knows, of those that have a derivative or are constant on traced values, and the rest with a reason each. The",
        "[table of functions](functions.md) names the covered ones with their kinds.",
        "",
        "| module | covered | not covered | without derivative by nature |",
        "|---|---:|---:|---:|",
    ]
    lines += [f"| `{r.module}` | {' | '.join(map(str, r.counts))} |" for r in reports]
    for title, part in (("Not covered", "missing"), ("Without derivative by nature", "without")):
        lines += ["", f"## {title}"]
        for r in reports:
            groups = getattr(r, part)
            if groups:
                lines += ["", f"**{r.module}**", ""]
            for why, names in groups.items():
                text = f"- {why}: " + ", ".join(f"`{n}`" for n in names)
                lines += textwrap.wrap(text, 120, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("modules", nargs="*", default=MODULES, help="names of modules; all by default")
    parser.add_argument("--markdown", action="store_true", help="print a page for the documentation")
    parser.add_argument("--verbose", action="store_true", help="also list what is covered and what has no derivative")
    options = parser.parse_args(arguments)
    reports = [report(name) for name in options.modules]
    print(as_markdown(reports) if options.markdown else as_text(reports, options.verbose))
    return int(any(r.unexplained for r in reports))


if __name__ == "__main__":
    sys.exit(main())
