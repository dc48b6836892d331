"""Loops over boxes of points: the formulas of the stored arrays, expanded at one point, with every boundary decided.

A slice that is put into a larger array (a pad, the transpose of a slice) is zero outside.  The loop is cut where that begins, so
that no point of a box has to ask: what the compiler sees are plain loops.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import gcd, prod
from typing import Any

from hoad.compiler.loops.index import ZERO, Affine, constant, variable
from hoad.compiler.loops.scalar import OPERATIONS, Graph
from hoad.compiler.loops.values import Constant, Reduced, Uniform, Value

__all__ = ["Box", "Kernel", "Root", "Store", "TooLarge", "boxes_of"]

NODES = 600
"""Operations in one box beyond which a kernel is cut into several."""
WIDE = 1000
"""The same for loops over many points, where what is stored between kernels costs more than a longer compilation."""
POINTS = 10_000
"""Points from which loops have many."""
BOXES = 40
"""Boxes of one kernel beyond which what needs them is stored instead."""


SIMPLE = (OPERATIONS | {"load"}) - {"gather", "present"}
"""Operations of which only loads depend on the loops."""


TYPES = ("f8", "f4", "b1")


class TooLarge(Exception):
    """The formula of a box has too many operations."""


class _Cut(Exception):
    """A condition that holds on a part of a box only: cut a variable at a place, or by residues."""

    def __init__(self, value: Value, var: int, at: int = 0, modulus: int = 0) -> None:
        self.value, self.var, self.at, self.modulus = value, var, at, modulus


class NotAffine(Exception):
    """A condition on several variables at once, or too many boxes: ``value`` has to be stored."""

    def __init__(self, value: Value) -> None:
        self.value = value


@dataclass(eq=False)
class Root:
    """A stored array and the loops that compute it.

    ``space`` are the extents of its formula, ``loops`` the axes of the space that are loops, outermost first, ``unrolled`` those
    that are written out, ``reduced`` the axes that are summed.
    """

    value: Value
    space: tuple[int, ...]
    loops: tuple[int, ...]
    unrolled: tuple[int, ...]
    reduced: frozenset[int]
    level: int = 0
    into: Value | None = None
    at: tuple[tuple[int, int], ...] = ()
    """The array to a box of which the entries are added, and (start, step) of the box for each axis."""

    @property
    def formula(self) -> Value:
        return self.value.args[0] if self.reduced else self.value

    @property
    def domain(self) -> tuple[int, ...]:
        return tuple(self.space[k] for k in self.loops)

    @property
    def summed(self) -> tuple[bool, ...]:
        """For each loop whether it is one of the sum."""
        return tuple(k in self.reduced for k in self.loops)

    def places(self, variables: Sequence[Affine]) -> Iterator[tuple[Affine, ...]]:
        """Indices into the formula, one for each point of the axes that are written out."""
        index: list[Affine] = [ZERO] * len(self.space)
        for k, var in zip(self.loops, variables, strict=True):
            index[k] = var
        for point in product(*[range(self.space[k]) for k in self.unrolled]):
            for k, n in zip(self.unrolled, point, strict=True):
                index[k] = constant(n)
            yield tuple(index)

    @property
    def buffer(self) -> Value:
        """The array that is written."""
        return self.value if self.into is None else self.into

    def place(self, index: Sequence[Affine]) -> Affine:
        """Place in memory that belongs to an index into the formula."""
        if self.into is not None:
            return self.into.address([a.scaled(step).shifted(start) for a, (start, step) in zip(index, self.at, strict=True)])
        return self.value.address([a for k, a in enumerate(index) if k not in self.reduced])


@dataclass
class Store:
    """What is written (or added up) at a point: a node or number, for a place in the array of a root."""

    root: Root
    place: Affine
    entry: Any


@dataclass
class Box:
    """Points base + stride * t of the loops, t from 0 to count - 1, and what is computed at each."""

    axes: tuple[tuple[int, int, int], ...]
    stored: Any
    local: dict[int, set[tuple[Affine, ...]]]
    graph: Graph
    long: bool
    """Whether this is a part of a loop over many points."""
    stores: list[Store] = field(default_factory=list)
    memo: dict[Any, Any] = field(default_factory=dict)
    uses: dict[int, set[tuple[Affine, ...]]] = field(default_factory=dict)

    @property
    def counts(self) -> tuple[int, ...]:
        return tuple(c for _, _, c in self.axes)

    def variables(self) -> list[Affine]:
        return [variable(k, base, stride) if count > 1 else constant(base) for k, (base, stride, count) in enumerate(self.axes)]

    def get(self, value: Value, index: tuple[Affine, ...]) -> Any:
        """The entry of an array at an index."""
        if type(value) is Uniform:
            return value.number
        name = id(value)
        if value.stored or (name in self.stored and index not in self.local.get(name, ())):
            return self.load(value, value.address(index))
        key = (name, index)
        found = self.memo.get(key)
        if found is None:
            if self.graph.full:
                raise TooLarge
            found = self.memo[key] = value.expand(self, index)
            self.uses.setdefault(name, set()).add(index)
        return found

    def load(self, value: Value, place: Affine) -> Any:
        """The element of a stored array; zeros and ones that are known are numbers in long loops, which are not repeated."""
        if self.long and not place.terms and type(value) is Constant and value.order is None and value.dtype in TYPES:
            known = value.array.reshape(-1)[place.const]
            if known in (0, 1, -1):
                return bool(known) if value.dtype == "b1" else float(known)
        return self.graph.node("load", (self.stored.buffer(value), place), value.dtype)

    def locate(self, value: Value, index: Sequence[Affine], place: Sequence[tuple[int, int]], shape: Sequence[int]) -> Any:
        """Index into a piece that lies at ``place`` (start, step), or None outside of it."""
        counts = self.counts
        inside = []
        for a, (start, step), n in zip(index, place, shape, strict=True):
            if n == 0:
                return None
            low, high = a.span(counts)
            last = start + (n - 1) * step
            if high < start or low > last:
                return None
            if low < start or high > last:
                if len(a.terms) != 1:
                    raise NotAffine(value)
                ((k, c),) = a.terms
                if c > 0:  # the first t at which the index reaches the piece, or has left it
                    at = -((a.const - (start if low < start else last + 1)) // c)
                else:
                    at = (a.const - start) // -c + 1 if low < start else -((last - a.const) // -c)
                raise _Cut(value, k, at=at)
            if step != 1:
                for k, c in a.terms:
                    if c % step:
                        raise _Cut(value, k, modulus=step // gcd(abs(c), step))
                if (a.const - start) % step:
                    return None
                a = a.shifted(-start).divided(step)
            else:
                a = a.shifted(-start)
            inside.append(a)
        return tuple(inside)

    def fill(self, roots: Sequence[Root]) -> Box:
        """Expand the formulas."""
        variables = self.variables()
        for root in roots:
            sums: dict[Affine, Any] = {}
            for index in root.places(variables):
                place = root.place(index)
                entry = self.get(root.formula, index) if root.reduced else self._formula(root, index)
                if root.reduced and place in sums:
                    assert isinstance(root.value, Reduced)
                    entry = self.graph.apply(root.value.op, (sums[place], entry), root.value.dtype)
                sums[place] = entry
            self.stores += [Store(root, place, entry) for place, entry in sums.items()]
        return self

    def _formula(self, root: Root, index: tuple[Affine, ...]) -> Any:
        """Entry of the root itself, which others may load."""
        if root.into is not None or root.value.stored or type(root.value) is Uniform:
            return self.get(root.value, index)
        key = (id(root.value), index)
        if key not in self.memo:
            self.memo[key] = root.value.expand(self, index)
        return self.memo[key]


def collapsed(box: Box, roots: Sequence[Root]) -> tuple[Box, tuple[int, ...]] | None:
    """The box with its loops as a single one, where all arrays lie in memory as the loops run; else None."""
    axes = box.axes
    if len(axes) < 2 or any((base, stride) != (0, 1) or count < 2 for base, stride, count in axes):
        return None
    if any(any(r.summed) and not all(r.summed) for r in roots) or any(n.operation not in SIMPLE for n in box.graph.nodes):
        return None
    strides = [1] * len(axes)
    for k in range(len(axes) - 2, -1, -1):
        strides[k] = strides[k + 1] * axes[k + 1][2]
    last = len(axes) - 1

    def single(place: Affine) -> Affine | None:
        terms = dict(place.terms)
        if not terms:
            return place
        unit = terms.get(last, 0)
        if not unit or any(terms.get(k, 0) != unit * strides[k] for k in range(len(axes))):
            return None
        return Affine(place.const, ((0, unit),))

    stores = [(s, single(s.place)) for s in box.stores]
    loads = [(n, single(n.arguments[1])) for n in box.graph.nodes if n.operation == "load"]
    if any(place is None for _, place in stores) or any(place is None for _, place in loads):
        return None
    count = strides[0] * axes[0][2]
    for s, place in stores:
        assert place is not None
        s.place = place
    for n, place in loads:
        n.arguments = (n.arguments[0], place)
    box.axes = ((0, 1, count),)
    return box, (count,)


@dataclass
class Kernel:
    """Roots that are computed in the same loops."""

    roots: list[Root]
    domain: tuple[int, ...]
    boxes: list[Box]


def boxes_of(roots: Sequence[Root], domain: Sequence[int], stored: Any) -> list[Box]:
    """The boxes of the loops over ``domain`` that compute the roots, each with its operations."""
    waiting = [tuple((0, 1, n) for n in domain)]
    many = prod(domain) >= POINTS
    done: list[Box] = []
    causes: list[Value] = []
    while waiting:
        axes = waiting.pop()
        box = Box(axes, stored, {}, Graph(WIDE if many else NODES), many)
        if any(count == 0 for _, _, count in axes):
            continue
        variables = box.variables()
        box.local = {id(r.value): set(r.places(variables)) for r in roots if not r.reduced and r.into is None}
        try:
            done.append(box.fill(roots))
        except _Cut as cut:
            base, stride, count = axes[cut.var]
            if cut.modulus:
                parts = [
                    (base + stride * r, stride * cut.modulus, (count - r + cut.modulus - 1) // cut.modulus)
                    for r in range(cut.modulus)
                ]
            else:
                parts = [(base, stride, cut.at), (base + stride * cut.at, stride, count - cut.at)]
            waiting += [(*axes[: cut.var], part, *axes[cut.var + 1 :]) for part in reversed(parts)]
            if id(cut.value) not in stored and cut.value not in causes:
                causes.append(cut.value)
            if len(waiting) + len(done) > BOXES and causes:  # a sum of pieces of its own needs as many boxes as it has pieces
                raise NotAffine(causes[-1]) from None
    return done
