"""The functions of scipy.linalg that take a pair such as ``(c, lower)``, in which each part is an argument of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import scipy.linalg

from hoad.core.box import Box, functions

__all__ = ["KEEPING_PAIRS", "holds_box"]


def holds_box(x: Any) -> bool:
    return isinstance(x, Box) or (isinstance(x, list | tuple) and any(map(holds_box, x)))


def _keeping_pairs(name: str) -> Callable[..., Any]:
    native = getattr(scipy.linalg, name)

    @wraps(native)
    def function(*args: Any, **kwargs: Any) -> Any:
        traced = any(map(holds_box, (*args, *kwargs.values())))
        return (functions[native] if traced else native)(*args, **kwargs)

    return function


KEEPING_PAIRS = {
    name: _keeping_pairs(name) for name in ("cho_solve", "cho_solve_banded", "lu_solve", "solve_toeplitz", "matmul_toeplitz")
}
