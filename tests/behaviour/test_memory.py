"""No array, tape or box outlives a call, with the garbage collector off; memory of forward mode does not grow with depth."""

from __future__ import annotations

import gc
import tracemalloc
import weakref

import numpy as np
import pytest

import hoad
from hoad.core.box import Box


class Marked(np.ndarray):
    """An array that can be watched."""


def program(x):
    y = np.sin(x) * x
    z = y * 1.0
    z[0] = y[1] ** 2
    z[1:] *= 2
    row = z[2:].reshape(-1)
    row += 1
    w = np.where(z > 0, z, x * np.exp(z))
    return np.sum(np.max(w) * np.linalg.norm(w) + np.dot(np.stack([w, y])[0], np.cumprod(x)) + np.prod(x))


def failing(x):
    y = np.sin(x)
    y[0] = x[1]
    raise ZeroDivisionError


X = np.array([0.3, 0.7, 1.1, 1.9])


def nested(x):
    return hoad.grad(lambda x: np.sum(hoad.grad(program)(x) ** 2))(x)


def dropped_pull(x):
    y, pull = hoad.vjp(lambda x: program(x) * x, x)
    return pull(y)


def dropped_map(x):
    _, _, product = hoad.linearize_hvp(program, x)
    return product(x)


def with_exception(x):
    for call in (lambda: hoad.grad(failing)(x), lambda: hoad.hvp(failing, x, x)):
        try:
            call()
        except ZeroDivisionError:
            pass


@hoad.custom_vjp
def halved(x):
    return x


halved.defvjp(lambda x: (x, x), lambda x, u: (u * np.cos(x) * 0.5,))

CALLS = {
    "grad": lambda x: hoad.grad(program)(x),
    "hvp": lambda x: hoad.hvp(program, x, x),
    "hvp forward-over-reverse": lambda x: hoad.hvp(program, x, x, mode="forward-over-reverse"),
    "hvp reverse-over-reverse": lambda x: hoad.hvp(program, x, x, mode="reverse-over-reverse"),
    "jvp": lambda x: hoad.jvp(program, (x,), (x,)),
    "taylor": lambda x: hoad.taylor(program, x, x, 4),
    "vmap": lambda x: hoad.vmap(hoad.grad(lambda x: np.sum(np.sin(x) ** 2)))(np.stack([x, x])),
    "vjp": dropped_pull,
    "hessian": lambda x: hoad.hessian(program)(x),
    "nested": nested,
    "linearize": lambda x: hoad.linearize(program, x)[1](x),
    "linearize_hvp": dropped_map,
    "vhv": lambda x: hoad.vhv(program, x, x),
    "partial": lambda x: hoad.partial(program, x, (1, 1, 0, 0)),
    "checkpoint": lambda x: hoad.grad(hoad.checkpoint(program))(x),
    "exception": with_exception,
    "custom_vjp": lambda x: hoad.hvp(lambda x: np.sum(halved(x) ** 2), x, x),
    "jacrev": lambda x: hoad.jacrev(lambda x: np.sin(x) * x)(x),
}


def living():
    """Boxes, and lists that are tapes: counted among all objects the collector knows."""
    return sum(1 for o in gc.get_objects() if isinstance(o, Box) or str(type(o).__module__).startswith("hoad.modes"))


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("name", CALLS)
def test_nothing_outlives_a_call(name, no_collector):
    call = CALLS[name]
    call(X)
    gc.collect()
    before = living()
    objects = len(gc.get_objects())
    for _ in range(5):
        call(X)
    assert living() == before
    assert len(gc.get_objects()) - objects < 60, "objects of some kind are left in cycles"


@pytest.mark.parametrize("name", CALLS)
def test_arrays_are_freed_by_reference_counts(name, no_collector):
    """An array that f makes is gone when the call is."""
    seen = []

    def watched(x):
        t = np.linspace(1.0, 2.0, 3000)  # larger than what is copied, and needed by the rule
        seen.append(weakref.ref(t))
        return program(x) * np.sum(np.sum(x) * t) if np.ndim(x) else x * np.sum(t)

    transforms = {
        "grad": lambda: hoad.grad(watched)(X),
        "hvp": lambda: hoad.hvp(watched, X, X),
        "jvp": lambda: hoad.jvp(watched, (X,), (X,)),
        "taylor": lambda: hoad.taylor(watched, X, X, 3),
        "vjp": lambda: hoad.vjp(watched, X)[1](1.0),
        "linearize_hvp": lambda: hoad.linearize_hvp(watched, X)[2](X),
    }
    transforms.get(name, transforms["grad"])()
    assert seen
    assert all(r() is None for r in seen)


def test_a_kept_pull_holds_its_tape_and_frees_it(no_collector):
    before = living()
    y, pull = hoad.vjp(program, X)
    for _ in range(3):
        pull(y)
    assert living() <= before + 1  # the tape, which holds arrays and rules, no boxes
    big = np.ones(100_000)
    y, pull = hoad.vjp(lambda x: np.sum(np.exp(x)), big)
    tracemalloc.start()
    del y, pull
    y, pull = hoad.vjp(lambda x: np.sum(np.exp(x)), big)
    held, _ = tracemalloc.get_traced_memory()
    del y, pull
    freed, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held > 500_000
    assert freed < 100_000


def test_forward_mode_memory_does_not_grow_with_depth():
    def deep(n):
        def f(x):
            for _ in range(n):
                x = np.sin(x)
            return x

        return f

    def peak(call):
        tracemalloc.start()
        call()
        _, p = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return p

    x = np.ones(10_000)
    for call in (lambda n: hoad.jvp(deep(n), (x,), (x,)), lambda n: hoad.taylor(deep(n), x, x, 3), lambda n: hoad.vmap(deep(n))(x)):
        assert peak(lambda call=call: call(100)) < 1.3 * peak(lambda call=call: call(10))


def test_memory_of_a_scalar_loop_per_operation():
    def f(x):
        for _ in range(10_000):
            x = x * 1.0001
        return x

    hoad.grad(f)(1.0)
    tracemalloc.start()
    hoad.grad(f)(1.0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak / 10_000 <= 1000
