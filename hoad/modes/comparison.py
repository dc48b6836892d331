"""Comparison of what two recordings of one function met: answers, arguments of steps, functions that were made anew each time."""

from __future__ import annotations

from functools import partial
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from hoad.backends import on_device, to_host, truth
from hoad.core.box import Box
from hoad.core.primitive import Primitive
from hoad.modes.constants import alike_there, bits, fingerprint

__all__ = ["alike_results", "answer", "same_arguments"]


def answer(value: Any) -> tuple[Any, ...]:
    """A hashable that is equal where two answers are, bit for bit."""
    if isinstance(value, bool | int):
        return (type(value).__name__, value)
    a = np.asarray(to_host(value) if on_device(value) else value)
    return ("array", a.dtype.str, a.shape, bits(a))


def alike_results(found: Any, expected: Any) -> bool:
    """Whether two lists of results agree in shapes, dtypes and, but for rounding, in the numbers."""
    if len(found) != len(expected) or any(on_device(x) is not on_device(y) for x, y in zip(found, expected, strict=True)):
        return False
    pairs = [p if on_device(p[0]) else tuple(map(np.asarray, p)) for p in zip(found, expected, strict=True)]
    size = max((_largest(y) for _, y in pairs if y.dtype.kind in "fc"), default=0.0)
    for x, y in pairs:
        if x.shape != y.shape or x.dtype != y.dtype:
            return False
        if y.dtype.kind in "fc":
            close = np.isclose(x, y, rtol=max(1e-3, 8 * float(np.finfo(y.dtype).eps)), atol=1e-6 * size, equal_nan=True)
        elif y.dtype.kind == "O":
            continue
        else:
            close = np.equal(x, y)
        if not truth(np.all(close)):
            return False
    return True


def _largest(x: Any) -> float:
    """The largest finite absolute value, 0 if there is none."""
    return float(to_host(np.max(np.where(np.isfinite(x), np.abs(x), 0.0)))) if x.size else 0.0


def same_arguments(x: Any, y: Any) -> bool:
    """Whether two arguments of a step say the same; arrays are compared by their fingerprints elsewhere."""
    if x is y:
        return True
    kind = type(x)
    if kind is not type(y):
        return False
    if isinstance(x, np.ndarray) or on_device(x):
        return x.shape == y.shape and x.dtype == y.dtype
    if kind in (tuple, list):
        return len(x) == len(y) and all(same_arguments(p, q) for p, q in zip(x, y, strict=True))
    if kind is dict:
        return x.keys() == y.keys() and all(same_arguments(v, y[k]) for k, v in x.items())
    return _alike(x, y, set(), True)


_NUMBERS = (int, float, complex, str, bytes, type(None), np.generic)


def _alike(x: Any, y: Any, seen: set[tuple[int, int]], own: bool) -> bool:
    """Whether two functions or objects that were made anew for each recording hold the same numbers, as far as they can be found.

    Numbers count where the user's code holds them (``own``), or a class whose ``holds_constants`` is true; elsewhere in hoad there
    are those of levels, and the identities of objects.
    """
    if x is y or (id(x), id(y)) in seen:
        return True
    if type(x) is not type(y):
        return False
    seen.add((id(x), id(y)))
    if isinstance(x, np.ndarray):
        return fingerprint(x) == fingerprint(y)
    if on_device(x):
        return alike_there(x, y)
    if isinstance(x, _NUMBERS):
        return not own or (answer(x) == answer(y) if isinstance(x, np.generic) else repr(x) == repr(y))
    if isinstance(x, Box):  # in a function made for this recording, which a repetition will refuse
        return not x.recorded or x.aux == y.aux
    if isinstance(x, dict):
        same_keys = x.keys() == y.keys() if own else len(x) == len(y)
        return same_keys and all(_alike(p, q, seen, own) for p, q in zip(x.values(), y.values(), strict=True))
    if isinstance(x, tuple | list):
        return len(x) == len(y) and all(_alike(p, q, seen, own) for p, q in zip(x, y, strict=True))
    if isinstance(x, FunctionType):
        return x.__code__ is y.__code__ and _alike(_held(x), _held(y), seen, not _is_hoad(x.__module__))
    if isinstance(x, MethodType):
        return x.__func__ is y.__func__ and _alike(x.__self__, y.__self__, seen, own)
    if isinstance(x, partial):
        return _alike((x.func, x.args, x.keywords), (y.func, y.args, y.keywords), seen, own)
    if isinstance(x, Primitive):
        return x.name == y.name and _alike(x.native, y.native, seen, own)
    try:
        if x == y:
            return True
    except Exception:  # whatever a class of the user says
        return False
    names = [n for c in type(x).__mro__ for n in getattr(c, "__slots__", ())] + list(getattr(x, "__dict__", ()))
    if not names:  # a slice, a set, something of a library: its own comparison has spoken, if it has one
        return getattr(type(x), "__eq__", None) is object.__eq__
    own = getattr(type(x), "holds_constants", own and not _is_hoad(type(x).__module__))
    return all(_alike(getattr(x, n, None), getattr(y, n, None), seen, own) for n in names if not n.startswith("__"))


def _is_hoad(module: Any) -> bool:
    return str(module).partition(".")[0] == "hoad"


def _held(f: FunctionType) -> tuple[Any, ...]:
    """What a function carries with it."""
    cells = [c.cell_contents for c in f.__closure__ or () if _is_full(c)]
    return (*cells, *(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values())


def _is_full(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018  # raises if the cell is empty
    except ValueError:
        return False
    return True
