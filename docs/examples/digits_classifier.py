"""Handwritten digits learnt in three ways: by back-propagation, by forward gradients and by hyperplane search.

Softmax regression with 650 weights on 1347 images of scikit-learn's digits. Back-propagation needs a backward pass and a
record of the forward one. A forward gradient needs neither: one derivative along one random direction. Hyperplane search
adds the curvature in the span of K directions, still in one forward pass, and takes Newton's step there.

At equal numbers of steps the loss falls in the order forward gradients, K = 1, 2, 3, 10, back-propagation with curvature.
A step of larger K costs more: 1 + K + K (K + 1) / 2 coefficients instead of 3 for K = 1, which the right panel counts.

    python docs/examples/digits_classifier.py [--quick] [--out figure.png]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from presentation import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, canvas, command_line, label, legend_below, save
from sklearn.datasets import load_digits

import hoad.optimize as ho

TRAINING = 1347


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images (n, 65), pixels 0 to 1 and a column of ones, and labels: for training, and for testing."""
    X, y = load_digits(return_X_y=True)
    X = np.column_stack([X / 16, np.ones(len(X))])
    return X[:TRAINING], y[:TRAINING], X[TRAINING:], y[TRAINING:]


def loss(w: Any, X: np.ndarray, Y: np.ndarray) -> Any:
    """Mean negative log-likelihood of the one-hot labels Y under softmax(X W), W being w as a matrix."""
    z = X @ w.reshape(X.shape[1], -1)
    z = z - np.max(z, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - np.sum(Y * z, axis=1))


def accuracy(w: np.ndarray, X: np.ndarray, y: np.ndarray) -> float:
    """Fraction of correct answers."""
    return float(np.mean(np.argmax(X @ w.reshape(X.shape[1], -1), axis=1) == y))


class Way(NamedTuple):
    """A name, the method from a seed, how many seeds are averaged, and the coefficients that one step carries."""

    name: str
    method: Callable[[int], ho.Method]
    seeds: int
    coefficients: int


WAYS = (
    Way("forward gradient, 0.15", lambda seed: ho.fgd(0.15, seed=seed), 3, 2),
    Way("line search, K = 1", lambda seed: ho.fomoh(1.0, seed=seed), 3, 3),
    Way("hyperplane, K = 2", lambda seed: ho.hyperplane_search(k=2, curvature="raw", seed=seed), 3, 6),
    Way("K = 3", lambda seed: ho.hyperplane_search(k=3, curvature="raw", seed=seed), 3, 10),
    Way("K = 10", lambda seed: ho.hyperplane_search(k=10, curvature="raw", seed=seed), 1, 66),
    Way("back-propagation, 1", lambda seed: ho.descend(ho.sgd(1.0)), 1, 0),
    Way("the same, curvature step", lambda seed: ho.fomoh_bp(1.0, eps=0.0), 1, 0),
)


def train(f: Callable[[Any], Any], method: ho.Method, w: np.ndarray, steps: int) -> tuple[np.ndarray, list[float]]:
    """Weights after so many steps, and the losses before each and after the last."""
    state, losses = method.init(w), []
    for _ in range(steps):
        updates, state = method.update(f, w, state)
        losses.append(float(state.report.value))
        w = w + updates
    return w, [*losses, float(f(w))]


def draw(out: Path, curves: dict[str, np.ndarray]) -> None:
    """The loss over steps, and over the coefficients that the forward passes carried."""
    drawing, (left, right) = canvas(2, "Softmax regression on digits, 650 weights", height=4.2)
    colours = dict(zip(curves, (PURPLE, RED, ORANGE, GREEN, BLUE, GREY, "#222222")))
    for way in WAYS:
        curve, look = curves[way.name], {"color": colours[way.name], "linewidth": 1.7}
        left.loglog(np.arange(1, len(curve)), curve[1:], label=way.name, **look)
        if way.coefficients:
            right.loglog(way.coefficients * np.arange(1, len(curve)), curve[1:], **look)
    label(left, "training loss over steps", xlabel="step", ylabel="negative log-likelihood")
    label(right, "the forward-only ways at equal cost", xlabel="coefficients carried forward, in units of one plain evaluation")
    legend_below(drawing, left, ncols=4)
    save(drawing, out)


def main(argv: Sequence[str] | None = None) -> None:
    """Train in every way, print, draw."""
    options = command_line(__doc__, "digits_classifier", argv)
    steps = 100 if options.quick else 1000
    X, y, X_test, y_test = data()
    f = lambda w: loss(w, X, np.eye(10)[y])
    shown = [step for step in (100, 300, 1000) if step <= steps]
    print(f"{'training loss after':<24}  " + "  ".join(f"{step:>8}" for step in shown) + "  test accuracy")
    curves = {}
    for way in WAYS:
        runs = [train(f, way.method(seed), np.zeros(X.shape[1] * 10), steps) for seed in range(way.seeds)]
        curves[way.name] = np.mean([losses for _, losses in runs], axis=0)
        correct = np.mean([accuracy(w, X_test, y_test) for w, _ in runs])
        print(f"{way.name:<24}  " + "  ".join(f"{curves[way.name][step]:>8.4f}" for step in shown) + f"  {correct:>13.3f}")
    print()
    draw(options.out, curves)


if __name__ == "__main__":
    main()
