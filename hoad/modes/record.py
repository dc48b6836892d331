"""Recording: values that write down, as they are computed, the primitive steps that made them.

Differentiation happens while recording, so the recording of a derivative is only a longer list of the same primitives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from hoad.core.box import Box, Buffer
from hoad.core.level import STATE, Level
from hoad.errors import LeakedTraceError
from hoad.modes.captured import COPIED

__all__ = ["Recorded", "Recording", "Repeat", "Step", "record"]


@dataclass(frozen=True, slots=True)
class Step:
    """One primitive: ``slots[out] = primitive(*args)``.

    ``args`` holds constants, with None at the positions that ``inputs`` (position, slot) fills.
    """

    holds_constants: ClassVar[bool] = True
    primitive: Any
    args: tuple[Any, ...]
    inputs: tuple[tuple[int, int], ...]
    kw: dict[str, Any]
    outputs: tuple[int, ...]
    value: Any = None


class Recording:
    """A list of steps from input slots to output slots."""

    __slots__ = ("inputs", "outputs", "size", "steps", "values")

    def __init__(self, inputs: Sequence[Any]) -> None:
        self.inputs = len(inputs)
        self.size = len(inputs)
        self.values = list(inputs)
        self.steps: list[Step] = []
        self.outputs: list[tuple[int | None, Any]] = []

    def keep(self) -> Repeat:
        """A function that repeats the steps that the outputs need, on new inputs."""
        needed = {slot for slot, _ in self.outputs if slot is not None}
        kept: list[Step] = []
        for step in reversed(self.steps):
            if needed.intersection(step.outputs):
                kept.append(step)
                needed.update(slot for _, slot in step.inputs)
        kept.reverse()
        return Repeat(self, kept)


class Repeat:
    """The steps of a recording as a function of the list of inputs.

    ``steps`` hold no values; ``specs`` has the shape and dtype of each slot.
    """

    __slots__ = ("inputs", "outputs", "plan", "size", "specs", "steps")

    def __init__(self, recording: Recording, kept: list[Step]) -> None:
        last = {slot: i for i, step in enumerate(kept) for _, slot in step.inputs}
        final = {slot for slot, _ in recording.outputs}
        self.plan = [
            (s.primitive.bind, list(s.args), s.inputs, s.kw, s.outputs if s.primitive.multi else s.outputs[0],
             [slot for _, slot in s.inputs if last[slot] == i and slot not in final])
            for i, s in enumerate(kept)
        ]  # fmt: skip
        self.inputs, self.outputs, self.size = recording.inputs, recording.outputs, recording.size
        self.specs = {i: _spec(x) for i, x in enumerate(recording.values)}
        for s in kept:
            self.specs.update(
                (slot, _spec(y)) for slot, y in zip(s.outputs, s.value if s.primitive.multi else (s.value,), strict=True)
            )
        self.steps = [replace(s, value=None) for s in kept]

    def __call__(self, inputs: Sequence[Any]) -> list[Any]:
        values: list[Any] = [*inputs, *[None] * (self.size - len(inputs))]
        for bind, template, fill, kw, out, dead in self.plan:
            args = template.copy()
            for position, slot in fill:
                args[position] = values[slot]
            if isinstance(out, int):
                values[out] = bind(*args, **kw)
            else:
                for slot, v in zip(out, bind(*args, **kw), strict=True):
                    values[slot] = v
            for slot in dead:
                values[slot] = None
        return [constant if slot is None else values[slot] for slot, constant in self.outputs]


def _spec(x: Any) -> tuple[tuple[int, ...], Any]:
    """Shape and dtype, as far as there are any."""
    return tuple(getattr(x, "shape", ())), getattr(x, "dtype", None)


class Recorded(Box):
    """A value and the slot (``aux``) that holds it when the recording is repeated."""

    __slots__ = ()
    kind = "recorded value"

    @staticmethod
    def process(prim: Any, level: float, args: tuple[Any, ...], kw: dict[str, Any]) -> Any:
        recording = STATE.get(level)
        if recording is None:
            raise LeakedTraceError.leaked(Recorded.kind)
        xs = []
        template: list[Any] = []
        fill = []
        for i, a in enumerate(args):
            if isinstance(a, Box):
                if a.level == level:
                    xs.append(a.value)
                    template.append(None)
                    fill.append((i, a.aux))
                    continue
                a = a.snapshot()
            xs.append(a)
            template.append(a.copy("K") if isinstance(a, np.ndarray) and a.size <= COPIED else a)
        y = prim.bind(*xs, **kw)
        ys = y if prim.multi else (y,)
        first = recording.size
        recording.size += len(ys)
        slots = tuple(range(first, recording.size))
        recording.steps.append(Step(prim, tuple(template), tuple(fill), kw, slots, y))
        if isinstance(y, tuple) and not prim.multi:  # a tuple that carries no derivative (nonzero)
            return y
        boxes = tuple(Recorded(level, v, s) for v, s in zip(ys, slots, strict=True))
        return boxes if prim.multi else boxes[0]


def record(f: Callable[..., Any], inputs: Sequence[Any]) -> tuple[Any, Recording, float]:
    """Result of ``f`` (any container), the recording, and the level of its boxes."""
    recording = Recording(inputs)
    with Level(recording) as level:
        out = f(*[Recorded(level, x, i) for i, x in enumerate(inputs)])
    return out, recording, level


def slot_of(y: Any, level: float) -> tuple[int | None, Any]:
    """Slot and value of a result of a recording."""
    if isinstance(y, Box):
        if y.level == level:
            return y.aux, y.value
        if type(y) is Buffer:
            y = y.value
    return None, y
