"""Functions put together from pieces: select, piecewise, apply_along_axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import filled, is_host, like
from hoad.core.box import Box, ops, peek, shape_of
from hoad.core.primitive import expose
from hoad.rules.arguments import as_array, normal_axis, place_of


def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if not len(condlist):
        raise ValueError("select with an empty condition list is not possible")
    dtype = np.result_type(*[v if type(v) in (int, float, complex) else peek(as_array(v)).dtype for v in (*choicelist, default)])
    place = place_of(*condlist, *choicelist, default)

    def placed(v: Any) -> Any:
        return like(np.asarray(v, dtype) if type(v) in (int, float, complex) else as_array(v), place)

    y = placed(default)
    for condition, choice in zip(reversed(list(condlist)), reversed(list(choicelist)), strict=True):
        y = ops.where(like(as_array(condition), place), placed(choice), y)
    return y


def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    x = as_array(x)
    if isinstance(condlist, bool | np.bool) or (x.ndim and len(shape_of(condlist[0])) == 0):  # one condition alone
        condlist = [condlist]
    conditions = [c if isinstance(c, Box) or not is_host(c) else like(np.asarray(c, bool), peek(x)) for c in condlist]
    functions = list(funclist)
    if len(conditions) == len(functions) - 1:
        covered = conditions[0]
        for c in conditions[1:]:
            covered = np.logical_or(covered, c)
        conditions.append(np.logical_not(covered))
    elif len(conditions) != len(functions):
        n = len(conditions)
        raise ValueError(f"with {n} condition(s), either {n} or {n + 1} functions are expected")
    y: Any = filled(shape_of(x), 0, peek(x).dtype, peek(x))
    for condition, f in zip(conditions, functions, strict=True):
        if isinstance(condition, Box) or not is_host(condition):  # batched or on a device: evaluated everywhere, then chosen
            y = np.where(condition, f(x, *args, **kw) if callable(f) else f, y)
        elif not callable(f):
            y = np.where(condition, f, y)
        elif np.any(condition):
            y = ops.index_update(y, condition, f(x[condition], *args, **kw))
    return y


def apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    arr = as_array(arr)
    axis = normal_axis(axis, arr.ndim)
    moved = np.moveaxis(arr, axis, -1)
    lead = tuple(moved.shape[:-1])
    rows = np.reshape(moved, (-1, moved.shape[-1]))
    if not rows.shape[0]:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    y = ops.stack([as_array(func1d(rows[i], *args, **kwargs)) for i in range(rows.shape[0])])
    inner = tuple(y.shape[1:])
    y = np.reshape(y, lead + inner)
    source = tuple(range(len(lead), len(lead) + len(inner)))
    return np.moveaxis(y, source, tuple(range(axis, axis + len(inner))))


for _name, _f, _kind in (
    ("select", select, "linear"),
    ("piecewise", piecewise, "composite"),
    ("apply_along_axis", apply_along_axis, "composite"),
):
    expose(_f, f"numpy.{_name}", getattr(np, _name), _kind)
