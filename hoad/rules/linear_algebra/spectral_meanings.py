"""What an array of eigenvalues, singular values or vectors means, and the memory of it.

What is remembered stands beside the boxes, in a table by identity that also holds the content that it belongs to: an in-place
update makes the memory void.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import ref

import numpy as np

from hoad.core.box import Box, held
from hoad.rules.linear_algebra.spectral_expressions import Decomposition

__all__ = ["Projected", "Scalar", "Values", "Vectors", "is_complex_valued", "note", "recall"]

Scalar = Callable[[Any], Any]


def _same(x: Any) -> Any:
    return x


@dataclass(frozen=True)
class Values:
    """f of the values ``kept`` (all if None), along the last axis, or as a ``row``, a ``column`` or a ``diagonal`` matrix."""

    of: Decomposition
    f: Scalar = _same
    kept: tuple[int, ...] | None = None
    form: str = "last"


@dataclass(frozen=True)
class Vectors:
    """Columns of the basis u or v times f of the values, transposed or conjugated."""

    of: Decomposition
    basis: str
    f: Scalar | None = None
    kept: tuple[int, ...] | None = None
    transposed: bool = False
    conjugated: bool = False


@dataclass(frozen=True)
class Projected:
    """f(L) V^H b."""

    of: Decomposition
    basis: str
    b: Any
    f: Scalar | None
    kept: tuple[int, ...] | None


def is_complex_valued(f: Scalar, of: Decomposition) -> bool:
    with np.errstate(all="ignore"):
        return bool(np.asarray(f(of.values)).dtype.kind == "c")


# -- the memory -------------------------------------------------------------------------------------------------------------------

_memory: dict[int, tuple[Any, Any, Any, Any]] = {}


def note(box: Box, meaning: Any) -> None:
    """Remember what a box means, as long as it lives and keeps its content."""
    key = id(box)
    _memory[key] = (ref(box, lambda _: _memory.pop(key, None)), held(box), box.aux, meaning)


def recall(box: Any, level: float) -> Any:
    """What a box of this level means, None if that is not known (any more)."""
    if not isinstance(box, Box) or box.level != level:
        return None
    found = _memory.get(id(box))
    if found is None or found[0]() is not box or found[1] is not held(box) or found[2] is not box.aux:
        return None
    return found[3]
