"""XDMF with HDF5: fields of one state, or of a load path step by step, for ParaView and VisIt."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from xml.etree import ElementTree

from hoad.atomic import write_atomically
from hoad.errors import MechanicsError
from hoad.mechanics.io.archive import require_folder
from hoad.mechanics.io.packages import need
from hoad.mechanics.io.vti import VoxelData, voxel_data

if TYPE_CHECKING:
    from hoad.mechanics.solution import Solution

__all__ = ["FieldWriter", "write_xdmf"]

Array = Any
Element = ElementTree.Element


def write_xdmf(solution: Solution, path: str | os.PathLike[str], names: list[str] | None = None) -> None:
    """Write the fields at the end of a solution as XDMF 3, with an HDF5 file of the same name beside it.

    Parameters
    ----------
    solution : Solution
    path : path
        Ends in ``.xdmf``; data go to the same name with ``.h5``.
    names : list of str, optional
        Which fields; all by default.
    """
    file = _checked(path)
    root, domain = _document(solution)
    domain.append(_write_step(solution, file.with_suffix(".h5"), names))
    _write_xml(root, file)


class FieldWriter:
    """Writes the fields after each load step as one time series; made to be the ``callback`` of :func:`hoad.mechanics.solve`.

    Parameters
    ----------
    path : path
        Ends in ``.xdmf``. Each step has an HDF5 file of its own beside it, ``<name>_0001.h5`` and so on, so that a run which is
        killed leaves a readable series.
    names : list of str, optional
        Which fields, such as ``["displacement", "stress", "von_mises"]``; all by default.

    Raises
    ------
    MechanicsError
        If the path does not end in .xdmf, or a field is unknown.
    ImportError
        If h5py is not installed.

    Notes
    -----
    A run that continues from a checkpoint also continues its series: steps of the file that are earlier than the first one
    written are kept. Other files of that name are replaced.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from hoad import mechanics as me
    >>> from hoad.mechanics.io.xdmf import FieldWriter
    >>> cell = me.Cell(np.arange(16).reshape(4, 4) % 2)
    >>> phases = {0: me.LinearElastic(mu=1.0, lmbda=1.0), 1: me.LinearElastic(mu=2.0, lmbda=1.0)}
    >>> load = me.strain_path([e * np.eye(2) for e in (0.01, 0.02)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sol = me.solve(cell, phases, load, callback=FieldWriter(pathlib.Path(folder) / "run.xdmf"))
    ...     sorted(p.name for p in pathlib.Path(folder).iterdir())
    ['run.xdmf', 'run_0001.h5', 'run_0002.h5']
    """

    def __init__(self, path: str | os.PathLike[str], names: list[str] | None = None) -> None:
        self.path = _checked(path)
        self.names = names
        self._root: Element | None = None
        self._series: Element | None = None
        need("h5py", "writing .xdmf files")

    def __call__(self, solution: Solution) -> None:
        """Append the state at the end of the solution."""
        if self._root is None or self._series is None:
            self._root, domain = _document(solution)
            attributes = {"Name": "load path", "GridType": "Collection", "CollectionType": "Temporal"}
            self._series = ElementTree.SubElement(domain, "Grid", attributes)
            if len(solution.steps) > 1:
                self._series.extend(self._earlier(solution))
        number = len(solution.steps)
        data = self.path.with_name(f"{self.path.stem}_{number:04d}.h5")
        self._series.append(_write_step(solution, data, self.names))
        _write_xml(self._root, self.path)

    def _earlier(self, solution: Solution) -> list[Element]:
        """Steps of an existing file of the same cell that a continued run follows."""
        if not self.path.is_file():
            return []
        try:
            domain = ElementTree.parse(self.path).getroot().find("Domain")
        except ElementTree.ParseError:
            return []
        ours = _shape_of(solution)
        found = [] if domain is None else domain.findall("./Grid[@GridType='Collection']/Grid")
        done = {step.time for step in solution.steps[:-1]}
        return [g for g in found if float(_time(g)) in done and _attribute(g, "Topology", "Dimensions") == ours]

    def __repr__(self) -> str:
        return f"FieldWriter({str(self.path)!r})"


def _time(grid: Element) -> str:
    return _attribute(grid, "Time", "Value")


def _attribute(grid: Element, tag: str, name: str) -> str:
    found = grid.find(tag)
    return "nan" if found is None else found.get(name, "nan")


def _checked(path: str | os.PathLike[str]) -> Path:
    file = Path(path)
    if file.suffix.lower() not in (".xdmf", ".xmf"):
        raise MechanicsError(f"fields were to be written to {file}, expected a name that ends in .xdmf.")
    if ":" in file.name:
        raise MechanicsError(f"{file.name} has a colon, which separates file and data set in XDMF. Choose another name.")
    require_folder(file)
    return file


def _document(solution: Solution) -> tuple[Element, Element]:
    root = ElementTree.Element("Xdmf", Version="3.0")
    domain = ElementTree.SubElement(root, "Domain")
    labels = ", ".join(map(str, solution.problem.cell.phases))
    ElementTree.SubElement(domain, "Information", Name="phases", Value=labels)
    return root, domain


def _spaced(values: Any) -> str:
    return " ".join(map(repr, values))


def _shape_of(solution: Solution) -> str:
    """Number of nodes, slowest axis first, as XDMF has it."""
    shape = solution.problem.cell.grid.shape
    return _spaced([n + 1 for n in (*shape, *[1] * (3 - len(shape)))][::-1])


def _item(parent: Element, dimensions: str, text: str, kind: str = "Float", precision: int = 8, form: str = "XML") -> None:
    item = ElementTree.SubElement(parent, "DataItem", Dimensions=dimensions, NumberType=kind, Precision=str(precision), Format=form)
    item.text = text


def _write_step(solution: Solution, data: Path, names: list[str] | None) -> Element:
    """Write the HDF5 file of a state, and return the XDMF grid that refers to it."""
    h5py = need("h5py", "writing .xdmf files")
    attributes: list[Element] = []

    def write(stream: BinaryIO) -> None:
        with h5py.File(stream, "w") as h5:
            for f in voxel_data(solution, names):  # one at a time, as a field may be large
                h5.create_dataset(f"{f.centre}/{f.name}", data=f.values)
                attributes.append(_attribute_of(f, data.name))

    write_atomically(data, write)
    grid = ElementTree.Element("Grid", Name=f"step {len(solution.steps)}", GridType="Uniform")
    ElementTree.SubElement(grid, "Time", Value=repr(float(solution._end().time)))
    # Readers take sizes, origin and spacing of regular meshes from the slowest axis (z) to the fastest; a plane mesh
    # would end up in the y-z plane, so that planes are meshes of one layer.
    ElementTree.SubElement(grid, "Topology", TopologyType="3DCoRectMesh", Dimensions=_shape_of(solution))
    geometry = ElementTree.SubElement(grid, "Geometry", GeometryType="ORIGIN_DXDYDZ")
    spacing = solution.problem.cell.grid.spacing
    _item(geometry, "3", "0 0 0")
    _item(geometry, "3", _spaced((*spacing, *[min(spacing)] * (3 - len(spacing)))[::-1]))
    grid.extend(attributes)
    return grid


_KINDS = {1: "Scalar", 3: "Vector", 9: "Tensor"}


def _attribute_of(f: VoxelData, file: str) -> Element:
    """Where a field is in the HDF5 file."""
    attribute = ElementTree.Element("Attribute", Name=f.name, AttributeType=_KINDS[f.components], Center=f.centre.capitalize())
    kind = "Int" if f.values.dtype.kind == "i" else "Float"
    _item(attribute, _spaced(f.values.shape), f"{file}:/{f.centre}/{f.name}", kind, f.values.dtype.itemsize, "HDF")
    return attribute


def _write_xml(root: Element, file: Path) -> None:
    ElementTree.indent(root)

    def write(stream: BinaryIO) -> None:
        ElementTree.ElementTree(root).write(stream, encoding="utf-8", xml_declaration=True)

    write_atomically(file, write)
