"""Gradient descent with the step lengths of Barzilai and Borwein."""

from __future__ import annotations

from hoad.mechanics.equilibrium import Formulation
from hoad.mechanics.krylov import Pair

__all__ = ["BarzilaiBorwein"]


class BarzilaiBorwein:
    """e ← e - a Γ0 σ(e) with a = <s, s>/<s, y>, where s is the last change of e and y that of Γ0 σ, in the norm of C0.

    Residuals do not fall monotonically. Where the denominator is not positive (no convexity along s) the step is that of the basic
    scheme.

    Barzilai & Borwein, IMA J. Numer. Anal. 8 (1988); Schneider, Int. J. Numer. Meth. Eng. 118 (2019).
    """

    def __init__(self, linear: Formulation) -> None:
        self.linear = linear
        self.last: Pair | None = None
        self.last_rz = 0.0
        self.length = 1.0

    def increment(self, r: Pair, z: Pair, rz: float) -> Pair:
        if self.last is not None:
            drop = self.last_rz - self.linear.dot(self.last, r)
            self.length = self.length * self.last_rz / drop if drop > 0.0 else 1.0
        self.last, self.last_rz = z, rz
        return [self.length * v for v in z]
