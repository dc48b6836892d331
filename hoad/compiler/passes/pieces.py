"""Reading a part of an array that was put together: only the piece is read.

Pieces are those of concatenations, paddings, and additions into zeros (scatter, assemble).  A slice that lies inside one piece is
a slice of that piece; in additions into zeros no other piece may touch it.  Zeros to which -0.0 is added are 0.0, so there the
piece has to be one that is never -0.0.  Neighbouring slices of one array that are joined again are one slice.  One or two pieces
of the full size are no longer put together, but added.
"""

from __future__ import annotations

import math
from typing import Any

from hoad.compiler.passes.region import Axis, Region, read
from hoad.compiler.passes.rewriting import Slot, Walk, make_step, operands, rewrite
from hoad.compiler.passes.signs import never_negative_zero
from hoad.compiler.steps import Step, Steps

__all__ = ["read_pieces"]


def read_pieces(steps: Steps) -> Steps:
    """Let slices of joined, padded and assembled arrays read the piece in which they lie."""
    return rewrite(steps, {"getitem": (_getitem,), "concatenate": (_concatenate,), "assemble": (_assemble,)})


def _getitem(walk: Walk, step: Step) -> Any:
    (x,) = operands(step)
    made = walk.maker(x, "concatenate", "pad_constant", "scatter", "assemble")
    if made is None:
        return None
    region = read(step.kw["index"], walk.specs[x].shape)
    if region is None or any(a.count == 0 for a in region.axes):
        return None
    found = _PIECES[made.primitive.name](walk, made, region)
    if found is None:
        return None
    piece, inside = found
    if inside.whole and walk.specs[piece] == walk.specs[step.outputs[0]]:
        return piece
    return make_step("getitem", [piece], {"index": inside.index}, step.outputs)


def _within(region: Region, starts: tuple[int, ...], shape: tuple[int, ...]) -> Region | None:
    """The region as one of a block of the array that starts somewhere; None if it is not inside."""
    axes = []
    for a, start, n in zip(region.axes, starts, shape, strict=True):
        if a.low < start or a.high > start + n:
            return None
        axes.append(Axis(a.start - start, a.step, a.count, a.kept))
    return Region(shape, tuple(axes), region.new)


def _of_concatenation(walk: Walk, made: Step, region: Region) -> tuple[Slot, Region] | None:
    axis = made.kw["axis"]
    part = region.axes[axis]
    start = 0
    for piece in operands(made):
        shape = walk.specs[piece].shape if type(piece) is Slot else piece.shape
        if start <= part.low < start + shape[axis]:
            if type(piece) is not Slot or walk.specs[piece].dtype != walk.specs[made.outputs[0]].dtype:
                return None
            inside = _within(region, tuple(start if i == axis else 0 for i in range(len(shape))), shape)
            return None if inside is None else (piece, inside)
        start += shape[axis]
    return None


def _of_padding(walk: Walk, made: Step, region: Region) -> tuple[Slot, Region] | None:
    (piece,) = operands(made)
    inside = _within(region, tuple(int(w[0]) for w in made.kw["width"]), walk.specs[piece].shape)
    return None if inside is None else (piece, inside)


def _of_scatter(walk: Walk, made: Step, region: Region) -> tuple[Slot, Region] | None:
    (piece,) = operands(made)
    inside = _inside(walk, piece, made.kw["index"], region)
    return None if inside is None else (piece, inside)


def _of_assembly(walk: Walk, made: Step, region: Region) -> tuple[Slot, Region] | None:
    found = None
    for piece, index in zip(operands(made), made.kw["indices"], strict=True):
        block = None if index is Ellipsis else read(index, region.shape)
        if block is None:
            return None
        if not _apart(block, region):
            if found is not None:
                return None
            found = (piece, index)
    if found is None or type(found[0]) is not Slot or not never_negative_zero(walk, found[0]):
        return None
    if walk.specs[found[0]].dtype != walk.specs[made.outputs[0]].dtype:
        return None
    inside = _inside(walk, *found, region)
    return None if inside is None else (found[0], inside)


def _apart(a: Region, b: Region) -> bool:
    """Whether two regions are known to have no element in common."""
    return any(not p.count or not q.count or p.high <= q.low or q.high <= p.low for p, q in zip(a.axes, b.axes, strict=True))


def _inside(walk: Walk, piece: Any, index: Any, region: Region) -> Region | None:
    """The region as one of the piece that was put at a block of consecutive elements."""
    block = read(index, region.shape)
    if block is None or block.new or not all(a.kept and a.step == 1 for a in block.axes):
        return None
    shape = tuple(a.count for a in block.axes)
    if type(piece) is not Slot or walk.specs[piece].shape != shape:
        return None
    return _within(region, tuple(a.start for a in block.axes), shape)


_PIECES = {"concatenate": _of_concatenation, "pad_constant": _of_padding, "scatter": _of_scatter, "assemble": _of_assembly}


def _concatenate(walk: Walk, step: Step) -> Any:
    """One slice, if the pieces are neighbouring slices of one array that differ along the axis only."""
    pieces = operands(step)
    axis = step.kw["axis"]
    if len(pieces) == 1:
        return pieces[0] if type(pieces[0]) is Slot else None
    whole: Axis | None = None
    array: Any = None
    rest: Any = None
    for piece in pieces:
        made = walk.maker(piece, "getitem")
        if made is None:
            return None
        (x,) = operands(made)
        region = None if type(x) is not Slot else read(made.kw["index"], walk.specs[x].shape)
        if region is None or region.new or not all(a.kept for a in region.axes):
            return None
        part = region.axes[axis]
        others = (*region.axes[:axis], *region.axes[axis + 1 :])
        if whole is None:
            array, rest, whole = x, others, part
        elif x != array or others != rest or part.step != 1 or whole.step != 1 or part.start != whole.start + whole.count:
            return None
        else:
            whole = Axis(whole.start, 1, whole.count + part.count)
    shape = walk.specs[array].shape
    if whole is None or not whole.count:
        return None
    joined = Region(shape, (*rest[:axis], whole, *rest[axis:]))
    if joined.whole and walk.specs[array] == walk.specs[step.outputs[0]]:
        return array
    return make_step("getitem", [array], {"index": joined.index}, step.outputs)


def _assemble(walk: Walk, step: Step) -> Any:
    """A sum, if one or two pieces cover the array; NumPy adds the first to zeros, unless its index is Ellipsis."""
    pieces = operands(step)
    out = walk.specs[step.outputs[0]]
    if len(pieces) > 2 or out.dtype.kind != "f":
        return None
    for piece, index in zip(pieces, step.kw["indices"], strict=True):
        region = read(index, out.shape)
        if type(piece) is not Slot or region is None or not region.whole or walk.specs[piece].dtype != out.dtype:
            return None
        if math.prod(walk.specs[piece].shape) != math.prod(out.shape):  # broadcast
            return None
    copied = step.kw["indices"][0] is Ellipsis and walk.specs[pieces[0]] == out
    if not copied and not any(never_negative_zero(walk, p) for p in pieces):
        return None
    full = [p if walk.specs[p] == out else walk.add("reshape", [p], {"shape": out.shape}, out) for p in pieces]
    return full[0] if len(full) == 1 else make_step("add", full, {}, step.outputs)
