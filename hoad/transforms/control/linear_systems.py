"""linear_solve: the solution of a linear system that is given by its product, differentiated in what the product closes over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hoad.core.box import Box
from hoad.errors import ClosureError
from hoad.transforms.closures import lift_all
from hoad.transforms.control.matrix_free import adjoint_of, linear_pair, solve_operator
from hoad.transforms.control.vectors import Vectors

__all__ = ["linear_solve"]

Function = Callable[..., Any]


def linear_solve(
    matvec: Function,
    b: Any,
    *,
    solver: Function | None = None,
    transpose_solve: Function | None = None,
    symmetric: bool = False,
    tolerance: float | None = None,
) -> Any:
    """The solution x of ``matvec(x) = b``, with derivatives in b and in what ``matvec`` closes over.

    Parameters
    ----------
    matvec : callable
        ``matvec(x)``, linear in x, of the structure and shapes of b, in differentiable functions.  It may close over traced
        values: parameters of the matrix.
    b : array or container
        The right-hand side, real or complex.
    solver : callable, optional
        ``solver(matvec, b)`` -> x; gets plain arrays and a product that takes plain arrays, and may be anything.  By default a
        matrix is assembled for up to 128 unknowns, and beyond conjugate gradients (``symmetric``) or GMRES are used.
    transpose_solve : callable, optional
        ``transpose_solve(product, b)``, the same for the adjoint product, which reverse mode needs.  By default ``solver``.
    symmetric : bool
        ``matvec`` equals its adjoint; saves the adjoint product.
    tolerance : float, optional
        The largest accepted relative residual; ``eps**0.625`` by default, 1.6e-10 in double precision.

    Returns
    -------
    like b

    Raises
    ------
    ConvergenceError
        If a solver leaves a larger residual.
    ImplicitError
        If the matrix is singular, or ``matvec`` returns another shape than that of b.
    ClosureError
        If ``matvec`` uses a traced value that cannot be found in its closure, its defaults or ``functools.partial``.

    Notes
    -----
    By the implicit function theorem, never through the iterations: a derivative costs one more solve with ``matvec`` in forward
    and Taylor mode (for each coefficient), one with its adjoint in reverse mode.  Under ``vmap`` each entry is solved by itself.
    Source: Griewank & Walther, Evaluating Derivatives, 2nd ed. (2008), ch. 15.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> def first(k):  # a chain of two springs
    ...     product = lambda u: np.stack([(k + 1) * u[0] - u[1], u[1] - u[0]])
    ...     return hoad.linear_solve(product, np.array([0.0, 1.0]), symmetric=True)[0]
    >>> round(first(2.0), 12), round(hoad.grad(first)(2.0), 12)
    (np.float64(0.5), np.float64(-0.25))
    """
    space = Vectors(b, "b")
    build, values = lift_all(matvec, solver, transpose_solve)

    def apply(v: Any, *xs: Any) -> Any:
        return space.pack(build(list(xs))[0](space.unpack(v)))

    adjoint = apply if symmetric else adjoint_of(apply)

    def native_with(product: Function, at: int) -> Function:
        def native(rhs: Any, *xs: Any) -> Any:
            given = build(list(xs))[1:]
            chosen = given[at] if given[at] is not None else given[0]

            def solve(of: Function, r: Any) -> Any:
                return _solution(space, chosen(lambda x: space.unpack(of(space.pack(x))), space.unpack(r)))

            by_user = None if chosen is None else solve
            return solve_operator(lambda v: product(v, *xs), rhs, by_user, tolerance, "linear_solve", symmetric)

        return native

    solution, _ = linear_pair(apply, adjoint, native_with(apply, 0), native_with(adjoint, 0 if symmetric else 1))
    return space.unpack(solution.bind(space.join(space.leaves), *values))


def _solution(space: Vectors, x: Any) -> Any:
    x = space.pack(x)
    if isinstance(x, Box):
        raise ClosureError.closes_over("hoad.linear_solve")
    return x
