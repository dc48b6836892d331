"""A level is one differentiation in progress; levels are ordered by the moment they were opened.

Level numbers are drawn from one process-wide counter, so a level that is opened later is always the inner one, whichever
thread or context opened it: two differentiations can never be confused, and nothing has to be restored after an exception
except that the level is closed.  See Siskind & Pearlmutter (2005), Perturbation confusion.
"""

from __future__ import annotations

from contextvars import ContextVar
from itertools import count
from types import TracebackType
from typing import Any

__all__ = ["STATE", "Level", "any_open", "next_level"]

next_level = count(1).__next__

STATE: dict[int, Any] = {}
"""What each open level keeps (a tape, an algebra, a batch size); a level that is not a key is closed."""

_depth: ContextVar[int] = ContextVar("hoad_open_levels", default=0)


def any_open() -> bool:
    """True while a differentiation is in progress in this context."""
    return _depth.get() > 0


class Level:
    """Context manager that opens a level holding ``state`` and closes it again, also on exceptions."""

    __slots__ = ("number", "state", "token")

    def __init__(self, state: Any) -> None:
        self.state = state
        self.number = next_level()

    def __enter__(self) -> int:
        STATE[self.number] = self.state
        self.token = _depth.set(_depth.get() + 1)
        return self.number

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        _depth.reset(self.token)
        del STATE[self.number]
