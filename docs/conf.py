"""Sphinx configuration: needs no network, and generates the tables that the code itself knows.

``docs/generated/`` is rewritten at every build from ``hoad.__all__`` (the reference) and from the registry (the table
of functions), so neither can fall behind the code.
"""

from __future__ import annotations

import inspect
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import hoad

project = "hoad"
author = "the hoad developers"
copyright = "the hoad developers"
release = version = hoad.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx.ext.mathjax",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build", "generated/functions_table.md"]
myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_typehints = "none"  # the docstrings name types and shapes
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

doctest_global_setup = """
import numpy as np
import hoad
"""
trim_doctest_flags = True

html_theme = "pydata_sphinx_theme"
html_title = "hoad"
html_show_sourcelink = False
html_theme_options: dict[str, Any] = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": [],
    "footer_end": [],
}

GENERATED = Path(__file__).parent / "generated"


# ---------------------------------------------------------------------------------------------------------------------
# The table of functions


def registered_functions() -> Iterable[Any]:
    """Every registered primitive; each has ``name``, ``kind``, ``modes`` (tuple of str) and ``source``.

    The only place in the documentation that knows how the registry is reached.
    """
    return hoad.registry()


def markdown_table(header: list[str], rows: Iterable[list[str]]) -> str:
    """Rows of cells as a Markdown table; a pipe inside a cell is escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


def measured(name: str) -> dict[str, Any]:
    """What a measuring command has written next to this file."""
    path = Path(__file__).parent / name
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def errors_of(function: Any, differences: dict[str, Any], references: dict[str, list[dict[str, Any]]]) -> tuple[str, str]:
    """The domain on which a function's derivatives were compared, and their worst errors there."""
    if found := references.get(function.name):
        domains, errors = [], []
        for row in found:
            argument = f" in argument {row['argument']}" if len(found) > 1 or row["argument"] else ""
            domains.append(row["domain"])
            limit = f" ({row['reason']})" if row["reason"] else ""
            errors.append(", ".join(f"order {n}: {e:g} ulp" for n, e in row["errors"].items()) + argument + limit)
        return "; ".join(dict.fromkeys(domains)), "; ".join(errors)
    if found := differences.get(function.name):
        exact = found["reference"] != "differences in double"
        error = f"{max(found['error'], 0.5):.2g} eps" if exact else "agrees with differences"
        return ("" if found["low"] is None else f"[{found['low']:g}, {found['high']:g}]"), error
    return "", "0" if str(function.kind) == "constant" else ""


def function_table() -> str:
    """How many functions there are of each kind, then each function with its kind, modes, measured error and origin."""
    functions = sorted(registered_functions(), key=lambda function: function.name)
    counts = Counter(str(function.kind) for function in functions)
    summary = markdown_table(["kind", "functions"], [[kind, str(count)] for kind, count in sorted(counts.items())])
    differences = measured("measured_errors.json").get("functions", {})
    references: dict[str, list[dict[str, Any]]] = {}
    for row in measured("accuracy.json").get("rows", []):
        references.setdefault(row["name"], []).append(row)
    rows = []
    for f in functions:
        domain, error = errors_of(f, differences, references)
        rows.append([f"`{f.name}`", str(f.kind), ", ".join(f.modes), domain, error, f"{f.source or ''}"])
    header = ["function", "kind", "modes", "compared on", "worst error", "source"]
    return summary + "\n\n" + markdown_table(header, rows) + "\n"


# ---------------------------------------------------------------------------------------------------------------------
# The reference


def reference_pages() -> dict[str, str]:
    """One page per topic with every name of ``hoad.__all__`` that carries a docstring of its own."""
    topics: dict[str, list[str]] = {"functions": [], "classes": [], "errors": []}
    for name in sorted(hoad.__all__, key=str.lower):
        thing = getattr(hoad, name)
        if inspect.isclass(thing):
            topics["errors" if issubclass(thing, BaseException) else "classes"].append(name)
        elif callable(thing):
            topics["functions"].append(name)
    directives = {"functions": "autofunction", "classes": "autoclass", "errors": "autoexception"}
    pages = {}
    for topic, names in topics.items():
        title = f"Reference: {topic}"
        entries = []
        for name in names:
            members = "   :members:\n" if topic == "classes" else ""
            entries.append(f"{name}\n{'-' * len(name)}\n\n.. {directives[topic]}:: hoad.{name}\n{members}")
        pages[f"reference_{topic}.rst"] = f"{title}\n{'=' * len(title)}\n\n" + "\n".join(entries)
    return pages


def write_if_changed(path: Path, text: str) -> None:
    """Write a page only when it differs, so that Sphinx rebuilds no more than it must."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def generate(app: object) -> None:
    """Write ``docs/generated/`` before Sphinx reads its sources."""
    write_if_changed(GENERATED / "functions_table.md", function_table())
    for name, page in reference_pages().items():
        write_if_changed(GENERATED / name, page)


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("builder-inited", generate)
