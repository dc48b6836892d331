"""Trigonometric functions, angles and lengths."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.core.kinds import elementwise, linear
from hoad.core.kinds.batching import align_ranks
from hoad.core.primitive import expose
from hoad.rules.kinks import at_kink


def _hypot_slope(y: Any, x: Any) -> Any:
    """x / hypot, 0 at the origin, where the next derivative is undefined (NaN)."""
    origin = y == 0
    return at_kink(origin, y, x / np.where(origin, 1.0, y))


SLOPES: dict[str, tuple[Any, ...]] = {
    "sin": (lambda y, x: np.cos(x),),
    "cos": (lambda y, x: -np.sin(x),),
    "tan": (lambda y, x: 1 + y * y,),
    "arcsin": (lambda y, x: 1 / np.sqrt((1 - x) * (1 + x)),),
    "arccos": (lambda y, x: -1 / np.sqrt((1 - x) * (1 + x)),),
    "arctan": (lambda y, x: 1 / (1 + x * x),),
    "arctan2": (lambda y, a, b: b / (a * a + b * b), lambda y, a, b: -a / (a * a + b * b)),
    "hypot": (lambda y, a, b: _hypot_slope(y, a), lambda y, a, b: _hypot_slope(y, b)),
}

for _name, _slopes in SLOPES.items():
    expose(elementwise(_name, getattr(np, _name), *_slopes), f"numpy.{_name}", getattr(np, _name), "elementwise")

for _name, _factor in {
    "deg2rad": np.pi / 180, "radians": np.pi / 180, "rad2deg": 180 / np.pi, "degrees": 180 / np.pi,
}.items():  # fmt: skip
    _prim = linear(_name, getattr(np, _name), lambda g, shape, _factor=_factor: g * _factor, batch=align_ranks)
    expose(_prim, f"numpy.{_name}", getattr(np, _name), "linear")
