"""A neural controller for a spring and damper, trained by differentiating through the simulation.

A mass on a spring is released at rest, one unit from where it should be. A network of one hidden layer (2-20-1, ReLU)
sees position and velocity and pushes; a hundred explicit Euler steps later the mass should be at rest at zero. The
gradient of the outcome with respect to the 81 weights passes through all hundred steps.

Three runs: Adam as such demonstrations are usually set up, which does not arrive; Adam on the final state, which does;
and Levenberg-Marquardt with the exact Jacobian of the final state, which needs a twentieth of the steps.

    python docs/examples/spring_damper.py [--quick] [--out figure.png]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from presentation import BLUE, DATA, GREY, ORANGE, canvas, command_line, label, legend_below, save

import hoad
import hoad.optimize as ho

MASS, DAMPING, STIFFNESS, DT, STEPS = 1.0, 0.5, 1.0, 0.01, 100
START = np.array([1.0, 0.0])  # position, velocity; the target is (0, 0)

Weights = dict[str, np.ndarray]


def initial_weights() -> Weights:
    """W1 (20, 2), b1 (20,), W2 (1, 20), b2 (1,), uniform in ±1/√(inputs of the layer)."""
    with np.load(DATA / "spring_damper.npz") as stored:
        return {name: stored[name] for name in ("W1", "b1", "W2", "b2")}


# ---------------------------------------------------------------------------------------------------------------------
# The function to differentiate: plain NumPy


def controller(weights: Weights, state: Any) -> Any:
    """The force, from position and velocity."""
    hidden = np.maximum(weights["W1"] @ state + weights["b1"], 0.0)
    return (weights["W2"] @ hidden + weights["b2"])[0]


def trajectory(weights: Weights) -> Any:
    """The states after each Euler step, shape (100, 2)."""
    state, states = START, []
    for _ in range(STEPS):
        x, v = state
        force = controller(weights, state) - DAMPING * v - STIFFNESS * x
        state = np.stack([x + DT * v, v + DT * force / MASS])  # both from the old velocity
        states.append(state)
    return np.stack(states)


def running_loss(weights: Weights) -> Any:
    """Σ over the hundred new states of |state - target|²."""
    return np.sum(trajectory(weights) ** 2)


def final_state(weights: Weights) -> Any:
    """Position and velocity at the end, which should be zero."""
    return trajectory(weights)[-1]


def final_loss(weights: Weights) -> Any:
    """|final state - target|²."""
    return np.sum(final_state(weights) ** 2)


# ---------------------------------------------------------------------------------------------------------------------
# Training


class Epoch(NamedTuple):
    """What is known at an epoch, before its update."""

    loss: float
    final: np.ndarray
    gradient_norm: float


def norm(weights: Weights) -> float:
    """Euclidean norm over all arrays together."""
    return float(np.sqrt(sum(np.sum(w**2) for w in weights.values())))


def adam(loss: Callable[[Weights], Any], weights: Weights, rate: float, epochs: int) -> tuple[Weights, list[Epoch]]:
    """Adam for so many updates; the record has one entry more."""
    method = ho.adam(rate)
    state = method.init(weights)
    record = []
    for epoch in range(epochs + 1):
        value, gradient = hoad.value_and_grad(loss)(weights)
        record.append(Epoch(float(value), final_state(weights), norm(gradient)))
        if epoch < epochs:
            updates, state = method.update(gradient, state, weights)
            weights = ho.apply_updates(weights, updates)
    return weights, record


def levenberg_marquardt(weights: Weights, iterations: int) -> tuple[Weights, list[Epoch]]:
    """Steps -(Jᵀ J + μ)⁻¹ Jᵀ r, where r is the final state and J its exact Jacobian, two rows for 81 weights."""
    method = ho.levenberg_marquardt()
    state = method.init(weights)
    record = []
    for _ in range(iterations + 1):
        r = final_state(weights)
        updates, state = method.update(final_state, weights, state)
        record.append(Epoch(float(r @ r), r, 2 * norm(state.report.gradient)))
        weights = ho.apply_updates(weights, updates)
    return weights, record


# ---------------------------------------------------------------------------------------------------------------------
# The report


def report_epochs(title: str, record: list[Epoch], epochs: Sequence[int]) -> None:
    """A table of some epochs."""
    print(title)
    print(f"{'epoch':>7}  {'loss':>16}  {'final x':>13}  {'final v':>13}  {'gradient norm':>14}")
    for epoch in epochs:
        at = record[epoch]
        print(f"{epoch:>7}  {at.loss:>16.12f}  {at.final[0]:>13.10f}  {at.final[1]:>13.10f}  {at.gradient_norm:>14.10f}")
    print()


def draw(out: Path, weights: dict[str, Weights], records: dict[str, list[Epoch]]) -> None:
    """Position and velocity over time, and the distance from the target over the steps of training."""
    drawing, (left, middle, right) = canvas(3, "A spring and damper with a neural controller")
    looks = dict(zip(weights, ((GREY, ":"), (ORANGE, "-"), (BLUE, "-"), ("#222222", "--"))))
    time = DT * np.arange(STEPS + 1)
    for name, each in weights.items():
        states = np.vstack([START, trajectory(each)])
        colour, line = looks[name]
        left.plot(time, states[:, 0], line, color=colour, label=name, linewidth=1.8)
        middle.plot(time, states[:, 1], line, color=colour, linewidth=1.8)
    for axes, name in ((left, "position"), (middle, "velocity")):
        axes.plot(1.0, 0.0, "*", color="#b8383d", markersize=11, clip_on=False, zorder=3)
        label(axes, f"{name} (the star is the target)", xlabel="time")
    for name, record in records.items():
        colour, line = looks[name]
        distance = [np.linalg.norm(at.final) for at in record]
        right.semilogy(distance, line if len(record) > 20 else "o-", color=colour, markersize=4)
    label(right, "final distance from the target", xlabel="step of training", ylim=(1e-10, 4))
    legend_below(drawing, left)
    save(drawing, out)


def main(argv: Sequence[str] | None = None) -> None:
    """Train three times, print, draw."""
    options = command_line(__doc__, "spring_damper", argv)
    longer = 60 if options.quick else 200
    start = initial_weights()

    usual, usual_record = adam(running_loss, start, 1e-3, 50)
    report_epochs("Adam 0.001, sum of |state|² over the run: 50 epochs do not reach the target", usual_record, (0, 1, 10, 49, 50))

    arriving, arriving_record = adam(final_loss, start, 0.02, longer)
    shown = [epoch for epoch in (0, 10, 20, 50, 60, 100, 150, 200) if epoch <= longer]
    report_epochs("Adam 0.02, |final state|²: arrives", arriving_record, shown)

    exact, exact_record = levenberg_marquardt(start, 9)
    report_epochs("Levenberg-Marquardt on the final state", exact_record, range(10))

    draw(
        options.out,
        {"before": start, "Adam, usual setting": usual, "Adam, final state": arriving, "Levenberg-Marquardt": exact},
        {"Adam, usual setting": usual_record, "Adam, final state": arriving_record, "Levenberg-Marquardt": exact_record},
    )


if __name__ == "__main__":
    main()
