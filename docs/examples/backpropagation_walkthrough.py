"""Back-propagation through a network, written out by hand for a whole batch, beside hoad.

Four layers (64-32-16-10, tanh, softmax at the end) on images of digits. The forward pass keeps its intermediate values;
the backward pass is one line of matrix algebra per line of the forward pass, in reverse. Every intermediate adjoint is
compared with hoad, which reads the forward pass and needs no backward one. Reversing once more by hand gives the
Hessian times a vector (Pearlmutter's R operator), again beside one call of hoad.

Source: Rumelhart, Hinton & Williams, Nature 323 (1986); Pearlmutter, Neural Computation 6 (1994), section 4.

    python docs/examples/backpropagation_walkthrough.py [--quick] [--out figure.png]
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from presentation import BLUE, GREY, canvas, command_line, label, legend, save
from sklearn.datasets import load_digits

import hoad

WIDTHS = (64, 32, 16, 10)

Weights = list[tuple[np.ndarray, np.ndarray]]


def initial_weights() -> Weights:
    """A matrix (outputs, inputs) and a bias (outputs,) per layer, normal with variance 1 / inputs."""
    rng = np.random.default_rng(0)
    return [(rng.standard_normal((m, n)) / np.sqrt(n), 0.1 * rng.standard_normal(m)) for n, m in pairwise(WIDTHS)]


def loss(weights: Weights, X: Any, Y: np.ndarray) -> Any:
    """Mean negative log-likelihood of the one-hot labels Y (n, 10), for images X (n, 64): all that hoad needs."""
    a = X
    for W, b in weights[:-1]:
        a = np.tanh(a @ W.T + b)
    W, b = weights[-1]
    z = a @ W.T + b
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - np.sum(Y * z, axis=1))


# ---------------------------------------------------------------------------------------------------------------------
# By hand: a bar over a name is the adjoint, the derivative of the loss by that quantity


def forward_by_hand(weights: Weights, X: np.ndarray, Y: np.ndarray) -> tuple[float, list[np.ndarray], np.ndarray]:
    """The loss; the activations a₀ = X, aₖ = tanh(aₖ₋₁ Wₖᵀ + bₖ); the probabilities p = softmax(z)."""
    activations = [X]
    for W, b in weights[:-1]:
        activations.append(np.tanh(activations[-1] @ W.T + b))
    W, b = weights[-1]
    z = activations[-1] @ W.T + b
    total = np.sum(np.exp(z), axis=1, keepdims=True)
    return float(np.mean(np.log(total[:, 0]) - np.sum(Y * z, axis=1))), activations, np.exp(z) / total


def backward_by_hand(
    weights: Weights, activations: list[np.ndarray], p: np.ndarray, Y: np.ndarray
) -> tuple[Weights, list[np.ndarray]]:
    """Adjoints of the weights, and of the activations a₀ … a₂.

    z̄ = (p - Y) / n;  then for each layer from the last:  W̄ = z̄ᵀ a,  b̄ = Σ z̄,  ā = z̄ W,  and below it z̄ = ā ∘ (1 - a²).
    """
    gradients, adjoints = [], []
    z_bar = (p - Y) / len(Y)
    for (W, _), a in zip(reversed(weights), reversed(activations)):
        gradients.append((z_bar.T @ a, np.sum(z_bar, axis=0)))
        adjoints.append(z_bar @ W)
        z_bar = adjoints[-1] * (1 - a**2)
    return gradients[::-1], adjoints[::-1]


def gradient_by_hand(weights: Weights, X: np.ndarray, Y: np.ndarray) -> Weights:
    """Both passes."""
    _, activations, p = forward_by_hand(weights, X, Y)
    return backward_by_hand(weights, activations, p, Y)[0]


def hessian_vector_by_hand(weights: Weights, direction: Weights, X: np.ndarray, Y: np.ndarray) -> Weights:
    """Pearlmutter's R operator: every line of both passes, differentiated along the direction; R{a} is written Ra."""
    _, activations, p = forward_by_hand(weights, X, Y)
    Ra = [np.zeros_like(X)]
    for k, ((W, _), (RW, Rb)) in enumerate(zip(weights, direction)):
        Rz = Ra[-1] @ W.T + activations[k] @ RW.T + Rb
        if k < len(weights) - 1:
            Ra.append((1 - activations[k + 1] ** 2) * Rz)
    z_bar = (p - Y) / len(Y)
    Rz_bar = p * (Rz - np.sum(p * Rz, axis=1, keepdims=True)) / len(Y)
    products = []
    for (W, _), (RW, _), a, R in zip(reversed(weights), reversed(direction), reversed(activations), reversed(Ra)):
        products.append((Rz_bar.T @ a + z_bar.T @ R, np.sum(Rz_bar, axis=0)))
        a_bar, Ra_bar = z_bar @ W, Rz_bar @ W + z_bar @ RW
        z_bar, Rz_bar = a_bar * (1 - a**2), Ra_bar * (1 - a**2) - 2 * a_bar * a * R
    return products[::-1]


