"""Gauss-Legendre quadrature on 0..1 to full double precision, for integrands that are computed at all points at once."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np


@cache
def gauss_legendre(count: int) -> tuple[Any, Any]:
    """Nodes and weights as columns.

    NumPy's lose two digits; these are refined by Newton's method on the three-term recurrence, in extended precision where there
    is one.
    """
    x: Any = np.polynomial.legendre.leggauss(count)[0].astype(np.longdouble)
    for _ in range(3):
        before, p = np.ones_like(x), x
        for k in range(2, count + 1):
            before, p = p, ((2 * k - 1) * x * p - (k - 1) * before) / k
        slope = count * (before - x * p) / ((1 - x) * (1 + x))
        x = x - p / slope
    weights = 1 / ((1 - x) * (1 + x) * slope**2)
    return ((1 + x) / 2).astype(float)[:, None], weights.astype(float)[:, None]
