"""Error of Hessian-vector products by differences of gradients against the step, beside the R operator.

Source: B. A. Pearlmutter, Fast Exact Multiplication by the Hessian, Neural Computation 6 (1994).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import hoad
from papers.measure import slope
from papers.reproduction import Check, Numbers, Result, at_most, near, needs, progress, put

TITLE = "Pearlmutter (1994): exact Hessian-vector products, error against step size"

SIZE = 10
METHODS = ("forward difference", "central difference", "R operator")
MODES = ("reverse-over-forward", "forward-over-reverse", "reverse-over-reverse")
WINDOWS = {  # kind, method -> expected slope and the steps in which that error dominates
    ("truncation", "forward difference"): (1, 1e-6, 1e-2),
    ("truncation", "central difference"): (2, 1e-4, 1e-2),
    ("rounding", "forward difference"): (-1, 1e-14, 1e-9),
    ("rounding", "central difference"): (-1, 1e-14, 1e-7),
}
DIRECTIONS = 20


def f(x: Any) -> Any:
    """Rosenbrock's function of ten variables."""
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def exact(x: np.ndarray, v: np.ndarray) -> np.ndarray:
    """H v by the second derivatives worked out by hand, in extended precision where the machine has it."""
    x, v = x.astype(np.longdouble), v.astype(np.longdouble)
    H = np.zeros((SIZE, SIZE), np.longdouble)
    i = np.arange(SIZE - 1)
    H[i, i] += 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
    H[i + 1, i + 1] += 200
    H[i, i + 1] = H[i + 1, i] = -400 * x[:-1]
    return H @ v


def problem(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A point and a direction."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal(SIZE), rng.standard_normal(SIZE)


def error(found: Any, expected: np.ndarray) -> float:
    """Relative error in the Euclidean norm."""
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def product(method: str, x: np.ndarray, v: np.ndarray, h: float) -> Any:
    """H v with step h."""
    g = hoad.grad(f)
    match method:
        case "forward difference":
            return (g(x + h * v) - g(x)) / h
        case "central difference":
            return (g(x + h * v) - g(x - h * v)) / (2 * h)
        case "R operator":  # linear in the direction, so that any scale of it serves
            return hoad.hvp(f, x, h * v) / h
    raise ValueError(method)


def run(reduced: bool = False) -> Result:
    """Errors for steps from 0.1 down to 1e-16, each a root mean square over points and directions."""
    steps = [float(f"{h:.4g}") for h in np.logspace(-1, -16, 46 if reduced else 151)]
    problems = [problem(seed) for seed in range(8 if reduced else DIRECTIONS)]
    numbers: Numbers = {}
    for h in progress(steps, "steps"):
        for method in METHODS:
            errors = [error(product(method, x, v, h), exact(x, v)) for x, v in problems]
            put(numbers, f"error of H v, {method}", h, np.sqrt(np.mean(np.square(errors))))
            if method == "R operator":
                put(numbers, "largest error of H v, R operator", h, max(errors))
    for mode in MODES:
        worst = max(error(hoad.hvp(f, x, v, mode=mode), exact(x, v)) for x, v in problems)
        put(numbers, "largest error of H v, mode", mode, worst)
    for (kind, method), (_, low, high) in WINDOWS.items():
        errors = {h: e for h, e in numbers[f"error of H v, {method}"].items() if low <= h <= high}
        put(numbers, "slope", f"{method}, {kind}", slope(list(errors), list(errors.values())))
    return Result(numbers, accept(numbers, reduced), reduced)


def accept(numbers: Numbers, reduced: bool = False) -> list[Check]:
    """The V of the differences, and products whose error does not depend on the step."""
    checks = []
    for (kind, method), (expected, *_) in WINDOWS.items():
        checks.append(near(f"slope of the error, {method}, {kind}", numbers["slope"][f"{method}, {kind}"], expected, 0.1))
    worst = max(numbers["largest error of H v, R operator"].values())
    checks.append(at_most("largest error, R operator, all steps and directions", worst, 1e-15))
    for mode in MODES:
        checks.append(at_most(f"largest error, {mode}", numbers["largest error of H v, mode"][mode], 1e-15))
    return checks


def plot(result: Result, path: Path) -> None:
    """Error against step."""
    plt = needs("matplotlib.pyplot")
    styles = {
        "forward difference": dict(color="tab:blue", marker=".", markersize=4, linewidth=0.8),
        "central difference": dict(color="tab:orange", marker=".", markersize=4, linewidth=0.8),
        "R operator": dict(color="tab:red", linewidth=2.5),
    }
    figure, ax = plt.subplots(figsize=(7.5, 4.8), layout="constrained")
    for method in METHODS:
        errors = result.numbers[f"error of H v, {method}"]
        label = "R operator (hoad.hvp)" if method == "R operator" else f"{method} of hoad.grad"
        ax.loglog(list(errors), list(errors.values()), label=label, **styles[method])
    ax.axhline(2.2e-16, color="0.5", linewidth=0.8)
    ax.annotate("2⁻⁵²", (1.5e-16, 2.6e-16), ha="right", va="bottom", color="0.4", fontsize=8)
    ax.set_xlim(0.1, 1e-16)
    ax.set_ylim(2e-17, 1e2)
    ax.set(xlabel="step ε", ylabel="relative error of H v", title="Rosenbrock function of 10 variables: H v against the step")
    ax.grid(alpha=0.3)
    ax.legend(loc="center", bbox_to_anchor=(0.62, 0.2), fontsize=9)
    figure.savefig(path, dpi=130)
    plt.close(figure)
