"""Which arguments are differentiated, and what a function returned: the common front of all transforms."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hoad.core.box import Box, Buffer, peek
from hoad.core.space import Spec, as_leaf, flatten, unflatten
from hoad.errors import DTypeError, NotScalarError

__all__ = ["ArgNums", "Selection", "as_outputs", "scalar_output", "select", "split_aux"]

ArgNums = int | str | Sequence[int | str]


class Selection:
    """The leaves of the selected arguments, and the function of those leaves alone."""

    __slots__ = ("args", "f", "kwargs", "leaves", "positions", "single", "specs")

    def __init__(self, f: Callable[..., Any], argnums: ArgNums, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.f = f
        self.single = isinstance(argnums, int | str)
        self.args = args
        self.kwargs = kwargs
        wanted: Sequence[int | str] = (argnums,) if isinstance(argnums, int | str) else argnums
        self.positions = [_position(f, a, args, kwargs) for a in wanted]
        self.leaves: list[Any] = []
        self.specs: list[tuple[int, Spec]] = []
        for p in self.positions:
            leaves, spec = flatten(args[p] if isinstance(p, int) else kwargs[p])
            self.leaves += [as_leaf(leaf, f"argument {p!r}") for leaf in leaves]
            self.specs.append((len(leaves), spec))

    def call(self, leaves: Sequence[Any]) -> Any:
        """``f`` with the selected arguments made of ``leaves``."""
        if len(self.positions) == 1 and self.specs[0][1] is None and self.positions[0] == 0 and not self.kwargs:
            return self.f(leaves[0], *self.args[1:])
        args, kwargs = list(self.args), self.kwargs
        for p, part in zip(self.positions, self.parts(leaves), strict=True):
            if isinstance(p, int):
                args[p] = part
            else:
                kwargs = {**kwargs, p: part}
        return self.f(*args, **kwargs)

    def parts(self, leaves: Sequence[Any]) -> list[Any]:
        """One container for each selected argument."""
        out, start = [], 0
        for count, spec in self.specs:
            out.append(unflatten(spec, leaves[start : start + count]))
            start += count
        return out

    def pack(self, leaves: Sequence[Any]) -> Any:
        """The container of the selected argument, or a tuple of them."""
        parts = self.parts(leaves)
        return parts[0] if self.single else tuple(parts)

    def point(self) -> Any:
        """The selected argument, or a tuple of them."""
        return self.pack(self.leaves)


def _position(f: Callable[..., Any], argnum: int | str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int | str:
    if isinstance(argnum, str):
        if argnum in kwargs:
            return argnum
        names = list(inspect.signature(f).parameters)
        if argnum in names and names.index(argnum) < len(args):
            return names.index(argnum)
        raise TypeError(f"argnums={argnum!r} names no argument that was given; the function takes ({', '.join(names)})")
    if not -len(args) <= argnum < len(args):
        raise TypeError(
            f"argnums={argnum} but the function was called with {len(args)} positional arguments. "
            "Positions count from 0; name keyword arguments as strings."
        )
    return argnum % len(args)


def select(f: Callable[..., Any], argnums: ArgNums, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Selection:
    """The selected arguments of a call."""
    return Selection(f, argnums, args, kwargs)


def split_aux(out: Any, has_aux: bool) -> tuple[Any, Any]:
    """Output and auxiliary output."""
    if not has_aux:
        return out, None
    if not isinstance(out, tuple) or len(out) != 2:
        raise TypeError(f"has_aux=True needs a function that returns (output, auxiliary), but it returned {type(out).__name__}")
    return out


def as_outputs(out: Any) -> tuple[list[Any], Spec]:
    """Leaves of an output as arrays or boxes."""
    leaves, spec = flatten(out)
    return [_as_output(leaf) for leaf in leaves], spec


def _as_output(x: Any) -> Any:
    if type(x) is Buffer:
        return x.value
    if isinstance(x, Box) or hasattr(x, "dtype"):
        return x
    if isinstance(x, int | float | complex):
        return np.float64(x) if not isinstance(x, complex) else np.complex128(x)
    raise TypeError(
        f"the function returned {type(x).__name__}, expected numbers, arrays or containers of them. "
        "A function that returns functions cannot be differentiated; evaluate it inside."
    )


def scalar_output(out: Any, transform: str, holomorphic: bool = False) -> Any:
    """The output of a scalar function."""
    if not isinstance(out, Box) and isinstance(out, dict | list | tuple):
        raise NotScalarError.found(transform, f"a {type(out).__name__}")
    out = _as_output(out)
    if out.shape != ():
        raise NotScalarError.found(transform, f"shape {out.shape}")
    if not holomorphic and peek(out).dtype.kind == "c":
        raise DTypeError.complex_needs_flag("the function")
    return out
