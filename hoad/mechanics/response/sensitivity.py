"""Derivatives of the response at the end of a solution; the methods of :class:`~hoad.mechanics.solution.Solution` end here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hoad.errors import LoadError, MaterialError
from hoad.mechanics.response.expansion import TaylorModel, energy_coefficients, strain_path_coefficients, third_derivative
from hoad.mechanics.response.functional import adjoint_slopes, require_strain_control
from hoad.mechanics.response.parameters import Parameters
from hoad.transforms.first import grad

__all__ = ["energy_model", "energy_series", "sensitivities", "stress_curvature"]

Array = Any


def sensitivities(solution: Any, wrt: Sequence[tuple[Any, str]], of: Any, tol: float) -> list[Array]:
    """See :meth:`hoad.mechanics.solution.Solution.sensitivity`."""
    require_strain_control(solution.control)
    problem = solution.problem
    kin, operators = problem.kinematics, problem.operators
    parameters = Parameters(problem, wrt)
    end = solution._end()
    if of == "energy":
        return adjoint_slopes(parameters, end.strain, 1.0, None)
    units = np.stack([kin.macroscopic(u, stress=True) for u in np.eye(kin.components)])
    axes = len(kin.macro_shape)
    linear = solution._linearised(tol)

    def field(by_stress: Array) -> Array:
        uniform = problem.uniform(np.tensordot(units, by_stress, axes=axes))
        return uniform + linear.solve(linear.stiffness(uniform))

    if of == "stress":
        rows = [adjoint_slopes(parameters, end.strain, 0.0, field(unit)) for unit in _units(kin.macro_shape)]
        return [np.reshape(np.stack(parts), kin.macro_shape + np.shape(parts[0])) for parts in zip(*rows, strict=True)]
    if not callable(of):
        raise LoadError(f"of={of!r} is unknown, expected 'energy', 'stress' or a function of the mean energy and stress.")
    stress = kin.macroscopic(operators.mean(end.stress), stress=True)
    by_energy, by_stress = grad(of, argnums=(0, 1))(np.float64(end.energy), stress)
    return adjoint_slopes(parameters, end.strain, float(by_energy), field(by_stress) if np.any(by_stress) else None)


def _units(shape: tuple[int, ...]) -> Array:
    n = int(np.prod(shape))
    return np.eye(n).reshape((n, *shape))


def _elastic(solution: Any) -> None:
    if solution.problem.inelastic:
        raise MaterialError(
            "a phase has internal variables: the effective energy depends on the history and has no Taylor expansion. "
            "The tangent of the last step is available from tangent()."
        )


def energy_series(solution: Any, direction: Any, order: int, along: Mapping[tuple[Any, str], Any], tol: float) -> Array:
    """See :meth:`hoad.mechanics.solution.Solution.taylor`."""
    _elastic(solution)
    require_strain_control(solution.control)
    if order < 0:
        raise LoadError(f"order is {order}, expected at least 0.")
    end = solution._end()
    if order == 0:
        return np.array([end.energy])
    problem = solution.problem
    kin = problem.kinematics
    parameters = Parameters(problem, list(along))
    line = parameters.spread([np.asarray(v, float) for v in along.values()]) if along else None
    macro = np.zeros(kin.components) if direction is None else kin.components_of(direction, "direction", stress=True)
    linear = solution._linearised(tol)
    path = strain_path_coefficients(linear, parameters, macro, line, order // 2)
    if not path:  # the first order needs no solve
        path = [problem.uniform(macro)]
    return np.array([end.energy, *energy_coefficients(linear, parameters, path, line, order)])


def stress_curvature(solution: Any, tol: float) -> Array:
    """See :meth:`hoad.mechanics.solution.Solution.tangent_derivative`."""
    _elastic(solution)
    kin = solution.problem.kinematics
    linear = solution._linearised(tol)
    third = third_derivative(linear, linear.concentrations(), Parameters(solution.problem, []))
    units = np.stack([kin.macroscopic(u, stress=True) for u in np.eye(kin.components)])
    n = len(kin.macro_shape)
    out = third
    for _ in range(3):  # each turn replaces the first axis and puts the new ones last
        out = np.moveaxis(np.tensordot(units, out, axes=(0, 0)), tuple(range(n)), tuple(range(-n, 0)))
    return out


def energy_model(solution: Any, tol: float) -> TaylorModel:
    """See :meth:`hoad.mechanics.solution.Solution.taylor_model`."""
    _elastic(solution)
    problem, end = solution.problem, solution._end()
    linear = solution._linearised(tol)
    fields = linear.concentrations()
    return TaylorModel(
        problem.kinematics,
        problem.operators.mean(end.strain),
        end.energy,
        problem.operators.mean(end.stress),
        linear.effective(fields),
        third_derivative(linear, fields, Parameters(problem, [])),
    )
