"""Logistic regression: the printed sequences of every method, and hyperplane search with K = N against Newton."""

from __future__ import annotations

import re

import numpy as np
import pytest

NEWTON = [
    "0.693147180559945",
    "0.324414017121397",
    "0.217566760042521",
    "0.167679468342939",
    "0.147321350271848",
    "0.142103980095225",
    "0.141623890005309",
    "0.141618388328982",
    "0.141618387470011",
]
HUNDRED = {
    "gradient descent, 0.1": "0.30177003342735",
    "gradient descent, 1": "0.163728799427645",
    "Adam, 0.1": "0.147191853672263",
}
GAPS = {1: ("0.424", "0.293", "0.144"), 2: ("0.292", "0.150", "0.0470"), 5: ("0.0814", "0.0349", "0.00433")}


@pytest.fixture(scope="module")
def done(run_example):
    return run_example("binary_classification")


def test_newton_sequence(done, printed):
    lines = done.text.splitlines()[1:10]
    assert [float(line.split()[1]) for line in lines] == [printed(text) for text in NEWTON]


def test_what_newton_found(done, printed):
    norm, length = re.search(r"gradient norm (\S+), \|w\| (\S+)", done.text).groups()
    assert float(norm) < 1e-15
    assert float(length) == printed("8.631641188949")
    assert "correct 0.945, cosine to the coefficients 0.9988576" in done.text


def test_eigenvalues(done, printed):
    pattern = r"eigenvalues of the Hessian at (?:zero|the minimum): (\S+) to (\S+)"
    zero, minimum = ([float(word) for word in found] for found in re.findall(pattern, done.text))
    assert zero == [printed("0.20267"), printed("0.29120")]
    assert minimum == [printed("0.0019379"), printed("0.0554554")]


@pytest.mark.parametrize("method", list(HUNDRED))
def test_first_order_methods_after_a_hundred_iterations(method, done, printed):
    found = re.search(rf"^{re.escape(method)} +(\S+)$", done.text, re.MULTILINE)[1]
    assert float(found) == printed(HUNDRED[method])


def test_hyperplane_search_median_of_five_seeds(done, table, printed):
    rows = {int(row[0]): row[1:] for row in table(done.text, "hyperplane search", skip=2)}
    for k, expected in GAPS.items():
        assert rows[k] == [printed(text) for text in expected]
    assert rows[10][0] == printed("0.000486")
    assert abs(rows[10][1]) < 1e-15


def test_the_whole_space_is_newton(done):
    module = done.module
    _, X, y = module.data()
    loss = lambda w: module.cross_entropy(w, X, y)
    found = module.hyperplane_search(loss, 10, np.zeros(10), 6, seed=3)
    np.testing.assert_allclose(found, [float(text) for text in NEWTON[:7]], rtol=1e-10)
