"""What a function uses beside its arguments, and whether it is still what it was when the function was recorded.

Followed from the function are closure cells, defaults, the items of containers, and the globals and attributes that its code and
the code of the functions it reaches mention.  Numbers, texts and functions are compared with what was there.  Of arrays a sample
of the bytes is: all of them up to 512 elements; beyond, 64 elements at equal distances and 1,024 neighbours from the middle, so
that a few elements that are overwritten in a larger array can go unnoticed.  Of arrays of a device nothing but which array it is:
looking at the numbers would wait for the device at each call.
"""

from __future__ import annotations

import array
import dis
import math
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from functools import lru_cache, partial
from types import BuiltinFunctionType, CodeType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

import numpy as np

from hoad.backends import on_device
from hoad.core.box import Box

__all__ = ["Captures"]

PLACES = 256
"""Places that are followed, from the function outwards."""

WHOLE = 512
STRIDED = 64
RUN = 1024

_VALUES = (int, float, complex, str, bytes, type(None), np.generic)
_FOREIGN = frozenset(("numpy", "scipy", "optree", "cupy", "builtins")) | sys.stdlib_module_names - {"__main__"}
_INDIRECT = ("__dict__", "vars", "getattr", "fields", "asdict", "astuple", "attrgetter", "__getattr__", "__getattribute__")
_TYPES = frozenset(("isinstance", "type", "issubclass", "hasattr", "singledispatch", "__class__", "__array_namespace__"))
_ENVIRONMENT = frozenset(("environ", "getenv"))
_MISSING = object()


