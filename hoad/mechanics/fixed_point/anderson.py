"""Anderson acceleration of the basic scheme."""

from __future__ import annotations

import numpy as np

from hoad.mechanics.equilibrium import Formulation
from hoad.mechanics.krylov import Pair

__all__ = ["Anderson"]

MEMORY = 4
"""Pairs of differences that are kept."""


class Anderson:
    """Fixed-point iteration from that combination of the last iterates whose Γ0 σ is smallest in the norm of C0.

    For linear phases this is GMRES restarted in a sliding way, for others a multi-secant quasi-Newton method.

    Anderson, J. ACM 12 (1965); Walker & Ni, SIAM J. Numer. Anal. 49 (2011); for cells Chen, Gélébart, Chateau, Bornert, Sauder &
    King, Int. J. Eng. Sci. 141 (2019).
    """

    def __init__(self, linear: Formulation) -> None:
        self.linear = linear
        self.moves: list[Pair] = []
        self.residuals: list[Pair] = []
        """Differences of residuals r; those of the preconditioned ones follow, as the preconditioner is linear."""
        self.gram = np.zeros((0, 0))
        self.last: tuple[Pair, Pair, Pair] | None = None

    def increment(self, r: Pair, z: Pair, rz: float) -> Pair:
        if self.last is not None:
            move, r_old, z_old = self.last
            dr = [a - b for a, b in zip(r, r_old, strict=True)]
            dz = [a - b for a, b in zip(z, z_old, strict=True)]
            self._keep(move, dr, dz)
        change = z
        if self.moves:
            values, vectors = np.linalg.eigh(self.gram)
            inverse = np.where(values > 1e-14 * values.max(), 1.0 / np.where(values > 0, values, 1.0), 0.0)
            slopes = np.array([self.linear.dot(d, z) for d in self.residuals])
            weights = vectors @ (inverse * (vectors.T @ slopes))
            mixed = [v.copy() for v in r]
            for w, d in zip(weights, self.residuals, strict=True):
                for a, b in zip(mixed, d, strict=True):
                    a -= w * b
            change = self.linear.precondition(mixed)
            for w, m in zip(weights, self.moves, strict=True):
                for a, b in zip(change, m, strict=True):
                    a -= w * b
        self.last = (change, r, z)
        return change

    def _keep(self, move: Pair, dr: Pair, dz: Pair) -> None:
        if len(self.moves) == MEMORY:
            self.moves.pop(0)
            self.residuals.pop(0)
            self.gram = self.gram[1:, 1:]
        self.moves.append(move)
        self.residuals.append(dr)
        row = np.array([self.linear.dot(d, dz) for d in self.residuals])
        n = len(row)
        gram = np.zeros((n, n))
        gram[: n - 1, : n - 1] = self.gram
        gram[-1], gram[:, -1] = row, row
        self.gram = gram
