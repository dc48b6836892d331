"""Cyclic shear: closed form of one material, accounts of the energy, consistent tangent against differences."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="module")
def done(run_example):
    return run_example("plastic_cycles")


@pytest.fixture(scope="module")
def metal(done):
    """The matrix alone, along one cycle."""
    module = done.module
    strains = module.cycles(0.006, 5, 1)
    return strains, *module.run(module.me.Cell(np.zeros((2, 2), int)), strains)


def test_one_material_has_the_closed_form(done, metal):
    """Radial return in pure shear: √3 |τ| = σy + H a, and a grows by the part of 2/√3 |Δε| beyond the elastic range."""
    strains, solution, accounts = metal
    law = done.module.METAL
    stress, a, before, modulus = 0.0, 0.0, 0.0, []
    for strain, found in zip(strains, solution.stress[:, 0, 1]):
        trial = np.sqrt(3) * (stress + 2 * law.mu * (strain - before))
        excess = max(abs(trial) - (law.sigma_y + law.H * a), 0.0)
        increment = excess / (3 * law.mu + law.H)
        a += increment
        stress = (trial - np.sign(trial) * 3 * law.mu * increment) / np.sqrt(3)
        before = strain
        modulus.append(law.mu * law.H / (3 * law.mu + law.H) if excess else law.mu)
        assert found == pytest.approx(stress, rel=1e-10)
    np.testing.assert_allclose(accounts.modulus, modulus, rtol=1e-10)
    assert accounts.dissipated[-1] == pytest.approx(law.sigma_y * a, rel=1e-10)
    assert accounts.hardening[-1] == pytest.approx(law.H * a * a / 2, rel=1e-10)
    assert accounts.elastic[-1] == pytest.approx(stress**2 / 2 / law.mu, rel=1e-10)
    assert min(modulus) < 0.02 * law.mu
    assert modulus.count(law.mu) >= 2  # the cycle has elastic steps and plastic ones


def test_wave(done):
    np.testing.assert_allclose(done.module.cycles(1.0, 2, 1), [0.5, 1, 0.5, 0, -0.5, -1, -0.5, 0])
    assert len(done.module.cycles(1.0, 3, 2)) == 24


def test_the_accounts_close_with_second_order(done, table):
    rows = np.array(table(done.text, "steps in a quarter"))
    assert rows[-1, 1] < 3e-3
    assert np.all(rows[:-1, 1] / rows[1:, 1] > 3.0)


def test_printed_accounts(done, table):
    rows = np.array(table(done.text, "step, strain in %"))
    work, elastic, hardening, dissipated = rows[:, 3:7].T
    assert work[-1] == pytest.approx(elastic[-1] + hardening[-1] + dissipated[-1], rel=0.04)
    assert np.all(np.diff(dissipated) >= 0)
    assert dissipated[-1] > 10 * elastic[-1]
    assert rows[-1, 1] == 0.0
    assert abs(rows[-1, 2]) > 50.0  # the loop does not come back to zero stress


def test_elastic_steps_have_the_elastic_energy_as_work(done):
    module = done.module
    cell = module.me.Cell(module.fibres(12))
    solution, accounts = module.run(cell, [2e-4, 4e-4], tangents=False)
    assert accounts.dissipated == [0.0, 0.0]
    np.testing.assert_allclose(module.work(solution), accounts.elastic, rtol=1e-8)


def test_consistent_tangent_is_the_derivative_of_the_step(done, table):
    rows = table(done.text, "step, modulus")
    assert len(rows) == 4
    for _, exact, differences in rows:
        assert exact == pytest.approx(differences, rel=2e-6)
    moduli = [row[1] for row in rows]
    assert max(moduli) > 10 * min(moduli)  # elastic and plastic steps are among them


def test_fibres_fill_a_quarter(done):
    assert done.module.fibres(200).mean() == pytest.approx(0.25, abs=0.005)
