"""Common steps: what was computed already from the same operands is not computed again.

Each step is numbered by its primitive, its operands and its keywords (value numbering by a hash table; Cocke 1970).  Constants
are the same if they are bit for bit: 0.0 and -0.0 differ, and so do 2 and 2.0.  Sums and products of two operands are looked up
in either order, because swapping them is exact.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from hoad.compiler.passes.rewriting import Slot, Walk, operands, rewrite
from hoad.compiler.steps import Step, Steps

__all__ = ["Constants", "merge_common"]

COMMUTATIVE = frozenset({"add", "multiply", "equal", "not_equal", "logical_and", "logical_or", "logical_xor"})

WHOLE = 4096
"""Constants of at most so many bytes are told apart by all of them at once, larger ones by a sample first."""

SAMPLES = 64

COMPARED = 8
"""With so many arrays of the same sample an array is compared, so that the cost stays linear."""


class Constants:
    """Numbers for constants: the same number for the same type, dtype, shape and bytes.

    Each array object is looked at once: a small one through its bytes, a larger one through a sample of 64 elements and, where
    samples agree, a comparison of all bytes.
    """

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}
        self._by_object: dict[int, int] = {}
        self._alive: list[Any] = []
        self._large: dict[Any, list[tuple[np.ndarray[Any, Any], int]]] = {}

    def number(self, x: Any) -> int:
        """A number that identifies the constant."""
        kind = type(x)
        if kind is np.ndarray and x.nbytes > WHOLE and x.dtype.kind != "O":
            return self._large_number(x)
        return self._of_key(self.key(x))

    def key(self, x: Any) -> Any:
        """A hashable value that is the same for the same constant."""
        kind = type(x)
        if kind is int or kind is str or kind is bool or x is None or x is Ellipsis:
            return (kind, x)
        if kind is float:
            return (kind, x) if x == x and x != 0 else (kind, struct.pack("d", x))
        if kind is complex:
            return (kind, struct.pack("dd", x.real, x.imag))
        if kind is slice:
            return (kind, self.key(x.start), self.key(x.stop), self.key(x.step))
        if kind is tuple or kind is list:
            return (kind, *map(self.key, x))
        if kind is dict:
            return (kind, *((k, self.key(x[k])) for k in sorted(x)))
        if isinstance(x, np.dtype):
            return (np.dtype, x.str)
        if kind is np.ndarray and x.dtype.kind != "O":
            if x.nbytes > WHOLE:
                return (kind, self._large_number(x))
            return (kind, x.dtype.str, x.shape, x.tobytes())
        if isinstance(x, np.generic):
            return (kind, x.tobytes())
        self._alive.append(x)  # functions and other objects: by identity
        return (kind, id(x))

    def _of_key(self, key: Any) -> int:
        return self._numbers.setdefault(key, len(self._numbers))

    def _large_number(self, x: np.ndarray[Any, Any]) -> int:
        found = self._by_object.get(id(x))
        if found is not None:
            return found
        sample = (x.dtype.str, x.shape, _sample(x))
        same = self._large.setdefault(sample, [])
        for other, number in same[:COMPARED]:
            if other is x or _same_bytes(other, x):
                found = number
                break
        else:
            found = self._of_key((np.ndarray, "large", len(self._alive)))
            same.append((x, found))
        self._alive.append(x)
        self._by_object[id(x)] = found
        return found


def _sample(x: np.ndarray[Any, Any]) -> bytes:
    places = np.unravel_index(np.linspace(0, x.size - 1, SAMPLES).astype(np.intp), x.shape)
    return np.asarray(x[places]).tobytes()


def _same_bytes(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> bool:
    if not any(a.strides) and not any(b.strides):  # one element each, which is in the sample
        return True
    return bool(a.tobytes() == b.tobytes())


def merge_common(steps: Steps) -> Steps:
    """Let each step that repeats an earlier one be the earlier one.

    Notes
    -----
    One sweep; linear in the number of steps and in the bytes of their constants.
    """
    constants = Constants()
    seen: dict[Any, tuple[int, ...]] = {}

    def known(walk: Walk, step: Step) -> Any:
        # Slots are numbered from 0 upwards and constants from -1 downwards.
        if len(step.inputs) == len(step.args):
            found = [slot for _, slot in step.inputs]
        else:
            found = [int(a) if type(a) is Slot else -1 - constants.number(a) for a in operands(step)]
        if len(found) == 2 and step.primitive.name in COMMUTATIVE:
            found.sort()
        kw = step.kw
        key = (id(step.primitive), *found, constants.number(kw)) if kw else (id(step.primitive), *found)
        first = seen.setdefault(key, step.outputs)
        if first is step.outputs:
            return None
        return Slot(first[0]) if len(first) == 1 else tuple(map(Slot, first))

    return rewrite(steps, {}, known)
