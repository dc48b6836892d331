"""What reverse mode stores and repeats in loops: counts of steps, states alive at a time, bytes; and checkpoint in every mode."""

from __future__ import annotations

import gc
import tracemalloc
from functools import lru_cache
from math import comb

import numpy as np
import pytest

import hoad
from hoad.errors import ClosureError

OPTIMA = {  # (steps, states) -> least number of repeated steps, Griewank & Walther (2000) and dynamic programming
    (10, 1): 45, (10, 2): 20, (10, 3): 15, (10, 4): 14, (20, 3): 45, (50, 5): 122, (100, 3): 490, (100, 5): 316,
    (100, 10): 222, (200, 10): 522, (1000, 10): 3636, (10000, 20): 37976,
}  # fmt: skip


def closed_form(length, states):
    r = next(r for r in range(length + 1) if comb(states + r, states) >= length)
    return r * length - comb(states + r, r - 1) if r else 0


@lru_cache(None)
def by_dynamic_programming(length, states):
    """The least number over all places of the next state, without any formula."""
    if length == 1:
        return 0
    if states == 1:
        return length * (length - 1) // 2
    return min(m + by_dynamic_programming(length - m, states - 1) + by_dynamic_programming(m, states) for m in range(1, length))


def carried_out(length, states):
    """Carries a schedule out on the numbers of states: counts of advanced steps, the most stored states, repetitions of a step."""
    stored, current, most, advanced, reversed_steps = set(), 0, 0, np.zeros(length, int), []
    for kind, step, stop in hoad.revolve_schedule(length, states):
        if kind == "store":
            assert current == step
            stored.add(step)
        elif kind == "restore":
            assert step in stored
            current = step
        elif kind == "advance":
            assert current == step < stop
            advanced[step:stop] += 1
            current = stop
        elif kind == "reverse":
            assert current == step
            reversed_steps.append(step)
            current = None
        else:
            assert kind == "free"
            stored.remove(step)
        most = max(most, len(stored))
    assert not stored
    assert reversed_steps == list(range(length))[::-1]
    return int(advanced.sum()), most, int(advanced.max(initial=0))


@pytest.mark.parametrize("states", [1, 2, 3, 4, 7, 12])
def test_every_schedule_is_optimal_and_can_be_carried_out(states):
    for length in range(1, 61):
        steps, most, repetitions = carried_out(length, states)
        assert steps == by_dynamic_programming(length, states) == closed_form(length, states), length
        assert most == min(states, length)
        assert comb(states + repetitions - 1, states) <= length <= comb(states + repetitions, states) or states == 1 or length == 1


@pytest.mark.parametrize(("length", "states"), OPTIMA)
def test_published_optima(length, states):
    steps, most, _ = carried_out(length, states)
    assert steps == OPTIMA[length, states] == closed_form(length, states)
    assert most == states


def test_the_longest_loops_of_a_number_of_repetitions():
    """With s = 10 states and r = 1 ... 5 repetitions: 11, 66, 286, 1001, 3003 steps."""
    for r, length in enumerate((11, 66, 286, 1001, 3003), 1):
        assert carried_out(length, 10)[2] == r
        assert carried_out(length + 1, 10)[2] == r + 1


def test_bad_schedules():
    for length, states in ((10, 0), (-1, 3)):
        with pytest.raises(ValueError, match="expected a length of at least 0 and at least one state"):
            hoad.revolve_schedule(length, states)
    assert hoad.revolve_schedule(0, 3) == []


# -- steps that are really run ------------------------------------------------------------------------------------------------


def model(kind, length, policy, calls):
    """A non-linear recurrence whose gradient is compared with a loop of Python; every run of a step is counted."""

    def step(k, c, x):
        calls.append(k)
        return np.tanh(c * x + 0.1 * k)

    def f(x):
        c = np.linspace(0.1, 1, 4) * x
        if kind == "python":
            for k in range(length):
                c = step(k, c, x)
        elif kind == "scan":
            c, _ = hoad.scan(lambda c, k: (step(k, c, x), None), c, np.arange(length), checkpoint=policy)
        elif kind == "fori":
            c = hoad.fori_loop(0, length, lambda k, c: step(k, c, x), c, checkpoint=policy)
        else:
            _, c = hoad.while_loop(lambda s: s[0] < length, lambda s: (s[0] + 1, step(s[0], s[1], x)), (0, c), checkpoint=policy)
        return np.sum(c**2)

    return f


