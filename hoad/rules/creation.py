"""Arrays made from the shape of others, and buffers that traced values can be written into."""

from __future__ import annotations

from functools import wraps
from typing import Any

import numpy as np

from hoad.core.box import Box, Buffer, bare, functions, ops, peek, shape_of
from hoad.core.kinds import constant
from hoad.core.level import any_open
from hoad.core.primitive import expose
from hoad.errors import TracedConversionError


def _buffer(array: Any) -> Any:
    """Within a differentiation, an array that takes traced values; otherwise the plain array."""
    return Buffer(0, array, None) if any_open() else array


def _like(native: Any) -> Any:
    def like(prototype: Any, *args: Any, dtype: Any = None, shape: Any = None, **kwargs: Any) -> Any:
        plain = peek(prototype)
        shape = prototype.shape if shape is None else shape
        kwargs = {k: v for k, v in kwargs.items() if k in ("order", "device")}
        if args and isinstance(args[0], Box):  # full_like with a traced value
            return ops.copy(ops.broadcast_to(ops.astype(args[0], plain.dtype if dtype is None else dtype), shape))
        return _buffer(native(plain, *args, dtype=dtype, shape=shape, **kwargs))

    return like


for _name in ("zeros_like", "ones_like", "empty_like", "full_like"):
    # What empty arrays hold by chance would differ from one recording to the next.
    _native = np.zeros_like if _name == "empty_like" else getattr(np, _name)
    expose(_like(_native), f"numpy.{_name}", getattr(np, _name), "constant")


def _shape(a: Any) -> Any:
    return a.shape


def _ndim(a: Any) -> int:
    return a.ndim


def _size(a: Any, axis: Any = None) -> int:
    return a.size if axis is None else a.shape[axis]


def _result_type(*args: Any) -> Any:
    return np.result_type(
        *[peek(a) if isinstance(a, Box) and peek(a).ndim == 0 else a.dtype if isinstance(a, Box) else a for a in args]
    )


for _name, _f in (
    ("shape", _shape), ("ndim", _ndim), ("size", _size), ("result_type", _result_type),
    ("iscomplexobj", lambda x: x.dtype.kind == "c"), ("isrealobj", lambda x: x.dtype.kind != "c"),
    ("can_cast", lambda from_, to, casting="safe": np.can_cast(from_.dtype, to, casting)),
    ("may_share_memory", lambda a, b, max_work=None: np.may_share_memory(peek(a), peek(b))),
    ("shares_memory", lambda a, b, max_work=None: np.shares_memory(peek(a), peek(b))),
    ("array_repr", lambda arr, *args, **kwargs: repr(arr)), ("array_str", lambda a, *args, **kwargs: str(a)),
):  # fmt: skip
    functions[getattr(np, _name)] = _f


def _same_shape(a: Any, b: Any, equal_nan: bool = False) -> bool:
    if shape_of(a) != shape_of(b):
        return False
    same = np.equal(a, b)
    return bool(np.all(np.logical_or(same, np.logical_and(np.isnan(a), np.isnan(b))) if equal_nan else same))


def _same_broadcast(a: Any, b: Any) -> bool:
    try:
        return bool(np.all(np.equal(a, b)))
    except ValueError:
        return False


def _plain_test(name: str, body: Any) -> None:
    """Comparisons of whole arrays: their result is a bool, without derivative; recorded values answer through ``body``."""
    native = getattr(np, name)

    def test(*args: Any, **kwargs: Any) -> Any:
        if any(isinstance(a, Box) and a.shape != peek(a).shape for a in args):  # a batch: one answer for each example
            raise TracedConversionError.conversion(f"np.{name}", "np.all(np.isclose(a, b)) or np.all(a == b)")
        args = tuple(bare(a) for a in args)
        return body(*args, **kwargs) if any(isinstance(a, Box) for a in args) else native(*args, **kwargs)

    expose(test, f"numpy.{name}", native, "constant")


_plain_test("allclose", lambda a, b, *args, **kwargs: bool(np.all(np.isclose(a, b, *args, **kwargs))))
_plain_test("array_equal", _same_shape)
_plain_test("array_equiv", _same_broadcast)
isclose_ = constant("isclose", lambda a, b, **tolerances: np.isclose(a, b, **tolerances))


def isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    return isclose_.bind(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan)


expose(isclose, "numpy.isclose", np.isclose, "constant")


@wraps(np.zeros, updated=())
def zeros(shape: Any, dtype: Any = float, **kwargs: Any) -> Any:
    return _buffer(np.zeros(shape, dtype, **kwargs))


@wraps(np.ones, updated=())
def ones(shape: Any, dtype: Any = float, **kwargs: Any) -> Any:
    return _buffer(np.ones(shape, dtype, **kwargs))


@wraps(np.empty, updated=())
def empty(shape: Any, dtype: Any = float, **kwargs: Any) -> Any:
    return _buffer(np.zeros(shape, dtype, **kwargs)) if any_open() else np.empty(shape, dtype, **kwargs)


@wraps(np.full, updated=())
def full(shape: Any, fill_value: Any, dtype: Any = None, **kwargs: Any) -> Any:
    if isinstance(fill_value, Box):
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        filled = fill_value if dtype is None else ops.astype(fill_value, dtype)
        return ops.copy(ops.broadcast_to(filled, shape))
    return _buffer(np.full(shape, fill_value, dtype, **kwargs))


CREATION: dict[str, Any] = {"zeros": zeros, "ones": ones, "empty": empty, "full": full, "array": ops.array}
