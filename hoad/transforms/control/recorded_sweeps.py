"""Loops under recording for compilation at a reverse level: the run stacks the states, the sweep goes through them from the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hoad.backends import filled
from hoad.core.box import held, peek, shape_of
from hoad.core.engine import sweep
from hoad.core.level import STATE
from hoad.modes.loop_steps import loop_
from hoad.modes.reverse import _outputs
from hoad.modes.watched import Watched, WatchedNumber
from hoad.transforms.control.bodies import UnevenError, UnfitError
from hoad.transforms.control.layout import NotRepeatable, boxes, build, hidden_axes, take_apart
from hoad.transforms.control.segment import Recorder, bare_at, is_inexact, place_at, tracked_at
from hoad.transforms.control.unrolled import Step, stacked

if TYPE_CHECKING:
    from hoad.transforms.control.recorded import Rolling

__all__ = ["RecordedSweep"]


class RecordedSweep:
    """A loop as one entry of the tape of a level."""

    def __init__(
        self,
        rolling: Rolling,
        level: float,
        step: Step,
        carry: list[Any],
        xs: list[Any],
        first: int,
        length: int,
        backward: bool,
    ) -> None:
        self.rolling, self.level, self.first, self.length, self.backward = rolling, level, first, length, backward
        x_parts: list[Any] = []
        x_layouts = [take_apart(x, level, x_parts) for x in xs]
        self.x_places = [place_at(p, level) for p in x_parts]
        self.x_axes = [n for one in x_layouts for n in hidden_axes(one)]
        self.xs = [_front(bare_at(p, level), n) for p, n in zip(x_parts, self.x_axes, strict=True)]
        used = {box.level for value in (*carry, *xs, *rolling.closure) for box in boxes(value)}
        self.recorder = Recorder(level, self.checked(step), x_layouts, used & STATE.keys())
        parts: list[Any] = []
        self.layouts = [take_apart(c, level, parts) for c in carry]
        self.carry_places = [place_at(p, level) for p in parts]
        self.parts = [bare_at(p, level) for p in parts]
        self.whole = [i for i, p in enumerate(parts) if type(p) is int or (type(p) is WatchedNumber and p.dtype.kind in "iu")]
        self.y_layouts: Any = None
        self.closed: dict[int, int] = {}

    def checked(self, step: Step) -> Step:
        """The step, which may return no value of an inner reverse level."""
        from hoad.transforms.control.recorded import InnerTapeError, deepest

        def of_leaves(k: int, carry: list[Any], x: list[Any]) -> Any:
            new, y = step(k, carry, x)
            found = deepest([*new, *y], self.level, float("inf"))
            if found is not None:
                raise InnerTapeError(found)
            return new, y

        return of_leaves

    # -- the run of the loop ------------------------------------------------------------------------------------------------

    def advance(self, k: Any, carry: list[Any], x: list[Any]) -> tuple[list[Any], list[Any]]:
        """A step below the level, which also returns what went into it."""
        layouts, parts, y_layouts, y = self.recorder.advance(k, self.layouts, carry, x, self.closed)
        if layouts != self.layouts or self.y_layouts not in (None, y_layouts):
            raise UnevenError(self.level)
        self.y_layouts = y_layouts
        return parts, [*carry, *y]

    def result(self) -> tuple[list[Any], list[Any]]:
        rolling = self.rolling
        recording = STATE[rolling.level]
        before = len(recording.steps)
        final, rows = rolling.run(self.advance, self.parts, self.xs, self.first, self.length, self.backward, self.level)
        n = len(final)
        self.states, ys = rows[:n], rows[n:]
        self.y_axes = [m for one in self.y_layouts for m in hidden_axes(one)]
        outputs = [*final, *[np.moveaxis(p, 0, m) if m else p for p, m in zip(ys, self.y_axes, strict=True)]]
        self.finals = n
        self.active = [i for i, p in enumerate(outputs) if is_inexact(p)]
        parents = [p for p in (*self.carry_places, *self.x_places) if p is not None] + list(self.closed)
        if parents and self.active:
            tape = STATE[self.level]
            place = len(tape)
            tape.append(self.pull)
            tape.parents.append(parents)
            if self.recorder.masked or any(map(_may_mask, recording.steps[before:])):
                tape.masked = True
            nodes = _outputs(tape, self.level, tuple(outputs[i] for i in self.active), place)
            for i, node in zip(self.active, nodes, strict=True):
                outputs[i] = node
        values = iter(outputs)
        carry = [build(one, values) for one in self.layouts]
        return carry, [build(one, values) for one in self.y_layouts]

    # -- the reverse sweep --------------------------------------------------------------------------------------------------

    def pull(self, gs: Any) -> list[Any]:
        given: list[Any] = [None] * (self.finals + len(self.y_axes))
        for i, g in zip(self.active, gs, strict=True):
            given[i] = g
        gys = [None if g is None else _front(g, n) for g, n in zip(given[self.finals :], self.y_axes, strict=True)]
        start = [*given[: self.finals], *[None] * len(self.closed)]
        found, columns = _Back(self, gys).run(start)
        carry, closed = found[: self.finals], found[self.finals :]
        out = [c for c, p in zip(carry, self.carry_places, strict=True) if p is not None]
        for c, n, place in zip(columns, self.x_axes, self.x_places, strict=True):
            if place is not None:
                out.append(np.moveaxis(c, 0, n) if n and c is not None else c)
        return [*out, *closed]

    def back(self, k: Any, cotangents: list[Any], state: list[Any], x: list[Any], gy: list[Any]) -> tuple[list[Any], list[Any]]:
        """Cotangents before step k, of the carry and what the loop closes over, and those of the slices of x."""
        for i in self.whole:
            s = state[i]
            state[i] = WatchedNumber(s.level, held(s), s.aux) if isinstance(s, Watched) else int(s)
        step = self.recorder.taped(k, self.layouts, state, x)
        step.tape.masked = False  # the sweep around it looks at the sum of all
        totals = cotangents[self.finals :]
        carry, xs = step.back(k, [*cotangents[: self.finals], *gy], self.closed, totals)
        return [*carry, *totals], xs


class _Back:
    """One sweep.  Cotangents that are None are zero, and stay out of the loop."""

    def __init__(self, loop: RecordedSweep, gys: list[Any]) -> None:
        self.loop = loop
        self.gys = gys
        self.stacks = [*loop.states, *loop.xs, *[g for g in gys if g is not None]]
        self.pieces: list[tuple[int, list[Any]]] = []

    def split(self, stack: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """States, slices and cotangents of one step."""
        n, m = len(self.loop.states), len(self.loop.xs)
        rest = iter(stack[n + m :])
        return list(stack[:n]), list(stack[n : n + m]), [None if g is None else next(rest) for g in self.gys]

    def run(self, cotangents: list[Any]) -> tuple[list[Any], list[Any]]:
        from hoad.transforms.control.recorded import one_by_one

        loop = self.loop
        backward = not loop.backward
        at = (loop.first, loop.first + loop.length)
        rolls = True
        for tries in range(loop.length):
            if rolls:
                try:
                    cotangents = self.rolled(cotangents, at, backward)
                    break
                except UnevenError as found:
                    if found.level != loop.level:
                        raise
                    rolls = tries < 3
                except (UnfitError, NotRepeatable):
                    rolls = False
                if not rolls:
                    one_by_one(at[1] - at[0])
            k = at[1] - 1 if backward else at[0]
            cotangents, x = loop.back(k, cotangents, *self.split([s[k - loop.first] for s in self.stacks]))
            self.pieces.append((1, [None if c is None else stacked([c]) for c in x]))
            at = (at[0], k) if backward else (k + 1, at[1])
        return cotangents, self.columns(backward)

    def rolled(self, cotangents: list[Any], at: tuple[int, int], backward: bool) -> list[Any]:
        """The rest of the sweep at once."""
        loop = self.loop
        present = [i for i, c in enumerate(cotangents) if c is not None]
        zero: list[Any] = []

        tracking = sweep.tracking  # also where the step is taken once more, in another sweep

        def step(k: Any, carry: list[Any], stack: list[Any]) -> tuple[list[Any], list[Any]]:
            with tracked_at(tracking):
                return back(k, carry, stack)

        def back(k: Any, carry: list[Any], stack: list[Any]) -> tuple[list[Any], list[Any]]:
            given: list[Any] = [None] * len(cotangents)
            for i, c in zip(present, carry, strict=True):
                given[i] = c
            new, x = loop.back(k, given, *self.split(stack))
            if [i for i, c in enumerate(new) if c is not None] != present:
                raise UnevenError(loop.level)
            zero[:] = [[c is None for c in x]]
            return [c for c in new if c is not None], [c for c in x if c is not None]

        part = [s[at[0] - loop.first : at[1] - loop.first] for s in self.stacks] if at[1] - at[0] < loop.length else self.stacks
        carry = [cotangents[i] for i in present]
        before, loop.rolling.sweeping = loop.rolling.sweeping, True
        try:
            last, ys = loop.rolling.run(step, carry, part, at[0], at[1] - at[0], backward, loop.level)
        finally:
            loop.rolling.sweeping = before
        rest = iter(ys)
        self.pieces.append((at[1] - at[0], [None if none else next(rest) for none in zero[0]]))
        out: list[Any] = [None] * len(cotangents)
        for i, c in zip(present, last, strict=True):
            out[i] = c
        return out

    def columns(self, backward: bool) -> list[Any]:
        """Cotangents of the x, stacked."""
        pieces = self.pieces[::-1] if backward else self.pieces
        out: list[Any] = []
        for i, x in enumerate(self.loop.xs):
            column = [piece[i] for _, piece in pieces]
            if all(c is None for c in column):
                out.append(None)
                continue
            like = next(c for c in column if c is not None)
            # Where masks are tracked, these are zeros that are none by chance.
            zero = filled((), 0, like.dtype, peek(like)) if sweep.tracking is None else np.where(False, like[0], 0.0)
            zeros = [np.broadcast_to(zero, (n, *shape_of(x)[1:])) for n, _ in pieces]
            whole = [z if c is None else c for z, c in zip(zeros, column, strict=True)]
            out.append(np.concatenate(whole) if len(whole) > 1 else whole[0])
        return out


def _may_mask(step: Any) -> bool:
    """Whether a recorded step may stop cotangents, as ``where`` does: in its body, if it has one."""
    prim = step.primitive
    masks = prim.masks is True or (prim.masks and prim.masks(step.kw))
    return masks or prim.body is not None or (prim is loop_ and any(map(_may_mask, step.kw["body"].steps)))


def _front(part: Any, axis: int) -> Any:
    return np.moveaxis(part, axis, 0) if axis else part
