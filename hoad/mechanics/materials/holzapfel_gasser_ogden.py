"""Holzapfel-Gasser-Ogden elasticity: a neo-Hookean matrix with families of fibres, for arteries and other soft tissue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hoad.core.box import Box
from hoad.mechanics.materials.base import Material, Parameter
from hoad.mechanics.materials.invariants import first_invariant, inadmissible, isochoric_factor, volume_ratio
from hoad.mechanics.materials.volumetric import VOLUMETRIC
from hoad.mechanics.tensors import as_array, dot, in_precision_of, with_points

__all__ = ["HolzapfelGasserOgden"]


@dataclass(frozen=True)
class HolzapfelGasserOgden(Material):
    """Fibre-reinforced hyperelasticity, W = μ/2 (Ī1 - 3) + k1/(2 k2) Σᵢ (exp(k2 ⟨Eᵢ⟩²) - 1) + K U(J).

    Here Eᵢ = κ (Ī1 - 3) + (1 - 3κ)(Ī4ᵢ - 1) with Ī1 = J^(-2/3) I1 and the squared isochoric stretch Ī4ᵢ = J^(-2/3) |F aᵢ|²/|aᵢ|²
    of fibre family i, and ⟨E⟩ = max(E, 0): fibres carry no compression. Where J <= 0, or the exponential leaves the range of the
    numbers, the energy is +inf and its derivatives are 0.

    Parameters
    ----------
    mu : float or array
        Shear modulus of the matrix, in any unit of stress (which is that of W), not negative. Small-strain shear modulus without
        fibres.
    k1 : float or array
        Stiffness of the fibres, not negative, in the same unit. A stretched aligned family (κ = 0) adds 4 k1 along itself to the
        small-strain stiffness; a compressed one, nothing.
    k2 : float or array
        Stiffening of the fibres, positive, no unit.
    K : float or array
        Bulk modulus, not negative, in the unit of mu. Small-strain bulk modulus.
    fibres : array, shape (m, 3) or (m, 3, *points)
        Directions aᵢ of the m families in the reference configuration, of any length but 0. An array without points is converted to
        the precision of the deformation.
    kappa : float or array
        Dispersion of the directions: 0 aligned ... 1/3 isotropic.
    volumetric : {"simo-miehe", "log", "quadratic"}
        U(J) = (J² - 1 - 2 ln J)/4, (ln J)²/2 or (J - 1)²/2.

    Notes
    -----
    At E = 0, and so at rest, the second derivative jumps; there it is that of slack fibres, up to the rounding of E. As usual for
    this law the fibres see the isochoric stretch, so that a pure change of volume does not stretch them.
    Sources: Holzapfel, Gasser & Ogden, J. Elasticity 61 (2000) 1-48; with dispersion: Gasser, Ogden & Holzapfel, J. R. Soc.
    Interface 3 (2006) 15-35.

    Examples
    --------
    Fibres along the first axis do not act in simple shear along themselves, which leaves μ γ²/2:

    >>> import numpy as np
    >>> law = HolzapfelGasserOgden(mu=2.0, k1=5.0, k2=1.0, K=10.0, fibres=[[1.0, 0.0, 0.0]])
    >>> F = np.eye(3)
    >>> F[0, 1] = 0.5
    >>> round(float(law.energy(F)), 12)
    0.25
    """

    mu: Parameter
    k1: Parameter
    k2: Parameter
    K: Parameter
    fibres: Parameter
    kappa: Parameter = 0.0
    volumetric: str = "simo-miehe"
    field_axes: ClassVar[dict[str, int]] = {"fibres": 2}

    def __post_init__(self) -> None:
        self.require_finite()
        self.require(self.volumetric in VOLUMETRIC, f"volumetric to be one of {', '.join(VOLUMETRIC)}, not {self.volumetric!r}")
        for name in ("mu", "k1", "K"):
            self.require(getattr(self, name) >= 0, f"{name} >= 0")
        self.require(self.k2 > 0, "k2 > 0")
        self.require(self.kappa >= 0, "0 <= kappa <= 1/3")
        self.require(self.kappa <= 1 / 3, "0 <= kappa <= 1/3")
        if isinstance(self.fibres, Box):
            return
        object.__setattr__(self, "fibres", as_array(self.fibres))
        self.require(self.fibres.ndim >= 2 and self.fibres.shape[1] == 3, "fibres of shape (m, 3) or (m, 3, *points)")
        self.require((self.fibres**2).sum(1) > 0, "directions of fibres that are not 0")

    def energy(self, strain: Any) -> Any:
        J, outside = volume_ratio(strain)
        ln_J = np.log(J)
        factor = isochoric_factor(ln_J)
        x = factor * first_invariant(strain) - 3.0
        fibres = with_points(in_precision_of(strain, self.fibres), 2, strain.ndim - 2)
        F = with_points(strain, 2, fibres.ndim - 2)
        largest = np.log(np.finfo(x.dtype).max)
        stored: Any = 0.0
        for i in range(fibres.shape[0]):
            a = fibres[i]
            stretched = dot(F, a)
            I4 = factor * ((stretched * stretched).sum(0) / (a * a).sum(0))
            E = np.maximum(self.kappa * x + (1.0 - 3.0 * self.kappa) * (I4 - 1.0), 0)
            argument = self.k2 * E * E
            outside = outside | (argument > 0.9 * float(largest))
            stored = stored + np.expm1(np.where(outside, 0.0, argument))
        shape = 0.5 * self.mu * x + (0.5 * self.k1 / self.k2) * stored
        return inadmissible(outside, shape + self.K * VOLUMETRIC[self.volumetric](J, ln_J))
