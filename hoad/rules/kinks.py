"""Points where a function has a kink: a first derivative by convention, and loudly no second one."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.core.kinds import elementwise

undefined_slope = elementwise("undefined_slope", np.zeros_like, lambda y, x: y * np.nan)
"""Zero, with derivative NaN: the subgradient 0 that has no derivative of its own (norm at 0)."""


def at_kink(condition: Any, like: Any, otherwise: Any) -> Any:
    """``otherwise``, and 0 with an undefined derivative where ``condition`` holds."""
    return np.where(condition, undefined_slope(like), otherwise)
