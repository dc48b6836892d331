"""Power-law elasticity: the equivalent stress is a power of the equivalent strain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hoad.core.box import Box
from hoad.mechanics.materials.base import Kinematics, Material, Parameter
from hoad.mechanics.materials.linear import LinearElastic
from hoad.mechanics.tensors import trace
from hoad.transforms.custom import stop_gradient

__all__ = ["PowerLaw"]


@dataclass(frozen=True)
class PowerLaw(Material):
    """Power-law elasticity, W = K/2 (tr ε)² + σ0 ε0/(n + 1) (q/ε0)^(n + 1) with q² = 2/3 e:e, e the deviator of ε.

    The stress is σ = K tr ε 1 + (2/3) σ0 (q/ε0)ⁿ e/q, so that the equivalent stress is σ0 (q/ε0)ⁿ. With ``delta`` the law is linear
    for strains far below δ: q² is replaced by q² + δ² (and the energy at rest subtracted).

    Parameters
    ----------
    sigma0 : float or array
        Reference stress, in any unit of stress (which is that of W), not negative.
    eps0 : float or array
        Reference strain, positive.
    n : float or array
        Exponent, positive. Below 1 the tangent at zero strain would be infinite, hence a positive ``delta`` is required.
    K : float or array
        Bulk modulus, not negative, in the unit of sigma0. Small-strain bulk modulus.
    delta : float or array
        Strain δ below which the law is linear, not negative.

    Notes
    -----
    The small-strain shear modulus is σ0/(3 ε0) (δ/ε0)^(n-1): with δ = 0 that is σ0/(3 ε0) for n = 1 and 0 for n > 1. At zero
    strain with δ = 0, derivatives of every order are exact for odd n; for other n they exist up to order n + 1 and vanish, and
    higher ones, which are unbounded nearby (also those by n), are given the value 0.

    A 2 × 2 strain means plane strain. Source: de Geus, Vondřejc, Zeman, Peerlings & Geers, Comput. Methods Appl. Mech. Engrg.
    318 (2017) 412-430, the non-linear elastic example.

    Examples
    --------
    >>> import numpy as np
    >>> law = PowerLaw(sigma0=1.0, eps0=1.0, n=3.0, K=1.0)
    >>> round(float(law.energy(np.diag([1.0, -1.0, 0.0]))), 12)  # q² = 4/3
    0.444444444444
    """

    sigma0: Parameter
    eps0: Parameter
    n: Parameter
    K: Parameter
    delta: Parameter = 0.0
    kinematics: ClassVar[Kinematics] = "small"
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)

    def __post_init__(self) -> None:
        self.require_finite()
        self.require(self.sigma0 >= 0, "sigma0 >= 0")
        self.require(self.eps0 > 0, "eps0 > 0")
        self.require(self.n > 0, "n > 0")
        self.require(self.K >= 0, "K >= 0")
        self.require(self.delta >= 0, "delta >= 0")
        self.require((stop_gradient(self.n) >= 1) | (stop_gradient(self.delta) > 0), "n >= 1, or delta > 0 where n < 1")

    def energy(self, strain: Any) -> Any:
        d = strain.shape[0]
        volume = trace(strain)
        mean = volume / 3.0
        squares = sum((strain[i, i] - mean) ** 2 for i in range(d)) + (3 - d) * mean * mean
        squares = squares + 2.0 * sum((0.5 * (strain[i, j] + strain[j, i])) ** 2 for i in range(d) for j in range(i + 1, d))
        exponent = 0.5 * (self.n + 1.0)
        scale = 1.0 / (self.eps0 * self.eps0)
        rest = self.delta * self.delta * scale
        change = _power((2.0 / 3.0) * scale * squares + rest, exponent) - _power(rest, exponent)
        return 0.5 * self.K * volume * volume + (self.sigma0 * self.eps0 / (self.n + 1.0)) * change

    def small_strain(self) -> LinearElastic:
        """Linear elasticity that the law tends to near zero strain."""
        mu = self.sigma0 / (3 * self.eps0) * _power(self.delta / self.eps0, self.n - 1)
        return LinearElastic(mu, self.K - 2 * mu / 3)


def _power(base: Any, exponent: Any) -> Any:
    """base**exponent for base >= 0, where 0 to a power that is no whole number counts as a constant 0.

    Powers of 0 have exact derivatives for whole exponents only; others would meet 0 · ∞. So would derivatives by the exponent,
    which is why a traced one is split into its value and a change of it that 0 does not see.
    """
    if isinstance(base, int | float) and isinstance(exponent, int | float):
        return base**exponent  # a Python number, which leaves single precision alone
    p = stop_gradient(exponent)
    positive = base > 0
    regular = positive | (p == np.floor(p))
    power = np.where(regular, np.where(regular, base, 1.0) ** p, 0.0)
    return power * np.exp((exponent - p) * np.log(np.where(positive, base, 1.0))) if isinstance(exponent, Box) else power
