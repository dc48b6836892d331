"""Material parameters as variables: numbers of a phase, or fields over its voxels, and the pointwise derivatives by them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hoad.errors import MaterialError
from hoad.mechanics.materials.base import Material, State
from hoad.mechanics.problem import Problem

__all__ = ["Fields", "Parameters"]

Array = Any
Fields = list[dict[str, Array]]
"""For each group of points, values of parameters at its points by name, of shape (own axes..., points of the group)."""


class Parameters:
    """Chosen parameters of a problem, in order.

    Parameters
    ----------
    problem : Problem
    names : sequence of (label, name)
        Phase and parameter. A parameter that the material has as a field is a variable at every voxel, otherwise one number, or
        one array where the law takes an array (such as the relaxation times of a Prony series).

    Raises
    ------
    MaterialError
        For unknown phases or parameters, and for what is no parameter but a choice.
    """

    def __init__(self, problem: Problem, names: Sequence[tuple[Any, str]]) -> None:
        self.problem = problem
        self.names: list[tuple[Any, str]] = []
        self.shapes: list[tuple[int, ...]] = []
        self._own: list[int] = []
        for pair in names:
            if not (isinstance(pair, tuple | list) and len(pair) == 2):
                raise MaterialError(f"{pair!r} was given as a parameter, expected a pair of a phase and a name, such as (1, 'mu').")
            label, name = pair
            if label not in problem.phases:
                raise MaterialError(f"phase {label!r} is not in the cell, expected one of {list(problem.phases)}.")
            material = problem.phases[label]
            differentiable = _differentiable(material)
            if name not in differentiable:
                raise MaterialError.unknown_parameter(type(material).__name__, [name], sorted(differentiable))
            self.names.append((label, name))
            self.shapes.append(np.shape(material.parameters[name]))
            self._own.append(material.field_axes.get(name, 0))
        self.groups = problem.constitutive.groups
        self._where = [[self._points(g, label) for g in self.groups] for label, _ in self.names]

    def _points(self, group: Any, label: Any) -> Any:
        """Which points of a group belong to a phase: None (no point), a slice (all) or an integer array."""
        if label not in group.phases:
            return None
        return slice(None) if group.labels is None else np.flatnonzero(group.labels == label)

    @property
    def values(self) -> list[Array]:
        """Present values."""
        return [np.asarray(self.problem.phases[label].parameters[name], float) for label, name in self.names]

    def replaced(self, values: Sequence[Array]) -> Problem:
        """The problem with other values; it shares the operators."""
        if len(values) != len(self.names):
            raise MaterialError(f"{len(values)} values were given for {len(self.names)} parameters, expected one for each.")
        phases = dict(self.problem.phases)
        for (label, name), value, shape in zip(self.names, values, self.shapes, strict=True):
            if np.shape(value) != shape:
                raise MaterialError(f"parameter {name} of phase {label!r} has shape {np.shape(value)}, expected {shape}.")
            phases[label] = _with(phases[label], name, value)
        return Problem(self.problem.cell, phases, operators=self.problem.operators)

    # -- between parameters and points ------------------------------------------------------------------------------------------

    def present(self) -> Fields:
        """Values at the points."""
        out: Fields = [{} for _ in self.groups]
        for (_, name), own, wheres in zip(self.names, self._own, self._where, strict=True):
            for k, group in enumerate(self.groups):
                if wheres[k] is None or name in out[k]:
                    continue
                value = np.asarray(group.material.parameters[name], float)
                value = value if value.ndim > own else value[..., None]
                out[k][name] = np.array(np.broadcast_to(value, (*value.shape[:-1], group.count(self.problem.constitutive.count))))
        return out

    def spread(self, direction: Sequence[Array]) -> Fields:
        """A direction in parameters as directions at the points."""
        if len(direction) != len(self.names):
            raise MaterialError(f"a direction has {len(direction)} entries, expected one for each of {len(self.names)} parameters.")
        out: Fields = [{name: np.zeros_like(v) for name, v in fields.items()} for fields in self.present()]
        part = self.problem.operators.transform.real_part
        for (label, name), value, shape, own, wheres in zip(
            self.names, direction, self.shapes, self._own, self._where, strict=True
        ):
            try:
                full: Array = np.broadcast_to(np.asarray(value, float), shape)
            except ValueError:
                raise MaterialError(
                    f"the direction of parameter {name} of phase {label!r} has shape {np.shape(value)}, expected {shape}."
                ) from None
            for k, where in enumerate(wheres):
                if where is None:
                    continue
                if len(shape) == own:
                    out[k][name][..., where] = full[..., None]
                else:
                    local = np.reshape(full[(..., *part)], (*shape[:own], -1))
                    at = np.concatenate([local] * self.problem.operators.points, axis=-1)
                    index = self.groups[k].index
                    out[k][name][...] = at if index is None else at[..., index]
        return out

    def collect(self, fields: Fields) -> list[Array]:
        """Derivatives of a mean over the volume, from derivatives of the densities at the points."""
        operators = self.problem.operators
        total = self.problem.cell.grid.size * operators.points
        out = []
        for (_, name), shape, own, wheres in zip(self.names, self.shapes, self._own, self._where, strict=True):
            if len(shape) == own:
                value = np.zeros(shape)
                for k, where in enumerate(wheres):
                    if where is not None:
                        value = value + fields[k][name][..., where].sum(-1)
                out.append(np.asarray(operators.transform.total(value) / total))
            else:
                at = np.zeros((*shape[:own], self.problem.constitutive.count))
                for k, where in enumerate(wheres):
                    if where is not None:
                        index = self.groups[k].index
                        at[..., slice(None) if index is None else index] = fields[k][name]
                out.append(at.reshape((*shape[:own], operators.points, *operators.shape)).sum(own) / total)
        return out

    # -- derivatives of the energy density W(e, p) ---------------------------------------------------------------------------------

    def pointwise(self, work: Callable[..., Any], arrays: Sequence[Array], fields: Sequence[Fields]) -> tuple[list[Array], Fields]:
        """Evaluate ``work(density, points, params) -> (list of (m, n) arrays, dict of (n,) arrays)`` on blocks of all groups.

        ``density(e, params)`` is the energy density of a material without memory, ``points`` the blocks of ``arrays`` and
        ``params`` those of ``fields``.
        """
        m = self.problem.kinematics.components
        count = self.problem.constitutive.count
        flat = [a.reshape((m, -1)) for a in arrays]
        made: list[Array] = []
        slopes: Fields = [{name: np.zeros_like(v) for name, v in f.items()} for f in self.present()]
        kin = self.problem.kinematics

        def run(where: Any, material: Any, _: Any, number: int, piece: slice) -> None:
            def density(e: Array, p: dict[str, Array]) -> Array:
                return material.with_parameters(**p).energy(kin.tensor(e)) if p else material.energy(kin.tensor(e))

            points = [a[:, where] for a in flat]
            params = [{name: v[..., piece] for name, v in f[number].items()} for f in fields]
            with np.errstate(all="ignore"):
                outs, slope = work(density, points, params)
            while len(made) < len(outs):
                made.append(np.zeros((m, count)))
            for full, part in zip(made, outs, strict=False):
                full[:, where] = part
            for name, value in slope.items():
                slopes[number][name][..., piece] = value

        self.problem.constitutive.each(run, self.no_states())
        return [a.reshape(self.problem.field_shape) for a in made], slopes

    def no_states(self) -> list[State | None]:
        """Internal variables of groups that have none."""
        return [None] * len(self.groups)


def _differentiable(material: Material) -> list[str]:
    """Names of numerical parameters, without those that choose something (such as the slip systems of a crystal)."""
    choices = {f.name for f in dataclasses.fields(material) if str(f.type) in ("Any", "typing.Any")}
    return [name for name in material.parameters if name not in choices]


def _with(material: Material, name: str, value: Array) -> Material:
    """The law with another value of a parameter, examined as any new law is."""
    given = {f.name: getattr(material, f.name) for f in dataclasses.fields(material) if f.init}
    if name in given:
        return type(material)(**{**given, name: value})
    for holder, values in given.items():  # laws of a function keep their parameters in a mapping
        if isinstance(values, dict) and name in values and values.keys() == material.parameters.keys():
            changed = type(material)(**{**given, holder: {**values, name: value}})
            for kept in ("kinematics", "dimensions", "field_axes"):
                if kept in material.__dict__:
                    changed.__dict__[kept] = material.__dict__[kept]
            return changed
    return material.with_parameters(**{name: value})
