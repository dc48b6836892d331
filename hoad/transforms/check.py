"""check_derivatives: compare every way to compute a derivative, and all of them with differences of the plain function."""

from __future__ import annotations

from collections.abc import Callable
from math import factorial
from typing import Any

import numpy as np

from hoad.core.box import shape_of
from hoad.core.space import flatten, unflatten
from hoad.errors import DerivativeMismatchError
from hoad.transforms.arguments import as_outputs, select
from hoad.transforms.first import jvp, vjp
from hoad.transforms.higher import taylor

__all__ = ["check_derivatives"]

Function = Callable[..., Any]
MODES = ("forward", "reverse", "taylor", "nested-reverse")


def check_derivatives(
    f: Function,
    args: Any,
    order: int = 2,
    modes: str | tuple[str, ...] = "all",
    *,
    rtol: float | None = None,
    rng: Any = 0,
) -> None:
    """Raise if the derivatives of ``f`` disagree between modes, or with numerical differences.

    Parameters
    ----------
    f : callable
        Any function of numbers, arrays or containers.
    args : tuple, or one argument
        The point.
    order : int, at least 1
        Highest order of derivative to check.
    modes : "all" or tuple of {"forward", "reverse", "taylor", "nested-reverse"}
        Which modes to compare.
    rtol : float, optional
        Relative tolerance between modes; by default 1e5 machine epsilons times the order.  Differences of the plain function
        are compared to 1e-4 (their own error, estimated by extrapolation, is added).
    rng : int or numpy.random.Generator
        Source of the random directions.

    Raises
    ------
    DerivativeMismatchError
        At the first disagreement: argument, index, mode, order, both values.

    Notes
    -----
    Along a random direction v: n-th derivatives by nested forward mode are compared with Taylor mode, with reverse mode nested
    n times, and with differences of the derivative of order n - 1 of the plain function.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> hoad.check_derivatives(lambda x: np.sum(np.sin(x) * x), np.array([0.3, 0.7]), order=3)
    """
    args = args if isinstance(args, tuple) else (args,)
    chosen = MODES if modes == "all" else tuple(modes)
    unknown = [m for m in chosen if m not in MODES]
    if unknown or order < 1:
        raise ValueError(f"modes={modes!r}, order={order}; expected 'all' or some of {MODES}, and order >= 1")
    generator = np.random.default_rng(rng)
    for position in range(len(args)):
        _check_argument(f, args, position, order, chosen, rtol, generator)


def _check_argument(f: Function, args: Any, position: int, order: int, modes: Any, rtol: Any, rng: Any) -> None:
    selection = select(f, position, args, {})
    leaves = selection.leaves
    spec = selection.specs[0][1]

    def along(x: Any) -> Any:
        return f(*args[:position], x, *args[position + 1 :])

    for leaf in as_outputs(along(selection.point()))[0]:
        if not np.all(np.isfinite(leaf)):
            raise ValueError(
                "check_derivatives found a value that is not finite at the point; expected a point inside the smooth domain."
            )
    x, v = selection.point(), unflatten(spec, [_random(leaf, rng) for leaf in leaves])
    eps = max((np.finfo(leaf.dtype).eps for leaf in leaves), default=2e-16)
    tolerance = 1e5 * float(eps) * order if rtol is None else rtol
    derivative: Function = along
    for n in range(1, order + 1):
        below, derivative = derivative, _along(derivative, v)
        exact = derivative(x)
        numeric, error = _difference(below, x, v)
        _compare(position, "forward against differences", n, exact, numeric, 1e-4, error)
        if "taylor" in modes:
            _compare(position, "taylor", n, _scaled(taylor(along, x, v, n)[n], factorial(n)), exact, tolerance)
        if "reverse" in modes:
            _check_reverse(position, below, x, v, exact, n, tolerance, rng, "reverse")
    if "nested-reverse" in modes and order > 1:
        y = along(x)
        weights = [_random(leaf, rng) for leaf in as_outputs(y)[0]]

        def h(p: Any) -> Any:
            return _inner(as_outputs(along(p))[0], weights)

        forward: Function = h
        nested: Function = h
        for n in range(1, order + 1):
            forward, nested = _along(forward, v), _by_reverse(nested, v)
            _compare(position, "nested-reverse", n, nested(x), forward(x), tolerance)


def _along(f: Function, v: Any) -> Function:
    """Derivative of f along v, by forward mode."""
    return lambda p: jvp(f, (p,), (v,))[1]


def _by_reverse(f: Function, v: Any) -> Function:
    """Derivative of a scalar f along v, by reverse mode."""

    def derivative(p: Any) -> Any:
        value, pull = vjp(f, p)
        (cotangent,) = pull(np.ones_like(value)[()])
        return _inner(flatten(cotangent)[0], flatten(v)[0])

    return derivative


