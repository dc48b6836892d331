"""Preconditioned conjugate gradients on pairs of a field and a few macroscopic unknowns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from scipy.linalg import blas

from hoad.mechanics.blocks import own_threads

__all__ = ["LinearProblem", "LinearResult", "conjugate_gradients"]

Array = Any
Pair = list[Array]
"""A field (or spectrum) and a vector of macroscopic unknowns."""


class LinearProblem(Protocol):
    """A symmetric positive (semi-)definite operator with a preconditioner and an inner product."""

    def apply(self, x: Pair) -> Pair:
        """The operator."""

    def precondition(self, r: Pair) -> Pair:
        """An approximate inverse, symmetric and positive semi-definite."""

    def dot(self, a: Pair, b: Pair) -> float:
        """Inner product."""


@dataclass
class LinearResult:
    """Solution of a linear problem, and how it was reached."""

    x: Pair
    iterations: int
    converged: bool
    residual: float
    """Norm of the last residual in the inner product of the preconditioner."""
    history: list[float] = field(default_factory=list)
    negative_curvature: bool = False


def _axpy(a: float, x: Pair, y: Pair) -> None:
    """y += a x in place, without a temporary array."""
    for u, v in zip(x, y, strict=True):
        if u.size and u.flags.c_contiguous and v.flags.c_contiguous and u.dtype == v.dtype:
            (blas.zaxpy if v.dtype.kind == "c" else blas.daxpy)(u.reshape(-1), v.reshape(-1), a=a)
        elif u.size:
            v += a * u


@own_threads
def conjugate_gradients(
    problem: LinearProblem,
    rhs: Pair,
    *,
    atol: float,
    maxiter: int,
    start: Pair | None = None,
    callback: Callable[[int, float], None] | None = None,
    accept: Callable[[Pair], float] | None = None,
) -> LinearResult:
    """Solve A x = b, stopping where ``sqrt(<r, M r>) <= atol`` for the preconditioner M.

    Parameters
    ----------
    problem : LinearProblem
    rhs : pair
        b; it is overwritten by the residual.
    atol : float
        Tolerance on the residual in the preconditioner's norm.
    maxiter : int
        Most iterations.
    start : pair, optional
        First guess; zero by default, which takes no application of A.
    callback : callable, optional
        Called with the number of the iteration and the norm of its residual.
    accept : callable, optional
        Called with the iterate when ``atol`` is reached; returns the tolerance that it has to meet, which may be smaller.

    Returns
    -------
    LinearResult
        ``converged`` is False where the iterations ran out, the operator was found indefinite along a direction (the
        iterate so far is returned) or numbers were not finite.

    Notes
    -----
    A right-hand side of zero gives zero after no iterations. Hestenes & Stiefel, J. Res. Nat. Bur. Standards 49 (1952).
    """
    r = rhs
    if start is None:
        x = [np.zeros_like(b) for b in r]
    else:
        x = start
        _axpy(-1.0, problem.apply(x), r)
    z = problem.precondition(r)
    rz = problem.dot(r, z)
    norm = np.sqrt(max(rz, 0.0)) if np.isfinite(rz) else np.nan
    history = [float(norm)]
    p = list(z)
    del z
    for n in range(maxiter + 1):
        if not np.isfinite(norm):
            return LinearResult(x, n, False, float(norm), history)
        if norm <= atol and accept is not None:
            atol = min(atol, accept(x))
        if norm <= atol:
            return LinearResult(x, n, True, float(norm), history)
        if n == maxiter:
            break
        q = problem.apply(p)
        curvature = problem.dot(p, q)
        if not curvature > 0.0:
            if n == 0:
                x = p
            return LinearResult(x, n, False, float(norm), history, negative_curvature=True)
        alpha = rz / curvature
        _axpy(alpha, p, x)
        _axpy(-alpha, q, r)
        del q
        z = problem.precondition(r)
        previous, rz = rz, problem.dot(r, z)
        norm = np.sqrt(max(rz, 0.0)) if np.isfinite(rz) else np.nan
        history.append(float(norm))
        if callback is not None:
            callback(n + 1, float(norm))
        beta = rz / previous
        for u, v in zip(p, z, strict=True):
            u *= beta
            u += v
        del z
    return LinearResult(x, maxiter, False, float(norm), history)
