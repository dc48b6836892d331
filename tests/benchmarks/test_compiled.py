"""Derivatives that are timed beside JAX are the derivatives of their oracles, and the script runs without JAX.

Nothing here looks at a clock.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:  # `benchmarks` is not installed: it belongs to the checkout
    sys.path.append(str(ROOT))

compiled = importlib.import_module("benchmarks.compiled")
fresh = importlib.import_module("benchmarks.fresh")
peers = importlib.import_module("benchmarks.peers")
scenarios = importlib.import_module("benchmarks.scenarios")
sides = importlib.import_module("benchmarks.sides")

CALLS = {key: row for key, row in compiled.ROWS.items() if isinstance(row, compiled.Calls)}


@pytest.mark.parametrize("key", CALLS)
def test_compiled_derivative_matches_its_oracle_on_each_call(key: str) -> None:
    contest, _ = CALLS[key].contest({}, True)
    expected = contest.expected()
    for _ in range(3):  # the first call compiles, the others do not
        assert sides.error_of(contest.runners["hoad"](), expected) <= 1e-12


@pytest.mark.parametrize("kind", ["gradient", "HVP", "Hessian"])
def test_both_forms_of_the_loop_are_the_same_function(kind: str) -> None:
    found = [sides.hoad_side(kind, scenarios.SCENARIOS[name].make(4, 1)).run() for name in ("spring_damper", "spring_damper_scan")]
    assert sides.error_of(*found) <= 1e-14
    assert np.any(found[0])


def test_oracle_of_the_controlled_loop_is_the_difference_quotient() -> None:
    case = scenarios.SCENARIOS["spring_damper"].make(3, 2)
    f, p, h = case.function, case.point, 1e-5
    units = h * np.eye(p.size)
    found = [(f(p + e) - f(p - e)) / (2 * h) for e in units]
    np.testing.assert_allclose(found, case.gradient(), atol=1e-9)
    assert np.count_nonzero(case.gradient()) > p.size // 2
    assert np.any(case.hvp())


def test_error_is_relative_to_the_largest_entry_of_each_array() -> None:
    big, small = np.array([1e6, 1.0]), np.array([10.0, 1e-3])
    assert sides.error_of([big, small], [big, small]) == 0
    assert sides.error_of([big, small + 1e-3], [big, small]) == pytest.approx(1e-4)
    assert sides.error_of(big, big[:1]) == np.inf
    assert sides.error_of([big], [big, small]) == np.inf
    assert np.isnan(sides.error_of(np.array([np.nan]), np.array([1.0])))
    assert sides.error_of(np.zeros(0), np.zeros(0)) == 0


@pytest.mark.parametrize("wrong", [np.array([1.0, 2.0 + 1e-11]), np.array([1.0, np.nan]), np.array([1.0])])
def test_disagreement_stops_before_timing(wrong: Any) -> None:
    right = np.array([1.0, 2.0])
    contest = peers.Contest("a sum", {"hoad": lambda: right, "peer": lambda: wrong}, {}, lambda: right, rtol=1e-12)
    with pytest.raises(SystemExit, match=r"a sum: peer differs by .* Nothing was timed"):
        compiled.check(contest)


def test_a_miss_says_what_a_call_moves() -> None:
    class Cost:
        bytes, operations = 4e9, 1e9

        def __str__(self) -> str:
            return "4 GB, 10^9 operations"

    class Compiled:
        cost = Cost()

    (note,) = compiled.explain("row: 2.00", Compiled(), 2.0)
    assert note == "row: 2.00. A call: 4 GB, 10^9 operations; 2 GB/s, 0.5 Gop/s."
    assert compiled.explain("row: 2.00", object(), 1.0) == ["row: 2.00."]


def test_mean_is_judged_only_when_it_is_complete() -> None:
    wanted = [row for row in CALLS.values() if row.kind == "HVP"]
    run = compiled.Run({}, products={f"{row.name} {row.size}": 0.3 for row in wanted})
    (line,) = compiled.geometric_mean(run)
    assert (line.ratio, line.verdict) == ("0.30", "pass")
    run.products.popitem()
    run.products["rosenbrock 10"] = 1e3
    (line,) = compiled.geometric_mean(run)
    assert line.verdict == ""
    assert not list(compiled.geometric_mean(compiled.Run({})))


@pytest.mark.parametrize("body", fresh.BODIES)
def test_long_loops_have_the_operations_that_they_claim(body: str) -> None:
    counting = importlib.import_module("benchmarks.counting")
    assert counting.numpy_calls(fresh.chain(body, 30), np.ones(3)) == 30


def test_measurements_in_their_own_process(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    for _ in range(2):  # the second from the cache of the first
        assert fresh.sample("first", "hoad", "HVP", "rosenbrock", 10, cache=str(cache))["seconds"] > 0
    assert fresh.sample("length", "different", 30).keys() == {"seconds"}
    needed = fresh.sample("stored", "rosenbrock", 1000)
    assert needed["bytes"] == needed["held"] + 3 * 8000
    assert needed["held"] > 8000


def test_failure_of_a_process_is_told() -> None:
    with pytest.raises(SystemExit, match="invalid choice"):
        fresh.sample("first", "hoad", "HVP", "no_such_case", 10)


def run_without_jax(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The script in a process in which no peer can be imported."""
    hidden = "import sys, runpy; sys.modules.update(dict.fromkeys(['jax', 'tensortrax'])); "
    program = (
        hidden + f"sys.argv = ['compiled', *{list(arguments)!r}]; runpy.run_module('benchmarks.compiled', run_name='__main__')"
    )
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def test_script_runs_without_peers_and_writes_its_table(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{compiled.BEGIN}\nold\n{compiled.END}\nafter\n")
    done = run_without_jax("--quick", "--only", "rosenbrock 10$|tensor|first rosenbrock", "--markdown", str(page))
    assert done.returncode == 0, done.stderr
    for name in ("jax", "tensortrax"):
        assert f"{name} is not installed" in done.stdout
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| HVP, rosenbrock, 10 | hoad" in text
    assert "from the cache" in text


def test_page_without_its_marks_is_refused_at_once(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing\n")
    done = run_without_jax("--quick", "--markdown", str(page))
    assert done.returncode == 2
    assert compiled.BEGIN in done.stderr
    assert page.read_text() == "nothing\n"
