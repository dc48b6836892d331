"""scipy.interpolate with traced values: classes of the same names, in data, knots and arguments."""

import scipy.interpolate as _scipy_interpolate

from hoad.rules.namespace import mirror as _mirror
from hoad.rules.scipy.interpolate import FUNCTIONS as _FUNCTIONS
from hoad.rules.scipy.interpolate import TWINS as _TWINS

__getattr__, __dir__ = _mirror(_scipy_interpolate, globals(), {**_TWINS, **_FUNCTIONS, "pchip": _TWINS["PchipInterpolator"]})
