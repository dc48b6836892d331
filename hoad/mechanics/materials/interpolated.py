"""Stiffness interpolated between void and solid by a density, as in topology optimisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hoad.errors import MaterialError
from hoad.mechanics.materials.base import Inelastic, Kinematics, Material, Parameter, State

__all__ = ["SIMP", "InelasticSIMP"]


@dataclass(frozen=True)
class SIMP(Material):
    """Solid isotropic material with penalisation: W(ε; ρ) = (s + (1 - s) ρ^p) W_solid(ε), with the density ρ as a parameter.

    An exponent above 1 makes intermediate densities weak for their mass, so that an optimal distribution of a given mass tends to
    solid and void. ``law`` may be any law with a stored energy: the interpolation multiplies its energy, whether that is linear,
    of finite strain, or of conduction.

    Parameters
    ----------
    law : Material
        The solid, with parameters that are the same at all points. They are not parameters of the interpolated law.
    density : float or array
        Density ρ, not negative: 0 is void, 1 is solid. A field has one value at each voxel.
    exponent : float or array, optional
        Penalisation p, at least 1.
    smallest : float or array, optional
        Part s of the energy that the void keeps, above 0 (equilibrium of a true void has no unique solution) and at most 1.

    Raises
    ------
    MaterialError
        For parameters that are not physical, a ``law`` that is no material with a stored energy, or one with parameter fields.

    Notes
    -----
    Costs one evaluation of the energy of ``law`` and one power. At ρ = 0 derivatives by the density of orders above p do not
    exist unless p is an integer; start from a positive density. Sources: Bendsøe, Struct. Optim. 1 (1989) 193-202; Sigmund, Struct.
    Multidiscip. Optim. 33 (2007) 401-424 (the form with a smallest stiffness).

    Examples
    --------
    >>> import numpy as np
    >>> from hoad.mechanics import LinearElastic
    >>> from hoad.mechanics.materials.interpolated import SIMP
    >>> solid = LinearElastic(mu=1.0, lmbda=2.0)
    >>> half = SIMP(solid, density=0.5, exponent=3.0, smallest=0.001)
    >>> strain = np.diag([1.0, 0.0, 0.0])
    >>> float(half.energy(strain) / solid.energy(strain))   # 0.001 + 0.999 / 8
    0.125875
    """

    law: Material
    density: Parameter
    exponent: Parameter = 3.0
    smallest: Parameter = 1e-3

    def __post_init__(self) -> None:
        law = self.law
        if not isinstance(law, Material) or isinstance(law, Inelastic):
            raise MaterialError(
                f"SIMP interpolates the energy of a {type(law).__name__}, expected a material with a stored energy and no internal "
                "variables, such as me.LinearElastic or me.NeoHooke. For laws with internal variables there is me.InelasticSIMP."
            )
        _examine(self)

    @property
    def kinematics(self) -> Kinematics:  # type: ignore[override]
        """That of the solid."""
        return self.law.kinematics

    @property
    def dimensions(self) -> tuple[int, ...]:  # type: ignore[override]
        """Those of the solid."""
        return self.law.dimensions

    @property
    def linear(self) -> bool:  # type: ignore[override]
        """Whether the energy is quadratic in the strain."""
        return self.law.linear

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Density, exponent and smallest part; not the parameters of the solid."""
        return {name: getattr(self, name) for name in ("density", "exponent", "smallest")}

    def energy(self, strain: Any) -> Any:
        """Interpolated energy density."""
        return (self.smallest + (1.0 - self.smallest) * self.density**self.exponent) * self.law.energy(strain)


@dataclass(frozen=True)
class InelasticSIMP(Inelastic):
    """Interpolation of a law with internal variables: Π(ε; ρ) = (s + (1 - s) ρ^p) Π_solid(ε).

    The factor multiplies the incremental potential, so that moduli, yield stresses and viscosities all fade alike, and the internal
    variables evolve as those of the solid.

    Parameters
    ----------
    law : Inelastic
        The solid, with parameters that are the same at all points. They are not parameters of the interpolated law.
    density, exponent, smallest
        As those of :class:`SIMP`.

    Raises
    ------
    MaterialError
        For parameters that are not physical, a ``law`` without internal variables, or one with parameter fields.

    Notes
    -----
    Moduli and yield stresses that fade differently are parameter fields of the law itself: ``J2Plasticity(K=field, ...)`` has
    derivatives by each of them, which the chain rule adds up.

    Examples
    --------
    >>> import numpy as np
    >>> from hoad.mechanics import J2Plasticity
    >>> from hoad.mechanics.materials.interpolated import InelasticSIMP
    >>> solid = J2Plasticity(K=2.0, mu=1.0, sigma_y=0.01)
    >>> half = InelasticSIMP(solid, density=0.5, smallest=0.001)
    >>> strain = np.diag([1.0, 0.0, 0.0])
    >>> float(half.energy(strain) / solid.energy(strain))   # 0.001 + 0.999 / 8
    0.125875
    """

    law: Inelastic
    density: Parameter
    exponent: Parameter = 3.0
    smallest: Parameter = 1e-3

    def __post_init__(self) -> None:
        if not isinstance(self.law, Inelastic):
            raise MaterialError(
                f"InelasticSIMP interpolates the potential of a {type(self.law).__name__}, expected a material with internal "
                "variables, such as me.J2Plasticity. For others there is me.SIMP."
            )
        _examine(self)

    @property
    def kinematics(self) -> Kinematics:  # type: ignore[override]
        """That of the solid."""
        return self.law.kinematics

    @property
    def dimensions(self) -> tuple[int, ...]:  # type: ignore[override]
        """Those of the solid."""
        return self.law.dimensions

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Density, exponent and smallest part; not the parameters of the solid."""
        return {name: getattr(self, name) for name in ("density", "exponent", "smallest")}

    def initial_state(self, shape: tuple[int, ...]) -> State:
        """That of the solid."""
        return self.law.initial_state(shape)

    def energy(self, strain: Any, state: State | None = None, dt: Any = 1.0) -> Any:
        """Interpolated potential of the step."""
        return (self.smallest + (1.0 - self.smallest) * self.density**self.exponent) * self.law.energy(strain, state, dt)

    def update(self, strain: Any, state: State, dt: Any = 1.0) -> State:
        """Internal variables of the solid."""
        return self.law.update(strain, state, dt)


def _examine(material: SIMP | InelasticSIMP) -> None:
    """Raise for parameters that are not physical, and for a solid with parameter fields."""
    law, name = material.law, type(material).__name__
    fields = [k for k, v in law.parameters.items() if getattr(v, "ndim", 0) > law.field_axes.get(k, 0)]
    if fields:
        raise MaterialError(
            f"the {type(law).__name__} in a {name} material has fields as parameters ({', '.join(fields)}), expected numbers: "
            "the solid is the same everywhere. Give phases of their own to regions of another solid."
        )
    material.require_finite()
    material.require(material.density >= 0, "density >= 0")
    material.require(material.exponent >= 1, "exponent >= 1")
    material.require((material.smallest > 0) & (material.smallest <= 1), "0 < smallest <= 1")
