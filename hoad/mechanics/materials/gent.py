"""Gent's law of limited chain extensibility, and the two-dimensional form of it that a paper on FFT homogenisation uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hoad.mechanics.materials.base import Material, Parameter
from hoad.mechanics.materials.invariants import first_invariant, inadmissible, volume_ratio
from hoad.mechanics.materials.linear import LinearElastic
from hoad.mechanics.materials.volumetric import COUPLINGS, couple
from hoad.mechanics.tensors import double_dot

__all__ = ["Gent", "GentTwoDimensional"]


@dataclass(frozen=True)
class Gent(Material):
    """Gent elasticity, W = -μ Jm/2 ln(1 - (I1 - 3)/Jm) + the energy of volume that :class:`NeoHooke` has.

    That is -μ ln J + λ U(J) for ``"log"``, ``"quadratic"`` and ``"simo-miehe"``; ``"isochoric"`` replaces I1 by J^(-2/3) I1 and
    has κ U(J). With λ = 0 it is -μ/2 (Jm ln(1 - (I1 - 3)/Jm) + 2 ln J). Where J <= 0 or I1 - 3 >= Jm the energy is +inf and its
    derivatives are 0.

    Parameters
    ----------
    mu : float or array
        Shear modulus, in any unit of stress (which is that of W), not negative. Small-strain shear modulus.
    Jm : float or array
        Limit of I1 - 3, positive, no unit; Jm → ∞ is neo-Hookean.
    lmbda : float or array
        Parameter of the volume term, λ + 2μ/3 >= 0. The small-strain first Lamé parameter is λ for ``"isochoric"``, and
        λ + 2 μ/Jm for the others, since there a change of volume stretches the chains, too.
    volumetric : {"log", "quadratic", "simo-miehe", "isochoric"}
        See :class:`NeoHooke`.

    Notes
    -----
    A 2 × 2 gradient means plane strain. Source: Gent, Rubber Chem. Technol. 69 (1996) 59-61; compressible forms reviewed by
    Horgan & Saccomandi, J. Elasticity 77 (2004) 123-138.

    Examples
    --------
    In simple shear γ, W = -μ Jm/2 ln(1 - γ²/Jm), infinite from γ = √Jm on:

    >>> import numpy as np
    >>> law, F = Gent(mu=2.0, Jm=0.5), np.eye(3)
    >>> F[0, 1] = 0.5
    >>> round(float(law.energy(F) / np.log(2)), 12)
    0.5
    >>> F[0, 1] = 1.0
    >>> float(law.energy(F))
    inf
    """

    mu: Parameter
    Jm: Parameter
    lmbda: Parameter = 0.0
    volumetric: str = "log"
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)

    def __post_init__(self) -> None:
        self.require_finite()
        self.require(self.volumetric in COUPLINGS, f"volumetric to be one of {', '.join(COUPLINGS)}, not {self.volumetric!r}")
        self.require(self.mu >= 0, "mu >= 0")
        self.require(self.Jm > 0, "Jm > 0")
        self.require(self.lmbda + 2 * self.mu / 3 >= 0, "lmbda + 2 mu / 3 >= 0")

    def energy(self, strain: Any) -> Any:
        J, outside = volume_ratio(strain)
        I1, volume = couple(self.volumetric, self.mu, self.lmbda, first_invariant(strain), J, np.log(J))
        x = (I1 - 3.0) / self.Jm
        outside = outside | (x >= 1.0)
        return inadmissible(outside, (-0.5 * self.mu * self.Jm) * np.log1p(-np.where(outside, 0.0, x)) + volume)

    def small_strain(self) -> LinearElastic:
        """Linear elasticity that the law tends to near F = 1."""
        return LinearElastic(self.mu, self.lmbda if self.volumetric == "isochoric" else self.lmbda + 2 * self.mu / self.Jm)


@dataclass(frozen=True)
class GentTwoDimensional(Material):
    """Gent's law for 2 × 2 gradients as published numbers need it, W = -μ/2 Jm (ln(1 - (I1 - 3)/Jm) + 2 ln J), I1 = tr FᵀF.

    Here I1 is the trace of the 2 × 2 tensor, 2 at rest, so that F = 1 is **under stress**, and the logarithm of J is multiplied
    by Jm. It is kept to reproduce the homogenised tangents of the paper below; use :class:`Gent`, which takes 2 × 2 gradients as
    plane strain, for anything else. Where J <= 0 or I1 - 3 >= Jm the energy is +inf and its derivatives are 0.

    Parameters
    ----------
    mu : float or array
        Shear modulus, in any unit of stress (which is that of W), not negative.
    Jm : float or array
        Limit of I1 - 3, positive, no unit.

    Notes
    -----
    At rest P = μ Jm (1/(1 + Jm) - 1) 1 = -μ Jm²/(1 + Jm) 1. Source: the Gent example of the xpektra package.

    Examples
    --------
    >>> import numpy as np
    >>> round(float(GentTwoDimensional(mu=2.0, Jm=1.0).energy(np.eye(2)) / np.log(2)), 12)
    -1.0
    """

    mu: Parameter
    Jm: Parameter
    dimensions: ClassVar[tuple[int, ...]] = (2,)

    def __post_init__(self) -> None:
        self.require_finite()
        self.require(self.mu >= 0, "mu >= 0")
        self.require(self.Jm > 0, "Jm > 0")

    def energy(self, strain: Any) -> Any:
        J, outside = volume_ratio(strain)
        x = (double_dot(strain, strain) - 3.0) / self.Jm
        outside = outside | (x >= 1.0)
        extension = np.log1p(-np.where(outside, 0.0, x))
        return inadmissible(outside, (-0.5 * self.mu * self.Jm) * (extension + 2.0 * np.log(J)))
