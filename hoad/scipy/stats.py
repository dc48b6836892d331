"""scipy.stats with traced values: ``norm.logpdf(x, loc, scale)``, frozen distributions, and SciPy's other functions as they are."""

import scipy.stats as _scipy_stats

from hoad.rules.namespace import mirror as _mirror
from hoad.rules.scipy.stats import DISTRIBUTIONS as _DISTRIBUTIONS

globals().update(_DISTRIBUTIONS)
__getattr__, __dir__ = _mirror(_scipy_stats, globals(), dict(_DISTRIBUTIONS))
