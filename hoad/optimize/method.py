"""What an optimiser is: two pure functions, ``init`` and ``update``, and the table of all of them by name.

A :class:`Transform` turns gradients into updates (optax's form); a :class:`Method` is given the function itself, because it
chooses which derivatives it needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np

from hoad.optimize.directions import generator

__all__ = ["OPTIMISERS", "Method", "Report", "State", "Transform", "optimiser", "start_rng"]


class Transform(NamedTuple):
    """Gradients into updates, as in optax.

    Parameters
    ----------
    init : callable
        ``params -> state``; the state is plain data that pickles.
    update : callable
        ``(gradient, state, params=None) -> (updates, state)``, without side effects.
    """

    init: Callable[[Any], Any]
    update: Callable[..., tuple[Any, Any]]


class Method(NamedTuple):
    """A function into updates, for optimisers that choose which derivatives they need.

    Parameters
    ----------
    init : callable
        ``params -> State``.
    update : callable
        ``(f, params, state) -> (updates, state)``, without side effects.
    evaluate : callable
        ``(f, params) -> Report`` of a point without a step from it.
    """

    init: Callable[[Any], State]
    update: Callable[[Any, Any, State], tuple[Any, State]]
    evaluate: Callable[[Any, Any], Report]


@dataclass(frozen=True)
class Report:
    """What a method found at the point from which it stepped.

    Parameters
    ----------
    value : float
        The objective there.
    gradient : like params, optional
        The gradient, where the method computes one.
    gradient_norm : float, optional
        Its largest entry in size; forward-only methods estimate the norm.
    details : dict of str to float
        What else goes into the history: number of directions, smallest curvature, damping, …
    stop : str
        Why no further step is possible; empty while one is.
    confirm : int
        Points in a row at which ``gradient_norm`` must be within the tolerance; more than one where random directions may miss
        what is left of the gradient.
    """

    value: float
    gradient: Any = None
    gradient_norm: float | None = None
    details: dict[str, float] = field(default_factory=dict)
    stop: str = ""
    confirm: int = 1


@dataclass(frozen=True)
class State:
    """State of a :class:`Method`: plain data, so that it pickles.

    Parameters
    ----------
    count : int
        Steps taken.
    memory : object
        What the method keeps from step to step.
    rng : numpy.random.Generator, optional
        Source of the next directions; copied before it is drawn from, so that an update changes no state.
    report : Report, optional
        About the last update.
    """

    count: int = 0
    memory: Any = None
    rng: np.random.Generator | None = None
    report: Report | None = None


def start_rng(seed: Any) -> np.random.Generator:
    """A generator of one's own: from an int always the same, from a Generator a new child at each call."""
    if isinstance(seed, np.random.Generator):
        return seed.spawn(1)[0]
    return generator(seed)


OPTIMISERS: dict[str, Callable[..., Any]] = {}
"""Name as given to ``minimize(method=...)`` -> the function that makes the optimiser."""

P = ParamSpec("P")
R = TypeVar("R")


def optimiser(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Enter an optimiser in the table, and let SciPy call it: with a function and a start it runs, otherwise it is made."""

    def enter(make: Callable[P, R]) -> Callable[P, R]:
        @wraps(make)
        def make_or_run(*args: Any, **options: Any) -> Any:
            if len(args) == 2 and callable(args[0]):
                from hoad.optimize.minimize import called_by_scipy

                return called_by_scipy(name, *args, **options)
            return make(*args, **options)

        OPTIMISERS[name] = make_or_run
        return make_or_run

    return enter
