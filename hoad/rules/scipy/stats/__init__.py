"""scipy.stats: densities, distribution functions and their logarithms, in the variable and in every real parameter; statistics."""

from hoad.rules.scipy.stats import descriptive  # noqa: F401  # imported for its declarations
from hoad.rules.scipy.stats.continuous import CONTINUOUS
from hoad.rules.scipy.stats.discrete import DISCRETE
from hoad.rules.scipy.stats.multivariate import MULTIVARIATE

__all__ = ["DISTRIBUTIONS"]

DISTRIBUTIONS = {**CONTINUOUS, **DISCRETE, **MULTIVARIATE}
"""The distributions that accept traced values, by their names in scipy.stats."""
