"""Polynomials by their coefficients, and the matrix of Vandermonde; in the order in which NumPy computes."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from hoad.backends import filled, like
from hoad.core.box import ops, shape_of, strip
from hoad.core.primitive import expose
from hoad.rules.arguments import as_array, together


def polyval(p: Any, x: Any) -> Any:
    p, x = together(p, x)
    y = filled(shape_of(x), 0, strip(x).dtype, strip(x))
    for i in range(shape_of(p)[0]):
        y = y * x + p[i]
    return y


def polyder(p: Any, m: int = 1) -> Any:
    p = as_array(p)
    for _ in range(operator.index(m)):
        p = p[:-1] * like(np.arange(shape_of(p)[0] - 1, 0, -1), strip(p))
    return p


def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    p, m = as_array(p), operator.index(m)
    constants = filled((m,), 0, float, strip(p)) if k is None else np.atleast_1d(like(as_array(k), strip(p)))
    for i in range(m):
        k_i = constants[i if shape_of(constants)[0] > 1 else 0]
        p = ops.concatenate([p / like(np.arange(shape_of(p)[0], 0, -1), strip(p)), np.reshape(k_i, (1,))], 0)
    return p


def _padded(a: Any, n: int) -> Any:
    missing = n - shape_of(a)[0]
    return ops.concatenate([filled((missing,), 0, strip(a).dtype, strip(a)), a], 0) if missing else a


def polyadd(a1: Any, a2: Any) -> Any:
    a1, a2 = np.atleast_1d(as_array(a1)), np.atleast_1d(as_array(a2))
    n = max(shape_of(a1)[0], shape_of(a2)[0])
    return _padded(a1, n) + _padded(a2, n)


def polysub(a1: Any, a2: Any) -> Any:
    a1, a2 = np.atleast_1d(as_array(a1)), np.atleast_1d(as_array(a2))
    n = max(shape_of(a1)[0], shape_of(a2)[0])
    return _padded(a1, n) - _padded(a2, n)


def polymul(a1: Any, a2: Any) -> Any:
    return ops.convolve(np.atleast_1d(as_array(a1)), np.atleast_1d(as_array(a2)))


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:  # NumPy's name
    x = as_array(x)
    if x.ndim != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    x = ops.astype(x, np.promote_types(strip(x).dtype, int))
    n = x.shape[0] if N is None else N
    if n <= 0:
        return filled((x.shape[0], 0), 0, strip(x).dtype, strip(x))
    columns = [filled((x.shape[0],), 1, strip(x).dtype, strip(x))]
    for k in range(1, n):
        columns.append(columns[-1] * x if k > 1 else x)
    return ops.stack(columns if increasing else columns[::-1], 1)


for _name, _f, _kind in (
    ("polyval", polyval, "composite"),
    ("polyder", polyder, "linear"),
    ("polyint", polyint, "linear"),
    ("polyadd", polyadd, "linear"),
    ("polysub", polysub, "linear"),
    ("polymul", polymul, "multilinear"),
    ("vander", vander, "composite"),
):
    expose(_f, f"numpy.{_name}", getattr(np, _name), _kind)
