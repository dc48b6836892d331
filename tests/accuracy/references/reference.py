"""A reference: a function of mpmath and the domain on which hoad's derivatives are compared with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

import hoad

DIGITS = 50
EPS = float(np.finfo(float).eps)

Interval = tuple[float, float]
Values = list[float]


@dataclass(eq=False)
class Reference:
    """One function as a function of one of its arguments.

    Attributes
    ----------
    name : str                    name in the registry
    call : callable               of floats or traced values: what a user writes
    exact : callable              the same function of ``mpmath.mpf`` arguments
    domain : tuple                for each argument an interval (low, high) or a list of values
    argument : int                the one that is differentiated
    logarithmic : bool            points of the interval of that argument are spread over magnitudes; it must not contain 0
    limit : float                 greatest error allowed, in units in the last place
    reason : str                  why the limit is not 50
    orders : tuple of int         the derivatives compared
    exact_derivative : callable   of (n, *arguments): derivative n, where mpmath's own is too slow or not exact
    """

    name: str
    call: Callable[..., Any]
    exact: Callable[..., Any]
    domain: tuple[Interval | Values, ...]
    argument: int = 0
    logarithmic: bool = False
    limit: float = 50.0
    reason: str = ""
    orders: tuple[int, ...] = (1, 2)
    exact_derivative: Callable[..., Any] | None = None

    @property
    def id(self) -> str:
        return f"{self.name}-{self.argument}" if len(self.domain) > 1 else self.name

    def points(self, count: int) -> Iterator[list[float]]:
        """Points of the domain, the ends of the differentiated argument's interval among them; the same at every run."""
        rng = np.random.default_rng(20)
        for k in range(count):
            point = []
            for i, d in enumerate(self.domain):
                if isinstance(d, list):
                    point.append(float(d[rng.integers(len(d))]))
                    continue
                low, high = d
                t = k / (count - 1) if i == self.argument and k in (0, count - 1) else rng.uniform()
                spread = self.logarithmic and i == self.argument
                point.append(float(np.sign(low) * abs(low) ** (1 - t) * abs(high) ** t if spread else low + t * (high - low)))
            yield point

    def derivatives(self, point: list[float], highest: int) -> list[Any]:
        """Derivatives 0 … ``highest`` at a point, to about 30 digits at least."""
        with mp.workdps(DIGITS):
            xs = [mp.mpf(x) for x in point]
            if self.exact_derivative is not None:
                return [self.exact_derivative(n, *xs) for n in range(highest + 1)]

            def f(t: Any) -> Any:
                return self.exact(*xs[: self.argument], t, *xs[self.argument + 1 :])

            return [c * mp.factorial(n) for n, c in enumerate(mp.taylor(f, xs[self.argument], highest, chop=False))]

    def errors(self, point: list[float]) -> dict[int, float]:
        """Error of each derivative in units in the last place.

        A unit is the machine epsilon times max(|d|, |x d'|) for the derivative d and the argument x: rounding x alone changes d
        by half of the second, so that near a zero of d no algorithm does better.
        """
        exact = self.derivatives(point, max(self.orders) + 1)
        x = point[self.argument]

        def f(t: Any) -> Any:
            return self.call(*point[: self.argument], t, *point[self.argument + 1 :])

        found = f
        errors = {}
        for n in range(1, max(self.orders) + 1):
            found = _derivative(found)
            if n in self.orders:
                with np.errstate(all="ignore"):
                    d = float(found(x))
                unit = EPS * max(abs(exact[n]), abs(x * exact[n + 1]), mp.mpf(2) ** -1022 / EPS)
                errors[n] = float(abs(mp.mpf(d) - mp.re(exact[n])) / unit) if np.isfinite(d) else float("inf")
        return errors

    def worst(self, count: int) -> dict[int, tuple[float, list[float]]]:
        """For each order the greatest error and where it was met."""
        worst = {n: (0.0, []) for n in self.orders}
        for point in self.points(count):
            for n, error in self.errors(point).items():
                if not error <= worst[n][0]:
                    worst[n] = (error, point)
        return worst


def _derivative(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: hoad.jvp(f, (x,), (1.0,))[1]


REFERENCES: list[Reference] = []


def reference(name: str, call: Callable[..., Any], exact: Callable[..., Any], *domain: Interval | Values, **options: Any) -> None:
    """Add a reference to the list."""
    REFERENCES.append(Reference(name, call, exact, domain, **options))
