"""Planning: a kernel is expanded again only where what is stored has changed, and the work grows with the length of the program."""

from collections import Counter

import numpy as np
import pytest

import hoad
from hoad.compiler import passes
from hoad.compiler.build import planned
from hoad.compiler.loops.kernels import NODES, Box, Kernel
from hoad.compiler.recording import record_twice


def rolled(length):
    """Layers that read their neighbours: boundaries in every kernel."""

    def f(x):
        for _ in range(length):
            x = np.exp(-0.1 * (np.roll(x, 1) - x) ** 2) * np.roll(x, -1)
        return np.sum(x)

    return f


def network(length):
    """Written out, layers of three tanh."""
    weights = np.random.default_rng(0).normal(size=(length, 3, 3))

    def f(x):
        for w in weights:
            x = [np.tanh(sum(w[i, j] * x[j] for j in range(3))) for i in range(3)]
        return np.sum(x[0] * x[1] + x[2])

    return f


def bells(count):
    """A sum of many terms."""

    def f(x):
        return np.sum(np.log(1 + sum(np.exp(-((x - c) ** 2)) * np.cos(c * x) for c in np.linspace(-1, 1, count)) ** 2))

    return f


def steps_of(f, shape):
    x = 0.1 + np.random.default_rng(1).random(shape)
    third = record_twice(lambda leaves: hoad.grad(lambda x: np.sum(hoad.hvp(f, x, leaves[1]) * leaves[1]))(leaves[0]), [x, x], "f")
    return passes.optimise(third.steps)


@pytest.fixture
def work(monkeypatch):
    """Values expanded, and how often each box was begun, by the roots and the axes."""
    found = Counter()
    fill = Box.fill

    def counted(box, roots):
        try:
            return fill(box, roots)
        finally:
            found["values"] += len(box.memo)
            found[tuple(id(r.value) for r in roots), box.axes] += 1

    monkeypatch.setattr(Box, "fill", counted)
    return found


@pytest.mark.parametrize(("f", "shape"), [(rolled(6), (500,)), (network(10), (3, 500))])
def test_a_value_is_expanded_a_few_times(work, f, shape):
    steps = steps_of(f, shape)
    work.clear()
    planned(steps)
    assert work.pop("values") < 60 * len(steps)
    assert work.total() < 1.5 * len(work)  # box by box, few are begun again with the same roots


def test_kernels_are_full_and_not_too_long():
    plan, _ = planned(steps_of(bells(8), (500,)))
    kernels = [k for k in plan.order if isinstance(k, Kernel)]
    lengths = [max(len(b.graph.nodes) for b in k.boxes) for k in kernels]
    assert max(lengths) <= 1.02 * NODES
    assert len(kernels) <= 3


def test_few_arrays_are_stored():
    plan, _ = planned(steps_of(rolled(3), (500,)))
    assert len(plan.stored.values) < 100


def test_buffers_are_those_that_are_used():
    plan, _ = planned(steps_of(rolled(3), (500,)))
    read = {n.arguments[0] for k in plan.order for b in k.boxes for n in b.graph.nodes if n.operation == "load"}
    written = {plan.stored.buffer(r.buffer) for k in plan.order for r in k.roots}
    assert all(plan.stored.values[n].stored or n in written for n in read)
