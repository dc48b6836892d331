"""Density of the eigenvalues of the Hessian by stochastic Lanczos quadrature: against the exact density, and during training.

Source: B. Ghorbani, S. Krishnan and Y. Xiao, An Investigation into Neural Net Optimization via Hessian Eigenvalue Density,
ICML (2019), arXiv 1901.10159.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.linalg import eigh_tridiagonal
from scipy.sparse.linalg import eigsh

import hoad
import hoad.optimize as ho
from papers.digits import CLASSES, PIXELS, SIZE, accuracy, images, loss, trained
from papers.measure import slope
from papers.reproduction import Check, Numbers, Result, at_most, between, near, needs, progress, put

TITLE = "Ghorbani, Krishnan & Xiao (2019): density of the Hessian's eigenvalues by Lanczos quadrature"

DEGREES = (5, 10, 20, 90)
PROBES = (1, 10)
HIDDEN = 20
NETWORK = PIXELS * HIDDEN + (HIDDEN + 1) * CLASSES
KINDS = {"plain": False, "batch norm": True}
SEEDS = 3
CHECKPOINTS = (0, 20, 50, 100, 200, 300, 400, 500, 600, 700, 800)
LATE = 100  # steps from which on the classes are told apart
RATE, BATCH = 0.5, 64
SHOWN = (0, 100)
ERROR, TOP, SPECTRUM = "L1 error of the density, k = {}", "relative error of the largest eigenvalue, k = {}", "density, {}"


def lanczos(H: Any, starts: Any, degree: int) -> tuple[Any, Any]:
    """Diagonals (k, m) and off-diagonals (k, m - 1) of the tridiagonal matrices of k starts (n, k), reorthogonalised."""
    v = starts / np.linalg.norm(starts, axis=0)
    basis = np.zeros((degree, *v.shape))
    diagonal, off = np.zeros((v.shape[1], degree)), np.zeros((v.shape[1], degree - 1))
    for i in range(degree):
        basis[i] = v
        w = H @ v
        diagonal[:, i] = np.sum(v * w, axis=0)
        for _ in range(2):  # twice is orthogonal to rounding; once to 2e-11 here
            w = w - np.einsum("mnk,mk->nk", basis[: i + 1], np.einsum("mnk,nk->mk", basis[: i + 1], w))
        if i < degree - 1:
            off[:, i] = np.linalg.norm(w, axis=0)
            v = w / off[:, i]
    return diagonal, off


def quadrature(tridiagonal: tuple[Any, Any], degree: int) -> tuple[Any, Any]:
    """Nodes and weights (k, degree) of the Gauss rules; smaller degrees are leading blocks of larger ones."""
    diagonal, off = tridiagonal
    pairs = [eigh_tridiagonal(a[:degree], b[: degree - 1]) for a, b in zip(diagonal, off)]
    return np.array([nodes for nodes, _ in pairs]), np.array([vectors[0] ** 2 for _, vectors in pairs])


def density(t: Any, nodes: Any, weights: Any, sigma: float) -> Any:
    """Sum of normal densities at the nodes, times their weights, at the points t."""
    out = np.zeros_like(t)
    for node, weight in zip(np.ravel(nodes), np.ravel(weights)):
        out += weight * np.exp(-0.5 * ((t - node) / sigma) ** 2)
    return out / (sigma * np.sqrt(2 * np.pi))


def points(eigenvalues: Any) -> tuple[Any, float]:
    """Points from five σ below the least to five above the largest eigenvalue; σ is 1 % of the largest."""
    sigma = 0.01 * float(eigenvalues[-1])
    return np.linspace(eigenvalues[0] - 5 * sigma, eigenvalues[-1] + 5 * sigma, 4000), sigma


def distance(t: Any, a: Any, b: Any) -> float:
    """∫ |a - b| dt, between 0 and 2 for densities."""
    return float(np.trapezoid(np.abs(a - b), t))


def run(reduced: bool = False) -> Result:
    """Softmax regression, where all eigenvalues are known, and networks with and without batch normalisation in training."""
    numbers: Numbers = {}
    data = images()
    softmax(numbers, data, reduced)
    for seed in range(1 if reduced else SEEDS):
        for kind in KINDS:
            training(numbers, data, kind, seed, reduced)
    return Result(numbers, accept(numbers, reduced), reduced)


def softmax(numbers: Numbers, data: Any, reduced: bool) -> None:
    """Errors of the density and of the largest eigenvalue against the degree m and the number k of probes."""
    w = trained(data)
    put(numbers, "trained weights", "loss", loss(w, data))
    put(numbers, "trained weights", "accuracy", accuracy(w, data))
    H = hoad.HessianOperator(lambda w: loss(w, data), w)
    eigenvalues, vectors = np.linalg.eigh(H.to_dense())
    largest = eigenvalues[-1]
    for i in range(1, 31):
        put(numbers, "eigenvalue, from the largest", i, eigenvalues[-i])
    put(numbers, "trace", "exact", H.trace())
    put(numbers, "fraction of eigenvalues below", 0.01, np.mean(eigenvalues < 0.01))
    t, sigma = points(eigenvalues)
    exact = density(t, eigenvalues, np.full(SIZE, 1 / SIZE), sigma)

    probes = np.random.default_rng(0).standard_normal((max(PROBES), SIZE)).T
    found = lanczos(H, probes, max(DEGREES))
    for m in (5, 10, 20) if reduced else DEGREES:
        nodes, weights = quadrature(found, m)
        for k in PROBES:
            put(numbers, ERROR.format(k), m, distance(t, density(t, nodes[:k], weights[:k] / k, sigma), exact))
            put(numbers, TOP.format(k), m, abs(np.max(nodes[:k]) / largest - 1))
    nodes, weights = quadrature(found, 20)
    put(numbers, "trace", "quadrature, m = 20, k = 10", SIZE * np.sum(nodes * weights) / max(PROBES))
    put(numbers, "trace", "standard error", np.sqrt(2 / max(PROBES) * np.sum(eigenvalues**2)))
    border = np.sqrt(eigenvalues[-CLASSES] * eigenvalues[1 - CLASSES])
    for i, node in enumerate(np.sort(nodes[0][nodes[0] > border])[::-1], start=1):
        put(numbers, "node above the bulk, m = 20, k = 1", i, node)

    # The quadrature alone: the density that this very probe would have with m = N.
    full = density(t, eigenvalues, (vectors.T @ probes[:, 0] / np.linalg.norm(probes[:, 0])) ** 2, sigma)
    for m in range(2, 31, 2):
        nodes, weights = quadrature(found, m)
        put(numbers, "L1 error of the quadrature alone, k = 1", m, distance(t, density(t, nodes[0], weights[0], sigma), full))

    if not reduced:
        many = np.random.default_rng(1).standard_normal((SIZE, 300))
        parts = [quadrature(lanczos(H, many[:, i : i + 50], 20), 20) for i in progress(range(0, 300, 50), "probes")]
        curves = np.array([density(t, x, y, sigma) for nodes, weights in parts for x, y in zip(nodes, weights)])
        for k in (1, 3, 10, 30, 100):
            means = curves.reshape(300 // k, k, -1).mean(axis=1)
            put(numbers, "mean L1 error against k, m = 20", k, np.mean([distance(t, mean, exact) for mean in means]))
        t_shown, places = t[::16], quadrature(found, 20)
        save(numbers, "exact", t_shown, exact[::16])
        save(numbers, "quadrature", t_shown, density(t_shown, *places, sigma) / max(PROBES))


def save(numbers: Numbers, title: str, t: Any, values: Any) -> None:
    """A curve, without the part that no plot shows."""
    for x, y in zip(t, values):
        if y > 1e-6:
            put(numbers, SPECTRUM.format(title), x, y)


def network(w: Any, data: Any, normalised: bool) -> Any:
    """Mean negative log-likelihood of a network of 1,510 weights, one hidden layer of tanh, whose input may be normalised."""
    first = PIXELS * HIDDEN
    h = data[:, :PIXELS] @ np.reshape(w[:first], (PIXELS, HIDDEN))
    if normalised:
        h = h - np.mean(h, axis=0)
        h = h / np.sqrt(np.mean(h**2, axis=0) + 1e-5)
    second = np.reshape(w[first:], (HIDDEN + 1, CLASSES))
    z = np.tanh(h) @ second[:HIDDEN] + second[HIDDEN]
    z = z - np.max(z, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - np.sum(data[:, PIXELS:] * z, axis=1))


def training(numbers: Numbers, data: Any, kind: str, seed: int, reduced: bool) -> None:
    """Outliers, negative eigenvalues, and the gradient's part in the outliers' space, at steps of stochastic descent."""
    rng = np.random.default_rng(seed)
    layers = (PIXELS, HIDDEN), (HIDDEN + 1, CLASSES)
    w = np.concatenate([rng.standard_normal(rows * columns) / rows**0.5 for rows, columns in layers])
    f = lambda w, data: network(w, data, KINDS[kind])
    gradient, method = hoad.grad(f), ho.sgd(RATE)
    state = method.init(w)
    checkpoints = [step for step in CHECKPOINTS if step <= 200] if reduced else CHECKPOINTS
    for step in progress(range(checkpoints[-1] + 1), f"{kind}, seed {seed}"):
        if step in checkpoints:
            H = hoad.HessianOperator(lambda w: f(w, data), w.copy())
            observe(numbers, H, f"{kind}, seed {seed}", step)
            if seed == 0 and step in SHOWN and not reduced:
                spectrum(numbers, H, f"{kind}, step {step}", compare=kind == "plain" and step == LATE)
        some = data[rng.integers(len(data), size=BATCH)]
        change, state = method.update(gradient(w, some), state, w)
        w = ho.apply_updates(w, change)


def observe(numbers: Numbers, H: Any, title: str, step: int) -> None:
    """Extreme eigenvalues of one Hessian without forming it."""
    start = np.random.default_rng(0).standard_normal(NETWORK)
    largest, vectors = eigsh(H, k=CLASSES, which="LA", v0=start, tol=1e-8)
    least = eigsh(H, k=1, which="SA", v0=start, tol=1e-6, return_eigenvectors=False)[0]
    g = H.gradient
    put(numbers, f"loss, {title}", step, H.value)
    put(numbers, f"largest eigenvalue, {title}", step, np.max(largest))
    put(numbers, f"largest over tenth eigenvalue, {title}", step, np.max(largest) / np.min(largest))
    put(numbers, f"least over largest eigenvalue, {title}", step, least / np.max(largest))
    put(numbers, f"part of the gradient in ten eigenvectors, {title}", step, np.sum((vectors.T @ g) ** 2) / np.sum(g**2))


def spectrum(numbers: Numbers, H: Any, title: str, compare: bool) -> None:
    """Density from 90 products with each of 10 probes, as in the paper; against all eigenvalues if asked."""
    probes = np.random.default_rng(0).standard_normal((NETWORK, 10))
    nodes, weights = quadrature(lanczos(H, probes, 90), 90)
    extremes = np.array([np.min(nodes), np.max(nodes)])
    t, sigma = points(extremes)
    estimate = density(t, nodes, weights / 10, sigma)
    save(numbers, title, t[::16], estimate[::16])
    if compare:
        columns = np.eye(NETWORK)
        dense = np.concatenate([H @ columns[:, i : i + 16] for i in range(0, NETWORK, 16)], axis=1)
        eigenvalues = np.linalg.eigvalsh(dense)
        exact = density(t, eigenvalues, np.full(NETWORK, 1 / NETWORK), sigma)
        put(numbers, "network, L1 error of the density", 90, distance(t, estimate, exact))
        put(numbers, "network, relative error of an extreme eigenvalue", "largest", abs(extremes[1] / eigenvalues[-1] - 1))
        put(numbers, "network, relative error of an extreme eigenvalue", "least", abs(extremes[0] / eigenvalues[0] - 1))
        save(numbers, "network, exact", t[::16], exact[::16])


def outliers(eigenvalues: dict[Any, float]) -> int:
    """Number of eigenvalues above the largest gap, in ratio, among the first 30."""
    values = np.array(list(eigenvalues.values()))
    return int(np.argmax(values[:-1] / values[1:])) + 1


def late(curve: dict[Any, float]) -> list[float]:
    """Values from step 100 on."""
    return [value for step, value in curve.items() if step >= LATE]


def accept(numbers: Numbers, reduced: bool = False) -> list[Check]:
    """Accuracy of the quadrature, number of outliers, and what batch normalisation changes."""
    exact = numbers["eigenvalue, from the largest"]
    checks = [
        at_most("L1 error of the density, m = 20, k = 10", numbers[ERROR.format(10)][20], 0.03),
        at_most("relative error of the largest eigenvalue, m = 10, k = 10", numbers[TOP.format(10)][10], 1e-9),
        at_most("relative error of the largest eigenvalue, m = 20, k = 10", numbers[TOP.format(10)][20], 1e-13),
        between("outliers of softmax regression", outliers(exact), CLASSES - 1, CLASSES),
    ]
    nodes = numbers["node above the bulk, m = 20, k = 1"]
    checks.append(near("nodes above the bulk, m = 20, one probe", len(nodes), outliers(exact), 0))
    worst = max(abs(nodes[i] / exact[i] - 1) for i in nodes if i in exact)
    checks.append(at_most("largest relative error of these nodes", worst, 1e-4))
    alone = numbers["L1 error of the quadrature alone, k = 1"]
    checks.append(at_most("quadrature alone: error at m = 20 over that at m = 10", alone[20] / alone[10], 1e-4))
    trace = numbers["trace"]
    error = abs(trace["quadrature, m = 20, k = 10"] - trace["exact"]) / trace["standard error"]
    checks.append(at_most("trace by quadrature: error over its standard error", error, 3))
    if not reduced:
        errors = numbers["mean L1 error against k, m = 20"]
        checks.append(near("slope of the error against k", slope(list(errors), list(errors.values())), -0.5, 0.05))
        error = numbers["network, L1 error of the density"][90]
        checks.append(at_most("network: L1 error of the density, m = 90, k = 10", error, 0.02))
        for end, error in numbers["network, relative error of an extreme eigenvalue"].items():
            checks.append(at_most(f"network: relative error of the {end} eigenvalue, m = 90", error, 1e-8))
    for seed in range(1 if reduced else SEEDS):
        part = {k: np.mean(late(numbers[f"part of the gradient in ten eigenvectors, {k}, seed {seed}"])) for k in KINDS}
        ratio = {k: np.mean(late(numbers[f"largest over tenth eigenvalue, {k}, seed {seed}"])) for k in KINDS}
        checks.append(between(f"part of the gradient in ten eigenvectors, plain, seed {seed}", part["plain"], 0.6, 1))
        checks.append(between(f"the same over that with batch norm, seed {seed}", part["plain"] / part["batch norm"], 1.3))
        checks.append(between(f"λ1 / λ10, plain over batch norm, seed {seed}", ratio["plain"] / ratio["batch norm"], 1.5))
        if not reduced:
            for kind in KINDS:
                least = numbers[f"least over largest eigenvalue, {kind}, seed {seed}"]
                checks.append(at_most(f"|λmin| / λmax at step 800 over that at 0, {kind}, seed {seed}", least[800] / least[0], 0.2))
    return checks


def plot(result: Result, path: Path) -> None:
    """Densities against the exact ones, errors, and eigenvalues during training."""
    plt = needs("matplotlib.pyplot")
    numbers = result.numbers
    figure, axes = plt.subplots(2, 4, figsize=(17, 8), layout="constrained")

    ax = axes[0, 0]
    for title, label, style in (("exact", "650 eigenvalues", "-"), ("quadrature", "m = 20, k = 10", "--")):
        curve = numbers.get(SPECTRUM.format(title), {})
        ax.semilogy(list(curve), list(curve.values()), style, label=label, linewidth=1.6)
    ax.set(xlabel="eigenvalue", ylabel="density", title="softmax regression, 650 weights", ylim=(1e-3, 1e2))

    ax = axes[0, 1]
    alone = numbers["L1 error of the quadrature alone, k = 1"]
    ax.semilogy(list(alone), list(alone.values()), ".-", color="0.5", label="density, quadrature alone")
    for quantity, label, colour in ((ERROR, "density", "tab:blue"), (TOP, "largest eigenvalue", "tab:red")):
        for k, style in zip(PROBES, ("o--", "o-")):
            errors = {m: max(value, 1e-16) for m, value in numbers[quantity.format(k)].items() if m <= 30}
            ax.semilogy(list(errors), list(errors.values()), style, color=colour, markersize=4, label=f"{label}, k = {k}")
    ax.set(xlabel="products per probe, m", ylabel="L1 or relative error", title="error against m", ylim=(1e-17, 1e9))

    ax = axes[0, 2]
    errors = numbers.get("mean L1 error against k, m = 20", {})
    ax.loglog(list(errors), list(errors.values()), "o", color="tab:blue", label="mean of 300 / k estimates")
    if errors:
        ax.loglog(list(errors), [errors[1] / k**0.5 for k in errors], color="0.5", label="1 / √k")
    ax.set(xlabel="probes, k", ylabel="L1 error of the density", title="error against k, m = 20")
    ax.set_yticks([0.003, 0.01, 0.03], ["0.003", "0.01", "0.03"])
    ax.minorticks_off()

    ax = axes[0, 3]
    lines(ax, numbers, "least over largest eigenvalue", -1.0)
    ax.set(xlabel="step", ylabel="−λmin / λmax", title="negative eigenvalues fade", yscale="log")

    for ax, kind in zip(axes[1], KINDS):
        for step, colour in zip(SHOWN, ("tab:orange", "tab:blue")):
            curve = numbers.get(SPECTRUM.format(f"{kind}, step {step}"), {})
            ax.semilogy(list(curve), list(curve.values()), color=colour, linewidth=1.3, label=f"step {step}")
        if kind == "plain":
            curve = numbers.get(SPECTRUM.format("network, exact"), {})
            ax.semilogy(list(curve), list(curve.values()), "k:", linewidth=1.6, label="step 100, 1,510 eigenvalues")
        ax.set(xlabel="eigenvalue", ylabel="density", title=f"network, {kind}, m = 90, k = 10", xlim=(-2, 3), ylim=(1e-3, 1e3))

    lines(axes[1, 2], numbers, "largest over tenth eigenvalue", 1.0)
    axes[1, 2].set(xlabel="step", ylabel="λ1 / λ10", title="outliers", ylim=(0, None))
    lines(axes[1, 3], numbers, "part of the gradient in ten eigenvectors", 1.0)
    axes[1, 3].set(xlabel="step", ylabel="|P g|² / |g|²", title="gradient in the space of ten eigenvectors", ylim=(0, 1.02))
    for ax in axes.flat:
        ax.grid(alpha=0.3)
        ax.legend(fontsize=8.5, loc="center right" if ax is axes[1, 2] else "best" if ax is axes[1, 3] else "upper right")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def lines(ax: Any, numbers: Numbers, quantity: str, sign: float) -> None:
    """One line for each seed."""
    for kind, colour in zip(KINDS, ("tab:red", "tab:blue")):
        for seed in range(SEEDS):
            curve = numbers.get(f"{quantity}, {kind}, seed {seed}", {})
            label = f"{kind}, {SEEDS} seeds" if seed == 0 else None
            ax.plot(list(curve), [sign * value for value in curve.values()], ".-", color=colour, linewidth=1, label=label)
