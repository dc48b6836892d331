"""What is kept of a load path: the response after each step, and, for derivatives, the (sub-)steps as they were solved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hoad.errors import LoadError
from hoad.mechanics.load import Control
from hoad.mechanics.materials.base import State
from hoad.mechanics.problem import Problem

if TYPE_CHECKING:
    from hoad.mechanics.newton import StepResult

__all__ = ["Passage", "Step", "require_differentiable", "step_of"]

Array = Any


@dataclass(frozen=True)
class Step:
    """One converged load step.

    Parameters
    ----------
    time : float
        Time at the end of the step.
    strain, stress : array of the problem's macroscopic shape
        Mean deformation gradient (strain, gradient) and the mean stress conjugate to it.
    energy : float
        Mean energy density (for materials with internal variables: of the incremental potential).
    newton : int
        Newton steps, those of cut-back steps included.
    iterations : tuple of int
        Conjugate gradient iterations of each Newton step.
    residual : float
        Relative residual at the end.
    residuals, updates : tuple of float
        Relative residual after each Newton step, and size of its update relative to the strain.
    cutbacks : int
        How often the step was divided.
    """

    time: float
    strain: Array
    stress: Array
    energy: float
    newton: int
    iterations: tuple[int, ...]
    residual: float
    residuals: tuple[float, ...]
    updates: tuple[float, ...]
    cutbacks: int


@dataclass(frozen=True)
class Passage:
    """One converged (sub-)step.

    Parameters
    ----------
    strain : array (m, points, *grid)
        Strain field at its end.
    variables : list
        Internal variables at its beginning.
    dt : float
        Its length.
    control : Control
        What was prescribed at its end.
    energy : float
        Mean energy density at its end.
    load : int or None
        Number of the load step that ends with it; None where a step was divided.
    """

    strain: Array
    variables: list[State | None]
    dt: float
    control: Control
    energy: float
    load: int | None

    @property
    def remembers(self) -> bool:
        """Whether there are internal variables at all."""
        return any(self.variables)

    @property
    def target(self) -> Array:
        """Stress of the free macroscopic components."""
        return self.control.stress[~self.control.prescribed]


def require_differentiable(passages: list[Passage]) -> None:
    """Raise :class:`LoadError` for loads whose targets themselves depend on the response."""
    before: Control | None = None
    for passage in passages:
        control = passage.control
        if control.measure == "cauchy" and not control.prescribed.all():
            raise LoadError(
                "derivatives by parameters were asked for under a prescribed Cauchy stress, whose target moves with the "
                "deformation. Prescribe the nominal stress, or all strains."
            )
        if passage.load is None and before is not None and not _alike(control, before):
            raise LoadError(
                f"derivatives by parameters need loads that were not divided where the prescribed components change, but the step "
                f"to time {control.time:g} was. Take smaller steps there."
            )
        if passage.load is not None:
            before = control


def _alike(a: Control, b: Control) -> bool:
    same = np.array_equal(a.prescribed, b.prescribed) and np.array_equal(a.rotation, b.rotation)
    return same or bool(a.prescribed.all() and b.prescribed.all())


def step_of(problem: Problem, results: list[StepResult], cutbacks: int) -> Step:
    """Record of a load step from the results of its sub-steps."""
    last = results[-1]
    state = last.state
    assert state is not None
    kin = problem.kinematics
    return Step(
        time=state.time,
        strain=kin.macroscopic(problem.operators.mean(state.strain)),
        stress=kin.macroscopic(problem.operators.mean(state.stress), stress=True),
        energy=state.energy,
        newton=sum(r.newton for r in results),
        iterations=tuple(n for r in results for n in r.cg),
        residual=last.residual,
        residuals=tuple(last.residuals),
        updates=tuple(last.updates),
        cutbacks=cutbacks,
    )
