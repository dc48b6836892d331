"""scipy.signal with traced values."""

import scipy.signal as _scipy_signal

import hoad.rules.scipy.signal  # noqa: F401  # fills the registry
from hoad.rules.namespace import mirror as _mirror
from hoad.rules.scipy.signal.synthesis import find_peaks as _find_peaks
from hoad.scipy.signal import windows as windows

# The number of peaks differs from signal to signal, so that this one is no function of the registry: it has no batches.
__getattr__, __dir__ = _mirror(_scipy_signal, globals(), {"find_peaks": _find_peaks})
