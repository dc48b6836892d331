"""Random lines of NumPy code, each tried on values as soon as it is drawn."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import hoad
from hoad.errors import HoadError
from tests.compiler.random_forms import EXACT, EXACT_SHAPES, LARGE, LOOPS, MATRICES, ONE_SHAPE, PRODUCTS, SAFE, TWO

__all__ = ["Draw", "Line"]

REDUCTIONS = (
    "np.sum", "np.sum", "np.mean", "np.max", "np.min", "np.prod", "np.var", "np.std", "hoad.scipy.special.logsumexp",
    "np.any", "np.all",
)  # fmt: skip
LIMIT = 60.0
"""Largest number that a value may hold."""
SIZE = 150
"""Most entries of a value."""


class Line(NamedTuple):
    """``target = expression of uses``."""

    text: str
    target: str
    uses: tuple[str, ...]


def table(text: str) -> list[str]:
    return [part.strip() for line in text.strip().splitlines() for part in line.split(" | ")]


def registered() -> list[str]:
    """Functions of one argument in the registry that are applied at each point."""
    found = []
    for f in hoad.registry():
        if f.kind == "elementwise" and isinstance(f.native, np.ufunc) and f.native.nin == 1 and f.native.nout == 1:
            found.append(f"{f.name.replace('numpy.', 'np.')}({{0}})")
    return sorted(found)


class Draw:
    """Lines that are drawn one after the other, with the values that they have."""

    def __init__(
        self, rng: np.random.Generator, names: dict[str, Any], values: dict[str, Any], dtype: str, special: bool, large: bool
    ) -> None:
        self.rng, self.names, self.values, self.dtype, self.special = rng, names, values, dtype, special
        self.size = 400_000 if large else SIZE
        self.lines: list[Line] = []
        self.count = 0
        self.moving = {"x0"}
        """Names of what depends on the first argument."""
        self.used: set[str] = set()
        if special:
            self.kinds: list[tuple[float, Callable[[], Any]]] = [
                (6, lambda: self.one_of(EXACT)), (3, lambda: self.one_of(EXACT_SHAPES)), (1, self.index), (1, self.update),
            ]  # fmt: skip
        elif large:
            self.kinds = [
                (4, lambda: self.one_of(SAFE)), (5, lambda: self.one_of(TWO)), (3, lambda: self.one_of(LARGE)), (1, self.reduction),
            ]  # fmt: skip
        else:
            self.kinds = [
                (5, lambda: self.one_of(SAFE)), (5, lambda: self.one_of(TWO)), (4, lambda: self.one_of(ONE_SHAPE)),
                (3, lambda: self.one_of(PRODUCTS)), (1.2, lambda: self.one_of(MATRICES)), (0.7, lambda: self.one_of(LOOPS)),
                (3, self.index), (2, self.reduction),
                (2, self.update), (1.5, self.constant), (1, self.shaped), (1, self.padded), (0.7, self.any_function),
            ]  # fmt: skip

    # -- picking --------------------------------------------------------------------------------------------------------------

    def pick(self, fits: Callable[[Any], bool] = lambda v: True) -> str:
        """The name of a value, rather a late one."""
        names = [n for n, v in self.values.items() if fits(v)]
        if not names:
            raise ValueError("nothing fits")
        weights = np.arange(1.0, len(names) + 1)
        weights *= [(3.0 if n in self.moving else 1.0) * (1.0 if n in self.used else 4.0) for n in names]
        return str(self.rng.choice(names, p=weights / weights.sum()))

    def choice(self, items: Any) -> Any:
        return items[int(self.rng.integers(len(items)))]

    def one_of(self, text: str) -> tuple[str, tuple[str, ...]]:
        form = self.choice(_TABLES.setdefault(text, table(text)))
        if self.size > SIZE and ("outer" in form or "kron" in form):
            raise ValueError("too long")
        first = self.pick()
        second = self.pick() if self.rng.random() < 0.5 else self.pick(lambda v: np.shape(v) == np.shape(self.values[first]))
        if '"ii' in form:
            first = self.pick(lambda v: v.ndim == 2 and v.shape[0] == v.shape[1])
        if "{A}" in form:
            first = self.pick(lambda v: v.ndim >= 2 and v.shape[-1] == v.shape[-2] and 0 < v.shape[-1] < 5)
            n = self.values[first].shape[-1]
            shift = f"np.diag(np.arange(3, {n + 3}).astype(dtype))"
            part = f"(0.2 * {first} + 0.2 * np.swapaxes({first}, -1, -2) + {shift})"
            form = form.replace("{A}", part)
        uses = (first, second) if "{1}" in form else (first,)
        return form.format(first, second), tuple(dict.fromkeys(uses))

    def any_function(self) -> tuple[str, tuple[str, ...]]:
        if "registered" not in _TABLES:
            _TABLES["registered"] = registered()
        x = self.pick()
        return self.choice(_TABLES["registered"]).format(self.choice([x, f"(1.2 + {x} ** 2)", f"(0.5 + 0.3 * np.tanh({x}))"])), (x,)

    def number(self) -> str:
        if self.special:
            return str(self.choice(["0.0", "-0.0", "1.0", "-1.0", "inf", "nan", "2"]))
        return str(self.choice(["0.5", "-1.3", "2", "0", "1", "-1", "0.0", "3.0", "np.float64(0.7)", "dtype.type(1.25)", "True"]))

    def array(self, shape: tuple[int, ...]) -> str:
        kind = self.rng.integers(5)
        if kind == 0:
            return f"np.full({shape}, {self.number()}, dtype)"
        if kind == 1:
            return f"np.ones({shape}, dtype)"
        if kind == 2:
            return f"np.zeros({shape}, dtype)"
        values = np.round(self.rng.uniform(-1, 1, shape), 2)
        return f"np.array({values.tolist()}, dtype).reshape({shape})"

    # -- lines ----------------------------------------------------------------------------------------------------------------

    def part(self, n: int) -> str:
        """Something that indexes an axis of length n."""
        r = self.rng
        kind = r.integers(7)
        if kind == 0 and n:
            return str(int(r.integers(-n, n)))
        if kind <= 2:
            return ":"
        a, b = (int(k) for k in r.integers(-n - 1, n + 2, 2))
        step = self.choice(["", "", ":-1", ":2", ":-2", ":3"])
        text = [f"{a}:{b}", f"{a}:", f":{b}", ":", "1:-1", ":-1", "1:"]
        return f"{self.choice(text)}{step}" if step else str(self.choice(text))

    def indexed(self, shape: tuple[int, ...]) -> str:
        r = self.rng
        parts = [self.part(n) for n in shape[: r.integers(0, len(shape) + 1)]]
        if r.random() < 0.15:
            parts.insert(int(r.integers(len(parts) + 1)), "...")
        if r.random() < 0.1:
            parts.insert(int(r.integers(len(parts) + 1)), "None")
        if shape and shape[0] and r.random() < 0.25:  # whole numbers in arrays
            rows = r.integers(-shape[0], shape[0], self.choice([(2,), (3,), (2, 2), (0,)]))
            parts = [f"np.array({rows.tolist()}, int).reshape({rows.shape})", *parts[1:]]
        return ", ".join(parts) or "..."

    def index(self) -> tuple[str, tuple[str, ...]]:
        x = self.pick(lambda v: v.ndim > 0)
        if self.rng.random() < 0.1:
            mask = self.rng.random(self.values[x].shape) < 0.5
            return f"{x}[np.array({mask.tolist()}, bool).reshape({mask.shape})]", (x,)
        return f"{x}[{self.indexed(self.values[x].shape)}]", (x,)

    def update(self) -> tuple[str, tuple[str, ...]]:
        x = self.choice([n for n in self.values if n in self.moving and self.values[n].ndim] or [""])
        if not x:
            raise ValueError("only numbers depend on the argument")
        where = self.indexed(self.values[x].shape)
        box = eval(f"x[{where}]", {**self.names, "x": self.values[x]}).shape
        fits = [n for n, v in self.values.items() if _fits(v.shape, box)]
        y = self.choice(fits) if fits and self.rng.random() < 0.75 else self.number()
        new = f"v{self.count}"
        start = f"{x}.copy()" if self.rng.random() < 0.7 else f"np.zeros_like({x})"
        change = self.choice(["=", "=", "+=", "-=", "*="])
        text = f"{new} = {start}; {new}[{where}] {change} {y}"
        if change == "+=" and self.rng.random() < 0.3:
            text = f"{new} = {start}; np.add.at({new}, np.s_[{where}], {y})"
        return text, (x, y) if y in self.values else (x,)

    def reduction(self) -> tuple[str, tuple[str, ...]]:
        x = self.pick(lambda v: v.ndim > 0)
        rank = self.values[x].ndim
        axes = [k for k in range(rank) if self.rng.random() < 0.5]
        axes = [k - rank if self.rng.random() < 0.3 else k for k in axes]
        axis = self.choice(["None", *[str(k) for k in range(rank)], f"({''.join(f'{k}, ' for k in axes)})"])
        name = self.choice(REDUCTIONS)
        keep = ", keepdims=True" if self.rng.random() < 0.4 else ""
        if name in ("np.any", "np.all"):
            return f"np.where({name}({x} > 0, axis={axis}, keepdims=True), {x}, 0.5 * {x})", (x,)
        if name == "np.std":
            return f"np.std(np.sin({x}) * 2, axis={axis}{keep})", (x,)
        return f"{name}({x}, axis={axis}{keep})", (x,)

    def constant(self) -> tuple[str, tuple[str, ...]]:
        x = self.pick()
        shape = self.values[x].shape
        if shape and self.rng.random() < 0.3:
            shape = shape[1:] if self.rng.random() < 0.5 else (1, *shape[1:])
        c = self.array(shape) if self.rng.random() < 0.6 else self.number()
        return self.choice(["{0} + {1}", "{1} - {0}", "{0} * {1}", "{1} * {0}", "{0} ** {1}", "{0} / (2 + {1})",
                            "{1} / (2 + {0} ** 2)",
                            "np.maximum({0}, {1})", "np.where({1} > {0}, {0}, {1})"]).format(x, c), (x,)  # fmt: skip

    def shaped(self) -> tuple[str, tuple[str, ...]]:
        x = self.pick()
        v = self.values[x]
        if self.rng.random() < 0.5:
            return f"np.transpose({x}, {tuple(int(k) for k in self.rng.permutation(v.ndim))})", (x,)
        factors = [d for d in range(1, v.size + 1) if v.size % d == 0] or [0]
        d = self.choice(factors)
        shape = self.choice([(d, v.size // max(d, 1)), (v.size,), (1, d, -1) if d else (0,), (-1, d, 1) if d else (0, 2)])
        return f"{x}.reshape({shape})", (x,)

    def padded(self) -> tuple[str, tuple[str, ...]]:
        x = self.pick(lambda v: v.ndim > 0)
        rank = self.values[x].ndim
        axis = int(self.rng.integers(-rank, rank))
        width = [tuple(int(k) for k in self.rng.integers(0, 3, 2)) for _ in range(rank)]
        y = self.pick(lambda v: v.ndim == rank)
        return self.choice([
            f"np.pad({x}, {width})", f"np.concatenate([{x}, {y}, {x}], axis={axis})", f"np.stack([{x}, {y}], axis={axis})",
            f"np.sum(np.pad({x}, {width}), axis={axis})", f"np.expand_dims({x}, {axis})",
            f"np.take({x}, [0, -1, 0], axis={axis})" if self.values[x].size else f"{x}.T",
            f"np.cumsum({x}, axis={axis})", f"np.sort({x}, axis={axis})", f"np.flip({x}, {axis})", f"np.diff({x}, axis={axis})",
        ]), (x, y)  # fmt: skip

    def line(self) -> None:
        """Draw until a line has values that may stay."""
        weights = np.array([w for w, _ in self.kinds])
        while True:
            try:
                kind = int(self.rng.choice(len(self.kinds), p=weights / weights.sum()))
                text, uses = self.kinds[kind][1]()
                if ("axis=" in text or "np.pad(" in text) and any(self.values[u].ndim == 0 for u in uses):
                    continue  # NumPy lets numbers have an axis 0; hoad does not
                target = f"v{self.count}"
                if f"{target} = " not in text:
                    text = f"{target} = {text}"
                names = {**self.names, **self.values}
                with np.errstate(all="ignore"), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    exec(text, names)
            except (ValueError, IndexError, TypeError, AttributeError, np.linalg.LinAlgError, ZeroDivisionError, HoadError):
                continue
            y = names[target]
            if self.size > SIZE and np.size(y) < 300 and len(self.lines) < 4:
                continue
            if not isinstance(y, np.ndarray | np.generic) or y.dtype.kind != "f" or y.size > self.size or y.ndim > 4:
                continue
            if not self.special and y.size and not (np.isfinite(y).all() and np.abs(y).max() < LIMIT):
                continue
            self.values[target] = y
            self.used.update(uses)
            self.lines.append(Line(text, target, uses))
            if self.moving.intersection(uses):
                self.moving.add(target)
            self.count += 1
            return

    def results(self) -> tuple[str, ...]:
        """Values that no line uses, and often others, an argument or one value twice among them."""
        free = [n for n in self.values if n in self.moving and n not in self.used][::-1]
        found = free[: int(self.rng.choice([1, 2, 3]))] or [self.pick(lambda v: any(v is self.values[n] for n in self.moving))]
        return (*found, *[self.pick() for _ in range(int(self.rng.choice([0, 0, 0, 1, 2])))])


_TABLES: dict[str, list[str]] = {}


def _fits(shape: tuple[int, ...], box: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, box) == box
    except ValueError:
        return False
