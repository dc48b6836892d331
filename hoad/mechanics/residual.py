"""Norms by which a load step is judged: of the residual, of the stress that it is compared with, and of rounding errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hoad.mechanics.equilibrium import Formulation
from hoad.mechanics.pointwise import Tangent
from hoad.mechanics.problem import Problem

if TYPE_CHECKING:
    from hoad.mechanics.newton import EquilibriumState

__all__ = ["ResidualNorms", "linear_response"]

Array = Any
Moments = tuple[Array, Array]


class ResidualNorms:
    """Norms of stresses in the energy of the reference medium, for solvers with a ``problem`` and a tolerance ``tol``."""

    problem: Problem
    tol: float

    def moments(self, stress: Array) -> Moments:
        """Mean (m,) and mean square (m, m) of a stress field: all that its norms need, in whatever reference medium."""
        operators = self.problem.operators
        m = len(stress)
        square = sum(
            w * (flat @ flat.T) for w, flat in ((w, stress[:, r].reshape((m, -1))) for r, w in enumerate(operators.weights))
        )
        return operators.mean(stress), np.asarray(operators.transform.total(square)) / operators.grid.size

    def scale(self, moments: Moments) -> float:
        """Norm of the mean stress, or of the stress field where its mean vanishes, in the norm of the residual."""
        mean, square = moments
        compliance = self.problem.operators.compliance
        norm = float(np.sqrt(mean @ compliance @ mean))
        local = float(np.sqrt(max(np.sum(compliance * square), 0.0)))
        return norm if norm > 1e-10 * local else local

    def _step_scale(self, moments: Moments, free: Array, target: Array, start: Moments) -> float:
        """Scale of the residual in a step: also the prescribed stress, and a little of that at the start, lest it be rounding."""
        given = free @ target
        prescribed = float(np.sqrt(given @ self.problem.operators.compliance @ given))
        return max(self.scale(moments), prescribed, 1e-4 * self.scale(start))

    @property
    def rounding(self) -> float:
        """What rounding errors of the stresses can add to the norm of a residual.

        Laws of finite strain see 1 + ∂u, whose last digit is ε = 2⁻⁵² however small ∂u is, so that their stresses have errors of
        the size of ε times the stiffness.
        """
        if self.problem.kinematics.kind != "finite":
            return 0.0
        return 16 * float(np.finfo(float).eps) * float(np.sqrt(np.trace(self.problem.operators.reference)))

    def _drowned(self, scale: float) -> bool:
        """Whether a load step is so small that the law cannot be told from its tangent, and its rounding errors matter."""
        return self.rounding > max(0.1 * self.tol, 1e-8) * scale

    def local(self, stress: Array) -> float:
        """Root of the mean square of a stress field."""
        return float(np.sqrt(max(np.sum(self.problem.operators.compliance * self.moments(stress)[1]), 0.0)))

    def _settled(self, start: EquilibriumState, energy: float, stress: Array | None) -> tuple[float, Array]:
        """Energy and stress at the beginning of a step without rounding errors: as they were found, or those of rest."""
        assert stress is not None
        if self.local(stress - start.stress) > self.rounding:
            return energy, stress
        if not np.any(start.strain) and self.local(start.stress) <= self.rounding:
            return start.energy, np.zeros_like(stress)
        return start.energy, start.stress

    def _size(self, e: Array, macro: Array) -> float:
        """Norm of the macroscopic deformation gradient or strain; that of the field where it vanishes; never 0."""
        mean = np.linalg.norm(self.problem.kinematics.macroscopic(macro))
        local = np.sqrt(self.problem.operators.mean_dot(e, e))
        return float(mean if mean > 1e-10 * local else local) or 1.0

    def _accept(self, linear: Formulation, sizes: Moments, target: Array, start: Moments) -> Any:
        """Tolerance of a linear problem at an iterate, where the mean stress is that of the iterate."""

        def tolerance(x: Any) -> float:
            return 0.9 * self.tol * self._step_scale((sizes[0] + linear.mean_stress(x), sizes[1]), linear.free, target, start)

        return tolerance


def linear_response(problem: Problem, tangent: Tangent, begin: tuple[Array, float, Array], e: Array) -> tuple[float, Array]:
    """Energy and stress at a strain field by the tangent at the beginning, whose strain, energy and stress are given."""
    e0, energy, stress = begin
    step = e - e0
    m = len(e)
    change = tangent.apply(step.reshape((m, -1)), np.empty((m, step[0].size))).reshape(e.shape)
    mean_dot = problem.operators.mean_dot
    return energy + mean_dot(stress, step) + 0.5 * mean_dot(change, step), stress + change
