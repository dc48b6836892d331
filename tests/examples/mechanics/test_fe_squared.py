"""Two scales: patch test, homogeneous cells, exact tangents, and how Newton's method converges."""

from __future__ import annotations

import re

import numpy as np
import pytest


@pytest.fixture(scope="module")
def done(run_example):
    return run_example("fe_squared")


def residuals(text, name):
    line = text.split(f"{name}: ")[1].splitlines()[1]
    assert line.startswith("  residuals ")
    return np.array([float(w) for w in line.split()[1:]])


def test_newton_is_quadratic_with_exact_tangents(done):
    r = residuals(done.text, "exact")
    assert r[-1] < 1e-9
    assert len(r) <= 6
    assert r[-2] < 0.01 * r[-3] ** 2 / r[1]  # 2.6e-2 -> 2e-6: the digits double and more
    assert r[-1] < 1e-4 * r[-2]


def test_the_mean_tangent_of_the_phases_converges_linearly(done):
    r = residuals(done.text, "mixture")
    rates = r[-3:] / r[-4:-1]
    assert np.all((rates > 0.4) & (rates < 0.7))


def test_differences_cost_four_more_solves_for_each_tangent(done):
    counts = {name: int(n) for name, n in re.findall(r"^(\w+): (\d+) non-linear solves", done.text, re.MULTILINE)}
    steps = len(residuals(done.text, "exact"))
    assert counts["exact"] == 8 * steps
    assert counts["differences"] == 5 * 8 * len(residuals(done.text, "differences"))
    ends = [float(x) for x in re.findall(r"end displacement (\S+)", done.text)]
    assert ends[1] == pytest.approx(ends[0], rel=1e-8)


def test_homogeneous_cells_are_the_closed_form(done):
    assert float(done.text.split("largest difference of displacements ")[1].split()[0]) < 1e-12


def test_tangent_is_the_derivative_of_the_stress(done):
    module = done.module
    problem = module.me.Problem(module.me.Cell(module.disk(7)), module.PHASES)
    exact, differences = (module.Cells(problem, tangent) for tangent in ("exact", "differences"))
    F = np.array([[1.1, 0.2], [-0.05, 0.95]])
    np.testing.assert_allclose(exact(0, F)[1], differences(0, F)[1], atol=2e-4)
    np.testing.assert_allclose(exact(0, F)[0], differences(0, F)[0], atol=1e-9)


def test_patch_of_elements_of_uniform_deformation(done):
    """Linear displacements: every point has the same F, and inner nodes no force."""
    module = done.module
    mesh = module.Mesh.block(3, 2, 1.5, 1.0)
    H = np.array([[0.1, 0.2], [-0.05, 0.15]])
    u = mesh.nodes @ H.T
    np.testing.assert_allclose(mesh.deformation(u), np.broadcast_to(np.eye(2) + H, (6, 4, 2, 2)), rtol=1e-14)
    forces, stiffness = mesh.assemble(u, module.closed_form(module.PHASES[0]))
    inner = np.all((mesh.nodes > 0) & (mesh.nodes < [1.5, 1.0]), axis=1)
    assert inner.sum() == 2
    assert np.abs(forces[inner]).max() < 1e-14
    assert np.abs(forces[~inner]).max() > 0.05
    np.testing.assert_allclose(forces.sum(0), 0, atol=1e-14)
    np.testing.assert_allclose(stiffness, stiffness.transpose(2, 3, 0, 1), atol=1e-13)
    assert mesh.weights.sum() == pytest.approx(1.5, rel=1e-14)
    assert mesh.load.sum(0) == pytest.approx([0.0, 1.0], rel=1e-14)


def test_stiffness_is_the_derivative_of_the_forces(done):
    module = done.module
    mesh = module.Mesh.block(2, 1, 2.0, 1.0)
    law = module.closed_form(module.PHASES[0])
    rng = np.random.default_rng(0)
    u, v = 0.05 * rng.standard_normal((2, *mesh.nodes.shape))
    h = 1e-5
    found = np.einsum("aibj,bj->ai", mesh.assemble(u, law)[1], v)
    slope = (mesh.assemble(u + h * v, law)[0] - mesh.assemble(u - h * v, law)[0]) / 2 / h
    np.testing.assert_allclose(found, slope, atol=1e-9)


def test_small_loads_bend_as_in_beam_theory(done):
    """Timoshenko's cantilever of a homogeneous material in plane strain; few bilinear elements are a little stiff."""
    module = done.module
    mesh = module.Mesh.block(24, 3, 6.0, 1.0)
    mu, lmbda = 1.0, 2.0
    u, _ = module.equilibrium(mesh, module.closed_form(module.me.NeoHooke(mu=mu, lmbda=lmbda)), 1e-5)
    modulus = 4 * mu * (lmbda + mu) / (lmbda + 2 * mu)  # E / (1 - ν²)
    deflection = 1e-5 * (6.0**3 / (3 * modulus / 12) + 6.0 / (5 / 6 * mu))
    assert u[-1, 1] == pytest.approx(deflection, rel=0.08)
    assert u[-1, 1] < deflection