@pytest.mark.parametrize("kind", ["scan", "fori"])
@pytest.mark.parametrize(("length", "states"), [k for k in OPTIMA if k[0] <= 1000])
def test_repeated_steps_are_the_optimum_and_gradients_those_of_the_plain_loop(kind, length, states):
    calls = []
    g = hoad.grad(model(kind, length, states, calls))(0.9)
    assert len(calls) == length + OPTIMA[length, states]
    assert g == hoad.grad(model("python", length, None, []))(0.9)


@pytest.mark.parametrize(
    ("kind", "policy", "expected"),
    [
        ("scan", None, 2 * 20 - 1), ("fori", None, 2 * 20 - 1), ("while", None, 2 * 20), ("scan", "all", 20), ("while", "all", 20),
        ("while", 3, 2 * 20 + 45), ("while", 1, 2 * 20 + 190), ("scan", 30, 2 * 20 - 1), ("scan", 20, 2 * 20 - 1),
    ],
)  # fmt: skip
def test_steps_of_every_policy(kind, policy, expected):
    calls = []
    g = hoad.grad(model(kind, 20, policy, calls))(0.9)
    assert len(calls) == expected
    assert g == hoad.grad(model("python", 20, None, []))(0.9)


@pytest.mark.parametrize("states", [1, 3, 10])
def test_steps_of_higher_derivatives_that_go_forward_inside(states):
    """hvp and the gradient of a Taylor coefficient repeat as few steps as the gradient."""
    for transform in (
        lambda f: hoad.hvp(f, 0.9, 1.0),
        lambda f: hoad.grad(lambda x: hoad.taylor(f, x, 1.0, 3)[3])(0.9),
        lambda f: hoad.vmap(hoad.grad(f))(np.array([0.9, 0.8])),
    ):
        calls = []
        found = transform(model("scan", 100, states, calls))
        assert len(calls) == 100 + closed_form(100, states)
        np.testing.assert_allclose(found, transform(model("python", 100, None, [])), rtol=1e-11)


def test_a_second_sweep_follows_the_whole_schedule():
    calls = []
    _, pull = hoad.vjp(model("scan", 10, 3, calls), 0.9)
    assert len(calls) == 10
    first = pull(1.0)[0]
    assert len(calls) == 10 + 15
    assert pull(1.0)[0] == first
    assert len(calls) == 10 + 15 + (15 + 10)  # all advances and all recorded steps


# -- memory -------------------------------------------------------------------------------------------------------------------

N = 20_000
STATE = 8 * N


def peak_states(length, policy, work=8, transform=hoad.grad):
    """Peak memory of a gradient in units of one state; a step writes ``work`` arrays of that size to a tape."""

    def step(c, _):
        for _ in range(work):
            c = np.sin(c)
        return c, None

    def f(x):
        return np.sum(hoad.scan(step, x, length=length, checkpoint=policy)[0])

    x = np.ones(N)
    transform(f)(x)
    gc.collect()
    tracemalloc.start()
    transform(f)(x)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / STATE


def test_memory_is_the_states_and_the_tape_of_one_step():
    tape = (peak_states(20, "all") - peak_states(10, "all")) / 10  # what one step writes
    assert tape >= 8
    kept = {length: peak_states(length, None) for length in (20, 40)}
    assert kept[40] - kept[20] == pytest.approx(20, abs=0.5)  # one state for each step
    assert kept[20] < 20 + tape + 4
    assert peak_states(20, 3) < 3 + tape + 5


