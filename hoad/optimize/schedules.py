"""Schedules: functions of the number of steps taken, for learning rates and numbers of directions.

Formulas are those of optax 0.2, so that a recipe carries over; compared with it to 1e-12.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import cos, floor, isfinite, pi
from numbers import Real
from typing import Any

from hoad.errors import OptimizeError

__all__ = [
    "SCHEDULES",
    "Schedule",
    "as_schedule",
    "constant",
    "cosine_decay",
    "exponential_decay",
    "join",
    "linear",
    "piecewise_constant",
    "polynomial",
    "warmup_cosine",
]

Schedule = Callable[[int], Any]


def constant(value: float) -> Schedule:
    """The same value at every step.

    Parameters
    ----------
    value : float
        What is returned.

    Returns
    -------
    callable
        count -> value.

    Examples
    --------
    >>> from hoad.optimize.schedules import constant
    >>> constant(0.1)(1000)
    0.1
    """
    return lambda count: value


def polynomial(init: float, end: float, power: float, steps: int, begin: int = 0) -> Schedule:
    """From ``init`` to ``end`` along (1 - t)**power.

    Parameters
    ----------
    init, end : float
        Values before and after.
    power : float
        1 is a straight line, 2 flattens towards the end.
    steps : int
        Length of the transition.
    begin : int
        Step at which it begins.

    Returns
    -------
    callable
        count -> value.

    Examples
    --------
    >>> from hoad.optimize.schedules import polynomial
    >>> polynomial(1.0, 0.0, 2, steps=10)(5)
    0.25
    """
    return lambda count: (init - end) * (1 - min(max(count - begin, 0), steps) / steps) ** power + end


def linear(init: float, end: float, steps: int, begin: int = 0) -> Schedule:
    """From ``init`` to ``end`` along a straight line.

    Parameters
    ----------
    init, end : float
        Values before and after.
    steps : int
        Length of the transition.
    begin : int
        Step at which it begins.

    Returns
    -------
    callable
        count -> value.

    Examples
    --------
    >>> from hoad.optimize.schedules import linear
    >>> linear(0.0, 1.0, steps=4)(1)
    0.25
    """
    return polynomial(init, end, 1, steps, begin)


def cosine_decay(init: float, steps: int, alpha: float = 0.0, exponent: float = 1.0) -> Schedule:
    """From ``init`` to ``alpha * init`` along half a cosine.

    Parameters
    ----------
    init : float
        First value.
    steps : int
        Length of the decay.
    alpha : float
        Fraction that is left at the end.
    exponent : float
        Power of the cosine.

    Returns
    -------
    callable
        count -> value.

    Notes
    -----
    Source: Loshchilov & Hutter (2017), SGDR, equation (5), without restarts.

    Examples
    --------
    >>> from hoad.optimize.schedules import cosine_decay
    >>> round(cosine_decay(1.0, 10)(5), 12)
    0.5
    """
    return lambda count: init * ((1 - alpha) * (0.5 * (1 + cos(pi * min(count, steps) / steps))) ** exponent + alpha)


def exponential_decay(
    init: float, steps: int, rate: float, begin: int = 0, staircase: bool = False, end: float | None = None
) -> Schedule:
    """``init * rate**((count - begin) / steps)``, from step ``begin`` on.

    Parameters
    ----------
    init : float
        First value.
    steps : int
        Steps in which the value is multiplied by ``rate`` once.
    rate : float
        Factor.
    begin : int
        Step at which the decay begins.
    staircase : bool
        Change only after whole multiples of ``steps``.
    end : float, optional
        Bound that the value does not cross.

    Returns
    -------
    callable
        count -> value.

    Examples
    --------
    >>> from hoad.optimize.schedules import exponential_decay
    >>> exponential_decay(1.0, 10, 0.5)(20)
    0.25
    """

    def schedule(count: int) -> float:
        if count <= begin:
            return init
        p = (count - begin) / steps
        value = init * rate ** (floor(p) if staircase else p)
        return value if end is None else (max(value, end) if rate < 1 else min(value, end))

    return schedule


def piecewise_constant(init: float, scales: Mapping[int, float]) -> Schedule:
    """``init`` multiplied by a factor at each boundary.

    Parameters
    ----------
    init : float
        First value.
    scales : dict of int to float
        At step ``boundary`` and after, the value is multiplied by ``scales[boundary]``.

    Returns
    -------
    callable
        count -> value.

    Examples
    --------
    >>> from hoad.optimize.schedules import piecewise_constant
    >>> schedule = piecewise_constant(1.0, {10: 0.5, 20: 0.5})
    >>> schedule(9), schedule(10), schedule(20)
    (1.0, 0.5, 0.25)
    """

    def schedule(count: int) -> float:
        value = init
        for boundary, scale in scales.items():
            if count >= boundary:
                value = value * scale
        return value

    return schedule


def join(schedules: Sequence[Schedule], boundaries: Sequence[int]) -> Schedule:
    """One schedule after the other, each counting from its own boundary.

    Parameters
    ----------
    schedules : sequence of callables
        In order.
    boundaries : sequence of int
        Where the second, third, … begin; one fewer than schedules.

    Returns
    -------
    callable
        count -> value.

    Raises
    ------
    OptimizeError
        If the numbers of schedules and boundaries do not fit.

    Examples
    --------
    >>> from hoad.optimize.schedules import constant, join, linear
    >>> join([constant(1.0), linear(1.0, 0.0, 10)], [5])(10)
    0.5
    """
    if len(boundaries) != len(schedules) - 1:
        raise OptimizeError(
            f"{len(schedules)} schedules with {len(boundaries)} boundaries, expected one boundary fewer than schedules."
        )

    def schedule(count: int) -> Any:
        i = sum(count >= b for b in boundaries)
        return schedules[i](count - (boundaries[i - 1] if i else 0))

    return schedule


def warmup_cosine(init: float, peak: float, warmup: int, steps: int, end: float = 0.0, exponent: float = 1.0) -> Schedule:
    """A straight line from ``init`` to ``peak``, then a cosine down to ``end``.

    Parameters
    ----------
    init, peak : float
        Values at the beginning and after the warm-up.
    warmup : int
        Steps of the warm-up.
    steps : int
        Steps in all, the warm-up included.
    end : float
        Last value.
    exponent : float
        Power of the cosine.

    Returns
    -------
    callable
        count -> value.

    Examples
    --------
    >>> from hoad.optimize.schedules import warmup_cosine
    >>> warmup_cosine(0.0, 1.0, 10, 110)(10)
    1.0
    """
    alpha = 0.0 if peak == 0 else end / peak
    return join([linear(init, peak, warmup), cosine_decay(peak, steps - warmup, alpha, exponent)], [warmup])


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "constant": constant,
    "linear": linear,
    "polynomial": polynomial,
    "cosine_decay": cosine_decay,
    "exponential_decay": exponential_decay,
    "piecewise_constant": piecewise_constant,
    "warmup_cosine": warmup_cosine,
    "join": join,
}


def as_schedule(value: Any) -> Schedule:
    """A schedule from a number, a callable, or a dict such as ``{"schedule": "linear", "init": 1.0, "end": 0.0, "steps": 10}``.

    Parameters
    ----------
    value : float, callable or dict
        What an option such as ``lr`` was given.

    Returns
    -------
    callable
        count -> value.

    Raises
    ------
    OptimizeError
        If a name or an option is unknown, or the number is not finite.

    Examples
    --------
    >>> from hoad.optimize.schedules import as_schedule
    >>> as_schedule(0.5)(3)
    0.5
    """
    if callable(value):
        return value
    if isinstance(value, Mapping):
        options = dict(value)
        name = options.pop("schedule", None)
        if name not in SCHEDULES:
            raise OptimizeError.unknown("schedule", name, SCHEDULES)
        try:
            return SCHEDULES[name](**options)
        except TypeError as error:
            raise OptimizeError(f"schedule {name!r} was given {options}: {error}.") from None
    if isinstance(value, str):
        if value not in SCHEDULES:
            raise OptimizeError.unknown("schedule", value, SCHEDULES)
        raise OptimizeError(f"schedule {value!r} needs its numbers: give hoad.optimize.schedules.{value}(...), or a dict.")
    if isinstance(value, list | tuple | None) or (isinstance(value, Real) and not isfinite(value)):
        raise OptimizeError(f"found {value!r}, expected a finite number, a schedule (a function of the number of steps) or a dict.")
    return constant(value)
