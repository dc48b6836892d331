"""Every row of the page of hard cases names a test that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWS = re.findall(r"^\| (\d+) \|.*\| `([^`]+)` \|$", (ROOT / "docs/hard_cases.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_there_are_sixty_two():
    assert [int(number) for number, _ in ROWS] == list(range(1, 63))


@pytest.mark.parametrize(("number", "test"), ROWS)
def test_the_test_of_a_case_exists(number, test):
    path, _, name = test.partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert not name or name in functions
    assert any(f.startswith("test_") for f in functions)
