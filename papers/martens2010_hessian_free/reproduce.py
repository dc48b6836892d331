"""Hessian-free optimisation of an autoencoder beside gradient descent with momentum, at equal iterations and at equal cost.

Source: J. Martens, Deep learning via Hessian-free optimization, ICML (2010): Gauss–Newton products, damping, stopping rule of
the inner iteration, preconditioner, search back along the iterates, sparse initialisation.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import hoad
import hoad.optimize as ho
from papers.reproduction import Check, Numbers, Result, at_most, between, needs, progress, put

TITLE = "Martens (2010): Hessian-free optimisation of a deep autoencoder"

SIZES = (64, 32, 16, 8, 16, 32, 64)
LINEAR = (2, 5)  # the code, and the output, which the loss turns into probabilities
TRAIN = 1347
BATCH = 100
MAX_CG = 60
BUDGET = 2500  # gradients of the training set
SEEDS = (0, 1, 2)
RATES = (0.1, 0.05, 0.03, 0.01)
MOMENTUM, RATE, FULL_RATE = 0.9, 0.05, 0.1
TRIAL = 100  # epochs of each rate
SAME = (10, 20, 35)  # iterations beside epochs
COSTS = (250, 500, 1000, 2500)
DETAILS = ("cg", "min_curvature", "negative_curvature", "damping")
NAMES = ("HF", "HF, no preconditioner", "HF, Hessian", "SGD", "GD")
LABELS = dict(zip(NAMES, ("HF, preconditioned", "HF, no preconditioner", "HF with the Hessian", "SGD + momentum", "GD + momentum")))
NEGATIVE = "steps that met negative curvature, start 0"
EQUAL_COST = (
    "At equal cost there is no gain: an iteration costs some seventy gradients, and an epoch of minibatches takes fourteen steps. "
    "SGD is ahead at every smaller cost, and Hessian-free optimisation draws level with it at this one."
)


def start(seed: int) -> list[dict[str, Any]]:
    """Weights of the paper's sparse initialisation: 15 incoming weights from N(0, 1) for each unit, no biases."""
    rng = np.random.default_rng(seed)
    layers = []
    for a, b in pairwise(SIZES):
        W = np.zeros((a, b))
        for unit in range(b):
            values = rng.standard_normal(min(15, a))
            W[rng.choice(a, len(values), replace=False), unit] = values
        layers.append({"W": W, "b": np.zeros((1, b))})
    return layers


def network(layers: Any, x: Any) -> Any:
    """Logits of the reconstruction: logistic units, linear code; a leading axis of the weights makes several networks."""
    h = x
    for i, layer in enumerate(layers):
        h = h @ layer["W"] + layer["b"]
        if i not in LINEAR:
            h = 1.0 / (1.0 + np.exp(-h))
    return h


def cross_entropy(z: Any, x: Any) -> Any:
    """-Σ x log s + (1 - x) log(1 - s) for s = 1/(1 + exp(-z)), mean over the examples; the loss that matches logistic outputs."""
    return np.sum(np.log1p(np.exp(z)) - x * z, axis=(-2, -1)) / x.shape[-2]


def squared_error(layers: Any, x: Any) -> Any:
    """|s - x|², mean over the examples: the error that the paper reports."""
    return np.sum((1.0 / (1.0 + np.exp(-network(layers, x))) - x) ** 2, axis=(-2, -1)) / x.shape[-2]


