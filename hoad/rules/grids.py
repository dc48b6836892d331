"""Points between two ends: linspace, geomspace, logspace.  The value is NumPy's; derivatives go through a body."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from hoad.backends import like
from hoad.core.box import ops, peek, shape_of
from hoad.core.kinds import composite
from hoad.core.primitive import expose
from hoad.rules.arguments import numbers_together, place_of, together


def _steps(num: int, endpoint: bool, *ends: Any) -> Any:
    """The fractions of the way from one end to the other, in the precision of the ends."""
    dtype = np.result_type(*[v if type(v) in (int, float, complex) else peek(v).dtype for v in ends], 0.0)
    shape = (-1, *(1,) * max(len(shape_of(v)) for v in ends))
    fractions = (np.arange(num) / max(num - 1 if endpoint else num, 1)).astype(dtype)
    return np.reshape(like(fractions, place_of(*ends)), shape)


def _moved(y: Any, axis: int) -> Any:
    return y if axis == 0 else np.moveaxis(y, 0, axis)


def _linspace_body(start: Any, stop: Any, num: int, endpoint: bool, axis: int) -> Any:
    s = _steps(num, endpoint, start, stop)
    return _moved(start * (1 - s) + stop * s, axis)


def _geomspace_body(start: Any, stop: Any, num: int, endpoint: bool, axis: int) -> Any:
    return _moved(start * (stop / start) ** _steps(num, endpoint, start, stop), axis)


def _logspace_body(start: Any, stop: Any, base: Any, num: int, endpoint: bool, axis: int) -> Any:
    s = _steps(num, endpoint, start, stop, base)
    return _moved(base ** (start * (1 - s) + stop * s), axis)


linspace_ = composite("linspace", lambda a, b, num, endpoint, axis: np.linspace(a, b, num, endpoint, axis=axis), _linspace_body)
geomspace_ = composite("geomspace", lambda a, b, num, endpoint, axis: np.geomspace(a, b, num, endpoint, axis=axis), _geomspace_body)
logspace_ = composite(
    "logspace", lambda a, b, base, num, endpoint, axis: np.logspace(a, b, num, endpoint, base, axis=axis), _logspace_body
)


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    **kwargs: Any,
) -> Any:
    (start, stop), num = numbers_together(start, stop), operator.index(num)
    y = linspace_.bind(start, stop, num=num, endpoint=bool(endpoint), axis=axis)
    y = y if dtype is None else ops.astype(y, dtype)
    div = num - 1 if endpoint else num
    return (y, (stop - start) / div if div > 0 else np.nan) if retstep else y


def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    start, stop = (ops.astype(v, np.promote_types(peek(v).dtype, float)) for v in together(start, stop))
    y = geomspace_.bind(start, stop, num=operator.index(num), endpoint=bool(endpoint), axis=axis)
    return y if dtype is None else ops.astype(y, dtype)


def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: int = 0
) -> Any:
    start, stop, base = numbers_together(start, stop, base)
    y = logspace_.bind(start, stop, base, num=operator.index(num), endpoint=bool(endpoint), axis=axis)
    return y if dtype is None else ops.astype(y, dtype)


for _name, _f, _kind in (
    ("linspace", linspace, "linear"),
    ("geomspace", geomspace, "composite"),
    ("logspace", logspace, "composite"),
):
    expose(_f, f"numpy.{_name}", getattr(np, _name), _kind)
