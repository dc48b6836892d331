"""In-place updates and views: an update makes a new array, which the box that the user holds, and its views, then contain.

The keywords ``out=`` and ``where=`` of ufuncs and augmented assignments are such updates; arrays that a rule has kept never change.
"""

from __future__ import annotations

from typing import Any
from weakref import ref

import numpy as np

from hoad.core.box import Box, Buffer, ops, shape_of, strip
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
    a, b = strip(parent), strip(child)
    return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and np.may_share_memory(a, b)


def assign(box: Box, new: Any) -> None:
    """Give ``box`` the content of ``new``; views of it and arrays it is a view of follow."""
    plain = strip(box)
    if isinstance(plain, np.ndarray) and not plain.flags.writeable:
        raise InPlaceError(
            "an in-place update of a read-only array (an input that is read-only, or np.broadcast_to, np.diagonal). "
            "Copy it first: y = x.copy()."
        )
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
        box.level, box.value, box.aux = new.level, new.value, new.aux
    else:
        box.__class__ = Buffer
        box.level, box.value, box.aux = 0, new, None
    for child in children:
        _, prim, kw = child.base
        _rebind(child, prim.bind(box, **kw))


# -- what updates: augmented assignment and the keywords of ufuncs -----------------------------------------------------------


def augment(box: Box, new: Any) -> Any:
    """Result of an augmented assignment: NumPy scalars are replaced, arrays are updated in place."""
    plain = strip(box)
    if isinstance(plain, np.generic):
        return new
    if shape_of(new) != box.shape:
        raise InPlaceError(
            f"an in-place update of an array of shape {box.shape} gave shape {shape_of(new)}; "
            "write y = y + x instead of y += x to let the shape grow."
        )
    if new.dtype != plain.dtype:
        if not np.can_cast(new.dtype, plain.dtype, "same_kind"):
            raise InPlaceError(f"an in-place update of dtype {plain.dtype} gave {new.dtype}; write y = y + x instead of y += x.")
        new = ops.astype(new, plain.dtype)
    assign(box, new)
    return box


def store_out(out: tuple[Any, ...], result: Any, inputs: Any) -> Any:
    """Store ``result`` in ``out`` with NumPy's meaning of ``out=``."""
    target = out[0]
    if len(out) != 1 or not isinstance(target, Box):
        raise InPlaceError.plain_buffer("out=", target, "Use the returned value, or make")
    if shape_of(result) != target.shape:
        raise InPlaceError(f"out= has shape {target.shape}, expected {shape_of(result)}: the shape of the result.")
    assign(target, ops.astype(result, target.dtype))
    return target


def ufunc_with_options(ufunc: Any, handler: Any, inputs: Any, out: Any, options: dict[str, Any]) -> Any:
    """A ufunc call with ``where=`` or ``dtype=``; options that only concern memory are of no effect here."""
    known = {"where", "dtype", "casting", "order", "subok"}
    axis = {"axis": options.pop("axis")} if ufunc.__name__ == "vecdot" and "axis" in options else {}
    if not options.keys() <= known:
        raise UnsupportedFunctionError.no_rule(f"np.{ufunc.__name__} with {sorted(options.keys() - known)}")
    dtype, where = options.get("dtype"), options.get("where", True)
    if dtype is not None:
        inputs = [ops.astype(x, dtype) if isinstance(x, Box) else np.asarray(x, dtype) for x in inputs]
    result = handler(*inputs, **axis)
    if where is not True:
        if out is None:
            raise UnsupportedFunctionError.no_rule(
                f"np.{ufunc.__name__} with where= and without out=", ", because the other elements would be undefined"
            )
        result = np.where(where, result, out[0])
    return result if out is None else store_out(out, result, inputs)


ops.assign, ops.augment, ops.store_out, ops.ufunc_with_options = assign, augment, store_out, ufunc_with_options
