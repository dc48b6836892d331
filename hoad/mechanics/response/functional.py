"""Functionals of the effective response as functions of material parameters, with exact gradients and Hessian-vector products."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hoad.errors import ConvergenceError, LoadError
from hoad.mechanics.cell import Cell
from hoad.mechanics.history import Passage
from hoad.mechanics.kinematics import Kinematics
from hoad.mechanics.load import Control, LoadPath, resolve, strain_path
from hoad.mechanics.materials.base import Material
from hoad.mechanics.newton import EquilibriumState, Newton
from hoad.mechanics.problem import Problem
from hoad.mechanics.response.parameters import Parameters
from hoad.mechanics.response.path import Cotangent, PathDerivatives
from hoad.mechanics.solve import initial_state
from hoad.transforms.first import grad, jvp

__all__ = ["Response", "cotangent"]

Array = Any
Functional = Callable[[Array, Array], Any]


class Response:
    """Effective energies and stresses of a cell under given strains, as functions of material parameters.

    Parameters
    ----------
    cell : Cell or Problem
    phases : mapping
        Material of each label; their parameters are the first values.
    strains : array of shape (loads, d, d), or (loads, d) for scalar problems; or LoadPath
        Macroscopic strains (deformation gradients for finite strains), reached one after the other.
    wrt : sequence of (label, name)
        Parameters to differentiate by. A parameter that is a field over the grid has one variable for each voxel.
    tol : float
        Relative residual of the non-linear solves, and of the linear solves for gradients.
    product_tol : float, optional
        Relative residual of the linear solves for Hessian-vector products, ``tol`` by default. Truncated Newton methods, which
        solve with the Hessian to a few digits only, are content with 1e-3.
    times : sequence of float, optional
        Time at each load, for materials with rates; 1, 2, ... by default.
    **options
        Further options of :class:`hoad.mechanics.newton.Newton`.

    Notes
    -----
    Materials with internal variables start from rest, and the history goes on from load to load. A functional J(energies, stresses)
    of the response, written in ordinary NumPy, has

    - its value from one equilibrium solve for each load,
    - its gradient by all parameters from one further linear solve for each load (adjoint; the cotangent is projected onto
      compatible fields by construction), none if J depends on energies only,
    - a Hessian-vector product from two more for each load, or from one if J depends on energies only,

    whatever the number of parameters. Solved states and adjoint states are kept for the last parameters; solved states are the
    first guess for new ones.

    Examples
    --------
    >>> import numpy as np
    >>> from hoad import mechanics as me
    >>> cell = me.Cell(np.array([[0, 1], [1, 1]]))
    >>> phases = {0: me.LinearElastic(mu=1.0, lmbda=1.0), 1: me.LinearElastic(mu=2.0, lmbda=1.0)}
    >>> shear = np.array([[[0.0, 0.01], [0.01, 0.0]]])
    >>> r = me.Response(cell, phases, shear, wrt=[(0, "mu")])
    >>> value, (slope,) = r.value_and_gradient(lambda energy, stress: stress[0, 0, 1])
    >>> bool(slope > 0)
    True
    """

    def __init__(
        self,
        cell: Cell | Problem,
        phases: Mapping[Any, Material] | None,
        strains: Any,
        wrt: Sequence[tuple[Any, str]],
        *,
        tol: float = 1e-10,
        product_tol: float | None = None,
        times: Sequence[float] | None = None,
        **options: Any,
    ) -> None:
        problem = cell if isinstance(cell, Problem) else Problem(cell, phases or {})
        self.parameters = Parameters(problem, wrt)
        path = strains if isinstance(strains, LoadPath) else strain_path(strains, times=times)
        self.strains = path.strains
        if np.isnan(self.strains).any():
            raise LoadError("a Response needs loads that prescribe all strains. For others there is Solution.sensitivity.")
        self.tol = tol
        self.product_tol = tol if product_tol is None else product_tol
        self.options = options
        self.controls = [resolve(step, problem.kinematics) for step in path.steps]
        Newton(problem, tol=self.tol, **self.options)  # raises here for options that do not exist
        self._values: list[Array] | None = None
        self._states: list[EquilibriumState] = []
        self._problem = problem
        self._path: PathDerivatives | None = None
        self._iterations = self._spent = self._done = 0

    # -- states -------------------------------------------------------------------------------------------------------------------

    def _at(self, values: Sequence[Array] | None) -> PathDerivatives:
        """Solve for the states at parameter values, unless they are the last ones."""
        given = self.parameters.values if values is None else [np.asarray(v, float) for v in values]
        if (
            self._path is not None
            and self._values is not None
            and all(np.array_equal(a, b) for a, b in zip(given, self._values, strict=True))
        ):
            return self._path
        problem = self.parameters.problem if values is None else self.parameters.replaced(given)
        newton = Newton(problem, tol=self.tol, **self.options)
        states: list[EquilibriumState] = []
        passages: list[Passage] = []
        before = initial_state(problem)
        for k, control in enumerate(self.controls):
            state = self._step(newton, before, control, self._states[k] if self._states else None)
            passages.append(Passage(state.strain, before.variables, control.time - before.time, control, state.energy, k))
            if problem.inelastic:
                state.variables = problem.update(state.strain, before.variables, control.time - before.time)
            states.append(state)
            before = state
        self._spent, self._done = self._derivative_iterations, self.solves
        self._values, self._states, self._problem = given, states, problem
        self._path = PathDerivatives(Parameters(problem, self.parameters.names), passages, newton)
        return self._path

    def _step(self, newton: Newton, before: EquilibriumState, control: Control, guess: EquilibriumState | None) -> EquilibriumState:
        """The state at the end of a load, found from that at other parameters, or else from the load before it."""
        dt = control.time - before.time
        starts = [before] if guess is None else [replace(guess, variables=before.variables, begin=None), before]
        for start in starts:
            result = newton.step(start, control, dt)
            self._iterations += sum(result.cg)
            if result.converged and result.state is not None:
                return result.state
        raise ConvergenceError(
            f"load to time {control.time:g} of the response did not converge: {result.message}. "
            "Reach it in smaller steps: add loads before it."
        )

    @property
    def _derivative_iterations(self) -> int:
        return self._spent + (0 if self._path is None else self._path.iterations)

    @property
    def iterations(self) -> int:
        """Iterations of conjugate gradients so far, in equilibrium solves and in linear solves for derivatives."""
        return self._iterations + self._derivative_iterations

    @property
    def solves(self) -> int:
        """Linear solves done for derivatives."""
        return self._done + (0 if self._path is None else self._path.solves)

    def _response(self) -> tuple[Array, Array]:
        kin, mean = self._problem.kinematics, self._problem.operators.mean
        energy = np.array([s.energy for s in self._states])
        return energy, np.array([kin.macroscopic(mean(s.stress), stress=True) for s in self._states])

    def __call__(self, values: Sequence[Array] | None = None) -> tuple[Array, Array]:
        """Energies (loads,) and mean stresses (loads, d, d) at parameter values (the present ones by default)."""
        self._at(values)
        return self._response()

    # -- functionals ----------------------------------------------------------------------------------------------------

    def value_and_gradient(self, functional: Functional, values: Sequence[Array] | None = None) -> tuple[float, list[Array]]:
        """J and its gradient, a list with an array for each parameter."""
        path = self._at(values)
        energy, stress = self._response()
        by = self._cotangent(*grad(functional, argnums=(0, 1))(energy, stress))
        return float(functional(energy, stress)), path.gradient(by, self.tol)

    def hvp(self, functional: Functional, values: Sequence[Array] | None, direction: Sequence[Array]) -> list[Array]:
        """Exact Hessian of J by the parameters, applied to a direction (a list like the gradient)."""
        path = self._at(values)
        energy, stress = self._response()
        along = path.parameters.spread(direction)
        motion = path.forward(along, self.product_tol)
        slopes = grad(functional, argnums=(0, 1))
        moved = motion.energy, self._tensors(motion.stress)
        by, dot = jvp(lambda a, b: slopes(a, b), (energy, stress), moved)
        return path.product(self._cotangent(*by), self._cotangent(*dot), motion, along, self.product_tol, self.tol)

    def jvp(self, values: Sequence[Array] | None, direction: Sequence[Array]) -> tuple[Array, Array]:
        """Derivatives of energies (loads,) and stresses (loads, d, d) along a direction of the parameters; one solve a load."""
        path = self._at(values)
        motion = path.forward(path.parameters.spread(direction), self.tol)
        return motion.energy, self._tensors(motion.stress)

    def _tensors(self, stress: Array) -> Array:
        return np.array([self._problem.kinematics.macroscopic(s, stress=True) for s in stress])

    def _cotangent(self, by_energy: Any, by_stress: Any) -> Cotangent:
        return cotangent(self._problem.kinematics, by_energy, by_stress)

    # -- for optimisers -------------------------------------------------------------------------------------------------

    def flat(
        self, functional: Functional
    ) -> tuple[Callable[[Array], float], Callable[[Array], Array], Callable[[Array, Array], Array]]:
        """J, its gradient and its Hessian-vector product as functions of one vector of all parameters, for SciPy's optimisers."""
        sizes = [int(np.prod(shape)) for shape in self.parameters.shapes]
        cuts = np.cumsum(sizes)[:-1]

        def apart(x: Array) -> list[Array]:
            return [p.reshape(shape) for p, shape in zip(np.split(np.asarray(x, float), cuts), self.parameters.shapes, strict=True)]

        def joined(parts: Sequence[Array]) -> Array:
            return np.concatenate([np.reshape(p, -1) for p in parts])

        def value(x: Array) -> float:
            return float(functional(*self(apart(x))))

        def gradient(x: Array) -> Array:
            return joined(self.value_and_gradient(functional, apart(x))[1])

        def product(x: Array, v: Array) -> Array:
            return joined(self.hvp(functional, apart(x), apart(v)))

        return value, gradient, product


def cotangent(kinematics: Kinematics, by_energy: Any, by_stress: Any, by_strain: Any = None) -> Cotangent:
    """Derivatives of a functional by components, from those by tensors (loads, d, d)."""
    energy = np.asarray(by_energy, float)
    stress = np.asarray(by_stress, float)
    strain = np.zeros_like(stress) if by_strain is None else np.asarray(by_strain, float)
    units = np.stack([kinematics.macroscopic(u, stress=True) for u in np.eye(kinematics.components)])
    axes = tuple(range(1, units.ndim))
    return Cotangent(energy, *(np.tensordot(a, units, axes=(axes, axes)) for a in (stress, strain)))
