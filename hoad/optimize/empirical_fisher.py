"""Diagonal of the empirical Fisher matrix: squares of the gradients of single examples, added up.

Source: Martens (2010), Deep learning via Hessian-free optimization, section 4.7, where it preconditions conjugate gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.core.box import shape_of
from hoad.core.space import flatten, map_leaves
from hoad.errors import OptimizeError, ShapeError
from hoad.operators.vectors import Vectors
from hoad.transforms.batching import vmap
from hoad.transforms.first import grad

__all__ = ["REDUCTIONS", "empirical_fisher_diagonal"]

REDUCTIONS = ("mean", "sum")
ENTRIES = 4_000_000
"""Entries of the gradients of single examples that are held at once."""


def empirical_fisher_diagonal(example_loss: Callable[..., Any], examples: Any, reduction: str = "mean") -> Callable[[Any], Any]:
    """The function ``params -> diagonal``, flat; batches of examples are mapped over in one pass each."""
    parts = examples if isinstance(examples, tuple) else (examples,)
    lengths = {(shape_of(leaf) or (0,))[0] for leaf in flatten(parts)[0]}
    if len(lengths) != 1 or not min(lengths):
        raise ShapeError(
            f"examples have leading axes of lengths {sorted(lengths)}, expected one common length of at least 1: give a tuple of "
            "arrays whose leading axis runs over the examples, one array for each argument of example_loss after the parameters."
        )
    if reduction not in REDUCTIONS:
        raise OptimizeError.unknown("reduction", reduction, REDUCTIONS)
    count = lengths.pop()
    gradients = vmap(grad(example_loss), in_axes=(None, *[0] * len(parts)))

    def diagonal(params: Any) -> Any:
        vectors = Vectors(params)
        batch = max(1, ENTRIES // vectors.size)
        total = np.zeros(vectors.size, vectors.dtype)
        for start in range(0, count, batch):
            rows = slice(start, start + batch)
            found = gradients(params, *[map_leaves(lambda leaf: np.asarray(leaf)[rows], part) for part in parts])  # noqa: B023
            total += vectors.pack(map_leaves(lambda leaf: np.sum(leaf**2, axis=0), found))
        return total / count if reduction == "mean" else total

    return diagonal
