"""Evaluation traces, errors of finite differences, expression swell, and what a gradient costs in each mode.

Source: A. G. Baydin, B. A. Pearlmutter, A. A. Radul and J. M. Siskind, Automatic Differentiation in Machine Learning: a
Survey, Journal of Machine Learning Research 18 (2018): table 1 (swell), tables 2 and 3 (traces); the figure of the errors of
finite differences; the timings of the Helmholtz energy.
"""

from __future__ import annotations

from collections.abc import Callable
from math import factorial
from pathlib import Path
from typing import Any

import numpy as np

import hoad
from papers.measure import slope, times
from papers.reproduction import Check, Numbers, Result, at_most, between, near, needs, progress, put

TITLE = "Baydin, Pearlmutter, Radul & Siskind (2018): automatic differentiation in machine learning, a survey"

SIZES = (1, 8, 15, 22, 29, 36, 43, 50)
COMPOSITIONS = 20_000
WAYS = ("numeric", "forward", "reverse")


# -- functions of the paper -------------------------------------------------------------------------------------------------


def survey_example(x1: Any, x2: Any) -> Any:
    """The function of tables 2 and 3."""
    return np.log(x1) + x1 * x2 - np.sin(x2)


def lecture_example(x1: Any, x2: Any) -> Any:
    """A second trace, small enough to check by hand."""
    return x1 * x2 + x2 - np.log(x1)


def quadratic(x: Any, y: Any) -> Any:
    """A function whose graph has 5 operations and 8 edges."""
    return x**2 + x * y + y**2


def logistic(x: Any, n: int) -> Any:
    """Iterate n of the logistic map l₁ = x, lₙ₊₁ = 4 lₙ (1 - lₙ); for n = 4 the function of the figure."""
    for _ in range(n - 1):
        x = 4 * x * (1 - x)
    return x


def swelling(x: Any) -> Any:
    """A function whose symbolic derivatives grow."""
    return 4 * (np.cos(x) + 2 * x - np.exp(x)) ** 2


def projection(r: Any, e: Any, b: Any) -> Any:
    """Smoothed step of topology optimisation, with threshold e and sharpness b."""
    return (np.tanh(b * e) + np.tanh(b * (r - e))) / (np.tanh(b * e) + np.tanh(b * (1 - e)))


def helmholtz(x: Any, A: Any, b: Any) -> Any:
    """Helmholtz energy of a mixed fluid, R T = 1; x has the components first, so further axes are further compositions."""
    root = np.sqrt(2.0)
    bx = b @ x
    mixing = np.sum(x * np.log(x / (1 - bx)), axis=0)
    attraction = np.sum((A @ x) * x, axis=0) / (np.sqrt(8.0) * bx)
    return mixing - attraction * np.log((1 + (1 + root) * bx) / (1 + (1 - root) * bx))


# -- the four parts -----------------------------------------------------------------------------------------------------------


def run(reduced: bool = False) -> Result:
    """All numbers; a reduced run times fewer sizes and compositions."""
    numbers: Numbers = {}
    add_traces(numbers)
    add_difference_errors(numbers)
    add_swell(numbers)
    add_helmholtz(numbers, SIZES[:3] if reduced else SIZES, 100 if reduced else COMPOSITIONS, reduced)
    return Result(numbers, accept(numbers, reduced), reduced)


def add_traces(numbers: Numbers) -> None:
    """Primal, tangent and adjoint of every step of two functions; size of the graph of a third."""
    add_trace(numbers, "trace of ln x1 + x1 x2 - sin x2", survey_example, 2.0, 5.0)
    add_trace(numbers, "trace of x1 x2 + x2 - ln x1", lecture_example, 2.0, 4.0)
    f, x = (lambda x: lecture_example(x[0], x[1])), np.array([2.0, 4.0])
    hessian = hoad.hessian(f)(x)
    for i, j in ((0, 0), (0, 1), (1, 1)):
        put(numbers, "Hessian of x1 x2 + x2 - ln x1", f"x{i + 1} x{j + 1}", hessian[i, j])
    put(numbers, "third derivative of x1 x2 + x2 - ln x1", "x1 x1 x1", hoad.partial(f, x, (3, 0)))
    program = hoad.trace(quadratic)(1.0, 2.0).check()
    put(numbers, "graph of x² + x y + y²", "operations", len(program))
    put(numbers, "graph of x² + x y + y²", "edges", len(program.edges))


