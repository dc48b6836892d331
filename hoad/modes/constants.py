"""Arrays that a recording uses as constants: copied where they are temporary, kept by reference where they outlive the function.

A function is recorded twice.  An array that both recordings meet as the same object is data that the function closes over; one that
is made anew each time may be overwritten later in the same run, so that the second recording copies it.  Fingerprints of all
constants, in the order of their use, tell whether both recordings used the same numbers.

Arrays of a device stay there: what is kept, copied and compared of them is on the device as well, and only the answer to a
comparison comes to the host.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np

from hoad.backends import on_device, to_host, truth
from hoad.core.box import Box, Buffer
from hoad.modes.captured import COPIED, RUN, SAMPLES, sample

__all__ = ["Constants", "alike_there", "bits", "fingerprint", "owner"]

Fingerprint = tuple[Any, ...]

COMPARED = 8
"""Large arrays of a device with which one that is made in the function is compared, to keep equal ones once."""

_ATOMS = frozenset((int, float, bool, complex, str, slice, type(None), type(Ellipsis), np.float64))


def owner(a: Any) -> Any:
    """The array whose memory ``a`` looks at."""
    kind = np.ndarray if isinstance(a, np.ndarray) else type(a)
    while isinstance(getattr(a, "base", None), kind):
        a = a.base
    return a


def fingerprint(a: Any) -> Fingerprint:
    """Shape, dtype and a sample of the bytes, or of the numbers of an array of a device."""
    if on_device(a):
        return (a.shape, a.dtype.str, _Sample(a))
    return (a.shape, a.dtype.str, bits(a) if a.size <= COPIED else sample(a))


class _Sample:
    """Copies of some numbers of an array, made and kept on its device; equality waits for the device."""

    __slots__ = ("parts",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, a: Any) -> None:
        if a.size <= COPIED:
            self.parts = [a.copy()]
            return
        plain = a if a.flags.c_contiguous else a.T
        if plain.flags.c_contiguous:
            flat, middle = plain.reshape(-1), a.size // 2
            self.parts = [flat[:: (a.size // SAMPLES) | 1].copy(), flat[middle : middle + RUN].copy()]
            return
        while a.size > SAMPLES:
            axis = int(np.argmax(a.shape))
            a = a[(*(slice(None),) * axis, slice(None, None, 2))]
        self.parts = [a.copy()]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Sample) or len(self.parts) != len(other.parts):
            return False
        return all(alike_there(p, q) for p, q in zip(self.parts, other.parts, strict=True))


def alike_there(a: Any, b: Any) -> bool:
    """Whether two arrays of a device have the same shape, dtype and numbers; a NaN is like another one.  Waits for the device."""
    if a is b:
        return True
    if type(a) is not type(b) or a.shape != b.shape or a.dtype != b.dtype:
        return False
    same = (a == b) | ((a != a) & (b != b))
    return truth((same & (np.signbit(a) == np.signbit(b)) if a.dtype.kind == "f" else same).all())


def bits(a: Any) -> bytes:
    """Bytes that are equal where all numbers are; a long double has more bytes than it uses."""
    if on_device(a):
        a = to_host(a)
    if a.dtype.char not in "gG":
        return a.tobytes()
    kind = np.complex128 if a.dtype.char == "G" else np.float64
    with np.errstate(all="ignore"):
        first = a.astype(kind)
        return first.tobytes() + (a - first).astype(kind).tobytes()


def _compact_there(a: Any) -> Any:
    """A copy on the device, of one element where they are all the same; signs of zeros count."""
    first = a[(slice(0, 1),) * a.ndim]
    if a.dtype.kind == "f" and truth(((a == first) & (np.signbit(a) == np.signbit(first))).all()):
        return np.broadcast_to(first.copy(), a.shape)
    return a.copy("K")


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
        Owners of arrays that both recordings used, by identity; not of arrays of a device, which nothing compares later.
    """

    def __init__(self, first: Constants | None = None) -> None:
        self.first = first
        self.prints: list[Fingerprint] = []
        self.lasting: dict[int, np.ndarray] = {}
        self._owners: dict[int, Callable[[], Any]] = {}
        self._large: list[tuple[Callable[[], Any], Fingerprint]] = []
        self._overwritten: set[int] = set()
        self._kept: dict[int, tuple[np.ndarray, Fingerprint, np.ndarray]] = {}
        self._alike: dict[Any, list[Any]] = {}

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
        return self._there(x) if on_device(x) else x

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
        return self._copied(a, found, _compact)

    def _there(self, a: Any) -> Any:
        """The same for an array of a device."""
        found = fingerprint(a)
        self.prints.append(found)
        root = owner(a)
        if self.first is None:
            self._owners[id(root)] = ref(root)
            if a.size <= COPIED:
                return a
            self._large.append((ref(a), found))
            return np.broadcast_to(a[(slice(0, 1),) * a.ndim].copy(), a.shape)
        lasts = self.first._owners.get(id(root))
        if lasts is not None and lasts() is root and a.size > COPIED and id(root) not in self.first._overwritten:
            return a
        return self._copied(a, found, self._once)

    def _once(self, a: Any) -> Any:
        """A copy of an array of a device, one for several that are alike."""
        if a.size <= COPIED:
            return a.copy("K")
        others = self._alike.setdefault((a.shape, a.strides, a.dtype.str), [])
        found = next((b for b in others[-COMPARED:] if alike_there(a, b)), None)
        if found is None:
            found = _compact_there(a)
            others.append(found)
        return found

    def _copied(self, a: Any, found: Fingerprint, compact: Callable[[Any], Any]) -> Any:
        known = self._kept.get(id(a))
        if known is not None and known[0] is a and known[1] == found:
            return known[2]
        kept = compact(a)
        self._kept[id(a)] = (a, found, kept)
        return kept
