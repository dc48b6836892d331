"""Arrays that a recording uses as constants: copied where they are temporary, kept by reference where they outlive the function.

A function is recorded twice.  An array that both recordings meet as the same object is data that the function closes over; one that
is made anew each time may be overwritten later in the same run, so that the second recording copies it.  Fingerprints of all
constants, in the order of their use, tell whether both recordings used the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np

from hoad.core.box import Box, Buffer
from hoad.modes.captured import COPIED, sample

__all__ = ["Constants", "bits", "fingerprint", "owner"]

Fingerprint = tuple[Any, ...]

_ATOMS = frozenset((int, float, bool, complex, str, slice, type(None), type(Ellipsis), np.float64))


def owner(a: np.ndarray) -> np.ndarray:
    """The array whose memory ``a`` looks at."""
    while isinstance(a.base, np.ndarray):
        a = a.base
    return a


def fingerprint(a: np.ndarray) -> Fingerprint:
    """Shape, dtype and a sample of the bytes."""
    return (a.shape, a.dtype.str, bits(a) if a.size <= COPIED else sample(a))


def bits(a: Any) -> bytes:
    """Bytes that are equal where all numbers are; a long double has more bytes than it uses."""
    if a.dtype.char not in "gG":
        return a.tobytes()
    kind = np.complex128 if a.dtype.char == "G" else np.float64
    with np.errstate(all="ignore"):
        first = a.astype(kind)
        return first.tobytes() + (a - first).astype(kind).tobytes()


def _compact(a: np.ndarray) -> np.ndarray:
    """A copy that repeats what the array repeats."""
    if a.size > COPIED and a.dtype.kind in "fc" and a.flat[0] == a.flat[-1] and a.flat[0] != 0 and bool((a == a.flat[0]).all()):
        return np.broadcast_to(np.array(a.flat[0], a.dtype), a.shape)
    if a.size <= 1 or 0 not in a.strides:
        return a.copy("K")
    return np.broadcast_to(a[tuple(slice(0, 1) if s == 0 else slice(None) for s in a.strides)].copy("K"), a.shape)


class Constants:
    """The constants of one recording.

    Parameters
    ----------
    first : Constants, optional
        Those of the first recording of the same call; without it this is the first one.

    Attributes
    ----------
    prints : list
        Fingerprints of the arrays in the order of their use.
    lasting : dict
        Owners of arrays that both recordings used, by identity.
    """

    def __init__(self, first: Constants | None = None) -> None:
        self.first = first
        self.prints: list[Fingerprint] = []
        self.lasting: dict[int, np.ndarray] = {}
        self._owners: dict[int, Callable[[], Any]] = {}
        self._large: list[tuple[Callable[[], Any], Fingerprint]] = []
        self._overwritten: set[int] = set()
        self._kept: dict[int, tuple[np.ndarray, Fingerprint, np.ndarray]] = {}

    def keep(self, x: Any) -> Any:
        """``x`` as a step may keep it."""
        kind = type(x)
        if kind is np.ndarray or isinstance(x, np.ndarray):
            return self._array(x)
        if kind is tuple or kind is list:
            for v in x:
                if type(v) not in _ATOMS:
                    return kind([self.keep(v) for v in x])
            return x if kind is tuple else x.copy()
        if kind is dict:
            return {k: self.keep(v) for k, v in x.items()}
        if isinstance(x, Box):
            return self.keep(x.value if type(x) is not Buffer else x.snapshot())
        return x

    def close(self) -> None:
        """Find the arrays that were overwritten after a step of this recording had used them."""
        for alive, before in self._large:
            a = alive()
            if a is not None and fingerprint(a) != before:
                self._overwritten.add(id(owner(a)))
        self._kept.clear()

    def _array(self, a: np.ndarray) -> Any:
        if a.dtype.kind == "O":
            return a
        found = fingerprint(a)
        self.prints.append(found)
        root = owner(a)
        if self.first is None:
            self._owners[id(root)] = ref(root)
            if a.size <= COPIED:
                return a
            self._large.append((ref(a), found))
            return np.broadcast_to(a.dtype.type(0), a.shape)  # what is temporary need not stay for the comparison
        lasts = self.first._owners.get(id(root))
        if lasts is not None and lasts() is root:
            self.lasting[id(root)] = root
            if a.size > COPIED and id(root) not in self.first._overwritten:
                return a
        known = self._kept.get(id(a))
        if known is not None and known[0] is a and known[1] == found:
            return known[2]
        kept = _compact(a)
        self._kept[id(a)] = (a, found, kept)
        return kept
