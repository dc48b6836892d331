"""Derivatives of the response at the end of a solution; the methods of :class:`~hoad.mechanics.solution.Solution` end here."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hoad.errors import LoadError, MaterialError
from hoad.mechanics.history import Passage
from hoad.mechanics.load import Control
from hoad.mechanics.response.expansion import TaylorModel, energy_coefficients, strain_path_coefficients, third_derivative
from hoad.mechanics.response.functional import cotangent
from hoad.mechanics.response.parameters import Parameters
from hoad.mechanics.response.path import PathDerivatives
from hoad.transforms.first import grad

__all__ = ["energy_model", "energy_series", "sensitivities", "stress_curvature"]

Array = Any


def sensitivities(solution: Any, wrt: Sequence[tuple[Any, str]], of: Any, along_path: bool, tol: float) -> list[Array]:
    """See :meth:`hoad.mechanics.solution.Solution.sensitivity`."""
    problem = solution.problem
    kin = problem.kinematics
    parameters = Parameters(problem, wrt)
    end = solution._end()
    if not (of in ("energy", "stress", "strain") if isinstance(of, str) else callable(of)):
        raise LoadError(f"of={of!r} is unknown, expected 'energy', 'stress', 'strain' or a function of the mean energy and stress.")
    derivatives = PathDerivatives(parameters, passages_of(solution, along_path), solution.newton)
    loads = derivatives.loads
    chosen: list[int] = list(range(loads)) if along_path else [loads - 1]

    def gradient(energy: Any, stress: Any, strain: Any) -> list[Array]:
        whole = [np.zeros((loads, *np.shape(a)[1:])) for a in (energy, stress, strain)]
        for full, part in zip(whole, (energy, stress, strain), strict=True):
            full[chosen] = part
        return derivatives.gradient(cotangent(kin, *whole), tol)

    n, shape = len(chosen), kin.macro_shape
    none = np.zeros(n), np.zeros((n, *shape)), np.zeros((n, *shape))
    if isinstance(of, str):
        number = ("energy", "stress", "strain").index(of)
        rows = []
        for unit in np.eye(none[number].size):
            given = list(none)
            given[number] = unit.reshape(none[number].shape)
            rows.append(gradient(*given))
        lead = none[number].shape if along_path else none[number].shape[1:]
        return [np.reshape(np.stack(parts), lead + np.shape(parts[0])) for parts in zip(*rows, strict=True)]
    steps = solution.steps if along_path else solution.steps[-1:]
    response: list[Any] = [np.array([getattr(s, name) for s in steps], float) for name in ("energy", "stress", "strain")]
    if not along_path:
        response = [np.float64(end.energy), response[1][0], response[2][0]]
    taken = 3 if _arguments(of) > 2 else 2
    if np.shape(value := of(*response[:taken])) != ():
        raise LoadError(f"the function given as of returned an array of shape {np.shape(value)}, expected one number.")
    slopes = [np.asarray(a) for a in grad(of, argnums=tuple(range(taken)))(*response[:taken])]
    slopes = [a if along_path else a[None] for a in slopes]
    return gradient(*slopes, *none[taken:])


def passages_of(solution: Any, along_path: bool) -> list[Passage]:
    """The (sub-)steps on which derivatives depend: all of them where there is memory, else the last one or the loads' ends."""
    problem, end = solution.problem, solution._end()
    before = solution.previous.variables if solution.previous is not None else end.variables
    remembers = any(before)
    if not remembers and not along_path:
        control = solution.control
        if control is None:
            control = _held(problem, end)
        return [Passage(end.strain, before, solution.dt, control, end.energy, 0)]
    if solution.passages is None:
        raise LoadError(
            f"derivatives by parameters {'along a path' if along_path else 'of materials with internal variables'} need every "
            "step of the path, which was not kept. Solve with keep_path=True."
        )
    return list(solution.passages)


def _held(problem: Any, end: Any) -> Control:
    """All strains prescribed as they are."""
    m = problem.kinematics.components
    return Control(np.eye(m), np.ones(m, bool), problem.operators.mean(end.strain), np.zeros(m), end.time, "nominal")


def _arguments(of: Any) -> int:
    """How many arguments a function of the response needs."""
    try:
        given = inspect.signature(of).parameters.values()
    except (TypeError, ValueError):
        return 2
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in kinds and p.default is inspect.Parameter.empty for p in given)


def _elastic(solution: Any) -> None:
    if solution.problem.inelastic:
        raise MaterialError(
            "a phase has internal variables: the effective energy depends on the history and has no Taylor expansion. "
            "The tangent of the last step is available from tangent()."
        )


def energy_series(solution: Any, direction: Any, order: int, along: Mapping[tuple[Any, str], Any], tol: float) -> Array:
    """See :meth:`hoad.mechanics.solution.Solution.taylor`."""
    _elastic(solution)
    if solution.control is not None and not solution.control.prescribed.all():
        raise LoadError(
            "a Taylor expansion of the energy needs a load that prescribes all strains, but this one prescribes stresses. "
            "Solve for the strain it led to, me.strain_path(solution.strain[-1:]), and expand there."
        )
    if not isinstance(order, int | np.integer) or order < 0:
        raise LoadError(f"order is {order!r}, expected a whole number that is at least 0.")
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