class Captures:
    """The places found from the roots, with what was there.

    Attributes
    ----------
    unchanged : callable
        Whether all places hold what they held; a few tens of ns for each place, some 1 µs for a large array.
    complete : bool
        Whether all places were followed.
    asks_types : bool
        Whether the code, or code that cannot be seen, may ask for the types of values.
    """

    def __init__(self, roots: Iterable[Any], arrays: Iterable[np.ndarray]) -> None:
        self.cells: dict[int, tuple[Any, Any]] = {}
        self.entries: dict[tuple[int, Any], tuple[Any, Any, Any]] = {}
        self.lengths: dict[int, tuple[Any, int]] = {}
        self.states: dict[int, tuple[Callable[[], Any], Any]] = {}
        self.samples: dict[int, list[tuple[np.ndarray, bytes]]] = {}
        self.complete = True
        self.unchanged: Callable[[], bool] = lambda: True
        self._roots = list(roots)
        self._arrays = list(arrays)
        self._collect()

    def __len__(self) -> int:
        return len(self.cells) + len(self.entries) + len(self.lengths) + len(self.states) + len(self.samples)

    def add(self, roots: Iterable[Any], arrays: Iterable[np.ndarray]) -> None:
        """More roots; what is known already is taken down again."""
        self._roots += [r for r in roots if not any(r is known for known in self._roots)]
        self._arrays += [a for a in arrays if not any(a is known for known in self._arrays)]
        self._collect()

    def same(self) -> bool:
        """Whether all places hold equal values; objects that are equal replace the known ones."""
        if self.unchanged():
            return True
        for cell, known in self.cells.values():
            if not _equal(_content(cell), known):
                return False
        for holder, key, known in self.entries.values():
            if not _equal(_entry(holder, key), known):
                return False
        if any(len(holder) != n for holder, n in self.lengths.values()):
            return False
        if any(now() != known for now, known in self.states.values()):
            return False
        if any(view.tobytes() != data for pairs in self.samples.values() for view, data in pairs):
            return False
        self._collect()
        return True

    def around(self, fast: Callable[..., Any]) -> Callable[..., Any]:
        """``fast``, or NotImplemented where something has changed."""
        if not len(self):
            return fast

        def checked(*args: Any) -> Any:
            return fast(*args) if self.unchanged() else NotImplemented

        return checked

    # -- collection -----------------------------------------------------------------------------------------------------

    def _collect(self) -> None:
        self._mentioned: set[str] = set()
        self._alive: list[Any] = []
        self.asks_types = False
        count = -1
        while count < len(self._mentioned):  # a function that is found mentions more attributes
            count = len(self._mentioned)
            self._walk()
        self.unchanged = self._written()

    def _walk(self) -> None:
        for table in (self.cells, self.entries, self.lengths, self.states, self.samples):
            table.clear()
        seen: set[int] = set()
        waiting: deque[Any] = deque(self._roots)
        for a in self._arrays:
            self._sample(a)
        self.complete = True
        while waiting:
            x = waiting.popleft()
            if id(x) in seen:
                continue
            seen.add(id(x))
            if len(self) >= PLACES:
                self.complete = False
                break
            waiting.extend(self._follow(x))

    def _follow(self, x: Any) -> list[Any]:
        """Take down the places in ``x``; returns what they hold."""
        if isinstance(x, np.ndarray):
            self._sample(x)
            return self._elements(x, x.reshape(-1).tolist) if x.dtype.kind == "O" else []
        if on_device(x):
            return []
        if isinstance(x, FunctionType):
            return self._function(x)
        if isinstance(x, MethodType):
            return [x.__func__, x.__self__]
        if isinstance(x, partial):
            return [x.func, *x.args, *x.keywords.values()]
        if isinstance(x, tuple | frozenset):
            return list(x)
        if isinstance(x, list | dict | deque):
            self.lengths[id(x)] = (x, len(x))
            found = [self._place(x, k) for k in (list(x) if isinstance(x, dict) else range(len(x)))]
            return found + self._instance(x) if hasattr(x, "__dict__") else found
        if isinstance(x, set):
            return self._elements(x, partial(list, x))
        if isinstance(x, bytearray | array.array):
            self.states[id(x)] = (partial(bytes, x), bytes(x))
            return []
        if isinstance(x, ContextVar):
            return self._elements(x, lambda: [x.get(None)])
        if isinstance(x, type):
            return [*self._class(x), *x.__mro__[1:]] if _is_own(x.__module__) else []
        if hasattr(x, "roots_of_captures"):
            return list(x.roots_of_captures())
        if isinstance(x, (*_VALUES, Box, ModuleType, BuiltinFunctionType, CodeType)) or type(type(x)) is not type:
            return []
        if not _is_own(type(x).__module__):
            found = [self._place(x, n) for n in getattr(x, "__dict__", ()) if self._mentions(n)]
            return [*found, x.__wrapped__] if hasattr(x, "__wrapped__") else found
        return [*self._instance(x), *type(x).__mro__]

    def _elements(self, x: Any, elements: Callable[[], list[Any]]) -> list[Any]:
        """Take down the identities of what there is in something; returns it, which keeps it alive."""
        known = elements()
        names = list(map(id, known))
        self.states[id(x)] = (lambda: list(map(id, elements())), names)
        self._alive.append(known)
        return known

    def _function(self, f: FunctionType) -> list[Any]:
        found = []
        for cell in f.__closure__ or ():
            value = _content(cell)
            if value is not _MISSING:
                if not isinstance(value, Box):
                    self.cells[id(cell)] = (cell, value)
                found.append(value)
        found += [*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()]
        if _is_own(f.__module__):
            names, attributes = _names(f.__code__)
            self._mentioned.update(attributes)
            for n in ("__code__", "__defaults__") if f.__defaults__ else ("__code__",):  # what loading a module again replaces
                self._place(f, n)
            found += [self._place(f.__kwdefaults__, n) for n in f.__kwdefaults__ or ()]
            found += [self._place(f.__dict__, n) for n in f.__dict__ if self._mentions(n)]
            self.asks_types = self.asks_types or not _TYPES.isdisjoint((*names, *attributes))
            for name in names:
                value = f.__globals__.get(name, _MISSING)
                if isinstance(value, FunctionType | ModuleType | type):
                    module = value.__name__ if isinstance(value, ModuleType) else value.__module__
                    self.asks_types = self.asks_types or not (_is_known(module) or _is_own(module))
                if isinstance(value, ModuleType):
                    if value is os and not _ENVIRONMENT.isdisjoint(attributes):
                        self.states[id(os.environ)] = (lambda: dict(os.environ), dict(os.environ))
                    if _is_own(value.__name__):
                        found += [self._place(value.__dict__, n) for n in attributes if n in value.__dict__]
                elif value is not _MISSING:
                    found.append(self._place(f.__globals__, name))
        return found

    def _instance(self, x: Any) -> list[Any]:
        space = getattr(x, "__dict__", {})
        found = [self._place(space, n) for n in space if self._mentions(n)]
        for n in self._mentioned.difference(space):  # an attribute of the class, which the instance may get
            if hasattr(type(x), n) and space is not type(x).__dict__ and hasattr(x, "__dict__"):
                self.entries[id(space), n] = (space, n, _MISSING)
        return found + [self._place(x, n) for c in type(x).__mro__ for n in _slots(c) if self._mentions(n)]

    def _class(self, x: type) -> list[Any]:
        """Data and functions that are mentioned, and what operators and calls mean."""
        found = []
        for n, v in x.__dict__.items():
            if isinstance(v, property):
                found.append(v.fget)
            elif isinstance(v, staticmethod | classmethod):
                found.append(v.__func__)
            elif n.startswith("__"):
                found += [v] if isinstance(v, FunctionType) and n not in ("__init__", "__new__", "__repr__") else []
            elif self._mentions(n) and isinstance(v, (*_VALUES, np.ndarray, FunctionType, list, dict, tuple)):
                found.append(self._place(x.__dict__, n))
        if x.__mro__[1:] != (object,):
            space = x.__dict__
            for n in self._mentioned.difference(space):  # an attribute of a base, which the class may get
                if hasattr(x, n):
                    self.entries[id(x), n] = (space, n, _MISSING)
        return found

    def _mentions(self, name: Any) -> bool:
        """Whether code may read an attribute; code that reads attributes by other means may read all."""
        return isinstance(name, str) and (name in self._mentioned or not self._mentioned.isdisjoint(_INDIRECT))

    def _place(self, holder: Any, key: Any) -> Any:
        value = _entry(holder, key)
        if not isinstance(value, Box | ModuleType) and value is not _MISSING:
            self.entries[id(holder), key] = (holder, key, value)
        return value

    def _sample(self, a: np.ndarray) -> None:
        if a.dtype.kind == "O" or not a.size or id(a) in self.samples:
            return
        self.samples[id(a)] = [(view, view.tobytes()) for view in _views(a)]

    def _written(self) -> Callable[[], bool]:
        """The comparison as one expression."""
        names: dict[str, Any] = {}
        terms = []

        def name(x: Any) -> str:
            text = f"x{len(names)}"
            names[text] = x
            return text

        for cell, value in self.cells.values():
            terms.append(f"{name(cell)}.cell_contents is {name(value)}")
        for holder, key, value in self.entries.values():
            if value is _MISSING:
                terms.append(f"{name(key)} not in {name(holder)}")
            elif isinstance(holder, dict | MappingProxyType):
                terms.append(f"{name(holder.get)}({name(key)}) is {name(value)}")
            elif isinstance(holder, list | deque):
                terms.append(f"{name(holder)}[{key}] is {name(value)}")
            else:
                terms.append(f"{name(holder)}.{key} is {name(value)}")
        terms = [f"len({name(holder)}) == {n}" for holder, n in self.lengths.values()] + terms
        for now, known in self.states.values():
            terms.append(f"{name(now)}() == {name(known)}")
        for pairs in self.samples.values():
            terms += [f"{name(view.tobytes)}() == {name(data)}" for view, data in pairs]
        lines = "".join(f"        if not ({t}): return False\n" for t in terms)
        text = f"def unchanged():\n    try:\n{lines}        return True\n    except Exception:\n        return False\n"
        exec(text, names)
        return names["unchanged"]


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _MISSING


