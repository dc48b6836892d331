"""SciPy with traced values, for those of its functions that convert their arguments to arrays.

Each module is imported when it is first used.
"""

from importlib import import_module as _import_module
from typing import Any as _Any

import hoad.rules  # noqa: F401  # fills the registry

_MODULES = ("special",)

__all__ = list(_MODULES)


def __getattr__(name: str) -> _Any:
    if name in _MODULES:
        return _import_module(f"hoad.scipy.{name}")
    raise AttributeError(f"module 'hoad.scipy' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
