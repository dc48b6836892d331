"""What a derivative is made of: evaluation traces, and the graph of an expression in topological order.

`hoad.trace` writes down every step that a function takes, with its value, its tangents (read downwards: forward mode) and
its adjoint (read upwards: reverse mode). The two functions are those of the usual textbook tables; the graphs are those of a
quadratic in two variables, in general and with all coefficients one.

Source: Griewank & Walther, Evaluating Derivatives, 2nd ed. (2008), chapters 2 and 3; Baydin, Pearlmutter, Radul & Siskind,
Automatic differentiation in machine learning: a survey, JMLR 18 (2018), tables 2 and 3.

    python docs/examples/evaluation_traces.py [--quick] [--out figure.png]
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from presentation import BLUE, canvas, command_line, label, save

import hoad


def textbook(x1: Any, x2: Any) -> Any:
    """y = x1 x2 + x2 - ln x1, at (2, 4): 11.3069 with gradient (3.5, 3)."""
    return x1 * x2 + x2 - np.log(x1)


def survey(x1: Any, x2: Any) -> Any:
    """y = ln x1 + x1 x2 - sin x2, at (2, 5): 11.652 with gradient (5.5, 1.716)."""
    return np.log(x1) + x1 * x2 - np.sin(x2)


def quadratic(x: Any, y: Any, a: float = 2.0, b: float = 3.0, c: float = 5.0) -> Any:
    """a x² + b x y + c y²."""
    return a * (x * x) + b * (x * y) + c * (y * y)


def quadratic_of_ones(x: Any, y: Any) -> Any:
    """x² + x y + y², with powers."""
    return x**2 + x * y + y**2


def is_topological(program: hoad.Program) -> bool:
    """Whether every edge of the graph leads from an earlier node to a later one."""
    return all(tail < head for tail, head in program.edges)


def places(program: hoad.Program) -> dict[int, tuple[float, float]]:
    """Where to draw each node: to the right of all it needs, nodes of one rank above each other."""
    rank: dict[int, int] = dict.fromkeys(range(len(program.names)), 0)
    for tail, head in sorted(program.edges, key=lambda edge: edge[1]):
        rank[head] = max(rank.get(head, 0), rank[tail] + 1)
    columns: dict[int, list[int]] = {}
    for slot, r in rank.items():
        columns.setdefault(r, []).append(slot)
    return {slot: (r, (len(column) - 1) / 2 - k) for r, column in columns.items() for k, slot in enumerate(column)}


SYMBOLS = {"multiply": "×", "add": "+", "square": "( )²", "pow": "( )²"}


def symbol(step: Any) -> str:
    """The sign of an operation, with its constant factor if it has one."""
    factor = next((f"{c:g} " for c in step.args if c is not None), "") if step.primitive.name == "multiply" else ""
    return factor + SYMBOLS[step.primitive.name]


def draw(out: Path, programs: dict[str, hoad.Program]) -> None:
    """The graphs; numbers give the order of evaluation."""
    drawing, panels = canvas(len(programs), "Expressions as graphs, numbered in topological order", height=3.4)
    for axes, (title, program) in zip(panels, programs.items()):
        axes.set_axis_off()
        at = places(program)
        for tail, head in program.edges:
            bend = "arc3,rad=0.12" if at[head][0] - at[tail][0] > 1 else "arc3"
            arrow = dict(arrowstyle="-|>", color="#6b7280", shrinkA=17, shrinkB=17, connectionstyle=bend, linewidth=1.1)
            axes.annotate("", xy=at[head], xytext=at[tail], arrowprops=arrow)
        for slot, (x, y) in at.items():
            leaf = slot < len(program.names)
            fill = "#dce6f5" if leaf else "white"
            shape = dict(boxstyle="round,pad=0.35" if leaf else "circle,pad=0.32", edgecolor=BLUE, linewidth=1.2, facecolor=fill)
            text = program.label(slot) if leaf else symbol(program.steps[slot - len(program.names)])
            axes.text(x, y, text, ha="center", va="center", fontsize=11, bbox=shape)
            if not leaf:
                number = slot - len(program.names) + 1
                axes.text(x + 0.13, y + 0.2, str(number), ha="left", va="bottom", fontsize=8, color="#8a8f98")
        columns, rows = zip(*at.values())
        label(axes, title, xlim=(-0.5, max(columns) + 0.5), ylim=(min(rows) - 0.6, max(rows) + 0.7))
    save(drawing, out)


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables and the graphs, draw the graphs."""
    options = command_line(__doc__, "evaluation_traces", argv)

    print("y = x1 x2 + x2 - ln x1 at (2, 4)")
    print(hoad.trace(textbook)(2.0, 4.0))
    H = hoad.hessian(textbook, argnums=(0, 1))(2.0, 4.0)
    print(f"Hessian {[[float(entry) for entry in row] for row in H]}")
    third = hoad.taylor(lambda x1: textbook(x1, 4.0), np.array(2.0), np.array(1.0), 3)[3] * 6
    print(f"third derivative by x1 {float(third)}")
    print()
    print("y = ln x1 + x1 x2 - sin x2 at (2, 5), in the survey")
    print(hoad.trace(survey)(2.0, 5.0))
    print()

    programs = {
        "2 x² + 3 x y + 5 y²": hoad.trace(quadratic)(2.0, 5.0),
        "x² + x y + y²": hoad.trace(quadratic_of_ones)(2.0, 5.0),
    }
    for title, program in programs.items():
        order = "topological" if is_topological(program) else "not topological"
        print(f"{title}: {len(program)} operations, {len(program.edges)} edges, order {order}, for SymPy {program.to_sympy()}")
        gradient = hoad.grad(quadratic if len(program) > 5 else quadratic_of_ones, argnums=(0, 1))(2.0, 5.0)
        print(f"gradient at (2, 5): {[float(g) for g in gradient]}")
        print(program.to_dot())
    draw(options.out, programs)


if __name__ == "__main__":
    main()
