"""Reverse mode: a tape of entries (parents, pull), swept once from the end.

A node is a value and its place on the tape.  Places grow with time, so the tape is a topological order and the sweep is one
loop: no recursion, each entry once, linear in the number of operations.
Source: Griewank & Walther, Evaluating Derivatives, 2nd ed. (2008), ch. 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from sys import getrefcount
from typing import Any

import numpy as np

from hoad.core.box import Box, Buffer, ops, shape_of
from hoad.core.engine import engine
from hoad.core.kinds.cotangents import scaled
from hoad.core.level import STATE, Level
from hoad.errors import LeakedTraceError, RuleError
from hoad.modes import debug
from hoad.modes.captured import COPIED, capture, verify

__all__ = ["Node", "Tape", "backward", "prune", "pull"]


class Tape(list[Any]):
    """The pulls of the entries, those of the inputs (None) first; the places of their parents stand beside them.

    Attributes
    ----------
    parents : list of sequences of int
        A list of its own: tuples of ints are nothing for the garbage collector to visit again.
    masked : bool
        One of the entries is a ``where``, or reads or writes at chosen places.
    samples : dict or None
        Of large plain arrays that an entry keeps; see :mod:`hoad.modes.captured`.
    """

    __slots__ = ("masked", "parents", "samples")

    def __init__(self, inputs: int) -> None:
        super().__init__([None] * inputs)
        self.parents: list[Sequence[int]] = [()] * inputs
        self.masked = False
        self.samples: Any = None


class Node(Box):
    """A value and the index (``aux``) of its entry on the tape of its level."""

    __slots__ = ()
    kind = "node of a tape"

    @staticmethod
    def process(prim: Any, level: float, args: tuple[Any, ...], kw: dict[str, Any]) -> Any:
        tape = STATE.get(level)
        if tape is None:
            raise LeakedTraceError.leaked(Node.kind)
        if len(args) == 1:
            a = args[0]
            x = a.value
            xs: Any = (x,)
            which: Sequence[int] = _FIRST
            parents: Sequence[int] = (a.aux,)
            if prim.body is not None:
                return _through_body(prim, level, args, xs, kw)
            y = x.process(prim, x.level, xs, kw) if isinstance(x, Box) else prim.native(x, **kw)
        else:
            xs, which, parents = _stripped(args, level)
            if prim.body is not None:
                return _through_body(prim, level, args, xs, kw)
            y = prim.bind(*xs, **kw)
        if prim.reverse is None:
            if prim.forward is not None:
                raise RuleError.missing(prim.name, "reverse", "a reverse rule, or a tangent rule that is linear")
            return y
        if len(which) != len(xs):  # a plain array among the arguments
            xs = _captured(tape, xs, which)
        pull = prim.reverse(y, xs, kw, which)
        if debug.active:
            pull = debug.watched(prim, pull)
        place = len(tape)
        tape.append(pull)
        tape.parents.append(parents)
        if prim.masks and (prim.masks is True or prim.masks(kw)):
            tape.masked = True
        if prim.multi:
            return _outputs(tape, level, y, place)
        return Node(level, y, place)


def _captured(tape: Tape, xs: Sequence[Any], which: Sequence[int]) -> Sequence[Any]:
    """Arguments with the plain arrays among them as the rule may keep them."""
    if len(xs) == 2:
        i = 1 - which[0]
        x = xs[i]
        if not isinstance(x, np.ndarray):
            return xs
        x = x.copy("K") if x.size <= COPIED else capture(tape, x)
        return (xs[0], x) if i else (x, xs[1])
    return [capture(tape, x) if isinstance(x, np.ndarray) and i not in which else x for i, x in enumerate(xs)]


_FIRST, _SECOND, _BOTH = (0,), (1,), (0, 1)


def _stripped(args: tuple[Any, ...], level: float) -> tuple[Sequence[Any], Sequence[int], Sequence[int]]:
    """Arguments without this level's boxes, the positions of those boxes and their places; two arguments unrolled."""
    if len(args) == 2:
        a, b = args
        if isinstance(a, Box) and a.level == level:
            if isinstance(b, Box):
                if b.level == level:
                    return (a.value, b.value), _BOTH, (a.aux, b.aux)
                b = b.snapshot()
            return (a.value, b), _FIRST, (a.aux,)
        return (a.snapshot() if isinstance(a, Box) else a, b.value), _SECOND, (b.aux,)
    xs, which, parents = [], [], []
    for i, a in enumerate(args):
        if isinstance(a, Box):
            if a.level == level:
                xs.append(a.value)
                which.append(i)
                parents.append(a.aux)
                continue
            a = a.snapshot()
        xs.append(a)
    return xs, which, parents


