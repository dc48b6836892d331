"""Batching: a value with a hidden leading axis, on which every operation acts entry by entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hoad.core.box import Box, shape_of
from hoad.core.engine import engine
from hoad.core.level import STATE, Level
from hoad.errors import LeakedTraceError, TracedConversionError

__all__ = ["Batched"]


class Batched(Box):
    """A value whose first axis is hidden (``aux`` is unused)."""

    __slots__ = ()
    kind = "batched value"

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape[1:]

    @property
    def ndim(self) -> int:
        return self.value.ndim - 1

    @property
    def size(self) -> int:
        return self.value.size // max(self.value.shape[0], 1)

    def __bool__(self) -> bool:
        raise TracedConversionError.conversion(
            "bool(x) (an `if`, `while`, `and`, `or`)", "np.where, or a loop instead of hoad.vmap"
        )

    @staticmethod
    def process(prim: Any, level: float, args: tuple[Any, ...], kw: dict[str, Any]) -> Any:
        size = STATE.get(level)
        if size is None:
            raise LeakedTraceError.leaked(Batched.kind)
        if prim.body is not None and prim.batch is None:
            return prim.body(*args, **kw)
        xs = []
        flags = []
        for a in args:
            if isinstance(a, Box):
                if a.level == level:
                    xs.append(a.value)
                    flags.append(True)
                    continue
                a = a.snapshot()
            xs.append(a)
            flags.append(False)
        y = prim.batch(prim, size, xs, flags, kw)
        if prim.multi:
            return tuple(Batched(level, v, None) for v in y)
        return Batched(level, y, None)


def batched(size: int, f: Callable[..., Any], xs: Sequence[Any], flags: Sequence[bool]) -> Any:
    """``f`` of arrays of which the flagged ones carry a leading axis; every result carries it."""
    with Level(size) as level:
        out = f(*[Batched(level, x, None) if flag else x for x, flag in zip(xs, flags, strict=True)])

    def physical(y: Any) -> Any:
        if isinstance(y, Box) and y.level == level:
            return y.value
        return np.broadcast_to(y, (size, *shape_of(y)))

    return tuple(physical(y) for y in out) if type(out) is tuple else physical(out)


engine.batched = batched
