"""Loops under recording for compilation: the step is recorded once and becomes the body of one step of the recording.

Levels of derivatives are taken apart as in the loops that are kept on tape: what remains is a loop of arrays.  At a reverse level
the run of the loop is such a loop, which also stacks the states that go into its steps, and the sweep is another one, from the end,
through these states.  Both may run at a reverse level again.

A first step often differs (a carry begins as a constant and has a derivative from then on): steps are recorded by themselves until
one returns what it was given.  Where one step does not stand for all (Python asks for numbers, its own state changes), each step
is recorded, as Python runs the loop.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from hoad.backends import on_device
from hoad.core.box import Box, held
from hoad.core.level import STATE
from hoad.modes.batch import Batched
from hoad.modes.forward import Dual
from hoad.modes.loop_steps import Body, loop_
from hoad.modes.masked import Masked
from hoad.modes.reverse import Node
from hoad.modes.surroundings import Captures
from hoad.modes.taylor import Jet
from hoad.modes.watched import UnrollError, Watch, Watched, WatchedNumber
from hoad.transforms.control.bodies import OneStep, UnevenError, UnfitError, strong
from hoad.transforms.control.body_recording import NeedRowError, Rows
from hoad.transforms.control.layout import NotRepeatable, boxes, build, hidden_axes, is_pending, take_apart
from hoad.transforms.control.unrolled import Step, kept, stacked
from hoad.transforms.control.whole_numbers import Whole, with_floats

__all__ = ["FEWEST", "MOST_PEELED", "InnerTapeError", "Rolling", "deepest", "recorded_loop"]

FEWEST = 4
"""Fewer steps are recorded one by one."""

MANY = 1000
"""So many steps take seconds if they are recorded one by one."""

MOST_PEELED = 3
"""So many steps at the beginning may have a structure of their own."""

NEAR = 1e-11
"""How near the results must be that a step gives for its number as an integer and as an array."""


log = logging.getLogger("hoad")
_said: set[int] = set()


class InnerTapeError(Exception):
    """A step uses values of a reverse level that its arguments do not have."""

    def __init__(self, level: float) -> None:
        self.level = level


def recorded_loop(
    step: Step, carry: list[Any], xs: list[Any], length: int | None, closure: list[Any], functions: Sequence[Any]
) -> tuple[list[Any], list[Any]] | None:
    """Last carry and stacked y of a loop that is being recorded, as one step; None if that is not so, or cannot be."""
    if length is None or length < FEWEST:
        return None
    level = _recording([*carry, *xs, *closure])
    if level is None:
        return None
    if not STATE[level].rolls:
        one_by_one(length)
        return None
    rows = Rows(length)
    rolling = Rolling(level, closure, functions, rows)

    def with_rows(k: int, old: list[Any], x: list[Any]) -> tuple[list[Any], list[Any]]:
        rows.current = x[len(xs) :]
        return step(k, old, x[: len(xs)])

    try:
        while True:
            try:
                return rolling.run(with_rows, carry, [*xs, *rows.slices()], 0, length, False, float("inf"))
            except NeedRowError as found:
                if found.rows is not rows:
                    raise
    except (NotRepeatable, UnfitError, UnevenError):
        one_by_one(length)
        return None
    finally:
        rows.collecting = False


def one_by_one(length: int) -> None:
    """Python runs the loop, and each step is recorded; where these are many, a line in the log says why that takes long."""
    if length >= MANY and length not in _said:
        _said.add(length)
        log.warning(
            "a loop of %d steps is recorded step by step, because one step does not stand for all of them: pass what differs from "
            "step to step in xs, and let no branch, index or list depend on the carry or on the number of the step",
            length,
        )


def _recording(values: Sequence[Any]) -> float | None:
    """The level of a recording for compilation that values belong to."""
    for value in values:
        for x in boxes(value):
            if isinstance(x, Watched) and isinstance(STATE.get(x.level), Watch):
                return x.level
    return None


def deepest(values: Sequence[Any], above: float, below: float) -> float | None:
    """The innermost reverse level of values between two levels."""
    found = None
    for value in values:
        for x in boxes(value):
            if type(x) is Node and above < x.level < below and (found is None or x.level > found):
                found = x.level
            elif x.level > above and (type(x) not in (Node, Dual, Batched, Jet, Masked) or is_pending(x)):
                raise NotRepeatable
    return found


class Rolling:
    """What the loops within one loop have in common.

    Parameters
    ----------
    level : float
        Level of the recording.
    closure : list
        Values that the steps are known to use.
    functions : sequence of callable
        What the steps call, whose own state must not change.
    rows : Rows
        What the steps read at their number.
    """

    def __init__(self, level: float, closure: list[Any], functions: Sequence[Any], rows: Rows) -> None:
        self.level = level
        self.rows = rows
        self.sweeping = False
        self.closure = closure
        self.functions = functions

    def run(
        self, step: Step, carry: list[Any], xs: list[Any], first: int, length: int, backward: bool, below: float
    ) -> tuple[list[Any], list[Any]]:
        """A loop of ``length`` steps, numbered from ``first``; with ``backward`` from the last one.  Values are below a level."""
        rows: list[list[Any]] = []
        end = first + length
        at = (first, end)
        for _ in range(MOST_PEELED + 1):
            if at[1] - at[0] < FEWEST:
                break
            part = [x[at[0] - first : at[1] - first] for x in xs] if at != (first, end) else xs
            level = deepest([*carry, *xs, *self.closure], self.level, below)
            tried = level
            alone = None
            while True:
                try:
                    carry, ys = self.chunk(tried, step, carry, part, at[0], at[1] - at[0], backward, below)
                    return carry, _joined(rows, ys, backward)
                except InnerTapeError as found:
                    tried = found.level
                except UnevenError as found:
                    if found.level != (self.level if tried is None else tried):
                        raise
                    alone = found.alone
                    break
            k = at[1] - 1 if backward else at[0]
            if alone is not None:
                carry, y = alone()
            else:
                carry, y = step(k, [c.snapshot() if isinstance(c, Box) else c for c in carry], [x[k - first] for x in xs])
            rows.append([kept(leaf) for leaf in y])
            at = (at[0], k) if backward else (k + 1, at[1])
        raise UnfitError

    def chunk(
        self,
        level: float | None,
        step: Step,
        carry: list[Any],
        xs: list[Any],
        first: int,
        length: int,
        backward: bool,
        below: float,
    ) -> tuple[list[Any], list[Any]]:
        """All of a loop at once."""
        if level is not None:
            from hoad.transforms.control.recorded_sweeps import RecordedSweep

            return RecordedSweep(self, level, step, carry, xs, first, length, backward).result()
        return _Plain(self, step, carry, xs, first, length, backward, below).result()


def _joined(rows: list[list[Any]], ys: list[Any], backward: bool) -> list[Any]:
    """Stacked results of single steps and of the loop after them."""
    if not rows:
        return ys
    if len(rows[0]) != len(ys):
        raise UnfitError
    columns = [stacked(list(column)) for column in zip(*(reversed(rows) if backward else rows), strict=True)]
    return [np.concatenate([y, c] if backward else [c, y]) for c, y in zip(columns, ys, strict=True)]


class _State:
    """What functions may change beside what they return."""

    def __init__(self, functions: Sequence[Any]) -> None:
        self.captures = Captures(functions, [])
        values = [value for _, value in self.captures.cells.values()] + [value for *_, value in self.captures.entries.values()]
        if any(isinstance(x, Iterator | random.Random | np.random.Generator | np.random.RandomState) for x in values):
            raise UnfitError  # the next that they give may be the same by chance
        self.draws = _draws()

    def same(self) -> bool:
        """Whether nothing has changed since."""
        return self.captures.same() and self.draws == _draws()


def _draws() -> Any:
    """Where the generators of random numbers are that everybody shares."""
    name, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002
    return random.getstate(), name, np.asarray(keys).tobytes(), rest


class _Plain:
    """A loop at the level of the recording."""

    def __init__(
        self, rolling: Rolling, step: Step, carry: list[Any], xs: list[Any], first: int, length: int, backward: bool, below: float
    ) -> None:
        self.rolling, self.step, self.first, self.length, self.backward, self.below = rolling, step, first, length, backward, below
        self.level = level = rolling.level
        parts: list[Any] = []
        x_parts: list[Any] = []
        self.layouts = [take_apart(c, level, parts) for c in carry]
        self.x_layouts = [take_apart(x, level, x_parts) for x in xs]
        # What was a Python integer at first does not decide the precision of what it meets.
        self.whole = [i for i, p in enumerate(parts) if type(p) is int or (type(p) is WatchedNumber and p.dtype.kind in "iu")]
        self.given = parts
        parts = [np.asarray(p)[()] if isinstance(p, bool | int) else p for p in parts]
        plain = [held(p) if isinstance(p, Watched) else p for p in (*parts, *x_parts)]
        if not all(isinstance(p, np.ndarray | np.generic) or on_device(p) for p in plain):
            raise UnfitError
        axes = [n for one in self.x_layouts for n in hidden_axes(one)]
        self.parts = [strong(p) for p in parts]
        self.xs = [np.moveaxis(strong(p), n, 0) if n else strong(p) for p, n in zip(x_parts, axes, strict=True)]

    def call(self, k: Any) -> Callable[[list[Any]], Any]:
        """The step number ``k`` (None: the last of the parts that it is given) as a function of parts."""

        def of_parts(given: list[Any]) -> Any:
            number = k if k is not None else given[-1]
            values, slices = iter(given), iter(given[len(self.parts) :])
            old = [build(one, values) for one in self.layouts]
            new, y = self.step(number, old, [build(one, slices) for one in self.x_layouts])
            found = deepest([*new, *y], self.level, self.below)
            if found is not None:
                raise InnerTapeError(found)
            return new, y

        return of_parts

    def numbers(self, k: int) -> list[Any]:
        """The slices of step ``k``."""
        return [(held(x) if isinstance(x, Watched) else x)[k - self.first] for x in self.xs]

    def result(self) -> tuple[list[Any], list[Any]]:
        state = _State(self.rolling.functions)
        try:
            one, numbered = self.recorded()
        finally:
            if not state.same():
                raise UnrollError
        width, length = len(self.parts), self.length
        known, ends = self.counters(one)
        xs: dict[int, Any] = {**known, **{width + i: x for i, x in enumerate(self.xs)}}
        if numbered:
            xs[width + len(self.xs)] = np.arange(self.first, self.first + length)
        body, closed, changing, slices, same = one.body(width + len(self.xs) + numbered, self.parts, known)
        out: list[Any] = [*self.parts, *[None] * (len(one.outputs) - width)]
        own = [
            i for i, (slot, _) in enumerate(one.outputs) if i in changing or (i >= width and i not in same and slot not in known)
        ]
        if own:
            body, given, converted = self.floats(body, [xs[i] for i in slices], len(changing))
            carry = [self.parts[i] for i in changing]
            given = [*carry, *given, *closed]
            found = loop_.bind(*given, body=body, length=length, carry=len(carry), slices=len(slices), reverse=self.backward)
            for n, (i, p) in enumerate(zip(own, found, strict=True)):
                p = p.astype(one.specs[i][1]) if n in converted else p
                out[i] = WatchedNumber(p.level, held(p), p.aux) if i in self.whole and isinstance(p, Watched) else p
        for i, p in same.items():
            out[i] = self.given[i] if i < width else np.broadcast_to(p, (length, *np.shape(p))).copy()
        for i, (slot, _) in enumerate(one.outputs):
            if i in known or (i >= width and slot in known):
                out[i] = ends[i] if i < width else known[slot].copy()  # type: ignore[index]
        values = iter(out)
        last = [build(one, values) for one in self.layouts]
        axes = [n for y in one.y_layouts for n in hidden_axes(y)]
        rest = iter([np.moveaxis(p, 0, n) if n else p for p, n in zip(values, axes, strict=True)])
        return last, [build(y, rest) for y in one.y_layouts]

    def counters(self, one: OneStep) -> tuple[dict[int, Any], dict[int, Any]]:
        """What known integers of the carry are before each step, if each step adds the same to them, and after the last step."""
        known: dict[int, Any] = {}
        ends: dict[int, Any] = {}
        for i, start in enumerate(self.given):
            by = one.counts_by(i) if type(start) is int or (type(start) is np.int64 and i not in self.whole) else None
            if by is not None and abs(int(start)) + abs(by) * self.length < 2**62:
                steps = np.arange(self.length)
                known[i] = int(start) + by * (steps[::-1] if self.backward else steps)
                ends[i] = type(start)(int(start) + by * self.length)
        return known, ends

    def floats(self, body: Body, xs: list[Any], first: int) -> tuple[Body, list[Any], set[int]]:
        """The body and its slices with known integers as floats, if that makes no difference; outputs that became floats."""
        bounds = {}
        for i, x in enumerate(xs):
            if isinstance(x, np.ndarray) and x.ndim == 1 and x.dtype.kind == "i":
                bounds[first + i] = Whole(float(x.min()), float(x.max()))
        found = with_floats(body, bounds) if bounds else None
        if found is None:
            return body, xs, set()
        return found[0], [x.astype(np.float64) if first + i in bounds else x for i, x in enumerate(xs)], found[1]

    def recorded(self) -> tuple[OneStep, bool]:
        """The step, and whether it uses its number."""
        a, b = (self.first, self.first + 1) if not self.backward else (self.first + self.length - 1, self.first + self.length - 2)
        given = [held(p) if isinstance(p, Watched) else p for p in self.parts]
        n = len(given) + len(self.xs)
        whole, rows = [*self.whole, n], self.rolling.rows
        one = OneStep(self.call(None), self.level, [*given, *self.numbers(a), np.int64(a)], whole, rows=rows)
        specs = [(np.shape(x), x.dtype) for x in given]
        if one.layouts != self.layouts or one.specs[: one.width] != specs or not all(one.weak[i] for i in self.whole):
            if one.state.failed:
                raise UnfitError
            entries = [x[a - self.first] for x in self.xs]
            raise UnevenError(self.level, lambda: one.once([*self.parts, *entries, np.int64(a)]))
        numbered = one.uses(n)
        read = bool(rows.known)
        given = [*one.values[: one.width], *self.numbers(b), np.int64(b)]
        other = OneStep(self.call(None if numbered or read else b), self.level, given, whole, rows=rows)
        if not one.same(other):
            raise UnrollError
        if (numbered or read or self.whole) and not self.rolling.sweeping:
            for i in self.whole:
                one.must_count(i, self.length)
            if not _near(other, OneStep(self.call(None), self.level, given, whole, plain=True)):
                raise UnfitError
        return one, numbered


def _near(a: OneStep, b: OneStep) -> bool:
    """Whether two recordings of one step gave the same but for roundings."""
    if (a.layouts, a.y_layouts, a.specs) != (b.layouts, b.y_layouts, b.specs):
        return False
    return all(np.allclose(x, y, rtol=NEAR, atol=0, equal_nan=True) for x, y in zip(a.values, b.values, strict=True))
