"""The energies of a damage field: surface energy of cracks, and its minimum between bounds while strains are fixed.

Damage lives at the voxels; its gradient is a difference across the faces between them. The Hessian of the surface energy then has
no positive off-diagonal entries, so that a damage that is driven up stays between its bounds and does not oscillate from voxel to
voxel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.fft

from hoad.errors import ConvergenceError, MaterialError
from hoad.mechanics.grid import Grid
from hoad.mechanics.krylov import Pair, conjugate_gradients
from hoad.mechanics.materials.base import Material, State
from hoad.mechanics.problem import Problem
from hoad.transforms.first import grad, jvp, value_and_grad
from hoad.transforms.linear import linearize

__all__ = ["DamageProblem", "SurfaceEnergy"]

Array = Any

MODELS: dict[str, tuple[Callable[[Array], Array], float]] = {"AT1": (lambda d: d, 8 / 3), "AT2": (lambda d: d * d, 2.0)}
"""w(d) and c_w = 4 ∫√w of each model."""


class SurfaceEnergy:
    """Surface energy Gc/c_w (w(d)/l + l |∇d|²) of a damage field on a periodic grid, averaged over the volume.

    Parameters
    ----------
    grid : Grid
    gc : float or array of shape (grid.shape)
        Fracture toughness: energy per crack area.
    length : float or array of shape (grid.shape)
        Internal length l; a crack is about 4 l wide for AT1. It should be at least a voxel, better two.
    model : {"AT1", "AT2"}
        Whether the material is elastic up to a critical stress (AT1), or damaged from the start (AT2).

    Raises
    ------
    MaterialError
        For numbers that are not positive, another shape or another model.

    Notes
    -----
    Plain NumPy, so that :func:`hoad.grad` and the other transforms apply. A straight crack along the grid costs
    Gc (1 + h²/(4 l²))^½ per area for AT2 and, where 2 l/h is an integer, Gc (1 + h²/(32 l²)) for AT1, with the voxel size h.

    Examples
    --------
    >>> import numpy as np
    >>> from hoad import mechanics as me
    >>> from hoad.mechanics.phase_field import SurfaceEnergy
    >>> x = (np.arange(100) - 50) / 10.0
    >>> crack = np.maximum(1 - np.abs(x) / 2, 0) ** 2
    >>> surface = SurfaceEnergy(me.Grid((100,), (10.0,)), gc=3.0, length=1.0)
    >>> round(10.0 * float(surface(crack)) / 3.0, 12)
    1.0003125
    """

    def __init__(self, grid: Grid, gc: Any, length: Any, model: str = "AT1") -> None:
        if model not in MODELS:
            raise MaterialError(f"fracture model {model!r} is unknown, expected one of {', '.join(MODELS)}.")
        gc, length = (_positive(v, name, grid) for v, name in ((gc, "gc"), (length, "length")))
        self.grid, self.model = grid, model
        self.w, c = MODELS[model]
        self.local = gc / (c * length)
        across = gc * length / c
        self.axes = [a for a, n in enumerate(grid.shape) if n > 1]
        self.across = [0.5 * (across + np.roll(across, -1, a)) / grid.spacing[a] ** 2 for a in self.axes]
        self.stiffness = 2 * sum((c + np.roll(c, 1, a) for a, c in zip(self.axes, self.across)), np.zeros(grid.shape))
        """Diagonal of the Hessian of the gradient term."""

    def diagonal(self, damage: Array) -> Array:
        """Diagonal of the Hessian of :meth:`total`."""
        slope = grad(lambda d: (self.local * self.w(d)).sum())
        return self.stiffness + jvp(slope, (damage,), (np.ones_like(damage),))[1]

    def total(self, damage: Array) -> Array:
        """Sum over the voxels of the energy density."""
        density = self.local * self.w(damage)
        for a, c in zip(self.axes, self.across):
            jump = np.roll(damage, -1, a) - damage
            density = density + c * jump * jump
        return density.sum()

    def __call__(self, damage: Array) -> Array:
        """Mean energy density; times the volume of the cell it is what the cracks have cost."""
        return self.total(damage) / self.grid.size


def _positive(value: Any, name: str, grid: Grid) -> Array:
    a = np.asarray(value, float)
    if a.shape not in ((), grid.shape):
        raise MaterialError(f"{name} has shape {a.shape}, expected a number or a field of shape {grid.shape}.")
    if not (np.all(np.isfinite(a)) and np.all(a > 0)):
        raise MaterialError(f"{name} has values from {a.min():g} to {a.max():g}, expected positive finite numbers.")
    return np.broadcast_to(a, grid.shape)


# -- damage at fixed strains ----------------------------------------------------------------------------------------------------


class DamageProblem:
    """Total energy of a damage field while strains are fixed; sums over the voxels.

    Parameters
    ----------
    problem : Problem
    surface : SurfaceEnergy
    strain : array (m, points, *grid)
    """

    def __init__(self, problem: Problem, surface: SurfaceEnergy, strain: Array) -> None:
        self.problem, self.surface = problem, surface
        self.strain = strain.reshape((len(strain), -1))

    def bulk(self, damage: Array) -> tuple[float, Array, Array]:
        """Stored energy of what can break, its first and its second derivative by the damage at each voxel."""
        problem = self.problem
        repeats = problem.operators.points
        flat = np.tile(damage.reshape(-1), repeats)
        total, slope, curvature = 0.0, np.zeros_like(flat), np.zeros_like(flat)

        def work(where: Any, material: Material, _: State | None, __: int, ___: slice) -> None:
            nonlocal total
            if "damage" not in material.parameters:
                return
            strain, here = problem.kinematics.tensor(self.strain[:, where]), flat[where]
            energy = value_and_grad(lambda d: material.with_parameters(damage=d).energy(strain).sum())
            (value, first), (_, second) = jvp(energy, (here,), (np.ones_like(here),))
            slope[where], curvature[where] = first, second
            total += float(value)

        problem.constitutive.each(work, [None] * len(problem.constitutive.groups))
        shape = (repeats, *damage.shape)
        return total / repeats, slope.reshape(shape).mean(0), curvature.reshape(shape).mean(0)

    def minimise(self, start: Array, lower: Array, tol: float, max_steps: int = 50) -> tuple[Array, float]:
        """Damage between ``lower`` and 1 that minimises the energy to ``tol``, and by how much the stored energy changed.

        Newton's method: minima of quadratic models between the same bounds, with a line search where the energy is not quadratic.
        """
        d = start
        bulk, slope, curvature = self.bulk(d)
        before, surface = bulk, float(self.surface.total(d))
        for _ in range(max_steps):
            gradient, product = linearize(grad(self.surface.total), d)
            model = Quadratic(self.surface, product, np.maximum(curvature, 0.0), self.surface.diagonal(d))
            gradient = gradient + slope
            if not np.all(np.isfinite(gradient)):
                raise ConvergenceError("the derivative of the energy by the damage is not finite. Use smaller load steps.")
            if model.residual(d, gradient, lower) <= tol:
                return d, bulk - before
            step = model.minimise(d, gradient, lower, 0.5 * tol) - d
            along, t = float(np.vdot(gradient, step)), 1.0
            while True:
                trial = d + t * step
                bulk_new, slope, curvature = self.bulk(trial)
                surface_new = float(self.surface.total(trial))
                if bulk_new + surface_new <= bulk + surface + 1e-4 * t * along + 1e-13 * (abs(bulk) + abs(surface)):
                    break
                t *= 0.5
                if t < 1e-8:
                    raise ConvergenceError("no damage lowers the energy along a direction of descent. Check the material's energy.")
            d, bulk, surface = np.clip(trial, lower, 1.0), bulk_new, surface_new
        raise ConvergenceError(
            f"the damage did not converge in {max_steps} Newton steps. Use smaller load steps or a larger damage_tol."
        )


class Quadratic:
    """Quadratic model of the energy: Hessian of the surface energy plus the curvature of the stored energy at each voxel.

    Also the linear problem on the voxels that are free, for :func:`hoad.mechanics.krylov.conjugate_gradients`. Its preconditioner
    is the inverse of the scaled Hessian of a homogeneous medium, by FFT.
    """

    def __init__(self, surface: SurfaceEnergy, product: Callable[[Array], Array], curvature: Array, diagonal: Array) -> None:
        self.product, self.curvature = product, curvature
        self.diagonal = np.maximum(diagonal + curvature, 1e-6 * surface.local)  # a single voxel of AT1 at rest has none
        self.shape = surface.grid.shape
        self.root = 1 / np.sqrt(self.diagonal)
        self.symbol = np.ones(surface.grid.spectral_shape)
        for a, c in zip(surface.axes, surface.across):
            angle = 2 * np.pi * surface.grid.wave_numbers(a, a == len(self.shape) - 1) / self.shape[a]
            part = float(np.mean(2 * c / self.diagonal))
            self.symbol -= 2 * part * np.cos(angle).reshape([-1 if b == a else 1 for b in range(len(self.shape))])
        slowest = np.sort(self.symbol, axis=None)[:2].max()
        self.symbol = np.maximum(self.symbol, slowest)  # constant fields: bounds hold them where there is no curvature
        self.free: Array = np.ones(self.shape, bool)

    def apply(self, x: Pair) -> Pair:
        return [self.free * (self.product(x[0]) + self.curvature * x[0]), x[1]]

    def precondition(self, r: Pair) -> Pair:
        scale = self.free * self.root
        hat = scipy.fft.rfftn(scale * r[0]) / self.symbol
        return [scale * scipy.fft.irfftn(hat, s=self.shape), r[1]]

    def dot(self, a: Pair, b: Pair) -> float:
        return float(np.vdot(a[0], b[0]))

    def residual(self, d: Array, gradient: Array, lower: Array) -> float:
        """Largest change of damage by a projected Jacobi step: zero at the minimum alone."""
        return float(np.abs(d - np.clip(d - gradient / self.diagonal, lower, 1.0)).max())

    def minimise(self, d: Array, gradient: Array, lower: Array, tol: float, max_steps: int = 200) -> Array:
        """Minimum between the bounds, by projected Newton steps (Bertsekas, SIAM J. Control Optim. 20 (1982) 221-246)."""
        for _ in range(max_steps):
            if self.residual(d, gradient, lower) <= tol:
                return d
            self.free = ~(((d <= lower) & (gradient > 0)) | ((d >= 1.0) & (gradient < 0)))
            b = [np.where(self.free, -gradient, 0.0), np.zeros(0)]
            size = np.sqrt(max(self.dot(b, self.precondition(b)), 0.0))
            step = conjugate_gradients(self, b, atol=1e-3 * size, maxiter=1000).x[0]
            t = 1.0
            while True:
                change = np.clip(d + t * step, lower, 1.0) - d
                moved = self.product(change) + self.curvature * change
                slope = float(np.vdot(gradient, change))
                if slope + 0.5 * float(np.vdot(change, moved)) <= 1e-4 * slope or t < 1e-10:
                    break
                t *= 0.5
            d, gradient = d + change, gradient + moved
        raise ConvergenceError(f"the bounds of the damage were not settled in {max_steps} steps. Use smaller load steps.")
