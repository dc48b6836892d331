"""Cells that are larger than one machine: the same operators on transforms that are spread over MPI processes.

Each process holds a slab (or pencil) of voxels and of frequencies; fields of that part, and sums over all processes, are all
that the operators and solvers need. Run a script with ``mpirun -n 4 python script.py`` and pass the transform to the cell::

    transform = me.MPITransform(image.shape)
    cell = me.Cell(image, transform=transform)
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from hoad.mechanics.grid import Grid

__all__ = ["MPITransform"]

Array = Any


class MPITransform:
    """Real transforms by mpi4py-fft (extra ``mpi``).

    Parameters
    ----------
    shape : tuple of int
        Voxels of the whole grid, in 2 or 3 dimensions.
    lengths : tuple of float, optional
        Edge lengths of the cell; 1 by default.
    comm : mpi4py communicator, optional
        ``MPI.COMM_WORLD`` by default.
    decomposition : {"slab", "pencil"}
        Divide one axis of the voxels, or two (three-dimensional grids only).
    backend : str
        A backend of mpi4py-fft: ``"fftw"`` or ``"scipy"``.

    Attributes
    ----------
    real_part, spectral_part : tuple of slice
        The voxels and frequencies of this process.

    Notes
    -----
    Mortensen, Dalcin & Keyes, mpi4py-fft, J. Open Source Softw. 4 (2019).
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        lengths: tuple[float, ...] | None = None,
        comm: Any = None,
        *,
        decomposition: Literal["slab", "pencil"] = "slab",
        backend: str = "fftw",
    ) -> None:
        try:
            from mpi4py import MPI
            from mpi4py_fft import PFFT
        except ImportError as error:
            raise ImportError("MPITransform needs mpi4py and mpi4py-fft: pip install 'hoad[mpi]'.") from error
        if decomposition not in ("slab", "pencil"):
            raise ValueError(f"decomposition is {decomposition!r}, expected 'slab' or 'pencil'.")
        if len(shape) not in (2, 3) or (decomposition == "pencil" and len(shape) != 3):
            raise ValueError(
                f"a grid of {len(shape)} axes cannot be divided into {decomposition}s, expected 2 or 3 for slabs, 3 for pencils."
            )
        self.grid = Grid(tuple(shape), tuple(lengths) if lengths is not None else (1.0,) * len(shape))
        self.comm = MPI.COMM_WORLD if comm is None else comm
        self._sum, self._min = MPI.SUM, MPI.MIN
        divided = None if decomposition == "pencil" else (-1,)
        self._plan = PFFT(self.comm, self.grid.shape, dtype=float, grid=divided, backend=backend)
        self.real_part = tuple(self._plan.local_slice(False))
        self.spectral_part = tuple(self._plan.local_slice(True))

    def forward(self, field: Array) -> Array:
        lead = field.shape[: field.ndim - self.grid.dimension]
        out = np.empty((*lead, *self._plan.shape(True)), complex)
        for k in np.ndindex(lead):
            self._plan.forward.input_array[...] = field[k]
            out[k] = self._plan.forward(normalize=False)
        return out

    def backward(self, spectrum: Array) -> Array:
        lead = spectrum.shape[: spectrum.ndim - self.grid.dimension]
        out = np.empty((*lead, *self._plan.shape(False)))
        for k in np.ndindex(lead):
            self._plan.backward.input_array[...] = spectrum[k]
            out[k] = self._plan.backward(normalize=True)
        return out

    def total(self, value: Any) -> Any:
        return self.comm.allreduce(value, op=self._sum)

    def smallest(self, value: float) -> float:
        return self.comm.allreduce(value, op=self._min)

    def gather(self, field: Array) -> Array | None:
        """Whole field (..., *grid) on the first process from the parts of all; None on the others."""
        parts = self.comm.gather((self.real_part, field), root=0)
        if parts is None:
            return None
        lead = field.shape[: field.ndim - self.grid.dimension]
        whole = np.empty((*lead, *self.grid.shape), field.dtype)
        for part, values in parts:
            whole[(..., *part)] = values
        return whole

    def __repr__(self) -> str:
        return f"MPITransform({self.grid.shape}, {self.comm.Get_size()} processes, voxels {self.real_part} here)"
