"""Integrals over one variable: quad, quad_vec, fixed_quad."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.core.box import Box, bare, shape_of, strip
from hoad.core.primitive import Primitive
from hoad.errors import IntegrationError
from hoad.transforms.closures import Parametrised, any_traced, array_of, is_batched
from hoad.transforms.differential_equations.clocks import is_differentiated
from hoad.transforms.quadrature.integral import between, with_value
from hoad.transforms.quadrature.integral import limit as as_limit
from hoad.transforms.quadrature.integral import plain as plain_integrand

__all__ = ["fixed_quad", "quad", "quad_vec"]

Function = Callable[..., Any]


def quad(
    func: Function,
    a: Any,
    b: Any,
    args: Any = (),
    full_output: Any = 0,
    epsabs: float = 1.49e-8,
    epsrel: float = 1.49e-8,
    limit: int = 50,
    points: Any = None,
    weight: Any = None,
    wvar: Any = None,
    wopts: Any = None,
    maxp1: int = 50,
    limlst: int = 50,
    complex_func: bool = False,
) -> Any:
    """:func:`scipy.integrate.quad` with derivatives with respect to ``a``, ``b``, ``args`` and what ``func`` closes over.

    Parameters
    ----------
    func, a, b, args, ...
        As SciPy's; limits may be infinite.  ``points`` are constants.

    Returns
    -------
    y : float
        Traced.
    abserr : float
        SciPy's estimate for the value; further results with ``full_output``.

    Raises
    ------
    IntegrationError
        For ``weight`` with traced limits, and for complex integrands.

    Notes
    -----
    Derivatives are integrals with the same tolerances.  The derivative of the integrand must be integrable: the derivative in p of
    the integral of t**p over (0, 1) exists, that in the place of a pole does not.

    Examples
    --------
    >>> import numpy as np, hoad, hoad.scipy.integrate
    >>> gamma = lambda z: hoad.scipy.integrate.quad(lambda t, z: t ** (z - 1) * np.exp(-t), 0, np.inf, (z,))[0]
    >>> round(float(hoad.grad(gamma)(3.0)), 8)
    1.84556867
    """
    from scipy import integrate

    args = args if isinstance(args, tuple) else (args,)
    problem = Parametrised("scipy.integrate.quad", [func], args)
    rest = {"limit": limit, "wopts": wopts, "maxp1": maxp1, "limlst": limlst}
    if not problem.params and not any_traced(a, b):
        return integrate.quad(
            func, a, b, args, full_output, epsabs, epsrel, limit, points, weight, wvar, wopts, maxp1, limlst, complex_func
        )
    if complex_func:
        raise IntegrationError(
            "quad with complex_func=True and traced values is not supported. Integrate real and imaginary parts."
        )
    if weight is not None and (is_differentiated(a) or is_differentiated(b)):
        raise IntegrationError("quad with a weight and traced limits is not supported. Multiply the weight into func instead.")
    integrand = problem.function(0)
    options = {"epsabs": epsabs, "epsrel": epsrel, "points": points, "weight": weight, "wvar": wvar, **rest}

    def f(t: Any, *params: Any) -> Any:
        out = integrand(t, *params)
        return np.reshape(out, ()) if shape_of(out) != () else (out if hasattr(out, "dtype") else np.float64(out))

    def native(g: Function, a: Any, b: Any, params: Any) -> Any:
        plain = plain_integrand(g, params, "scipy.integrate.quad")
        return _adaptive(plain, float(a), float(b), options)

    memory: dict[bytes, Any] = {}

    def result(a: Any, b: Any, *params: Any) -> Any:
        key = b"|".join(np.asarray(x).tobytes() for x in (a, b, *params))
        found = memory.get(key)
        if found is None:
            found = integrate.quad(problem.plain(0, params), a, b, (), full_output, **options)
            if len(memory) > 8:  # of a recording that is repeated with other numbers
                memory.clear()
            memory[key] = found
        return found

    def value(a: Any, b: Any, *params: Any) -> Any:
        return np.float64(result(a, b, *params)[0])

    def error(a: Any, b: Any, *params: Any) -> Any:
        return np.float64(result(a, b, *params)[1])

    a, b = as_limit(a), as_limit(b)
    data = [a, b, *problem.params]
    y = with_value(value, lambda a, b, *ps: between(f, native, a, b, list(ps)), data)
    if any(map(is_batched, data)):
        return y, None
    if not full_output and any(isinstance(bare(x), Box) for x in data):
        return y, Primitive("error of an integral", error, "constant").bind(*map(bare, data))
    return (y, *result(*map(strip, data))[1:])


def _adaptive(f: Function, a: float, b: float, options: dict[str, Any]) -> Any:
    """A number by QUADPACK; an array entry by entry with a weight, else all entries with one subdivision."""
    from scipy import integrate

    middle = 0.5 * (a + b) if np.isfinite(a + b) else (a + 1 if np.isfinite(a) else b - 1 if np.isfinite(b) else 0.0)
    sample = np.asarray(f(middle))
    if sample.ndim == 0:
        return np.float64(integrate.quad(lambda t: float(f(t)), a, b, **options)[0])
    if sample.size == 0 or a == b:
        return np.zeros(sample.shape)
    if options["weight"] is None:
        return integrate.quad_vec(
            f, a, b, epsabs=options["epsabs"] * 1e-2, epsrel=options["epsrel"], norm="max", points=options["points"]
        )[0]
    flat = [integrate.quad(lambda t, i=i: float(np.ravel(f(t))[i]), a, b, **options)[0] for i in range(sample.size)]
    return np.reshape(flat, sample.shape)


def quad_vec(
    f: Function,
    a: Any,
    b: Any,
    epsabs: float = 1e-200,
    epsrel: float = 1e-8,
    norm: str = "2",
    cache_size: float = 1e8,
    limit: int = 10000,
    workers: Any = 1,
    points: Any = None,
    quadrature: Any = None,
    full_output: bool = False,
    *,
    args: Any = (),
) -> Any:
    """:func:`scipy.integrate.quad_vec` with derivatives; see :func:`quad`.

    Examples
    --------
    >>> import numpy as np, hoad, hoad.scipy.integrate
    >>> moments = lambda b: hoad.scipy.integrate.quad_vec(lambda t: t ** np.arange(3), 0.0, b)[0]
    >>> hoad.jacobian(moments)(2.0).round(9)
    array([1., 2., 4.])
    """
    from scipy import integrate

    args = args if isinstance(args, tuple) else (args,)
    problem = Parametrised("scipy.integrate.quad_vec", [f], args)
    options = {
        "epsabs": epsabs,
        "epsrel": epsrel,
        "norm": norm,
        "cache_size": cache_size,
        "limit": limit,
        "workers": workers,
        "points": points,
        "quadrature": quadrature,
    }
    if not problem.params and not any_traced(a, b):
        return integrate.quad_vec(f, a, b, full_output=full_output, args=args, **options)
    integrand = problem.function(0)

    def inner(t: Any, *params: Any) -> Any:
        return array_of(integrand(t, *params))

    def native(g: Function, a: Any, b: Any, params: Any) -> Any:
        return integrate.quad_vec(plain_integrand(g, params, "scipy.integrate.quad_vec"), float(a), float(b), **options)[0]

    def value(a: Any, b: Any, *params: Any) -> Any:
        return np.asarray(integrate.quad_vec(problem.plain(0, params), float(a), float(b), **options)[0])[()]

    a, b = as_limit(a), as_limit(b)
    data = [a, b, *problem.params]
    y = with_value(value, lambda a, b, *ps: between(inner, native, a, b, list(ps)), data)
    if any(map(is_batched, data)):
        return y, None
    plain = [strip(d) for d in data]
    found = integrate.quad_vec(problem.plain(0, plain[2:]), float(plain[0]), float(plain[1]), full_output=full_output, **options)
    return (y, *found[1:])


def fixed_quad(func: Function, a: Any, b: Any, args: Any = (), n: int = 5) -> Any:
    """:func:`scipy.integrate.fixed_quad` with derivatives; ``func`` gets all points at once.

    Examples
    --------
    >>> import numpy as np, hoad, hoad.scipy.integrate
    >>> round(float(hoad.grad(lambda b: hoad.scipy.integrate.fixed_quad(np.exp, 0.0, b)[0])(1.0)), 6)
    2.718282
    """
    from scipy import integrate, special

    if not any_traced(a, b) and not Parametrised("scipy.integrate.fixed_quad", [func], args).params:
        return integrate.fixed_quad(func, a, b, args, n)
    if np.isinf(bare(a)).any() or np.isinf(bare(b)).any():
        raise ValueError("Gaussian quadrature is only available for finite limits.")
    x, w = special.roots_legendre(n)
    points = (b - a) * (np.real(x) + 1) / 2.0 + a
    return (b - a) / 2.0 * np.sum(w * func(points, *args), axis=-1), None
