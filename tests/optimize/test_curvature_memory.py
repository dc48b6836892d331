"""One pass for K directions holds at most 1.5 x a forward pass with K + K(K+1)/2 extra copies of the widest layer, at any depth."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

import hoad.optimize as ho

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:  # `benchmarks` is not installed: it belongs to the checkout
    sys.path.append(str(ROOT))

hyperplane = importlib.import_module("benchmarks.hyperplane")
K = 10


def in_bounds(f, layers, V, widest):
    """Peak of the curvatures in units of the bound."""
    bound = hyperplane.peak_bytes(lambda: f(layers)) + (K + K * (K + 1) // 2) * widest
    return hyperplane.peak_bytes(lambda: ho.curvature_matrix(f, layers, V)) / bound


@pytest.mark.parametrize("depth", [1, 2, 6])
def test_relu_network(depth):
    net = hyperplane.make_network((20, *(50,) * depth, 10), 300, K)
    assert in_bounds(net.loss, net.layers, net.V, net.widest) <= 1.5


def layers_of(activation, X, layers):
    h = X
    for W in layers:
        h = activation(h @ W)
    return np.sum(h * h)


@pytest.mark.parametrize("activation", [np.tanh, np.abs, np.arctan])
def test_other_activations(activation):
    """Twice the bound, for what an activation keeps of its slope beside; all at once it would be three times."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 50))
    layers = tuple(rng.standard_normal((4, 50, 50)) / 7)
    V = rng.standard_normal((K, 4 * 2500))
    assert in_bounds(lambda layers: layers_of(activation, X, layers), layers, V, X.nbytes) <= 2.0
