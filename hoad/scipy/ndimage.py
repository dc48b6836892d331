"""scipy.ndimage with traced values."""

import scipy.ndimage as _scipy_ndimage

import hoad.rules.scipy.ndimage  # noqa: F401  # fills the registry
from hoad.rules.namespace import mirror as _mirror

__getattr__, __dir__ = _mirror(_scipy_ndimage, globals())
