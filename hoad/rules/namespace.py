"""Namespaces that mirror those of NumPy and SciPy: hoad.numpy, hoad.scipy.special and so on, generated from the registry.

They exist for what NumPy's protocols cannot reach: arrays made of traced values, and functions that convert their arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any

import numpy as np

from hoad.backends import of
from hoad.core.box import Box, Buffer, functions
from hoad.core.primitive import exposed
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import holds_box, joined

__all__ = ["mirror", "uncovered"]

_SEQUENCES = {
    "array", "asarray", "block", "concatenate", "stack", "hstack", "vstack", "dstack",
    "column_stack", "select", "piecewise", "multi_dot",
    "einsum", "meshgrid", "broadcast_arrays", "lexsort",
}  # fmt: skip
"""Functions whose list arguments are lists of arrays, not arrays."""


_DISPATCHED = type(np.sum)
"""What NumPy dispatches on its arguments; its other functions, written in Python, turn them into arrays."""


_DISPATCHED_IN_PART = {"numpy.pad", "numpy.full_like", "numpy.interp", "numpy.take"}
"""Functions that NumPy does not dispatch on every argument that may be traced."""


def _covered(name: str, native: Any, implementation: Any) -> Any:
    keeps_lists = name.rpartition(".")[2] in _SEQUENCES
    if isinstance(native, np.ufunc):
        return native  # NumPy dispatches by itself, and nothing is added where no argument is traced
    by_protocol = isinstance(native, _DISPATCHED) and native in functions and name not in _DISPATCHED_IN_PART

    @wraps(native, updated=())
    def function(*args: Any, **kwargs: Any) -> Any:
        if not any(map(holds_box, args)) and not any(map(holds_box, kwargs.values())):
            on_device = not by_protocol and any(of(a).name != "numpy" for a in args)  # SciPy's function would refuse
            return (implementation if on_device else native)(*args, **kwargs)
        if keeps_lists:
            return implementation(*args, **kwargs)
        args = tuple(map(joined, args))
        kwargs = {k: joined(v) for k, v in kwargs.items()}
        return (native if by_protocol else implementation)(*args, **kwargs)

    return function


def uncovered(name: str, native: Any) -> Any:
    """A function without a rule: plain arguments go to ``native``, traced ones raise."""

    @wraps(native, updated=())
    def function(*args: Any, **kwargs: Any) -> Any:
        if any(map(holds_box, args)) or any(map(holds_box, kwargs.values())):
            if not any(map(_is_traced, (*args, *kwargs.values()))):
                return native(*map(_plain, args), **{k: _plain(v) for k, v in kwargs.items()})
            raise UnsupportedFunctionError.no_rule(name)
        return native(*args, **kwargs)

    return function


def _is_traced(x: Any) -> bool:
    return (isinstance(x, Box) and type(x) is not Buffer) or (isinstance(x, list | tuple) and any(map(_is_traced, x)))


def _plain(x: Any) -> Any:
    return x.value if type(x) is Buffer else type(x)(map(_plain, x)) if type(x) in (list, tuple) else x


def mirror(native: ModuleType, here: dict[str, Any], creation: dict[str, Callable[..., Any]] | None = None) -> tuple[Any, Any]:
    """``__getattr__`` and ``__dir__`` of a module that mirrors ``native``.

    Parameters
    ----------
    native : module
        Its functions give the values where no argument is traced.
    here : dict
        Globals of the mirroring module; names that were looked up once are kept there.
    creation : dict, optional
        Functions that take precedence.

    Returns
    -------
    getattr, dir : callable
    """
    prefix = native.__name__
    creation = creation or {}

    def find(name: str) -> Any:
        if name in creation:
            return creation[name]
        value = getattr(native, name, None)
        if name.startswith("_") or not hasattr(native, name):
            raise AttributeError(f"module {here['__name__']!r} has no attribute {name!r}")
        if not callable(value) or isinstance(value, type | ModuleType):
            return value
        for f in exposed():
            if f.name == f"{prefix}.{name}" or f.native is value:
                return _covered(f.name, f.native, f.implementation)
        if value in functions:  # questions about an array: its shape, its dtype
            return _covered(f"{prefix}.{name}", value, functions[value])
        return uncovered(f"{prefix}.{name}", value)

    def lookup(name: str) -> Any:
        here[name] = found = find(name)
        return found

    def names() -> list[str]:
        return sorted({n for n in dir(native) if not n.startswith("_")} | set(creation))

    return lookup, names
