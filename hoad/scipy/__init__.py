"""SciPy with traced values, for those of its functions that convert their arguments to arrays."""

import hoad.rules  # noqa: F401  # fills the registry
from hoad.scipy import special

__all__ = ["special"]
