"""numpy.polynomial.legendre with traced values."""

import numpy.polynomial.legendre as _native

from hoad.rules.namespace import mirror as _mirror

__getattr__, __dir__ = _mirror(_native, globals())
