"""Linear elasticity with three planes of symmetry, by engineering constants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hoad.core.box import Box
from hoad.mechanics.materials.base import Kinematics, Material, Parameter
from hoad.mechanics.tensors import as_array, dot, in_precision_of, with_points

__all__ = ["Orthotropic"]


@dataclass(frozen=True)
class Orthotropic(Material):
    """Orthotropic linear elasticity, W = ½ eᵀ S⁻¹ e, e the strain along the axes of the material.

    The compliance S has the diagonal 1/E1, 1/E2, 1/E3, 1/G23, 1/G13, 1/G12 and S12 = -nu12/E1, S13 = -nu13/E1, S23 = -nu23/E2:
    nu12 is the contraction along 2 when pulled along 1, and nu21 = nu12 E2/E1.

    Parameters
    ----------
    E1, E2, E3 : float or array
        Young's moduli along the axes, positive, in any unit of stress (which is that of W).
    nu12, nu13, nu23 : float or array
        Poisson's ratios; the compliance must be positive definite.
    G12, G13, G23 : float or array
        Shear moduli in the planes of two axes, positive.
    axes : array, shape (3, 3) or (3, 3, *points), optional
        The axes of the material as the columns of an orthogonal matrix (a fibre that is axis 1 is ``axes[:, 0]``); the coordinate
        axes if not given. An array without points is converted to the precision of the strain.

    Notes
    -----
    A 2 × 2 strain means plane strain normal to coordinate 3. Source: Jones, Mechanics of Composite Materials, 2nd ed. (1999),
    sections 2.3 and 2.4.

    Examples
    --------
    With zero Poisson's ratios, a strain along axis 1 gives E1/2:

    >>> import numpy as np
    >>> law = Orthotropic(E1=8.0, E2=2.0, E3=2.0, nu12=0.0, nu13=0.0, nu23=0.0, G12=1.0, G13=1.0, G23=1.0)
    >>> float(law.energy(np.diag([1.0, 0.0, 0.0])))
    4.0
    """

    E1: Parameter
    E2: Parameter
    E3: Parameter
    nu12: Parameter
    nu13: Parameter
    nu23: Parameter
    G12: Parameter
    G13: Parameter
    G23: Parameter
    axes: Parameter | None = None
    kinematics: ClassVar[Kinematics] = "small"
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)
    linear: ClassVar[bool] = True
    field_axes: ClassVar[dict[str, int]] = {"axes": 2}

    def __post_init__(self) -> None:
        self.require_finite()
        for name in ("E1", "E2", "E3", "G12", "G13", "G23"):
            self.require(getattr(self, name) > 0, f"{name} > 0")
        cofactors, determinant = self._inverse_compliance()
        for minor in (cofactors[2, 2], determinant):  # 1/E1 is positive already: Sylvester's criterion
            self.require(minor > 0, "Poisson's ratios with a positive definite compliance, such as nu12² < E1/E2")
        if self.axes is None or isinstance(self.axes, Box):
            return
        object.__setattr__(self, "axes", as_array(self.axes))
        self.require(np.shape(self.axes)[:2] == (3, 3), "axes of shape (3, 3) or (3, 3, *points)")
        A = np.moveaxis(self.axes, (0, 1), (-2, -1))
        self.require(np.abs(np.swapaxes(A, -1, -2) @ A - np.eye(3)) <= 1e-6, "orthonormal columns of axes")

    def _inverse_compliance(self) -> tuple[dict[tuple[int, int], Any], Any]:
        """Cofactors i <= j and determinant of the normal part of the compliance."""
        s11, s22, s33 = 1 / self.E1, 1 / self.E2, 1 / self.E3
        s12, s13, s23 = -self.nu12 * s11, -self.nu13 * s11, -self.nu23 * s22
        cofactors = {
            (0, 0): s22 * s33 - s23 * s23,
            (1, 1): s11 * s33 - s13 * s13,
            (2, 2): s11 * s22 - s12 * s12,
            (0, 1): s13 * s23 - s12 * s33,
            (0, 2): s12 * s23 - s13 * s22,
            (1, 2): s12 * s13 - s11 * s23,
        }
        return cofactors, s11 * cofactors[0, 0] + s12 * cofactors[0, 1] + s13 * cofactors[0, 2]

    def energy(self, strain: Any) -> Any:
        e = self._local(strain)
        cofactors, determinant = self._inverse_compliance()
        total: Any = 0.0
        for (i, j), c in cofactors.items():
            if (i, i) in e and (j, j) in e:
                total = total + ((0.5 if i == j else 1.0) * c / determinant) * (e[i, i] * e[j, j])
        for (i, j), modulus in {(0, 1): self.G12, (0, 2): self.G13, (1, 2): self.G23}.items():
            if (i, j) in e:
                total = total + (2.0 * modulus) * (e[i, j] * e[i, j])
        return total

    def _local(self, strain: Any) -> dict[tuple[int, int], Any]:
        """Components i <= j of the strain along the axes."""
        d = strain.shape[0]
        if self.axes is None:
            return {(i, j): strain[i, i] if i == j else 0.5 * (strain[i, j] + strain[j, i]) for i in range(d) for j in range(i, d)}
        A = with_points(in_precision_of(strain, self.axes)[:d], 2, strain.ndim - 2)
        strain = with_points(strain, 2, A.ndim - 2)
        e = {}
        for j in range(3):
            turned = dot(strain, A[:, j])
            for i in range(j + 1):
                e[i, j] = (A[:, i] * turned).sum(0)
        return e
