"""The recording of one step of a loop, which stands where the recording around it stood while the step runs.

What a step reads at its own number (``a[k]``) is a slice of an array that does not change: the loop starts again and goes through
that array, so that its derivative is not added up in an array of zeros at each step.
"""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np

from hoad.core.box import Box, Buffer, held, shape_of
from hoad.modes.watched import UnrollError, Watch, Watched
from hoad.transforms.control.layout import boxes

__all__ = ["BodyRecording", "NeedRowError", "Rows"]

MOST_ROWS = 32
"""So many arrays may be read at the number of the step."""

_bases = count(1 << 40, 1 << 40)


class _Constants:
    """Constants of a body, which is run at once: it keeps numbers of its own also in the first of two recordings."""

    def __init__(self, outer: Any) -> None:
        self.outer = outer
        self.first = outer.first

    def keep(self, x: Any) -> Any:
        kept = self.outer.keep(x)
        return _copied(x) if self.first is None else kept


def _copied(x: Any) -> Any:
    """An argument of a step that nobody else can change."""
    if isinstance(x, np.ndarray):
        return x.copy("K") if x.dtype.kind != "O" else x
    if type(x) in (tuple, list):
        return type(x)(map(_copied, x))
    if type(x) is dict:
        return {k: _copied(v) for k, v in x.items()}
    return _copied(held(x)) if isinstance(x, Box) else x


class BodyRecording(Watch):
    """The recording of a body, with slots that no other recording has."""

    repeats = True

    def __init__(self, outer: Watch, rows: Rows | None) -> None:
        super().__init__(_Constants(outer.constants))  # type: ignore[arg-type]
        self.outer = outer
        self.rows = rows
        self.number = -1
        self.base = next(_bases)
        self.closed: dict[int, Watched] = {}

    def new(self, level: float, value: Any) -> Watched:
        slot = self.base + len(self.specs)
        if not hasattr(value, "dtype"):
            value = np.asarray(value)[()]
        self.specs[slot] = (value.shape, value.dtype)
        return Watched(level, value, slot)

    def owns(self, slot: int) -> bool:
        return slot in self.specs or self.outer.owns(slot)

    def met(self, box: Watched) -> None:
        if box.aux not in self.closed:
            if not self.outer.owns(box.aux):
                raise UnrollError
            self.closed[box.aux] = Watched(box.level, held(box), box.aux)

    def ask(self, slot: int, value: Any) -> None:
        if slot in self.specs:
            super().ask(slot, value)
        else:
            self.outer.ask(slot, value)

    def offset(self, slot: int, start: int) -> int | None:
        """By how much a slot is more than the slot ``start``, if it is that and a known integer."""
        total = 0
        while slot != start:
            made = next((s for s in reversed(self.steps) if slot in s.outputs), None)
            if made is None or made.primitive.name not in ("add", "subtract") or len(made.inputs) != 1:
                return None
            ((position, slot),) = made.inputs
            other = made.args[1 - position]
            if not isinstance(other, int | np.integer) or isinstance(other, bool):
                return None
            if made.primitive.name == "subtract":
                if position == 1:
                    return None
                other = -int(other)
            total += int(other)
        return total

    def row(self, x: Any, parts: tuple[Any, ...], position: int) -> Any:
        """``x[parts]``, where the part at a position is the number of the step, as an entry of a slice; None if it is not that."""
        slot = parts[position].aux
        if slot not in self.specs:
            return self.outer.row(x, parts, position)
        if self.rows is None or any(type(b) is Buffer or (isinstance(b, Watched) and b.aux in self.specs) for b in boxes(x)):
            return None
        offset = self.offset(slot, self.number)
        if offset is None or any(p is None or p is Ellipsis for p in parts[:position]):
            return None
        row = self.rows.row(x, position, offset)
        rest = (*parts[:position], *parts[position + 1 :])
        return row[rest] if row is not None and rest else row


class NeedRowError(BaseException):
    """A step reads an array at its number: the loop of these ``rows`` starts again and goes through that array."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows


class Rows:
    """Arrays that the steps of a loop of a certain length read at their number plus an offset.

    Attributes
    ----------
    known : list of (array, axis, offset)
    current : list
        The entries for the step that is being taken.
    collecting : bool
        Whether the loop may still start again.
    """

    def __init__(self, length: int) -> None:
        self.length = length
        self.known: list[tuple[Any, int, int]] = []
        self.current: list[Any] = []
        self.collecting = True

    def row(self, x: Any, axis: int, offset: int) -> Any:
        """The entry of ``x`` for the step that is being taken."""
        for (known, at, by), entry in zip(self.known, self.current, strict=True):
            if known is x and (at, by) == (axis, offset):
                return entry.snapshot() if isinstance(entry, Box) else entry
        if not self.collecting or len(self.known) >= MOST_ROWS or offset < 0 or offset + self.length > shape_of(x)[axis]:
            return None
        self.known.append((x, axis, offset))
        raise NeedRowError(self)

    def slices(self) -> list[Any]:
        """What the loop goes through."""
        return [(np.moveaxis(x, axis, 0) if axis else x)[offset : offset + self.length] for x, axis, offset in self.known]
