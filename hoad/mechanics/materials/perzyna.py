"""Small-strain viscoplasticity with a power law of the overstress (Perzyna; Norton where the yield stress is zero)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hoad.core.box import Box
from hoad.mechanics.materials.base import Inelastic, Kinematics, Parameter, State
from hoad.mechanics.materials.hardening import trial_deviator
from hoad.mechanics.materials.local_solve import scalar_root
from hoad.mechanics.materials.plane_strain import in_space
from hoad.mechanics.tensors import double_dot, trace

__all__ = ["Perzyna"]

Array = Any


@dataclass(frozen=True)
class Perzyna(Inelastic):
    """Viscoplasticity of Perzyna, integrated by backward Euler.

    The equivalent plastic strain grows with the overstress s,

        ȧ = γ₀ (s/σ₀)ⁿ,  s = ⟨q - σ_y - H a⟩,  q = √(3/2) |dev σ|,

    in the direction 3/2 dev σ/q. One step has the potential

        Π = K/2 (tr ε)² + μ e:e - max over x ≥ 0 of { (q_tr - σ_y - H a) x - (3 μ + H)/2 x²
                                                      - Δt γ₀ σ₀ n/(n + 1) (x/(Δt γ₀))^((n+1)/n) }.

    Parameters
    ----------
    K, mu : float or array
        Bulk and shear modulus, positive.
    gamma0 : float or array
        Rate of the equivalent plastic strain at the overstress ``sigma0``, per unit of the time that ``dt`` counts; not negative.
    sigma0 : float or array
        Reference overstress, positive.
    n : float or array, optional
        Exponent of the rate, at least 1; n = 1 is linear viscosity, a large n nearly rate-independent plasticity.
    sigma_y : float or array, optional
        Yield stress, not negative; 0 is Norton's creep law.
    H : float or array, optional
        Hardening modulus, not negative.

    Raises
    ------
    MaterialError
        For parameters that are not physical.

    Notes
    -----
    State: ``plastic_strain`` of shape (3, 3, *points), ``accumulated`` of shape (*points). Closed form for n = 1, otherwise one
    scalar equation for each point; first-order accurate in the length of the step. A strain of shape (2, 2, *points) means plane
    strain. Source: Perzyna, Adv. Appl. Mech. 9 (1966) 243-377; Simo & Hughes, Computational Inelasticity (1998), section 2.7.

    Examples
    --------
    A very slow step flows until the stress is close to zero:

    >>> import numpy as np, hoad
    >>> from hoad.mechanics.materials.perzyna import Perzyna
    >>> law = Perzyna(K=2.0, mu=1.0, gamma0=0.1, sigma0=0.1)
    >>> strain = np.zeros((3, 3)); strain[0, 1] = strain[1, 0] = 0.05
    >>> stress = hoad.grad(lambda e: law.energy(e, law.initial_state(()), dt=1.0))(strain)
    >>> round(float(stress[0, 1]), 12)  # 0.1 / (1 + 3 μ γ₀ Δt / σ₀)
    0.025
    """

    K: Parameter
    mu: Parameter
    gamma0: Parameter
    sigma0: Parameter
    n: Parameter = 1.0
    sigma_y: Parameter = 0.0
    H: Parameter = 0.0
    kinematics: ClassVar[Kinematics] = "small"
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)

    def __post_init__(self) -> None:
        self.require_finite()
        self.require(self.K > 0, "K > 0")
        self.require(self.mu > 0, "mu > 0")
        self.require(self.gamma0 >= 0, "gamma0 >= 0")
        self.require(self.sigma0 > 0, "sigma0 > 0")
        self.require(self.n >= 1, "n >= 1")
        self.require(self.sigma_y >= 0, "sigma_y >= 0")
        self.require(self.H >= 0, "H >= 0")

    def initial_state(self, shape: tuple[int, ...]) -> State:
        """No plastic strain."""
        return {"plastic_strain": np.zeros((3, 3, *shape)), "accumulated": np.zeros(shape)}

    def energy(self, strain: Any, state: State | None = None, dt: Any = 1.0) -> Any:
        """Condensed potential of the step."""
        state = self.initial_state(strain.shape[2:]) if state is None else state
        e = trial_deviator(in_space(strain), state["plastic_strain"])
        ee = double_dot(e, e)
        return 0.5 * self.K * trace(strain) ** 2 + self.mu * ee - self._relief(6 * self.mu**2 * ee, state["accumulated"], dt)[0]

    def update(self, strain: Any, state: State, dt: Any = 1.0) -> State:
        """Plastic strain at the end of the step, with Δε_p = x · 3/2 s/q."""
        e = trial_deviator(in_space(strain), state["plastic_strain"])
        _, x, ratio = self._relief(6 * self.mu**2 * double_dot(e, e), state["accumulated"], dt)
        return {
            "plastic_strain": state["plastic_strain"] + 3 * self.mu * ratio * e,
            "accumulated": state["accumulated"] + x,
        }

    def _relief(self, q2: Array, a: Array, dt: Any) -> tuple[Array, Array, Array]:
        """Energy that the flow takes off, x and x/q; the square root is seen by flowing points only."""
        y = self.sigma_y + self.H * a
        q = np.sqrt(np.where(q2 > 0, q2, 1.0))
        flowing = np.logical_and(q2 > 0, q > y)
        c, modulus = dt * self.gamma0, 3 * self.mu + self.H
        f = np.where(flowing, q - y, self.mu)
        linear: Any = False if isinstance(self.n, Box) else self.n == 1
        gain: Array = 0.0
        x: Array = 0.0
        if not np.all(linear):
            r = scalar_root(_residual, _bracket, f, modulus * c, self.sigma0, self.n) / self.sigma0
            x = c * r**self.n
            gain = f * x - 0.5 * modulus * x * x - self.n / (self.n + 1) * self.sigma0 * c * r ** (self.n + 1)
            gain = np.where(flowing, gain, 0.0)
        if np.any(linear):
            # a polynomial in q2 where the yield stress is zero, so that the law is smooth at zero stress
            softness = c / (self.sigma0 + modulus * c)
            square = np.where(np.logical_or(flowing, y <= 0), q2 - np.where(flowing, 2 * y * q, 0.0) + y * y, 0.0)
            x = np.where(linear, softness * f, x)
            gain = np.where(linear, 0.5 * softness * square, gain)
        return gain, np.where(flowing, x, 0.0), np.where(flowing, x / q, 0.0)


def _residual(s: Array, f: Array, stiff: Array, sigma0: Array, n: Array) -> Array:
    """Trial overstress less what the flow takes away less the overstress s itself; concave in s for n ≥ 1."""
    return f - stiff * (s / sigma0) ** n - s


def _bracket(f: Array, stiff: Array, sigma0: Array, n: Array) -> tuple[Array, Array, Array, Array]:
    """Neither of the two terms that are subtracted exceeds the trial overstress; Newton is monotone from above."""
    with np.errstate(divide="ignore", over="ignore"):
        high = np.minimum(f, sigma0 * (f / stiff) ** (1.0 / n))
    return 0.0 * high, high * (1 + 1e-12), high, f
