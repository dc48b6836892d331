"""Arruda-Boyce elasticity: the eight-chain network, with the inverse Langevin function as a series of five terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hoad.mechanics.materials.base import Material, Parameter
from hoad.mechanics.materials.invariants import first_invariant, inadmissible, isochoric_factor, volume_ratio
from hoad.mechanics.materials.linear import LinearElastic
from hoad.mechanics.materials.volumetric import VOLUMETRIC

__all__ = ["ArrudaBoyce"]

SERIES = (1 / 2, 1 / 20, 11 / 1050, 19 / 7000, 519 / 673750)
"""Coefficients of the series of the strain energy of an eight-chain network (Arruda & Boyce 1993)."""


@dataclass(frozen=True)
class ArrudaBoyce(Material):
    """Arruda-Boyce eight-chain elasticity, W = μ Σᵢ αᵢ/λₘ^(2i-2) (Ī1ⁱ - 3ⁱ) + K U(J), i = 1 ... 5, Ī1 = J^(-2/3) I1.

    The coefficients αᵢ are 1/2, 1/20, 11/1050, 19/7000, 519/673750. As the series is cut there, the energy stays finite at the
    locking stretch. Where J <= 0 the energy is +inf and its derivatives are 0.

    Parameters
    ----------
    mu : float or array
        Rubbery modulus n k θ, in any unit of stress (which is that of W), not negative. The small-strain shear modulus is
        μ (1 + 3/(5 λₘ²) + 99/(175 λₘ⁴) + 513/(875 λₘ⁶) + 42039/(67375 λₘ⁸)).
    lambda_m : float or array
        Locking stretch √N of a chain of N links, greater than 1, no unit.
    K : float or array
        Bulk modulus, not negative, in the unit of mu. Small-strain bulk modulus.
    volumetric : {"simo-miehe", "log", "quadratic"}
        U(J) = (J² - 1 - 2 ln J)/4, (ln J)²/2 or (J - 1)²/2.

    Notes
    -----
    A 2 × 2 gradient means plane strain. Source: Arruda & Boyce, J. Mech. Phys. Solids 41 (1993) 389-412.

    Examples
    --------
    Long chains are neo-Hookean, μ γ²/2 in simple shear γ:

    >>> import numpy as np
    >>> F = np.eye(3)
    >>> F[0, 1] = 0.5
    >>> round(float(ArrudaBoyce(mu=2.0, lambda_m=1e6, K=10.0).energy(F)), 9)
    0.25
    """

    mu: Parameter
    lambda_m: Parameter
    K: Parameter
    volumetric: str = "simo-miehe"
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)

    def __post_init__(self) -> None:
        self.require_finite()
        self.require(self.volumetric in VOLUMETRIC, f"volumetric to be one of {', '.join(VOLUMETRIC)}, not {self.volumetric!r}")
        self.require(self.mu >= 0, "mu >= 0")
        self.require(self.lambda_m > 1, "lambda_m > 1")
        self.require(self.K >= 0, "K >= 0")

    def energy(self, strain: Any) -> Any:
        J, outside = volume_ratio(strain)
        ln_J = np.log(J)
        links = 1.0 / (self.lambda_m * self.lambda_m)
        z = isochoric_factor(ln_J) * first_invariant(strain) * links
        shape = (self.mu / links) * (_series(z) - _series(3.0 * links))
        return inadmissible(outside, shape + self.K * VOLUMETRIC[self.volumetric](J, ln_J))

    def small_strain(self) -> LinearElastic:
        """Linear elasticity that the law tends to near F = 1."""
        z = 3.0 / (self.lambda_m * self.lambda_m)
        mu = 2 * self.mu * sum(i * a * z ** (i - 1) for i, a in enumerate(SERIES, 1))
        return LinearElastic(mu, self.K - 2 * mu / 3)


def _series(z: Any) -> Any:
    """Σ αᵢ zⁱ by Horner's rule."""
    total = SERIES[-1] * z
    for a in SERIES[-2::-1]:
        total = (total + a) * z
    return total
