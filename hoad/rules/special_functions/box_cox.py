"""Transformations of Box and Cox and their inverses, and x^y - 1.

boxcox(x, p) is log(x) exprel(p log(x)), and its inverse exp(y log1p(p y) / (p y)): their slopes in p are those of these two
functions, which have no singularity at p = 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from hoad.rules.special_functions.declarations import declare
from hoad.rules.special_functions.entropies import log
from hoad.rules.special_functions.exponential_integrals import log1p_quotient
from hoad.rules.special_functions.ladders import exprel_derivative


def in_power(t: Any, p: Any) -> Any:
    """Derivative of (exp(p t) - 1) / p with respect to p."""
    low = np.equal(t, -np.inf)
    t = np.where(low, -1.0, t)
    return np.where(low, 1 / np.where(low, p, 1.0) ** 2, t * t * exprel_derivative.bind(p * t, n=1))


declare("boxcox", lambda y, x, p: np.exp((p - 1) * log(x)), lambda y, x, p: in_power(log(x), p))
declare("boxcox1p", lambda y, x, p: np.exp((p - 1) * np.log1p(x)), lambda y, x, p: in_power(np.log1p(x), p))
declare("inv_boxcox", lambda y, v, p: y / (1 + p * v), lambda y, v, p: y * v * v * log1p_quotient.bind(p * v, n=1))
declare(
    "inv_boxcox1p",
    lambda y, v, p: (1 + y) / (1 + p * v), lambda y, v, p: (1 + y) * v * v * log1p_quotient.bind(p * v, n=1),
)  # fmt: skip
declare("powm1", lambda y, x, p: p * np.power(x, p - 1), lambda y, x, p: special.xlogy(np.power(x, p), x))
