"""Polarisation schemes: Eyre and Milton's, and the augmented Lagrangian one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hoad.mechanics.equilibrium import Formulation
from hoad.mechanics.fixed_point.base import DIVERGED, FixedPoint, _ratio
from hoad.mechanics.load import Control
from hoad.mechanics.newton import EquilibriumState, StepResult
from hoad.mechanics.pointwise import LinearTangent, StoredTangent

__all__ = ["Polarisation"]

Array = Any
LOCAL_STEPS = 60


@dataclass
class Polarisation(FixedPoint):
    """Alternate between the compatible field of a polarisation and the local law.

    With the compatible field e_a = Ē - Γ0 (σ(e) - C0 e) of an iterate e, which itself need not be compatible, the next iterate
    solves at every point

        σ(e') + C0 e' = σ(e) + C0 e + α C0 (e_a - e);

    α = 2 is Eyre and Milton's scheme, α = 1 the augmented Lagrangian one. Iterations grow with the square root of the contrast.
    What is returned is the compatible field, once its own stress is in equilibrium to the tolerance.

    Notes
    -----
    ``StepResult.residuals`` has ‖e_a - e‖ / ‖e_a‖ of each iteration. Eyre & Milton, Eur. Phys. J. Appl. Phys. 6 (1999); Michel,
    Moulinec & Suquet, Int. J. Numer. Meth. Eng. 52 (2001); Moulinec & Silva, Int. J. Numer. Meth. Eng. 97 (2014).
    """

    alpha: float = 2.0

    def _iterate(
        self,
        linear: Formulation,
        e: Array,
        stress: Array,
        macro: Array,
        start: EquilibriumState,
        control: Control,
        dt: float,
        result: StepResult,
        progress: Any,
    ) -> StepResult:
        operators, free = self.problem.operators, control.free
        c0 = operators.reference
        relax = self._local_law(linear, start, dt)
        law = self.stress_law(linear, start, dt)
        gap_tol = self.tol
        held = macro - free @ (free.T @ macro)
        for n in range(self.max_cg + 1):
            polarisation = stress - _times(c0, e)
            mean = held
            if free.shape[1]:
                target = self._target(control, macro, stress)
                inner = free.T @ c0 @ free
                mean = held + free @ np.linalg.solve(inner, target - free.T @ (operators.mean(polarisation) + c0 @ held))
            compatible = self.problem.uniform(mean) - operators.green_strain(polarisation)
            del polarisation
            gap = compatible - e
            result.residual = _ratio(operators.mean_dot(gap, gap), operators.mean_dot(compatible, compatible))
            result.residuals.append(result.residual)
            result.updates.append(result.residual)
            result.cg = [n]
            if progress is not None:
                progress(n, result.residual)
            if result.residual <= gap_tol:
                found = self._equilibrium(linear, compatible, law, control, mean, start.stress)
                if found <= self.tol:
                    result.residual = found
                    return self._end(result, compatible, mean, start, control, dt, n)
                gap_tol *= max(0.1, min(0.7, self.tol / found)) if np.isfinite(found) else 0.1
            if self._hopeless(result, n, result.residual > DIVERGED * max(result.residuals[0], self.tol)):
                return result
            moved = relax(e, stress, self.alpha * _times(c0, gap))
            if moved is None:
                result.message = f"the local equations of the {self.scheme} scheme could not be solved in iteration {n}"
                return result
            e, stress = moved
            macro = mean
        return result

    def _equilibrium(
        self, linear: Formulation, e: Array, law: Callable[[Array], Array], control: Control, mean: Array, start: Array
    ) -> float:
        """Relative residual of a compatible field, as :class:`~hoad.mechanics.newton.Newton` defines it."""
        stress = law(e)
        target = self._target(control, mean, stress)
        norm = linear.norm(linear.rhs(stress, target))
        scale = self._step_scale(self.moments(stress), control.free, target, self.moments(start))
        return float(norm / scale) if scale != 0.0 else float(norm)

    def _local_law(
        self, linear: Formulation, start: EquilibriumState, dt: float
    ) -> Callable[[Array, Array, Array], tuple[Array, Array] | None]:
        """Function (e, σ, b) ↦ (e', σ') with σ' + C0 e' = σ + C0 e + b."""
        c0 = self.problem.operators.reference
        tangent = linear.tangent
        if self._is_linear and isinstance(tangent, LinearTangent):
            count = tangent.count
            resolvent = LinearTangent([(np.linalg.inv(c + c0), i) for c, i in tangent.parts], count)

            def relax(e: Array, stress: Array, b: Array) -> tuple[Array, Array]:
                flat = b.reshape((len(b), -1))
                step = resolvent.apply(flat, np.empty_like(flat)).reshape(e.shape)
                return e + step, stress + b - _times(c0, step)

            return relax
        if self._is_linear and isinstance(tangent, StoredTangent):
            inverse = np.linalg.inv(np.moveaxis(tangent.upper[tangent.row], -1, 0) + c0)

            def relax_each(e: Array, stress: Array, b: Array) -> tuple[Array, Array]:
                step = np.einsum("nij,jn->in", inverse, b.reshape((len(b), -1))).reshape(e.shape)
                return e + step, stress + b - _times(c0, step)

            return relax_each
        return lambda e, stress, b: self._relax(e, stress, b, start, dt)

    def _relax(self, e: Array, stress: Array, b: Array, start: EquilibriumState, dt: float) -> tuple[Array, Array] | None:
        """Newton's method at every point, each with its own step length."""
        problem, c0 = self.problem, self.problem.operators.reference
        m = len(e)
        rest = b
        size = np.sqrt(((stress + _times(c0, e)) ** 2).sum(0)) + np.sqrt((b**2).sum(0))
        small = 1e-13 * np.maximum(size, size.max())
        for _ in range(LOCAL_STEPS):
            norm = np.sqrt((rest**2).sum(0))
            if np.all(norm <= small):
                return e, stress
            tangent = problem.tangent(e, start.variables, dt)
            assert isinstance(tangent, StoredTangent)
            matrices = np.moveaxis(tangent.upper[tangent.row], -1, 0) + c0
            step = np.linalg.solve(matrices, rest.reshape((m, -1)).T[..., None])[..., 0].T.reshape(e.shape)
            length = np.ones_like(norm)
            for _ in range(20):
                trial = e + length * step
                after = problem.energy_and_stress(trial, start.variables, dt)[1]
                left = rest + (stress - after) - _times(c0, trial - e)
                with np.errstate(invalid="ignore"):
                    worse = ~(np.sqrt((left**2).sum(0)) <= np.maximum((1 - 1e-4 * length) * norm, small))
                if not worse.any():
                    break
                length = np.where(worse, 0.5 * length, length)
            else:
                return None
            e, stress, rest = trial, after, left
        return None


def _times(c: Array, e: Array) -> Array:
    return (c @ e.reshape((len(e), -1))).reshape(e.shape)
