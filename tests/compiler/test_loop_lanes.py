"""Rolled loops over a batch: the axis of the batch becomes the innermost loop, and nothing else changes."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest

import hoad
from hoad.compiler.loops.values import LINE, Constant, Input, Moved
from hoad.compiler.lower.loops import LANES, SHORT, laid_out, lanes_of
from tests.compiler.test_rolled_loops import BODIES as SMALL
from tests.compiler.toolchain_tools import needs_compiler

POINTS = 19
RNG = np.random.default_rng(5)
X = RNG.uniform(0.2, 0.9, (POINTS, 3))
W, U = RNG.uniform(-0.6, 0.8, (5, 3)), RNG.uniform(-0.6, 0.8, (3, 5))
TABLE = RNG.uniform(-1, 1, (POINTS, 3, 2))


def network(c, a):
    return c + 0.1 * (U @ np.maximum(W @ c + a, 0.1)), np.sum(c * c)


def masked(c, a):
    """Truth values that vary along the lanes, and some that do not."""
    held = np.where(a > 0.1, c, 2 * c)
    return np.where(held > 0.5, held - 0.1, held * 1.1), np.maximum(held, 0.4)


def ordered(c, a):
    """An array that is read in C order, and places from a table."""
    return 0.3 * np.reshape(np.reshape(np.outer(c, c) * a, (9,)), (3, 3))[1] + c[[2, 0, 1]], np.reshape(np.outer(c, c), (9,))[::2]


def beside(c, a):
    """Pieces beside each other, some of them pads."""
    return np.concatenate([c[1:] * a, np.sin(c[:1])]), np.pad(c, 1)


def products(c, a):
    m = np.outer(c, c)
    return np.sum(m @ m, 1) * 0.05 + a, np.stack([c, c * a])


OWN = [network, masked, ordered, beside, products]


def close(found, expected, rtol=1e-12):
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * np.abs(expected).max(initial=1e-300))


def lanes_found(g):
    return "lanes are the innermost loops" in g.explain()


@needs_compiler
@pytest.mark.parametrize("body", OWN, ids=lambda f: f.__name__)
def test_loops_over_a_batch(body):
    def f(x):
        c, ys = hoad.scan(body, x, np.linspace(0.05, 0.4, 7))
        return c, ys, np.sum(c) + np.sum(ys * ys)

    g = hoad.compile(lambda x: (*hoad.vmap(f)(x), hoad.vmap(hoad.hessian(lambda x: f(x)[2]))(x)))
    for x in (X, X, X[::-1] * 1.1):
        with np.errstate(all="ignore"):
            for a, b in zip(g(x), g._f(x), strict=True):
                close(a, b)
    assert lanes_found(g)


@needs_compiler
@pytest.mark.parametrize("body", SMALL, ids=lambda f: f.__name__)
def test_gradients_of_loops_over_a_batch(body):
    f = hoad.vmap(hoad.grad(lambda x: body(x, 9)))
    g = hoad.compile(f)
    for x in (X, X * 1.1):
        with np.errstate(all="ignore"):
            close(g(x), f(x))


@needs_compiler
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("points", [LANES - 1, LANES, 24, 97])
def test_dtypes_and_numbers_of_lanes(points, dtype):
    table = np.random.default_rng(1).uniform(-1, 1, (points, 3, 2)).astype(dtype)

    def f(x, k):
        def step(c, a):
            y, seen, big = c
            y = 0.7 * y + np.sum(table * a, -1) * y[:, ::-1]
            return (y, seen + np.sum(y, 1), big | (y > 0.5)), (y > 0.2, y[:, 1])

        return hoad.scan(step, (x, x[:, 0], x > 0.8), k)

    x = np.random.default_rng(2).uniform(0, 1, (points, 3)).astype(dtype)
    k = np.linspace(0.1, 0.4, 6).astype(dtype)
    g = hoad.compile(f)
    for _ in range(3):
        found, expected = g(x, k), f(x, k)
        for a, b in zip((*found[0], *found[1]), (*expected[0], *expected[1]), strict=True):
            if b.dtype == bool:
                np.testing.assert_array_equal(a, b)
            else:
                close(a, b, 1e-12 if dtype == np.float64 else 1e-5)
    assert lanes_found(g) == (points >= LANES)


@needs_compiler
def test_results_of_one_loop_enter_the_next_and_libraries():
    """Entries that lie in another order are brought into C order for whatever needs it."""

    def f(x):
        c, ys = hoad.scan(lambda c, a: (np.sin(c) * a + 0.1 * X, c * a), x, np.linspace(0.5, 1.0, 6))
        d, zs = hoad.scan(lambda d, y: (d * 0.5 + y, np.sum(d)), c, ys)
        return np.reshape(d, (3, POINTS)), zs, np.linalg.svd(ys[2], compute_uv=False), np.sort(c, 0), ys, c @ c.T, np.ravel(ys)[::5]

    g = hoad.compile(f)
    for x in (X, X + 0.1):
        for a, b in zip(g(x), f(x), strict=True):
            close(a, b)
    assert lanes_found(g)


@needs_compiler
def test_long_sums_keep_their_blocks():
    """A sum of more terms than NumPy adds one after the other is as accurate as NumPy's."""
    rows = np.random.default_rng(3).uniform(0, 1, (32, 4096))

    def f(x):
        return hoad.scan(lambda c, a: (c + np.sum(rows * a, 1)[:, None], None), x, np.full(3, 0.1))[0]

    x = np.zeros((32, 2))
    exact = 3 * np.array([[float(np.sum((row * 0.1).astype(np.longdouble)))] * 2 for row in rows])
    error = np.abs(hoad.compile(f)(x) - exact).max()
    assert error <= 2 * max(np.abs(f(x) - exact).max(), 1e-13)


@needs_compiler
def test_loops_without_steps_and_with_one():
    for n in (0, 1):
        f = hoad.vmap(lambda x, n=n: hoad.scan(network, x, np.linspace(0.1, 0.2, n)))
        g = hoad.compile(f)
        (c, ys), (d, zs) = g(X), f(X)
        close(c, d)
        close(ys, zs)


def test_which_axis_is_taken():
    def of(*shapes):
        return lanes_of([Input(n, s, "f8") for n, s in enumerate(shapes)])

    assert of((81, 20), (81, 20, 2), (20,)) == 81
    assert of((81,), (2,)) == 0, "nothing to gain"
    assert of((81, SHORT), (81,)) == 0, "rows are long enough"
    assert of((LANES - 1, 3)) == 0
    assert of((20, 3), (4096,)) == 0, "most of the work is elsewhere"
    assert of() == 0


def test_rows_are_whole_lines():
    v = Moved(Constant(TABLE, "f8"), [(0, ((k, 1),)) for k in range(3)], TABLE.shape)
    assert v.extents == TABLE.shape
    v.order = (1, 2, 0)
    assert v.extents == (3, 2, 24)
    assert v.nbytes % LINE == 0
    assert (v.size, v.span) == (TABLE.size, prod(v.extents))
    c = laid_out(Constant(TABLE, "f8"), (1, 2, 0))
    np.testing.assert_array_equal(c.array[..., :POINTS], np.moveaxis(TABLE, 0, -1))
    assert c.shape == TABLE.shape
