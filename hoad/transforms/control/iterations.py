"""Iterations on plain vectors: the fixed-point iteration, Anderson's acceleration of it, and Newton's method.

Sources: D. G. Anderson (1965), J. ACM 12, 547-560; Walker & Ni (2011), SIAM J. Numer. Anal. 49, 1715-1735; Nocedal & Wright,
Numerical Optimization, 2nd ed. (2006), section 11.1 (Newton's method with a line search on the norm of the residual).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.backends import of, truth
from hoad.errors import ConvergenceError

__all__ = ["anderson", "largest", "length_of", "newton", "picard"]

Map = Callable[[Any], Any]


def largest(x: Any) -> float:
    """Largest absolute entry."""
    return float(of(x).to_host(np.abs(x).max())) if x.size else 0.0


def length_of(x: Any) -> float:
    """Euclidean norm."""
    return float(np.sqrt(of(x).to_host((np.abs(x) ** 2).sum())))


def picard(g: Map, z: Any, tolerance: float, max_steps: int, name: str) -> Any:
    """z with z = g(z) by z <- g(z).  The error is estimated from the ratio of two changes."""
    before = np.inf
    error = np.inf
    for k in range(max_steps):
        new = g(z)
        if not truth(np.isfinite(new).all()):
            raise ConvergenceError.not_finite(name, k + 1, z)
        change, scale = largest(new - z), largest(new)
        z = new
        ratio = change / before if before else 0.0
        error = change * ratio / (1 - ratio) if ratio < 1 and before < np.inf else change
        before = change
        if change == 0.0 or (ratio < 1 and max(error, 0.1 * change) <= tolerance * scale):
            return z
    raise ConvergenceError.ended(name, max_steps, error / (largest(z) or 1.0), tolerance, z)


def anderson(g: Map, z: Any, tolerance: float, max_steps: int, name: str, depth: int = 5) -> Any:
    """z with z = g(z): the combination of the last images whose residuals, combined likewise, are least."""
    residuals: list[Any] = []
    images: list[Any] = []
    error = np.inf
    for k in range(max_steps):
        image = g(z)
        if not truth(np.isfinite(image).all()):
            raise ConvergenceError.not_finite(name, k + 1, z)
        r = image - z
        error, scale = largest(r), largest(image)
        if error <= 0.1 * tolerance * scale:
            return image
        residuals, images = [*residuals[-depth:], r], [*images[-depth:], image]
        if len(residuals) == 1:
            z = image
            continue
        on_host = of(r).to_host
        dr = np.diff(np.stack([on_host(v) for v in residuals]), axis=0).T
        gamma = np.linalg.lstsq(dr, on_host(r), rcond=None)[0]
        z = image
        for c, new, old in zip(gamma, images[1:], images, strict=False):
            z = z - float(c) * (new - old)
    raise ConvergenceError.ended(name, max_steps, error / (largest(z) or 1.0), tolerance, z)


def newton(f: Map, z: Any, step: Callable[[Any, Any], Any], tolerance: float, max_steps: int, name: str) -> Any:
    """z with f(z) = 0; ``step(z, r)`` is J⁻¹ r.  A step is halved until the norm of f decreases."""
    r = f(z)
    if not truth(np.isfinite(r).all()):
        raise ConvergenceError.not_finite(name, 0, z)
    size = length_of(r)
    correction = np.inf
    for _ in range(max_steps):
        if size == 0.0:
            return z
        d = step(z, r)
        correction, scale = largest(d), max(largest(z), largest(z - d))
        length = 1.0
        while True:
            new = z - length * d
            found = f(new)
            norm = length_of(found)
            if norm < size * (1 - 1e-4 * length) or correction * length <= tolerance * scale:
                break
            length /= 2
            if length < 1e-10:
                raise ConvergenceError.ended(name, max_steps, correction / (scale or 1.0), tolerance, z)
        if not norm <= size and correction <= tolerance * scale:  # rounding: the last point was as good
            return z
        z, r, size = new, found, norm
        if correction * length <= tolerance * scale:
            return z
    raise ConvergenceError.ended(name, max_steps, correction / (largest(z) or 1.0), tolerance, z)
