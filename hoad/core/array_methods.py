"""The methods of ``numpy.ndarray`` that boxes share: each calls the function of the same name."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.core.routes import ops

__all__ = ["ArrayMethods"]


class ArrayMethods:
    """Methods of ndarray that have a function of the same name; a base of :class:`~hoad.core.box.Box`."""

    __slots__ = ()
    dtype: Any
    __setitem__: Any

    def sum(self, axis: Any = None, dtype: Any = None, out: Any = None, **kwargs: Any) -> Any:
        return _method("sum", self, out, axis=axis, dtype=dtype, **kwargs)

    def prod(self, axis: Any = None, dtype: Any = None, out: Any = None, **kwargs: Any) -> Any:
        return _method("prod", self, out, axis=axis, dtype=dtype, **kwargs)

    def mean(self, axis: Any = None, dtype: Any = None, out: Any = None, **kwargs: Any) -> Any:
        return _method("mean", self, out, axis=axis, dtype=dtype, **kwargs)

    def var(self, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, **kwargs: Any) -> Any:
        return _method("var", self, out, axis=axis, dtype=dtype, ddof=ddof, **kwargs)

    def std(self, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, **kwargs: Any) -> Any:
        return _method("std", self, out, axis=axis, dtype=dtype, ddof=ddof, **kwargs)

    def max(self, axis: Any = None, out: Any = None, **kwargs: Any) -> Any:
        return _method("max", self, out, axis=axis, **kwargs)

    def min(self, axis: Any = None, out: Any = None, **kwargs: Any) -> Any:
        return _method("min", self, out, axis=axis, **kwargs)

    def cumsum(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        return _method("cumsum", self, out, axis=axis, dtype=dtype)

    def cumprod(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        return _method("cumprod", self, out, axis=axis, dtype=dtype)

    def argmax(self, axis: Any = None, out: Any = None, **kwargs: Any) -> Any:
        return _method("argmax", self, out, axis=axis, **kwargs)

    def argmin(self, axis: Any = None, out: Any = None, **kwargs: Any) -> Any:
        return _method("argmin", self, out, axis=axis, **kwargs)

    def argsort(self, axis: Any = -1, **kwargs: Any) -> Any:
        return _method("argsort", self, None, axis=axis, **kwargs)

    def all(self, axis: Any = None, out: Any = None, **kwargs: Any) -> Any:
        return _method("all", self, out, axis=axis, **kwargs)

    def any(self, axis: Any = None, out: Any = None, **kwargs: Any) -> Any:
        return _method("any", self, out, axis=axis, **kwargs)

    def nonzero(self) -> Any:
        return ops.nonzero(self)

    def clip(self, min: Any = None, max: Any = None, out: Any = None, **kwargs: Any) -> Any:
        return _stored(out, ops.clip(self, min, max, **kwargs), self)

    def round(self, decimals: int = 0, out: Any = None) -> Any:
        return _stored(out, ops.round(self, decimals), self)

    def dot(self, b: Any, out: Any = None) -> Any:
        return _stored(out, ops.dot(self, b), self, b)

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> Any:
        return _method("trace", self, out, offset=offset, axis1=axis1, axis2=axis2, dtype=dtype)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        return ops.diagonal(self, offset, axis1, axis2)

    def searchsorted(self, v: Any, side: str = "left", sorter: Any = None) -> Any:
        return ops.searchsorted(self, v, side, sorter)

    def choose(self, choices: Any, out: Any = None, mode: str = "raise") -> Any:
        return _stored(out, ops.choose(self, choices, mode=mode), self)

    def argpartition(self, kth: Any, axis: Any = -1, kind: Any = None, order: Any = None) -> Any:
        return ops.argpartition(self, kth, axis)

    def reshape(self, *shape: Any, order: str = "C", copy: bool | None = None) -> Any:
        return ops.reshape(self, shape[0] if len(shape) == 1 else shape, order=order, copy=copy)

    def transpose(self, *axes: Any) -> Any:
        return ops.transpose(self, axes[0] if len(axes) == 1 else (axes or None))

    def swapaxes(self, axis1: int, axis2: int) -> Any:
        return ops.swapaxes(self, axis1, axis2)

    def ravel(self, order: str = "C") -> Any:
        return ops.ravel(self, order)

    def flatten(self, order: str = "C") -> Any:
        return ops.copy(ops.ravel(self, order))

    def squeeze(self, axis: Any = None) -> Any:
        return ops.squeeze(self, axis)

    def repeat(self, repeats: Any, axis: Any = None) -> Any:
        return ops.repeat(self, repeats, axis)

    def take(self, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
        return _stored(out, ops.take(self, indices, axis, mode=mode), self)

    def compress(self, condition: Any, axis: Any = None, out: Any = None) -> Any:
        return _stored(out, ops.compress(condition, self, axis), self)

    def astype(self, dtype: Any, order: str = "K", casting: Any = "unsafe", subok: bool = True, copy: bool = True) -> Any:
        if not np.can_cast(self.dtype, dtype, casting):
            raise TypeError(f"Cannot cast array data from {self.dtype!r} to {np.dtype(dtype)!r} according to the rule {casting!r}")
        return ops.astype(self, dtype) if np.dtype(dtype) != self.dtype else ops.copy(self) if copy else self

    def conj(self) -> Any:
        return ops.conjugate(self) if self.dtype.kind == "c" else self

    conjugate = conj

    def copy(self, order: str = "C") -> Any:
        return ops.copy(self)

    def sort(self, axis: int = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> None:
        ops.assign(self, ops.sort(self, axis, kind, order))

    def partition(self, kth: Any, axis: int = -1, kind: Any = None, order: Any = None) -> None:
        ops.assign(self, ops.partition(self, kth, axis, kind, order))

    def fill(self, value: Any) -> None:
        self[...] = value

    def put(self, indices: Any, values: Any, mode: str = "raise") -> None:
        ops.put(self, indices, values, mode)


def _method(name: str, box: Any, out: Any, **kwargs: Any) -> Any:
    given = {k: v for k, v in kwargs.items() if not (v is None and k == "dtype")}
    return _stored(out, getattr(ops, name)(box, **given), box)


def _stored(out: Any, result: Any, *inputs: Any) -> Any:
    return result if out is None else ops.store_out((out,), result, inputs)
