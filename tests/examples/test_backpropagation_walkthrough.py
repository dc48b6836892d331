"""Back-propagation by hand: agreement of every adjoint, and both ways against differences of the loss."""

from __future__ import annotations

import re

import numpy as np
import pytest


@pytest.fixture(scope="module")
def done(run_example):
    return run_example("backpropagation_walkthrough")


def test_every_adjoint_agrees(done):
    rows = re.findall(r"^([Wba]\d) +\(.*\) +\S+ +(\S+)$", done.text, re.MULTILINE)
    assert [name for name, _ in rows] == ["W1", "b1", "W2", "b2", "W3", "b3", "a0", "a1", "a2"]
    assert all(float(error) < 1e-14 for _, error in rows)


def test_hessian_times_a_direction_agrees(done):
    assert float(re.search(r"largest difference (\S+)", done.text)[1]) < 1e-13


def test_by_hand_against_differences(done):
    module = done.module
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((7, 64)), np.eye(10)[rng.integers(10, size=7)]
    weights = module.initial_weights()
    direction = [(rng.standard_normal(W.shape), rng.standard_normal(b.shape)) for W, b in weights]
    moved = lambda h: [(W + h * RW, b + h * Rb) for (W, b), (RW, Rb) in zip(weights, direction)]
    dot = lambda u, v: sum(np.sum(a * c) + np.sum(b * d) for (a, b), (c, d) in zip(u, v))
    gradient = module.gradient_by_hand(weights, X, Y)
    h = 1e-5
    slope = (module.loss(moved(h), X, Y) - module.loss(moved(-h), X, Y)) / (2 * h)
    assert dot(gradient, direction) == pytest.approx(slope, rel=1e-7)
    bend = (dot(module.gradient_by_hand(moved(h), X, Y), direction) - dot(module.gradient_by_hand(moved(-h), X, Y), direction)) / (
        2 * h
    )
    assert dot(module.hessian_vector_by_hand(weights, direction, X, Y), direction) == pytest.approx(bend, rel=1e-6)
