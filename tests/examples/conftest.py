"""Examples run in this process, in their quick form, once per session."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from decimal import Decimal
from functools import cache
from importlib import import_module
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
sys.path.insert(0, str(EXAMPLES))


@pytest.fixture(scope="session")
def run_example(tmp_path_factory):
    """From the name of an example: its module, what its quick form printed, and its figure."""
    for package in ("matplotlib", "sklearn"):
        pytest.importorskip(package, reason="the examples need the extra `examples`")

    @cache
    def run(name):
        module = import_module(name)
        figure = tmp_path_factory.mktemp(name) / f"{name}.png"
        with redirect_stdout(StringIO()) as text:
            module.main(["--quick", "--out", str(figure)])
        assert text.getvalue().endswith(f"figure saved: {figure}\n")
        return SimpleNamespace(module=module, text=text.getvalue(), figure=figure)

    return run


@pytest.fixture(scope="session")
def printed():
    """From a number as a page prints it: what agrees with it to all digits given."""
    return lambda text: pytest.approx(float(text), rel=0, abs=1.1 * 10.0 ** Decimal(text).as_tuple().exponent)


@pytest.fixture(scope="session")
def table():
    """From a text and how a line in it begins: the numbers in the lines after it, up to an empty one."""

    def rows(text, title, *, skip=1):
        lines = text.splitlines()
        start = next(k for k, line in enumerate(lines) if line.startswith(title)) + skip
        end = next(k for k in range(start, len(lines)) if not lines[k].strip())
        return [[float(word) for word in line.split()] for line in lines[start:end]]

    return rows
