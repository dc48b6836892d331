"""The neural controller: reference numbers from PyTorch in float64, and what each of the three trainings must reach."""

from __future__ import annotations

import numpy as np
import pytest

import hoad

REFERENCE = {
    0: ("91.412619836304", "0.7065172663", "-0.4846891292", "11.7808835573"),
    1: ("91.368109422336", "0.7092590428", "-0.4800068798", "11.1346228101"),
    10: ("91.079822144961", "0.7323438893", "-0.4404033046", "5.8522310186"),
    49: ("90.728710708291", "0.7526313478", "-0.3961924042", "2.2771342059"),
    50: ("90.720543157192", "0.7521877091", "-0.3965806934", "2.2859039251"),
}


@pytest.fixture(scope="module")
def done(run_example):
    return run_example("spring_damper")


def test_usual_setting_has_the_reference_numbers(done, table, printed):
    rows = table(done.text, "Adam 0.001", skip=2)
    assert [int(row[0]) for row in rows] == list(REFERENCE)
    for epoch, *numbers in rows:
        assert numbers == [printed(text) for text in REFERENCE[int(epoch)]]


def test_usual_setting_does_not_arrive(done, table):
    *_, x, v, _ = table(done.text, "Adam 0.001", skip=2)[-1]
    assert abs(x) > 0.7


def test_adam_on_the_final_state_arrives(done, table):
    rows = table(done.text, "Adam 0.02", skip=2)
    assert rows[-1][1] < 0.02 * rows[0][1]  # the quick form stops at 60 epochs; the figure shows all 200


def test_levenberg_marquardt_arrives_within_ten_steps_and_ends_quadratically(done, table):
    losses = [row[1] for row in table(done.text, "Levenberg-Marquardt", skip=2)]
    assert len(losses) == 10
    assert losses[-1] < 1e-12
    assert np.all(np.diff(losses) <= 0)


@pytest.mark.parametrize("name", ["W1", "b1", "W2", "b2"])
def test_gradient_of_the_final_position_agrees_with_torch(name, done):
    module = done.module
    gradient = hoad.grad(lambda weights: module.final_state(weights)[0] ** 2)(module.initial_weights())
    with np.load(module.DATA / "spring_damper.npz") as stored:
        np.testing.assert_allclose(gradient[name], stored[f"grad_reg_final_full_{name}"], rtol=0, atol=1e-14)


@pytest.mark.parametrize("variant", ["final", "mean"])
def test_other_losses_follow_the_stored_curves(variant, done):
    module = done.module
    loss = {
        "final": lambda weights: module.final_state(weights)[0] ** 2,
        "mean": lambda weights: np.mean(module.trajectory(weights)[:, 0] ** 2),
    }[variant]
    losses = [at.loss for at in module.adam(loss, module.initial_weights(), 1e-3, 10)[1]]
    with np.load(module.DATA / "spring_damper.npz") as stored:
        np.testing.assert_allclose(losses, stored[f"loss_reg_{variant}_full"][:11], rtol=1e-10)
