"""Derivatives with respect to parameters as lists: products and exponentials of truncated expansions, in one or two variables.

An expansion in one variable is a list of derivatives [f, f', f'', ...]; in two it is a list of such lists.
"""

from __future__ import annotations

from math import comb, factorial
from typing import Any

import numpy as np
from scipy import special

Expansion = list[Any]


def product(f: Expansion, g: Expansion) -> Expansion:
    """Leibniz's rule."""
    return [sum(comb(n, i) * f[i] * g[n - i] for i in range(n + 1)) for n in range(min(len(f), len(g)))]


def exponential(slopes: Expansion) -> Expansion:
    """Derivatives of exp(g) divided by exp(g), from g', g'', ...: Bell polynomials."""
    f: Expansion = [np.ones_like(slopes[0])] if slopes else [1.0]
    for n in range(len(slopes)):
        f.append(sum(comb(n, i) * slopes[i] * f[n - i] for i in range(n + 1)))
    return f


def exponential_2(slopes: list[Expansion], j: int, k: int) -> list[Expansion]:
    """The same in two variables: f[i][l] from slopes[i][l], the derivatives of g; slopes[0][0] is not used."""
    f: list[Expansion] = [[None] * (k + 1) for _ in range(j + 1)]
    for n in range(j + 1):
        for m in range(k + 1):
            if n == m == 0:
                f[0][0] = 1.0
            elif n:
                f[n][m] = sum(
                    comb(n - 1, i) * comb(m, l) * slopes[i + 1][l] * f[n - 1 - i][m - l] for i in range(n) for l in range(m + 1)
                )
            else:
                f[0][m] = sum(comb(m - 1, l) * slopes[0][l + 1] * f[0][m - 1 - l] for l in range(m))
    return f


def product_2(f: list[Expansion], g: list[Expansion], j: int, k: int) -> Any:
    """Derivative (j, k) of a product of two expansions in two variables."""
    return sum(comb(j, i) * comb(k, l) * f[i][l] * g[j - i][k - l] for i in range(j + 1) for l in range(k + 1))


def times_variable(f: Expansion, x: Any) -> Expansion:
    """Derivatives of x f(x) from those of f."""
    return [x * f[n] + (n * f[n - 1] if n else 0.0) for n in range(len(f))]


def polygamma(n: int, x: Any) -> Any:
    """Derivative n of digamma."""
    return special.digamma(x) if n == 0 else (-1) ** (n + 1) * factorial(n) * special.zeta(n + 1, x)


def reciprocal_gamma(a: Any, order: int) -> Expansion:
    """Derivatives 0 ... ``order`` of 1 / Gamma(a + 1) times Gamma(a + 1)."""
    return exponential([-polygamma(n, a + 1) for n in range(order)]) if order else [np.ones_like(a)]
