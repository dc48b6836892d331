"""Largest eigenvalue of the Hessian by power iteration and on-line, one image at a time, and the learning rate it predicts.

Source: Y. LeCun, P. Y. Simard and B. Pearlmutter, Automatic Learning Rate Maximization by On-Line Estimation of the Hessian's
Eigenvectors, NIPS 5, 156-163 (1993).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse.linalg import eigsh

import hoad
import hoad.optimize as ho
from papers.digits import CLASSES, PIXELS, SIZE, accuracy, images, loss, trained
from papers.reproduction import Check, Numbers, Result, at_most, between, near, needs, progress, put

TITLE = "LeCun, Simard & Pearlmutter (1993): largest eigenvalue of the Hessian, learning rates"

PRODUCTS = (1, 2, 5, 10, 20, 40)
SOFTMAX = "softmax, 16 images, γ = 0.01"
GAMMAS = (0.03, 0.01, 0.003)
DECAY = 0.01  # makes the minimum unique: without it the loss of separable images falls for ever
STEPS = (30, 60, 150, 300, 600, 1500, 3000)
RATIOS = (0.1, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.7, 1.8, 1.9, 1.95, 1.98, 2.0, 2.02, 2.05, 2.1, 2.2, 2.35, 2.5)
CURVES = (1.0, 1.9, 1.98, 2.02, 2.1)
SHOWN = (20, 100, 600)
ONLINE = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
PASSES = 5
HIDDEN = 20
MEASURED, PREDICTED = "boundary after steps, {}", "predicted boundary after steps, {}"
MODELS = ("trained weights", "minimum")
ESTIMATE = "on-line estimate over λmax, {}"
UNEVEN = (
    "the curvature of one image, up to |x|² / 2, is many times the mean one, and grows in training, so that 1 / λmax is too large"
)
ERROR = "error of the {} after passes: {}"
SWEEP = "excess loss from zero weights after {} steps"


def regularised(w: Any, data: Any) -> Any:
    """Loss with a single minimum."""
    return loss(w, data) + 0.5 * DECAY * np.sum(w * w)


def squared_error(w: Any, data: Any) -> Any:
    """Mean of |output - target|² / 2 of a network of 1,510 weights: scaled tanh units, targets ±1, one hidden layer."""
    first = PIXELS * HIDDEN
    hidden = 1.7159 * np.tanh(data[:, :PIXELS] @ np.reshape(w[:first], (PIXELS, HIDDEN)) / 1.5)
    second = np.reshape(w[first:], (HIDDEN + 1, CLASSES))
    output = 1.7159 * np.tanh((hidden @ second[:HIDDEN] + second[HIDDEN]) / 1.5)
    return np.mean(np.sum((output - (2.0 * data[:, PIXELS:] - 1.0)) ** 2, axis=1)) / 2


def first_weights() -> Any:
    """Random weights of the network, with variance 1 / fan-in."""
    rng = np.random.default_rng(0)
    layers = (PIXELS, HIDDEN), (HIDDEN + 1, CLASSES)
    return np.concatenate([rng.standard_normal(rows * columns) / rows**0.5 for rows, columns in layers])


def run(reduced: bool = False) -> Result:
    """Power iteration, on-line estimates, boundaries of the quadratic model and of the loss, and both learning rate sweeps."""
    numbers: Numbers = {}
    data = images()
    w = trained(data)
    put(numbers, "trained weights", "loss", loss(w, data))
    put(numbers, "trained weights", "accuracy", accuracy(w, data))
    H = hoad.HessianOperator(lambda w: loss(w, data), w)
    quotients = power(H, np.random.default_rng(0).standard_normal(SIZE), max(PRODUCTS))
    for k, value in enumerate(quotients):
        put(numbers, "Rayleigh quotient after products", k, value)
    dense = H.to_dense()
    eigenvalues, vectors = np.linalg.eigh(dense)
    put(numbers, "largest eigenvalue", "trained weights", eigenvalues[-1])

    online(numbers, SOFTMAX, loss, w, data, 0.01, 16, eigenvalues[-1], vectors[:, -1], 1500 if reduced else 3000)
    v0 = first_weights()
    network = hoad.HessianOperator(lambda v: squared_error(v, data), v0)
    value, vector = eigsh(network, k=1, which="LA", v0=np.ones(v0.size))
    put(numbers, "largest eigenvalue", "network", value[0])
    for gamma in GAMMAS[: 1 if reduced else 3]:
        online(numbers, f"γ = {gamma}", squared_error, v0, data, gamma, 1, value[0], vector[:, 0], 1500 if reduced else 3000)
    patterns(numbers, "network", squared_error, v0, data, value[0], reduced)
    zero = hoad.HessianOperator(lambda w: loss(w, data), np.zeros(SIZE))
    largest = eigsh(zero, k=1, which="LA", v0=np.random.default_rng(0).standard_normal(SIZE), return_eigenvectors=False)[0]
    put(numbers, "largest eigenvalue", "zero weights", largest)
    # All classes are equally probable there, and the Hessian is a Kronecker product of two small matrices.
    put(numbers, "largest eigenvalue", "zero weights, closed form", np.linalg.norm(data[:, :PIXELS], 2) ** 2 / len(data) / CLASSES)
    if not reduced:
        patterns(numbers, "softmax regression", loss, np.zeros(SIZE), data, largest, reduced)

    # The quadratic model where training stopped: gradient g + H p from p = 0.
    counts = STEPS[:3] if reduced else STEPS
    boundaries(numbers, "trained weights", dense, H.gradient, vectors[:, -1], counts)
    minimum(numbers, data, counts, reduced)
    return Result(numbers, accept(numbers, reduced), reduced)


def power(H: Any, start: Any, steps: int) -> list[float]:
    """Rayleigh quotients of the start and of the vector after each product."""
    found, v = [], start / np.linalg.norm(start)
    for _ in range(steps + 1):
        Hv = H @ v
        found.append(float(v @ Hv))
        v = Hv / np.linalg.norm(Hv)
    return found


def online(
    numbers: Numbers, title: str, f: Any, w: Any, data: Any, gamma: float, batch: int, largest: float, vector: Any, products: int
) -> None:
    """Norm of the running average Ψ ← (1 - γ) Ψ + γ Hₚ Ψ / |Ψ|, where Hₚ belongs to one image, or to ``batch`` of them."""
    rng = np.random.default_rng(1)
    average = rng.standard_normal(w.size)
    average /= np.linalg.norm(average)
    norms = []
    for _ in range(products):
        some = data[rng.integers(len(data), size=batch)]
        Hv = hoad.hvp(lambda w, some=some: f(w, some), w, average / np.linalg.norm(average))
        average = (1 - gamma) * average + gamma * Hv
        norms.append(float(np.linalg.norm(average)))
    for i in range(25, products + 1, 25):
        put(numbers, ESTIMATE.format(title), i, norms[i - 1] / largest)
    put(numbers, "mean of the on-line estimate over λmax", title, np.mean(norms[products // 2 :]) / largest)
    put(numbers, "cosine of Ψ and the eigenvector", title, abs(average @ vector) / np.linalg.norm(average))


def patterns(numbers: Numbers, title: str, f: Any, start: Any, data: Any, largest: float, reduced: bool) -> None:
    """Error after each pass of gradient descent, one image a step; all learning rates at once."""
    rng = np.random.default_rng(0)
    ratios = np.array([0.35, 1.0, 4.0] if reduced else ONLINE)
    gradients = hoad.vmap(hoad.grad(f), in_axes=(0, None))
    w = np.tile(start, (len(ratios), 1))
    for i in range(1, 2 if reduced else PASSES + 1):
        for image in progress(rng.permutation(len(data)), f"{title}, pass {i}"):
            w = w - (ratios / largest)[:, None] * gradients(w, data[image : image + 1])
        for ratio, row in zip(ratios, w):
            put(numbers, ERROR.format(title, i), ratio, f(row, data))


def growth(gradient: Callable[[Any], Any], p: Any, eta: float, steps: int) -> float:
    """Norm of the gradient after so many steps of gradient descent over that at the start."""
    first = now = float(np.linalg.norm(g := gradient(p)))
    for _ in range(steps):
        p = p - eta * g
        now = float(np.linalg.norm(g := gradient(p)))
        if not now < 1e6 * first:
            break
    return now / first


def boundary(gradient: Callable[[Any], Any], p: Any, largest: float, steps: int, halvings: int) -> float:
    """The η λmax between 1 and 3 above which the gradient has grown after ``steps`` steps."""
    low, high = 1.0, 3.0
    for _ in range(halvings):
        middle = (low + high) / 2
        low, high = (middle, high) if growth(gradient, p, middle / largest, steps) < 1 else (low, middle)
    return (low + high) / 2


def boundaries(numbers: Numbers, title: str, H: Any, g: Any, vector: Any, counts: tuple[int, ...]) -> None:
    """Boundaries of the quadratic model with gradient g + H p, and 1 + (|g| / |g·v|)^(1/T), where g·v has grown to |g|."""
    largest = float(vector @ H @ vector)
    excess = float(np.linalg.norm(g) / abs(g @ vector))
    for steps in progress(counts, f"quadratic model, {title}"):
        measured = boundary(lambda p: g + H @ p, np.zeros(SIZE), largest, steps, 16)
        put(numbers, MEASURED.format(f"quadratic model, {title}"), steps, measured)
        put(numbers, PREDICTED.format(f"quadratic model, {title}"), steps, 1 + excess ** (1 / steps))


def minimum(numbers: Numbers, data: Any, counts: tuple[int, ...], reduced: bool) -> None:
    """The regularised loss near its minimum and its quadratic model there, and the loss after descent from zero weights."""
    if reduced:
        data = data[::6]
    gradient = hoad.grad(regularised)
    best = ho.minimize(lambda w: regularised(w, data), np.zeros(SIZE), method="truncated-newton", tol=1e-9).x
    put(numbers, "largest entry of the gradient", "minimum", np.max(np.abs(gradient(best, data))))
    H = hoad.HessianOperator(lambda w: regularised(w, data), best).to_dense()
    eigenvalues, vectors = np.linalg.eigh(H)
    largest, vector = float(eigenvalues[-1]), vectors[:, -1]
    put(numbers, "largest eigenvalue", "minimum", largest)
    away = np.random.default_rng(0).standard_normal(SIZE)
    away *= 1e-3 / np.linalg.norm(away)
    boundaries(numbers, "minimum", H, H @ away, vector, counts)
    steps = 150 if reduced else 600
    put(numbers, MEASURED.format("loss"), steps, boundary(lambda w: gradient(w, data), best + away, largest, steps, 15))

    lowest = float(regularised(best, data))
    for ratio in progress(CURVES, "near the minimum"):
        w = best + away
        for i in range(0 if reduced else steps + 1):
            if i % 5 == 0:
                put(numbers, f"excess loss near the minimum, η λmax = {ratio}", i, regularised(w, data) - lowest)
            w = w - ratio / largest * gradient(w, data)
    shown = SHOWN[:2] if reduced else SHOWN
    for ratio in progress(RATIOS, "from zero weights"):
        w = np.zeros(SIZE)
        for i in range(1, shown[-1] + 1):
            w = w - ratio / largest * gradient(w, data)
            if i in shown:
                put(numbers, SWEEP.format(i), ratio, regularised(w, data) - lowest)


def best_ratio(losses: dict[Any, float]) -> float:
    """Where the loss is least."""
    return float(min(losses, key=lambda ratio: losses[ratio]))


def accept(numbers: Numbers, reduced: bool = False) -> list[Check]:
    """Estimates of λmax, boundaries at 2 / λmax, and the learning rates that descend fastest."""
    largest = numbers["largest eigenvalue"]["trained weights"]
    last = numbers["Rayleigh quotient after products"][40]
    checks = [at_most("power iteration: relative error after 40 products", abs(last / largest - 1), 1e-9)]
    for title, value in numbers["mean of the on-line estimate over λmax"].items():
        what = f"on-line estimate over λmax, mean of the second half, {title}"
        checks.append(near(what, value, 1.0, 0.1 if title == "γ = 0.003" else 0.03))
    for title, value in numbers["cosine of Ψ and the eigenvector"].items():
        checks.append(between(f"cosine of Ψ and the eigenvector, {title}", value, 0.95))

    for title in MODELS:
        measured = numbers[MEASURED.format(f"quadratic model, {title}")]
        predicted = numbers[PREDICTED.format(f"quadratic model, {title}")]
        steps = max(measured)
        if title == "minimum" or not reduced:
            checks.append(near(f"boundary of the quadratic model, {title}, {steps:g} steps", measured[steps], 2.0, 0.01))
        differences = [measured[i] - predicted[i] for i in measured]  # negative by what the other eigenvectors still have
        for what, value in (("least", min(differences)), ("largest", max(differences))):
            checks.append(between(f"boundary of the quadratic model, {title}: {what} above its prediction", value, -0.01, 1e-4))
    steps, value = max(numbers[MEASURED.format("loss")].items())
    checks.append(near(f"boundary of the loss, {steps:g} steps", value, 2.0, 0.01))
    checks.append(at_most("gradient at the minimum", numbers["largest entry of the gradient"]["minimum"], 1e-8))

    for i in SHOWN[: 2 if reduced else 3]:
        checks.append(between(f"η λmax of least loss after {i} steps", best_ratio(numbers[SWEEP.format(i)]), 1.0, 2.0))
    if not reduced:
        final = numbers[SWEEP.format(SHOWN[-1])]
        below = max(final[r] for r in RATIOS if 1 <= r < 2)
        above = min(final[r] for r in RATIOS if r > 2)
        checks.append(between("excess loss after 600 steps: least above 2 over largest in [1, 1.98]", above / below, 1e3))
    zero = numbers["largest eigenvalue"]
    difference = abs(zero["zero weights"] / zero["zero weights, closed form"] - 1)
    checks.append(at_most("largest eigenvalue at zero weights: relative error against the closed form", difference, 1e-12))
    for i in range(1, 2 if reduced else PASSES + 1):
        errors = numbers[ERROR.format("network", i)]
        least = min(errors.values())
        checks.append(between(f"network, pass {i}: η λmax of least error", best_ratio(errors), 0.2, 2.0))
        checks.append(at_most(f"network, pass {i}: error at η = 1 / λmax over the least", errors[1.0] / least, 1.25))
        checks.append(between(f"network, pass {i}: error at η = 4 / λmax over the least", errors[4.0] / least, 3.0))
    if not reduced:
        errors = numbers[ERROR.format("softmax regression", PASSES)]
        name = f"softmax regression, pass {PASSES}: error at η = 1 / λmax over the least"
        checks.append(replace(at_most(name, errors[1.0] / min(errors.values()), 1.25), deviation=UNEVEN))
    return checks


def plot(result: Result, path: Path) -> None:
    """Estimates of the eigenvalue, boundaries against steps, and the loss against the learning rate."""
    plt = needs("matplotlib.pyplot")
    numbers = result.numbers
    largest = numbers["largest eigenvalue"]["trained weights"]
    shades = plt.get_cmap("viridis")
    figure, axes = plt.subplots(2, 3, figsize=(13.5, 8), layout="constrained")

    ax = axes[0, 0]
    quotients = numbers["Rayleigh quotient after products"]
    ax.semilogy(list(quotients), [max(1 - q / largest, 1e-16) for q in quotients.values()], "o-", color="tab:red", markersize=3.5)
    ax.set(xlabel="products H v", ylabel="1 − estimate / λmax", title="power iteration, all images, softmax regression")

    ax = axes[0, 1]
    for gamma, colour in zip(GAMMAS, ("tab:orange", "tab:blue", "tab:green")):
        curve = numbers.get(ESTIMATE.format(f"γ = {gamma}"), {})
        ax.plot(list(curve), list(curve.values()), color=colour, linewidth=1.3, label=f"γ = {gamma}")
    ax.axhline(1, color="0.4", linewidth=0.8)
    ax.axvline(1797, color="0.4", linewidth=0.8, linestyle=":")
    ax.annotate("one pass", (1797, 0.05), xytext=(4, 0), textcoords="offset points", fontsize=9, color="0.3")
    ax.set(xlabel="images presented", ylabel="|Ψ| / λmax", title="on-line, one image a product, network", ylim=(0, 1.3))
    ax.legend(loc="center right")

    ax = axes[0, 2]
    for title, colour, label in zip(MODELS, ("tab:red", "tab:blue"), ("model at the trained weights", "model at the minimum")):
        measured = numbers[MEASURED.format(f"quadratic model, {title}")]
        predicted = numbers[PREDICTED.format(f"quadratic model, {title}")]
        ax.plot(list(predicted), [value - 2 for value in predicted.values()], color=colour, linewidth=1)
        ax.plot(list(measured), [value - 2 for value in measured.values()], "o", color=colour, label=label)
    measured = numbers[MEASURED.format("loss")]
    ax.plot(list(measured), [value - 2 for value in measured.values()], "k*", markersize=11, label="loss near the minimum")
    ax.plot([], [], color="0.5", linewidth=1, label="1 + (|g| / |g·v|)^(1/T) − 2")
    ax.set(xscale="log", yscale="log", xlabel="steps T", ylabel="measured η λmax − 2", title="boundary after T steps, softmax")
    ax.legend(loc="upper right", fontsize=9)

    ax = axes[1, 0]
    for i, ratio in enumerate(CURVES):
        curve = numbers.get(f"excess loss near the minimum, η λmax = {ratio}", {})
        shown = {k: value for k, value in curve.items() if value > 1e-15}
        ax.semilogy(list(shown), list(shown.values()), color=shades(i / 4.6), label=f"{ratio:g}")
    ax.set(xlabel="step", ylabel="loss − minimum", title="descent from near the minimum, softmax regression", ylim=(1e-15, 1e2))
    ax.legend(title="η λmax", ncols=5, fontsize=9, loc="upper center", columnspacing=1.0)

    ax = axes[1, 1]
    for i, steps in enumerate(SHOWN):
        losses = numbers.get(SWEEP.format(steps), {})
        shown = {r: max(value, 1e-15) for r, value in losses.items()}
        ax.semilogy(list(shown), list(shown.values()), "o-", color=shades(i / 2.6), markersize=3.5, label=f"{steps} steps")
    ax.set(xlabel="η λmax, all images a step", ylabel="loss − minimum", title="descent from zero weights, softmax regression")

    ax = axes[1, 2]
    for i in range(1, PASSES + 1):
        errors = numbers.get(ERROR.format("network", i), {})
        label = "1 pass" if i == 1 else f"{i} passes"
        ax.loglog(list(errors), list(errors.values()), "o-", color=shades((i - 1) / 5), markersize=3.5, label=label)
    ax.set(xlabel="η λmax, one image a step", ylabel="mean squared error / 2", title="on-line descent, network")
    ax.set_xticks([0.05, 0.1, 0.2, 0.5, 1, 2, 4], ["0.05", "0.1", "0.2", "0.5", "1", "2", "4"], minor=False)
    ax.set_yticks([0.5, 1, 2, 5], ["0.5", "1", "2", "5"], minor=False)
    ax.minorticks_off()
    for ax in axes[1, 1:]:
        for ratio, style in ((1, ":"), (2, "--")):
            ax.axvline(ratio, color="0.5", linestyle=style, linewidth=1)
        ax.legend(fontsize=9, loc="lower left" if ax is axes[1, 1] else "upper left")
    for ax in axes.flat:
        ax.title.set_size(10.5)
        ax.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    plt.close(figure)