def loss_from(weights: Weights, layer: int, a: Any, Y: np.ndarray) -> Any:
    """The loss as a function of the activation that enters a layer, whose gradient is that activation's adjoint."""
    return loss(weights[layer:], a, Y)


# ---------------------------------------------------------------------------------------------------------------------
# The report


def difference(a: Any, b: Any) -> float:
    """Largest difference between two arrays, relative to the largest entry."""
    return float(np.max(np.abs(a - b)) / np.max(np.abs(b)))


def seconds(call: Any, repetitions: int) -> float:
    """Least time of a call."""
    times = []
    for _ in range(repetitions):
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return min(times)


def draw(out: Path, sizes: list[int], times: dict[str, list[float]], gradient: np.ndarray) -> None:
    """What the gradient of the first layer looks like, as images; and the time of both ways over the batch."""
    drawing, (left, right) = canvas(2, "Back-propagation by hand and by hoad", height=4.0)
    tiles = gradient[:32].reshape(4, 8, 8, 8).transpose(0, 2, 1, 3).reshape(32, 64)
    bound = np.max(np.abs(tiles))
    left.imshow(tiles, cmap="RdBu_r", vmin=-bound, vmax=bound, aspect="equal", interpolation="nearest")
    for k in range(1, 8):
        left.axvline(8 * k - 0.5, color="white", linewidth=2)
    for k in range(1, 4):
        left.axhline(8 * k - 0.5, color="white", linewidth=2)
    left.grid(False)
    left.spines[:].set_visible(False)
    label(left, "gradient by the weights of the 32 first units, as images", xticks=[], yticks=[])
    looks = {"by hand": (GREY, "o-"), "hoad": (BLUE, "o-"), "H v by hand": (GREY, "s--"), "H v, hoad": (BLUE, "s--")}
    for name, taken in times.items():
        colour, line = looks[name]
        right.loglog(sizes, 1e3 * np.array(taken), line, color=colour, markersize=4, label=name)
    label(right, "time", xlabel="images in the batch", ylabel="milliseconds")
    legend(right)
    save(drawing, out)


def main(argv: Sequence[str] | None = None) -> None:
    """Compare every adjoint, print, draw."""
    options = command_line(__doc__, "backpropagation_walkthrough", argv)
    X, y = load_digits(return_X_y=True)
    X, Y = X / 16, np.eye(10)[y]
    weights = initial_weights()

    value, activations, p = forward_by_hand(weights, X, Y)
    by_hand, adjoints = backward_by_hand(weights, activations, p, Y)
    value_hoad, gradient = hoad.value_and_grad(loss)(weights, X, Y)
    print(f"loss by hand {value:.15f}, hoad {value_hoad:.15f}")
    print()
    print(f"{'adjoint of':<10}  {'shape':>10}  {'norm':>14}  {'difference':>10}")
    for k, (hand, found) in enumerate(zip(by_hand, gradient), 1):
        for name, a, b in ((f"W{k}", hand[0], found[0]), (f"b{k}", hand[1], found[1])):
            print(f"{name:<10}  {a.shape!s:>10}  {np.linalg.norm(a):>14.10f}  {difference(a, b):>10.1e}")
    for k, hand in enumerate(adjoints):
        found = hoad.grad(loss_from, argnums=2)(weights, k, activations[k], Y)
        print(f"{f'a{k}':<10}  {hand.shape!s:>10}  {np.linalg.norm(hand):>14.10f}  {difference(hand, found):>10.1e}")
    print()

    rng = np.random.default_rng(1)
    direction = [(rng.standard_normal(W.shape), rng.standard_normal(b.shape)) for W, b in weights]
    products = hessian_vector_by_hand(weights, direction, X, Y)
    found = hoad.hvp(partial(loss, X=X, Y=Y), weights, direction)
    worst = max(difference(a, b) for hand, ours in zip(products, found) for a, b in zip(hand, ours))
    print(f"Hessian times a direction, every layer: largest difference {worst:.1e}")
    print()

    sizes = [64, 256] if options.quick else [16, 64, 256, 1024, len(X)]
    times: dict[str, list[float]] = {"by hand": [], "hoad": [], "H v by hand": [], "H v, hoad": []}
    for n in sizes:
        A, B = X[:n], Y[:n]
        calls = {
            "by hand": partial(gradient_by_hand, weights, A, B),
            "hoad": partial(hoad.value_and_grad(loss), weights, A, B),
            "H v by hand": partial(hessian_vector_by_hand, weights, direction, A, B),
            "H v, hoad": partial(hoad.hvp, partial(loss, X=A, Y=B), weights, direction),
        }
        for name, call in calls.items():
            times[name].append(seconds(call, 3 if options.quick else 30))
        print(f"{n:>5} images: " + ", ".join(f"{name} {1e3 * taken[-1]:.2f} ms" for name, taken in times.items()))
    print()
    draw(options.out, sizes, times, gradient[0][0])


if __name__ == "__main__":
    main()
