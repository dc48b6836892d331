"""Products with sparse matrices whose pattern is known, and arrays that are continued beyond their ends: tables of places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hoad.compiler.loops.values import INLINE_SUM, Constant, Pointwise, Reduced, Value
from hoad.compiler.lower.gathers import LONGEST, WASTE, at_index, gathered, scattered
from hoad.compiler.lower.lowering import code, lowers
from hoad.core.primitive import primitives

__all__: list[str] = []


def _rows(pattern: Any) -> tuple[Any, Any] | None:
    """For each row of the matrix the entries that it has and their columns, -1 where there are fewer than in the longest row."""
    rows, columns = (np.asarray(p, np.int64) for p in pattern.places)
    count = pattern.shape[0]
    if not rows.size or not count:
        return None
    counts = np.bincount(rows, minlength=count)
    most = int(counts.max())
    if count * most > max(WASTE * (rows.size + count), 4096) or count * most > LONGEST:
        return None
    order = np.argsort(rows, kind="stable")
    rank = np.empty_like(rows)
    rank[order] = np.arange(rows.size) - (np.cumsum(counts) - counts)[rows[order]]
    entries = np.full((count, most), -1)
    entries[rows, rank] = np.arange(rows.size)
    return entries, np.where(entries < 0, -1, columns[entries])


def _wide(places: Any, width: int) -> Any:
    """Places of all elements of rows, from the places of the rows."""
    return np.where(places[..., None] < 0, -1, places[..., None] * width + np.arange(width))


@lowers("scipy.sparse.matmul")
def _matmul(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    data, x = args
    dtype = code(spec.dtype)
    if (
        set(kw) != {"pattern"}
        or len(data.shape) != 1
        or len(x.shape) not in (1, 2)
        or 0 in spec.shape
        or any(a.dtype != dtype for a in args)
    ):
        return None
    found = _rows(kw["pattern"])
    if found is None:
        return None
    entries, columns = found
    if entries.shape[1] > INLINE_SUM and not isinstance(data, Constant):  # two tables for long rows cost more than SciPy's loop
        return None
    if len(x.shape) == 2:
        columns, entries = _wide(columns, x.shape[1]), entries[..., None]
    if columns.size > LONGEST:
        return None
    a, b = gathered(data, entries), gathered(x, columns)
    return Reduced("add", Pointwise("multiply", (a, b), columns.shape, dtype), [1])


@lowers("scipy.sparse.inner_products")
def _inner_products(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    dtype = code(spec.dtype)
    if (
        set(kw) != {"pattern"}
        or any(len(a.shape) not in (1, 2) or 0 in a.shape or a.dtype != dtype for a in args)
        or 0 in spec.shape
    ):
        return None
    if len(args[0].shape) != len(args[1].shape):
        return None
    factors = []
    for a, places in zip(args, kw["pattern"].places, strict=True):
        places = np.asarray(places, np.int64)
        factors.append(at_index(a, _wide(places, a.shape[1]) if len(a.shape) == 2 else places))
    product = Pointwise("multiply", factors, factors[0].shape, dtype)
    return product if len(product.shape) == 1 else Reduced("add", product, [1])


@lowers("scipy.sparse.toarray")
def _toarray(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    data = args[0]
    if set(kw) != {"pattern"} or len(data.shape) != 1 or data.dtype != code(spec.dtype):
        return None
    rows, columns = (np.asarray(p, np.int64) for p in kw["pattern"].places)
    return scattered(data, rows * spec.shape[1] + columns, spec.shape, False)


# -- beyond the ends ---------------------------------------------------------------------------------------------------


def _continued(shape: Sequence[int], kw: dict[str, Any]) -> Any | None:
    """For each element of a continued array its place in the array itself, -1 for a zero."""
    size = int(np.prod(shape, dtype=np.int64))
    return primitives["extend"].native(np.arange(1, size + 1).reshape(shape), **kw) - 1 if size <= LONGEST else None


def _plain(x: Value, spec: Any) -> bool:
    return x.dtype == code(spec.dtype) and 0 not in x.shape and 0 not in spec.shape


@lowers("extend")
def _extend(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    (x,) = args
    places = _continued(x.shape, kw) if _plain(x, spec) else None
    if places is None:
        return None
    return gathered(x, places) if (places < 0).any() else at_index(x, places)


@lowers("fold")
def _fold(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    (g,) = args
    places = _continued(spec.shape, kw) if _plain(g, spec) else None
    if places is None:
        return None
    inside = (places >= 0).reshape(-1)
    if inside.all():
        return scattered(g, places, spec.shape, False)
    flat = np.flatnonzero(inside)
    return scattered(at_index(g, flat), places.reshape(-1)[flat], spec.shape, False)
