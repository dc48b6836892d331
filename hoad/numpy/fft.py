"""numpy.fft with traced values, also in lists."""

import numpy.fft as _numpy_fft

from hoad.rules.namespace import mirror as _mirror

__getattr__, __dir__ = _mirror(_numpy_fft, globals())
