"""Dtypes of values, in two letters."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["LOOPS", "code"]

LOOPS = ("f8", "f4", "b1")
"""Dtypes that loops compute with."""


def code(dtype: Any) -> str:
    """``f8`` and so on; with the byte order where it is not the machine's."""
    dtype = np.dtype(dtype)
    return dtype.str[1:] if dtype.isnative else dtype.str