def _outputs(tape: Tape, level: float, ys: tuple[Any, ...], place: int) -> tuple[Node, ...]:
    """One node for each output; their cotangents meet, as a tuple, at the entry of the operation."""
    nodes = []
    for i, y in enumerate(ys):

        def to_tuple(g: Any, i: int = i) -> Any:
            return (_Parts(g if k == i else None for k in range(len(ys))),)

        tape.append(to_tuple)
        tape.parents.append((place,))
        nodes.append(Node(level, y, len(tape) - 1))
    return tuple(nodes)


class _Parts(tuple):
    """Cotangents of an operation with several outputs; None is zero."""

    __slots__ = ()

    def __add__(self, other: Any) -> Any:
        return _Parts(a if b is None else b if a is None else a + b for a, b in zip(self, other, strict=True))


def _through_body(prim: Any, level: float, args: Any, xs: Any, kw: Any) -> Any:
    out = prim.body(*args, **kw)
    if prim.exact_body:
        return out
    y = prim.bind(*xs, **kw)
    if prim.multi:
        return tuple(_with_value(o, level, v) for o, v in zip(out, y, strict=True))
    return _with_value(out, level, y)


def _with_value(out: Any, level: float, y: Any) -> Any:
    if not isinstance(out, Node) or out.level != level:
        return y
    if shape_of(out.value) != shape_of(y):
        raise RuleError.shape("a composite body", "reverse", shape_of(out.value), shape_of(y))
    return Node(level, y, out.aux)


class Scattered:
    """A cotangent that is a sum of pieces, each zero except at an index; made into an array once all pieces are there.

    A rule may return it instead of an array, so that the cotangent of ``x[i]`` costs what ``x[i]`` cost.
    """

    __slots__ = ("order", "pieces", "shape")

    def __init__(self, g: Any, index: Any, shape: tuple[int, ...], unique: bool, order: Any) -> None:
        self.pieces = [(g, index, unique)]
        self.shape = shape
        self.order = order

    def add(self, other: Any) -> Scattered:
        if type(other) is Scattered:
            self.pieces += other.pieces
        else:
            self.pieces.append((other, Ellipsis, True))
        return self

    def dense(self) -> Any:
        """The array, in one buffer."""
        if len(self.pieces) == 1:
            g, index, _ = self.pieces[0]
            return ops.scatter(g, index, self.shape, self.order)
        whole_first = sorted(self.pieces, key=lambda piece: piece[1] is not Ellipsis)
        return ops.assemble([(g, index) for g, index, _ in whole_first], self.shape, self.order)


def _add_in_place(total: Any, g: Any, index: Any, unique: bool) -> bool:
    """Add a piece into a plain array that nobody else holds."""
    if type(total) is not np.ndarray or isinstance(g, Box) or g.dtype != total.dtype:
        return False
    if unique:
        total[index] += g
    else:
        np.add.at(total, index, g)
    return True


def _total(old: Any, new: Any, owned: bool) -> tuple[Any, bool]:
    """Sum of two cotangents and whether it is an array that nobody else holds."""
    if type(old) is Scattered:
        return old.add(new), False
    if type(new) is Scattered:
        if owned and len(new.pieces) == 1 and _add_in_place(old, *new.pieces[0]):
            return old, True
        return new.add(old), False
    if owned and type(old) is np.ndarray and type(new) is np.ndarray and old.dtype == new.dtype and old.shape == new.shape:
        old += new
        return old, True
    return old + new, True


def _references(pull: Callable[[Any], Any]) -> int:
    """References to a cotangent that only the sweep holds, counted at the place where the sweep counts them."""
    cotangents: list[Any] = [None]
    count = 0
    for p, c in zip((0,), pull(None)):
        cotangents[p] = c
        if type(c) is np.ndarray:
            count = getrefcount(c)
    return count


FRESH = _references(lambda g: (np.zeros(1),))
"""An array with so many references was made by a pull and belongs to nobody else: sums may be formed in it."""


