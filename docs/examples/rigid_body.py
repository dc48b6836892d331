"""A planar rigid body driven to a point by a constant force and torque, found by differentiating the simulation.

The body starts at rest in the origin and should be at (1, 0.5) a hundred explicit Euler steps later. With the force
given in world axes the path does not depend on the torque, so its gradient is exactly zero, as an array; with the force
fixed to the body, which turns, all three unknowns matter.

Adam in its usual setting does not arrive in 50 epochs, a larger step and a loss on the final position do, and Newton's
method needs one step where the problem is quadratic and a handful where it is not.

    python docs/examples/rigid_body.py [--quick] [--out figure.png]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from presentation import BLUE, GREY, ORANGE, RED, canvas, command_line, label, legend, legend_below, save

import hoad
import hoad.optimize as ho

MASS, INERTIA, DT, STEPS = 1.0, 0.1, 0.01, 100
TARGET = np.array([1.0, 0.5])
START = {"force": np.array([0.1, 0.0]), "torque": np.array(0.01)}
REST = {"force": np.zeros(2), "torque": np.array(0.0)}

Drive = dict[str, np.ndarray]


# ---------------------------------------------------------------------------------------------------------------------
# The function to differentiate: plain NumPy


def path(drive: Drive, *, body_axes: bool) -> tuple[Any, Any]:
    """Positions (100, 2) and angles (100,) after each Euler step, under constant force and torque."""
    position, velocity, angle, spin = np.zeros(2), np.zeros(2), np.array(0.0), np.array(0.0)
    fx, fy = drive["force"]
    positions, angles = [], []
    for _ in range(STEPS):
        force = drive["force"]
        if body_axes:
            c, s = np.cos(angle), np.sin(angle)
            force = np.stack([c * fx - s * fy, s * fx + c * fy])
        position, velocity = position + DT * velocity, velocity + DT * force / MASS  # both from the old velocity
        angle, spin = angle + DT * spin, spin + DT * drive["torque"] / INERTIA
        positions.append(position)
        angles.append(angle)
    return np.stack(positions), np.stack(angles)


def running_loss(drive: Drive) -> Any:
    """Σ over the hundred new positions of |position - target|², force in world axes."""
    return np.sum((path(drive, body_axes=False)[0] - TARGET) ** 2)


def final_loss(drive: Drive) -> Any:
    """|final position - target|², force in world axes: quadratic in the force."""
    return np.sum((path(drive, body_axes=False)[0][-1] - TARGET) ** 2)


def final_loss_body(drive: Drive) -> Any:
    """|final position - target|², force fixed to the body."""
    return np.sum((path(drive, body_axes=True)[0][-1] - TARGET) ** 2)


# ---------------------------------------------------------------------------------------------------------------------
# The two methods


class Epoch(NamedTuple):
    """What is known at an epoch, before its update."""

    loss: float
    drive: Drive
    gradient: Drive


def adam(loss: Callable[[Drive], Any], drive: Drive, rate: float, epochs: int) -> list[Epoch]:
    """Adam for so many updates; the record has one entry more."""
    method = ho.adam(rate)
    state = method.init(drive)
    record = []
    for _ in range(epochs + 1):
        value, gradient = hoad.value_and_grad(loss)(drive)
        record.append(Epoch(float(value), drive, gradient))
        updates, state = method.update(gradient, state, drive)
        drive = ho.apply_updates(drive, updates)
    return record


def newton(loss: Callable[[Drive], Any], drive: Drive, steps: int) -> list[Epoch]:
    """Newton's method, H⁻¹ on the eigenvectors of H with |eigenvalue| above 1e-12 of the largest, halved until it descends.

    Eigenvalues are taken by their size, so that negative curvature is left, not approached; directions that do not
    matter, as the torque under a force in world axes, stay as they are.
    """

    def unpack(x: np.ndarray) -> Drive:
        return {"force": x[:2], "torque": x[2]}

    f = lambda x: loss(unpack(x))
    x = np.append(drive["force"], drive["torque"])
    record = []
    for _ in range(steps + 1):
        value, gradient = hoad.value_and_grad(f)(x)
        record.append(Epoch(float(value), unpack(x), unpack(gradient)))
        curvature, axes = np.linalg.eigh(hoad.hessian(f)(x))
        size = np.abs(curvature)
        inverse = np.where(size > 1e-12 * size.max(), 1 / np.maximum(size, 1e-300), 0.0)
        step = -axes @ (inverse * (axes.T @ gradient))
        while step @ step > 1e-30 and f(x + step) > value:
            step = step / 2
        x = x + step
    return record


# ---------------------------------------------------------------------------------------------------------------------
# The report


def report_epochs(title: str, record: list[Epoch], epochs: Sequence[int], *, body_axes: bool = False) -> None:
    """A table of some epochs."""
    print(title)
    print(f"{'epoch':>6}  {'loss':>17}  {'force':^27}  {'torque':>12}  {'final position':^27}  {'dloss/dforce':^31}  dloss/dtorque")
    for epoch in epochs:
        value, drive, gradient = record[epoch]
        final = path(drive, body_axes=body_axes)[0][-1]
        row = f"{epoch:>6}  {value:>17.12f}  {drive['force'][0]:>13.10f} {drive['force'][1]:>13.10f}  {drive['torque']:>12.8f}"
        row += f"  {final[0]:>13.10f} {final[1]:>13.10f}  {gradient['force'][0]:>15.10f} {gradient['force'][1]:>15.10f}"
        print(f"{row}  {gradient['torque']:>13.10f}")
    print()


def draw(out: Path, drives: dict[str, tuple[Drive, bool]], records: dict[str, list[Epoch]]) -> None:
    """Paths with the attitude of the body along them, and the loss over the steps."""
    drawing, (left, right) = canvas(2, "A rigid body driven to (1, 0.5)", height=4.2)
    colours = dict(zip(drives, (GREY, ORANGE, BLUE, "#222222")))
    for name, (drive, body_axes) in drives.items():
        positions, angles = path(drive, body_axes=body_axes)
        positions = np.vstack([np.zeros(2), positions])
        left.plot(*positions.T, color=colours[name], linewidth=1.8, label=name)
        if body_axes:
            for k in range(19, STEPS, 20):
                arm = 0.05 * np.array([np.cos(angles[k]), np.sin(angles[k])])
                ends = np.stack([positions[k + 1] - arm, positions[k + 1] + arm])
                left.plot(*ends.T, color=colours[name], linewidth=4, solid_capstyle="round", alpha=0.45)
    left.plot(*TARGET, "*", color=RED, markersize=13, zorder=3)
    label(left, "paths (bars: attitude of the body; star: target)", xlabel="x", ylabel="y", aspect="equal")
    styles = {"Adam 0.01": (ORANGE, "-"), "Adam 0.1": (BLUE, "-"), "Newton": (BLUE, "o--")}
    styles |= {"Adam 0.1, force fixed to the body": ("#222222", "-"), "Newton, force fixed to the body": ("#222222", "o--")}
    for name, record in records.items():
        colour, line = styles[name]
        distance = [max(at.loss, 1e-32) ** 0.5 for at in record]
        right.semilogy(distance, line, color=colour, markersize=4, linewidth=1.5, label=name)
    label(right, "final distance from the target", xlabel="step", xlim=(-1, 60), ylim=(1e-16, 30))
    legend(right, loc="center right", fontsize=8)
    legend_below(drawing, left)
    save(drawing, out)


def main(argv: Sequence[str] | None = None) -> None:
    """Drive the body there five times, print, draw."""
    options = command_line(__doc__, "rigid_body", argv)
    longer = 60 if options.quick else 300

    usual = adam(running_loss, START, 0.01, 50)
    report_epochs("Adam 0.01, sum of squared distances: 50 epochs do not reach the target", usual, (0, 1, 10, 49, 50))
    arriving = adam(final_loss, START, 0.1, longer)
    report_epochs("Adam 0.1, squared final distance: arrives", arriving, (0, 10, 50, longer))
    exact = newton(final_loss, START, 2)
    report_epochs("Newton, squared final distance: one step, since the loss is quadratic", exact, range(3))

    slow = adam(final_loss_body, REST, 0.01, 50)
    report_epochs("Adam 0.01 from zero, force fixed to the body", slow, (0, 1, 10, 49, 50), body_axes=True)
    turning = adam(final_loss_body, START, 0.1, 20 if options.quick else longer)
    report_epochs("Adam 0.1, force fixed to the body", turning, (0, 10, len(turning) - 1), body_axes=True)
    bent = newton(final_loss_body, START, 5)
    report_epochs("Newton, force fixed to the body", bent, range(6), body_axes=True)

    distances = [Epoch(float(final_loss(at.drive)), at.drive, at.gradient) for at in usual]
    draw(
        options.out,
        {
            "before": (START, False),
            "Adam 0.01, 50 epochs": (usual[-1].drive, False),
            "Newton": (exact[-1].drive, False),
            "Adam 0.1, force fixed to the body": (turning[-1].drive, True),
        },
        {
            "Adam 0.01": distances,
            "Adam 0.1": arriving[:60],
            "Newton": exact,
            "Adam 0.1, force fixed to the body": turning[:60],
            "Newton, force fixed to the body": bent,
        },
    )


if __name__ == "__main__":
    main()
