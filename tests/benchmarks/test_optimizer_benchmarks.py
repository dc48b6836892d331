"""What the benchmarks of optimisers measure runs, covers the table of optimisers and the examples, and gives the same numbers as
the published form in PyTorch.

Nothing here looks at a clock.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hoad
import hoad.optimize as ho

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:  # `benchmarks` is not installed: it belongs to the checkout
    sys.path.append(str(ROOT))

measured = importlib.import_module("benchmarks.bench_optimize")
hyperplane = importlib.import_module("benchmarks.hyperplane")


@pytest.mark.parametrize("name", ho.OPTIMISERS)
def test_every_optimiser_makes_a_finite_step(name: str) -> None:
    f, step = measured.step_of(name, 10)
    assert np.all(np.isfinite(step(f)[0]))


def test_every_example_is_measured() -> None:
    examples = {path.stem for path in measured.EXAMPLES.glob("*.py")} - {"presentation"}
    assert {module for module, _ in measured.CORES.values()} == examples


@pytest.mark.parametrize("key", [k for k in measured.CORES if not k.startswith(("expression", "backpropagation", "digits"))])
def test_core_of_an_example_runs(key: str) -> None:
    for package in ("matplotlib", "sklearn"):
        pytest.importorskip(package, reason="the examples need the extra `examples`")
    assert measured.core_of(key)() is not None


def test_curvature_of_the_network_is_its_hessian_in_the_span() -> None:
    net = hyperplane.make_network((6, 5, 4, 3), 7, 3)
    found = ho.curvature_matrix(net.loss, net.layers, net.V)
    assert found.value == net.loss(net.layers)

    def unpack(v: Any) -> Any:
        parts = np.split(v, np.cumsum([p.size for p in net.layers])[:-1])
        return tuple(np.reshape(p, q.shape) for p, q in zip(parts, net.layers, strict=True))

    def flat(parts: Any) -> Any:
        return np.concatenate([np.ravel(p) for p in parts])

    rows = [net.V @ flat(hoad.hvp(net.loss, net.layers, unpack(v))) for v in net.V]
    np.testing.assert_allclose(found.matrix, rows, rtol=1e-12, atol=1e-12 * np.abs(rows).max())


@pytest.mark.parametrize("widths", [(6, 5, 3), (6, 5, 4, 3)])
def test_step_is_that_of_the_published_form(widths: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    net = hyperplane.make_network(widths, 50, 3)
    ours, theirs = hyperplane.hoad_step(net)(), hyperplane.torch_step(torch, net)()
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b.numpy(), rtol=1e-9, atol=1e-9)


def test_memory_of_curvatures_does_not_grow_with_depth() -> None:
    """Also at most 1.5 x a forward pass with K + K(K+1)/2 extra copies of the widest layer, for one hidden layer."""
    peaks = {}
    for depth in (1, 3, 6):
        net = hyperplane.make_network((20, *(50,) * depth, 10), 400, 4)
        peaks[depth] = hyperplane.peak_bytes(lambda net=net: ho.curvature_matrix(net.loss, net.layers, net.V))
        if depth == 1:
            assert peaks[1] <= 1.5 * (hyperplane.peak_bytes(lambda net=net: net.loss(net.layers)) + 14 * net.widest)
    assert peaks[6] <= 1.1 * peaks[3]
