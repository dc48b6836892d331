"""Line searches: backtracking (Armijo) and strong Wolfe.  A value that is not finite counts as too long a step.

Source: Nocedal & Wright, Numerical Optimization, 2nd ed. (2006), algorithms 3.1, 3.5 and 3.6.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite, sqrt

__all__ = ["backtracking", "strong_wolfe"]


def backtracking(
    phi: Callable[[float], float],
    value: float,
    slope: float,
    start: float = 1.0,
    c1: float = 1e-4,
    shrink: float = 0.5,
    trials: int = 40,
) -> float:
    """The first of start, start shrink, start shrink², … with phi(t) <= value + c1 t slope; 0.0 if none has."""
    t = start
    for _ in range(trials):
        found = phi(t)
        if isfinite(found) and found <= value + c1 * t * slope and found < value:
            return t
        t *= shrink
    return 0.0


def strong_wolfe(
    phi: Callable[[float], tuple[float, float]],
    value: float,
    slope: float,
    start: float = 1.0,
    c1: float = 1e-4,
    c2: float = 0.9,
    trials: int = 25,
) -> float:
    """A step with sufficient decrease and |phi'(t)| <= c2 |phi'(0)|; the best one with decrease if none is found; else 0.0.

    ``phi(t)`` returns value and slope.
    """
    best = (value, 0.0)
    low = (0.0, value, slope)
    high: tuple[float, float, float] | None = None
    t = start
    for _ in range(trials):
        f, d = phi(t)
        finite = isfinite(f) and isfinite(d)
        if finite and f < best[0] and f <= value + c1 * t * slope:
            best = (f, t)
        if not finite or f > value + c1 * t * slope or (f >= low[1] and (low[0] > 0 or high is not None)):
            high = (t, f, d)
        elif abs(d) <= -c2 * slope:
            return t
        elif high is None and d < 0:
            low = (t, f, d)
        else:
            if high is None or d * (high[0] - low[0]) >= 0:
                high = low
            low = (t, f, d)
        t = 2 * t if high is None else _between(low, high)
        if high is not None and abs(high[0] - low[0]) <= 1e-14 * max(abs(high[0]), 1e-300):
            break
    return best[1]


def _between(low: tuple[float, float, float], high: tuple[float, float, float]) -> float:
    """Minimum of the cubic through both ends, kept off the ends of the interval; the middle where there is none."""
    (a, fa, da), (b, fb, db) = low, high
    width = b - a
    if isfinite(fb) and isfinite(db):
        d1 = da + db - 3 * (fa - fb) / (a - b)
        square = d1 * d1 - da * db
        if square >= 0:
            d2 = sqrt(square) * (1 if width > 0 else -1)
            denominator = db - da + 2 * d2
            if denominator:
                t = b - width * (db + d2 - d1) / denominator
                edge = 0.1 * abs(width)
                if min(a, b) + edge <= t <= max(a, b) - edge:
                    return t
    return a + 0.5 * width
