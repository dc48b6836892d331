"""Roots of equations: root, fsolve, fixed_point, root_scalar, the bracketing solvers and newton."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from types import SimpleNamespace
from typing import Any

import numpy as np

from hoad.core.box import shape_of
from hoad.transforms.closures import Parametrised, any_traced, array_of
from hoad.transforms.solvers.solution import Solution, constant

__all__ = ["bracketing", "fixed_point", "fsolve", "newton", "root", "root_scalar"]

Function = Callable[..., Any]


def _tuple(args: Any) -> tuple[Any, ...]:
    return args if isinstance(args, tuple) else (args,)


def _shaped(out: Any, shape: tuple[int, ...]) -> Any:
    """Equations (also a list of traced values) with the shape of the unknowns."""
    out = array_of(out)
    return out if shape_of(out) == shape else np.reshape(out, shape)


def root(
    fun: Function, x0: Any, args: Any = (), method: str = "hybr", jac: Any = None, tol: Any = None, callback: Any = None,
    options: Any = None,
) -> Any:  # fmt: skip
    """:func:`scipy.optimize.root` with derivatives of the solution ``x`` with respect to ``args`` and what ``fun`` closes over.

    Parameters
    ----------
    fun, x0, args, method, jac, tol, callback, options
        As SciPy's, all methods.  ``fun`` must be made of differentiable functions; ``x0`` is a constant.

    Returns
    -------
    OptimizeResult
        SciPy's, with a traced ``x``.

    Raises
    ------
    SolverError
        If the solver did not converge.
    ImplicitError
        If the Jacobian at the solution is singular (a multiple root).

    Examples
    --------
    >>> import numpy as np, hoad, hoad.scipy.optimize
    >>> cube_root = lambda a: hoad.scipy.optimize.root(lambda x, a: x**3 - a, 1.0, (a,)).x[0]
    >>> round(float(hoad.grad(cube_root)(8.0)), 12), round(float(hoad.hessian(cube_root)(8.0)), 12)
    (0.083333333333, -0.006944444444)
    """
    from scipy import optimize

    own = jac if callable(jac) else None
    problem = Parametrised("scipy.optimize.root", [fun, own], _tuple(args))
    if not problem.params and not any_traced(x0):
        return optimize.root(fun, x0, args, method, jac, tol, callback, options)
    equations = problem.function(0)
    both = jac is True

    def run(x0: Any, *params: Any) -> Any:
        given = problem.plain(1, params) if own is not None else jac
        return optimize.root(problem.plain(0, params), x0, (), method, given, tol, callback, options)

    def residual(z: Any, x0: Any, *params: Any) -> Any:
        out = equations(z, *params)
        return _shaped(out[0] if both else out, shape_of(z))

    solution = Solution("root", run, residual, [constant(x0), *problem.params])
    result = optimize.OptimizeResult(solution.result) if not _batched(solution) else optimize.OptimizeResult()
    result.x = solution.x()
    return result


def _batched(solution: Solution) -> bool:
    from hoad.transforms.closures import is_batched

    return any(map(is_batched, solution.data))


def fsolve(
    func: Function, x0: Any, args: Any = (), fprime: Any = None, full_output: Any = 0, col_deriv: Any = 0, xtol: float = 1.49012e-8,
    maxfev: int = 0, band: Any = None, epsfcn: Any = None, factor: float = 100, diag: Any = None,
) -> Any:  # fmt: skip
    """:func:`scipy.optimize.fsolve` with derivatives; see :func:`root`.

    Examples
    --------
    >>> import numpy as np, hoad, hoad.scipy.optimize
    >>> half_angle = lambda a: hoad.scipy.optimize.fsolve(lambda x, a: np.tan(x) - a, 0.5, (a,))[0]
    >>> round(float(hoad.grad(half_angle)(1.0)), 9)
    0.5
    """
    from scipy import optimize

    problem = Parametrised("scipy.optimize.fsolve", [func, fprime], _tuple(args))
    rest = (col_deriv, xtol, maxfev, band, epsfcn, factor, diag)
    if not problem.params and not any_traced(x0):
        return optimize.fsolve(func, x0, args, fprime, full_output, *rest)
    equations = problem.function(0)

    def run(x0: Any, *params: Any) -> Any:
        own = None if fprime is None else problem.plain(1, params)
        x, info, flag, message = optimize.fsolve(problem.plain(0, params), x0, (), own, True, *rest)
        return SimpleNamespace(x=x, success=flag == 1, message=message, rest=(info, flag, message))

    solution = Solution(
        "fsolve", run, lambda z, x0, *ps: _shaped(equations(z, *ps), shape_of(z)), [np.ravel(constant(x0)), *problem.params]
    )
    x = solution.x()
    return (x, *solution.result.rest) if full_output else x


def fixed_point(func: Function, x0: Any, args: Any = (), xtol: float = 1e-8, maxiter: int = 500, method: str = "del2") -> Any:
    """:func:`scipy.optimize.fixed_point` with derivatives of x = func(x, *args); see :func:`root`.

    Examples
    --------
    >>> import numpy as np, hoad, hoad.scipy.optimize
    >>> dottie = lambda a: hoad.scipy.optimize.fixed_point(lambda x, a: np.cos(a * x), 0.7, (a,))
    >>> round(float(hoad.grad(dottie)(1.0)), 6)
    -0.297474
    """
    from scipy import optimize

    problem = Parametrised("scipy.optimize.fixed_point", [func], _tuple(args))
    if not problem.params and not any_traced(x0):
        return optimize.fixed_point(func, x0, args, xtol, maxiter, method)
    image = problem.function(0)

    def run(x0: Any, *params: Any) -> Any:
        return SimpleNamespace(x=optimize.fixed_point(problem.plain(0, params), x0, (), xtol, maxiter, method))

    def residual(z: Any, x0: Any, *params: Any) -> Any:
        return z - _shaped(image(z, *params), shape_of(z))

    return Solution("fixed_point", run, residual, [constant(x0), *problem.params]).x()


def root_scalar(
    f: Function, args: Any = (), method: Any = None, bracket: Any = None, fprime: Any = None, fprime2: Any = None, x0: Any = None,
    x1: Any = None, xtol: Any = None, rtol: Any = None, maxiter: Any = None, options: Any = None,
) -> Any:  # fmt: skip
    """:func:`scipy.optimize.root_scalar` with derivatives of ``root``; see :func:`root`.

    Examples
    --------
    >>> import numpy as np, hoad, hoad.scipy.optimize
    >>> square_root = lambda a: hoad.scipy.optimize.root_scalar(lambda x, a: x * x - a, (a,), bracket=(0, 5)).root
    >>> round(float(hoad.grad(square_root)(4.0)), 12), round(float(hoad.hessian(square_root)(4.0)), 12)
    (0.25, -0.03125)
    """
    from scipy import optimize

    own = [g if callable(g) else None for g in (fprime, fprime2)]
    problem = Parametrised("scipy.optimize.root_scalar", [f, *own], _tuple(args))
    starts = [*(() if bracket is None else bracket), x0, x1]
    if not problem.params and not any_traced(*starts):
        return optimize.root_scalar(f, args, method, bracket, fprime, fprime2, x0, x1, xtol, rtol, maxiter, options)
    equation = problem.function(0)
    places = [i for i, s in enumerate(starts) if s is not None]
    several = callable(fprime) is False and fprime is True

    def run(*data: Any) -> Any:
        here: list[Any] = [None] * len(starts)
        for i, s in zip(places, data[: len(places)], strict=True):
            here[i] = float(s)
        params = data[len(places) :]
        slopes = [
            problem.plain(1 + i, params) if g is not None else h
            for i, (g, h) in enumerate(zip(own, (fprime, fprime2), strict=True))
        ]
        between = here[:2] if bracket is not None else None
        found = optimize.root_scalar(
            problem.plain(0, params), (), method, between, *slopes, here[-2], here[-1], xtol, rtol, maxiter, options
        )
        return SimpleNamespace(x=found.root, success=found.converged, message=found.flag, found=found)

    def residual(z: Any, *data: Any) -> Any:
        out = equation(z, *data[len(places) :])
        return _shaped(out[0] if several else out, ())

    solution = Solution("root_scalar", run, residual, [*[constant(starts[i]) for i in places], *problem.params])
    root_ = solution.x()
    if _batched(solution):
        return optimize.RootResults(root_, None, None, 0, method or "")
    found = solution.result.found
    return optimize.RootResults(root_, found.iterations, found.function_calls, 0, found.method)


def bracketing(name: str) -> Function:
    """``brentq``, ``brenth``, ``ridder``, ``bisect`` or ``toms748`` of SciPy with derivatives of the root."""

    def solver(*given: Any, **keywords: Any) -> Any:
        from scipy import optimize

        native = getattr(optimize, name)
        bound = signature(native).bind(*given, **keywords)
        options = dict(bound.arguments)
        f, a, b, args = options.pop("f"), options.pop("a"), options.pop("b"), _tuple(options.pop("args", ()))
        problem = Parametrised(f"scipy.optimize.{name}", [f], args)
        if not problem.params and not any_traced(a, b):
            return native(*given, **keywords)
        full_output = options.pop("full_output", False)
        equation = problem.function(0)

        def run(a: Any, b: Any, *params: Any) -> Any:
            x, found = native(problem.plain(0, params), float(a), float(b), full_output=True, **options)
            return SimpleNamespace(x=x, success=found.converged, message=found.flag, found=found)

        def residual(z: Any, a: Any, b: Any, *params: Any) -> Any:
            return _shaped(equation(z, *params), ())

        solution = Solution(name, run, residual, [constant(a), constant(b), *problem.params])
        x = solution.x()
        return (x, solution.result.found) if full_output else x

    solver.__name__ = solver.__qualname__ = name
    solver.__doc__ = f":func:`scipy.optimize.{name}` with derivatives of the root; see :func:`root`.  The bracket is a constant."
    return solver


def newton(
    func: Function, x0: Any, fprime: Any = None, args: Any = (), tol: float = 1.48e-8, maxiter: int = 50, fprime2: Any = None,
    x1: Any = None, rtol: float = 0.0, full_output: bool = False, disp: bool = True,
) -> Any:  # fmt: skip
    """:func:`scipy.optimize.newton` with derivatives of the root, or of each of an array of independent roots; see :func:`root`.

    Examples
    --------
    >>> import numpy as np, hoad, hoad.scipy.optimize
    >>> roots = lambda a: hoad.scipy.optimize.newton(lambda x, a: x * x - a, np.ones(2), args=(a,))
    >>> hoad.jacobian(roots)(np.array([1.0, 4.0])).round(12)
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    from scipy import optimize

    problem = Parametrised("scipy.optimize.newton", [func, fprime, fprime2], _tuple(args))
    if not problem.params and not any_traced(x0, x1):
        return optimize.newton(func, x0, fprime, args, tol, maxiter, fprime2, x1, rtol, full_output, disp)
    equation = problem.function(0)
    starts = [constant(x0), *([] if x1 is None else [constant(x1)])]

    def run(*data: Any) -> Any:
        here, params = data[: len(starts)], data[len(starts) :]
        slopes = [
            problem.plain(1, params) if fprime is not None else None,
            problem.plain(2, params) if fprime2 is not None else None,
        ]
        found = optimize.newton(
            problem.plain(0, params), here[0] if np.ndim(here[0]) else float(here[0]), slopes[0], (), tol, maxiter, slopes[1],
            here[1] if x1 is not None else None, rtol, True, disp,
        )  # fmt: skip
        converged = getattr(found[1], "converged", found[1])
        return SimpleNamespace(x=found[0], success=bool(np.all(converged)), message="no convergence", rest=found[1:])

    def residual(z: Any, *data: Any) -> Any:
        return _shaped(equation(z, *data[len(starts) :]), shape_of(z))

    solution = Solution("newton", run, residual, [*starts, *problem.params], pointwise=True)
    x = solution.x()
    return (x, *solution.result.rest) if full_output else x
