"""One logistic regression, four ways down: gradient descent, Adam, Newton and hyperplane search side by side.

A thousand points with ten Gaussian features are labelled by generated coefficients, with Gaussian noise on the score. The
mean cross-entropy is four lines of NumPy. Newton's method takes the exact Hessian; hyperplane search takes the same step
within a random plane of K dimensions, from forward passes alone, and with K = 10 it is Newton's method.

    python docs/examples/binary_classification.py [--quick] [--out figure.png]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from presentation import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, canvas, command_line, label, legend, save

import hoad
import hoad.optimize as ho

Loss = Callable[[Any], Any]


def data(samples: int = 1000, features: int = 10) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients (features,), points (samples, features) and labels 0 or 1 (samples,)."""
    rng = np.random.default_rng(0)
    coefficients = rng.standard_normal(features)
    X = rng.standard_normal((samples, features))
    noise = 0.5 * rng.standard_normal(samples)
    return coefficients, X, (X @ coefficients + noise > 0).astype(float)


def cross_entropy(w: Any, X: np.ndarray, y: np.ndarray) -> Any:
    """Mean of log(1 + exp(z)) - y z with the score z = X w."""
    z = X @ w
    return np.mean(np.logaddexp(0.0, z) - y * z)


# ---------------------------------------------------------------------------------------------------------------------
# The methods


def first_order(loss: Loss, method: ho.Transform, w: np.ndarray, steps: int) -> tuple[np.ndarray, list[float]]:
    """Steps of a method that is fed gradients; the losses before each step and after the last."""
    state, losses = method.init(w), []
    for _ in range(steps):
        value, gradient = hoad.value_and_grad(loss)(w)
        losses.append(float(value))
        updates, state = method.update(gradient, state, w)
        w = w + updates
    return w, [*losses, float(loss(w))]


def newton(loss: Loss, w: np.ndarray, steps: int) -> tuple[np.ndarray, list[float]]:
    """w - H⁻¹ g: the loss is convex and needs no safeguard from zero."""
    losses = []
    for _ in range(steps):
        losses.append(float(loss(w)))
        w = w - np.linalg.solve(hoad.hessian(loss)(w), hoad.grad(loss)(w))
    return w, [*losses, float(loss(w))]


def hyperplane_search(loss: Loss, k: int, w: np.ndarray, steps: int, seed: int) -> list[float]:
    """Newton's step in the span of k random directions, as published: no safeguard, new directions each step."""
    method = ho.hyperplane_search(k=k, curvature="raw", seed=seed)
    state, losses = method.init(w), []
    for _ in range(steps):
        updates, state = method.update(loss, w, state)
        losses.append(float(state.report.value))
        w = w + updates
    return [*losses, float(loss(w))]


# ---------------------------------------------------------------------------------------------------------------------
# The report


def draw(out: Path, gaps: dict[str, np.ndarray], coefficients: np.ndarray, w: np.ndarray) -> None:
    """How far the loss is from its minimum, and the weights found beside those that made the labels."""
    drawing, (left, right) = canvas(2, "Logistic regression, 1000 points, 10 features")
    styles = {"gradient descent, 1": GREY, "Adam, 0.1": ORANGE, "Newton": "#222222"}
    planes = {"hyperplane search, K = 1": PURPLE, "K = 2": RED, "K = 5": GREEN, "K = 10": BLUE}
    for name, colour in (styles | planes).items():
        line = "--" if name == "Newton" else "-"
        left.semilogy(np.maximum(gaps[name], 1e-16), line, color=colour, linewidth=1.7, label=name, zorder=3 if line == "--" else 2)
    label(left, "loss above its minimum", xlabel="iteration", xlim=(0, 50), ylim=(1e-15, 3))
    legend(left, loc=(0.28, 0.12))
    unit = lambda a: a / np.linalg.norm(a)
    position = np.arange(len(w))
    right.bar(position - 0.2, unit(coefficients), 0.38, color=GREY, label="behind the labels")
    right.bar(position + 0.2, unit(w), 0.38, color=BLUE, label="found")
    label(right, "coefficients, scaled to length one", xlabel="feature", xticks=position)
    legend(right)
    save(drawing, out)


def main(argv: Sequence[str] | None = None) -> None:
    """Fit by every method, print, draw."""
    options = command_line(__doc__, "binary_classification", argv)
    seeds = range(5)
    coefficients, X, y = data()
    loss = lambda w: cross_entropy(w, X, y)
    zero = np.zeros(X.shape[1])

    w, exact = newton(loss, zero, 10)
    best = exact[-1]
    print("Newton from zero")
    for step, value in enumerate(exact[:9]):
        print(f"{step:>4}  {value:.15f}")
    print(f"gradient norm {np.linalg.norm(hoad.grad(loss)(w)):.1e}, |w| {np.linalg.norm(w):.12f}")
    cosine = w @ coefficients / np.linalg.norm(w) / np.linalg.norm(coefficients)
    print(f"correct {np.mean((X @ w > 0) == y):.3f}, cosine to the coefficients {cosine:.7f}")
    for name, point in (("at zero", zero), ("at the minimum", w)):
        low, *_, high = np.linalg.eigvalsh(hoad.hessian(loss)(point))
        print(f"eigenvalues of the Hessian {name}: {low:.7f} to {high:.7f}")
    print()

    curves = {"Newton": np.array(exact)}
    print("loss after 100 iterations")
    methods = {"gradient descent, 0.1": ho.sgd(0.1), "gradient descent, 1": ho.sgd(1.0), "Adam, 0.1": ho.adam(0.1)}
    for name, method in methods.items():
        curves[name] = np.array(first_order(loss, method, zero, 100)[1])
        print(f"{name:<22}  {curves[name][-1]:.15f}")
    print()

    print("hyperplane search: loss above its minimum, median of five seeds, forward passes only")
    print(f"{'K':>4}  {'@5':>10}  {'@10':>10}  {'@20':>10}  {'@50':>10}")
    for k in (1, 2, 5, 10):
        runs = [hyperplane_search(loss, k, zero, 20 if options.quick else 50, seed) for seed in seeds]
        name = "hyperplane search, K = 1" if k == 1 else f"K = {k}"
        curves[name] = np.median(runs, axis=0)
        shown = [step for step in (5, 10, 20, 50) if step < len(curves[name])]
        print(f"{k:>4}  " + "  ".join(f"{curves[name][step] - best:>10.3g}" for step in shown))
    print()
    draw(options.out, {name: curve - best for name, curve in curves.items()}, coefficients, w)


if __name__ == "__main__":
    main()
