"""NumPy with traced values: ``import hoad.numpy as np`` where arrays are made of traced values or filled with them.

Everything else is reached by plain NumPy: ``numpy.sin`` and ``hoad.numpy.sin`` do the same.
"""

import numpy as _numpy

import hoad.rules  # noqa: F401  # fills the registry
from hoad.numpy import linalg as linalg
from hoad.rules.creation import CREATION as _CREATION
from hoad.rules.joining import asarray as _asarray
from hoad.rules.namespace import mirror as _mirror

_AS_ARRAYS = dict.fromkeys(("asarray", "asanyarray", "ascontiguousarray"), _asarray)
__getattr__, __dir__ = _mirror(_numpy, globals(), {**_AS_ARRAYS, **_CREATION})
