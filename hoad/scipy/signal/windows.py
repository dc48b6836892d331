"""scipy.signal.windows with traced shape parameters."""

import scipy.signal.windows as _scipy_signal_windows

import hoad.rules.scipy.signal  # noqa: F401  # fills the registry
from hoad.rules.namespace import mirror as _mirror

__getattr__, __dir__ = _mirror(_scipy_signal_windows, globals())
