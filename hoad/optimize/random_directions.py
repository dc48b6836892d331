"""Directions for the next step of a forward-only method: drawn from the state's generator, or replayed."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np

from hoad.errors import OptimizeError, ShapeError
from hoad.optimize.checks import check_block, natural
from hoad.optimize.directions import DISTRIBUTIONS, Distribution, draw
from hoad.optimize.method import State
from hoad.optimize.schedules import Schedule, as_schedule

__all__ = ["check_distribution", "confirmations", "dimension_schedule", "next_directions", "orthonormal_rows", "slope_norm"]


def check_distribution(distribution: Distribution) -> None:
    """Raise for a name that is unknown when the optimiser is made, not at its first step."""
    if not callable(distribution) and distribution not in DISTRIBUTIONS:
        raise OptimizeError.unknown("distribution", distribution, DISTRIBUTIONS)


def next_directions(
    state: State, k: int, n: int, dtype: Any, distribution: Distribution, replay: Any = None
) -> tuple[Any, np.random.Generator | None]:
    """K directions (K, N), and the generator after drawing them; the state's own generator is not touched."""
    if k < 1:
        raise OptimizeError(f"k = {k} directions, expected at least one.")
    if replay is not None:
        blocks = np.asarray(replay)
        if blocks.ndim not in (2, 3) or blocks.shape[-1] != n or not blocks.size:
            raise ShapeError(f"replayed directions have shape {blocks.shape}, expected (steps, K, {n}), or (steps, {n}) for K = 1.")
        if state.count >= len(blocks):
            raise OptimizeError(f"replay has directions for {len(blocks)} steps and no more. Set maxiter={len(blocks)}.")
        return _usable(check_block(blocks[state.count].reshape(-1, n), dtype).astype(dtype)), state.rng
    rng = deepcopy(state.rng)
    assert rng is not None
    return _usable(draw(distribution, rng, (k, n), dtype)), rng


def _usable(V: Any) -> Any:
    """Directions of which none is zero."""
    zero = ~np.any(V, axis=1)
    if V.shape[1] and zero.any():
        raise OptimizeError(f"direction {int(np.argmax(zero))} is zero: nothing can be learnt along it. Draw others.")
    return V


def dimension_schedule(k: int | Schedule) -> Schedule:
    """Number of directions at each step; what a schedule returns is rounded down."""
    if callable(k) or isinstance(k, Mapping | str):
        schedule = as_schedule(k)
        return lambda count: int(schedule(count))
    return as_schedule(natural("k", k))


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
