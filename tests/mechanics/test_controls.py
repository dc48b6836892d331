"""Stress, strain and mixed control, in any frame: against closed forms, rotations of the whole problem, and strain control."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq, fsolve

import hoad
from hoad import mechanics as me
from hoad.mechanics.materials.j2_plasticity import J2Plasticity
from hoad.mechanics.materials.logarithmic_plasticity import LogarithmicJ2
from hoad.mechanics.materials.perzyna import Perzyna

FREE = np.nan
METHODS = ["displacement", "strain"]


def random_image(shape=(9, 9), seed=0):
    return np.random.default_rng(seed).integers(0, 2, shape)


def hyperelastic(contrast=10.0):
    return {0: me.NeoHooke(mu=1.0, lmbda=2.0), 1: me.NeoHooke(mu=contrast, lmbda=2 * contrast)}


def elastic(contrast=10.0):
    return {0: me.LinearElastic(mu=1.0, lmbda=2.0), 1: me.LinearElastic(mu=contrast, lmbda=2 * contrast)}


def scalar(contrast=10.0):
    return {0: me.Conduction(k=1.0), 1: me.Conduction(k=contrast)}


# -- closed forms --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stretch", [0.5, 0.9, 1.5, 3.0])
def test_uniaxial_tension_of_a_homogeneous_cell(stretch):
    """W = μ/2 (I1 - 3) - μ ln J + λ/2 (ln J)²: lateral stretch from its one equation, stress in closed form."""
    mu, lmbda = 1.3, 2.1
    law = me.NeoHooke(mu=mu, lmbda=lmbda, volumetric="log")
    lateral = brentq(lambda b: mu * (b * b - 1) + lmbda * np.log(stretch * b * b), 0.05, 5.0, xtol=1e-15)
    expected = (mu * (stretch**2 - 1) + lmbda * np.log(stretch * lateral**2)) / stretch
    tension = [[stretch, FREE, FREE], [0, FREE, FREE], [0, 0, FREE]]
    solution = me.solve(me.Cell(np.zeros((2, 2, 2), int)), {0: law}, me.mixed_path([tension]), tol=1e-12)
    assert solution.stress[0, 0, 0] == pytest.approx(expected, rel=1e-10)
    np.testing.assert_allclose(solution.strain[0], np.diag([stretch, lateral, lateral]), atol=1e-10)
    cauchy = me.stress_path([np.diag([expected / lateral**2, 0, 0])], measure="cauchy")
    back = me.solve(me.Cell(np.zeros((2, 2, 2), int)), {0: law}, cauchy, tol=1e-12)
    np.testing.assert_allclose(back.strain[0], np.diag([stretch, lateral, lateral]), atol=1e-9)
    assert back.steps[0].newton <= 6  # the target that follows the deformation does not spoil the quadratic convergence


@pytest.mark.parametrize("scheme", ["fourier", "rotated", "hexahedra"])
def test_uniaxial_stress_of_a_laminate(scheme):
    """Compliance of the exact stiffness of a laminate of two isotropic layers."""
    image = np.zeros((10, 3, 3), int)  # an even number of voxels
    image[7:] = 1
    phases = {0: me.LinearElastic(mu=1.0, lmbda=2.0), 1: me.LinearElastic(mu=5.0, lmbda=10.0)}
    stiffness = np.zeros((3, 3))
    # published: C1111, C1122, C2222, C2233 of the layers (λ, μ) = (2, 1) and (10, 5), 30 % of the second, normal e1
    stiffness[0, 0], stiffness[1, 1], stiffness[1, 2] = 5.263157894736842, 7.915789473684210, 3.515789473684211
    stiffness[0, 1] = stiffness[0, 2] = 2.631578947368421
    stiffness = np.triu(stiffness) + np.triu(stiffness, 1).T
    stiffness[2, 2] = stiffness[1, 1]
    for axis in range(3):
        stress = np.zeros((3, 3))
        stress[axis, axis] = 0.1
        solution = me.solve(me.Cell(image, scheme=scheme), phases, me.stress_path([stress]), tol=1e-12)
        np.testing.assert_allclose(np.diag(solution.strain[0]), np.linalg.solve(stiffness, np.diag(stress)), rtol=1e-11)
        np.testing.assert_allclose(solution.stress[0], stress, atol=1e-13)
        mixed = np.full((3, 3), FREE)
        mixed[axis, axis] = 0.01
        young = 1 / np.linalg.inv(stiffness)[axis, axis]
        tension = me.solve(me.Cell(image, scheme=scheme), phases, me.mixed_path([mixed]), tol=1e-12)
        assert tension.stress[0, axis, axis] == pytest.approx(0.01 * young, rel=1e-11)


def test_laminate_of_neo_hooke_layers_under_mixed_control():
    """Layers normal to e1, stretched along e2 with no stress along e1: one equation for each layer, and their rule of mixtures."""
    image = np.repeat([0, 0, 0, 1, 1], 1)[:, None] * np.ones((1, 3), int)
    laws = {0: (1.0, 2.0), 1: (7.0, 5.0)}
    phases = {k: me.NeoHooke(mu=m, lmbda=a, volumetric="log") for k, (m, a) in laws.items()}
    along = 1.4
    across, stress = {}, {}
    for k, (m, a) in laws.items():
        across[k] = brentq(lambda b, m=m, a=a: m * (b * b - 1) + a * np.log(along * b), 0.1, 2.0, xtol=1e-15)
        stress[k] = (m * (along**2 - 1) + a * np.log(along * across[k])) / along
    solution = me.solve(me.Cell(image), phases, me.mixed_path([[[FREE, 0], [0, along]]]), tol=1e-12)
    assert solution.strain[0, 0, 0] == pytest.approx(0.6 * across[0] + 0.4 * across[1], rel=1e-11)
    assert solution.stress[0, 1, 1] == pytest.approx(0.6 * stress[0] + 0.4 * stress[1], rel=1e-11)
    assert abs(solution.stress[0, 0, 0]) < 1e-11


def test_prescribed_flux_through_layers():
    image = np.zeros((8, 4), int)
    image[6:] = 1
    phases = {0: me.Conduction(k=2.0), 1: me.Conduction(k=30.0)}
    solution = me.solve(me.Cell(image), phases, me.stress_path([[0.7, -0.4]]), tol=1e-12)
    series, parallel = 1 / (0.75 / 2 + 0.25 / 30), 0.75 * 2 + 0.25 * 30
    np.testing.assert_allclose(solution.strain[0], [0.7 / series, -0.4 / parallel], rtol=1e-11)
    mixed = me.solve(me.Cell(image), phases, me.mixed_path([[0.1, FREE]], [[FREE, 0.3]]), tol=1e-12)
    np.testing.assert_allclose(mixed.stress[0], [0.1 * series, 0.3], rtol=1e-11)


def test_creep_under_constant_stress():
    """Shear of a homogeneous Norton-like solid of n = 1: elastic strain at once, then a strain that grows linearly."""
    law = Perzyna(K=2.0, mu=1.0, gamma0=0.1 / np.sqrt(3), sigma0=0.1)
    stress = np.array([[0.0, 0.03], [0.03, 0.0]])
    times = [1e-6, 1.0, 2.0, 5.0]
    solution = me.solve(me.Cell(np.zeros((3, 3), int)), {0: law}, me.stress_path([stress] * 4, times=times), tol=1e-12)
    # γ̇ = γ0 q/σ0 · 3/2 s/q = (3/2) γ0/σ0 s
    expected = [0.015 + 1.5 * 0.1 / np.sqrt(3) / 0.1 * 0.03 * t for t in times]
    np.testing.assert_allclose(solution.strain[:, 0, 1], expected, rtol=1e-9)


def test_tension_of_plasticity_at_finite_strains():
    """Kirchhoff stress of the hardening law over the stretch; elastic and plastic logarithmic strains along and across."""
    K, mu, sigma_y, H = 2.0, 1.0, 0.01, 0.1
    law = LogarithmicJ2(K=K, mu=mu, sigma_y=sigma_y, H=H)
    stretches = np.array([1.002, 1.05, 1.1, 1.3])
    path = me.mixed_path([[[x, FREE, FREE], [0, FREE, FREE], [0, 0, FREE]] for x in stretches])
    solution = me.solve(me.Cell(np.zeros((2, 2, 2), int)), {0: law}, path, tol=1e-11)
    young, poisson = 9 * K * mu / (3 * K + mu), (3 * K - 2 * mu) / (6 * K + 2 * mu)
    plastic = np.maximum((young * np.log(stretches) - sigma_y) / (young + H), 0.0)
    tau = young * (np.log(stretches) - plastic)
    np.testing.assert_allclose(solution.stress[:, 0, 0], tau / stretches, rtol=1e-9)
    np.testing.assert_allclose(np.log(solution.strain[:, 1, 1]), -poisson * tau / young - plastic / 2, rtol=1e-8)
    assert plastic[0] == 0.0
    assert plastic[1] > 0.04


# -- every control gives the state that strain control gives -------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("measure", ["nominal", "cauchy"])
@pytest.mark.parametrize("shape", [(9, 8), (5, 4, 6)])
def test_stress_control_inverts_strain_control(shape, measure, method):
    d = len(shape)
    rng = np.random.default_rng(3)
    strain = np.eye(d) + np.triu(0.2 * rng.standard_normal((d, d)))
    cell, phases = me.Cell(random_image(shape)), hyperelastic()
    given = me.solve(cell, phases, me.strain_path([strain]), tol=1e-12)
    target = given.stress[0] if measure == "nominal" else given.cauchy[0]
    found = me.solve(cell, phases, me.stress_path([target], measure=measure), method=method, tol=1e-11)
    np.testing.assert_allclose(found.strain[0], strain, atol=1e-9)
    np.testing.assert_allclose(found.stress[0], given.stress[0], atol=1e-8)
    np.testing.assert_allclose(found.tangent(), given.tangent(), rtol=1e-6, atol=1e-7)
    assert found.iterations[0] <= 3 * given.iterations[0]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("phases", "shape"), [(elastic, (3, 3)), (scalar, (3,))])
def test_stress_control_of_linear_problems(phases, shape, method):
    rng = np.random.default_rng(1)
    stress = rng.standard_normal(shape)
    stress = stress + stress.T if len(shape) == 2 else stress
    cell = me.Cell(random_image((5, 6, 7)))
    found = me.solve(cell, phases(), me.stress_path([stress]), method=method, tol=1e-12)
    np.testing.assert_allclose(found.stress[0], stress, atol=1e-11 * np.abs(stress).max())
    back = me.solve(cell, phases(), me.strain_path(found.strain), tol=1e-12)
    np.testing.assert_allclose(back.stress[0], stress, atol=1e-10 * np.abs(stress).max())
    n = len(shape)
    again = np.tensordot(found.tangent(), found.strain[0], n)
    np.testing.assert_allclose(again, stress, atol=1e-9 * np.abs(stress).max())
    assert found.iterations[0] <= 1.5 * back.iterations[0] + 3


def test_the_cauchy_target_is_reached_to_the_tolerance():
    target = np.array([[0.5, 0.2], [0.2, -0.3]])
    for tol in (1e-4, 1e-8, 1e-12):
        solution = me.solve(me.Cell(random_image()), hyperelastic(), me.stress_path([target], measure="cauchy"), tol=tol)
        np.testing.assert_allclose(solution.cauchy[0], target, atol=5 * tol)
        assert abs(solution.strain[0, 1, 0]) < 1e-15


def test_stress_measures_differ_where_they_should():
    path = {m: me.mixed_path([[[1.5, FREE], [0, FREE]]], [[[FREE, 0.1], [FREE, 0.4]]], measure=m) for m in ("nominal", "cauchy")}
    nominal = me.solve(me.Cell(random_image()), hyperelastic(), path["nominal"], tol=1e-11)
    cauchy = me.solve(me.Cell(random_image()), hyperelastic(), path["cauchy"], tol=1e-11)
    np.testing.assert_allclose(nominal.stress[0, :, 1], [0.1, 0.4], atol=1e-10)
    np.testing.assert_allclose(cauchy.cauchy[0][[0, 1], [1, 1]], [0.1, 0.4], atol=1e-10)
    assert np.abs(nominal.strain[0] - cauchy.strain[0]).max() > 0.01


# -- frames --------------------------------------------------------------------------------------------------


def quarter_turn():
    return np.array([[0.0, -1.0], [1.0, 0.0]])


@pytest.mark.parametrize("phases", [hyperelastic, elastic])
@pytest.mark.parametrize("scheme", ["rotated", "fourier", "hexahedra"])
def test_a_quarter_turn_of_the_cell_and_the_frame_turns_the_result(phases, scheme):
    image, r = random_image((9, 9)), quarter_turn()
    turned = np.rot90(image)  # voxel (x, y) moves to (-y, x)
    rest = 1.0 if phases is hyperelastic else 0.0
    strain = np.array([[rest + 0.08, FREE], [FREE if phases is elastic else 0.0, FREE]])
    stress = np.array([[FREE, 0.05], [0.05 if phases is elastic else FREE, -0.02]])
    plain = me.solve(me.Cell(image, scheme=scheme), phases(), me.mixed_path([strain], [stress]), tol=1e-11)
    frame = me.solve(me.Cell(turned, scheme=scheme), phases(), me.mixed_path([strain], [stress], frame=r), tol=1e-11)
    np.testing.assert_allclose(frame.strain[0], r @ plain.strain[0] @ r.T, atol=1e-10)
    np.testing.assert_allclose(frame.stress[0], r @ plain.stress[0] @ r.T, atol=1e-9)
    assert frame.energy[0] == pytest.approx(plain.energy[0], rel=1e-10)


@pytest.mark.parametrize("angle", [0.3, 1.1])
def test_tension_along_any_axis(angle):
    """With components in a turned frame: the target is met there, and strain control of the result agrees."""
    c, s = np.cos(angle), np.sin(angle)
    r = np.array([[c, -s], [s, c]])
    cell = me.Cell(random_image())
    for phases, strain in ((hyperelastic(), [[1.2, FREE], [0.0, FREE]]), (elastic(), [[0.1, FREE], [FREE, FREE]])):
        solution = me.solve(cell, phases, me.mixed_path([strain], frame=r), tol=1e-11)
        local = r.T @ solution.strain[0] @ r
        fixed = ~np.isnan(strain)
        np.testing.assert_allclose(local[fixed], np.asarray(strain)[fixed], atol=1e-11)
        np.testing.assert_allclose((r.T @ solution.stress[0] @ r)[~fixed], 0.0, atol=1e-9)
        same = me.solve(cell, phases, me.strain_path(solution.strain), tol=1e-11)
        np.testing.assert_allclose(same.stress, solution.stress, atol=1e-9)


def test_a_rotation_of_the_deformed_cell_turns_the_stress():
    """Objectivity: R F̄ has the stress R P̄ for the same cell."""
    c, s = np.cos(0.7), np.sin(0.7)
    r, f = np.array([[c, -s], [s, c]]), np.array([[1.2, 0.1], [-0.05, 0.9]])
    cell = me.Cell(random_image())
    plain = me.solve(cell, hyperelastic(), me.strain_path([f]), tol=1e-11)
    turned = me.solve(cell, hyperelastic(), me.strain_path([r @ f]), tol=1e-11)
    np.testing.assert_allclose(turned.stress[0], r @ plain.stress[0], atol=1e-9)


def test_a_rigid_rotation_costs_nothing():
    c, s = np.cos(0.5), np.sin(0.5)
    solution = me.solve(me.Cell(random_image()), hyperelastic(), me.strain_path([[[c, -s], [s, c]]]), tol=1e-10)
    assert np.abs(solution.stress_field).max() < 1e-12
    assert abs(solution.energy[0]) < 1e-13


# -- paths ---------------------------------------------------------------------------------------------------


def test_from_strain_control_to_stress_control():
    """Stretched, then released along the same axis: elastic cells come back to rest."""
    stretched = me.LoadPath(me.strain_path([[[1.3, 0.1], [0.0, 0.9]]]).steps)
    released = me.stress_path([np.zeros((2, 2))], times=[2.0])
    path = me.LoadPath(stretched.steps + released.steps)
    solution = me.solve(me.Cell(random_image()), hyperelastic(), path, tol=1e-10)
    np.testing.assert_allclose(solution.strain[1], np.eye(2), atol=1e-9)
    np.testing.assert_allclose(solution.stress[1], 0.0, atol=1e-9)
    assert np.abs(solution.stress[0]).max() > 0.1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("phases", "rest"), [(elastic, np.zeros((2, 2))), (hyperelastic, np.eye(2)), (scalar, np.zeros(2))])
def test_no_load_is_no_work(phases, rest, method):
    for path in (me.strain_path([rest, rest]), me.stress_path([np.zeros_like(rest)]), me.mixed_path([np.full_like(rest, FREE)])):
        solution = me.solve(me.Cell(random_image()), phases(), path, method=method)
        np.testing.assert_array_equal(solution.strain[-1], rest)
        assert np.all(solution.stress == 0)
        assert np.all(solution.energy == 0)
        assert solution.iterations.sum() == 0
        assert np.all(solution.residual == 0)


def test_a_homogeneous_cell_takes_no_iterations():
    """Nothing to equilibrate, and no 0/0 in the linear solver (a known failure of other programs)."""
    strain = np.array([[1.2, 0.3], [-0.1, 0.9]])
    law = me.NeoHooke(mu=1.0, lmbda=2.0)
    solution = me.solve(me.Cell(np.zeros((6, 5), int)), {0: law}, me.strain_path([strain]))
    assert solution.iterations.tolist() == [0]
    expected = hoad.grad(law.energy)(strain)
    np.testing.assert_allclose(solution.stress[0], expected, rtol=1e-14)
    tangent = np.stack([np.stack([hoad.hvp(law.energy, strain, np.outer(i, j)) for j in np.eye(2)], -1) for i in np.eye(2)], -2)
    np.testing.assert_allclose(solution.tangent(), tangent, atol=1e-13)


def test_cyclic_load_of_plasticity():
    """One point under shear against the classical one-dimensional law, and the same cycle with an elastic inclusion."""
    law = J2Plasticity(K=2.0, mu=1.0, sigma_y=0.01, H=0.1)
    shear = 0.02 * np.sin(np.linspace(0, 4 * np.pi, 41)[1:])
    strains = np.zeros((40, 2, 2))
    strains[:, 0, 1] = strains[:, 1, 0] = shear
    plastic, total, expected = 0.0, 0.0, []
    for e in shear:
        trial = 2 * (e - plastic)
        excess = np.sqrt(3) * abs(trial) - (0.01 + 0.1 * total)
        if excess > 0:
            x = excess / 3.1
            total += x
            plastic += np.sqrt(3) / 2 * x * np.sign(trial)
        expected.append(2 * (e - plastic))
    one = me.solve(me.Cell(np.zeros((3, 3), int)), {0: law}, me.strain_path(strains))
    np.testing.assert_allclose(one.stress[:, 0, 1], expected, rtol=1e-10, atol=1e-15)
    two = me.solve(me.Cell(random_image()), {0: law, 1: me.LinearElastic(mu=1.0, lmbda=4 / 3)}, me.strain_path(strains), tol=1e-8)
    stress = two.stress[:, 0, 1]
    assert sum(s.cutbacks for s in two.steps) == 0
    assert max(s.newton for s in two.steps) <= 8
    # isotropic hardening: the loop grows, and dissipates
    assert stress[20:].max() > 1.01 * stress[:20].max()
    work = np.trapezoid(stress, shear)
    assert work > 0
    held = me.solve(me.Cell(random_image()), two.problem.phases, me.stress_path(two.stress), tol=1e-9)
    np.testing.assert_allclose(held.strain, two.strain, atol=2e-6)


# -- tangents ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", ["nominal", "cauchy"])
def test_the_tangent_does_not_depend_on_the_control(measure):
    """Under mixed control the tangent is still that of all strain components, and condensing it gives the controlled response."""
    cell, phases = me.Cell(random_image()), hyperelastic()

    def tension(stretch):
        return me.solve(cell, phases, me.mixed_path([[[stretch, FREE], [0.0, FREE]]], measure=measure), tol=1e-11)

    solution = tension(1.2)
    c = solution.tangent().reshape(4, 4)
    same = me.solve(cell, phases, me.strain_path(solution.strain), tol=1e-11)
    np.testing.assert_allclose(c, same.tangent().reshape(4, 4), rtol=1e-7, atol=1e-8)
    free = [1, 3]  # F_12 and F_22, whose stresses stay zero (then both measures agree)
    slope = c[0, 0] - c[0, free] @ np.linalg.solve(c[np.ix_(free, free)], c[free, 0])
    h = 1e-5
    found = (tension(1.2 + h).stress[0, 0, 0] - tension(1.2 - h).stress[0, 0, 0]) / 2 / h
    assert found == pytest.approx(slope, rel=1e-7)


def test_iterations_with_stress_control_are_those_of_strain_control():
    """The macroscopic unknowns are preconditioned by the reference medium: at high contrast, too, they cost next to nothing."""
    cell = me.Cell(random_image((31, 31)))
    for contrast in (10.0, 1e3):
        held = me.solve(cell, elastic(contrast), me.strain_path([[[0.01, 0.0], [0.0, -0.004]]]), tol=1e-9)
        loaded = me.solve(cell, elastic(contrast), me.stress_path(held.stress), tol=1e-9)
        assert loaded.iterations[0] <= 1.3 * held.iterations[0] + 2
        np.testing.assert_allclose(loaded.strain[0], held.strain[0], atol=1e-8)


def test_equations_of_a_closed_form_hold_together():
    """Simple shear by traction: shear stress prescribed, no stress along 2, against the two equations of the neo-Hooke law."""
    mu, lmbda, tau = 1.0, 2.0, 0.6

    def stress(unknown):
        gamma, b = unknown
        f = np.array([[1.0, gamma], [0.0, b]])
        return f, mu * (f - np.linalg.inv(f).T) + lmbda * np.log(b) * np.linalg.inv(f).T

    gamma, b = fsolve(lambda u: stress(u)[1][:, 1] - [tau, 0.0], [0.5, 1.0], xtol=1e-14)
    law = me.NeoHooke(mu=mu, lmbda=lmbda, volumetric="log")
    path = me.mixed_path([[[1.0, FREE], [0.0, FREE]]], [[[FREE, tau], [FREE, 0.0]]])
    solution = me.solve(me.Cell(np.zeros((3, 2), int)), {0: law}, path, tol=1e-12)
    np.testing.assert_allclose(solution.strain[0], [[1, gamma], [0, b]], atol=1e-9)
    np.testing.assert_allclose(solution.stress[0], stress((gamma, b))[1], atol=1e-9)


def test_a_frame_at_45_degrees_for_small_strains():
    """Components in a turned frame are symmetric but for rounding."""
    c = np.sqrt(0.5)
    path = me.mixed_path([[[0.01, FREE], [FREE, FREE]]], frame=[[c, -c], [c, c]])
    cell = me.Cell(np.zeros((4, 4), int))
    solution = me.solve(cell, {0: me.LinearElastic.from_young(2.0, 0.25)}, path)
    n, t = np.array([c, c]), np.array([-c, c])
    assert n @ solution.stress[0] @ n == pytest.approx(2.0 / (1 - 0.25**2) * 0.01, rel=1e-10)  # plane strain
    assert abs(t @ solution.stress[0] @ t) < 1e-12
