"""Differences of neighbours, and running sums and products over short axes."""

from __future__ import annotations

from typing import Any

from hoad.compiler.loops.values import INLINE_SUM, Pieces, Pointwise, Value
from hoad.compiler.lower.lowering import code, lowers, uniform
from hoad.compiler.lower.shaping import moved

__all__ = ["part"]


def part(x: Value, axis: int, start: int, count: int, step: int = 1) -> Value:
    """A slice along an axis."""
    shape = [count if k == axis else n for k, n in enumerate(x.shape)]
    return moved(x, [(start if k == axis else 0, ((k, step if k == axis else 1),)) for k in range(len(shape))], shape)


@lowers("diff")
def _diff(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    x, axis, dtype = args[0], kw["axis"], code(spec.dtype)
    if set(kw) != {"axis"} or dtype == "b1":
        return None
    n = spec.shape[axis]
    return Pointwise("subtract", (part(x, axis, 1, n), part(x, axis, 0, n)), spec.shape, dtype)


@lowers("diff_transpose")
def _diff_transpose(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    g, axis, dtype = args[0], kw["axis"], code(spec.dtype)
    if set(kw) != {"axis", "shape"} or g.dtype != dtype or dtype == "b1":
        return None
    places = [[(at if k == axis else 0, 1) for k in range(len(spec.shape))] for at in (1, 0)]
    if 0 in g.shape:
        return uniform(0.0, spec.shape, dtype)
    return Pieces([g, Pointwise("subtract", (uniform(0.0), g), g.shape, dtype)], places, 0.0, spec.shape, dtype)


def _running(name: str, operation: str) -> None:
    @lowers(name)
    def rule(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
        x, axis, dtype = args[0], kw.get("axis"), code(spec.dtype)
        if set(kw) != {"axis"} or x.dtype != dtype or dtype == "b1" or x.shape != spec.shape or not isinstance(axis, int):
            return None
        n = x.shape[axis]
        if n <= 1:
            return x
        if n > INLINE_SUM:
            return None
        pieces = [part(x, axis, 0, 1)]
        for k in range(1, n):
            pieces.append(Pointwise(operation, (pieces[-1], part(x, axis, k, 1)), pieces[0].shape, dtype))
        places = [[(at if k == axis else 0, 1) for k in range(len(x.shape))] for at in range(n)]
        return Pieces(pieces, places, 0.0, spec.shape, dtype)


_running("cumsum", "add")
_running("cumprod", "multiply")
