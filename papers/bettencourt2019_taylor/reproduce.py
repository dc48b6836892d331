"""Cost of the n-th derivative along a line: nested forward mode against Taylor mode, in operations and in time.

Source: J. Bettencourt, M. J. Johnson and D. Duvenaud, Taylor-Mode Automatic Differentiation for Higher-Order Derivatives
in JAX, Program Transformations for Machine Learning workshop at NeurIPS 2019, figure 1.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import factorial
from pathlib import Path
from typing import Any

import numpy as np

import hoad
from papers.measure import times
from papers.reproduction import Check, Numbers, Result, at_most, between, needs, progress, put

TITLE = "Bettencourt, Johnson & Duvenaud (2019): nested derivatives against Taylor mode"

ORDERS = tuple(range(1, 9))
GROWTH = 1.9
CROSSOVER = 6


class Counted(np.ndarray):
    """An array that counts the NumPy operations applied to it: additions, products, elementary functions, matrix products.

    Reductions such as ``np.any`` are not operations of the derivative and are not counted.
    """

    operations = 0

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__":
            Counted.operations += 1
        out = getattr(ufunc, method)(*[np.asarray(x) if isinstance(x, Counted) else x for x in inputs], **kwargs)
        return np.asarray(out).view(Counted)


def operations(f: Callable[[], Any]) -> int:
    """Number of NumPy operations in a call of ``f``, which must compute with ``Counted`` arrays."""
    before = Counted.operations
    f()
    return Counted.operations - before


def network(rng: np.random.Generator, kind: type[np.ndarray] = np.ndarray) -> Callable[[Any], Any]:
    """A 10-50-50-1 tanh network."""
    sizes = (10, 50, 50, 1)
    layers = [(rng.standard_normal((m, n)) / np.sqrt(m), rng.standard_normal(n) / 10) for m, n in pairwise(sizes)]
    layers = [(w.view(kind), b.view(kind)) for w, b in layers]

    def evaluate(x: Any) -> Any:
        for w, b in layers[:-1]:
            x = np.tanh(x @ w + b)
        w, b = layers[-1]
        return x @ w + b

    return evaluate


def sin_exp_sin(x: Any) -> Any:
    """A composition, for which the chain rule has to work."""
    return np.sin(np.exp(np.sin(x)))


def problems(kind: type[np.ndarray] = np.ndarray, points: int = 100) -> dict[str, tuple[Callable[[Any], Any], Any, Any]]:
    """Function, point and direction by name; the scalar functions are evaluated at ``points`` points at once."""
    rng = np.random.default_rng(0)
    line = np.linspace(0.1, 1.2, points).view(kind)
    ones = np.ones(points).view(kind)
    cases: dict[str, tuple[Callable[[Any], Any], Any, Any]] = {
        "sin": (np.sin, line, ones),
        "exp": (np.exp, line, ones),
        "tanh": (np.tanh, line, ones),
        "sin(exp(sin))": (sin_exp_sin, line, ones),
    }
    f = network(rng, kind)
    cases["MLP"] = (f, rng.standard_normal((100, 10)).view(kind), rng.standard_normal((100, 10)).view(kind))
    return cases


def nested(f: Callable[[Any], Any], x: Any, v: Any, order: int) -> Any:
    """The derivative of ``order`` along v as directional derivatives of directional derivatives."""
    for _ in range(order):
        f = directional(f, v)
    return f(x)


def directional(f: Callable[[Any], Any], v: Any) -> Callable[[Any], Any]:
    """x -> derivative of f at x along v."""
    return lambda x: hoad.jvp(f, (x,), (v,))[1]


def by_taylor(f: Callable[[Any], Any], x: Any, v: Any, order: int) -> Any:
    """The same derivative from one Taylor expansion."""
    return factorial(order) * hoad.taylor(f, x, v, order)[order]


def run(reduced: bool = False) -> Result:
    """Operations, times and agreement for orders 1 to 8."""
    orders = ORDERS[:6] if reduced else ORDERS
    numbers: Numbers = {}
    plain, counted = problems(points=100 if reduced else 10_000), problems(Counted)
    jobs = [(name, order) for name in plain for order in orders]
    for name, order in progress(jobs, "orders"):
        count(numbers, name, order, *counted[name])
        compare(numbers, name, order, *plain[name], repeats=1 if reduced else 9)
    for name in ("sin", "exp", "tanh", "sin(exp(sin))"):
        for n, c in enumerate(hoad.taylor(plain[name][0], 0.1, 1.0, max(orders))):
            put(numbers, f"derivative at 0.1, {name}", n, factorial(n) * c)
    return Result(numbers, accept(numbers, reduced), reduced)


def count(numbers: Numbers, name: str, order: int, f: Callable[[Any], Any], x: Any, v: Any) -> None:
    """Operations of nested derivatives, of a Taylor expansion along a line, and along a curve with every coefficient present."""
    curve = [v] + [v / n for n in range(2, order + 1)]
    put(numbers, f"operations, nested, {name}", order, operations(lambda: nested(f, x, v, order)))
    put(numbers, f"operations, Taylor along a line, {name}", order, operations(lambda: hoad.taylor(f, x, v, order)))
    put(numbers, f"operations, jet of a curve, {name}", order, operations(lambda: hoad.jet(f, (x,), (curve,))))


def compare(numbers: Numbers, name: str, order: int, f: Callable[[Any], Any], x: Any, v: Any, repeats: int) -> None:
    """Difference and times of the two ways."""
    ways = {"nested": lambda: nested(f, x, v, order), "Taylor": lambda: by_taylor(f, x, v, order)}
    a, b = (way() for way in ways.values())
    put(numbers, f"difference of nested and Taylor, {name}", order, np.max(np.abs(a - b)) / np.max(np.abs(a)))
    for way, seconds in times(ways, repeats).items():
        put(numbers, f"seconds, {way}, {name}", order, seconds)


def crossover(nested: dict[Any, float], taylor: dict[Any, float]) -> float:
    """The first order from which on Taylor mode costs less."""
    first = float("inf")
    for order in sorted(nested, reverse=True):
        if taylor[order] >= nested[order]:
            break
        first = order
    return first


def quadratic_residual(counts: dict[Any, float], first: int) -> float:
    """Largest distance of the counts from the parabola through the first three, from order ``first`` on."""
    x = [k for k in sorted(counts) if k >= first]
    y = [counts[k] for k in x]
    curvature = y[2] - 2 * y[1] + y[0]
    parabola = [y[0] + (y[1] - y[0]) * n + curvature * n * (n - 1) / 2 for n in range(len(y))]
    return max(abs(a - b) for a, b in zip(y, parabola))


def accept(numbers: Numbers, reduced: bool = False) -> list[Check]:
    """Same derivatives; nested grows exponentially, Taylor quadratically; Taylor is the cheaper one from order 6 at the latest."""
    checks = []
    for name in problems():
        worst = max(numbers[f"difference of nested and Taylor, {name}"].values())
        checks.append(at_most(f"{name}: relative difference of nested and Taylor, all orders", worst, 1e-10))
    for name in problems():
        residual = quadratic_residual(numbers[f"operations, jet of a curve, {name}"], 2)
        checks.append(at_most(f"{name}: distance of the jet's operation count from a parabola, orders 2 and up", residual, 0))
    for name in problems():
        counts = numbers[f"operations, nested, {name}"]
        growth = min(counts[k + 1] / counts[k] for k in sorted(counts)[:-1])
        checks.append(between(f"{name}: least growth of nested operations per order", growth, GROWTH))
    for name in problems():
        found = crossover(numbers[f"operations, nested, {name}"], numbers[f"operations, jet of a curve, {name}"])
        checks.append(at_most(f"{name}: order from which a jet needs fewer operations", found, CROSSOVER))
    for name in problems():
        seconds = numbers[f"seconds, nested, {name}"]
        growth = (seconds[max(seconds)] / seconds[max(seconds) - 2]) ** 0.5
        checks.append(between(f"{name}: growth of nested time per order, last two", growth, GROWTH, timing=True))
    for name in problems():
        found = crossover(numbers[f"seconds, nested, {name}"], numbers[f"seconds, Taylor, {name}"])
        checks.append(at_most(f"{name}: order from which Taylor mode is faster", found, CROSSOVER, timing=True))
    return checks


def plot(result: Result, path: Path) -> None:
    """Operations above, times below, one column for each function."""
    plt = needs("matplotlib.pyplot")
    names = list(problems())
    figure, axes = plt.subplots(2, len(names), figsize=(14, 6), sharex=True, sharey="row", layout="constrained")
    for column, name in enumerate(names):
        curves = (
            (0, "operations, nested", "nested", dict(color="tab:red", marker="o")),
            (0, "operations, jet of a curve", "Taylor, any curve", dict(color="tab:blue", marker="s", alpha=0.5)),
            (0, "operations, Taylor along a line", "Taylor, straight line", dict(color="tab:blue", marker="s")),
            (1, "seconds, nested", "nested", dict(color="tab:red", marker="o")),
            (1, "seconds, Taylor", "Taylor, straight line", dict(color="tab:blue", marker="s")),
        )
        for row, quantity, label, style in curves:
            values = result.numbers[f"{quantity}, {name}"]
            axes[row][column].semilogy(list(values), list(values.values()), label=label, markersize=4, **style)
        axes[0][column].set_title(name)
        axes[1][column].set_xlabel("order of the derivative")
        for ax in axes[:, column]:
            ax.grid(alpha=0.3)
    axes[0][0].set_ylabel("NumPy operations")
    axes[1][0].set_ylabel("seconds")
    axes[1][0].set_xticks(list(ORDERS))
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.suptitle("n-th derivative along a line: nested forward mode grows exponentially, Taylor mode quadratically")
    figure.savefig(path, dpi=130)
    plt.close(figure)