def _entry(holder: Any, key: Any) -> Any:
    try:
        return holder[key] if isinstance(holder, dict | list | deque | MappingProxyType) else getattr(holder, key)
    except (KeyError, IndexError, AttributeError):
        return _MISSING


def _equal(x: Any, y: Any) -> bool:
    """Whether a place may count as unchanged."""
    if x is y:
        return True
    return type(x) is type(y) and isinstance(x, _VALUES) and bool(x == y)


def _is_known(module: Any) -> bool:
    """Whether something belongs to Python, NumPy, SciPy or hoad."""
    top = str(module).partition(".")[0]
    return top in _FOREIGN or top == "hoad"


def _is_own(module: Any) -> bool:
    """Whether something belongs to the user, and neither to these nor to another installed package."""
    top = str(module).partition(".")[0]
    if _is_known(module):
        return False
    found = sys.modules.get(top)
    path = getattr(found, "__file__", None) or ""
    return "site-packages" not in path and "dist-packages" not in path


@lru_cache(maxsize=1024)
def _names(code: CodeType) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The globals that a function and the functions in it read, and the names of attributes (also as texts, for getattr)."""
    names = {i.argval: None for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    attributes = dict.fromkeys((*code.co_names, *(c for c in code.co_consts if isinstance(c, str) and c.isidentifier())))
    for c in code.co_consts:
        if isinstance(c, CodeType):
            inner = _names(c)
            names.update(dict.fromkeys(inner[0]))
            attributes.update(dict.fromkeys(inner[1]))
    return tuple(names), tuple(attributes)


def _slots(c: type) -> list[str]:
    slots = getattr(c, "__slots__", ())
    return [n for n in ((slots,) if isinstance(slots, str) else slots) if not n.startswith("__")]


def _views(a: np.ndarray) -> list[np.ndarray]:
    """Views of an array whose bytes stand for it."""
    if a.size <= WHOLE:
        return [a]
    plain = a if a.flags.c_contiguous else a.T
    if plain.flags.c_contiguous:
        flat = plain.reshape(-1)
        middle = max(0, a.size // 2 - RUN // 2)
        return [flat[:: (a.size // STRIDED) | 1], flat[middle : middle + RUN]]
    step = max(1, math.ceil((a.size / RUN) ** (1 / a.ndim)))
    return [a[(slice(None, None, step),) * a.ndim]]
