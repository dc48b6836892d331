"""Convolution and correlation of vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import arange, asarray
from hoad.core.box import ops, peek, shape_of
from hoad.core.kinds import multilinear
from hoad.core.primitive import expose

_MODES = {"valid": "valid", "same": "same", "full": "full", 0: "valid", 1: "same", 2: "full"}


def _correlation_operands(a: Any, v: Any, mode: Any, names: tuple[str, str]) -> tuple[Any, Any, str]:
    """Operands and mode of a convolution or correlation, if they are what NumPy takes."""
    for x, name in zip((a, v), names, strict=True):
        if x.ndim != 1:
            raise ValueError("object of too small depth for desired array" if x.ndim < 1 else "object too deep for desired array")
        if not x.size:
            raise ValueError(f"{name} cannot be empty")
    if mode not in _MODES:
        raise ValueError(f"mode must be one of 'valid', 'same', or 'full' (got {mode!r})")
    return a, v, _MODES[mode]


def correlate(a: Any, v: Any, mode: Any = "valid") -> Any:
    a, v, mode = _correlation_operands(asarray(a), asarray(v), mode, ("first array argument", "second array argument"))
    if a.shape[0] < v.shape[0]:  # NumPy exchanges the operands, which matters to which end "same" cuts off
        return convolve(np.conjugate(v), a[::-1], mode)[::-1]
    return convolve(a, np.conjugate(v)[::-1], mode)


def _convolve_native(a: Any, v: Any) -> Any:
    return np.convolve(a, v, "full")


def _convolve_pull(i: int, g: Any, xs: Any) -> Any:
    return correlate(g, xs[1 - i], "valid")


def _convolve_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    """Convolution as a product with a Toeplitz matrix of the second operand."""
    n, m = shape_of(xs[0])[-1], shape_of(xs[1])[-1]
    v = xs[1] if flags[1] else np.reshape(xs[1], (1, m))
    at = arange(n + m - 1, peek(v))[None, :] - arange(n, peek(v))[:, None]
    inside = (at >= 0) & (at < m)
    toeplitz = np.where(inside, v[:, np.where(inside, at, 0)], 0.0)
    a = xs[0] if flags[0] else np.reshape(xs[0], (1, n))
    return np.matmul(a[:, None, :], toeplitz)[:, 0, :]


convolve_ = multilinear("convolve", _convolve_native, many=_convolve_pull, batch=_convolve_batch)


def convolve(a: Any, v: Any, mode: Any = "full") -> Any:
    a, v = (ops.reshape(x, (1,)) if x.ndim == 0 else x for x in map(asarray, (a, v)))
    a, v, mode = _correlation_operands(a, v, mode, ("a", "v"))
    if a.shape[0] < v.shape[0]:
        a, v = v, a
    full = convolve_.bind(a, v)
    n, m = a.shape[0], v.shape[0]
    if mode == "full":
        return full
    if mode == "same":
        start = (m - 1) // 2
        return full[start : start + n]
    return full[m - 1 : n]


for _name, _f in (("convolve", convolve), ("correlate", correlate)):
    expose(_f, f"numpy.{_name}", getattr(np, _name), "multilinear")
