"""Which gradient a problem uses: displacement gradients, strains, or gradients of a scalar, as plain component vectors.

A strain measure is stored as m components per point whose plain inner product with the stress components is the work density:
Mandel's √2 weights the shear components of symmetric tensors. All linear algebra (conjugate gradients, projections, tangents)
happens on these components; a material sees the full tensor that :meth:`Kinematics.tensor` makes of them.

=================  ==========================  ======================================================
kind               components m                material's argument
=================  ==========================  ======================================================
``"finite"``       d², H_ij = ∂_j u_i          F = 1 + H, 3 × 3 (plane strain: F_33 = 1)
``"small"``        d(d+1)/2, Mandel            ε, 3 × 3 (plane strain: ε_i3 = 0)
``"scalar"``       d, ∂_a φ                    gradient g, d components (conduction, diffusion)
``"antiplane"``    2, ∂_a u_3                  F = 1 + e_3 ⊗ ∇u_3 or its symmetric part
=================  ==========================  ======================================================
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from hoad.errors import LoadError
from hoad.mechanics.tensors import eye

__all__ = ["Kinematics", "Plane"]

Array = Any
Plane = Literal["strain", "stress", "two-dimensional"]
_ROOT = np.sqrt(0.5)
_PAIRS = {1: [(0, 0)], 2: [(0, 0), (1, 1), (0, 1)], 3: [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]}


@dataclass(frozen=True)
class Kinematics:
    """Strain measure of a problem in d dimensions.

    Parameters
    ----------
    kind : {"finite", "small", "scalar", "antiplane"}
    dimension : int
        Axes of the grid.
    small : bool
        For antiplane problems: whether the material takes a strain instead of a deformation gradient.
    out_of_plane : bool
        Whether a plane problem embeds its tensors in three dimensions; else the material sees 2 × 2 tensors.
    """

    kind: str
    dimension: int
    small: bool = False
    out_of_plane: bool = True

    @cached_property
    def terms(self) -> tuple[tuple[int, int, int, float], ...]:
        """(component, displacement, axis, coefficient): strain component k is the sum of coefficient · ∂_axis u_displacement."""
        d = self.dimension
        if self.kind == "finite":
            return tuple((i * d + a, i, a, 1.0) for i in range(d) for a in range(d))
        if self.kind == "small":
            pairs = _PAIRS[d]
            normal = [(k, i, i, 1.0) for k, (i, j) in enumerate(pairs) if i == j]
            return tuple(normal + [t for k, (i, j) in enumerate(pairs) if i != j for t in ((k, i, j, _ROOT), (k, j, i, _ROOT))])
        return tuple((a, 0, a, 1.0) for a in range(d))

    @property
    def displacements(self) -> int:
        """Components of the unknown field."""
        return self.dimension if self.kind in ("finite", "small") else 1

    @property
    def components(self) -> int:
        """Components m of the strain measure."""
        d = self.dimension
        return {"finite": d * d, "small": d * (d + 1) // 2}.get(self.kind, d)

    @property
    def size(self) -> int:
        """Size of the tensors that a material sees (for a scalar: of its vectors)."""
        if self.kind == "scalar":
            return self.dimension
        return 3 if self.out_of_plane or self.kind == "antiplane" else self.dimension

    @property
    def macro_shape(self) -> tuple[int, ...]:
        """Shape of macroscopic strains and stresses as the user sees them."""
        return (self.dimension,) if self.kind in ("scalar", "antiplane") else (self.dimension, self.dimension)

    # -- between component vectors and tensors ------------------------------------------------------------------------------

    def tensor(self, e: Array) -> Array:
        """The material's argument, of shape (size, size, *points) or (d, *points), from components of shape (m, *points)."""
        if self.kind == "scalar":
            return e
        points = e.shape[1:]
        zero = np.zeros((1,) * len(points))
        rows: list[list[Any]] = [[zero] * self.size for _ in range(self.size)]
        if self.kind == "small":
            for k, (i, j) in enumerate(_PAIRS[self.dimension]):
                rows[i][j] = rows[j][i] = e[k] if i == j else _ROOT * e[k]
        elif self.kind == "finite":
            for i in range(self.dimension):
                for j in range(self.dimension):
                    rows[i][j] = e[i * self.dimension + j]
        else:
            for a in range(2):
                rows[2][a] = 0.5 * e[a] if self.small else e[a]
                rows[a][2] = 0.5 * e[a] if self.small else zero
        full = np.stack([np.stack([np.broadcast_to(c, points) for c in row]) for row in rows])
        if self.kind == "finite" or (self.kind == "antiplane" and not self.small):
            full = full + eye(self.size, len(points))
        return full

    def components_of(self, tensor: Any, what: str = "the load", stress: bool = False) -> Array:
        """Components of a macroscopic strain (deformation gradient for ``"finite"``) or stress, given as the user writes it.

        Raises
        ------
        LoadError
            For another shape, entries that are not finite, a strain that is not symmetric, or out-of-plane components in a
            plane problem.
        """
        a = np.asarray(tensor, dtype=float)
        shape = self.macro_shape
        if self.out_of_plane and self.dimension == 2 and len(shape) == 2 and a.shape == (3, 3):
            outside = a - np.pad(a[:2, :2], (0, 1))
            rest = 1.0 if self.kind == "finite" and not stress else 0.0
            outside[2, 2] -= rest
            if not stress and np.any(outside):
                raise LoadError(
                    f"{what} has out-of-plane components {a[2]}, {a[:, 2]} in a plane problem, where they are not free to choose. "
                    "Pass the 2 × 2 in-plane part."
                )
            a = a[:2, :2]
        if a.shape != shape:
            raise LoadError(f"{what} has shape {a.shape}, expected {shape}: one entry for each component.")
        if not np.all(np.isfinite(a)):
            raise LoadError(f"{what} has entries that are not finite: {a.tolist()}.")
        if self.kind == "finite":
            return (a if stress else a - np.eye(self.dimension)).reshape(-1)
        if self.kind == "small":
            if not np.allclose(a, a.T, rtol=1e-12, atol=1e-300):
                raise LoadError(
                    f"{what} is not symmetric: {a.tolist()}, expected a symmetric tensor for small strains. "
                    "Use (a + a.T) / 2, or a finite-strain material."
                )
            return np.array([a[i, j] if i == j else a[i, j] / _ROOT for i, j in _PAIRS[self.dimension]])
        return a

    def macroscopic(self, e: Array, stress: bool = False) -> Array:
        """Tensor as the user sees it of component vectors (m, ...): inverse of :meth:`components_of`, for fields too."""
        d = self.dimension
        if self.kind == "finite":
            full = e.reshape((d, d, *e.shape[1:]))
            return full if stress else full + eye(d, e.ndim - 1)
        if self.kind == "small":
            rows: list[list[Any]] = [[None] * d for _ in range(d)]
            for k, (i, j) in enumerate(_PAIRS[d]):
                rows[i][j] = rows[j][i] = e[k] if i == j else _ROOT * e[k]
            return np.stack([np.stack(row) for row in rows])
        return e

    def fourth_order(self, c: Array) -> Array:
        """Tangent tensor, of shape macro_shape + macro_shape, from the matrix (m, m)."""
        columns = self.macroscopic(np.asarray(c), stress=True)  # (shape, m)
        n = len(self.macro_shape)
        other = self.macroscopic(np.moveaxis(columns, -1, 0), stress=True)
        return np.moveaxis(other, tuple(range(n)), tuple(range(n, 2 * n)))

    # -- the symbol of the strain --------------------------------------------------------------------------------------------

    def spread(self, d: Array, u: Array, out: Array) -> Array:
        """Strain components D u: ``d`` (axis, ...), ``u`` (displacement, ...) into ``out`` (component, ...)."""
        done: set[int] = set()
        for k, i, a, c in self.terms:
            part = d[a] * u[i]
            if c != 1.0:
                part *= c
            if k in done:
                out[k] += part
            else:
                out[k] = part
                done.add(k)
        return out

    def gather(self, d: Array, s: Array, out: Array) -> Array:
        """Adjoint of :meth:`spread`: conj(D)ᵀ s, which is minus the divergence of the stress."""
        conj = np.conj(d) if np.iscomplexobj(d) else d
        out[...] = 0
        for k, i, a, c in self.terms:
            part = conj[a] * s[k]
            if c != 1.0:
                part *= c
            out[i] += part
        return out

    def acoustic(self, d: Array, reference: Array) -> Array:
        """Matrix Bᴴ C0 B of shape (displacement, displacement, ...) for the symbols ``d`` (axis, ...) of one point."""
        n = self.displacements
        b = np.zeros((self.components, n, len(d)))
        for k, i, a, c in self.terms:
            b[k, i, a] += c
        weights = np.einsum("kia,kl,ljb->ijab", b, reference, b).reshape((n * n, -1))
        products = (np.conj(d)[:, None] * d[None]).reshape((len(d) ** 2, -1))
        return (weights @ products).reshape((n, n, *d.shape[1:]))

    @classmethod
    def common(cls, kinds: Iterable[str], dimension: int, plane: Plane, antiplane: bool) -> Kinematics:
        """Kinematics of a cell whose materials have the given kinds; raises :class:`LoadError` on a mixture."""
        found = sorted(set(kinds))
        if len(found) != 1:
            raise LoadError(
                f"the phases mix materials of kinds {', '.join(found)}, expected one kind in a cell. "
                "Use finite-strain laws in all phases, or small-strain laws in all."
            )
        if antiplane and found[0] != "scalar":
            if dimension != 2:
                raise LoadError(f"antiplane shear was asked for in {dimension} dimensions, expected 2.")
            return cls("antiplane", 2, small=found[0] == "small")
        return cls(found[0], dimension, out_of_plane=plane != "two-dimensional")
