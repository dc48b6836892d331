"""Methods of ufuncs: reduce, accumulate, reduceat, outer and at, for the ufuncs where they have a derivative.

They are the reductions, scans and updates under other names; outer is there for every binary ufunc registered before.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import asarray
from hoad.core.box import Box, ops, ufuncs
from hoad.core.in_place import assign
from hoad.errors import InPlaceError
from hoad.rules.reductions import NoValue

for _ufunc, _f in (
    (np.add, ops.sum), (np.multiply, ops.prod), (np.maximum, ops.max), (np.minimum, ops.min),
    (np.logical_and, ops.all), (np.logical_or, ops.any),
):  # fmt: skip

    def _reduce(
        a: Any, axis: Any = 0, dtype: Any = None, keepdims: Any = False, initial: Any = NoValue, where: Any = True, _f: Any = _f
    ) -> Any:
        given = {} if initial is NoValue else {"initial": initial}
        if dtype is not None:
            a = ops.astype(a, dtype)
        return _f(a, axis, keepdims=keepdims, where=where, **given)

    ufuncs[_ufunc, "reduce"] = _reduce
for _ufunc, _f in ((np.add, ops.cumsum), (np.multiply, ops.cumprod)):
    ufuncs[_ufunc, "accumulate"] = lambda a, axis=0, dtype=None, _f=_f: _f(a, axis, dtype)


def _outer(ufunc: Any) -> Any:
    def outer(a: Any, b: Any, **kwargs: Any) -> Any:
        a, b = asarray(a), asarray(b)
        return ufunc(np.reshape(a, tuple(a.shape) + (1,) * b.ndim), b, **kwargs)

    return outer


def _add_at(a: Any, indices: Any, b: Any, name: str = "np.add.at") -> None:
    if not isinstance(a, Box):
        raise InPlaceError.plain_buffer(f"the first argument of {name}", a, "Make")
    assign(a, ops.index_add(a, indices, b))


def _reduceat(a: Any, indices: Any, axis: int = 0, dtype: Any = None) -> Any:
    a = a if dtype is None else ops.astype(a, dtype)
    moved = ops.moveaxis(a, axis, 0)
    n = moved.shape[0]
    stops = [*list(indices)[1:], n]
    rows = [moved[i] if stop <= i else ops.sum(moved[i:stop], 0) for i, stop in zip(indices, stops, strict=True)]
    return ops.moveaxis(ops.stack(rows), 0, axis)


ufuncs[np.add, "at"] = _add_at
ufuncs[np.subtract, "at"] = lambda a, indices, b: _add_at(a, indices, -b, "np.subtract.at")
ufuncs[np.add, "reduceat"] = _reduceat

for _ufunc, _method in list(ufuncs):
    if _method == "__call__" and getattr(_ufunc, "nin", 0) == 2:
        ufuncs[_ufunc, "outer"] = _outer(_ufunc)
