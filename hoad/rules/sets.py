"""Distinct values and sets: each value that is returned carries the derivative of the element it was taken from.

The shape of the results depends on the values, so they have no batches; tests of membership do.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import asarray
from hoad.core.box import Box, ops, strip
from hoad.core.kinds import constant
from hoad.core.kinds.batching import by_loop
from hoad.core.primitive import expose
from hoad.rules.arguments import as_array
from hoad.rules.statistics import unique

isin_ = constant("isin", lambda a, test, invert: np.isin(a, test, invert=invert), batch=by_loop)


def isin(element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *, kind: Any = None) -> Any:
    return isin_.bind(as_array(element), as_array(test_elements), invert=bool(invert))


def _result(native: Any, values: Any) -> Any:
    """The named tuple that NumPy returns."""
    fields = type(native(np.zeros(1)))
    return fields(*values)


def unique_all(x: Any) -> Any:
    return _result(np.unique_all, unique(x, True, True, True, equal_nan=False))


def unique_counts(x: Any) -> Any:
    return _result(np.unique_counts, unique(x, return_counts=True, equal_nan=False))


def unique_inverse(x: Any) -> Any:
    return _result(np.unique_inverse, unique(x, return_inverse=True, equal_nan=False))


def unique_values(x: Any) -> Any:
    """Sorted, whatever order NumPy returns them in: it promises none."""
    return unique(x, equal_nan=False)


def _flat(x: Any) -> Any:
    return ops.ravel(asarray(as_array(x)))


def union1d(ar1: Any, ar2: Any) -> Any:
    return unique(ops.concatenate([_flat(ar1), _flat(ar2)]))


def intersect1d(ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False) -> Any:
    """Of elements that are in both, the first array's is taken."""
    a, b = _flat(ar1), _flat(ar2)
    values, first, second = np.intersect1d(strip(a), strip(b), assume_unique, return_indices=True)
    y = a[first] if isinstance(a, Box) else values
    return (y, first, second) if return_indices else y


def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    a = _flat(ar1)
    if not assume_unique:
        a = unique(a) if isinstance(a, Box) else np.unique(a)
    return a[np.flatnonzero(asarray(strip(isin(a, ar2, invert=True))))]


def setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    a, b = (x if assume_unique else unique(x) if isinstance(x, Box) else np.unique(x) for x in map(_flat, (ar1, ar2)))
    both = ops.concatenate([a, b])
    order = np.argsort(strip(both), kind="stable")
    plain = strip(both)[order]
    if not plain.size:
        return both
    edge = np.concatenate([[True], plain[1:] != plain[:-1], [True]])
    return both[order[edge[1:] & edge[:-1]]]


for _name, _f in (
    ("unique_all", unique_all), ("unique_counts", unique_counts), ("unique_inverse", unique_inverse),
    ("unique_values", unique_values), ("union1d", union1d), ("intersect1d", intersect1d), ("setdiff1d", setdiff1d),
    ("setxor1d", setxor1d),
):  # fmt: skip
    if hasattr(np, _name):
        expose(_f, f"numpy.{_name}", getattr(np, _name), "selecting")
expose(isin, "numpy.isin", np.isin, "constant")
