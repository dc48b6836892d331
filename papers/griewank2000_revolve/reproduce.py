"""Binomial checkpointing: the fewest repeated steps for a number of stored states, counted on the gradient of Burgers' equation.

Source: A. Griewank and A. Walther, Algorithm 799: revolve, an implementation of checkpointing for the reverse or adjoint mode of
computational differentiation, ACM Transactions on Mathematical Software 26 (2000), 19-45.
"""

from __future__ import annotations

import gc
import tracemalloc
from bisect import bisect_right
from collections.abc import Callable
from functools import partial
from math import comb, log2
from pathlib import Path
from typing import Any

import numpy as np

import hoad
from papers.measure import times
from papers.reproduction import Check, Numbers, Result, at_most, near, needs, progress, put

TITLE = "Griewank & Walther (2000): revolve, the fewest repeated steps"

PAIRS = (
    (10, 1), (10, 2), (10, 3), (10, 4), (14, 3), (20, 3), (50, 5), (100, 3), (100, 5), (100, 10), (200, 10), (1000, 10),
)  # fmt: skip
"""(steps l, states s) of which every step of a real loop is counted."""

EVERY = ((10000, 20), (100000, 30))
"""Pairs whose schedules are carried out without a loop."""

SHOWN = (14, 3)
"""The schedule that is drawn: the example that comes with the program of the paper."""

GROWTH = tuple(4**k for k in range(2, 9))
LENGTH = 1000
STATES = (3, 5, 10, 20, 50, 100, 1000)


def key(quantity: str, length: int) -> str:
    """Name of a quantity that depends on the number of states."""
    return f"{quantity}, l = {length}"


# -- the loop: viscous Burgers' equation on a periodic grid -----------------------------------------------------------------------


def burgers(points: int, length: int, checkpoint: Any, calls: list[int] | None = None) -> Callable[[Any], Any]:
    """Misfit of the final state of u_t + u u_x = nu u_xx to a wave, as a function of the initial state; every step is noted."""
    dx = 2 * np.pi / points
    nu = 0.02
    dt = 0.2 * min(dx, dx * dx / nu)
    target = np.sin(dx * np.arange(points) - 0.5)

    def step(u: Any, k: Any) -> tuple[Any, None]:
        if calls is not None:
            calls.append(int(k))
        flux = u * u / 2
        ahead, behind = np.roll(u, -1), np.roll(u, 1)
        convection = (np.roll(flux, -1) - np.roll(flux, 1)) / (2 * dx)
        return u + dt * (nu * (ahead - 2 * u + behind) / dx**2 - convection), None

    def misfit(u: Any) -> Any:
        last, _ = hoad.scan(step, u, np.arange(length), checkpoint=checkpoint)
        return dx * np.sum((last - target) ** 2) / 2

    return misfit


def start(points: int) -> Any:
    """An initial state."""
    x = 2 * np.pi * np.arange(points) / points
    return np.sin(x) + 0.3 * np.cos(2 * x)


# -- counts ----------------------------------------------------------------------------------------------------------------------


def optimum(length: int, states: int) -> int:
    """t(l, s) by the formula of the paper."""
    r = repetitions(length, states)
    return r * length - comb(states + r, r - 1) if r else 0


def repetitions(length: int, states: int) -> int:
    """The smallest r with C(s + r, s) >= l."""
    r = 0
    while comb(states + r, states) < length:
        r += 1
    return r


def least(length: int, states: int) -> int:
    """t(l, s) by dynamic programming over the place of the next state, without the formula."""
    best = np.arange(length + 1) * (np.arange(length + 1) - 1) // 2  # one state
    for _ in range(states - 1):
        fewer, best = best, np.zeros(length + 1, dtype=np.int64)
        for n in range(2, length + 1):
            m = np.arange(1, n)
            best[n] = np.min(m + fewer[n - m] + best[m])
    return int(best[length])


