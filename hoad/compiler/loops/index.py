"""Affine functions of loop variables: how a place in one array follows from the place in another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["ZERO", "Affine", "combine", "constant", "variable"]


class Affine(NamedTuple):
    """``const`` + sum of coefficient * variable over ``terms``, pairs (variable, coefficient) sorted by variable."""

    const: int
    terms: tuple[tuple[int, int], ...]

    def span(self, counts: Sequence[int]) -> tuple[int, int]:
        """Least and largest value where variable k runs over 0 ... counts[k] - 1."""
        low = high = self.const
        for k, c in self.terms:
            reach = c * (counts[k] - 1)
            if reach > 0:
                high += reach
            else:
                low += reach
        return low, high

    def shifted(self, by: int) -> Affine:
        """The function plus a constant."""
        return Affine(self.const + by, self.terms) if by else self

    def scaled(self, by: int) -> Affine:
        """The function times a constant."""
        if by == 1:
            return self
        return Affine(self.const * by, tuple((k, c * by) for k, c in self.terms)) if by else ZERO

    def divided(self, by: int) -> Affine:
        """The function over a divisor of all its coefficients."""
        return Affine(self.const // by, tuple((k, c // by) for k, c in self.terms)) if by != 1 else self

    def text(self, names: Sequence[str]) -> str:
        """C text."""
        parts = [names[k] if c == 1 else f"{c}*{names[k]}" for k, c in self.terms]
        if self.const or not parts:
            parts.append(str(self.const))
        return " + ".join(parts)


ZERO = Affine(0, ())


def constant(n: int) -> Affine:
    """A function that does not vary."""
    return Affine(n, ())


def variable(k: int, base: int = 0, stride: int = 1) -> Affine:
    """base + stride * variable k."""
    return Affine(base, ((k, stride),))


def combine(const: int, parts: Sequence[tuple[Affine, int]]) -> Affine:
    """``const`` + sum of function * factor."""
    if len(parts) == 1:
        return parts[0][0].scaled(parts[0][1]).shifted(const)
    terms: dict[int, int] = {}
    for a, factor in parts:
        if factor:
            const += a.const * factor
            for k, c in a.terms:
                terms[k] = terms.get(k, 0) + c * factor
    return Affine(const, tuple(sorted((k, c) for k, c in terms.items() if c)))
