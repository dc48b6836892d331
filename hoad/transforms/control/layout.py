"""What one level sees of values that carry boxes of inner levels: a tangent, a coefficient or a batch holds values of that level.

``Dual(Node, Node)`` at the level of the nodes is two parts, laid out as a dual number.  A loop that repeats its steps keeps the
parts and puts the boxes of inner levels together again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from hoad.core.box import Box, Buffer, held, shape_of
from hoad.core.level import STATE
from hoad.core.series import Series
from hoad.core.space import leaf_zeros
from hoad.errors import LeakedTraceError
from hoad.modes.batch import Batched
from hoad.modes.forward import Dual
from hoad.modes.masked import Masked
from hoad.modes.reverse import Node
from hoad.modes.taylor import Jet

__all__ = [
    "Layout",
    "NotRepeatable",
    "boxes",
    "build",
    "common",
    "fitted",
    "hidden_axes",
    "innermost_tape",
    "is_pending",
    "levels_of",
    "restricted",
    "take_apart",
]

Layout = Any
"""None for a part; else (class of the box, its level, layouts of what it holds), where ZERO is a zero tangent or coefficient."""

ZERO = "zero"


class NotRepeatable(Exception):
    """A value is being recorded, masked or computed on demand: steps that made it cannot be repeated later."""


def _contents(x: Box) -> list[Any]:
    if type(x) is Dual:
        return [x.value, x.aux]
    if type(x) is Jet:
        return list(x.aux.c)
    if type(x) is Masked:
        return [x.value, x.aux if x.aux.dtype.kind == "b" else np.not_equal(x.aux, 0)]
    return [held(x)]


def boxes(x: Any) -> Iterator[Box]:
    """The box ``x`` and all boxes in it."""
    stack = [x]
    while stack:
        x = stack.pop()
        if isinstance(x, Box):
            yield x
            stack += _contents(x) if type(x) is not Jet or x.aux.rule is None else [x.value]


def is_pending(x: Box) -> bool:
    """True for a series that is computed on demand, within the rule of a primitive."""
    return type(x) is Jet and getattr(STATE.get(x.level), "memo", None) is not None


def innermost_tape(values: Sequence[Any]) -> float | None:
    """The innermost reverse level among values; raises :class:`NotRepeatable` where steps cannot be repeated."""
    found = None
    for value in values:
        for x in boxes(value):
            if type(x) is not Buffer and x.level not in STATE:
                raise LeakedTraceError.leaked(x.kind)
            if type(x) is Node:
                found = x.level if found is None else max(found, x.level)
            elif type(x) not in (Dual, Batched, Buffer) and (type(x) is not Jet or is_pending(x)):
                raise NotRepeatable
    return found


def take_apart(x: Any, level: float, parts: list[Any]) -> Layout:
    """The layout of ``x`` above ``level``; its parts, in order, are appended to ``parts``."""
    if not isinstance(x, Box) or x.level <= level:
        parts.append(x.value if type(x) is Buffer else x.snapshot() if isinstance(x, Box) else x)
        return None
    if type(x) not in (Dual, Batched, Jet, Masked) or is_pending(x):
        raise NotRepeatable
    return type(x), x.level, tuple(ZERO if c is None else take_apart(c, level, parts) for c in _contents(x))


def build(layout: Layout, parts: Iterator[Any]) -> Any:
    """Inverse of :func:`take_apart`."""
    if layout is None:
        return next(parts)
    cls, level, inner = layout
    held = [None if one is ZERO else build(one, parts) for one in inner]
    if cls is Jet:
        return Jet(level, held[0], Series(held))
    return cls(level, held[0], held[1] if cls in (Dual, Masked) else None)


def levels_of(layout: Layout) -> Iterator[float]:
    """The inner levels of a layout."""
    if layout is not None and layout is not ZERO:
        yield layout[1]
        for one in layout[2]:
            yield from levels_of(one)


def hidden_axes(layout: Layout, outer: int = 0) -> list[int]:
    """For each part the number of its leading axes that a batch of an inner level hides."""
    if layout is None:
        return [outer]
    cls, _, inner = layout
    return [n for one in inner if one is not ZERO for n in hidden_axes(one, outer + (cls is Batched))]


def common(a: Layout, b: Layout) -> Layout:
    """The smallest layout that both kinds of values fit into."""
    if a == b or b is ZERO:
        return a
    if a is ZERO:
        return b
    if a is None or (b is not None and b[1] > a[1]):
        a, b = b, a
    cls, level, inner = a
    others = b[2] if b is not None and b[1] == level else (b,)
    return cls, level, tuple(common(p, q) for p, q in zip_longest(inner, others, fillvalue=ZERO))


def fitted(x: Any, layout: Layout) -> Any:
    """``x`` with the boxes of ``layout``, zero tangents and coefficients and all."""
    if layout is None:
        return x
    cls, level, inner = layout
    inside = isinstance(x, Box) and x.level == level
    if cls is Batched and not inside:
        x = np.broadcast_to(x, (STATE[level], *shape_of(x)))
    held = _contents(x) if inside else [x]
    value = fitted(held[0], inner[0])
    rest = []
    for one, c in zip_longest(inner[1:], held[1:]):
        rest.append(None if one is ZERO else fitted(leaf_zeros(value) if c is None else c, one))
    if cls is Jet:
        return Jet(level, value, Series([value, *rest]))
    return cls(level, value, rest[0] if cls in (Dual, Masked) else None)


def restricted(own: Layout, layout: Layout, gs: Iterator[Any], outer: int = 0) -> list[Any]:
    """Cotangents of the parts of ``own`` from those of a value that was fitted to ``layout``: the adjoint of :func:`fitted`."""
    if layout is None:
        g = next(gs)
        return [g] if own is None else []
    if layout is ZERO:
        return []
    cls, level, inner = layout
    hidden = outer + (cls is Batched)
    if own is not None and own is not ZERO and own[1] == level:
        pairs = zip_longest(own[2], inner, fillvalue=ZERO)
        return [g for a, b in pairs for g in restricted(a, b, gs, hidden)]
    found = restricted(own, inner[0], gs, hidden)
    for one in inner[1:]:
        restricted(ZERO, one, gs, hidden)
    return [g if g is None or cls is not Batched else np.sum(g, axis=outer) for g in found]
