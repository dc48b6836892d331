"""Generalised Maxwell solid: a spring beside branches of a spring and a dashpot in series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hoad.mechanics.materials.base import Inelastic, Kinematics, Parameter, State
from hoad.mechanics.materials.plane_strain import in_space
from hoad.mechanics.tensors import double_dot, eye_like, symmetric, trace

__all__ = ["GeneralisedMaxwell"]

Array = Any


@dataclass(frozen=True)
class GeneralisedMaxwell(Inelastic):
    """Linear viscoelasticity with a Prony series of N branches, for the deviator and, where asked, for the volume.

    The spring of branch i carries the strain ε_i with ε̇_i = ε̇ - ε_i/τ_i and the stress K_i tr(ε_i) 1 + 2 μ_i dev ε_i, so that the
    relaxation modulus is μ(t) = μ + Σ μ_i exp(-t/τ_i). One step gives ε_i = α ε_i,n + β (ε - ε_n), and has the potential

        Π = W(ε; K, μ) + Σ β_i W(ε - ε_n + α_i/β_i ε_i,n; K_i, μ_i),   W(ε; K, μ) = K/2 (tr ε)² + μ |dev ε|².

    Parameters
    ----------
    K, mu : float or array
        Bulk and shear modulus of the spring (long-term moduli), not negative.
    branch_mu : array, shape (N,) or (N, *points)
        Shear moduli of the branches, not negative.
    tau : array, shape (N,) or (N, *points)
        Relaxation times, positive, in the unit of ``dt``.
    branch_K : array, shape (N,) or (N, *points), optional
        Bulk moduli of the branches; without it, the volume is elastic.
    integrator : str
        With r = Δt/τ: ``"exponential"`` has α = exp(-r), β = (1 - exp(-r))/r and is exact for strains that grow at a constant
        rate in each step; ``"backward-euler"`` has α = β = 1/(1 + r).

    Raises
    ------
    MaterialError
        For parameters that are not physical.

    Notes
    -----
    State: ``branch_strain`` of shape (N, 3, 3, *points) and ``strain`` of shape (3, 3, *points). Closed form. Both integrators
    are unconditionally stable; the first has second order for smooth strains, the second first order. A strain of shape (2, 2,
    *points) means plane strain. Source: Simo & Hughes, Computational Inelasticity (1998), chapter 10; the exponential integrator
    takes the convolution integral exactly for constant strain rates instead of by the midpoint rule.

    Examples
    --------
    A branch that has relaxed completely leaves the long-term modulus.

    >>> import numpy as np, hoad
    >>> from hoad.mechanics.materials.maxwell import GeneralisedMaxwell
    >>> law = GeneralisedMaxwell(K=2.0, mu=1.0, branch_mu=np.array([3.0]), tau=np.array([0.5]))
    >>> strain = np.zeros((3, 3)); strain[0, 1] = strain[1, 0] = 0.05
    >>> stress = lambda dt: hoad.grad(lambda e: law.energy(e, law.initial_state(()), dt))(strain)[0, 1]
    >>> round(float(stress(0.0)), 12), round(float(stress(1e9)), 6)
    (0.4, 0.1)
    """

    K: Parameter
    mu: Parameter
    branch_mu: Parameter
    tau: Parameter
    branch_K: Parameter | None = None
    integrator: str = "exponential"
    kinematics: ClassVar[Kinematics] = "small"
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)
    field_axes: ClassVar[dict[str, int]] = {"branch_mu": 1, "tau": 1, "branch_K": 1}

    def __post_init__(self) -> None:
        self.require_finite()
        self.require(self.K >= 0, "K >= 0")
        self.require(self.mu >= 0, "mu >= 0")
        self.require(np.ndim(self.branch_mu) > 0 and np.ndim(self.tau) > 0, "branch_mu and tau with a first axis for the branches")
        self.require(np.shape(self.branch_mu)[0] == np.shape(self.tau)[0], "as many branch_mu as tau")
        self.require(self.branch_mu >= 0, "branch_mu >= 0")
        self.require(self.tau > 0, "tau > 0")
        if self.branch_K is not None:
            self.require(np.shape(self.branch_K)[:1] == np.shape(self.tau)[:1], "as many branch_K as tau")
            self.require(self.branch_K >= 0, "branch_K >= 0")
        self.require(self.integrator in ("exponential", "backward-euler"), "integrator 'exponential' or 'backward-euler'")

    def initial_state(self, shape: tuple[int, ...]) -> State:
        """No strain, no stress in the branches."""
        branches = np.shape(self.tau)[0]
        return {
            "branch_strain": np.zeros((branches, 3, 3, *shape)),
            "strain": np.zeros((3, 3, *shape)),
        }

    def energy(self, strain: Any, state: State | None = None, dt: Any = 1.0) -> Any:
        """Potential of the step."""
        state = self.initial_state(strain.shape[2:]) if state is None else state
        e = symmetric(in_space(strain))
        total = _stored(e, self.K, self.mu)
        for i in range(np.shape(self.tau)[0]):
            alpha, beta = self._factors(dt / self.tau[i])
            bulk = 0.0 if self.branch_K is None else self.branch_K[i]
            total = total + beta * _stored(e - state["strain"] + alpha / beta * state["branch_strain"][i], bulk, self.branch_mu[i])
        return total

    def update(self, strain: Any, state: State, dt: Any = 1.0) -> State:
        """Strains of the branches' springs at the end of the step."""
        e, branches = symmetric(in_space(strain)), []
        for i in range(np.shape(self.tau)[0]):
            alpha, beta = self._factors(dt / self.tau[i])
            branches.append(alpha * state["branch_strain"][i] + beta * (e - state["strain"]))
        return {"branch_strain": np.stack(branches), "strain": e}

    def _factors(self, r: Array) -> tuple[Array, Array]:
        """α and β, for r = 0 too."""
        if self.integrator == "backward-euler":
            return 1.0 / (1.0 + r), 1.0 / (1.0 + r)
        large = r > 0.1
        safe = np.where(large, r, 1.0)
        return np.exp(-r), np.where(large, -np.expm1(-safe) / safe, _mean_decay(r))


def _mean_decay(r: Array) -> Array:
    """(1 - exp(-r))/r for small r by its series, whose derivatives have no cancellation and exist at r = 0."""
    total: Array = 1.0
    for k in range(13, 1, -1):
        total = 1.0 - r / k * total
    return total


def _stored(e: Array, bulk: Array, shear: Array) -> Array:
    """K/2 (tr e)² + μ |dev e|²."""
    t = trace(e)
    deviator = e - t / e.shape[0] * eye_like(e)
    return 0.5 * bulk * t * t + shear * double_dot(deviator, deviator)
