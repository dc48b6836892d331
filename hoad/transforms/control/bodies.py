"""One step of a loop, recorded for all of them: the body of :mod:`hoad.modes.loop_steps`.

While the step runs, a recording of its own stands where the recording of the level stood, as a segment of tape does for a reverse
level.  What the step uses of the recording around it becomes an input of the body, and what depends on nothing else is computed
before the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from hoad.core.box import held
from hoad.core.level import STATE
from hoad.core.primitive import ViewPrimitive
from hoad.modes.loop_steps import Body, same, same_step
from hoad.modes.record import Step
from hoad.modes.watched import Watched, WatchedNumber
from hoad.transforms.control.body_recording import BodyRecording, Rows
from hoad.transforms.control.layout import Layout, build, take_apart

__all__ = ["OneStep", "UnevenError", "UnfitError", "strong"]


class UnfitError(Exception):
    """One step does not stand for all of them."""


class UnevenError(Exception):
    """A step changes how its carry is laid out at ``level``: the next step may not.

    ``alone`` takes that step by itself, if it has been recorded.
    """

    def __init__(self, level: float, alone: Callable[[], tuple[list[Any], list[Any]]] | None = None) -> None:
        self.level = level
        self.alone = alone


def strong(box: Any) -> Any:
    """A recorded number as an array."""
    return Watched(box.level, held(box), box.aux) if type(box) is WatchedNumber else box


class OneStep:
    """A recorded step: the structure and the numbers of what it returned, and its steps.

    Parameters
    ----------
    call : callable
        Parts of the carry and of the slices, as boxes -> (new carry, y): lists of leaves.
    level : float
        Level of the recording.
    given : sequence
        Numbers of the parts.
    whole : sequence of int
        Positions of Python integers among them, the number of the step the last of them.
    plain : bool
        Whether the step is given Python integers there.
    rows : Rows, optional
        What the step reads at its number.
    """

    def __init__(
        self,
        call: Callable[[list[Any]], Any],
        level: float,
        given: Sequence[Any],
        whole: Sequence[int],
        plain: bool = False,
        rows: Rows | None = None,
    ) -> None:
        outer = STATE[level]
        self.level = level
        self.state = state = BodyRecording(outer, rows)
        parts: list[Any] = [state.new(level, x) for x in given]
        state.number = parts[whole[-1]].aux
        for i in whole:
            parts[i] = int(given[i]) if plain else WatchedNumber(level, held(parts[i]), parts[i].aux)
        STATE[level] = state
        try:
            new, y = call(parts)
        finally:
            STATE[level] = outer
        carry_parts: list[Any] = []
        y_parts: list[Any] = []
        self.layouts: list[Layout] = [take_apart(leaf, level, carry_parts) for leaf in new]
        self.y_layouts: list[Layout] = [take_apart(leaf, level, y_parts) for leaf in y]
        self.width = len(carry_parts)
        self.inputs = len(given)
        self.weak = [type(part) in (int, WatchedNumber) for part in carry_parts]
        self.values = []
        self.specs = []
        outputs: list[tuple[int | None, Any]] = []
        for part in (*carry_parts, *y_parts):
            if isinstance(part, Watched):
                if part.aux not in state.specs:
                    state.met(part)
                value = held(part)
                outputs.append((part.aux, None))
            else:
                value = part.copy("K") if isinstance(part, np.ndarray) else part if hasattr(part, "dtype") else np.asarray(part)[()]
                outputs.append((None, value))
            self.values.append(value)
            self.specs.append((value.shape, value.dtype))
        self.found = [slot for slot, _ in outputs]
        self.start = [int(given[i]) if i in whole else 0 for i in range(len(given))]
        self._number(outputs)

    def _number(self, outputs: list[tuple[int | None, Any]]) -> None:
        """Leave out what nobody needs.  Inputs and results are numbered from 0, what the body closes over from -1 downwards."""
        state = self.state
        needed = {slot for slot, _ in outputs if slot is not None} | {a.slot for a in state.asked}
        kept = []
        for step in reversed(state.steps):
            if needed.intersection(step.outputs):
                kept.append(step)
                needed.update(slot for _, slot in step.inputs)
        kept.reverse()
        names = {state.base + i: i for i in range(self.inputs)}
        for step in kept:
            for slot in step.outputs:
                names[slot] = len(names)
        self.spec_of = {name: state.specs[slot] for slot, name in names.items()}
        self.closed: dict[int, Watched] = {}
        for slot, box in state.closed.items():
            if slot in needed:
                names[slot] = -1 - len(self.closed)
                self.closed[names[slot]] = box
                self.spec_of[names[slot]] = (held(box).shape, held(box).dtype)
        self.steps = [_renamed(step, names) for step in kept]
        self.outputs = [(None if slot is None else names[slot], constant) for slot, constant in outputs]
        self.asked = {names[a.slot]: a for a in state.asked}

    def uses(self, slot: int) -> bool:
        """Whether anything depends on a slot."""
        used = any(s == slot for step in self.steps for _, s in step.inputs)
        return used or slot in self.asked or any(s == slot for s, _ in self.outputs)

    def counts_by(self, position: int) -> int | None:
        """What each step adds to an integer of the carry; None if it is not that."""
        slot = self.found[position]
        return None if slot is None else self.state.offset(slot, self.state.base + position)

    def must_count(self, position: int, length: int) -> None:
        """Raise unless an integer of the carry is one that each step adds the same to, or the same: others may outgrow 64 bits."""
        by = 0 if self.found[position] is None else self.counts_by(position)
        if by is None or abs(self.start[position]) + abs(by) * length >= 2**62:
            raise UnfitError

    def same(self, other: OneStep) -> bool:
        """Whether two steps are one."""
        return (
            (self.layouts, self.y_layouts, self.specs) == (other.layouts, other.y_layouts, other.specs)
            and [box.aux for box in self.closed.values()] == [box.aux for box in other.closed.values()]
            and len(self.steps) == len(other.steps)
            and self.asked.keys() == other.asked.keys()
            and all(same_step(a, b) for a, b in zip(self.steps, other.steps, strict=True))
            and same(tuple(self.outputs), tuple(other.outputs))
        )

    def once(self, given: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """The step by itself, in the recording around it, on parts: (new carry, y), lists of leaves."""
        boxes: dict[int, Any] = {**self.closed, **dict(enumerate(given))}
        self._take(boxes, self.steps)
        outer = STATE[self.level]
        outer.weak = outer.weak or self.state.weak
        for slot, question in self.asked.items():
            if isinstance(boxes[slot], Watched):
                outer.ask(boxes[slot].aux, question.value)
        parts = [constant if slot is None else boxes[slot] for slot, constant in self.outputs]
        for i, weak in enumerate(self.weak):
            if weak:
                p = parts[i]
                parts[i] = WatchedNumber(p.level, held(p), p.aux) if isinstance(p, Watched) else int(p)
        values = iter(parts)
        return [build(one, values) for one in self.layouts], [build(one, values) for one in self.y_layouts]

    def _take(self, boxes: dict[int, Any], steps: Sequence[Step]) -> None:
        """Steps in the recording around the body."""
        for step in steps:
            args = list(step.args)
            for position, slot in step.inputs:
                args[position] = boxes[slot]
            y = step.primitive.bind(*args, **step.kw)
            boxes.update(zip(step.outputs, y if step.primitive.multi else (y,), strict=True))

    # -- the body ---------------------------------------------------------------------------------------------------------

    def body(self, inputs: int, parts: Sequence[Any], known: Collection[int]) -> Rolled:
        """The loop, of so many of the inputs, the first of them ``parts``: the carry that the first step is given.

        What the carry is at the positions ``known`` is known for each step: there it is a slice.
        """
        closed: dict[int, Any] = dict(self.closed)
        same = [i for i in range(self.width) if self.outputs[i] == (i, None) and i not in known]
        closed.update((i, parts[i]) for i in same)
        fixed = self._fixed(same)
        if self.state.failed or not fixed.issuperset(self.asked):
            raise UnfitError
        outer = STATE[self.level]
        outer.weak = outer.weak or self.state.weak
        self._hoist(fixed, closed)
        changing = [i for i in range(self.width) if i not in same and i not in known]
        stacked = [i for i in range(self.width, len(self.outputs)) if self.outputs[i][0] not in (None, *closed, *known)]
        outputs = [self.outputs[i] for i in (*changing, *stacked)]
        needed = {slot for slot, _ in outputs if slot is not None}
        kept = []
        for step in reversed(self.steps):
            if not all(slot in closed for slot in step.outputs) and needed.intersection(step.outputs):
                kept.append(step)
                needed.update(slot for _, slot in step.inputs)
        kept.reverse()
        given = [slot for slot in closed if slot in needed]
        slices = [i for i in (*known, *range(self.width, inputs)) if i in needed]
        own = [*changing, *slices]
        names = {slot: i for i, slot in enumerate([*own, *given])}
        for step in kept:
            for slot in step.outputs:
                names[slot] = len(names)
        specs = {name: self.spec_of[slot] for slot, name in names.items()}
        renamed = tuple([(None if slot is None else names[slot], constant) for slot, constant in outputs])
        steps = tuple([_renamed(step, names) for step in kept])
        body = Body(tuple([specs[i] for i in range(len(own) + len(given))]), steps, renamed, specs)
        rest = {
            i: constant if slot is None else closed[slot]
            for i, (slot, constant) in enumerate(self.outputs)
            if i in same or (i >= self.width and i not in stacked and slot not in known)
        }
        return Rolled(body, [closed[slot] for slot in given], changing, slices, rest)

    def _fixed(self, same: Sequence[int]) -> set[int]:
        """Slots that are the same in each step of the loop, as the inputs ``same`` are."""
        fixed = set(same)
        for step in self.steps:
            if all(slot < 0 or slot in fixed for _, slot in step.inputs):
                fixed.update(step.outputs)
        return fixed

    def _hoist(self, fixed: set[int], closed: dict[int, Any]) -> None:
        """Compute before the loop what is the same in each step, unless that only moves or repeats numbers."""

        def size(slot: int) -> int:
            return prod(self.spec_of[slot][0])

        wanted = set(self.asked)
        for step in self.steps:
            if step.outputs[0] in fixed:
                most = max(size(slot) for _, slot in step.inputs)
                moves = isinstance(step.primitive, ViewPrimitive)
                wanted.update(slot for slot in step.outputs if size(slot) < most or (size(slot) == most and not moves))
        needed = set(wanted)
        for step in reversed(self.steps):
            if needed.intersection(step.outputs):
                needed.update(slot for _, slot in step.inputs)
        boxes = dict(closed)
        self._take(boxes, [step for step in self.steps if step.outputs[0] in fixed and needed.intersection(step.outputs)])
        closed.update((slot, boxes[slot]) for slot in wanted)
        for slot, question in self.asked.items():
            if isinstance(boxes[slot], Watched):
                STATE[self.level].ask(boxes[slot].aux, question.value)


class Rolled(NamedTuple):
    """A loop of one body.

    Attributes
    ----------
    body : Body
    closed : list
        What it closes over.
    changing : list of int
        Positions of the carry that a step changes.
    slices : list of int
        Positions of the slices that a step uses, and of what is known of the carry.
    same : dict
        Position among the outputs of a step -> its value, for those that are the same in each step.
    """

    body: Body
    closed: list[Any]
    changing: list[int]
    slices: list[int]
    same: dict[int, Any]


def _renamed(step: Step, names: dict[int, int]) -> Step:
    """A step on other slots."""
    inputs = tuple([(i, names[slot]) for i, slot in step.inputs])
    return Step(step.primitive, step.args, inputs, step.kw, tuple([names[slot] for slot in step.outputs]))
