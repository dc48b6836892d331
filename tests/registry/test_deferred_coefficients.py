"""Second-order coefficients that wait and pass through several operations are those that are computed at once, bit by bit.

The reference is the same pass without waiting, which the other files of this folder check against nested forward mode.
"""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import hoad
import hoad.optimize as ho
from hoad.core.deferred import Deferred, Once
from hoad.core.series import Series, pairs
from hoad.modes import taylor

from .harness import SMOOTH, over, silent
from .test_higher_derivatives import _loss

K = 3
SIZE = len(pairs(K))


@pytest.fixture
def everything_waits(monkeypatch):
    """Arrays of any size; gives the number of operations that were left waiting."""
    monkeypatch.setattr(taylor, "DEFERRED_BYTES", 0)
    made, defer = [], taylor._defer

    def counted(prim, *args):
        made.append(prim.name)
        return defer(prim, *args)

    monkeypatch.setattr(taylor, "_defer", counted)
    return made


def coefficients(f, xs, directions, defers):
    rows = [[x, *vs, *[None] * (SIZE - 1 - K)] for x, vs in zip(xs, directions)]
    out, level = taylor.expand(pairs(K), f, rows, defers=defers)
    return taylor.unpack(out, level, SIZE)


def same(found, expected):
    for a, b in zip(found, expected, strict=True):
        assert (a is None) == (b is None)
        assert a is None or (a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True))


def agree(f, xs, seed=0):
    rng = np.random.default_rng(seed)
    directions = [[rng.standard_normal(x.shape).astype(x.dtype) for _ in range(K)] for x in xs]
    same(coefficients(f, xs, directions, True), coefficients(f, xs, directions, False))


@over(SMOOTH)
def test_every_function(case, everything_waits):
    xs = tuple(np.asarray(x) for x in case.point)
    loss = _loss(case)
    with silent():
        agree(lambda *a: loss(a), xs)


def shared(x):
    z = np.sin(x) ** 2 * x * 2.0
    u, v = z + 1.0, z - 3.0
    del z
    return u * v + u / v


def still_held(x):
    z = x * 2.0
    u = z + x
    return u * z, u, z


def residual(x):
    h = x
    for _ in range(5):
        h = h + np.maximum(h * x - 0.5, 0)
    return h


def long_chain(x):
    for _ in range(2000):
        x = x * 1.01
    return x


def in_place(x):
    y = x * x
    row = y[1:]
    row += np.tanh(x[:-1])
    y[0] = row[1]
    y *= 2.0
    return np.where(y > 0.1, y, -y)


def twice_the_same(x):
    z = x * x
    return np.square(z) + z * z + np.maximum(z, z)


def settled_before_it_is_dropped(x):
    z = x * 3.0
    waits = z + 1.0
    used = np.linalg.norm(z)
    del z
    return waits * used


def never_used(x):
    dropped = np.exp(x) * 2.0
    dropped + 1.0
    return x + 1.0


PROGRAMS = (shared, residual, long_chain, in_place, twice_the_same, settled_before_it_is_dropped, never_used)


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs(program, everything_waits):
    agree(program, (np.array([0.3, -0.7, 1.1, 0.5]),))
    assert len(everything_waits) > 1


@pytest.mark.parametrize("i", range(3))
def test_results_that_are_still_held(i, everything_waits):
    agree(lambda x: still_held(x)[i], (np.array([0.3, -0.7, 1.1]),))


def test_a_plain_array_that_changes_later(everything_waits):
    """It is read when the operation is called, as in NumPy."""

    def f(x):
        work, index = np.array([1.0, 2.0, 3.0]), np.array([0, 1])
        y = np.tanh(x) * work
        z = y[index]
        work[:] = 0.0
        index[:] = 2
        return np.sum(y) + np.sum(z * z)

    agree(f, (np.array([0.3, -0.7, 1.1]),))
    x = np.array([0.3, -0.7, 1.1])
    np.testing.assert_allclose(ho.curvature_matrix(f, x, np.eye(3)).matrix, hoad.hessian(f)(x), rtol=1e-13, atol=1e-15)


def test_floating_point_errors_belong_to_the_call(everything_waits):
    """Ignored where the program ignores them, and raised where it does not."""
    x, V = np.array([0.0, 1.0]), 1e200 * np.eye(2)  # only the second derivatives overflow

    def ignored(x):
        with np.errstate(over="ignore"):
            return np.sum(x * x)

    with np.errstate(over="raise"):
        assert ho.curvature_matrix(ignored, x, V).matrix[0, 0] == np.inf
        with pytest.raises(FloatingPointError):
            ho.curvature_matrix(lambda x: np.sum(x * x), x, V)


INNER = {
    "grad": lambda x: hoad.grad(lambda y: np.sum(np.sin(y) ** 2 * x))(x * 2.0) * x,
    "hvp": lambda x: hoad.hvp(lambda y: np.sum(np.maximum(y, 0.1) ** 3 * x), x * 2.0, x + 1.0),
    "jvp": lambda x: hoad.jvp(lambda y: np.tanh(y @ np.outer(x, x)), (2.0 * x,), (x * x,))[1],
    "vmap": lambda x: hoad.vmap(hoad.grad(lambda y: np.sum(y * y * x)))(np.outer(x, x) * 2.0),
    "taylor": lambda x: hoad.taylor(lambda y: np.exp(y * x) / x, x * 2.0, x - 1.0, 2)[2],
    "curvature": lambda x: ho.curvature_matrix(lambda y: np.sum(y * y * np.sin(y)), np.ones(2), np.eye(2)).matrix[0, 0] * x * x,
}


@pytest.mark.parametrize("name", INNER)
def test_an_inner_derivative(name, everything_waits):
    agree(INNER[name], (np.array([0.3, -0.7, 1.1]),))
    assert everything_waits


def test_each_passes_once_and_none_is_kept(everything_waits):
    """What only the next operation refers to holds no coefficient of the highest degree, before, during and after."""
    x = Series([np.ones(2), *[np.full(2, float(i)) for i in range(1, SIZE)]])
    algebra = pairs(K)
    seen = []

    def rest(n):
        seen.append(n)
        return np.full(2, 10.0 * n)

    z = Deferred(list(x.c[: algebra.top]), SIZE, rest, 1, np.geterr())
    once = Once(z, algebra)
    died = weakref.ref(z)
    del z
    assert died() is None
    for n in range(algebra.top, SIZE):
        assert once[n][0] == 10.0 * n == once[n][0]
    assert seen == list(range(algebra.top, SIZE))
    assert once.top == []


def test_an_argument_that_is_held_is_computed_once(everything_waits):
    algebra, seen = pairs(K), []
    z = Deferred([np.ones(2)] * algebra.top, SIZE, lambda n: seen.append(n) or np.full(2, n), 1, np.geterr())
    once = Once(z, algebra)
    found = [once[n] for n in range(algebra.top, SIZE)]
    assert all(a is b for a, b in zip(found, z.c[algebra.top :], strict=True))
    assert seen == list(range(algebra.top, SIZE))


def test_nothing_is_left_in_cycles(everything_waits):
    gc.collect()
    gc.disable()
    try:
        for f in PROGRAMS:
            agree(f, (np.array([0.3, -0.7, 1.1, 0.5]),))
        gc.collect()
        before = sum(isinstance(o, Series) for o in gc.get_objects())
        for f in PROGRAMS:
            agree(f, (np.array([0.3, -0.7, 1.1, 0.5]),))
        assert sum(isinstance(o, Series) for o in gc.get_objects()) == before
    finally:
        gc.enable()
