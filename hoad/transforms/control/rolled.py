"""Loops whose steps are run without a record and repeated, one at a time, in the reverse sweep.

Forward, Taylor and batched derivatives need no memory of earlier steps: there a loop is Python's.  In reverse mode the loop is one
entry of the tape.  It keeps states (what goes into a step) and repeats each step on a segment of tape when the sweep comes to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from hoad.core.box import strip
from hoad.core.engine import sweep
from hoad.core.level import STATE
from hoad.core.series import accumulate
from hoad.core.space import leaf_zeros
from hoad.errors import LoopError
from hoad.modes.reverse import _outputs
from hoad.transforms.control.layout import (
    Layout,
    NotRepeatable,
    boxes,
    build,
    common,
    fitted,
    hidden_axes,
    innermost_tape,
    restricted,
    take_apart,
)
from hoad.transforms.control.recorded import recorded_loop
from hoad.transforms.control.revolve import Action, actions
from hoad.transforms.control.segment import Recorder, Taped, bare_at, handed, is_inexact, place_at
from hoad.transforms.control.unrolled import More, Step, in_python, kept, stacked

__all__ = ["Policy", "run_loop"]

Policy = int | None
"""How many states are kept: all of them (None), or so many."""

SAME = 1e-6
"""Squares of norms that differ by less come from the same step: sums may be rounded in another order."""


class _InnerTape(Exception):
    """A step closes over a value of a reverse level that its arguments do not have."""

    def __init__(self, level: float) -> None:
        self.level = level


def run_loop(
    step: Step,
    carry: list[Any],
    xs: list[Any],
    length: int | None,
    more: More | None,
    closure: list[Any],
    policy: Policy | str,
    functions: Sequence[Any] = (),
) -> tuple[list[Any], list[Any], int]:
    """Last carry, stacked y and the number of steps.

    ``step(k, carry, x)`` -> (carry, y) with lists of leaves; the number of steps is ``length``, or as long as ``more(k, carry)``.
    ``closure`` are values that the step is known to use, ``functions`` what it calls.
    """
    carry = [c.copy() if type(c) is np.ndarray else c for c in carry]  # a step may update its carry in place
    recorded = recorded_loop(step, carry, xs, length, closure, functions) if more is None else None
    if recorded is not None:
        return *recorded, length  # type: ignore[return-value]
    try:
        level = innermost_tape([*carry, *xs, *closure])
        while policy != "all" and length != 0:
            try:
                if level is None:
                    return in_python(step, carry, xs, length, more, _watch)
                return _Rolled(level, step, carry, xs, length, more, policy, closure).result()  # type: ignore[arg-type]
            except _InnerTape as found:
                level = found.level
    except NotRepeatable:
        pass
    return in_python(step, carry, xs, length, more, None)


def _watch(values: list[Any], level: float = -1.0) -> None:
    """Tell if the first step has met an inner reverse level that its arguments did not show."""
    found = innermost_tape(values)
    if found is not None and found > level:
        raise _InnerTape(found)


class _State(NamedTuple):
    """What goes into a step."""

    layouts: list[Layout]
    parts: list[Any]


def _sizes(parts: list[Any]) -> list[float]:
    """A number for each part by which a repetition is recognised."""
    return [_square(strip(p)) if is_inexact(p) else 0.0 for p in parts]


def _square(x: Any) -> float:
    if not isinstance(x, np.ndarray | np.generic):
        return 0.0
    entries: Any = x
    return float(np.vdot(entries, entries).real)


class _Rolled:
    """A loop as one entry of the tape of a level."""

    def __init__(
        self,
        level: float,
        step: Step,
        carry: list[Any],
        xs: list[Any],
        length: int | None,
        more: More | None,
        policy: Policy,
        closure: list[Any],
    ) -> None:
        self.level, self.length, self.more = level, length, more
        self.policy = policy if policy is None or length is None else min(policy, length)
        x_parts: list[Any] = []
        x_layouts = [take_apart(x, level, x_parts) for x in xs]
        axes = [n for one in x_layouts for n in hidden_axes(one)]
        self.x_places = [place_at(p, level) for p in x_parts]
        bare = [bare_at(p, level) for p in x_parts]
        self.x_axes = axes
        self.xs = [np.moveaxis(p, n, 0) if n else p for p, n in zip(bare, axes, strict=True)]
        used = {box.level for value in (*carry, *xs, *closure) for box in boxes(value)}
        self.recorder = Recorder(level, step, x_layouts, used - {0})
        self.given = carry
        parts: list[Any] = []
        layouts = [take_apart(c, level, parts) for c in carry]
        self.carry_places = [place_at(p, level) for p in parts]
        self.first = _State(layouts, [bare_at(p, level) for p in parts])
        self.closed: dict[int, int] = {}
        self.sizes: list[list[float]] = []
        self.rows: list[tuple[list[Layout], list[Any]]] = []
        self.kept: Taped | None = None
        self.stored: dict[int, _State] = {}
        self.plan: Iterator[Action] | None = None

    # -- the run of the loop ------------------------------------------------------------------------------------------------

    def slices(self, k: int) -> list[Any]:
        return [x[k] for x in self.xs]

    def advance(self, k: int, state: _State, *, first_time: bool) -> _State:
        layouts, parts, y_layouts, y = self.recorder.advance(k, *state, self.slices(k), self.closed)
        new = _State(layouts, parts)
        if first_time:
            self.note(new, y_layouts, y)
        else:
            self.compare(k, [*parts, *y])
        return new

    def note(self, new: _State, y_layouts: list[Layout], y: list[Any]) -> None:
        if not self.rows:
            _watch([*new.parts, *y], self.level)
        self.sizes.append(_sizes([*new.parts, *y]))
        self.rows.append((y_layouts, [kept(p) for p in y]))

    def compare(self, k: int, results: list[Any]) -> None:
        """Raise if a repeated step gives other results."""
        found, expected = _sizes(results), self.sizes[k]
        if len(found) != len(expected):
            raise LoopError.not_repeatable(k)
        before = self.sizes[k - 1] if k else expected
        scales = [max(b, c) for b, c in zip(expected, before)] if len(before) == len(expected) else expected
        for a, b, scale in zip(found, expected, scales, strict=True):
            if not (a == b or abs(a - b) <= SAME * scale or (a != a and b != b)):
                raise LoopError.not_repeatable(k)

    def forward(self) -> _State:
        """The last state; keeps the states, and the last step on its tape."""
        state = self.first
        if self.length is None:
            if self.policy is not None:
                self.stored[0] = state
            for k in count():
                with self.recorder.on(self.recorder.scratch()):
                    values = map(handed, state.parts)
                    if not self.more(k, [build(one, values) for one in state.layouts]):  # type: ignore[misc]
                        break
                if self.policy is None:
                    self.stored[k] = state
                state = self.advance(k, state, first_time=True)
            self.length = k
            return state
        if self.policy is None:
            for k in range(self.length - 1):
                self.stored[k] = state
                state = self.advance(k, state, first_time=True)
            self.stored[self.length - 1] = state  # for a second sweep
            return self.last(state)
        self.plan = actions(self.length, self.policy)
        for action in self.plan:
            if action.kind == "store":
                self.stored[action.step] = state
            elif action.kind == "advance":
                for k in range(action.step, action.stop):
                    state = self.advance(k, state, first_time=True)
            else:
                break
        return self.last(state)

    def last(self, state: _State) -> _State:
        assert self.length is not None
        k = self.length - 1
        self.kept = kept = self.recorder.taped(k, *state, self.slices(k))
        for p in kept.foreign:
            self.recorder.close_over(p, self.closed)
        self.recorder.masked = self.recorder.masked or kept.tape.masked
        new = _State(kept.carry_layouts, kept.carry)
        self.note(new, kept.y_layouts, kept.y)
        return new

    def result(self) -> tuple[list[Any], list[Any], int]:
        final = self.forward()
        if not self.length:
            return self.given, [], 0
        self.final = final
        layouts = self.rows[0][0]
        for found, _ in self.rows:
            if found != layouts:
                layouts = [common(a, b) for a, b in zip(layouts, found, strict=True)]
        y_parts = self.stack(layouts)
        axes = [n for one in layouts for n in hidden_axes(one)]
        self.y_axes, self.y_layouts = axes, layouts
        del self.rows
        outputs = [*final.parts, *[np.moveaxis(p, 0, n) if n else p for p, n in zip(y_parts, axes, strict=True)]]
        self.active = [i for i, p in enumerate(outputs) if is_inexact(p)]
        parents = [p for p in (*self.carry_places, *self.x_places) if p is not None] + list(self.closed)
        if parents and self.active:
            tape = STATE[self.level]
            place = len(tape)
            tape.append(self.pull)
            tape.parents.append(parents)
            # A loop of unknown length is not recorded before the sweep, which then has to expect a `where` in it.
            if self.recorder.masked or self.kept is None:
                tape.masked = True
            nodes = _outputs(tape, self.level, tuple(outputs[i] for i in self.active), place)
            for i, node in zip(self.active, nodes, strict=True):
                outputs[i] = node
        values = iter(outputs)
        carry = [build(one, values) for one in final.layouts]
        return carry, [build(one, values) for one in layouts], self.length

    def stack(self, layouts: list[Layout]) -> list[Any]:
        """The parts of all y, with the axis of the loop first."""
        columns: list[list[Any]] = []
        for found, parts in self.rows:
            if found != layouts:
                values = iter(parts)
                whole = [build(one, values) for one in found]
                parts = []
                for y, one in zip(whole, layouts, strict=True):
                    take_apart(fitted(y, one), self.level, parts)
            columns.append(parts)
        return [stacked(list(column)) for column in zip(*columns, strict=True)]

    # -- the reverse sweep --------------------------------------------------------------------------------------------------

    def pull(self, gs: Any) -> list[Any]:
        assert self.length is not None
        given: list[Any] = [None] * (len(self.final.parts) + len(self.y_axes))
        for i, g in zip(self.active, gs, strict=True):
            given[i] = g
        split = len(self.final.parts)
        carry = given[:split]
        gys = [g if g is None or not n else np.moveaxis(g, n, 0) for g, n in zip(given[split:], self.y_axes, strict=True)]
        totals: list[Any] = [None] * len(self.closed)
        rows: list[list[Any]] = [[None] * self.length for _ in self.xs]
        for k, step in self.steps_backwards():
            slices = iter([None if g is None else g[k] for g in gys])
            y = [g for a, b in zip(step.y_layouts, self.y_layouts, strict=True) for g in restricted(a, b, slices)]
            carry, x = step.back(k, [*carry, *y], self.closed, totals, _own_sum)
            for row, c in zip(rows, x, strict=True):
                row[k] = c
            del step  # its tape, before the next one is made
        out = [c for c, p in zip(carry, self.carry_places, strict=True) if p is not None]
        for row, n, place in zip(rows, self.x_axes, self.x_places, strict=True):
            if place is not None:
                out.append(_column(row, n))
        return [*out, *totals]

    def steps_backwards(self) -> Iterator[tuple[int, Taped]]:
        """Each step on its tape, from the last to the first."""
        assert self.length is not None
        last = self.length - 1
        if self.policy is None:
            for k in range(last, -1, -1):
                yield self.reversed_step(k, self.stored.get(k))
            return
        plan, stored = self.plan, self.stored
        if plan is None:
            plan = actions(self.length, min(self.policy, self.length))
            state: Any = stored[0]
            stored = {}
        else:  # the run of the loop was the first part of the plan; another sweep starts from the initial state
            self.plan, self.stored = None, {0: stored[0]}
            stored, state = dict(stored), None
            yield self.reversed_step(last, None)
        for action in plan:
            if action.kind == "store":
                stored[action.step] = state
            elif action.kind == "restore":
                state = stored[action.step]
            elif action.kind == "free":
                del stored[action.step]
            elif action.kind == "reverse":
                yield self.reversed_step(action.step, state)
            else:
                for k in range(action.step, action.stop):
                    state = self.advance(k, state, first_time=False)

    def reversed_step(self, k: int, state: _State | None) -> tuple[int, Taped]:
        if self.kept is not None and k == (self.length or 0) - 1:
            step, self.kept = self.kept, None
        else:
            assert state is not None
            step = self.recorder.taped(k, *state, self.slices(k))
            self.compare(k, [*step.carry, *step.y])
        if sweep.tracking is not None:  # masked cotangents go through all entries of the outer sweep
            step.tape.masked = False
        return k, step


def _own_sum(total: Any, c: Any) -> Any:
    """A sum in an array that nobody else refers to."""
    if total is None:
        return c.copy() if type(c) is np.ndarray else c
    return accumulate(total, c)


def _column(row: list[Any], axis: int) -> Any:
    """Cotangent of the stacked x from those of its slices."""
    if all(c is None for c in row):
        return None
    like = next(c for c in row if c is not None)
    zero = leaf_zeros(like) if sweep.tracking is None else np.where(False, like, 0.0)  # a zero that is none by chance
    whole = stacked([zero if c is None else c for c in row])
    return np.moveaxis(whole, 0, axis) if axis else whole
