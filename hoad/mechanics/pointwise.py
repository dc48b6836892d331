"""Stress and tangent of all points from the stored energies of their materials.

Nothing here knows a constitutive law: stress is the first derivative of the energy density, the tangent its second. Points
are handled in blocks that stay in cache. Phases of one class that differ in their parameters only are evaluated together,
with the parameters looked up voxel by voxel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from hoad.mechanics.blocks import in_blocks, threads
from hoad.mechanics.compiled import LEAST, RESPONSES, CompiledLaw, density, second_derivatives, symmetric_product
from hoad.mechanics.kinematics import Kinematics
from hoad.mechanics.materials.base import Inelastic, Material, State

__all__ = ["Constitutive", "Group", "LinearTangent", "StoredTangent", "Tangent", "second_derivatives"]

Array = Any
BLOCK = 16384


@dataclass
class Group:
    """Points that are evaluated together: one law, its phases, and where they are.

    Parameters
    ----------
    material : Material
        With parameter fields of shape (points of the group,) where phases were merged.
    index : integer array or None
        Positions in the flattened points; None for all of them.
    phases : sequence
        Labels of the phases in the group.
    labels : array or None
        Label of each point of the group; None where there is one phase.
    """

    material: Material
    index: Array | None
    phases: Sequence[Any]
    labels: Array | None = None
    native: CompiledLaw | None = None
    """Kernels of the law, for laws that are not linear."""

    @property
    def linear(self) -> bool:
        """Whether the energy is quadratic and the same at all points of the group."""
        fields_ = any(np.ndim(v) > self.material.field_axes.get(k, 0) for k, v in self.material.parameters.items())
        return self.material.linear and not fields_

    def count(self, total: int) -> int:
        return total if self.index is None else len(self.index)


def _mergeable(a: Material, b: Material) -> bool:
    if type(a) is not type(b) or a.linear:
        return False
    numeric = a.parameters
    if numeric.keys() != b.parameters.keys():
        return False
    plain = all(np.ndim(v) == 0 for m in (a, b) for v in m.parameters.values())
    fixed = [f.name for f in fields(a) if f.name not in numeric]
    return plain and all(_same_setting(getattr(a, name), getattr(b, name)) for name in fixed)


def _same_setting(a: Any, b: Any) -> bool:
    """Whether two settings of laws are the same: equal texts and switches, else one object."""
    return a is b or (isinstance(a, str | bool | int | float) and type(a) is type(b) and a == b)


class Constitutive:
    """The materials of a cell at all of its points.

    Parameters
    ----------
    kinematics : Kinematics
    phases : dict
        Material of each label.
    labels : integer array of shape (points,)
        Label of each point (voxels times points of a voxel, flattened).
    """

    def __init__(self, kinematics: Kinematics, phases: dict[Any, Material], labels: Array) -> None:
        self.kinematics = kinematics
        self.count = labels.size
        self.groups: list[Group] = []
        left = [k for k in phases if np.any(labels == k)]
        while left:
            same = [k for k in left if k == left[0] or _mergeable(phases[left[0]], phases[k])]
            left = [k for k in left if k not in same]
            chosen = np.isin(labels, same)
            index = None if chosen.all() else np.flatnonzero(chosen)
            material = phases[same[0]]
            here = None
            if len(same) > 1:
                here = labels if index is None else labels[index]
                order = np.searchsorted(np.sort(same), here)
                names = sorted(same)
                material = material.with_parameters(
                    **{p: np.array([float(phases[k].parameters[p]) for k in names])[order] for p in material.parameters}
                )
            elif index is not None:
                material = material.at(index)
            group = Group(material, index, same, here)
            if not group.linear:
                group.native = CompiledLaw(kinematics, material, group.count(self.count))
            self.groups.append(group)

    # -- blocks of points -----------------------------------------------------------------------------------------------------

    def _at(self, group: Group, piece: slice) -> tuple[Any, Material]:
        """Where the points of a piece of a group are, and the material there."""
        where = piece if group.index is None else group.index[piece]
        return where, group.material.at(piece)

    def density(self, material: Material, state: State | None, dt: Any) -> Any:
        """Function from strain components (m, n) to energy densities (n,)."""
        return density(self.kinematics, material, state, dt)

    def initial_state(self) -> list[State | None]:
        """State of every group: None, or internal variables of shape (components..., points of the group)."""
        return [
            g.material.initial_state((g.count(self.count),)) if isinstance(g.material, Inelastic) else None for g in self.groups
        ]

    def each(self, work: Any, states: list[State | None]) -> None:
        """Call ``work(where, material, state, group_number, piece)`` on blocks of all groups."""
        for number, state in enumerate(states):
            self._in_blocks(work, number, state)

    def _in_blocks(self, work: Any, number: int, state: State | None) -> None:
        group = self.groups[number]

        def run(piece: slice) -> None:
            where, material = self._at(group, piece)
            work(where, material, None if state is None else {k: v[..., piece] for k, v in state.items()}, number, piece)

        in_blocks(run, group.count(self.count), BLOCK)

    def energy_and_stress(
        self, e: Array, states: list[State | None], dt: Any = 1.0, stress: bool = True
    ) -> tuple[Array, Array | None]:
        """Energy densities (points,) and stress components (m, points) of strain components (m, points).

        Strains that a law does not admit have energy inf or NaN; nothing is raised here, the caller's line search decides.
        """
        energy = np.empty(self.count, e.dtype)
        if not stress:
            self._respond("energy", [energy], e, states, dt)
            return energy, None
        sigma = np.empty_like(e)
        self._respond("stress", [energy, sigma], e, states, dt)
        return energy, sigma

    def tangent(self, e: Array, states: list[State | None], dt: Any = 1.0) -> Tangent:
        """Second derivative of the energy at strain components (m, points)."""
        if all(g.linear for g in self.groups):
            return self.linear_tangent()
        m = self.kinematics.components
        upper = staggered(m * (m + 1) // 2, self.count, e.dtype)
        self._respond("tangent", [upper], e, states, dt)
        return StoredTangent(upper, m)

    def _respond(self, kind: str, places: list[Array], e: Array, states: list[State | None], dt: Any) -> None:
        """What the laws are asked for into ``places``: one native call for a group, or NumPy on blocks of its points."""
        respond = RESPONSES[kind]

        def interpreted(where: Any, material: Material, state: State | None, _: int, __: slice) -> None:
            with np.errstate(all="ignore"):
                found = respond(self.density(material, state, dt), e[:, where])
            for place, values in zip(places, found, strict=True):
                place[..., where] = values

        for number, (group, state) in enumerate(zip(self.groups, states, strict=True)):
            if group.native is None or not group.native.respond(kind, places, e, group.index, state, dt):
                self._in_blocks(interpreted, number, state)

    def linear_tangent(self) -> LinearTangent:
        """Tangent of phases that are all linear: one matrix for each group."""
        m = self.kinematics.components
        matrices = []
        for group in self.groups:
            w = self.density(group.material, None, 1.0)
            matrices.append(second_derivatives(lambda x, w=w: w(x).sum(), np.zeros((m, 1)))[..., 0])
        return LinearTangent([(c, g.index) for c, g in zip(matrices, self.groups, strict=True)], self.count)

    def update(self, e: Array, states: list[State | None], dt: Any = 1.0) -> list[State | None]:
        """Internal variables at the end of a step that led to the strain ``e``."""
        new: list[State | None] = [None if s is None else {k: np.empty_like(v) for k, v in s.items()} for s in states]

        def work(where: Any, material: Material, state: State | None, number: int, piece: slice) -> None:
            target = new[number]
            if target is None or state is None:
                return
            assert isinstance(material, Inelastic)
            for name, value in material.update(self.kinematics.tensor(e[:, where]), state, dt).items():
                target[name][..., piece] = value

        self.each(work, states)
        return new


def staggered(rows: int, n: int, dtype: Any = float) -> Array:
    """An empty array of which rows begin at different places of memory pages: equal ones would share few lines of a cache."""
    line, page = 1536 // np.dtype(dtype).itemsize, 4096 // np.dtype(dtype).itemsize
    return np.empty((rows, n + (line - n) % page), dtype)[:, :n]


class Tangent:
    """Symmetric linear map from strain to stress components at every point."""

    def apply(self, e: Array, out: Array) -> Array:
        """Stress components of strain components (m, points) into ``out``, which may be the strains' own array."""
        raise NotImplementedError

    def tile(self, e: Array, pick: Callable[[Array], Array]) -> Array:
        """Stress components of strain components (m, n) at some points; ``pick`` takes their entries of an array (..., points)."""
        raise NotImplementedError

    def sum(self) -> Array:
        """Sum of the matrices (m, m) over the points of this process."""
        raise NotImplementedError


