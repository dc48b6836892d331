"""scipy.linalg with traced values, and stacks of them; flags that allow inputs to be overwritten are ignored."""

import scipy.linalg as _scipy_linalg

import hoad.rules.scipy.linalg  # noqa: F401  # fills the registry
from hoad.rules.namespace import mirror as _mirror
from hoad.rules.scipy.linalg.dispatch import KEEPING_PAIRS as _KEEPING_PAIRS
from hoad.rules.scipy.linalg.undetermined import RAISING as _RAISING

__getattr__, __dir__ = _mirror(_scipy_linalg, globals(), {**_RAISING, **_KEEPING_PAIRS})
