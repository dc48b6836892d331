"""The reproduced papers: a reduced run of each, the checked-in numbers against the published ones, and the command.

Clocks are judged in full runs only, so the tests look at them in the checked-in numbers and nowhere else.
"""

from __future__ import annotations

import ast
import importlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import hoad

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:  # `papers` is not installed: it belongs to the checkout
    sys.path.append(str(ROOT))

reproduction = importlib.import_module("papers.reproduction")
command = importlib.import_module("papers.__main__")

PAPERS = reproduction.available()
EXPECTED = {"baydin2018_survey", "bettencourt2019_taylor", "dagreou2024_hvp", "fike2011_hyperdual"}


def failures(checks):
    return [f"{c.name}: {c.ours:.6g}, accepted {c.criterion}" for c in checks if not (c.passed or c.deviation)]


def test_the_papers_are_found_by_their_folders():
    assert set(PAPERS) >= EXPECTED


@pytest.mark.parametrize("name", PAPERS)
def test_a_reduced_run_reproduces_the_published_numbers(name):
    result = reproduction.load(name).run(reduced=True)
    checks = [*result.checks, *reproduction.agreement(result.numbers, reproduction.read_published(name), reduced=True)]
    assert failures(c for c in checks if not c.timing) == []


@pytest.mark.parametrize("name", PAPERS)
def test_the_checked_in_numbers_pass_every_check(name):
    numbers = reproduction.read_numbers(reproduction.FOLDER / name / "numbers.csv")
    published = reproduction.read_published(name)
    checks = [*reproduction.load(name).accept(numbers), *reproduction.agreement(numbers, published, reduced=False)]
    assert checks
    assert failures(checks) == []
    assert {p.origin for p in published} <= {"printed", "recomputed", "recalled"}


@pytest.mark.parametrize("name", PAPERS)
def test_the_figure_is_drawn_from_the_checked_in_numbers(name, tmp_path):
    pytest.importorskip("matplotlib").use("Agg")
    numbers = reproduction.read_numbers(reproduction.FOLDER / name / "numbers.csv")
    reproduction.load(name).plot(reproduction.Result(numbers), tmp_path / "figure.png")
    for path in (tmp_path / "figure.png", reproduction.FOLDER / name / "figure.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size > 20_000


@pytest.mark.parametrize("name", PAPERS)
def test_a_paper_uses_public_names_of_hoad_only(name):
    tree = ast.parse((reproduction.FOLDER / name / "reproduce.py").read_text(encoding="utf-8"))
    modules = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert not any(m.startswith("hoad") for m in modules)
    used = {
        n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == "hoad"
    }
    assert used
    assert used <= set(hoad.__all__)


def test_numbers_survive_being_written_and_read(tmp_path):
    numbers = {"error, f'": {1e-8: 2.5e-8, 3.0: 0.1}, "slope": {"forward": 1.0, "": 2.0}}
    reproduction.write_numbers(numbers, tmp_path / "numbers.csv")
    assert reproduction.read_numbers(tmp_path / "numbers.csv") == numbers
    assert [p.name for p in tmp_path.iterdir()] == ["numbers.csv"]


def test_a_missing_or_wrong_number_is_a_failure_and_a_number_without_tolerance_is_not_judged():
    row = reproduction.Published("slope", "forward", 1.0, 0.1, "printed", "figure 1")
    assert [c.passed for c in reproduction.agreement({"slope": {"forward": 1.05}}, [row], reduced=False)] == [True]
    assert [c.passed for c in reproduction.agreement({"slope": {"forward": 1.2}}, [row], reduced=False)] == [False]
    assert [c.passed for c in reproduction.agreement({}, [row], reduced=False)] == [False]
    assert reproduction.agreement({}, [row], reduced=True) == []
    assert reproduction.agreement({"slope": {"forward": 9.0}}, [replace(row, tolerance=None)], reduced=False) == []


def test_the_command_writes_figure_and_numbers(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    assert command.main(["fike2011_hyperdual", "--reduced", "--out", str(tmp_path)]) == 0
    assert sorted(p.name for p in (tmp_path / "fike2011_hyperdual").iterdir()) == ["figure.png", "numbers.csv"]
    out, err = capsys.readouterr()
    assert "ours" in out
    assert "theirs" in out
    assert "all checks passed: fike2011_hyperdual" in out
    assert err == ""


def test_the_command_lists_the_papers(capsys):
    assert command.main(["--list"]) == 0
    assert all(name in capsys.readouterr().out for name in ["fike2011_hyperdual"])


def test_the_command_reports_a_failed_check_in_its_exit_code(monkeypatch, capsys):
    module = reproduction.load("fike2011_hyperdual")
    broken = reproduction.Result({}, [reproduction.at_most("error", 1.0, 1e-14)], reduced=True)
    monkeypatch.setattr(module, "run", lambda reduced: broken)
    assert command.main(["fike2011_hyperdual", "--reduced"]) == 1
    assert "FAIL     error: 1, accepted <= 1e-14" in capsys.readouterr().out


def test_a_missing_package_is_one_line_and_does_not_stop_the_other_papers(monkeypatch, capsys):
    def without(reduced):
        raise reproduction.MissingPackageError("this paper needs sympy: python -m pip install sympy")

    monkeypatch.setattr(reproduction.load("baydin2018_survey"), "run", without)
    assert command.main(["baydin2018_survey", "fike2011_hyperdual", "--reduced"]) == 2
    out, err = capsys.readouterr()
    assert err == "baydin2018_survey: this paper needs sympy: python -m pip install sympy\n"
    assert "not run: baydin2018_survey" in out
    assert "largest error of f'', jet, all h" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody2000_nothing"], "no paper named 'nobody2000_nothing'; there are: "),
        (["--reduced", "--out", str(ROOT / "papers")], "a reduced run does not replace the checked-in numbers"),
    ],
)
def test_a_request_that_cannot_be_carried_out_is_one_line_and_exit_code_2(arguments, message, capsys):
    assert command.main(arguments) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
