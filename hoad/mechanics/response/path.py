"""Derivatives of the response along a load path, through the internal variables: the discrete adjoint and its forward twin.

Step k ends at a strain e_k in equilibrium under its load, with internal variables z_k = U(e_k, z_{k-1}; p). A functional J of mean
energies, stresses and strains has the gradient

    dJ/dp = Σ_k <∂φ_k/∂p>,   φ_k = w_k W + A_k : σ + μ_k · U,   w_k = ∂J/∂W̄_k,   A_k = ∂J/∂σ̄_k + λ_k,

where λ_k solves one linear problem with the tangent of step k, so that φ_k is stationary in all strains that the step could have
had, and μ_{k-1} = ∂φ_k/∂z hands on what later steps owe to earlier ones: one sweep backwards. Derivatives of all this along a
direction of the parameters, with e and z moving along, are exact Hessian-vector products. Michaleris, Tortorelli & Vidal, Int. J.
Numer. Methods Eng. 37 (1994) 2471-2499.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hoad.mechanics.history import Passage, require_differentiable
from hoad.mechanics.newton import Newton
from hoad.mechanics.response.linearised import Linearised
from hoad.mechanics.response.local import LocalDerivatives, States, Weights
from hoad.mechanics.response.parameters import Fields, Parameters

__all__ = ["Cotangent", "Motion", "PathDerivatives"]

Array = Any


@dataclass
class Cotangent:
    """Derivatives of a functional by mean energies (loads,), stresses and strains (loads, m)."""

    energy: Array
    stress: Array
    strain: Array

    def same(self, other: Cotangent | None) -> bool:
        return other is not None and all(
            np.array_equal(a, b) for a, b in ((self.energy, other.energy), (self.stress, other.stress), (self.strain, other.strain))
        )


@dataclass
class Motion:
    """How the response moves along a direction of the parameters."""

    energy: Array
    """Mean energies (loads,)."""
    stress: Array
    """Mean stresses (loads, m)."""
    strain: Array
    """Mean strains (loads, m)."""
    fields: list[Array]
    """Strain fields of all passages."""
    variables: list[States]
    """Internal variables at the beginning of all passages."""


class PathDerivatives:
    """Derivatives of the response along a path by parameters.

    Parameters
    ----------
    parameters : Parameters
    passages : list of Passage
        The whole path from rest where materials have memory, otherwise any steps.
    newton : Newton
        Chooses formulation and reference medium.

    Raises
    ------
    LoadError
        For prescribed Cauchy stresses, and for divided steps with other prescribed components than the step before.
    """

    def __init__(self, parameters: Parameters, passages: list[Passage], newton: Newton) -> None:
        require_differentiable(passages)
        self.parameters = parameters
        self.problem = parameters.problem
        self.passages = passages
        self.newton = newton
        self.solves = 0
        self._spent = 0
        self._linear: dict[int, Linearised] = {}
        self._kept: tuple[Cotangent, list[Weights]] | None = None

    @property
    def iterations(self) -> int:
        """Iterations of conjugate gradients so far."""
        return self._spent + sum(lin.iterations for lin in self._linear.values())

    @property
    def loads(self) -> int:
        """Number of load steps."""
        return 1 + max((p.load for p in self.passages if p.load is not None), default=-1)

    # -- backwards --------------------------------------------------------------------------------------------------------------

    def gradient(self, by: Cotangent, tol: float) -> list[Array]:
        """Gradient of a functional, an array for each parameter; one linear solve for each passage, none for energies alone."""
        total = self._nothing()
        for k, weights, slopes in self._adjoints(by, tol):
            if slopes is None and _any(weights):
                _, slopes = LocalDerivatives(self.parameters, self.passages[k]).by_history(weights)
            if slopes is not None:
                _add(total, self.parameters.collect(slopes))
        return total

    def product(self, by: Cotangent, dot: Cotangent, motion: Motion, along: Fields, tol: float, adjoint_tol: float) -> list[Array]:
        """Derivative of the gradient along a direction that moves the response by ``motion`` and its cotangents by ``dot``."""
        total = self._nothing()
        weights = [w for _, w, _ in self._adjoints(by, adjoint_tol)][::-1]
        owed: States | None = None
        for k in reversed(range(len(self.passages))):
            passage, here = self.passages[k], weights[k]
            local = LocalDerivatives(self.parameters, passage)
            e, z = motion.fields[k], motion.variables[k]
            start, dot_strain = self._seed(passage, dot, owed), self._at(passage, dot.strain)
            right = None
            if _any(here, "stress", "variables") or _any(start, "stress", "variables"):
                right = local.by_strain_along(_without_energy(here), _without_energy(start), e, z, along)
            self._make_stationary(k, start, right, dot_strain, tol)
            if not (_any(here) or _any(start)):
                owed = None
                continue
            owed, slopes = local.by_history_along(here, start, e, z, along)
            owed = owed if any(owed) else None
            _add(total, self.parameters.collect(slopes))
        return total

    def _adjoints(self, by: Cotangent, tol: float) -> Iterator[tuple[int, Weights, Fields | None]]:
        """Weights of all passages, the last first, with ∂φ/∂p where it was found; those of the last functional are kept."""
        if self._kept is not None and by.same(self._kept[0]):
            for k in reversed(range(len(self.passages))):
                yield k, self._kept[1][k], None
            return
        found: list[Weights] = []
        owed: States | None = None
        for k in reversed(range(len(self.passages))):
            passage = self.passages[k]
            weights = self._seed(passage, by, owed)
            local = LocalDerivatives(self.parameters, passage)
            right = None
            if weights.stress is not None:
                right = self._linearised(k).stiffness(weights.stress)
            if weights.variables is not None:
                more = local.by_strain(Weights(variables=weights.variables))
                right = more if right is None else right + more
            self._make_stationary(k, weights, right, self._at(passage, by.strain), tol)
            found.append(weights)
            owed, slopes = local.by_history(weights) if _any(weights) else (None, None)
            owed = owed if owed and any(owed) else None
            yield k, weights, slopes
        self._kept = by, found[::-1]

    def _seed(self, passage: Passage, by: Cotangent, owed: States | None) -> Weights:
        """Weights of a passage before its linear solve."""
        weights = Weights(variables=owed)
        if passage.load is not None:
            weights.energy = float(by.energy[passage.load])
            if np.any(by.stress[passage.load]):
                weights.stress = self.problem.uniform(by.stress[passage.load])
        return weights

    def _make_stationary(self, k: int, weights: Weights, right: Array | None, by_strain: Array, tol: float) -> None:
        """Add what makes φ stationary to the weights of the stress; ``right`` is its derivative by the strain field so far."""
        macro = self._macroscopic(self.passages[k], weights.energy, by_strain)
        if macro is not None:
            macro = self.problem.uniform(macro)
            right = macro if right is None else right + macro
        if right is not None:
            found = self._solve(k, right, tol)
            weights.stress = found if weights.stress is None else weights.stress + found

    def _macroscopic(self, passage: Passage, energy: float, by_strain: Array) -> Array | None:
        """Derivative of the functional by free macroscopic strains, at fixed fluctuations, without the stress that acts."""
        free = passage.control.free
        if not free.shape[1]:
            return None
        macro = energy * (free @ passage.target) + by_strain
        return macro if np.any(macro) else None

    # -- forwards ---------------------------------------------------------------------------------------------------------------

    def forward(self, along: Fields, tol: float) -> Motion:
        """Derivative of the response along a direction of the parameters; one linear solve for each passage."""
        mean, m = self.problem.operators.mean, self.problem.kinematics.components
        motion = Motion(np.zeros(self.loads), np.zeros((self.loads, m)), np.zeros((self.loads, m)), [], [])
        states: States = [None if s is None else {} for s in self.passages[0].variables]
        if self.passages[0].remembers:
            states = [s and {k: np.zeros_like(v) for k, v in s.items()} for s in self.passages[0].variables]
        for k, passage in enumerate(self.passages):
            local = LocalDerivatives(self.parameters, passage)
            pushed = local.stress_along(states, along)
            e = self._solve(k, pushed, tol)
            energy, after = local.end_along(e, states, along)
            motion.fields.append(e)
            motion.variables.append(states)
            if passage.load is not None:
                macro = mean(e)
                motion.energy[passage.load] = energy + float(passage.control.free @ passage.target @ macro)
                motion.stress[passage.load] = mean(self._linearised(k).stiffness(e) + pushed)
                motion.strain[passage.load] = macro
            if passage.remembers:
                states = after
        return motion

    # -- pieces -----------------------------------------------------------------------------------------------------------------

    def _nothing(self) -> list[Array]:
        return [np.zeros(shape) for shape in self.parameters.shapes]

    def _at(self, passage: Passage, values: Array) -> Array:
        return values[passage.load] if passage.load is not None else np.zeros(values.shape[1])

    def _linearised(self, k: int) -> Linearised:
        if k not in self._linear:
            passage = self.passages[k]
            if passage.remembers:  # paths with memory are long, and their tangents large: only the last one is kept
                self._spent = self.iterations
                self._linear.clear()
            self._linear[k] = Linearised(
                self.problem, passage.strain, passage.variables, passage.dt, self.newton, 1.0, passage.control.free
            )
        return self._linear[k]

    def _solve(self, k: int, stress: Array, tol: float) -> Array:
        linear = self._linearised(k)
        linear.tol = tol
        self.solves += 1
        return linear.solve(stress)


def _any(weights: Weights, *names: str) -> bool:
    return any(
        (getattr(weights, name) != 0.0) if name == "energy" else (getattr(weights, name) is not None)
        for name in names or ("energy", "stress", "variables")
    )


def _without_energy(weights: Weights) -> Weights:
    """The mean energy is stationary in the strain, but for free macroscopic components."""
    return Weights(0.0, weights.stress, weights.variables)


def _add(total: Sequence[Array], part: Sequence[Array]) -> None:
    for t, p in zip(total, part, strict=True):
        t += p
