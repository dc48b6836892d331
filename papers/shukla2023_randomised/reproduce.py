"""Forward gradients scaled for least error: which distribution of directions is best, and how fast descent converges with it.

Source: K. Shukla and Y. Shin, Randomized forward mode of automatic differentiation for optimization algorithms,
arXiv 2310.14168 (2023): optimal variance of the directions, its error, gradient descent and heavy ball on quadratics.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import hoad
import hoad.optimize as ho
from papers.reproduction import Check, Numbers, Result, at_most, near, needs, progress, put

TITLE = "Shukla & Shin (2023): randomised forward gradients, the best distribution and linear rates"

Draw = Callable[[np.random.Generator, tuple[int, ...]], Any]
DISTRIBUTIONS: dict[str, tuple[float, Draw]] = {  # variance 1; name -> kurtosis and how to draw
    "Bernoulli": (1.0, lambda rng, shape: rng.integers(0, 2, shape) * 2.0 - 1.0),
    "uniform": (1.8, lambda rng, shape: rng.uniform(-(3**0.5), 3**0.5, shape)),
    "Wigner": (2.0, lambda rng, shape: 4.0 * rng.beta(1.5, 1.5, shape) - 2.0),
    "Gauss": (3.0, lambda rng, shape: rng.standard_normal(shape)),
    "Laplace": (6.0, lambda rng, shape: rng.laplace(0.0, 0.5**0.5, shape)),
}
ERRORS, SLOPES = "relative squared error in dimension {}", "rate of descent"
DIMENSION = 10
MOMENTUM = 0.5
METHODS = {"gradient descent": 0.0, "heavy ball": MOMENTUM}
CONDITION = 4.0
TOLERANCE = 1e-6


def moment(d: int, kurtosis: float) -> float:
    """E|(g·v) v|² / |g|²; its inverse is the best scale σ² of the estimate."""
    return d + kurtosis - 1.0


def run(reduced: bool = False) -> Result:
    """Errors of scaled estimates for d = 10 and 100, and 200 to 2,000 runs of each method with each distribution."""
    numbers: Numbers = {}
    for d in (10, 100):
        for name in progress(DISTRIBUTIONS, f"errors, d = {d}"):
            put(numbers, ERRORS.format(d), name, least_error(d, name, 40_000 if reduced else 400_000))
    for name in progress(DISTRIBUTIONS, "isotropic"):
        curve = np.mean(descend(name, np.ones(DIMENSION), 0.0, 1000 if reduced else 4000, 40), axis=1)
        numbers[f"isotropic, {name}"] = dict(enumerate(curve.tolist()))
        put(numbers, SLOPES, name, np.exp(np.polyfit(np.arange(len(curve)), np.log(curve), 1)[0]))
    spectrum = np.geomspace(1.0, CONDITION, DIMENSION) / CONDITION
    for method, momentum in METHODS.items():
        for name in progress(DISTRIBUTIONS, method):
            losses = descend(name, spectrum, momentum, 200 if reduced else 1000, 1000 if reduced else 1400)
            reached = losses <= TOLERANCE
            assert np.all(np.any(reached, axis=0)), "a run has not reached the tolerance"
            steps = np.argmax(reached, axis=0)
            put(numbers, f"iterations, {method}", name, np.mean(steps))
            put(numbers, f"standard error, {method}", name, np.std(steps) / np.sqrt(len(steps)))
            middle = np.median(losses, axis=1)
            numbers[f"median loss, {method}, {name}"] = {i: float(middle[i]) for i in range(0, len(middle), 10) if middle[i] > 1e-9}
            put(numbers, f"straightness, {method}", name, straightness(middle))
    return Result(numbers, accept(numbers, reduced), reduced)


def least_error(d: int, name: str, samples: int) -> float:
    """E|σ²(g·v) v - g|² / |g|² for the best σ², of a function whose gradient has entries of many sizes."""
    kurtosis, draw = DISTRIBUTIONS[name]
    rng = np.random.default_rng(d)
    x, weights = rng.standard_normal(d), rng.uniform(0.5, 2.0, d)
    f = lambda x: np.sum(weights * np.log(np.cosh(x)))
    g = hoad.grad(f)(x)
    part, total = 20_000, 0.0
    for _ in range(samples // part):
        found = ho.forward_gradient(f, x, part, distribution=draw, rng=rng)
        estimates = found.derivatives[:, None] * found.directions / moment(d, kurtosis)
        total += float(np.mean(np.sum((estimates - g) ** 2, axis=1)))
    return total / (samples // part) / float(np.sum(g**2))


def descend(name: str, spectrum: Any, momentum: float, runs: int, steps: int) -> Any:
    """Loss over starting loss, (steps + 1, runs), of many runs at once: one forward pass advances all."""
    kurtosis, draw = DISTRIBUTIONS[name]
    rng = np.random.default_rng(0)
    f = lambda x: 0.5 * np.sum(spectrum * x**2, axis=1)
    x = rng.standard_normal((runs, len(spectrum)))
    method = ho.sgd(1.0 / moment(len(spectrum), kurtosis) / np.max(spectrum) * (1.0 - momentum), momentum=momentum)
    state, start = method.init(x), f(x)
    losses = [np.ones(runs)]
    for _ in range(steps):
        v = draw(rng, x.shape)
        _, slopes = hoad.jvp(f, (x,), (v,))
        step, state = method.update(slopes[:, None] * v, state, x)
        x = ho.apply_updates(x, step)
        losses.append(f(x) / start)
    return np.array(losses)


def straightness(curve: Any) -> float:
    """Correlation of log loss with the iteration while the loss falls from 0.1 to the tolerance: -1 for a linear rate."""
    within = np.flatnonzero((curve < 0.1) & (curve > TOLERANCE))
    return float(np.corrcoef(within, np.log(curve[within]))[0, 1])


def accept(numbers: Numbers, reduced: bool = False) -> list[Check]:
    """Errors as predicted, iterations in the order of kurtosis, and linear convergence at the predicted rate."""
    checks = []
    for d in (10, 100):
        found = numbers[ERRORS.format(d)]
        worst = max(abs(found[name] - (1.0 - 1.0 / moment(d, k))) for name, (k, _) in DISTRIBUTIONS.items())
        bound = (4e-2 if reduced else 1.2e-2) / d  # five standard errors
        checks.append(at_most(f"least error in dimension {d}: largest difference from 1 - 1/(d + κ₄ - 1)", worst, bound))
    values = list(numbers[ERRORS.format(10)].values())
    if not reduced:
        checks.append(at_most("least error in dimension 10 not in the order of kurtosis (pairs)", inversions(values), 0))
    for name, (kurtosis, _) in DISTRIBUTIONS.items():
        rate = 1.0 - 1.0 / moment(DIMENSION, kurtosis)
        found_rate = numbers[SLOPES][name]
        checks.append(near(f"rate of descent on |x|²/2, {name}, log over predicted", np.log(found_rate) / np.log(rate), 1, 0.05))
    for method in METHODS:
        iterations = list(numbers[f"iterations, {method}"].values())
        slack = 3 * max(numbers[f"standard error, {method}"].values()) if reduced else 0.0  # few runs
        checks.append(at_most(f"iterations of {method} not in the order of kurtosis (pairs)", inversions(iterations, slack), 0))
        straight = max(numbers[f"straightness, {method}"].values())
        checks.append(at_most(f"{method}: correlation of log median loss and iteration", straight, -0.995))
    return checks


def inversions(values: list[float], slack: float = 0.0) -> int:
    """Neighbours that fall by more than ``slack``."""
    return int(np.sum(np.diff(values) < -slack))


def plot(result: Result, path: Path) -> None:
    """Error of the estimate, and loss against iteration of both methods."""
    plt = needs("matplotlib.pyplot")
    numbers = result.numbers
    colours = dict(zip(DISTRIBUTIONS, ("tab:blue", "tab:cyan", "tab:green", "tab:orange", "tab:red")))
    figure, axes = plt.subplots(1, 3, figsize=(12.5, 4.6), layout="constrained")
    kurtosis = np.linspace(0.8, 6.5, 100)
    axes[0].plot(kurtosis, 1 - 1 / (DIMENSION + kurtosis - 1), color="0.6", label="1 − 1/(d + κ₄ − 1)")
    for name, (k, _) in DISTRIBUTIONS.items():
        error = numbers[ERRORS.format(DIMENSION)][name]
        axes[0].plot(k, error, "o", color=colours[name])
        axes[0].annotate(name, (k, error), xytext=(8, -9), textcoords="offset points", fontsize=9)
    axes[0].set_xlim(0.6, 7.3)
    axes[0].set(
        xlabel="kurtosis κ₄ of the directions", ylabel="least E|ĝ − g|² / |g|²", title=f"error of the estimate, d = {DIMENSION}"
    )
    axes[0].legend(loc="lower right")
    for ax, method in zip(axes[1:], METHODS):
        for name in DISTRIBUTIONS:
            curve = numbers[f"median loss, {method}, {name}"]
            label = f"{name}: {numbers[f'iterations, {method}'][name]:.0f}"
            ax.semilogy(list(curve), list(curve.values()), color=colours[name], label=label)
        ax.axhline(TOLERANCE, color="0.5", linewidth=0.8, linestyle=":")
        ax.set(xlabel="iteration", title=method if method == "gradient descent" else f"{method}, momentum {MOMENTUM}")
        ax.set_ylim(1e-8, 2)
        ax.set_xlim(0, 500)
        ax.legend(title="mean iterations to 1e-6", fontsize=8)
    axes[1].set_ylabel("median loss / first loss")
    for ax in axes:
        ax.grid(alpha=0.3)
    figure.suptitle("Randomised forward gradients with the best scale: directions of small kurtosis converge faster")
    figure.savefig(path, dpi=130)
    plt.close(figure)
