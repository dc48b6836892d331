"""Minimisers over densities between 0 and 1 with a given mean: optimality criteria, spectral projected gradient, Newton-CG.

A problem has ``value(x)``, ``slope(x)`` (the gradient times the number of voxels, so that it does not depend on the resolution) and
``product(x, v)`` (the Hessian times the number of voxels, times v). Every method returns a density and a list of records.

Sources: Bendsøe & Sigmund, Topology Optimization (2003), ch. 1 (optimality criteria); Birgin, Martínez & Raydan, SIAM J. Optim. 10
(2000) (spectral projected gradient); Lin & Moré, SIAM J. Optim. 9 (1999) (trust region with Cauchy step and projected CG).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hoad.errors import ConvergenceError

Array = np.ndarray


@dataclass(frozen=True)
class Record:
    """Where a method was before one of its iterations: value, departure from stationarity, CG iterations and products so far."""

    value: float
    departure: float
    work: int
    products: int = 0


def project(z: Array, mean: float, low: Any = 0.0, high: Any = 1.0) -> Array:
    """Nearest density between ``low`` and ``high`` with the given mean: z - λ cut off at the bounds, λ by bisection."""
    return _balanced(lambda shift: np.clip(z + shift, low, high), mean, np.min(low - z), np.max(high - z))


def _balanced(density: Callable[[float], Array], mean: float, a: float, b: float) -> Array:
    """``density(t)`` with the given mean; it grows with t. The last digits of the mean go to what is not at a bound."""
    for _ in range(200):
        t = 0.5 * (a + b)
        if t in (a, b):
            break
        a, b = (t, b) if density(t).mean() < mean else (a, t)
    return density(b)


def _value(problem: Any, x: Array) -> float:
    """The value at a trial, infinite where the cell finds no equilibrium."""
    try:
        return float(problem.value(x))
    except ConvergenceError:
        return np.inf


def departure(x: Array, slope: Array, mean: float) -> float:
    """Root mean square of x - P(x - g), which is 0 where the first-order conditions hold; slopes are expected to be of order 1."""
    return float(np.sqrt(np.mean((project(x - slope, mean) - x) ** 2)))


def optimality_criteria(problem: Any, x: Array, mean: float, steps: int, move: float = 0.2) -> tuple[Array, list[Record]]:
    """x ← x √(-g/λ) within ``move``, for slopes that are negative everywhere; a factor λ that keeps the mean."""
    records = []
    for _ in range(steps):
        value, g = problem.value(x), problem.slope(x)
        records.append(Record(value, departure(x, g, mean), problem.work))
        low, high = np.maximum(0.0, x - move), np.minimum(1.0, x + move)
        scaled = x * np.sqrt(np.maximum(-g, 0.0))
        x = _balanced(lambda t, a=low, b=high, y=scaled: np.clip(y * np.exp(t), a, b), mean, -40.0, 40.0)
    records.append(Record(problem.value(x), departure(x, problem.slope(x), mean), problem.work))
    return x, records


def projected_gradient(
    problem: Any, x: Array, mean: float, steps: int, move: float = 0.2, tol: float = 0.0
) -> tuple[Array, list[Record]]:
    """Spectral projected gradient: step lengths of Barzilai and Borwein, value below the largest of the last ten."""
    value, g = problem.value(x), problem.slope(x)
    length = move / np.abs(g).max()
    records = [Record(value, departure(x, g, mean), problem.work)]
    for _ in range(steps):
        if records[-1].departure <= tol:
            break
        d = project(x - length * g, mean, np.maximum(0.0, x - move), np.minimum(1.0, x + move)) - x
        along, largest, part = np.mean(g * d), max(r.value for r in records[-10:]), 1.0
        while (value := _value(problem, x + part * d)) > largest + 1e-4 * part * along and part > 1e-10:
            part *= 0.5
        old, x = g, x + part * d
        g = problem.slope(x)
        curvature = np.mean(d * (g - old)) * part
        length = np.clip(part * part * np.mean(d * d) / curvature, 1e-6, 1e6) if curvature > 0 else 2 * length
        records.append(Record(value, departure(x, g, mean), problem.work))
    return x, records


def newton_cg(
    problem: Any, x: Array, mean: float, steps: int, move: float = 0.2, tol: float = 1e-8, inner: int = 30
) -> tuple[Array, list[Record]]:
    """Trust region in the largest change of a density: a Cauchy step, then conjugate gradients on what is not at a bound."""
    value, g = problem.value(x), problem.slope(x)
    records = [Record(value, departure(x, g, mean), problem.work, problem.products)]
    radius, length = move, move / np.abs(g).max()
    for _ in range(steps):
        if records[-1].departure <= tol:
            break
        low, high = np.maximum(0.0, x - radius), np.minimum(1.0, x + radius)
        hessian = lambda v, x=x: problem.product(x, v)
        d, Hd, length = _cauchy(hessian, x, g, mean, low, high, length)
        target = min(0.1, np.sqrt(records[-1].departure)) * records[-1].departure
        d, Hd = _subspace(hessian, x, g, d, Hd, mean, low, high, inner, target)
        model = np.mean(g * d) + 0.5 * np.mean(d * Hd)
        trial = _value(problem, x + d)
        ratio = (trial - value) / model if model < 0 and np.isfinite(trial) else -1.0
        if abs(trial - value) <= 1e-12 * abs(value):
            ratio = 1.0  # both are rounding error
        if ratio > 1e-4:
            x, value = x + d, trial
            g = problem.slope(x)
        size = np.abs(d).max()
        if ratio < 0.25:
            radius = 0.3 * size
        elif ratio > 0.75 and size > 0.8 * radius:
            radius = min(2 * radius, move)
        records.append(Record(value, departure(x, g, mean), problem.work, problem.products))
        if radius < 1e-12:
            break
    return x, records


def _cauchy(hessian: Any, x: Array, g: Array, mean: float, low: Array, high: Array, length: float) -> tuple[Array, Array, float]:
    """The best step on the way from x to a point of its projected gradient path, and the length of gradient for the next one."""
    d = project(x - length * g, mean, low, high) - x
    Hd = hessian(d)
    along, curvature = np.mean(g * d), np.mean(d * Hd)
    part = min(1.0, -along / curvature) if curvature > 0 else 1.0
    best = length * -along / curvature if curvature > 0 else np.inf
    return part * d, part * Hd, float(np.clip(best, 0.1 * length, 10 * length))


def _subspace(
    hessian: Any, x: Array, g: Array, d: Array, Hd: Array, mean: float, low: Array, high: Array, inner: int, target: float
) -> tuple[Array, Array]:
    """Improve a step by conjugate gradients on the densities inside the bounds, whose changes sum to 0, again where others stop."""

    def model(step: Array, product: Array) -> float:
        return float(np.mean(g * step) + 0.5 * np.mean(step * product))

    left = inner
    for _ in range(4):
        free = (x + d > low + 1e-12) & (x + d < high - 1e-12)
        if free.sum() < 2 or left <= 0:
            break
        s, Hs, used = _conjugate_gradients(hessian, -(g + Hd), free, float(np.max(high - low)), left, target)
        left -= used
        if not used:
            break
        best = model(d, Hd)
        for part in (1.0, 0.3, 0.1):
            moved = project(x + d + part * s, mean, low, high) - x
            inside = np.allclose(moved, d + part * s, rtol=0, atol=1e-13)
            product = Hd + part * Hs if inside else hessian(moved)
            left -= not inside
            if model(moved, product) < best:
                break
        else:
            break
        d, Hd = moved, product
        if inside:
            break
    return d, Hd


def _conjugate_gradients(hessian: Any, r: Array, free: Array, size: float, most: int, target: float) -> tuple[Array, Array, int]:
    """Step s with H s = r on the free entries, H s, number of products; it ends at negative curvature or beyond ``size``."""

    def within(v: Array) -> Array:
        return np.where(free, v - v[free].mean(), 0.0)

    s, Hs = np.zeros_like(r), np.zeros_like(r)
    p = r = within(r)
    rr = np.mean(r * r)
    for count in range(most):
        if np.sqrt(rr) <= target:
            return s, Hs, count
        Hp = hessian(p)
        curvature = np.mean(p * Hp)
        reach = (0.3 * size + np.abs(s).max()) / np.abs(p).max()
        length = rr / curvature if curvature > 0 else np.inf
        if length > reach:
            return s + reach * p, Hs + reach * Hp, count + 1
        s, Hs = s + length * p, Hs + length * Hp
        r = r - length * within(Hp)
        new = np.mean(r * r)
        p, rr = r + new / rr * p, new
    return s, Hs, most
