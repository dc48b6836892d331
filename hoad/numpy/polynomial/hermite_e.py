"""numpy.polynomial.hermite_e with traced values."""

import numpy.polynomial.hermite_e as _native

from hoad.rules.namespace import mirror as _mirror

__getattr__, __dir__ = _mirror(_native, globals())