def carried_out(length: int, states: int) -> tuple[int, int, int]:
    """Advanced steps, the most states stored at a time and the largest number of advances of one step of a schedule."""
    stored: set[int] = set()
    most = 0
    advances = np.zeros(length, dtype=int)
    for kind, step, stop in hoad.revolve_schedule(length, states):
        if kind == "store":
            stored.add(step)
        elif kind == "restore" and step not in stored:
            raise ValueError(f"state {step} is not there")
        elif kind == "free":
            stored.remove(step)
        elif kind == "advance":
            advances[step:stop] += 1
        most = max(most, len(stored))
    return int(advances.sum()), most, int(advances.max())


def counted(length: int, states: int) -> tuple[int, float]:
    """Steps that the gradient of the real loop repeats, and the largest difference from the gradient without checkpoints."""
    calls: list[int] = []
    u = start(32)
    found = hoad.grad(burgers(32, length, states, calls))(u)
    plain = hoad.grad(burgers(32, length, "all"))(u)
    return len(calls) - length, float(np.abs(found - plain).max() / np.abs(plain).max())


def peak(points: int, length: int, checkpoint: Any) -> float:
    """Peak memory of a gradient in states."""
    f = hoad.grad(burgers(points, length, checkpoint))
    u = start(points)
    f(u)
    gc.collect()
    tracemalloc.start()
    f(u)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / u.nbytes


def run(reduced: bool = False) -> Result:
    """Counts, gradients, growth, memory and times."""
    numbers: Numbers = {}
    for length, states in progress(PAIRS[:-1] if reduced else PAIRS, "counting"):
        steps, difference = counted(length, states)
        put(numbers, key("repeated steps", length), states, steps)
        put(numbers, "relative difference of gradients", f"{length}, {states}", difference)
        put(numbers, key("least repeated steps by dynamic programming", length), states, least(length, states))
    for length, states in (*PAIRS, *(EVERY[:1] if reduced else EVERY)):
        steps, most, _ = carried_out(length, states)
        put(numbers, key("advanced steps of the schedule", length), states, steps)
        put(numbers, key("most states stored at a time", length), states, most)
    for r in range(1, 6):  # the longest loop that r advances of each step reverse with ten states
        longest = bisect_right(range(4000), r, lo=1, key=lambda n: carried_out(n, 10)[2]) - 1
        put(numbers, "longest loop with 10 states and repetitions", r, longest)
    for length in GROWTH[:5] if reduced else GROWTH:
        states = round(log2(length) / 2) + 1
        put(numbers, "runs of the loop, s = log4 l + 1", length, 1 + carried_out(length, states)[0] / length)
        put(numbers, "runs of the loop, s = 3", length, 1 + optimum(length, 3) / length)
        put(numbers, "runs of the loop, s = 10", length, 1 + optimum(length, 10) / length)
    length = 100 if reduced else LENGTH
    for states in (s for s in STATES if s <= length):
        put(numbers, key("predicted runs of the loop", length), states, 1 + optimum(length, states) / length)
    measured = {s: burgers(512, length, s) for s in STATES if s <= length}
    u = start(512)
    clock = times({s: partial(hoad.grad(f), u) for s, f in measured.items()}, 1 if reduced else 3)
    for states, seconds in clock.items():
        put(numbers, key("milliseconds of a gradient", length), states, 1e3 * seconds)
    for policy in (2, 4, 8, 16, "all"):
        put(numbers, "peak memory in states, l = 40", policy, peak(20_000, 40, policy))
    return Result(numbers, accept(numbers, reduced), reduced)


