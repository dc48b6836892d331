"""Green operator between two diagonal scalings: a preconditioner for stiffness that varies smoothly over orders of magnitude."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.errors import MaterialError
from hoad.mechanics.compatibility import Compatibility
from hoad.mechanics.pointwise import LinearTangent, StoredTangent, Tangent

__all__ = ["JacobiGreen", "stiffness_diagonal"]

Array = Any
VOID = 1e-14
FLOOR = 1e-3


def _entry(tangent: Tangent, k: int, j: int) -> Array:
    """Entry (k, j) of the tangent at all points."""
    if isinstance(tangent, StoredTangent):
        return tangent.upper[tangent.row[k, j]]
    assert isinstance(tangent, LinearTangent)
    values = np.full(tangent.count, tangent.base[k, j])
    for extra, mask in tangent.extra:
        values += extra[k, j] * mask
    return values


def stiffness_diagonal(operators: Compatibility, tangent: Tangent) -> Array:
    """Diagonal of the stiffness K = Bᴴ W C B by nodal displacements, (displacements, *grid).

    An entry is the sum over points of C contracted with the products of the stencils of B, which is a correlation: exact for
    compact stencils and for the Fourier scheme alike.
    """
    kin, transform = operators.kinematics, operators.transform
    factor = operators.turn
    total = np.zeros((kin.displacements, *operators.shape))
    for r in range(operators.points):
        stencils: dict[tuple[int, int], Array] = {}
        for k, i, a, c in kin.terms:
            stencil = c * transform.backward((factor * operators.symbols[r, a]).reshape((1, *operators.local)).astype(complex))
            stencils[k, i] = stencils[k, i] + stencil if (k, i) in stencils else stencil
        sums: dict[int, Array] = {}
        for k in range(kin.components):
            for j in range(k, kin.components):
                rows = [i for i in range(kin.displacements) if (k, i) in stencils and (j, i) in stencils]
                if not rows:
                    continue
                values = _entry(tangent, k, j).reshape((operators.points, *operators.shape))[r]
                if not values.any():
                    continue
                hat = transform.forward(values[None])
                for i in rows:
                    product = np.conj(transform.forward(stencils[k, i] * stencils[j, i])) * hat
                    sums[i] = sums.get(i, 0.0) + (1.0 if j == k else 2.0) * product
        for i, spectrum in sums.items():
            total[i] += operators.weights[r] * transform.backward(spectrum)[0]
    return total


class JacobiGreen:
    """z = J^½ G J^½ r with the Green operator G of the reference medium and J = diag(K_ref)/diag(K).

    Where the diagonal of K is that of the reference medium this is the Green operator itself.

    Parameters
    ----------
    operators : Compatibility
        With the reference medium.
    tangent : Tangent

    Raises
    ------
    MaterialError
        If some node has no stiffness at all around it: the scaling does not exist there.

    Notes
    -----
    Four more transforms of the displacement in each application. It pays for tangents that vary smoothly over orders of magnitude
    (densities, damage); across sharp interfaces the Green operator alone is better. arXiv:2508.02613 (2025).
    """

    @staticmethod
    def fits(operators: Compatibility) -> bool:
        """Whether every wave of the discretisation is a nodal displacement (those at free Nyquist frequencies are not)."""
        even = any(n % 2 == 0 for n in operators.grid.shape)
        return not (operators.scheme == "fourier" and operators.nyquist == "free" and even)

    def __init__(self, operators: Compatibility, tangent: Tangent) -> None:
        self.operators = operators
        diagonal = stiffness_diagonal(operators, tangent)
        total, smallest = operators.transform.total, operators.transform.smallest
        low = smallest(float(diagonal.min()) if diagonal.size else np.inf)
        high = -smallest(-float(diagonal.max()) if diagonal.size else np.inf)
        if not np.isfinite(high) or high < 0.0 or (high > 0.0 and abs(low) <= VOID * high):
            raise MaterialError(
                f"the stiffness at the nodes lies between {low:g} and {high:g}, but the 'jacobi-green' preconditioner divides by "
                "it: some nodes are surrounded by voids. Use preconditioner='green', or give the voids a small stiffness."
            )
        if low < 0.0:  # an unstable tangent on the way to equilibrium
            diagonal = np.maximum(np.abs(diagonal), FLOOR * high)
        reference = _reference_diagonal(operators, total)
        if high == 0.0 or not np.all(reference > 0.0):  # one voxel: every displacement is rigid
            self.root = np.ones_like(diagonal)
        else:
            self.root = np.sqrt(np.reshape(reference, (-1,) + (1,) * operators.grid.dimension) / diagonal)
        self.factor = operators.turn

    def _scaled(self, spectrum: Array) -> Array:
        """Spectrum of J^½ times the nodal field of a spectrum; both without the common factor of the symbols."""
        operators = self.operators
        shape = spectrum.shape
        nodal = operators.transform.backward((np.conj(self.factor) * spectrum).reshape((len(spectrum), *operators.local)))
        return self.factor * operators.transform.forward(nodal * self.root).reshape(shape)

    def __call__(self, force: Array) -> Array:
        """Displacement spectrum for a force spectrum, (displacements, frequencies)."""
        scaled = self._scaled(force.astype(complex, copy=False))
        return self._scaled(self.operators.precondition(scaled))


def _reference_diagonal(operators: Compatibility, total: Any) -> Array:
    """Diagonal entry of the reference medium's stiffness for each displacement: the mean of its symbol over all frequencies."""
    from hoad.mechanics.transforms import half_weights

    kin = operators.kinematics
    acoustic = sum(w * kin.acoustic(d, operators.reference) for w, d in zip(operators.weights, operators.symbols, strict=True))
    diagonal = np.einsum("ii...->i...", acoustic).real.reshape((kin.displacements, *operators.local))
    sums = (diagonal * half_weights(operators.transform)).reshape((kin.displacements, -1)).sum(1)
    return np.asarray(total(sums)) / operators.grid.size