def run(reduced: bool = False) -> Result:
    """Hessian-free runs from three starts, without preconditioner and with the Hessian from one, and descent with momentum."""
    numbers: Numbers = {}
    data = needs("sklearn.datasets").load_digits().data / 16.0
    x, test = data[:TRAIN], data[TRAIN:]
    seeds = SEEDS[:1] if reduced else SEEDS
    tasks = [(name, seed) for name in NAMES[:3] for seed in (seeds if name == "HF" else seeds[:1])]
    for name, seed in progress(tasks, "Hessian-free"):
        steps = 11 if reduced else max(SAME) if seed else 1000
        layers, found = hessian_free(x, seed, name, BUDGET, steps)
        for key in ("cost", "loss", "error"):
            numbers[f"{key}, {name}, start {seed}"] = dict(enumerate(found[key]))
        put(numbers, f"steps, start {seed}", name, len(found["cg"]))
        put(numbers, f"products, start {seed}", name, np.sum(found["cg"]))
        put(numbers, f"steps that met negative curvature, start {seed}", name, np.sum(found["negative_curvature"]))
        put(numbers, f"least curvature, start {seed}", name, np.min(found["min_curvature"]))
        put(numbers, f"largest rise of the loss, start {seed}", name, np.max(np.diff(found["loss"])))
        if not seed:
            numbers[f"damping, {name}"] = dict(enumerate(found["damping"]))
            put(numbers, "test error", name, squared_error(layers, test))
    epochs = 11 if reduced else BUDGET
    for name, rate, batch in progress([("SGD", RATE, BATCH), ("GD", FULL_RATE, TRAIN)], "momentum"):
        layers, losses, errors = momentum(x, seeds[:1], [rate], MOMENTUM, batch, epochs)
        for i in places(epochs):
            put(numbers, f"loss, {name}, start 0", i, losses[i, 0])
            put(numbers, f"error, {name}, start 0", i, errors[i, 0])
        put(numbers, "test error", name, squared_error(layers, test)[0])
    for beta, rates, starts in ((MOMENTUM, RATES, seeds), (0.99, [rate / 10 for rate in RATES], seeds[:1])):
        runs = [(rate, seed) for seed in starts for rate in rates]
        if not reduced or beta == MOMENTUM:
            trial = max(SAME[:1]) if reduced else TRIAL
            _, _, errors = momentum(x, [seed for _, seed in runs], [rate for rate, _ in runs], beta, BATCH, trial)
            for (rate, seed), curve in zip(runs, errors.T):
                for i in places(trial):
                    put(numbers, f"error, SGD {rate:g}, momentum {beta}, start {seed}", i, curve[i])
    return Result(numbers, accept(numbers, reduced), reduced)


def places(last: int) -> list[int]:
    """At most a hundred epochs, evenly spread on a logarithmic axis, and those that are compared."""
    return sorted({0, last, *np.geomspace(1, last, 100).astype(int).tolist(), *(i for i in (*SAME, *COSTS) if i <= last)})


def at_cost(numbers: Numbers, what: str, name: str, cost: float) -> float:
    """The last value that was reached for ``cost`` gradients."""
    costs = numbers.get(f"cost, {name}, start 0")
    values = numbers[f"{what}, {name}, start 0"]
    return values[max(i for i in values if (costs[i] if costs else i) <= cost)]


