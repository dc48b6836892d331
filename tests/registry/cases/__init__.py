"""Every function of the registry with the arguments on which the ten checks run it: one file for each area.

A file calls :func:`~tests.registry.cases.case.case` for each case when it is imported; a new file is found by itself.
"""

from importlib import import_module
from pkgutil import iter_modules

from .case import CASES, Case

__all__ = ["CASES", "Case"]

for _module in sorted(m.name for m in iter_modules(__path__)):
    import_module(f"{__name__}.{_module}")
