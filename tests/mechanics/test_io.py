"""Fields by name, and files of them, which VTK and h5py read back."""

from __future__ import annotations

import json
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from hoad import mechanics as me
from hoad.errors import MechanicsError
from hoad.mechanics.io import fields
from hoad.mechanics.io.images import read_image
from hoad.mechanics.io.xdmf import FieldWriter
from hoad.mechanics.materials.j2_plasticity import J2Plasticity


def solved(scheme="rotated", shape=(3, 4, 5), finite=True, steps=2, **options):
    """A random cell with different lengths, sheared: no symmetry of any kind."""
    image = np.random.default_rng(2).integers(0, 2, shape)
    law = me.NeoHooke if finite else me.LinearElastic
    phases = {0: law(mu=1.0, lmbda=1.5), 1: law(mu=3.0, lmbda=0.5)}
    d = len(shape)
    h = np.array([[0.1, 0.05, 0.02], [0.03, -0.04, 0.06], [-0.07, 0.01, 0.08]])[:d, :d]
    macro = [np.eye(d) + h * t for t in (0.5, 1.0)] if finite else [0.5 * (h + h.T) * t for t in (0.5, 1.0)]
    cell = me.Cell(image, (0.6, 1.2, 2.0)[:d], scheme=scheme)
    return me.solve(cell, phases, me.strain_path(macro[:steps]), tol=1e-10, **options)


# -- fields ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["rotated", "hexahedra", "tetrahedra"])
def test_nodal_displacement_has_the_strain_as_its_gradient(scheme):
    """The mean gradient of a voxel follows from its corners: differences averaged over the other axes."""
    sol = solved(scheme)
    u, h = fields.nodal_displacement(sol), sol.problem.cell.grid.spacing
    for a in range(3):
        g = np.diff(u, axis=a + 1) / h[a]
        for b in range(3):
            if b != a:
                g = 0.5 * (g.take(range(g.shape[b + 1] - 1), b + 1) + g.take(range(1, g.shape[b + 1]), b + 1))
        assert np.allclose(g, fields.field(sol, "strain")[:, a] - np.eye(3)[:, a, None, None, None], atol=1e-12)


@pytest.mark.parametrize(("scheme", "at"), [("forward", slice(0, -1)), ("backward", slice(1, None))])
def test_one_sided_schemes_have_their_nodes_at_a_corner(scheme, at):
    sol = solved(scheme, (4, 5))
    u = fields.nodal_displacement(sol)
    h = sol.problem.cell.grid.spacing
    strain = fields.field(sol, "strain")
    assert np.allclose(np.diff(u, axis=1)[:, :, at] / h[0], strain[:2, 0] - np.eye(2)[:, 0, None, None], atol=1e-12)
    assert np.allclose(np.diff(u, axis=2)[:, at] / h[1], strain[:2, 1] - np.eye(2)[:, 1, None, None], atol=1e-12)


def test_centred_schemes_average_to_the_nodes():
    sol = solved("fourier", (4, 5))
    u, nodal = sol.displacement, fields.nodal_displacement(sol)
    x = np.array([2 * 0.15, 3 * 0.24])
    around = u[:, 1:3, 2:4].mean((1, 2))
    assert np.allclose(nodal[:, 2, 3], around + (sol.strain[-1] - np.eye(2)) @ x, atol=1e-14)


@pytest.mark.parametrize("finite", [True, False])
def test_out_of_plane_stress_and_von_mises(finite):
    """Whole stress tensor against differences of the energy; its in-plane part against what the solver computed."""
    sol = solved("rotated", (4, 5), finite)
    stress = fields.full_stress(sol)
    assert np.allclose(stress[:2, :2], sol.stress_field, atol=1e-13)
    strain, eps = fields.full_strain(sol)[:, :, 0], 1e-6
    where = sol.problem.cell.image == 1
    law = sol.problem.phases[1]
    shift = eps * np.diag([0.0, 0.0, 1.0])[..., None, None]
    slope = (law.energy(strain + shift) - law.energy(strain - shift)) / (2 * eps)
    assert np.allclose(stress[2, 2, 0][where], slope[where], atol=1e-9)
    f = np.moveaxis(strain, (0, 1), (-2, -1))
    sigma = np.moveaxis(stress[:, :, 0], (0, 1), (-2, -1))
    if finite:
        sigma = sigma @ np.swapaxes(f, -1, -2) / np.linalg.det(f)[..., None, None]
        assert np.allclose(np.moveaxis(fields.field(sol, "cauchy"), (0, 1), (-2, -1)), sigma, atol=1e-13)
    a, b, c = np.moveaxis(np.linalg.eigvalsh(sigma), -1, 0)
    assert np.allclose(fields.field(sol, "von_mises"), np.sqrt(((a - b) ** 2 + (b - c) ** 2 + (a - c) ** 2) / 2), atol=1e-13)


