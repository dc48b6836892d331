"""A loop as Python runs it: all that forward, Taylor and batched derivatives need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.backends import like, on_device
from hoad.core.box import Box, ops
from hoad.core.series import Series
from hoad.modes.taylor import Jet

__all__ = ["More", "Step", "in_python", "kept", "stacked"]

Step = Callable[[int, list[Any], list[Any]], tuple[list[Any], list[Any]]]
"""``step(k, carry, x)`` -> (new carry, y): lists of leaves that may be boxes of any level."""

More = Callable[[int, list[Any]], bool]
"""``more(k, carry)``: whether there is a step k."""


def in_python(
    step: Step, carry: list[Any], xs: list[Any], length: int | None, more: More | None, watch: Callable[[list[Any]], None] | None
) -> tuple[list[Any], list[Any], int]:
    """The loop as Python runs it, on boxes or plain arrays."""
    rows: list[list[Any]] = []
    trail: list[Any] = []
    k = 0
    while k != length and (more is None or more(k, carry)):
        carry, y = step(k, [c.snapshot() if isinstance(c, Box) else c for c in carry], [x[k] for x in xs])
        if watch is not None and k == 0:
            watch([*carry, *y])
        rows.append([kept(leaf) for leaf in y])
        trail += [leaf.aux for leaf in carry if type(leaf) is Jet and leaf.aux.rule is not None]
        k += 1
    ys = [stacked(list(column)) for column in zip(*rows, strict=True)]
    if trail:
        carry, ys = [_in_order(c, trail) for c in carry], [_in_order(y, trail) for y in ys]
    return carry, ys, k


def kept(leaf: Any) -> Any:
    """A result as it is now, whatever the next step writes into it."""
    if isinstance(leaf, Box):
        return leaf.snapshot()
    return leaf.copy() if type(leaf) is np.ndarray else leaf


def stacked(column: list[Any]) -> Any:
    if any(isinstance(leaf, Box) for leaf in column):
        return ops.stack(column)
    there = next((leaf for leaf in column if on_device(leaf)), None)
    if there is not None:  # a carry that was a number of the host at first
        return np.stack([leaf if on_device(leaf) else like(np.asarray(leaf), there) for leaf in column])
    return np.array(column) if isinstance(column[0], np.ndarray | np.generic | float | int | complex) else np.stack(column)


def _in_order(x: Any, trail: list[Series]) -> Any:
    """A series computed on demand that asks for the coefficients of the first steps first, so that nothing recurs deeply."""
    if type(x) is not Jet or x.aux.rule is None:
        return x
    series = x.aux

    def rule(n: int) -> Any:
        for earlier in trail:
            earlier[n]
        return series[n]

    return Jet(x.level, x.value, Series(list(series.c), rule))
