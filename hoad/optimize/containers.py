"""Arithmetic on containers of arrays, leaf by leaf: what optimisers need to treat a dict of weights like one array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.core.box import strip
from hoad.core.space import as_leaf, flatten, flatten_like, map_leaves, unflatten

__all__ = ["all_finite", "apply_updates", "global_norm", "leafwise", "zeros_of"]


def leafwise(f: Callable[..., Any], x: Any, *rest: Any) -> Any:
    """``f`` applied to corresponding leaves of containers of one structure."""
    leaves, spec = flatten(x)
    columns = [flatten(r)[0] for r in rest]
    return unflatten(spec, [f(*parts) for parts in zip(leaves, *columns, strict=True)])


def zeros_of(x: Any) -> Any:
    """Zeros like the leaves of ``x``; Python numbers become NumPy scalars."""
    return map_leaves(lambda leaf: as_leaf(leaf, "params") * 0, x)


def apply_updates(params: Any, updates: Any) -> Any:
    """Parameters moved by updates.

    Parameters
    ----------
    params : array or container
        Where you are.
    updates : like params
        What an optimiser's ``update`` returned.

    Returns
    -------
    like params
        ``params + updates``, leaf by leaf, each in its own dtype.

    Raises
    ------
    StructureError, ShapeError
        If the updates do not fit.

    Examples
    --------
    >>> import hoad
    >>> hoad.optimize.apply_updates({"w": 1.0}, {"w": 0.5})
    {'w': np.float64(1.5)}
    """
    leaves, spec = flatten(params)
    leaves = [as_leaf(leaf, "params") for leaf in leaves]
    moves = flatten_like(updates, leaves, spec, "updates")
    return unflatten(spec, [x + u for x, u in zip(leaves, moves, strict=True)])


def global_norm(x: Any) -> Any:
    """Euclidean norm over all leaves together, as ``optax.global_norm``.

    Parameters
    ----------
    x : array or container
        For example a gradient; complex entries count by their absolute values.

    Returns
    -------
    float scalar
        A NumPy scalar; 0 for an empty container.  Squares that leave the range of floats do not spoil it.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> hoad.optimize.global_norm({"w": np.array([1.0, 2.0]), "b": 2.0})
    np.float64(3.0)
    """
    leaves = [leaf for leaf in flatten(x)[0] if np.size(strip(leaf))]
    if not leaves:
        return np.float64(0.0)
    with np.errstate(over="ignore", under="ignore"):
        norm = np.sqrt(sum(np.sum(np.abs(leaf) ** 2) for leaf in leaves))
    largest = max(np.max(np.abs(strip(leaf))) for leaf in leaves)
    if (np.isinf(strip(norm)) and np.isfinite(largest)) or (strip(norm) == 0 and largest > 0):
        return largest * np.sqrt(sum(np.sum(np.abs(leaf / largest) ** 2) for leaf in leaves))
    return norm


def all_finite(x: Any) -> bool:
    """Whether every entry of every leaf is finite."""
    return all(bool(np.all(np.isfinite(leaf))) for leaf in flatten(x)[0])
