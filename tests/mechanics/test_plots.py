"""Figures: what is drawn is compared with the solution, cell by cell."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from hoad import mechanics as me
from hoad.errors import MechanicsError
from hoad.mechanics.io import fields
from hoad.mechanics.materials.j2_plasticity import J2Plasticity
from hoad.mechanics.plots import path_names, path_values

pyplot = pytest.importorskip("matplotlib.pyplot")
pyplot.switch_backend("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


def finite(shape=(3, 5), steps=2):
    """Random phases, sheared; the labels are strings."""
    image = np.where(np.random.default_rng(5).integers(0, 2, shape), "fibre", "matrix")
    d = len(shape)
    h = np.array([[0.1, 0.05, 0.02], [0.03, -0.04, 0.06], [-0.07, 0.01, 0.08]])[:d, :d]
    phases = {"matrix": me.NeoHooke(mu=1.0, lmbda=1.5), "fibre": me.NeoHooke(mu=3.0, lmbda=0.5)}
    load = me.strain_path([np.eye(d) + (i + 1) / steps * h for i in range(steps)])
    return me.solve(me.Cell(image, (0.6, 2.0, 1.2)[:d]), phases, load)


def drawn(ax):
    """Values (n, m) of the voxels in a picture, and horizontal and vertical coordinates (2, n + 1, m + 1) of their corners."""
    (mesh,) = ax.collections
    return mesh.get_array(), np.moveaxis(mesh.get_coordinates(), -1, 0)


@pytest.mark.parametrize("name", ["stress_12", "stress_21", "cauchy_33", "strain_22", "von_mises", "displacement_2"])
def test_plane_field(name):
    sol = finite()
    ax = sol.plot(name)
    values, corners = drawn(ax)
    assert np.array_equal(values, fields.component(sol, name))
    assert np.allclose(corners[0], np.array([0.0, 0.2, 0.4, 0.6])[:, None])
    assert np.allclose(corners[1], [0.0, 0.4, 0.8, 1.2, 1.6, 2.0])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$x_1$", "$x_2$")
    assert ax.get_title() == name.replace("_", " ")
    assert ax.get_aspect() == 1


@pytest.mark.parametrize("scale", [True, 3.0])
def test_deformed_mesh(scale):
    sol = finite()
    _, corners = drawn(sol.plot("stress_11", deformed=scale))
    f = np.eye(2) + float(scale) * (sol.strain[-1] - np.eye(2))
    for a, length in enumerate((0.6, 2.0)):  # opposite corners of the cell move with the mean deformation
        edge = corners[:, -1, 0] if a == 0 else corners[:, 0, -1]
        assert np.allclose(edge - corners[:, 0, 0], length * f[:, a], atol=1e-14)
    inside = corners[:, 1, 2] - np.array([0.2, 0.8])
    assert np.allclose(inside, float(scale) * fields.nodal_displacement(sol)[:, 1, 2], atol=1e-14)


@pytest.mark.parametrize(("axis", "index", "at"), [(0, None, 1), (1, 0, 0), (2, -1, 3), (2, 1, 1)])
def test_slice_of_a_spatial_field(axis, index, at):
    sol = finite((3, 5, 4), steps=1)
    ax = sol.plot("stress_13", axis=axis, index=index, deformed=True)
    values, corners = drawn(ax)
    assert np.array_equal(values, fields.component(sol, "stress_13").take(at, axis))
    left = [a for a in range(3) if a != axis]
    assert [ax.get_xlabel(), ax.get_ylabel()] == [f"$x_{a + 1}$" for a in left]
    height = (at + 0.5) * sol.problem.cell.grid.spacing[axis]
    assert f"$x_{axis + 1}$ = {height:.4g}" in ax.get_title()
    u = fields.nodal_displacement(sol)
    u = 0.5 * (u.take(at, axis + 1) + u.take(at + 1, axis + 1))
    x = np.meshgrid(*[fields.node_coordinates(sol)[a] for a in left], indexing="ij")
    assert np.allclose(corners, [x[i] + u[a] for i, a in enumerate(left)], atol=1e-14)


def test_phases_have_their_labels():
    sol = finite()
    ax = sol.plot()
    values, _ = drawn(ax)
    labels = [t.get_text() for t in ax.child_axes[0].get_yticklabels()]
    assert labels == ["fibre", "matrix"]
    assert [[labels[v] for v in row] for row in values] == sol.problem.cell.image.tolist()
    assert not sol.plot(colorbar=False).child_axes


def test_labels_need_not_follow_each_other():
    image = np.array([[3, 70], [70, 200]])
    laws = {k: me.LinearElastic(mu=float(k), lmbda=1.0) for k in (3, 70, 200)}
    sol = me.solve(me.Cell(image), laws, me.strain_path([0.01 * np.eye(2)]))
    ax = sol.plot()
    assert np.array_equal(drawn(ax)[0], [[0, 1], [1, 2]])
    assert [t.get_text() for t in ax.child_axes[0].get_yticklabels()] == ["3", "70", "200"]


def test_internal_variables_are_blank_where_there_are_none():
    image = np.arange(12).reshape(3, 4) % 2
    laws = {0: J2Plasticity(K=2.0, mu=1.0, sigma_y=0.01, H=0.05), 1: me.LinearElastic(mu=1.0, lmbda=1.0)}
    sol = me.solve(me.Cell(image), laws, me.strain_path([[[0.02, 0.0], [0.0, -0.02]]]))
    variables = sol.variables
    for name, value in (("accumulated", variables["accumulated"]), ("plastic_strain_11", variables["plastic_strain"][0, 0])):
        values, _ = drawn(sol.plot(name))
        assert np.array_equal(np.ma.getmaskarray(values), image == 1)
        assert np.array_equal(values.compressed(), value[0][image == 0])
        assert (values.compressed() != 0).any()


def test_field_along_a_line():
    law = [me.LinearElastic(mu=1.0 + k, lmbda=1.0) for k in range(3)]
    sol = me.solve(me.Cell(np.arange(6) // 2, (3.0,)), dict(enumerate(law)), me.strain_path([[[0.01]]]))
    ax = sol.plot("strain_11")
    (stairs,) = ax.patches
    values, edges, _ = stairs.get_data()
    assert np.array_equal(values, sol.strain_field[0, 0, 0])
    assert np.allclose(edges, np.arange(7) / 2)


def test_load_curve():
    sol = finite(steps=3)
    ax = sol.plot_path("strain_12", "stress_11", label="cell")
    (line,) = ax.lines
    assert np.array_equal(line.get_xdata(), sol.strain[:, 0, 1])
    assert np.array_equal(line.get_ydata(), sol.stress[:, 0, 0])
    assert (ax.get_xlabel(), ax.get_ylabel()) == (r"$\bar F_{12}$", r"$\bar P_{11}$")
    assert sol.plot_path("time", "iterations", ax=ax) is ax
    assert np.array_equal(ax.lines[1].get_ydata(), sol.iterations)
    assert (ax.get_xlabel(), ax.get_ylabel()) == (r"$\bar F_{12}$, time", r"$\bar P_{11}$, iterations")
    assert sol.plot_path("time", "energy", ax=ax).get_xlabel() == r"$\bar F_{12}$, time"
    for name in path_names(sol):
        assert path_values(sol, name).shape == (3,)
    assert np.array_equal(path_values(sol, "cauchy_21"), sol.cauchy[:, 1, 0])


def test_convergence():
    sol = finite(steps=3)
    ax = sol.plot_convergence()
    *lines, tolerance = ax.lines
    assert len(lines) == 3
    for line, step in zip(lines, sol.steps):
        assert np.array_equal(line.get_xdata(), np.arange(1, len(step.residuals) + 1))
        assert np.array_equal(line.get_ydata(), step.residuals)
    assert set(tolerance.get_ydata()) == {sol.newton.tol}
    assert ax.get_yscale() == "log"


def test_what_cannot_be_drawn():
    plane, spatial = finite(), finite((3, 2, 2), steps=1)
    with pytest.raises(MechanicsError, match=r"'stres_11' is unknown.*stress_12.*Did you mean 'stress_11'"):
        plane.plot("stres_11")
    with pytest.raises(MechanicsError, match=r"'stress_33' is unknown.*strain_11.*cauchy_22.*residual"):
        plane.plot_path("time", "stress_33")
    with pytest.raises(MechanicsError, match="axis is 3"):
        spatial.plot("stress_11", axis=3)
    with pytest.raises(MechanicsError, match="index 3 is outside of the 3 voxels"):
        spatial.plot("stress_11", axis=0, index=3)
    heat = me.solve(me.Cell(np.eye(3, dtype=int)), {0: me.Conduction(1.0), 1: me.Conduction(2.0)}, me.strain_path([[1.0, 0.0]]))
    with pytest.raises(MechanicsError, match="deformed"):
        heat.plot("stress_1", deformed=True)
    assert pyplot.get_fignums() == []


def test_without_matplotlib(monkeypatch):
    sol = finite()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    for draw in (lambda: sol.plot("stress_11"), sol.plot_path, sol.plot_convergence):
        with pytest.raises(ImportError, match=r"pip install 'hoad\[plot\]'"):
            draw()
