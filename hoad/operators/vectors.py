"""Containers of arrays as one flat vector (or a block of columns) and back, as linear operators need them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from hoad.core.box import shape_of
from hoad.core.space import as_leaf, flatten, unflatten
from hoad.errors import ShapeError

__all__ = ["Vectors"]


class Vectors:
    """How a container of arrays is laid out as a flat vector: leaf after leaf, each in C order.

    Attributes
    ----------
    size : int
        Number of entries.
    dtype : dtype
        The common dtype.
    """

    def __init__(self, x: Any) -> None:
        leaves, self.spec = flatten(x)
        self.leaves = [as_leaf(leaf, "the point") for leaf in leaves]
        self.shapes = [shape_of(leaf) for leaf in self.leaves]
        self.sizes = [prod(s) for s in self.shapes]
        self.size = sum(self.sizes)
        self.dtype = np.result_type(*[leaf.dtype for leaf in self.leaves]) if self.leaves else np.dtype(float)

    def point(self) -> Any:
        """The container."""
        return unflatten(self.spec, self.leaves)

    def unpack(self, vector: Any) -> Any:
        """The container of a flat vector."""
        return unflatten(self.spec, self._parts(vector, ()))

    def unpack_columns(self, block: Any) -> Any:
        """The container whose leaves have a leading axis, one entry for each column of ``block``."""
        return unflatten(self.spec, self._parts(block.T, (block.shape[1],)))

    def _parts(self, rows: Any, lead: tuple[int, ...]) -> list[Any]:
        if rows.shape[-1] != self.size:
            raise ShapeError.direction("the vector", rows.shape[-1:], (self.size,))
        out, start = [], 0
        for leaf, shape, n in zip(self.leaves, self.shapes, self.sizes, strict=True):
            part = np.reshape(rows[..., start : start + n], (*lead, *shape))
            out.append(part.astype(leaf.dtype) if part.dtype != leaf.dtype else part)
            start += n
        return out

    def pack(self, x: Any) -> Any:
        """Flat vector of a container."""
        leaves: Sequence[Any] = flatten(x)[0]
        return np.concatenate([np.reshape(leaf, (-1,)) for leaf in leaves]) if len(leaves) != 1 else np.reshape(leaves[0], (-1,))

    def pack_columns(self, x: Any, count: int) -> Any:
        """Block with one column for each entry of the leading axis of the leaves."""
        leaves = flatten(x)[0]
        return np.concatenate([np.reshape(leaf, (count, -1)) for leaf in leaves], axis=1).T
