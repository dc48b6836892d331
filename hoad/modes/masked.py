"""Masked cotangents: zero because a branch was not chosen, not because a number happened to be zero.

``where(c, a, sqrt(x))`` sends the cotangent 0 to ``sqrt(x)`` where c holds; times the slope inf it must stay 0.  But a
cotangent 2 sqrt(x) = 0, met by the same slope, is 0 * inf: NaN.  Only the path through ``where`` tells them apart.  So a sweep
whose result has a NaN, over a tape with a ``where``, is repeated on cotangents that know which of their entries are live; an
entry that only dead ones contribute to is dead, and its value is 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.backends import filled, truth
from hoad.core.box import Box, peek, shape_of
from hoad.core.engine import engine, sweep
from hoad.core.level import STATE, Level
from hoad.modes.forward import Dual
from hoad.modes.taylor import Jet

__all__ = ["Masked"]

_SAME = {"real", "imag", "conjugate", "astype", "negative"}


class Masked(Box):
    """A cotangent and an array (``aux``) that is 1 where it is live and 0 where it is structurally zero."""

    __slots__ = ()
    kind = "masked cotangent"

    @staticmethod
    def process(prim: Any, level: float, args: tuple[Any, ...], kw: dict[str, Any]) -> Any:
        if prim.body is not None:
            return prim.body(*args, **kw)
        xs, lives, which = [], [], []
        for i, a in enumerate(args):
            if isinstance(a, Box) and a.level == level:
                xs.append(a.value)
                lives.append(a.aux)
                which.append(i)
            else:
                a = a.snapshot() if isinstance(a, Box) else a
                xs.append(a)
                lives.append(_constant_live(a) if i or prim.name != "gate" else a != 0)  # what has no weight was not chosen
        y = prim.bind(*xs, **kw)
        if prim.forward is None or prim.multi:
            return y
        live = _live(prim, shape_of(y), lives, which, kw)
        return Masked(level, np.where(live, y, 0.0), live)


def _constant_live(x: Any) -> Any:
    """Indices and conditions stay as they are; an array is live; the number 0 is not."""
    dtype = getattr(x, "dtype", None)
    if dtype is not None and dtype.kind in "iub":
        return x
    return _ones(x) if shape_of(x) else float(not isinstance(x, Box) and truth(x != 0))


def _ones(x: Any) -> Any:
    """A mask of ones beside x."""
    return filled(shape_of(x), 1.0, float, peek(x))


def _live(prim: Any, shape: tuple[int, ...], lives: list[Any], which: list[int], kw: dict[str, Any]) -> Any:
    """The operation on the masks, where it is linear in the masked arguments; otherwise everything is live."""
    if prim.name in _SAME:
        return lives[0]
    if prim.kind == "multilinear" or (prim.name == "divide" and which == [0]):
        lives = [x if i in which else _ones(x) if shape_of(x) else 1.0 for i, x in enumerate(lives)]
        return prim.bind(*lives, **kw) != 0
    if prim.kind == "linear":
        return prim.bind(*[x * 1.0 if i in which else x for i, x in enumerate(lives)], **kw) != 0
    return filled(shape, any(truth(np.any(lives[i])) for i in which), bool, peek(lives[which[0]]))


def tracked(g: Any) -> Any:
    """``g`` as a masked cotangent of the sweep in progress, all of it live unless it is one already."""
    level = sweep.tracking
    if isinstance(g, Box) and g.level == level:
        return g
    return Masked(level, g, _ones(g))  # type: ignore[arg-type]


def sweep_tracking(run: Callable[[], list[Any]]) -> list[Any]:
    """The cotangents of a sweep that tracks masks."""
    before = sweep.tracking
    with Level(True) as level:
        sweep.tracking = level
        try:
            found = run()
        finally:
            sweep.tracking = before
    return [c.value if isinstance(c, Box) and c.level == level else c for c in found]


def has_nan(c: Any) -> bool:
    """True if a cotangent, or a derivative that it carries, has a NaN."""
    if sweep.structural:
        return False
    if isinstance(c, Dual):
        return has_nan(c.value) or has_nan(c.aux)
    if isinstance(c, Jet):
        return any(has_nan(p) for p in c.aux.c)
    if isinstance(c, Box):
        if not c.recorded:
            return has_nan(c.value)
        return getattr(STATE.get(c.level), "repeats", False) or bool(np.any(np.isnan(c)))  # in a step of a loop perhaps: not asked
    return c is not None and truth(np.isnan(c).any())


engine.tracked = tracked
engine.sweep_tracking = sweep_tracking
engine.has_nan = has_nan
