"""Arrays with something around them or cut off, repeated arrays, and sums of shifted arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hoad.compiler.loops.values import Pieces, Pointwise, Uniform, Value
from hoad.compiler.lower.gathers import scattered
from hoad.compiler.lower.lowering import RULES, code, lowers
from hoad.compiler.lower.scans import part
from hoad.compiler.lower.shaping import moved

__all__: list[str] = []

SHIFTS = 8
"""Shifted arrays that are added at each point; longer kernels of a convolution stay a call."""


def side_by_side(parts: Sequence[Value], axis: int, dtype: str) -> Value:
    """Arrays behind each other along an axis."""
    parts = [p for p in parts if p.shape[axis]] or list(parts[:1])
    if len(parts) == 1:
        return parts[0]
    rank = len(parts[0].shape)
    places, at = [], 0
    for p in parts:
        places.append([(at if k == axis else 0, 1) for k in range(rank)])
        at += p.shape[axis]
    return Pieces(parts, places, 0.0, [at if k == axis else n for k, n in enumerate(parts[0].shape)], dtype)


@lowers("fit_length")
def _fit_length(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    x, axis, dtype = args[0], kw["axis"], code(spec.dtype)
    if dtype == "b1" or x.dtype != dtype:
        return None
    n, old = spec.shape[axis], x.shape[axis]
    if n <= old:
        return part(x, axis, 0, n)
    rest = Uniform(0.0, [n - old if k == axis else m for k, m in enumerate(x.shape)], dtype)
    return side_by_side([x, rest], axis, dtype)


@lowers("pad_constant")
def _pad_constant(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    x, dtype, width = args[0], code(spec.dtype), kw["width"]
    try:
        numbers = np.broadcast_to(np.asarray(kw.get("constant_values", 0)), (len(width), 2)).astype(dtype)
    except (TypeError, ValueError):
        return None
    if dtype == "b1" or x.dtype != dtype or 0 in spec.shape:
        return None
    for axis, pair in enumerate(width):
        ends = [
            Uniform(numbers[axis, side], [n if k == axis else m for k, m in enumerate(x.shape)], dtype)
            for side, n in enumerate(pair)
        ]
        x = side_by_side([ends[0], x, ends[1]], axis, dtype)
    return x


@lowers("tile")
def _tile(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    x, reps = args[0], kw["reps"]
    if len(reps) != len(spec.shape) or 0 in spec.shape:
        return None
    lead = len(reps) - len(x.shape)
    full = (1,) * lead + x.shape
    apart = tuple(n for pair in zip(reps, full, strict=True) for n in pair)
    maps: list[Any] = [(0, ((2 * (k + lead) + 1, 1),) if n != 1 else ()) for k, n in enumerate(x.shape)]
    return RULES["reshape"]([moved(x, maps, apart)], {"shape": spec.shape}, spec)


@lowers("bincount")
def _bincount(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    w, x = args[0], np.asarray(kw["x"])
    if set(kw) != {"x", "minlength"} or w.dtype != code(spec.dtype) or w.shape != x.shape or x.dtype.kind not in "iu":
        return None
    return scattered(w, x.astype(np.int64), spec.shape, False)


@lowers("convolve")
def _convolve(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    """The full convolution: the longer array, shifted and scaled by each element of the shorter one."""
    dtype = code(spec.dtype)
    a, v = sorted(args, key=lambda x: -x.size)
    if kw or v.size > SHIFTS or not v.size or any(len(x.shape) != 1 or x.dtype != dtype for x in args) or dtype == "b1":
        return None
    terms = [Pointwise("multiply", (a, moved(v, [(k, ())], (1,))), a.shape, dtype) for k in range(v.size)]
    return Pieces(terms, [[(k, 1)] for k in range(v.size)], 0.0, spec.shape, dtype)