def test_memory_with_a_number_of_states_does_not_grow_with_the_loop():
    peaks = {(length, s): peak_states(length, s, work=2) for length in (15, 30) for s in (2, 4, 8)}
    for s in (2, 4, 8):
        assert peaks[30, s] - peaks[15, s] == pytest.approx(0, abs=0.2)
    for length in (15, 30):  # s states, exactly
        assert peaks[length, 4] - peaks[length, 2] == pytest.approx(2, abs=0.2)
        assert peaks[length, 8] - peaks[length, 4] == pytest.approx(4, abs=0.2)


def test_memory_of_a_hessian_vector_product():
    hvp = lambda f: lambda x: hoad.hvp(f, x, x)
    few, many = peak_states(20, 3, transform=hvp), peak_states(20, "all", transform=hvp)
    assert few < 0.2 * many
    assert peak_states(20, 5, transform=hvp) - few == pytest.approx(4, abs=0.2)  # a state is a value and a tangent


def test_forward_and_taylor_mode_keep_nothing():
    jvp = lambda f: lambda x: hoad.jvp(f, (x,), (x,))
    series = lambda f: lambda x: hoad.taylor(f, x, x, 3)
    for transform in (jvp, series):
        assert peak_states(40, None, transform=transform) == pytest.approx(peak_states(20, None, transform=transform), abs=0.2)


def test_nothing_outlives_a_gradient():
    """With the garbage collector off: no cycle keeps a state, a tape or a box."""

    def loop(kind, policy):
        step = lambda c: np.sin(c)
        if kind == "scan":
            return lambda x: np.sum(hoad.scan(lambda c, _: (step(c), c * x), x, length=9, checkpoint=policy)[0])
        return lambda x: np.sum(
            hoad.while_loop(lambda s: s[0] < 9, lambda s: (s[0] + 1, step(s[1]) * x), (0, x), checkpoint=policy)[1]
        )

    x = np.ones(N)
    for transform in (hoad.grad, lambda f: lambda x: hoad.hvp(f, x, x), lambda f: lambda x: hoad.vjp(f, x)[1](1.0)):
        for kind in ("scan", "while"):
            for policy in (None, 3, "all"):
                f = transform(loop(kind, policy))
                f(x)
                gc.collect()
                gc.disable()
                try:
                    tracemalloc.start()
                    f(x)
                    left = tracemalloc.get_traced_memory()[0]
                finally:
                    tracemalloc.stop()
                    gc.enable()
                assert left < STATE / 2, (kind, policy)


# -- checkpoint of any function -------------------------------------------------------------------------------------------------


def test_checkpoint_in_loops_solvers_and_rules():
    x = np.array([0.7, 0.4])

    def f(wrap):
        inner = wrap(lambda c, a: np.sin(c * a))
        looped = lambda x: hoad.scan(wrap(lambda c, a: (inner(c, a) * a, c)), x, np.outer(np.arange(1.0, 4.0), x))
        return lambda x: np.sum(looped(x)[0] ** 2) + np.sum(wrap(lambda x: looped(x)[1])(x) ** 3)

    checked, plain = f(hoad.checkpoint), f(lambda g: g)
    for transform in (
        hoad.grad,
        hoad.hessian,
        lambda f: lambda x: hoad.grad(lambda x: np.sum(hoad.hvp(f, x, x)))(x),
        lambda f: lambda x: hoad.grad(lambda x: np.sum(hoad.grad(lambda x: np.sum(hoad.grad(f)(x) ** 2))(x)))(x),
        lambda f: lambda x: hoad.taylor(f, x, x, 4)[4],
        lambda f: lambda x: hoad.grad(lambda x: hoad.taylor(f, x, x, 3)[3])(x),
        lambda f: lambda x: hoad.vmap(hoad.hessian(f))(np.stack([x, 2 * x])),
    ):
        np.testing.assert_allclose(transform(checked)(x), transform(plain)(x), rtol=1e-10, atol=1e-11)


def test_a_checkpoint_in_a_loop_that_closes_over_a_traced_value_says_so():
    with pytest.raises(ClosureError, match="the function given to checkpoint uses a traced value"):
        hoad.grad(lambda x: hoad.scan(hoad.checkpoint(lambda c, _: (c * x, None)), 1.0, length=3)[0])(2.0)
