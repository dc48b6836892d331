"""What options of optimisers must be, said where they are given rather than where they fail."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np

from hoad.errors import DTypeError, OptimizeError

__all__ = ["check_block", "check_limits", "finite", "natural", "real_point"]


def natural(what: str, value: Any, least: int = 1) -> int:
    """A whole number that is at least ``least``; a float only if it is whole."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    whole = isinstance(value, Integral) or (isinstance(value, Real) and float(value).is_integer())
    if isinstance(value, bool | np.bool_) or not whole or value < least:
        raise OptimizeError(f"{what} = {value!r}, expected a whole number, at least {least}.")
    return int(value)


def finite(what: str, value: Any, low: float = -np.inf, *, above: bool = False, infinite: bool = False) -> float:
    """A real number that is at least ``low`` (``above``: greater), and finite unless ``infinite`` is allowed."""
    number = isinstance(value, Real) or (isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "fiu")
    if not number or isinstance(value, bool | np.bool_) or np.isnan(value) or not (infinite or np.isfinite(value)):
        raise OptimizeError(f"{what} = {value!r}, expected a {'' if infinite else 'finite '}real number.")
    if value < low or (above and value == low):
        raise OptimizeError(f"{what} = {value!r}, expected a number {'greater than' if above else 'of at least'} {low:g}.")
    return float(value)


def check_limits(maxiter: Any = None, tol: Any = None, time_limit: Any = None) -> None:
    """Raise for a budget or a tolerance that is none; None is no limit."""
    if maxiter is not None:
        natural("maxiter", maxiter, 0)
    if tol is not None:
        finite("tol", tol, infinite=True)
    if time_limit is not None:
        finite("time_limit", time_limit, 0.0, infinite=True)


def real_point(dtype: Any, what: str) -> None:
    """Raise where the point is complex: directions, curvatures and trust regions here are those of real variables."""
    if np.dtype(dtype).kind == "c":
        raise DTypeError(
            f"{what} works on real variables, but the point has dtype {dtype}. Take the real and the imaginary part as two arrays, "
            "f(re + 1j * im), or use a first-order method such as 'sgd' or 'adam'."
        )


def check_block(V: Any, dtype: Any, what: str = "directions") -> Any:
    """Directions as an array of ``dtype``, none of them complex, not finite or not a number."""
    if V.dtype.kind not in "fiub":
        raise DTypeError(f"{what} have dtype {V.dtype}, expected real numbers like the variables ({np.dtype(dtype)}).")
    if not np.isfinite(V).all():
        raise OptimizeError(f"{what} have entries that are not finite, the first in row {int(np.argwhere(~np.isfinite(V))[0][0])}.")
    return V
