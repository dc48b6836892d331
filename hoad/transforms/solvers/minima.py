"""Minima: minimize and minimize_scalar, whose solutions are roots of the gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.core.box import Box, shape_of
from hoad.core.engine import engine
from hoad.core.space import leaf_zeros
from hoad.errors import SolverError
from hoad.transforms.closures import Parametrised, any_traced, array_of, is_batched
from hoad.transforms.differential_equations.integration import jacobian_of
from hoad.transforms.solvers.solution import Solution, constant, gradient_of, number_of, with_value

__all__ = ["entries", "examine_bounds", "held", "limits", "minimize", "minimize_scalar", "on_bounds"]

Function = Callable[..., Any]

NEEDS_GRADIENT = {"newton-cg", "dogleg", "trust-ncg", "trust-krylov", "trust-exact"}
NEXT_TO = 1e-5
"""Distance from a bound, relative to it, at which an unknown that is driven towards it counts as held by it."""
NEEDS_HESSIAN = {"dogleg", "trust-ncg", "trust-krylov", "trust-exact"}


def limits(bounds: Any, n: int) -> tuple[Any, Any] | None:
    """Lower and upper bounds as arrays (traced if an entry is)."""
    if bounds is None:
        return None
    if hasattr(bounds, "lb"):
        lo, hi = bounds.lb, bounds.ub
    else:
        pairs = list(bounds)
        lo = [-np.inf if p[0] is None else p[0] for p in pairs]
        hi = [np.inf if p[1] is None else p[1] for p in pairs]
    found = []
    for side in (lo, hi):
        a = array_of(side)
        a = a if isinstance(a, Box) else np.asarray(a, float)
        found.append(np.broadcast_to(a, (n,)) if shape_of(a) != (n,) else a)
    return found[0], found[1]


def held(z: Any, g: Any, lo: Any, hi: Any) -> Any:
    """Equations of a minimum within bounds: the gradient vanishes, or the unknown is its bound."""
    return np.where(z <= lo, z - lo, np.where(z >= hi, z - hi, g))


def on_bounds(g: Any, z: Any, lo: Any, hi: Any) -> Any:
    """z with the unknowns that lie next to a bound, towards which their gradient drives them, on the bound: some solvers stop
    before it."""
    scale = 1e-7 * max(1.0, np.abs(g).max())
    for bound, outwards in ((lo, g > scale), (hi, g < -scale)):
        near = (
            np.abs(z - bound) <= NEXT_TO * np.maximum(1.0, np.abs(bound)) if np.isfinite(bound).any() else np.zeros(z.shape, bool)
        )
        z = np.where(near & outwards & np.isfinite(bound), bound, z)
    return z


def examine_bounds(what: str, g: Any, z: Any, lo: Any, hi: Any, scale: Any) -> None:
    """Raise if a bound holds an unknown that has no wish to leave."""
    for i in np.flatnonzero((z <= lo) | (z >= hi)):
        if abs(g[i]) <= 1e-7 * scale:
            raise SolverError.weakly_active(what, int(i))


def minimize(
    fun: Function,
    x0: Any,
    args: Any = (),
    method: Any = None,
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    bounds: Any = None,
    constraints: Any = (),
    tol: Any = None,
    callback: Any = None,
    options: Any = None,
) -> Any:
    """:func:`scipy.optimize.minimize` with derivatives of the minimum in ``args``, ``bounds`` and what ``fun`` closes over.

    Parameters
    ----------
    fun, x0, args, method, jac, hess, hessp, bounds, constraints, tol, callback, options
        As SciPy's.  ``fun`` must be made of differentiable functions (twice, for one derivative of the minimum); ``x0`` is a
        constant.  Methods that cannot do without ``jac`` or ``hess`` get those of hoad if none are given.

    Returns
    -------
    OptimizeResult
        SciPy's, with traced ``x`` and ``fun``.

    Raises
    ------
    SolverError
        If the solver did not converge; if an unknown lies on its bound where its gradient vanishes; for ``constraints``.
    ImplicitError
        If the Hessian is singular at the minimum, or the result is no stationary point.

    Notes
    -----
    One derivative costs one Hessian of ``fun`` and one solve with it.  Unknowns on their bounds follow these.

    Examples
    --------
    >>> import numpy as np, hoad, hoad.scipy.optimize
    >>> def lowest(a):
    ...     return hoad.scipy.optimize.minimize(lambda x, a: np.sum((x - a) ** 2 + x**4), np.zeros(2), (a,)).fun
    >>> hoad.grad(lowest)(np.array([0.0, 2.0])).round(6)
    array([0.      , 2.329755])
    """
    from scipy import optimize

    args = args if isinstance(args, tuple) else (args,)
    name = str(method).lower() if method is not None and not callable(method) else ""
    own = [f if callable(f) else None for f in (jac, hess, hessp)]
    problem = Parametrised("scipy.optimize.minimize", [fun, *own], args)
    both = jac is True or (jac is not None and not callable(jac) and not isinstance(jac, str) and bool(jac))
    objective = _objective(problem.function(0), both, "minimize")

    def run(x0: Any, lo: Any, hi: Any, *params: Any) -> Any:
        slopes = [g if own[i] is None else problem.plain(1 + i, params) for i, g in enumerate((jac, hess, hessp))]
        if name in NEEDS_GRADIENT and not both and own[0] is None:
            slopes[0] = lambda x: gradient_of(lambda s: objective(s, *params), np.asarray(x, float))
        if name in NEEDS_HESSIAN and hess is None and hessp is None:
            slopes[1] = lambda x: jacobian_of(lambda s: gradient_of(lambda u: objective(u, *params), s), np.asarray(x, float))
        limit = None if lo is None else optimize.Bounds(lo, hi)
        if limit is not None and not any_traced(*entries(bounds)):
            limit = bounds
        return optimize.minimize(problem.plain(0, params), x0, (), method, *slopes, limit, constraints, tol, callback, options)

    traced = bool(problem.params) or any_traced(x0, *entries(bounds))
    start = np.ravel(constant(x0))
    if not traced:
        return run(x0, *(limits(bounds, len(start)) or (None, None)))
    if not (isinstance(constraints, tuple | list) and len(constraints) == 0):
        raise SolverError.unsupported(
            "minimize", "constraints", "Use bounds, or solve the optimality conditions with hoad.implicit."
        )
    sides = limits(bounds, shape_of(start)[0]) or (None, None)

    def residual(z: Any, x0: Any, lo: Any, hi: Any, *params: Any) -> Any:
        g = gradient_of(lambda s: objective(s, *params), z)
        return g if lo is None else held(z, g, lo, hi)

    def adjust(z: Any, x0: Any, lo: Any, hi: Any, *params: Any) -> Any:
        return on_bounds(gradient_of(lambda s: objective(s, *params), z), z, lo, hi)

    def examine(z: Any, x0: Any, lo: Any, hi: Any, *params: Any) -> None:
        g = gradient_of(lambda s: objective(s, *params), z)
        examine_bounds("minimize", g, z, lo, hi, max(1.0, np.abs(g).max()))

    bounded: dict[str, Any] = {} if sides[0] is None else {"examine": examine, "adjust": adjust}
    solution = Solution("minimize", run, residual, [start, *sides, *problem.params], **bounded)
    result = optimize.OptimizeResult() if any(map(is_batched, solution.data)) else optimize.OptimizeResult(solution.result)
    result.x = solution.x()
    result.fun = with_value(
        lambda *data: np.float64(solution.run(*data).fun), lambda *data: objective(solution.exact(*data), *data[3:]), solution.data
    )
    return result


def _objective(f: Function, both: bool, what: str) -> Function:
    def objective(z: Any, *params: Any) -> Any:
        out = f(z, *params)
        return number_of(out[0] if both else out, what)

    return objective


def entries(bounds: Any) -> list[Any]:
    """Everything that bounds hold, to see whether some of it is traced."""
    if hasattr(bounds, "lb"):
        return entries([bounds.lb, bounds.ub])
    return [e for b in bounds for e in entries(b)] if isinstance(bounds, list | tuple) else [bounds]


def minimize_scalar(
    fun: Function, bracket: Any = None, bounds: Any = None, args: Any = (), method: Any = None, tol: Any = None, options: Any = None
) -> Any:
    """:func:`scipy.optimize.minimize_scalar` with derivatives of ``x`` and ``fun``; see :func:`minimize`.

    Examples
    --------
    >>> import numpy as np, hoad, hoad.scipy.optimize
    >>> least = lambda a: hoad.scipy.optimize.minimize_scalar(lambda x, a: np.exp(x) - a * x, args=(a,)).x
    >>> round(float(hoad.grad(least)(2.0)), 6)
    0.5
    """
    from scipy import optimize

    args = args if isinstance(args, tuple) else (args,)
    problem = Parametrised("scipy.optimize.minimize_scalar", [fun], args)
    if not problem.params:
        return optimize.minimize_scalar(fun, bracket, bounds, args, method, tol, options)
    objective = _objective(problem.function(0), False, "minimize_scalar")

    def run(*params: Any) -> Any:
        return optimize.minimize_scalar(problem.plain(0, params), bracket, bounds, (), method, tol, options)

    def residual(z: Any, *params: Any) -> Any:
        slope = engine.push(lambda s: objective(s, *params), [z], [np.float64(1.0)])[1]
        return leaf_zeros(z) if slope is None else slope

    solution = Solution("minimize_scalar", run, residual, list(problem.params))
    result = optimize.OptimizeResult() if any(map(is_batched, solution.data)) else optimize.OptimizeResult(solution.result)
    result.x = solution.x()
    result.fun = with_value(
        lambda *data: np.float64(solution.run(*data).fun), lambda *data: objective(solution.exact(*data), *data), solution.data
    )
    return result
