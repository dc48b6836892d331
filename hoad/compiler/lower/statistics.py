"""Norms, variances and sums of exponentials along axes."""

from __future__ import annotations

import math
from typing import Any

from hoad.compiler.loops.values import Value
from hoad.compiler.lower.lowering import code, lowers
from hoad.compiler.lower.terms import Term, number, select

__all__: list[str] = []


def _axes(x: Value, axis: Any) -> tuple[int, ...]:
    axes = range(len(x.shape)) if axis is None else (axis,) if isinstance(axis, int) else axis
    return tuple(sorted(a % len(x.shape) for a in axes)) if x.shape else ()


def _given(args: list[Value], spec: Any) -> Term | None:
    """The argument, where there is something to reduce and it has the dtype of the result."""
    x, dtype = args[0], code(spec.dtype)
    return None if 0 in x.shape or x.dtype != dtype or len(args) != 1 else Term(x, dtype)


@lowers("two_norm")
def _two_norm(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    x = _given(args, spec)
    if x is None:
        return None
    axes = _axes(x.value, kw["axis"])
    return (x * x).total(axes).sqrt().shaped(spec.shape, axes)


def _power_norm(name: str) -> None:
    """The p-th root of the sum of the p-th powers, for the orders that have no formula of their own."""

    def rule(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
        x, order, axis = _given(args, spec), kw["ord"], kw["axis"]
        if (
            x is None
            or isinstance(order, bool)
            or not isinstance(order, int | float)
            or order in (0, 1, 2)
            or math.isinf(order)
            or math.isnan(order)
        ):
            return None
        axes = _axes(x.value, axis)
        if len(axes) != 1 and (name == "norm" or not axes):
            return None
        return abs(x).power(order).total(axes).power(1.0 / order).shaped(spec.shape, axes)

    lowers(name)(rule)


_power_norm("norm")
_power_norm("vector_norm")


def _variance(x: Term, axes: tuple[int, ...], ddof: float) -> Term:
    count = math.prod(x.value.shape[k] for k in axes)
    centred = x - x.total(axes) / count
    return (centred * centred).total(axes) / max(count - ddof, 0)


def _spread(root: bool) -> Any:
    def rule(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
        x = _given(args, spec)
        if x is None or not isinstance(kw["ddof"], int | float):
            return None
        axes = _axes(x.value, kw["axis"])
        y = _variance(x, axes, kw["ddof"])
        return (y.sqrt() if root else y).shaped(spec.shape, axes)

    return rule


lowers("var", "real_var")(_spread(False))
lowers("std")(_spread(True))

# -- sums of exponentials ----------------------------------------------------------------------------------------------


def _logsumexp(x: Term, axes: tuple[int, ...]) -> Term:
    """The largest elements, which decide how large it is, stay outside of the sum, so that small results keep their digits."""
    largest = x.reduce("maximum", axes)
    top = x.equals(largest)
    count = select(top, number(1.0, x), 0.0).total(axes)
    rest = select(top, 0.0, (x - largest).exp()).total(axes)
    return (rest / count).log1p() + count.log() + largest


@lowers("logsumexp")
def _log_of_sum(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    x = _given(args, spec)
    if x is None:
        return None
    axes = _axes(x.value, kw["axis"])
    return _logsumexp(x, axes).shaped(spec.shape, axes)


@lowers("softmax")
def _softmax(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    x = _given(args, spec)
    if x is None:
        return None
    axes = _axes(x.value, kw["axis"])
    e = (x - x.reduce("maximum", axes)).exp()
    return (e / e.total(axes)).value


@lowers("log_softmax")
def _log_softmax(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    x = _given(args, spec)
    if x is None:
        return None
    axes = _axes(x.value, kw["axis"])
    largest = x.reduce("maximum", axes)
    shifted = x - select(largest.isfinite(), largest, 0.0)
    return (shifted - shifted.exp().total(axes).log()).value
