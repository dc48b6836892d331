"""root and fixed_point: solutions found by iteration on plain numbers, differentiated by the implicit function theorem."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from hoad.backends import truth
from hoad.core.box import Box
from hoad.core.space import flatten, unflatten
from hoad.errors import ClosureError, ConvergenceError, ImplicitError
from hoad.transforms.closures import lift_all
from hoad.transforms.control.iterations import anderson, largest, newton, picard
from hoad.transforms.control.matrix_free import jacobian_products, linear_pair, matrix_free, solve_operator
from hoad.transforms.control.vectors import Vectors

__all__ = ["fixed_point", "root"]

Function = Callable[..., Any]
Find = Callable[[Function, Any, Function, Function], Any]
"""``find(residual, start, step, by_user)`` -> vector: ``step(z, r)`` is J⁻¹ r, ``by_user(g)`` calls a solver of the user with the
structure that the user gave."""


class _Problem:
    """``residual(z) = 0`` with z and all that the functions depend on as explicit vectors and leaves."""

    def __init__(self, name: str, f: Function, x0: Any, args: tuple[Any, ...], others: tuple[Any, ...]) -> None:
        self.name = name
        self.space = Vectors(x0, "x0")
        if self.space.dtype.kind == "c":
            raise ImplicitError.complex_numbers("x0")
        self.leaves, self.spec = flatten(args)
        self.build, self.values = lift_all(f, *others)

    def split(self, xs: tuple[Any, ...]) -> tuple[list[Any], tuple[Any, ...]]:
        """Functions and arguments made of the inputs of the primitive."""
        count = len(self.leaves)
        return self.build(list(xs[count:])), unflatten(self.spec, xs[:count])

    def image(self, z: Any, *xs: Any) -> Any:
        functions, args = self.split(xs)
        return self.space.pack(functions[0](self.space.unpack(z), *args))

    def solution(
        self, residual: Function, find: Callable[..., Any], solver: Function | None, tolerance: float | None, expected: float
    ) -> Any:
        """The solution as a primitive of everything that it depends on; its start has no derivative."""
        name, space = self.name, self.space
        apply, adjoint = jacobian_products(residual)

        def by(product: Function, point: tuple[Any, ...], r: Any, at: int) -> Any:
            given = self.split(point[1:])[0][at] if solver is not None else None

            def structured(of: Function, r: Any) -> Any:
                assert given is not None
                return space.pack(given(lambda x: space.unpack(of(space.pack(x))), space.unpack(r)))

            chosen = None if given is None else structured
            return solve_operator(lambda v: product(v, *point), r, chosen, tolerance, name, False)

        pair = linear_pair(
            apply,
            adjoint,
            lambda r, *point: by(apply, point, r, 1),
            lambda r, *point: by(adjoint, point, r, 1),
        )

        def native(start: Any, *xs: Any) -> Any:
            functions, args = self.split(xs)
            closed = lambda z: self.known(residual(z, *xs))
            step = lambda z, r: by(apply, (z, *xs), r, 1)
            try:
                z = self.known(find(closed, start.copy(), step, functions, args))
            except ConvergenceError as failure:
                if failure.solution is not None:
                    failure.solution = space.unpack(failure.solution)
                raise
            if not truth(np.isfinite(z).all()):
                raise ConvergenceError.not_finite(name, 0, space.unpack(z))
            r = closed(z)
            if truth((r != 0).any()):
                scale = max(largest(z), largest(start))
                error = largest(step(z, r))
                if not error <= expected * scale and not error <= expected**2:
                    raise ConvergenceError.ended(name, 0, error / (scale or 1.0), expected, space.unpack(z))
            return z

        without_start = lambda z, start, *xs: residual(z, *xs)
        prim = matrix_free(
            native,
            without_start,
            lambda point, r: pair[0].bind(r, point[0], *point[2:]),
            lambda point, g: pair[1].bind(g, point[0], *point[2:]),
        )
        return space.unpack(prim.bind(space.join(space.leaves), *self.leaves, *self.values))

    def known(self, z: Any) -> Any:
        if isinstance(z, Box):
            raise ClosureError.closes_over(f"hoad.{self.name}")
        return z


def _limits(space: Vectors, tol: float | None) -> tuple[float, float]:
    """Tolerance of the iteration, and the error that is accepted of what any solver returns."""
    eps = float(np.finfo(space.dtype).eps)
    tolerance = eps**0.8 if tol is None else tol
    return tolerance, max(eps**0.4, tolerance)


def fixed_point(
    f: Function,
    x0: Any,
    *args: Any,
    method: Literal["iteration", "anderson", "newton"] = "iteration",
    tol: float | None = None,
    max_steps: int = 10_000,
    linear_solver: Function | None = None,
) -> Any:
    """The solution of ``x = f(x, *args)``, with derivatives in ``args`` and in what ``f`` closes over.

    Parameters
    ----------
    f : callable
        ``f(x, *args)``, of the structure and shapes of x, in differentiable functions.  It may close over traced values.
    x0 : array or container
        Where the iteration starts; real.  The solution does not depend on it smoothly: its derivative is zero.
    *args : arrays or containers
        Parameters.
    method : {"iteration", "anderson", "newton"}
        x <- f(x); the same with Anderson's acceleration; or Newton's method for f(x) - x = 0, which also finds fixed points that
        repel.
    tol : float, optional
        The relative error at which the iteration stops; ``eps**0.8`` by default, 3e-13 in double precision.
    max_steps : int
        After so many steps the iteration has failed.
    linear_solver : callable, optional
        ``linear_solver(matvec, b)`` -> x for the linear systems of the derivatives (and of Newton's method); gets plain
        containers like x0.  By default as in :func:`hoad.linear_solve`.

    Returns
    -------
    like x0

    Raises
    ------
    ConvergenceError
        If the iteration does not converge, or a linear system of the derivative is not solved; ``solution`` holds the last x.
    ImplicitError
        If I - ∂f/∂x is singular at the solution, ``f`` returns another shape than x, or something is complex.
    ClosureError
        If ``f`` uses a traced value that cannot be found in its closure, its defaults or ``functools.partial``.

    Notes
    -----
    The iteration sees plain numbers and is never differentiated.  A derivative costs one linear solve with I - ∂f/∂x by products
    (with its transpose in reverse mode; one for each coefficient in Taylor mode), and so do further orders.  One such solve
    measures the error of the solution that was found.  Under ``vmap`` each entry is iterated by itself.
    Source: Christianson (1994), Optimization Methods and Software 3, 311-326; Griewank & Walther (2008), ch. 15.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> cosine = lambda a: hoad.fixed_point(lambda x, a: np.cos(a * x), 1.0, a)
    >>> x = cosine(1.0)
    >>> bool(abs(hoad.grad(cosine)(1.0) + x * np.sin(x) / (1 + np.sin(x))) < 1e-12)
    True
    """
    if method not in ("iteration", "anderson", "newton"):
        raise ValueError(f"method is {method!r}, expected 'iteration', 'anderson' or 'newton'.")
    problem = _Problem("fixed_point", f, x0, args, (linear_solver,))
    tolerance, accepted = _limits(problem.space, tol)

    def residual(z: Any, *xs: Any) -> Any:
        return problem.image(z, *xs) - z

    def find(closed: Function, z: Any, step: Function, functions: Any, given: Any) -> Any:
        if method == "newton":
            return newton(closed, z, step, tolerance, max_steps, "fixed_point")
        space = problem.space
        image = lambda z: problem.known(space.pack(functions[0](space.unpack(z), *given)))
        return (picard if method == "iteration" else anderson)(image, z, tolerance, max_steps, "fixed_point")

    return problem.solution(residual, find, linear_solver, None, accepted)


def root(
    f: Function,
    x0: Any,
    *args: Any,
    solver: Function | None = None,
    tol: float | None = None,
    max_steps: int = 100,
    linear_solver: Function | None = None,
) -> Any:
    """The solution of ``f(x, *args) = 0``, with derivatives in ``args`` and in what ``f`` closes over.

    Parameters
    ----------
    f : callable
        ``f(x, *args)``, of the structure and shapes of x, in differentiable functions.  It may close over traced values.
    x0 : array or container
        Where the search starts; real.  The solution does not depend on it smoothly: its derivative is zero.
    *args : arrays or containers
        Parameters.
    solver : callable, optional
        ``solver(f, x0)`` -> x with ``f(x) = 0`` on plain numbers, such as a method of ``scipy.optimize``; it is never
        differentiated.  By default Newton's method with hoad's Jacobian and a line search.
    tol : float, optional
        The relative length of the last Newton step; ``eps**0.8`` by default, 3e-13 in double precision.
    max_steps : int
        After so many Newton steps the search has failed.
    linear_solver : callable, optional
        ``linear_solver(matvec, b)`` -> x for the linear systems; gets plain containers like x0.  By default as in
        :func:`hoad.linear_solve`.

    Returns
    -------
    like x0

    Raises
    ------
    ConvergenceError
        If no root is found, the result of ``solver`` is none (one Newton step changes it by more than ``eps**0.4`` of its size),
        or a linear system is not solved; ``solution`` holds the last x.
    ImplicitError
        If ∂f/∂x is singular, ``f`` returns another shape than x, or something is complex.
    ClosureError
        If ``f`` uses a traced value that cannot be found in its closure, its defaults or ``functools.partial``.

    Notes
    -----
    As for :func:`hoad.fixed_point`, by products with ∂f/∂x.  See :func:`hoad.implicit` for equations at many independent points.
    Source: Griewank & Walther, Evaluating Derivatives, 2nd ed. (2008), ch. 15.

    Examples
    --------
    >>> import hoad
    >>> cube_root = lambda a: hoad.root(lambda x, a: x**3 - a, 1.0, a)
    >>> cube_root(8.0), round(hoad.grad(hoad.grad(cube_root))(8.0) * 144, 12)
    (np.float64(2.0), np.float64(-1.0))
    """
    problem = _Problem("root", f, x0, args, (linear_solver, solver))
    tolerance, accepted = _limits(problem.space, tol)

    def find(closed: Function, z: Any, step: Function, functions: Any, given: Any) -> Any:
        if functions[2] is None:
            return newton(closed, z, step, tolerance, max_steps, "root")
        space = problem.space
        return space.pack(functions[2](lambda x: functions[0](x, *given), space.unpack(z)))

    return problem.solution(problem.image, find, linear_solver, None, accepted)
