"""The host: NumPy arrays, with SciPy's special functions."""

from __future__ import annotations

import numpy as np
import scipy.special

from hoad.backends import Backend

__all__ = ["BACKEND"]

BACKEND = Backend(
    name="numpy",
    asarray=np.asarray,
    arange=np.arange,
    to_host=np.asarray,
    synchronise=lambda: None,
    scatter_add=np.add.at,
    special=lambda: scipy.special,
)
