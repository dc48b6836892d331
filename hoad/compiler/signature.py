"""The signature of a call: which arguments are arrays, of which shapes and dtypes, and everything else by value.

Programs are kept by signature.  Arrays of the host or of a device, NumPy scalars and Python floats and complex numbers, alone or in
containers, are inputs; an int, a bool, a string, None, a function or another object that can be hashed is static: another value is
another Program.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import optree

from hoad import backends
from hoad.core.box import Box, Buffer
from hoad.core.space import NAMESPACE, flatten
from hoad.errors import CompileError

__all__ = ["Call", "Static", "describe", "orders"]


class Fixed:
    """A static value, equal to another one of the same type that is equal; 0.0 and -0.0 are not, nor (1,) and (1.0,)."""

    __slots__ = ("_hash", "key", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.key = _told_apart(value)
        self._hash = hash(self.key)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fixed) and bool(self.key == other.key)

    def __repr__(self) -> str:
        return repr(self.value)


def _told_apart(x: Any) -> Any:
    """Something that is equal for equal values of equal types only."""
    if isinstance(x, float | np.floating):
        return type(x), float(x).hex()
    if isinstance(x, complex | np.complexfloating):
        return type(x), complex(x).real.hex(), complex(x).imag.hex()
    if isinstance(x, tuple | frozenset):
        return type(x), type(x)(map(_told_apart, x)) if type(x) in (tuple, frozenset) else tuple(map(_told_apart, x))
    return type(x), x


def orders(args: Any, kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """The keys of the dicts among the arguments as they stand, which the structure of the arguments does not tell."""
    found: list[Any] = []
    waiting: list[Any] = [kwargs[k] for k in sorted(kwargs)] + list(args)
    while waiting:
        x = waiting.pop()
        if isinstance(x, dict):
            found.append(tuple(x))
            waiting += x.values()
        elif isinstance(x, list | tuple):
            waiting += x
    return tuple(found) if any(len(keys) > 1 for keys in found) else ()


class Static:
    """Which arguments are static as a whole.

    Parameters
    ----------
    f : callable
    argnums : int or sequence of int
    argnames : str or sequence of str
        Arguments may be given by position or by name, whichever way they are stated here.
    """

    def __init__(self, f: Callable[..., Any], argnums: Any, argnames: Any) -> None:
        self.numbers = _checked((argnums,) if isinstance(argnums, int) else argnums, int, "static_argnums")
        self.names = _checked((argnames,) if isinstance(argnames, str) else argnames, str, "static_argnames")
        self.any = bool(self.numbers or self.names)
        if not self.any:
            return
        try:
            parameters = list(inspect.signature(f).parameters.values())
        except (TypeError, ValueError):
            return
        names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        open_names = any(p.kind is p.VAR_KEYWORD for p in parameters)
        unknown = [n for n in self.names if n not in {p.name for p in parameters}]
        if unknown and not open_names:
            raise CompileError.option("static_argnames", unknown, f"names of arguments: {', '.join(p.name for p in parameters)}")
        if not any(p.kind is p.VAR_POSITIONAL for p in parameters) and any(not -len(names) <= i < len(names) for i in self.numbers):
            raise CompileError.option("static_argnums", self.numbers, f"positions below {len(names)}")
        by_number = [names[i] for i in self.numbers if -len(names) <= i < len(names)]
        by_name = [names.index(n) for n in self.names if n in names]
        self.numbers = tuple({*self.numbers, *by_name})
        self.names = tuple({*self.names, *by_number})

    def apart(self, args: tuple[Any, ...], kwargs: dict[str, Any], name: str) -> tuple[Any, Any, tuple[Any, ...]]:
        """Other positional and named arguments, and pairs (position or name, value)."""
        numbers = {i % len(args) for i in self.numbers if args and -len(args) <= i < len(args)}
        fixed: list[tuple[Any, Any]] = [(i, _fixed(args[i], name, str(i))) for i in sorted(numbers)]
        fixed += [(k, _fixed(kwargs[k], name, k)) for k in sorted(self.names) if k in kwargs]
        rest = tuple(a for i, a in enumerate(args) if i not in numbers)
        return rest, {k: v for k, v in kwargs.items() if k not in self.names}, tuple(fixed)


def _checked(given: Any, kind: type, what: str) -> tuple[Any, ...]:
    if not isinstance(given, Iterable) or isinstance(given, str):
        raise CompileError.option(what, given, f"{kind.__name__} or a sequence of them")
    found = tuple(given)
    if not all(type(g) is kind for g in found):
        raise CompileError.option(what, given, f"{kind.__name__} or a sequence of them")
    return found


def _fixed(value: Any, name: str, argument: str) -> Fixed:
    try:
        return Fixed(value)
    except TypeError:
        raise CompileError.static(name, argument, f"a static {_article(value)}, which cannot be hashed") from None


def _article(value: Any) -> str:
    return f"value of type {type(value).__name__}"


class Call:
    """One call taken apart.

    Attributes
    ----------
    key : tuple
        Hashable; equal for calls that one list of Programs serves.
    leaves : list
        The inputs.
    traced : bool
        Whether an input belongs to a differentiation in progress; nothing else is set then.
    flat : bool
        Whether the inputs are the positional arguments, in their order, and nothing else.
    orders : tuple
        The keys of dicts among the arguments, in their order.
    plain : bool
        Whether all arrays among them are in C order.
    places : frozenset
        The devices that hold arrays among them, as (name of the library, number).
    """

    __slots__ = ("fixed", "flat", "key", "leaves", "named", "orders", "parts", "places", "plain", "spec", "traced", "where")

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any], static: Static, name: str) -> None:
        self.traced = False
        self.fixed: tuple[Any, ...] = ()
        whole, count = (args, kwargs), len(args)
        if static.any:
            args, kwargs, self.fixed = static.apart(args, kwargs, name)
        self.named = bool(kwargs)
        given: Any = (args, kwargs) if kwargs else args
        parts, spec = optree.tree_flatten(given, namespace=NAMESPACE)
        self.leaves: list[Any] = []
        self.where: list[int] = []
        described: list[Any] = []
        for i, x in enumerate(parts):
            kind = type(x)
            if kind is np.ndarray:
                shape = x.shape
                described.append((shape, x.dtype) if len(shape) < 2 or x.flags.c_contiguous else _layout(x))
            elif kind is float or kind is complex:
                described.append(kind)
            elif isinstance(x, Box) and kind is not Buffer:
                self.traced = True
                return
            elif dataclasses.is_dataclass(x) and not isinstance(x, type | Box):
                flatten(given)  # registers the class
                self.__init__(*whole, static, name)  # type: ignore[misc]
                return
            else:
                x, what = _other(x, name, spec, i)
                described.append(what)
                if x is None:
                    continue
                parts[i] = x
            self.where.append(i)
            self.leaves.append(x)
        self.parts = parts
        self.spec = spec
        there = [d.place for d in described if type(d) is _There]
        self.places = frozenset(there) if there else _NOWHERE
        self.plain = not self.places and not any(type(d) is tuple and len(d) > 2 for d in described)
        self.flat = not self.named and not self.fixed and len(self.leaves) == count and spec.num_nodes == count + 1
        self.orders = () if spec.num_nodes == len(parts) + 1 else orders(args, kwargs)
        self.key = (spec, tuple(described), self.fixed, self.orders)

    def rebuild(self, leaves: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Arguments of the function, with these inputs."""
        parts = list(self.parts)
        for i, x in zip(self.where, leaves, strict=True):
            parts[i] = x
        given: Any = optree.tree_unflatten(self.spec, parts)
        args, kwargs = given if self.named else (given, {})
        if self.fixed:
            places = {i: v.value for i, v in self.fixed if isinstance(i, int)}
            rest = iter(args)
            args = tuple(places[i] if i in places else next(rest) for i in range(len(args) + len(places)))
            kwargs = {**kwargs, **{k: v.value for k, v in self.fixed if isinstance(k, str)}}
        return args, kwargs

    def check(self, name: str) -> None:
        """Raise unless all inputs hold numbers."""
        for i, x in zip(self.where, self.leaves, strict=True):
            dtype = getattr(x, "dtype", None)
            if dtype is not None and (dtype.kind not in "fciub" or not dtype.isnative):
                raise CompileError.array(name, _place(self.spec, i), f"an array of dtype {dtype}")

    @property
    def mixed(self) -> str:
        """Where arrays of the host are, beside arrays of a device; empty if there are none."""
        if not self.places:
            return ""
        return ", ".join(_place(self.spec, i) for i, x in zip(self.where, self.leaves, strict=True) if isinstance(x, np.ndarray))

    @property
    def statics(self) -> list[Any]:
        """Everything that is not an input."""
        inputs = set(self.where)
        return [x for i, x in enumerate(self.parts) if i not in inputs] + [v.value for _, v in self.fixed]


