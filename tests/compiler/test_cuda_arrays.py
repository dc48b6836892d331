"""Compiled functions of arrays of a device as CUDA programs: on guarded arrays, by the emulated device."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import hoad
from hoad.compiler import cuda_queue
from hoad.compiler.replay import ReplayError
from hoad.core.primitive import primitives
from tests.backends.guarded import BACKEND, Guarded
from tests.compiler import passes_corpus
from tests.compiler.cuda_programs import (
    DATA,
    LABELS,
    assert_close,
    branches,
    emulated,
    logistic,
    neo_hooke,
    normal,
    transcendental,
    uniform,
    with_derivatives,
)
from tests.compiler.emulated_cuda import GuardedDevice, guarded_cuda

there = BACKEND.asarray
pytestmark = emulated


def run(f, *arguments, expected=None, calls=3, change=0.01):
    """Call a compiled function on the device several times; the devices that it asked for."""
    host = expected or f
    with guarded_cuda() as devices:
        compiled = hoad.compile(f)
        for k in range(calls):
            given = [a + np.asarray(change * k, a.dtype) for a in arguments]
            found, wanted = compiled(*map(there, given)), host(*given)
            found, wanted = (y if isinstance(y, tuple) else (y,) for y in (found, wanted))
            assert all(type(y) is Guarded for y in found)
            assert_close([y.data for y in found], wanted, k)
    (paths,) = compiled._paths.values()
    assert paths.eager == ""
    assert all(p.backend == "cuda" for p in paths.programs)
    assert all(d.downloads == 0 for d in devices) or any(p.guards for p in paths.programs)
    return compiled, devices


def device_logistic():
    data, labels = there(DATA), there(LABELS)
    return lambda w: np.mean(np.log1p(np.exp(-labels * (data @ w)))) + 0.5 * np.sum(w**2)


def test_logistic_regression_on_data_of_the_device():
    compiled, (device,) = run(
        with_derivatives(device_logistic()), 0.1 * normal(40), normal(40), expected=with_derivatives(logistic)
    )
    assert device.uploads == 0
    assert "2 arrays that it closes over" in compiled.explain()
    assert compiled.program.source.count("__global__") > 1


CASES = {
    "Rosenbrock": (with_derivatives(passes_corpus.rosenbrock), uniform(40), normal(40)),
    "transcendental": (with_derivatives(transcendental), uniform(600), normal(600)),
    "transcendental in single precision": (lambda x: hoad.grad(transcendental)(x), uniform(60).astype(np.float32)),
    "neo-Hooke": (with_derivatives(neo_hooke), np.eye(3) + 0.05 * normal(70, 3, 3), normal(70, 3, 3)),
    "products": (lambda a, b: (np.tanh(a @ b), a.T @ a, (b @ a).sum(0)), normal(40, 50), normal(50, 40)),
    "complex numbers": (lambda x: (np.exp(1j * x), np.abs(np.exp((1 + 1j) * x))), normal(9)),
    "half precision": (lambda x: x * x + x, uniform(9).astype(np.float16)),
    "whole numbers": (lambda x: (x * 2, np.sum(x), np.sin(x)), np.arange(9)),
    "one number": (lambda x: (np.sin(x), hoad.hvp(np.sin, x, x)), np.array(0.3)),
    "nothing": (lambda x: (np.sin(x), np.sum(x, 0), np.sum(x)), np.zeros((0, 4))),
}


@pytest.mark.parametrize("name", [n if n == "products" else pytest.param(n, marks=pytest.mark.slow) for n in CASES])
def test_functions_and_derivatives(name):
    f, *arguments = CASES[name]
    run(f, *arguments, change=0 if name == "whole numbers" else 0.01)


def test_strided_arrays_and_results():
    f = lambda x: (np.sin(x).sum(1), x * 2)
    x = uniform(12, 8)
    with guarded_cuda() as devices:
        compiled = hoad.compile(f)
        for _ in range(2):
            for part in (lambda a: a, lambda a: a[::2], lambda a: a[::-1], lambda a: a[:, 1:5], lambda a: a.T):
                found = compiled(part(there(x)))
                assert_close([y.data for y in found], f(part(x)), "strided")
    assert all(d.downloads == d.uploads == 0 for d in devices)


def test_results_are_where_the_function_leaves_them():
    closed = there(normal(40, 40))
    f = lambda x, a: (x * a, a + 1, np.ones(2), closed, 0.0 * np.ones_like(x), [np.float64(2.0), np.sum(x)])
    x = normal(3)
    with guarded_cuda():
        compiled = hoad.compile(f)
        for _ in range(2):
            *found, (number, total) = compiled(there(x), 2.5)
            assert [type(y) for y in (*found, number, total)] == [
                Guarded, np.float64, np.ndarray, Guarded, Guarded, np.float64, Guarded,
            ]  # fmt: skip
            np.testing.assert_array_equal(found[0].data, x * 2.5)
            assert found[1] == 3.5
            assert not np.may_share_memory(found[3].data, closed.data)
            np.testing.assert_array_equal(found[3].data, closed.data)
            np.testing.assert_array_equal(found[4].data, np.zeros(3))
            np.testing.assert_allclose(total.data, np.sum(x))
        assert compiled.program.backend == "cuda"


def test_gradient_of_a_scan():
    w, us = 0.3 * normal(8, 8), there(normal(40, 8))
    matrix = there(w)
    step = lambda a: lambda c, u: (np.tanh(a @ c + u), np.sum(c**2))
    f = lambda x: np.sum(hoad.scan(step(matrix), x, us)[1])
    g = lambda x: np.sum(hoad.scan(step(w), x, us.data)[1])
    compiled, _ = run(lambda x: hoad.grad(f)(x), normal(8), expected=lambda x: hoad.grad(g)(x))
    assert "a loop of 40 steps is repeated launches" in compiled.explain()


@pytest.mark.slow
def test_curvature_of_a_scan():
    w, us = there(0.3 * normal(40, 40)), there(normal(10, 40))
    step = lambda a: lambda c, u: (np.tanh(a @ c + u), np.sum((a.T @ c) ** 2))
    f = lambda x: np.sum(hoad.scan(step(w), x, us)[1])
    g = lambda x: np.sum(hoad.scan(step(w.data), x, us.data)[1])
    run(lambda x, v: hoad.hvp(f, x, v), normal(40), normal(40), expected=lambda x, v: hoad.hvp(g, x, v))


def test_guards_wait_once():
    with guarded_cuda() as devices:
        compiled = hoad.compile(branches)
        for x in (np.array([-1.0, 0.5]), np.array([3.0, 0.1]), np.array([0.5, 0.1]), np.array([-2.0, 0.4])):
            np.testing.assert_allclose(compiled(there(x)).data, branches(x), rtol=1e-14)
        assert len(next(iter(compiled.programs.values()))) == 3
        compiled(there(np.array([-2.0, 0.4])))
        before = sum(d.downloads for d in devices)
        compiled(there(np.array([-2.1, 0.4])))
        assert sum(d.downloads for d in devices) == before + 1


def test_threads_share_a_compiled_function():
    f = lambda x: (np.sum(np.exp(x), 0), np.tanh(x) @ x.T)
    failures = []
    with guarded_cuda():
        compiled = hoad.compile(f)
        compiled(there(uniform(20, 8)))

        def work(k):
            for j in range(4):
                x = uniform(20, 8) + k + j
                try:
                    assert_close([y.data for y in compiled(there(x))], f(x), (k, j))
                except BaseException as error:
                    failures.append(error)

        threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert not failures


def test_maps_that_are_applied_again():
    f, w, v = device_logistic(), 0.1 * normal(40), normal(40)
    expected = hoad.hvp(logistic, w, v)
    with guarded_cuda() as devices:
        push = hoad.linearize_hvp(f, there(w), compile=True)[2]
        H = hoad.HessianOperator(f, there(w), compile=True)
        for _ in range(3):
            assert_close([push(there(v)).data, (H @ there(v)).data], [expected, expected], "products")
    assert len(devices) == 2
    assert all(d.launches for d in devices)


# -- one graph ------------------------------------------------------------------------------------------------------------------


def chain(a, x):
    y = np.tanh(a @ x)
    z = np.cumsum(np.exp(1j * y[0])).real * np.sum(y)
    return (a @ y) @ x.T + 1.0, z * x[0], y


def test_a_program_with_products_and_libraries_is_one_graph():
    compiled, (device,) = run(chain, normal(40, 40), normal(40, 40), calls=4)
    assert (device.captures, device.replays) == (1, 3)
    assert "captured as one CUDA graph" in compiled.explain()


def test_large_inputs_of_products_are_known_by_their_address(monkeypatch):
    monkeypatch.setattr(cuda_queue, "STAGED", 40 * 40 * 8 - 1)
    xs = [there(normal(40, 40)) for _ in range(6)]
    a = there(normal(40, 50))
    f = lambda x, a: np.tanh(x @ a) + 1.0
    with guarded_cuda() as devices:
        compiled = hoad.compile(f)
        for _ in range(2):
            for x in xs:
                assert_close([compiled(x, a).data], [f(x.data, a.data)], "by address")
    (device,) = devices
    assert len(compiled.program.executor._queues[0,].wholes) == cuda_queue.WHOLES
    assert device.replays >= cuda_queue.WHOLES


@pytest.mark.parametrize("what", ["products", "a library"])
def test_what_cannot_be_captured_is_captured_in_pieces(monkeypatch, what):
    native = primitives["cumsum"].native
    monkeypatch.setattr(GuardedDevice, "refuses_products", what == "products")
    reason = {"products": "NotImplementedError", "a library": "RuntimeError: a download while the stream is capturing"}[what]
    with guarded_cuda() as devices:
        compiled = hoad.compile(chain)
        for k in range(4):
            a, x = normal(40, 40), normal(40, 40)
            assert_close([y.data for y in compiled(there(a), there(x))], chain(a, x), k)
            if what == "a library" and not k:
                monkeypatch.setattr(primitives["cumsum"], "native", lambda x, **kw: native(there(devices[0].to_host(x)), **kw))
    assert f"captured in pieces: {reason}" in compiled.explain()
    assert [p.eager for p in compiled._paths.values()] == [""]


def test_a_step_that_gives_another_dtype_is_not_believed(monkeypatch):
    f = lambda x: np.exp(np.cumsum(np.exp(1j * x))).real + x
    x = normal(5)
    with guarded_cuda():
        compiled = hoad.compile(f)
        compiled(there(x))
        program, native = compiled.program, primitives["cumsum"].native
        monkeypatch.setattr(primitives["cumsum"], "native", lambda *a, **k: native(*a, **k).astype(np.complex64))
        np.testing.assert_allclose(compiled(there(x)).data, f(x), rtol=1e-5)
        with pytest.raises(ReplayError, match="cumsum gave complex64"):
            program.executor([there(x)])
