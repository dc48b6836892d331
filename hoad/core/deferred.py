"""Coefficients of the highest degree that are computed when first needed, and then pass one by one through several operations.

A coefficient of the highest degree enters only the coefficient of the same index of a result, beside coefficients of lower
degree.  So in ``h = relu(h @ W + b)`` the many coefficients of that degree need not exist for the old ``h``, ``h @ W``,
``h @ W + b`` and the new ``h`` at once: when the old ``h`` is dropped, each goes through the three operations and is let go.
Whether anybody else refers to an argument is what reference counts say: it is held weakly, and its parts by themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np

from hoad.core.series import Algebra, Series

__all__ = ["Deferred", "Once"]

Rule = Callable[[int], Any]


def _present(n: int) -> Any:
    """The rule of a series that answers by itself: rules look only whether there is one."""
    raise AssertionError("a deferred coefficient was asked for twice: please report this as a bug of hoad")


class Deferred(Series):
    """A series whose coefficients of the highest degree (``top``) wait until somebody asks; ``known`` has the others.

    To all other code it is a complete series: whatever is asked for is computed then, by ``rest`` in order.  ``depth`` counts the
    operations that a coefficient has to pass; ``errors`` is what NumPy's floating-point errors were to do where the user's
    program called the operation.
    """

    __slots__ = ("__weakref__", "all", "depth", "errors", "known", "rest", "size", "taken", "top")

    def __init__(self, known: list[Any], size: int, rest: Rule, depth: int, errors: Any) -> None:
        self.known = known
        self.size = size
        self.rest: Rule | None = rest
        self.depth = depth
        self.errors = errors
        self.top: list[Any] = []
        self.all: list[Any] | None = None
        self.taken = False
        self.flows = None

    def settle(self) -> None:
        """Compute what waits."""
        if self.rest is None:
            return
        with np.errstate(**self.errors):
            first = len(self.known)
            while first + len(self.top) < self.size:
                self.top.append(self.rest(first + len(self.top)))
        self.rest = None

    @property
    def c(self) -> list[Any]:  # type: ignore[override]
        self.settle()
        if self.all is None:
            self.all = [*self.known, *self.top]
        return self.all

    @property
    def rule(self) -> None:  # type: ignore[override]
        return None

    def __getitem__(self, n: int) -> Any:
        if n < len(self.known):
            return self.known[n]
        self.settle()
        return self.top[n - len(self.known)]


class Once(Series):
    """An argument of a deferred operation, which gives each coefficient of the highest degree in turn and then lets it go.

    If the argument waits itself and nobody has it any more when the first of them is asked for, they pass through it and are kept
    nowhere.  Coefficients of lower degree may be cut off ``c`` once they are of no use.
    """

    __slots__ = ("at", "last", "owner", "rest", "start", "top")

    def __init__(self, x: Series, algebra: Algebra) -> None:
        self.start = algebra.top
        self.flows = None
        self.at, self.last = -1, None
        self.owner: Any = None
        self.rest: Rule | None = None
        if isinstance(x, Deferred):
            if x.taken:  # what passes through passes once
                x.settle()
            if x.rest is None:
                self.c, self.top = list(x.known), list(x.top)
            else:
                x.taken = True
                self.c, self.top, self.owner, self.rest = list(x.known), x.top, ref(x), x.rest
        else:
            c = [*x.c, *[None] * (len(algebra) - len(x.c))]
            self.c, self.top = c[: self.start], c[self.start :]
        varies = self.rest is not None or any(v is not None for v in (*self.c[1:], *self.top))
        self.rule = _present if varies else None

    def __getitem__(self, n: int) -> Any:
        if n < self.start:
            return self.c[n] if n < len(self.c) else None
        if n != self.at:
            if self.owner is not None:
                self._look_for_owner()
            if self.rest is not None:
                self.last = self.rest(n)
            else:
                self.last, self.top[n - self.start] = self.top[n - self.start], None
            self.at = n
        return self.last

    def _look_for_owner(self) -> None:
        owner, self.owner = self.owner(), None
        if owner is not None:
            owner.settle()
        if self.top:  # settled now, or before it was dropped
            self.top, self.rest = list(self.top), None

    def flow(self, algebra: Algebra, k: int, i: int) -> Any:
        """As for any series, without a store for the highest degree."""
        if i < self.start:
            return super().flow(algebra, k, i)
        c, degree = self[i], algebra.indices[i][k]
        return c if c is None or degree == 1 else degree * c