class StoredTangent(Tangent):
    """Upper triangles (m(m+1)/2, points)."""

    def __init__(self, upper: Array, m: int) -> None:
        self.upper = upper
        self.m = m
        self.row = np.zeros((m, m), int)
        self.row[np.triu_indices(m)] = np.arange(len(upper))
        self.row = np.maximum(self.row, self.row.T)

    def apply(self, e: Array, out: Array) -> Array:
        def work(piece: slice) -> None:
            self._times(self.upper[:, piece], e[:, piece].copy() if out is e else e[:, piece], out[:, piece])

        if not self._native(self.upper, e, out, threads()):
            in_blocks(work, e.shape[1], BLOCK)
        return out

    def _native(self, c: Array, x: Array, y: Array, most: int) -> bool:
        """The product by a native loop, if there is one."""
        if self.upper.shape[1] < LEAST or any(a.dtype != float for a in (c, x, y)):
            return False
        kernel = symmetric_product(self.m)
        if kernel is not None:
            kernel([y], threads=most, c=c, x=x)
        return kernel is not None

    def _times(self, c: Array, x: Array, y: Array) -> Array:
        scratch = np.empty_like(x[0])
        for i in range(self.m):
            row = np.multiply(c[self.row[i, 0]], x[0])
            for j in range(1, self.m):
                row += np.multiply(c[self.row[i, j]], x[j], out=scratch)
            y[i] = row
        return y

    def tile(self, e: Array, pick: Callable[[Array], Array]) -> Array:
        c, out = pick(self.upper), np.empty_like(e)
        return out if self._native(c, e, out, 1) else self._times(c, e, out)

    def sum(self) -> Array:
        return self.upper.sum(1)[self.row]


class LinearTangent(Tangent):
    """One matrix for each group of points."""

    def __init__(self, parts: list[tuple[Array, Array | None]], count: int) -> None:
        self.parts = parts
        self.count = count
        self.base, _ = max(parts, key=lambda p: count if p[1] is None else len(p[1]))
        self.extra = [(c - self.base, self._mask(index)) for c, index in parts if c is not self.base]

    def _mask(self, index: Array | None) -> Array:
        mask = np.zeros(self.count, bool)
        mask[slice(None) if index is None else index] = True
        return mask

    def apply(self, e: Array, out: Array) -> Array:
        def work(piece: slice) -> None:
            out[:, piece] = self.tile(e[:, piece], lambda mask: mask[piece])

        in_blocks(work, e.shape[1], BLOCK)
        return out

    def tile(self, e: Array, pick: Callable[[Array], Array]) -> Array:
        y = self.base @ e
        for c, mask in self.extra:
            here = pick(mask)
            if here.any():
                y += c @ (e * here)
        return y

    def sum(self) -> Array:
        return sum((c * float(self.count if i is None else len(i)) for c, i in self.parts), np.zeros_like(self.base))
