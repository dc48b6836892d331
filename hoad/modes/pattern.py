"""Pattern mode: which entries of the argument each entry of a value depends on.

Every entry of a tracked value carries a :class:`Dependence`, the set of inputs it may vary with.  Sums and products of
dependences are those of the numbers, so that linear and multilinear functions run on arrays of them as they are: sums take unions,
a product with a structural zero is a structural zero, everything else takes unions too.  What NumPy cannot do with objects (a
Fourier transform, a factorisation) depends on all its inputs.  The result is a superset of what the derivative needs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hoad.core.box import Box, Buffer, shape_of, strip
from hoad.core.level import STATE, Level
from hoad.errors import LeakedTraceError

__all__ = ["Dependence", "Tracked", "dependences"]


class Dependence:
    """The inputs that a number may vary with; ``None`` for a number that is zero whatever they are."""

    __slots__ = ("inputs",)

    def __init__(self, inputs: frozenset[int] | None) -> None:
        self.inputs = inputs

    def __add__(self, other: Any) -> Dependence:
        a, b = self.inputs, _inputs(other)
        if a is None or a is b:
            return other if isinstance(other, Dependence) else Dependence(b)
        if b is None or b <= a:
            return self
        return Dependence(a | b)

    def __mul__(self, other: Any) -> Dependence:
        a, b = self.inputs, _inputs(other)
        if a is None or b is None:
            return ZERO
        if b <= a:
            return self
        return Dependence(a | b)

    def _self(self, *_: Any) -> Dependence:
        return self

    __radd__ = __sub__ = __rsub__ = __add__
    __rmul__ = __mul__
    __truediv__ = __neg__ = __pos__ = __abs__ = conjugate = conj = _self
    real = imag = property(_self)

    def __bool__(self) -> bool:
        return self.inputs is not None


def _inputs(x: Any) -> frozenset[int] | None:
    if isinstance(x, Dependence):
        return x.inputs
    return NOTHING if x else None


NOTHING: frozenset[int] = frozenset()
ZERO = Dependence(None)
CONSTANT = Dependence(NOTHING)
_of_number = np.frompyfunc(lambda x: CONSTANT if x else ZERO, 1, 1)


def _objects(x: Any) -> Any:
    """Dependences of a constant."""
    return np.asarray(_of_number(np.asarray(strip(x))), object)


class Tracked(Box):
    """A value and the dependences of its entries (``aux``, an object array of its shape)."""

    __slots__ = ()
    kind = "tracked value"

    @staticmethod
    def process(prim: Any, level: float, args: tuple[Any, ...], kw: dict[str, Any]) -> Any:
        if level not in STATE:
            raise LeakedTraceError.leaked(Tracked.kind)
        xs, ds = [], []
        for a in args:
            here = isinstance(a, Box) and a.level == level
            xs.append(a.value if here else a.snapshot() if isinstance(a, Box) else a)
            ds.append(a.aux if here else None)
        y = prim.bind(*xs, **kw)
        if prim.forward is None and prim.body is None:
            return y
        if prim.body is not None:
            out = prim.body(*args, **kw)
            parts = zip(y, out, strict=True) if prim.multi else [(y, out)]
            found = [v if not isinstance(o, Tracked) or o.level != level else Tracked(level, v, o.aux) for v, o in parts]
            return tuple(found) if prim.multi else found[0]
        if prim.multi:
            return tuple(Tracked(level, v, _everything(shape_of(v), ds)) for v in y)
        return Tracked(level, y, _rule(prim, y, xs, ds, kw))


CHOOSING = ("where", "gate")
"""They choose by values that may differ elsewhere, so that every candidate counts."""

SAME_PLACE = ("astype", "real", "imag", "value_of")
"""Entry by entry, and not to be tried on objects: NumPy takes the imaginary part of an object for 0."""


def _rule(prim: Any, y: Any, xs: Sequence[Any], ds: Sequence[Any], kw: dict[str, Any]) -> Any:
    """Dependences of the entries of y."""
    shape = shape_of(y)
    known = [d for d in ds if d is not None]
    if prim.kind in ("elementwise", "selecting") or prim.name in CHOOSING:
        if np.broadcast_shapes(*[d.shape for d in known]) == shape or _broadcasts(xs, shape):
            return _union(known, shape)
        return _reduced(known, shape, kw)
    if prim.name in SAME_PLACE:
        return known[0]
    if prim.kind in ("linear", "multilinear"):
        arguments = [d if d is not None else _objects(x) if _is_numeric(x) else x for x, d in zip(xs, ds, strict=True)]
        try:
            found = np.asarray(prim.native(*arguments, **kw), object)
        except Exception:  # whatever a library says that has no version for objects
            found = None
        if found is not None and found.shape == shape:
            return np.asarray(_as_dependence(found), object)
    return _everything(shape, ds)


def _entry(e: Any) -> Dependence:
    """An entry of a result: a dependence, one in an array without axes, or a constant."""
    if isinstance(e, np.ndarray):
        e = e.item()
    return e if isinstance(e, Dependence) else CONSTANT if e else ZERO


_as_dependence = np.frompyfunc(_entry, 1, 1)


def _is_numeric(x: Any) -> bool:
    x = strip(x)
    return isinstance(x, float | complex) or (isinstance(x, np.ndarray | np.generic) and x.dtype.kind in "fc")


def _broadcasts(xs: Sequence[Any], shape: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(*[shape_of(x) for x in xs]) == shape
    except ValueError:
        return False


def _union(ds: Sequence[Any], shape: tuple[int, ...]) -> Any:
    total = ds[0]
    for d in ds[1:]:
        total = total + d
    return np.broadcast_to(np.asarray(total, object), shape)


def _reduced(ds: Sequence[Any], shape: tuple[int, ...], kw: dict[str, Any]) -> Any:
    """A reduction over the axes that its keywords name; over everything if none is named."""
    axis = kw.get("axis")
    if axis is None or len(ds) != 1:
        return _everything(shape, ds)
    found = np.asarray(np.sum(ds[0], axis=axis, keepdims=bool(kw.get("keepdims", False))), object)
    return found if found.shape == shape else _everything(shape, ds)


def _everything(shape: tuple[int, ...], ds: Sequence[Any]) -> Any:
    """Each entry depends on all that any argument depends on."""
    inputs: frozenset[int] = frozenset().union(*[e.inputs for d in ds if d is not None for e in d.flat if e.inputs])
    out = np.empty(shape, object)
    out[...] = Dependence(inputs)
    return out


def dependences(f: Callable[..., Any], xs: Sequence[Any]) -> list[list[frozenset[int]]]:
    """For each result of ``f``, a sequence of arrays, and each entry the inputs it may vary with, counted over all ``xs``."""
    start, tracked = 0, []
    with Level(True) as level:
        for x in xs:
            n = int(np.prod(shape_of(x)))
            d = np.empty(n, object)
            d[:] = [Dependence(frozenset((i,))) for i in range(start, start + n)]
            tracked.append(Tracked(level, x, d.reshape(shape_of(x))))
            start += n
        out = f(*tracked)
    found = []
    for o in out:
        while type(o) is Buffer:
            o = o.value
        if isinstance(o, Tracked) and o.level == level:
            found.append([e.inputs or NOTHING for e in np.ravel(o.aux)])
        else:
            found.append([NOTHING] * int(np.prod(shape_of(o))))
    return found
