"""Least squares: least_squares and curve_fit, whose solutions are roots of the gradient of the cost."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from hoad.core.box import Box, shape_of
from hoad.core.engine import engine
from hoad.core.space import leaf_zeros
from hoad.errors import SolverError
from hoad.transforms.closures import Parametrised, any_traced, array_of, is_batched
from hoad.transforms.solvers.minima import entries, examine_bounds, held, limits, on_bounds
from hoad.transforms.solvers.solution import Solution, constant, gradient_of, with_value

__all__ = ["curve_fit", "least_squares"]

Function = Callable[..., Any]

LOSSES: dict[str, Function] = {
    "linear": lambda z: z,
    "soft_l1": lambda z: 2 * (np.sqrt(1 + z) - 1),
    "huber": lambda z: np.where(z <= 1, z, 2 * np.sqrt(np.where(z <= 1, 1.0, z)) - 1),
    "cauchy": lambda z: np.log1p(z),
    "arctan": lambda z: np.arctan(z),
}


def least_squares(
    fun: Function,
    x0: Any,
    jac: Any = "2-point",
    bounds: Any = (-np.inf, np.inf),
    method: str = "trf",
    ftol: Any = 1e-8,
    xtol: Any = 1e-8,
    gtol: Any = 1e-8,
    x_scale: Any = None,
    loss: Any = "linear",
    f_scale: float = 1.0,
    diff_step: Any = None,
    tr_solver: Any = None,
    tr_options: Any = None,
    jac_sparsity: Any = None,
    max_nfev: Any = None,
    verbose: int = 0,
    args: Any = (),
    kwargs: Any = None,
    callback: Any = None,
    workers: Any = None,
) -> Any:
    """:func:`scipy.optimize.least_squares` with derivatives of ``x`` and ``cost`` with respect to ``args``, ``kwargs``, ``bounds``
    and what ``fun`` closes over.

    Parameters
    ----------
    fun, x0, ...
        As SciPy's.  ``fun`` must be made of functions that can be differentiated twice for one derivative of the solution, because
        the curvature of the residuals is part of it.

    Returns
    -------
    OptimizeResult
        SciPy's, with traced ``x``, ``cost`` and ``fun``.

    Raises
    ------
    SolverError, ImplicitError
        As :func:`minimize`; also for a ``loss`` that is a function.

    Examples
    --------
    >>> import numpy as np, hoad, hoad.scipy.optimize
    >>> mean = lambda d: hoad.scipy.optimize.least_squares(lambda x, d: x - d, [0.0], args=(d,)).x[0]
    >>> hoad.grad(mean)(np.array([1.0, 2.0, 6.0, 7.0])).round(12)
    array([0.25, 0.25, 0.25, 0.25])
    """
    from scipy import optimize

    own = jac if callable(jac) else None
    names = sorted(kwargs or {})
    args = args if isinstance(args, tuple) else tuple(args) if isinstance(args, list) else (args,)
    count = len(args)
    problem = Parametrised("scipy.optimize.least_squares", [fun, own], (*args, *[(kwargs or {})[n] for n in names]))
    options = {
        "method": method,
        "ftol": ftol,
        "xtol": xtol,
        "gtol": gtol,
        "loss": loss,
        "f_scale": f_scale,
        "diff_step": diff_step,
        "tr_solver": tr_solver,
        "tr_options": tr_options,
        "jac_sparsity": jac_sparsity,
        "max_nfev": max_nfev,
        "verbose": verbose,
        "callback": callback,
        "workers": workers,
    }
    if x_scale is not None:
        options["x_scale"] = x_scale
    start = np.ravel(constant(x0))
    n = shape_of(start)[0]
    pair = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else bounds
    if not problem.params and not any_traced(x0, *entries(pair)):
        return optimize.least_squares(fun, x0, jac, bounds, args=args, kwargs=kwargs or {}, **options)
    if callable(loss):
        raise SolverError.unsupported("least_squares", "a loss given as a function", "Use one of the named losses.")
    sides = limits(SimpleNamespace(lb=pair[0], ub=pair[1]), n)
    assert sides is not None
    free = not any(isinstance(s, Box) for s in sides) and not any(np.isfinite(s).any() for s in sides)

    def named(number: int) -> Function:
        f = problem.function(number)
        return f if not names else _with_names(problem, number, count, names)

    residuals = named(0)

    def run(x0: Any, lo: Any, hi: Any, *params: Any) -> Any:
        def plain(z: Any) -> Any:
            return residuals(z, *params)

        slope = (lambda z: named(1)(z, *params)) if own is not None else jac
        return optimize.least_squares(plain, x0, slope, (lo, hi), **options)

    def cost(z: Any, *params: Any) -> Any:
        r = np.ravel(array_of(residuals(z, *params)))
        return 0.5 * f_scale**2 * np.sum(LOSSES[loss]((r / f_scale) ** 2)) if loss != "linear" else 0.5 * np.sum(r * r)

    def residual(z: Any, x0: Any, lo: Any, hi: Any, *params: Any) -> Any:
        g = gradient_of(lambda s: cost(s, *params), z)
        return g if free else held(z, g, lo, hi)

    def examine(z: Any, x0: Any, lo: Any, hi: Any, *params: Any) -> None:
        g = gradient_of(lambda s: cost(s, *params), z)
        examine_bounds("least_squares", g, z, lo, hi, max(1.0, np.abs(g).max()))

    def adjust(z: Any, x0: Any, lo: Any, hi: Any, *params: Any) -> Any:
        return on_bounds(gradient_of(lambda s: cost(s, *params), z), z, lo, hi)

    bounded: dict[str, Any] = {} if free else {"examine": examine, "adjust": adjust}
    solution = Solution("least_squares", run, residual, [start, *sides, *problem.params], **bounded)
    result = optimize.OptimizeResult() if any(map(is_batched, solution.data)) else optimize.OptimizeResult(solution.result)
    result.x = solution.x()

    def at(f: Function, value: Function) -> Any:
        return with_value(lambda *d: value(solution.run(*d)), lambda *d: f(solution.exact(*d), *d[3:]), solution.data)

    result.cost = at(cost, lambda r: np.float64(r.cost))
    result.fun = at(lambda z, *ps: np.ravel(array_of(residuals(z, *ps))), lambda r: r.fun)
    return result


def _with_names(problem: Parametrised, number: int, count: int, names: list[str]) -> Function:
    """A function whose last arguments go by keyword."""
    build = problem.rebuilt

    def f(z: Any, *params: Any) -> Any:
        g, args = build(number, params)
        return g(z, *args[:count], **dict(zip(names, args[count:], strict=True)))

    return f


def curve_fit(
    f: Function,
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    check_finite: Any = None,
    bounds: Any = (-np.inf, np.inf),
    method: Any = None,
    jac: Any = None,
    *,
    full_output: bool = False,
    nan_policy: Any = None,
    **kwargs: Any,
) -> Any:
    """:func:`scipy.optimize.curve_fit` with derivatives of the parameters and of their covariance with respect to the data.

    Parameters
    ----------
    f, xdata, ydata, ...
        As SciPy's; ``xdata``, ``ydata``, ``sigma`` and what ``f`` closes over may be traced.

    Returns
    -------
    popt : array
        Traced; the covariance ``pcov`` too.  With ``full_output`` SciPy's further results follow.

    Raises
    ------
    SolverError, ImplicitError
        As :func:`minimize`; also for finite ``bounds`` and for a ``nan_policy``.

    Examples
    --------
    >>> import numpy as np, hoad, hoad.scipy.optimize
    >>> x = np.array([0.0, 1.0, 2.0, 3.0])
    >>> slope = lambda y: hoad.scipy.optimize.curve_fit(lambda x, a, b: a * x + b, x, y, [1.0, 0.0])[0][0]
    >>> hoad.grad(slope)(np.array([0.1, 1.0, 2.2, 2.9])).round(9)
    array([-0.3, -0.1,  0.1,  0.3])
    """
    from scipy import optimize

    own = jac if callable(jac) else None
    data = [None if v is None else array_of(v) for v in (xdata, ydata, sigma)]
    problem = Parametrised("scipy.optimize.curve_fit", [f, own], ())
    if not problem.params and not any_traced(*data):
        return optimize.curve_fit(
            f,
            xdata,
            ydata,
            p0,
            sigma,
            absolute_sigma,
            check_finite,
            bounds,
            method,
            jac,
            full_output=full_output,
            nan_policy=nan_policy,
            **kwargs,
        )
    pair = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else bounds
    if any_traced(*entries(pair)) or any(np.isfinite(b).any() for b in pair):
        raise SolverError.unsupported("curve_fit", "bounds", "Use hoad.scipy.optimize.least_squares with bounds.")
    if nan_policy is not None:
        raise SolverError.unsupported("curve_fit", "nan_policy", "Remove the points that are not numbers first.")
    model = problem.function(0)
    weighted = sigma is not None
    guess = None if p0 is None else np.ravel(constant(p0))
    if guess is None:
        from scipy._lib._util import getfullargspec_no_self

        guess = np.ones(len(getfullargspec_no_self(f).args) - 1)

    def run(p0: Any, x: Any, y: Any, *rest: Any) -> Any:
        s, params = (rest[0], rest[1:]) if weighted else (None, rest)
        plain = problem.plain(0, params)
        slope = problem.plain(1, params) if own is not None else jac
        found = optimize.curve_fit(
            plain, x, y, p0, s, absolute_sigma, check_finite, bounds, method, slope, full_output=True, **kwargs
        )
        return SimpleNamespace(x=found[0], pcov=found[1], rest=found[2:])

    def residuals(z: Any, x: Any, y: Any, *rest: Any) -> Any:
        s, params = (rest[0], rest[1:]) if weighted else (None, rest)
        r = model(x, *[z[i] for i in range(shape_of(z)[0])], *params) - y
        if s is None:
            return r
        return r / s if len(shape_of(s)) == 1 else np.linalg.solve(np.linalg.cholesky(s), r)

    def residual(z: Any, p0: Any, *rest: Any) -> Any:
        return gradient_of(lambda p: 0.5 * np.sum(residuals(p, *rest) ** 2), z)

    def covariance(z: Any, *rest: Any) -> Any:
        n = shape_of(z)[0]

        def along(v: Any) -> Any:
            r, d = engine.push(lambda p: residuals(p, *rest), [z], [v])
            return leaf_zeros(r) if d is None else d

        rows = engine.batched(n, along, [np.eye(n)], [True])
        inverse = np.linalg.inv(rows @ np.transpose(rows))
        if absolute_sigma:
            return inverse
        r = residuals(z, *rest)
        m = shape_of(r)[0]
        if m <= n:
            raise SolverError.unsupported("curve_fit", "the covariance of as many parameters as points", "Use absolute_sigma=True.")
        return inverse * np.sum(r * r) / (m - n)

    solution = Solution("curve_fit", run, residual, [guess, *[d for d in data if d is not None], *problem.params])
    x = solution.x()
    pcov = with_value(lambda *d: solution.run(*d).pcov, lambda *d: covariance(solution.exact(*d), *d[1:]), solution.data)
    return (x, pcov, *solution.result.rest) if full_output else (x, pcov)
