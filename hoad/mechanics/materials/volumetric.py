"""Energies of a change of volume, U(J) with U(1) = U'(1) = 0 and U''(1) = 1, and how they join energies of a change of shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hoad.mechanics.materials.invariants import isochoric_factor

__all__ = ["COUPLINGS", "VOLUMETRIC", "couple"]

Array = Any

VOLUMETRIC: dict[str, Callable[[Array, Array], Array]] = {
    "log": lambda J, ln_J: 0.5 * ln_J**2,
    "quadratic": lambda J, ln_J: 0.5 * (J - 1.0) ** 2,
    "simo-miehe": lambda J, ln_J: 0.25 * (J * J - 1.0) - 0.5 * ln_J,
}
"""U(J) by name, as functions of J and ln J.

``"log"``, U = (ln J)²/2 (Simo & Pister 1984; Hencky's), ``"quadratic"``, U = (J - 1)²/2, and ``"simo-miehe"``,
U = (J² - 1 - 2 ln J)/4 (Ciarlet 1988; Simo & Miehe 1992), the only one of the three that is convex and infinite at both ends.
"""

COUPLINGS = (*VOLUMETRIC, "isochoric")
"""Names that :func:`couple` knows."""


def couple(form: str, mu: Any, lmbda: Any, I1: Array, J: Array, ln_J: Array) -> tuple[Array, Array]:
    """The first invariant that a law with shear modulus μ depends on, and the energy that keeps F = 1 free of stress.

    - ``"log"``, ``"quadratic"``, ``"simo-miehe"``: I1 itself, and -μ ln J + λ U(J).
    - ``"isochoric"``: J^(-2/3) I1, and κ U(J) with κ = λ + 2μ/3 and U of ``"simo-miehe"``.

    In all four the small-strain moduli are μ and λ.
    """
    if form == "isochoric":
        return isochoric_factor(ln_J) * I1, (lmbda + mu * (2.0 / 3.0)) * VOLUMETRIC["simo-miehe"](J, ln_J)
    return I1, lmbda * VOLUMETRIC[form](J, ln_J) - mu * ln_J
