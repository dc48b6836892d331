"""numpy.polynomial.polynomial with traced values."""

import numpy.polynomial.polynomial as _native

from hoad.rules.namespace import mirror as _mirror

__getattr__, __dir__ = _mirror(_native, globals())
