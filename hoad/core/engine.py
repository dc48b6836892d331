"""What the kinds need from the modes, filled in by the modes when they are imported.

Kinds are below the modes in the layering, so they reach them through these names.
"""

from __future__ import annotations

from threading import local
from types import SimpleNamespace

__all__ = ["engine", "sweep"]

engine = SimpleNamespace()
"""``push(f, xs, ts)``: value and tangent of f; ``pull(f, xs)``: value of f and the map of its cotangents;
``series(algebra, f, series, memo)``: the series of f; ``batched(size, f, xs, flags)``: f with a hidden leading axis;
``native(repeat)``: recorded steps as native code, a function of the list of inputs, or None where that cannot be had."""


class _Sweep(local):
    """State of the reverse sweep in progress, per thread."""

    tracking: float | None = None
    """Level of the sweep that tracks which cotangents are structurally zero (see :mod:`hoad.modes.masked`)."""
    structural: bool = False
    """Whether who records the sweeps takes zeros that a ``where`` puts in as structural, so that none needs to be tracked."""


sweep = _Sweep()
