"""Calls of native code: exactly the arrays that it was made for, fresh results, nothing left behind."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import threading
import time
import tracemalloc
import weakref

import numpy as np
import pytest

from hoad.compile import call, runner, stub
from hoad.compile.call import NativeCallError, Runner, fast_calls, layout, make_fast, memory
from hoad.compile.steps import ArraySpec
from hoad.compile.toolchain import NoCompilerError, shared_library

SOURCE = r"""
#include <string.h>
#include <time.h>
typedef volatile double shared;

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + 1e-9 * t.tv_nsec; }

long axpy(char **b, long start, long stop) {                       /* a, x, y -> a x + y; 5 elements */
    for (int i = 0; i < 5; ++i) ((double *)b[3])[i] = *(double *)b[0] * ((double *)b[1])[i] + ((double *)b[2])[i];
    return 0;
}
long two(char **b, long start, long stop) {                        /* x (2, 3) -> x^T (3, 2) and the sum */
    const double *x = (double *)b[0]; double *y = (double *)b[1], *s = (double *)b[2];
    *s = 0;
    for (int i = 0; i < 2; ++i) for (int j = 0; j < 3; ++j) { y[2 * j + i] = x[3 * i + j]; *s += x[3 * i + j]; }
    return 0;
}
long single(char **b, long start, long stop) { *(float *)b[1] = *(float *)b[0] * 3; return 0; }
long whole(char **b, long start, long stop) { *(long long *)b[1] = *(long long *)b[0] + 1; return 0; }
long truth(char **b, long start, long stop) { *b[1] = !*b[0]; return 0; }
long complex_(char **b, long start, long stop) {
    ((double *)b[1])[0] = ((double *)b[0])[0]; ((double *)b[1])[1] = -((double *)b[0])[1];
    return 0;
}
long nothing(char **b, long start, long stop) { return 0; }
long fails(char **b, long start, long stop) { return 7; }
long segment(char **b, long start, long stop) {                    /* x (4) -> t = 2 x; y = t + c; each a call */
    const double *x = (double *)b[0], *c = (double *)b[2]; double *y = (double *)b[1], *t = (double *)b[3];
    for (long k = start; k < stop; ++k) for (int i = 0; i < 4; ++i) { if (k == 0) t[i] = 2 * x[i]; else y[i] = t[i] + c[i]; }
    return 0;
}
long addresses(char **b, long start, long stop) {                  /* -> where scratch 0 and 1 are */
    ((long long *)b[0])[0] = (long long)b[1]; ((long long *)b[0])[1] = (long long)b[2];
    memset(b[1], 255, 64); memset(b[2], 255, 1 << 20);
    return 0;
}
long waits(char **b, long start, long stop) {                      /* until another thread writes into x, at most 20 s */
    shared *x = (shared *)b[0];
    double end = now() + 20;
    x[0] = 1;
    while (x[1] == 0) if (now() > end) return 1;
    *(double *)b[1] = x[1];
    return 0;
}
long meets(char **b, long start, long stop) {                      /* own number into scratch; wait for the other; read it back */
    double own = *(double *)b[0], end = now() + 20;
    shared *x = (shared *)b[1], *t = (shared *)b[3];
    *t = own;
    x[(int)own] = 1;
    while (x[0] == 0 || x[1] == 0) if (now() > end) return 1;
    *(double *)b[2] = *t;
    return 0;
}
"""

REAL = np.dtype(np.float64)
X5 = ArraySpec((5,), REAL)
NUMBER = ArraySpec((), REAL)


@pytest.fixture(scope="module")
def kernels():
    try:
        return shared_library(SOURCE)
    except NoCompilerError:
        pytest.skip("no C compiler on this machine")


@pytest.fixture(params=["builtin", "python"])
def way(request, monkeypatch):
    """Both ways to make a function, tested alike."""
    if request.param == "python":
        monkeypatch.setattr(call, "stub", lambda: None)
        monkeypatch.setattr(runner, "address", lambda: lambda a: a.ctypes.data)
    elif not fast_calls():
        pytest.skip("no builtin functions here")
    return request.param


def at(library, name):
    return ctypes.cast(getattr(library, name), ctypes.c_void_p).value


def made(library, name, inputs, outputs, **more):
    given = dict(run=at(library, name), steps=1, inputs=inputs, outputs=outputs, keep=library, numbers=range(len(inputs)))
    return make_fast(**{**given, **more})


def test_it_is_a_builtin_function_where_there_is_a_compiler(kernels):
    assert type(made(kernels, "nothing", [], [NUMBER])) is type(len) if fast_calls() else True
    assert fast_calls() == (sys.implementation.name == "cpython" and object.__basicsize__ == 16)


@pytest.mark.parametrize("release", [False, True])
def test_one_output(kernels, way, release):
    f = made(kernels, "axpy", [NUMBER, X5, X5], [X5], single=True, release_gil=release)
    x, y = np.arange(5.0), np.ones(5)
    found = f(np.float64(2.0), x, y)
    assert type(found) is np.ndarray
    assert found.dtype == REAL
    np.testing.assert_array_equal(found, 2 * x + y)
    assert not np.shares_memory(found, x)
    assert not np.shares_memory(found, y)
    again = f(3.0, x, x)
    np.testing.assert_array_equal(again, 4 * x)
    np.testing.assert_array_equal(found, 2 * x + y)  # fresh each time
    assert found.flags.writeable
    assert found.flags.owndata


def test_outputs_in_a_tuple(kernels, way):
    f = made(kernels, "two", [ArraySpec((2, 3), REAL)], [ArraySpec((3, 2), REAL), NUMBER])
    x = np.random.default_rng(0).standard_normal((2, 3))
    found = f(x)
    assert type(found) is tuple
    np.testing.assert_array_equal(found[0], x.T)
    assert found[0].shape == (3, 2)
    assert type(found[1]) is np.float64
    assert found[1] == sum(x.ravel().tolist())
    assert type(made(kernels, "nothing", [], [])()) is tuple


@pytest.mark.parametrize(
    ("name", "dtype", "value", "expected"),
    [
        ("single", np.float32, 1.5, 4.5),
        ("whole", np.int64, 41, 42),
        ("truth", np.bool, True, False),
        ("complex_", np.complex128, 1 + 2j, 1 - 2j),
    ],
)
def test_numbers_of_other_dtypes(kernels, way, name, dtype, value, expected):
    spec = ArraySpec((), np.dtype(dtype))
    f = made(kernels, name, [spec], [spec], single=True)
    for given in (dtype(value), np.array(value, dtype)):
        found = f(given)
        assert type(found) is dtype
        assert found == expected
    for given in (float(value.real), value, np.longdouble(value.real), np.float64(value.real), np.uint8(value.real)):
        if type(given) not in (dtype, complex):
            assert f(given) is NotImplemented


def test_python_numbers_only_where_they_are_allowed(kernels, way):
    spec, other = ArraySpec((), np.dtype(complex)), ArraySpec((), np.dtype(np.float32))
    x = np.ones(5)
    f = made(kernels, "axpy", [NUMBER, X5, X5], [X5], single=True, numbers=())
    assert f(2.0, x, x) is NotImplemented
    assert f(np.float64(2.0), x, x)[0] == 3
    assert f(np.array(2.0), x, x)[0] == 3
    g = made(kernels, "complex_", [spec], [spec], single=True)
    assert g(1 + 2j) == 1 - 2j
    assert type(g(1 + 2j)) is np.complex128
    assert g(1.0) is NotImplemented
    assert made(kernels, "complex_", [spec], [spec], single=True, numbers=())(1 + 2j) is NotImplemented
    assert made(kernels, "single", [other], [other], single=True)(1.5) is NotImplemented  # float32 has no class of Python's


class Sub(np.ndarray):
    pass


class Odd(float):
    pass


def misaligned():
    return np.frombuffer(bytearray(41), np.float64, offset=1) if sys.byteorder == "little" else np.zeros(5)[::-1]


REFUSED = {
    "shape": np.zeros(4), "dimensions": np.zeros((5, 1)), "broadcast": np.zeros((1, 5)), "float32": np.zeros(5, np.float32),
    "int64": np.zeros(5, np.int64), "complex": np.zeros(5, complex), "byte order": np.zeros(5, REAL.newbyteorder()),
    "strides": np.zeros(10)[::2], "reversed": np.zeros(5)[::-1], "no strides": np.broadcast_to(0.0, (5,)),
    "subclass": np.zeros(5).view(Sub), "masked": np.ma.zeros(5), "matrix": np.asmatrix(np.zeros((1, 5))), "list": [0.0] * 5,
    "tuple": (0.0,) * 5, "None": None, "number": 1.0, "object": np.zeros(5, object), "misaligned": misaligned(),
    "record": np.zeros(5, [("a", REAL)]), "text": "abcde", "memoryview": memoryview(np.zeros(5)), "class": np.ndarray,
    "0-d": np.array(0.0), "datetime": np.zeros(5, "M8[s]"),
}  # fmt: skip
REFUSED_NUMBERS = {
    "int": 1, "bool": True, "complex": 1j, "float32": np.float32(1), "int64": np.int64(1), "one element": np.zeros(1),
    "subclass of float": Odd(1), "text": "1", "None": None, "0-d float32": np.array(1, np.float32), "list": [1.0],
    "0-d subclass": np.array(1.0).view(Sub), "0-d masked": np.ma.array(1.0), "byte order": np.array(1.0, REAL.newbyteorder()),
    "class": float, "longdouble": np.longdouble(1) if np.dtype(np.longdouble) != REAL else 1,
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_other_arrays_are_left_to_the_caller(kernels, way, name):
    f = made(kernels, "axpy", [NUMBER, X5, X5], [X5], single=True)
    good, x = np.zeros(5), REFUSED[name]
    assert f(1.0, x, good) is NotImplemented
    assert f(1.0, good, x) is NotImplemented
    np.testing.assert_array_equal(f(1.0, good, good), good)


@pytest.mark.parametrize("name", REFUSED_NUMBERS)
def test_other_numbers_are_left_to_the_caller(kernels, way, name):
    f = made(kernels, "axpy", [NUMBER, X5, X5], [X5], single=True)
    good = np.zeros(5)
    assert f(REFUSED_NUMBERS[name], good, good) is NotImplemented


def test_wrong_number_of_arguments(kernels, way):
    f = made(kernels, "axpy", [NUMBER, X5, X5], [X5], single=True)
    x = np.zeros(5)
    for args in ((), (1.0, x), (1.0, x, x, x)):
        assert f(*args) is NotImplemented
    assert f(1.0, x, y=x) is NotImplemented
    assert f(1.0, x, x, y=x) is NotImplemented


def test_arrays_of_the_same_kind_by_other_ways(kernels, way):
    f = made(kernels, "axpy", [NUMBER, X5, X5], [X5], single=True)
    y = np.zeros(5)
    readonly = np.arange(5.0)
    readonly.flags.writeable = False
    described = np.arange(5.0).astype(np.dtype("f8", metadata={"unit": "m"}))
    for x in (readonly, described, np.arange(10.0)[:5], np.arange(5.0).reshape(1, 5)[0], np.arange(5.0, dtype="=f8")):
        np.testing.assert_array_equal(f(1.0, x, y), np.arange(5.0))
    assert f(1.0, described, y).dtype.metadata is None
    spec = ArraySpec((5,), described.dtype)
    np.testing.assert_array_equal(made(kernels, "axpy", [NUMBER, spec, X5], [X5], single=True)(1.0, np.ones(5), y), 1.0)
    long, other = np.dtype("l"), np.dtype("q")  # two names of one dtype on most systems
    if long.itemsize == other.itemsize:
        g = made(kernels, "whole", [ArraySpec((), long)], [ArraySpec((), long)], single=True)
        assert g(np.array(1, other)) == 2


def test_strides_of_empty_and_single_element_axes_do_not_matter(kernels, way):
    spec = ArraySpec((0, 3), REAL)
    f = made(kernels, "nothing", [spec], [spec, ArraySpec((3, 0), np.dtype(np.float32))])
    found = f(np.zeros((0, 3)))
    assert found[0].shape == (0, 3)
    assert found[1].shape == (3, 0)
    assert found[1].dtype == np.float32
    assert f(np.zeros((3, 0))) is NotImplemented
    one = ArraySpec((1,), REAL)
    assert made(kernels, "nothing", [one], [])(np.arange(3.0)[::3]) == ()


def test_guards(kernels, way):
    spec = ArraySpec((2, 3), REAL)
    x = np.arange(6.0).reshape(2, 3)
    guards = [(2, np.float64(15.0).tobytes()), (1, np.array([0.0, 3.0]).tobytes())]
    f = made(kernels, "two", [spec], [ArraySpec((3, 2), REAL), NUMBER], guards=guards)
    assert f(x)[1] == 15
    assert f(x + 1) is NotImplemented
    y = x.copy()
    y[0, 0], y[1, 1] = 1.0, 3.0  # the sum is right, the first entry is not
    assert f(y) is NotImplemented
    zero = made(kernels, "two", [spec], [ArraySpec((3, 2), REAL), NUMBER], guards=[(2, np.float64(0.0).tobytes())])
    assert zero(np.zeros((2, 3)))[1] == 0
    minus = made(kernels, "axpy", [NUMBER, X5, X5], [X5], guards=[(3, np.full(5, -0.0).tobytes())])
    assert minus(1.0, np.zeros(5), np.zeros(5)) is NotImplemented  # bit for bit: 0.0 is not -0.0
    assert minus(1.0, np.full(5, -0.0), np.full(5, -0.0)) is not NotImplemented
    nan = made(kernels, "axpy", [NUMBER, X5, X5], [X5], guards=[(0, np.float64(np.nan).tobytes())])
    assert nan(np.nan, np.zeros(5), np.zeros(5)) is not NotImplemented


def test_a_failure_of_the_code_is_left_to_the_caller(kernels, way):
    assert made(kernels, "fails", [NUMBER], [X5, NUMBER])(1.0) is NotImplemented


def test_code_is_called_once_with_all_its_steps_constants_and_scratch(kernels, way):
    spec, c = ArraySpec((4,), REAL), np.arange(8.0)[::2]
    f = make_fast(
        run=at(kernels, "segment"), steps=2, inputs=[spec], outputs=[spec], constants=[c], offsets=[64], total=128, single=True
    )
    x = np.random.default_rng(1).standard_normal(4)
    np.testing.assert_array_equal(f(x), 2 * x + c)


@pytest.mark.parametrize("large", [1 << 20, 1 << 23])
def test_scratch_is_aligned_and_kept(kernels, way, large):
    offsets, total = layout([8, large])
    assert (offsets, total) == ([0, 64], 64 + large)
    f = made(kernels, "addresses", [], [ArraySpec((2,), np.dtype(np.int64))], offsets=offsets, total=total, single=True)
    a, b = f().tolist()
    assert a % 64 == 0
    assert b == a + 64
    assert f().tolist() == [a, b]
    assert layout([]) == ([], 0)
    assert layout([0, 1, 64, 65])[0] == [0, 0, 64, 128]


def test_threads_at_once_have_scratch_of_their_own(kernels, way):
    spec = ArraySpec((2,), REAL)
    f = made(
        kernels, "meets", [NUMBER, spec], [NUMBER], offsets=[0], total=8, single=True, release_gil=True
    )  # each waits inside for the other
    flags, found = np.zeros(2), {}
    threads = [threading.Thread(target=lambda k=k: found.__setitem__(k, f(float(k), flags))) for k in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == {0: 0.0, 1: 1.0}


def test_many_threads(kernels, way):
    f = make_fast(
        run=at(kernels, "segment"), steps=2, inputs=[ArraySpec((4,), REAL)], outputs=[ArraySpec((4,), REAL)],
        constants=[np.ones(4)], offsets=[0], total=64, single=True, release_gil=True,
    )  # fmt: skip
    wrong = []

    def work(k):
        x = np.full(4, float(k))
        for _ in range(2000 if way == "builtin" else 200):
            if not (f(x) == 2 * k + 1).all():
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_other_threads_run_while_the_code_runs(kernels, way):
    f = made(kernels, "waits", [ArraySpec((2,), REAL)], [NUMBER], single=True, release_gil=True)
    x = np.zeros(2)

    def answer():
        while x[0] == 0:
            time.sleep(0.001)
        x[1] = 5.0

    t = threading.Thread(target=answer)
    t.start()
    assert f(x) == 5.0
    t.join()


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not hasattr(sys, "getrefcount"), reason="reference counts are CPython's")
def test_calls_leave_nothing_behind(kernels, way):
    calls = 100_000 if way == "builtin" else 10_000
    guards = [(4, np.float64(0.0).tobytes())]
    f = made(kernels, "axpy", [NUMBER, X5, X5], [X5, NUMBER], guards=guards, offsets=[0], total=64)
    bad = made(kernels, "fails", [X5], [X5, NUMBER])
    x, a, number = np.zeros(5), np.float64(1.5), 2.5
    things = (x, a, number, REAL, np.ndarray, np.float64, NotImplemented, f, kernels)

    def use(n):
        for _ in range(n):
            f(a, x, x)
            f(number, x, x)
            f(a, x, x[:3])
            f(a, x)
            bad(x)

    use(100)
    gc.collect()
    before = [sys.getrefcount(t) for t in things]
    tracemalloc.start()
    use(100)
    gc.collect()
    held = tracemalloc.get_traced_memory()[0]
    use(calls // 10)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - held
    tracemalloc.stop()
    memory = resident() if sys.platform == "linux" else 0
    use(calls)
    if sys.platform == "linux":
        assert resident() - memory < 3e6  # 30 bytes a call would show
    gc.collect()
    assert [sys.getrefcount(t) for t in things] == before
    assert grown < 8000  # a byte a call would show


class Library:
    pass


def test_the_function_keeps_what_it_needs_and_lets_it_go(kernels, way):
    owner, spec = Library(), ArraySpec((4,), REAL)
    constant = np.arange(4.0)
    alive, data = weakref.ref(owner), weakref.ref(constant)
    more = dict(run=at(kernels, "segment"), steps=2, inputs=[spec], outputs=[spec], offsets=[0], total=64, single=True)
    f = make_fast(constants=[constant], keep=owner, **more)
    del owner, constant
    gc.collect()
    np.testing.assert_array_equal(f(np.zeros(4)), np.arange(4.0))
    assert alive() is not None
    assert data() is not None
    del f
    gc.collect()
    assert alive() is None
    assert data() is None


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_scratch_goes_with_the_function(kernels, way):
    size = 4 << 20

    def use():
        f = made(kernels, "addresses", [], [ArraySpec((2,), np.dtype(np.int64))], offsets=[0, 64], total=size)
        f()

    for _ in range(3):
        use()
    before = resident()
    for _ in range(50):
        use()
    assert resident() - before < 5 * (1 << 20)  # each touches more than 1 MiB


def test_results_outlive_the_function(kernels, way):
    y = made(kernels, "axpy", [NUMBER, X5, X5], [X5], single=True)(1.0, np.ones(5), np.ones(5))
    gc.collect()
    np.testing.assert_array_equal(y, 2.0)


@pytest.mark.parametrize(
    "wrong",
    [
        dict(inputs=[ArraySpec((5,), REAL.newbyteorder())]),
        dict(outputs=[ArraySpec((5,), np.dtype(object))]),
        dict(constants=[np.ma.zeros(3)]),
        dict(offsets=[8], total=64),
        dict(offsets=[128], total=64),
        dict(guards=[(9, b"")]),
        dict(single=True, outputs=[X5, X5]),
    ],
    ids=lambda w: next(iter(w)),
)
def test_impossible_requests(kernels, way, wrong):
    with pytest.raises((ValueError, TypeError)):
        made(kernels, "nothing", **{"inputs": [X5], "outputs": [X5], **wrong})


# Memory of results ---------------------------------------------------------------------------------------------------


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


def test_idle_memory_never_exceeds_what_was_in_use_at_once(fresh):
    start, before = memory(0), resident() if sys.platform == "linux" else 0
    for size in range(1_000_000, 2_000_000, 50_000):
        y = fresh(size)()
        y[:] = 1.0
        del y
        now = memory()
        assert now.in_use == start.in_use
        assert now.idle + now.in_use <= max(now.peak, start.peak)
    assert memory().idle <= max(start.peak, 1.13 * 16e6 + start.in_use)
    if sys.platform == "linux":
        assert resident() - before < max(start.peak, 1.13 * 16e6) + 8e6
    huge = fresh(40_000_000)()  # more than is kept
    del huge
    assert memory().idle <= 1 << 28


def test_old_idle_memory_goes(fresh):
    small, large = fresh(200), fresh(1_000_000)
    large()
    assert memory().idle >= 8e6
    for _ in range(4200):
        small()
    assert memory().idle < 1e6


def test_results_can_be_resized(fresh):
    y = fresh(1000)()
    y[:] = np.arange(1000)
    y.resize(2000, refcheck=False)
    np.testing.assert_array_equal(y[:1000], np.arange(1000))
    assert not y[1000:].any()
    y.resize(10, refcheck=False)
    np.testing.assert_array_equal(y, np.arange(10))
    start = memory().in_use
    del y
    assert memory().in_use < start


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


# A Runner ------------------------------------------------------------------------------------------------------------


def part(kernels, name="segment", **more):
    spec = ArraySpec((4,), REAL)
    given = dict(inputs=[spec], outputs=[spec], constants=[np.arange(4.0)], offsets=[0], total=64)
    return Runner(run=at(kernels, name), **{**given, **more})


@pytest.mark.parametrize(
    "x",
    [np.arange(4.0), np.arange(8.0)[::2], np.arange(4.0)[::-1], np.arange(4.0, dtype=">f8"), np.broadcast_to(2.0, (4,)),
     np.frombuffer(b"\0" * 33, np.float64, offset=1), np.arange(4.0).view(Sub)],
)  # fmt: skip
def test_runner_takes_any_strides(kernels, way, x):
    run = part(kernels)
    with run.start([x]) as frame:
        frame.run(0, 2)
        found = frame.outputs[0]
    np.testing.assert_array_equal(found, 2 * np.asarray(x) + np.arange(4.0))
    assert type(found) is np.ndarray


def test_runner_in_parts(kernels, way):
    run, spec, x = part(kernels), ArraySpec((4,), REAL), np.array([1.0, -2.0, 3.0, 4.0])
    with run.start([x]) as frame:
        frame.run(0, 1)
        t = frame.view(3, spec)
        np.testing.assert_array_equal(t, 2 * x)
        t[:] = np.sort(t)  # a step of Python's, in place
        frame.run(1, 2)
        np.testing.assert_array_equal(frame.outputs[0], np.sort(2 * x) + np.arange(4))
        frame.bind(3, np.full(4, 10.0))  # and one that brings its own memory
        frame.bind(2, np.full(4, 0.5))
        frame.run(1, 2)
        np.testing.assert_array_equal(frame.outputs[0], 10.5)
        np.testing.assert_array_equal(frame.view(3, spec), 10.0)
        assert frame.bytes(3, 8) == np.float64(10.0).tobytes()
        own = np.zeros(4)
        frame.bind(1, own)
        frame.run(1, 2)
        assert frame.outputs[0] is own
        np.testing.assert_array_equal(own, 10.5)
        with pytest.raises(ValueError, match="contiguous"):
            frame.bind(3, np.zeros(8)[::2])
    with run.start([x]) as frame:  # what was bound is gone
        frame.run(0, 2)
        np.testing.assert_array_equal(frame.outputs[0], 2 * x + np.arange(4.0))
        assert frame.view(3, ArraySpec((2, 2), REAL)).tolist() == (2 * x).reshape(2, 2).tolist()
        assert frame.view(3, ArraySpec((), REAL)) == 2.0
        assert frame.view(0, spec).tolist() == x.tolist()
        assert frame.view(2, spec).tolist() == [0, 1, 2, 3]
        assert frame.view(3, ArraySpec((4,), np.dtype(np.uint64))).tobytes() == (2 * x).tobytes()
    with pytest.raises(ValueError, match="closed"):
        frame.run(0, 1)
    frame.close()


def test_runner_frames_do_not_share_scratch(kernels, way):
    run, spec = part(kernels), ArraySpec((4,), REAL)
    with run.start([np.ones(4)]) as a, run.start([np.zeros(4)]) as b:
        a.run(0, 1)
        b.run(0, 1)
        assert a.view(3, spec).tolist() == [2.0] * 4
        assert not np.shares_memory(a.view(3, spec), b.view(3, spec))
        assert a.view(3, spec).ctypes.data % 64 == 0


def test_runner_refuses_wrong_leaves_and_reports_failures(kernels, way):
    run = part(kernels)
    with pytest.raises(ValueError, match="shape"):
        run.start([np.zeros(3)])
    with pytest.raises(ValueError, match="dtype"):
        run.start([np.zeros(4, np.float32)])
    with pytest.raises(ValueError, match="1 arrays"):
        run.start([])
    with part(kernels, "fails").start([np.zeros(4)]) as frame, pytest.raises(NativeCallError, match="7"):
        frame.run(0, 1)
    assert "64 bytes" in repr(run)


# Machines without ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("break_", "word"),
    [
        (lambda m: m.setattr(sys.implementation, "name", "other"), "interpreter"),
        (lambda m: m.setattr(sys, "_is_gil_enabled", lambda: False, raising=False), "lock"),
        (lambda m: m.setattr(stub, "HEAD", 32), "layout"),
        (lambda m: m.setattr(stub, "shared_library", _no_compiler), "none here"),
        (lambda m: m.setattr(stub, "shared_library", lambda source, optimise: ctypes.CDLL(None)), "hoad_api"),
    ],
    ids=["interpreter", "lock", "layout", "compiler", "library"],
)
def test_other_machines_get_python_functions(monkeypatch, caplog, break_, word):
    break_(monkeypatch)
    with caplog.at_level("INFO", logger="hoad"):
        assert stub.stub.__wrapped__() is None
    assert len(caplog.records) == 1
    assert word in caplog.text


def _no_compiler(source, optimise):
    raise NoCompilerError("none here")


def test_the_self_test_sees_a_wrong_stub(kernels):
    if not fast_calls():
        pytest.skip("no builtin functions here")
    library = stub.stub()

    class Wrong:
        hoad_function = library.hoad_function
        hoad_probe = kernels.nothing  # another result than the known one

    assert "self-test" in (stub._wrong(Wrong) or "")
    assert stub._wrong(library) is None
