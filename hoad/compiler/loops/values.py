"""Arrays defined by formulas: each says what its entry at an index is in terms of entries of other arrays.

Nothing is stored here.  A value expands into scalar operations at one index; index maps of slices, transposes, broadcasts and pads
are composed on the way, so that none of these arrays exists.  ``at`` is a :class:`hoad.compiler.loops.kernels.Box`, which knows
what is stored and which condition holds on all of its points.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from hoad.compiler.loops.index import ZERO, Affine, combine, constant

__all__ = [
    "INLINE_SUM", "Assembled", "Constant", "Gathered", "Input", "Moved", "Overlaid", "Pieces", "Pointwise", "Present", "Product",
    "Reduced", "Reshaped", "Result", "Uniform", "Value",
]  # fmt: skip

Index = tuple[Affine, ...]
LINE = 64
"""Bytes of a line of the cache."""
INLINE_SUM = 12
"""Sums of at most so many terms are written out."""


class Value:
    """An array of a shape and a dtype (``f8``, ``f4`` or ``b1`` where loops may compute it).

    ``order`` are the axes as they lie in memory where the array is stored, rows of the last one being filled up to full lines of
    the cache; None stands for C order.
    """

    __slots__ = ("args", "depth", "dtype", "order", "shape", "weight")
    stored = False
    cost = 1.0

    def __init__(self, shape: Sequence[int], dtype: str, args: Sequence[Value] = ()) -> None:
        self.shape = tuple(shape)
        self.dtype = dtype
        self.args = tuple(args)
        self.order: tuple[int, ...] | None = None

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def width(self) -> int:
        """Entries of a row in memory that are entries of the array; 0 for all."""
        return 0 if self.order is None or self.extents[-1] == self.shape[self.order[-1]] else self.shape[self.order[-1]]

    @property
    def span(self) -> int:
        """Elements in memory."""
        return prod(self.extents)

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return self.span * np.dtype(self.dtype).itemsize

    def address(self, index: Sequence[Affine]) -> Affine:
        """Place in memory that belongs to an index, in elements."""
        if self.order is None:
            return in_order(index, self.shape)
        return in_order([index[k] for k in self.order], self.extents)

    @property
    def extents(self) -> tuple[int, ...]:
        """The shape as it lies in memory."""
        if self.order is None:
            return self.shape
        full = LINE // np.dtype(self.dtype).itemsize
        *outer, last = [self.shape[k] for k in self.order]
        return (*outer, -(-last // full) * full)

    def expand(self, at: Any, index: Index) -> Any:
        """The entry at an index: a node or a number."""
        raise NotImplementedError

    def inner(self) -> tuple[int, ...]:
        """Extents over which the formula of an entry runs, behind those of the array."""
        return ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.dtype}{list(self.shape)}>"


class Input(Value):
    """An argument of the function."""

    __slots__ = ("slot",)
    stored = True

    def __init__(self, slot: int, shape: Sequence[int], dtype: str) -> None:
        super().__init__(shape, dtype)
        self.slot = slot


class Constant(Value):
    """An array that never changes."""

    __slots__ = ("array",)
    stored = True

    def __init__(self, array: np.ndarray[Any, Any], dtype: str) -> None:
        super().__init__(array.shape, dtype)
        self.array = array


class Result(Value):
    """An output of a call of a library; ``call`` says of which."""

    __slots__ = ("call", "position")
    stored = True

    def __init__(self, call: Any, position: int, shape: Sequence[int], dtype: str) -> None:
        super().__init__(shape, dtype)
        self.call = call
        self.position = position


class Uniform(Value):
    """The same number everywhere."""

    __slots__ = ("number",)
    cost = 0.0

    def __init__(self, number: Any, shape: Sequence[int], dtype: str) -> None:
        super().__init__(shape, dtype)
        self.number = bool(number) if dtype == "b1" else float(number)

    def expand(self, at: Any, index: Index) -> Any:
        return self.number


def in_order(index: Sequence[Affine], shape: Sequence[int]) -> Affine:
    """Place in memory of an element of an array in C order, in elements."""
    if len(index) == 1:
        return index[0]
    parts, stride = [], 1
    for a, n in zip(reversed(index), reversed(shape), strict=True):
        parts.append((a, stride))
        stride *= n
    return combine(0, parts) if parts else ZERO


def aligned(index: Index, shape: tuple[int, ...]) -> Index:
    """The index into an array that is broadcast."""
    skip = len(index) - len(shape)
    return tuple([ZERO if n == 1 else index[skip + k] for k, n in enumerate(shape)])


class Pointwise(Value):
    """An operation on arrays that are broadcast."""

    __slots__ = ("cost", "operation")

    def __init__(self, operation: str, args: Sequence[Value], shape: Sequence[int], dtype: str) -> None:
        from hoad.compiler.loops.scalar import COST

        super().__init__(shape, dtype, args)
        self.operation = operation
        self.cost = COST.get(operation, 1.0)

    def expand(self, at: Any, index: Index) -> Any:
        return at.graph.apply(self.operation, tuple([at.get(a, aligned(index, a.shape)) for a in self.args]), self.dtype)


class Moved(Value):
    """Entries of one array at other places: each of its axes follows ``const + sum coefficient * index[axis]``."""

    __slots__ = ("maps",)
    cost = 0.0

    def __init__(self, arg: Value, maps: Sequence[tuple[int, Sequence[tuple[int, int]]]], shape: Sequence[int]) -> None:
        super().__init__(shape, arg.dtype, (arg,))
        self.maps = tuple(maps)

    def expand(self, at: Any, index: Index) -> Any:
        return at.get(
            self.args[0], tuple([combine(c, [(index[k], f) for k, f in parts]) if parts else constant(c) for c, parts in self.maps])
        )


class Pieces(Value):
    """Sum of arrays that lie in boxes of a larger one, on a constant ground.

    ``places[i]`` holds for each axis (start, step) of piece i.  ``added`` pieces are added to zeros, which makes 0 of -0.
    """

    __slots__ = ("added", "ground", "places")

    def __init__(
        self,
        pieces: Sequence[Value],
        places: Sequence[Sequence[tuple[int, int]]],
        ground: float,
        shape: Sequence[int],
        dtype: str,
        *,
        added: bool = False,
    ) -> None:
        super().__init__(shape, dtype, pieces)
        self.added = added
        self.places = tuple(tuple(p) for p in places)
        self.ground = ground

    def expand(self, at: Any, index: Index) -> Any:
        total = None
        for piece, place in zip(self.args, self.places, strict=True):
            inside = at.locate(self, index, place, piece.shape)
            if inside is not None:
                entry = at.get(piece, inside)
                total = entry if total is None else at.graph.apply("add", (total, entry), self.dtype)
        if total is None:
            return self.ground
        return at.graph.apply("add", (total, 0.0), self.dtype) if self.added else total


class Reduced(Value):
    """A sum, product, maximum or minimum over axes of a formula; ``op`` is add, multiply, maximum, minimum, logical_or/and."""

    __slots__ = ("axes", "op")

    def __init__(self, op: str, arg: Value, axes: Sequence[int]) -> None:
        self.axes = tuple(sorted(axes))
        super().__init__([n for k, n in enumerate(arg.shape) if k not in self.axes], arg.dtype, (arg,))
        self.op = op

    def inner(self) -> tuple[int, ...]:
        return tuple(self.args[0].shape[k] for k in self.axes)

    @property
    def short(self) -> bool:
        """Written out where it is used."""
        return prod(self.inner()) <= INLINE_SUM

    def at_place(self, index: Index, inner: Sequence[Affine]) -> Index:
        """Index into the array that is summed."""
        kept, summed = iter(index), iter(inner)
        return tuple([next(summed) if k in self.axes else next(kept) for k in range(len(self.args[0].shape))])

    def expand(self, at: Any, index: Index) -> Any:
        total = None
        for place in product(*[range(n) for n in self.inner()]):
            entry = at.get(self.args[0], self.at_place(index, [constant(p) for p in place]))
            total = entry if total is None else at.graph.apply(self.op, (total, entry), self.dtype)
        return self.start if total is None else total

    @property
    def start(self) -> Any:
        """What the reduction of nothing gives."""
        return {"add": 0.0, "multiply": 1.0, "maximum": -np.inf, "minimum": np.inf, "logical_or": False, "logical_and": True}[
            self.op
        ]


class Product(Reduced):
    """A sum of products of two arrays; ``labels`` are the axes of both and of the result, as in einsum."""

    __slots__ = ("factors", "labels")

    def __init__(self, a: Value, b: Value, labels: tuple[str, str, str], dtype: str) -> None:
        la, lb, out = labels
        a, la = untransposed(a, la)
        b, lb = untransposed(b, lb)
        extent = dict(zip(la, a.shape, strict=True)) | {k: n for k, n in zip(lb, b.shape, strict=True) if n != 1}
        summed = [k for k in dict.fromkeys(la + lb) if k not in out]
        large, other = (la, lb) if a.size >= b.size else (lb, la)
        if "".join(k for k in large if k in out) == out and len(set(large)) == len(large):
            space = large + "".join(k for k in dict.fromkeys(other) if k not in large)  # the larger array is read in its order
        else:
            space = out + "".join(summed)
        shape = [extent.get(k, 1) for k in space]

        def spread(x: Value, l: str) -> Value:
            return Moved(x, [(0, [(space.index(k), 1)] if n != 1 else []) for k, n in zip(l, x.shape, strict=True)], shape)

        super().__init__(
            "add", Pointwise("multiply", (spread(a, la), spread(b, lb)), shape, dtype), [space.index(k) for k in summed]
        )
        self.factors = (a, b)
        self.labels = (la, lb, out)


def untransposed(x: Value, labels: str) -> tuple[Value, str]:
    """An array before its axes were put into another order, and the labels in that order."""
    while isinstance(x, Moved) and len(set(labels)) == len(labels) == len(x.args[0].shape) and x.args[0].order is None:
        axes = [parts[0][0] for c, parts in x.maps if c == 0 and len(parts) == 1 and parts[0][1] == 1]
        if sorted(axes) != list(range(len(labels))) or x.args[0].size != x.size:
            break
        x, labels = x.args[0], "".join(labels[k] for k in axes)
    return x, labels


class Reshaped(Value):
    """A stored array read in its order under another shape."""

    __slots__ = ()
    cost = 0.0

    def __init__(self, arg: Value, shape: Sequence[int]) -> None:
        super().__init__(shape, arg.dtype, (arg,))

    def expand(self, at: Any, index: Index) -> Any:
        return at.load(self.args[0], in_order(index, self.shape))


class Gathered(Value):
    """Elements of a stored array at places of which a part is read from a table.

    The place in memory of an entry is ``const`` + sum of stride * index over ``parts`` (axis, stride) + the table at the indices of
    ``axes``. Where ``missing`` is True, a negative place in the table stands for no element: the entry is 0 there.
    """

    __slots__ = ("axes", "const", "missing", "parts")
    cost = 2.0

    def __init__(
        self,
        arg: Value,
        const: int,
        parts: Sequence[tuple[int, int]],
        table: Constant,
        axes: Sequence[int],
        missing: bool,
        shape: Sequence[int],
    ) -> None:
        super().__init__(shape, arg.dtype, (arg, table))
        self.const = const
        self.parts = tuple(parts)
        self.axes = tuple(axes)
        self.missing = missing

    def expand(self, at: Any, index: Index) -> Any:
        source, table = self.args
        assert isinstance(table, Constant)
        place = combine(self.const, [(index[k], stride) for k, stride in self.parts]) if self.parts else constant(self.const)
        where = in_order([index[k] for k in self.axes], table.shape)
        if not where.terms:
            known = int(table.array.flat[where.const])
            return self.ground if self.missing and known < 0 else at.load(source, place.shifted(known))
        return at.graph.node("gather", (at.stored.buffer(source), place, at.stored.buffer(table), where, self.missing), self.dtype)

    @property
    def ground(self) -> Any:
        return False if self.dtype == "b1" else 0.0


class Present(Value):
    """Where the place that a table gives is not negative."""

    __slots__ = ("axes",)

    def __init__(self, table: Constant, axes: Sequence[int], shape: Sequence[int]) -> None:
        super().__init__(shape, "b1", (table,))
        self.axes = tuple(axes)

    def expand(self, at: Any, index: Index) -> Any:
        table = self.args[0]
        assert isinstance(table, Constant)
        where = in_order([index[k] for k in self.axes], table.shape)
        if not where.terms:
            return bool(table.array.flat[where.const] >= 0)
        return at.graph.node("present", (at.stored.buffer(table), where), "b1")


class Assembled(Value):
    """Sum of many arrays that lie in boxes of a larger one: stored, and filled by one loop for each of them."""

    __slots__ = ("places",)

    def __init__(
        self, pieces: Sequence[Value], places: Sequence[Sequence[tuple[int, int]]], shape: Sequence[int], dtype: str
    ) -> None:
        super().__init__(shape, dtype, pieces)
        self.places = tuple(tuple(p) for p in places)

    def expand(self, at: Any, index: Index) -> Any:
        return 0.0  # where the loops begin


class Overlaid(Value):
    """An array in which a box was replaced by another."""

    __slots__ = ("place",)

    def __init__(self, base: Value, piece: Value, place: Sequence[tuple[int, int]]) -> None:
        super().__init__(base.shape, base.dtype, (base, piece))
        self.place = tuple(place)

    def expand(self, at: Any, index: Index) -> Any:
        inside = at.locate(self, index, self.place, self.args[1].shape)
        return at.get(self.args[0], index) if inside is None else at.get(self.args[1], inside)
