"""A load step by fixed-point iteration on the Lippmann-Schwinger equation, instead of Newton's method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hoad.mechanics.equilibrium import Formulation
from hoad.mechanics.load import Control
from hoad.mechanics.newton import EquilibriumState, Newton, StepResult
from hoad.mechanics.reference import isotropic_reference
from hoad.mechanics.residual import linear_response

__all__ = ["FixedPoint"]

Array = Any
DIVERGED = 1e6
"""Growth of the residual that counts as divergence (Barzilai and Borwein's steps may pass through a factor of hundreds)."""


@dataclass
class FixedPoint(Newton):
    """Settings of a fixed-point scheme, and the scheme.

    Parameters
    ----------
    scheme : str
        A key of :data:`hoad.mechanics.fixed_point.FIXED_POINTS`.
    reference : "auto", "mean", "identity" or matrix (m, m)
        Stiffness C0 of the reference medium; ``"auto"`` takes what the scheme is made for: moduli ½ (min + max) over the points,
        √(min · max) for polarisation schemes, at the start of each load step.
    max_cg : int
        Most iterations in a load step.

    Notes
    -----
    Other fields are those of :class:`hoad.mechanics.newton.Newton`, whose linear equations serve for tangents at the solution.
    ``StepResult.residuals`` and ``updates`` have one entry for each iteration.
    """

    scheme: str = "basic"
    mean: str = "arithmetic"
    acceleration: Any = None

    def __post_init__(self) -> None:
        if not (isinstance(self.reference, str) and self.reference == "auto"):
            super().__post_init__()

    def step(self, start: EquilibriumState, control: Control, dt: float, progress: Any = None) -> StepResult:
        """Solve for equilibrium under a load that is one step away from a converged state."""
        given = control.rotation @ np.where(control.prescribed, control.strain, 0.0)
        inside = control.held @ control.held.T if control.prescribed.any() else np.zeros((len(given), len(given)))
        jump = given - inside @ start.macro
        e, macro = start.strain + self.problem.uniform(jump), start.macro + jump
        energy, stress = self.problem.energy_and_stress(e, start.variables, dt)
        result = StepResult(None, False, "", newton=1)
        if not _finite(energy, stress):
            result.message = "the uniform strain that the scheme starts from is not admissible"
            return result
        linear = self._prepared(e, start, control, dt)
        return self._iterate(linear, e, stress, macro, start, control, dt, result, progress)

    def _prepared(self, e: Array, start: EquilibriumState, control: Control, dt: float) -> Formulation:
        """Linear equations whose Green operator is that of the reference medium."""
        tangent = self.problem.tangent(e, start.variables, dt)
        kept = self.reference
        if isinstance(kept, str) and kept == "auto":
            transform = self.problem.operators.transform
            self.reference = isotropic_reference(tangent, self.problem.kinematics, transform, self.mean)  # type: ignore[arg-type]
        try:
            return self.formulation(control.free, tangent)
        finally:
            self.reference = kept

    def stress_law(self, linear: Formulation, start: EquilibriumState, dt: float) -> Callable[[Array], Array]:
        """Stress field of a strain field; from the constant tangent for linear phases."""
        tangent = linear.tangent
        if self._is_linear and tangent is not None:
            return lambda e: tangent.apply(e.reshape((len(e), -1)), np.empty((len(e), e[0].size))).reshape(e.shape)
        linear.tangent = None

        def stress(e: Array) -> Array:
            return self.problem.energy_and_stress(e, start.variables, dt)[1]

        return stress

    def _near_start(
        self, linear: Formulation, e: Array, stress: Array, start: EquilibriumState, control: Control, dt: float
    ) -> Callable[[Array], tuple[float, Array]] | None:
        """Energy and stress by the tangent at the start, for steps that rounding errors of the law would drown."""
        target = self._target(control, start.macro, stress)
        scale = self._step_scale(self.moments(stress), control.free, target, self.moments(start.stress))
        tangent = linear.tangent
        if tangent is None or not self._drowned(scale):
            return None
        energy, at_start = self._settled(start, *self.problem.energy_and_stress(start.strain, start.variables, dt))
        begin = start.strain, energy, at_start
        if self.local(linear_response(self.problem, tangent, begin, e)[1] - stress) > self.rounding:
            return None
        return lambda e: linear_response(self.problem, tangent, begin, e)

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
        operators = self.problem.operators
        near = self._near_start(linear, e, stress, start, control, dt)
        law = self.stress_law(linear, start, dt) if near is None else lambda e: near(e)[1]
        stress = stress if near is None else law(e)
        acceleration = self.acceleration(linear)
        first = np.inf
        for n in range(self.max_cg + 1):
            target = self._target(control, macro, stress)
            r = linear.rhs(stress, target)
            z = linear.precondition(r)
            rz = linear.dot(r, z)
            sizes = self.moments(stress), self.moments(start.stress)
            scale = self._step_scale(sizes[0], control.free, target, sizes[1]) if np.isfinite(rz) else np.nan
            norm = self._record(result, rz, scale, n, progress)
            first = norm if n == 0 else first
            if result.residual <= self.tol:
                return self._end(result, e, macro, start, control, dt, n, near)
            if self._hopeless(result, n, norm > DIVERGED * max(first, self.tol * scale)):
                return result
            change = acceleration.increment(r, z, rz)
            step = linear.strain(change)
            e = e + step
            macro = macro + control.free @ change[1]
            result.updates.append(_ratio(operators.mean_dot(step, step), operators.mean_dot(e, e)))
            del step
            stress = law(e)
        return result

    # -- the end of a step -------------------------------------------------------------------------------------------------------

    def _record(self, result: StepResult, rz: float, scale: float, n: int, progress: Any) -> float:
        norm = np.sqrt(max(rz, 0.0)) if np.isfinite(rz) else np.nan
        result.residual = float(norm / scale) if scale != 0.0 else float(norm)
        result.residuals.append(result.residual)
        result.cg = [n]
        if progress is not None:
            progress(n, float(norm))
        return float(norm)

    def _hopeless(self, result: StepResult, n: int, diverged: bool = False) -> bool:
        """Whether to give up; the result then says why."""
        if not np.isfinite(result.residual):
            result.message = f"the {self.scheme} scheme met strains that are not admissible in iteration {n}"
        elif diverged:
            result.message = f"the {self.scheme} scheme diverged in iteration {n}: its reference medium may be too soft"
        elif n >= self.max_cg:
            result.message = (
                f"the {self.scheme} scheme did not converge in {n} iterations: residual {result.residual:.2e}, not {self.tol:.1e}"
            )
        else:
            return False
        return True

    def _end(
        self, result: StepResult, e: Array, macro: Array, start: EquilibriumState, control: Control, dt: float, n: int,
        near: Callable[[Array], tuple[float, Array]] | None = None,
    ) -> StepResult:  # fmt: skip
        energy, stress = self.problem.energy_and_stress(e, start.variables, dt) if near is None else near(e)
        result.converged = True
        result.message = f"converged in {n} iterations of the {self.scheme} scheme"
        result.state = EquilibriumState(e, stress, macro, start.variables, control.time, float(energy))
        return result


def _finite(energy: float, stress: Any) -> bool:
    return bool(np.isfinite(energy) and np.all(np.isfinite(stress)))


def _ratio(part: float, whole: float) -> float:
    return float(np.sqrt(part / whole)) if whole > 0.0 else 0.0
