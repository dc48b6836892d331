"""Every example: a page entry, a small figure that is checked in, a quick form that draws, and nothing but its two options."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import hoad

DOCS = Path(__file__).parents[2] / "docs"
NAMES = sorted(path.stem for path in (DOCS / "examples").glob("*.py") if path.stem not in ("presentation", "hessian_of_real_data"))


@pytest.mark.parametrize("name", NAMES)
def test_the_page_shows_program_and_figure(name):
    page = (DOCS / "examples.md").read_text(encoding="utf-8")
    assert f"examples/{name}.py" in page
    assert f"examples/figures/{name}.png" in page


@pytest.mark.parametrize("name", NAMES)
def test_the_figure_is_checked_in_and_small(name):
    figure = (DOCS / "examples" / "figures" / f"{name}.png").read_bytes()
    assert figure.startswith(b"\x89PNG\r\n\x1a\n")
    assert 4_000 < len(figure) <= 100_000


@pytest.mark.parametrize("name", NAMES)
def test_the_quick_form_draws(name, run_example):
    figure = run_example(name).figure.read_bytes()
    assert figure.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(figure) > 3_000


def test_an_example_runs_as_a_script_from_anywhere(tmp_path, run_example):
    expected = run_example("evaluation_traces").text
    environment = {**os.environ, "PYTHONPATH": str(Path(hoad.__file__).parents[1]), "PYTHONIOENCODING": "utf-8"}
    environment.pop("MPLBACKEND", None)
    command = [sys.executable, "-W", "error", str(DOCS / "examples" / "evaluation_traces.py"), "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120, cwd=tmp_path, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:-1] == expected.splitlines()[:-1]
    assert [path.name for path in tmp_path.iterdir()] == ["evaluation_traces.png"]