def accept(numbers: Numbers, reduced: bool = False) -> list[Check]:
    """Counts are the optimum exactly, gradients equal, stored states as many as allowed, run time logarithmic."""
    checks = []
    for length, states in PAIRS:
        ours = numbers.get(key("repeated steps", length), {}).get(float(states))
        if ours is not None:
            checks.append(near(f"repeated steps, l = {length}, s = {states}", ours, optimum(length, states), 0))
            other = numbers[key("least repeated steps by dynamic programming", length)][float(states)]
            checks.append(near(f"the least by dynamic programming, l = {length}, s = {states}", other, optimum(length, states), 0))
    for length, states in (*PAIRS, *EVERY):
        most = numbers.get(key("most states stored at a time", length), {}).get(float(states))
        if most is None:
            continue
        checks.append(near(f"states stored at a time, l = {length}, s = {states}", most, states, 0))
        steps = numbers[key("advanced steps of the schedule", length)][float(states)]
        checks.append(near(f"advanced steps of the schedule, l = {length}, s = {states}", steps, optimum(length, states), 0))
    checks.append(
        at_most("largest relative difference of gradients", max(numbers["relative difference of gradients"].values()), 0.0)
    )
    runs = numbers["runs of the loop, s = log4 l + 1"]
    for length, ours in runs.items():
        checks.append(
            at_most(f"runs of the loop with s = log4 l + 1, l = {length:g}, against 2 + log4 l", ours, 2 + log2(length) / 2)
        )
    memory = numbers["peak memory in states, l = 40"]
    for few, many in ((2, 4), (4, 8), (8, 16)):
        checks.append(near(f"more memory with {many} than with {few} states", memory[many] - memory[few], many - few, 0.2))
    length = 100 if reduced else LENGTH
    clock = numbers[key("milliseconds of a gradient", length)]
    predicted = numbers[key("predicted runs of the loop", length)]
    ours, theirs = (a[3.0] / a[float(max(s for s in STATES if s <= length))] for a in (clock, predicted))
    checks.append(
        Check("time with 3 states against all states", ours, f"<= {theirs:.3g}: the ratio of steps", ours <= theirs, True)
    )
    return checks


# -- the figure ------------------------------------------------------------------------------------------------------------------


def draw_schedule(ax: Any) -> None:
    """Time steps to the right, actions downwards."""
    length, states = SHOWN
    row = 0
    held: dict[int, int] = {}
    for kind, step, stop in hoad.revolve_schedule(length, states):
        if kind == "store":
            held[step] = row
        elif kind == "free":
            ax.plot([step, step], [held.pop(step), row], color="0.6", linewidth=2.5, zorder=1)
        elif kind == "advance":
            ax.annotate("", (stop, row), (step, row), arrowprops=dict(arrowstyle="->", color="tab:blue", linewidth=1.3))
            row += 1
        elif kind == "reverse":
            ax.annotate("", (step, row), (step + 1, row), arrowprops=dict(arrowstyle="->", color="tab:red", linewidth=1.8))
            row += 1
    ax.set(
        xlim=(-0.5, length + 0.5),
        ylim=(row + 0.5, -1),
        xlabel="step",
        ylabel="action",
        title=f"l = {length} steps, s = {states} states",
    )
    ax.plot([], [], color="0.6", linewidth=2.5, label="state stored")
    ax.plot([], [], color="tab:blue", label="steps taken")
    ax.plot([], [], color="tab:red", label="step reversed")
    ax.legend(fontsize=8, loc="lower right")


def plot(result: Result, path: Path) -> None:
    """The schedule; runs of the loop against its length; time and prediction against the number of states."""
    plt = needs("matplotlib.pyplot")
    numbers = result.numbers
    figure, axes = plt.subplots(1, 3, figsize=(15, 4.6), layout="constrained")
    draw_schedule(axes[0])
    for name, style in (("s = 3", "o-"), ("s = 10", "s-"), ("s = log4 l + 1", "d-")):
        runs = numbers[f"runs of the loop, {name}"]
        axes[1].semilogx(list(runs), list(runs.values()), style, label=name.replace("log4", "log₄"))
    axes[1].set(xlabel="steps l", ylabel="runs of the loop for a gradient, 1 + t / l", title="growth with the length", ylim=(0, 30))
    axes[1].legend(fontsize=9)
    length = next(n for n in (LENGTH, 100) if key("milliseconds of a gradient", n) in numbers)
    clock, predicted = numbers[key("milliseconds of a gradient", length)], numbers[key("predicted runs of the loop", length)]
    states = sorted(clock)
    axes[2].loglog(states, [predicted[s] / predicted[states[-1]] for s in states], "k--", label="steps, predicted and counted")
    axes[2].loglog(states, [clock[s] / clock[states[-1]] for s in states], "o-", color="tab:blue", label="time of a gradient")
    axes[2].set(
        xlabel="stored states s", ylabel="relative to all states stored", title=f"Burgers' equation, l = {length}, 512 points"
    )
    axes[2].legend(fontsize=9)
    for ax in axes:
        ax.grid(alpha=0.3)
    figure.savefig(path, dpi=130)
    plt.close(figure)
