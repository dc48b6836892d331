"""Local equations of materials: small roots, one for each point, solved on plain arrays and differentiated implicitly.

The numerical solve is a bracketed Newton iteration for scalars and a damped Newton iteration for a convex function of a few
unknowns; both end at the rounding error or raise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.errors import ConvergenceError
from hoad.transforms.first import jvp
from hoad.transforms.implicit import implicit

__all__ = ["bracketed_newton", "damped_newton", "least", "scalar_root"]

Array = Any
_EPS = np.finfo(float).eps


def bracketed_newton(
    function: Callable[[Array], tuple[Array, Array]], low: Array, high: Array, start: Array, scale: Array, most: int = 200
) -> Array:
    """Root of a decreasing function at each point, by Newton's method with bisection where a step leaves the bracket.

    Parameters
    ----------
    function : callable
        ``function(x)`` = value and slope, for all points at once.
    low, high, start : arrays
        The root lies in [low, high], the iteration begins at ``start``.
    scale : array
        Size of the terms of the function: a value below 4 ε ``scale`` counts as zero.
    most : int
        Number of iterations after which the solve has failed.

    Raises
    ------
    ConvergenceError
        If a point has not converged; the message counts such points.
    """
    zero = 0.0 * (start + low + high + scale)
    x, low, high = start + zero, low + zero, high + zero
    positive = negative = x != x  # a bracket that shrinks onto one of its ends holds no root
    for _ in range(most):
        value, slope = function(x)
        left = value > 0
        low, high = np.where(left, x, low), np.where(left, high, x)
        positive, negative = positive | left, negative | (value <= 0)
        closed = positive & negative & (high - low <= 2 * _EPS * np.abs(x))
        done = closed | (np.abs(value) <= 4 * _EPS * scale)
        if np.all(done):
            return x
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            newton = x - value / slope
        inside = (newton > low) & (newton < high)
        x = np.where(done, x, np.where(inside, newton, 0.5 * (low + high)))
    raise ConvergenceError(
        f"the local equation did not converge at {int(np.sum(~done))} of {x.size} points after {most} iterations, residual up to "
        f"{np.max(np.abs(np.where(done, 0.0, value))):g}, expected less than {4 * _EPS:.1g} times its terms. "
        "Take a smaller load step, or check the parameters and their units."
    )


def scalar_root(residual: Callable[..., Array], bracket: Callable[..., tuple[Array, Array, Array, Array]], *args: Any) -> Array:
    """The x at each point with ``residual(x, *args)`` = 0, decreasing in x, as a differentiable function of ``args``.

    ``bracket(*args)`` gives low, high, start and scale for :func:`bracketed_newton`.
    """

    def solver(*plain: Any) -> Array:
        low, high, start, scale = bracket(*plain)
        start = np.broadcast_to(start, np.shape(residual(start, *plain)))
        return bracketed_newton(lambda x: jvp(lambda y: residual(y, *plain), (x,), (np.ones_like(x),)), low, high, start, scale)

    # The solver has reached the rounding error or raised, so that a second examination would only cost time.
    return implicit(residual, solver, structure="pointwise", components=1, check=False)(*args)


def least(
    function: Callable[..., Array],
    gradient: Callable[..., Array],
    hessian: Callable[..., Array],
    start: Callable[..., Array],
    components: int,
    *args: Any,
    check: bool = False,
) -> Array:
    """Minimiser z of ``function(z, *args)`` at each point, as a differentiable function of ``args``.

    Parameters
    ----------
    function, gradient, hessian : callable
        Called with ``(z, *args)``, z of shape (m, *points); of shapes (*points), (m, *points) and (m, m, *points).
    start : callable
        ``start(*args)`` = z where the iteration begins, for plain ``args``.
    components : int
        The number m of unknowns at a point.
    check : bool
        Whether :func:`hoad.implicit` examines the solution and its structure too.

    Raises
    ------
    ConvergenceError
        If a point has not converged.
    """

    def solver(*plain: Any) -> Array:
        return damped_newton(
            lambda z: function(z, *plain), lambda z: gradient(z, *plain), lambda z: hessian(z, *plain), start(*plain)
        )

    return implicit(gradient, solver, structure="pointwise", components=components, check=check)(*args)


def damped_newton(
    function: Callable[[Array], Array],
    gradient: Callable[[Array], Array],
    hessian: Callable[[Array], Array],
    start: Array,
    most: int = 300,
) -> Array:
    """Minimiser of a convex function of m unknowns at each point, by Newton's method with backtracking (plain arrays).

    The error of z is measured by the curvature: √(gᵀ H⁻¹ g), relative to √(zᵀ H z) and to its value at the start. From 10⁻⁷ on,
    the convergence is quadratic, and two full steps more reach the rounding error.
    """
    z = start + 0.0
    value = function(z)
    first: Array = 0.0
    polish = np.full_like(value, 2.0)
    for iteration in range(most):
        g, curvature = gradient(z), hessian(z)
        step = -_solve(curvature, g)
        slope = (g * step).sum(0)
        if iteration == 0:
            first = -slope
        reference = np.maximum((z * (curvature * z[None]).sum(1)).sum(0), first)
        with np.errstate(invalid="ignore"):
            near = -slope <= 1e-14 * reference
        if np.all(near & (polish == 0)):
            return z
        size = np.where(near & (polish == 0), 0.0, 1.0)
        polish = np.where(near, np.maximum(polish - 1.0, 0.0), 2.0)
        for _ in range(60):
            with np.errstate(over="ignore", invalid="ignore"):
                trial = z + size * step
                found = function(trial)
                enough = near | (found <= value + 1e-4 * size * slope) | (size == 0)
            if np.all(enough):
                break
            size = np.where(enough, size, 0.5 * size)
        z, value = trial, found
        if not np.all(np.isfinite(value)):
            break
    bad = ~(near & (polish == 0)) | ~np.isfinite(value)
    raise ConvergenceError(
        f"the local minimisation did not converge at {int(np.sum(bad))} of {bad.size} points after {iteration + 1} iterations, "
        "expected a convex function of the internal variables. Take a smaller load step, or check the parameters and their units."
    )


def _solve(hessian: Array, gradient: Array) -> Array:
    """H⁻¹ g with components first."""
    try:
        x = np.linalg.solve(np.moveaxis(hessian, (0, 1), (-2, -1)), np.moveaxis(gradient, 0, -1)[..., None])[..., 0]
    except np.linalg.LinAlgError:
        raise ConvergenceError(
            "the local minimisation met a singular Hessian, expected a strictly convex function of the internal variables. "
            "Leave out variables on which the potential does not depend."
        ) from None
    return np.moveaxis(x, -1, 0)
