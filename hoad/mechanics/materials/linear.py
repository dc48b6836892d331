"""Isotropic linear elasticity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hoad.core.box import Box
from hoad.errors import MaterialError
from hoad.mechanics.materials.base import Kinematics, Material, Parameter
from hoad.mechanics.tensors import double_dot, trace

__all__ = ["LinearElastic"]


@dataclass(frozen=True)
class LinearElastic(Material):
    """Isotropic linear elasticity with Lamé parameters, W = λ/2 (tr ε)² + μ ε:ε.

    Parameters
    ----------
    mu : float or array
        Shear modulus, in any unit of stress (which is that of W), not negative.
    lmbda : float or array
        First Lamé parameter; the bulk modulus λ + 2μ/3 is not negative.

    Notes
    -----
    A 2 × 2 strain means plane strain. Source: Lamé, Leçons sur la théorie mathématique de l'élasticité (1852).

    Examples
    --------
    >>> import numpy as np
    >>> float(LinearElastic(mu=1.0, lmbda=2.0).energy(np.diag([1.0, 0.0, 0.0])))
    2.0
    >>> LinearElastic.from_young(E=2.5, nu=0.25)
    LinearElastic(mu=1.0, lmbda=1.0)
    """

    mu: Parameter
    lmbda: Parameter
    kinematics: ClassVar[Kinematics] = "small"
    linear: ClassVar[bool] = True
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)

    def __post_init__(self) -> None:
        self.require_finite()
        self.require(self.mu >= 0, "mu >= 0")
        self.require(self.lmbda + 2 * self.mu / 3 >= 0, "lmbda + 2 mu / 3 >= 0")

    @classmethod
    def from_young(cls, E: Parameter, nu: Parameter) -> LinearElastic:
        """The material with Young's modulus ``E`` (not negative) and Poisson's ratio ``nu`` (between -1 and 1/2, both excluded)."""
        denominator = (1 + nu) * (1 - 2 * nu)
        if not isinstance(denominator, Box) and not np.all(np.asarray(denominator) > 0):
            raise MaterialError.not_physical(cls.__name__, {"E": E, "nu": nu}, "-1 < nu < 1/2")
        return cls(E / (2 * (1 + nu)), E * nu / denominator)

    def small_strain(self) -> LinearElastic:
        """The law itself."""
        return self

    def energy(self, strain: Any) -> Any:
        return 0.5 * self.lmbda * trace(strain) ** 2 + self.mu * double_dot(strain, strain)
