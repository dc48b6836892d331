"""Conjugate gradients for quadratic models q(p) = g·p + p·B p / 2, with the stopping rules of the methods that use them.

Source: Nocedal & Wright, Numerical Optimization, 2nd ed. (2006), algorithms 5.2, 7.1 and 7.2; Martens (2010), section 4.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Iterate", "iterates", "martens", "steihaug", "truncated"]

Product = Callable[[Any], Any]


class Iterate(NamedTuple):
    """Point p, residual r = g + B p, search direction d, its curvature d·B d, and the model q(p)."""

    p: Any
    r: Any
    d: Any
    curvature: float
    model: float


def iterates(product: Product, g: Any, start: Any = None) -> Iterator[Iterate]:
    """Points of the conjugate-gradient method, each with the direction that is tried from it; ends when r = 0."""
    p = np.zeros_like(g) if start is None else start
    r = g.copy() if start is None else g + product(start)
    d = -r
    rr = float(r @ r)
    while rr > 0 and np.isfinite(rr):
        Bd = product(d)
        curvature = float(d @ Bd)
        yield Iterate(p, r, d, curvature, 0.5 * float(p @ (r + g)))
        if not curvature > 0:
            return
        alpha = rr / curvature
        p = p + alpha * d
        r = r + alpha * Bd
        new = float(r @ r)
        d = -r + (new / rr) * d
        rr = new
    yield Iterate(p, r, np.zeros_like(d), 0.0, 0.5 * float(p @ (r + g)))


def truncated(product: Product, g: Any, tolerance: float, limit: int) -> tuple[Any, bool]:
    """A descent direction, and whether negative curvature was met: then the direction before it, or -g at the start."""
    found = None
    for i, found in enumerate(iterates(product, g)):
        if np.linalg.norm(found.r) <= tolerance or i >= limit:
            return found.p, False
        if found.curvature <= 1e-14 * float(found.d @ found.d):
            return (found.p if i else -g), found.curvature < 0
    return (found.p if found is not None and np.any(found.p) else -g), False


def steihaug(product: Product, g: Any, radius: float, tolerance: float, limit: int) -> tuple[Any, float, bool]:
    """Step within the trust region, the model there, and whether it lies on the boundary."""
    found = None
    for i, found in enumerate(iterates(product, g)):
        if np.linalg.norm(found.r) <= tolerance or i >= limit:
            return found.p, found.model, False
        dd = float(found.d @ found.d)
        inside = found.curvature > 1e-14 * dd
        if inside:
            alpha = float(found.r @ found.r) / found.curvature
            if np.linalg.norm(found.p + alpha * found.d) < radius:
                continue
        pd, pp = float(found.p @ found.d), float(found.p @ found.p)
        root = np.sqrt(max(pd * pd + dd * (radius**2 - pp), 0.0))
        tau = (radius**2 - pp) / (pd + root) if pd > 0 else (root - pd) / dd
        p = found.p + tau * found.d
        model = found.model + tau * float(found.r @ found.d) + 0.5 * tau**2 * found.curvature
        return p, model, True
    return (found.p, found.model, False) if found is not None else (np.zeros_like(g), 0.0, False)


def martens(product: Product, g: Any, start: Any, eps: float, limit: int) -> list[tuple[Any, float]]:
    """Points at growing distances and the model there, until the relative progress over k steps falls below k eps.

    k = max(10, i / 10).  Points are kept at indices that grow by a factor of 1.3, for the search back along them.
    """
    kept: list[tuple[Any, float]] = []
    models: list[float] = []
    keep_next = 1.0
    last: tuple[Any, float] | None = None
    for i, found in enumerate(iterates(product, g, start)):
        models.append(found.model)
        last = (found.p, found.model)
        if i and i >= keep_next:
            kept.append(last)
            keep_next *= 1.3
        k = max(10, i // 10)
        slow = i > k and found.model < 0 and (found.model - models[i - k]) / found.model < k * eps
        if slow or i >= limit or found.curvature <= 0:
            if i == 0 and found.curvature < 0:
                last = (found.p - found.r, found.model)
            break
    if last is not None and (not kept or kept[-1][0] is not last[0]):
        kept.append(last)
    return kept
