"""What users may pass for an array: lists, numbers, and host arrays beside others that are on a device."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import is_host, like, of
from hoad.core.box import Box, ops, peek


def as_array(x: Any) -> Any:
    """Lists (of traced values too) and numbers as arrays; arrays of any library and traced values as they are."""
    if isinstance(x, list | tuple):
        return ops.array(x)
    return x if isinstance(x, Box) else of(x).asarray(x)


def holds_box(x: Any) -> bool:
    """Whether an argument is a traced value or a list with one in it."""
    return isinstance(x, Box) or (isinstance(x, list | tuple) and any(map(holds_box, x)))


def joined(x: Any) -> Any:
    """Lists that hold traced values as traced arrays; everything else as it is."""
    return ops.array(x) if isinstance(x, list | tuple) and holds_box(x) else x


def normal_axis(axis: Any, ndim: int) -> int:
    """One axis as a number from 0 on, or NumPy's error: what a batch has before it must not be met by counting too far."""
    if type(axis) is int and 0 <= axis < ndim:
        return axis
    return np.lib.array_utils.normalize_axis_index(axis, ndim)


def place_of(*xs: Any) -> Any:
    """The plain array among these whose device the others belong on."""
    return next((plain for x in xs if not is_host(plain := peek(x))), 0)


def together(*xs: Any) -> list[Any]:
    """Arrays on one device."""
    arrays = [as_array(x) for x in xs]
    place = place_of(*arrays)
    return arrays if is_host(place) else [like(a, place) for a in arrays]


def as_number(x: Any) -> Any:
    """Lists as arrays; Python numbers stay, because they do not promote the dtype."""
    return x if type(x) in (int, float, complex) else as_array(x)


def numbers_together(*xs: Any) -> list[Any]:
    """The same for several, as arrays on one device."""
    numbers = [as_number(x) for x in xs]
    place = place_of(*numbers)
    return numbers if is_host(place) else [like(x, place) for x in numbers]
