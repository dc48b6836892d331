"""Counts that do not depend on the machine: NumPy calls, evaluations of the function, length of the tape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import hoad

__all__ = ["numpy_calls", "passes", "tape_length"]


class _Counted(np.ndarray):
    """An array that counts the NumPy calls it takes part in; results of arithmetic are counted arrays again."""

    calls = 0

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
        _Counted.calls += 1
        inputs = tuple(x.view(np.ndarray) if isinstance(x, _Counted) else x for x in inputs)
        if out is not None:
            kwargs["out"] = tuple(x.view(np.ndarray) if isinstance(x, _Counted) else x for x in out)
        y = getattr(ufunc, method)(*inputs, **kwargs)
        return _counted(y)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        _Counted.calls += 1
        before = _Counted.calls
        y = super().__array_function__(func, types, args, kwargs)
        _Counted.calls = before  # what NumPy calls inside is part of the one call
        return y


def _counted(y: Any) -> Any:
    if type(y) is np.ndarray or isinstance(y, np.inexact):
        return np.asarray(y).view(_Counted)
    return y


def numpy_calls(f: Callable[..., Any], *points: Any) -> int:
    """How many NumPy calls ``f`` makes on arrays that depend on the points (arrays or tuples of arrays)."""
    marked = [tuple(map(_counted, p)) if isinstance(p, tuple) else _counted(p) for p in points]
    _Counted.calls = 0
    f(*marked)
    return _Counted.calls


def passes(transform: Callable[[Callable[..., Any]], Any], f: Callable[..., Any]) -> int:
    """How often ``transform(f)`` evaluates ``f``."""
    count = 0

    def noted(*args: Any) -> Any:
        nonlocal count
        count += 1
        return f(*args)

    transform(noted)
    return count


def tape_length(f: Callable[[Any], Any], x: Any) -> int:
    """Entries of the tape of one reverse pass."""
    _, pull = hoad.vjp(f, x)
    return len(pull.tape)
