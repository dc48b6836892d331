"""Yeoh elasticity, a cubic polynomial of the first isochoric invariant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hoad.mechanics.materials.base import Material, Parameter
from hoad.mechanics.materials.invariants import first_invariant, inadmissible, isochoric_factor, volume_ratio
from hoad.mechanics.materials.linear import LinearElastic
from hoad.mechanics.materials.volumetric import VOLUMETRIC

__all__ = ["Yeoh"]


@dataclass(frozen=True)
class Yeoh(Material):
    """Yeoh elasticity, W = c1 x + c2 x² + c3 x³ + K U(J) with x = J^(-2/3) I1 - 3.

    Where J <= 0 the energy is +inf and its derivatives are 0.

    Parameters
    ----------
    c1, c2, c3 : float or array
        Coefficients, in any unit of stress (which is that of W), c1 >= 0. Small-strain shear modulus 2 c1.
    K : float or array
        Bulk modulus, not negative, in the same unit. Small-strain bulk modulus.
    volumetric : {"simo-miehe", "log", "quadratic"}
        U(J) = (J² - 1 - 2 ln J)/4, (ln J)²/2 or (J - 1)²/2.

    Notes
    -----
    A 2 × 2 gradient means plane strain. Source: Yeoh, Rubber Chem. Technol. 63 (1990) 792-805.

    Examples
    --------
    In simple shear γ, x = γ²:

    >>> import numpy as np
    >>> F = np.eye(3)
    >>> F[0, 1] = 2.0
    >>> round(float(Yeoh(c1=1.0, c2=0.5, c3=0.25, K=10.0).energy(F)), 12)
    28.0
    """

    c1: Parameter
    c2: Parameter
    c3: Parameter
    K: Parameter
    volumetric: str = "simo-miehe"
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)

    def __post_init__(self) -> None:
        self.require_finite()
        self.require(self.volumetric in VOLUMETRIC, f"volumetric to be one of {', '.join(VOLUMETRIC)}, not {self.volumetric!r}")
        self.require(self.c1 >= 0, "c1 >= 0")
        self.require(self.K >= 0, "K >= 0")

    def energy(self, strain: Any) -> Any:
        J, outside = volume_ratio(strain)
        ln_J = np.log(J)
        x = isochoric_factor(ln_J) * first_invariant(strain) - 3.0
        shape = x * (self.c1 + x * (self.c2 + x * self.c3))
        return inadmissible(outside, shape + self.K * VOLUMETRIC[self.volumetric](J, ln_J))

    def small_strain(self) -> LinearElastic:
        """Linear elasticity that the law tends to near F = 1."""
        return LinearElastic(2 * self.c1, self.K - 4 * self.c1 / 3)
