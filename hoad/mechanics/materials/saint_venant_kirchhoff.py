"""Hooke's law between the Green-Lagrange strain and the second Piola-Kirchhoff stress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from hoad.mechanics.materials.base import Material, Parameter
from hoad.mechanics.materials.invariants import right_cauchy_green
from hoad.mechanics.materials.linear import LinearElastic

__all__ = ["StVenantKirchhoff"]


@dataclass(frozen=True)
class StVenantKirchhoff(Material):
    """St Venant-Kirchhoff elasticity, W = λ/2 (tr E)² + μ E:E with E = (FᵀF - 1)/2.

    For large rotations and moderate strains. It softens in compression (a bar in uniaxial strain is unstable below the stretch
    1/√3) and has no barrier at J = 0: the energy is finite everywhere, also where J <= 0.

    Parameters
    ----------
    mu : float or array
        Shear modulus, in any unit of stress (which is that of W), not negative. Small-strain shear modulus.
    lmbda : float or array
        First Lamé parameter, λ + 2μ/3 >= 0. Small-strain first Lamé parameter.

    Notes
    -----
    A 2 × 2 gradient means plane strain. Source: Holzapfel, Nonlinear Solid Mechanics (2000), section 6.5.

    Examples
    --------
    >>> import numpy as np
    >>> float(StVenantKirchhoff(mu=1.0, lmbda=2.0).energy(np.diag([2.0, 1.0, 1.0])))  # E11 = 1.5: (λ/2 + μ) E11²
    4.5
    """

    mu: Parameter
    lmbda: Parameter
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)

    def __post_init__(self) -> None:
        self.require_finite()
        self.require(self.mu >= 0, "mu >= 0")
        self.require(self.lmbda + 2 * self.mu / 3 >= 0, "lmbda + 2 mu / 3 >= 0")

    def energy(self, strain: Any) -> Any:
        C = right_cauchy_green(strain)
        normal = [C[i, i] - 1.0 for i in range(strain.shape[0])]  # 2 E_ii, formed first: C:C - 2 tr C + 3 would cancel
        squares = sum(e * e for e in normal) + 2.0 * sum(c * c for (i, j), c in C.items() if i < j)
        return (0.125 * self.lmbda) * sum(normal) ** 2 + (0.25 * self.mu) * squares

    def small_strain(self) -> LinearElastic:
        """Linear elasticity that the law tends to near F = 1."""
        return LinearElastic(self.mu, self.lmbda)
