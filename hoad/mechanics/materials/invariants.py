"""Invariants of the deformation gradient F, in three dimensions or in plane strain.

A 2 × 2 gradient stands for plane strain: the third stretch is 1 and enters the invariants. Symbols as in Holzapfel, Nonlinear
Solid Mechanics (2000), ch. 6: C = FᵀF, I1 = tr C, I2 = (I1² - tr C²)/2, J = det F, and isochoric ones with a bar.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.mechanics.tensors import det, double_dot

__all__ = ["first_invariant", "inadmissible", "isochoric_factor", "right_cauchy_green", "second_invariant", "volume_ratio"]

Array = Any


def volume_ratio(F: Array) -> tuple[Array, Array]:
    """J and the points where J <= 0, with J replaced by 1 there, so that logarithms and powers of it stay real."""
    J = det(F)
    outside = J <= 0
    return np.where(outside, 1.0, J), outside


def inadmissible(outside: Array, energy: Array) -> Array:
    """The energy, infinite at points outside the domain of the law, where a line search has to turn back.

    A NaN in F is not caught: it stays a NaN.
    """
    return np.where(outside, np.inf, energy)


def first_invariant(F: Array) -> Array:
    """I1 = F:F, plus 1 for the third direction in plane strain."""
    return double_dot(F, F) if F.shape[0] == 3 else double_dot(F, F) + 1.0


def right_cauchy_green(F: Array) -> dict[tuple[int, int], Array]:
    """Components C_ij, i <= j, of FᵀF (of size d).

    Component by component, since sweeps over one contiguous component cost a quarter of those over a column of F.
    """
    d, f = F.shape[0], _components(F)
    return {(i, j): sum((f[k][i] * f[k][j] for k in range(1, d)), f[0][i] * f[0][j]) for i in range(d) for j in range(i, d)}


def _components(F: Array) -> list[list[Array]]:
    """Components of F, each taken once: a reverse sweep then gathers nine cotangents and not one for each use."""
    return [[F[i, j] for j in range(F.shape[0])] for i in range(F.shape[0])]


def second_invariant(F: Array) -> Array:
    """I2 = |cof F|², the sum of the squares of the cofactors."""
    if F.shape[0] == 2:
        minor = F[0, 0] * F[1, 1] - F[0, 1] * F[1, 0]
        return double_dot(F, F) + minor * minor
    f = _components(F)
    total: Array = 0.0
    for i, k in ((0, 1), (0, 2), (1, 2)):
        for j, l in ((0, 1), (0, 2), (1, 2)):
            minor = f[i][j] * f[k][l] - f[i][l] * f[k][j]
            total = total + minor * minor
    return total


def isochoric_factor(ln_J: Array) -> Array:
    """J^(-2/3), which turns C into its isochoric part."""
    return np.exp((-2.0 / 3.0) * ln_J)
