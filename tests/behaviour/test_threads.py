"""Derivatives in threads, tasks and contexts are those of the serial program."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import hoad


def loss(x, k):
    y = np.zeros_like(x)
    y[:] = np.sin(k * x)
    y[0] += np.sum(np.where(x > 0, x**2, np.exp(x)))
    return np.sum(y**2)


def work(k):
    x = np.linspace(-1.0, 1.0, 6) + 0.01 * k
    first = hoad.grad(loss)(x, k)
    second = hoad.hvp(lambda x: loss(x, k), x, first)
    nested = hoad.grad(lambda x: np.sum(hoad.grad(lambda y: loss(x * y, k))(x) ** 2))(x)
    series = hoad.taylor(lambda x: loss(x, k), x, second, 3)
    mapped = hoad.vmap(lambda a: hoad.grad(loss)(a, k))(np.stack([x, 2 * x]))
    return [first, second, nested, *series, mapped, hoad.hessian(lambda x: loss(x, k))(x)]


def same(a, b):
    return all(np.array_equal(p, q) for p, q in zip(a, b, strict=True))


def test_eight_threads_equal_serial():
    serial = [work(k) for k in range(24)]
    barrier = threading.Barrier(8)

    def in_thread(k):
        barrier.wait(20) if k < 8 else None
        return [work(k) for _ in range(3)]

    with ThreadPoolExecutor(8) as pool:
        threaded = list(pool.map(in_thread, range(24)))
    assert all(same(serial[k], r) for k, rs in enumerate(threaded) for r in rs)


def test_pool_inside_the_differentiated_function():
    """The workers get traced values of the caller's level; a plain thread pool does not copy the context."""

    def f(x):
        with ThreadPoolExecutor(4) as pool:
            parts = list(pool.map(lambda k: np.sum(np.sin(x * (k + 1.0)) ** 2) * hoad.grad(lambda s: s**3)(x[0]), range(8)))
        return sum(parts)

    def serial(x):
        return sum(np.sum(np.sin(x * (k + 1.0)) ** 2) * hoad.grad(lambda s: s**3)(x[0]) for k in range(8))

    x = np.array([0.3, 0.8])
    np.testing.assert_allclose(hoad.grad(f)(x), hoad.grad(serial)(x), rtol=1e-13)
    np.testing.assert_allclose(hoad.hvp(f, x, x), hoad.hvp(serial, x, x), rtol=1e-13)
    np.testing.assert_allclose(hoad.jvp(f, (x,), (x,))[1], hoad.jvp(serial, (x,), (x,))[1], rtol=1e-13)


def test_asyncio_tasks_interleave():
    async def task(k):
        x = np.array([0.1 * k, 1.0])
        out = []
        for _ in range(5):
            y, pull = hoad.vjp(lambda x: np.sin(x) * k, x)
            await asyncio.sleep(0)
            out.append(pull(np.cos(y))[0])
        return out

    async def all_tasks():
        return await asyncio.gather(*[task(k) for k in range(10)])

    together = asyncio.run(all_tasks())
    alone = [asyncio.run(task(k)) for k in range(10)]
    assert all(same(a, b) for a, b in zip(together, alone, strict=True))


def test_a_new_context_inside_a_derivative():
    def f(x):
        return contextvars.Context().run(lambda: np.sum(x * hoad.grad(lambda y: np.sum(x * y**2))(x)))

    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(hoad.grad(f)(x), 6 * x**2)  # x · 2 x² = 2 x³


def test_generators_that_suspend_a_level():
    """A generator that is differentiated lazily does not disturb what happens in between."""

    def steps(x):
        for k in range(3):
            yield np.sum(x**k)

    def f(x):
        total = 0.0
        for s in steps(x):
            total = total + s * hoad.grad(lambda y: y**2)(2.0)
        return total

    np.testing.assert_array_equal(hoad.grad(f)(np.array([1.0, 2.0])), 4 * (1 + 2 * np.array([1.0, 2.0])))
