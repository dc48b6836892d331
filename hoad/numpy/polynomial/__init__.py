"""numpy.polynomial with traced values: the functions of its six modules."""

import numpy.polynomial as _numpy_polynomial

import hoad.rules.polynomial_series  # noqa: F401  # fills the registry
from hoad.numpy.polynomial import chebyshev, hermite, hermite_e, laguerre, legendre, polynomial
from hoad.rules.namespace import mirror as _mirror

__all__ = ["chebyshev", "hermite", "hermite_e", "laguerre", "legendre", "polynomial"]
__getattr__, __dir__ = _mirror(_numpy_polynomial, globals())