def accept(numbers: Numbers, reduced: bool = False) -> list[Check]:
    """Hessian-free before momentum at equal iterations and costs, curvature, descent, and what the preconditioner gains."""
    checks = []
    for i in SAME[: 1 if reduced else 3]:
        ratios = [numbers[f"error, HF, start {s}"][i] / min(c[i] for c in trials(numbers, s).values()) for s in started(numbers)]
        name = f"error after {i} iterations over that of SGD at its best rate after {i} epochs, worst start"
        checks.append(at_most(name, max(ratios), 0.999))
    gauss_newton = [("HF", seed) for seed in started(numbers)] + [("HF, no preconditioner", 0)]
    negative = sum(numbers[f"steps that met negative curvature, start {seed}"][name] for name, seed in gauss_newton)
    checks.append(at_most("Gauss-Newton: steps that met negative curvature", negative, 0))
    least = min(numbers[f"least curvature, start {seed}"][name] for name, seed in gauss_newton)
    checks.append(between("Gauss-Newton: least curvature, without damping", least, 0))
    checks.append(between("Hessian: steps that met negative curvature", numbers[NEGATIVE]["HF, Hessian"], 1))
    checks.append(at_most("Hessian: least curvature, without damping", numbers["least curvature, start 0"]["HF, Hessian"], -1e-3))
    rises = [max(numbers[f"largest rise of the loss, start {seed}"].values()) for seed in started(numbers)]
    checks.append(at_most("Gauss-Newton and Hessian: largest rise of the loss", max(rises), 0))
    if reduced:
        return checks
    ratio = {name: at_cost(numbers, "error", "HF", BUDGET) / at_cost(numbers, "error", name, BUDGET) for name in NAMES[1:]}
    checks.append(at_most(f"error at {BUDGET} gradients over that of GD, full batch", ratio["GD"], 0.999))
    checks.append(at_most(f"error at {BUDGET} gradients over that without preconditioner", ratio["HF, no preconditioner"], 0.95))
    checks.append(at_most(f"error at {BUDGET} gradients over that with the Hessian", ratio["HF, Hessian"], 0.5))
    checks.append(replace(at_most(f"error at {BUDGET} gradients over that of SGD", ratio["SGD"], 0.999), deviation=EQUAL_COST))
    tried = [numbers[key][TRIAL] for key in numbers if key.startswith("error, SGD 0") and key.endswith("start 0")]
    best = trials(numbers, 0)[RATE][TRIAL] / min(tried)
    checks.append(at_most(f"error of the rate used for {BUDGET} epochs over the best of all tried, after {TRIAL} epochs", best, 1))
    return checks


def trials(numbers: Numbers, seed: int) -> dict[float, dict[Any, float]]:
    """Error against epoch of SGD from one start: one curve for each rate."""
    return {rate: numbers[f"error, SGD {rate:g}, momentum {MOMENTUM}, start {seed}"] for rate in RATES}


def started(numbers: Numbers) -> list[int]:
    """The starts of a run."""
    return [seed for seed in SEEDS if f"error, HF, start {seed}" in numbers]


def plot(result: Result, path: Path) -> None:
    """Error against iteration or epoch, against cost, and from three starts with all rates."""
    plt = needs("matplotlib.pyplot")
    numbers = result.numbers
    figure, axes = plt.subplots(1, 3, figsize=(13, 4.6), layout="constrained", sharey=True)
    colours = dict(zip(NAMES, ("tab:red", "tab:orange", "tab:purple", "tab:blue", "0.5")))
    for name in NAMES:
        curve = numbers[f"error, {name}, start 0"]
        costs = numbers.get(f"cost, {name}, start 0") or {i: i for i in curve}
        style = {"color": colours[name], "label": LABELS[name], "linestyle": "--" if name in ("SGD", "GD") else "-"}
        shown = [i for i in curve if i <= TRIAL]
        axes[0].semilogy(shown, [curve[i] for i in shown], **style)
        bought = [i for i in curve if 1 <= costs[i] <= BUDGET]
        axes[1].loglog([costs[i] for i in bought], [curve[i] for i in bought], **style)
    for seed, line in zip(started(numbers), ("-", "--", ":")):
        curve = numbers[f"error, HF, start {seed}"]
        axes[2].semilogy(list(curve), list(curve.values()), color="tab:red", linestyle=line, label=f"HF, start {seed}")
    for seed, line in zip(started(numbers), ("-", "--", ":")):
        tried = trials(numbers, seed)
        best = min(tried, key=lambda rate: list(tried[rate].values())[-1])
        for rate, curve in tried.items():
            label = f"SGD, start {seed}, best rate {rate:g}" if rate == best else None
            colour, above = ("tab:blue", 2) if rate == best else ("lightsteelblue", 1)
            axes[2].semilogy(list(curve), list(curve.values()), color=colour, linestyle=line, label=label, zorder=above)
    axes[0].set(xlabel="iteration or epoch", ylabel="squared error per training image", title="equal iterations", xlim=(0, TRIAL))
    axes[1].set(xlabel="cost in gradients of the training set", title="equal cost")
    axes[2].set(xlabel="iteration or epoch", title="three starts; pale: SGD at other rates", xlim=(0, TRIAL))
    axes[0].set_ylim(0.4, 12)
    axes[0].set_yticks([0.5, 1, 2, 5, 10], ["0.5", "1", "2", "5", "10"])
    for ax in axes:
        ax.tick_params(axis="y", which="minor", left=False)
        ax.grid(alpha=0.3)
    axes[0].legend(fontsize=8, loc="upper right", framealpha=1)
    axes[2].legend(fontsize=7.5, loc="lower right")
    figure.suptitle("Autoencoder 64-32-16-8-16-32-64 on digits: Hessian-free optimisation beside descent with momentum 0.9")
    figure.savefig(path, dpi=130)
    plt.close(figure)


