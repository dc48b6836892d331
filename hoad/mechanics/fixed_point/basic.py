"""The basic scheme of Moulinec and Suquet."""

from __future__ import annotations

from hoad.mechanics.equilibrium import Formulation
from hoad.mechanics.krylov import Pair

__all__ = ["Basic"]


class Basic:
    """e ← e - Γ0 σ(e): gradient descent with unit step in the norm of the reference medium.

    Converges if C0 exceeds half of every tangent; the number of iterations grows with the contrast.

    Moulinec & Suquet, C. R. Acad. Sci. Paris II 318 (1994); Comput. Methods Appl. Mech. Engrg. 157 (1998).
    """

    def __init__(self, linear: Formulation) -> None:
        pass

    def increment(self, r: Pair, z: Pair, rz: float) -> Pair:
        """Change of the unknown at residual ``r``, preconditioned residual ``z`` and their product ``rz``."""
        return z
