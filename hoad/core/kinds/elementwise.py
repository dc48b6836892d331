"""Elementwise functions, from one slope dy/dx_i per argument, written with y and x; and contractions of slopes.

Forward: sum of slope_i dx_i.  Reverse: slope_i g, summed over broadcast axes.  Taylor: y' = slope x' gives
n y_n = sum_j j x_j s_(n-j) with s the series of the slope, which closes because slopes are written in y.
"""

from __future__ import annotations

import dis
from collections.abc import Callable
from functools import partial
from typing import Any

from hoad.core.box import shape_of
from hoad.core.engine import engine
from hoad.core.kinds.batching import align_ranks, shift_axis
from hoad.core.kinds.cotangents import fit, is_real, scaled
from hoad.core.primitive import Primitive, register
from hoad.core.series import Algebra, Series, accumulate, add_term

__all__ = ["contraction", "elementwise", "flow_rule"]

Slope = Callable[..., Any]


def elementwise(name: str, native: Callable[..., Any], *slopes: Slope | None, **overrides: Any) -> Primitive:
    """Register an elementwise function.

    Parameters
    ----------
    name : str
    native : callable
        Gives the value.
    *slopes : callable or None
        One for each array argument: ``slope(y, *xs)`` is dy/dx_i in terms of differentiable functions; None where the
        derivative with respect to that argument is zero.
    **overrides
        Hand-written ``forward``, ``reverse`` or ``taylor`` rules, for speed; tested equal to the derived ones.
    """
    rules = _unary(slopes[0]) if len(slopes) == 1 and slopes[0] is not None else _nary(slopes)
    rules["taylor"] = flow_rule(slopes)
    rules["batch"] = align_ranks
    rules.update(overrides)
    return register(Primitive(name, native, "elementwise", declaration=slopes, **rules))


def _reads(slope: Slope) -> tuple[bool, bool]:
    """Whether a slope of one argument uses y and x; what it does not use, a tape need not keep."""
    code = getattr(slope, "__code__", None)
    if code is None or code.co_argcount < 2:
        return True, True
    read: set[Any] = set()
    for instruction in dis.get_instructions(code):
        if "LOAD" in instruction.opname:
            read.update(instruction.argval if isinstance(instruction.argval, tuple) else (instruction.argval,))
    return code.co_varnames[0] in read, code.co_varnames[1] in read


def _unary(slope: Slope) -> dict[str, Any]:
    keeps_y, keeps_x = _reads(slope)

    def forward(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
        s = slope(y, xs[0], **kw)
        engine.share_slope(y, s, pull)
        return s * ts[0]

    def reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
        return partial(pull, y if keeps_y else None, xs[0] if keeps_x else None, kw)

    def pull(y: Any, x: Any, kw: Any, g: Any) -> Any:
        return (scaled(g, slope(y, x, **kw)),)

    return {"forward": forward, "reverse": reverse}


def _nary(slopes: tuple[Slope | None, ...]) -> dict[str, Any]:
    def forward(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
        total = None
        for slope, t in zip(slopes, ts, strict=True):
            if t is not None and slope is not None:
                total = add_term(total, slope(y, *xs, **kw) * t)
        return total

    def reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
        spec = [(slopes[i], shape_of(xs[i]), is_real(xs[i])) for i in which]

        def pull(g: Any) -> Any:
            return [slope and fit(scaled(g, slope(y, *xs, **kw)), shape, real) for slope, shape, real in spec]

        return pull

    return {"forward": forward, "reverse": reverse}


def flow_rule(slopes: tuple[Slope | None, ...], combine: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """Taylor rule of y' = sum of slope_i x_i' (multiplied elementwise, or by ``combine(s, x', kw)``)."""

    def taylor(algebra: Algebra, y: Series, xs: list[Series], kw: dict[str, Any], memo: Any) -> Callable[[int], Any]:
        active = [
            i for i, x in enumerate(xs) if slopes[i] is not None and (x.rule is not None or any(c is not None for c in x.c[1:]))
        ]
        slope_series: list[Series] = []

        def rule(n: int) -> Any:
            if not slope_series:
                slope_series.extend(engine.series(algebra, lambda *a, i=i: slopes[i](*a, **kw), [y, *xs], memo) for i in active)  # type: ignore[misc]
            k, degree, terms = algebra.flows[n]
            total = None
            for p, s in zip(active, slope_series, strict=True):
                x = xs[p]
                for i, j in terms:
                    dx = x.flow(algebra, k, i)
                    if dx is not None and (sj := s[j]) is not None:
                        total = accumulate(total, sj * dx) if combine is None else add_term(total, combine(sj, dx, kw))
            return total if total is None or degree == 1 else total / degree

        return rule

    return taylor


def contraction(
    name: str, native: Callable[..., Any], slope: Slope, combine: Callable[..., Any], spread: Callable[..., Any], **overrides: Any
) -> Primitive:
    """Register a function of one array whose differential is a contraction of a slope array with dx.

    ``combine(s, dx, kw)`` contracts (a sum over axes, a matrix inner product) and ``spread(g, x, kw)`` is the shape of a
    cotangent before it is multiplied by the slope.  Examples: logsumexp, norm, log|det|.
    """

    def forward(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
        return combine(slope(y, xs[0], **kw), ts[0], kw)

    def reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
        x = xs[0]

        def pull(g: Any) -> Any:
            return (fit(scaled(spread(g, x, kw), slope(y, x, **kw)), shape_of(x), is_real(x)),)

        return pull

    rules: dict[str, Any] = {"forward": forward, "reverse": reverse, "taylor": flow_rule((slope,), combine), "batch": shift_axis}
    rules.update(overrides)
    return register(Primitive(name, native, "elementwise", declaration=(slope,), **rules))


def constant(name: str, native: Callable[..., Any], **overrides: Any) -> Primitive:
    """Register a function whose result does not depend smoothly on its arguments (comparison, floor, argmax)."""
    rules: dict[str, Any] = {"batch": align_ranks}
    rules.update(overrides)
    return register(Primitive(name, native, "constant", **rules))
