"""Filters that choose an entry of each neighbourhood: minimum, maximum, median, percentile, rank, and flat grey morphology.

The same filter on the ranks of the entries says which entry was chosen, at the cost of a sort; the derivative follows that entry.
Of equal entries one is chosen, not a mean of them.  Where the constant beyond the ends was chosen, the derivative with respect to
the image is zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.ndimage as nd

from hoad.core.box import ops
from hoad.core.kinds import composite, constant
from hoad.core.kinds.batching import by_loop
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array
from hoad.rules.scipy.ndimage.boundary import stored, target_dtype

__all__ = ["chosen"]

Filter = Callable[[Any, Any], Any]


def _positions(x: Any, c: Any, apply: Filter) -> Any:
    """For each entry of the result the flat position of the entry of x that it is; -1 for the constant beyond the ends."""
    flat = np.ravel(x)
    order = np.argsort(flat, kind="stable")
    ranks = np.empty(flat.size)
    ranks[order] = np.arange(flat.size)
    between = np.searchsorted(flat, float(c), sorter=order) - 0.5
    found = np.asarray(apply(ranks.reshape(np.shape(x)), between))
    inside = found == np.floor(found)
    if not flat.size:
        return np.full(found.shape, -1)
    at = np.where(inside, order[np.where(inside, found, 0).astype(int)], -1)
    if np.isnan(flat[order[-1]]):  # SciPy's choice then depends on the order of its comparisons
        at = np.where(np.where(at < 0, c, flat[at]) == apply(x, c), at, UNKNOWN)
    return at


UNKNOWN = -2
"""The position where NaN keeps it from being known; the derivative there is NaN."""

positions_ = constant("ndimage.positions", _positions, batch=by_loop)


def _body(x: Any, c: Any, apply: Filter) -> Any:
    at = positions_.bind(x, c, apply=apply)
    picked = np.take_along_axis(np.reshape(x, (-1,)), np.reshape(np.maximum(at, 0), (-1,)), axis=0)
    y = np.reshape(picked, at.shape) * np.where(at == UNKNOWN, np.nan, 1.0).astype(x.dtype)
    return ops.astype(np.where(at == -1, c, y), x.dtype)


chosen_ = composite("ndimage.chosen", lambda x, c, apply: apply(x, c), _body)


def chosen(input: Any, output: Any, cval: Any, apply: Filter) -> Any:
    """The result of ``apply(image, constant)``, which puts entries of the image in their places."""
    x = as_array(input)
    if x.dtype.kind == "c":
        raise TypeError("Complex type not supported")
    dtype = target_dtype(output, x)
    y = chosen_.bind(x, cval, apply=apply)
    return stored(y if y.dtype == dtype else ops.astype(y, dtype), output, input)


def _one_axis(native: Any) -> Any:
    def function(
        input: Any, size: int, axis: int = -1, output: Any = None, mode: str = "reflect", cval: Any = 0.0, origin: int = 0
    ) -> Any:
        return chosen(input, output, cval, lambda v, c: native(v, size, axis, mode=mode, cval=c, origin=origin))

    return function


def _extreme(native: Any) -> Any:
    def function(
        input: Any, size: Any = None, footprint: Any = None, output: Any = None, mode: Any = "reflect", cval: Any = 0.0,
        origin: Any = 0, **axes: Any,
    ) -> Any:  # fmt: skip
        return chosen(input, output, cval, lambda v, c: native(v, size, footprint, mode=mode, cval=c, origin=origin, **axes))

    return function


def _ranked(native: Any) -> Any:
    def function(
        input: Any, rank: Any, size: Any = None, footprint: Any = None, output: Any = None, mode: Any = "reflect",
        cval: Any = 0.0, origin: Any = 0, **axes: Any,
    ) -> Any:  # fmt: skip
        return chosen(input, output, cval, lambda v, c: native(v, rank, size, footprint, mode=mode, cval=c, origin=origin, **axes))

    return function


def percentile_filter(
    input: Any, percentile: Any, size: Any = None, footprint: Any = None, output: Any = None, mode: Any = "reflect",
    cval: Any = 0.0, origin: Any = 0, **axes: Any,
) -> Any:  # fmt: skip
    return _ranked(nd.percentile_filter)(input, percentile, size, footprint, output, mode, cval, origin, **axes)


def _flat(native: Any) -> Any:
    def function(
        input: Any, size: Any = None, footprint: Any = None, structure: Any = None, output: Any = None, mode: str = "reflect",
        cval: Any = 0.0, origin: Any = 0, **axes: Any,
    ) -> Any:  # fmt: skip
        if structure is not None:
            detail = "; with size= or footprint= it has one"
            raise UnsupportedFunctionError.no_rule(f"scipy.ndimage.{native.__name__} with a structure", detail)
        return chosen(input, output, cval, lambda v, c: native(v, size, footprint, mode=mode, cval=c, origin=origin, **axes))

    return function


erosion, dilation = _flat(nd.grey_erosion), _flat(nd.grey_dilation)


def _in_two_steps(first: Any, second: Any, finish: Any) -> Any:
    """``finish(x, first of x, second of the first)``: the compositions of erosion and dilation."""

    def function(
        input: Any, size: Any = None, footprint: Any = None, structure: Any = None, output: Any = None, mode: str = "reflect",
        cval: Any = 0.0, origin: Any = 0, **axes: Any,
    ) -> Any:  # fmt: skip
        x = as_array(input)
        a = first(x, size, footprint, structure, None, mode, cval, origin, **axes)
        b = second(a if finish is not _difference else x, size, footprint, structure, None, mode, cval, origin, **axes)
        return stored(ops.astype(finish(x, a, b), target_dtype(output, x)), output, input)

    return function


def _difference(x: Any, a: Any, b: Any) -> Any:
    return a - b


for _name in ("minimum_filter1d", "maximum_filter1d"):
    expose(_one_axis(getattr(nd, _name)), f"scipy.ndimage.{_name}", getattr(nd, _name), "selecting")
for _name in ("minimum_filter", "maximum_filter", "median_filter"):
    expose(_extreme(getattr(nd, _name)), f"scipy.ndimage.{_name}", getattr(nd, _name), "selecting")
expose(_ranked(nd.rank_filter), "scipy.ndimage.rank_filter", nd.rank_filter, "selecting")
expose(percentile_filter, "scipy.ndimage.percentile_filter", nd.percentile_filter, "selecting")
for _name, _f in (
    ("grey_erosion", erosion), ("grey_dilation", dilation),
    ("grey_opening", _in_two_steps(erosion, dilation, lambda x, a, b: b)),
    ("grey_closing", _in_two_steps(dilation, erosion, lambda x, a, b: b)),
    ("white_tophat", _in_two_steps(erosion, dilation, lambda x, a, b: x - b)),
    ("black_tophat", _in_two_steps(dilation, erosion, lambda x, a, b: b - x)),
    ("morphological_gradient", _in_two_steps(dilation, erosion, _difference)),
):  # fmt: skip
    expose(_f, f"scipy.ndimage.{_name}", getattr(nd, _name), "selecting")
