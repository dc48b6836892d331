"""What a basic index reads, axis by axis: composition of slices of slices, and comparison of what two slices cover."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Axis", "Region", "read"]


@dataclass(frozen=True, slots=True)
class Axis:
    """Elements start, start + step, ..., in all ``count``, of one axis; ``kept`` False: one element, and no axis in the result."""

    start: int
    step: int
    count: int
    kept: bool = True

    @property
    def last(self) -> int:
        return self.start + self.step * (self.count - 1)

    @property
    def low(self) -> int:
        return min(self.start, self.last)

    @property
    def high(self) -> int:
        """One beyond the largest element."""
        return max(self.start, self.last) + 1

    def index(self, length: int) -> Any:
        """What selects this on an axis of some length."""
        if not self.kept:
            return self.start
        if self.start == 0 and self.step == 1 and self.count == length:
            return slice(None)
        if self.count == 0:
            return slice(0, 0)
        stop = self.last + (1 if self.step > 0 else -1)
        return slice(self.start, stop if stop >= 0 else None, None if self.step == 1 else self.step)


@dataclass(frozen=True, slots=True)
class Region:
    """What a basic index reads of an array of some shape.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array that is read.
    axes : tuple of Axis
        One for each axis of it.
    new : tuple of int
        Before how many axes of the array (including those without place in the result) each new axis of length one stands, in
        ascending order.
    """

    shape: tuple[int, ...]
    axes: tuple[Axis, ...]
    new: tuple[int, ...] = ()

    @property
    def index(self) -> Any:
        """A basic index that reads this: an integer or slice if it concerns the first axis only, else a tuple."""
        parts: list[Any] = []
        for i, axis in enumerate(self.axes):
            parts += [None] * self.new.count(i)
            parts.append(axis.index(self.shape[i]))
        parts += [None] * self.new.count(len(self.axes))
        while len(parts) > 1 and parts[-1] == slice(None):
            parts.pop()
        return parts[0] if len(parts) == 1 and parts[0] is not None else tuple(parts)

    @property
    def whole(self) -> bool:
        """Whether every element is read, in order."""
        pairs = list(zip(self.axes, self.shape, strict=True))
        return all(a.count == n and ((a.start == 0 and a.step == 1) or n == 0) for a, n in pairs)

    def then(self, index: Any) -> Region | None:
        """What ``x[this][index]`` reads of x; None if it cannot be written as one index."""
        places: list[int | None] = []  # for each axis of the result, the axis of x, or None for a new one
        for i, axis in enumerate(self.axes):
            places += [None] * self.new.count(i)
            if axis.kept:
                places.append(i)
        places += [None] * self.new.count(len(self.axes))
        second = read(index, tuple(1 if p is None else self.axes[p].count for p in places))
        if second is None:
            return None
        axes, new = list(self.axes), []
        at = 0  # the axis of x before which a new axis stands
        for i, place in enumerate(places):
            new += [at] * second.new.count(i)
            part = second.axes[i]
            if place is None:
                if part.count != 1:
                    return None
                if part.kept:
                    new.append(at)
                continue
            old = axes[place]
            axes[place] = Axis(old.start + old.step * part.start, old.step * part.step, part.count, part.kept)
            at = place + 1
        new += [at] * second.new.count(len(places))
        return Region(self.shape, tuple(axes), tuple(new))


def read(index: Any, shape: tuple[int, ...]) -> Region | None:
    """What an index of integers, slices, None and Ellipsis reads of an array; None for other indices."""
    parts = list(index) if type(index) is tuple else [index]
    for p in parts:
        if not (p is None or p is Ellipsis or isinstance(p, slice | int | np.integer)) or isinstance(p, bool):
            return None
    used = sum(p is not None and p is not Ellipsis for p in parts)
    dots = [i for i, p in enumerate(parts) if p is Ellipsis]
    if used > len(shape) or len(dots) > 1:
        return None
    at = dots[0] if dots else len(parts)
    parts[at : at + 1] = [slice(None)] * (len(shape) - used)
    axes: list[Axis] = []
    new = []
    for p in parts:
        if p is None:
            new.append(len(axes))
            continue
        n = shape[len(axes)]
        if isinstance(p, slice):
            start, stop, step = p.indices(n)
            count = len(range(start, stop, step))
            axes.append(Axis(start, step if count != 1 else 1, count) if count else Axis(0, 1, 0))
        else:
            k = int(p) + (n if p < 0 else 0)
            if not 0 <= k < n:
                return None
            axes.append(Axis(k, 1, 1, False))
    return Region(shape, tuple(axes), tuple(new))
