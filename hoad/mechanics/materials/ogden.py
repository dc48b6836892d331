"""Ogden elasticity, a sum of powers of the principal stretches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hoad.core.box import Box
from hoad.mechanics.materials.base import Material, Parameter
from hoad.mechanics.materials.invariants import first_invariant, inadmissible, volume_ratio
from hoad.mechanics.materials.linear import LinearElastic
from hoad.mechanics.materials.volumetric import VOLUMETRIC
from hoad.mechanics.tensors import as_array, eye_like
from hoad.rules.linear_algebra.symmetric_functions import expm_symmetric, logm_symmetric

__all__ = ["Ogden"]


@dataclass(frozen=True)
class Ogden(Material):
    """Ogden elasticity, W = Σₚ μₚ/αₚ (λ̄1^αₚ + λ̄2^αₚ + λ̄3^αₚ - 3) + K U(J), with the isochoric stretches λ̄ᵢ = J^(-1/3) λᵢ.

    The powers are taken as tr exp(αₚ/2 ln C), so that derivatives of every order are right also where stretches are equal or
    nearly so, as they are at rest. Where J <= 0 the energy is +inf and its derivatives are 0; likewise where C is so nearly
    singular that its smallest eigenvalue is rounding error, J <= 4 √ε I1^(3/2) with ε the machine epsilon of the strain.

    Parameters
    ----------
    mu : array, shape (n,) or (n, *points)
        Coefficients μₚ of the n terms, in any unit of stress (which is that of W), Σ μₚ αₚ >= 0. The small-strain shear modulus
        is Σ μₚ αₚ / 2.
    alpha : array, shape (n,) or (n, *points)
        Exponents αₚ, not 0.
    K : float or array
        Bulk modulus, not negative, in the unit of mu. Small-strain bulk modulus.
    volumetric : {"simo-miehe", "log", "quadratic"}
        U(J) = (J² - 1 - 2 ln J)/4, (ln J)²/2 or (J - 1)²/2.

    Notes
    -----
    A 2 × 2 gradient means plane strain. Each term costs an eigenvalue decomposition at every point. Some programs write 2 μₚ/αₚ²
    for what is μₚ/αₚ here. Source: Ogden, Proc. R. Soc. Lond. A 326 (1972) 565-584; Holzapfel, Nonlinear Solid Mechanics (2000),
    sections 6.4 and 6.5.

    Examples
    --------
    α = 2 is neo-Hookean, with the energy μ γ²/2 in simple shear γ:

    >>> import numpy as np
    >>> F = np.eye(3)
    >>> F[0, 1] = 0.5
    >>> round(float(Ogden(mu=[2.0], alpha=[2.0], K=10.0).energy(F)), 12)
    0.25
    """

    mu: Parameter
    alpha: Parameter
    K: Parameter
    volumetric: str = "simo-miehe"
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)
    field_axes: ClassVar[dict[str, int]] = {"mu": 1, "alpha": 1}

    def __post_init__(self) -> None:
        self.require_finite()
        self.require(self.volumetric in VOLUMETRIC, f"volumetric to be one of {', '.join(VOLUMETRIC)}, not {self.volumetric!r}")
        self.require(self.K >= 0, "K >= 0")
        for name in ("mu", "alpha"):
            value = getattr(self, name)
            if not isinstance(value, Box):
                object.__setattr__(self, name, as_array(value))
        self.require(np.ndim(self.mu) >= 1 and np.shape(self.mu)[:1] == np.shape(self.alpha)[:1], "as many mu as alpha, in arrays")
        self.require(np.shape(self.mu)[0] > 0, "at least one term")
        self.require(self.alpha != 0, "alpha != 0")
        self.require(sum(mu * alpha for mu, alpha in self._terms()) >= 0, "a sum of mu alpha >= 0")

    def _terms(self) -> Iterator[tuple[Any, Any]]:
        """Pairs (μ, α): Python numbers, which leave single precision alone, or fields."""
        for p in range(np.shape(self.mu)[0]):
            mu, alpha = self.mu[p], self.alpha[p]
            yield float(mu) if isinstance(mu, np.generic) else mu, float(alpha) if isinstance(alpha, np.generic) else alpha

    def energy(self, strain: Any) -> Any:
        J, outside = volume_ratio(strain)
        I1 = first_invariant(strain)
        smallest = 4.0 * float(np.finfo(I1.dtype).eps) ** 0.5
        outside = outside | (smallest * I1**1.5 >= J)
        J = np.where(outside, 1.0, J)
        ln_J = np.log(J)
        logarithm = logm_symmetric(_metric(strain, outside | ~np.isfinite(I1)))
        shape: Any = 0.0
        for mu, alpha in self._terms():
            exponent = 0.5 * alpha if np.ndim(alpha) == 0 else np.reshape(0.5 * alpha, (*np.shape(alpha), 1, 1))
            powers = np.trace(expm_symmetric(exponent * logarithm), axis1=-2, axis2=-1) + (3.0 - strain.shape[0])
            shape = shape + (mu / alpha) * (np.exp((-1.0 / 3.0) * alpha * ln_J) * powers - 3.0)
        return inadmissible(outside, shape + self.K * VOLUMETRIC[self.volumetric](J, ln_J))

    def small_strain(self) -> LinearElastic:
        """Linear elasticity that the law tends to near F = 1."""
        mu = sum(mu * alpha for mu, alpha in self._terms()) / 2
        return LinearElastic(mu, self.K - 2 * mu / 3)


def _metric(F: Any, masked: Any) -> Any:
    """C = FᵀF of shape (*points, d, d), the identity at masked points."""
    F = np.where(masked, eye_like(F), F)
    matrices = np.moveaxis(F, (0, 1), (-2, -1))
    return np.matmul(np.swapaxes(matrices, -1, -2), matrices)
