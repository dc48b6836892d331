"""Linear conduction of heat or charge, diffusion, and other problems with a flux proportional to a gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hoad.core.box import Box
from hoad.mechanics.materials.base import Kinematics, Material, Parameter
from hoad.mechanics.tensors import as_array, dot, in_precision_of, with_points

__all__ = ["AnisotropicConduction", "Conduction"]


@dataclass(frozen=True)
class Conduction(Material):
    """Isotropic linear conduction, W = k/2 g·g with the gradient g of the potential; the derivative is the flux k g.

    Parameters
    ----------
    k : float or array
        Conductivity, not negative, in any unit; W has its unit times that of g².

    Notes
    -----
    Fourier's, Ohm's and Fick's laws have the flux -k g: here it has the sign of g.
    Source: Milton, The Theory of Composites (2002), ch. 2.

    Examples
    --------
    >>> import numpy as np
    >>> float(Conduction(k=3.0).energy(np.array([1.0, 1.0])))
    3.0
    """

    k: Parameter
    kinematics: ClassVar[Kinematics] = "scalar"
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)
    linear: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.require_finite()
        self.require(self.k >= 0, "k >= 0")

    def energy(self, strain: Any) -> Any:
        return 0.5 * self.k * (strain * strain).sum(0)


@dataclass(frozen=True)
class AnisotropicConduction(Material):
    """Linear conduction with a tensor of conductivities, W = ½ g·K g with the gradient g of the potential.

    Parameters
    ----------
    conductivity : array, shape (d, d) or (d, d, *points), d = 2 or 3
        K, symmetric and positive semidefinite, in any unit; W has its unit times that of g². An array without points is converted
        to the precision of the gradient.

    Notes
    -----
    The derivative of the energy, the flux, has the sign of g. Source: Milton, The Theory of Composites (2002), ch. 2.

    Examples
    --------
    >>> import numpy as np
    >>> float(AnisotropicConduction(np.diag([1.0, 3.0])).energy(np.array([1.0, 1.0])))
    2.0
    """

    conductivity: Parameter
    kinematics: ClassVar[Kinematics] = "scalar"
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)
    linear: ClassVar[bool] = True
    field_axes: ClassVar[dict[str, int]] = {"conductivity": 2}

    def __post_init__(self) -> None:
        self.require_finite()
        if isinstance(self.conductivity, Box):
            return
        object.__setattr__(self, "conductivity", as_array(self.conductivity))
        shape = np.shape(self.conductivity)[:2]
        self.require(shape in ((2, 2), (3, 3)), "a conductivity of shape (d, d) or (d, d, *points), d = 2 or 3")
        K = np.moveaxis(self.conductivity, (0, 1), (-2, -1))
        tolerance = 1e-12 * np.abs(K).max(initial=0.0)
        self.require(np.abs(K - np.swapaxes(K, -1, -2)) <= tolerance, "a symmetric conductivity")
        self.require(np.linalg.eigvalsh(K) >= -3 * tolerance, "a positive semidefinite conductivity")

    def energy(self, strain: Any) -> Any:
        K = with_points(in_precision_of(strain, self.conductivity), 2, strain.ndim - 1)
        g = with_points(strain, 1, K.ndim - 2)
        return 0.5 * (g * dot(K, g)).sum(0)
