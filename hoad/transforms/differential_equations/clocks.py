"""Derivatives with respect to times: the solution near a given point, as a series in time.

y(t) for t near s, where y(s) is given, is sum c_j (t - s)^j with (j + 1) c_(j+1) = coefficient j of f(s + ., sum c_i (.)^i).
At t = s this is y(s), and a derivative of order k in t and s needs c_1 ... c_k only, which cost no solve of the differential
equation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.core.box import Box, held, ops, shape_of
from hoad.core.engine import engine
from hoad.core.level import STATE
from hoad.core.primitive import Primitive
from hoad.core.series import Series, curve
from hoad.core.space import leaf_zeros
from hoad.modes.batch import Batched
from hoad.modes.forward import Dual
from hoad.modes.record import Recorded
from hoad.modes.reverse import Node
from hoad.modes.taylor import Jet

__all__ = ["clock", "is_differentiated", "still"]

Function = Callable[..., Any]

FURTHER_ORDERS = 4
"""Orders to which a recorded program can be differentiated later."""


def _order(x: Any) -> int:
    """How often x can be differentiated: the sum over the differentiations in progress that it takes part in."""
    order = 0
    while isinstance(x, Box):
        if isinstance(x, Dual | Node):
            order += 1
        elif isinstance(x, Jet):
            order += sum(STATE[x.level].algebra.indices[-1])
        elif isinstance(x, Recorded):
            order += FURTHER_ORDERS
        x = held(x)
    return order


def is_differentiated(x: Any) -> bool:
    """True if x takes part in a differentiation (a batch does not)."""
    return _order(x) > 0


def still(x: Any) -> Any:
    """x as a constant of all differentiations, still a batch where it is one."""
    if isinstance(x, Box) and x.recorded:
        return x
    if isinstance(x, Dual | Node | Jet):
        return still(x.value)
    if isinstance(x, Batched | Recorded):
        return x.__class__(x.level, still(x.value), x.aux)
    return x.value if isinstance(x, Box) else x


def clock(rhs: Function) -> Primitive:
    """The primitive (y, s, t, *params) -> state at t of the solution that is y at s; the values of s and t are equal."""

    def body(y: Any, s: Any, t: Any, *params: Any) -> Any:
        order = _order(s - t)
        c = [y]
        ahead = Series([s, np.float64(1.0)])
        for j in range(order):
            f = engine.series(curve(j), rhs, [Series(ahead.c[: j + 1]), Series(list(c)), *[Series([p]) for p in params]], {})[j]
            c.append(leaf_zeros(y) if f is None else f / (j + 1))
        out = y
        for j in range(1, order + 1):
            out = out + c[j] * (t - s) ** j
        return out

    def native(y: Any, s: Any, t: Any, *params: Any) -> Any:
        return y

    return Primitive("clock", native, "composite", body=body, exact_body=True)


def at_times(rhs: Function, states: Any, old: Any, new: Any, params: Any) -> Any:
    """States at times ``old`` moved to times ``new`` of the same values."""
    tick = clock(rhs)
    count = shape_of(old)[0]
    if count == 0:
        return states
    rows = [tick.bind(states[i], old[i], new[i], *params) for i in range(count)]
    return ops.stack(rows)