class _There(NamedTuple):
    """An array of a device."""

    shape: tuple[int, ...]
    dtype: Any
    order: tuple[int, ...]
    place: tuple[str, int]


_NOWHERE: frozenset[tuple[str, int]] = frozenset()


def _axes(a: Any) -> tuple[int, ...]:
    """The axes from the largest stride to the smallest where that is not C order, else nothing."""
    if a.ndim < 2 or a.flags.c_contiguous:
        return ()
    strides = a.strides
    order = tuple(sorted(range(a.ndim), key=lambda k: -abs(strides[k])))
    return () if order == tuple(range(a.ndim)) else order


def _layout(a: np.ndarray) -> tuple[Any, ...]:
    """Shape and dtype, and the order of the axes in memory where that is not C order: results follow it."""
    order = _axes(a)
    return (a.shape, a.dtype, order) if order else (a.shape, a.dtype)


def _other(x: Any, name: str, spec: Any, i: int) -> tuple[Any, Any]:
    """A leaf of a rarer kind as (array, description), or (None, description) for a static one."""
    if type(x) is Buffer:
        x = x.value
    if isinstance(x, np.generic | np.ndarray):
        if isinstance(x, np.ma.MaskedArray | np.matrix):
            raise CompileError.array(name, _place(spec, i), f"a {type(x).__name__}")
        plain = x if isinstance(x, np.generic) else np.asarray(x)
        if isinstance(plain, np.generic):
            return plain, plain.dtype.type
        return plain, _layout(plain)
    if backends.on_device(x):
        library = backends.of(x)
        return x, _There(x.shape, x.dtype, _axes(x), (library.name, library.place(x)))
    try:
        return None, Fixed(x)
    except TypeError:
        raise CompileError.static(name, _place(spec, i), f"a {_article(x)}, which cannot be hashed") from None


def _place(spec: Any, i: int) -> str:
    """How the argument is reached, as text."""
    path = spec.paths()[i]
    return str(path[0]) + "".join(f"[{p!r}]" for p in path[1:]) if path else "0"


def describe(key: tuple[Any, ...]) -> str:
    """A signature as text: ``(float64[3, 2], float)``."""
    parts = []
    for d in key[1]:
        if type(d) is _There:
            order = f" with axes {d.order} in memory" if d.order else ""
            parts.append(f"{d.dtype}{list(d.shape)}{order} on {d.place[0]}:{d.place[1]}")
        elif isinstance(d, tuple):
            order = f" with axes {d[2]} in memory" if len(d) > 2 and d[2] else ""
            parts.append(f"{d[1]}{list(d[0])}{order}")
        else:
            parts.append(d.__name__ if isinstance(d, type) else repr(d))
    parts += [f"{k}={v!r}" if isinstance(k, str) else repr(v) for k, v in key[2]]
    return f"({', '.join(parts)})"
