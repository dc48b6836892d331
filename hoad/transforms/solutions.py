"""Is an array a simple solution of equations?  The examination that :func:`hoad.implicit` makes of what a solver returned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from hoad.backends import like, of, truth
from hoad.core.box import peek, shape_of
from hoad.core.engine import engine
from hoad.core.space import leaf_zeros
from hoad.errors import ImplicitError

__all__ = ["Equations", "examine"]

Function = Callable[..., Any]


class Equations(NamedTuple):
    """Functions of arrays of any level: all that the modes need to know."""

    residual: Function
    """(z, *xs) -> R"""
    jacobian: Function
    """(z, *xs) -> J: of the shape of z for one component, else (*points, m, m); matrix-free, the point itself"""
    solve: Function
    """(J, r) -> J^-1 r"""
    solve_adjoint: Function
    """(J, g) -> J^-T g"""


def examine(equations: Equations, z: Any, r: Any, xs: Any, tolerance: float | None, *, pointwise: bool) -> None:
    """Raise unless plain z is a simple solution and, if ``pointwise``, points are independent.

    The correction of Newton's method measures the residual in units of z; unknowns in different units are compared by their
    weights in the equations.
    """
    if z.size == 0:
        return
    if not _finite(z):
        raise ImplicitError.not_finite("the solver's result")
    if not _finite(r):
        raise ImplicitError.not_finite("the residual")
    eps = float(np.finfo(z.dtype).eps)
    j = equations.jacobian(z, *xs)
    if not _finite(j):
        raise ImplicitError.not_finite("the Jacobian of the residual")
    rcond, weights = _conditioning(j, z.shape)
    if not rcond > 8 * eps:
        raise ImplicitError.singular(rcond)
    tolerance = eps**0.4 if tolerance is None else tolerance
    correction = _largest(weights * equations.solve(j, r))
    size = _largest(weights * z)
    if not correction <= tolerance * size:
        reach = _largest(weights * _change(equations, j, z, xs))
        allowed = tolerance * max(size, reach) if reach else eps**0.5 * _largest(weights)
        if not correction <= allowed:
            raise ImplicitError.not_solved(correction / max(size, reach) if size or reach else np.inf, tolerance)
    if pointwise:
        _examine_structure(equations, z, xs, 1 if j.shape == z.shape else j.shape[-1], eps)


def _finite(x: Any) -> bool:
    return truth(np.isfinite(x).all())


def _largest(x: Any) -> float:
    return float(of(x).to_host(np.abs(x).max()))


def _is_float(x: Any) -> bool:
    return isinstance(x, float) or getattr(getattr(x, "dtype", None), "kind", "") == "f"


def _conditioning(j: Any, shape: tuple[int, ...]) -> tuple[float, Any]:
    """The smallest reciprocal condition number of all blocks, and the weights of the unknowns.

    Rows and columns are divided by their largest entries first: a choice of units is not a singularity.
    """
    one = np.ones_like(j, shape=(1,) * len(shape))
    if j.shape == shape:
        return float(truth((j != 0).all())), one
    j = j.astype(float)
    rows = np.abs(j).max(-1, keepdims=True)
    j = j / np.where(rows > 0, rows, 1)
    columns = np.abs(j).max(-2, keepdims=True)
    if not truth((columns > 0).all() & (rows > 0).all()):
        return 0.0, one
    j = j / columns
    try:
        inverse = np.linalg.inv(j)
    except np.linalg.LinAlgError:
        return 0.0, one
    condition = np.abs(j).sum(-2).max(-1) * np.abs(inverse).sum(-2).max(-1)
    return 1 / _largest(condition), np.moveaxis(columns[..., 0, :], -1, 0).reshape(shape)


def _change(equations: Equations, j: Any, z: Any, xs: Any) -> Any:
    """First-order change of z when the arguments change by random parts of themselves: the scale of a z that is nearly zero."""
    rng = np.random.default_rng(0)
    ts = [x * like(rng.uniform(-1, 1, shape_of(x)), peek(x)) if _is_float(x) else None for x in xs]
    change = engine.push(lambda *x: equations.residual(z, *x), xs, ts)[1]
    return leaf_zeros(z) if change is None else equations.solve(j, change)


def _examine_structure(equations: Equations, z: Any, xs: Any, components: int, eps: float) -> None:
    """Raise if the blocks do not give the derivative along a random direction, at a point a little off the solution, where a
    coupling whose slope vanishes at the solution shows too."""
    rng = np.random.default_rng(0)
    away, v = (like(rng.uniform(-1, 1, z.shape).astype(z.dtype)[()], z) for _ in range(2))
    near = z + eps ** (1 / 3) * np.abs(z).max() * away
    with np.errstate(all="ignore"):
        whole = engine.push(lambda z: equations.residual(z, *xs), [near], [v])[1]
        j = equations.jacobian(near, *xs)
    if whole is None:
        return
    if components == 1:
        blocks, scale = j * v, np.abs(j)
    else:
        blocks = np.moveaxis((j * np.moveaxis(v, 0, -1)[..., None, :]).sum(-1), -1, 0)
        scale = np.abs(np.moveaxis(j, -2, 0)).sum(-1).max(tuple(range(1, z.ndim)), keepdims=True)
    if truth((np.abs(whole - blocks) > eps**0.55 * scale).any()):
        raise ImplicitError.coupled(components)
