"""Nonlinear equations and least squares: SciPy's solvers with exact Jacobians."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.optimize

from hoad.errors import OptimizeError
from hoad.operators import JacobianOperator
from hoad.operators.vectors import Vectors
from hoad.optimize.gauss_newton import DENSE
from hoad.optimize.minimize import minimize

__all__ = ["least_squares", "root"]

ROOT_WITH_JACOBIAN = ("hybr", "lm")
ROOT_METHODS = (
    *ROOT_WITH_JACOBIAN, "broyden1", "broyden2", "anderson", "linearmixing", "diagbroyden", "excitingmixing", "krylov", "df-sane"
)  # fmt: skip
LEAST_SQUARES = ("trf", "dogbox", "lm", "levenberg-marquardt", "gauss-newton")


def root(
    f: Callable[..., Any],
    x0: Any,
    args: tuple[Any, ...] = (),
    *,
    method: str = "hybr",
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> scipy.optimize.OptimizeResult:
    """Root of a system of equations, by ``scipy.optimize.root`` with the exact Jacobian.

    Parameters
    ----------
    f : callable
        ``f(x, *args)`` has as many entries as x.
    x0 : array or container
        Starting point.
    args : tuple
        Further arguments of ``f``.
    method : str
        As for SciPy; "hybr" and "lm" use the Jacobian.
    tol : float, optional
        Tolerance.
    callback : callable, optional
        For methods without Jacobian.
    options : dict, optional
        Options of the method.

    Returns
    -------
    OptimizeResult
        With ``x`` like x0 and ``fun`` flat.

    Raises
    ------
    OptimizeError
        If the method is unknown.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> hoad.optimize.root(lambda x: x**2 - np.array([4.0, 9.0]), np.ones(2)).x.round(9)
    array([2., 3.])
    """
    if method.lower() not in ROOT_METHODS:
        raise OptimizeError.unknown("method", method, ROOT_METHODS)
    vectors, flat, jac = _flat(f, x0, args)
    use = {"jac": jac} if method.lower() in ROOT_WITH_JACOBIAN else {"callback": callback}
    found = scipy.optimize.root(flat, vectors.pack(vectors.point()), method=method, tol=tol, options=dict(options or {}), **use)
    found["x"] = vectors.unpack(np.asarray(found.x))
    return found


def least_squares(
    residual: Callable[..., Any],
    x0: Any,
    args: tuple[Any, ...] = (),
    *,
    method: str = "trf",
    bounds: Any = None,
    **options: Any,
) -> scipy.optimize.OptimizeResult:
    """Minimum of ``½ |residual(x)|²``, by ``scipy.optimize.least_squares`` with the exact Jacobian, or by hoad's own methods.

    Parameters
    ----------
    residual : callable
        ``residual(x, *args)``; any output.
    x0 : array or container
        Starting point.
    args : tuple
        Further arguments of ``residual``.
    method : {"trf", "dogbox", "lm", "levenberg-marquardt", "gauss-newton"}
        The first three are SciPy's.
    bounds : optional
        As for SciPy ("trf" and "dogbox").
    **options
        For SciPy's function, or for :func:`minimize`.

    Returns
    -------
    OptimizeResult
        With ``x`` like x0, ``fun`` the residual (SciPy's) or the objective (own methods), and ``cost`` the objective.

    Raises
    ------
    OptimizeError
        If the method is unknown.

    Notes
    -----
    Jacobians of more than four million entries are given as operators where the method takes them.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> rosenbrock = lambda x: np.concatenate([10.0 * (x[1:] - x[:-1] ** 2), 1.0 - x[:-1]])
    >>> hoad.optimize.least_squares(rosenbrock, np.array([-1.2, 1.0])).x.round(9)
    array([1., 1.])
    """
    if method not in LEAST_SQUARES:
        raise OptimizeError.unknown("method", method, LEAST_SQUARES)
    if method in ("levenberg-marquardt", "gauss-newton"):
        own = minimize(residual, x0, args, method=method, bounds=bounds, **{"tol": 1e-8, **options})
        own["cost"] = own.fun
        return own
    vectors, flat, jac = _flat(residual, x0, args, operators=method != "lm")
    limits = {} if bounds is None else {"bounds": bounds}
    found = scipy.optimize.least_squares(flat, vectors.pack(vectors.point()), jac=jac, method=method, **limits, **options)
    found["x"] = vectors.unpack(found.x)
    return found


def _flat(f: Callable[..., Any], x0: Any, args: tuple[Any, ...], operators: bool = False) -> tuple[Vectors, Any, Any]:
    """Layout of x0, and f and its Jacobian on flat vectors."""
    vectors = Vectors(x0)
    at = lambda x: f(x, *args)

    def flat(x: Any) -> Any:
        y = at(vectors.unpack(np.array(x)))
        return np.asarray(Vectors(y).pack(y))

    def jac(x: Any) -> Any:
        J = JacobianOperator(at, vectors.unpack(np.array(x)))
        return J if operators and J.shape[0] * J.shape[1] > DENSE else J.to_dense()

    return vectors, flat, jac
