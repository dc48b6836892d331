"""Linear equations at an equilibrium state: the one operator behind every derivative of the response."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.errors import ConvergenceError
from hoad.mechanics.blocks import own_threads
from hoad.mechanics.krylov import conjugate_gradients
from hoad.mechanics.materials.base import State
from hoad.mechanics.newton import Newton
from hoad.mechanics.problem import Problem

__all__ = ["Linearised"]

Array = Any


class Linearised:
    """The tangent of a problem at a strain field, and solves with it.

    Parameters
    ----------
    problem : Problem
    strain : array (m, points, *grid)
        Strain field in equilibrium.
    variables : list
        Internal variables at the beginning of the step that led there.
    dt : float
        Length of that step.
    newton : Newton
        Chooses formulation and reference medium.
    tol : float
        Relative residual of the linear solves, in the norm of the preconditioner.
    free : array (m, number of free components), optional
        Macroscopic strain components that may vary; none by default.
    """

    def __init__(
        self,
        problem: Problem,
        strain: Array,
        variables: list[State | None],
        dt: float,
        newton: Newton,
        tol: float,
        free: Array | None = None,
    ) -> None:
        self.problem = problem
        self.strain = strain
        self.variables = variables
        self.dt = dt
        self.tol = tol
        self.max_cg = newton.max_cg
        self.tangent = problem.tangent(strain, variables, dt)
        self.formulation = newton.formulation(np.zeros((len(strain), 0)) if free is None else free, self.tangent)
        self._reference = self.formulation.operators.reference
        self.iterations = 0

    def stiffness(self, e: Array) -> Array:
        """Stress field C e of a strain field."""
        flat = e.reshape((len(e), -1))
        return self.tangent.apply(flat, np.empty(flat.shape)).reshape(e.shape)

    @own_threads
    def solve(self, stress: Array) -> Array:
        """Compatible strain χ with div(C χ + stress) = 0, of mean zero but for free components, which bear no mean stress.

        Raises
        ------
        ConvergenceError
            If conjugate gradients do not reach the tolerance: an inaccurate derivative is never returned.
        """
        linear = self.formulation
        if not np.array_equal(linear.operators.reference, self._reference):
            linear.operators.set_reference(self._reference)
        b = linear.rhs(stress, np.zeros(linear.free.shape[1]))
        size = np.sqrt(max(linear.dot(b, linear.precondition(b)), 0.0))
        flat = stress.reshape((len(stress), -1))
        whole = np.sqrt(max(linear.operators.mean_dot(stress, (linear.operators.compliance @ flat).reshape(stress.shape)), 0.0))
        if not np.isfinite(size):
            raise ConvergenceError("a right-hand side has entries that are not finite: the energy is not smooth at this state.")
        if size <= 1e-14 * whole:
            return np.zeros_like(stress)
        found = conjugate_gradients(linear, b, atol=self.tol * size, maxiter=self.max_cg)
        self.iterations += found.iterations
        if not found.converged:
            why = (
                "the tangent is not positive definite: the state is not stable"
                if found.negative_curvature
                else f"the residual fell to {found.residual / size:.1e} of its size in {found.iterations} iterations"
            )
            raise ConvergenceError(f"a derivative of the response could not be found: {why}. Use a larger max_cg or a looser tol.")
        return np.array(linear.strain(found.x))

    @own_threads
    def concentrations(self) -> list[Array]:
        """Strain fields A_a = E_a + χ_a under each unit macroscopic strain component."""
        fields = []
        for unit in np.eye(self.problem.kinematics.components):
            e = self.problem.uniform(unit)
            fields.append(e + self.solve(self.stiffness(e)))
        return fields

    @own_threads
    def effective(self, fields: list[Array]) -> Array:
        """Homogenised tangent matrix <A_a : C A_b>, whose error is quadratic in that of the fields."""
        m = len(fields)
        c = np.empty((m, m))
        for b in range(m):
            s = self.stiffness(fields[b])
            for a in range(m):
                c[a, b] = self.problem.operators.mean_dot(fields[a], s)
        return 0.5 * (c + c.T)
