"""Linear elasticity with a full stiffness matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hoad.core.box import Box
from hoad.mechanics.materials.base import Kinematics, Material, Parameter
from hoad.mechanics.tensors import as_array, in_precision_of

__all__ = ["VOIGT", "Triclinic"]

VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
"""Components of the Voigt order 11, 22, 33, 23, 13, 12."""

_ROUNDING = 1e-12
"""Asymmetry and negative eigenvalues of this size, relative to the largest entry, are rounding."""


@dataclass(frozen=True)
class Triclinic(Material):
    """Linear elasticity, W = ½ eᵀ C e with the Voigt strain e = (ε11, ε22, ε33, 2ε23, 2ε13, 2ε12).

    Parameters
    ----------
    stiffness : array, shape (6, 6) or (6, 6, *points)
        C in the Voigt order 11, 22, 33, 23, 13, 12, in any unit of stress (which is that of W); symmetric and positive
        semidefinite. A (6, 6) array is converted to the precision of the strain.

    Notes
    -----
    A 2 × 2 strain means plane strain: rows and columns 11, 22 and 12. Source: Voigt, Lehrbuch der Kristallphysik (1910); the order
    is that of Nye, Physical Properties of Crystals (1985), ch. VIII.

    Examples
    --------
    >>> import numpy as np
    >>> law = Triclinic(np.diag([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
    >>> float(law.energy(np.diag([1.0, 0.0, 1.0])))
    2.0
    """

    stiffness: Parameter
    kinematics: ClassVar[Kinematics] = "small"
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)
    linear: ClassVar[bool] = True
    field_axes: ClassVar[dict[str, int]] = {"stiffness": 2}

    def __post_init__(self) -> None:
        self.require_finite()
        if isinstance(self.stiffness, Box):
            return
        object.__setattr__(self, "stiffness", as_array(self.stiffness))
        self.require(np.shape(self.stiffness)[:2] == (6, 6), "a stiffness of shape (6, 6) or (6, 6, *points)")
        C = np.moveaxis(self.stiffness, (0, 1), (-2, -1))
        tolerance = _ROUNDING * np.abs(C).max(initial=0.0)
        self.require(np.abs(C - np.swapaxes(C, -1, -2)) <= tolerance, "a symmetric stiffness")
        self.require(np.linalg.eigvalsh(C) >= -6 * tolerance, "a positive semidefinite stiffness")

    def energy(self, strain: Any) -> Any:
        used = [k for k, (i, j) in enumerate(VOIGT) if max(i, j) < strain.shape[0]]
        e = [strain[VOIGT[k]] if k < 3 else strain[VOIGT[k]] + strain[VOIGT[k][::-1]] for k in used]
        C = in_precision_of(strain, self.stiffness)
        if np.ndim(C) == 2 and len(used) == 6:  # one product of matrices for all points
            strains = np.stack(e)
            return 0.5 * (strains * np.tensordot(C, strains, 1)).sum(0)
        total: Any = 0.0
        for a, k in enumerate(used):
            row = 0.5 * C[k, k] * e[a]
            for b in range(a + 1, len(used)):
                row = row + C[k, used[b]] * e[b]
            total = total + e[a] * row
        return total
