"""``y.flat``: the elements of a traced array in C order, to read, to write and to iterate over.

Unlike ``ravel``, it reaches the array itself whatever its layout in memory, and repeats values that are too few, as NumPy's does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from hoad.core.box import ops, shape_of
from hoad.errors import TracedConversionError

__all__ = ["Flat"]


def _plain_of(x: Any) -> Any:
    return x.copy() if isinstance(x, Flat) else type(x)(map(_plain_of, x)) if type(x) in (list, tuple) else x


class Flat:
    """What ``numpy.flatiter`` is for an array; in the arguments of a function of NumPy it counts as the copied elements."""

    __slots__ = ("base",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, base: Any) -> None:
        self.base = base

    def copy(self) -> Any:
        """The elements, as a new array of one dimension."""
        return ops.copy(ops.ravel(self.base))

    def __len__(self) -> int:
        return int(self.base.size)

    def __iter__(self) -> Iterator[Any]:
        return iter(ops.ravel(self.base))

    def __getitem__(self, index: Any) -> Any:
        y = ops.ravel(self.base)[index]
        return ops.copy(y) if shape_of(y) else y

    def __setitem__(self, index: Any, values: Any) -> None:
        n = self.base.size
        chosen = np.ravel(np.arange(n)[index])
        values = ops.ravel(ops.array(values))
        if chosen.size and not values.size:
            raise ValueError("Error setting single item of array.")
        if chosen.size:
            new = ops.index_update(ops.ravel(self.base), chosen, values[np.arange(chosen.size) % values.size])
            ops.assign(self.base, ops.reshape(new, self.base.shape))

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TracedConversionError.into_array()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return getattr(ufunc, method)(*map(_plain_of, inputs), **kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return func(*map(_plain_of, args), **{k: _plain_of(v) for k, v in kwargs.items()})


ops.flat = Flat
