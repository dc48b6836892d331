"""A network with one hidden layer, 10-20-1, fitted to a hundred points with Adam.

The parameters are a dict of arrays, the loss is three lines of NumPy, and the gradient comes back as the same dict. Three
problems: targets that are pure noise (which 241 parameters can memorise, to a point), the sum of the features with ReLU,
and noise again with tanh.

    python docs/examples/mlp_regression.py [--quick] [--out figure.png]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from presentation import BLUE, DATA, GREY, ORANGE, canvas, command_line, label, legend, save

import hoad
import hoad.optimize as ho

Weights = dict[str, np.ndarray]


def relu(x: Any) -> Any:
    """max(x, 0)."""
    return np.maximum(x, 0.0)


def network(weights: Weights, X: Any, activation: Callable[[Any], Any]) -> Any:
    """Predictions (n, 1) for the rows of X (n, 10)."""
    hidden = activation(X @ weights["W1"].T + weights["b1"])
    return hidden @ weights["W2"].T + weights["b2"]


def mean_square(weights: Weights, X: Any, y: Any, activation: Callable[[Any], Any]) -> Any:
    """Mean squared error."""
    return np.mean((network(weights, X, activation) - y) ** 2)


def problem() -> tuple[Weights, np.ndarray, np.ndarray]:
    """Weights uniform in ±1/√(inputs of the layer), X (100, 10) and y (100, 1) normal."""
    with np.load(DATA / "mlp_regression.npz") as stored:
        return {name: stored[name] for name in ("W1", "b1", "W2", "b2")}, stored["X"], stored["y"]


def norm(weights: Weights) -> float:
    """Euclidean norm over all arrays together."""
    return float(np.sqrt(sum(np.sum(w**2) for w in weights.values())))


def fit(loss: Callable[[Weights], Any], weights: Weights, epochs: int) -> tuple[Weights, list[float], float]:
    """Adam with step 0.01: weights, losses before each update and after the last, norm of the first gradient."""
    method = ho.adam(0.01)
    state = method.init(weights)
    losses, norms = [], []
    for _ in range(epochs):
        value, gradient = hoad.value_and_grad(loss)(weights)
        losses.append(float(value))
        norms.append(norm(gradient))
        updates, state = method.update(gradient, state, weights)
        weights = ho.apply_updates(weights, updates)
    return weights, [*losses, float(loss(weights))], norms[0]


def draw(out: Path, losses: dict[str, list[float]], predictions: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """Losses, and predictions beside targets."""
    drawing, (left, right) = canvas(2, "A 10-20-1 network on a hundred points, Adam 0.01")
    colours = dict(zip(losses, (ORANGE, BLUE, GREY)))
    for name, curve in losses.items():
        left.semilogy(curve, color=colours[name], linewidth=1.8, label=name)
    label(left, "mean squared error", xlabel="epoch")
    legend(left)
    for name, (y, predicted) in predictions.items():
        right.plot(y.ravel(), predicted.ravel(), "o", color=colours[name], markersize=3.5, alpha=0.75)
    ends = [min(y.min() for y, _ in predictions.values()), max(y.max() for y, _ in predictions.values())]
    right.plot(ends, ends, color="#222222", linewidth=0.8)
    label(right, "prediction against target after training", xlabel="target", ylabel="prediction")
    save(drawing, out)


def main(argv: Sequence[str] | None = None) -> None:
    """Fit three times, print, draw."""
    options = command_line(__doc__, "mlp_regression", argv)
    start, X, noise = problem()
    total = np.sum(X, axis=1, keepdims=True)
    cases = {"ReLU, noise": (relu, noise), "ReLU, sum of features": (relu, total), "tanh, noise": (np.tanh, noise)}
    print(f"{'':<22}  {'epoch 0':>15}  {'10':>15}  {'99':>15}  {'100':>15}  {'first |gradient|':>16}")
    losses, predictions = {}, {}
    for name, (activation, y) in cases.items():
        loss = lambda weights, y=y, activation=activation: mean_square(weights, X, y, activation)
        weights, losses[name], norm = fit(loss, start, 100)
        predictions[name] = y, network(weights, X, activation)
        print(f"{name:<22}  " + "  ".join(f"{losses[name][k]:>15.13f}" for k in (0, 10, 99, 100)) + f"  {norm:>16.11f}")
    print()
    draw(options.out, losses, predictions)


if __name__ == "__main__":
    main()
