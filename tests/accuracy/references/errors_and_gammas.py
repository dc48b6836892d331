"""Error functions, the gamma function and its relatives."""

import mpmath as mp
from scipy import special

from .reference import reference

reference("scipy.special.erf", special.erf, mp.erf, (-5.0, 5.0))
reference("scipy.special.erfc", special.erfc, mp.erfc, (-5.0, 25.0))
reference("scipy.special.gammaln", special.gammaln, mp.loggamma, (1e-3, 1e4), logarithmic=True)
reference("scipy.special.digamma", special.digamma, mp.digamma, (1e-3, 1e4), logarithmic=True)
