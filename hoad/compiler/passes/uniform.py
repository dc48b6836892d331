"""Uniform constants: numbers, and arrays in which one element is repeated."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["compact", "element", "negated", "number", "with_element"]

_FLOATS = "efd"
"""Characters of the dtypes whose numbers are Python floats without rounding."""

_EXACT = 2**53


def element(a: Any) -> Any:
    """The element that a constant repeats, as a NumPy scalar; None if it holds several, or none, or is no array."""
    if isinstance(a, np.generic):
        return a
    if type(a) is not np.ndarray or a.size == 0 or a.dtype.kind == "O":
        return None
    return a[(0,) * a.ndim] if a.size == 1 or not any(s for s, n in zip(a.strides, a.shape, strict=True) if n > 1) else None


def number(a: Any) -> float | None:
    """A real constant that is one number as a float, exactly; None for all others."""
    kind = type(a)
    if kind is float:
        return float(a)
    if kind is int:
        return float(a) if -_EXACT <= a <= _EXACT else None
    found = element(a)
    return float(found) if found is not None and found.dtype.char in _FLOATS else None


def with_element(a: Any, value: Any) -> Any:
    """``value`` with type, dtype and shape of the uniform constant ``a``."""
    if type(a) is not np.ndarray:
        return type(a)(value)
    return np.broadcast_to(np.asarray(value, a.dtype), a.shape)


def negated(a: Any) -> Any:
    """``-a`` of a real constant with the same type and dtype; None where that is not exact (integers, truth values)."""
    if type(a) is float:
        return -a
    if type(a) is int:
        return -float(a) if -_EXACT <= a <= _EXACT else None  # of 0 it is -0.0
    if getattr(getattr(a, "dtype", None), "kind", "") != "f":
        return None
    found = element(a)
    return -a if found is None else with_element(a, -found)


def compact(a: Any) -> Any:
    """The array as a broadcast of one element, if all its elements are bit for bit the same; else the same object.

    Cost: one comparison for most arrays, a sweep over those whose first, middle and last elements agree.
    """
    if type(a) is not np.ndarray or a.size < 2 or a.dtype.kind not in "fciub" or element(a) is not None:
        return a
    first = a[(0,) * a.ndim]
    middle = a[tuple(n // 2 for n in a.shape)]
    last = a[(-1,) * a.ndim]
    if not (_same(first, middle) and _same(first, last)):
        return a
    uniform = bool((a == first).all()) and (a.dtype.kind in "iub" or _same_zeros(a, first))
    return np.broadcast_to(first, a.shape) if uniform else a


def _same(a: Any, b: Any) -> bool:
    return bool(a.tobytes() == b.tobytes())


def _same_zeros(a: Any, first: Any) -> bool:
    """Zeros of one sign, in both parts if they are complex."""
    if a.dtype.kind == "c":
        return _same_zeros(a.real, first.real) and _same_zeros(a.imag, first.imag)
    return bool((np.signbit(a) == np.signbit(first)).all())