def add_trace(numbers: Numbers, quantity: str, f: Callable[..., Any], x1: float, x2: float) -> None:
    """The four columns of an evaluation trace; a step is known by the name of its operation, which occurs once."""
    program = hoad.trace(f)(x1, x2)
    columns = {
        "primal": program.values,
        "tangent d/dx1": program.tangents((1.0, 0.0)),
        "tangent d/dx2": program.tangents((0.0, 1.0)),
        "adjoint": program.adjoints(),
    }
    rows = dict(enumerate(program.names)) | {slot: step.primitive.name for step in program.steps for slot in step.outputs}
    for column, values in columns.items():
        for slot, row in rows.items():
            put(numbers, f"{quantity}, {column}", row, values[slot])


def add_difference_errors(numbers: Numbers) -> None:
    """|Error| of forward and central differences of the fourth logistic iterate at 0.2, and of hoad."""
    f, x, exact = (lambda x: logistic(x, 4)), 0.2, 9.0660864
    for h in (float(f"{h:.4g}") for h in np.logspace(-1, -17, 161)):
        put(numbers, "error of f', forward difference", h, abs((f(x + h) - f(x)) / h - exact))
        put(numbers, "error of f', central difference", h, abs((f(x + h) - f(x - h)) / (2 * h) - exact))
    put(numbers, "error of f', hoad", "", abs(hoad.grad(f)(x) - exact))
    for name, low, high in (("forward", 1e-7, 1e-3), ("central", 1e-5, 1e-2)):
        errors = numbers[f"error of f', {name} difference"]
        put(numbers, "least error of f'", f"{name} difference", min(errors.values()))
        put(numbers, "slope of the error of f'", f"{name}, truncation", window_slope(errors, low, high))
    rounding = window_slope(numbers["error of f', forward difference"], 1e-14, 1e-9)
    put(numbers, "slope of the error of f'", "forward, rounding", rounding)


def window_slope(errors: dict[Any, float], low: float, high: float) -> float:
    """Exponent of h in the errors between two steps."""
    inside = {h: e for h, e in errors.items() if low <= h <= high and e > 0}
    return slope(list(inside), list(inside.values()))


def add_swell(numbers: Numbers) -> None:
    """Table 1: operations in symbolic derivatives (SymPy) beside the operations that hoad evaluates."""
    sympy = needs("sympy")
    x = sympy.Symbol("x")
    iterate = x
    for n in progress(range(1, 6), "logistic map"):
        put(numbers, "operations, logistic map", n, sympy.count_ops(iterate))
        add_symbolic_counts(numbers, "the logistic map", n, sympy.diff(iterate, x))
        add_steps(numbers, n, lambda t, n=n: logistic(t, n))
        iterate = 4 * iterate * (1 - iterate)
    derivative = 4 * (sympy.cos(x) + 2 * x - sympy.exp(x)) ** 2
    for k, coefficient in enumerate(hoad.taylor(swelling, 1.0, 1.0, 8)):
        add_symbolic_counts(numbers, "4(cos x + 2x - eˣ)²", k, derivative)
        put(numbers, "derivative of 4(cos x + 2x - eˣ)² at 1", k, factorial(k) * coefficient)
        derivative = sympy.diff(derivative, x)
    r, e, b = 0.3, 0.5, 4.0
    for k, coefficient in enumerate(hoad.taylor(lambda r: projection(r, e, b), r, 1.0, 5)):
        put(numbers, "tanh projection, derivative in r", k, factorial(k) * coefficient)
    put(numbers, "tanh projection, gradient", "e", hoad.grad(projection, 1)(r, e, b))
    put(numbers, "tanh projection, gradient", "b", hoad.grad(projection, 2)(r, e, b))


def add_symbolic_counts(numbers: Numbers, name: str, at: int, derivative: Any) -> None:
    """Operations in a SymPy expression as it comes out of ``diff``, and expanded."""
    sympy = needs("sympy")
    put(numbers, f"operations, symbolic derivative of {name}", at, sympy.count_ops(derivative))
    put(numbers, f"operations, expanded derivative of {name}", at, sympy.count_ops(sympy.expand(derivative)))


