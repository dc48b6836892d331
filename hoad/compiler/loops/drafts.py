"""Kernels while it is still being decided what is stored.

A kernel whose formula is too long, or computes something at several places, asks for another array to be stored, and all is planned
again.  A kernel is expanded again only if one of the arrays that it expanded is stored by then, or one that it read no longer is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from hoad.compiler.loops.kernels import NODES, POINTS, WIDE, Box, Kernel, NotAffine, Root, TooLarge, _Cut, boxes_of, collapsed
from hoad.compiler.loops.scalar import Graph
from hoad.compiler.loops.values import Moved, Pointwise, Uniform, Value

__all__ = ["Drafts", "Stored", "product_of"]


class Stored:
    """The arrays that have a buffer, by identity of their value."""

    def __init__(self) -> None:
        self.buffers: dict[int, int] = {}
        self.values: list[Value] = []

    def add(self, value: Value) -> int:
        """The number of the buffer."""
        found = self.buffers.get(id(value))
        if found is None:
            found = self.buffers[id(value)] = len(self.values)
            self.values.append(value)
        return found

    def buffer(self, value: Value) -> int:
        """The number of the buffer of an array that has one, or is there before the kernels run."""
        return self.add(value) if value.stored else self.buffers[id(value)]


class _Draft(NamedTuple):
    """What came of an expansion: a kernel, or None where the formula is too long."""

    kernel: Kernel | None
    inside: frozenset[int]
    """Values that were expanded."""
    read: frozenset[int]
    """Stored arrays that were read."""


class Drafts:
    """The kernels of one plan; it stands for what is stored, with numbers of buffers that last from one attempt to the next.

    Parameters
    ----------
    root_of : callable
        The loops of a value.
    """

    def __init__(self, root_of: Callable[[Value], Root]) -> None:
        self._root_of = root_of
        self._numbers = Stored()
        self._members: set[int] = set()
        self._before: dict[Any, _Draft] = {}
        self._now: dict[Any, _Draft] = {}
        self._known: dict[Any, Any] = {}
        self._last_known: dict[Any, Any] = {}
        self.asked: dict[int, Value] = {}
        """What has to be stored in the next attempt."""
        self._unseen: list[Value] = []

    # -- as the kernels see it ------------------------------------------------------------------------------------------------

    def __contains__(self, name: int) -> bool:
        return name in self._members

    def add(self, value: Value) -> None:
        """Store a value in this attempt."""
        self._members.add(id(value))
        self._numbers.add(value)

    def buffer(self, value: Value) -> int:
        """The number of the buffer of a stored array."""
        return self._numbers.buffer(value)

    # -- attempts -------------------------------------------------------------------------------------------------------------

    def begin(self, order: Sequence[Value], weight: dict[int, float]) -> None:
        """A new attempt; ``order`` are all values, each after its arguments, and ``weight`` says how much work is behind each."""
        self._members = set()
        self.asked, self._unseen = {}, []
        self._before, self._now = self._now, {}
        self._last_known, self._known = self._known, {}
        self._weight = weight
        self._values = {id(v): v for v in order}
        self._position = {id(v): n for n, v in enumerate(order)}

    def forget(self) -> None:
        """Expand everything again: arrays lie in memory in another order."""
        self._now, self._known = {}, {}

    def kernels(self, roots: list[Root]) -> list[Kernel]:
        """The kernels of roots over one domain."""
        while True:
            try:
                kernel = self._kernel(roots)
            except TooLarge:
                if len(roots) > 1:
                    return self._joined([kernel for part in self._parts(roots) for kernel in self.kernels(part)])
                self._cut(roots[0])
                return []
            except NotAffine as problem:
                self._ask([problem.value])
            else:
                if kernel is not None:
                    self._known[_key(roots[:1])] = _key(roots)
                    return [kernel]

    def _parts(self, roots: list[Root]) -> list[list[Root]]:
        """Roots that are too many for one kernel: those that were together in the last attempt, else halves."""
        parts: list[list[Root]] = []
        last = at = 0
        while at < len(roots):
            key = self._last_known.get(_key(roots[at : at + 1]), ())
            n = len(key)
            if 0 < n < len(roots) and _key(roots[at : at + n]) == key and self._holds(self._before[key]):
                parts += [p for p in (roots[last:at], roots[at : at + n]) if p]
                last = at = at + n
            else:
                at += 1
        if not parts:
            return [roots[: at // 2], roots[at // 2 :]]
        return parts + ([roots[last:]] if last < at else [])

    def _joined(self, kernels: list[Kernel]) -> list[Kernel]:
        """Neighbours that are not too large together are one kernel."""
        found = kernels[:1]
        for kernel in kernels[1:]:
            whole = None
            if not self.asked and _length(found[-1]) + _length(kernel) <= most(kernel.roots[0].domain):
                try:
                    whole = self._kernel(found[-1].roots + kernel.roots)
                except (TooLarge, NotAffine):
                    pass
            if whole is None:
                found.append(kernel)
            else:
                found[-1] = whole
                self._known[_key(whole.roots[:1])] = _key(whole.roots)
        return found

    def look_ahead(self) -> None:
        """Find what the kernels of the arrays that were asked for will ask for."""
        known = dict(self._known)
        while self._unseen:
            self.kernels([self._root_of(self._unseen.pop())])
        self._known = known

    def _ask(self, values: Iterable[Value], ahead: bool = True) -> None:
        new = [v for v in values if id(v) not in self._members]
        if not new:
            raise AssertionError("a stored array is asked to be stored")
        for v in new:
            self.asked[id(v)] = v
            self.add(v)
        if ahead:
            self._unseen += new

    def finished(self, order: Sequence[Any]) -> Stored:
        """What is stored by a plan that nothing was asked for; its kernels get the numbers of the buffers."""
        kernels = [item for item in order if isinstance(item, Kernel)]
        used = {n for k in kernels for box in k.boxes for n in _read(box)}
        stored = Stored()
        number = {}
        for n, v in enumerate(self._numbers.values):
            if n in used or id(v) in self._members:
                number[n] = stored.add(v)
        for kernel in kernels:
            for box in kernel.boxes:
                box.stored = stored
                for node in box.graph.nodes:
                    if node.operation in _READS:
                        node.arguments = tuple(number[a] if type(a) is int else a for a in node.arguments)
        return stored

    # -- one kernel -----------------------------------------------------------------------------------------------------------

    def _kernel(self, roots: list[Root]) -> Kernel | None:
        """The kernel of all the roots; None where something was asked for."""
        key = _key(roots)
        draft = self._now.get(key) or self._before.get(key)
        if draft is None or not self._holds(draft):
            found = self._expanded(roots)
            if found is None:
                return None
            draft = found
        self._now[key] = draft
        if draft.kernel is None:
            raise TooLarge
        return draft.kernel

    def _holds(self, draft: _Draft) -> bool:
        return draft.inside.isdisjoint(self._members) and draft.read <= self._members

    def _expanded(self, roots: list[Root]) -> _Draft | None:
        """An expansion; None where something was asked for."""
        domain = roots[0].domain
        boxes: list[Box] = []
        if len(roots) > 1 and self._long(roots):
            raise TooLarge
        if 0 not in domain:
            whole = self._box(roots, [(0, 1, n) for n in domain])
            try:
                boxes = [whole.fill(roots)]
            except TooLarge:
                return self._draft(None, [whole], roots)
            except _Cut:  # are there problems in the middle, where most boxes have none of their own?
                middle = self._box(roots, [(max(0, n // 2 - 1), 1, min(n, 2)) for n in domain])
                try:
                    middle.fill(roots)
                except TooLarge:
                    return self._draft(None, [middle], roots)
                except _Cut:
                    pass
                else:
                    if self._watch([middle]):
                        return None
                boxes = boxes_of(roots, domain, self)
        if self._watch(boxes):
            return None
        single = collapsed(boxes[0], roots) if len(boxes) == 1 else None
        return self._draft(Kernel(roots, domain if single is None else single[1], boxes), boxes, roots)

    def _long(self, roots: list[Root]) -> bool:
        """Whether there are far more operations than a kernel may have."""
        seen: set[int] = set()
        waiting = [a for r in roots for a in ((r.value,) if r.into else r.formula.args)]
        points = _written_out(roots[0])
        count, limit = len(roots), 3 * most(roots[0].domain) // 2
        while waiting and count <= limit:
            v = waiting.pop()
            if id(v) not in seen and not v.stored and id(v) not in self._members:
                seen.add(id(v))
                count += min(v.size, points) if isinstance(v, Pointwise) else 0
                waiting += v.args
        return count > limit

    def _box(self, roots: list[Root], axes: Sequence[tuple[int, int, int]]) -> Box:
        limit = most(roots[0].domain)
        box = Box(tuple(axes), self, {}, Graph(limit), limit == WIDE)
        variables = box.variables()
        box.local = {id(r.value): set(r.places(variables)) for r in roots if not r.reduced and r.into is None}
        return box

    def _draft(self, kernel: Kernel | None, boxes: list[Box], roots: list[Root]) -> _Draft:
        inside = {name for box in boxes for name in box.uses}.difference(id(r.value) for r in roots)
        read = [self._numbers.values[n] for box in boxes for n in _read(box)]
        return _Draft(kernel, frozenset(inside), frozenset(id(v) for v in read if not v.stored))

    # -- what is asked for ----------------------------------------------------------------------------------------------------

    def _watch(self, boxes: list[Box]) -> bool:
        """Ask for what one kernel computes at several places; of values that depend on each other, for the last one."""
        found: dict[int, Value] = {}
        for box in boxes:
            for name, indices in box.uses.items():
                if len(indices) < 2 or self._weight.get(name, 0) < 2 or name in self._members:
                    continue
                groups: dict[Any, set[Any]] = {}
                for index in indices:
                    fixed = tuple(a if not a.terms else None for a in index)
                    groups.setdefault(fixed, set()).add(tuple(a for a in index if a.terms))
                most = max(map(len, groups.values()))
                v = self._values[name]
                if (most - 1) * self._weight[name] > (20.0 if v.size <= 4096 else 80.0) and not isinstance(v, Uniform | Moved):
                    found[name] = v
        if found:
            self._ask(self._last(list(found.values())))
        return bool(found)

    def _last(self, values: list[Value]) -> list[Value]:
        """Those that no other one is computed from."""
        below: set[int] = set()
        kept = []
        for v in sorted(values, key=lambda v: -self._position[id(v)]):
            if id(v) not in below:
                kept.append(v)
                self._mark(v.args, below, self._members)
        return kept

    @staticmethod
    def _mark(values: Sequence[Value], seen: set[int], stored: set[int]) -> list[Value]:
        """What formulas are made of, down to what is stored; adds to those that were seen before."""
        found = []
        waiting = list(values)
        while waiting:
            v = waiting.pop()
            if id(v) not in seen and not v.stored and id(v) not in stored:
                seen.add(id(v))
                found.append(v)
                waiting += v.args
        return found

    def _cut(self, root: Root) -> None:
        """Ask for values of a formula that is too long, so far apart that what lies between them is not.

        What is asked for already may be enough, and others that the kernels then share will be stored as well.
        """
        inside = [v for v in self._mark(root.formula.args, set(), self._members) if not isinstance(v, Uniform | Moved)]
        if not inside:
            raise AssertionError("one formula with too many operations of its own")
        inside.sort(key=lambda v: self._position[id(v)])
        found: list[Value] = []
        together = _written_out(root)
        total = 0
        for v in inside:
            total += min(v.size, together) if root.domain else v.size
            if total > most(root.domain) // 2:
                found.append(v)
                total = 0
        self._ask(found or [inside[len(inside) // 2]], False)


def _length(kernel: Kernel) -> int:
    """Operations at a point."""
    return max([len(box.graph.nodes) for box in kernel.boxes], default=0)


def _key(roots: Sequence[Root]) -> tuple[Any, ...]:
    return tuple([(id(r.value), id(r.into), r.at) for r in roots])


def _written_out(root: Root) -> int:
    """Points that are written out together."""
    return max(1, product_of(root.space[k] for k in root.unrolled))


_READS = frozenset(("load", "gather", "present"))


def _read(box: Box) -> set[int]:
    """Numbers of the buffers that a box reads."""
    return {a for n in box.graph.nodes if n.operation in _READS for a in n.arguments if type(a) is int}


def most(domain: Sequence[int]) -> int:
    """Operations in a box of loops that are not too many."""
    return WIDE if product_of(domain) >= POINTS else NODES


def product_of(ns: Iterable[int]) -> int:
    """The product of whole numbers."""
    total = 1
    for n in ns:
        total *= n
    return total
