"""Random directions: rows of a block V that an estimator or a hyperplane search moves along.

All distributions are scaled so that E[v vᵀ] = I, which makes the mean of (g·v) v an unbiased estimate of g.  Kurtosis 1
(signs) has the smallest variance among independent entries: E|ĝ - g|² / |g|² = N + κ₄ - 2 for one direction.
Source: Baydin et al. (2022), Gradients without backpropagation; Shukla & Shin (2023), Randomized forward mode gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.errors import OptimizeError, ShapeError
from hoad.optimize.checks import check_block

__all__ = ["DISTRIBUTIONS", "draw", "generator"]

Distribution = str | Callable[[np.random.Generator, tuple[int, int]], Any]


def _sphere(rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    v = rng.standard_normal(shape)
    return v * (np.sqrt(shape[1]) / np.linalg.norm(v, axis=1, keepdims=True))


def _orthonormal(rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    """K orthonormal rows times sqrt(N): the span is uniform, and the mean over K = N of them is the exact gradient."""
    k, n = shape
    if k > n:
        raise ShapeError(f"{k} orthonormal directions in {n} dimensions, expected at most {n}. Ask for fewer directions.")
    q, r = np.linalg.qr(rng.standard_normal((n, k)))
    return (q * np.sign(np.diag(r))).T * np.sqrt(n)


def _coordinate(rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    """Distinct coordinate axes times sqrt(N), drawn without replacement while there are any left."""
    k, n = shape
    chosen = np.concatenate([rng.permutation(n) for _ in range(-(-k // n))])[:k]
    v = np.zeros(shape)
    v[np.arange(k), chosen] = np.sqrt(n)
    return v


DISTRIBUTIONS: dict[str, Callable[[np.random.Generator, tuple[int, int]], Any]] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "rademacher": lambda rng, shape: rng.choice([-1.0, 1.0], size=shape),
    "uniform": lambda rng, shape: rng.uniform(-np.sqrt(3.0), np.sqrt(3.0), size=shape),
    "sphere": _sphere,
    "orthonormal": _orthonormal,
    "coordinate": _coordinate,
}


def generator(seed: Any) -> np.random.Generator:
    """NumPy's generator for a seed, or the one given."""
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError) as error:
        raise OptimizeError(f"seed {seed!r}, expected a whole number of at least 0, or a numpy Generator: {error}.") from None


def draw(distribution: Distribution, rng: np.random.Generator, shape: tuple[int, int], dtype: Any = float) -> Any:
    """A block of directions, shape (K, N)."""
    if callable(distribution):
        v = np.asarray(distribution(rng, shape))
        if v.shape != shape:
            raise ShapeError(f"the distribution returned shape {v.shape}, expected {shape}: (directions, variables).")
        return check_block(v, dtype, "the distribution's directions").astype(dtype)
    if distribution not in DISTRIBUTIONS:
        raise OptimizeError.unknown("distribution", distribution, DISTRIBUTIONS)
    return DISTRIBUTIONS[distribution](rng, shape).astype(dtype)
