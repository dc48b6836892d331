"""Functions of one point that are written in others, with the special values of NumPy and SciPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hoad.compiler.loops.values import Value
from hoad.compiler.lower.lowering import RULES
from hoad.compiler.lower.terms import Term, declare, number, select

__all__: list[str] = []

INF = math.inf
LOG2_E = 1.4426950408889634


def _zero(condition: Term, x: Term) -> float:
    return 0.0


declare("undefined_slope", _zero)
declare("apex", _zero)
declare("isneginf", lambda x: x.equals(-INF))
declare("isposinf", lambda x: x.equals(INF))
declare("angle_real", lambda z, deg: _turn(z) * (180 / np.pi) if deg else _turn(z))


def _turn(z: Term) -> Term:
    """The angle of a real number: 0 or pi, by its sign bit."""
    return select(z.isnan(), z, select(Term(z.apply("signbit", dtype="b1").value, z.dtype), math.pi, 0.0))


def _second(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    return args[1] if args[1].shape == spec.shape else None


RULES["value_of"] = RULES["valued"] = _second


# -- parts of numbers --------------------------------------------------------------------------------------------------


def _nan_to_num(x: Term, nan: Any, posinf: Any, neginf: Any) -> Term | None:
    info = np.finfo(x.dtype)
    numbers = [0.0 if nan is None else nan, info.max if posinf is None else posinf, info.min if neginf is None else neginf]
    if any(np.ndim(n) or not isinstance(n, int | float | np.number) for n in numbers):
        return None
    y = select(x.equals(INF), float(numbers[1]), select(x.equals(-INF), float(numbers[2]), x))
    return select(x.isnan(), float(numbers[0]), y)


def _heaviside(x: Term, h: Term) -> Term:
    return select(x.isnan(), x, select(x.equals(0.0), h, select(x < 0.0, 0.0, select(x > 0.0, 1.0, x))))


def _divmod(a: Term, b: Term) -> tuple[Term, Term]:
    """Quotient and remainder as NumPy computes them, with the sign of b."""
    mod = a.fmod(b)
    quotient = (a - mod) / b
    left = ~mod.equals(0.0)
    other_sign = left & ((b < 0.0) ^ (mod < 0.0))
    quotient = select(other_sign, quotient - 1.0, quotient)
    remainder = select(left, select(other_sign, mod + b, mod), number(0.0, b).copysign(b))
    floor = quotient.floor()
    floor = select(quotient - floor > 0.5, floor + 1.0, floor)
    floor = select(quotient.equals(0.0), number(0.0, a).copysign(a / b), floor)
    zero = b.equals(0.0)
    return select(zero, a / b, floor), select(zero, mod, remainder)


declare("nan_to_num", _nan_to_num)
declare("heaviside", _heaviside)
declare("floor_divide", lambda a, b: _divmod(a, b)[0])
declare("remainder", lambda a, b: _divmod(a, b)[1])
declare("modf_fraction", lambda x: select(x.isinf(), 0.0, x - x.trunc()).copysign(x))


def _round(x: Term, decimals: int = 0) -> Term | None:
    if decimals == 0:
        return x.rint()
    if abs(decimals) > 22:
        return None
    scale = 10.0 ** abs(decimals)
    return (x * scale).rint() / scale if decimals > 0 else (x / scale).rint() * scale


declare("round", _round)


def _isclose(a: Term, b: Term, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> Term | None:
    if isinstance(rtol, bool) or not all(isinstance(t, int | float) for t in (rtol, atol)) or a.dtype != b.dtype:
        return None
    near = ((a - b).__abs__() <= abs(b) * rtol + atol) & b.isfinite() | a.equals(b)
    return near | (a.isnan() & b.isnan()) if equal_nan else near


declare("isclose", _isclose)

# -- exponentials and logarithms ---------------------------------------------------------------------------------------


def _sinc(x: Term) -> Term:
    x = x * math.pi
    y = select(x.equals(0.0), float(np.finfo(x.dtype).eps), x)
    return y.sin() / y


def _cosm1(x: Term) -> Term:
    half = (x * 0.5).sin()
    return half * half * -2.0


def _log_expit(x: Term) -> Term:
    small = (-abs(x)).exp().log1p()
    return select(x < 0.0, x - small, -small)


def _logit(x: Term) -> Term:
    s = (x - 0.5) * 2.0
    middle = (x >= 0.3) & (x <= 0.65)
    return select(middle, s.log1p() - (-s).log1p(), (x / (1.0 - x)).log())


def _logaddexp2(a: Term, b: Term) -> Term:
    gap = a - b
    total = a.maximum(b) + (-abs(gap)).exp2().log1p() * LOG2_E
    return select(a.equals(b), a + 1.0, total)


def _exprel(x: Term) -> Term:
    return select(abs(x) < 1e-16, 1.0, select(x > 717.0, INF, x.expm1() / x))


declare("sinc", _sinc)
declare("cosm1", _cosm1)


def _exp10(x: Term) -> Term:
    return number(10.0, x).power(x)


declare("exp10", _exp10)
declare("log_expit", _log_expit)
declare("logit", _logit)
declare("logaddexp2", _logaddexp2)
declare("exprel", _exprel, wide=True)


def _ndtr(x: Term) -> Term:
    """The normal distribution function, from erf in the middle and erfc in the tails."""
    t = x * math.sqrt(0.5)
    tail = abs(t).erfc() * 0.5
    return select(abs(t) < 1.0, t.erf() * 0.5 + 0.5, select(t > 0.0, 1.0 - tail, tail))


declare("ndtr", _ndtr, wide=True)

# -- entropies and losses ----------------------------------------------------------------------------------------------


def _entr(x: Term) -> Term:
    y = select(x > 0.0, -x * x.log(), select(x.equals(0.0), 0.0, -INF))
    return select(x.isnan(), x, y)


def _log_of_ratio(x: Term, y: Term) -> Term:
    ratio = x / y
    near = (ratio > 0.5) & (ratio < 2.0)
    regular = (ratio > float(np.finfo(x.dtype).tiny)) & (ratio < INF)
    return select(near, ((x - y) / y).log1p(), select(regular, ratio.log(), x.log() - y.log()))


def _rel_entr(x: Term, y: Term) -> Term:
    inside = (x > 0.0) & (y > 0.0)
    edge = x.equals(0.0) & (y >= 0.0)
    z = select(inside, x * _log_of_ratio(x, y), select(edge, 0.0, INF))
    return select(x.isnan() | y.isnan(), x + y, z)


def _kl_div(x: Term, y: Term) -> Term:
    inside = (x > 0.0) & (y > 0.0)
    edge = x.equals(0.0) & (y >= 0.0)
    z = select(inside, x * (x / y).log() - x + y, select(edge, y, INF))
    return select(x.isnan() | y.isnan(), x + y, z)


def _huber(delta: Term, r: Term) -> Term:
    size = abs(r)
    y = select(size <= delta, r * r * 0.5, delta * (size - delta * 0.5))
    return select(delta < 0.0, INF, y)


def _pseudo_huber(delta: Term, r: Term) -> Term:
    v = r / delta
    y = delta * delta * ((v * v).log1p() * 0.5).expm1()
    return select(delta < 0.0, INF, select(delta.equals(0.0) | r.equals(0.0), 0.0, y))


declare("entr", _entr)
declare("rel_entr", _rel_entr, wide=True)
declare("huber", _huber)
declare("pseudo_huber", _pseudo_huber, wide=True)
declare("kl_div", _kl_div, wide=True)
declare("log_ratio", lambda x, y: select(abs(x / y - 1.0) < 0.5, ((x - y) / y).log1p(), (x / y).log()))
