"""VTK image data: XML header and raw binary data in one file, for ParaView and every other program built on VTK."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO
from xml.sax.saxutils import quoteattr

import numpy as np

from hoad.atomic import write_atomically
from hoad.mechanics.io.fields import field, field_names, nodal_displacement, phase_numbers, require_whole, unknown_name

if TYPE_CHECKING:
    from hoad.mechanics.solution import Solution

__all__ = ["VoxelData", "voxel_data", "write_vti"]

Array = Any


@dataclass(frozen=True)
class VoxelData:
    """A field as visualisation programs take it: three axes in space, x fastest, 1, 3 or 9 components behind.

    Parameters
    ----------
    name : str
    centre : {"cell", "node"}
    values : array of shape (nz, ny, nx), (nz, ny, nx, 3) or (nz, ny, nx, 9)
    """

    name: str
    centre: str
    values: Array

    @property
    def components(self) -> int:
        """1 for scalars, 3 for vectors, 9 for tensors (row by row)."""
        return 1 if self.values.ndim == 3 else int(self.values.shape[3])


def voxel_data(solution: Solution, names: list[str] | None = None, *, layers: int = 2) -> Iterator[VoxelData]:
    """Fields of a solution for a file, one after the other: all known ones, or those named.

    One and two dimensions become three with a single layer of voxels, which has ``layers`` layers of nodes (2, or 1 for a flat
    image). Vectors and tensors are filled up with zeros to three dimensions, other internal variables are written as one scalar
    for each component. Internal variables are NaN in phases that do not have them.
    """
    require_whole(solution)
    known = field_names(solution)
    for name in known if names is None else names:
        if name not in known:
            raise unknown_name("field", name, known)
        if name == "phase":
            values = phase_numbers(solution)[0]
            small = np.abs(values).max() < 2**31
            yield VoxelData(name, "cell", _turned(values.astype(np.int32 if small else np.int64), 0))
        elif name == "displacement":
            u = nodal_displacement(solution)
            d = u.ndim - 1
            for _ in range(3 - d):
                u = np.repeat(u[..., None], layers, axis=-1)
            if solution.problem.kinematics.kind == "antiplane":
                u = np.concatenate([np.zeros_like(u), np.zeros_like(u), u])
            scalar = solution.problem.kinematics.kind == "scalar"
            yield VoxelData(name, "node", _turned(u[0] if scalar else _filled(u, 1), 0 if scalar else 1))
        else:
            values = np.asarray(field(solution, name), float)
            rank = values.ndim - solution.problem.cell.grid.dimension
            shape = values.shape[:rank]
            if rank == 0:
                yield VoxelData(name, "cell", _turned(values, 0))
            elif shape in ((2,), (3,), (1, 1), (2, 2), (3, 3)):
                yield VoxelData(name, "cell", _turned(_filled(values, rank), rank))
            else:
                for index in np.ndindex(*shape):
                    ending = "_".join(str(i + 1) for i in index)
                    yield VoxelData(f"{name}_{ending}", "cell", _turned(values[index], 0))


def _filled(values: Array, rank: int) -> Array:
    """Tensors of three dimensions, zeros where there was nothing."""
    return np.pad(values, [(0, 3 - n) for n in values.shape[:rank]] + [(0, 0)] * (values.ndim - rank))


def _turned(values: Array, rank: int) -> Array:
    """From (components, x, y, z) to contiguous (z, y, x, components)."""
    grid = values.shape[rank:] + (1,) * (3 + rank - values.ndim)
    flat = values.reshape((-1, *grid))
    turned = flat.transpose(3, 2, 1, 0)
    return np.ascontiguousarray(turned if rank else turned[..., 0])


_TYPES = {"int32": "Int32", "int64": "Int64", "float64": "Float64"}


def write_vti(solution: Solution, path: str | os.PathLike[str], names: list[str] | None = None) -> None:
    """Write the fields at the end of a solution as VTK image data.

    Parameters
    ----------
    solution : Solution
    path : path
        Ends in ``.vti``.
    names : list of str, optional
        Which fields; all by default.
    """
    grid = solution.problem.cell.grid
    missing = 3 - grid.dimension
    extent = " ".join(f"0 {n}" for n in (*grid.shape, *[0] * missing))
    spacing = " ".join(map(repr, (*grid.spacing, *[min(grid.spacing)] * missing)))
    fields = list(voxel_data(solution, names, layers=1))
    time = np.array([solution._end().time])
    order = "LittleEndian" if sys.byteorder == "little" else "BigEndian"
    offset, blocks = 0, []

    def data_array(name: str, values: Array, components: int, extra: str = "") -> str:
        nonlocal offset
        text = (
            f'<DataArray type="{_TYPES[values.dtype.name]}" Name={quoteattr(name)} NumberOfComponents="{components}"{extra} '
            f'format="appended" offset="{offset}"/>\n'
        )
        blocks.append(values)
        offset += 8 + values.nbytes
        return text

    def section(centre: str) -> str:
        return "".join(data_array(f.name, f.values, f.components) for f in fields if f.centre == centre)

    when = data_array("TimeValue", time, 1, ' NumberOfTuples="1"')
    header = (
        f'<?xml version="1.0"?>\n<VTKFile type="ImageData" version="1.0" byte_order="{order}" header_type="UInt64">\n'
        f'<ImageData WholeExtent="{extent}" Origin="0 0 0" Spacing="{spacing}">\n'
        f"<FieldData>\n{when}</FieldData>\n"
        f'<Piece Extent="{extent}">\n<CellData>\n{section("cell")}</CellData>\n<PointData>\n{section("node")}</PointData>\n'
        '</Piece>\n</ImageData>\n<AppendedData encoding="raw">\n_'
    )

    def write(stream: BinaryIO) -> None:
        stream.write(header.encode())
        for values in blocks:
            stream.write(np.uint64(values.nbytes).tobytes())
            stream.write(memoryview(values).cast("B"))
        stream.write(b"\n</AppendedData>\n</VTKFile>\n")

    write_atomically(path, write)
