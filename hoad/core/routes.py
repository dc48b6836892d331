"""Where boxes send operations: tables of hoad's functions by name, by ufunc and by NumPy function, filled when hoad is imported."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

__all__ = ["functions", "ops", "ufuncs"]

ops = SimpleNamespace()
"""The operations that boxes call by name (``ops.add``); filled by ``hoad.core.in_place`` and ``hoad.rules``."""

ufuncs: dict[tuple[Any, str], Any] = {}
"""(NumPy or SciPy ufunc, method) -> the function of hoad that handles traced arguments; filled by ``hoad.rules``."""

functions: dict[Any, Any] = {}
"""NumPy function -> the function of hoad that handles traced arguments; filled by ``hoad.rules``."""
