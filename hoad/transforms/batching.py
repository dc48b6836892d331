"""vmap: a function of one example as a function of many."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import optree

from hoad.core.box import Box, shape_of
from hoad.core.level import Level
from hoad.core.space import NAMESPACE, flatten, unflatten
from hoad.errors import ShapeError, StructureError
from hoad.modes.batch import Batched
from hoad.transforms.arguments import as_outputs

__all__ = ["vmap"]


def _axes_for(axes: Any, tree: Any, spec: Any, count: int, what: str) -> list[Any]:
    """One axis (or None) for each leaf; an int or None holds for a whole container."""
    if axes is None or isinstance(axes, int):
        return [axes] * count
    try:
        wide = optree.broadcast_prefix(axes, tree, is_leaf=lambda a: a is None, none_is_leaf=True, namespace=NAMESPACE)
    except ValueError as error:
        raise StructureError.differ(what, axes, "an int, None, or a prefix of the container") from error
    return list(wide)


def vmap(f: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0) -> Callable[..., Any]:
    """Function that applies ``f`` to each entry along an axis, in one call.

    Parameters
    ----------
    f : callable
        Function of one example.
    in_axes : int, None, or a tuple of them (or of containers of them)
        The axis of each argument to map over; None for arguments that all examples share.
    out_axes : int or container of ints
        Where the mapped axis goes in the result.

    Returns
    -------
    callable
        Takes positional arguments; returns the results of ``f`` stacked along ``out_axes``.

    Raises
    ------
    ShapeError
        If the mapped axes differ in length.

    Notes
    -----
    Nests in and around every other transform.  An ``if`` on a mapped value raises; use ``np.where``.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> hoad.vmap(np.dot, in_axes=(0, None))(np.eye(2), np.array([3.0, 4.0]))
    array([3., 4.])
    """

    @wraps(f)
    def wrapped(*args: Any) -> Any:
        if not isinstance(in_axes, int | type(None)) and len(in_axes) != len(args):
            raise StructureError.differ("in_axes", f"{len(in_axes)} entries", f"{len(args)}, one for each argument")
        per_argument = [in_axes] * len(args) if isinstance(in_axes, int | type(None)) else list(in_axes)
        flat = [flatten(a) for a in args]
        axes = [
            _axes_for(ax, a, spec, len(leaves), "in_axes") for ax, a, (leaves, spec) in zip(per_argument, args, flat, strict=True)
        ]
        sizes = {
            shape_of(x)[ax]
            for (leaves, _), row in zip(flat, axes, strict=True)
            for x, ax in zip(leaves, row, strict=True)
            if ax is not None
        }
        if len(sizes) != 1:
            found = f"lengths {sorted(sizes)}" if sizes else "no mapped axis"
            raise ShapeError(f"vmap found {found}, expected one common length of all mapped axes. Check in_axes={in_axes!r}.")
        size = sizes.pop()
        with Level(size) as level:
            boxed = [
                unflatten(
                    spec,
                    [x if ax is None else Batched(level, _first(x, ax), None) for x, ax in zip(leaves, row, strict=True)],
                )
                for (leaves, spec), row in zip(flat, axes, strict=True)
            ]
            out = f(*boxed)
        leaves, spec = as_outputs(out)
        back = _axes_for(out_axes, out, spec, len(leaves), "out_axes")
        return unflatten(spec, [_placed(y, level, size, ax) for y, ax in zip(leaves, back, strict=True)])

    return wrapped


def _first(x: Any, axis: int) -> Any:
    x = x if isinstance(x, Box) or hasattr(x, "dtype") else np.asarray(x)
    return x if axis == 0 else np.moveaxis(x, axis, 0)


def _placed(y: Any, level: float, size: int, axis: int) -> Any:
    if isinstance(y, Box) and y.level == level:
        y = y.value
    else:
        y = np.broadcast_to(y, (size, *shape_of(y)))
        y = y if isinstance(y, Box) else y.copy()
    return y if axis == 0 else np.moveaxis(y, 0, axis)
