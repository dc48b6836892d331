"""Memory of results: aligned, owned by them, used again when they are gone."""

from __future__ import annotations

import gc
import threading
import tracemalloc

import numpy as np
import pytest

from hoad.compiler.calls.call import fast_calls, memory
from hoad.compiler.steps import ArraySpec
from tests.compiler.call_tools import REAL, library, made, measurable, resident


@pytest.fixture(scope="module")
def kernels():
    return library()


@pytest.fixture
def fresh(kernels):
    """A builtin function that returns an array of a shape, with whatever was in its memory."""
    if not fast_calls():
        pytest.skip("no builtin functions here")

    def make(*shape, dtype=np.float64):
        return made(kernels, "nothing", [], [ArraySpec(shape, np.dtype(dtype))], single=True)

    memory(0)
    yield make
    memory(0)


@pytest.mark.parametrize("size", [128, 129, 1000, 4097, 70_001, 262_144, 300_000, 1 << 20])
def test_results_are_aligned_and_own_their_memory(fresh, size):
    f = fresh(size)
    for y in (f(), f()):
        assert y.ctypes.data % 64 == 0
        assert y.flags.owndata
        assert y.flags.c_contiguous
        assert y.flags.f_contiguous
        assert y.flags.aligned
        assert y.flags.writeable
        assert y.base is None
        assert np._core.multiarray.get_handler_name(y) == "hoad"
    assert fresh(size, 2)().flags.num & 3 == 1  # C order
    assert fresh(2, size, dtype=np.uint8)().strides == (size, 1)


def test_memory_is_used_again_only_when_it_is_free(fresh):
    f = fresh(300_000)
    start = memory().in_use
    a, b = f(), f()
    assert not np.shares_memory(a, b)
    assert memory().in_use - start >= 2 * a.nbytes
    view, where = a[5:10], a.ctypes.data
    del a
    c = f()
    assert c.ctypes.data != where  # the view needs it
    del view
    assert memory().idle >= c.nbytes
    assert f().ctypes.data == where
    del b, c
    gc.collect()
    assert memory().in_use == start
    assert memory().idle >= 3 * 2_400_000
    assert memory(0).idle == 0


def test_idle_memory_beyond_a_floor_never_exceeds_what_was_in_use_at_once(fresh):
    floor, start = 1 << 26, memory(0)
    assert start.peak == start.in_use
    for size in range(1_000_000, 20_000_000, 1_000_000):
        y = fresh(size)()
        now = memory()
        assert 8 * size <= now.in_use - start.in_use <= 1.126 * 8 * size
        assert now.idle <= max(now.peak - now.in_use, floor)
        del y
        now = memory()
        assert now.in_use == start.in_use
        assert now.idle <= max(now.peak - now.in_use, floor)
        assert now.idle >= 8 * size
        assert now.peak - start.in_use <= 1.126 * 8 * size
    memory(0)
    ys = [fresh(12_000_000)() for _ in range(3)]
    del ys
    assert 2 * 96e6 <= memory().idle <= 1 << 28  # not more, though three were in use at once
    y = fresh(18_000_000)()
    assert 96e6 <= memory().idle <= memory().peak - memory().in_use
    del y


def test_more_than_is_kept_at_all_leaves_others_alone(fresh):
    huge, small = fresh(40_000_000)(), fresh(1000)()
    assert memory().idle == 0
    del small
    idle = memory().idle
    assert idle >= 8000
    del huge
    assert memory().idle == idle


@measurable
@pytest.mark.parametrize("size", [131_072, 1_000_000])
def test_freed_memory_goes_back_to_the_system(fresh, size):
    def use(n):
        for _ in range(n):
            y = fresh(size)()
            y[:] = 1.0
            del y
            memory(0)

    use(2)
    before = resident()
    use(50)
    assert resident() - before < 8e6


def test_old_idle_memory_goes(fresh):
    small, large = fresh(200), fresh(1_000_000)
    large()
    assert memory().idle >= 8e6
    for _ in range(4200):
        small()
    assert memory().idle < 1e6


def test_results_can_be_resized(fresh):
    start = memory().in_use
    y = fresh(1000)()
    y[:] = np.arange(1000)
    y.resize(2000, refcheck=False)
    np.testing.assert_array_equal(y[:1000], np.arange(1000))
    assert not y[1000:].any()
    y.resize(10, refcheck=False)
    np.testing.assert_array_equal(y, np.arange(10))
    del y
    assert memory().in_use == start


def test_results_are_traced(fresh):
    f = fresh(100_000)
    tracemalloc.start()
    try:
        y = f()
        found = tracemalloc.take_snapshot().filter_traces([tracemalloc.DomainFilter(True, np.lib.tracemalloc_domain)])
        assert sum(t.size for t in found.traces) == y.nbytes
        del y
        found = tracemalloc.take_snapshot().filter_traces([tracemalloc.DomainFilter(True, np.lib.tracemalloc_domain)])
        assert not found.traces
    finally:
        tracemalloc.stop()


def test_results_do_not_disturb_each_other(fresh):
    random = np.random.default_rng(3)
    functions = [(n, fresh(n)) for n in (200, 201, 1000, 5000, 5001, 70_000, 300_000)]
    start, kept = memory().in_use, []
    for k in range(3000):
        n, f = functions[random.choice(7, p=[0.2, 0.2, 0.2, 0.15, 0.15, 0.06, 0.04])]
        y = f()
        y[:] = k
        kept.append((k, y))
        while len(kept) > 20 or (kept and random.random() < 0.4):
            number, old = kept.pop(random.integers(len(kept)))
            assert (old == number).all()
            del old
    assert memory().in_use - start >= sum(y.nbytes for _, y in kept)
    del y, kept
    assert memory().in_use == start


def test_scratch_moves_where_its_memory_became_a_result(kernels, fresh):
    size = (1 << 20) + 64
    f = made(kernels, "addresses", [], [ArraySpec((2,), np.dtype(np.int64))], offsets=[0, 64], total=size, single=True)
    where = f()[0]
    y = fresh(size, dtype=np.uint8)()
    assert y.ctypes.data == where
    y[:] = 7
    assert f()[0] != where
    assert (y == 7).all()
    del y
    f()


def test_threads_with_large_results(kernels):
    spec = ArraySpec((100_000,), REAL)
    f = made(kernels, "nothing", [spec], [spec, spec], offsets=[0], total=1 << 16, release_gil=True)
    wrong, x = [], np.zeros(100_000)

    def work(k):
        for i in range(100):
            y, z = f(x)
            y[:], z[:] = k, i
            if not ((y == k).all() and (z == i).all()):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