def add_steps(numbers: Numbers, n: int, f: Callable[[Any], Any]) -> None:
    """Steps in which hoad evaluates the logistic map and its derivative, and the derivative."""
    put(numbers, "steps of hoad, logistic map", n, len(hoad.trace(f)(0.2)))
    put(numbers, "steps of hoad, derivative of the logistic map", n, len(hoad.trace(hoad.grad(f))(0.2)))
    put(numbers, "derivative of the logistic map at 0.2", n, hoad.grad(f)(0.2))


def add_helmholtz(numbers: Numbers, sizes: tuple[int, ...], compositions: int, reduced: bool) -> None:
    """Time of the energy and of its gradient by differences, by n forward passes and by one reverse pass."""
    effort = dict(repeats=1, least=0) if reduced else dict(repeats=4, least=5e-3)
    for n in progress(sizes, "Helmholtz energy"):
        calls = gradients(*mixture(n, compositions))
        add_differences(numbers, n, calls)
        for way, seconds in times(calls, **effort).items():
            put(numbers, f"seconds, {way}", n, seconds)
        for way, seconds in times(gradients(*mixture(n, 1)), **effort).items():
            put(numbers, f"seconds, {way}, one composition", n, seconds)
    first = numbers["seconds, f"][float(sizes[0])]
    for way in ("f", *WAYS):
        for n, seconds in numbers[f"seconds, {way}"].items():
            put(numbers, f"time over that of f at n = 1, {way}", n, seconds / first)
            put(numbers, f"time over that of f, {way}", n, seconds / numbers["seconds, f"][n])
    for way in WAYS:
        ratios = numbers[f"time over that of f, {way}"]
        put(numbers, "slope of the time over that of f", way, slope([float(n) for n in ratios], list(ratios.values())))


def add_differences(numbers: Numbers, n: int, calls: dict[str, Callable[[], Any]]) -> None:
    """Differences of the three gradients, relative to the largest entry."""
    exact = calls["reverse"]()
    for way in ("numeric", "forward"):
        put(numbers, f"difference of {way} and reverse", n, np.max(np.abs(calls[way]() - exact)) / np.max(np.abs(exact)))


def mixture(n: int, count: int) -> tuple[Callable[[Any], Any], Any]:
    """Energy of n components as a function of the composition, and ``count`` random compositions."""
    rng = np.random.default_rng(n)
    A = rng.random((n, n))
    A, b = A + A.T, 0.5 * rng.random(n) / n
    x = (0.1 + rng.random((n, count) if count > 1 else n)) / n
    return (lambda x: helmholtz(x, A, b)), x


def gradients(f: Callable[[Any], Any], x: Any) -> dict[str, Callable[[], Any]]:
    """The energy and three ways to its gradient with respect to every composition."""
    units = [np.zeros_like(x) for _ in x]
    for i, unit in enumerate(units):
        unit[i] = 1

    def numeric() -> Any:
        base, h = f(x), 1e-7
        return np.stack([(f(x + h * unit) - base) / h for unit in units])

    def forward() -> Any:
        return np.stack([hoad.jvp(f, (x,), (unit,))[1] for unit in units])

    def total(x: Any) -> Any:
        return np.sum(f(x))

    return {"f": lambda: f(x), "numeric": numeric, "forward": forward, "reverse": lambda: hoad.grad(total)(x)}


# -- acceptance and figure --------------------------------------------------------------------------------------------------


