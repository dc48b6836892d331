"""Largest eigenvalue of the Hessian by power iteration, and the learning rate at which gradient descent diverges.

Source: Y. LeCun, P. Y. Simard and B. Pearlmutter, Automatic Learning Rate Maximization by On-Line Estimation of the Hessian's
Eigenvectors, NIPS 5 (1993).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import hoad
from papers.lecun1993_eigenvalue.softmax import SIZE, digits, loss, trained
from papers.reproduction import Check, Numbers, Result, at_most, between, near, needs, progress, put

TITLE = "LeCun, Simard & Pearlmutter (1993): largest eigenvalue of the Hessian, learning rates"

ITERATIONS = (1, 2, 5, 10, 20, 40)
RATIOS = tuple(round(float(r), 3) for r in np.r_[0.1:1.9:0.1, 1.9:2.2:0.025])
RATE = 0.003  # of the running average in the on-line estimate
DECAY = 0.01  # weight decay of the loss whose minimum is known


def regularised(w: Any, data: np.ndarray) -> Any:
    """Loss with a single minimum."""
    return loss(w, data) + 0.5 * DECAY * np.sum(w * w)


def power(product: Callable[[Any], Any], start: np.ndarray, steps: int) -> list[float]:
    """Rayleigh quotients of the start and of the vector after each product."""
    found, v = [], start / np.linalg.norm(start)
    for _ in range(steps + 1):
        Hv = product(v)
        found.append(float(v @ Hv))
        v = Hv / np.linalg.norm(Hv)
    return found


def online(w: np.ndarray, data: np.ndarray, start: np.ndarray, patterns: int, rng: np.random.Generator) -> list[float]:
    """Norm of the running average Ψ ← (1 - γ) Ψ + γ Hₚ Ψ / ‖Ψ‖, one product with the Hessian of one image at a time."""
    found, average = [], start / np.linalg.norm(start)
    for i in rng.integers(len(data), size=patterns):
        Hv = hoad.hvp(lambda w, one=data[i : i + 1]: loss(w, one), w, average / np.linalg.norm(average))
        average = (1 - RATE) * average + RATE * Hv
        found.append(float(np.linalg.norm(average)))
    return found


def growth(gradient: Callable[[Any], Any], start: np.ndarray, eta: float, steps: int) -> float:
    """Norm of the gradient after so many steps of gradient descent over that at the start."""
    w, first = start, float(np.linalg.norm(gradient(start)))
    for _ in range(steps):
        g = gradient(w)
        if not np.linalg.norm(g) < 1e6 * first:
            return np.inf
        w = w - eta * g
    return float(np.linalg.norm(gradient(w))) / first


def boundary(gradient: Callable[[Any], Any], start: np.ndarray, largest: float, steps: int, halvings: int) -> float:
    """The η λmax between 1 and 3 above which the gradient grows."""
    low, high = 1.0, 3.0
    for _ in range(halvings):
        middle = (low + high) / 2
        low, high = (middle, high) if growth(gradient, start, middle / largest, steps) < 1 else (low, middle)
    return (low + high) / 2


def run(reduced: bool = False) -> Result:
    """Power iteration, the on-line estimate, both boundaries and the loss against the learning rate."""
    data, rng = digits(), np.random.default_rng(0)
    numbers: Numbers = {}
    w = trained(data)
    H = hoad.HessianOperator(lambda w: loss(w, data), w)
    start = rng.standard_normal(SIZE)
    quotients = power(H.matvec, start, 40)
    for k in ITERATIONS:
        put(numbers, "Rayleigh quotient after products", k, quotients[k])
    largest = float(np.linalg.eigvalsh(H.to_dense())[-1])
    put(numbers, "largest eigenvalue", "trained", largest)

    if not reduced:
        for i, value in enumerate(online(w, data, start, 6000, rng), start=1):
            if i % 50 == 0:
                put(numbers, "on-line estimate after images", i, value)

    # The model of second order at the trained weights: its gradient is g + H p.
    g = H.gradient
    put(numbers, "boundary", "quadratic model", boundary(lambda p: g + H @ p, np.zeros(SIZE), largest, 60, 6 if reduced else 9))

    # The loss itself near its minimum.
    data_fit = data[::6] if reduced else data
    found = hoad.optimize.minimize(lambda w: regularised(w, data_fit), np.zeros(SIZE), method="truncated-newton", tol=1e-9)
    put(numbers, "largest entry of the gradient", "minimum", np.max(np.abs(hoad.grad(regularised)(found.x, data_fit))))
    at_minimum = hoad.HessianOperator(lambda w: regularised(w, data_fit), found.x)
    curvature = power(at_minimum.matvec, start, 60)[-1]
    put(numbers, "largest eigenvalue", "minimum", curvature)
    gradient = hoad.grad(regularised)
    near_it = found.x + 1e-3 * start / np.linalg.norm(start)
    steps, halvings = (60, 6) if reduced else (150, 9)
    put(numbers, "boundary", "loss", boundary(lambda w: gradient(w, data_fit), near_it, curvature, steps, halvings))
    ratios = RATIOS[::4] if reduced else RATIOS
    for ratio in progress(ratios, "learning rates"):
        w = near_it
        for _ in range(20 if reduced else 60):
            w = w - ratio / curvature * gradient(w, data_fit)
        put(numbers, "excess loss over that at the start", ratio, excess(w, found.x, data_fit) / excess(near_it, found.x, data_fit))
    return Result(numbers, accept(numbers, reduced), reduced)


def excess(w: np.ndarray, minimum: np.ndarray, data: np.ndarray) -> float:
    """Loss above the minimum."""
    return float(regularised(w, data) - regularised(minimum, data))


def accept(numbers: Numbers, reduced: bool = False) -> list[Check]:
    """The eigenvalue, the boundary within 5 %, the fastest learning rate between 1 / λmax and the boundary."""
    largest = numbers["largest eigenvalue"]["trained"]
    last = numbers["Rayleigh quotient after products"][40]
    checks = [at_most("relative error of the eigenvalue after 40 products", abs(last / largest - 1), 1e-6)]
    for where in ("quadratic model", "loss"):
        checks.append(near(f"η λmax at which gradient descent diverges, {where}", numbers["boundary"][where], 2.0, 0.1))
    checks.append(at_most("gradient at the minimum", numbers["largest entry of the gradient"]["minimum"], 1e-8))
    losses = numbers["excess loss over that at the start"]
    best = min(losses, key=lambda ratio: losses[ratio])
    checks.append(between("η λmax with the least loss", best, 0.8, 2.0))
    beyond = [loss for ratio, loss in losses.items() if ratio > 2.05]
    if not reduced:
        checks.append(between("least growth of the excess loss at η λmax > 2.05", min(beyond), 1.0))
        estimates = numbers["on-line estimate after images"]
        mean = np.mean([value for i, value in estimates.items() if i > 3000])
        checks.append(near("on-line estimate over λmax, images 3000 to 6000", mean / largest, 1.0, 0.15))
    return checks


def plot(result: Result, path: Path) -> None:
    """Estimates against products, and loss against the learning rate."""
    plt = needs("matplotlib.pyplot")
    numbers = result.numbers
    largest = numbers["largest eigenvalue"]["trained"]
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
    quotients = numbers["Rayleigh quotient after products"]
    left.semilogy(list(quotients), [max(1 - q / largest, 1e-16) for q in quotients.values()], "o-", color="tab:red")
    left.set(xlabel="products H v", ylabel="1 − estimate / λmax", title="power iteration (hoad.HessianOperator)")
    estimates = numbers.get("on-line estimate after images", {})
    middle.plot(list(estimates), list(estimates.values()), color="tab:blue", linewidth=1, label="‖Ψ‖")
    middle.axhline(largest, color="tab:red", label="λmax")
    middle.set(xlabel="images presented", title="on-line, one image a time (hoad.hvp)")
    middle.set_ylim(0, 2 * largest)
    middle.legend(loc="lower right")
    losses = numbers["excess loss over that at the start"]
    right.semilogy(list(losses), list(losses.values()), "o-", color="tab:green", markersize=3.5)
    right.axvline(numbers["boundary"]["loss"], color="0.4", linestyle="--", label="measured boundary")
    right.axhline(1, color="0.7", linewidth=0.8)
    right.set(xlabel="η λmax", ylabel="excess loss after / before", title="gradient descent near the minimum")
    right.legend(loc="upper left")
    for ax in (left, middle, right):
        ax.grid(alpha=0.3)
    figure.savefig(path, dpi=130)
    plt.close(figure)
