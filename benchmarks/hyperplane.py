"""One hyperplane step on a ReLU classifier: hoad's, and the published code's vectorised form written again in PyTorch.

Source: Cobb, Baydin, Pearlmutter & Jha (2024), Second-order forward-mode automatic differentiation for optimization, section 4;
code SRI-CSL/fomoh, commit f0da7ae: ``plane_step_Nd`` with ``flatten_loss_model_batched_vectorized``.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Network", "hoad_step", "make_network", "peak_bytes", "torch_step"]

Array = Any


@dataclass(frozen=True)
class Network:
    """A loss of layers (weights and biases in turn), directions in the rows of ``V``, and the data in NumPy arrays."""

    inputs: Array
    labels: Array
    layers: tuple[Array, ...]
    V: Array

    def loss(self, layers: Any) -> Array:
        """Mean negative log-likelihood of a ReLU network."""
        a = self.inputs
        for W, b in zip(layers[:-2:2], layers[1:-2:2], strict=True):
            a = np.maximum(a @ W + b, 0)
        z = a @ layers[-2] + layers[-1]
        z = z - np.max(z, axis=1, keepdims=True)
        chosen = z[np.arange(len(self.labels)), self.labels]
        return np.mean(np.log(np.sum(np.exp(z), axis=1)) - chosen)

    @property
    def widest(self) -> int:
        """Bytes of the widest layer's activations."""
        return max(self.inputs.shape[0] * b.nbytes for b in self.layers[1::2])


def make_network(widths: tuple[int, ...], batch: int, directions: int, dtype: Any = np.float64, seed: int = 0) -> Network:
    rng = np.random.default_rng(seed)
    layers: list[Array] = []
    for n, m in zip(widths, widths[1:]):  # noqa: RUF007  # reads as layers
        layers += [rng.standard_normal((n, m)) * np.sqrt(2 / n), 0.1 * rng.standard_normal(m)]
    layers = [p.astype(dtype) for p in layers]
    V = rng.standard_normal((directions, sum(p.size for p in layers))).astype(dtype)
    inputs = rng.standard_normal((batch, widths[0])).astype(dtype)
    return Network(inputs, rng.integers(widths[-1], size=batch), tuple(layers), V)


def hoad_step(net: Network, **options: Any) -> Callable[[], tuple[Array, ...]]:
    """The step of ``hyperplane_search`` along given directions, by default as in the paper (``curvature="raw"``)."""
    import hoad.optimize

    method = hoad.optimize.hyperplane_search(k=len(net.V), replay=net.V[None], **{"curvature": "raw", **options})
    start = method.init(net.layers)
    return lambda: method.update(net.loss, net.layers, start)[0]


def peak_bytes(run: Callable[[], Any]) -> int:
    """Bytes that NumPy and Python hold at the peak of a call, beyond those before it."""
    run()
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# -- PyTorch ----------------------------------------------------------------------------------------------------------------


class _Pairs:
    """Hyper-dual numbers whose tangents carry one leading entry for each pair of directions; None is zero.

    The formulas are those of fomoh's ``HyperTensor``; its buffers of zeros and its copies of the parameters are left out.
    """

    def __init__(self, real: Any, e1: Any = None, e2: Any = None, e12: Any = None) -> None:
        self.real, self.e1, self.e2, self.e12 = real, e1, e2, e12

    def matmul(self, w: _Pairs) -> _Pairs:
        real = self.real @ w.real
        if self.e1 is None:
            return _Pairs(real, self.real @ w.e1, self.real @ w.e2)
        e1 = self.e1 @ w.real + self.real @ w.e1
        e2 = self.e2 @ w.real + self.real @ w.e2
        e12 = self.e1 @ w.e2 + self.e2 @ w.e1
        return _Pairs(real, e1, e2, e12 if self.e12 is None else self.e12 @ w.real + e12)

    def add(self, b: _Pairs) -> _Pairs:
        return _Pairs(self.real + b.real, self.e1 + b.e1, self.e2 + b.e2, self.e12)

    def relu(self) -> _Pairs:
        on = self.real > 0
        return _Pairs(self.real.relu(), self.e1 * on, self.e2 * on, None if self.e12 is None else on * self.e12)

    def log_softmax(self) -> _Pairs:
        """z - log Σ exp(z - max z) - max z, composed of exp, sum and log as there."""
        top = self.real.amax(-1, keepdim=True)
        real = (self.real - top).exp()
        e1, e2 = real * self.e1, real * self.e2
        e12 = real * (self.e12 + self.e1 * self.e2)
        total, t1, t2, t12 = (c.sum(-1, keepdim=True) for c in (real, e1, e2, e12))
        log12 = (total * t12 - t1 * t2) / total**2
        return _Pairs(self.real - (total.log() + top), self.e1 - t1 / total, self.e2 - t2 / total, self.e12 - log12)

    def nll(self, labels: Any) -> _Pairs:
        rows = range(len(labels))
        at = (..., list(rows), labels)
        return _Pairs(*(-c[at].mean(-1) for c in (self.real, self.e1, self.e2, self.e12)))


def torch_step(torch: Any, net: Network) -> Callable[[], tuple[Any, ...]]:
    """The published vectorised step: K(K+1)/2 pairs of directions in one batched hyper-dual pass, then a plain solve."""
    inputs, labels, tangents = torch.tensor(net.inputs), torch.tensor(net.labels), torch.tensor(net.V)
    layers = [torch.tensor(p) for p in net.layers]
    k = len(tangents)
    one, two = torch.triu_indices(k, k)

    def split(rows: Any) -> list[Any]:
        parts = torch.split(rows, [p.numel() for p in layers], dim=1)
        parts = [p.reshape(len(rows), *q.shape) for p, q in zip(parts, layers, strict=True)]
        return [p[:, None] if p.ndim == 2 else p for p in parts]

    @torch.no_grad()
    def step() -> tuple[Any, ...]:
        params = [_Pairs(*c) for c in zip(layers, split(tangents[one]), split(tangents[two]), strict=True)]
        a = _Pairs(inputs)
        for W, b in zip(params[:-2:2], params[1:-2:2], strict=True):
            a = a.matmul(W).add(b).relu()
        loss = a.matmul(params[-2]).add(params[-1]).log_softmax().nll(labels)
        F = torch.empty(k, dtype=tangents.dtype)
        H = torch.empty(k, k, dtype=tangents.dtype)
        F[one] = loss.e1
        H[one, two] = loss.e12
        H[two, one] = loss.e12
        direction = -(torch.linalg.inv(H) @ F) @ tangents
        parts = torch.split(direction, [p.numel() for p in layers])
        return tuple(p.reshape(q.shape) for p, q in zip(parts, layers, strict=True))

    return step
