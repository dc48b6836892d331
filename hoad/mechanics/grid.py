"""Regular periodic grids and their frequencies."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from hoad.errors import CellError

__all__ = ["Frequencies", "Grid"]


@dataclass(frozen=True)
class Grid:
    """Periodic grid of voxels.

    Parameters
    ----------
    shape : tuple of int
        Number of voxels along each of 1, 2 or 3 axes.
    lengths : tuple of float
        Edge lengths of the cell, in the unit of length of the problem.

    Raises
    ------
    CellError
        For other dimensions, empty axes or lengths that are not positive.

    Examples
    --------
    >>> from hoad.mechanics import Grid
    >>> Grid((4, 8), (1.0, 2.0)).spacing
    (0.25, 0.25)
    """

    shape: tuple[int, ...]
    lengths: tuple[float, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.shape) <= 3:
            raise CellError(f"a grid of {len(self.shape)} axes was given, expected 1, 2 or 3. Remove or add axes.")
        if len(self.lengths) != len(self.shape):
            raise CellError(
                f"{len(self.lengths)} lengths were given for {len(self.shape)} axes, expected one for each axis. "
                f"Pass lengths={(1.0,) * len(self.shape)}, for example."
            )
        if any(int(n) != n or n < 1 for n in self.shape):
            raise CellError(f"a grid of shape {self.shape} has an axis without voxels, expected at least one along each axis.")
        if not all(np.isfinite(length) and length > 0 for length in self.lengths):
            raise CellError(f"lengths are {self.lengths}, expected positive finite numbers.")
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))
        object.__setattr__(self, "lengths", tuple(float(x) for x in self.lengths))

    @property
    def dimension(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def spacing(self) -> tuple[float, ...]:
        """Edge lengths of a voxel."""
        return tuple(length / n for length, n in zip(self.lengths, self.shape, strict=True))

    @property
    def size(self) -> int:
        """Number of voxels."""
        return prod(self.shape)

    @property
    def axes(self) -> tuple[int, ...]:
        """Positions of the grid axes in a field stored components first: the last ones."""
        return tuple(range(-self.dimension, 0))

    def centres(self) -> tuple[NDArray[np.float64], ...]:
        """Coordinates of the voxel centres along each axis, shaped to broadcast to the grid; the origin is a corner."""
        x = [(np.arange(n) + 0.5) * h for n, h in zip(self.shape, self.spacing, strict=True)]
        return tuple(np.meshgrid(*x, indexing="ij", sparse=True))

    def wave_numbers(self, axis: int, half: bool) -> NDArray[np.int64]:
        """Integer frequencies along an axis in the order of the FFT; only those from zero on if ``half``."""
        n = self.shape[axis]
        return np.arange(n // 2 + 1) if half else np.round(np.fft.fftfreq(n) * n).astype(np.int64)

    @property
    def spectral_shape(self) -> tuple[int, ...]:
        """Shape of the half spectrum of a real field."""
        return (*self.shape[:-1], self.shape[-1] // 2 + 1)


@dataclass(frozen=True)
class Frequencies:
    """A part of the half spectrum of a grid: all of it, or what one of many processes holds.

    Parameters
    ----------
    grid : Grid
    part : tuple of slice, optional
        Along each axis of the half spectrum.
    """

    grid: Grid
    part: tuple[slice, ...] | None = None

    @property
    def dimension(self) -> int:
        """Number of axes."""
        return self.grid.dimension

    @property
    def spacing(self) -> tuple[float, ...]:
        """Edge lengths of a voxel."""
        return self.grid.spacing

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of frequencies of the part along each axis."""
        return tuple(len(range(n)[s]) for n, s in zip(self.grid.spectral_shape, self._slices, strict=True))

    @property
    def _slices(self) -> tuple[slice, ...]:
        return self.part if self.part is not None else (slice(None),) * self.dimension

    def _numbers(self) -> list[NDArray[np.int64]]:
        last = self.dimension - 1
        return [self.grid.wave_numbers(a, a == last)[s] for a, s in enumerate(self._slices)]

    def angles(self) -> tuple[NDArray[np.float64], ...]:
        """Angle k_a h_a in [-π, π] of every frequency along each axis, shaped to broadcast to the part."""
        q = [2 * np.pi * k / n for k, n in zip(self._numbers(), self.grid.shape, strict=True)]
        return tuple(np.meshgrid(*q, indexing="ij", sparse=True))

    def at_nyquist(self) -> tuple[NDArray[np.bool_], ...]:
        """For each axis whether a frequency is its Nyquist frequency (even number of voxels only), shaped as the angles."""
        found = [2 * np.abs(k) == n for k, n in zip(self._numbers(), self.grid.shape, strict=True)]
        return tuple(np.meshgrid(*found, indexing="ij", sparse=True))
