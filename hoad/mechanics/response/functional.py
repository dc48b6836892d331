"""Functionals of the effective response as functions of material parameters, with exact gradients and Hessian-vector products."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from hoad.errors import ConvergenceError, LoadError
from hoad.mechanics.cell import Cell
from hoad.mechanics.load import resolve, strain_path
from hoad.mechanics.materials.base import Material
from hoad.mechanics.newton import EquilibriumState, Newton
from hoad.mechanics.problem import Problem
from hoad.mechanics.response.linearised import Linearised
from hoad.mechanics.response.parameters import Fields, Parameters, energy_slope, stress_along
from hoad.mechanics.solve import initial_state
from hoad.transforms.first import grad, jvp

__all__ = ["Response", "adjoint_slopes"]

Array = Any
Functional = Callable[[Array, Array], Any]


class Response:
    """Effective energies and stresses of a cell under given strains, as functions of material parameters.

    Parameters
    ----------
    cell : Cell or Problem
    phases : mapping
        Material of each label; their parameters are the first values.
    strains : array of shape (loads, d, d), or (loads, d) for scalar problems
        Macroscopic strains (deformation gradients for finite strains), reached one after the other.
    wrt : sequence of (label, name)
        Parameters to differentiate by. A parameter that is a field over the grid has one variable for each voxel.
    tol : float
        Relative residual of the non-linear solves, and of the linear solves for gradients.
    product_tol : float, optional
        Relative residual of the linear solves for Hessian-vector products, ``tol`` by default. Truncated Newton methods, which
        solve with the Hessian to a few digits only, are content with 1e-3.
    **options
        Further options of :class:`hoad.mechanics.newton.Newton`.

    Notes
    -----
    A functional J(energies, stresses) of the response, written in ordinary NumPy, has

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
        **options: Any,
    ) -> None:
        problem = cell if isinstance(cell, Problem) else Problem(cell, phases or {})
        self.parameters = Parameters(problem, wrt)
        self.strains = np.asarray(strains, float)
        self.tol = tol
        self.product_tol = tol if product_tol is None else product_tol
        self.options = options
        self.controls = [resolve(step, problem.kinematics) for step in strain_path(self.strains).steps]
        self._values: list[Array] | None = None
        self._states: list[EquilibriumState] = []
        self._problem = problem
        self._linear: list[Linearised] = []
        self._adjoints: dict[int, tuple[Array, Array]] = {}
        self.solves = 0
        """Linear solves done for derivatives."""
        self._spent = 0

    # -- states -------------------------------------------------------------------------------------------------------------------

    def _at(self, values: Sequence[Array] | None) -> None:
        """Solve for the states at parameter values, unless they are the last ones."""
        given = self.parameters.values if values is None else [np.asarray(v, float) for v in values]
        if self._values is not None and all(np.array_equal(a, b) for a, b in zip(given, self._values, strict=True)):
            return
        problem = self.parameters.problem if values is None else self.parameters.replaced(given)
        newton = Newton(problem, tol=self.tol, **self.options)
        states: list[EquilibriumState] = []
        state = initial_state(problem)
        for k, control in enumerate(self.controls):
            if self._values is not None and len(self._states) == len(self.controls):
                state = self._states[k]
            result = newton.step(state, control, 1.0)
            self._spent += sum(result.cg)
            if (not result.converged or result.state is None) and states:
                result = newton.step(states[-1], control, 1.0)
                self._spent += sum(result.cg)
            if not result.converged or result.state is None:
                raise ConvergenceError(
                    f"load {k} of the response did not converge: {result.message}. Reach it in smaller steps: add loads before it."
                )
            state = result.state
            states.append(state)
        self._spent += sum(lin.iterations for lin in self._linear)
        self._values, self._states, self._problem, self._newton, self._linear = given, states, problem, newton, []
        self._adjoints = {}

    @property
    def iterations(self) -> int:
        """Iterations of conjugate gradients so far, in equilibrium solves and in linear solves for derivatives."""
        return self._spent + sum(lin.iterations for lin in self._linear)

    def _linearised(self, k: int) -> Linearised:
        while len(self._linear) <= k:
            s = self._states[len(self._linear)]
            self._linear.append(Linearised(self._problem, s.strain, s.variables, 1.0, self._newton, self.tol))
        return self._linear[k]

    def _solve(self, k: int, stress: Array, tol: float) -> Array:
        """A linear solve at a load, to a relative residual."""
        lin = self._linearised(k)
        lin.tol = tol
        self.solves += 1
        return lin.solve(stress)

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
        self._at(values)
        energy, stress = self._response()
        value = float(functional(energy, stress))
        by_energy, by_stress = grad(functional, argnums=(0, 1))(energy, stress)
        total = [np.zeros(shape) for shape in self.parameters.shapes]
        for k in range(len(self._states)):
            s = self._cotangent(by_stress[k])
            a = self._adjoint(k, s) if np.any(s) else None
            _add(total, self._gradient_part(k, float(by_energy[k]), a))
        return value, total

    def hvp(self, functional: Functional, values: Sequence[Array] | None, direction: Sequence[Array]) -> list[Array]:
        """Exact Hessian of J by the parameters, applied to a direction (a list like the gradient)."""
        self._at(values)
        energy, stress = self._response()
        parameters = self._bound()
        present, along = parameters.present(), parameters.spread(direction)
        d_energy, d_stress, moved = self._moved(parameters, present, along, self.product_tol)
        slopes = grad(functional, argnums=(0, 1))
        (by_energy, by_stress), (dot_energy, dot_stress) = jvp(lambda a, b: slopes(a, b), (energy, stress), (d_energy, d_stress))
        result = [np.zeros(shape) for shape in self.parameters.shapes]
        for k in range(len(self._states)):
            e = self._states[k].strain
            s, s_dot = self._cotangent(by_stress[k]), self._cotangent(dot_stress[k])
            a = self._adjoint(k, s) if np.any(s) else np.zeros_like(e)
            a_dot = self._adjoint_moved(k, a, s_dot, moved[k], present, along) if np.any(s) or np.any(s_dot) else a
            w, w_dot = float(by_energy[k]), float(dot_energy[k])

            def third(density: Any, points: Any, params: Any, w: float = w, w_dot: float = w_dot) -> Any:
                (x, b, x_dot, b_dot), (p, v) = points, params
                if not p:
                    return [], {}

                def of_energy(y: Array, q: Any) -> Any:
                    return grad(lambda z: density(y, z).sum())(q)

                def of_stress(y: Array, q: Any, c: Array) -> Any:
                    return grad(lambda z: stress_along(density, y, z, c))(q)

                here, moving = jvp(of_energy, (x, p), (x_dot, v))
                turned = jvp(of_stress, (x, p, b), (x_dot, v, b_dot))[1]
                return [], {name: w_dot * here[name] + w * moving[name] + turned[name] for name in p}

            _, fields = parameters.pointwise(third, [e, a, moved[k], a_dot], [present, along])
            _add(result, parameters.collect(fields))
        return result

    def jvp(self, values: Sequence[Array] | None, direction: Sequence[Array]) -> tuple[Array, Array]:
        """Derivatives of energies (loads,) and stresses (loads, d, d) along a direction of the parameters; one solve a load."""
        self._at(values)
        parameters = self._bound()
        return self._moved(parameters, parameters.present(), parameters.spread(direction), self.tol)[:2]

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

    # -- pieces ---------------------------------------------------------------------------------------------------------

    def _bound(self) -> Parameters:
        """The parameters of the problem whose states are kept."""
        return Parameters(self._problem, self.parameters.names)

    def _moved(self, parameters: Parameters, present: Fields, along: Fields, tol: float) -> tuple[Array, Array, list[Array]]:
        """Derivatives of energies, stresses and strain fields along a direction of the parameters."""
        n = len(self._states)
        d_energy, d_stress = np.zeros(n), np.zeros((n, *self._problem.kinematics.macro_shape))
        moved: list[Array] = []
        for k in range(len(self._states)):
            lin = self._linearised(k)
            e = self._states[k].strain

            def first(density: Any, points: Any, params: Any) -> Any:
                (x,), (p, v) = points, params
                if not p:
                    return [np.zeros_like(x)], {}
                return [jvp(lambda q: grad(lambda y: density(y, q).sum())(x), (p,), (v,))[1]], energy_slope(density, x, p)

            (s_v,), slope = parameters.pointwise(first, [e], [present, along])
            e_dot = self._solve(k, s_v, tol)
            total = sum(float((slope[g][name] * along[g][name]).sum()) for g in range(len(slope)) for name in slope[g])
            operators = self._problem.operators
            d_energy[k] = operators.transform.total(total) / (operators.grid.size * operators.points)
            d_stress[k] = self._problem.kinematics.macroscopic(operators.mean(lin.stiffness(e_dot) + s_v), stress=True)
            moved.append(e_dot)
        return d_energy, d_stress, moved

    def _cotangent(self, by_stress: Array) -> Array:
        """Components (m,) that pair with mean stress components as ``by_stress`` does with the stress tensor."""
        kin = self._problem.kinematics
        units = np.stack([kin.macroscopic(u, stress=True) for u in np.eye(kin.components)])
        return np.tensordot(units, np.asarray(by_stress, float), axes=len(kin.macro_shape))

    def _adjoint(self, k: int, s: Array) -> Array:
        """Field A = S + χ_S, the adjoint state of a mean stress component S : σ̄."""
        kept = self._adjoints.get(k)
        if kept is not None and np.array_equal(kept[0], s):
            return kept[1]
        lin = self._linearised(k)
        uniform = self._problem.uniform(s)
        a = uniform + self._solve(k, lin.stiffness(uniform), self.tol)
        self._adjoints[k] = s, a
        return a

    def _adjoint_moved(self, k: int, a: Array, s_dot: Array, e_dot: Array, present: Fields, along: Fields) -> Array:
        """Derivative of the adjoint state along a direction of the parameters that moves the strains by ``e_dot``."""
        lin = self._linearised(k)

        def second(density: Any, points: Any, params: Any) -> Any:
            (x, b, x_dot), (p, v) = points, params

            def slope(y: Array, q: Any) -> Array:
                return grad(lambda z: stress_along(density, z, q, b))(y)

            if not p:
                return [jvp(lambda y: slope(y, p), (x,), (x_dot,))[1]], {}
            return [jvp(slope, (x, p), (x_dot, v))[1]], {}

        (turning,), _ = self._bound().pointwise(second, [self._states[k].strain, a, e_dot], [present, along])
        uniform = self._problem.uniform(s_dot)
        return uniform + self._solve(k, lin.stiffness(uniform) + turning, self.product_tol)

    def _gradient_part(self, k: int, by_energy: float, a: Array | None) -> list[Array]:
        return adjoint_slopes(self._bound(), self._states[k].strain, by_energy, a)


def adjoint_slopes(parameters: Parameters, e: Array, by_energy: float, a: Array | None) -> list[Array]:
    """Derivatives of by_energy · <W> + <A : σ> by the parameters, at fixed strain field and A."""

    def work(density: Any, points: Any, params: Any) -> Any:
        (p,) = params
        if not p:
            return [], {}
        slope = energy_slope(density, points[0], p)
        total = {name: by_energy * v for name, v in slope.items()}
        if a is not None:
            turned = grad(lambda q: stress_along(density, points[0], q, points[1]))(p)
            total = {name: total[name] + turned[name] for name in p}
        return [], total

    _, fields = parameters.pointwise(work, [e] if a is None else [e, a], [parameters.present()])
    return parameters.collect(fields)


def _add(total: list[Array], part: list[Array]) -> None:
    for t, p in zip(total, part, strict=True):
        t += p


def require_strain_control(control: Any) -> None:
    """Raise unless a load prescribes all components of the strain."""
    if control is not None and not control.prescribed.all():
        raise LoadError("derivatives by parameters need a load that prescribes all strains, but this one prescribes stresses.")
