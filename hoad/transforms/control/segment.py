"""One step of a loop on a tape of its own, at the level of the loop.

While a step runs, its segment stands where the tape of the level stood.  The step may use any value that it closes over: what it
closes over has a place on an outer tape, which tells it apart from what the step made, and so its cotangent is found as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import numpy as np

from hoad.core.box import Box, Buffer
from hoad.core.engine import sweep
from hoad.core.level import STATE, Level
from hoad.core.series import add_term
from hoad.errors import LeakedTraceError, LoopError
from hoad.modes.reverse import Node, Tape, backward
from hoad.transforms.control.layout import Layout, build, levels_of, take_apart
from hoad.transforms.control.unrolled import Step

__all__ = ["Recorder", "Segment", "Taped", "bare_at", "handed", "is_inexact", "place_at", "tracked_at"]

_bases = count(1 << 40, 1 << 40)


class Segment(Tape):
    """A tape whose places begin at a number of its own, so that places of outer tapes stay what they are."""

    __slots__ = ("base", "outside")

    def __init__(self, inputs: int, outside: list[range]) -> None:
        super().__init__(inputs)
        self.base = next(_bases)
        self.outside = outside

    def __len__(self) -> int:
        return self.base + list.__len__(self)

    def __getitem__(self, place: Any) -> Any:
        return list.__getitem__(self, place - self.base)

    def __setitem__(self, place: Any, pull: Any) -> None:
        list.__setitem__(self, place - self.base, pull)

    def entries(self) -> list[Any]:
        """The pulls by themselves."""
        return list(list.__iter__(self))


@contextmanager
def tracked_at(level: float | None) -> Iterator[None]:
    """Within, sweeps track masks at a level, or track none."""
    before, sweep.tracking = sweep.tracking, level
    try:
        yield
    finally:
        sweep.tracking = before


def _places(tape: Tape) -> list[range]:
    """All places that a step may close over while ``tape`` is the tape of the level (not the tape: it will hold the loop)."""
    if isinstance(tape, Segment):
        return [range(tape.base, len(tape)), *tape.outside]
    return [range(len(tape))]


def is_inexact(x: Any) -> bool:
    """True for what may carry a derivative."""
    return getattr(getattr(x, "dtype", None), "kind", "") in ("f", "c")


def place_at(part: Any, level: float) -> int | None:
    """The place of a part on the tape of a level, if it has one."""
    return part.aux if isinstance(part, Node) and part.level == level else None


def bare_at(part: Any, level: float) -> Any:
    """A part without the box of a level."""
    return part.value if isinstance(part, Node) and part.level == level else part


def handed(part: Any) -> Any:
    """A part as a step may have it: what the step writes into it must not reach the part that is kept."""
    if isinstance(part, Box):
        return part.snapshot()
    return Buffer(0, part, None) if hasattr(part, "dtype") and not isinstance(part, np.generic) else part


Parts = list[Any]


class Recorder:
    """Runs steps at one reverse level, with or without recording them.

    Parameters
    ----------
    level : float
    step : callable
        ``step(k, carry, x)`` -> (new carry, y): lists of leaves that may be boxes of any level.
    x_layouts : list
        How the leaves of x are laid out.
    levels : iterable of float
        Levels of the values that the steps are known to use.
    """

    def __init__(self, level: float, step: Step, x_layouts: list[Layout], levels: Iterable[float]) -> None:
        self.level = level
        self.step = step
        self.x_layouts = x_layouts
        self.outside = _places(STATE[level])
        self.masked = False
        # Inner levels whose values the steps use: open now, and closed when the sweep repeats a step.
        self.inner: dict[float, Any] = {}
        self.meet(levels)

    def meet(self, levels: Iterable[float]) -> None:
        """Keep the states of inner levels."""
        for n in levels:
            if n > self.level and n not in self.inner:
                state = STATE[n]
                # Nothing may be added to an old tape when a step is repeated.
                self.inner[n] = Tape(0) if isinstance(state, Tape) else state

    def scratch(self) -> Segment:
        """A segment for operations of which no record is kept."""
        return Segment(0, self.outside)

    @contextmanager
    def on(self, segment: Segment) -> Iterator[None]:
        """Within, operations of the level are recorded on ``segment``, and the inner levels of the loop are open."""
        before = STATE.get(self.level)
        closed = [n for n in self.inner if n not in STATE]
        with Level(None):
            STATE[self.level] = segment
            for n in closed:
                STATE[n] = self.inner[n]
            try:
                yield
            finally:
                for n in closed:
                    del STATE[n]
                if before is None:
                    del STATE[self.level]
                else:
                    STATE[self.level] = before

    def run(self, k: int, layouts: list[Layout], carry: Parts, x: Parts, segment: Segment) -> Any:
        """Layouts and parts of what step k returns."""
        values, slices = map(handed, carry), iter(x)
        with self.on(segment), tracked_at(None):  # derivatives within the step have sweeps of their own
            new, y = self.step(k, [build(one, values) for one in layouts], [build(one, slices) for one in self.x_layouts])
        carry_parts: Parts = []
        y_parts: Parts = []
        carry_layouts = [take_apart(leaf, self.level, carry_parts) for leaf in new]
        y_layouts = [take_apart(leaf, self.level, y_parts) for leaf in y]
        for layout in (*carry_layouts, *y_layouts):
            if layout is not None:
                self.meet(levels_of(layout))
        return carry_layouts, carry_parts, y_layouts, y_parts

    def strip(self, part: Any) -> tuple[Any, int | None]:
        """A part without the box of the level, and its place."""
        return bare_at(part, self.level), place_at(part, self.level)

    def advance(self, k: int, layouts: list[Layout], carry: Parts, x: Parts, closed: dict[int, int]) -> Any:
        """Step k without a record; what it closes over is numbered in ``closed``."""
        segment = self.scratch()
        carry_layouts, carry_parts, y_layouts, y_parts = self.run(k, layouts, carry, x, segment)
        own = range(segment.base, len(segment))
        for parents in segment.parents:
            for p in parents:
                if p not in own:
                    self.close_over(p, closed)
        self.masked = self.masked or segment.masked
        stripped = []
        for parts in (carry_parts, y_parts):
            pairs = [self.strip(p) for p in parts]
            for _, place in pairs:
                if place is not None and place not in own:
                    self.close_over(place, closed)
            stripped.append([v for v, _ in pairs])
        return carry_layouts, stripped[0], y_layouts, stripped[1]

    def close_over(self, place: int, closed: dict[int, int]) -> None:
        if place not in closed:
            if not any(place in places for places in self.outside):
                raise LeakedTraceError.leaked(Node.kind)
            closed[place] = len(closed)

    def taped(self, k: int, layouts: list[Layout], carry: Parts, x: Parts) -> Taped:
        """Step k on a tape."""
        inputs = [i for i, part in enumerate([*carry, *x]) if is_inexact(part)]
        segment = Segment(len(inputs), self.outside)
        given = [*carry, *x]
        for j, i in enumerate(inputs):
            given[i] = Node(self.level, given[i], segment.base + j)
        result = self.run(k, layouts, given[: len(carry)], given[len(carry) :], segment)
        return Taped(self, segment, inputs, (len(carry), len(x)), result)


class Taped:
    """A step that was recorded: its results and the map from their cotangents to those of what went in."""

    __slots__ = ("carry", "carry_layouts", "foreign", "given", "inputs", "places", "tape", "y", "y_layouts")

    def __init__(self, recorder: Recorder, segment: Segment, inputs: list[int], given: tuple[int, int], result: Any) -> None:
        self.carry_layouts, carry, self.y_layouts, y = result
        pairs = [recorder.strip(p) for p in (*carry, *y)]
        self.carry, self.y = [v for v, _ in pairs[: len(carry)]], [v for v, _ in pairs[len(carry) :]]
        self.inputs, self.given = inputs, given
        base, entries, count = segment.base, segment.entries(), len(inputs)
        own = range(base, base + len(entries))
        foreign: dict[int, int] = {}
        used = [p for parents in segment.parents for p in parents]
        for p in (*used, *(p for _, p in pairs if p is not None)):
            if p not in own and p not in foreign:
                foreign[p] = count + len(foreign)
        shift = len(foreign) - base

        def local(p: int) -> int:
            return foreign[p] if p not in own else p - base if p < base + count else p + shift

        tape = Tape(count + len(foreign))
        tape.extend(entries[count:])
        tape.parents += [tuple([local(p) for p in parents]) for parents in segment.parents[count:]]
        tape.masked, tape.samples = segment.masked, segment.samples
        self.tape, self.foreign = tape, list(foreign)
        self.places = [None if p is None else local(p) for _, p in pairs]

    def back(
        self,
        k: int,
        cotangents: Sequence[Any],
        closed: dict[int, int],
        totals: list[Any],
        add: Callable[[Any, Any], Any] = add_term,
    ) -> tuple[Parts, Parts]:
        """Cotangents (or None) of the parts of the carry and of those of x; can be called once.

        Those of what step ``k`` closes over are added to ``totals``, at the positions that ``closed`` gives to the places.
        """
        seeds: dict[int, Any] = {}
        for place, g in zip(self.places, cotangents, strict=True):
            if place is not None and g is not None:
                seeds[place] = seeds[place] + g if place in seeds else g
        count = len(self.inputs)
        width = count + len(self.foreign)
        found = backward(self.tape, -1, seeds, width, once=True) if seeds else [None] * width
        parts: Parts = [None] * sum(self.given)
        for i, c in zip(self.inputs, found[:count], strict=True):
            parts[i] = c
        for place, c in zip(self.foreign, found[count:], strict=True):
            if c is not None:
                if place not in closed:
                    raise LoopError.not_repeatable(k)
                totals[closed[place]] = add(totals[closed[place]], c)
        return parts[: self.given[0]], parts[self.given[0] :]
