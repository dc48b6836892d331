"""Plane strain: two-dimensional strains as three-dimensional ones, for laws whose third direction takes part."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.mechanics.tensors import in_precision_of

__all__ = ["in_space"]

Array = Any


def in_space(a: Array, kinematics: str = "small") -> Array:
    """A strain or deformation gradient of shape (2, 2, *points) with the third direction unstrained; (3, 3, *points) as it is."""
    if a.shape[0] == 3:
        return a
    wide = np.pad(a, [(0, 1), (0, 1)] + [(0, 0)] * (a.ndim - 2))
    if kinematics == "small":
        return wide
    return wide + in_precision_of(wide, np.diag([0.0, 0.0, 1.0]).reshape(3, 3, *(1,) * (a.ndim - 2)))
