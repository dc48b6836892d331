"""Derivatives of analytic functions as means over a circle (Cauchy's integral), where formulas in the function would cancel.

The n-th derivative is n! / r^n times the mean of f(x + r e^(it)) e^(-int).  With a radius of the order of the distance to the
nearest singularity it is as accurate as f itself, whatever cancels between f, f' and x.  Source: Bornemann, Accuracy and
Stability of Computing High-Order Derivatives of Analytic Functions by Cauchy Integrals (2011).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

NODES = 64
"""The neglected terms are (radius / distance to the singularity) to this power."""


def derivative(f: Callable[[Any], Any], x: Any, radius: Any, n: int) -> Any:
    """n-th derivative of f at the points x.

    Parameters
    ----------
    f : callable
        Analytic, of complex arrays; real on the real axis if x is real.
    x, radius : ndarray
    n : int
    """
    real = not np.iscomplexobj(x)
    angles = 2 * np.pi * (np.arange(NODES // 2 if real else NODES) + 0.5) / NODES
    total: Any = 0.0
    for angle in angles:
        term = f(x + radius * np.exp(1j * angle)) * np.exp(-1j * n * angle)
        total = total + (2 * term.real if real else term)
    return total * (math.factorial(n) / NODES) / radius**n


def rounded(y: Any, x: Any) -> Any:
    """A result in double precision with the shape and the real or complex precision of x."""
    dtype = np.result_type(getattr(x, "dtype", float), np.float32)
    single = dtype in (np.float32, np.complex64)
    kind = (np.complex64 if single else complex) if np.iscomplexobj(y) else (np.float32 if single else float)
    return y.reshape(np.shape(x)).astype(kind)[()]
