"""Parabolic cylinder functions: functions and derivatives come in pairs, and second derivatives from the equation.

Source: NIST Digital Library of Mathematical Functions, 12.2, 12.14; Zhang and Jin, Computation of Special Functions (1996).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hoad.rules.special_functions.declarations import declare_several


def _declare(name: str, factor: Callable[[Any, Any], Any]) -> None:
    """y'' = factor y, for the pair of y and y'."""
    y: Any
    slope: Any
    y, slope = declare_several(name, (None, lambda _, a, x: slope.bind(a, x)), (None, lambda _, a, x: factor(a, x) * y.bind(a, x)))


_declare("pbdv", lambda v, x: x * x / 4 - v - 0.5)
_declare("pbvv", lambda v, x: x * x / 4 - v - 0.5)
_declare("pbwa", lambda a, x: a - x * x / 4)
