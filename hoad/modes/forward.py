"""Forward mode: dual numbers, a value and one tangent.  A block of K tangents is a tangent that carries a hidden axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hoad.core.box import Box, Buffer, shape_of
from hoad.core.engine import engine
from hoad.core.level import STATE, Level
from hoad.errors import LeakedTraceError, RuleError
from hoad.modes import debug

__all__ = ["Dual", "push"]


class Dual(Box):
    """A value and its tangent (``aux``), both of any lower level."""

    __slots__ = ()
    kind = "dual number"

    @staticmethod
    def process(prim: Any, level: float, args: tuple[Any, ...], kw: dict[str, Any]) -> Any:
        if level not in STATE:
            raise LeakedTraceError.leaked(Dual.kind)
        if len(args) == 1:
            a = args[0]
            x = a.value
            xs: Any = (x,)
            ts: Sequence[Any] = (a.aux,)
            if prim.body is not None:
                return _through_body(prim, level, args, xs, kw)
            y = x.process(prim, x.level, xs, kw) if isinstance(x, Box) else prim.native(x, **kw)
        else:
            xs, ts = _stripped(args, level)
            if prim.body is not None:
                return _through_body(prim, level, args, xs, kw)
            y = prim.bind(*xs, **kw)
        if prim.forward is None:
            return y
        t = prim.forward(y, xs, ts, kw)
        if debug.active:
            debug.check_tangent(prim, y, t)
        if prim.multi:
            return tuple(v if d is None else Dual(level, v, d) for v, d in zip(y, t or (None,) * len(y), strict=True))
        return y if t is None else Dual(level, y, t)


_Pair = tuple[Sequence[Any], Sequence[Any]]


def _stripped(args: tuple[Any, ...], level: float) -> _Pair:
    """Arguments without this level's boxes, and their tangents; two arguments unrolled."""
    if len(args) == 2:
        a, b = args
        if isinstance(a, Box) and a.level == level:
            if isinstance(b, Box):
                if b.level == level:
                    return (a.value, b.value), (a.aux, b.aux)
                b = b.snapshot()
            return (a.value, b), (a.aux, None)
        return (a.snapshot() if isinstance(a, Box) else a, b.value), (None, b.aux)
    xs, ts = [], []
    for a in args:
        if isinstance(a, Box):
            if a.level == level:
                xs.append(a.value)
                ts.append(a.aux)
                continue
            a = a.snapshot()
        xs.append(a)
        ts.append(None)
    return xs, ts


def _through_body(prim: Any, level: float, args: Any, xs: Any, kw: Any) -> Any:
    out = prim.body(*args, **kw)
    if prim.exact_body:
        return out
    y = prim.bind(*xs, **kw)
    if prim.multi:
        return tuple(_with_value(o, level, v) for o, v in zip(out, y, strict=True))
    return _with_value(out, level, y)


def _with_value(out: Any, level: float, y: Any) -> Any:
    if not isinstance(out, Dual) or out.level != level:
        return y
    if shape_of(out.value) != shape_of(y):
        raise RuleError.shape("a composite body", "forward", shape_of(out.value), shape_of(y))
    return Dual(level, y, out.aux)


def push(f: Callable[..., Any], xs: Sequence[Any], ts: Sequence[Any]) -> tuple[Any, Any]:
    """Value and tangent of ``f`` for tangents ``ts``, where None is zero; tuples of them if ``f`` returns a tuple."""
    with Level(True) as level:
        out = f(*[x if t is None else Dual(level, x, t) for x, t in zip(xs, ts, strict=True)])
    if type(out) is tuple:
        pairs = [unpack(o, level) for o in out]
        return tuple(v for v, _ in pairs), tuple(t for _, t in pairs)
    return unpack(out, level)


def unpack(out: Any, level: float) -> tuple[Any, Any]:
    """Value and tangent (None if zero) of a result of level ``level``."""
    if isinstance(out, Box):
        if out.level == level:
            return out.value, out.aux
        if type(out) is Buffer:
            return out.value, None
    return out, None


engine.push = push
