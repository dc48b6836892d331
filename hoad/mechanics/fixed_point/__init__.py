"""Fixed-point schemes for the Lippmann-Schwinger equation, to compare with Newton's method: ``solve(..., method="basic")`` etc."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hoad.errors import MaterialError
from hoad.mechanics.fixed_point.anderson import Anderson
from hoad.mechanics.fixed_point.barzilai_borwein import BarzilaiBorwein
from hoad.mechanics.fixed_point.base import FixedPoint
from hoad.mechanics.fixed_point.basic import Basic
from hoad.mechanics.fixed_point.polarisation import Polarisation
from hoad.mechanics.problem import Problem
from hoad.mechanics.reference import isotropic_reference, stiffness_of

__all__ = ["FIXED_POINTS", "FixedPoint", "Polarisation", "isotropic_reference", "make", "stiffness_of"]


def _accelerated(acceleration: Any) -> Callable[..., FixedPoint]:
    return lambda problem, **options: FixedPoint(problem, acceleration=acceleration, **options)


def _polarisation(alpha: float) -> Callable[..., FixedPoint]:
    def build(problem: Problem, **options: Any) -> FixedPoint:
        kin = problem.kinematics
        if kin.kind == "finite" or (kin.kind == "antiplane" and not kin.small):
            raise MaterialError(
                f"the polarisation scheme {options['scheme']!r} was asked for with finite deformations, expected small strains or "
                "a scalar problem: its local equations need a convex energy. Use method='displacement', 'strain' or 'anderson'."
            )
        return Polarisation(problem, mean="geometric", alpha=alpha, **options)

    return build


FIXED_POINTS: dict[str, Callable[..., FixedPoint]] = {
    "basic": _accelerated(Basic),
    "eyre-milton": _polarisation(2.0),
    "augmented-lagrangian": _polarisation(1.0),
    "barzilai-borwein": _accelerated(BarzilaiBorwein),
    "anderson": _accelerated(Anderson),
}
"""Every fixed-point scheme by name: what ``solve(..., method=name)`` accepts besides the forms of Newton's method."""


def make(scheme: str, problem: Problem, tol: float, reference: Any, max_iterations: int) -> FixedPoint:
    """The solver of a scheme; a reference of None is the scheme's own."""
    options = {"tol": tol, "reference": "auto" if reference is None else reference, "max_cg": max_iterations}
    return FIXED_POINTS[scheme](problem, scheme=scheme, **options)
