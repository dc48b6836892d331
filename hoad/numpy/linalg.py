"""numpy.linalg with traced values, also in lists."""

import numpy.linalg as _numpy_linalg

from hoad.rules.namespace import mirror as _mirror

__getattr__, __dir__ = _mirror(_numpy_linalg, globals())
