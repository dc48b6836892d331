"""A periodic cell: voxel image, lengths, discretisation."""

from __future__ import annotations

import os
from typing import Any, Literal

import numpy as np

from hoad.errors import CellError
from hoad.mechanics.grid import Grid
from hoad.mechanics.kinematics import Plane
from hoad.mechanics.schemes import symbols_of
from hoad.mechanics.transforms import Transform

__all__ = ["Cell"]

Array = Any


class Cell:
    """Periodic cell made of voxels.

    Parameters
    ----------
    image : array of shape (n, ...) in 1 to 3 dimensions, or path
        Label of the phase of each voxel: integers, booleans or strings. A path names an image file (see
        :func:`hoad.mechanics.read_image`): .npy, .npz, .vti, .png, .tif, or a folder of slices.
    lengths : sequence of float, optional
        Edge lengths of the cell; 1 along each axis by default.
    scheme : str
        Discretisation of the gradient, a key of :data:`hoad.mechanics.SCHEMES`: ``"rotated"`` (default, robust at high
        contrast), ``"fourier"``, ``"forward"``, ``"backward"``, ``"central-2"`` to ``"central-8"``, ``"hexahedra"``
        (full integration), ``"tetrahedra"`` (3D).
    plane : {"strain", "stress", "two-dimensional"}
        For two axes: what happens out of plane; ``"two-dimensional"`` gives materials 2 × 2 tensors.
    antiplane : bool
        For two axes and mechanical materials: the only displacement is u_3(x_1, x_2).
    nyquist : {"free", "zero"}
        Treatment of Nyquist frequencies by the Fourier scheme on even grids, see
        :class:`hoad.mechanics.compatibility.Compatibility`.
    transform : Transform, optional
        Fourier transform; SciPy's by default.

    Raises
    ------
    CellError
        For an empty image, NaN in it, other dimensions, lengths that are not positive, or an unknown scheme.

    Examples
    --------
    >>> import numpy as np
    >>> from hoad import mechanics as me
    >>> image = np.zeros((8, 8), int)
    >>> image[2:6, 2:6] = 1
    >>> me.Cell(image)
    Cell(8 x 8 voxels, lengths (1.0, 1.0), phases 0 (75 %), 1 (25 %), scheme 'rotated', plane strain)
    """

    def __init__(
        self,
        image: Any,
        lengths: Any = None,
        *,
        scheme: str = "rotated",
        plane: Plane = "strain",
        antiplane: bool = False,
        nyquist: Literal["free", "zero"] = "free",
        transform: Transform | None = None,
    ) -> None:
        if isinstance(image, str | os.PathLike):
            from hoad.mechanics.io.images import read_image

            image = read_image(image)
        if isinstance(image, np.ma.MaskedArray) and np.ma.getmaskarray(image).any():
            raise CellError(
                f"the image has {int(np.ma.getmaskarray(image).sum())} masked voxels, expected a label everywhere. "
                "Fill them with a phase of their own: image.filled(label)."
            )
        image = np.asarray(image)
        if image.dtype.kind == "f":
            if np.isnan(image).any():
                raise CellError(
                    f"the image has NaN at {int(np.isnan(image).sum())} voxels, expected a label everywhere. "
                    "Fill them with a phase of their own."
                )
            whole = image.astype(np.int64)
            if not np.array_equal(whole, image):
                raise CellError(
                    "the image has fractional values, expected labels of phases. Threshold it first, for example image > 0.5, "
                    "or pass densities as parameter fields of a material."
                )
            image = whole
        if image.dtype.kind not in "biuUS":
            raise CellError(f"the image has dtype {image.dtype}, expected integers, booleans or strings: labels of phases.")
        if image.size == 0:
            raise CellError(f"the image has shape {image.shape}, expected at least one voxel.")
        if image.dtype.kind == "b":
            image = image.astype(np.int64)
        try:
            sizes = (1.0,) * image.ndim if lengths is None else tuple(float(x) for x in np.atleast_1d(lengths))
        except (TypeError, ValueError):
            raise CellError(f"lengths are {lengths!r}, expected a positive number for each of the {image.ndim} axes.") from None
        self.image = image
        self.grid = Grid(image.shape, sizes)
        if plane not in ("strain", "stress", "two-dimensional"):
            raise CellError(f"plane={plane!r} is unknown, expected 'strain', 'stress' or 'two-dimensional'.")
        if (plane != "strain" or antiplane) and image.ndim != 2:
            raise CellError(f"plane={plane!r}, antiplane={antiplane} was asked for a cell of {image.ndim} axes, expected 2.")
        if nyquist not in ("free", "zero"):
            raise CellError(f"nyquist={nyquist!r} is unknown, expected 'free' or 'zero'.")
        self.scheme = scheme
        self.plane: Plane = plane
        self.antiplane = antiplane
        self.nyquist = nyquist
        self.transform = transform
        symbols_of(scheme, Grid((2,) * image.ndim, sizes))

    @property
    def phases(self) -> list[Any]:
        """Labels in the image, sorted."""
        return [x.item() for x in np.unique(self.image)]

    def fractions(self) -> dict[Any, float]:
        """Volume fraction of each phase."""
        labels, counts = np.unique(self.image, return_counts=True)
        return {x.item(): float(n) / self.image.size for x, n in zip(labels, counts, strict=True)}

    def __repr__(self) -> str:
        parts = ", ".join(f"{k} ({100 * v:.3g} %)" for k, v in list(self.fractions().items())[:6])
        plane = {"strain": "plane strain", "stress": "plane stress"}.get(self.plane, self.plane)
        where = ("antiplane" if self.antiplane else plane) if self.grid.dimension == 2 else ""
        size = " x ".join(map(str, self.grid.shape))
        return f"Cell({size} voxels, lengths {self.grid.lengths}, phases {parts}, scheme {self.scheme!r}" + (
            f", {where})" if where else ")"
        )
