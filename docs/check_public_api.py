"""Checks that every public name has a complete numpydoc docstring and typed parameters.

Run by ``make lint``; prints one line per fault and exits with 1 if there is any. The names are those of
``hoad.__all__`` and of the public modules listed below; what is checked follows numpydoc's own codes.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator

from numpydoc.validate import validate

MODULES = ("hoad", "hoad.errors", "hoad.testing", "hoad.optimize", "hoad.optimize.schedules", "hoad.mechanics", "hoad.sparse")

CODES = {
    "GL03",  # blank lines doubled
    "GL06",  # a section numpydoc does not know
    "GL07",  # sections out of order
    "GL08",  # no docstring
    "SS01",  # no summary
    "SS03",  # summary without a full stop
    "SS06",  # summary longer than a line
    "PR01",  # a parameter without a description
    "PR02",  # a description without a parameter
    "PR03",  # parameters in another order than in the signature
    "PR10",  # no space before the colon
}
FUNCTION_CODES = CODES | {"RT01", "EX01"}  # what comes back, and an example


def public_objects() -> Iterator[tuple[str, object]]:
    """Every public function and class once, with its dotted name."""
    seen = set()
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            documented = inspect.isfunction(thing) or inspect.isclass(thing)
            if documented and id(thing) not in seen:
                seen.add(id(thing))
                yield f"{module_name}.{name}", thing


def docstring_faults(name: str, thing: object) -> Iterator[str]:
    """What numpydoc finds wrong with one docstring."""
    wanted = FUNCTION_CODES if inspect.isfunction(thing) else CODES
    where = f"{thing.__module__}.{thing.__qualname__}"  # hoad.compile is the name of a package too
    for code, message in validate(where)["errors"]:
        if code in wanted:
            yield f"{name}: {code} {message}"


def annotation_faults(name: str, thing: object) -> Iterator[str]:
    """Parameters and results of a function that carry no type."""
    if not inspect.isfunction(thing):
        return
    signature = inspect.signature(thing)
    for parameter in signature.parameters.values():
        if parameter.annotation is inspect.Parameter.empty:
            yield f"{name}: parameter {parameter.name!r} has no type"
    if signature.return_annotation is inspect.Signature.empty:
        yield f"{name}: the result has no type"


def main() -> int:
    """Print all faults; the exit status says whether there are any."""
    objects = list(public_objects())
    faults = [fault for pair in objects for check in (docstring_faults, annotation_faults) for fault in check(*pair)]
    print("\n".join(faults) or f"{len(objects)} public names documented and typed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
