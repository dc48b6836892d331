"""What the special functions and their derivatives are to 50 digits: one file for each family, found by itself."""

from importlib import import_module
from pkgutil import iter_modules

from .reference import REFERENCES, Reference

__all__ = ["REFERENCES", "Reference"]

for _module in sorted(m.name for m in iter_modules(__path__)):
    import_module(f"{__name__}.{_module}")
