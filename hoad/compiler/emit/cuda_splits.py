"""How the threads of a launch share the points of a kernel that sums.

A sum over all loops belongs to the whole grid. A sum over the innermost loops belongs to a row: a block, a warp or a part of one
strides over it. A sum over the outermost loops belongs to a column: neighbouring threads own neighbouring columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from hoad.compiler.loops.kernels import Kernel, Root

__all__ = ["ALONE", "BLOCK", "BLOCKS", "LAUNCH", "SERIAL", "SHARE", "WARP", "Split", "splits"]

BLOCK = 256
"""Threads of a block."""
WARP = 32
WIDTH = 32
"""Neighbouring columns that a block owns."""
SERIAL = 128
"""Terms that one thread adds one after the other at most."""
SHARE = 8
"""Terms from which another thread takes a part of a sum."""
BLOCKS = 1024
"""Blocks between which a sum is shared for the sake of speed; beyond, for the sake of accuracy only."""
LAUNCH = 1 << 16
"""Blocks of one launch whose threads stride."""
ALONE = 4096
"""Points up to which one block computes a sum."""


@dataclass
class Split:
    """The loops of a kernel as those that a result keeps and those that are summed, and how the threads share them."""

    kept: tuple[int, ...] = ()
    summed: tuple[int, ...] = ()
    columns: bool = False
    rows: int = 1
    points: int = 1
    lanes: int = BLOCK
    parts: int = 1
    tasks: int = 1
    grid: int = 1

    @classmethod
    def of(cls, domain: Sequence[int], first: int, columns: bool) -> Split:
        """``first`` loops are outside: the kept ones of a row, the summed ones of a column."""
        outer, inner = tuple(range(first)), tuple(range(first, len(domain)))
        kept, summed = (inner, outer) if columns else (outer, inner)
        rows, points = prod(domain[k] for k in kept), prod(domain[k] for k in summed)
        split = cls(kept, summed, columns, rows, points)
        if columns:
            width = min(WIDTH, power_of_two(rows))
            split.lanes = BLOCK // width
            tiles = -(-rows // width)
        else:
            split.lanes = BLOCK if points >= 4 * BLOCK else max(1, power_of_two(min(WARP, points) + 1) // 2)
            tiles = rows
        if columns or split.lanes == BLOCK:
            wanted = min(-(-points // (split.lanes * SHARE)), max(1, BLOCKS // tiles))
            split.parts = max(1, wanted, -(-points // (split.lanes * SERIAL)))
        split.tasks = rows * split.parts
        split.grid = tiles * split.parts if columns else min(LAUNCH, -(-split.tasks * split.lanes // BLOCK))
        return split


def power_of_two(n: int) -> int:
    """The least power of two that is not below n."""
    return 1 << max(0, n - 1).bit_length()


def splits(kernel: Kernel) -> list[tuple[list[Root], Split | None]]:
    """Which roots are computed together: each way to sum is a launch, and all else goes with the first one."""
    others: list[Root] = []
    ways: dict[tuple[int, bool], list[Root]] = {}
    for root in kernel.roots:
        marks = root.summed
        if not root.reduced or not any(marks) or all(marks):
            others.append(root)
            continue
        columns = marks[0]
        first = marks.index(not columns)
        if any(m == columns for m in marks[first:]):
            raise AssertionError("loops of a sum between loops that are kept")
        ways.setdefault((first, columns), []).append(root)
    found: list[tuple[list[Root], Split | None]] = [(roots, Split.of(kernel.domain, *way)) for way, roots in ways.items()]
    if not found:
        return [(others, None)]
    return [([*others, *found[0][0]], found[0][1]), *found[1:]]
