"""Expression swell: SymPy's counts, exact values, and errors of differences and of hoad."""

from __future__ import annotations

import re

import numpy as np
import pytest

pytest.importorskip("sympy", reason="the example compares with SymPy")

RAW = [13, 26, 38, 49, 61, 74, 86, 84]
EXPANDED = [34, 31, 32, 30, 32, 30, 32, 30]
SHARED = [12, 20, 26, 31, 35, 38, 41, 41]
VALUES = [
    "2.22083248852058",
    "24.1023206963519",
    "124.654329682384",
    "351.617531284233",
    "630.212575414321",
    "1404.60080180197",
    "3380.59931684274",
    "6890.25398033481",
]


@pytest.fixture(scope="module")
def done(run_example):
    return run_example("expression_swell")


@pytest.fixture(scope="module")
def orders(done, table):
    return np.array(table(done.text, "4 (cos x", skip=2))


def test_sizes_of_the_formulas(orders):
    assert orders[:, 1:4].T.tolist() == [RAW, EXPANDED, SHARED]


def test_values(orders, printed):
    assert orders[:, 4].tolist() == [printed(text) for text in VALUES]


def test_differences_lose_digits_with_the_order_and_hoad_does_not(orders):
    difference, symbolic, ours = orders[:, 5:].T
    assert difference[0] < 1e-9
    assert difference[-1] > 1e-6
    assert np.all(ours < 3e-15)


def test_logistic_map(done, table, printed):
    rows = np.array(table(done.text, "logistic map", skip=2))
    assert rows[:, 1].tolist() == [0, 3, 8, 18, 38]
    assert rows[:, 2].tolist() == [0, 2, 21, 82, 264]
    assert rows[:, 3].tolist() == [0, 2, 8, 20, 44]
    assert rows[:, 5].tolist() == [printed(text) for text in ("1.0", "2.4", "-2.688", "9.0660864", "15.3025558484091")]
    assert set(np.diff(rows[1:, 4])) == {8.0}  # hoad: so many operations for each stage, no more


def test_smoothed_step(done, printed):
    value, size = re.search(r"steepness 4: (\S+), (\d+) operations", done.text).groups()
    assert (float(value), size) == (printed("0.155592441548392"), "13")
    found = re.findall(r"order \d by [reb]: +(\d+) operations, value (\S+)", done.text)
    assert [int(count) for count, _ in found] == [13, 20, 37, 41, 59, 47, 50]
    by_r = ("1.15983231037493", "6.16137041146933", "11.981884169474", "-267.025119684101", "-4032.57874863627")
    expected = [*by_r, "-1.01325802907147", "-0.0453712929298653"]
    np.testing.assert_allclose([float(text) for _, text in found], [float(text) for text in expected], rtol=2e-12)


def test_composition(done):
    counts = re.findall(r"composed \d times: (\d+), derivatives (\d+) and (\d+)", done.text)
    sizes = np.array(counts, int).T.tolist()
    assert sizes == [[13, 26, 39, 52], [13, 34, 66, 111], [20, 71, 168, 323]]
