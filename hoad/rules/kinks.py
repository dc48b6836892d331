"""Points where a function has a kink: a first derivative by convention, and loudly no second one."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.core.box import shape_of
from hoad.core.kinds import elementwise
from hoad.core.kinds.cotangents import fit, is_real


def _undefined(y: Any, condition: Any, x: Any) -> Any:
    return np.where(condition, np.nan, 0.0).astype(y.dtype)


def _reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    """``scaled`` would let a cotangent that is exactly zero contribute zero, but norm(x)**2 at 0 has such a cotangent and no
    derivative by this rule: NaN, never a silent 0."""
    condition, x = xs
    shape, real = shape_of(x), is_real(x)
    return lambda g: [fit(g * _undefined(y, condition, x), shape, real) if i else None for i in which]


undefined_slope = elementwise("undefined_slope", lambda condition, x: np.zeros_like(x), None, _undefined, reverse=_reverse)
"""Zero, with derivative NaN where the condition holds: the subgradient 0 that has no derivative of its own (norm at 0)."""


def at_kink(condition: Any, like: Any, otherwise: Any) -> Any:
    """``otherwise``, and 0 with an undefined derivative where ``condition`` holds."""
    return np.where(condition, undefined_slope(condition, like), otherwise)
