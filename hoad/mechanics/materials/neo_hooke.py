"""Neo-Hookean elasticity with four ways to make it compressible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hoad.mechanics.materials.base import Material, Parameter
from hoad.mechanics.materials.invariants import first_invariant, inadmissible, volume_ratio
from hoad.mechanics.materials.linear import LinearElastic
from hoad.mechanics.materials.volumetric import COUPLINGS, couple

__all__ = ["NeoHooke"]


@dataclass(frozen=True)
class NeoHooke(Material):
    """Compressible neo-Hookean elasticity.

    ============== ======================================================= ================================================
    volumetric     W                                                       source
    ============== ======================================================= ================================================
    "log"          μ/2 (I1 - 3) - μ ln J + λ/2 (ln J)²                     Simo & Pister (1984); Bonet & Wood (2008), 6.4.3
    "quadratic"    μ/2 (I1 - 3) - μ ln J + λ/2 (J - 1)²                    Pence & Gou (2015), with λ = κ - 2μ/3
    "simo-miehe"   μ/2 (I1 - 3) - μ ln J + λ/4 (J² - 1 - 2 ln J)           Ciarlet (1988); Wriggers (2008), section 3.3
    "isochoric"    μ/2 (J^(-2/3) I1 - 3) + κ/4 (J² - 1 - 2 ln J)           Simo & Miehe (1992); κ = λ + 2μ/3
    ============== ======================================================= ================================================

    Where J <= 0 the energy is +inf (and its derivatives are 0, which a solver must not take for equilibrium).

    Parameters
    ----------
    mu : float or array
        Shear modulus, in any unit of stress (which is that of W), not negative. Small-strain shear modulus.
    lmbda : float or array
        First Lamé parameter, λ + 2μ/3 >= 0. Small-strain first Lamé parameter, in all four forms.
    volumetric : {"log", "quadratic", "simo-miehe", "isochoric"}
        The form of the table.

    Notes
    -----
    A 2 × 2 gradient means plane strain.

    Examples
    --------
    Simple shear γ gives the shear stress μ γ, and the energy μ γ²/2:

    >>> import numpy as np
    >>> F = np.eye(3)
    >>> F[0, 1] = 0.5
    >>> float(NeoHooke(mu=2.0, lmbda=1.0).energy(F))
    0.25
    """

    mu: Parameter
    lmbda: Parameter
    volumetric: str = "log"
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)

    def __post_init__(self) -> None:
        self.require_finite()
        self.require(self.volumetric in COUPLINGS, f"volumetric to be one of {', '.join(COUPLINGS)}, not {self.volumetric!r}")
        self.require(self.mu >= 0, "mu >= 0")
        self.require(self.lmbda + 2 * self.mu / 3 >= 0, "lmbda + 2 mu / 3 >= 0")

    def energy(self, strain: Any) -> Any:
        J, outside = volume_ratio(strain)
        I1, volume = couple(self.volumetric, self.mu, self.lmbda, first_invariant(strain), J, np.log(J))
        return inadmissible(outside, 0.5 * self.mu * (I1 - 3.0) + volume)

    def small_strain(self) -> LinearElastic:
        """Linear elasticity that the law tends to near F = 1."""
        return LinearElastic(self.mu, self.lmbda)
