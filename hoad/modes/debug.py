"""``hoad.debug_nans()``: stop at the first operation whose derivative is NaN and name it and its source line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from hoad.core.box import bare
from hoad.core.engine import engine
from hoad.errors import NonFiniteError

__all__ = ["debug_nans"]

active = 0
_package = str(Path(__file__).resolve().parents[1])


@contextmanager
def debug_nans() -> Iterator[None]:
    """Raise where a derivative becomes NaN, while the context is active.

    Raises
    ------
    NonFiniteError
        From within the block, naming the operation and the line of the user's code that called it.

    Notes
    -----
    Applies to all threads; costs one pass over every derivative.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> with hoad.debug_nans():
    ...     hoad.grad(lambda x: np.sqrt(x) * 0.0 + np.sqrt(x) ** 2)(1.0)
    np.float64(1.0)
    """
    global active
    active += 1
    try:
        yield
    finally:
        active -= 1


def _has_nan(x: Any) -> bool:
    if type(x) is engine.Scattered:
        return any(_has_nan(piece) for piece, *_ in x.pieces)
    x = bare(x)
    return x is not None and bool(np.isnan(x).any())


def here() -> str:
    """File and line of the innermost frame outside this package and NumPy."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(_package) and "numpy" not in Path(name).parts:
            return f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    return "an unknown line"


def check_tangent(prim: Any, y: Any, t: Any) -> None:
    for value, tangent in zip(y, t, strict=True) if prim.multi else ((y, t),):
        if tangent is not None and _has_nan(tangent) and not _has_nan(value):
            raise NonFiniteError.found(prim.name, "forward", here())


def watched(prim: Any, pull: Any) -> Any:
    """The same pull, checked, with the line of the forward operation."""
    line = here()

    def checked(g: Any) -> Any:
        cotangents = pull(g)
        if not _has_nan(g if not isinstance(g, tuple) else None) and any(
            _has_nan(c) for c in cotangents if c is not None and not callable(c)
        ):
            raise NonFiniteError.found(prim.name, "reverse", line)
        return cotangents

    return checked
