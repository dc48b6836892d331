"""Mooney-Rivlin elasticity, linear in the first two isochoric invariants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hoad.mechanics.materials.base import Material, Parameter
from hoad.mechanics.materials.invariants import (
    first_invariant,
    inadmissible,
    isochoric_factor,
    second_invariant,
    volume_ratio,
)
from hoad.mechanics.materials.linear import LinearElastic
from hoad.mechanics.materials.volumetric import VOLUMETRIC

__all__ = ["MooneyRivlin"]


@dataclass(frozen=True)
class MooneyRivlin(Material):
    """Mooney-Rivlin elasticity, W = C10 (Ī1 - 3) + C01 (Ī2 - 3) + K U(J), with Ī1 = J^(-2/3) I1 and Ī2 = J^(-4/3) I2.

    Where J <= 0 the energy is +inf and its derivatives are 0.

    Parameters
    ----------
    c10, c01 : float or array
        Coefficients, in any unit of stress (which is that of W), c10 + c01 >= 0. Small-strain shear modulus 2 (c10 + c01).
    K : float or array
        Bulk modulus, not negative, in the same unit. Small-strain bulk modulus.
    volumetric : {"simo-miehe", "log", "quadratic"}
        U(J) = (J² - 1 - 2 ln J)/4, (ln J)²/2 or (J - 1)²/2.

    Notes
    -----
    A 2 × 2 gradient means plane strain. Sources: Mooney (1940); Rivlin (1948); isochoric split after Flory (1961).

    Examples
    --------
    Both invariants of simple shear γ are 3 + γ²:

    >>> import numpy as np
    >>> F = np.eye(3)
    >>> F[0, 1] = 0.5
    >>> round(float(MooneyRivlin(c10=3.0, c01=1.0, K=10.0).energy(F)), 12)
    1.0
    """

    c10: Parameter
    c01: Parameter
    K: Parameter
    volumetric: str = "simo-miehe"
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)

    def __post_init__(self) -> None:
        self.require_finite()
        self.require(self.volumetric in VOLUMETRIC, f"volumetric to be one of {', '.join(VOLUMETRIC)}, not {self.volumetric!r}")
        self.require(self.c10 + self.c01 >= 0, "c10 + c01 >= 0")
        self.require(self.K >= 0, "K >= 0")

    def energy(self, strain: Any) -> Any:
        J, outside = volume_ratio(strain)
        ln_J = np.log(J)
        factor = isochoric_factor(ln_J)
        shape = self.c10 * (factor * first_invariant(strain) - 3.0)
        shape = shape + self.c01 * (factor * factor * second_invariant(strain) - 3.0)
        return inadmissible(outside, shape + self.K * VOLUMETRIC[self.volumetric](J, ln_J))

    def small_strain(self) -> LinearElastic:
        """Linear elasticity that the law tends to near F = 1."""
        mu = 2 * (self.c10 + self.c01)
        return LinearElastic(mu, self.K - 2 * mu / 3)
