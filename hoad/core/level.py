"""A level is one differentiation in progress; levels are ordered by the moment they were opened.

Level numbers are drawn from one process-wide counter, so a level that is opened later is always the inner one, whichever
thread or context opened it: two differentiations can never be confused, and nothing has to be restored after an exception
except that the level is closed.  See Siskind & Pearlmutter (2005), Perturbation confusion.
"""

from __future__ import annotations

from contextvars import ContextVar
from itertools import count
from math import ceil
from types import TracebackType
from typing import Any

from hoad.errors import TracedConversionError

__all__ = ["STATE", "Level", "any_open", "next_level"]

next_level = count(1).__next__

STATE: dict[float, Any] = {}
"""What each open level keeps (a tape, an algebra, a batch size); a level that is not a key is closed."""

_depth: ContextVar[int] = ContextVar("hoad_open_levels", default=0)


def any_open() -> bool:
    """True while a differentiation is in progress in this context."""
    return _depth.get() > 0


class Level:
    """Context manager that opens a level holding ``state`` and closes it again, also on exceptions.

    A block of directions is a batching level, and batching levels commute: ``below`` places a new one just outside the level
    of that number, so that its hidden axis comes before that level's axis in memory.
    """

    __slots__ = ("number", "state", "token")

    def __init__(self, state: Any, below: float | None = None) -> None:
        self.state = state
        self.number: float = next_level()
        if below is not None:
            # Between the level before `below` and `below`; the irrational step keeps concurrent levels apart.
            room = below - (ceil(below) - 1)
            self.number = below - room * (0.25 + 0.5 * (self.number * 0.6180339887498949 % 1.0))

    def __enter__(self) -> float:
        STATE[self.number] = self.state
        self.token = _depth.set(_depth.get() + 1)
        return self.number

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        _depth.reset(self.token)
        del STATE[self.number]
        if type(error) is ValueError and isinstance(error.__cause__, TracedConversionError):
            # array[i] = x: NumPy replaces our error by "setting an array element with a sequence".
            raise TracedConversionError.into_array() from error
