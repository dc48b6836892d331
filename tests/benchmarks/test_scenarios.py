"""The scenarios that benchmarks measure give the numbers of their oracles, and the peers script runs without peers.

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

import hoad

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:  # `benchmarks` is not installed: it belongs to the checkout
    sys.path.append(str(ROOT))

counting = importlib.import_module("benchmarks.counting")
peers = importlib.import_module("benchmarks.peers")
scenarios = importlib.import_module("benchmarks.scenarios")

MODES = ("reverse-over-forward", "forward-over-reverse", "reverse-over-reverse")
TOLERANCE = 1e3 * np.finfo(float).eps  # times the largest entry; the cases are well conditioned


def assert_close(found: Any, expected: Any) -> None:
    if isinstance(expected, tuple):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            assert_close(a, b)
        return
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * np.abs(expected).max())


def case_for(name: str) -> Any:
    scenario = scenarios.SCENARIOS[name]
    if not scenarios.available(scenario):
        pytest.skip(f"no rule yet for {scenario.needs}")
    return scenario.make(scenario.tested, 3)


@pytest.mark.parametrize("name", scenarios.SCENARIOS)
def test_case_is_reproducible_from_its_seed(name: str) -> None:
    scenario = scenarios.SCENARIOS[name]
    a, b = scenario.make(scenario.tested, 5), scenario.make(scenario.tested, 5)
    assert_close(a.point, b.point)
    assert_close(a.direction, b.direction)


@pytest.mark.parametrize("name", [n for n, s in scenarios.SCENARIOS.items() if s.scalar])
def test_value_and_gradient_match_the_oracle(name: str) -> None:
    case = case_for(name)
    value, gradient = hoad.value_and_grad(case.function)(case.point)
    assert value == case.function(case.point)
    if case.value is not None:
        assert_close(value, case.value())
    assert_close(gradient, case.gradient())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", [n for n, s in scenarios.SCENARIOS.items() if s.scalar])
def test_hessian_vector_product_matches_the_oracle(name: str, mode: Any) -> None:
    case = case_for(name)
    assert_close(hoad.hvp(case.function, case.point, case.direction, mode=mode), case.hvp())


def test_network_series_matches_fifty_digits() -> None:
    """Coefficients along a line, against mpmath's Taylor coefficients of the same network written with its numbers."""
    mpmath = pytest.importorskip("mpmath")
    case = scenarios.SCENARIOS["tanh_network"].make(1, 0)
    found = hoad.taylor(case.function, case.point, case.direction, 6)
    with mpmath.workdps(50):
        layers = [np.vectorize(mpmath.mpf, otypes=[object])(p) for p in case.data]
        x, v = (np.vectorize(mpmath.mpf, otypes=[object])(p) for p in (case.point, case.direction))

        def on_line(t: Any) -> Any:
            a = x + t * v
            for W, b in zip(layers[:-2:2], layers[1:-2:2], strict=True):
                a = np.vectorize(mpmath.tanh, otypes=[object])(a @ W + b)
            return (a @ layers[-2] + layers[-1])[0, 0]

        expected = [float(c) for c in mpmath.taylor(on_line, 0, 6)]
    np.testing.assert_allclose([c[0, 0] for c in found], expected, rtol=1e-11, atol=1e-13)


def test_taylor_work_is_exactly_quadratic_in_the_order() -> None:
    """Third differences of the number of NumPy calls vanish."""
    case = scenarios.SCENARIOS["tanh_network"].make(2, 0)
    calls = [
        counting.numpy_calls(lambda x, v, k=k: hoad.taylor(case.function, x, v, k), case.point, case.direction)
        for k in range(1, 11)
    ]
    assert len(set(np.diff(calls, 2))) == 1
    assert np.diff(calls, 2)[0] > 0


def test_counting_sees_each_call_once() -> None:
    assert counting.numpy_calls(lambda x: np.sum(np.sin(x) * x), np.ones(3)) == 3
    assert counting.passes(lambda f: hoad.grad(f)(np.ones(3)), np.sum) == 1


def run_without_peers(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The script in a process in which no peer can be imported."""
    hidden = "import sys, runpy; sys.modules.update(dict.fromkeys(['autograd', 'torch', 'jax', 'tensortrax'])); "
    program = hidden + f"sys.argv = ['peers', *{list(arguments)!r}]; runpy.run_module('benchmarks.peers', run_name='__main__')"
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def test_peers_that_are_not_installed_are_skipped_with_a_line(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{peers.BEGIN}\nold\n{peers.END}\nafter\n")
    done = run_without_peers("--quick", "--rows", "rosenbrock 10$|taylor|hessian", "--markdown", str(page))
    assert done.returncode == 0, done.stderr
    for name in ("autograd", "torch", "jax", "tensortrax"):
        assert f"{name} is not installed" in done.stdout
    assert "quadratic" in done.stdout
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| work |" in text


def test_disagreement_stops_before_timing() -> None:
    timed = []

    def wrong() -> Any:
        timed.append(1)
        return np.array([1.0, 2.1])

    contest = peers.Contest("a sum", {"hoad": lambda: np.array([1.0, 2.0]), "peer": wrong}, {("hoad", "peer"): 1.0})
    with pytest.raises(SystemExit, match=r"a sum: peer differs by 5.0e-02"):
        list(peers.run_contest(contest, 3, 1e-4))
    assert len(timed) == 1
