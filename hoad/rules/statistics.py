"""Covariances, counts with weights, and distinct values."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import is_host, like, of
from hoad.core.box import Box, bare, ops, peek, shape_of
from hoad.core.kinds import composite, constant, linear
from hoad.core.kinds.cotangents import conjugated
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError


def _rows(m: Any, rowvar: bool) -> Any:
    """Observations as rows of a matrix."""
    wide = m if len(shape_of(m)) == 2 else np.reshape(m, (1, -1))
    return np.transpose(wide) if not rowvar and len(shape_of(m)) != 1 else wide


def _cov_body(m: Any, y: Any, aweights: Any, rowvar: bool, ddof: int, fweights: Any) -> Any:
    x = _rows(m, rowvar)
    if y is not None:
        y = np.atleast_2d(y)
        x = np.concatenate((x, np.transpose(y) if not rowvar and shape_of(y)[0] != 1 else y), axis=0)
    w = fweights if aweights is None else aweights if fweights is None else fweights * aweights
    if w is None:
        total, factor = None, shape_of(x)[1] - ddof
        centred = x - np.mean(x, axis=1, keepdims=True)
    else:
        total = np.sum(w)
        factor = total - ddof * (1 if aweights is None else np.sum(w * aweights) / total)
        centred = x - np.sum(x * w, axis=1, keepdims=True) / total
    weighted = centred if w is None else centred * w
    return np.squeeze(np.matmul(centred, conjugated(np.transpose(weighted))) / _at_least_zero(factor))


def _at_least_zero(x: Any) -> Any:
    return np.float64(max(x, 0.0)) if is_host(x) else np.maximum(x, 0.0)


def _correlation_body(m: Any, y: Any, rowvar: bool) -> Any:
    c = _cov_body(m, y, None, rowvar=rowvar, ddof=1, fweights=None)
    if len(shape_of(c)) == 0:
        return c / c
    deviation = np.sqrt(ops.real(np.diagonal(c)))
    return c / deviation[:, None] / deviation[None, :]


_native: Any = np  # NumPy types its overloads by hand
cov_ = composite("cov", lambda m, y, w, rowvar, **kw: _native.cov(m, y, rowvar=rowvar, aweights=w, **kw), _cov_body)
corrcoef_ = composite("corrcoef", lambda m, y, rowvar: _native.corrcoef(m, y, rowvar=rowvar), _correlation_body)


def _observed(m: Any, y: Any) -> tuple[Any, ...]:
    arrays = tuple(None if a is None else a if isinstance(a, Box) else ops.array(a) for a in (m, y))
    if any(len(shape_of(a)) > 2 for a in arrays if a is not None):
        raise ValueError("m has more than 2 dimensions")
    return tuple(None if a is None else ops.astype(a, np.promote_types(peek(a).dtype, float)) for a in arrays)


def _weights(w: Any, count: int, array: Any, name: str) -> Any:
    """Weights of the observations, checked as NumPy checks them."""
    if w is None:
        return None
    w = w if isinstance(w, Box) else like(of(w).asarray(w), peek(array))
    if len(shape_of(w)) > 1:
        raise RuntimeError(f"cannot handle multidimensional {name}")
    if shape_of(w)[0] != count:
        raise RuntimeError(f"incompatible numbers of samples and {name}")
    if is_host(peek(w)) and np.any(bare(w) < 0):
        raise ValueError(f"{name} cannot be negative")
    return w


def cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None, fweights: Any = None, aweights: Any = None, *,
    dtype: Any = None,
) -> Any:  # fmt: skip
    arrays = _observed(m, y)
    ddof = (0 if bias else 1) if ddof is None else ddof
    shape = shape_of(arrays[0])
    count = 1 if not shape else shape[0] if len(shape) == 1 or not rowvar else shape[1]
    if isinstance(fweights, Box):
        raise UnsupportedFunctionError.no_rule("np.cov with respect to fweights", "; with respect to aweights it has one")
    fweights, aweights = (_weights(w, count, arrays[0], name) for w, name in ((fweights, "fweights"), (aweights, "aweights")))
    c = cov_.bind(*arrays, aweights, rowvar=bool(rowvar), ddof=ddof, fweights=fweights)
    return c if dtype is None else ops.astype(c, dtype)


def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """NumPy clips rounding errors beyond ±1; the derivative ignores that."""
    c = corrcoef_.bind(*_observed(x, y), rowvar=bool(rowvar))
    return c if dtype is None else ops.astype(c, dtype)


bincount_ = linear("bincount", lambda w, x, minlength: np.bincount(x, w, minlength), lambda g, shape, x, minlength: g[x])


def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    if isinstance(x, Box):
        raise UnsupportedFunctionError.no_rule("np.bincount of traced values", "; of traced weights it has one")
    return bincount_.bind(weights, x=like(of(x).asarray(x), peek(weights)), minlength=int(minlength))


def _no_batches(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    raise UnsupportedFunctionError.no_rule("np.unique of batched values", ", because the shape of its result depends on them")


_unique = constant(
    "unique_indices", lambda x, axis, **kw: np.unique(x, True, True, True, axis, **kw)[1:], multi=True, batch=_no_batches
)


def unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    **kwargs: Any,
) -> Any:
    """Sorted distinct values; each carries the derivative of its first occurrence."""
    index, inverse, counts = _unique.bind(ar, axis=axis, **kwargs)
    values = ops.take(np.ravel(ar), index, 0) if axis is None else ops.take(ar, index, axis)
    extra = [v for v, wanted in ((index, return_index), (inverse, return_inverse), (counts, return_counts)) if wanted]
    return (values, *extra) if extra else values


for _name, _f, _kind in (
    ("cov", cov, "composite"),
    ("corrcoef", corrcoef, "composite"),
    ("bincount", bincount, "linear"),
    ("unique", unique, "selecting"),
):
    expose(_f, f"numpy.{_name}", getattr(np, _name), _kind)