def test_plane_stress_has_its_thickness_strain():
    image = np.arange(12).reshape(3, 4) % 2
    law = me.LinearElastic.from_young(2.0, 0.3)
    cell = me.Cell(image, plane="stress")
    sol = me.solve(cell, {0: law, 1: law}, me.strain_path([[[0.02, 0.01], [0.01, 0.03]]]))
    assert np.allclose(fields.component(sol, "strain_33"), -0.3 / 0.7 * 0.05, atol=1e-12)
    assert not fields.component(sol, "stress_33").any()


@pytest.mark.parametrize("kind", ["finite", "antiplane", "scalar"])
def test_every_listed_name_gives_a_field(kind):
    image = np.arange(12).reshape(3, 4) % 2
    if kind == "finite":
        sol = solved()
    else:
        law = me.Conduction if kind == "scalar" else lambda k: me.LinearElastic(mu=k, lmbda=k)
        sol = me.solve(me.Cell(image, antiplane=kind == "antiplane"), {0: law(1.0), 1: law(2.0)}, me.strain_path([[0.1, 0.2]]))
    for name in fields.component_names(sol):
        assert fields.component(sol, name).shape == sol.problem.cell.grid.shape
        assert np.isfinite(fields.component(sol, name)).all()
    with pytest.raises(MechanicsError, match="strain_1"):
        fields.component(sol, "strains_1")


# -- visualisation --------------------------------------------------------------------------------------------------------------


def read_by_vtk(path):
    vtk = pytest.importorskip("vtkmodules.all")
    reader = vtk.vtkXdmfReader() if path.suffix == ".xdmf" else vtk.vtkXMLImageDataReader()
    reader.SetFileName(str(path))
    reader.Update()
    return reader, reader.GetOutputDataObject(0)


def assert_same_in_vtk(sol, grid, dimension):
    """Compare by the coordinates that VTK gives each cell and node, so that no order of axes is assumed."""
    h, shape = sol.problem.cell.grid.spacing, sol.problem.cell.grid.shape
    stress, mises, u = fields.field(sol, "stress"), fields.field(sol, "von_mises"), fields.nodal_displacement(sol)
    assert grid.GetNumberOfCells() == np.prod(shape)
    data = grid.GetCellData()
    seen = set()
    for number in range(grid.GetNumberOfCells()):
        low, high = np.reshape(grid.GetCell(number).GetBounds(), (3, 2))[:dimension].T
        assert np.allclose(high - low, h)
        index = tuple(np.round(low / h).astype(int).tolist())
        seen.add(index)
        assert data.GetArray("phase").GetTuple(number) == (sol.problem.cell.image[index],)
        assert data.GetArray("von_mises").GetTuple(number) == (mises[index],)
        assert np.array_equal(np.reshape(data.GetArray("stress").GetTuple(number), (3, 3)), stress[(..., *index)])
    assert seen == set(np.ndindex(*shape))
    for number in range(grid.GetNumberOfPoints()):
        index = tuple(np.round(np.array(grid.GetPoint(number)[:dimension]) / h).astype(int).tolist())
        found = grid.GetPointData().GetArray("displacement").GetTuple(number)
        assert np.array_equal(found[:dimension], u[(slice(None), *index)])
        assert not any(found[dimension:])


