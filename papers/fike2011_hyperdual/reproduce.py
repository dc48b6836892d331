"""Error of numerical first and second derivatives against the step size, beside hyper-dual numbers and jets.

Source: J. A. Fike and J. J. Alonso, The Development of Hyper-Dual Numbers for Exact Second-Derivative Calculations,
AIAA 2011-886; f, x and h as there.
"""

from __future__ import annotations

from collections.abc import Callable
from math import factorial
from pathlib import Path
from typing import Any

import numpy as np

import hoad
from papers.measure import slope
from papers.reproduction import Check, Numbers, Result, at_most, near, needs, progress, put

TITLE = "Fike & Alonso (2011): hyper-dual numbers, error against step size"

POINT = 1.5
EXACT = (
    4.4977800539461619503,
    4.0534278938986206577,
    9.4630736815966033525,
    32.167904513688940893,
    97.546631923319102619,
)  # derivatives 0 to 4 at POINT, by mpmath with 50 digits
METHODS = ("forward difference", "central difference", "complex step", "hyper-dual", "jet")

TRUNCATION = {  # (order of derivative, method) -> expected slope and the steps in which truncation dominates
    (1, "forward difference"): (1, 1e-6, 1e-2),
    (1, "central difference"): (2, 1e-4, 1e-2),
    (1, "complex step"): (2, 1e-6, 1e-2),
    (2, "forward difference"): (1, 1e-4, 1e-2),
    (2, "central difference"): (2, 1e-3, 1e-2),
    (2, "complex step"): (2, 1e-3, 1e-2),
}
ROUNDING = {  # where the error is rounding divided by a power of h
    (1, "forward difference"): (-1, 1e-14, 1e-9),
    (1, "central difference"): (-1, 1e-14, 1e-7),
    (2, "complex step"): (-2, 1e-14, 1e-6),
}


def f(x: Any) -> Any:
    """The function of the paper."""
    return np.exp(x) / np.sqrt(np.sin(x) ** 3 + np.cos(x) ** 3)


def first_derivative(method: str, x: float, h: float) -> float:
    """f'(x) with step h."""
    match method:
        case "forward difference":
            return (f(x + h) - f(x)) / h
        case "central difference":
            return (f(x + h) - f(x - h)) / (2 * h)
        case "complex step":
            return f(complex(x, h)).imag / h
        case "hyper-dual":  # the component of ε₁, which is a dual number
            return hoad.jvp(f, (x,), (h,))[1] / h
        case "jet":
            return hoad.jet(f, (x,), ([h, 0.0],))[1][0] / h
    raise ValueError(method)


def second_derivative(method: str, x: float, h: float) -> float:
    """f''(x) with step h."""
    match method:
        case "forward difference":
            return (f(x + 2 * h) - 2 * f(x + h) + f(x)) / h**2
        case "central difference":
            return (f(x + h) - 2 * f(x) + f(x - h)) / h**2
        case "complex step":
            return 2 * (f(x) - f(complex(x, h)).real) / h**2
        case "hyper-dual":  # the component of ε₁ε₂ of f(x + h ε₁ + h ε₂)
            return hoad.vhv(f, x, h, h) / h**2
        case "jet":
            return 2 * hoad.jet(f, (x,), ([h, 0.0],))[1][1] / h**2
    raise ValueError(method)


DERIVATIVES: dict[int, Callable[[str, float, float], float]] = {1: first_derivative, 2: second_derivative}


def key(order: int, method: str) -> str:
    """Name of an error curve."""
    return f"relative error of f{order * chr(39)}, {method}"


def run(reduced: bool = False) -> Result:
    """Errors for steps from 0.1 down to 1e-20, and the derivatives up to order 4 by one jet."""
    steps = [float(f"{h:.4g}") for h in np.logspace(-1, -20, 191)]
    numbers: Numbers = {}
    for h in progress(steps, "steps"):
        for order, derivative in DERIVATIVES.items():
            for method in METHODS:
                put(numbers, key(order, method), h, abs(derivative(method, POINT, h) / EXACT[order] - 1))
    for n, coefficient in enumerate(hoad.taylor(f, POINT, 1.0, 4)):
        put(numbers, "derivative of order", n, factorial(n) * coefficient)
    numbers["slope"] = slopes(numbers)
    return Result(numbers, accept(numbers, reduced), reduced)


def slopes(numbers: Numbers) -> dict[Any, float]:
    """Exponents of h in the error, where truncation dominates and where rounding does."""
    found: dict[Any, float] = {}
    for kind, windows in (("truncation", TRUNCATION), ("rounding", ROUNDING)):
        for (order, method), (_, low, high) in windows.items():
            errors = {h: e for h, e in numbers[key(order, method)].items() if low <= float(h) <= high and e > 0}
            found[f"f{order * chr(39)}, {method}, {kind}"] = slope([float(h) for h in errors], list(errors.values()))
    return found


def accept(numbers: Numbers, reduced: bool = False) -> list[Check]:
    """Slopes as predicted, hyper-dual numbers and jets exact whatever the step, derivatives exact to order 4."""
    checks = []
    for kind, windows in (("truncation", TRUNCATION), ("rounding", ROUNDING)):
        for (order, method), (expected, *_) in windows.items():
            name = f"f{order * chr(39)}, {method}, {kind}"
            checks.append(near(f"slope of the error of {name}", numbers["slope"][name], expected, 0.1))
    for order in DERIVATIVES:
        for method in ("hyper-dual", "jet"):
            worst = max(numbers[key(order, method)].values())
            checks.append(at_most(f"largest error of f{order * chr(39)}, {method}, all h", worst, 1e-14))
    for n, exact in enumerate(EXACT):
        error = abs(numbers["derivative of order"][n] / exact - 1)
        checks.append(at_most(f"relative error of the derivative of order {n}, jet", error, 1e-13))
    return checks


def plot(result: Result, path: Path) -> None:
    """Error against step, one panel for each derivative."""
    plt = needs("matplotlib.pyplot")
    styles = {
        "forward difference": dict(color="tab:blue", marker=".", markersize=3, linewidth=0.6),
        "central difference": dict(color="tab:orange", marker=".", markersize=3, linewidth=0.6),
        "complex step": dict(color="tab:green", marker=".", markersize=3, linewidth=0.6),
        "hyper-dual": dict(color="tab:red", linewidth=2.5),
        "jet": dict(color="black", linestyle=":", linewidth=1.5),
    }
    labels = {"hyper-dual": "hyper-dual (hoad.jvp, hoad.vhv)", "jet": "jet (hoad.jet)"}
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.8), layout="constrained")
    for order, ax in zip(DERIVATIVES, axes):
        for method in METHODS:
            errors = result.numbers[key(order, method)]
            drawn = [max(e, 1e-17) for e in errors.values()]
            ax.loglog(list(errors), drawn, label=labels.get(method, method), **styles[method])
        ax.set(xlabel="step h", title=f"{('first', 'second')[order - 1]} derivative at x = 1.5")
        ax.set_xlim(0.1, 1e-20)
        ax.set_ylim(3e-18, 1e2 if order == 1 else 1e13)
        ax.axhline(2.2e-16, color="0.5", linewidth=0.8)
        ax.annotate("2⁻⁵²", (1.5e-20, 3.5e-16), ha="right", va="bottom", color="0.4", fontsize=8)
        ax.grid(alpha=0.3)
    axes[0].set_ylabel("relative error (0 drawn at 1e-17)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize=9)
    figure.suptitle("f(x) = eˣ / √(sin³x + cos³x): error against step size")
    figure.savefig(path, dpi=130)
    plt.close(figure)
