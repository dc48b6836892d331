"""scipy.sparse with traced values on fixed patterns.

Arrays made here take traced values and factors; those of SciPy may be mixed with them.  Functions without a rule raise for traced
arrays and call SciPy otherwise.
"""

from types import ModuleType as _ModuleType
from typing import Any as _Any

import scipy.sparse as _scipy_sparse

from hoad.rules.scipy.sparse.arrays import SparseArray
from hoad.rules.scipy.sparse.construction import MADE as _MADE
from hoad.rules.scipy.sparse.construction import guarded as _guarded
from hoad.scipy.sparse import linalg

__all__ = ["SparseArray", "linalg", *_MADE]


def __getattr__(name: str) -> _Any:
    if name in _MADE:
        return _MADE[name]
    if name.startswith("_") or not hasattr(_scipy_sparse, name):
        raise AttributeError(f"module 'hoad.scipy.sparse' has no attribute {name!r}")
    value = getattr(_scipy_sparse, name)
    if not callable(value) or isinstance(value, _ModuleType):
        return value
    return _guarded(f"scipy.sparse.{name}", value)


def __dir__() -> list[str]:
    return sorted({n for n in dir(_scipy_sparse) if not n.startswith("_")} | set(__all__))
