"""Containers of unknowns as one vector, so that solvers and linear algebra see nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from hoad.core.box import ops, peek, shape_of
from hoad.core.space import as_leaf, flatten, unflatten
from hoad.errors import ImplicitError
from hoad.transforms.arguments import as_outputs

__all__ = ["Vectors"]


class Vectors:
    """Vectors of one space: containers of a given structure, flattened in C order and joined."""

    def __init__(self, example: Any, where: str) -> None:
        leaves, self.spec = flatten(example)
        self.leaves = [as_leaf(x, where) for x in leaves]
        self.shapes = [tuple(shape_of(x)) for x in self.leaves]
        self.sizes = [math.prod(s) for s in self.shapes]
        self.dtypes = [peek(x).dtype for x in self.leaves]
        self.dtype: Any = np.result_type(*self.dtypes) if self.dtypes else np.dtype(float)
        self.size = sum(self.sizes)

    def join(self, leaves: Sequence[Any]) -> Any:
        """The vector of leaves."""
        flat = [ops.reshape(x, (n,)) if shape_of(x) != (n,) else x for x, n in zip(leaves, self.sizes, strict=True)]
        if len(flat) == 1:
            return flat[0]
        return np.concatenate(flat) if flat else np.zeros(0)

    def pack(self, tree: Any) -> Any:
        """The vector of a result, which must have the structure and shapes of the space."""
        leaves, spec = as_outputs(tree)
        if spec != self.spec or [tuple(shape_of(x)) for x in leaves] != self.shapes:
            found = [tuple(shape_of(x)) for x in leaves]
            raise ImplicitError.shape(found[0] if spec is None else found, self.shapes[0] if self.spec is None else self.shapes)
        return self.join(leaves)

    def unpack(self, vector: Any) -> Any:
        """The container of a vector."""
        parts, start = [], 0
        for n, shape, dtype in zip(self.sizes, self.shapes, self.dtypes, strict=True):
            part = vector if n == self.size and len(self.sizes) == 1 else vector[start : start + n]
            start += n
            part = part[0] if not shape else ops.reshape(part, shape) if shape != (n,) else part
            if peek(part).dtype != dtype and not (peek(part).dtype.kind == "c" and dtype.kind == "f"):
                part = part.astype(dtype)
            parts.append(part)
        return unflatten(self.spec, parts)
