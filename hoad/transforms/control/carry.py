"""The carry of a loop, which keeps its structure, shapes and dtypes from step to step, and what the functions of a loop use."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import numpy as np

from hoad.core.box import Box, Buffer, peek, shape_of
from hoad.core.level import STATE
from hoad.core.space import flatten, unflatten
from hoad.errors import LoopError

__all__ = ["Carry", "closed_over", "leaves_of", "text_of", "what_is"]


def leaves_of(tree: Any) -> tuple[list[Any], Any]:
    """Leaves and structure; None is a container of nothing."""
    leaves, spec = flatten((tree,))
    return [_leaf(x) for x in leaves], spec


def _leaf(x: Any) -> Any:
    if type(x) is Buffer:
        return x.value
    if isinstance(x, Box) or hasattr(x, "dtype"):
        return x
    if isinstance(x, bool | int):  # a counter stays one
        return x
    if isinstance(x, float | complex):
        return np.complex128(x) if isinstance(x, complex) else np.float64(x)
    raise TypeError(f"a loop was given {type(x).__name__}, expected numbers, arrays or containers of them.")


class Carry:
    """What every step has to return: the structure, shapes and dtypes of the first carry."""

    def __init__(self, name: str, init: Any) -> None:
        self.name = name
        self.leaves, self.spec = leaves_of(init)
        self.like = [_kind(x) for x in self.leaves]

    def last(self, leaves: list[Any]) -> Any:
        """The carry that a loop returns, as arrays of its own."""
        return self.unpack(
            [x.copy() if type(x) is np.ndarray and (x.base is not None or not x.flags.writeable) else x for x in leaves]
        )

    def unpack(self, leaves: list[Any]) -> Any:
        """The container of leaves."""
        return unflatten(self.spec, leaves)[0]

    def checked(self, new: Any) -> list[Any]:
        """Leaves of what a step returned."""
        leaves, spec = leaves_of(new)
        if spec != self.spec:
            raise LoopError.carry(self.name, "structure", text_of(spec), text_of(self.spec))
        for i, (x, (shape, dtype)) in enumerate(zip(leaves, self.like, strict=True)):
            found = _kind(x)
            if found == (shape, dtype):
                continue
            if found[0] != shape:
                raise LoopError.carry(self.name, "shape", found[0], shape)
            if dtype in (int, bool):  # a Python number takes the dtype that the first step gives it
                self.like[i] = found
            elif found[1] in (int, bool) and dtype.kind in "fciu":
                leaves[i] = dtype.type(x)
            else:
                raise LoopError.carry(self.name, "dtype", _name(found[1]), dtype)
        return leaves


def _name(dtype: Any) -> str:
    return dtype.__name__ if isinstance(dtype, type) else str(dtype)


def text_of(spec: Any) -> str:
    """The structure that a user knows, without the tuple around it."""
    found = re.fullmatch(r"PyTreeSpec\(\((.*),\)(, namespace=.*)?\)", str(spec), re.DOTALL)
    return found[1] if found else str(spec)


def what_is(x: Any) -> str:
    return "array or number" if isinstance(x, Box) or hasattr(x, "dtype") else type(x).__name__


def _kind(x: Any) -> tuple[Any, Any]:
    if isinstance(x, bool | int):
        return (), type(x)
    return tuple(shape_of(x)), peek(x).dtype


def closed_over(*functions: Any) -> list[Any]:
    """Traced values that functions close over, as far as can be seen from outside; others are found on the way."""
    found: list[Any] = []
    seen: set[int] = set()
    waiting: list[tuple[Any, int]] = [(f, 0) for f in functions]
    while waiting:
        x, depth = waiting.pop()
        if id(x) in seen or depth > 5:
            continue
        seen.add(id(x))
        if isinstance(x, Box):
            if x.level in STATE:  # what an earlier differentiation left in an object need not be used
                found.append(x)
        elif isinstance(x, partial):
            waiting += [(y, depth + 1) for y in (x.func, *x.args, *x.keywords.values())]
        elif isinstance(x, dict | list | tuple):
            waiting += [(y, depth + 1) for y in (x.values() if isinstance(x, dict) else x)][:1000]
        else:
            for cell in getattr(x, "__closure__", None) or ():
                try:
                    waiting.append((cell.cell_contents, depth + 1))
                except ValueError:  # not yet filled
                    continue
            waiting += [(y, depth + 1) for y in (getattr(x, "__defaults__", None) or ())]
            owner = getattr(x, "__self__", None)
            if owner is not None and hasattr(owner, "__dict__"):
                waiting += [(y, depth + 1) for y in vars(owner).values()]
    return found
