"""Covariances, counts with weights, and distinct values."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import is_host, like, of
from hoad.core.box import Box, ops, shape_of, strip
from hoad.core.kinds import composite, constant, linear
from hoad.core.kinds.cotangents import conjugated
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError


def _rows(m: Any, rowvar: bool) -> Any:
    """Observations as rows of a matrix."""
    wide = m if len(shape_of(m)) == 2 else np.reshape(m, (1, -1))
    return np.transpose(wide) if not rowvar and len(shape_of(m)) != 1 else wide


def _cov_body(m: Any, *more: Any, rowvar: bool, ddof: int, fweights: Any, aweights: Any) -> Any:
    x = _rows(m, rowvar)
    if more:
        y = np.atleast_2d(more[0])
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
    return max(x, 0.0) if is_host(x) else np.maximum(x, 0.0)


def _correlation_body(m: Any, *more: Any, rowvar: bool) -> Any:
    c = _cov_body(m, *more, rowvar=rowvar, ddof=1, fweights=None, aweights=None)
    if len(shape_of(c)) == 0:
        return c / c
    deviation = np.sqrt(ops.real(np.diagonal(c)))
    return c / deviation[:, None] / deviation[None, :]


_native: Any = np  # NumPy types its overloads by hand
cov_ = composite("cov", lambda m, *more, rowvar, **kw: _native.cov(m, *more, rowvar=rowvar, **kw), _cov_body)
corrcoef_ = composite("corrcoef", lambda m, *more, rowvar: _native.corrcoef(m, *more, rowvar=rowvar), _correlation_body)


def _observed(m: Any, y: Any) -> tuple[Any, ...]:
    arrays = tuple(a if isinstance(a, Box) else ops.array(a) for a in (m, y) if a is not None)
    if any(len(shape_of(a)) > 2 for a in arrays):
        raise ValueError("m has more than 2 dimensions")
    return tuple(ops.astype(a, np.promote_types(strip(a).dtype, float)) for a in arrays)


def _plain_weights(w: Any, name: str, array: Any) -> Any:
    if isinstance(w, Box):
        raise UnsupportedFunctionError.no_rule(f"np.cov with respect to {name}")
    return None if w is None else like(of(w).asarray(w), strip(array))


def cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None, fweights: Any = None, aweights: Any = None, *,
    dtype: Any = None,
) -> Any:  # fmt: skip
    arrays = _observed(m, y)
    ddof = (0 if bias else 1) if ddof is None else ddof
    c = cov_.bind(
        *arrays,
        rowvar=bool(rowvar),
        ddof=ddof,
        fweights=_plain_weights(fweights, "fweights", arrays[0]),
        aweights=_plain_weights(aweights, "aweights", arrays[0]),
    )
    return c if dtype is None else ops.astype(c, dtype)


def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """NumPy clips rounding errors beyond ±1; the derivative ignores that."""
    c = corrcoef_.bind(*_observed(x, y), rowvar=bool(rowvar))
    return c if dtype is None else ops.astype(c, dtype)


bincount_ = linear("bincount", lambda w, x, minlength: np.bincount(x, w, minlength), lambda g, shape, x, minlength: g[x])


def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    if isinstance(x, Box):
        raise UnsupportedFunctionError.no_rule("np.bincount of traced values", "; of traced weights it has one")
    return bincount_.bind(weights, x=like(of(x).asarray(x), strip(weights)), minlength=int(minlength))


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
