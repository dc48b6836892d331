"""Swinging up a pendulum and a cart-pole: iLQR and DDP with exact derivatives of the dynamics.

Both methods improve a sequence of controls by a Riccati recursion around the current path. iLQR takes first derivatives
of the dynamics, differential dynamic programming the second ones too, which makes it Newton's method. Here the dynamics
is one Runge-Kutta step, written once, and `hoad.vmap(hoad.jacobian(step))`, `hoad.vmap(hoad.hessian(step))` give the
derivatives at all points of the path in one call each.

Source: Jacobson & Mayne, Differential Dynamic Programming (1970); Tassa, Erez & Todorov, Synthesis and stabilization of
complex behaviors through online trajectory optimization, IROS (2012), equations 5-11.

    python docs/examples/ilqr.py [--quick] [--out figure.png]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from presentation import BLUE, GREY, ORANGE, canvas, command_line, label, legend, save

import hoad

GRAVITY = 9.81


# ---------------------------------------------------------------------------------------------------------------------
# The functions to differentiate: plain NumPy


def pendulum(z: Any) -> Any:
    """Rates of angle (0 is upright) and angular velocity, from z = (angle, angular velocity, torque); 1 kg on 1 m."""
    angle, rate, torque = z
    return np.stack([rate, GRAVITY * np.sin(angle) - 0.1 * rate + torque])


def cart_pole(z: Any) -> Any:
    """Rates of cart position, angle (0 is upright) and their velocities, from z = (those four, force on the cart).

    Cart of 1 kg, pole of 0.1 kg and half length 0.5 m; Barto, Sutton & Anderson (1983), without friction.
    """
    _, angle, velocity, rate, force = z
    sine, cosine = np.sin(angle), np.cos(angle)
    push = (force + 0.05 * rate**2 * sine) / 1.1
    spin = (GRAVITY * sine - cosine * push) / (0.5 * (4 / 3 - 0.1 * cosine**2 / 1.1))
    return np.stack([velocity, rate, push - 0.05 * spin * cosine / 1.1, spin])


@dataclass(frozen=True)
class Task:
    """From ``start`` to the origin: minimise Σ u² weight/2 dt + final state² · final/2 over ``steps`` steps."""

    name: str
    rates: Callable[[Any], Any]
    start: np.ndarray
    steps: int
    dt: float
    weight: float
    final: np.ndarray

    def step(self, z: Any) -> Any:
        """The next state from z = (state, control), by one Runge-Kutta step of order four."""
        n, h = len(self.start), self.dt
        x, u = z[:n], z[n:]
        rates = lambda x: self.rates(np.concatenate([x, u]))
        k1 = rates(x)
        k2 = rates(x + h / 2 * k1)
        k3 = rates(x + h / 2 * k2)
        k4 = rates(x + h * k3)
        return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    def running_cost(self, z: Any) -> Any:
        """What one step costs."""
        return self.dt * self.weight / 2 * np.sum(z[len(self.start) :] ** 2)

    def final_cost(self, x: Any) -> Any:
        """What being away from the origin at the end costs."""
        return np.sum(self.final * x**2) / 2

    def total_cost(self, controls: Any) -> Any:
        """Cost of a sequence of controls (steps, 1), by simulation."""
        x, cost = self.start, 0.0
        for u in controls:
            z = np.concatenate([x, u])
            x, cost = self.step(z), cost + self.running_cost(z)
        return cost + self.final_cost(x)


TASKS = {
    "pendulum": Task(
        name="pendulum",
        rates=pendulum,
        start=np.array([np.pi, 0.0]),
        steps=80,
        dt=0.05,
        weight=0.1,
        final=np.array([100.0, 10.0]),
    ),
    "cart-pole": Task(
        name="cart-pole",
        rates=cart_pole,
        start=np.array([0.0, np.pi, 0.0, 0.0]),
        steps=100,
        dt=0.03,
        weight=0.1,
        final=np.array([50.0, 100.0, 10.0, 10.0]),
    ),
}


# ---------------------------------------------------------------------------------------------------------------------
# The method


def backward(task: Task, points: np.ndarray, x_end: np.ndarray, second_order: bool, shift: float) -> tuple[Any, Any, float] | None:
    """Feedforward k, feedback K and the promised change of the cost; None where Q_uu is not positive definite.

    ``points`` holds (state, control) at each step, shape (steps, n + 1). One Riccati recursion, equations 5 and 6 of Tassa et al.
    """
    n = len(x_end)
    F = hoad.vmap(hoad.jacobian(task.step))(points)
    l, L = hoad.vmap(hoad.grad(task.running_cost))(points), hoad.vmap(hoad.hessian(task.running_cost))(points)
    T = hoad.vmap(hoad.hessian(task.step))(points) if second_order else None  # (steps, state, n + 1, n + 1)
    v, V = hoad.grad(task.final_cost)(x_end), hoad.hessian(task.final_cost)(x_end)
    k, K, promise = np.zeros((task.steps, 1)), np.zeros((task.steps, 1, n)), 0.0
    for t in reversed(range(task.steps)):
        q, Q = l[t] + F[t].T @ v, L[t] + F[t].T @ V @ F[t]
        if second_order:
            Q = Q + np.tensordot(v, T[t], 1)
        Quu = Q[n:, n:] + shift * np.eye(1)
        if Quu[0, 0] <= 0:
            return None
        k[t], K[t] = -np.linalg.solve(Quu, q[n:]), -np.linalg.solve(Quu, Q[n:, :n])
        promise += k[t] @ q[n:] + k[t] @ Q[n:, n:] @ k[t] / 2
        v = q[:n] + K[t].T @ (Q[n:, n:] @ k[t] + q[n:]) + Q[:n, n:] @ k[t]
        V = Q[:n, :n] + K[t].T @ Q[n:, n:] @ K[t] + K[t].T @ Q[n:, :n] + Q[:n, n:] @ K[t]
        V = (V + V.T) / 2
    return k, K, promise


def forward(task: Task, points: np.ndarray, k: np.ndarray, K: np.ndarray, length: float) -> tuple[np.ndarray, np.ndarray, float]:
    """The path under u + length k + K (x - x_old), its end and its cost."""
    n = len(task.start)
    x, new, cost = task.start, np.empty_like(points), 0.0
    for t, old in enumerate(points):
        new[t] = np.concatenate([x, old[n:] + length * k[t] + K[t] @ (x - old[:n])])
        x, cost = task.step(new[t]), cost + task.running_cost(new[t])
    return new, x, float(cost + task.final_cost(x))


@dataclass(frozen=True)
class Solution:
    """The path (steps + 1, n), the controls (steps, 1), the cost after each iteration, and whether it converged."""

    path: np.ndarray
    controls: np.ndarray
    costs: list[float]
    converged: bool


def optimise(task: Task, second_order: bool, iterations: int, tolerance: float = 1e-12) -> Solution:
    """DDP if ``second_order``, otherwise iLQR, from small controls, until the promised change is ``tolerance`` of the cost."""
    n = len(task.start)
    points = np.zeros((task.steps, n + 1))
    k, K = 0.1 * np.cos(np.linspace(0, 3, task.steps))[:, None], np.zeros((task.steps, 1, n))
    points, x_end, cost = forward(task, points, k, K, 1.0)
    costs, shift, converged = [cost], 0.0, False
    while len(costs) <= iterations:
        steps = backward(task, points, x_end, second_order, shift)
        accepted = False
        if steps is not None:
            k, K, promise = steps
            if converged := bool(-promise <= tolerance * cost):
                break
            for length in 0.5 ** np.arange(10):
                with np.errstate(over="ignore", invalid="ignore"):
                    trial = forward(task, points, k, K, length)
                if accepted := bool(cost - trial[2] > 1e-4 * length * -promise):
                    points, x_end, cost = trial
                    break
        costs.append(cost)
        shift = (0.0 if shift < 1e-6 else shift / 5) if accepted else max(1e-4, 5 * shift)
    return Solution(np.vstack([points[:, :n], x_end]), points[:, n:], costs, converged)


# ---------------------------------------------------------------------------------------------------------------------
# The report


def draw(out: Path, solutions: dict[str, dict[str, Solution]]) -> None:
    """For each task: what it looks like, the controls, and the convergence of both methods."""
    drawing, panels = canvas(3, "Swinging up with exact second derivatives of the dynamics", rows=2, height=6.0)
    for row, (name, found) in enumerate(solutions.items()):
        task, (shape, controls, cost) = TASKS[name], panels[3 * row : 3 * row + 3]
        path = found["DDP"].path
        time = task.dt * np.arange(task.steps + 1)
        offset = path[:, 0] if name == "cart-pole" else np.zeros(task.steps + 1)
        angle = path[:, 1] if name == "cart-pole" else path[:, 0]
        for t in range(0, task.steps + 1, 4):
            look = dict(color=BLUE, alpha=0.2 + 0.75 * t / task.steps, linewidth=1.6)
            shape.plot([offset[t], offset[t] + np.sin(angle[t])], [0, np.cos(angle[t])], **look)
        shape.plot(offset + np.sin(angle), np.cos(angle), color=GREY, linewidth=0.8)
        if name == "cart-pole":
            shape.plot(offset, 0 * offset, color=ORANGE, linewidth=3, alpha=0.6, solid_capstyle="round")
        label(shape, f"{name}, from pale to dark", aspect="equal", xlim=(-2.0, 1.5), ylim=(-1.2, 1.2))
        for (method, solution), colour, line in zip(found.items(), (ORANGE, BLUE), ("-", "--")):
            controls.step(time[:-1], solution.controls[:, 0], line, color=colour, where="post", label=method)
        label(controls, "torque" if name == "pendulum" else "force on the cart", xlabel="time")
        legend(controls)
        for (method, solution), colour in zip(found.items(), (ORANGE, BLUE)):
            above = np.array(solution.costs) - solution.costs[-1]
            cost.semilogy(np.maximum(above, 1e-14), color=colour, marker="o", markersize=2.5, linewidth=1.2, label=method)
        label(cost, "cost above its minimum", xlabel="iteration", ylim=(1e-13, None))
        legend(cost)
    save(drawing, out)


def main(argv: Sequence[str] | None = None) -> None:
    """Solve both tasks by both methods, print, draw."""
    options = command_line(__doc__, "ilqr", argv)
    solutions = {}
    for name, task in TASKS.items():
        print(f"{name}, {task.steps} steps of {task.dt} s")
        solutions[name] = {}
        for method, second_order in (("iLQR", False), ("DDP", True)):
            found = optimise(task, second_order, 60 if options.quick else 500)
            solutions[name][method] = found
            slope = np.max(np.abs(hoad.grad(task.total_cost)(found.controls)))
            print(f"  {method:<5}{len(found.costs) - 1:>4} iterations, {'converged' if found.converged else 'stopped'}")
            print(f"       cost {found.costs[-1]:.12f}, largest derivative by a control {slope:.1e}")
            print(f"       final state {np.array2string(found.path[-1], precision=6, suppress_small=True)}")
        print()
    draw(options.out, solutions)


if __name__ == "__main__":
    main()