def accept(numbers: Numbers, reduced: bool = False) -> list[Check]:
    """Section by section: exact traces, slopes of the errors, swell, and costs that grow as the paper says."""
    slopes = numbers["slope of the error of f'"]
    expected = {"forward, truncation": 1, "central, truncation": 2, "forward, rounding": -1}
    checks = [near(f"slope of the error of f', {name}", slopes[name], exponent, 0.1) for name, exponent in expected.items()]
    checks.append(at_most("error of f', hoad", numbers["error of f', hoad"][""], 1e-14))
    symbolic = numbers["operations, symbolic derivative of the logistic map"]
    steps = numbers["steps of hoad, derivative of the logistic map"]
    checks.append(between("logistic map, n = 5: symbolic operations per step of hoad", symbolic[5] / steps[5], 1))
    added = [steps[n + 1] - steps[n] for n in (2, 3, 4)]
    checks.append(at_most("logistic map: spread of the steps of hoad added by each iteration", max(added) - min(added), 0))
    for other, bound in (("forward", 1e-12), ("numeric", 1e-4)):
        worst = max(numbers[f"difference of {other} and reverse"].values())
        checks.append(at_most(f"Helmholtz energy: relative difference of {other} and reverse", worst, bound))
    worst, found = max(numbers["time over that of f, reverse"].values()), numbers["slope of the time over that of f"]
    checks.append(at_most("Helmholtz energy: largest time of reverse over f", worst, 5, timing=True))
    checks.append(at_most("Helmholtz energy: exponent of n in reverse over f", found["reverse"], 0.2, timing=True))
    for way in ("forward", "numeric"):
        checks.append(near(f"Helmholtz energy: exponent of n in {way} over f", found[way], 1, 0.3, timing=True))
    return checks


def plot(result: Result, path: Path) -> None:
    """Errors, swell, times, and times over that of f."""
    plt = needs("matplotlib.pyplot")
    numbers = result.numbers
    figure, ((error, swell), (seconds, ratio)) = plt.subplots(2, 2, figsize=(11, 8), layout="constrained")
    for name, colour in (("forward", "tab:blue"), ("central", "tab:orange")):
        values = numbers[f"error of f', {name} difference"]
        style = dict(marker=".", color=colour, linewidth=0.6, markersize=4, label=f"{name} difference")
        error.loglog(list(values), [max(e, 1e-17) for e in values.values()], **style)
    error.axhline(max(numbers["error of f', hoad"][""], 1e-17), color="tab:red", linewidth=2, label="hoad.grad")
    error.set(xlabel="step h", ylabel="|error|", title="derivative of 64x(1-x)(1-2x)²(1-8x+8x²)² at 0.2", xlim=(0.1, 1e-17))
    bars = {
        "symbolic derivative (SymPy)": ("operations, symbolic derivative of the logistic map", "tab:red"),
        "expanded": ("operations, expanded derivative of the logistic map", "tab:orange"),
        "function (SymPy)": ("operations, logistic map", "0.6"),
        "derivative, steps of hoad.grad": ("steps of hoad, derivative of the logistic map", "tab:blue"),
    }
    for i, (label, (quantity, colour)) in enumerate(bars.items()):
        values = numbers[quantity]
        drawn = swell.bar([float(n) + 0.21 * (i - 1.5) for n in values], list(values.values()), 0.2, color=colour, label=label)
        swell.bar_label(drawn, fmt="%g", fontsize=6)
    swell.set(xlabel="n", ylabel="operations", title="expression swell: logistic map lₙ")
    colours = dict(zip(("f", *WAYS), ("0.4", "tab:orange", "tab:green", "tab:blue")))
    names = {"numeric": "numeric (n + 1 evaluations)", "forward": "forward (n passes)", "reverse": "reverse (one pass)"}
    for way, colour in colours.items():
        values = numbers[f"seconds, {way}"]
        seconds.semilogy(list(values), list(values.values()), marker="o", markersize=4, color=colour, label=names.get(way, way))
        if way != "f":
            values = numbers[f"time over that of f, {way}"]
            label = f"{way}, exponent {numbers['slope of the time over that of f'][way]:.2f}"
            ratio.loglog(list(values), list(values.values()), marker="o", markersize=4, color=colour, label=label)
    ratio.axhline(5, color="0.5", linewidth=0.8, linestyle="--")
    sizes = [n for n in numbers["seconds, f"] if n in (1, 8, 15, 29, 50)]
    ratio.set_xticks(sizes, [f"{n:g}" for n in sizes])
    ratio.minorticks_off()
    seconds.set(xlabel="components n", ylabel="seconds", title="Helmholtz energy and gradient, 20,000 compositions")
    ratio.set(xlabel="components n", ylabel="time / time of f", title="cost of the gradient in evaluations of f")
    for ax in (error, swell, seconds, ratio):
        ax.grid(alpha=0.3)
        ax.legend(fontsize=8)
    figure.savefig(path, dpi=130)
    plt.close(figure)
