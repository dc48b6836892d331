"""How a cotangent is scaled and fitted to the argument it belongs to."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.core.box import ops, shape_of

__all__ = ["conjugated", "fit", "fitted", "is_complex", "is_real", "scaled"]


def is_complex(x: Any) -> bool:
    try:
        return x.dtype.kind == "c"
    except AttributeError:
        return isinstance(x, complex) or (isinstance(x, list | tuple) and np.iscomplexobj(x))


def is_real(x: Any) -> bool:
    return not is_complex(x)


def conjugated(s: Any) -> Any:
    """Adjoint of multiplication by s."""
    return np.conjugate(s) if is_complex(s) else s


def scaled(g: Any, s: Any) -> Any:
    """Cotangent ``g`` through multiplication by ``s``."""
    try:
        if s.dtype.kind == "c":
            s = np.conjugate(s)
    except AttributeError:
        s = conjugated(s)
    return g * s


def fit(c: Any, shape: tuple[int, ...], real: bool) -> Any:
    """Cotangent of a broadcast argument: summed to its shape, and real if the argument is."""
    if shape_of(c) != shape:
        c = ops.sum_to(c, shape)
    if real and c.dtype.kind == "c":
        c = ops.real(c)
    return c


def fitted(y: Any, x: Any) -> tuple[tuple[int, ...], bool] | None:
    """Arguments of :func:`fit` for argument ``x`` of result ``y``; None where there is nothing to do."""
    try:
        if x.dtype is y.dtype and x.shape == y.shape:
            return None
    except AttributeError:  # a Python number or a list
        pass
    shape = shape_of(x)
    real = is_real(x)
    if shape == shape_of(y) and (not real or is_real(y)):
        return None
    return shape, real
