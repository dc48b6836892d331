"""Continuation of arrays beyond their ends, as scipy.ndimage names it, and its transpose.

``extend`` copies entries outwards and ``fold`` adds them back: they are each other's transposes, at any length, also where the
continuation is longer than the array.  A filter is a product with weights on the extended array, so that with these two its
transpose is exact at every boundary and costs what the filter costs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.core.box import ops
from hoad.core.kinds import linear
from hoad.core.kinds.batching import shift_axis
from hoad.errors import DTypeError

__all__ = ["CONTINUED", "continued", "extend", "fold", "is_array", "stored", "target_dtype"]

CONTINUED = {
    "reflect": "reflect", "grid-mirror": "reflect", "mirror": "mirror", "nearest": "nearest", "wrap": "wrap",
    "grid-wrap": "wrap", "constant": "constant", "grid-constant": "constant",
}  # fmt: skip
"""What the modes of filters mean, by one name each."""


def continued(at: Any, n: int, mode: str) -> Any:
    """The positions, of n, whose entries stand at the integer positions ``at``; -1 where a constant stands."""
    if not isinstance(at, np.ndarray):
        return _continued(at, n, mode)
    beyond = (at < 0) | (at >= n)  # mostly few, and remainders of whole numbers are slow
    if not beyond.any():
        return at
    y = at.copy()
    y[beyond] = _continued(at[beyond], n, mode)
    return y


def _continued(at: Any, n: int, mode: str) -> Any:
    if mode == "nearest":
        return np.clip(at, 0, n - 1)
    if mode == "wrap":
        return at % n
    if mode == "reflect":
        at = at % (2 * n)
        return np.where(at < n, at, 2 * n - 1 - at)
    if mode == "mirror":
        at = at % max(2 * n - 2, 1)
        return np.where(at < n, at, 2 * n - 2 - at)
    return np.where(np.logical_and(at >= 0, at < n), at, -1)


def _extend(x: Any, axis: int, before: int, after: int, mode: str) -> Any:
    n = x.shape[axis]
    if mode == "constant":
        width = [(0, 0)] * x.ndim
        width[axis] = (before, after)
        return np.pad(x, width)
    if n == 0:  # nothing to continue
        return np.zeros((*x.shape[:axis], before + after, *x.shape[axis + 1 :]), x.dtype)
    return np.take(x, continued(np.arange(-before, n + after), n, mode), axis=axis)


def _fold(g: Any, axis: int, before: int, after: int, mode: str) -> Any:
    n = g.shape[axis] - before - after
    lead = (slice(None),) * axis
    y = np.array(g[(*lead, slice(before, before + n))])
    if mode == "constant" or n == 0:
        return y
    rows = np.moveaxis(y, axis, 0)
    for start, stop in ((-before, 0), (n, n + after)):
        if stop > start:
            edge = np.moveaxis(g, axis, 0)[start + before : stop + before]
            at = continued(np.arange(start, stop), n, mode)
            if mode == "nearest":
                rows[at[0]] += edge.sum(axis=0)
            elif stop - start < n:  # no place is met twice
                rows[at] += edge
            else:
                np.add.at(rows, at, edge)
    return y


extend: Any = linear("extend", _extend, lambda g, shape, **kw: fold.bind(g, **kw), batch=shift_axis)
"""``x`` with ``before`` and ``after`` more entries along ``axis``."""

fold: Any = linear("fold", _fold, lambda g, shape, **kw: extend.bind(g, **kw), batch=shift_axis)
"""The transpose of :data:`extend`."""

# -- the argument output= -----------------------------------------------------------------------------------------------------


def is_array(output: Any) -> bool:
    """Whether ``output`` is an array to fill; dtypes and their classes have a shape, too."""
    return output is not None and not isinstance(output, type | np.dtype | str)


def target_dtype(output: Any, x: Any, *others: Any) -> np.dtype:
    """The dtype of the result for SciPy's ``output`` (None, a dtype, its name, or an array to fill).

    SciPy gives the result the dtype of the image: of whole numbers it would round, and rounding has no useful derivative.
    """
    dtype = x.dtype if output is None else output.dtype if is_array(output) else np.dtype(output)
    is_complex = any(v.dtype.kind == "c" for v in (x, *others) if hasattr(v, "dtype"))
    if dtype.kind not in "fc":
        raise DTypeError.not_inexact(dtype, "the image, or output=, which gives the result of scipy.ndimage its dtype,")
    return np.promote_types(dtype, np.complex64) if is_complex else dtype


def stored(y: Any, output: Any, x: Any) -> Any:
    """The result, in the array ``output`` if one was given."""
    return ops.store_out((output,), y, (x,)) if is_array(output) else y
