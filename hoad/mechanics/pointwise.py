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

from hoad.mechanics.blocks import in_blocks
from hoad.mechanics.compiled import LEAST, SAMPLES, CompiledLaw, symmetric_product
from hoad.mechanics.kinematics import Kinematics
from hoad.mechanics.materials.base import Inelastic, Material, State
from hoad.transforms.batching import vmap
from hoad.transforms.custom import stop_gradient
from hoad.transforms.first import grad, jvp, value_and_grad

__all__ = ["Constitutive", "Group", "LinearTangent", "StoredTangent", "Tangent"]

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
        kin = self.kinematics
        if isinstance(material, Inelastic):
            return lambda e: material.energy(kin.tensor(e), state, dt)
        return lambda e: material.energy(kin.tensor(e))

    def initial_state(self) -> list[State | None]:
        """State of every group: None, or internal variables of shape (components..., points of the group)."""
        return [
            g.material.initial_state((g.count(self.count),)) if isinstance(g.material, Inelastic) else None for g in self.groups
        ]

    def _sliced(self, state: State | None, piece: slice) -> State | None:
        return None if state is None else {k: v[..., piece] for k, v in state.items()}

    def each(self, work: Any, states: list[State | None], kind: str = "") -> None:
        """Call ``work(where, material, state, group_number, piece)`` on blocks of all groups; on larger ones for kernels."""
        for number, (group, state) in enumerate(zip(self.groups, states, strict=True)):

            def run(piece: slice, group: Group = group, number: int = number, state: State | None = state) -> None:
                where, material = self._at(group, piece)
                work(where, material, self._sliced(state, piece), number, piece)

            native = group.native is not None and group.native.is_checked(kind) and group.native.kernel(kind, state) is not None
            in_blocks(run, group.count(self.count), 16 * BLOCK if native else BLOCK)

    def energy_and_stress(
        self, e: Array, states: list[State | None], dt: Any = 1.0, stress: bool = True
    ) -> tuple[Array, Array | None]:
        """Energy densities (points,) and stress components (m, points) of strain components (m, points).

        Strains that a law does not admit have energy inf or NaN; nothing is raised here, the caller's line search decides.
        """
        energy = np.empty(self.count, e.dtype)
        sigma = np.empty_like(e) if stress else None

        def interpreted(w: Any, x: Array) -> list[Array]:
            if sigma is None:
                return [w(x)]
            (_, density), g = value_and_grad(lambda y: _summed(w(y)), has_aux=True)(x)
            return [density, g]

        kind = "energy" if sigma is None else "stress"

        def work(where: Any, material: Material, state: State | None, number: int, piece: slice) -> None:
            places = [energy] if sigma is None else [energy, sigma]
            self._evaluate(kind, interpreted, places, e, where, material, state, dt, number, piece)

        self.each(work, states, kind)
        return energy, sigma

    def _evaluate(
        self, kind: str, interpreted: Any, places: list[Array], e: Array, where: Any, material: Material, state: State | None,
        dt: Any, number: int, piece: slice,
    ) -> None:  # fmt: skip
        """Results of a kind at a piece of the points into ``places``, by a kernel if there is one."""
        group = self.groups[number]
        x = e[:, where]
        w = self.density(material, state, dt)
        kernel = group.native.kernel(kind, state) if group.native is not None and e.dtype == float else None
        with np.errstate(all="ignore"):
            if kernel is not None and group.native is not None:
                arguments = group.native.arguments(x, state, dt, piece)
                if isinstance(where, slice) and group.native.is_checked(kind):
                    kernel(out=[place[..., where] for place in places], **arguments)
                    return None
                found = kernel(**arguments)
                if not group.native.is_checked(kind):
                    some = slice(piece.start, min(piece.start + SAMPLES, piece.stop))
                    n = some.stop - some.start
                    w = self.density(group.material.at(some), self._sliced(state, slice(0, n)), dt)
                    if not group.native.agrees(kind, [y[..., :n] for y in found], lambda factor: interpreted(w, factor * x[:, :n])):
                        return self._evaluate(kind, interpreted, places, e, where, material, state, dt, number, piece)
            else:
                found = interpreted(w, x)
        for place, values in zip(places, found, strict=True):
            place[..., where] = values
        return None

    def tangent(self, e: Array, states: list[State | None], dt: Any = 1.0) -> Tangent:
        """Second derivative of the energy at strain components (m, points)."""
        if all(g.linear for g in self.groups):
            return self.linear_tangent()
        m = self.kinematics.components
        upper = np.triu_indices(m)
        stored = np.empty((len(upper[0]), self.count), e.dtype)

        def interpreted(w: Any, x: Array) -> list[Array]:
            c = second_derivatives(lambda y: w(y).sum(), x)
            return [0.5 * (c + np.swapaxes(c, 0, 1))[upper]]

        def work(where: Any, material: Material, state: State | None, number: int, piece: slice) -> None:
            self._evaluate("tangent", interpreted, [stored], e, where, material, state, dt, number, piece)

        self.each(work, states, "tangent")
        return StoredTangent(stored, m)

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


def _summed(density: Array) -> Any:
    return density.sum(), stop_gradient(density)


def second_derivatives(total: Any, e: Array) -> Array:
    """Matrix (m, m, n) of second derivatives of a sum over points, from one pass with m directions."""
    m, n = e.shape
    directions = np.zeros((m, m, n), e.dtype)
    directions[np.arange(m), np.arange(m)] = 1.0
    slope = grad(total)
    return np.asarray(vmap(lambda d: jvp(slope, (e,), (d,))[1])(directions))


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
            x = e[:, piece].copy() if out is e else e[:, piece]
            self._times(self.upper[:, piece], x, out[:, piece])

        in_blocks(work, e.shape[1], BLOCK)
        return out

    def _times(self, c: Array, x: Array, y: Array) -> Array:
        kernel = symmetric_product(self.m) if self.upper.shape[1] >= LEAST else None
        if kernel is not None and c.dtype == float and x.dtype == float:
            kernel(out=[y], c=c, x=x)
            return y
        scratch = np.empty_like(x[0])
        for i in range(self.m):
            row = np.multiply(c[self.row[i, 0]], x[0])
            for j in range(1, self.m):
                row += np.multiply(c[self.row[i, j]], x[j], out=scratch)
            y[i] = row
        return y

    def tile(self, e: Array, pick: Callable[[Array], Array]) -> Array:
        return self._times(pick(self.upper), e, np.empty_like(e))

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
