"""Derivatives by SymPy, by finite differences and by hoad: operations, time and error.

Symbolic derivatives are exact, but a formula repeats what a program computes once: each stage of the logistic map, or
each composition, multiplies its size. Finite differences have a short program and lose half the digits, more with every
order. Automatic differentiation keeps the program, a fixed number of operations per stage, and the digits.

Source: Baydin, Pearlmutter, Radul & Siskind, Automatic differentiation in machine learning: a survey, JMLR 18 (2018), table 1.

    python docs/examples/expression_swell.py [--quick] [--out figure.png]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import comb, factorial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import sympy
from presentation import BLUE, GREY, ORANGE, RED, canvas, command_line, label, legend, save

import hoad

Table = dict[str, list[float]]
ONE = np.array(1.0)


# ---------------------------------------------------------------------------------------------------------------------
# The functions, for arrays and (with xp = sympy) for symbols


def smooth(x: Any, xp: Any = np) -> Any:
    """4 (cos x + 2 x - exp x)²."""
    return 4 * (xp.cos(x) + 2 * x - xp.exp(x)) ** 2


def logistic(x: Any, n: int) -> Any:
    """The n-th iterate of the logistic map: l₁ = x, lₖ₊₁ = 4 lₖ (1 - lₖ)."""
    for _ in range(n - 1):
        x = 4 * x * (1 - x)
    return x


def projection(r: Any, e: Any = 0.5, b: Any = 4.0, xp: Any = np) -> Any:
    """The smoothed step of topology optimisation, from 0 at r = 0 to 1 at r = 1, with threshold e and steepness b."""
    return (xp.tanh(b * e) + xp.tanh(b * (r - e))) / (xp.tanh(b * e) + xp.tanh(b * (1 - e)))


# ---------------------------------------------------------------------------------------------------------------------
# The three ways to a derivative


def symbolic_derivatives(expression: Any, x: Any, order: int) -> list[Any]:
    """The expressions of the derivatives of order 1 … order, each derived from the one before."""
    derivatives = []
    for _ in range(order):
        expression = sympy.diff(expression, x)
        derivatives.append(expression)
    return derivatives


def operations(expression: Any) -> int:
    """Operations in a formula as it stands."""
    return int(sympy.count_ops(expression))


def operations_shared(expression: Any) -> int:
    """Operations after common subexpressions have been found."""
    parts, (rest,) = sympy.cse(expression)
    return sum(operations(part) for _, part in parts) + operations(rest)


def finite_difference(f: Callable[[Any], Any], x: float, order: int, h: float) -> float:
    """Central difference of any order: h^-n Σ (-1)^j C(n, j) f(x + (n/2 - j) h)."""
    return float(sum((-1) ** j * comb(order, j) * f(x + (order / 2 - j) * h) for j in range(order + 1)) / h**order)


def derivatives(f: Callable[[Any], Any], x: float, order: int) -> list[float]:
    """The derivatives of order 1 … order, by one pass of Taylor arithmetic."""
    return [float(c) * factorial(k) for k, c in enumerate(hoad.taylor(f, np.array(x), ONE, order))][1:]


def seconds(call: Callable[[], Any], repetitions: int) -> float:
    """Least time of a call."""
    times = []
    for _ in range(repetitions):
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return min(times)


# ---------------------------------------------------------------------------------------------------------------------
# The report


def sweep_of_orders(order: int) -> Table:
    """Every derivative of ``smooth`` at 1: its value, size as a formula, and the relative error of each way."""
    x = sympy.Symbol("x")
    formulas = symbolic_derivatives(smooth(x, sympy), x, order)
    found = derivatives(smooth, 1.0, order)
    rows: Table = {"difference": [], "symbolic": [], "hoad": []}
    print(f"4 (cos x + 2 x - exp x)², {operations(smooth(x, sympy))} operations, and its derivatives at 1")
    heads = f"{'order':>5}  {'raw':>4}  {'expanded':>8}  {'shared':>6}  {'value':>20}"
    print(f"{heads}  {'best difference':>15}  {'symbolic':>8}  {'hoad':>8}")
    for k, (formula, value) in enumerate(zip(formulas, found), 1):
        exact = sympy.N(formula.subs(x, 1), 40)
        error = lambda a, exact=exact: float(abs((sympy.Float(float(a), 40) - exact) / exact))
        rows["difference"].append(min(error(finite_difference(smooth, 1.0, k, h)) for h in np.logspace(-7, 0, 71)))
        rows["symbolic"].append(error(sympy.lambdify(x, formula, "numpy")(1.0)))
        rows["hoad"].append(error(value))
        counts = f"{operations(formula):>4}  {operations(sympy.expand(formula)):>8}  {operations_shared(formula):>6}"
        errors = "  ".join(f"{rows[way][-1]:>{width}.1e}" for way, width in (("difference", 15), ("symbolic", 8), ("hoad", 8)))
        print(f"{k:>5}  {counts}  {value:>20.14f}  {errors}")
    print()
    return rows


def sweep_of_iterates(stages: int) -> Table:
    """Every iterate of the logistic map: the size of its derivative as a formula and as a program."""
    x = sympy.Symbol("x")
    rows: Table = {"formula": [], "expanded": [], "program": []}
    print("logistic map, derivative at 0.2")
    print(f"{'n':>3}  {'formula':>8}  {'its derivative':>14}  {'expanded':>8}  {'hoad, both':>10}  {'value':>17}")
    for n in range(1, stages + 1):
        l = logistic(x, n)
        formula = sympy.diff(l, x)
        program = hoad.trace(lambda x, n=n: hoad.jvp(lambda x: logistic(x, n), (x,), (ONE,)))(np.array(0.2))
        rows["formula"].append(operations(formula))
        rows["expanded"].append(operations(sympy.expand(formula)))
        rows["program"].append(len(program))
        counts = f"{operations(l):>8}  {rows['formula'][-1]:>14}  {rows['expanded'][-1]:>8}  {rows['program'][-1]:>10}"
        print(f"{n:>3}  {counts}  {float(hoad.grad(lambda x, n=n: logistic(x, n))(0.2)):>17.13f}")
    print()
    return rows


def tables_of_projection() -> None:
    """The smoothed step: derivatives by each variable, and what composing it does to the formulas."""
    r, e, b = sympy.symbols("r e b", real=True)  # or SymPy spends minutes on the poles of tanh
    p = projection(r, e, b, sympy)
    print(f"smoothed step at r = 0.3, threshold 0.5, steepness 4: {projection(0.3):.15f}, {operations(p)} operations")
    for k, (formula, value) in enumerate(zip(symbolic_derivatives(p, r, 5), derivatives(projection, 0.3, 5)), 1):
        print(f"  order {k} by r: {operations(formula):>3} operations, value {value:.13g}")
    by_e, by_b = hoad.grad(projection, argnums=(1, 2))(0.3, 0.5, 4.0)
    print(f"  order 1 by e: {operations(sympy.diff(p, e)):>3} operations, value {float(by_e):.14f}")
    print(f"  order 1 by b: {operations(sympy.diff(p, b)):>3} operations, value {float(by_b):.16f}")
    composed = r
    for k in range(1, 5):
        composed = p.subs(r, composed)
        first, second = sympy.diff(composed, r), sympy.diff(composed, r, 2)
        print(f"  composed {k} times: {operations(composed)}, derivatives {operations(first)} and {operations(second)} operations")
    print()


def sweep_of_times(orders: Sequence[int], repetitions: int) -> Table:
    """Time of all derivatives of ``projection`` up to an order: deriving the formulas, evaluating them, and hoad."""
    r = sympy.Symbol("r", real=True)
    p = projection(r, xp=sympy)
    rows: Table = {"deriving": [], "evaluating": [], "hoad": []}
    for order in orders:
        start = perf_counter()
        formulas = symbolic_derivatives(p, r, order)
        compiled = sympy.lambdify(r, formulas, "numpy")
        rows["deriving"].append(perf_counter() - start)
        points = np.linspace(0, 1, 1000)
        along = np.ones(1000)
        rows["evaluating"].append(seconds(partial(compiled, points), repetitions))
        rows["hoad"].append(seconds(partial(hoad.taylor, projection, points, along, order), repetitions))
        taken = ", ".join(f"{way} {1e3 * times[-1]:.2f} ms" for way, times in rows.items())
        print(f"smoothed step, all derivatives up to order {order} at 1000 points: {taken}")
    print()
    return rows


def draw(out: Path, iterates: Table, orders: Table, at: Sequence[int], times: Table) -> None:
    """Size over the iterate, error over the order, time over the order."""
    drawing, (left, middle, right) = canvas(3, "Symbolic, numerical and automatic derivatives")
    n = np.arange(1, len(iterates["formula"]) + 1)
    left.semilogy(n[1:], iterates["formula"][1:], "o-", color=ORANGE, markersize=4, label="formula")
    left.semilogy(n[1:], iterates["expanded"][1:], "o-", color=GREY, markersize=4, label="formula, expanded")
    left.semilogy(n[1:], iterates["program"][1:], "o-", color=BLUE, markersize=4, label="hoad, with the value")
    label(left, "operations: derivative of the logistic map", xlabel="iterate", xticks=n[1:])
    k = np.arange(1, len(orders["hoad"]) + 1)
    floor = 1e-17
    ways = {"difference": (RED, "differences, best step"), "symbolic": (ORANGE, "formula"), "hoad": (BLUE, "hoad")}
    for way, (colour, name) in ways.items():
        middle.semilogy(k, np.maximum(orders[way], floor), "o-", color=colour, markersize=4, label=name)
    label(middle, "relative error of the k-th derivative", xlabel="order", xticks=k)
    looks = {"deriving": (GREY, "deriving the formulas, once"), "evaluating": (ORANGE, "formulas"), "hoad": (BLUE, "hoad")}
    for way, (colour, name) in looks.items():
        right.semilogy(at, 1e3 * np.array(times[way]), "o-", color=colour, markersize=4, label=name)
    label(right, "milliseconds, 1000 points", xlabel="order", xticks=at)
    for axes in (left, middle, right):
        legend(axes)
    save(drawing, out)


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables, draw."""
    options = command_line(__doc__, "expression_swell", argv)
    orders = sweep_of_orders(8)
    iterates = sweep_of_iterates(5 if options.quick else 8)
    tables_of_projection()
    at = (1, 2, 3, 4) if options.quick else (1, 2, 3, 4, 5, 6, 7, 8)
    times = sweep_of_times(at, 3 if options.quick else 20)
    draw(options.out, iterates, orders, at, times)


if __name__ == "__main__":
    main()
