"""A material made of the user's own energy function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hoad.errors import MaterialError
from hoad.mechanics.materials.base import Kinematics, Material, Parameter

__all__ = ["Hyperelastic"]


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Hyperelastic(Material):
    """The material with a given energy function; stress, tangent and all sensitivities follow from it.

    Parameters
    ----------
    density : callable
        ``density(strain, **values)``, ordinary NumPy, the energy per reference volume at every point, of shape (*points). The
        strain is F or ε of shape (3, 3, *points), or a gradient of shape (d, *points), see ``kinematics``. Functions of
        :mod:`hoad.mechanics.tensors` help. Return +inf (by ``np.where``) outside the admissible strains.
    values : mapping of str to float or array
        Parameters by name: numbers or fields that broadcast against the points.
    kinematics : {"finite", "small", "scalar"}
        What the strain is: the deformation gradient, the small strain, or the gradient of a potential.
    dimensions : tuple of int
        Sizes of tensors for which the function is right; (2, 3) if it takes 2 × 2 tensors, too.
    field_axes : mapping of str to int
        Axes of those parameters that are arrays at a single point, such as {"axis": 1} for a direction.

    Raises
    ------
    MaterialError
        For values that are not finite real numbers, and when the function does not return one energy for each point.

    Examples
    --------
    >>> import numpy as np
    >>> from hoad.mechanics.tensors import det, double_dot
    >>> def density(F, mu):
    ...     return 0.5 * mu * (double_dot(F, F) - 3 - 2 * np.log(det(F)))
    >>> law = Hyperelastic(density, {"mu": 2.0})
    >>> law
    Hyperelastic(density, mu=2.0)
    >>> float(law.energy(np.eye(3)))
    0.0
    """

    density: Callable[..., Any]
    values: Mapping[str, Parameter]

    def __init__(
        self,
        density: Callable[..., Any],
        values: Mapping[str, Parameter] | None = None,
        kinematics: Kinematics = "finite",
        dimensions: tuple[int, ...] = (3,),
        field_axes: Mapping[str, int] | None = None,
    ) -> None:
        # What is a property of the class elsewhere is one of the instance here.
        own = dict(kinematics=kinematics, dimensions=tuple(dimensions), field_axes=dict(field_axes or {}))
        self.__dict__.update(own, density=density, values=dict(values or {}))
        self.require(callable(density), f"density to be a function of the strain, not {density!r}")
        self.require(kinematics in ("finite", "small", "scalar"), f"kinematics finite, small or scalar, not {kinematics!r}")
        self.require_finite()

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The values by name."""
        return dict(self.values)

    def with_parameters(self, **changed: Parameter) -> Hyperelastic:
        """The same function with other values."""
        unknown = set(changed) - set(self.values)
        if unknown:
            raise MaterialError.unknown_parameter(type(self).__name__, sorted(unknown), sorted(self.values))
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__, values={**self.values, **changed})
        return new

    def energy(self, strain: Any) -> Any:
        found = self.density(strain, **self.values)
        points = strain.shape[1 if self.kinematics == "scalar" else 2 :]
        shape = np.shape(found)
        if np.ndim(found) < len(points):
            raise MaterialError(
                f"the energy function of {self!r} returned shape {shape} for {points} points, expected one energy for each point. "
                "Sum over the components of tensors, the first axes, and not over the points."
            )
        return found

    def __repr__(self) -> str:
        name = getattr(self.density, "__name__", repr(self.density))
        return f"{type(self).__name__}({', '.join([name, *(f'{k}={v!r}' for k, v in self.values.items())])})"