@pytest.mark.parametrize("shape", [(3, 4, 5), (3, 4), (4,)])
@pytest.mark.parametrize("suffix", [".xdmf", ".vti"])
def test_vtk_reads_what_was_written(suffix, shape, tmp_path):
    pytest.importorskip("h5py")
    sol = solved(shape=shape, finite=len(shape) > 1)
    sol.save(tmp_path / f"a{suffix}")
    _, grid = read_by_vtk(tmp_path / f"a{suffix}")
    assert_same_in_vtk(sol, grid, len(shape))
    if suffix == ".vti":
        assert grid.GetFieldData().GetArray("TimeValue").GetTuple(0) == (2.0,)
        assert np.array_equal(read_image(tmp_path / "a.vti", key="phase"), sol.problem.cell.image)


def test_xdmf_refers_to_data_of_the_sizes_it_states(tmp_path):
    h5py = pytest.importorskip("h5py")
    sol = solved()
    sol.save(tmp_path / "a.xdmf", ["stress", "displacement"])
    grid = ElementTree.parse(tmp_path / "a.xdmf").getroot().find("Domain/Grid")
    assert grid.find("Topology").get("Dimensions") == "6 5 4"
    origin, spacing = grid.findall("Geometry/DataItem")
    assert [float(v) for v in spacing.text.split()] == [2.0 / 5, 1.2 / 4, 0.6 / 3]
    sizes = {}
    for item in grid.findall("Attribute/DataItem"):
        file, name = item.text.split(":")
        with h5py.File(tmp_path / file) as data:
            assert " ".join(map(str, data[name].shape)) == item.get("Dimensions")
            assert data[name].dtype == np.float64
            sizes[name] = data[name].shape
            if name == "/cell/stress":
                assert np.array_equal(data[name][4, 2, 1].reshape(3, 3), fields.field(sol, "stress")[:, :, 1, 2, 4])
    assert sizes == {"/cell/stress": (5, 4, 3, 9), "/node/displacement": (6, 5, 4, 3)}


def test_time_series_goes_on_after_a_restart(tmp_path):
    pytest.importorskip("h5py")
    path = tmp_path / "run.xdmf"
    image = np.arange(20).reshape(4, 5) % 3
    phases = {k: me.NeoHooke(mu=1.0 + k, lmbda=1.0) for k in range(3)}
    load = me.strain_path([np.eye(2) + t * np.array([[0.1, 0.2], [0.0, 0.0]]) for t in (0.25, 0.5, 0.75, 1.0)])
    writer = FieldWriter(path, ["stress", "von_mises", "phase", "displacement"])

    def stop_after_two(solution):
        writer(solution)
        if len(solution.steps) == 2:
            raise StopIteration

    me.solve(me.Cell(image), phases, load, callback=stop_after_two, checkpoint=tmp_path / "state.npz")
    sol = me.solve(me.Cell(image), phases, load, callback=FieldWriter(path, writer.names), checkpoint=tmp_path / "state.npz")
    assert len(sol.steps) == 4
    grids = ElementTree.parse(path).getroot().findall("Domain/Grid/Grid")
    assert [g.find("Time").get("Value") for g in grids] == ["1.0", "2.0", "3.0", "4.0"]
    reader, _ = read_by_vtk(path)
    for time, macro in ((1.0, 0.025), (3.0, 0.075)):
        reader.UpdateTimeStep(time)
        nodes = reader.GetOutputDataObject(0).GetPointData().GetArray("displacement")
        first, last = nodes.GetTuple(0)[0], nodes.GetTuple(4)[0]
        assert last - first == pytest.approx(macro, abs=1e-14)
    reader.UpdateTimeStep(4.0)
    assert_same_in_vtk(sol, reader.GetOutputDataObject(0), 2)


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_archive_holds_the_response_and_the_fields(suffix, tmp_path):
    sol = solved(finite=False)
    if suffix == ".h5":
        h5py = pytest.importorskip("h5py")
    sol.save(tmp_path / f"a{suffix}")
    names = ["time", "strain", "stress", "energy", "iterations", "residual", "strain_field", "stress_field", "displacement"]
    data = np.load(tmp_path / "a.npz") if suffix == ".npz" else h5py.File(tmp_path / "a.h5")
    with data:
        for name in names:
            assert np.array_equal(data[name], getattr(sol, name))
        assert np.array_equal(data["image"], sol.problem.cell.image)
        text = str(data["metadata"]) if suffix == ".npz" else data["metadata"][()].tobytes().decode()
    metadata = json.loads(text)
    assert metadata["lengths"] == [0.6, 1.2, 2.0]
    assert metadata["converged"] is True
    assert metadata["phases"] == {"0": "LinearElastic(mu=1.0, lmbda=1.5)", "1": "LinearElastic(mu=3.0, lmbda=0.5)"}


