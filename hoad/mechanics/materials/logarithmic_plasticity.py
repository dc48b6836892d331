"""Finite-strain plasticity of von Mises in the logarithmic strain, as an incremental potential."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hoad.mechanics.materials.base import Inelastic, Kinematics, Parameter, State
from hoad.mechanics.materials.hardening import relief, require_hardening
from hoad.mechanics.materials.invariants import inadmissible, volume_ratio
from hoad.mechanics.materials.plane_strain import in_space
from hoad.mechanics.tensors import deviator, dot, double_dot, eye_like, inverse, symmetric, transpose
from hoad.rules.linear_algebra.symmetric_functions import expm_symmetric, logm_symmetric

__all__ = ["LogarithmicJ2"]

Array = Any


@dataclass(frozen=True)
class LogarithmicJ2(Inelastic):
    """Von Mises plasticity with F = F_e F_p, Hencky's elasticity, and an exponential return map.

    With the elastic left Cauchy-Green tensor of the trial state, b = F C_p⁻¹ Fᵀ, and its logarithmic strain e = ½ dev ln b,
    one step has the potential

        Π = K/2 (ln J)² + μ e:e - max over x ≥ 0 of { q x - 3/2 μ x² - ∫_a^(a+x) σ_y },  q = √(3/2) · 2 μ |e|.

    Its derivative is the first Piola-Kirchhoff stress P = τ F⁻ᵀ, where τ is the Kirchhoff stress of the radial return in ln b.

    Parameters
    ----------
    K, mu : float or array
        Bulk and shear modulus, positive.
    sigma_y : float or array
        Initial yield value of the Kirchhoff equivalent stress, not negative.
    H, n, sigma_inf, delta, linear_below, hardening
        Isotropic hardening as in :class:`~hoad.mechanics.materials.j2_plasticity.J2Plasticity`.

    Raises
    ------
    MaterialError
        For parameters that are not physical, or that do not belong to the hardening.

    Notes
    -----
    State: ``inverse_plastic_metric`` C_p⁻¹ = F⁻¹ b_e F⁻ᵀ of shape (3, 3, *points), which keeps b_e between steps without the
    deformation gradient of the last one, and ``accumulated`` of shape (*points). Plastic flow keeps the volume, so that tr ln b/2
    = ln J. A gradient of shape (2, 2, *points) means plane strain; where det F ≤ 0, the energy is infinite. Sources: Simo,
    Comput. Methods Appl. Mech. Eng. 99 (1992) 61-112; Weber & Anand, ibid. 79 (1990) 173-202; in a periodic cell: de Geus,
    Vondřejc, Zeman, Peerlings & Geers, ibid. 318 (2017) 412-430.

    Examples
    --------
    Isochoric stretching along a principal axis far beyond yield: the Kirchhoff stress stays at the yield stress.

    >>> import numpy as np, hoad
    >>> from hoad.mechanics.materials.logarithmic_plasticity import LogarithmicJ2
    >>> law = LogarithmicJ2(K=2.0, mu=1.0, sigma_y=0.01)
    >>> F = np.diag([1.2, 1.2**-0.5, 1.2**-0.5])
    >>> P = hoad.grad(lambda F: law.energy(F, law.initial_state(())))(F)
    >>> tau = P @ F.T
    >>> round(float(tau[0, 0] - tau[1, 1]), 12)
    0.01
    """

    K: Parameter
    mu: Parameter
    sigma_y: Parameter
    H: Parameter = 0.0
    n: Parameter | None = None
    sigma_inf: Parameter | None = None
    delta: Parameter | None = None
    linear_below: Parameter = 0.0
    hardening: str = "linear"
    kinematics: ClassVar[Kinematics] = "finite"
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)

    def __post_init__(self) -> None:
        self.require_finite()
        self.require(self.K > 0, "K > 0")
        self.require(self.mu > 0, "mu > 0")
        require_hardening(self)

    def initial_state(self, shape: tuple[int, ...]) -> State:
        """No plastic deformation."""
        unit = np.eye(3).reshape(3, 3, *(1,) * len(shape))
        return {"inverse_plastic_metric": np.broadcast_to(unit, (3, 3, *shape)).copy(), "accumulated": np.zeros(shape)}

    def energy(self, strain: Any, state: State | None = None, dt: Any = 1.0) -> Any:
        """Condensed potential of the step as a function of F; ``dt`` has no influence."""
        state = self.initial_state(strain.shape[2:]) if state is None else state
        F, J, outside = _admissible(strain)
        e = self._trial(F, state)
        ee = double_dot(e, e)
        volume = 0.5 * self.K * np.log(J) ** 2
        return inadmissible(outside, volume + self.mu * ee - relief(self, 6 * self.mu**2 * ee, state["accumulated"])[0])

    def update(self, strain: Any, state: State, dt: Any = 1.0) -> State:
        """Plastic metric at the end of the step, from b_e = exp(2 e_e + 2/3 ln J)."""
        F, J, _ = _admissible(strain)
        e = self._trial(F, state)
        _, x, ratio = relief(self, 6 * self.mu**2 * double_dot(e, e), state["accumulated"])
        elastic = 2 * (1 - 3 * self.mu * ratio) * e + 2 / 3 * np.log(J) * eye_like(F)
        pulled = inverse(F)
        metric = dot(dot(pulled, _pointwise(expm_symmetric, elastic)), transpose(pulled))
        return {
            "inverse_plastic_metric": np.where(x > 0, symmetric(metric), state["inverse_plastic_metric"]),
            "accumulated": state["accumulated"] + x,
        }

    @staticmethod
    def _trial(F: Array, state: State) -> Array:
        """½ dev ln b of the trial state."""
        b = dot(dot(F, state["inverse_plastic_metric"]), transpose(F))
        return 0.5 * deviator(_pointwise(logm_symmetric, symmetric(b)))


def _admissible(F: Array) -> tuple[Array, Array, Array]:
    """The gradient in space with 1 in place of those with det F ≤ 0, det F, and where that was."""
    F = in_space(F, "finite")
    J, outside = volume_ratio(F)
    return np.where(outside, eye_like(F), F), J, outside


def _pointwise(function: Any, a: Array) -> Array:
    """A function of trailing matrices applied to a tensor field."""
    return np.moveaxis(function(np.moveaxis(a, (0, 1), (-2, -1))), (-2, -1), (0, 1))
