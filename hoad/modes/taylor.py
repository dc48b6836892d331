"""Taylor mode: jets, values that carry the coefficients of a truncated series in one or several variables.

All coefficients of one operation of the user's program are computed at once; within a rule they are computed on demand, in
order, so that a slope may refer to the result whose slope it is (tan: 1 + y^2), and sin and cos to each other.
Source: Griewank & Walther, Evaluating Derivatives, 2nd ed. (2008), ch. 13.
"""

from __future__ import annotations

from collections.abc import Callable
from types import EllipsisType
from typing import Any

import numpy as np

from hoad.core.box import Box, Buffer
from hoad.core.deferred import Deferred, Once
from hoad.core.engine import engine
from hoad.core.level import STATE, Level
from hoad.core.series import Algebra, Series
from hoad.errors import LeakedTraceError, RuleError

__all__ = ["Jet", "expand"]


DEFERRED_KINDS = frozenset(("linear", "multilinear", "selecting", "elementwise"))
DEFERRED_BYTES = 1 << 16
"""Below this size of the values, deferring costs more time than its memory is worth."""
MAX_DEPTH = 8


class _Expansion:
    """State of a Taylor level: the algebra, the results already known within one rule (``memo``), and whether operations may
    leave their coefficients of the highest degree for later (``defers``)."""

    __slots__ = ("algebra", "defers", "memo")

    def __init__(self, algebra: Algebra, memo: dict[Any, Any] | None, defers: bool = False) -> None:
        self.algebra = algebra
        self.memo = memo
        self.defers = defers


class Jet(Box):
    """A value and its series (``aux``), whose coefficient 0 is the value."""

    __slots__ = ()
    kind = "Taylor series"

    @staticmethod
    def process(prim: Any, level: float, args: tuple[Any, ...], kw: dict[str, Any]) -> Any:
        state = STATE.get(level)
        if state is None:
            raise LeakedTraceError.leaked(Jet.kind)
        xs = []
        for a in args:
            if isinstance(a, Box):
                if a.level == level:
                    xs.append(a.aux)
                    continue
                a = a.snapshot()
            xs.append(Series([a]))
        if state.memo is None:
            if state.defers and _may_wait(prim, args, kw):
                return _defer(prim, level, state.algebra, args, xs, kw)
            memo: dict[Any, Any] = {}
            out = _apply(prim, level, state.algebra, args, xs, kw, memo)
            _force(out, level, len(state.algebra))
            _forget(memo)
            return out
        return _apply(prim, level, state.algebra, args, xs, kw, state.memo)


def _apply(prim: Any, level: float, algebra: Algebra, args: Any, xs: list[Series], kw: dict[str, Any], memo: dict[Any, Any]) -> Any:
    if prim.body is not None:
        return _through_body(prim, level, args, xs, kw)
    if prim.forward is None:
        return prim.bind(*[x[0] for x in xs], **kw)
    key = (prim, *[id(x) for x in xs], *[(k, repr(v)) for k, v in kw.items()])
    found = memo.get(key)
    if found is not None:
        return Jet(level, found[0].c[0], found[0])
    y = prim.bind(*[x[0] for x in xs], **kw)
    if prim.taylor is None:
        raise RuleError.missing(prim.name, "Taylor", "a tangent rule written in differentiable functions")
    if prim.multi:
        hub = Series([y])
        parts = [Series([v]) for v in y]
        hub.rule = prim.taylor(algebra, parts, xs, kw, memo)
        for i, part in enumerate(parts):
            part.rule = lambda n, i=i: None if (c := hub[n]) is None else c[i]
            memo["output", prim, id(part)] = (part, hub)
        return tuple(Jet(level, part.c[0], part) for part in parts)
    series = Series([y])
    memo[key] = (series, xs)
    series.rule = prim.taylor(algebra, series, xs, kw, memo)
    return Jet(level, y, series)


def _through_body(prim: Any, level: float, args: Any, xs: list[Series], kw: dict[str, Any]) -> Any:
    out = prim.body(*args, **kw)
    if prim.exact_body:
        return out
    y = prim.bind(*[x[0] for x in xs], **kw)
    if prim.multi:
        return tuple(_with_value(o, level, v) for o, v in zip(out, y, strict=True))
    return _with_value(out, level, y)


def _with_value(out: Any, level: float, y: Any) -> Any:
    if not isinstance(out, Jet) or out.level != level:
        return y
    return Jet(level, y, Series([y, *out.aux.c[1:]], None if out.aux.rule is None else lambda n: out.aux[n]))


