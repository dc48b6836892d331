"""Parameters of a plastic history from a loading curve."""

from __future__ import annotations

import re

import numpy as np
import pytest


@pytest.fixture(scope="module")
def done(run_example):
    return run_example("identification")


def test_newton_lowers_the_misfit(done, table):
    rows = np.array(table(done.text, "iteration, misfit"))
    assert np.all(np.diff(rows[:, 1]) < 0)
    assert rows[-1, 2] < 0.02 * rows[0, 2]


def test_permanent_set_by_the_yield_stress_of_all_voxels(done):
    adjoint = float(re.search(r"yield stress: (\S+)", done.text)[1])
    differences = float(re.search(r"by differences (\S+)", done.text)[1])
    assert adjoint < 0
    assert adjoint == pytest.approx(differences, rel=1e-5)
