"""SciPy with traced values, for those of its functions that convert their arguments to arrays.

Each module is imported when it is first used.
"""

from importlib import import_module as _import_module
from pkgutil import iter_modules as _iter_modules
from typing import Any as _Any

import hoad.rules  # noqa: F401  # fills the registry

__all__ = sorted(m.name for m in _iter_modules(__path__))


def __getattr__(name: str) -> _Any:
    if name in __all__:
        return _import_module(f"hoad.scipy.{name}")
    raise AttributeError(f"module 'hoad.scipy' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
