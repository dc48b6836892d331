"""Reading and writing at places that an array of integers or truth values names: they are known, so they become a table.

A write is read backwards: a table says for each element of the result which element, or elements, of what is written it takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hoad.compiler.loops.values import Constant, Gathered, Moved, Pointwise, Present, Reduced, Uniform, Value
from hoad.compiler.lower.lowering import RULES, code, lowers
from hoad.compiler.lower.shaping import moved
from hoad.rules.indexing import along_axis_index, is_unique

__all__ = ["at_index", "gathered", "places_of", "scattered", "updated"]

WASTE = 4
"""A table of all that is added at each place may be so many times longer than what is added."""
LONGEST = 1 << 24
"""Entries of the longest table."""
Places = Any


def places_of(index: Any, shape: Sequence[int]) -> Places | None:
    """For each element that an index reads its place in C order; None for an index that is no constant."""
    size = 1
    for n in shape:
        size *= n
    if size > LONGEST:
        return None
    try:
        return np.arange(size).reshape(shape)[index]
    except (IndexError, TypeError, ValueError):
        return None


def along_axis(indices: Value, shape: Sequence[int], axis: int) -> Any | None:
    """The index of ``take_along_axis`` for indices that are known."""
    if isinstance(indices, Uniform):
        known = np.full(indices.shape, indices.number)
    elif isinstance(indices, Constant):
        known = indices.array
    else:
        return None
    return along_axis_index(tuple(shape), known.astype(np.int64), axis)


def memory_of(x: Value) -> tuple[Value, int, list[int]]:
    """The array in whose memory the elements of another lie: const and the stride of each axis, in elements."""
    base = x.args[0] if isinstance(x, Moved) else x
    steps, stride = [0] * len(base.shape), 1
    for k in reversed(range(len(base.shape))):
        steps[k] = stride
        stride *= base.shape[k]
    if not isinstance(x, Moved):
        return x, 0, steps
    const, strides = 0, [0] * len(x.shape)
    for step, (c, parts) in zip(steps, x.maps, strict=True):
        const += c * step
        for k, f in parts:
            strides[k] += f * step
    return base, const, strides


def split(places: Places) -> tuple[list[tuple[int, int]], Places, list[int]]:
    """Axes along which places follow a constant stride (axis, stride), the places of the other axes, and these."""
    parts: list[tuple[int, int]] = []
    kept = []
    table = places
    for k in range(places.ndim):
        if table.shape[k] > 1:
            there = table >= 0
            first = np.take(there, [0], k)
            steps = np.diff(table, axis=k)[np.broadcast_to(first, [n - (a == k) for a, n in enumerate(table.shape)])]
            if (there != first).any() or (steps.size and (steps != steps.flat[0]).any()):
                kept.append(k)
                continue
            if steps.size and steps.flat[0]:
                parts.append((k, int(steps.flat[0])))
            table = np.take(table, [0], k)
    return parts, table.reshape([places.shape[k] for k in kept]), kept


def table_of(places: Places) -> Constant:
    large = places.size and int(places.max()) >= 2**31
    return Constant(np.ascontiguousarray(places, np.int64 if large else np.int32).reshape(places.shape), "i8" if large else "i4")


def at_index(x: Value, places: Places) -> Value:
    """The elements of an array at places in C order."""
    if isinstance(x, Uniform) or not places.size:
        return Uniform(x.number if isinstance(x, Uniform) else 0, places.shape, x.dtype)
    if not x.shape:
        return moved(x, [], places.shape)
    regular = [split(a) for a in np.unravel_index(places, x.shape)] if places.size <= 4096 or not split(places)[2] else []
    if regular and not any(kept for _, _, kept in regular):
        return moved(x, [(int(table), tuple(parts)) for parts, table, _ in regular], places.shape)
    return gathered(x, places)


def gathered(x: Value, places: Places) -> Value:
    """The elements of an array at places in C order, 0 where a place is negative."""
    missing = bool((places < 0).any())
    if isinstance(x, Constant):
        return Constant(
            np.ascontiguousarray(np.where(places < 0, x.array.dtype.type(0), x.array.reshape(-1)[places])).reshape(places.shape),
            x.dtype,
        )
    base, const, strides = memory_of(x)
    in_memory = np.zeros(x.shape, np.int64)
    for k, stride in enumerate(strides):
        in_memory += (np.arange(x.shape[k]) * stride).reshape([-1 if a == k else 1 for a in range(len(strides))])
    in_memory -= low if (low := int(in_memory.min())) < 0 else 0  # axes that are read backwards
    table = np.where(places < 0, -1, in_memory.reshape(-1)[places])
    parts, table, axes = split(table)
    return Gathered(base, const + min(low, 0), parts, table_of(table), axes, missing, places.shape)


def constant_of(x: Value) -> Any | None:
    """The numbers of an array that is known."""
    if isinstance(x, Uniform):
        return np.full(x.shape, x.number, x.dtype)
    return x.array if isinstance(x, Constant) else None


def scattered(g: Value, places: Places, shape: Sequence[int], unique: bool, ground: Value | None = None) -> Value | None:
    """``ground`` (or zeros) to which values are added at places; ``unique`` says that no place repeats."""
    size = int(np.prod(shape, dtype=np.int64))
    dtype = g.dtype
    flat = places.reshape(-1)
    if size > LONGEST or dtype == "b1" or (ground is not None and ground.dtype != dtype):
        return None
    if not flat.size:
        return ground if ground is not None else Uniform(0.0, shape, dtype)
    counts = np.zeros(size, np.int64) if unique else np.bincount(flat, minlength=size)
    most = 1 if unique else int(counts.max())
    if size * most > max(WASTE * (flat.size + size), 4096) or size * most > LONGEST:
        return None
    numbers = constant_of(g)
    if numbers is not None and ground is None:
        z = np.zeros(size, dtype)
        np.add.at(z, flat, numbers.reshape(-1))
        return Constant(z.reshape(shape), dtype)
    if numbers is not None:
        g = Constant(np.ascontiguousarray(numbers), dtype)
    if unique:
        inverse = np.full(size, -1)
        inverse[flat] = np.arange(flat.size)
        written = gathered(g, inverse.reshape(shape))
        return written if ground is None else Pointwise("add", (ground, written), shape, dtype)
    order = np.argsort(flat, kind="stable")
    rank = np.empty_like(flat)
    starts = np.cumsum(counts) - counts
    rank[order] = np.arange(flat.size) - starts[flat[order]]
    inverse = np.full((size, most), -1)
    inverse[flat, rank] = np.arange(flat.size)
    start = Uniform(0.0, shape, dtype) if ground is None else ground
    if most <= 8:  # in the order in which NumPy adds
        total = start
        for k in range(most):
            total = Pointwise("add", (total, gathered(g, inverse[:, k].reshape(shape))), shape, dtype)
        return total
    total = Reduced("add", gathered(g, inverse.reshape(*shape, most)), [len(shape)])
    return Pointwise("add", (start, total), shape, dtype)


def updated(x: Value, v: Value, places: Places) -> Value | None:
    """An array in which values are put at places; of several for one place the last one stays."""
    if x.size > LONGEST or x.dtype != v.dtype:
        return None
    if not places.size:
        return x
    inverse = np.full(x.size, -1)
    inverse[places.reshape(-1)] = np.arange(places.size)
    inverse = inverse.reshape(x.shape)
    _, table, axes = split(np.where(inverse < 0, -1, 0))
    new = Uniform(v.number, (), v.dtype) if isinstance(v, Uniform) else gathered(v, inverse)
    return Pointwise("select", (Present(table_of(table), axes, x.shape), new, x), x.shape, x.dtype)


def spread(v: Value, shape: Sequence[int]) -> Value | None:
    """What is assigned, in the shape of the place where it is put."""
    skip = len(v.shape) - len(shape)
    if skip > 0:
        if any(n != 1 for n in v.shape[:skip]):
            return None
        maps: list[Any] = [(0, ())] * skip + [(0, ((k, 1),)) for k in range(len(shape))]
        v = moved(v, maps, v.shape[skip:])
    if tuple(shape) == v.shape:
        return v
    lead = len(shape) - len(v.shape)
    return moved(v, [(0, ()) if n == 1 else (0, ((k + lead, 1),)) for k, n in enumerate(v.shape)], shape)


def same_dtype(v: Value, spec: Any) -> Value:
    dtype = code(spec.dtype)
    return v if v.dtype == dtype else Pointwise("convert", (v,), v.shape, dtype)


# -- declarations, for what those of slices decline --------------------------------------------------------------------

_slices = {name: RULES[name] for name in ("getitem", "scatter", "assemble", "index_update", "index_add")}


@lowers("getitem")
def _getitem(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    found = _slices["getitem"](args, kw, spec)
    if found is None:
        places = places_of(kw["index"], args[0].shape)
        found = None if places is None or places.shape != spec.shape else at_index(args[0], places)
    return found


def _put(g: Value, index: Any, spec: Any, ground: Value | None = None) -> Value | None:
    """Values added at an index."""
    places = places_of(index, spec.shape)
    written = None if places is None else spread(same_dtype(g, spec), places.shape)
    return None if written is None else scattered(written, places, spec.shape, is_unique(index), ground)


@lowers("scatter")
def _scatter(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    found = _slices["scatter"](args, kw, spec)
    return _put(args[0], kw["index"], spec) if found is None else found


@lowers("assemble")
def _assemble(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    found = _slices["assemble"](args, kw, spec)
    if found is not None:
        return found
    rest: list[Any] = []
    total: Value | None = None
    basic: list[Any] = []
    for a, index in zip(args, kw["indices"], strict=True):
        (basic if _slices["assemble"]([a], {**kw, "indices": (index,)}, spec) is not None else rest).append((a, index))
    if basic:
        total = _slices["assemble"]([a for a, _ in basic], {**kw, "indices": tuple(i for _, i in basic)}, spec)
    for a, index in rest:
        total = _put(a, index, spec, total)
        if total is None:
            return None
    return total


@lowers("index_update")
def _index_update(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    x, v = same_dtype(args[0], spec), same_dtype(args[1], spec)
    found = _slices["index_update"]([x, v], kw, spec)
    if found is not None or x.shape != spec.shape:
        return found
    places = places_of(kw["index"], spec.shape)
    written = None if places is None else spread(v, places.shape)
    return None if written is None else updated(x, written, places)


@lowers("index_add")
def _index_add(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    x, v = same_dtype(args[0], spec), same_dtype(args[1], spec)
    found = _slices["index_add"]([x, v], kw, spec)
    return _put(v, kw["index"], spec, x) if found is None and x.shape == spec.shape else found


@lowers("take_along_axis")
def _take_along_axis(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    index = along_axis(args[1], args[0].shape, kw["axis"])
    return None if index is None else _getitem(args[:1], {"index": index}, spec)


@lowers("put_along_axis_zeros")
def _put_along_axis(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    index = along_axis(args[1], spec.shape, kw["axis"])
    return None if index is None else _put(args[0], index, spec)


@lowers("diagonal")
def _diagonal(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    """The last axis runs along both."""
    if set(kw) != {"offset", "axes"}:
        return None
    x, offset = args[0], kw["offset"]
    rank = len(x.shape)
    first, second = (a % rank for a in kw["axes"])
    maps: list[Any] = [(0, ())] * rank
    for k, axis in enumerate(a for a in range(rank) if a not in (first, second)):
        maps[axis] = (0, ((k, 1),))
    last = rank - 2
    maps[first] = (max(0, -offset), ((last, 1),))
    maps[second] = (max(0, offset), ((last, 1),))
    return moved(x, maps, spec.shape)
