"""Fourier transforms of real fields behind one interface, so that a cell may live on one machine or on many."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import scipy.fft

from hoad.mechanics.blocks import PARALLEL, threads
from hoad.mechanics.grid import Grid

__all__ = ["DuccTransform", "ScipyTransform", "Transform", "default_transform"]

Array = Any


class Transform(Protocol):
    """What the operators need of a transform of real fields on a grid, whole or distributed.

    ``forward`` and ``backward`` act on the last axes; both return arrays that the caller may overwrite.
    """

    grid: Grid

    @property
    def real_part(self) -> tuple[slice, ...]:
        """The part of the voxels that this process holds."""

    @property
    def spectral_part(self) -> tuple[slice, ...]:
        """The part of the half spectrum that this process holds."""

    def forward(self, field: Array) -> Array:
        """Half spectrum of real fields (..., *grid), without a factor."""

    def backward(self, spectrum: Array) -> Array:
        """Real fields of half spectra; divides by the number of voxels. ``spectrum`` may be destroyed."""

    def total(self, value: Any) -> Any:
        """Sum of numbers (or small arrays) over all processes."""

    def smallest(self, value: float) -> float:
        """Least of numbers over all processes."""


class ScipyTransform:
    """SciPy's pocketfft.

    Parameters
    ----------
    grid : Grid
    workers : int or None
        Threads; None takes what SciPy is set to, -1 all cores.
    """

    def __init__(self, grid: Grid, workers: int | None = None) -> None:
        self.grid = grid
        self.workers = workers
        self.real_part = tuple(slice(0, n) for n in grid.shape)
        self.spectral_part = tuple(slice(0, n) for n in grid.spectral_shape)

    def forward(self, field: Array) -> Array:
        return scipy.fft.rfftn(field, axes=self.grid.axes, workers=self.workers)

    def backward(self, spectrum: Array) -> Array:
        return scipy.fft.irfftn(spectrum, s=self.grid.shape, axes=self.grid.axes, workers=self.workers, overwrite_x=True)

    def total(self, value: Any) -> Any:
        return value

    def smallest(self, value: float) -> float:
        return value

    def __repr__(self) -> str:
        return f"ScipyTransform({self.grid.shape}, workers={self.workers})"


class DuccTransform(ScipyTransform):
    """ducc0's transforms (extra ``fft``): the algorithms of SciPy's with wider vector instructions."""

    def __init__(self, grid: Grid, workers: int | None = None) -> None:
        from ducc0 import fft

        super().__init__(grid, workers)
        self._fft = fft
        self._threads = 1 if workers is None else 0 if workers < 0 else workers

    def forward(self, field: Array) -> Array:
        axes = tuple(range(field.ndim - self.grid.dimension, field.ndim))
        return self._fft.r2c(np.ascontiguousarray(field, float), axes=axes, nthreads=self._threads)

    def backward(self, spectrum: Array) -> Array:
        axes = tuple(range(spectrum.ndim - self.grid.dimension, spectrum.ndim))
        return self._fft.c2r(
            spectrum,
            axes=axes,
            lastsize=self.grid.shape[-1],
            forward=False,
            inorm=2,
            nthreads=self._threads,
            allow_overwriting_input=True,
        )

    def __repr__(self) -> str:
        return f"DuccTransform({self.grid.shape}, workers={self.workers})"


def default_transform(grid: Grid) -> Transform:
    """The fastest transform that is installed, on as many threads as :func:`hoad.mechanics.blocks.threads` says."""
    workers = threads() if grid.size >= PARALLEL else 1
    try:
        return DuccTransform(grid, workers)
    except ImportError:
        return ScipyTransform(grid, workers)


def half_weights(transform: Transform) -> Array:
    """How often each frequency of the half spectrum counts in a sum over the whole one: 1 or 2, shaped to broadcast."""
    n = transform.grid.shape[-1]
    w = np.full(n // 2 + 1, 2.0)
    w[0] = 1.0
    if n % 2 == 0:
        w[-1] = 1.0
    return w[transform.spectral_part[-1]]
