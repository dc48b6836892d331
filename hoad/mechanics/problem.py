"""A cell with its materials: everything that a solve and the derivatives of its result share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hoad.errors import CellError, MaterialError
from hoad.mechanics.cell import Cell
from hoad.mechanics.compatibility import Compatibility
from hoad.mechanics.kinematics import Kinematics
from hoad.mechanics.materials.base import Inelastic, Material, State
from hoad.mechanics.pointwise import Constitutive, Tangent

__all__ = ["Problem"]

Array = Any


class Problem:
    """Equilibrium of a periodic cell.

    Parameters
    ----------
    cell : Cell
    phases : mapping
        Material of each label in the image. Parameters may be fields of the shape of the grid.
    operators : Compatibility, optional
        Operators to share with another problem on the same cell.

    Raises
    ------
    CellError
        For labels without a material.
    MaterialError
        For materials that do not fit the cell, or parameter fields of another shape.
    LoadError
        For materials of different kinds.
    """

    def __init__(self, cell: Cell, phases: Mapping[Any, Material], operators: Compatibility | None = None) -> None:
        missing = [k for k in cell.phases if k not in phases]
        if missing:
            raise CellError(
                f"the image has phases {cell.phases}, and {missing} have no material among {list(phases)}. "
                "Add them to the phases, or relabel the image."
            )
        for label, material in phases.items():
            if not isinstance(material, Material):
                raise MaterialError(
                    f"phase {label!r} is a {type(material).__name__}, expected a material such as me.NeoHooke(mu=1.0, lmbda=2.0). "
                    "Wrap an energy function in me.Hyperelastic."
                )
        used = {k: phases[k] for k in cell.phases}
        dimension = cell.grid.dimension
        self.cell = cell
        self.phases = dict(used)
        self.kinematics = Kinematics.common((m.kinematics for m in used.values()), dimension, cell.plane, cell.antiplane)
        size = self.kinematics.size
        for label, m in used.items():
            if self.kinematics.kind != "scalar" and size not in m.dimensions:
                raise MaterialError(
                    f"{type(m).__name__} of phase {label!r} takes tensors of size {m.dimensions}, but this cell has size {size}. "
                    "Use plane='strain' or plane='stress', which embed in three dimensions."
                )
        if operators is None:
            operators = Compatibility(cell.grid, cell.scheme, self.kinematics, cell.transform, cell.nyquist)
        self.operators = operators
        part = self.operators.transform.real_part
        image = cell.image[part]
        repeats = self.operators.points
        if cell.plane == "stress" and self.kinematics.kind in ("finite", "small") and dimension == 2:
            from hoad.mechanics.materials.plane_stress import PlaneStress

            used = {k: PlaneStress(m) for k, m in used.items()}
        used = {k: self._flattened(m, part, repeats) for k, m in used.items()}
        self.constitutive = Constitutive(self.kinematics, used, np.tile(image.reshape(-1), repeats))

    def _flattened(self, material: Material, part: tuple[slice, ...], repeats: int) -> Material:
        """Parameter fields on the grid as vectors over the points."""
        changed = {}
        shape = self.cell.grid.shape
        for name, value in material.parameters.items():
            own = material.field_axes.get(name, 0)
            if np.ndim(value) <= own:
                continue
            if np.shape(value)[own:] != shape:
                raise MaterialError(
                    f"parameter {name} of {type(material).__name__} has shape {np.shape(value)}, expected a number or a field of "
                    f"shape {np.shape(value)[:own] + shape}."
                )
            local = value[(..., *part)]
            flat = np.reshape(local, (*local.shape[:own], -1))
            changed[name] = flat if repeats == 1 else np.concatenate([flat] * repeats, axis=-1)
        return material.with_parameters(**changed) if changed else material

    @property
    def inelastic(self) -> bool:
        """Whether a phase has internal variables."""
        return any(isinstance(m, Inelastic) for m in self.phases.values())

    # -- fields -------------------------------------------------------------------------------------------------------------------

    @property
    def field_shape(self) -> tuple[int, ...]:
        """Shape (m, points, *grid) of strain and stress fields."""
        return (self.kinematics.components, self.operators.points, *self.operators.shape)

    def uniform(self, components: Array) -> Array:
        """Field of constant strain components."""
        e = np.empty(self.field_shape)
        e[...] = np.reshape(components, (-1,) + (1,) * (e.ndim - 1))
        return e

    def energy_and_stress(
        self, e: Array, states: list[State | None], dt: Any = 1.0, stress: bool = True
    ) -> tuple[float, Array | None]:
        """Mean energy density and stress field of a strain field; the energy is inf or NaN outside the admissible strains."""
        w, s = self.constitutive.energy_and_stress(e.reshape((len(e), -1)), states, dt, stress)
        mean = self.operators.transform.total(float(w.sum())) / (self.cell.grid.size * self.operators.points)
        return mean, None if s is None else s.reshape(e.shape)

    def tangent(self, e: Array, states: list[State | None], dt: Any = 1.0) -> Tangent:
        """Tangent at a strain field."""
        return self.constitutive.tangent(e.reshape((len(e), -1)), states, dt)

    def mean_tangent(self, tangent: Tangent) -> Array:
        """Volume average (m, m) of a tangent."""
        operators = self.operators
        return np.asarray(operators.transform.total(tangent.sum())) / (self.cell.grid.size * operators.points)

    def all_finite(self, field: Array) -> bool:
        """Whether a field has finite entries only, on all processes."""
        return self.operators.transform.smallest(float(np.all(np.isfinite(field)))) > 0.0

    def update(self, e: Array, states: list[State | None], dt: Any = 1.0) -> list[State | None]:
        """Internal variables after a step that ended at a strain field."""
        return self.constitutive.update(e.reshape((len(e), -1)), states, dt)
