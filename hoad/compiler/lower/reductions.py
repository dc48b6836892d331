"""Sums, means, extrema and truth values over axes."""

from __future__ import annotations

from math import prod
from typing import Any

from hoad.compiler.loops.values import Pointwise, Reduced, Uniform, Value
from hoad.compiler.lower.lowering import code, lowers, uniform
from hoad.compiler.lower.shaping import moved

__all__ = ["reduced"]


def reduced(op: str, x: Value, axis: Any, spec: Any) -> Value | None:
    """A reduction with the axes that NumPy keeps."""
    axes = tuple(range(len(x.shape))) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    axes = tuple(a % len(x.shape) for a in axes)
    if 0 in x.shape and op in ("maximum", "minimum"):
        return None
    if not axes:
        return x
    total = Reduced(op, x, axes)
    if 0 in x.shape:
        return Uniform(total.start, spec.shape, x.dtype)
    if total.shape == spec.shape:
        return total
    maps: list[Any] = []
    for k in range(len(x.shape)):
        if k not in axes:
            maps.append((0, ((k, 1),) if x.shape[k] != 1 else ()))
    return moved(total, maps, spec.shape)


@lowers("sum")
def _sum(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    if set(kw) != {"axis", "keepdims"} or args[0].dtype != code(spec.dtype) or len(args) != 1:
        return None
    return reduced("add", args[0], kw["axis"], spec)


@lowers("mean")
def _mean(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    x, dtype = args[0], code(spec.dtype)
    if set(kw) != {"axis", "keepdims"} or len(args) != 1 or 0 in x.shape:
        return None
    if x.dtype == "b1":
        x = Pointwise("convert", (x,), x.shape, dtype)
    if x.dtype != dtype:
        return None
    total = reduced("add", x, kw["axis"], spec)
    count = prod(x.shape) // max(1, prod(spec.shape))
    return None if total is None else Pointwise("divide", (total, uniform(float(count))), spec.shape, x.dtype)


def _extremum(name: str, op: str) -> None:
    @lowers(name)
    def rule(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
        if set(kw) != {"axis", "keepdims"} or len(args) != 1 or args[0].dtype != code(spec.dtype):
            return None
        if args[0].dtype == "b1" and op in ("maximum", "minimum"):
            return None
        return reduced(op, args[0], kw["axis"], spec)


_extremum("max", "maximum")
_extremum("min", "minimum")
_extremum("prod", "multiply")
_extremum("any", "logical_or")
_extremum("all", "logical_and")
