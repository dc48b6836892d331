"""NumPy with traced values: ``import hoad.numpy as np`` where arrays are made of traced values or filled with them.

Everything else is reached by plain NumPy: ``numpy.sin`` and ``hoad.numpy.sin`` do the same.
"""

from typing import Any as _Any

import numpy as _numpy

import hoad.rules  # noqa: F401  # fills the registry
from hoad.numpy import fft as fft
from hoad.numpy import linalg as linalg
from hoad.numpy import polynomial as polynomial
from hoad.numpy.standard import STANDARD as _STANDARD
from hoad.rules.creation import CREATION as _CREATION
from hoad.rules.joining import asarray as _asarray
from hoad.rules.namespace import mirror as _mirror

_AS_ARRAYS: dict[str, _Any] = dict.fromkeys(("asarray", "asanyarray", "ascontiguousarray"), _asarray)
__getattr__, __dir__ = _mirror(_numpy, globals(), {**_AS_ARRAYS, **_CREATION, **_STANDARD})

# The array API standard looks for these by name.
__array_api_version__ = _numpy.__array_api_version__
__array_namespace_info__ = _numpy.__array_namespace_info__
