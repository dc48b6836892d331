"""The NumPy replay: bit for bit what the function computes, for every function of the registry, in arrays that are its own."""

import logging
from zlib import crc32

import numpy as np
import pytest

import hoad
from hoad.compiler import replay
from hoad.compiler.passes import optimise
from hoad.compiler.recording import record_twice
from hoad.compiler.replay import Replay
from hoad.core.box import peek
from hoad.core.space import map_leaves
from tests.registry.harness import KNOWN, SMOOTH, assert_close, leaves, over, silent

RNG = np.random.default_rng(11)

ZERO_DIMENSIONAL = (
    "scipy.ndimage.minimum-", "scipy.ndimage.maximum-", "numpy.average-returned", "scipy.interpolate.PPoly-integrate",
)  # fmt: skip
"""Traced, they give an array without axes where NumPy and SciPy give a scalar, or the other way round."""


def recorded(f, *args):
    return record_twice(lambda xs: f(*xs), args, "f").steps


def replayed(steps, args, times=3):
    run = Replay(steps)
    return [run(args)[0] for _ in range(times)][-1], run


@pytest.fixture
def quiet(caplog):
    caplog.set_level(logging.ERROR, logger="hoad")


@over(KNOWN)
def test_every_function_is_the_same_bit_for_bit(case, quiet):
    f = hoad.compile(lambda *xs: case(*xs), backend="numpy")
    with silent():
        for xs in (case.point, case.sample(salt="second"), case.point):
            try:
                expected = case(*xs)
            except Exception:  # outside the domain
                continue
            found = f(*xs)
            found, expected = _flat(found), _flat(expected)
            assert len(found) == len(expected)
            for a, b in zip(found, expected):
                if not case.id.startswith(ZERO_DIMENSIONAL):
                    assert isinstance(a, np.ndarray) == isinstance(b, np.ndarray)
                a, b = np.asarray(a), np.asarray(b)
                assert (a.dtype, a.shape) == (b.dtype, b.shape)
                assert a.dtype.kind in "OSU" or np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")


def _flat(y):
    return [part for v in y.values() for part in _flat(v)] if isinstance(y, dict) else leaves(y)


@over(SMOOTH, lambda case: crc32(case.id.encode()) % 4 == 0)
def test_reverse_sweeps_are_the_same_to_rounding(case, quiet):
    """A rule may take a shortcut for plain arrays that differs in the last digits from the formula that is recorded."""

    def pulled(*xs):
        y, back = hoad.vjp(lambda *zs: case(*zs), *xs)
        return back(map_leaves(lambda v: np.ones(np.shape(v), peek(v).dtype)[()], y))

    f = hoad.compile(pulled, backend="numpy")
    with silent():
        for xs in (case.point, case.sample(salt="second")):
            try:
                expected = pulled(*xs)
            except Exception:
                continue
            assert_close(f(*xs), expected, case.id, factor=case.tolerance)


def chain(x, y):
    a = x * y
    b = np.sin(a) + x
    c = b * b - a
    d = np.sqrt(np.abs(c)) + b[::-1]
    return np.exp(-d) * c, np.sum(a)


def test_large_results_go_into_kept_arrays():
    x, y = RNG.normal(size=(2, 20_000))
    steps = recorded(chain, x, y)
    found, run = replayed(steps, [x, y])
    for a, b in zip(found, chain(x, y)):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
    kept = run._allocation.layouts
    assert 2 <= len(kept) < len(steps) - 2  # shared by results whose lives do not overlap
    assert "out=use(arena, 0)" in run.source
    arena = run._idle[-1]
    for y_ in found:
        assert not any(np.shares_memory(y_, a) for a in arena)
    assert "kept arrays" in run.explain[0]


def test_small_results_are_fresh():
    steps = recorded(chain, RNG.normal(size=8), RNG.normal(size=8))
    assert not Replay(steps)._allocation.layouts


def test_a_kept_array_that_somebody_holds_is_not_overwritten():
    held = []

    keep = hoad.primitive(lambda x: held.append(x) or x[1:], name="keeps_its_argument", linear=lambda g, shape: g)
    steps = recorded(lambda x: (np.exp(keep(np.sin(x) * 2.0)) * 3.0, np.cos(x) * 5.0 + 1.0), RNG.normal(size=5000))
    run = Replay(steps)
    points = RNG.normal(size=(6, 5000))
    del held[:]
    for x in points:
        (a, b), _ = run([x])
        assert a.tobytes() == (np.exp((np.sin(x) * 2.0)[1:]) * 3.0).tobytes()
        assert b.tobytes() == (np.cos(x) * 5.0 + 1.0).tobytes()
    for x, kept in zip(points, held, strict=True):
        assert kept.tobytes() == (np.sin(x) * 2.0).tobytes()


