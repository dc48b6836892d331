"""Functions of the array API standard that have more arguments, or other names for them, than in NumPy.

They take what NumPy's functions take and what the standard asks for, so that code written for either runs on traced values.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.core.box import Box

__all__ = ["STANDARD"]


def sort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None, descending: bool = False) -> Any:
    y = np.sort(a, axis=axis, kind=kind, order=order, stable=stable)
    return np.flip(y, -1 if axis is None else axis) if descending else y


def argsort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None, descending: bool = False) -> Any:
    if kind is None and stable is None:
        stable = True  # the standard's default, and one of the orders that NumPy's leaves open
    if not descending:
        return np.argsort(a, axis=axis, kind=kind, order=order, stable=stable)
    if axis is None:
        a, axis = np.ravel(a), -1
    # Equal entries keep their order: the last of the reversed ones is the first.
    backward = np.argsort(np.flip(a, axis), axis=axis, kind=kind, order=order, stable=stable)
    return np.shape(a)[axis] - 1 - np.flip(backward, axis)


def clip(a: Any, min: Any = None, max: Any = None, out: Any = None, **kwargs: Any) -> Any:  # NumPy's and the standard's names
    lower, upper = kwargs.pop("a_min", min), kwargs.pop("a_max", max)
    if out is not None:
        kwargs["out"] = out
    return np.clip(a, lower, upper, **kwargs)


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Any:
    if isinstance(x, Box):  # it is an array of this namespace already
        return np.copy(x) if copy else x
    return np.from_dlpack(x, device=device, copy=copy)


STANDARD: dict[str, Any] = {"sort": sort, "argsort": argsort, "clip": clip, "from_dlpack": from_dlpack}
