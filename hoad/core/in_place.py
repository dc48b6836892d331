"""In-place updates and views: an update makes a new array, which the box that the user holds, and its views, then contain.

The keywords ``out=`` and ``where=`` of ufuncs and augmented assignments are such updates; arrays that a rule has kept never change.
"""

from __future__ import annotations

from typing import Any
from weakref import ref

import numpy as np

from hoad.core import flat  # noqa: F401  # y.flat
from hoad.core.box import Box, Buffer, held, ops, peek, shape_of
from hoad.errors import InPlaceError, UnsupportedFunctionError

__all__ = ["assign", "augment", "link_view", "store_out", "ufunc_with_options"]

# -- views: what shares memory in NumPy changes together here -----------------------------------------------------------------


def link_view(parent: Box, child: Box, prim: Any, kw: dict[str, Any]) -> None:
    """Remember that ``child`` may be a view of ``parent``, so that updates of one reach the other."""
    child.base = (parent, prim, kw)
    views = parent.views
    if views is None:
        parent.views = [ref(child)]
        return
    if len(views) >= 16 and not len(views) & (len(views) - 1):  # at powers of two: drop the dead ones
        views[:] = [v for v in views if v() is not None]
    views.append(ref(child))


def _shares(parent: Box, child: Box) -> bool:
    a, b = peek(parent), peek(child)
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and np.may_share_memory(a, b)
    if type(a) is not type(b) or isinstance(a, np.generic):
        return False
    try:
        return bool(np.may_share_memory(a, b))
    except TypeError:  # not arrays with memory
        return False


def _must_be_writeable(box: Box) -> None:
    plain = peek(box)
    if isinstance(plain, np.ndarray) and not plain.flags.writeable:
        raise InPlaceError.read_only()


def assign(box: Box, new: Any) -> None:
    """Give ``box`` the content of ``new``; views of it and arrays it is a view of follow."""
    _must_be_writeable(box)
    if box.base is not None:
        parent, prim, kw = box.base
        if _shares(parent, box):
            assign(parent, prim.write_back(parent, new, kw))
            return
        box.base = None
    _rebind(box, new)


def _rebind(box: Box, new: Any) -> None:
    children = [
        child for v in box.views or () if (child := v()) is not None and child.base and child.base[0] is box and _shares(box, child)
    ]
    if isinstance(new, Box):
        box.__class__ = new.__class__
        box.level, box.value, box.aux = new.level, held(new), new.aux
    else:
        box.__class__ = Buffer
        box.level, box.value, box.aux = 0, new, None
    for child in children:
        _, prim, kw = child.base
        _rebind(child, prim.bind(box, **kw))


# -- what updates: augmented assignment and the keywords of ufuncs -----------------------------------------------------------


def _is_scalar(box: Box) -> bool:
    """Whether NumPy would have a scalar here, which is replaced and not updated; also in a batch of scalars."""
    plain = peek(box)
    if isinstance(plain, np.generic):
        return True
    if box.shape or not isinstance(plain, np.ndarray) or not plain.ndim:
        return False
    if box.base is None:
        return True
    index = box.base[2].get("index", Ellipsis)  # x[0, ...] and a reshape to () are views without dimensions
    return not any(i is Ellipsis for i in (index if type(index) is tuple else (index,)))


def augment(box: Box, new: Any) -> Any:
    """Result of an augmented assignment: NumPy scalars are replaced, arrays are updated in place."""
    if _is_scalar(box):
        return new
    if shape_of(new) != box.shape:
        raise InPlaceError(
            f"an in-place update of an array of shape {box.shape} gave shape {shape_of(new)}; "
            "write y = y + x instead of y += x to let the shape grow."
        )
    if new.dtype != box.dtype:
        if not np.can_cast(new.dtype, box.dtype, "same_kind"):
            raise InPlaceError(f"an in-place update of dtype {box.dtype} gave {new.dtype}; write y = y + x instead of y += x.")
        new = ops.astype(new, box.dtype)
    assign(box, new)
    return box


def store_out(out: tuple[Any, ...], result: Any, inputs: Any, casting: str = "same_kind", grow: bool = False) -> Any:
    """Store ``result`` (a tuple for several outputs) in ``out`` with NumPy's meaning of ``out=``.

    Everything is checked before anything is stored. With ``grow``, as for a ufunc, the result is broadcast to the target.
    """
    several = isinstance(result, tuple | list)
    results = tuple(result) if several else (result,)
    if len(out) != len(results):
        raise InPlaceError(f"out= has {len(out)} arrays, expected {len(results)}: one for each result.")
    new = [
        value if target is None else _fitting(target, value, inputs, casting, grow)
        for target, value in zip(out, results, strict=True)
    ]
    for target, value in zip(out, new, strict=True):
        if target is not None:
            assign(target, value)
    stored = tuple(value if target is None else target for target, value in zip(out, new, strict=True))
    return stored if several else stored[0]


