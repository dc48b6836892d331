"""scipy.stats: densities, distribution functions and their logarithms, in the variable and in every real parameter."""

from hoad.rules.scipy.stats.continuous import CONTINUOUS
from hoad.rules.scipy.stats.discrete import DISCRETE
from hoad.rules.scipy.stats.multivariate import MULTIVARIATE

__all__ = ["DISTRIBUTIONS"]

DISTRIBUTIONS = {**CONTINUOUS, **DISCRETE, **MULTIVARIATE}
"""The distributions that accept traced values, by their names in scipy.stats."""