def hessian_free(x: Any, seed: int, name: str, budget: float, iterations: int) -> tuple[Any, dict[str, list[float]]]:
    """Weights, and what each iteration found; costs are in gradients of the training set.

    Multiplications by weight matrices: 1 for a value, 3 for a gradient, 4 for a product Jᵀ L J v whose forward pass is kept, 6
    for a product with the Hessian, 3 for the squared gradients of all examples.
    """
    calls = 0

    def model(layers: Any) -> Any:
        nonlocal calls
        calls += 1
        return network(layers, x)

    options: dict[str, Any] = {"max_cg": MAX_CG, "loss": lambda z: cross_entropy(z, x)}
    if name == "HF":
        image_loss = lambda layers, image: cross_entropy(network(layers, image[None]), image[None])
        options |= {"preconditioner": "empirical-fisher", "example_loss": image_loss, "examples": (x,)}
    if name == "HF, Hessian":
        options["loss"] = None
    method = ho.hessian_free(**options)
    f = (lambda layers: cross_entropy(model(layers), x)) if name == "HF, Hessian" else model
    product, extra = 6 if name == "HF, Hessian" else 4, 3 if name == "HF" else 0
    layers = start(seed)
    state = method.init(layers)
    found: dict[str, list[float]] = {key: [] for key in ("cost", "loss", "error", *DETAILS)}
    matrices = 0.0
    for _ in range(iterations + 1):
        found["cost"].append(matrices / 3)
        found["loss"].append(float(cross_entropy(network(layers, x), x)))
        found["error"].append(float(squared_error(layers, x)))
        if found["cost"][-1] >= budget or len(found["cost"]) > iterations:
            break
        before = calls
        with np.errstate(over="ignore"):  # trial steps that are too long
            step, state = method.update(f, layers, state)
        layers = ho.apply_updates(layers, step)
        details = state.report.details
        matrices += calls - before + 2 + product * details["cg"] + extra
        for key in DETAILS:
            found[key].append(details[key])
    return layers, found


def momentum(x: Any, seeds: Any, rates: Any, beta: float, batch: int, epochs: int) -> tuple[Any, Any, Any]:
    """Networks, losses and errors (epochs + 1, runs) of one run for each seed and rate, all in one array; one epoch costs 1."""
    starts = [start(seed) for seed in seeds]
    layers = [{key: np.stack([s[i][key] for s in starts]) for key in ("W", "b")} for i in range(len(SIZES) - 1)]
    eta = np.asarray(rates)[:, None, None]
    gradient = hoad.grad(lambda layers, x: np.sum(cross_entropy(network(layers, x), x)))
    method = ho.sgd(1.0, momentum=beta)
    state = method.init(layers)
    rng = np.random.default_rng(0)
    losses, errors = [cross_entropy(network(layers, x), x)], [squared_error(layers, x)]
    with np.errstate(all="ignore"):  # rates that are too large diverge
        for _ in range(epochs):
            order = rng.permutation(len(x))
            for i in range(0, len(x), batch):
                step, state = method.update(gradient(layers, x[order[i : i + batch]]), state)
                layers = [{key: layer[key] + eta * move[key] for key in layer} for layer, move in zip(layers, step)]
            losses.append(cross_entropy(network(layers, x), x))
            errors.append(squared_error(layers, x))
    return layers, np.array(losses), np.array(errors)
