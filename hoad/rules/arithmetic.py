"""Arithmetic, powers, comparisons and rounding."""

from __future__ import annotations

import operator
from functools import partial
from typing import Any

import numpy as np

from hoad.backends import filled, maybe_any
from hoad.core.box import bare, ops, peek, shape_of
from hoad.core.kinds import constant, elementwise, jointly_linear, linear, multilinear
from hoad.core.kinds.batching import align_ranks
from hoad.core.kinds.cotangents import fit, fitted, scaled
from hoad.core.primitive import expose
from hoad.core.series import add_term

# -- addition -----------------------------------------------------------------------------------------------------------


def _full(t: Any, y: Any) -> Any:
    """A tangent of one broadcast argument, with the shape of the result."""
    return t if t.shape == y.shape else ops.broadcast_to(t, y.shape)


def _add_forward(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    a, b = ts
    if a is None:
        return _full(b, xs[0] if y is None else y)
    return _full(a, y) if b is None else a + b


def _same(g: Any) -> Any:
    return (g,)


def _both(g: Any) -> Any:
    return g, g


def _add_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    if len(which) == 1:
        spec = fitted(y, xs[which[0]])
        return _same if spec is None else lambda g: (fit(g, *spec),)
    one, two = fitted(y, xs[0]), fitted(y, xs[1])
    if one is None and two is None:
        return _both
    return lambda g: (g if one is None else fit(g, *one), g if two is None else fit(g, *two))


def _subtract_forward(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    a, b = ts
    if a is None:
        return _full(-b, y)
    return _full(a, y) if b is None else a - b


def _minus(g: Any) -> Any:
    return (-g,)


def _difference(g: Any) -> Any:
    return g, -g


def _subtract_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    if len(which) == 1:
        spec = fitted(y, xs[which[0]])
        if spec is None:
            return _minus if which[0] else _same
        return (lambda g: (fit(-g, *spec),)) if which[0] else lambda g: (fit(g, *spec),)
    one, two = fitted(y, xs[0]), fitted(y, xs[1])
    if one is None and two is None:
        return _difference
    return lambda g: (g if one is None else fit(g, *one), -g if two is None else fit(-g, *two))


add = jointly_linear("add", np.add, _add_forward, _add_reverse, batch=align_ranks)
subtract = jointly_linear("subtract", np.subtract, _subtract_forward, _subtract_reverse, batch=align_ranks)
negative = linear("negative", np.negative, lambda g, shape: -g, batch=align_ranks)
positive = linear("positive", np.positive, lambda g, shape: g, batch=align_ranks)

# -- multiplication -------------------------------------------------------------------------------------------------------


def _multiply_forward(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    a, b = ts
    if a is None:
        return b * xs[0]  # in this order: a Python complex times a NumPy scalar is no array
    return a * xs[1] if b is None else a * xs[1] + b * xs[0]


def _by_number(c: Any, g: Any) -> Any:
    return (g * c,)


def _by_other(other: Any, g: Any) -> Any:
    return (scaled(g, other),)


def _by_each(a: Any, b: Any, g: Any) -> Any:
    return scaled(g, b), scaled(g, a)


def _multiply_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    """Pulls are partial functions, not closures: fewer objects for the garbage collector to visit in long programs."""
    a, b = xs
    if len(which) == 1:
        i = which[0]
        other = xs[1 - i]
        spec = fitted(y, xs[i])
        if spec is None:
            return partial(_by_number if type(other) in (int, float) else _by_other, other)
        return lambda g: (fit(scaled(g, other), *spec),)
    sa, sb = fitted(y, a), fitted(y, b)
    if sa is None and sb is None:
        return partial(_by_each, a, b)
    return lambda g: (
        scaled(g, b) if sa is None else fit(scaled(g, b), *sa),
        scaled(g, a) if sb is None else fit(scaled(g, a), *sb),
    )


multiply = multilinear(
    "multiply",
    np.multiply,
    lambda g, xs: scaled(g, xs[1]),
    lambda g, xs: scaled(g, xs[0]),
    forward=_multiply_forward,
    reverse=_multiply_reverse,
    batch=align_ranks,
)


def _divide_forward(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    a, b = ts
    if b is None:
        return a / xs[1]
    return -(y * b) / xs[1] if a is None else (a - y * b) / xs[1]


def _divide_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    a, b = xs
    spec = [(i, fitted(y, xs[i])) for i in which]

    def pull(g: Any) -> Any:
        ga = scaled(g, 1.0 / b)
        return [c if s is None else fit(c, *s) for c, s in ((-scaled(ga, y) if i else ga, s) for i, s in spec)]

    return pull


def _divide_taylor(algebra: Any, y: Any, xs: Any, kw: Any, memo: Any) -> Any:
    """y b = a: b_0 y_n = a_n - sum of b_i y_j over i > 0."""
    a, b = xs

    def rule(n: int) -> Any:
        total = None
        for i, j in algebra.products[n]:
            if i and (bi := b[i]) is not None and (yj := y[j]) is not None:
                total = add_term(total, bi * yj)
        if total is None:
            return None if a[n] is None else _full(a[n] / b.c[0], y.c[0])
        return (-total if a[n] is None else a[n] - total) / b.c[0]

    return rule


divide = elementwise(
    "divide",
    np.divide,
    lambda y, a, b: 1.0 / b,
    lambda y, a, b: -y / b,
    forward=_divide_forward,
    reverse=_divide_reverse,
    taylor=_divide_taylor,
)


def _square_taylor(algebra: Any, y: Any, xs: Any, kw: Any, memo: Any) -> Any:
    x = xs[0]

    def rule(n: int) -> Any:
        total = None
        for i, j in algebra.products[n]:
            if (a := x[i]) is not None and (b := x[j]) is not None:
                total = add_term(total, a * b)
        return total

    return rule


def _square_forward(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    """2 dx first: it is a plain array where the direction is, so that only one product is differentiated again."""
    return xs[0] * (2 * ts[0])


square = elementwise("square", np.square, lambda y, x: 2 * x, forward=_square_forward, taylor=_square_taylor)
reciprocal = elementwise("reciprocal", np.reciprocal, lambda y, x: -(y * y))
sqrt = elementwise("sqrt", np.sqrt, lambda y, x: 0.5 / y)
cbrt = elementwise("cbrt", np.cbrt, lambda y, x: 1.0 / (3 * y * y))

# -- powers ---------------------------------------------------------------------------------------------------------------


def _power_slope(y: Any, x: Any, p: Any) -> Any:
    """p x^(p-1), exact at x = 0 for integer p: 0 for p = 0, 1 for p = 1; elsewhere a function of p also at p = 0."""
    if isinstance(p, int | float):
        if p == 0:
            return 0 * y
        if p == 2:
            return 2 * x
        return p * x ** (p - 1)
    constant_ = np.logical_and(p == 0, x == 0)
    return np.where(constant_, 0.0, p * np.power(np.where(constant_, 1.0, x), p - 1))


def _exponent_slope(y: Any, x: Any, p: Any) -> Any:
    """log(x) x^p, with its limit 0 at x = 0 < p."""
    if type(x) in (int, float) and x > 0:
        return float(np.log(x)) * y  # a Python number, so that the dtype of p is kept
    vanishing = np.logical_and(x == 0, p > 0)
    return np.where(vanishing, 0.0, np.log(np.where(vanishing, 1.0, x)) * y)


def _power_forward(derived: Any) -> Any:
    def forward(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
        if ts[1] is None and type(xs[1]) in (int, float) and xs[1] == 2:
            return _square_forward(y, xs, ts, kw)
        return derived(y, xs, ts, kw)

    return forward


def _power_reverse(derived: Any) -> Any:
    def reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
        x, p = xs
        if type(p) not in (int, float) or x.dtype is not y.dtype:
            return derived(y, xs, kw, which)
        return partial(_power_pull, y, x, p)

    return reverse


def _power_pull(y: Any, x: Any, p: Any, g: Any) -> Any:
    return (scaled(g, _power_slope(y, x, p)),)


def _power_taylor(native_flow: Any) -> Any:
    def taylor(algebra: Any, y: Any, xs: Any, kw: Any, memo: Any) -> Any:
        x, p = xs
        exponent = p.c[0]
        fixed = p.rule is None and all(c is None for c in p.c[1:])
        if fixed and isinstance(exponent, int | float) and exponent == 2:
            return _square_taylor(algebra, y, xs, kw, memo)
        if fixed and not maybe_any(bare(x.c[0]) == 0):
            return _power_recurrence(algebra, y, x, exponent)
        return native_flow(algebra, y, xs, kw, memo)

    return taylor


def _power_recurrence(algebra: Any, y: Any, x: Any, p: Any) -> Any:
    """x y' = p x' y, away from x = 0 (Griewank & Walther, table 13.2)."""

    def rule(n: int) -> Any:
        k, degree, _ = algebra.flows[n]
        total = None
        for i, j in algebra.products[n]:
            if i and (xi := x[i]) is not None and (yj := y[j]) is not None:
                total = add_term(total, (p * algebra.indices[i][k] - algebra.indices[j][k]) * (xi * yj))
        return total if total is None else total / (degree * x.c[0])

    return rule


power = elementwise("power", np.power, _power_slope, _exponent_slope)
pow_ = elementwise("pow", operator.pow, _power_slope, _exponent_slope)
float_power = elementwise("float_power", np.float_power, _power_slope, _exponent_slope)
for _prim in (power, pow_, float_power):
    _prim.taylor = _power_taylor(_prim.taylor)
    _prim.forward = _power_forward(_prim.forward)
    _prim.reverse = _power_reverse(_prim.reverse)

# -- remainders -----------------------------------------------------------------------------------------------------------

floor_divide = constant("floor_divide", np.floor_divide)
remainder = elementwise("remainder", np.remainder, lambda y, a, b: _ones(y), lambda y, a, b: -np.floor_divide(a, b))
fmod = elementwise("fmod", np.fmod, lambda y, a, b: _ones(y), lambda y, a, b: -np.trunc(a / b))


def _ones(y: Any) -> Any:
    return filled(shape_of(y), 1, y.dtype, peek(y))


def divmod_(a: Any, b: Any) -> Any:
    """Quotient (constant between jumps) and remainder."""
    return floor_divide(a, b), remainder(a, b)


# -- real and imaginary parts ----------------------------------------------------------------------------------------------

conjugate = linear("conjugate", np.conjugate, lambda g, shape: np.conjugate(g), batch=align_ranks)

for _name, _prim in {
    "add": add, "subtract": subtract, "multiply": multiply, "divide": divide, "negative": negative, "positive": positive,
    "square": square, "reciprocal": reciprocal, "sqrt": sqrt, "cbrt": cbrt, "power": power, "float_power": float_power,
    "floor_divide": floor_divide, "remainder": remainder, "fmod": fmod, "conjugate": conjugate,
}.items():  # fmt: skip
    expose(_prim, f"numpy.{_name}", getattr(np, _name), _prim.kind)
expose(divmod_, "numpy.divmod", np.divmod, "elementwise")
ops.power = pow_

# -- comparisons, signs, rounding: piecewise constant -----------------------------------------------------------------------

for _name in (
    "less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "logical_and", "logical_or", "logical_xor",
    "logical_not", "isnan", "isinf", "isfinite", "signbit", "sign", "floor", "ceil", "trunc", "rint", "spacing",
    "bitwise_and", "bitwise_or", "bitwise_xor", "invert", "left_shift", "right_shift", "gcd", "lcm", "bitwise_count",
):  # fmt: skip
    expose(constant(_name, getattr(np, _name)), f"numpy.{_name}", getattr(np, _name), "constant")

# The neighbour of x1 is x1 and a spacing, which is constant between powers of two.
nextafter = elementwise("nextafter", np.nextafter, lambda y, a, b: _ones(y), None)
expose(nextafter, "numpy.nextafter", np.nextafter, "elementwise")
