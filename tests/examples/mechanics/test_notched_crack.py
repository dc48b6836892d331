"""A crack from a notch: what straight cracks cost, and that the crack runs through the plate and around the particles."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="module")
def done(run_example):
    return run_example("notched_crack")


def test_straight_cracks_cost_what_the_sums_over_voxels_give(done):
    lines = done.text.splitlines()[1:3]
    for line, expected in zip(lines, (1 + 1 / 32 * (2 / 3) ** 2, np.sqrt(1 + (2 / 3) ** 2 / 4))):  # l is one voxel and a half
        assert [float(word) for word in line.split()[1:]] == pytest.approx([expected, expected], rel=1e-6)


@pytest.mark.parametrize("model", ["AT1", "AT2"])
def test_the_plate_breaks_and_its_energy_never_rises(model, done, table):
    rows = np.array(table(done.text, f"{model}:"))
    strain, stress, stored, crack, alternations, rise = rows.T
    np.testing.assert_array_equal(rise, 0)
    assert np.all(np.diff(crack) > 0)
    assert stress[-1] < 0.05 * stress.max()
    assert stored[-1] < 0.05 * stored.max()
    gc = done.module.TOUGHNESS
    assert done.module.NOTCH * gc < crack[0] < 0.35 * gc
    assert 1.0 * gc < crack[-1] < 1.5 * gc  # the width, and the way around a particle
    assert alternations.max() > 10
    assert stress[0] / strain[0] == pytest.approx(2.6, abs=0.3)  # 8/3 without notch and particles


def test_the_crack_goes_around_the_particle(done):
    image = done.module.particles(24)
    record = done.module.pulled(image, [0.05, 0.14], "AT1")
    sound, broken = record.fields
    assert sound[12, 12] < 0.5
    assert np.all(broken.max(axis=1) > 0.9)  # a crack in every column
    assert broken[image == 1].mean() < 0.5 * broken[(image == 0) & (broken > 0)].mean()
    assert np.ptp(np.argmax(broken, axis=1)) >= 2
    assert np.all(broken >= sound)


def test_stiffness_of_the_sound_plate_without_particles(done):
    me = done.module.me
    load = me.mixed_path([[[np.nan, 0.0], [0.0, 0.01]]])
    sol = me.solve(me.Cell(np.zeros((4, 4), int)), {0: me.LinearElastic(mu=1.0, lmbda=1.0)}, load)
    assert sol.stress[0, 1, 1] / 0.01 == pytest.approx(8 / 3, rel=1e-9)  # 4 μ (λ + μ)/(λ + 2μ): no stress along the notch
