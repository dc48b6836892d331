"""iLQR and DDP: both reach the upright, DDP is Newton's method, and the dynamics is the textbook one."""

from __future__ import annotations

import re

import numpy as np
import pytest

import hoad


@pytest.fixture(scope="module")
def done(run_example):
    return run_example("ilqr")


@pytest.fixture(scope="module")
def found(done):
    """(task, method) -> iterations, how it ended, cost, largest derivative, final state."""
    pattern = r"  (iLQR|DDP) +(\d+) iterations, (\w+)\n +cost (\S+), largest derivative by a control (\S+)\n +final state \[(.*)\]"
    runs = {}
    for task, text in zip(("pendulum", "cart-pole"), done.text.split("\n\n")):
        assert text.startswith(task)
        for method, count, end, cost, slope, state in re.findall(pattern, text):
            runs[task, method] = int(count), end, float(cost), float(slope), [float(word) for word in state.split()]
    return runs


@pytest.mark.parametrize("task", ["pendulum", "cart-pole"])
@pytest.mark.parametrize("method", ["iLQR", "DDP"])
def test_it_ends_upright_and_at_rest(task, method, found):
    state = found[task, method][-1]
    assert np.max(np.abs(state)) < 0.05


@pytest.mark.parametrize("task", ["pendulum", "cart-pole"])
def test_ddp_needs_fewer_iterations(task, found):
    count, end, cost, slope, _ = found[task, "DDP"]
    assert end == "converged"
    assert slope < 1e-7 * cost
    others, other_end, other_cost, _, _ = found[task, "iLQR"]
    assert other_end == "stopped"  # by the limit of the quick form
    assert others > count
    assert cost <= other_cost == pytest.approx(cost, rel=1e-3)


def test_ddp_ends_quadratically_and_ilqr_linearly(done):
    task = done.module.TASKS["pendulum"]
    ddp = done.module.optimise(task, True, 40).costs
    ilqr = done.module.optimise(task, False, 40).costs
    above = np.array(ddp[-6:-1]) - ddp[-1]
    ratios = above[1:] / above[:-1]
    assert np.all(np.diff(ratios) < 0)
    assert ratios[-1] < 1e-3
    slow = np.array(ilqr[20:40]) - ddp[-1]
    ratios = slow[1:] / slow[:-1]
    assert np.ptp(ratios) < 0.1
    assert np.all(ratios > 0.5)


def test_first_ddp_step_is_newtons_step_in_all_controls(done):
    """Near the solution: the feedforward and feedback pass together give -H⁻¹ g of the whole cost, up to second order."""
    task = done.module.TASKS["pendulum"]
    solution = done.module.optimise(task, True, 40)
    rng = np.random.default_rng(0)
    off = []
    for size in (1e-3, 1e-4):
        controls = solution.controls + size * rng.standard_normal(solution.controls.shape)
        gradient, H = hoad.grad(task.total_cost)(controls), hoad.hessian(task.total_cost)(controls)
        newton = -np.linalg.solve(H.reshape(task.steps, -1), gradient.ravel())
        n, x, points = len(task.start), task.start, []
        for u in controls:
            points.append(np.concatenate([x, u]))
            x = task.step(points[-1])
        points = np.array(points)
        k, K, _ = done.module.backward(task, points, x, True, 0.0)
        new, _, _ = done.module.forward(task, points, k, K, 1.0)
        off.append(np.max(np.abs((new - points)[:, n] - newton)))
    assert off[1] < 0.03 * off[0]  # quadratic: a hundredth, with room


def test_energy_is_kept_without_friction_and_torque(done):
    cart_pole = done.module.cart_pole

    def energy(x):
        _, angle, velocity, rate = x
        tip = np.stack([velocity + 0.5 * rate * np.cos(angle), -0.5 * rate * np.sin(angle)])
        turning = 0.5 * (0.1 * 0.5**2 / 3) * rate**2  # uniform rod of half length 0.5 about its centre: m l² / 3
        return 0.5 * velocity**2 + 0.05 * tip @ tip + turning + 0.1 * done.module.GRAVITY * 0.5 * np.cos(angle)

    x = np.array([0.0, 2.0, 0.3, -1.0])
    power = hoad.grad(energy)(x) @ cart_pole(np.append(x, 0.0))
    assert abs(power) < 1e-14
    pushed = hoad.grad(energy)(x) @ cart_pole(np.append(x, 3.0))
    assert pushed == pytest.approx(3.0 * 0.3, rel=1e-13)  # force times velocity
