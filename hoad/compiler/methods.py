"""Compiled methods: Programs of their own for each instance, which they do not keep alive."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial, update_wrapper
from typing import Any
from weakref import ref

__all__ = ["BoundMethod", "Method"]


def _itself(x: Any) -> Any:
    return x


class Method:
    """A function with an instance, to which it refers weakly, as its first argument.

    ``instance()`` gives the instance; ``gone`` is called when it is deleted. One that has no weak references stays.
    """

    def __init__(self, f: Callable[..., Any], instance: Any, gone: Callable[[Any], Any]) -> None:
        self.f = f
        try:
            self.instance: Callable[[], Any] = ref(instance, gone)
        except TypeError:
            self.instance = partial(_itself, instance)
        update_wrapper(self, f, updated=())
        try:
            signature = inspect.signature(f)
            self.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])
        except (TypeError, ValueError):
            pass

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.f(self.instance(), *args, **kwargs)

    def roots_of_captures(self) -> list[Any]:
        """Where to look for what the method closes over."""
        return [self.f, self.instance()]


class BoundMethod:
    """A compiled method with its instance."""

    __slots__ = ("__self__", "_compiled")

    def __init__(self, compiled: Any, instance: Any) -> None:
        self._compiled = compiled
        self.__self__ = instance

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._compiled(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._compiled, name)
