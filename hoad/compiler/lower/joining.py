"""Arrays put beside each other."""

from __future__ import annotations

from typing import Any

from hoad.compiler.loops.values import Assembled, Pieces, Pointwise, Value
from hoad.compiler.lower.lowering import code, lowers
from hoad.compiler.lower.shaping import few, moved

__all__: list[str] = []


@lowers("concatenate")
def _concatenate(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    axis, dtype = kw["axis"], code(spec.dtype)
    if dtype == "b1":
        return None
    pieces, places, at = [], [], 0
    for a in args:
        if a.dtype != dtype:
            a = Pointwise("convert", (a,), a.shape, dtype)
        pieces.append(a)
        places.append([(at if k == axis else 0, 1) for k in range(len(spec.shape))])
        at += a.shape[axis]
    if not few(places, spec.shape):
        return Assembled(pieces, places, spec.shape, dtype)
    return Pieces(pieces, places, 0.0, spec.shape, dtype)


@lowers("roll")
def _roll(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    x = args[0]
    if code(spec.dtype) == "b1" or not isinstance(kw.get("axis"), int | tuple) or not isinstance(kw.get("shift"), int | tuple):
        return None
    axes = kw["axis"] if isinstance(kw["axis"], tuple) else (kw["axis"],)
    shifts = kw["shift"] if isinstance(kw["shift"], tuple) else (kw["shift"],)
    if len(axes) != len(shifts):
        return None
    for axis, shift in zip(axes, shifts, strict=True):
        axis %= len(x.shape)
        n = x.shape[axis]
        shift = shift % n if n else 0
        if not shift:
            continue

        def part(start: int, count: int, axis: int = axis, x: Value = x) -> Value:
            shape = [count if k == axis else m for k, m in enumerate(x.shape)]
            return moved(x, [(start if k == axis else 0, ((k, 1),)) for k in range(len(shape))], shape)

        places = [[(at if k == axis else 0, 1) for k in range(len(x.shape))] for at in (shift, 0)]
        x = Pieces([part(0, n - shift), part(n - shift, shift)], places, 0.0, x.shape, x.dtype)
    return x
