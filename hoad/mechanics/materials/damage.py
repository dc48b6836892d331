"""Isotropic elasticity degraded by a given damage field, with the splits into tension and compression in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hoad.core.primitive import Primitive
from hoad.mechanics.materials.base import Kinematics, Material, Parameter
from hoad.mechanics.materials.plane_strain import in_space
from hoad.mechanics.tensors import det, deviator, double_dot, eye_like, in_precision_of, symmetric, trace
from hoad.transforms.custom import stop_gradient
from hoad.transforms.implicit import implicit

__all__ = ["DegradedElastic"]

Array = Any
SPLITS = ("none", "volumetric-deviatoric", "spectral")


@dataclass(frozen=True)
class DegradedElastic(Material):
    """Damaged elasticity W = g(d) ψ⁺(ε) + ψ⁻(ε), g(d) = (1 - k)(1 - d)² + k, with the damage d as a parameter.

    The degradation is the one of both the AT1 and the AT2 model of brittle fracture, which differ in what the damage itself costs.
    With ψ⁺ + ψ⁻ = λ/2 (tr ε)² + μ ε:ε,

    - ``"none"``: ψ⁻ = 0;
    - ``"volumetric-deviatoric"``: ψ⁺ = K/2 ⟨tr ε⟩₊² + μ |dev ε|², K = λ + 2 μ/3;
    - ``"spectral"``: ψ⁺ = λ/2 ⟨tr ε⟩₊² + μ Σ ⟨ε_i⟩₊² with the principal strains ε_i.

    Parameters
    ----------
    mu, lmbda : float or array
        Lamé parameters; ``mu`` and the bulk modulus λ + 2μ/3 are not negative.
    damage : float or array
        From 0 (sound) to 1 (broken); its derivatives are those of the energy release rate.
    split : str
        Which part of the energy damage takes away.
    residual : float or array, optional
        Part k of the stiffness that the broken material keeps, from 0 to 1.

    Raises
    ------
    MaterialError
        For parameters that are not physical.

    Notes
    -----
    The energy is smooth except where tr ε or a principal strain is zero, where it has one continuous derivative; the second one
    is then that of a non-positive value. Equal principal strains are no exception: all derivatives are exact there. A strain of
    shape (2, 2, *points) means plane strain. Sources: Amor, Marigo & Maurini, J. Mech. Phys. Solids 57 (2009) 1209-1229; Miehe,
    Welschinger & Hofacker, Int. J. Numer. Methods Eng. 83 (2010) 1273-1311; Pham, Amor, Marigo & Maurini, Int. J. Damage Mech. 20
    (2011) 618-652.

    Examples
    --------
    Damage takes stiffness in tension, none in compression:

    >>> import numpy as np, hoad
    >>> from hoad.mechanics.materials.damage import DegradedElastic
    >>> law = DegradedElastic(mu=1.0, lmbda=1.0, damage=0.5, split="spectral")
    >>> [round(float(law.energy(s * 0.1 * np.eye(3))), 12) for s in (1, -1)]  # 0.075 times 0.25 and 1
    [0.01875, 0.075]
    """

    mu: Parameter
    lmbda: Parameter
    damage: Parameter = 0.0
    split: str = "none"
    residual: Parameter = 0.0
    kinematics: ClassVar[Kinematics] = "small"
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)

    def __post_init__(self) -> None:
        self.require_finite()
        self.require(self.mu >= 0, "mu >= 0")
        self.require(self.lmbda + 2 * self.mu / 3 >= 0, "lmbda + 2 mu / 3 >= 0")
        self.require((self.damage >= 0) & (self.damage <= 1), "0 <= damage <= 1")
        self.require((self.residual >= 0) & (self.residual <= 1), "0 <= residual <= 1")
        self.require(self.split in SPLITS, f"split to be one of {', '.join(SPLITS)}")

    def energy(self, strain: Any) -> Any:
        """Degraded energy density."""
        strain = in_space(symmetric(strain))
        degraded = (1 - self.residual) * (1 - self.damage) ** 2 + self.residual
        if self.split == "none":
            return degraded * (0.5 * self.lmbda * trace(strain) ** 2 + self.mu * double_dot(strain, strain))
        t = trace(strain)
        opening = np.where(t > 0, t * t, 0.0)
        if self.split == "volumetric-deviatoric":
            bulk = self.lmbda + 2 * self.mu / 3
            d = deviator(strain)
            shear = self.mu * double_dot(d, d)
            return degraded * (0.5 * bulk * opening + shear) + 0.5 * bulk * (t * t - opening)
        whole = double_dot(strain, strain)
        stretching = positive_square(strain)
        return degraded * (0.5 * self.lmbda * opening + self.mu * stretching) + (
            0.5 * self.lmbda * (t * t - opening) + self.mu * (whole - stretching)
        )


def positive_square(a: Array) -> Array:
    """Σ ⟨a_i⟩₊² over the eigenvalues of symmetric 2 × 2 or 3 × 3 tensors, exact at equal eigenvalues.

    With one positive eigenvalue, or one that is not, that eigenvalue is a simple one, and the others enter through a:a. So no
    derivative of an eigenvector is ever needed.
    """
    d = a.shape[0]
    count = (_eigenvalues(stop_gradient(a)) > 0).sum(0)
    largest, smallest = count == 1, np.logical_and(count == d - 1, count > 1)
    simple = np.logical_or(largest, smallest)
    other = in_precision_of(a, np.reshape(np.diag([1.0, -1.0, -2.0][:d]), (d, d) + (1,) * (a.ndim - 2)))
    x = _simple(np.where(simple, a, other), np.where(smallest, 0.0, d - 1.0))
    square, whole = x * x, double_dot(a, a)
    return np.where(largest, square, np.where(smallest, whole - square, np.where(count == d, whole, 0.0)))


_ascending = Primitive("symmetric_eigenvalues", np.linalg.eigvalsh, "constant", batch=lambda prim, size, xs, flags, kw: prim(*xs))
"""Eigenvalues as plain numbers, of each entry under ``vmap``: they only tell which branch a point is on."""


def _eigenvalues(a: Array) -> Array:
    """Ascending along the first axis."""
    return np.moveaxis(_ascending(np.moveaxis(a, (0, 1), (-2, -1))), -1, 0)


def _simple(a: Array, which: Array) -> Array:
    """The eigenvalue number ``which`` at each point, as the simple root of det(a - x 1)."""

    def residual(x: Array, a: Array, which: Array) -> Array:
        return det(a - x * eye_like(a))

    def solver(a: Array, which: Array) -> Array:
        return np.take_along_axis(_eigenvalues(a), which[None].astype(int), 0)[0]

    return implicit(residual, solver, structure="pointwise", components=1, check=False)(a, which)