@pytest.fixture(autouse=True)
def clean_registry():
    from hoad.core.primitive import primitives

    before = dict(primitives)
    yield
    for name in set(primitives) - set(before):
        del primitives[name]


def test_without_reference_counts_nothing_is_shared(monkeypatch):
    monkeypatch.setattr(replay, "_COUNTS", False)
    x, y = RNG.normal(size=(2, 20_000))
    found, _ = replayed(recorded(chain, x, y), [x, y])
    for a, b in zip(found, chain(x, y)):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


@pytest.mark.parametrize("layout", [np.asfortranarray, lambda a: a[::2, ::-1], lambda a: a.T])
def test_layouts_of_inputs_carry_over(layout):
    a = layout(RNG.normal(size=(200, 300)))
    f = lambda a: (np.sum(np.sin(a) * a), np.ravel(a * 2, order="A"), np.cumsum(a * a, axis=0))
    found, _ = replayed(recorded(f, a), [a])
    for p, q in zip(found, f(a)):
        assert np.asarray(p).tobytes() == np.asarray(q).tobytes()
    # other strides than those that were recorded
    b = np.ascontiguousarray(a)
    run = Replay(recorded(lambda a: np.exp(a * 2) + a, a))
    for x in (a, b, a, np.asfortranarray(a)):
        assert np.array_equal(run([x])[0][0], np.exp(x * 2) + x)


def test_guards_end_the_run_early():
    def f(x):
        if x[0] > 0:
            y = x * 2
            return y if np.sum(y) > 4 else -y
        return x

    steps = recorded(f, np.array([1.0, 5.0]))
    run = Replay(steps)
    assert run([np.array([2.0, 5.0])])[1] == [True, True]
    assert run([np.array([-1.0, 5.0])]) == (None, [False])
    assert run([np.array([1.0, -5.0])]) == (None, [True, False])
    assert run([np.array([-1.0, 5.0])]) == (None, [False])
    found, answers = run([np.array([1.0, 7.0])])
    assert found[0].tolist() == [2.0, 14.0]
    assert answers == [True, True]


def test_a_step_whose_shape_depends_on_the_values_raises():
    places = hoad.core.primitive.primitives["argwhere"]
    steps = recorded(lambda x: places.bind(x > 0), np.array([1.0, -1.0, 2.0]))
    run = Replay(steps)
    assert run([np.array([1.0, -1.0, 5.0])])[0][0].tolist() == [[0], [2]]
    with pytest.raises(replay.ReplayError):
        run([np.array([1.0, 1.0, 5.0])])


def test_optimised_steps_replay():
    x, y = RNG.normal(size=(2, 3000))
    steps = recorded(lambda x, y: hoad.hvp(lambda z: np.sum(chain(z, z)[0]), x, y), x, y)
    once, again = (replayed(s, [x, y])[0][0] for s in (steps, optimise(steps)))
    assert_close(again, once)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.einsum("ij->j", np.full(x.shape, 0.1) - x),
        lambda x: np.einsum("ij->j", (np.full(x.shape, 0.1) + np.full(x.shape, 0.2)) * x),
        lambda x: np.einsum("ij->j", np.stack([x[0] / 3] * 37) * np.full(x.shape, 0.1)),
    ],
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_numbers_are_added_in_the_order_of_the_function(f, order):
    """An array of one number lays out what is computed with it."""
    x = np.asarray(RNG.normal(size=(37, 5)), order=order)
    np.testing.assert_array_equal(hoad.compile(f, backend="numpy")(x), f(x))


@pytest.mark.parametrize("constant", [np.zeros((0, 3)), np.zeros((1, 1)), np.arange(4), np.float32(2.0), 3, "text", None, True])
def test_any_constant_is_told(constant):
    f = hoad.compile(lambda x: (x, constant), backend="numpy")
    f(np.ones(2))
    assert "result" in str(f.program)
    assert "signature (float64[2])" in f.explain()


def test_long_programs_take_time_in_proportion():
    import time

    def f(x):
        for _ in range(n):
            x = np.sin(x) * 0.5 + x
        return x

    times = []
    for n in (2000, 8000):
        steps = recorded(f, RNG.normal(size=4))
        start = time.perf_counter()
        Replay(steps)([RNG.normal(size=4)])
        times.append(time.perf_counter() - start)
        assert len(steps) == 3 * n
    assert times[1] < 20 * times[0]
