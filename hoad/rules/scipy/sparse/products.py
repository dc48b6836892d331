"""Products with sparse arrays, as functions of the stored values and of the dense factor.

A x is linear in the values of A and in x.  Its transposes are the product with A^H and the inner products of rows of g and x at the
stored places, whose transposes are products again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.core.box import ops, shape_of
from hoad.core.kinds import linear, multilinear
from hoad.core.kinds.batching import by_loop
from hoad.core.kinds.cotangents import conjugated
from hoad.rules.scipy.sparse.pattern import Pattern

__all__ = ["at_places", "batch_columns", "dense", "product"]


def batch_columns(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    """One matrix with many columns where the values are not mapped, else one product for each entry."""
    data, x = xs
    if flags[0]:
        return by_loop(prim, size, xs, flags, kw)
    shape = shape_of(x)
    if len(shape) == 2:
        return ops.transpose(prim.bind(data, ops.transpose(x), **kw))
    wide = ops.reshape(ops.transpose(x, (1, 0, 2)), (shape[1], shape[0] * shape[2]))
    y = prim.bind(data, wide, **kw)
    return ops.transpose(ops.reshape(y, (shape_of(y)[0], shape[0], shape[2])), (1, 0, 2))


def _product_native(data: Any, x: Any, pattern: Pattern) -> Any:
    return pattern.matrix(data) @ x


product: Any = multilinear(
    "scipy.sparse.matmul",
    _product_native,
    lambda g, xs, pattern: at_places.bind(g, conjugated(xs[1]), pattern=pattern),
    lambda g, xs, pattern: product.bind(conjugated(xs[0]), g, pattern=pattern.T),
    batch=batch_columns,
)


def _inner(g: Any, x: Any, vector: bool, pattern: Pattern) -> Any:
    rows, columns = pattern.places
    if vector:
        return g[..., rows] * x[..., columns]
    return np.sum(g[..., rows, :] * x[..., columns, :], axis=-1)


def _inner_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    g, x = xs
    return _inner(g, x, len(shape_of(g)) - flags[0] == 1, **kw)


at_places: Any = multilinear(
    "scipy.sparse.inner_products",
    lambda g, x, pattern: _inner(g, x, g.ndim == 1, pattern),
    lambda c, xs, pattern: product.bind(c, conjugated(xs[1]), pattern=pattern),
    lambda c, xs, pattern: product.bind(c, conjugated(xs[0]), pattern=pattern.T),
    batch=_inner_batch,
)
"""Entry k: sum over j of g[row k, j] x[column k, j]."""


def _gather(g: Any, shape: Any, pattern: Pattern) -> Any:
    rows, columns = pattern.places
    return g[rows, columns]


dense = linear("scipy.sparse.toarray", lambda data, pattern: pattern.matrix(data).toarray(), _gather, batch=by_loop)
