"""Formulas as they are written on paper: arithmetic on :class:`Term` makes values for loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hoad.compiler.loops.values import Pointwise, Reduced, Uniform, Value
from hoad.compiler.lower.lowering import RULES, code, uniform
from hoad.compiler.lower.shaping import moved

__all__ = ["Term", "declare", "number", "select"]


class Term:
    """A value that is broadcast against others; whatever it is computed with, the result has its dtype."""

    __slots__ = ("dtype", "value")

    def __init__(self, value: Value, dtype: str) -> None:
        self.value = value
        self.dtype = dtype

    def apply(self, operation: str, *others: Any, dtype: str | None = None) -> Term:
        """An operation on this and other terms or numbers."""
        values = [self.value, *[o.value if isinstance(o, Term) else uniform(float(o), (), self.dtype) for o in others]]
        shape = np.broadcast_shapes(*[v.shape for v in values])
        return Term(Pointwise(operation, values, shape, dtype or self.dtype), self.dtype)

    def __add__(self, other: Any) -> Term:
        return self.apply("add", other)

    def __sub__(self, other: Any) -> Term:
        return self.apply("subtract", other)

    def __mul__(self, other: Any) -> Term:
        return self.apply("multiply", other)

    def __truediv__(self, other: Any) -> Term:
        return self.apply("divide", other)

    def __neg__(self) -> Term:
        return self.apply("negative")

    def __rsub__(self, other: float) -> Term:
        return number(other, self).apply("subtract", self)

    def __rtruediv__(self, other: float) -> Term:
        return number(other, self).apply("divide", self)

    __radd__ = __add__
    __rmul__ = __mul__

    def __abs__(self) -> Term:
        return self.apply("absolute")

    def __lt__(self, other: Any) -> Term:
        return self.apply("less", other, dtype="b1")

    def __le__(self, other: Any) -> Term:
        return self.apply("less_equal", other, dtype="b1")

    def __gt__(self, other: Any) -> Term:
        return self.apply("greater", other, dtype="b1")

    def __ge__(self, other: Any) -> Term:
        return self.apply("greater_equal", other, dtype="b1")

    def equals(self, other: Any) -> Term:
        return self.apply("equal", other, dtype="b1")

    def __and__(self, other: Term) -> Term:
        return self.apply("logical_and", other, dtype="b1")

    def __or__(self, other: Term) -> Term:
        return self.apply("logical_or", other, dtype="b1")

    def __xor__(self, other: Term) -> Term:
        return self.apply("logical_xor", other, dtype="b1")

    def __invert__(self) -> Term:
        return self.apply("logical_not", dtype="b1")

    def __getattr__(self, name: str) -> Callable[..., Term]:
        """``x.exp()`` and so on; ``isnan``, ``isinf`` and ``isfinite`` are conditions."""
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *others: self.apply(name, *others, dtype="b1" if name.startswith("is") else None)

    # -- along axes ---------------------------------------------------------------------------------------------------------------

    def reduce(self, operation: str, axes: Sequence[int]) -> Term:
        """A reduction that keeps its axes with length one."""
        x = self.value
        if not axes:
            return self
        total = Reduced(operation, x, axes)
        maps: list[Any] = [(0, ((k, 1),) if n != 1 else ()) for k, n in enumerate(x.shape) if k not in axes]
        return Term(moved(total, maps, [1 if k in axes else n for k, n in enumerate(x.shape)]), self.dtype)

    def total(self, axes: Sequence[int]) -> Term:
        return self.reduce("add", axes)

    def shaped(self, shape: Sequence[int], axes: Sequence[int]) -> Value:
        """Without the axes of length one, where a result of this shape has lost them."""
        x = self.value
        if x.shape == tuple(shape):
            return x
        kept = [k for k in range(len(x.shape)) if k not in axes]
        maps: list[Any] = [(0, ())] * len(x.shape)
        for n, k in enumerate(kept):
            maps[k] = (0, ((n, 1),))
        return moved(x, maps, shape)


def number(x: float, like: Term) -> Term:
    return Term(uniform(float(x), (), like.dtype), like.dtype)


def select(condition: Term, x: Any, y: Any) -> Term:
    """x where the condition holds, y elsewhere."""
    like = x if isinstance(x, Term) else y if isinstance(y, Term) else condition
    return condition.__class__(condition.value, like.dtype).apply("select", x, y)


def rounded(x: Value, dtype: str, inner: str) -> Value:
    """An argument of a function of a dtype, in the dtype in which the function is computed; numbers of Python are rounded."""
    if isinstance(x, Uniform) and x.dtype != "b1":
        with np.errstate(over="ignore"):
            return uniform(float(np.dtype(dtype).type(x.number)), x.shape, inner)
    return x if x.dtype in ("b1", inner) else Pointwise("convert", (x,), x.shape, inner)


def declare(name: str, formula: Callable[..., Any], wide: bool = False) -> None:
    """``formula(*terms, **keywords)`` is the function at a point; it may return None, or a number.

    ``wide`` formulas are computed in double precision for single precision too, as SciPy does.
    """

    def rule(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
        dtype = code(spec.dtype)
        inner = "f8" if wide and dtype == "f4" else dtype
        terms = [Term(a, a.dtype) if inner == "b1" else Term(rounded(a, dtype, inner), inner) for a in args]
        found = formula(*terms, **kw)
        if found is None:
            return None
        value = found.value if isinstance(found, Term) else uniform(found, (), dtype)
        if inner != dtype:
            value = Pointwise("convert", (value,), value.shape, dtype)
        if value.shape != spec.shape:
            lead = len(spec.shape) - len(value.shape)
            maps: list[Any] = [(0, ()) if n == 1 else (0, ((k + lead, 1),)) for k, n in enumerate(value.shape)]
            value = moved(value, maps, spec.shape)
        return value

    RULES[name] = rule
