"""numpy.polynomial.chebyshev with traced values."""

import numpy.polynomial.chebyshev as _native

from hoad.rules.namespace import mirror as _mirror

__getattr__, __dir__ = _mirror(_native, globals())
