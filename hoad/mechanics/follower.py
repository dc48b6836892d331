"""Cauchy stress as a load: the first Piola-Kirchhoff stress that belongs to it follows the deformation.

With free macroscopic components a the target of a step is T(F̄, P̄), and its change with the step makes the linear equations
unsymmetric in a few macroscopic rows. They are solved by minimal residuals over those rows: a correction of the target by a vector
of k numbers takes one symmetric solve, and k of them (in practice two or three) span all corrections.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.mechanics.equilibrium import Formulation
from hoad.mechanics.krylov import Pair, conjugate_gradients
from hoad.mechanics.load import Control
from hoad.mechanics.problem import Problem

__all__ = ["follow", "nominal_target"]

Array = Any


def nominal_target(problem: Problem, control: Control, macro: Array, mean: Array) -> Array:
    """Stress of the free components at a macroscopic strain and a mean stress.

    As given, or that first Piola-Kirchhoff stress which has the given Cauchy stress now; components of the Cauchy stress that
    belong to prescribed strains are those of the mean stress, except where symmetry gives them.
    """
    if control.prescribed.all():
        return np.zeros(0)
    if control.measure == "nominal":
        return control.stress[~control.prescribed]
    kin = problem.kinematics
    f = kin.macroscopic(macro)
    j = np.linalg.det(f)
    now = control.rotation.T @ kin.components_of(kin.macroscopic(mean, stress=True) @ f.T / j, stress=True)
    cauchy = kin.macroscopic(np.where(control.prescribed, now, control.stress), stress=True)
    held = kin.macroscopic(control.prescribed.astype(float), stress=True) > 0.5
    cauchy = np.where(held & ~held.T, cauchy.T, cauchy)
    cauchy = kin.macroscopic(control.rotation @ kin.components_of(cauchy, stress=True), stress=True)
    nominal = kin.components_of(j * cauchy @ np.linalg.inv(f).T, stress=True)
    return (control.rotation.T @ nominal)[~control.prescribed]


def follow(
    linear: Formulation,
    problem: Problem,
    control: Control,
    macro: Array,
    mean: Array,
    x: Pair,
    jump: Array,
    atol: float,
    max_cg: int,
) -> tuple[Pair, int]:
    """Correct a step for the change of the target that it brings; returns the step and the iterations that this took.

    Parameters
    ----------
    macro, mean : arrays (m,)
        Macroscopic strain and mean stress at the beginning of the step.
    x : pair
        Step for the target as it is now.
    jump : array (m,)
        Macroscopic strain that the step prescribes on top of ``x``.
    atol : float
        Tolerance in the norm of the preconditioner.
    """
    operators, free, tangent = problem.operators, linear.free, linear.tangent
    assert tangent is not None

    def change(step: Pair, ahead: Array) -> Array:
        """Directional derivative of the target, by central differences of a smooth function of a few numbers."""
        e = linear.strain(step) + problem.uniform(ahead)
        flat = e.reshape((len(e), -1))
        d_mean = operators.mean(tangent.apply(flat, np.empty_like(flat)).reshape(e.shape))
        d_macro = free @ step[1] + ahead
        size = np.linalg.norm(d_macro)
        h = 1e-6 / size if size > 0.0 else 1.0  # the target is linear in the mean stress
        up, down = (nominal_target(problem, control, macro + s * d_macro, mean + s * d_mean) for s in (h, -h))
        return (up - down) / (2 * h)

    def norm(r: Array) -> float:
        return float(np.sqrt(max(r @ linear.precondition([np.zeros_like(x[0]), r])[1], 0.0)))

    missing = rest = change(x, jump)
    steps: list[Pair] = []
    effects: list[Array] = []
    weights: Array = np.zeros(0)
    count = 0
    while len(steps) < free.shape[1] and norm(rest) > atol:
        right = [np.zeros_like(x[0]), rest.copy()]
        solved = conjugate_gradients(linear, right, atol=0.1 * atol, maxiter=max_cg)
        count += solved.iterations
        if not np.all(np.isfinite(solved.x[1])):
            break
        steps.append(solved.x)
        effects.append(rest - change(solved.x, np.zeros_like(macro)))
        weights, *_ = np.linalg.lstsq(np.stack(effects, 1), missing, rcond=None)
        rest = missing - np.stack(effects, 1) @ weights
    for c, step in zip(weights, steps, strict=True):
        x = [u + c * v for u, v in zip(x, step, strict=True)]
    return x, count
