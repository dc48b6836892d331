"""Derivatives at the points of a cell, for one step: of energy, stress and internal variables by strain, history and parameters.

Everything follows from one scalar at each point,

    φ(e, z, p; w, A, μ) = w W(e, z; p) + A : σ(e, z; p) + μ · U(e, z; p),

with the energy W, the stress σ = ∂W/∂e, and the update U of the internal variables z: its first derivatives are what the adjoint
sweep needs, derivatives of those along a direction what Hessian-vector products need.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hoad.mechanics.history import Passage
from hoad.mechanics.materials.base import Inelastic, Material, State
from hoad.mechanics.response.parameters import Fields, Parameters
from hoad.transforms.first import grad, jvp

__all__ = ["LocalDerivatives", "States", "Weights"]

Array = Any
States = list[State | None]


class Weights:
    """Weights of a step in φ, or their derivatives along a direction; what is None is zero.

    Parameters
    ----------
    energy : float
    stress : array (m, points, *grid) or None
    variables : list or None
        By groups of points, like the internal variables.
    """

    def __init__(self, energy: float = 0.0, stress: Array | None = None, variables: States | None = None) -> None:
        self.energy = energy
        self.stress = stress
        self.variables = variables


class LocalDerivatives:
    """Derivatives at the points at the end of one step.

    Parameters
    ----------
    parameters : Parameters
        What counts as p.
    passage : Passage
    """

    def __init__(self, parameters: Parameters, passage: Passage) -> None:
        self.parameters = parameters
        self.problem = parameters.problem
        self.passage = passage

    # -- adjoint ----------------------------------------------------------------------------------------------------------------

    def by_strain(self, weights: Weights) -> Array:
        """∂φ/∂e of shape (m, points, *grid)."""
        return self._run(("e",), self._slopes("e"), _point(weights))[0]

    def by_history(self, weights: Weights) -> tuple[States, Fields]:
        """∂φ/∂z by groups, and ∂φ/∂p."""
        return self._run(("z", "p"), self._slopes("z", "p"), _point(weights))[1:]

    def by_strain_along(self, weights: Weights, dot: Weights, e: Array, z: States, p: Fields) -> Array:
        """Derivative of ∂φ/∂e along a direction of all arguments."""
        return self._run(("e",), self._turned("e"), _point(weights), {**_point(dot), "e": e, "z": z, "p": p})[0]

    def by_history_along(self, weights: Weights, dot: Weights, e: Array, z: States, p: Fields) -> tuple[States, Fields]:
        """Derivatives of ∂φ/∂z and ∂φ/∂p along a direction of all arguments."""
        return self._run(("z", "p"), self._turned("z", "p"), _point(weights), {**_point(dot), "e": e, "z": z, "p": p})[1:]

    # -- forward ----------------------------------------------------------------------------------------------------------------

    def stress_along(self, z: States, p: Fields) -> Array:
        """Derivative of the stress along z and p at a fixed strain."""

        def work(law: _Law, here: dict[str, Any], _: Any, dots: dict[str, Any]) -> dict[str, Any]:
            move = _only(dots, ("z", "p"))
            if not move:
                return {}
            at = {name: here[name] for name in move}
            return {"e": jvp(lambda q: grad(lambda x: law.energy({**here, **q, "e": x}))(here["e"]), (at,), (move,))[1]}

        return self._run(("e",), work, {}, {"z": z, "p": p})[0]

    def end_along(self, e: Array, z: States, p: Fields) -> tuple[float, States]:
        """Derivatives along a direction of the mean energy, at a fixed strain, and of the internal variables at the end."""
        parts: dict[tuple[int, int], float] = {}

        def work(law: _Law, here: dict[str, Any], _: Any, dots: dict[str, Any]) -> dict[str, Any]:
            move = _only(dots, ("z", "p"))
            if move:
                at = {name: here[name] for name in move}
                parts[law.place] = float(jvp(lambda q: law.energy({**here, **q}), (at,), (move,))[1])
            if not here["z"]:
                return {}
            move = _only(dots, ("e", "z", "p"))
            at = {name: here[name] for name in move}
            return {"z": jvp(lambda q: law.update({**here, **q}), (at,), (move,))[1]}

        _, states, _ = self._run(("z",), work, {}, {"e": e, "z": z, "p": p})
        operators, total = self.problem.operators, sum(parts[place] for place in sorted(parts))
        return operators.transform.total(total) / (operators.grid.size * operators.points), states

    # -- pieces -----------------------------------------------------------------------------------------------------------------

    def _slopes(self, *names: str) -> Callable[..., Any]:
        def work(law: _Law, here: dict[str, Any], weights: dict[str, Any], _: Any) -> dict[str, Any]:
            at = _only(here, names)
            return grad(lambda q: law.total({**here, **q}, weights))(at) if at and weights else {}

        return work

    def _turned(self, *names: str) -> Callable[..., Any]:
        def work(law: _Law, here: dict[str, Any], weights: dict[str, Any], dots: dict[str, Any]) -> dict[str, Any]:
            at = _only(here, names)
            move = _only(dots, ("e", "z", "p"))
            turn = _only(dots, ("w", "a", "mu"))
            both = {k: weights[k] if k in weights else _zeros(turn[k]) for k in [*weights, *(k for k in turn if k not in weights)]}
            if not at or not both:
                return {}
            turn = {k: turn[k] if k in turn else _zeros(both[k]) for k in both}

            def slopes(q: dict[str, Any], weights: dict[str, Any]) -> dict[str, Any]:
                place = {**here, **q}
                return grad(lambda r: law.total({**place, **r}, weights))({name: place[name] for name in at})

            return jvp(slopes, ({name: here[name] for name in move}, both), (move, turn))[1]

        return work

    def _run(
        self, kinds: Sequence[str], work: Callable[..., Any], weights: dict[str, Any], dots: dict[str, Any] | None = None
    ) -> tuple[Array, States, Fields]:
        """Evaluate ``work(law, here, weights, dots)`` on blocks of all groups, and put its results together."""
        problem, passage = self.problem, self.passage
        m = len(passage.strain)
        present = self.parameters.present()
        strain = np.zeros((m, problem.constitutive.count)) if "e" in kinds else np.zeros((m, 0))
        states: States = [{k: np.zeros_like(v) for k, v in s.items()} if s and "z" in kinds else None for s in passage.variables]
        slopes: Fields = [{k: np.zeros_like(v) for k, v in f.items()} if "p" in kinds else {} for f in present]
        flat = passage.strain.reshape((m, -1))

        def run(where: Any, material: Material, state: State | None, number: int, piece: slice) -> None:
            law = _Law(problem.kinematics, material, passage.dt, (number, piece.start))
            here = {"e": flat[:, where], "z": state or {}, "p": {k: v[..., piece] for k, v in present[number].items()}}
            with np.errstate(all="ignore"):
                found = work(law, here, _cut(weights, where, number, piece), _cut(dots or {}, where, number, piece))
            if "e" in found:
                strain[:, where] = found["e"]
            for target, part in ((states[number], found.get("z")), (slopes[number], found.get("p"))):
                for name, value in (part or {}).items():
                    if target is not None:
                        target[name][..., piece] = value

        problem.constitutive.each(run, passage.variables)
        return (strain.reshape(problem.field_shape) if "e" in kinds else strain), states, slopes


class _Law:
    """A material as sums over points of functions of {"e": strain components, "z": history, "p": parameters}."""

    def __init__(self, kinematics: Any, material: Material, dt: float, place: tuple[int, int]) -> None:
        self.kinematics = kinematics
        self.material = material
        self.dt = dt
        self.place = place

    def _with(self, p: dict[str, Any]) -> Material:
        return self.material.with_parameters(**p) if p else self.material

    def energy(self, at: dict[str, Any]) -> Any:
        law, tensor = self._with(at["p"]), self.kinematics.tensor(at["e"])
        return (law.energy(tensor, at["z"] or None, self.dt) if isinstance(law, Inelastic) else law.energy(tensor)).sum()

    def update(self, at: dict[str, Any]) -> State:
        law = self._with(at["p"])
        assert isinstance(law, Inelastic)
        return law.update(self.kinematics.tensor(at["e"]), at["z"], self.dt)

    def total(self, at: dict[str, Any], weights: dict[str, Any]) -> Any:
        """Sum of φ."""
        value: Any = 0.0
        if "w" in weights:
            value = value + weights["w"] * self.energy(at)
        if "a" in weights:
            value = value + jvp(lambda x: self.energy({**at, "e": x}), (at["e"],), (weights["a"],))[1]
        if "mu" in weights:
            new = self.update(at)
            for name, weight in weights["mu"].items():
                value = value + (weight * new[name]).sum()
        return value


def _point(weights: Weights) -> dict[str, Any]:
    """Weights that are not zero."""
    found: dict[str, Any] = {}
    if weights.energy != 0.0:
        found["w"] = np.asarray(weights.energy)
    if weights.stress is not None:
        found["a"] = weights.stress
    if weights.variables is not None:
        found["mu"] = weights.variables
    return found


def _cut(values: dict[str, Any], where: Any, number: int, piece: slice) -> dict[str, Any]:
    """Values at a block of points of a group; what the group has not is left out."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name == "w":
            found[name] = value
        elif name in ("a", "e"):
            found[name] = value.reshape((len(value), -1))[:, where]
        elif value[number]:
            found[name] = {k: v[..., piece] for k, v in value[number].items()}
    return found


def _only(values: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Those that have entries."""
    return {name: values[name] for name in names if name in values and (name == "w" or len(values[name]))}


def _zeros(value: Any) -> Any:
    return {k: np.zeros_like(v) for k, v in value.items()} if isinstance(value, dict) else np.zeros_like(value)
