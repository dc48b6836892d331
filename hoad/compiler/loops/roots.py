"""Which arrays are stored, and which of them are computed in the same loops.

Stored are results, what libraries read, sums, and what would otherwise be computed again at a higher price than that of a store.
All else exists only at the point where it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from hoad.compiler.loops.drafts import Drafts, Stored, product_of
from hoad.compiler.loops.kernels import Kernel, Root
from hoad.compiler.loops.values import (
    Assembled,
    Gathered,
    Moved,
    Pieces,
    Pointwise,
    Present,
    Product,
    Reduced,
    Reshaped,
    Uniform,
    Value,
)

__all__ = ["Call", "Plan", "plan"]

UNROLLED = 4
"""Axes of at most so many entries are written out beside a longer one."""
TOGETHER = 96
"""Points that are written out together at most."""
TINY = 9
"""Arrays of at most so many entries are written out whole."""
DEPTH = 80
"""Operations in a row after which a chain is cut."""
IN_ORDER = 128
"""Terms of a sum that may be added one after the other, as NumPy does; longer sums are cut into blocks."""
GEMM = 4096
"""Multiplications from which a product of matrices goes to BLAS."""


@dataclass(eq=False)
class Call:
    """A step that is no loop: a function of a library, or a product of matrices by BLAS."""

    args: list[Value]
    results: list[Value]
    kind: str
    data: Any = None
    level: int = 0


@dataclass
class Plan:
    """Kernels and calls in the order in which they run, and what is stored."""

    stored: Stored
    order: list[Kernel | Call]
    outputs: list[Value]


def _needs(v: Value) -> Sequence[Value]:
    call = getattr(v, "call", None)
    return call.args if call is not None else v.args


def root_of(v: Value, lanes: int = 0) -> Root:
    """The loops of a stored array; of axes of ``lanes`` entries the first is the innermost loop."""
    reduced: frozenset[int] = frozenset()
    space = v.shape
    if isinstance(v, Reduced) and not v.short:
        reduced, space = frozenset(v.axes), v.args[0].shape
    size = 1
    for n in space:
        size *= n
    unrolled = [k for k, n in enumerate(space) if n == 1]
    if size <= TINY:
        unrolled = list(range(len(space)))
    else:
        together, rest = 1, size
        short = any(1 < n <= UNROLLED for n in space)
        cut = _pieced(v.args[0] if reduced else v) if short else ()
        for k in sorted(range(len(space)), key=lambda k: (k not in cut, space[k])):
            n = space[k]
            if 1 < n <= UNROLLED and together * n <= TOGETHER and (rest // n >= 8 or k in cut):
                unrolled.append(k)
                together *= n
                rest //= n
    loops = [k for k in range(len(space)) if k not in unrolled]
    lane = next((k for k in loops if space[k] == lanes), None)
    if lane is not None and product_of(space[k] for k in reduced) <= IN_ORDER:
        loops.sort(key=lambda k: (k == lane, (k in reduced) == (lane in reduced)))
    elif v.order is not None and not reduced:
        loops.sort(key=v.order.index)
    marks = [k in reduced for k in loops]
    if marks != sorted(marks) and marks != sorted(marks, reverse=True):
        loops.sort(key=lambda k: k in reduced)
    return Root(v, tuple(space), tuple(loops), tuple(sorted(unrolled)), reduced)


def _pieced(v: Value) -> set[int]:
    """Short axes along which pieces lie side by side: where they are written out, each point has the formula of one piece."""
    found: set[int] = set()
    waiting = [v]
    for _ in range(40):
        if not waiting:
            break
        w = waiting.pop()
        if isinstance(w, Pieces) and len(w.args) > 1:
            found.update(k for k, n in enumerate(w.shape) if 1 < n <= UNROLLED and len({place[k] for place in w.places}) > 1)
            waiting += [a for a in w.args[:UNROLLED] if isinstance(a, Pieces | Pointwise)]
        elif isinstance(w, Pointwise):
            waiting += [a for a in w.args if a.shape == w.shape and isinstance(a, Pieces | Pointwise)]
    return found


class _Planner:
    def __init__(self, outputs: list[Value], carries: Sequence[Value], lanes: int) -> None:
        self.outputs = outputs
        self.carries = carries
        self.lanes = lanes
        self.order: list[Value] = []
        self.gemms: dict[int, Call] = {}
        self.forced: set[int] = set()
        self.drafts = Drafts(partial(root_of, lanes=lanes))

    def hard(self) -> set[int]:
        """Names of values that have to be stored."""
        found = {id(v) for v in self.outputs}
        for v in self.order:
            if isinstance(v, Reshaped | Gathered) and not v.args[0].stored:
                found.add(id(v.args[0]))
            if isinstance(v, Product) and not v.short and id(v) not in self.gemms and _is_gemm(v):
                self.gemms[id(v)] = gemm_call(v)
            if id(v) in self.gemms:
                found.update(id(a) for a in self.gemms[id(v)].args)
            if (isinstance(v, Reduced) and not v.short) or isinstance(v, Assembled):
                found.add(id(v))
            call = getattr(v, "call", None)
            if call is not None:
                found.update(id(a) for a in call.args)
        return found | self.forced

    def run(self) -> Plan:
        while True:
            found = self.attempt()
            if found is not None:
                return found
            self.forced |= self.drafts.asked.keys()

    def args_of(self, v: Value) -> Sequence[Value]:
        call = self.gemms.get(id(v))
        return call.args if call is not None else _needs(v)

    def attempt(self) -> Plan | None:
        self.order = self.reachable()
        hard = self.hard()
        # gemms read their factors, not the formula of the product
        self.order = order = self.reachable()
        if self.lanes:
            self.arrange(order)
        roots = {id(v) for v in order if id(v) in hard and not v.stored}
        level: dict[int, int] = {}
        weight: dict[int, float] = {}
        depth: dict[int, int] = {}
        for v in order:
            args = self.args_of(v)
            level[id(v)] = max([level[id(a)] + (id(a) in roots or a.stored) for a in args], default=0)
            weight[id(v)] = min(v.cost + sum(weight[id(a)] for a in args if id(a) not in roots), 1e6) if not v.stored else 0.0
            if isinstance(v, Reduced) and id(v) not in roots:
                weight[id(v)] = min(weight[id(v)] * max(1, len(list(v.inner())) and product_of(v.inner())), 1e6)
            depth[id(v)] = 1 + max([depth[id(a)] for a in args if id(a) not in roots and not a.stored], default=0)
        for v in order:  # a chain is cut at multiples of a depth
            if not v.stored and id(v) not in roots:
                block = depth[id(v)] // DEPTH
                for a in self.args_of(v):
                    if (
                        id(a) not in roots
                        and not a.stored
                        and depth[id(a)] // DEPTH != block
                        and not isinstance(a, Uniform | Moved)
                    ):
                        roots.add(id(a))
        self.share(order, roots, level, weight)
        self.drafts.begin(order, weight)
        return self.schedule(order, roots)

    def arrange(self, order: list[Value]) -> None:
        """Lay arrays out with the lanes densely in memory, but for those that are read in C order."""
        fixed: set[int] = set()
        settled: set[int] = set()
        for v in order:
            call = self.gemms.get(id(v)) or getattr(v, "call", None)
            if call is not None and call.kind == "loop":
                settled.update(id(a) for a in (v, *call.args))
            elif call is not None or isinstance(v, Reshaped | Gathered | Present):
                fixed.update(id(a) for a in (v, *self.args_of(v)))
        for old, new in zip(self.carries, self.outputs, strict=False):
            if (fixed | settled) & {id(old), id(new)}:
                fixed |= {id(old), id(new)}
        for v in (*order, *self.carries):
            if id(v) not in settled:
                movable = len(v.shape) > 1 and v.shape[0] == self.lanes and id(v) not in fixed
                found = (*range(1, len(v.shape)), 0) if movable else None
                if found != v.order:
                    v.order = found
                    self.drafts.forget()

    def reachable(self) -> list[Value]:
        """All values that the outputs need, each after its arguments."""
        done: set[int] = set()
        order: list[Value] = []
        waiting: list[tuple[Value, bool]] = [(v, False) for v in self.outputs]
        while waiting:
            v, ready = waiting.pop()
            if id(v) in done:
                continue
            if ready:
                done.add(id(v))
                order.append(v)
                continue
            waiting.append((v, True))
            waiting += [(a, False) for a in self.args_of(v) if id(a) not in done]
        return order

    def share(self, order: list[Value], roots: set[int], level: dict[int, int], weight: dict[int, float]) -> None:
        """Store what several kernels would compute again."""
        keys: dict[int, set[Any]] = {}
        for v in reversed(order):
            name = id(v)
            mine = keys.get(name, set())
            if name not in roots and not v.stored and mine and not isinstance(v, Uniform | Moved):
                again = weight[name] * (len(mine) - 1)
                points = product_of(root_of(v, self.lanes).domain)
                spread = max(product_of(domain) for domain, _ in mine) / max(1, points)  # computed for each point of a longer loop
                if again > (2.0 if v.size <= 4096 else 60.0) or (weight[name] >= 2 and spread >= 2 and v.size > TINY):
                    roots.add(name)
            if name in self.gemms:
                continue
            if name in roots:
                mine = {(root_of(v, self.lanes).domain, level[name])}
            for a in _needs(v) if getattr(v, "call", None) is None else ():
                if not a.stored:
                    there = keys.setdefault(id(a), set())
                    if len(there) < 4:
                        there |= mine

    def schedule(self, order: list[Value], names: set[int]) -> Plan | None:
        stored = self.drafts
        made: dict[int, Root] = {}
        calls: dict[int, Call] = {}
        sequence: list[Root | Call] = []
        level: dict[int, int] = {}
        for v in order:
            name = id(v)
            call = self.gemms.get(name) or getattr(v, "call", None)
            if call is not None:
                if id(call) not in calls:
                    calls[id(call)] = call
                    call.level = 1 + max([level.get(id(a), 0) for a in call.args], default=0)
                    sequence.append(call)
                level[name] = call.level
                stored.add(v)
            elif v.stored:
                level[name] = 0
                if name in names or any(v is o for o in self.outputs):
                    pass
            elif name in names:
                root = root_of(v, self.lanes)
                root.level = 0 if isinstance(v, Assembled) else self.level_of(root, made, level)
                level[name] = root.level
                made[name] = root
                stored.add(v)
                sequence.append(root)
                if isinstance(v, Assembled):
                    parts = [self.part(v, n, made, level) for n in range(len(v.args))]
                    sequence += parts
                    root_level = max([p.level for p in parts], default=0)
                    level[name] = root_level
                    made[name] = Root(v, root.space, root.loops, root.unrolled, root.reduced, root_level)
        for v in self.outputs:
            if v.stored and getattr(v, "call", None) is None:
                stored.add(v)
        groups: dict[Any, list[Root]] = {}
        steps: list[tuple[int, int, Any]] = []
        for n, item in enumerate(sequence):
            if isinstance(item, Call):
                steps.append((item.level, n, item))
                continue
            key: Any = (item.domain, item.level)
            if item.into is not None and item.domain:  # boxes may overlap
                key = id(item)
            if key not in groups:
                groups[key] = []
                steps.append((item.level, n, groups[key]))
            groups[key].append(item)
        kernels: list[Kernel | Call] = []
        for _, _, item in sorted(steps, key=lambda s: s[:2]):
            if isinstance(item, Call):
                kernels.append(item)
            else:
                kernels += stored.kernels(item)
        stored.look_ahead()
        if stored.asked:
            return None
        found = stored.finished(kernels)
        self.forget(kernels, found)
        return Plan(found, kernels, self.outputs)

    def forget(self, order: list[Kernel | Call], stored: Stored) -> None:
        """Do not store what only its own kernel uses."""
        used = {stored.buffers[id(v)] for v in self.outputs if id(v) in stored.buffers}
        for item in order:
            if isinstance(item, Call):
                used |= {stored.buffers[id(a)] for a in item.args if id(a) in stored.buffers}
                continue
            for box in item.boxes:
                for n in box.graph.nodes:
                    if n.operation in ("load", "gather"):
                        used |= {a for a in n.arguments if type(a) is int}
        for item in order:
            if isinstance(item, Kernel):
                idle = {id(r) for r in item.roots if stored.buffer(r.buffer) not in used}
                if idle and len(idle) < len(item.roots):
                    item.roots = [r for r in item.roots if id(r) not in idle]
                    for box in item.boxes:
                        box.stores = [s for s in box.stores if id(s.root) not in idle]

    def part(self, whole: Assembled, n: int, made: dict[int, Root], level: dict[int, int]) -> Root:
        """The loops that add a piece to its box."""
        same = [(0, ((k, 1),)) for k in range(len(whole.args[n].shape))]
        root = root_of(Moved(whole.args[n], same, whole.args[n].shape), self.lanes)
        root = Root(whole.args[n], root.space, root.loops, root.unrolled, frozenset(), 0, whole, whole.places[n])
        root.level = max(1, self.level_of(root, made, level))
        return root

    def level_of(self, root: Root, made: dict[int, Root], level: dict[int, int]) -> int:
        """One more than that of what it reads, but the same where it reads the same point of the same loops."""
        found = 0
        seen: set[tuple[int, bool]] = set()
        waiting = [(root.formula, True)] if root.reduced else [(a, self.same(root.value, a)) for a in root.value.args]
        if root.into is not None:
            waiting = [(root.value, False)]
        while waiting:
            v, same = waiting.pop()
            if (id(v), same) in seen:
                continue
            seen.add((id(v), same))
            if id(v) in made:
                other = made[id(v)]
                together = same and not other.reduced and other.loops == root.loops and other.space == root.space
                found = max(found, other.level + (not together))
            elif id(v) in level and (v.stored or id(v) in self.gemms):
                found = max(found, level[id(v)] + 1)
            else:
                waiting += [(a, same and self.same(v, a)) for a in v.args]
        return found

    @staticmethod
    def same(v: Value, arg: Value) -> bool:
        """Whether an entry is computed from the entry of the argument at the same index."""
        return isinstance(v, Pointwise) and v.shape == arg.shape


def _is_gemm(v: Product) -> bool:
    la, lb, out = v.labels
    a, b = v.factors
    if len(la) != 2 or len(lb) != 2 or len(out) != 2 or len(set(la)) != 2 or len(set(lb)) != 2:
        return False
    shared = set(la) & set(lb)
    if len(shared) != 1 or shared & set(out) or v.dtype not in ("f8", "f4") or a.dtype != v.dtype or b.dtype != v.dtype:
        return False
    m, n = v.shape
    k = v.args[0].size // max(1, m * n)
    return m * n * k >= GEMM and min(m, n) >= 4 and k >= 4


def gemm_call(v: Product) -> Call:
    """C = A B as BLAS wants it; transposes of stored arrays are flags."""
    la, lb, out = v.labels
    return Call(list(v.factors), [v], "gemm", v.labels)


def plan(outputs: list[Value], carries: Sequence[Value] = (), lanes: int = 0) -> Plan:
    """Decide what is stored and which loops compute it.

    Arrays whose first axis has ``lanes`` entries have that axis densely in memory where nothing reads them in C order;
    ``carries`` lie in memory as the outputs do that take their place.
    """
    return _Planner(outputs, carries, lanes).run()
