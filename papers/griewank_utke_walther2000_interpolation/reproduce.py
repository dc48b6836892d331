"""Full derivative tensors from univariate Taylor series along a fixed set of rays.

Source: A. Griewank, J. Utke and A. Walther, Evaluating higher derivative tensors by forward propagation of univariate Taylor
series, Mathematics of Computation 69 (2000) 1117-1130.  Names as there: p directions (the columns of a seed matrix S, here the
identity), degree d, multi-indices i and j.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import product
from math import comb, factorial, prod
from pathlib import Path
from typing import Any

import numpy as np

import hoad
from papers.measure import times
from papers.reproduction import Check, Numbers, Result, at_most, between, near, needs, progress, put

TITLE = "Griewank, Utke & Walther (2000): derivative tensors from univariate Taylor series"

COUNTED = ((2, 2), (3, 2), (10, 2), (3, 3), (5, 4), (10, 4))  # (p, d)
DEGREES = range(2, 11)
Index = tuple[int, ...]


def indices(p: int, d: int) -> list[Index]:
    """All multi-indices of length p and sum d: the rays, and the entries of the tensor."""
    if p == 1:
        return [(d,)]
    return [(first, *rest) for first in range(d, -1, -1) for rest in indices(p - 1, d - first)]


@cache
def binomial(z: Fraction, k: int) -> Fraction:
    """Generalised binomial coefficient, z over k."""
    return prod((z - n for n in range(k)), start=Fraction(1)) / factorial(k)


@cache
def gamma(i: Index, j: Index) -> Fraction:
    """Weight of the Taylor coefficient along ray j in the derivative i, exactly; |j| >= |i| (the paper's equation for gamma)."""
    d = sum(j)
    total = Fraction(0)
    for k in product(*[range(n + 1) for n in i]):
        size = sum(k)
        if size == 0:
            continue
        sign = (-1) ** (sum(i) - size)
        choices = prod(comb(a, b) for a, b in zip(i, k))
        spread = prod((binomial(Fraction(d * b, size), c) for b, c in zip(k, j)), start=Fraction(1))
        total += sign * choices * spread * Fraction(size, d) ** sum(i)
    return total


@cache
def weights(p: int, d: int) -> np.ndarray:
    """Matrix of gamma for all derivatives of order d (rows) and all rays (columns)."""
    return np.array([[float(gamma(i, j)) for j in indices(p, d)] for i in indices(p, d)])


def interpolated(f: Any, x: np.ndarray, d: int) -> np.ndarray:
    """All derivatives of order d of a scalar function, one for each multi-index: one batched pass of univariate series."""
    rays = np.array(indices(len(x), d), float)
    coefficients = hoad.vmap(lambda ray: hoad.taylor(f, x, ray, d)[d])(rays)
    return weights(len(x), d) @ coefficients


def nested(f: Any, x: np.ndarray, d: int) -> np.ndarray:
    """The same numbers from nested forward mode with a block of directions at each level."""
    tensor = hoad.derivative_tensor(f, d)(x)
    return np.array([tensor[tuple(v for v, n in enumerate(i) for _ in range(n))] for i in indices(len(x), d)])


# -- functions whose derivatives of every order are known --------------------------------------------------------------------

SLOPES = np.array([0.3, -0.7, 0.5, 0.2])
POINT = np.array([0.4, 0.3, -0.2, 0.6])


def exponential(x: Any) -> Any:
    """exp(a.x): derivative i is a^i exp(a.x)."""
    return np.exp(np.sum(SLOPES * x))


def quotient(x: Any) -> Any:
    """1/(2 + a.x): derivative i is (-1)^d d! a^i / (2 + a.x)^(d + 1)."""
    return 1 / (2 + np.sum(SLOPES * x))


def network(x: Any) -> Any:
    """The timed function: two layers of tanh."""
    w = np.cos(np.arange(20 * len(x))).reshape(20, -1)
    return np.sum(np.tanh(np.sin(np.arange(100.0)).reshape(5, 20) @ np.tanh(w @ x)))


def powers(i: Index) -> float:
    return float(np.prod(SLOPES ** np.array(i)))


EXACT = {
    "exponential": (exponential, lambda i: powers(i) * exponential(POINT)),
    "quotient": (quotient, lambda i: (-1) ** sum(i) * factorial(sum(i)) * powers(i) * quotient(POINT) ** (sum(i) + 1)),
}


def univariate_products(p: int, d: int) -> int:
    """Multiplications of scalars in one product of series: on every ray coefficients 1 to d, and coefficient 0 once."""
    return 1 + comb(p + d - 1, d) * (d * (d + 3) // 2)


def multivariate_products(p: int, d: int) -> int:
    """The same for series in p variables: pairs of multi-indices whose sum has at most degree d."""
    return comb(2 * p + d, d)


def run(reduced: bool = False) -> Result:
    """Counts, weights, errors against closed forms to order 10, and times against nested forward mode."""
    numbers: Numbers = {}
    for p, d in COUNTED:
        put(numbers, "number of rays", f"p={p} d={d}", len(indices(p, d)))
    for j in indices(2, 4):
        put(numbers, "gamma of i=(2,2)", f"j={j[0]},{j[1]}", float(gamma((2, 2), j)))
    for d in DEGREES:
        for p in (2, 5, 10):
            ratio = univariate_products(p, d) / multivariate_products(p, d)
            put(numbers, f"multiplications, univariate over multivariate, p={p}", d, ratio)
    for d in progress(range(2, 6 if reduced else 9), "orders"):
        put(numbers, "amplification of rounding", d, float(np.max(np.sum(np.abs(weights(4, d)), axis=1))) * d**d / factorial(d))
        for name, (f, exact) in EXACT.items():
            expected = np.array([exact(i) for i in indices(4, d)])
            error = np.max(np.abs(interpolated(f, POINT, d) - expected)) / np.max(np.abs(expected))
            put(numbers, f"error of the tensor, {name}", d, float(error))

    for d in range(2, 5 if reduced else 7):
        a, b = interpolated(network, POINT, d), nested(network, POINT, d)
        put(numbers, "difference to nested forward mode", d, float(np.max(np.abs(a - b)) / np.max(np.abs(b))))
        clock = times(
            {"rays": lambda d=d: interpolated(network, POINT, d), "nested": lambda d=d: nested(network, POINT, d)},
            repeats=1 if reduced else 5,
        )
        put(numbers, "time, univariate over nested", d, clock["rays"] / clock["nested"])
    return Result(numbers, accept(numbers, reduced), reduced)


def accept(numbers: Numbers, reduced: bool = False) -> list[Check]:
    """Counts and weights as printed, tensors exact, and cheaper than nesting the more so the higher the order."""
    checks = []
    for p, d in COUNTED:
        checks.append(near(f"rays for p={p}, d={d}", numbers["number of rays"][f"p={p} d={d}"], comb(p + d - 1, d), 0))
    total = sum(numbers["gamma of i=(2,2)"].values())
    checks.append(near("sum of gamma over the rays of i=(2,2), 13/96 - 2/3 + 5/8", total, 13 / 96 - 2 / 3 + 5 / 8, 1e-15))
    for name in EXACT:
        errors = numbers[f"error of the tensor, {name}"]
        checks.append(at_most(f"error of all derivatives of order 2 to {max(errors)}, {name}", max(errors.values()), 1e-10))
    for d, difference in numbers["difference to nested forward mode"].items():
        checks.append(at_most(f"difference to nested forward mode, order {d}", difference, 1e-10))
    ratios = numbers["time, univariate over nested"]
    orders = sorted(ratios, key=int)
    checks.append(between("time over nested, lowest over highest order", ratios[orders[0]] / ratios[orders[-1]], 2.0, timing=True))
    checks.append(at_most(f"time over nested, order {orders[-1]}", ratios[orders[-1]], 1.0, timing=True))
    return checks


def plot(result: Result, path: Path) -> None:
    """Multiplications, errors and times against the order."""
    plt = needs("matplotlib.pyplot")
    n = result.numbers
    figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    for p, colour in ((2, "tab:blue"), (5, "tab:orange"), (10, "tab:green")):
        curve = n[f"multiplications, univariate over multivariate, p={p}"]
        axes[0].plot([int(d) for d in curve], list(curve.values()), "o-", color=colour, markersize=3, label=f"p = {p}")
    axes[0].axhline(1, color="0.5", linewidth=0.8)
    axes[0].set(ylabel="univariate / multivariate", title="multiplications for one product")
    for name, style in (("exponential", "o-"), ("quotient", "s-")):
        curve = n[f"error of the tensor, {name}"]
        axes[1].semilogy([int(d) for d in curve], [max(e, 1e-17) for e in curve.values()], style, markersize=3, label=name)
    curve = n["amplification of rounding"]
    axes[1].semilogy([int(d) for d in curve], [2.2e-16 * s for s in curve.values()], ":", color="0.4", label="2⁻⁵² Σ|γ| dᵈ/d!")
    axes[1].set(ylabel="relative error", title="all derivatives of order d, p = 4")
    curve = n["time, univariate over nested"]
    axes[2].semilogy([int(d) for d in curve], list(curve.values()), "o-", color="tab:red", markersize=4, label="network, p = 4")
    axes[2].axhline(1, color="0.5", linewidth=0.8)
    axes[2].set(ylabel="univariate / nested forward", title="time of the tensor")
    for ax in axes:
        ax.set_xlabel("order d")
        ax.grid(alpha=0.3)
        ax.legend(fontsize=8)
    figure.savefig(path, dpi=130)
    plt.close(figure)
