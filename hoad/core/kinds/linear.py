"""Linear functions (also of several arguments jointly), from their transpose; and multilinear ones.

Linear: a tangent or a Taylor coefficient goes through the function itself, a cotangent through the transpose.
Multilinear: the product rule forward, one transpose per argument in reverse, a convolution of coefficients in Taylor mode.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hoad.core.box import shape_of
from hoad.core.kinds.batching import by_loop
from hoad.core.kinds.cotangents import fit, is_real
from hoad.core.primitive import Primitive, ViewPrimitive, register
from hoad.core.series import Algebra, Series, accumulate, add_term

__all__ = ["coefficientwise", "jointly_linear", "linear", "multilinear"]


def linear(
    name: str,
    native: Callable[..., Any],
    transpose: Callable[..., Any],
    *,
    write_back: Callable[..., Any] | None = None,
    **overrides: Any,
) -> Primitive:
    """Register a linear function of one array.

    Parameters
    ----------
    transpose : callable
        ``transpose(g, shape, **kw)``: the cotangent of the argument, whose shape is ``shape``.
    write_back : callable, optional
        ``write_back(x, y, kw)``: x after its view y = native(x) was replaced; makes the function a view.
    """

    def forward(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
        return prim.bind(ts[0], **kw)

    def reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
        x = xs[0]
        shape = x.shape
        if x.dtype.kind != "c" and y.dtype.kind == "c":
            return lambda g: (fit(transpose(g, shape, **kw), shape, True),)
        return lambda g: (transpose(g, shape, **kw),)

    rules: dict[str, Any] = {"forward": forward, "reverse": reverse, "taylor": coefficientwise, "batch": by_loop}
    rules.update(overrides)
    cls = Primitive if write_back is None else ViewPrimitive
    prim = register(cls(name, native, "linear", declaration=transpose, write_back=write_back, **rules))
    if rules["taylor"] is coefficientwise:
        prim.taylor = coefficientwise(prim)
    return prim


def coefficientwise(prim: Primitive) -> Callable[..., Any]:
    """Taylor rule of a function whose forward rule is linear given the values: the forward rule on each coefficient.

    ``alone`` says that coefficient n needs of each argument only its value and its coefficient n.
    """

    def taylor(algebra: Algebra, y: Series, xs: list[Series], kw: dict[str, Any], memo: Any) -> Callable[[int], Any]:
        values = [x.c[0] for x in xs]

        def rule(n: int) -> Any:
            ts = [x[n] for x in xs]
            return None if all(t is None for t in ts) else prim.forward(y.c[0], values, ts, kw)

        return rule

    taylor.alone = True  # type: ignore[attr-defined]
    return taylor


def jointly_linear(
    name: str, native: Callable[..., Any], forward: Callable[..., Any], reverse: Callable[..., Any], **overrides: Any
) -> Primitive:
    """Register a function that is linear in all its arguments together (add, concatenate, assignment)."""
    rules: dict[str, Any] = {"forward": forward, "reverse": reverse, "batch": by_loop}
    rules.update(overrides)
    prim = register(Primitive(name, native, "linear", declaration=(forward, reverse), **rules))
    if prim.taylor is None:
        prim.taylor = coefficientwise(prim)
    return prim


def multilinear(
    name: str, native: Callable[..., Any], *transposes: Callable[..., Any], many: Callable[..., Any] | None = None, **overrides: Any
) -> Primitive:
    """Register a function that is linear in each argument.

    Parameters
    ----------
    *transposes : callable
        For argument i: ``transpose(g, xs, **kw)``, the cotangent of argument i before it is summed over broadcast axes;
        it must conjugate the other arguments if they are complex.
    many : callable, optional
        ``many(i, g, xs, **kw)`` instead of one function per argument, for a variable number of arguments.
    """

    def pull_one(i: int, g: Any, xs: Any, kw: Any) -> Any:
        return transposes[i](g, xs, **kw) if many is None else many(i, g, xs, **kw)

    def forward(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
        total = None
        for i, t in enumerate(ts):
            if t is not None:
                total = add_term(total, prim.bind(*xs[:i], t, *xs[i + 1 :], **kw))
        return total

    def reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
        spec = [(i, shape_of(xs[i]), is_real(xs[i])) for i in which]

        def pull(g: Any) -> Any:
            return [fit(pull_one(i, g, xs, kw), shape, real) for i, shape, real in spec]

        return pull

    def taylor(algebra: Algebra, y: Series, xs: list[Series], kw: dict[str, Any], memo: Any) -> Callable[[int], Any]:
        return lambda n: _convolution(prim, algebra, xs, kw, n)

    rules: dict[str, Any] = {"forward": forward, "reverse": reverse, "taylor": taylor, "batch": by_loop}
    rules.update(overrides)
    prim = register(Primitive(name, native, "multilinear", declaration=transposes or many, **rules))
    return prim


def _convolution(prim: Primitive, algebra: Algebra, xs: list[Series], kw: dict[str, Any], n: int) -> Any:
    """Each product is a new array (that of two numbers is no array), so the sum may grow in the first."""
    if len(xs) == 2:
        a, b = xs
        total = None
        for i, j in algebra.products[n]:
            if (ai := a[i]) is not None and (bj := b[j]) is not None:
                total = accumulate(total, prim.bind(ai, bj, **kw))
        return total
    total = None
    for parts in _splits(algebra, len(xs), n):
        chosen = [x[i] for x, i in zip(xs, parts, strict=True)]
        if all(c is not None for c in chosen):
            total = accumulate(total, prim.bind(*chosen, **kw))
    return total


def _splits(algebra: Algebra, count: int, n: int) -> list[tuple[int, ...]]:
    """All ways to write index n as a sum of ``count`` indices."""
    if count == 1:
        return [(n,)]
    return [(i, *rest) for i, j in algebra.products[n] for rest in _splits(algebra, count - 1, j)]
