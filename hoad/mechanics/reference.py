"""Homogeneous reference media for Green operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hoad.errors import MaterialError
from hoad.mechanics.kinematics import Kinematics
from hoad.mechanics.materials.base import Material
from hoad.mechanics.pointwise import LinearTangent, StoredTangent, Tangent, second_derivatives
from hoad.mechanics.transforms import Transform

if TYPE_CHECKING:
    from hoad.mechanics.problem import Problem

__all__ = ["has_few_tangents", "isotropic_reference", "stiffness_of"]

Array = Any


def stiffness_of(problem: Problem, material: Material) -> Array:
    """Stiffness (m, m) of a linear material in the strain components of a problem, to serve as a reference medium.

    Raises
    ------
    MaterialError
        If the material is not linear, has parameter fields, or has other kinematics than the problem.
    """
    kind = problem.kinematics.kind
    own = kind if kind != "antiplane" else ("small" if problem.kinematics.small else "finite")
    fields = any(np.ndim(v) > material.field_axes.get(k, 0) for k, v in material.parameters.items())
    if not material.linear or fields or material.kinematics != own:
        raise MaterialError(
            f"the reference medium is {type(material).__name__} for {material.kinematics} kinematics, expected a linear material "
            f"for {own} kinematics with one number for each parameter, such as me.LinearElastic(mu=1.0, lmbda=1.0). "
            "Or pass its stiffness as a matrix of strain components."
        )
    density = problem.constitutive.density(material, None, 1.0)
    m = problem.kinematics.components
    return second_derivatives(lambda x: density(x).sum(), np.zeros((m, 1)))[..., 0]


def _subspaces(kin: Kinematics) -> list[Array]:
    """Orthonormal bases (m, k) of the invariant subspaces of isotropic stiffness: volume change, and the rest."""
    m, d = kin.components, kin.dimension
    if kin.kind not in ("small", "finite") or d == 1:
        return [np.eye(m)]
    volume = kin.components_of(np.eye(d), stress=True) / np.sqrt(d)
    left = np.linalg.svd(volume[:, None])[0]
    return [volume[:, None], left[:, 1:]]


def has_few_tangents(problem: Problem) -> bool:
    """Whether all phases are linear with uniform parameters, so that there is one tangent for each of them."""

    def uniform(m: Material) -> bool:
        return not any(np.ndim(v) > m.field_axes.get(k, 0) for k, v in m.parameters.items())

    return all(m.linear and uniform(m) for m in problem.phases.values())


def _matrices(tangent: Tangent) -> Array:
    """Tangent matrices (count, m, m): one for each group of points or for each point."""
    if isinstance(tangent, LinearTangent):
        return np.stack([c for c, _ in tangent.parts])
    assert isinstance(tangent, StoredTangent)
    return np.moveaxis(tangent.upper[tangent.row], -1, 0)


def isotropic_reference(tangent: Tangent, kin: Kinematics, transform: Transform, mean: Literal["arithmetic", "geometric"]) -> Array:
    """Isotropic stiffness between the softest and the stiffest point, (m, m).

    Each of its moduli is the arithmetic or geometric mean of the extreme values that the modulus takes; the whole is then scaled
    such that the extreme eigenvalues of C0⁻¹ C have mean one, which changes nothing for isotropic phases but keeps schemes
    convergent for anisotropic ones.

    Raises
    ------
    MaterialError
        If no point has stiffness, or, for the geometric mean, some point has none.
    """
    c = _matrices(tangent)
    reference = np.zeros(c.shape[1:])
    for basis in _subspaces(kin):
        low, high = _extremes(np.linalg.eigvalsh(basis.T @ c @ basis), transform)
        reference += _mean(low, high, mean) * (basis @ basis.T)
    root = np.linalg.inv(np.linalg.cholesky(reference))
    low, high = _extremes(np.linalg.eigvalsh(root @ c @ root.T), transform)
    return _mean(low, high, mean) * reference


def _extremes(values: Array, transform: Transform) -> tuple[float, float]:
    low = float(values.min()) if values.size else np.inf
    high = float(values.max()) if values.size else -np.inf
    return transform.smallest(low), -transform.smallest(-high)


def _mean(low: float, high: float, mean: str) -> float:
    if not (np.isfinite(low) and np.isfinite(high)) or high <= 0.0:
        raise MaterialError(
            f"the tangents have moduli between {low:g} and {high:g}, expected finite ones and some that are positive. "
            "Pass the reference medium: reference=me.LinearElastic(...), or a matrix."
        )
    if mean == "arithmetic":
        return 0.5 * (max(low, 0.0) + high)
    if low <= 1e-12 * high:
        raise MaterialError(
            f"the tangents have moduli between {low:g} and {high:g}, but the geometric mean of the extremes needs positive ones: "
            "polarisation schemes have no reference medium of their own for cells with voids. Pass one "
            "(reference=me.LinearElastic(...)), or use method='displacement'."
        )
    return float(np.sqrt(low * high))
