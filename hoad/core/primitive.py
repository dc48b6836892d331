"""Primitives: the functions that have rules, and the registry that lists them.

A primitive holds one flat rule per mode, built once by its kind when it is registered, so that a call is a level check, a
strip, the NumPy call and a wrap.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hoad.core.box import Box, Buffer, functions, ops, ufuncs
from hoad.core.in_place import link_view

__all__ = ["Function", "Primitive", "ViewPrimitive", "expose", "exposed", "later", "primitives", "registry"]

primitives: dict[str, Primitive] = {}
"""Every primitive by its name."""


class Primitive:
    """A function with one rule per mode.

    Parameters of the rules: ``y`` is the value, ``xs`` the array arguments without this level's boxes, ``kw`` the static
    keyword arguments.

    - ``forward(y, xs, ts, kw)``: the tangent of y, or None for zero; ``ts`` holds a tangent or None for each argument.
    - ``reverse(y, xs, kw, which)``: a function that takes a cotangent of y and returns one cotangent (or None) for each
      position in ``which``.
    - ``taylor(algebra, y, xs, kw, memo)``: a function n -> coefficient n (n > 0) of the result; y and xs are series.
    - ``batch(size, xs, flags, kw)``: the result with the hidden axis first; ``flags`` tells which arguments carry it.
    - ``masks``: True if the rule stops cotangents where the function did not choose (where), or a function of ``kw`` that tells.
    - ``body(*args, **kw)``: the same function in other primitives; a primitive with a body needs no other rule.

    ``forward`` None means that the result does not depend on the arguments smoothly: its derivative is zero.
    """

    __slots__ = (
        "batch", "body", "declaration", "exact_body", "forward", "kind", "masks", "multi", "name", "native", "reverse",
        "taylor", "write_back",
    )  # fmt: skip

    def __init__(self, name: str, native: Callable[..., Any], kind: str, **rules: Any) -> None:
        self.name = name
        self.native = native
        self.kind = kind
        self.forward = rules.pop("forward", None)
        self.reverse = rules.pop("reverse", None)
        self.taylor = rules.pop("taylor", None)
        self.batch = rules.pop("batch", None)
        self.body = rules.pop("body", None)
        self.exact_body = rules.pop("exact_body", False)
        self.multi = rules.pop("multi", False)
        self.masks = rules.pop("masks", False)
        self.write_back = rules.pop("write_back", None)
        self.declaration = rules.pop("declaration", None)
        if rules:
            raise TypeError(f"unknown rules {sorted(rules)} for primitive {name}")

    def bind(self, *args: Any, **kw: Any) -> Any:
        """Apply to arguments of any level: the innermost level handles the call, no level calls NumPy."""
        if len(args) == 2:
            a, b = args
            if isinstance(a, Box):
                if isinstance(b, Box) and b.level > a.level:
                    return b.process(self, b.level, args, kw)
                return a.process(self, a.level, args, kw)
            if isinstance(b, Box):
                return b.process(self, b.level, args, kw)
            return self.native(a, b, **kw)
        top = None
        level = -1.0
        for a in args:
            if isinstance(a, Box) and a.level > level:
                top = a
                level = a.level
        if top is None:
            return self.native(*args, **kw)
        return top.process(self, level, args, kw)

    __call__ = bind

    def __repr__(self) -> str:
        return f"<primitive {self.name}: {self.kind}>"


class ViewPrimitive(Primitive):
    """A primitive of one array whose NumPy result shares memory with its argument."""

    __slots__ = ()

    def __call__(self, x: Any, **kw: Any) -> Any:
        if not isinstance(x, Box):
            return self.native(x, **kw)
        y = x.process(self, x.level, (x,), kw)
        if type(x) is Buffer and type(y) is np.ndarray:
            y = Buffer(0, y, None)
        if isinstance(y, Box) and y is not x and y.ndim:  # in a batch too: y[0] of a vector is a number, and no view
            link_view(x, y, self, kw)
        return y


def register(prim: Primitive) -> Primitive:
    if prim.name in primitives:
        raise ValueError(f"a primitive named {prim.name} exists already")
    primitives[prim.name] = prim
    return prim


@dataclass(frozen=True)
class Function:
    """A public function that accepts traced values.

    Attributes
    ----------
    name : str
        Qualified name, for example ``numpy.linalg.solve``.
    kind : str
        What kind of map it is; see :mod:`hoad.core.kinds`.
    implementation : callable
        What handles traced arguments.
    native : callable
        The function of NumPy or SciPy that gives the value.
    source : str
        Module and line of the declaration.
    """

    name: str
    kind: str
    implementation: Callable[..., Any]
    native: Callable[..., Any]
    source: str

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes in which the function works; a constant has the zero derivative in each of them."""
        return ("forward", "reverse", "taylor", "batch")


_functions: dict[str, Function] = {}

later: list[Callable[[], object]] = []
"""What imports the declarations that are not made when hoad is imported."""


def expose(implementation: Callable[..., Any], name: str, native: Any, kind: str, *, op: str | None = None) -> None:
    """Make ``implementation`` what handles traced arguments of the NumPy or SciPy function ``native``."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals["__name__"].startswith("hoad.core"):
        frame = frame.f_back
    source = f"{frame.f_globals['__name__']}:{frame.f_lineno}" if frame is not None else ""
    _functions[name] = Function(name, kind, implementation, native, source)
    if hasattr(native, "reduceat"):
        ufuncs[native, "__call__"] = implementation
    else:
        functions[native] = implementation
    setattr(ops, op or name.rpartition(".")[2], implementation) if name.startswith("numpy.") and name.count(".") == 1 else None


def exposed() -> list[Function]:
    """The functions that were declared until now."""
    return list(_functions.values())


def registry() -> list[Function]:
    """Every function that accepts traced values, sorted by name.

    Imports the declarations of all modules of SciPy that hoad knows.

    Returns
    -------
    list of Function

    Examples
    --------
    >>> import hoad
    >>> [f.kind for f in hoad.registry() if f.name == "numpy.tanh"]
    ['elementwise']
    """
    for load in later:
        load()
    return [_functions[name] for name in sorted(_functions)]
