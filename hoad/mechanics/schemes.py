"""Discretisations of the gradient, by their symbols.

A scheme differentiates a periodic nodal field u and evaluates the result at one or more points of each voxel. In Fourier space
it multiplies û by a symbol D_a(ξ) for each axis a and point r; the divergence that belongs to it multiplies by -conj(D_a), which
makes the two exact (negative) adjoints of each other.

Where a symbol is one complex factor c(ξ), the same for all axes, times real numbers κ_a(ξ), only κ is stored: the factor cancels
in every projection and every stress, and is needed for nodal displacements alone.

Sources: Willot, C. R. Mécanique 343 (2015) (rotated scheme, equal to the trilinear element with reduced integration); Schneider,
Merkert & Kabel, Int. J. Numer. Meth. Eng. 109 (2017) (full integration); Leute et al., J. Comput. Phys. 453 (2022) (two
tetrahedra with two points); Fornberg, Math. Comp. 51 (1988) (central differences).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import product
from typing import Any

import numpy as np

from hoad.errors import CellError
from hoad.mechanics.grid import Frequencies, Grid

__all__ = ["SCHEMES", "Symbols", "symbols_of"]

Array = Any


@dataclass(frozen=True)
class Symbols:
    """Gradient symbols of a scheme at frequencies of a grid.

    Parameters
    ----------
    values : array of shape (points, d, *half spectrum)
        κ (real) if ``factor`` is given, else D (complex).
    weights : array of shape (points,)
        Share of a voxel's volume that each point stands for; they add to one.
    factor : number, function that returns an array of the shape of the half spectrum, or None
        Common complex factor: D = factor · κ; seldom needed, so that it is made when it is.
    free : boolean array that broadcasts to the half spectrum, or None
        Frequencies at which a symbol does not exist (Fourier derivative at Nyquist frequencies of even grids); κ has the wave
        vector there, whose sign along some axis is not determined.
    """

    values: Array
    weights: Array
    factor: Any = None
    free: Array | None = None

    @property
    def points(self) -> int:
        """Number of points in each voxel."""
        return len(self.weights)


def _dense(grid: Frequencies, parts: list[Array]) -> Array:
    return np.stack([np.broadcast_to(p, grid.shape) for p in parts])[None]


def _exact(trigonometric: Callable[[Array], Array], angle: Array) -> Array:
    """sin or cos of multiples of π/2 without the rounding that would make zeros of symbols look like tiny numbers."""
    value = trigonometric(angle)
    return np.where(np.abs(value) < 1e-15, 0.0, value)


def _fourier(grid: Frequencies) -> Symbols:
    kappa = [q / h for q, h in zip(grid.angles(), grid.spacing, strict=True)]
    free = np.zeros(grid.shape, bool)
    for n in grid.at_nyquist():
        free |= n
    even = any(n % 2 == 0 for n in grid.grid.shape)
    return Symbols(_dense(grid, kappa), np.ones(1), 1j, free if even else None)


def _rotated(grid: Frequencies) -> Symbols:
    angles = grid.angles()
    sines = [2 * _exact(np.sin, q / 2) / h for q, h in zip(angles, grid.spacing, strict=True)]
    cosines = [_exact(np.cos, q / 2) for q in angles]
    kappa = []
    for a in range(grid.dimension):
        value = sines[a]
        for b in range(grid.dimension):
            if b != a:
                value = value * cosines[b]
        kappa.append(value)
    return Symbols(_dense(grid, kappa), np.ones(1), lambda: 1j * np.exp(0.5j * sum(angles)))


_CENTRAL = {2: [1.0], 4: [8 / 6, -1 / 6], 6: [9 / 6, -3 / 10, 1 / 30], 8: [8 / 5, -2 / 5, 8 / 105, -1 / 140]}
"""Coefficients of sin(q), sin(2q), ... by order of accuracy."""


def _central(order: int) -> Callable[[Frequencies], Symbols]:
    def symbols(grid: Frequencies) -> Symbols:
        kappa = [
            sum(c * _exact(np.sin, (n + 1) * q) for n, c in enumerate(_CENTRAL[order])) / h
            for q, h in zip(grid.angles(), grid.spacing, strict=True)
        ]
        return Symbols(_dense(grid, kappa), np.ones(1), 1j)

    return symbols


def _turn(grid: Frequencies) -> list[Array]:
    """exp(i k_a h_a), exact at multiples of π/2."""
    return [_exact(np.cos, q) + 1j * _exact(np.sin, q) for q in grid.angles()]


def _one_sided(sign: int) -> Callable[[Frequencies], Symbols]:
    def symbols(grid: Frequencies) -> Symbols:
        turns = _turn(grid)
        parts = [sign * ((e if sign > 0 else np.conj(e)) - 1) / h for e, h in zip(turns, grid.spacing, strict=True)]
        return Symbols(_dense(grid, parts), np.ones(1))

    return symbols


def _element(places: list[tuple[float, ...]]) -> Callable[[Frequencies], Symbols]:
    """Symbols of the multilinear element evaluated at ``places`` of the unit cube, all of equal weight."""

    def at(grid: Frequencies, turns: list[Array], place: tuple[float, ...]) -> Array:
        parts = []
        for a in range(grid.dimension):
            value = (turns[a] - 1) / grid.spacing[a]
            for b in range(grid.dimension):
                if b != a:
                    value = value * ((1 - place[b]) + place[b] * turns[b])
            parts.append(value)
        return _dense(grid, parts)

    def symbols(grid: Frequencies) -> Symbols:
        chosen = list(dict.fromkeys(p[: grid.dimension] for p in places))
        turns = _turn(grid)
        return Symbols(np.concatenate([at(grid, turns, p) for p in chosen]), np.full(len(chosen), 1 / len(chosen)))

    return symbols


_MIDDLE: list[tuple[float, ...]] = [(0.5, 0.5, 0.5)]
_GAUSS = (0.5 - 0.5 / np.sqrt(3.0), 0.5 + 0.5 / np.sqrt(3.0))


PLACES: dict[str, list[tuple[float, ...]]] = {"rotated": _MIDDLE, "hexahedra": list(product(_GAUSS, repeat=3))}
"""Schemes that evaluate the multilinear element, and at which places of the unit cube."""


def _two_tetrahedra(grid: Frequencies) -> Symbols:
    """Regular tetrahedra on the even and on the odd corners of each voxel, whose linear gradients use four corners each."""
    if grid.dimension != 3:
        raise CellError(
            f"scheme 'tetrahedra' was asked for in {grid.dimension} dimensions, expected 3. Use 'hexahedra' or 'rotated'."
        )
    turns = _turn(grid)

    def corner(*e: int) -> Array:
        value: Array = 1.0
        for bit, t in zip(e, turns, strict=True):
            value = value * (t if bit else 1.0)
        return np.broadcast_to(value, grid.shape)

    supports = []
    for parity in (0, 1):
        corners = [e for e in product((0, 1), repeat=3) if sum(e) % 2 == parity]
        supports.append(
            np.stack([sum((1 if e[a] else -1) * corner(*e) for e in corners) / (2 * grid.spacing[a]) for a in range(3)])
        )
    return Symbols(np.stack(supports), np.full(2, 0.5))


SCHEMES: dict[str, Callable[[Frequencies], Symbols]] = {
    "fourier": _fourier,
    "rotated": _rotated,
    "forward": _one_sided(1),
    "backward": _one_sided(-1),
    "central-2": _central(2),
    "central-4": _central(4),
    "central-6": _central(6),
    "central-8": _central(8),
    "hexahedra": _element(PLACES["hexahedra"]),
    "tetrahedra": _two_tetrahedra,
}
"""Every discretisation by name: what ``Cell(..., scheme=name)`` accepts."""


def symbols_of(scheme: str, grid: Grid, part: tuple[slice, ...] | None = None) -> Symbols:
    """Symbols of a scheme at (some) frequencies of a grid, or a :class:`~hoad.errors.CellError` that names what is known."""
    if scheme not in SCHEMES:
        close = get_close_matches(str(scheme), SCHEMES, n=1, cutoff=0.4)
        hint = f"Did you mean {close[0]!r}?" if close else "Use 'rotated', the default."
        raise CellError(f"scheme {scheme!r} is unknown, expected one of {', '.join(SCHEMES)}. {hint}")
    return SCHEMES[scheme](Frequencies(grid, part))
