"""Equations whose Jacobian is known by its products only, for the mechanism of :mod:`hoad.transforms.implicit`.

The linear equation A(xs) v = b is itself an implicit function, R(v, b, xs) = A(xs) v - b, whose Jacobian is A: its solves are the
two solutions, with A and with its adjoint, again.  So they differentiate each other to any order, and the iterations of a solver
are never differentiated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.backends import like, of, truth
from hoad.core.box import Box
from hoad.core.engine import engine
from hoad.core.primitive import Primitive
from hoad.core.space import leaf_zeros
from hoad.errors import ClosureError, ConvergenceError, ImplicitError
from hoad.transforms.control.iterations import largest, length_of
from hoad.transforms.implicit import implicit_primitive
from hoad.transforms.solutions import Equations

__all__ = ["DENSE", "adjoint_of", "jacobian_products", "linear_pair", "matrix_free", "solve_operator"]

Function = Callable[..., Any]

DENSE = 128
"""Up to so many unknowns a matrix is assembled, by one batched product, and factorised."""


def matrix_free(native: Function, residual: Function, solve: Function, solve_adjoint: Function) -> Primitive:
    """The implicit function of ``residual(z, *xs)``; ``solve(point, r)`` with ``point = (z, *xs)`` inverts the Jacobian there."""
    return implicit_primitive(native, Equations(residual, lambda *point: point, solve, solve_adjoint), _mapped)


def _mapped(equations: Equations, size: int, flags: list[bool]) -> Equations:
    own = [True, *flags]

    def over(solve: Function) -> Function:
        return lambda point, r: engine.batched(size, lambda r, *p: solve(p, r), [r, *point], [True, *own])

    def residual(*point: Any) -> Any:
        return engine.batched(size, equations.residual, point, own)

    return Equations(residual, equations.jacobian, over(equations.solve), over(equations.solve_adjoint))


def adjoint_of(apply: Function) -> Function:
    """``(u, *xs)`` -> Aᴴ u for a square A given by ``apply(v, *xs)`` = A v."""

    def adjoint(u: Any, *xs: Any) -> Any:
        c = engine.pull(lambda v: apply(v, *xs), [leaf_zeros(u)], (0,))[1](u)[0]
        return leaf_zeros(u) if c is None else c

    return adjoint


def jacobian_products(residual: Function) -> tuple[Function, Function]:
    """``(v, z, *xs)`` -> J v and ``(u, z, *xs)`` -> Jᵀ u for J = dR/dz."""

    def apply(v: Any, z: Any, *xs: Any) -> Any:
        t = engine.push(lambda z: residual(z, *xs), [z], [v])[1]
        return leaf_zeros(v) if t is None else t

    def adjoint(u: Any, z: Any, *xs: Any) -> Any:
        c = engine.pull(lambda z: residual(z, *xs), [z], (0,))[1](u)[0]
        return leaf_zeros(u) if c is None else c

    return apply, adjoint


def linear_pair(apply: Function, adjoint: Function, native: Function, native_adjoint: Function) -> tuple[Primitive, Primitive]:
    """Solutions of A v = b and Aᴴ v = b as primitives ``(b, *xs)`` -> v, each of which is the reverse rule of the other."""
    pair: list[Primitive] = []

    def one(product: Function, solver: Function, this: int) -> Primitive:
        return matrix_free(
            solver,
            lambda v, b, *xs: product(v, *xs) - b,
            lambda point, r: pair[this].bind(r, *point[2:]),
            lambda point, g: pair[1 - this].bind(g, *point[2:]),
        )

    pair += [one(apply, native, 0), one(adjoint, native_adjoint, 1)]
    return pair[0], pair[1]


def solve_operator(product: Function, b: Any, solver: Function | None, tolerance: float | None, what: str, symmetric: bool) -> Any:
    """x with ``product(x)`` = b for plain vectors, checked."""
    n = b.size
    if n == 0:
        return b
    if not truth(np.isfinite(b).all()):  # NaN stays NaN: nothing to iterate on
        return np.full_like(b, np.nan)
    if solver is None and n <= DENSE:
        return _by_matrix(product, b, what)

    def known(v: Any) -> Any:
        y = product(v)
        if isinstance(y, Box):
            raise ClosureError.closes_over(what)
        return y

    eps = float(np.finfo(b.dtype).eps)
    limit = eps**0.625 if tolerance is None else tolerance
    size = length_of(b)
    if size == 0.0:
        return np.zeros_like(b)
    if solver is None:
        x = _by_krylov(known, b, max(0.01 * limit, 4 * eps), symmetric)
    else:
        x = solver(known, b)
    if isinstance(x, Box):
        raise ClosureError.closes_over(what)
    left = length_of(known(x) - b) / size
    if not left <= limit:
        raise ConvergenceError.linear(what, left, limit)
    return x


def _by_matrix(product: Function, b: Any, what: str) -> Any:
    n = b.size
    columns = engine.batched(n, product, [like(np.eye(n, dtype=b.dtype), b)], [True])
    if isinstance(columns, Box):
        raise ClosureError.closes_over(what)
    matrix = columns.T
    if not truth(np.isfinite(matrix).all()):
        raise ImplicitError.not_finite("the linear operator")
    scale = np.abs(matrix).max(axis=1)
    if not truth((scale > 0).all()):
        raise ImplicitError.singular(0.0)
    balanced = matrix / scale[:, None]  # a choice of units is not a singularity
    try:
        inverse = np.linalg.inv(balanced)
    except np.linalg.LinAlgError:
        raise ImplicitError.singular(0.0) from None
    rcond = 1 / (largest(np.abs(balanced).sum(0)) * largest(np.abs(inverse).sum(0)))
    if not rcond > 8 * np.finfo(b.dtype).eps:
        raise ImplicitError.singular(rcond)
    return np.linalg.solve(balanced, b / scale)


def _by_krylov(product: Function, b: Any, rtol: float, symmetric: bool) -> Any:
    """Conjugate gradients where they work, else GMRES."""
    from scipy.sparse.linalg import LinearOperator, cg, gmres  # needed by large systems only

    n = b.size
    on_host = of(b).to_host
    a = LinearOperator((n, n), matvec=lambda v: on_host(product(like(v.astype(b.dtype, copy=False), b))), dtype=b.dtype)
    rhs = on_host(b)
    if symmetric:
        x, failed = cg(a, rhs, rtol=rtol, atol=0.0, maxiter=10 * n)
        if not failed:
            return like(x.astype(b.dtype, copy=False), b)
    x, _ = gmres(a, rhs, rtol=rtol, atol=0.0, restart=min(n, 200), maxiter=20)
    return like(x.astype(b.dtype, copy=False), b)
