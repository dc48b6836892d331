"""Ready-made batching rules: what happens to an argument that carries a hidden leading axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.core.box import ops, shape_of

__all__ = ["align_ranks", "by_loop", "expand", "shift_axis"]


def expand(x: Any, rank: int) -> Any:
    """Insert axes after the hidden one so that the visible part has ``rank`` dimensions."""
    missing = rank + 1 - x.ndim
    if missing <= 0:
        return x
    return ops.reshape(x, (x.shape[0], *(1,) * missing, *x.shape[1:]))


def shift_axis(prim: Any, size: int, xs: list[Any], flags: list[bool], kw: dict[str, Any]) -> Any:
    """Rule of a function with a normalised ``axis`` keyword (an int, or a tuple of ints): count the hidden axis."""
    axis = kw["axis"]
    moved = axis + 1 if isinstance(axis, int) else tuple(a + 1 for a in axis)
    full = [x if flag else np.broadcast_to(x, (size, *shape_of(x))) for x, flag in zip(xs, flags, strict=True)]
    return prim(*full, **{**kw, "axis": moved})


def align_ranks(prim: Any, size: int, xs: list[Any], flags: list[bool], kw: dict[str, Any]) -> Any:
    """Rule of a function that broadcasts (also over stacks of matrices): equal visible ranks, then one call."""
    rank = max(len(shape_of(x)) - flag for x, flag in zip(xs, flags, strict=True))
    return prim(*[expand(x, rank) if flag else x for x, flag in zip(xs, flags, strict=True)], **kw)


def by_loop(prim: Any, size: int, xs: list[Any], flags: list[bool], kw: dict[str, Any]) -> Any:
    """Rule for everything else: one call for each entry of the hidden axis."""
    rows = [prim(*[x[i] if flag else x for x, flag in zip(xs, flags, strict=True)], **kw) for i in range(size)]
    if prim.multi:
        return tuple(ops.stack(list(part)) for part in zip(*rows, strict=True))
    return ops.stack(rows)