def test_files_that_cannot_be_written(tmp_path):
    sol = solved()
    with pytest.raises(MechanicsError, match=r"\.xdmf.*\.vti.*\.npz"):
        sol.save(tmp_path / "a.vtk")
    with pytest.raises(MechanicsError, match="'stress'"):
        sol.save(tmp_path / "a.vti", ["stres"])
    with pytest.raises(MechanicsError, match=r"ends in \.xdmf"):
        FieldWriter(tmp_path / "a.vti")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["scalar", "antiplane", "plastic"])
def test_every_kind_of_field_in_a_file(kind, tmp_path):
    image = np.arange(12).reshape(3, 4) % 2
    if kind == "plastic":
        phases = {0: J2Plasticity(K=2.0, mu=1.0, sigma_y=0.01, H=0.05), 1: me.LinearElastic(mu=1.0, lmbda=1.0)}
        load = me.strain_path([[[0.02, 0.01], [0.01, -0.02]]])
    else:
        law = me.Conduction if kind == "scalar" else lambda k: me.LinearElastic(mu=k, lmbda=k)
        phases, load = {0: law(1.0), 1: law(2.0)}, me.strain_path([[0.1, 0.2]])
    sol = me.solve(me.Cell(image, antiplane=kind == "antiplane"), phases, load)
    sol.save(tmp_path / "a.vti")
    grid = read_by_vtk(tmp_path / "a.vti")[1]
    support = pytest.importorskip("vtkmodules.util.numpy_support")
    cells, nodes = grid.GetCellData(), grid.GetPointData()
    assert sorted(cells.GetArrayName(i) for i in range(cells.GetNumberOfArrays())) == sorted(
        n for n in fields.field_names(sol) if n != "displacement"
    )
    for name in fields.field_names(sol):
        if name == "displacement":
            values, expected = support.vtk_to_numpy(nodes.GetArray(name)), fields.nodal_displacement(sol)
            assert np.array_equal(values if kind == "scalar" else values[:, 2 if kind == "antiplane" else 0], expected[0].T.ravel())
            continue
        values, expected = support.vtk_to_numpy(cells.GetArray(name)), fields.field(sol, name)
        rank = expected.ndim - 2
        shown = np.pad(expected, [(0, 3 - n) for n in expected.shape[:rank]] + [(0, 0)] * 2)
        for x, y in np.ndindex(3, 4):
            assert np.array_equal(np.ravel(values[x + 3 * y]), np.ravel(shown[..., x, y]), equal_nan=name in sol.variables)


def test_a_part_of_a_cell_is_not_taken_for_the_whole(tmp_path, monkeypatch):
    pytest.importorskip("h5py")
    sol = solved()
    monkeypatch.setattr(sol.problem.operators, "shape", (2, 4, 5))
    for name in ("a.xdmf", "a.vti", "a.npz"):
        with pytest.raises(MechanicsError, match=r"\(2, 4, 5\) of \(3, 4, 5\) voxels"):
            sol.save(tmp_path / name)
    assert not list(tmp_path.iterdir())


NEEDED = [("h5py", ".xdmf"), ("h5py", ".h5"), ("vtkmodules.vtkIOXML", ".vti"), ("PIL.Image", ".png"), ("tifffile", ".tif")]


@pytest.mark.parametrize(("package", "suffix"), NEEDED)
def test_a_missing_package_is_named_with_the_remedy(package, suffix, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    path = tmp_path / f"a{suffix}"
    if package == "h5py":
        use = solved(shape=(3, 4)).save
    else:
        path.write_bytes(b"not looked at")
        use = read_image
    with pytest.raises(ImportError, match=r"pip install 'hoad\[mechanics\]'"):
        use(path)
