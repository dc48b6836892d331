"""``hoad.compile`` on CuPy arrays, where a device is found."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest

import hoad
from hoad.errors import CompileError
from tests.compiler import passes_corpus
from tests.compiler.cuda_programs import (
    DATA,
    LABELS,
    PROGRAMS,
    assert_close,
    branches,
    expected_of,
    logistic,
    neo_hooke,
    normal,
    transcendental,
    uniform,
    with_derivatives,
)

pytestmark = pytest.mark.gpu


def there(x):
    import cupy

    return cupy.asarray(x)


def here(x):
    import cupy

    return cupy.asnumpy(x)


def results(y):
    return y if isinstance(y, tuple) else (y,)


def run(f, *arguments, expected=None, calls=4, change=0.01):
    """Call a compiled function several times with other numbers, each time in new memory."""
    import cupy

    compiled = hoad.compile(f)
    for k in range(calls):
        given = [a + np.asarray(change * k, a.dtype) if change else a for a in arguments]
        found, wanted = results(compiled(*map(there, given))), expected_of(expected or f, *given)
        assert all(isinstance(y, cupy.ndarray) for y in found)
        assert_close([here(y) for y in found], wanted, k)
    (paths,) = compiled._paths.values()
    assert paths.eager == ""
    assert [p.backend for p in paths.programs] == ["cuda"] * len(paths.programs), "the device's compiler or a launch failed"
    return compiled


SINGLE = [a.astype(np.float32) for a in (uniform(900), normal(900))]
CASES = {
    "Rosenbrock 10": (with_derivatives(passes_corpus.rosenbrock), uniform(10), normal(10)),
    "Rosenbrock 100000": (with_derivatives(passes_corpus.rosenbrock), uniform(100_000), normal(100_000)),
    "transcendental 1000": (with_derivatives(transcendental), uniform(1000), normal(1000)),
    "transcendental 100000": (with_derivatives(transcendental), uniform(100_000), normal(100_000)),
    "transcendental in single precision": (with_derivatives(transcendental), *SINGLE),
    "neo-Hooke 1000": (with_derivatives(neo_hooke), np.eye(3) + 0.05 * normal(1000, 3, 3), normal(1000, 3, 3)),
    "half precision": (lambda x: x * x + x, uniform(9).astype(np.float16)),
    "complex numbers": (lambda x: (np.exp(1j * x), np.abs(np.exp((1 + 1j) * x))), normal(900)),
    "one number": (lambda x: (np.sin(x), hoad.hvp(np.sin, x, x)), np.array(0.3)),
    "nothing": (lambda x: (np.sin(x), np.sum(x, 0), np.sum(x)), np.zeros((0, 4))),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_functions_and_derivatives(name):
    f, *arguments = CASES[name]
    run(f, *arguments)


def test_whole_numbers_and_truth_values():
    run(lambda x: (x * 2, np.sum(x), np.sin(x), x > 2), np.arange(9), change=0)
    run(lambda x: (x & ~x, np.any(x), np.where(x, 2.0, 1.0)), np.array([True, False, True]), change=0)


@pytest.mark.parametrize("name", [n for n in PROGRAMS if n not in ("logistic", "network", "control loop", "a library in between")])
def test_programs_without_data_of_the_host(name):
    f, *arguments = PROGRAMS[name]
    run(f, *arguments, calls=3, change=0)


def test_logistic_regression_on_data_of_the_device():
    data, labels = there(DATA), there(LABELS)
    f = lambda w: np.mean(np.log1p(np.exp(-labels * (data @ w)))) + 0.5 * np.sum(w**2)
    compiled = run(with_derivatives(f), 0.1 * normal(40), normal(40), expected=with_derivatives(logistic))
    assert "2 arrays that it closes over" in compiled.explain()


def test_logistic_regression_with_several_classes_by_cublas():
    def loss(w, x, y):
        z = x @ w
        return np.mean(np.log(np.sum(np.exp(z), 1)) - np.sum(z * y, 1))

    x, w, v = normal(900, 64), 0.1 * normal(64, 48), normal(64, 48)
    y = np.eye(48)[np.random.default_rng(0).integers(0, 48, 900)]
    compiled = run(lambda w, v, x, y: hoad.hvp(lambda w: loss(w, x, y), w, v), w, v, x, y)
    assert "captured as one CUDA graph" in compiled.explain()


@pytest.mark.skipif(sys.platform != "linux", reason="cuBLAS is called directly on Linux only")
def test_products_are_a_part_of_the_graph():
    compiled = run(lambda a, b: (np.tanh(a @ b), np.sin(b.T @ a.T) @ a, (b @ a).sum(0)), normal(60, 50), normal(50, 60), calls=6)
    assert "captured as one CUDA graph" in compiled.explain()
    single = [a.astype(np.float32) for a in (normal(60, 50), normal(50, 60))]
    run(lambda a, b: np.tanh(a @ b) @ a, *single)


@pytest.mark.parametrize("order", [1, 2])
def test_derivatives_of_a_scan(order):
    w, us = 0.3 * normal(8, 8), normal(300, 8)

    def total(w, us):
        step = lambda c, u: (np.tanh(w @ c + u), np.sum(c**2))
        return lambda x: np.sum(hoad.scan(step, x, us)[1])

    if order == 1:
        compiled = run(hoad.grad(total(there(w), there(us))), normal(8), expected=hoad.grad(total(w, us)))
        assert "is repeated launches" in compiled.explain()
    else:
        f, g = total(there(w), there(us)), total(w, us)
        run(lambda x, v: hoad.hvp(f, x, v), normal(8), normal(8), expected=lambda x, v: hoad.hvp(g, x, v))


def test_strided_arrays():
    f, x = (lambda x: (np.sin(x).sum(1), x * 2, x @ x.T)), uniform(60, 80)
    compiled = hoad.compile(f)
    for _ in range(3):
        for part in (lambda a: a, lambda a: a[::2], lambda a: a[::-1], lambda a: a[:, 1:50], lambda a: a.T):
            assert_close([here(y) for y in compiled(part(there(x)))], f(part(x)), "strided")


def test_streams():
    import cupy

    f, x = with_derivatives(transcendental), uniform(20_000)
    v = normal(20_000)
    compiled = hoad.compile(f)
    streams = [cupy.cuda.Stream.null, *(cupy.cuda.Stream(non_blocking=True) for _ in range(3))]
    for k in range(4):
        found = []
        for stream in streams:  # all are under way at the same time
            with stream:
                found.append(compiled(there(x + 0.01 * k), there(v)))
        for stream, y in zip(streams, found, strict=True):
            stream.synchronize()
            assert_close([here(part) for part in y], f(x + 0.01 * k, v), k)


def test_threads():
    import cupy

    f = lambda x: (np.sum(np.exp(x), 0), np.tanh(x) @ x.T)
    compiled, failures = hoad.compile(f), []

    def work(k):
        stream = cupy.cuda.Stream(non_blocking=True) if k % 2 else cupy.cuda.Stream.null
        try:
            with stream:
                for j in range(20):
                    x = np.random.default_rng(100 * k + j).uniform(0, 1, (50, 60))
                    found = compiled(there(x))
                    stream.synchronize()
                    assert_close([here(y) for y in found], f(x), (k, j))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


def test_maps_that_are_applied_again_and_operators():
    data, labels, w, v = there(DATA), there(LABELS), 0.1 * normal(40), normal(40)
    f = lambda w: np.mean(np.log1p(np.exp(-labels * (data @ w)))) + 0.5 * np.sum(w**2)
    expected = hoad.hvp(logistic, w, v)
    push = hoad.linearize_hvp(f, there(w), compile=True)[2]
    H = hoad.HessianOperator(f, there(w), compile=True)
    J = hoad.JacobianOperator(lambda w: np.tanh(data @ w), there(w), compile=True)
    dense = hoad.jacobian(lambda w: np.tanh(DATA @ w))(w)
    for _ in range(4):
        assert_close([here(push(there(v))), here(H @ there(v)), here(H.T @ there(v))], [expected] * 3, "Hessian")
        assert_close([here(J @ there(v)), here(J.T @ there(LABELS))], [dense @ v, dense.T @ LABELS], "Jacobian")
    tangent = hoad.linearize(lambda w: np.tanh(data @ w), there(w), compile=True)[1]
    for _ in range(4):
        assert_close([here(tangent(there(v)))], [dense @ v], "tangent")


def test_guards_and_paths():
    compiled = hoad.compile(branches)
    for _ in range(3):
        for x in (np.array([-1.0, 0.5]), np.array([3.0, 0.1]), np.array([0.5, 0.1]), np.array([-2.0, 0.4])):
            assert_close([here(compiled(there(x)))], [branches(x)], "branches")
    (programs,) = compiled.programs.values()
    assert len(programs) == 3
    largest = hoad.compile(lambda x: x[int(np.argmax(x))] * x)
    for k in (2, 0, 1, 2):
        x = np.roll(np.array([3.0, 1.0, 2.0]), k)
        assert_close([here(largest(there(x)))], [3.0 * x], k)


def test_what_is_closed_over():
    import cupy

    class Model:
        a = there(normal(60, 50))

        def f(self, w):
            return np.sum(np.tanh(-self.a @ w))

    model, w = Model(), normal(50)
    f = hoad.compile(model.f)
    for _ in range(2):
        for _ in range(3):
            assert_close([here(f(there(w)))], [np.sum(np.tanh(-here(model.a) @ w))], "closed over")
        model.a = model.a * 0.5
    model.a *= 3.0
    f.clear()
    assert_close([here(f(there(w)))], [np.sum(np.tanh(-here(model.a) @ w))], "cleared")
    with pytest.raises(CompileError, match="Does it draw random numbers"):
        hoad.compile(lambda x: x * cupy.sum(cupy.random.standard_normal(5000)))(there(w))


def test_results_share_no_memory_and_arrays_of_the_host_are_refused():
    import cupy

    f, x = hoad.compile(lambda x: (x, x.T, x[1:], x * 2)), there(normal(6, 6))
    for _ in range(3):
        found = f(x)
        assert not any(cupy.shares_memory(a, b) for k, a in enumerate(found) for b in (x, *found[:k]))
    with pytest.raises(CompileError, match=r"Move them with cupy\.asarray"):
        hoad.compile(lambda x, y: x * y)(x, np.ones((6, 6)))
    y, z = hoad.compile(lambda x, a: (x * a, a + 1))(x, 2.5)
    assert isinstance(z, np.float64)
    assert_close([here(y)], [here(x) * 2.5], "a number of the host")


@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_repeated_by_cupy(backend):
    f, x, v = with_derivatives(neo_hooke), np.eye(3) + 0.05 * normal(100, 3, 3), normal(100, 3, 3)
    compiled = hoad.compile(f, backend=backend)
    for _ in range(3):
        assert_close([here(y) for y in compiled(there(x), there(v))], f(x, v), backend)
    assert compiled.program.backend == "numpy"


def test_without_the_compiler_of_the_device(monkeypatch, caplog):
    import cupy

    def fails(*args, **kwargs):
        raise cupy.cuda.compiler.CompileException("nothing works", "", "", (), "nvrtc")

    monkeypatch.setattr(cupy, "RawModule", fails)
    compiled = hoad.compile(lambda x: np.sin(x) * 3)
    for _ in range(2):
        assert_close([here(compiled(there(np.ones(5))))], [np.sin(np.ones(5)) * 3], "repeated")
    assert compiled.program.backend == "numpy"
    assert sum("compiled functions run as calls of cupy" in r.getMessage() for r in caplog.records) <= 1
