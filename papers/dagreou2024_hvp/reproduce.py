"""Time and memory of a Hessian-vector product against those of a gradient, for the three ways to compose it.

Source: M. Dagréou, P. Ablin, S. Vaiter and T. Moreau, How to compute Hessian-vector products?, ICLR Blogposts 2024.
Networks of a size for two CPU cores stand in for ResNet, ViT and BERT.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import hoad
from papers.measure import slope, times
from papers.reproduction import Check, Numbers, Result, at_most, between, near, needs, progress, put

TITLE = "Dagréou et al. (2024): Hessian-vector products in three compositions"

MODES = ("forward-over-reverse", "reverse-over-forward", "reverse-over-reverse")
CLASSES = 10
SIDE, CHANNELS, CONVOLUTIONS = 12, 4, 12
WIDTH, DEPTH = 64, 10
BATCH = 64
RATIO = "time of HVP over gradient"
ACCEPTED = (1.5, 5.0)

Parameters = dict[str, Any]
Loss = Callable[[Parameters], Any]


def cross_entropy(scores: Any, labels: Any) -> Any:
    """Mean negative log-likelihood; ``labels`` is one-hot."""
    scores = scores - np.max(scores, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(scores), axis=1)) - np.sum(labels * scores, axis=1))


def multilayer(rng: np.random.Generator, batch: int, depth: int = DEPTH) -> tuple[Loss, Parameters]:
    """A tanh network of ``depth`` hidden layers on random vectors."""
    images, labels = rng.standard_normal((batch, WIDTH)), np.eye(CLASSES)[rng.integers(0, CLASSES, batch)]
    parameters = {f"W{i}": rng.standard_normal((WIDTH, WIDTH)) / np.sqrt(WIDTH) for i in range(depth)}
    parameters |= {f"b{i}": 0.1 * rng.standard_normal(WIDTH) for i in range(depth)}
    parameters |= {"W": rng.standard_normal((WIDTH, CLASSES)) / np.sqrt(WIDTH), "b": np.zeros(CLASSES)}

    def loss(p: Parameters) -> Any:
        hidden = images
        for i in range(depth):
            hidden = np.tanh(hidden @ p[f"W{i}"] + p[f"b{i}"])
        return cross_entropy(hidden @ p["W"] + p["b"], labels)

    return loss, parameters


def convolution(image: Any, kernel: Any) -> Any:
    """3 × 3 convolution that keeps the size, images of shape (batch, height, width, channel), by slices and one product."""
    height, width = image.shape[1:3]
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1), (0, 0)))
    patches = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return np.einsum("bhwc,cd->bhwd", np.concatenate(patches, axis=-1), kernel)


def convolutional(rng: np.random.Generator, batch: int, depth: int = CONVOLUTIONS) -> tuple[Loss, Parameters]:
    """A small residual convolutional network on random images."""
    images, labels = rng.standard_normal((batch, SIDE, SIDE, 1)), np.eye(CLASSES)[rng.integers(0, CLASSES, batch)]
    parameters = {"K": rng.standard_normal((9, CHANNELS)) / 3}
    parameters |= {"W": rng.standard_normal((CHANNELS, CLASSES)), "b": np.zeros(CLASSES)}
    parameters |= {f"K{i}": rng.standard_normal((9 * CHANNELS, CHANNELS)) / np.sqrt(9 * CHANNELS) for i in range(depth)}
    parameters |= {f"b{i}": 0.1 * rng.standard_normal(CHANNELS) for i in range(depth)}

    def loss(p: Parameters) -> Any:
        hidden = convolution(images, p["K"])
        for i in range(depth):
            hidden = hidden + np.maximum(convolution(hidden, p[f"K{i}"]) + p[f"b{i}"], 0.0)
        return cross_entropy(np.mean(hidden, axis=(1, 2)) @ p["W"] + p["b"], labels)

    return loss, parameters


NETWORKS: dict[str, Callable[..., tuple[Loss, Parameters]]] = {"MLP": multilayer, "convolutional": convolutional}
BATCHES = {"MLP": (16, 32, 64, 128, 256), "convolutional": (8, 16, 32, 64, 128)}


def calls(loss: Loss, parameters: Parameters, direction: Parameters) -> dict[str, Callable[[], Any]]:
    """Gradient and the three products, ready to be measured."""
    made: dict[str, Callable[[], Any]] = {"gradient": lambda: hoad.grad(loss)(parameters)}
    for mode in MODES:
        made[mode] = lambda mode=mode: hoad.hvp(loss, parameters, direction, mode=mode)
    return made


def peak_memory(call: Callable[[], Any]) -> float:
    """Most bytes that NumPy and Python held at once during ``call``, beyond what they held before."""
    tracemalloc.start()
    try:
        call()
        return float(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


def difference(a: Parameters, b: Parameters) -> float:
    """Largest difference relative to the largest entry."""
    scale = max(float(np.max(np.abs(v))) for v in a.values())
    return max(float(np.max(np.abs(a[k] - b[k]))) for k in a) / scale


def run(reduced: bool = False) -> Result:
    """Times and memory for growing batches, and memory for growing depth."""
    numbers: Numbers = {}
    jobs = [(name, batch) for name in NETWORKS for batch in ((4, 16) if reduced else BATCHES[name])]
    for name, batch in progress(jobs, "batches"):
        measure(numbers, name, batch, reduced)
    for depth in progress((2, 8) if reduced else (1, 2, 4, 8, 16, 32), "depths"):
        for way, call in calls(*with_direction(multilayer, 256, depth)).items():
            call()
            put(numbers, f"peak bytes by depth, {way}", depth, peak_memory(call))
    for name in NETWORKS:
        for mode in MODES:
            ratios = numbers[f"{RATIO}, {mode}, {name}"]
            exponent = slope([float(n) for n in ratios], list(ratios.values()))
            put(numbers, "slope of the ratio in the batch size", f"{mode}, {name}", exponent)
    return Result(numbers, accept(numbers, reduced), reduced)


def with_direction(network: Callable[..., tuple[Loss, Parameters]], batch: int, *depth: int) -> tuple[Loss, Parameters, Parameters]:
    """A random network and a random direction."""
    rng = np.random.default_rng(0)
    loss, parameters = network(rng, batch, *depth)
    return loss, parameters, {k: rng.standard_normal(v.shape) for k, v in parameters.items()}


def measure(numbers: Numbers, name: str, batch: int, reduced: bool) -> None:
    """Agreement, times and memory of one network at one batch size."""
    made = calls(*with_direction(NETWORKS[name], batch, *([6] if reduced else [])))
    products = [made[mode]() for mode in MODES]
    put(numbers, f"difference between modes, {name}", batch, max(difference(products[0], p) for p in products[1:]))
    seconds = times(made, repeats=1 if reduced else 9, least=0 if reduced else 0.01)
    for way, call in made.items():
        put(numbers, f"seconds, {way}, {name}", batch, seconds[way])
        put(numbers, f"peak bytes, {way}, {name}", batch, peak_memory(call))
    for mode in MODES:
        put(numbers, f"{RATIO}, {mode}, {name}", batch, seconds[mode] / seconds["gradient"])


def accept(numbers: Numbers, reduced: bool = False) -> list[Check]:
    """Same products; a product costs 1.5 to 5 gradients whatever the batch; forward-over-reverse needs the least memory."""
    checks = []
    for name in NETWORKS:
        worst = max(numbers[f"difference between modes, {name}"].values())
        checks.append(at_most(f"{name}: relative difference between the three modes", worst, 1e-10))
    for name in NETWORKS:
        for mode in MODES:
            ratios = numbers[f"{RATIO}, {mode}, {name}"].values()
            exponent = numbers["slope of the ratio in the batch size"][f"{mode}, {name}"]
            checks.append(between(f"{name}, {mode}: least {RATIO}", min(ratios), *ACCEPTED, timing=True))
            checks.append(between(f"{name}, {mode}: largest {RATIO}", max(ratios), *ACCEPTED, timing=True))
            checks.append(near(f"{name}, {mode}: exponent of the batch size in it", exponent, 0, 0.1, timing=True))
    for name in NETWORKS:
        peaks = {m: max(numbers[f"peak bytes, {m}, {name}"].values()) for m in MODES}
        batch = max(numbers[f"peak bytes, {MODES[0]}, {name}"])
        checks.append(least_memory(f"{name}, largest batch", peaks, _why_not_least(name, float(batch))))
    for depth in (d for d in numbers["peak bytes by depth, gradient"] if float(d) >= 8):
        peaks = {m: numbers[f"peak bytes by depth, {m}"][depth] for m in MODES}
        checks.append(least_memory(f"MLP of depth {depth:g}", peaks))
    return checks


def _why_not_least(name: str, batch: float) -> str:
    if name == "convolutional":
        return "the tape is mostly shifted copies of the images, which every mode keeps in the same number"
    return "" if batch >= 256 else "the parameters weigh more than the tape of so small a batch"


def least_memory(name: str, peaks: dict[str, float], deviation: str = "") -> Check:
    """Forward-over-reverse against the better of the two others."""
    others = min(peaks[mode] for mode in MODES if mode != "forward-over-reverse")
    ratio = peaks["forward-over-reverse"] / others
    check = at_most(f"{name}: peak memory of forward-over-reverse over the best other mode", ratio, 1)
    return replace(check, deviation=deviation)


def plot(result: Result, path: Path) -> None:
    """Ratio of times at one batch size, ratio against batch size, memory against batch size and depth."""
    plt = needs("matplotlib.pyplot")
    colours = dict(zip(("gradient", *MODES), ("0.4", "tab:blue", "tab:orange", "tab:green")))
    numbers = result.numbers
    figure, axes = plt.subplots(2, 2, figsize=(11, 8), layout="constrained")
    bars, ratio, memory, depth = axes.flat
    printed = {"JAX, ResNet34": (2.36, 2.37, 2.54), "PyTorch, ResNet34": (3.17, 2.81, 3.95)}
    at = {n: BATCH if BATCH in numbers[f"seconds, gradient, {n}"] else max(numbers[f"seconds, gradient, {n}"]) for n in NETWORKS}
    groups = {f"hoad, {n}": [numbers[f"{RATIO}, {m}, {n}"][at[n]] for m in MODES] for n in NETWORKS} | printed
    for i, mode in enumerate(MODES):
        places, heights = [k + 0.27 * (i - 1) for k in range(len(groups))], [g[i] for g in groups.values()]
        bars.bar(places, heights, 0.25, color=colours[mode], label=mode)
    bars.axhline(1, color=colours["gradient"], linewidth=1, linestyle="--")
    bars.set_xticks(range(len(groups)), groups, fontsize=8)
    bars.set(ylabel="time of HVP / time of gradient", title=f"batch of {at['MLP']:g} (PyTorch, JAX: the authors' GPU)", ylim=(0, 5))
    for name, line in zip(NETWORKS, ("-", "--")):
        for mode in MODES:
            values = numbers[f"{RATIO}, {mode}, {name}"]
            ratio.semilogx(list(values), list(values.values()), line, marker="o", color=colours[mode], label=f"{mode}, {name}")
        for way in ("gradient", *MODES):
            values = numbers[f"peak bytes, {way}, {name}"]
            style = dict(linestyle=line, marker="o", color=colours[way], label=f"{way}, {name}")
            memory.loglog(list(values), [v / 2**20 for v in values.values()], **style)
    ratio.axhspan(*ACCEPTED, color="0.5", alpha=0.1)
    ratio.set(xlabel="batch size", ylabel="time of HVP / time of gradient", ylim=(0, 5.5))
    ratio.set_title("the ratio does not depend on the batch")
    memory.set(xlabel="batch size", ylabel="peak memory, MiB", title="peak memory")
    for way in ("gradient", *MODES):
        values = numbers[f"peak bytes by depth, {way}"]
        depth.loglog(list(values), [v / 2**20 for v in values.values()], marker="o", color=colours[way], label=way)
    depth.set(xlabel="layers", ylabel="peak memory, MiB", title="peak memory against depth, MLP, batch of 256")
    batches = sorted({n for name in NETWORKS for n in numbers[f"seconds, gradient, {name}"]})
    for ax in (ratio, memory):
        ax.set_xticks(batches, [f"{n:g}" for n in batches])
        ax.minorticks_off()
    depths = list(numbers["peak bytes by depth, gradient"])
    depth.set_xticks(depths, [f"{n:g}" for n in depths])
    depth.minorticks_off()
    for ax in axes.flat:
        ax.grid(alpha=0.3)
    bars.legend(fontsize=8, ncols=2, loc="upper left")
    depth.legend(fontsize=8)
    ratio.legend(fontsize=7, ncols=2, loc="lower center")
    memory.set_ylim(top=memory.get_ylim()[1] * 12)
    memory.legend(fontsize=7, ncols=2, loc="upper left")
    figure.savefig(path, dpi=130)
    plt.close(figure)
