"""What a distribution of scipy.stats looks like with traced values: its covered methods, frozen or not, and SciPy's others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

from hoad.core.box import Box
from hoad.core.primitive import Primitive, expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array, holds_box, joined
from hoad.rules.namespace import uncovered

__all__ = ["Distribution", "Frozen", "method"]

DEFAULTS = {"loc": 0, "scale": 1}


def method(
    prim: Primitive, name: str, native: Callable[..., Any], names: Sequence[str], discrete: Sequence[str] = ()
) -> Callable[..., Any]:
    """A method that accepts traced values, registered under ``name``.

    Parameters
    ----------
    names : sequence of str
        Names of the arguments of the primitive, in the order in which SciPy takes them.
    discrete : sequence of str
        Those without a derivative, counts for instance.
    """

    @wraps(native, updated=())
    def function(*args: Any, **kwds: Any) -> Any:
        given = dict(zip(names, args, strict=False)) | kwds
        if not any(map(holds_box, given.values())):
            return native(*args, **kwds)
        unknown = set(given) - set(names)
        missing = [n for n in names if n not in given and n not in DEFAULTS]
        if unknown or missing or len(args) > len(names):
            raise TypeError(f"{name} takes {', '.join(names)}; found {len(args)} positional arguments and {sorted(kwds)}")
        for n in discrete:
            if isinstance(given.get(n), Box):
                raise UnsupportedFunctionError.no_rule(f"{name} with respect to {n}, which counts,")
        return prim.bind(*[as_array(joined(given.get(n, DEFAULTS.get(n)))) for n in names])

    expose(function, name, native, prim.kind)
    return function


class Distribution:
    """A distribution of scipy.stats whose methods accept traced values."""

    def __init__(self, name: str, native: Any, methods: Mapping[str, Callable[..., Any]]) -> None:
        self._name = name
        self._native = native
        self._methods = dict(methods)
        self.__doc__ = native.__doc__

    def __call__(self, *args: Any, **kwds: Any) -> Frozen:
        """The distribution with its parameters fixed."""
        return Frozen(self, args, kwds)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in self._methods:
            return self._methods[name]
        value = getattr(self._native, name)
        return uncovered(f"scipy.stats.{self._name}.{name}", value) if callable(value) else value

    def __dir__(self) -> list[str]:
        return sorted({*dir(self._native), *self._methods})

    def __repr__(self) -> str:
        return f"<scipy.stats.{self._name} with derivatives of {', '.join(sorted(self._methods))}>"


class Frozen:
    """A distribution with fixed parameters, which may be traced values."""

    def __init__(self, distribution: Distribution, args: tuple[Any, ...], kwds: dict[str, Any]) -> None:
        self._distribution = distribution
        self.args = args
        self.kwds = kwds

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = getattr(self._distribution, name)
        if not callable(value):
            return value

        def call(*args: Any, **kwds: Any) -> Any:
            if name in self._distribution._methods:
                return value(*args, *self.args, **self.kwds, **kwds)
            if any(map(holds_box, (*args, *self.args, *self.kwds.values(), *kwds.values()))):
                raise UnsupportedFunctionError.no_rule(f"scipy.stats.{self._distribution._name}.{name}")
            return getattr(self._distribution._native(*self.args, **self.kwds), name)(*args, **kwds)

        return call
