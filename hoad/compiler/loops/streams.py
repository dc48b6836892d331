"""Kernels over the same rows, run block of rows by block of rows, so that what they share is read from memory once.

A x, then a function of it, then a product with the transpose of A: each row of A is needed twice, by kernels that follow each
other, and the rows between are not.  The same holds for what one kernel writes and the next one reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hoad.compiler.loops.index import Affine
from hoad.compiler.loops.kernels import Box, Kernel

__all__ = ["Stream", "streams"]

ROWS = 256
"""Rows from which blocks pay."""
SHARED = 1 << 19
"""Bytes that two kernels share from which blocks pay."""
BLOCK = 1 << 15
"""Bytes of a block of the largest array."""


@dataclass
class Stream:
    """Kernels that run together on ``block`` rows at a time."""

    kernels: list[Kernel]
    block: int


def _row(place: Affine, box: Box) -> int | None:
    """How many elements a row has, where row t of the outermost loop reaches only elements of row t; else None."""
    width = dict(place.terms).get(0, 0)
    rest = Affine(place.const, tuple(t for t in place.terms if t[0] != 0))
    low, high = rest.span(box.counts)
    return width if width > 0 and low >= 0 and high < width else None


def _loads(box: Box) -> list[tuple[int, Affine]]:
    return [n.arguments for n in box.graph.nodes if n.operation == "load"]


def _plain(kernel: Any) -> bool:
    return (
        isinstance(kernel, Kernel)
        and len(kernel.domain) > 0
        and kernel.domain[0] >= ROWS
        and len(kernel.boxes) == 1
        and kernel.boxes[0].axes[0] == (0, 1, kernel.domain[0])
        and all(n.operation != "gather" for n in kernel.boxes[0].graph.nodes)
        and all(r.into is None for r in kernel.roots)
    )


class _Rows:
    """What the kernels of a stream write, by rows."""

    def __init__(self, stored: Any) -> None:
        self.stored = stored
        self.kernels: list[Kernel] = []
        self.written: dict[int, int | None] = {}
        self.read: dict[int, int] = {}
        self.shared = 0
        self.widest = 8

    def bytes(self, buffer: int) -> int:
        return int(self.stored.values[buffer].nbytes)

    def accepts(self, kernel: Kernel) -> bool:
        """Whether a kernel reads only rows that the ones before have finished."""
        box = kernel.boxes[0]
        for buffer, place in _loads(box):
            if buffer in self.written and (self.written[buffer] is None or self.written[buffer] != _row(place, box)):
                return False
        return True

    def add(self, kernel: Kernel) -> None:
        box, rows = kernel.boxes[0], kernel.domain[0]
        loads = {buffer for buffer, _ in _loads(box)}
        for buffer in loads:
            if buffer in self.written or buffer in self.read:
                self.shared += self.bytes(buffer)
            self.read[buffer] = 1
            if any(_row(place, box) for b, place in _loads(box) if b == buffer):
                self.widest = max(self.widest, self.bytes(buffer) // rows)
        for s in box.stores:
            buffer = self.stored.buffer(s.root.buffer)
            over_rows = bool(s.root.summed) and s.root.summed[0]
            self.written[buffer] = None if over_rows else _row(s.place, box)
        self.kernels.append(kernel)


def streams(order: Sequence[Any], stored: Any) -> list[Any]:
    """The order with runs of kernels over the same rows put together."""
    found: list[Any] = []
    rows: _Rows | None = None

    def close() -> None:
        nonlocal rows
        if rows is not None:
            if len(rows.kernels) > 1 and rows.shared >= SHARED:
                found.append(Stream(rows.kernels, max(4, BLOCK // rows.widest)))
            else:
                found.extend(rows.kernels)
        rows = None

    for item in order:
        if not _plain(item):
            close()
            found.append(item)
            continue
        if rows is not None and (rows.kernels[0].domain[0] != item.domain[0] or not rows.accepts(item)):
            close()
        if rows is None:
            rows = _Rows(stored)
        rows.add(item)
    close()
    return found