def backward(tape: Tape, place: int, g: Any, inputs: int, *, once: bool = False) -> list[Any]:
    """Cotangents (or None) of the first ``inputs`` entries, for cotangent ``g`` of entry ``place``.

    ``g`` may be a dict from places to cotangents, for several outputs.  With ``once`` the tape is used up: what an entry kept
    is freed as soon as it was used.
    """
    if tape.samples is not None:
        verify(tape.samples)
    seeds = g if type(g) is dict else {place: g}
    if not tape.masked:
        return _sweep(tape, seeds, inputs, once)
    with np.errstate(invalid="ignore"):
        found = _sweep(tape, seeds, inputs, False)
        if any(engine.has_nan(c) for c in found):  # perhaps 0 * inf in a branch that was not chosen
            found = engine.sweep_tracking(lambda: _sweep(tape, seeds, inputs, False))
    return found


def _sweep(tape: Tape, seeds: dict[int, Any], inputs: int, once: bool) -> list[Any]:
    cotangents: list[Any] = [None] * len(tape)
    owned: Any = bytearray(len(tape))
    for i, c in seeds.items():
        cotangents[i] = c
    place = max(seeds, default=-1)
    if once:
        del tape[place + 1 :]
    parents, ndarray, fresh = tape.parents, np.ndarray, FRESH
    for i in range(place, inputs - 1, -1):
        g = cotangents[i]
        if g is None:
            continue
        cotangents[i] = None
        if type(g) is Scattered:
            g = g.dense()
        pull = tape[i]
        if once:
            tape[i] = None
        for p, c in zip(parents[i], pull(g)):  # the hot loop; rules are checked by the tests
            if c is None:
                continue
            old = cotangents[p]
            if old is None:
                cotangents[p] = c
                if type(c) is ndarray and getrefcount(c) == fresh and c.base is None:
                    owned[p] = 1
            else:
                cotangents[p], owned[p] = _total(old, c, owned[p])
    return [c.dense() if type(c) is Scattered else c for c in cotangents[:inputs]]


def prune(tape: Tape, places: Sequence[int], inputs: int) -> None:
    """Drop what the outputs do not depend on, so that a tape that is kept holds no dead arrays."""
    needed = bytearray(len(tape))
    for p in places:
        needed[p] = 1
    for i in range(len(tape) - 1, inputs - 1, -1):
        if needed[i]:
            for p in tape.parents[i]:
                needed[p] = 1
        else:
            tape[i] = None


def pull(f: Callable[..., Any], xs: Sequence[Any], which: Sequence[int]) -> tuple[Any, Callable[[Any], Any]]:
    """Value of ``f`` (one array or a tuple) and the map from its cotangent to those of the arguments ``which``."""
    tape = Tape(len(which))
    active = {i: k for k, i in enumerate(which)}
    with Level(tape) as level:
        out = f(*[Node(level, x, active[i]) if i in active else x for i, x in enumerate(xs)])
    outs = out if type(out) is tuple else (out,)
    places = [o.aux if isinstance(o, Node) and o.level == level else None for o in outs]
    values = [o.value if p is not None or type(o) is Buffer else o for o, p in zip(outs, places, strict=True)]
    count = len(which)

    def back(g: Any) -> Any:
        gs = g if type(out) is tuple or isinstance(g, _Parts) else (g,)
        seeds: dict[int, Any] = {}
        for p, c in zip(places, gs, strict=True):
            if p is not None and c is not None:
                seeds[p] = c if p not in seeds else seeds[p] + c
        return backward(tape, -1, seeds, count)

    return (tuple(values) if type(out) is tuple else values[0]), back


def share_slope(y: Any, s: Any, rule: Any) -> None:
    """Let the entry of y use the slope s that forward mode has just computed on the same tape, instead of computing it again.

    Without effect unless both are nodes of one tape and the entry of y is a pull made by ``rule``.
    """
    if type(y) is Node and type(s) is Node and s.level == y.level:
        tape = STATE[y.level]
        pull = tape[y.aux]
        if type(pull) is partial and pull.func is rule:
            tape[y.aux] = partial(_by_known_slope, s.value)


def _by_known_slope(s: Any, g: Any) -> Any:
    return (scaled(g, s),)


engine.pull = pull
engine.share_slope = share_slope
engine.Scattered = Scattered
