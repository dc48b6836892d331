"""Traced values that a function closes over, as arguments.

A function that is handed to a solver is called by the solver with plain numbers, so a traced value in its closure would either
stop the solver or lose its derivative.  Here such values are found in closure cells, defaults, ``functools.partial`` objects,
the objects of bound methods, callable objects and containers, and the function is rebuilt around values that are passed in.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import partial
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from hoad.core.box import Box, Buffer, held, ops
from hoad.core.space import flatten, unflatten
from hoad.errors import ClosureError
from hoad.modes.batch import Batched

__all__ = ["Parametrised", "any_traced", "array_of", "is_batched", "lift", "lift_all"]

Function = Callable[..., Any]


def lift(f: Function) -> tuple[Callable[[list[Any]], Function], list[Any]]:
    """How to build ``f`` from the traced values that it closes over, and these values.

    Returns
    -------
    build : callable
        ``build(values)`` is ``f`` with ``values`` in place of the traced values.
    values : list
        The traced values, each once; empty if ``f`` closes over none that can be reached.
    """
    found: list[Any] = []
    if not callable(f):
        return lambda values: f, found
    _collect(f, found, set())
    if not found:
        return lambda values: f, found
    places = {id(x): k for k, x in enumerate(found)}
    return lambda values: _rebuilt(f, [values[k] for k in range(len(found))], places, {}), found


def lift_all(*fs: Any) -> tuple[Callable[[list[Any]], list[Any]], list[Any]]:
    """:func:`lift` for several functions (None stays None), with one list of values."""
    lifted = [lift(f) for f in fs]
    values = [v for _, vs in lifted for v in vs]

    def build(given: list[Any]) -> list[Any]:
        out, start = [], 0
        for make, vs in lifted:
            out.append(make(given[start : start + len(vs)]))
            start += len(vs)
        return out

    return build, values


def _is_traced(x: Any) -> bool:
    return isinstance(x, Box) and type(x) is not Buffer


def _parts(f: Any) -> list[Any]:
    """What a function or container holds directly."""
    if isinstance(f, FunctionType):
        held = [c.cell_contents for c in f.__closure__ or () if _is_full(c)]
        return [*held, *(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()]
    if isinstance(f, partial):
        return [f.func, *f.args, *f.keywords.values()]
    if isinstance(f, MethodType):
        return [f.__func__, f.__self__]
    if type(f) in (list, tuple):
        return list(f)
    if type(f) is dict:
        return list(f.values())
    return list(vars(f).values()) if _is_object(f) else []


def _is_object(f: Any) -> bool:
    """True for an instance of a class written in Python, whose attributes may be traced."""
    return hasattr(f, "__dict__") and not isinstance(f, type | ModuleType | FunctionType | Box) and type(type(f)) is type


def _is_full(cell: CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018  # raises if the cell is empty
    except ValueError:
        return False
    return True


def _collect(f: Any, found: list[Any], seen: set[int]) -> None:
    if _is_traced(f):
        if not any(x is f for x in found):
            found.append(f)
        return
    if id(f) in seen:
        return
    seen.add(id(f))
    for part in _parts(f):
        _collect(part, found, seen)


def _holds(f: Any, places: dict[int, int], seen: set[int]) -> bool:
    if _is_traced(f):
        return id(f) in places
    if id(f) in seen:
        return False
    seen.add(id(f))
    return any(_holds(p, places, seen) for p in _parts(f))


def _rebuilt(f: Any, values: list[Any], places: dict[int, int], done: dict[int, Any]) -> Any:
    """``f`` with new values; parts that hold none of them stay the same objects."""
    if _is_traced(f):
        return values[places[id(f)]] if id(f) in places else f
    if id(f) in done:
        return done[id(f)]
    if not _holds(f, places, set()):
        return f
    if isinstance(f, FunctionType):
        cells = tuple(CellType() for _ in f.__closure__ or ())
        new = FunctionType(f.__code__, f.__globals__, f.__name__, f.__defaults__, cells or None)
        done[id(f)] = new  # a function may refer to itself
        for cell, old in zip(cells, f.__closure__ or (), strict=True):
            if _is_full(old):
                cell.cell_contents = _rebuilt(old.cell_contents, values, places, done)
        new.__defaults__ = None if f.__defaults__ is None else tuple(_rebuilt(d, values, places, done) for d in f.__defaults__)
        new.__kwdefaults__ = (
            None if f.__kwdefaults__ is None else {k: _rebuilt(d, values, places, done) for k, d in f.__kwdefaults__.items()}
        )
        return new
    if isinstance(f, partial):
        return partial(
            _rebuilt(f.func, values, places, done),
            *[_rebuilt(a, values, places, done) for a in f.args],
            **{k: _rebuilt(v, values, places, done) for k, v in f.keywords.items()},
        )
    if isinstance(f, MethodType):
        return MethodType(_rebuilt(f.__func__, values, places, done), _rebuilt(f.__self__, values, places, done))
    if _is_object(f):
        other = done[id(f)] = copy(f)
        other.__dict__.update({k: _rebuilt(v, values, places, done) for k, v in vars(f).items()})
        return other
    if type(f) is dict:
        return {k: _rebuilt(v, values, places, done) for k, v in f.items()}
    return type(f)(_rebuilt(v, values, places, done) for v in f)


# -- functions and their parameters ------------------------------------------------------------------------------------------


class Parametrised:
    """Functions of a solver with the traced values that they use, wherever these come from, as one list of parameters."""

    def __init__(self, what: str, functions: list[Any], args: Any) -> None:
        self.what = what
        self.count = len(functions)
        self._build, hidden = lift_all(*functions)
        leaves, self._spec = flatten((tuple(args), tuple(hidden)))
        self._leaves = [x.value if type(x) is Buffer else x for x in leaves]
        self._places = [i for i, x in enumerate(self._leaves) if isinstance(x, Box)]
        self.params = [self._leaves[i] for i in self._places]

    def function(self, number: int) -> Function:
        """Function ``number`` with the parameters behind its arguments: f(*xs, *params)."""

        def f(*given: Any) -> Any:
            split = len(given) - len(self._places)
            g, args = self.rebuilt(number, given[split:])
            return g(*given[:split], *args)

        return f

    def rebuilt(self, number: int, params: Any) -> tuple[Function, Any]:
        """Function ``number`` as it was given, and its arguments ``args``, both with ``params`` in place of the traced values."""
        filled = list(self._leaves)
        for i, p in zip(self._places, params, strict=True):
            filled[i] = p
        args, hidden = unflatten(self._spec, filled)
        return self._build(list(hidden))[number], args

    def plain(self, number: int, params: Any) -> Function:
        """The same for plain parameters, as a solver calls it."""
        f = self.function(number)

        def native(*xs: Any) -> Any:
            out = f(*xs, *params)
            if any(isinstance(x, Box) and type(x) is not Buffer for x in (out if isinstance(out, list | tuple) else (out,))):
                raise ClosureError.closes_over(self.what)
            return out.value if type(out) is Buffer else out

        return native


def is_batched(x: Any) -> bool:
    """True if a ``vmap`` has part in x."""
    while isinstance(x, Box):
        if isinstance(x, Batched):
            return True
        x = held(x)
    return False


def any_traced(*xs: Any) -> bool:
    """True if one of these is a traced value."""
    return any(isinstance(x, Box) and type(x) is not Buffer for x in xs)


def array_of(x: Any) -> Any:
    """Lists, numbers and buffers as arrays; traced values as they are."""
    if type(x) is Buffer:
        return x.value
    if isinstance(x, list | tuple):
        return ops.array(x) if any(isinstance(v, Box) for v in x) else np.asarray(x)
    return x if isinstance(x, Box) else np.asarray(x)
