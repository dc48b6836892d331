"""scipy.special with traced values: also logsumexp, softmax, polygamma and others that are not ufuncs."""

import scipy.special as _scipy_special

from hoad.rules.namespace import mirror as _mirror

__getattr__, __dir__ = _mirror(_scipy_special, globals())