def _fitting(target: Any, value: Any, inputs: Any, casting: Any, grow: bool) -> Any:
    """``value`` as what ``target`` may be given."""
    if not isinstance(target, Box):
        if any(x is target for x in inputs[:1]):
            raise InPlaceError.plain_buffer("y in an update y += x or y[i] += x", target, "Write y = y + x, or make")
        raise InPlaceError.plain_buffer("out=", target, "Use the returned value, or make")
    _must_be_writeable(target)
    value = value if hasattr(value, "dtype") else np.asarray(value)
    if not np.can_cast(value.dtype, target.dtype, casting):
        raise InPlaceError(
            f"out= has dtype {target.dtype}, expected one that takes {value.dtype} by casting={casting!r}: the dtype of the result."
        )
    if shape_of(value) != target.shape:
        if not grow or np.broadcast_shapes(shape_of(value), target.shape) != target.shape:
            raise InPlaceError(f"out= has shape {target.shape}, expected {shape_of(value)}: the shape of the result.")
        value = ops.copy(ops.broadcast_to(value, target.shape))
    return ops.astype(value, target.dtype) if value.dtype != target.dtype else value


def _core_axes(signature: str) -> tuple[list[list[str]], list[list[str]]]:
    """Core dimensions of the inputs and of the outputs of a generalised ufunc."""
    sides = ([[d for d in part.strip("()").split(",") if d] for part in side.split("),(")] for side in signature.split("->"))
    inputs, outputs = sides
    return inputs, outputs


def _along_axes(ufunc: Any, handler: Any, inputs: Any, options: dict[str, Any]) -> Any:
    """A generalised ufunc with ``axis=``, ``axes=`` or ``keepdims=``: moved to the end, computed, moved back."""
    cores, results = _core_axes(ufunc.signature)
    axis, axes, keepdims = (options.pop(k, None) for k in ("axis", "axes", "keepdims"))
    if axes is None:
        axes = [(-1 if axis is None else axis,) * len(core) for core in cores]
        if max(map(len, axes)) > 1:
            raise TypeError(f"{ufunc.__name__}: axis can only be used with a single shared core dimension")
    axes = [(a,) if isinstance(a, int | np.integer) else tuple(a) for a in axes]
    if len(axes) == len(cores):
        axes += [axes[0] if keepdims else ()] * len(results)
    moved = []
    for x, places in zip(inputs, axes, strict=False):
        x = x if isinstance(x, Box) else np.asarray(x)
        moved.append(ops.moveaxis(x, places, tuple(range(-len(places), 0))) if places else x)
    y = handler(*moved)
    if keepdims:
        y = ops.expand_dims(y, -1)
    places = axes[len(cores)]
    return ops.moveaxis(y, tuple(range(-len(places), 0)), places) if places else y


def ufunc_with_options(ufunc: Any, handler: Any, inputs: Any, out: Any, options: dict[str, Any]) -> Any:
    """A ufunc call with keywords; those that only concern memory are of no effect here."""
    known = {"where", "dtype", "casting", "order", "subok"}
    axes: dict[str, Any] = {k: options.pop(k) for k in ("axis", "axes", "keepdims") if k in options} if ufunc.signature else {}
    if not options.keys() <= known:
        raise UnsupportedFunctionError.no_rule(f"np.{ufunc.__name__} with {sorted(options.keys() - known)}")
    dtype, where, casting = options.get("dtype"), options.get("where", True), options.get("casting", "same_kind")
    if dtype is not None:
        inputs = [ops.astype(x, dtype) if isinstance(x, Box) else np.asarray(x, dtype) for x in inputs]
    result = _along_axes(ufunc, handler, inputs, axes) if axes else handler(*inputs)
    if where is not True:
        if out is None:
            raise UnsupportedFunctionError.no_rule(
                f"np.{ufunc.__name__} with where= and without out=", ", because the other elements would be undefined"
            )
        pairs = zip(result, out, strict=True) if isinstance(result, tuple) else ((result, out[0]),)
        chosen = [r if o is None else np.where(where, r, o) for r, o in pairs]
        result = tuple(chosen) if isinstance(result, tuple) else chosen[0]
    return result if out is None else store_out(out, result, inputs, casting, grow=True)


ops.assign, ops.augment, ops.store_out, ops.ufunc_with_options = assign, augment, store_out, ufunc_with_options
