"""What every material is: a stored energy, or an incremental potential with internal variables.

A material is a frozen dataclass whose fields are its parameters, and one method. Tensors are stored components first: an
argument has shape (3, 3, *points) (or (3, *points) for a scalar problem), the energy density has shape (*points), and
parameters are numbers or arrays that broadcast against the points. Stress and every higher derivative are taken by hoad.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Literal

import numpy as np

from hoad.core.box import Box
from hoad.errors import MaterialError

__all__ = ["Inelastic", "Kinematics", "Material", "Parameter", "State"]

Array = Any
Parameter = Any
"""A number, or an array that broadcasts against the points."""
State = dict[str, Array]
"""Internal variables by name, each of shape (components..., *points)."""
Kinematics = Literal["finite", "small", "scalar"]


@dataclasses.dataclass(frozen=True)
class Material:
    """Base of materials with a stored energy.

    Subclasses are frozen dataclasses of their parameters with a method ``energy``, and a ``kinematics``:

    - ``"finite"``: the argument is the deformation gradient F of shape (3, 3, *points); the first derivative of the energy is
      the first Piola-Kirchhoff stress P.
    - ``"small"``: the argument is the strain ε of shape (3, 3, *points), symmetric; the derivative is the Cauchy stress σ.
    - ``"scalar"``: the argument is the gradient g of a potential, of shape (d, *points), d = 2 or 3; the derivative is the flux
      (with the sign of g).
    """

    kinematics: ClassVar[Kinematics] = "finite"
    dimensions: ClassVar[tuple[int, ...]] = (3,)
    """Sizes d of the tensors that ``energy`` takes; (2, 3) for laws that also hold for two-dimensional tensors."""

    linear: ClassVar[bool] = False
    """Whether the energy is a quadratic form of the strain, so that the tangent is constant."""

    def energy(self, strain: Array) -> Array:
        """Stored energy per reference volume, of shape (*points)."""
        raise NotImplementedError(f"{type(self).__name__} has no energy")

    # -- parameters ----------------------------------------------------------------------------------------------------------

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Numerical fields by name; these can be differentiated."""
        return {f.name: v for f in dataclasses.fields(self) if not isinstance(v := getattr(self, f.name), str | bool | None)}

    def with_parameters(self, **changed: Parameter) -> Material:
        """The same law with other parameters; traced ones are taken as they are."""
        unknown = set(changed) - set(self.parameters)
        if unknown:
            raise MaterialError.unknown_parameter(type(self).__name__, sorted(unknown), sorted(self.parameters))
        new = object.__new__(type(self))
        for f in dataclasses.fields(self):
            object.__setattr__(new, f.name, changed.get(f.name, getattr(self, f.name)))
        return new

    def at(self, points: Any) -> Material:
        """The law at some of the points: parameters that are fields are indexed by ``points`` (along their last axis).

        A parameter is a field if it has more axes than its neighbours in ``field_axes`` say (0 for numbers).
        """
        picked = {
            name: value[..., points]
            for name, value in self.parameters.items()
            if np.ndim(value) > self.field_axes.get(name, 0) and np.shape(value)[-1] > 1
        }
        return self.with_parameters(**picked) if picked else self

    field_axes: ClassVar[dict[str, int]] = {}
    """Number of axes that a parameter has when it is the same at all points, by name; 0 where it is not named."""

    def require(self, condition: Any, requirement: str) -> None:
        """Raise :class:`~hoad.errors.MaterialError` unless ``condition`` holds (everywhere); to be used in ``__post_init__``.

        Traced values pass: a condition cannot be decided on them.
        """
        if not isinstance(condition, Box) and not np.all(condition):
            raise MaterialError.not_physical(type(self).__name__, self.parameters, requirement)

    def require_finite(self) -> None:
        """Raise unless every parameter is a finite real number or an array of such."""
        given = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if str(f.type).startswith("Parameter")}
        optional = {f.name for f in dataclasses.fields(self) if "None" in str(f.type)}
        for name, value in given.items():
            if isinstance(value, list | tuple) and all(np.ndim(v) == np.ndim(value[0]) for v in value):
                given[name] = np.asarray(value)
                object.__setattr__(self, name, given[name])
        for name, value in {**given, **self.parameters}.items():
            if isinstance(value, Box) or (value is None and name in optional):
                continue
            a = value if hasattr(value, "dtype") else np.asarray(value)
            if a.dtype.kind not in "fiu" or not np.all(np.isfinite(a)):
                raise MaterialError.not_a_number(type(self).__name__, name, value)


@dataclasses.dataclass(frozen=True)
class Inelastic(Material):
    """Base of materials with internal variables: an incremental potential.

    Subclasses define ``initial_state``, ``energy`` with the state at the beginning of the step, and ``update``. The potential
    Π(strain; state, dt) is already minimised over the internal variables at the end of the step, so that its first derivative is
    the stress and its second the consistent (algorithmic) tangent; local equations are solved with :func:`hoad.implicit`
    or in closed form, so that derivatives of every order are right.
    """

    def initial_state(self, shape: tuple[int, ...]) -> State:
        """Internal variables of the virgin material for points of the given shape."""
        raise NotImplementedError(f"{type(self).__name__} has no initial_state")

    def energy(self, strain: Array, state: State | None = None, dt: Any = 1.0) -> Array:
        """Condensed incremental potential of a step of length ``dt`` that starts from ``state``, of shape (*points)."""
        raise NotImplementedError(f"{type(self).__name__} has no energy")

    def update(self, strain: Array, state: State, dt: Any = 1.0) -> State:
        """Internal variables at the end of the step."""
        raise NotImplementedError(f"{type(self).__name__} has no update")
