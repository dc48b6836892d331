"""Random functions of arrays, as Python text, and their derivatives: what the compiler is tried on.

A :class:`Program` is drawn line by line and evaluated while it is drawn, so that its values stay finite, small and not too
long.  It is text, so that a failure is a script that can be read and run; lines that its results do not need can be dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.special

import hoad
import hoad.scipy.linalg
import hoad.scipy.special
from tests.compiler.random_lines import Draw, Line

__all__ = ["OPERATORS", "SPECIAL", "Program", "draw", "smaller"]

SPECIAL = (0.0, -0.0, 1.0, -1.0, 2.0, -0.5, 0.25, 3.0, np.inf, -np.inf, np.nan)
"""What arrays of programs about NaN, infinities and signed zeros are made of."""


@dataclass(frozen=True)
class Program:
    """A random function and the derivative that is asked for.

    Attributes
    ----------
    bases : tuple of ndarray
        ``b0``, ``b1`` …: the memory of the arguments.
    leaves : tuple of str
        The arguments: bases, and views of them, as text.
    lines : tuple of Line
    results : tuple of str
        Names of the results.
    operator : str
        One of :data:`OPERATORS`.
    """

    seed: int
    dtype: str
    bases: tuple[np.ndarray, ...]
    leaves: tuple[str, ...]
    lines: tuple[Line, ...]
    results: tuple[str, ...]
    operator: str = "value"
    special: bool = False

    @property
    def source(self) -> str:
        """The function as text."""
        names = ", ".join(f"x{k}" for k in range(len(self.leaves)))
        lines = [f"    {line.text}" for line in self.lines]
        return "\n".join([f"def f({names}):", *lines, f"    return {', '.join(self.results)},", ""])

    def function(self) -> Callable[..., Any]:
        """The derivative, as a function of the arguments and of a direction for the first one."""
        names = namespace(self.dtype)
        exec(self.source, names)  # drawn from the lines of this package
        return OPERATORS[self.operator](names["f"])

    def arguments(self, moved: bool = False) -> list[Any]:
        """Arguments and the direction: where the program was drawn, or a little beside it."""
        rng = np.random.default_rng(abs(self.seed))
        moved = moved and self.seed >= 0
        scale = [rng.uniform(0.98, 1.02, b.shape) for b in self.bases]
        bases = [(b * s).astype(b.dtype) if moved and b.dtype.kind == "f" else b for b, s in zip(self.bases, scale, strict=True)]
        names = {**namespace(self.dtype), **{f"b{k}": b for k, b in enumerate(bases)}}
        leaves = [eval(text, names) for text in self.leaves]
        x = leaves[0]
        return [*leaves, np.asarray(rng.uniform(-1, 1, np.shape(x))).astype(x.dtype)]

    def script(self) -> str:
        """All of it, to be run by itself."""
        bases = [
            f"b{k} = tests.compiler.random_programs.draw({self.seed}, large=True).bases[{k}]"
            if b.size > 1000
            else f"b{k} = np.array({b.tolist()!r}, dtype='{b.dtype}').reshape({b.shape})"
            for k, b in enumerate(self.bases)
        ]
        return "\n".join(
            [
                f"# seed {self.seed}, {self.operator}", "import numpy as np, scipy, hoad, hoad.scipy.special, hoad.scipy.linalg",
                "from numpy import nan, inf",
                f"dtype = np.dtype('{self.dtype}')", *bases, f"leaves = [{', '.join(self.leaves)}]", self.source,
            ]
        )  # fmt: skip


def namespace(dtype: str) -> dict[str, Any]:
    return {"np": np, "scipy": scipy, "hoad": hoad, "dtype": np.dtype(dtype), "nan": np.nan, "inf": np.inf}


# -- derivatives ----------------------------------------------------------------------------------------------------------------


def scalar(f: Callable[..., Any]) -> Callable[..., Any]:
    """A weighted sum of all results."""

    def g(*leaves: Any) -> Any:
        total = 0.0
        for k, y in enumerate(f(*leaves)):
            weights = np.cos(k + np.arange(np.size(y), dtype=float)).astype(y.dtype).reshape(np.shape(y))
            total = total + np.sum(weights * y)
        return total

    return g


def _of_first(f: Callable[..., Any], rest: Any) -> Callable[[Any], Any]:
    return lambda x: f(x, *rest)


def _reverse_twice(g: Any) -> Any:
    return lambda x, v: hoad.grad(lambda y: np.sum(hoad.grad(g)(y) * v))(x)


OPERATORS: dict[str, Callable[[Any], Callable[..., Any]]] = {
    "value": lambda f: lambda *a: f(*a[:-1]),
    "grad": lambda f: lambda *a: (hoad.grad(scalar(f))(*a[:-1]),),
    "value and grad of all": lambda f: lambda *a: hoad.value_and_grad(scalar(f), argnums=tuple(range(len(a) - 1)))(*a[:-1]),
    "jvp": lambda f: lambda *a: hoad.jvp(_of_first(f, a[1:-1]), (a[0],), (a[-1],)),
    "hvp": lambda f: lambda *a: (hoad.hvp(_of_first(scalar(f), a[1:-1]), a[0], a[-1]),),
    "hvp forward over reverse": lambda f: lambda *a: (
        hoad.hvp(_of_first(scalar(f), a[1:-1]), a[0], a[-1], mode="forward-over-reverse"),
    ),
    "reverse twice": lambda f: lambda *a: (_reverse_twice(_of_first(scalar(f), a[1:-1]))(a[0], a[-1]),),
    "Taylor": lambda f: lambda *a: hoad.taylor(_of_first(f, a[1:-1]), a[0], a[-1], 3),
    "third": lambda f: lambda *a: hoad.jvp(
        lambda x: hoad.hvp(_of_first(scalar(f), a[1:-1]), x, a[-1]), (a[0],), (a[-1],)
    ),
}  # fmt: skip
ORDERS = {
    "value": 0, "grad": 1, "value and grad of all": 1, "jvp": 1, "hvp": 2, "hvp forward over reverse": 2, "reverse twice": 2,
    "Taylor": 3, "third": 3,
}  # fmt: skip
CHANCES = (0.25, 0.15, 0.1, 0.12, 0.1, 0.06, 0.06, 0.08, 0.08)


# -- drawing --------------------------------------------------------------------------------------------------------------------


def _leaf(rng: np.random.Generator, zero: bool) -> tuple[str, tuple[int, ...]]:
    """A view and the shape of its base."""
    rank = int(rng.choice([0, 1, 1, 1, 2, 2, 2, 3]))
    sizes = [0, 1, 2, 3] if zero else [1, 2, 3, 3, 4, 5, 7, 9]
    shape = tuple(int(n) for n in rng.choice(sizes, rank))
    if rank == 3:
        shape = tuple(min(n, 4) for n in shape)
    kind = rng.integers(9)
    if kind == 0 and rank > 1:
        return "b.T", shape
    if kind == 1 and rank:
        return "b[::-1]", shape
    if kind == 2 and rank:
        return "b[..., ::2]", (*shape[:-1], 2 * shape[-1])
    if kind == 3 and rank:
        return "b[1:]", (shape[0] + 1, *shape[1:])
    if kind == 4 and rank > 1:
        return "b[:, ::-2].swapaxes(0, 1)", (shape[0], 2 * shape[1] + 1, *shape[2:])
    if kind == 5 and rank:
        return f"np.broadcast_to(b, {(3, *shape)})", shape
    return "b", shape


LARGE = (
    ("b", (100_003,)), ("b[::-1]", (100_003,)), ("b", (317, 331)), ("b.T", (331, 317)), ("b", (7, 15_001)), ("b[::2]", (200_006,)),
    ("b[1:]", (100_004,)), ("np.broadcast_to(b, (317, 331))", (331,)),
)  # fmt: skip


def draw(seed: int, operator: str | None = None, dtype: str | None = None, special: bool = False, large: bool = False) -> Program:
    """A program; the same one for the same arguments. ``large``: of arrays with about 100,000 entries."""
    rng = np.random.default_rng([seed, int(special), int(large)])
    dtype = dtype or str(rng.choice(["float64", "float64", "float64", "float32"]))
    if operator is None:
        operator = str(rng.choice(list(OPERATORS), p=CHANCES))
    zero = rng.random() < 0.06 and not large
    bases: list[np.ndarray] = []
    leaves: list[str] = []
    for _ in range(int(rng.choice([1, 1, 2, 3]))):
        text, shape = LARGE[int(rng.integers(len(LARGE)))] if large else _leaf(rng, zero)
        if leaves and rng.random() < 0.3:  # an alias, or a view that overlaps
            b = int(rng.integers(len(bases)))
            view = str(rng.choice([f"b{b}", f"b{b}[1:]", f"b{b}[::-1]", f"b{b}[:-1]", f"b{b}.T", leaves[-1]]))
            if bases[b].ndim:
                leaves.append(view)
                continue
        values = rng.choice(SPECIAL, size=shape) if special else np.round(rng.uniform(-1.5, 1.5, shape), 3) + 1e-4
        leaves.append(text.replace("b", f"b{len(bases)}", 1) if "(b" not in text else text.replace("(b", f"(b{len(bases)}"))
        bases.append(np.asarray(values, dtype))
    count = 6 if large else int(rng.integers(2, 11 if ORDERS[operator] < 2 else 8))
    names = {f"b{k}": b for k, b in enumerate(bases)}
    arguments = [eval(t, namespace(dtype), names) for t in leaves]
    drawn = Draw(rng, namespace(dtype), {f"x{k}": a for k, a in enumerate(arguments)}, dtype, special, large)
    for _ in range(count):
        drawn.line()
    results = drawn.results()
    return pruned(Program(seed, dtype, tuple(bases), tuple(leaves), tuple(drawn.lines), results, operator, special))


def pruned(p: Program) -> Program:
    """Without the lines that no result needs."""
    needed = set(p.results)
    kept = []
    for line in reversed(p.lines):
        if line.target in needed:
            kept.append(line)
            needed.update(line.uses)
    return replace(p, lines=tuple(reversed(kept)))


def smaller(p: Program, fails: Callable[[Program], bool]) -> Program:
    """A part of the program that fails too: fewer results, or an earlier value in their place, fewer lines."""
    while True:
        for candidate in _parts(p):
            if fails(candidate):
                p = candidate
                break
        else:
            return p


def _parts(p: Program) -> list[Program]:
    found = [pruned(replace(p, results=(r,))) for r in p.results] if len(p.results) > 1 else []
    for name in p.results:
        line = next((line for line in p.lines if line.target == name), None)
        for before in line.uses if line is not None else ():
            found.append(pruned(replace(p, results=tuple(before if r == name else r for r in p.results))))
    for k, line in enumerate(p.lines):  # a line that is replaced by one of its arguments
        for before in line.uses:
            lines = list(p.lines)
            lines[k] = Line(f"{line.target} = {before}", line.target, (before,))
            if lines[k] != line:
                found.append(replace(p, lines=tuple(lines)))
    used = set(p.results).union(*[line.uses for line in p.lines])
    for k, text in enumerate(p.leaves[1:], 1):
        if f"x{k}" not in used and text != "dtype.type(1)":
            leaves = tuple("dtype.type(1)" if j == k else t for j, t in enumerate(p.leaves))
            bases = tuple(b if any(f"b{n}" in t for t in leaves) else b.ravel()[:0] for n, b in enumerate(p.bases))
            found.append(replace(p, leaves=leaves, bases=bases))
    if p.operator != "value":
        found.insert(0, replace(p, operator="value"))
    return found
