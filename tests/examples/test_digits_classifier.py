"""Digits: training losses after a hundred steps, and their order at equal numbers of steps."""

from __future__ import annotations

import pytest

REFERENCE = {
    "forward gradient, 0.15": "1.899",
    "line search, K = 1": "1.485",
    "hyperplane, K = 2": "0.945",
    "K = 3": "0.651",
    "K = 10": "0.104",
    "back-propagation, 1": "0.243",
    "the same, curvature step": "0.0349",
}


@pytest.fixture(scope="module")
def losses(run_example):
    lines = run_example("digits_classifier").text.splitlines()[1:-2]
    return {line[:24].rstrip(): float(line.split()[-2]) for line in lines}


def test_losses_after_a_hundred_steps(losses, printed):
    assert losses == {name: printed(text) for name, text in REFERENCE.items()}


def test_more_directions_learn_faster_at_equal_steps(losses):
    order = [losses[name] for name in list(REFERENCE)[:5]]
    assert order == sorted(order, reverse=True)
