"""Truncated Taylor series in one or several variables, with coefficients that are arrays of any level.

An :class:`Algebra` is a finite set of multi-indices that contains, with each index, all smaller ones: 0..K for a curve, {0, e1,
e2, e1 + e2} for hyper-dual numbers, {0, e_i, e_i + e_j} for K directions at once, {b <= a} for one mixed partial derivative.
Coefficients are unscaled (c_n, not n! c_n, which overflows at n = 171).
Source: Griewank & Walther, Evaluating Derivatives, 2nd ed. (2008), ch. 13; Fike & Alonso (2011) for the hyper-dual case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import combinations_with_replacement, product
from typing import Any

import numpy as np

__all__ = ["Algebra", "Series", "accumulate", "add_term", "curve", "mixed", "pairs"]

Index = tuple[int, ...]


class Algebra:
    """The multi-indices that are kept, and how products and derivatives combine them.

    Attributes
    ----------
    indices : list of tuple
        Multi-indices in graded order, the zero index first.
    products : list of list of (i, j)
        Entry n: all pairs of positions whose indices add up to index n.
    flows : list of (k, degree, list of (i, j))
        Entry n > 0: the pairs of entry n in which index i contains variable k, and the degree of k in index n; from them
        coefficient n of y follows as sum over (i, j) of degree_k(i) x_i s_j / degree where y' = s x'.
    top : int
        Position of the first index of the highest degree.
    """

    def __init__(self, indices: Sequence[Index]) -> None:
        self.indices = sorted(indices, key=lambda a: (sum(a), tuple(-i for i in a)))
        self.position = {a: n for n, a in enumerate(self.indices)}
        self.top = next(n for n, a in enumerate(self.indices) if sum(a) == sum(self.indices[-1]))
        self.products: list[list[tuple[int, int]]] = []
        self.flows: list[tuple[int, int, list[tuple[int, int]]]] = []
        for n, a in enumerate(self.indices):
            found = [
                (self.position[b], self.position[tuple(p - q for p, q in zip(a, b, strict=True))])
                for b in product(*[range(p + 1) for p in a])
            ]
            self.products.append(found)
            if n == 0:
                self.flows.append((0, 1, []))
                continue
            k = next(i for i, p in enumerate(a) if p)
            self.flows.append((k, a[k], [(i, j) for i, j in found if self.indices[i][k]]))

    def __len__(self) -> int:
        return len(self.indices)


@lru_cache(maxsize=64)
def curve(order: int) -> Algebra:
    """Series in one variable up to ``order``."""
    return Algebra([(n,) for n in range(order + 1)])


@lru_cache(maxsize=64)
def mixed(index: Index) -> Algebra:
    """Everything needed for the one coefficient ``index``."""
    return Algebra(list(product(*[range(p + 1) for p in index])))


@lru_cache(maxsize=64)
def pairs(directions: int) -> Algebra:
    """All first- and second-order coefficients in ``directions`` variables: 1 + K + K(K+1)/2 of them."""

    def unit(*variables: int) -> Index:
        return tuple(variables.count(i) for i in range(directions))

    second = combinations_with_replacement(range(directions), 2)
    return Algebra([unit(), *[unit(i) for i in range(directions)], *[unit(i, j) for i, j in second]])


class Series:
    """Coefficients by position; those not known yet come from ``rule`` when asked for, in order.

    A coefficient that is None is zero and takes no storage and no work.
    """

    __slots__ = ("c", "flows", "rule")

    def __init__(self, c: list[Any], rule: Callable[[int], Any] | None = None) -> None:
        self.c = c
        self.rule = rule
        self.flows: dict[tuple[int, int], Any] | None = None

    def __getitem__(self, n: int) -> Any:
        c = self.c
        if len(c) <= n:
            if self.rule is None:  # a constant
                return None
            while len(c) <= n:
                c.append(self.rule(len(c)))
        return c[n]

    def flow(self, algebra: Algebra, k: int, i: int) -> Any:
        """Coefficient i times its degree in variable k, computed once."""
        c = self[i]
        degree = algebra.indices[i][k]
        if c is None or degree == 1:
            return c
        if self.flows is None:
            self.flows = {}
        found = self.flows.get((k, i))
        if found is None:
            found = self.flows[k, i] = degree * c
        return found


def add_term(total: Any, term: Any) -> Any:
    """Sum in which None is zero."""
    if total is None:
        return term
    if term is None:
        return total
    return total + term


def accumulate(total: Any, term: Any) -> Any:
    """:func:`add_term` for a total that nobody else refers to: NumPy's arrays of one shape and dtype are added in place."""
    if type(total) is np.ndarray and type(term) is np.ndarray and total.shape == term.shape and total.dtype == term.dtype:
        total += term
        return total
    return add_term(total, term)
