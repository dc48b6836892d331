"""One load step: Newton's method with inexact linear solves, a line search on the energy, and a guard on admissible strains."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hoad.errors import LoadError, MaterialError
from hoad.mechanics.blocks import own_threads
from hoad.mechanics.equilibrium import Formulation, formulation_of
from hoad.mechanics.follower import follow, nominal_target
from hoad.mechanics.jacobi_green import JacobiGreen
from hoad.mechanics.krylov import conjugate_gradients
from hoad.mechanics.load import Control
from hoad.mechanics.materials.base import State
from hoad.mechanics.pointwise import LinearTangent, Tangent
from hoad.mechanics.predictor import PREDICTORS, higher_coefficients
from hoad.mechanics.problem import Problem
from hoad.mechanics.reference import has_few_tangents, isotropic_reference
from hoad.mechanics.residual import ResidualNorms, linear_response

__all__ = ["EquilibriumState", "Newton", "StepResult"]

Array = Any


@dataclass
class EquilibriumState:
    """A converged state: strain field, its stress, macroscopic strain, internal variables, time."""

    strain: Array
    stress: Array
    macro: Array
    variables: list[State | None]
    time: float
    energy: float
    begin: list[State | None] | None = None
    """Internal variables at the beginning of the step that led here, and its length: what the consistent tangent refers to."""
    dt: float = 1.0


@dataclass
class StepResult:
    """What one step did."""

    state: EquilibriumState | None
    converged: bool
    message: str
    newton: int = 0
    cg: list[int] = field(default_factory=list)
    residual: float = np.inf
    residuals: list[float] = field(default_factory=list)
    updates: list[float] = field(default_factory=list)
    """Change of the fluctuation (and of free macroscopic components) in each Newton step over ‖F̄‖ or ‖ε̄‖."""
    corrections: int = 0
    """Steps that the line search shortened."""


@dataclass
class Newton(ResidualNorms):
    """Settings of the non-linear solver, and the solver.

    Parameters
    ----------
    problem : Problem
    method : {"displacement", "strain"}
        Form of the linear equations.
    tol : float
        Relative residual at which a step is converged: ‖Γ0 σ‖ in the energy norm of the reference medium over the norm of the
        mean stress (which for C0 = 1 is ‖G σ‖rms / ‖σ̄‖). Where rounding errors of a finite-strain law are larger than that, they
        are the limit; steps that are drowned by them are solved with the tangent, which is then the more exact law.
    reference : "auto", "mean", "identity" or matrix (m, m)
        Reference stiffness of the preconditioner: the mean tangent of each Newton step, the identity, or a given one. ``"auto"``
        has isotropic moduli halfway between the extremes of linear phases, else the mean tangent.
    forcing : float or None
        Relative tolerance of linear solves; None takes Eisenstat and Walker's choice 2.
    max_newton, max_cg : int
        Most Newton steps in a load step, and iterations in a linear solve.
    line_search : bool
        Whether steps must lower the energy.
    preconditioner : {"green", "jacobi-green"}
        Green operator of the reference medium, or that between two scalings by the diagonal of the stiffness
        (:class:`~hoad.mechanics.jacobi_green.JacobiGreen`; with ``method="displacement"``).
    predictor : {"tangent", "taylor"}
        First step of a load step: to first order in the load, or to third order, by two more solves with the same tangent.
    """

    problem: Problem
    method: str = "displacement"
    tol: float = 1e-8
    reference: Any = "auto"
    forcing: float | None = None
    max_newton: int = 30
    max_cg: int = 2000
    line_search: bool = True
    preconditioner: str = "green"
    predictor: str = "tangent"

    def __post_init__(self) -> None:
        if isinstance(self.reference, str):
            if self.reference not in ("auto", "mean", "identity"):
                raise LoadError(f"reference {self.reference!r} is unknown, expected 'mean', 'identity', a material or a matrix.")
            return
        c0, m = np.asarray(self.reference, float), self.problem.kinematics.components
        if c0.shape != (m, m) or not np.all(np.isfinite(c0)) or not np.allclose(c0, c0.T) or np.linalg.eigvalsh(c0)[0] <= 0:
            raise LoadError(
                f"the reference stiffness is {c0.tolist()}, expected a symmetric positive definite matrix of shape {(m, m)}, "
                "or 'mean', or 'identity'."
            )

    # -- pieces -------------------------------------------------------------------------------------------------------------------

    def formulation(self, free: Array, tangent: Any = None, keep: bool = False) -> Formulation:
        """Linear equations at a tangent, with the reference medium chosen for it, or kept where it is near enough."""
        operators = self.problem.operators
        if isinstance(self.reference, str):
            c0 = self._reference(tangent)
        else:
            c0 = np.asarray(self.reference, float)
        if not (keep and _near(operators.reference, c0)) and not np.array_equal(operators.reference, c0):
            operators.set_reference(c0)
        # strains at free Nyquist frequencies are no strains of a displacement: only the strain form has them as unknowns
        method = self.method if operators.free is None else "strain"
        linear = formulation_of(method, operators, free)
        linear.tangent = tangent
        if self.preconditioner != "green" and tangent is not None:
            if self.preconditioner != "jacobi-green" or method != "displacement" or not JacobiGreen.fits(operators):
                raise LoadError(
                    f"preconditioner {self.preconditioner!r} was asked for with equations in the {method} form, expected 'green', "
                    "or 'jacobi-green' with the displacement form (for the Fourier scheme on even grids that needs nyquist='zero')."
                )
            linear.jacobi = JacobiGreen(operators, tangent)
        return linear

    def _reference(self, tangent: Any) -> Array:
        """Stiffness of the reference medium that ``reference`` names."""
        problem, m = self.problem, self.problem.kinematics.components
        if self.reference == "identity" or tangent is None:
            return np.eye(m)
        if self.reference == "auto" and isinstance(tangent, LinearTangent) and has_few_tangents(problem):
            try:
                return isotropic_reference(tangent, problem.kinematics, problem.operators.transform, "arithmetic")
            except MaterialError:  # no phase has stiffness
                return np.eye(m)
        return reference_of(problem.mean_tangent(tangent), m)

    # -- the step ------------------------------------------------------------------------------------------------------------

    @own_threads
    def step(self, start: EquilibriumState, control: Control, dt: float, progress: Any = None) -> StepResult:
        """Solve for equilibrium under a load that is one step away from a converged state."""
        problem, free = self.problem, control.free
        problem_energy = problem.energy_and_stress
        states = start.variables
        given = control.rotation @ np.where(control.prescribed, control.strain, 0.0)
        inside = control.held @ control.held.T if control.prescribed.any() else np.zeros((len(given), len(given)))
        jump = given - inside @ start.macro
        result = StepResult(None, False, "")
        e, macro = start.strain, start.macro
        energy, stress = problem_energy(e, states, dt)
        if stress is None or not (np.isfinite(energy) and problem.all_finite(stress)):
            return StepResult(None, False, "the energy is not finite at the start of the step")
        target = self._target(control, macro, stress)
        potential = energy - float(target @ (free.T @ macro))
        follows = control.measure == "cauchy" and not control.prescribed.all()
        order = 1 if self._is_linear or follows else PREDICTORS[self.predictor]
        previous, norm, forcing = np.inf, np.inf, 0.01 if order == 1 else 1e-4
        first, beside = True, self.moments(start.stress)
        while True:
            predict = first and bool(np.any(jump))
            at: tuple[list[State | None], float] = states, dt
            if first and start.begin is not None and problem.inelastic:
                # at the end of a step the state lies on the yield surface, where the tangent of a new step would be elastic
                at = start.begin, start.dt
            tangent = problem.tangent(e, *at)
            linear = self.formulation(free, tangent, keep=not first)
            right = stress
            mean = problem.operators.mean(stress)
            if predict:
                right = self._loaded(tangent, stress, jump)
                stress = None  # nothing is compared with it: the step may raise the energy
            b = linear.rhs(right, target)
            sizes = self.moments(right)
            right = None
            if predict:
                beside = max((beside, sizes), key=self.scale)
            scale = self._step_scale(sizes, free, target, beside)
            rounding = self.rounding
            small = first and self._drowned(scale)
            if small:  # the law's rounding errors would drown the load: the tangent is more exact than the law
                begin = e, *self._settled(start, *problem_energy(e, states, dt))
                right = self._loaded(tangent, begin[2], jump) if predict else begin[2]
                b, sizes, right = linear.rhs(right, target), self.moments(right), None
            size = linear.norm(b)
            if scale == 0.0 and (np.any(sizes[0]) or np.any(b[0]) or np.any(target)):
                raise LoadError("the load is so small that squares of stresses underflow. Choose other units, or a larger load.")
            if scale == 0.0 or size <= 1e-15 * scale:
                x, count = [np.zeros_like(v) for v in b], 0
            else:
                rel = size / scale
                if self.forcing is not None:
                    eta = self.forcing
                elif self._is_linear or small:
                    eta = 0.9 * self.tol / rel
                else:
                    if np.isfinite(previous):
                        forcing = min(0.1, 0.9 * (rel / previous) ** 2)
                    eta = max(forcing, 0.2 * self.tol / rel)
                accept = None
                if (self._is_linear or small) and self.forcing is None:
                    accept = self._accept(linear, sizes, target, beside)
                atol = max(min(eta, 0.9) * size, 1e-16 * scale)
                solved = conjugate_gradients(linear, b, atol=atol, maxiter=self.max_cg, callback=progress, accept=accept)
                x, count = solved.x, solved.iterations
                solved.x = []
                previous = rel
                if not problem.all_finite(x[0]):
                    result.message = "the linear solver met numbers that are not finite"
                    return result
                if not solved.converged and not solved.negative_curvature and self._is_linear:
                    result.cg.append(count)
                    result.newton += 1
                    result.residual = float(solved.residual / scale)
                    result.message = f"conjugate gradients did not converge in {self.max_cg} iterations"
                    return result
                if follows:
                    x, more = follow(linear, problem, control, macro, mean, x, jump if predict else 0 * jump, atol, self.max_cg)
                    count += more
            result.cg.append(count)
            result.newton += 1
            direction = linear.strain(x)
            if np.shares_memory(direction, x[0]):
                x[0] = np.zeros(0)
            if predict:
                direction += np.reshape(jump, (-1,) + (1,) * (e.ndim - 1))
            if first and order > 1 and count > 0 and not small:
                terms, counts = higher_coefficients(linear, problem, e, *at, (direction, x[1]), order, 1e-2, self.max_cg)
                result.cg[-1] += sum(counts)
                direction, x[1] = self._lowest((e, macro + jump), states, dt, (direction, x[1]), terms, free, target)
            macro_step = free @ x[1] + jump if predict else free @ x[1]
            slope = 0.0 if predict else problem.operators.mean_dot(stress, direction) - float(target @ x[1])
            squares = problem.operators.mean_dot(direction, direction)
            if predict:  # of the change beside the prescribed one
                squares += float(jump @ jump - 2.0 * problem.operators.mean(direction) @ jump)
            del x, b
            if not small:
                del tangent
            length = 1.0
            if problem.inelastic and not first:
                # flow that meets no resistance leaves the step of a tangent without a bound
                most = 10.0 * np.sqrt(problem.operators.mean_dot(e, e) / max(squares, 1e-300))
                if 0.0 < most < 1.0:
                    length = float(most)
                    direction *= length
            trial = direction
            trial += e
            del direction
            for _ in range(12):
                energy_new, stress_new = problem_energy(trial, states, dt)
                fine = stress_new is not None and bool(np.isfinite(energy_new)) and problem.all_finite(stress_new)
                if fine and (predict or follows or not self.line_search):
                    break
                if fine:
                    value = energy_new - float(target @ (free.T @ (macro + length * macro_step)))
                    # energies near 0 are differences of terms as large as the stiffness
                    slack = 1e-11 * (abs(potential) + abs(energy_new)) + 1e-14 * np.trace(problem.operators.reference)
                    if value <= potential + 1e-4 * length * slope + slack or slope >= 0:
                        break
                if predict:
                    result.message = "the strain at the end of the step is not admissible: an element inverts, or a limit is passed"
                    return result
                length *= 0.5
                trial += e
                trial *= 0.5
                result.corrections += 1
            else:
                result.message = "the line search found no admissible step that lowers the energy"
                return result
            change = length * np.sqrt(max(squares, 0.0))
            if small:
                found = linear_response(problem, tangent, begin, trial)
                if self.local(stress_new - found[1]) <= rounding:
                    (energy_new, stress_new), rounding = found, 0.0
                del begin, tangent, found
            e, stress, energy = trial, stress_new, energy_new
            del trial, stress_new
            macro = macro + length * macro_step
            first = False
            result.updates.append(float(change / self._size(e, macro)))
            target = self._target(control, macro, stress)
            potential = energy - float(target @ (free.T @ macro))
            r, last = linear.rhs(stress, target), norm
            norm = linear.norm(r)
            del r, linear
            scale = self._step_scale(self.moments(stress), free, target, beside)
            result.residual = float(norm / scale) if scale > 0 else 0.0
            result.residuals.append(result.residual)
            if not np.isfinite(result.residual):
                result.message = "the residual is not finite"
                return result
            if result.residual <= self.tol or 0.5 * last < norm <= rounding:
                if problem.kinematics.kind == "finite" and not np.linalg.det(problem.kinematics.macroscopic(macro)) > 0.0:
                    result.message = "the macroscopic deformation inverts the cell, det F <= 0, which its law does not forbid"
                    return result
                result.converged = True
                result.message = f"converged in {result.newton} Newton steps"
                result.state = EquilibriumState(e, stress, macro, states, control.time, float(energy), states, dt)
                return result
            if result.newton >= self.max_newton:
                result.message = f"no convergence in {self.max_newton} Newton steps: the residual is {result.residual:.2e}"
                return result

    def _loaded(self, tangent: Tangent, stress: Array, jump: Array) -> Array:
        """Stress field after a uniform change of the strain, by the tangent."""
        field = self.problem.uniform(jump)
        flat = field.reshape((len(field), -1))
        tangent.apply(flat, flat)
        field += stress
        return field

    def _lowest(
        self,
        start: tuple[Array, Array],
        states: list[State | None],
        dt: float,
        step: tuple[Array, Array],
        more: list[tuple[Array, Array]],
        free: Array,
        target: Array,
    ) -> tuple[Array, Array]:
        """That partial sum of a series of steps whose end has the lowest potential."""
        best, least = step, np.inf
        e, macro = start
        for k in range(len(more) + 1 if more else 0):
            if k > 0:
                step = step[0] + more[k - 1][0], step[1] + more[k - 1][1]
            energy, _ = self.problem.energy_and_stress(e + step[0], states, dt, stress=False)
            potential = energy - float(target @ (free.T @ macro + step[1]))
            if potential < least:
                best, least = step, potential
        return best

    @property
    def _is_linear(self) -> bool:
        return all(m.linear for m in self.problem.phases.values())  # of all processes alike

    def _target(self, control: Control, macro: Array, stress: Array) -> Array:
        """Stress of the free components, work conjugate to their strain."""
        return nominal_target(self.problem, control, macro, self.problem.operators.mean(stress))


def _near(a: Array, b: Array) -> bool:
    """Whether two reference media are so alike that the preconditioner need not be formed again."""
    return bool(np.linalg.norm(a - b) <= 0.05 * np.linalg.norm(b))


def reference_of(mean: Array, m: int) -> Array:
    """A positive definite matrix near the mean tangent, for the reference medium."""
    c = 0.5 * (mean + mean.T)
    values, vectors = np.linalg.eigh(c)
    top = np.abs(values).max()
    if not np.isfinite(top) or top == 0.0:
        return np.eye(m)
    return (vectors * np.maximum(np.abs(values), 1e-3 * top)) @ vectors.T
