"""Calls of native code: exactly the arrays that it was made for, fresh results, nothing left behind."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
import time
import tracemalloc
import weakref

import numpy as np
import pytest

from hoad.compiler.calls import stub
from hoad.compiler.calls.call import fast_calls, layout, make_fast
from hoad.compiler.steps import ArraySpec
from hoad.compiler.toolchain import NoCompilerError
from tests.compiler.call_tools import NUMBER, REAL, X5, Sub, at, choose, library, made, measurable, resident


@pytest.fixture(scope="module")
def kernels():
    return library()


@pytest.fixture(params=["builtin", "python"])
def way(request, monkeypatch):
    """Both ways to make a function, tested alike."""
    return choose(request.param, monkeypatch)


def test_it_is_a_builtin_function_where_there_is_a_compiler(kernels):
    assert fast_calls() == (sys.implementation.name == "cpython" and object.__basicsize__ == tuple.__itemsize__ * 2)
    assert isinstance(made(kernels, "nothing", [], [NUMBER]), type(len)) == fast_calls()


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


class Odd(float):
    pass


def misaligned():
    return np.frombuffer(bytearray(41), np.float64, offset=1) if sys.byteorder == "little" else np.zeros(5)[::-1]


REFUSED = {
    "shape": np.zeros(4), "dimensions": np.zeros((5, 1)), "broadcast": np.zeros((1, 5)), "float32": np.zeros(5, np.float32),
    "int64": np.zeros(5, np.int64), "complex": np.zeros(5, complex), "byte order": np.zeros(5, REAL.newbyteorder()),
    "strides": np.zeros(10)[::2], "reversed": np.zeros(5)[::-1], "no strides": np.broadcast_to(0.0, (5,)),
    "subclass": np.zeros(5).view(Sub), "masked": np.ma.zeros(5), "matrix": np.zeros((1, 5)).view(np.matrix), "list": [0.0] * 5,
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
    other = made(kernels, "axpy", [NUMBER, spec, X5], [spec], single=True)(1.0, np.ones(5), y)
    np.testing.assert_array_equal(other, 1.0)
    assert other.dtype.metadata is None
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
    assert made(kernels, "fails", [NUMBER], [X5], guards=[(0, np.float64(1.0).tobytes())])(1.0) is NotImplemented


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
    use(calls)
    gc.collect()
    assert [sys.getrefcount(t) for t in things] == before
    assert grown < 8000  # a byte a call would show


@measurable
def test_calls_leave_no_memory_behind(kernels, way):
    f = made(kernels, "axpy", [NUMBER, X5, X5], [X5, NUMBER], offsets=[0], total=64)
    x, a = np.zeros(5), np.float64(1.5)

    def use(n):
        for _ in range(n):
            f(a, x, x)
            f(a, x, x[:3])

    use(1000)
    before = resident()
    use(100_000 if way == "builtin" else 10_000)
    assert resident() - before < (3e6 if way == "builtin" else 1e6)  # 30 bytes a call would show, 100 bytes in Python


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


@measurable
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


@measurable
def test_tables_of_buffers_go_with_the_function(kernels, way):
    def use(n):
        for _ in range(n):
            made(kernels, "nothing", [], [], offsets=[0] * 1000, total=64)()

    use(50)
    before = resident()
    use(1500)
    assert resident() - before < 4e6  # each is a table of 8 kB


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
