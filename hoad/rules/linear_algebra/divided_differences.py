"""Divided differences f[x_0, ..., x_k] at any nodes, equal and nearly equal ones too, to a few units in the last place.

Nodes are a list of arrays in ascending order, x_0 <= ... <= x_k.  Where a formula exists whose terms all have one sign, it is used:
  sqrt     s * s = x and Leibniz' rule: (s_0 + s_k) f[0..k] = -sum of f[0..j] f[j..k] over 0 < j < k;
  1/sqrt   f g = 1 likewise;
  log      f[x_0..x_k] = -(-1)^k int_0^oo prod 1 / (x_i + t) dt, by Gauss-Legendre in s, t = c (1 + s) / (1 - s);
  exp      e^x0 times a power series in the distances from x_0.
Beyond the reach of the integral and of the series the nodes lie so far apart that the quotient of the definition loses nothing.
Sources: de Boor (2005), Divided differences, Surveys in Approximation Theory 1; McCurdy, Ng & Parlett (1984), Math. Comp. 43.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import factorial
from typing import Any

import numpy as np

from hoad.backends import like, of, truth

__all__ = ["DividedDifference", "exp", "inverse_sqrt", "log", "of_derivatives", "sqrt"]

DividedDifference = Callable[[list[Any]], Any]

FAR = 10.0
"""Ratio of the largest to the smallest node beyond which log is taken by the quotient."""

WIDE = 4.0
"""Distance of the nodes beyond which exp is taken by the quotient."""


def _by_quotient(f: DividedDifference, near: Callable[[list[Any]], Any], x: list[Any], close: Any) -> Any:
    """``near(x)`` where ``close``, elsewhere the quotient of two differences of one order less."""
    if truth(close.all()):
        return near(x)
    out = np.empty_like(x[0])
    out[close] = near([v[close] for v in x])
    apart = [v[~close] for v in x]
    out[~close] = (f(apart[1:]) - f(apart[:-1])) / (apart[-1] - apart[0])
    return out


@lru_cache(maxsize=8)
def _gauss(count: int) -> tuple[Any, Any]:
    return np.polynomial.legendre.leggauss(count)


# -- log ---------------------------------------------------------------------------------------------------------------------


def log(x: list[Any]) -> Any:
    """Of the logarithm; NaN where a node is negative, and where one is zero and k > 0."""
    k = len(x) - 1
    if k == 0:
        return np.log(x[0])
    good = x[0] > 0
    if not truth(good.all()):
        out = np.full_like(x[0], np.nan)
        out[good] = log([v[good] for v in x])
        return out
    if k == 1:
        u = (x[1] - x[0]) / x[0]
        return np.where(u == 0, 1.0, np.log1p(u) / np.where(u == 0, 1.0, u)) / x[0]
    return _by_quotient(log, _log_near, x, x[-1] <= FAR * x[0])


def _log_near(x: list[Any]) -> Any:
    """16 nodes: the integrand has its poles at |s| >= 1.92, outside the ellipse of semiaxes sum 3.56, and 3.56^-32 = 2e-18."""
    k = len(x) - 1
    c = np.sqrt(x[0]) * np.sqrt(x[-1])
    y = [v / c for v in x]
    total = 0.0
    for s, w in zip(*_gauss(16), strict=True):
        down, up = 1 - s, 1 + s
        product = y[0] * down + up
        for v in y[1:]:
            product *= v * down + up
        total = total + (w * down ** (k - 1)) / product
    return total * (-2.0 * (-1) ** k / c**k)


# -- exp ---------------------------------------------------------------------------------------------------------------------


def exp(x: list[Any]) -> Any:
    """Of the exponential."""
    if len(x) == 1:
        return np.exp(x[0])
    if len(x) == 2:
        d = x[1] - x[0]
        rise = np.where(d > 1, np.exp(x[1]) - np.exp(x[0]), np.exp(x[0]) * np.expm1(d))
        return np.where(d == 0, np.exp(x[0]), rise / np.where(d == 0, 1.0, d))
    return _by_quotient(exp, _exp_near, x, ~(x[-1] - x[0] > WIDE))


def _exp_near(x: list[Any]) -> Any:
    """e^x0 sum over m of h_m(x_1 - x_0, ...) / (m + k)!, with h_m the complete homogeneous symmetric polynomial: positive terms."""
    k = len(x) - 1
    d = [v - x[0] for v in x[1:]]
    widest = float(of(x[0]).to_host(np.where(np.isfinite(d[-1]), d[-1], 0.0).max())) if x[0].size else 0.0
    h = [np.ones_like(x[0]) for _ in d]
    total = h[-1] / factorial(k)
    m, bound = 0, 1.0
    while bound > 1e-18:
        m += 1
        bound *= widest / m
        h[0] = h[0] * d[0]
        for j in range(1, k):
            h[j] = h[j - 1] + d[j] * h[j]
        total = total + h[-1] / float(factorial(m + k))
    return np.exp(x[0]) * total


# -- square roots --------------------------------------------------------------------------------------------------------------

Table = dict[tuple[int, int], Any]


def _sqrt_table(x: list[Any]) -> Table:
    s = [np.sqrt(v) for v in x]
    table: Table = {(i, i): v for i, v in enumerate(s)}
    for width in range(1, len(x)):
        for i in range(len(x) - width):
            k = i + width
            total = 1.0 if width == 1 else -sum(table[i, j] * table[j, k] for j in range(i + 1, k))
            table[i, k] = total / (s[i] + s[k])
    return table


def sqrt(x: list[Any]) -> Any:
    """Of the square root; NaN where a node is negative."""
    return _sqrt_table(x)[0, len(x) - 1]


def inverse_sqrt(x: list[Any]) -> Any:
    """Of x^(-1/2)."""
    roots = _sqrt_table(x)
    last = len(x) - 1
    inverse = {last: 1.0 / roots[last, last]}
    for i in range(last - 1, -1, -1):
        inverse[i] = -sum(roots[i, j] * inverse[j] for j in range(i + 1, last + 1)) / roots[i, i]
    return inverse[0]


# -- any function ----------------------------------------------------------------------------------------------------------------


def of_derivatives(derivative: Callable[[int, Any], Any]) -> DividedDifference:
    """Of a smooth function with derivatives ``derivative(k, x)``.

    The quotient loses digits where nodes lie close together on the scale of the function, the integral of the k-th derivative
    against the B-spline of the nodes (Peano) where they lie far apart.  Both are computed with an estimate of their errors, and
    the better one is taken, for every number of nodes in turn.
    """
    eps = float(np.finfo(float).eps)

    def difference(x: list[Any]) -> Any:
        values = [derivative(0, v) for v in x]
        errors = [eps * np.abs(v) for v in values]
        for k in range(1, len(x)):
            for i in range(len(x) - k):
                part = x[i : i + k + 1]
                fine, coarse = _peano(derivative, part)
                gap = part[-1] - part[0]
                with np.errstate(divide="ignore", invalid="ignore"):
                    quotient = (values[i + 1] - values[i]) / gap
                    slack = (errors[i + 1] + errors[i]) / gap + eps * np.abs(quotient)
                doubt = np.abs(fine - coarse) + 4 * eps * np.abs(fine)
                divide = (slack < doubt) | ~np.isfinite(doubt)
                divide &= gap > 0
                values[i], errors[i] = np.where(divide, quotient, fine), np.where(divide, slack, doubt)
            values.pop()
            errors.pop()
        return values[0]

    return difference


def _peano(derivative: Callable[[int, Any], Any], x: list[Any]) -> tuple[Any, Any]:
    """1/k! int M(t) f^(k)(t) dt with the B-spline M of the nodes (integral 1), by 20 and by 14 Gauss-Legendre points
    between the nodes.

    M is computed times the length of the interval, so that nothing is divided by the distance of two neighbours alone.
    """
    k = len(x) - 1
    parts = [_weighted_spline(x, j, count) for count in (20, 14) for j in range(k)]
    found = derivative(k, np.concatenate([points for points, _ in parts]))
    confluent = x[-1] == x[0]
    limit = derivative(k, x[0]) if truth(confluent.any()) else None
    totals: list[Any] = []
    start = 0
    for number, (points, spline) in enumerate(parts):
        stop = start + len(points)
        integral = np.sum(spline * found[start:stop], axis=0)
        start = stop
        if number % k:
            totals[-1] = totals[-1] + integral
        else:
            totals.append(integral)
    fine, coarse = (t if limit is None else np.where(confluent, limit, t) for t in totals)
    return fine / factorial(k), coarse / factorial(k)


def _weighted_spline(x: list[Any], j: int, count: int) -> tuple[Any, Any]:
    """The points of a rule between nodes j and j + 1, and there M times the weights; a leading axis counts the points."""
    k = len(x) - 1
    nodes, weights = (like(v, x[0]).reshape(-1, *(1,) * x[0].ndim) for v in _gauss(count))
    local = (x[j + 1] - x[j]) * ((1 + nodes) / 2)
    spline = {j: weights / 2 + 0 * local}
    for r in range(2, k + 1):
        wider: dict[int, Any] = {}
        for i in range(max(j - r + 1, 0), min(j, k - r) + 1):
            width = x[i + r] - x[i]
            left = ((x[j] - x[i]) + local) * spline.get(i, 0.0)
            right = ((x[i + r] - x[j]) - local) * spline.get(i + 1, 0.0)
            wider[i] = r / (r - 1) * (left + right) / np.where(width == 0, 1.0, width)
        spline = wider
    return x[j] + local, spline[0]
