"""The rules for SciPy's modules other than scipy.special, one module or package of the same name each.

SciPy converts the arguments of these functions to arrays, so traced values reach them through :mod:`hoad.scipy` only; the rules of
a module, and the module of SciPy itself, are therefore imported when its twin in ``hoad.scipy`` is first used.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

__all__ = ["load_all", "modules"]


def modules() -> list[str]:
    """Names of the modules of SciPy that have rules here."""
    return sorted(m.name for m in iter_modules(__path__))


def load_all() -> None:
    """Import the rules of every module."""
    for name in modules():
        import_module(f"{__name__}.{name}")
