"""Spaces: containers of arrays as lists of leaves, and the checks that points, directions and results fit each other.

Containers are flattened by optree; a plain dataclass is registered with it when it is first met.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optree

from hoad.core.box import Box, Buffer, peek, shape_of
from hoad.core.engine import engine
from hoad.errors import DTypeError, ShapeError, StructureError

__all__ = [
    "Spec",
    "apart",
    "as_leaf",
    "cast_like",
    "flatten",
    "flatten_like",
    "leaf_zeros",
    "map_leaves",
    "paths",
    "unflatten",
    "zeros_like",
]

NAMESPACE = "hoad"
Spec = Any
"""None for a single array, else optree's description of the container."""

_containers = (dict, list, tuple)


def _register_dataclasses(tree: Any) -> None:
    for leaf in optree.tree_leaves(tree, namespace=NAMESPACE):
        if dataclasses.is_dataclass(leaf) and not isinstance(leaf, type):
            cls = type(leaf)
            names = [f.name for f in dataclasses.fields(cls)]

            def parts(x: Any, names: Any = names) -> Any:
                return [getattr(x, n) for n in names], None, names

            def build(_: Any, values: Any, cls: Any = cls, names: Any = names) -> Any:
                new = object.__new__(cls)
                for n, v in zip(names, values, strict=True):
                    object.__setattr__(new, n, v)
                return new

            optree.register_pytree_node(cls, parts, build, namespace=NAMESPACE)  # type: ignore[arg-type]
            _register_dataclasses(tree)
            return


def _is_container(x: Any) -> bool:
    return isinstance(x, _containers) or (dataclasses.is_dataclass(x) and not isinstance(x, Box | type))


def flatten(x: Any) -> tuple[list[Any], Spec]:
    """Leaves of ``x`` and how to put them together again."""
    if not _is_container(x):
        if type(x).__module__.startswith("numpy") or isinstance(x, Box) or not hasattr(type(x), "__optree_dataclass_fields__"):
            return [x], None
    _register_dataclasses(x)
    leaves, spec = optree.tree_flatten(x, namespace=NAMESPACE)
    return leaves, spec


def unflatten(spec: Spec, leaves: Sequence[Any]) -> Any:
    """Inverse of :func:`flatten`."""
    return leaves[0] if spec is None else optree.tree_unflatten(spec, leaves)


def paths(x: Any) -> list[str]:
    """How each leaf is reached from ``x``, as Python text: ``['W'][0]``; one empty text for a single array."""
    spec = flatten(x)[1]
    if spec is None:
        return [""]
    return [
        "".join(f"[{part!r}]" if not isinstance(part, str) or isinstance(x, dict) else f".{part}" for part in path)
        for path in spec.paths()
    ]


def map_leaves(f: Callable[[Any], Any], x: Any) -> Any:
    """``f`` applied to each leaf."""
    leaves, spec = flatten(x)
    return unflatten(spec, [f(leaf) for leaf in leaves])


def as_leaf(x: Any, where: str) -> Any:
    """A leaf as something that can be differentiated: Python numbers become NumPy scalars, integer arrays are an error."""
    kind = type(x)
    if kind is np.ndarray:
        if x.dtype.kind in "fc":
            return x
        raise DTypeError.not_inexact(x.dtype, where)
    if kind is float or kind is int:
        return np.float64(x)
    if kind is complex:
        return np.complex128(x)
    if kind is Buffer:
        return x.value
    dtype = getattr(x, "dtype", None)
    if dtype is None or getattr(dtype, "kind", "?") not in "fc":
        raise DTypeError.not_inexact(dtype if dtype is not None else type(x).__name__, where)
    return x.leaf() if isinstance(x, Box) else x  # later in-place updates of x are not seen by what keeps the leaf


def flatten_like(x: Any, leaves: Sequence[Any], spec: Spec, what: str) -> list[Any]:
    """Leaves of a direction that must have the structure and shapes of the point (``leaves``, ``spec``)."""
    if spec is None:
        parts = [x]
        if _is_container(x) and not isinstance(x, list | tuple):
            raise StructureError.differ(what, type(x).__name__, "an array")
    else:
        parts, found = flatten(x)
        if found != spec:
            raise StructureError.differ(what, found, spec)
    return [_fitted(part, leaf, what) for part, leaf in zip(parts, leaves, strict=True)]


def _fitted(part: Any, leaf: Any, what: str) -> Any:
    if not isinstance(part, Box) and not hasattr(part, "dtype"):
        part = np.asarray(part)[()]
    shape = shape_of(leaf)
    if part.shape != shape:
        raise ShapeError.direction(what, part.shape, shape)
    if part.dtype == leaf.dtype:
        return part
    if part.dtype.kind == "c" and leaf.dtype.kind != "c":
        raise DTypeError(f"{what} is complex, expected {leaf.dtype}: the dtype of the point. Use {what}.real, or a complex point.")
    return part.astype(leaf.dtype)


def leaf_zeros(x: Any) -> Any:
    """Zeros of the shape, dtype and device of ``x``."""
    plain = peek(x)
    if isinstance(plain, np.ndarray | np.generic):
        shape = shape_of(x)
        return np.zeros(shape, plain.dtype) if shape or isinstance(plain, np.ndarray) else plain.dtype.type(0)
    return np.zeros_like(plain, shape=shape_of(x))


def zeros_like(x: Any) -> Any:
    """Zeros with the structure of ``x``."""
    return map_leaves(leaf_zeros, x)


def cast_like(c: Any, x: Any) -> Any:
    """A derivative with the dtype of ``x``, as an array of its own; None becomes zeros."""
    if c is None:
        return leaf_zeros(x)
    dtype = x.dtype
    if c.dtype != dtype:
        c = c.real.astype(dtype) if c.dtype.kind == "c" and dtype.kind != "c" else c.astype(dtype)
    if type(c) is np.ndarray:
        if isinstance(x, np.generic):
            return c[()]
        if not c.flags.writeable:
            c = c.copy()
    elif isinstance(c, Box) and c.recorded and isinstance(peek(c), np.ndarray) and isinstance(peek(x), np.generic):
        return c[()]
    return c


def apart(results: Sequence[Any], given: Sequence[Any] = ()) -> list[Any]:
    """``results`` with copies of those that share memory with each other or with what the user gave."""
    seen = {id(x if x.base is None else x.base) for x in given if type(x) is np.ndarray}
    out = []
    for c in results:
        if type(c) is np.ndarray:
            owner = id(c if c.base is None else c.base)
            if owner in seen:
                c = c.copy()
            seen.add(owner)
        out.append(c)
    return out


engine.zeros = leaf_zeros