def _check_reverse(position: int, f: Function, x: Any, v: Any, exact: Any, n: int, tolerance: float, rng: Any, mode: str) -> None:
    y, pull = vjp(f, x)
    outs, out_spec = as_outputs(y)
    us = [_random(o, rng) for o in outs]
    (cotangent,) = pull(unflatten(out_spec, us))
    left = _inner(flatten(cotangent)[0], flatten(v)[0])
    right = _inner(as_outputs(exact)[0], us)
    scale = sum(float(np.sum(np.abs(a) * np.abs(b))) for a, b in zip(as_outputs(exact)[0], us, strict=True))
    if not abs(left - right) <= tolerance * max(scale, abs(right), 1e-300):
        index, got, expected = _locate(f, x, us, out_spec, flatten(cotangent)[0])
        raise DerivativeMismatchError.found(position, index, mode, got, expected, n)


def _locate(f: Function, x: Any, us: Any, out_spec: Any, cotangents: Any) -> tuple[Any, Any, Any]:
    """The first entry of the argument whose cotangent differs from the forward derivative along it."""
    leaves, spec = flatten(x)
    for k, leaf in enumerate(leaves):
        for index in np.ndindex(*shape_of(leaf)):
            unit = [np.zeros_like(p) for p in leaves]
            unit[k][index] = 1
            forward = _inner(as_outputs(jvp(f, (x,), (unflatten(spec, [u[()] for u in unit]),))[1])[0], us)
            got = cotangents[k][index]
            if not abs(got - forward) <= 1e-6 * max(abs(forward), 1e-300):
                return (index if spec is None else (k, *index)), got, forward
    return (), _inner(cotangents, flatten(x)[0]), None


def _random(x: Any, rng: Any) -> Any:
    draw = rng.standard_normal(shape_of(x))
    if x.dtype.kind == "c":
        draw = draw + 1j * rng.standard_normal(shape_of(x))
    return np.asarray(draw).astype(x.dtype)[()]


def _scaled(y: Any, factor: float) -> Any:
    leaves, spec = flatten(y)
    return unflatten(spec, [leaf * factor for leaf in leaves])


def _inner(a: Any, b: Any) -> Any:
    """Re <a, b>, as a sum that can be differentiated."""
    total: Any = 0.0
    for p, q in zip(a, b, strict=True):
        total = total + np.sum(np.real(np.conjugate(q) * p))
    return total


def _difference(f: Function, x: Any, v: Any) -> tuple[Any, Any]:
    """Central difference along v, extrapolated once, and an estimate of its error."""
    leaves, spec = flatten(x)
    vs = flatten(v)[0]
    eps = float(max(np.finfo(leaf.dtype).eps for leaf in leaves))
    size = max((float(np.max(np.abs(leaf), initial=0.0)) for leaf in leaves), default=1.0)
    h = eps**0.2 * max(1e-3, min(size, 1.0)) * 0.1

    def central(h: float) -> list[Any]:
        up = as_outputs(f(unflatten(spec, [p + leaf.dtype.type(h) * q for p, q, leaf in zip(leaves, vs, leaves, strict=True)])))[0]
        down = as_outputs(f(unflatten(spec, [p - leaf.dtype.type(h) * q for p, q, leaf in zip(leaves, vs, leaves, strict=True)])))[
            0
        ]
        return [(a - b) / (2 * h) for a, b in zip(up, down, strict=True)]

    coarse, fine = central(h), central(h / 2)
    best = [(4 * b - a) / 3 for a, b in zip(coarse, fine, strict=True)]
    base = as_outputs(f(x))[0]
    errors = [np.abs(b - a) + 10 * eps * np.max(np.abs(c), initial=0.0) / h for a, b, c in zip(coarse, best, base, strict=True)]
    return best, errors


def _compare(position: int, mode: str, n: int, got: Any, expected: Any, rtol: float, errors: Any = None) -> None:
    a, b = as_outputs(got)[0], as_outputs(expected)[0]
    for k, (p, q) in enumerate(zip(a, b, strict=True)):
        slack = 0.0 if errors is None else errors[k]
        scale = np.maximum(np.abs(q), float(np.max(np.abs(q), initial=0.0)) * 1e-2)
        wrong = ~(np.abs(p - q) <= rtol * np.maximum(scale, 1e-12) + slack)
        wrong &= ~(np.isnan(p) & np.isnan(q))
        if np.any(wrong):
            index = tuple(int(i) for i in np.argwhere(wrong)[0]) if np.ndim(wrong) else ()
            raise DerivativeMismatchError.found(position, index, mode, np.asarray(p)[index], np.asarray(q)[index], n)
