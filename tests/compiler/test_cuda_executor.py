"""What runs CUDA programs, on the emulated device: graphs, arrays of the device, guards, libraries, threads, refusals."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import hoad
from hoad.compiler import settings
from hoad.compiler.cuda import build
from hoad.compiler.emit import cuda as printer
from hoad.errors import NoCompilerError
from tests.compiler.cuda_programs import (
    DATA,
    LABELS,
    assert_close,
    branches,
    emulated,
    expected_of,
    mixed,
    normal,
    steps_of,
    uniform,
)
from tests.compiler.emulated_cuda import EmulatedDevice


@emulated
def test_graphs_are_captured_once_and_replayed():
    f, x = (lambda x: (np.sum(np.exp(x), 0), np.sum(x))), uniform(3000, 8)
    device = EmulatedDevice()
    executor = build(steps_of(f, x), device)
    results = [executor([x + k])[0] for k in range(4)]
    assert device.replays == 3
    assert device.captures == 1
    for k, found in enumerate(results):
        assert_close(found, expected_of(f, x + k), k)
    assert all(isinstance(y, np.ndarray | np.generic) and not device.holds(y) for y in results[0])


@emulated
def test_results_stay_on_the_device_and_are_new_arrays():
    f, x = (lambda x: (np.exp(x), x + 1)), uniform(500)
    device = EmulatedDevice()
    executor = build(steps_of(f, x), device)
    given = device.asarray(x)
    before = device.uploads
    first, _ = executor([given])
    second, _ = executor([device.asarray(x + 1)])
    assert all(device.holds(y) for y in (*first, *second))
    assert device.uploads == before + 1, "an input in C order is read where it is"
    assert_close([device.to_host(y) for y in first], expected_of(f, x), "first")
    assert_close([device.to_host(y) for y in second], expected_of(f, x + 1), "second")
    strided, _ = executor([device.asarray(np.repeat(x, 2))[::2]])
    assert_close([device.to_host(y) for y in strided], expected_of(f, x), "strided")


@emulated
def test_constants_are_uploaded_once():
    device = EmulatedDevice()
    x = device.asarray(normal(40))
    executor = build(steps_of(lambda w: DATA @ w + LABELS, np.zeros(40)), device)
    executor([x])
    before = device.uploads
    executor([x])
    assert device.uploads == before


@emulated
def test_guards_are_read_back():
    steps = steps_of(branches, np.array([-1.0, 0.5, 0.0]))
    assert [g.value for g in steps.guards] == [False, True]
    executor = build(steps, EmulatedDevice())
    for _ in range(2):
        x = np.array([-2.0, 0.1, 0.3])
        found, answers = executor([x])
        assert answers == [False, True]
        assert_close(found, expected_of(branches, x), "the same path")
        found, answers = executor([np.array([3.0, 0.1, 0.3])])
        assert (found, answers) == (None, [True])
        found, answers = executor([np.array([0.5, 0.1, 0.3])])
        assert (found, answers) == (None, [False, False])


@emulated
def test_integers_that_python_asks_for_are_guards():
    def f(x):
        k = int(np.argmax(x))
        return np.sin(x) * x[k]

    x = normal(7)
    executor = build(steps_of(f, x), EmulatedDevice())
    assert_close(executor([x + 1])[0], expected_of(f, x + 1), "the same place")
    found, answers = executor([-x])
    assert found is None
    assert answers == [int(np.argmax(-x))]


@emulated
def test_what_the_library_of_the_device_lacks_runs_on_the_host(monkeypatch):
    f = lambda x: np.cumsum(np.exp(x))[np.argsort(x)]
    x = normal(9)
    steps = steps_of(f, x)
    device = EmulatedDevice()
    executor = build(steps, device)
    names = {s.primitive.name for s in steps.steps} & {"argsort"}
    assert names
    (sort,) = {s.primitive for s in steps.steps if s.primitive.name == "argsort"}
    native = sort.native

    def refuses(a, *rest, **kw):
        if device.holds(a):
            raise TypeError("no such function")
        return native(a, *rest, **kw)

    monkeypatch.setattr(sort, "native", refuses)
    for k in range(3):
        assert_close(executor([x + k])[0], expected_of(f, x + k), k)
    assert sum("argsort runs on the host" in line for line in executor.explain) == 1


@emulated
def test_an_error_of_a_library_is_raised_unless_a_guard_explains_it():
    def f(a):
        return np.linalg.inv(a) if np.sum(a) > 0 else a

    executor = build(steps_of(f, np.eye(3)), EmulatedDevice())
    with pytest.raises(np.linalg.LinAlgError):
        executor([np.ones((3, 3))])
    found, answers = executor([-np.ones((3, 3))])
    assert (found, answers) == (None, [False])
    assert_close(executor([np.eye(3) * 2])[0], [np.eye(3) / 2], "after errors")


@emulated
def test_threads_share_a_program():
    f, x = (lambda x: (np.sum(np.exp(x), 0), np.sum(x))), uniform(600, 8)
    executor = build(steps_of(f, x), EmulatedDevice())
    executor([x])
    failures = []

    def work(k):
        for j in range(5):
            try:
                assert_close(executor([x + k + j])[0], expected_of(f, x + k + j), (k, j))
            except BaseException as error:
                failures.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


def test_without_a_device(monkeypatch):
    import hoad.compiler.cuda as module

    def absent(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(module, "import_module", absent)
    with pytest.raises(NoCompilerError, match=r"no CUDA device was found .* expected CuPy and a device"):
        build(steps_of(np.sin, normal(3)))


def test_too_many_arrays_for_one_launch(monkeypatch):
    xs = [normal(700) for _ in range(9)]
    steps = steps_of(lambda *xs: sum(np.sin(x) for x in xs), *xs)
    monkeypatch.setattr(printer, "ARGUMENTS", 4)
    monkeypatch.setattr("hoad.compiler.emit.launches.ARGUMENTS", 4)
    with pytest.raises(NoCompilerError, match="a launch on 10 arrays, at most 4"):
        build(steps, EmulatedDevice())


@emulated
def test_launches_with_too_many_arrays_are_divided(monkeypatch):
    xs = [normal(7) for _ in range(9)]
    f = lambda *xs: tuple(np.sin(x) for x in xs)
    steps = steps_of(f, *xs)
    whole = len(build(steps, EmulatedDevice()).program.launches)
    EmulatedDevice.pending.pop()
    monkeypatch.setattr(printer, "ARGUMENTS", 4)
    executor = build(steps, EmulatedDevice())
    assert whole == 1
    assert len(executor.program.launches) > 4
    assert_close(executor(xs)[0], expected_of(f, *xs), "divided")


@emulated
def test_places_in_64_bits(monkeypatch):
    monkeypatch.setattr(printer, "NARROW", 1)
    f, x = mixed, uniform(130, 60)
    executor = build(steps_of(f, x), EmulatedDevice())
    assert "const long long thread" in executor.source or "const long long row" in executor.source
    assert_close(executor([x])[0], expected_of(f, x), "wide")


@emulated
def test_compiled_functions(monkeypatch):
    """hoad.compile around the executor: paths, containers, derivatives, rolled loops, errors of the function."""
    monkeypatch.setattr(settings, "executor_for", lambda steps, backend: build(steps, EmulatedDevice()))
    compiled = hoad.compile(branches, backend="cuda")
    for x in (np.array([-1.0, 0.5]), np.array([3.0, 0.1]), np.array([0.5, 0.1]), np.array([-2.0, 0.4]), np.array([4.0, 0.1])):
        np.testing.assert_allclose(compiled(x), branches(x), rtol=1e-14)
    assert len(next(iter(compiled.programs.values()))) == 3
    pair = hoad.compile(lambda d: {"total": np.sum(d["x"] ** 2), "product": d["x"].T @ d["y"]}, backend="cuda")
    given = {"x": normal(4, 3), "y": normal(4, 2)}
    for _ in range(2):
        found = pair(given)
        assert isinstance(found["total"], np.float64)
        np.testing.assert_allclose(found["product"], given["x"].T @ given["y"], rtol=1e-13)

    def simulated(x):
        step = lambda c, u: (np.tanh(c + u), c * u)
        return np.sum(hoad.scan(step, x, np.linspace(0.0, 1.0, 30))[1])

    gradient = hoad.compile(hoad.grad(simulated), backend="cuda")
    x = normal(3)
    for _ in range(2):
        np.testing.assert_allclose(gradient(x), hoad.grad(simulated)(x), rtol=1e-12)
    assert any("repeated launches" in line for line in gradient.program.executor.explain)
    inverse = hoad.compile(np.linalg.inv, backend="cuda")
    np.testing.assert_allclose(inverse(2 * np.eye(2)), 0.5 * np.eye(2))
    with pytest.raises(np.linalg.LinAlgError):
        inverse(np.ones((2, 2)))
