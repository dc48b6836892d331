"""Plain arrays that a tape keeps: what the user writes into them later must not change the derivative of an earlier operation.

NumPy arrays have no version counter.  So a small array is copied when an operation keeps it; of a larger one a sample of the
bytes is taken, once for each tape, and compared when the tape is swept, where a difference is an :class:`InPlaceError`.  Up to
65,536 elements every element enters the sample.  Beyond that it is some 1,024 elements at equal distances, which every update of
a longer run of elements changes, and 2,048 neighbours from the middle, which an update of a column or of every few elements
changes; a few elements that are overwritten in such a large array can go unnoticed.
"""

from __future__ import annotations

import math
from typing import Any
from weakref import ref

import numpy as np

from hoad.errors import InPlaceError

__all__ = ["COPIED", "capture", "sample", "verify"]

COPIED = 1024
"""Arrays of at most so many elements are copied: 0.1 to 0.2 µs, and the derivative is the right one whatever happens later."""

STORED = 8192
"""Of arrays of at most so many elements all bytes are kept for the comparison."""

WHOLE = 65536
"""Of arrays of at most so many elements every element enters the comparison, through sums of rows and columns of its bits."""

SAMPLES = 1024

RUN = 2048

_UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64, 16: np.uint64}

Samples = dict[int, tuple[Any, bytes]]
"""id -> (weak reference to the array, its sample); an array that has died is one that no rule kept."""


def capture(tape: Any, a: Any) -> Any:
    """``a`` or a copy of it, as a rule may keep it.  Samples are kept on the tape."""
    if a.size <= COPIED:
        return a.copy("K")
    if tape.samples is None:
        tape.samples = {}
    samples: Samples = tape.samples
    key = id(a)
    found = samples.get(key)
    if found is None or found[0]() is not a:
        n = len(samples)
        if n >= 64 and not n & (n - 1):  # at powers of two: drop the dead ones
            for k in [k for k, (alive, _) in samples.items() if alive() is None]:
                del samples[k]
        samples[key] = (ref(a), sample(a))
    return a


def verify(samples: Samples) -> None:
    """Raise if an array was overwritten since it was captured."""
    for alive, before in samples.values():
        a = alive()
        if a is not None and sample(a) != before:
            raise InPlaceError.overwritten(a.shape, a.dtype)


def sample(a: Any) -> bytes:
    """All bytes of an array, sums over them, or some of them, by its size."""
    if a.dtype.char in "gG":  # the padding bytes of long doubles are arbitrary
        a = a.astype(np.float64 if a.dtype.char == "g" else np.complex128)
    if a.size <= STORED:
        return a.tobytes()
    contiguous = a if a.flags.c_contiguous else a.T
    if not contiguous.flags.c_contiguous:
        while a.size > SAMPLES:
            axis = int(np.argmax(a.shape))
            a = a[(*(slice(None),) * axis, slice(None, None, 2))]
        return a.tobytes()
    flat = contiguous.reshape(-1)
    if a.size > WHOLE or a.dtype.itemsize not in _UNSIGNED:
        middle = a.size // 2
        return flat[:: (a.size // SAMPLES) | 1].tobytes() + flat[middle : middle + RUN].tobytes()
    words = flat.view(_UNSIGNED[a.dtype.itemsize])
    n = math.isqrt(words.size)
    square = words[: n * n].reshape(n, n)  # a single change, a swap, a shift: each changes a row sum or a column sum
    return square.sum(0).tobytes() + square.sum(1).tobytes() + words[n * n :].tobytes()
