"""Functions that only move elements: their index maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hoad.compiler.loops.roots import TOGETHER, UNROLLED
from hoad.compiler.loops.values import Assembled, Moved, Overlaid, Pieces, Pointwise, Reshaped, Uniform, Value
from hoad.compiler.lower.lowering import code, lowers

__all__ = ["basic_index", "moved"]

FEW = 8
"""Places up to which a sum of pieces has a formula at every point."""
Map = tuple[int, tuple[tuple[int, int], ...]]


def moved(arg: Value, maps: Sequence[Map], shape: Sequence[int]) -> Value:
    """Entries at other places; of moved entries once moved."""
    if isinstance(arg, Uniform):
        return Uniform(arg.number, shape, arg.dtype)
    if isinstance(arg, Moved):
        maps = [_through((c, tuple(parts)), maps) for c, parts in arg.maps]
        arg = arg.args[0]
    if tuple(shape) == arg.shape and all(c == 0 and parts == ((k, 1),) for k, (c, parts) in enumerate(maps)):
        return arg
    return Moved(arg, maps, shape)


def _through(outer: Map, inner: Sequence[Map]) -> Map:
    const, parts = outer
    terms: dict[int, int] = {}
    for axis, factor in parts:
        c, more = inner[axis]
        const += c * factor
        for k, f in more:
            terms[k] = terms.get(k, 0) + f * factor
    return const, tuple(sorted((k, f) for k, f in terms.items() if f))


@lowers("transpose")
def _transpose(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    axes = kw["axes"]
    return moved(args[0], [(0, ((axes.index(k), 1),)) for k in range(len(axes))], spec.shape)


@lowers("broadcast_to")
def _broadcast(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    x = args[0]
    lead = len(spec.shape) - len(x.shape)
    return moved(x, [(0, ()) if n == 1 else (0, ((k + lead, 1),)) for k, n in enumerate(x.shape)], spec.shape)


def groups(old: Sequence[int], new: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """The axes of two shapes that hold the same elements, in as many groups as there are."""
    found = []
    i = j = 0
    while i < len(old) or j < len(new):
        a, b = [], []
        p = q = 1
        if i < len(old):
            a, p, i = [i], old[i], i + 1
        if j < len(new):
            b, q, j = [j], new[j], j + 1
        while p != q:
            if p < q and i < len(old):
                a.append(i)
                p, i = p * old[i], i + 1
            elif j < len(new):
                b.append(j)
                q, j = q * new[j], j + 1
            else:
                break
        found.append((a, b))
    return found


@lowers("reshape")
def _reshape(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    x, new = args[0], spec.shape
    if isinstance(x, Uniform):
        return Uniform(x.number, new, x.dtype)
    if 0 in new:
        return Uniform(0.0, new, x.dtype)
    maps: list[Map] = [(0, ())] * len(x.shape)
    for old_axes, new_axes in groups(x.shape, new):
        long = [k for k in old_axes if x.shape[k] != 1]
        if len(long) > 1:  # several axes become one: only their places in memory follow
            return Reshaped(x, new)
        if long:
            stride, terms = 1, []
            for k in reversed(new_axes):
                if new[k] != 1:
                    terms.append((k, stride))
                stride *= new[k]
            maps[long[0]] = (0, tuple(sorted(terms)))
    return moved(x, maps, new)


def basic_index(index: Any, shape: Sequence[int]) -> tuple[list[tuple[int, int, int]], list[int | None]] | None:
    """Start, step and count for each axis, count -1 for one that is dropped; and for each axis of the result the one it comes from.

    None for an index that is not made of whole numbers, slices, None and an ellipsis.
    """
    parts = index if isinstance(index, tuple) else (index,)
    if any(not (isinstance(p, int | slice) or p is None or p is Ellipsis) or isinstance(p, bool) for p in parts):
        return None
    given = sum(p is not None and p is not Ellipsis for p in parts)
    full: list[Any] = []
    for p in parts:
        full += [slice(None)] * (len(shape) - given) if p is Ellipsis else [p]
    if Ellipsis not in parts:
        full += [slice(None)] * (len(shape) - given)
    places: list[tuple[int, int, int]] = []
    result: list[int | None] = []
    for p in full:
        if p is None:
            result.append(None)
            continue
        n = shape[len(places)]
        if isinstance(p, slice):
            start, stop, step = p.indices(n)
            result.append(len(places))
            places.append((start, step, len(range(start, stop, step))))
        else:
            places.append((p + n if p < 0 else p, 1, -1))
    return places, result


@lowers("getitem")
def _getitem(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    x = args[0]
    found = basic_index(kw["index"], x.shape)
    if found is None:
        return None
    places, result = found
    maps: list[Map] = []
    for axis, (start, step, count) in enumerate(places):
        maps.append((start, ()) if count < 0 else (start, ((result.index(axis), step),)))
    return moved(x, maps, spec.shape)


def piece(value: Value, index: Any, shape: Sequence[int]) -> tuple[Value, list[tuple[int, int]]] | None:
    """What is put at an index, with the axes of the array it is put into, and its place (start, step) there."""
    found = basic_index(index, shape)
    if found is None:
        return None
    places, result = found
    box = [1 if count < 0 else count for _, _, count in places]
    target = [1 if axis is None else box[axis] for axis in result]
    lead = len(target) - len(value.shape)
    if lead < 0:
        return None
    maps: list[Map] = []
    for k, n in enumerate(value.shape):
        axis = result[k + lead]
        maps.append((0, ()) if axis is None or n == 1 else (0, ((axis, 1),)))
    signs = []
    for axis, (start, step, count) in enumerate(places):
        if step < 0 and count > 0:  # laid out forwards
            last = count - 1
            maps = [
                (c + f * last, ((axis, -f),)) if parts == ((axis, f),) else (c, parts)
                for c, parts in maps
                for f in [_factor(parts)]
            ]
            signs.append((start + step * last, -step))
        else:
            signs.append((start, step))
    return moved(value, maps, box), signs


def _factor(parts: Any) -> int:
    return parts[0][1] if parts else 0


@lowers("scatter")
def _scatter(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    found = piece(args[0], kw["index"], spec.shape)
    return None if found is None else Pieces([found[0]], [found[1]], 0.0, spec.shape, code(spec.dtype))


@lowers("assemble")
def _assemble(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    """Pieces at the same place are added first; many places are filled one after the other."""
    dtype = code(spec.dtype)
    together: dict[Any, Value] = {}
    for a, index in zip(args, kw["indices"], strict=True):
        found = piece(a, index, spec.shape)
        if found is None:
            return None
        key = (found[0].shape, tuple(found[1]))
        before = together.get(key)
        together[key] = found[0] if before is None else Pointwise("add", (before, found[0]), found[0].shape, dtype)
    places = [place for _, place in together]
    if few(places, spec.shape):
        return Pieces(list(together.values()), places, 0.0, spec.shape, dtype, added=kw["indices"][0] is not Ellipsis)
    return Assembled(list(together.values()), places, spec.shape, dtype)


def few(places: Sequence[Sequence[tuple[int, int]]], shape: Sequence[int]) -> bool:
    """Whether loops over the array have to be cut at a few places only; short axes are written out and need no cut."""
    long = [k for k, n in enumerate(shape) if n > UNROLLED]
    return len({tuple(place[k] for k in long) for place in places}) <= FEW and len(places) <= TOGETHER


@lowers("index_update")
def _index_update(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    found = piece(args[1], kw["index"], spec.shape)
    return None if found is None or args[0].shape != spec.shape else Overlaid(args[0], found[0], found[1])


@lowers("index_add")
def _index_add(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    found = piece(args[1], kw["index"], spec.shape)
    if found is None or args[0].shape != spec.shape:
        return None
    return Pieces([args[0], found[0]], [[(0, 1)] * len(spec.shape), found[1]], 0.0, spec.shape, code(spec.dtype))