def _force(out: Any, level: float, size: int) -> None:
    """Compute all coefficients."""
    for o in out if type(out) is tuple else (out,):
        if isinstance(o, Jet) and o.level == level and type(o.aux) is not Deferred:
            o.aux[size - 1]
            o.aux.c += [None] * (size - len(o.aux.c))
            o.aux.rule = None
            o.aux.flows = None


def _may_wait(prim: Any, args: tuple[Any, ...], kw: dict[str, Any]) -> bool:
    """True if the operation is large, and gives the same later, because nothing that it reads can change until then."""
    if prim.kind not in DEFERRED_KINDS or prim.multi or prim.body is not None or prim.forward is None:
        return False
    large = False
    for a in args:
        if isinstance(a, Jet):
            if type(a.value) is not np.ndarray:
                return False
            large = large or a.value.nbytes >= DEFERRED_BYTES
        elif not _is_immutable(a):
            return False
    return large and all(_is_immutable(v) for v in kw.values())


def _is_immutable(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(_is_immutable(v) for v in value)
    if isinstance(value, slice):
        return _is_immutable((value.start, value.stop, value.step))
    return value is None or isinstance(value, int | float | complex | str | np.generic | np.dtype | type | EllipsisType)


def _defer(prim: Any, level: float, algebra: Algebra, args: Any, xs: list[Series], kw: dict[str, Any]) -> Jet:
    """The result with the coefficients of the highest degree left for later."""
    errors = np.geterr()
    products = prim.kind == "multilinear" and sum(isinstance(a, Jet) for a in args) > 1
    depth = 0
    for x in xs:
        if type(x) is Deferred and x.rest is not None:
            # A product would keep all lower coefficients of what it waits for, so waiting ends there.
            if products or x.depth >= MAX_DEPTH or x.errors != errors:
                x.settle()
            else:
                depth = max(depth, x.depth)
    onces = [Once(x, algebra) for x in xs]
    memo: dict[Any, Any] = {}
    y = Series([prim.bind(*[x.c[0] for x in onces], **kw)])
    rule = y.rule = prim.taylor(algebra, y, onces, kw, memo)
    y[algebra.top - 1]
    y.rule = None
    for series, *_ in tuple(memo.values()):  # the slopes as far as they will be needed, so that nothing refers to itself
        series[algebra.top - 1]
    _forget(memo)
    known = list(y.c)
    if getattr(prim.taylor, "alone", False) or (prim.kind == "multilinear" and not products):
        for x in (y, *onces):
            del x.c[1:]
    return Jet(level, known[0], Deferred(known, len(algebra), rule, depth + 1, errors))


def _forget(memo: dict[Any, Any]) -> None:
    for series, *_ in memo.values():
        series.rule = None
    memo.clear()


def _is_constant(x: Series) -> bool:
    """True if only coefficient 0 is there: a rule then sees the plain value, such as the literal exponent of a power."""
    return x.rule is None and all(c is None for c in x.c[1:])


def series(algebra: Algebra, f: Callable[..., Any], xs: list[Series], memo: dict[Any, Any]) -> Any:
    """The series of ``f`` of series (a list of them if ``f`` returns a tuple), computed on demand; equal operations on equal
    series are shared through ``memo``."""
    with Level(_Expansion(algebra, memo)) as level:
        out = f(*[x.c[0] if _is_constant(x) else Jet(level, x[0], x) for x in xs])
    if type(out) is tuple:
        return [o.aux if isinstance(o, Box) and o.level == level else Series([o]) for o in out]
    if isinstance(out, Box) and out.level == level:
        return out.aux
    return Series([out])


def expand(algebra: Algebra, f: Callable[..., Any], coefficients: list[list[Any]], *, defers: bool = False) -> Any:
    """``f`` (any result) of arrays given by their coefficients; also returns the level, to unpack results with :func:`unpack`.

    With ``defers``, an operation may leave its coefficients of the highest degree until they are needed, to save memory.
    """
    with Level(_Expansion(algebra, None, defers)) as level:
        out = f(*[Jet(level, c[0], Series([*c, *[None] * (len(algebra) - len(c))])) for c in coefficients])
    return out, level


def unpack(out: Any, level: float, size: int) -> list[Any]:
    """Coefficients (None where zero) of one result."""
    if isinstance(out, Box):
        if out.level == level:
            return list(out.aux.c)
        if type(out) is Buffer:
            out = out.value
    return [out, *[None] * (size - 1)]


engine.series = series
