"""Every example of mechanics: a page that shows program and figure, and a small figure that is checked in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs"
FOLDER = DOCS / "examples" / "mechanics"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if "def main(" in path.read_text(encoding="utf-8"))


def page(name):
    return (DOCS / "mechanics" / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_the_page_shows_program_and_figure(name):
    assert f"](../examples/mechanics/figures/{name}.png)" in page(name)
    assert f"{{download}}`{name}.py <../examples/mechanics/{name}.py>`" in page(name)


@pytest.mark.parametrize("name", NAMES)
def test_included_lines_exist(name):
    """A name or a line that is looked for in the program, and is in it."""
    text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    for found in re.findall(r":pyobject: (\S+)", page(name)):
        assert re.search(rf"^ *(def|class) {found.split('.')[-1]}\b", text, re.MULTILINE)
    for found in re.findall(r":(?:start-at|end-before): (.+)", page(name)):
        assert found in text


@pytest.mark.parametrize("name", NAMES)
def test_the_figure_is_checked_in_and_small(name):
    figure = (FOLDER / "figures" / f"{name}.png").read_bytes()
    assert figure.startswith(b"\x89PNG\r\n\x1a\n")
    assert 4_000 < len(figure) <= 100_000


@pytest.mark.parametrize("name", NAMES)
def test_the_quick_form_draws(name, run_example):
    figure = run_example(name).figure.read_bytes()
    assert figure.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(figure) > 3_000
