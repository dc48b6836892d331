"""Integrals over several variables, nested: dblquad, tplquad, nquad."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hoad.errors import IntegrationError
from hoad.transforms.closures import Parametrised, any_traced
from hoad.transforms.quadrature.one_variable import quad

__all__ = ["dblquad", "nquad", "tplquad"]

Function = Callable[..., Any]


def dblquad(
    func: Function, a: Any, b: Any, gfun: Any, hfun: Any, args: Any = (), epsabs: float = 1.49e-8, epsrel: float = 1.49e-8
) -> Any:
    """:func:`scipy.integrate.dblquad` with derivatives in limits, ``args`` and what the functions close over.

    Examples
    --------
    >>> import numpy as np, hoad, hoad.scipy.integrate
    >>> area = lambda r: hoad.scipy.integrate.dblquad(lambda y, x: 1.0 + 0 * y, -r, r, 0.0, lambda x: r - abs(x))[0]
    >>> round(float(hoad.grad(area)(2.0)), 6)
    4.0
    """
    ranges = [lambda x: [_call(gfun, x), _call(hfun, x)], [a, b]]
    return nquad(func, _without_extra(ranges), args, {"epsabs": epsabs, "epsrel": epsrel})


def tplquad(
    func: Function,
    a: Any,
    b: Any,
    gfun: Any,
    hfun: Any,
    qfun: Any,
    rfun: Any,
    args: Any = (),
    epsabs: float = 1.49e-8,
    epsrel: float = 1.49e-8,
) -> Any:
    """:func:`scipy.integrate.tplquad` with derivatives; see :func:`dblquad`."""
    ranges = [lambda y, x: [_call(qfun, x, y), _call(rfun, x, y)], lambda x: [_call(gfun, x), _call(hfun, x)], [a, b]]
    return nquad(func, _without_extra(ranges), args, {"epsabs": epsabs, "epsrel": epsrel})


def _call(f: Any, *xs: Any) -> Any:
    return f(*xs) if callable(f) else f


def _without_extra(ranges: list[Any]) -> list[Any]:
    """SciPy hands ``args`` to ranges too; those of dblquad and tplquad take none."""
    depth = len(ranges)
    return [(lambda *x, r=r, used=depth - 1 - i: r(*x[:used])) if callable(r) else r for i, r in enumerate(ranges)]


def nquad(func: Function, ranges: Any, args: Any = None, opts: Any = None, full_output: bool = False) -> Any:
    """:func:`scipy.integrate.nquad` with derivatives in limits, ``args`` and what the functions close over.

    Parameters
    ----------
    func, ranges, args, opts
        As SciPy's, with ``opts`` one dict, or one for each variable; ``full_output=False``.

    Returns
    -------
    result : float
        Traced.
    abserr : float or None
        SciPy's estimate; None with traced values, because inner integrals are then computed for the derivative's sake only.
    """
    from scipy import integrate

    args = () if args is None else args if isinstance(args, tuple) else (args,)
    found = Parametrised("scipy.integrate.nquad", [func, next(iter(ranges)), list(ranges)], args)
    if not found.params and not any_traced(*[v for r in ranges if isinstance(r, list | tuple) for v in r]):
        return integrate.nquad(func, ranges, args, opts, full_output)
    if full_output:
        raise IntegrationError("nquad with traced values has no full_output, expected full_output=False. Leave it out.")
    depth = len(ranges)
    given: list[Any] = list(opts) if isinstance(opts, list | tuple) else [opts or {}] * depth

    def level(number: int, outer: tuple[Any, ...]) -> Any:
        """Integral over variables 0 ... number, for the values of the outer ones."""
        limits = ranges[number]
        low, high = limits(*outer, *args) if callable(limits) else limits
        options = given[number](*outer, *args) if callable(given[number]) else given[number]

        def integrand(t: Any) -> Any:
            inner = (t, *outer)
            return func(*inner, *args) if number == 0 else level(number - 1, inner)

        return quad(integrand, low, high, **dict(options))[0]

    return level(depth - 1, ()), None
