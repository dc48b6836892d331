"""scipy.fft with traced values.

The module is also a backend of SciPy's transforms: inside ``with scipy.fft.set_backend(hoad.scipy.fft):`` the functions of
scipy.fft themselves take traced values.
"""

from typing import Any as _Any

import scipy.fft as _scipy_fft

import hoad.rules.scipy.fft  # noqa: F401  # fills the registry
from hoad.core.box import Box as _Box
from hoad.rules.namespace import mirror as _mirror

__getattr__, __dir__ = _mirror(_scipy_fft, globals())

__ua_domain__ = "numpy.scipy.fft"


def __ua_function__(method: _Any, args: _Any, kwargs: _Any) -> _Any:
    """What SciPy asks of a backend; arrays that are not traced are left to the next one."""
    if not any(isinstance(a, _Box) for a in (*args, *kwargs.values())):
        return NotImplemented
    return __getattr__(method.__name__)(*args, **kwargs)
