"""Material parameters as variables: numbers of a phase, or fields over its voxels, and the pointwise derivatives by them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hoad.errors import MaterialError
from hoad.mechanics.materials.base import Inelastic
from hoad.mechanics.problem import Problem
from hoad.transforms.first import grad, jvp

__all__ = ["Parameters"]

Array = Any
Fields = list[dict[str, Array]]
"""For each group of points, values of parameters at its points by name."""


class Parameters:
    """Chosen parameters of a problem, in order.

    Parameters
    ----------
    problem : Problem
    names : sequence of (label, name)
        Phase and parameter. A parameter that the material has as a field is a variable at every voxel, otherwise one number.

    Raises
    ------
    MaterialError
        For unknown phases or parameters, parameters with axes of their own, and materials with internal variables.
    """

    def __init__(self, problem: Problem, names: Sequence[tuple[Any, str]]) -> None:
        self.problem = problem
        self.names = [(label, name) for label, name in names]
        self.shapes: list[tuple[int, ...]] = []
        for label, name in self.names:
            if label not in problem.phases:
                raise MaterialError(f"phase {label!r} is not in the cell, expected one of {list(problem.phases)}.")
            material = problem.phases[label]
            if isinstance(material, Inelastic):
                raise MaterialError(
                    f"{type(material).__name__} of phase {label!r} has internal variables: derivatives by parameters along a "
                    "history are not supported. Differentiate materials with a stored energy."
                )
            if name not in material.parameters:
                raise MaterialError.unknown_parameter(type(material).__name__, [name], sorted(material.parameters))
            if material.field_axes.get(name, 0):
                raise MaterialError(
                    f"parameter {name} of {type(material).__name__} is a tensor; derivatives are taken by scalar parameters. "
                    "Write a material whose energy builds the tensor from scalars."
                )
            self.shapes.append(np.shape(material.parameters[name]))
        self.groups = problem.constitutive.groups
        self._where = [[self._points(g, label, name) for g in self.groups] for label, name in self.names]

    def _points(self, group: Any, label: Any, _: str) -> Any:
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
        phases = dict(self.problem.phases)
        for (label, name), value, shape in zip(self.names, values, self.shapes, strict=True):
            if np.shape(value) != shape:
                raise MaterialError(f"parameter {name} of phase {label!r} has shape {np.shape(value)}, expected {shape}.")
            phases[label] = type(phases[label])(**{**_arguments(phases[label]), name: value})
        return Problem(self.problem.cell, phases, operators=self.problem.operators)

    # -- between parameters and points ------------------------------------------------------------------------------------------

    def present(self) -> Fields:
        """Values at the points."""
        out: Fields = []
        for k, group in enumerate(self.groups):
            n = group.count(self.problem.constitutive.count)
            chosen = {name for (_, name), where in zip(self.names, self._where, strict=True) if where[k] is not None}
            out.append({name: np.array(np.broadcast_to(group.material.parameters[name], (n,)), float) for name in chosen})
        return out

    def spread(self, direction: Sequence[Array]) -> Fields:
        """A direction in parameters as directions at the points."""
        out: Fields = [{name: np.zeros_like(v) for name, v in fields.items()} for fields in self.present()]
        grid = self.problem.cell.grid.shape
        part = self.problem.operators.transform.real_part
        for (_, name), value, shape, wheres in zip(self.names, direction, self.shapes, self._where, strict=True):
            for k, where in enumerate(wheres):
                if where is None:
                    continue
                if shape == ():
                    out[k][name][where] = value
                else:
                    local = np.reshape(np.broadcast_to(value, grid)[part], -1)
                    at = np.concatenate([local] * self.problem.operators.points)
                    index = self.groups[k].index
                    out[k][name][...] = at if index is None else at[index]
        return out

    def collect(self, fields: Fields) -> list[Array]:
        """Derivatives of a mean over the volume, from derivatives of the densities at the points."""
        operators = self.problem.operators
        total = self.problem.cell.grid.size * operators.points
        out = []
        for (_, name), shape, wheres in zip(self.names, self.shapes, self._where, strict=True):
            if shape == ():
                value = sum(float(fields[k][name][where].sum()) for k, where in enumerate(wheres) if where is not None)
                out.append(np.asarray(operators.transform.total(value) / total))
            else:
                at = np.zeros(self.problem.constitutive.count)
                for k, where in enumerate(wheres):
                    if where is not None:
                        index = self.groups[k].index
                        at[slice(None) if index is None else index] = fields[k][name]
                out.append(at.reshape((operators.points, *operators.shape)).sum(0) / total)
        return out

    # -- derivatives of the energy density W(e, p) ---------------------------------------------------------------------------------

    def pointwise(self, work: Callable[..., Any], arrays: Sequence[Array], fields: Sequence[Fields]) -> tuple[list[Array], Fields]:
        """Evaluate ``work(density, points, params) -> (list of (m, n) arrays, dict of (n,) arrays)`` on blocks of all groups.

        ``density(e, params)`` is the energy density, ``points`` the blocks of ``arrays`` and ``params`` those of ``fields``.
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
            params = [{name: v[piece] for name, v in f[number].items()} for f in fields]
            with np.errstate(all="ignore"):
                outs, slope = work(density, points, params)
            while len(made) < len(outs):
                made.append(np.zeros((m, count)))
            for full, part in zip(made, outs, strict=False):
                full[:, where] = part
            for name, value in slope.items():
                slopes[number][name][piece] = value

        self.problem.constitutive.each(run, [None] * len(self.groups))
        return [a.reshape(self.problem.field_shape) for a in made], slopes


def _arguments(material: Any) -> dict[str, Any]:
    from dataclasses import fields

    return {f.name: getattr(material, f.name) for f in fields(material) if f.init}


def energy_slope(density: Any, e: Array, p: dict[str, Array]) -> dict[str, Array]:
    """∂W/∂p at the points."""
    return grad(lambda q: density(e, q).sum())(p) if p else {}


def stress_along(density: Any, e: Array, p: dict[str, Array], a: Array) -> Any:
    """Sum over the points of σ(e, p) : A."""
    return jvp(lambda x: density(x, p).sum(), (e,), (a,))[1]
