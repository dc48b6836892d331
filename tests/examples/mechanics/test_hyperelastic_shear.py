"""Simple shear of a rubber with fibres: closed forms for simple cells, and the orders of the predictions."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="module")
def done(run_example):
    return run_example("hyperelastic_shear")


def test_one_material_has_the_closed_form(done):
    """P12 = μγ, W = μγ²/2; the second derivative is μ, and all higher ones vanish."""
    me = done.module.me
    expansions, whole = done.module.shear_to_half(me.Cell(np.zeros((4, 4), int)), {0: me.NeoHooke(mu=3.0, lmbda=5.0)}, 2)
    np.testing.assert_allclose(whole.stress[:, 0, 1], [0.75, 1.5], rtol=1e-14)
    np.testing.assert_allclose(whole.energy, [1.5 * 0.0625, 1.5 * 0.25], rtol=1e-14)
    for expansion in expansions:
        g = expansion.shear
        np.testing.assert_allclose(expansion.coefficients, [1.5 * g * g, 3.0 * g, 1.5, 0, 0, 0], atol=1e-13)
        second, third = expansion.along(np.zeros(1))
        assert second[0] == pytest.approx(3.0, rel=1e-14)
        assert abs(third[0]) < 1e-13


def test_layers_along_the_shear_share_its_stress(done):
    """Simple shear keeps the volume and puts no other traction on the layers: P12 = γ / <1/μ>."""
    me = done.module.me
    phases = {0: me.NeoHooke(mu=1.0, lmbda=4.0), 1: done.module.PHASES[1]}
    image = np.tile(np.repeat([0, 1], [7, 3]), (2, 1))
    load = done.module.sheared([0.25, 0.5])
    stress = me.solve(me.Cell(image), phases, load, tol=1e-13).stress
    modulus = 1 / (0.7 / phases[0].mu + 0.3 / phases[1].mu)
    np.testing.assert_allclose(stress[:, 0, 1], modulus * np.array([0.25, 0.5]), rtol=1e-12)


def test_printed_path(done, table):
    rows = np.array(table(done.text, "shear, stress"))
    np.testing.assert_allclose(rows[:, 0], np.arange(1, 11) * 0.05)
    np.testing.assert_allclose(rows[4, 2:5], rows[4, 1], atol=1.1e-6)  # where the expansion is
    assert np.all(np.diff(rows[:, 1], 2)[4:] > 0)  # a Gent material stiffens
    away = np.abs(rows[:, 2:5] - rows[:, 1:2])
    assert np.all(away[5:, 0] > 1.5 * away[5:, 1])
    assert np.all(away[5:, 1] > 4 * away[5:, 2])
    assert np.all(rows[:, 5] <= 5)


def test_the_work_of_the_stress_is_the_energy(done):
    """Along the path, by Boole's rule; and no energy is above that of a uniform deformation (Taylor's bound)."""
    me, module = done.module.me, done.module
    cell = me.Cell(module.fibres(15))
    solution = me.solve(cell, module.PHASES, module.sheared([0.125, 0.25, 0.375, 0.5]), tol=1e-11)
    work = 0.125 * 2 / 45 * np.array([32, 12, 32, 7]) @ solution.stress[:, 0, 1]
    assert work == pytest.approx(solution.energy[-1], rel=1e-3)
    for amount, energy in zip((0.125, 0.25, 0.375, 0.5), solution.energy):
        F = np.eye(3)
        F[0, 1] = amount
        uniform = sum(share * module.PHASES[k].energy(F) for k, share in cell.fractions().items())
        assert 0.2 * uniform < energy < uniform


def test_errors_of_predictions_have_their_orders(done, table):
    rows = np.array(table(done.text, "distance"))
    rates = np.log2(rows[1:, 1:] / rows[:-1, 1:])
    np.testing.assert_allclose(rates[0], [2, 3, 5], atol=0.15)
    np.testing.assert_allclose(rates[-1], [2, 3, 5], atol=0.35)


def test_tensors_and_expansion_agree(done):
    lines = done.text.splitlines()
    tensors, series = ([float(w) for w in line.split(":")[1].split()] for line in lines[-3:-1])
    assert tensors[0] == pytest.approx(series[0], rel=1e-9)
    assert tensors[1] == pytest.approx(series[1], rel=1e-6)


def test_third_derivative_against_differences_of_the_tangent(done):
    me, module = done.module.me, done.module
    cell = me.Cell(module.fibres(15))
    angles = np.array([0.3, 1.1, 2.0])
    s, n = np.stack([np.cos(angles), np.sin(angles)], -1), np.stack([-np.sin(angles), np.cos(angles)], -1)
    base = np.eye(2) + 0.25 * module.SHEAR
    expansion = module.expand(me.solve(cell, module.PHASES, me.strain_path([base]), tol=1e-12))
    for k in range(3):
        d = np.outer(s[k], n[k])
        h = 1e-4
        up, down = (
            np.einsum("ijkl,ij,kl", me.solve(cell, module.PHASES, me.strain_path([base + t * d]), tol=1e-12).tangent(), d, d)
            for t in (h, -h)
        )
        assert expansion.along(angles)[1][k] == pytest.approx((up - down) / 2 / h, rel=1e-5)


def test_newton_ends_quadratically(done):
    line = next(text for text in done.text.splitlines() if text.startswith("Newton's residuals"))
    residuals = [float(w) for w in line.split(":")[1].split()]
    assert residuals[1] < residuals[0] ** 2
    assert residuals[-1] < 1e-10
