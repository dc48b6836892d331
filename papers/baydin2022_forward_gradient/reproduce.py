"""Descent with forward gradients beside gradient descent, the variance and direction of the estimates, and their cost.

Source: A. G. Baydin, B. A. Pearlmutter, D. Syme, F. Wood and P. Torr, Gradients without Backpropagation, arXiv 2202.08587
(2022).  Laws of the cosine: Flügel et al., arXiv 2410.17764 (2024).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import hoad
import hoad.optimize as ho
from papers.measure import slope, times
from papers.reproduction import Check, Numbers, Result, at_most, near, needs, progress, put

TITLE = "Baydin et al. (2022): gradients without backpropagation"


def beale(x: Any) -> Any:
    """Minimum 0 at (3, 1/2); of each row."""
    a, b = x[:, 0], x[:, 1]
    return (1.5 - a + a * b) ** 2 + (2.25 - a + a * b**2) ** 2 + (2.625 - a + a * b**3) ** 2


def rosenbrock(x: Any) -> Any:
    """Minimum 0 at (1, 1); of each row."""
    a, b = x[:, 0], x[:, 1]
    return (1.0 - a) ** 2 + 100.0 * (b - a**2) ** 2


FUNCTIONS: dict[str, tuple[Callable[[Any], Any], float, int, tuple[tuple[float, float], ...]]] = {
    "Beale": (beale, 0.01, 1000, ((0, 0), (1, 1))),
    "Rosenbrock": (rosenbrock, 5e-4, 25_000, ((-1, 0), (-1.2, 1))),
}  # name -> function, learning rate, iterations T, starts
WIDTHS = (128, 1024)  # of the hidden layers; the paper's is 1024
RUNS = 400  # a multiple of the paper's single run, so that medians are those of the method
ESTIMATES = ("normal", "rademacher")

N = 100
KURTOSIS: dict[str, tuple[Any, float]] = {  # name -> distribution, E|ĝ - g|² / |g|² for N = 100
    "Gauss": ("normal", N + 1),
    "Rademacher": ("rademacher", N - 1),
    "uniform": ("uniform", N - 0.2),
    "Laplace": (lambda rng, shape: rng.laplace(0.0, 0.5**0.5, shape), N + 4),
    "sphere": ("sphere", N - 1),
    "coordinate": ("coordinate", N - 1),
}
COUNTS = (1, 2, 4, 8, 16, 32, 64)
SIZES = (16, 32, 64, 128, 256, 512)
COSINES: dict[str, Callable[[int], float]] = {
    "mean": lambda k: (k / (N + k + 1)) ** 0.5,
    "project": lambda k: (k / N) ** 0.5,
}

THREE_PRODUCTS = (
    "In every layer but the first a forward pass has three matrix products where the function has one (value, tangent of the "
    "input, tangent of the weights), so that 3 is the count of operations and not a bound for the clock."
)


def run(reduced: bool = False) -> Result:
    """Curves of both functions (Beale's alone if reduced), laws of the estimate, times of a network."""
    numbers: Numbers = {}
    for name in progress(FUNCTIONS, "functions"):
        if not reduced or name == "Beale":
            descend(numbers, name)
    samples = 8_000 if reduced else 40_000
    for k in progress(COUNTS, "number of directions"):
        put(numbers, "relative variance against K", k, variance(N, k, "normal", samples))
    for n in progress(SIZES[: 4 if reduced else 6], "number of variables"):
        put(numbers, "relative variance against N", n, variance(n, 1, "normal", samples // 2))
        put(numbers, "relative variance against N, Rademacher", n, variance(n, 1, "rademacher", samples // 2))
    for name, (distribution, _) in progress(KURTOSIS.items(), "distributions"):
        put(numbers, "relative variance for N = 100", name, variance(N, 1, distribution, samples))
    put(numbers, "relative variance for N = 100", "10 orthonormal", orthonormal(100 if reduced else 1000))
    for combine in COSINES:
        for k in progress((8, 32) if reduced else COUNTS, f"cosines, {combine}"):
            mean, square = cosine(combine, k, 150 if reduced else 1000)
            put(numbers, f"cosine to the gradient, {combine}", k, mean)
            put(numbers, f"root mean square cosine, {combine}", k, square)
    network(numbers, reduced)
    return Result(numbers, accept(numbers, reduced), reduced)


def descend(numbers: Numbers, name: str) -> None:
    """Medians of many forward-gradient runs, which are the rows of one array, beside gradient descent."""
    f, rate, steps, starts = FUNCTIONS[name]
    repeats = {"GD": 1, **dict.fromkeys(ESTIMATES, RUNS)}
    starts_of = np.repeat(np.array(starts, float), sum(repeats.values()), axis=0)
    kinds = np.tile(np.repeat(list(repeats), list(repeats.values())), len(starts))
    x, exact = starts_of, kinds == "GD"
    rng = np.random.default_rng(0)
    keep = sorted({0, *np.geomspace(1, steps, 120).astype(int).tolist(), steps // 10, steps // 2, steps})
    places = set(keep)
    gradient = hoad.grad(lambda x: np.sum(f(x)))
    history = {0: f(x)}
    for i in range(1, steps + 1):
        v = rng.standard_normal(x.shape)
        signs = kinds == "rademacher"
        v[signs] = np.sign(v[signs])
        estimate = hoad.jvp(f, (x,), (v,))[1][:, None] * v
        estimate[exact] = gradient(x[exact])
        x = x - rate * estimate
        if i in places:
            history[i] = f(x)
    assert np.all(np.isfinite(x)), "a run has diverged"
    curves = np.array([history[i] for i in keep]).reshape(len(keep), len(starts), -1)
    for j, start in enumerate(starts):
        at = 0
        for kind, count in repeats.items():
            part = curves[:, j, at : at + count]
            at += count
            for i, values in zip(keep, part):
                put(numbers, f"{name} {start}, {kind}", i, np.median(values))
                if kind == "normal":
                    put(numbers, f"{name} {start}, lower quartile", i, np.quantile(values, 0.25))
                    put(numbers, f"{name} {start}, upper quartile", i, np.quantile(values, 0.75))


def problem(n: int) -> tuple[Callable[[Any], Any], Any, Any]:
    """A function of n variables, a point, and the gradient there, whose entries have many sizes."""
    rng = np.random.default_rng(n)
    weights, x = rng.uniform(0.5, 2.0, n), rng.standard_normal(n)
    f = lambda x: np.sum(weights * np.log(np.cosh(x)))
    return f, x, hoad.grad(f)(x)


def variance(n: int, k: int, distribution: Any, samples: int) -> float:
    """E|ĝ - g|² / |g|² for the mean over k directions, from ``samples`` directions in groups of k."""
    f, x, g = problem(n)
    rng = np.random.default_rng(1)
    part = min(samples, 10_000)
    squares = []
    for _ in range(samples // part):
        found = ho.forward_gradient(f, x, part, distribution=distribution, rng=rng)
        estimates = found.derivatives[:, None] * found.directions
        estimates = np.mean(estimates[: part // k * k].reshape(-1, k, n), axis=1)
        squares.append(np.mean(np.sum((estimates - g) ** 2, axis=1)))
    return float(np.mean(squares) / np.sum(g**2))


def orthonormal(trials: int) -> float:
    """The same for ten orthonormal directions at a time."""
    f, x, g = problem(N)
    rng = np.random.default_rng(2)
    found = [ho.forward_gradient(f, x, 10, distribution="orthonormal", rng=rng).gradient for _ in range(trials)]
    return float(np.mean(np.sum((np.array(found) - g) ** 2, axis=1)) / np.sum(g**2))


def cosine(combine: str, k: int, trials: int) -> tuple[float, float]:
    """Mean and root mean square of the cosine between estimate and gradient."""
    f, x, g = problem(N)
    rng = np.random.default_rng(3)
    found = np.array([ho.forward_gradient(f, x, k, combine=combine, rng=rng).gradient for _ in range(trials)])
    cosines = found @ g / np.linalg.norm(found, axis=1) / np.linalg.norm(g)
    return float(np.mean(cosines)), float(np.mean(cosines**2) ** 0.5)


def network(numbers: Numbers, reduced: bool) -> None:
    """Time of one directional derivative and of one gradient over one evaluation: digits, batch 64, two hidden layers."""
    data = needs("sklearn.datasets").load_digits()
    batch, labels = data.data[:64] / 16.0, np.eye(10)[data.target[:64]] / 64
    rng = np.random.default_rng(4)
    for width in (128,) if reduced else WIDTHS:
        sizes = (64, width, width, 10)
        params = [rng.standard_normal(shape) / shape[0] ** 0.5 for shape in pairwise(sizes)]
        v = [rng.standard_normal(w.shape) for w in params]

        def loss(params: list[Any]) -> Any:
            a = batch
            for w in params[:-1]:
                a = np.maximum(a @ w, 0.0)
            z = a @ params[-1]
            return np.mean(np.log(np.sum(np.exp(z), axis=1))) - np.sum(z * labels)

        value_and_grad = hoad.value_and_grad(loss)
        found = times(
            {
                "f": lambda f=loss, p=params: f(p),
                "R_f": lambda f=loss, p=params, v=v: hoad.jvp(f, (p,), (v,)),
                "R_b": lambda df=value_and_grad, p=params: df(p),
                "R_f with the directions drawn": lambda f=loss, p=params: hoad.jvp(
                    f, (p,), ([rng.standard_normal(w.shape) for w in p],)
                ),
            },
            2 if reduced else 15,
        )
        for name in list(found)[1:]:
            put(numbers, f"time over f, width {width}", name, found[name] / found["f"])
        put(numbers, f"time over f, width {width}", "R_f / R_b", found["R_f"] / found["R_b"])


def accept(numbers: Numbers, reduced: bool = False) -> list[Check]:
    """Descent as with the gradient, variance and cosine as predicted, times bounded."""
    checks = []
    for name, (_, _, steps, starts) in FUNCTIONS.items():
        for start in starts:
            if f"{name} {start}, GD" in numbers:
                exact, median = numbers[f"{name} {start}, GD"], numbers[f"{name} {start}, normal"]
                worst = max((median[i] / exact[i] - 1 for i in (steps // 10, steps // 2, steps)), key=abs)
                label = f"{name} {start}: median of forward gradients over gradient descent at T/10, T/2, T, less one"
                checks.append(near(label, worst, 0, 0.15))
    found = numbers["relative variance against K"]
    checks.append(near("slope of the variance against K", slope(list(found), list(found.values())), -1, 0.05))
    for kind in ("", ", Rademacher"):
        found = numbers[f"relative variance against N{kind}"]
        checks.append(near(f"slope of the variance against N{kind}", slope(list(found), list(found.values())), 1, 0.05))
    found = numbers["relative variance for N = 100"]
    expected = {**{name: law for name, (_, law) in KURTOSIS.items()}, "10 orthonormal": N / 10 - 1}
    worst = max((found[name] / law - 1 for name, law in expected.items()), key=abs)
    checks.append(
        near("variance for N = 100 over N + κ₄ - 2, or N/K - 1, less one: worst distribution", worst, 0, 0.08 if reduced else 0.03)
    )
    for combine, law in COSINES.items():
        found = numbers[f"root mean square cosine, {combine}"]
        worst = max((found[k] / law(k) - 1 for k in found if k >= 8), key=abs)
        checks.append(near(f"cosine, {combine}, over its law, less one: worst K >= 8", worst, 0, 0.06 if reduced else 0.02))
    if not reduced:
        quantity = f"time over f, width {WIDTHS[-1]}"
        checks.append(replace(at_most(f"{quantity}: R_f", numbers[quantity]["R_f"], 3, timing=True), deviation=THREE_PRODUCTS))
        checks.append(at_most(f"{quantity}: R_b", numbers[quantity]["R_b"], 6, timing=True))
    return checks


def plot(result: Result, path: Path) -> None:
    """Loss curves of both functions, variance, cosine."""
    plt = needs("matplotlib.pyplot")
    numbers = result.numbers
    figure, axes = plt.subplots(2, 2, figsize=(11, 7.6), layout="constrained")
    for ax, (name, (_, rate, _, starts)) in zip(axes[0], FUNCTIONS.items()):
        for start, colour in zip(starts, ("tab:blue", "tab:orange")):
            key = f"{name} {start}"
            if f"{key}, GD" not in numbers:
                continue
            low, high = (list(numbers[f"{key}, {q} quartile"].values())[1:] for q in ("lower", "upper"))
            iterations = list(numbers[f"{key}, GD"])[1:]
            ax.fill_between(iterations, low, high, color=colour, alpha=0.2, linewidth=0)
            for kind, style, label in (("GD", ":", "gradient descent"), ("normal", "-", "forward gradient, median and quartiles")):
                curve = list(numbers[f"{key}, {kind}"].values())[1:]
                ax.loglog(iterations, curve, style, color=colour if kind != "GD" else "black", label=f"{start}: {label}", zorder=3)
        ax.set(xlabel="iteration", ylabel="loss", title=f"{name}, learning rate {rate:g}")
        ax.legend(fontsize=8)
    ax = axes[1, 0]
    for quantity, style in (("K", "o"), ("N", "s"), ("N, Rademacher", "^")):
        found = numbers[f"relative variance against {quantity}"]
        label = f"against {quantity}" + (", N = 100" if quantity == "K" else ", K = 1" + ("" if quantity != "N" else ", Gauss"))
        ax.loglog(list(found), list(found.values()), style, label=label, markersize=5)
    ax.loglog(COUNTS, [(N + 1) / k for k in COUNTS], "k:", linewidth=1, label="(N + 1) / K")
    ax.loglog(SIZES, [n + 1 for n in SIZES], "k--", linewidth=1, label="N + 1")
    ax.set(xlabel="K or N", ylabel="E|ĝ − g|² / |g|²", title="variance of the estimate", ylim=(0.1, 1e3))
    ax.legend(fontsize=8)
    ax = axes[1, 1]
    for (combine, law), colour in zip(COSINES.items(), ("tab:blue", "tab:green")):
        found = numbers[f"root mean square cosine, {combine}"]
        ax.loglog(list(found), list(found.values()), "o", color=colour, label={"mean": "mean", "project": "projection"}[combine])
        text = {"mean": "√(K / (N + K + 1))", "project": "√(K / N)"}[combine]
        ax.loglog(COUNTS, [law(k) for k in COUNTS], color=colour, linewidth=1, label=text)
    ax.set(xlabel="directions K", ylabel="cosine to the gradient (root mean square)", title="direction of the estimate, N = 100")
    ax.legend(fontsize=8)
    for ax in axes.flat:
        ax.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    plt.close(figure)
