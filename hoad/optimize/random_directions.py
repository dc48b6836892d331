"""Directions for the next step of a forward-only method: drawn from the state's generator, or replayed."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np

from hoad.errors import OptimizeError, ShapeError
from hoad.optimize.directions import DISTRIBUTIONS, Distribution, draw
from hoad.optimize.method import State

__all__ = ["check_distribution", "confirmations", "next_directions", "orthonormal_rows", "slope_norm"]


def check_distribution(distribution: Distribution) -> None:
    """Raise for a name that is unknown when the optimiser is made, not at its first step."""
    if not callable(distribution) and distribution not in DISTRIBUTIONS:
        raise OptimizeError.unknown("distribution", distribution, DISTRIBUTIONS)


def next_directions(
    state: State, k: int, n: int, dtype: Any, distribution: Distribution, replay: Any = None
) -> tuple[Any, np.random.Generator | None]:
    """K directions (K, N), and the generator after drawing them; the state's own generator is not touched."""
    if k < 1:
        raise ShapeError(f"{k} directions, expected at least one.")
    if replay is not None:
        V = np.asarray(replay)[state.count]
        V = V.reshape(-1, V.shape[-1]).astype(dtype)
        if V.shape[1] != n:
            raise ShapeError(f"replayed directions have {V.shape[1]} entries, expected {n}: the number of variables.")
        return V, state.rng
    rng = deepcopy(state.rng)
    assert rng is not None
    return draw(distribution, rng, (k, n), dtype), rng


def orthonormal_rows(V: Any) -> Any:
    """An orthonormal basis of the span of the rows."""
    return np.linalg.qr(V.T)[0].T


def slope_norm(V: Any, F: Any) -> float:
    """The norm of g estimated from slopes along random directions: E[(g·v)² / |v|²] = |g|² / N."""
    return float(np.sqrt(V.shape[1] * np.mean(F**2 / np.sum(V**2, axis=1))))


def confirmations(V: Any) -> int:
    """Steps that together look along three times as many directions as there are variables, at most 100; one for a basis."""
    k, n = V.shape
    return 1 if k >= n else min(-(-3 * n // k), 100)
