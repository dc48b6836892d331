"""Compiled functions of arrays of a device, repeated there: on arrays that refuse to come to the host unasked."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

import hoad
from hoad import backends
from hoad.compiler import settings
from hoad.compiler.placed import lifted
from hoad.compiler.recording import record_twice
from hoad.errors import ArgumentWriteError, CompileError
from tests.backends import guarded
from tests.backends.guarded import Guarded
from tests.registry.harness import CONSTANT, KNOWN, leaves, over, silent

there = guarded.BACKEND.asarray
rng = np.random.default_rng(5)
LARGE = there(rng.standard_normal((60, 50)))


def here(x):
    return x.data if isinstance(x, Guarded) else x


@contextmanager
def counted():
    """The numbers of elements of all arrays that come to the host."""
    sizes = []

    def to_host(x):
        sizes.append(np.size(here(x)))
        return guarded.BACKEND.to_host(x)

    backends.register(Guarded, replace(guarded.BACKEND, to_host=to_host))
    try:
        yield sizes
    finally:
        backends.register(Guarded, guarded.BACKEND)


def eager(compiled):
    return [p.eager for p in compiled._paths.values()]


# -- every function -----------------------------------------------------------------------------------------------------------

SMOOTH = [c for c in KNOWN if not c.device and c not in CONSTANT]
UNREPEATED = {
    "numpy.bincount": "has no rule for traced values", "numpy.bincount-minlength": "has no rule for traced values",
    "numpy.take-getitem-array": "is indexed by an array of the host", "numpy.linalg.det-singular": "looks at its numbers",
}  # fmt: skip


def curvature(case):
    def f(point, direction, extra):
        def total(p):
            found = leaves(case.call(*p, *extra))
            return sum(np.sum(np.real(k * np.conjugate(k))) for a in found for k in [np.where(np.isfinite(a), a, 0.0)])

        return hoad.hvp(total, point, direction)

    return f


def check(case):
    f, move = curvature(case), lambda xs: tuple(map(there, xs))
    point, direction, extra = tuple(case.point), tuple(case.directions(case.point)), tuple(case.extra)
    compiled = hoad.compile(f)
    with silent():
        expected = leaves(f(point, direction, extra))
        for _ in range(2):
            found = leaves(compiled(move(point), move(direction), move(extra)))
    assert any(eager(compiled)) == (case.id in UNREPEATED), eager(compiled)
    for a, b in zip(found, expected, strict=True):
        assert isinstance(a, Guarded) or np.size(b) == 0 or not np.any(b)
        scale = np.max(np.abs(b)[np.isfinite(b)], initial=1.0)
        np.testing.assert_allclose(here(a), b, rtol=0, atol=1e-9 * scale, equal_nan=True)


@over(SMOOTH[::60])
def test_curvature_of_some_functions(case):
    check(case)


@pytest.mark.slow
@over(SMOOTH)
def test_curvature_of_every_function(case):
    check(case)


# -- arguments ----------------------------------------------------------------------------------------------------------------


def test_the_signature_names_the_device_and_the_layout():
    compiled = hoad.compile(lambda x: np.sum(np.sin(x), 1))
    x = rng.standard_normal((4, 3))
    for given in (there(x), there(x.T.copy()).T, there(np.repeat(x, 2, 0))[::2], x):
        np.testing.assert_allclose(here(compiled(given)), np.sum(np.sin(x), 1), rtol=1e-14)
    assert list(compiled.programs) == [
        "(float64[4, 3] on guarded:0)", "(float64[4, 3] with axes (1, 0) in memory on guarded:0)", "(float64[4, 3])",
    ]  # fmt: skip
    assert [programs[0].backend for programs in compiled.programs.values()] == ["numpy", "numpy", "c"]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.complex128, np.int64, bool])
@pytest.mark.parametrize("shape", [(), (0, 3), (5,)])
def test_dtypes_and_shapes(dtype, shape):
    x = np.asarray(rng.uniform(1, 3, shape)).astype(dtype)
    f = lambda x: (x + x, np.sum(x), np.stack([x, x]))
    compiled = hoad.compile(f)
    for _ in range(2):
        for a, b in zip(compiled(there(x)), f(x), strict=True):
            assert isinstance(a, Guarded)
            assert (a.shape, a.dtype) == (np.shape(b), b.dtype)
            np.testing.assert_array_equal(a.data, b)
    assert eager(compiled) == [""]


def test_numbers_of_the_host_beside_arrays_of_a_device():
    compiled = hoad.compile(lambda x, a, b: (x * a, x / b, a + 1, np.sqrt(x) ** b))
    for dtype in (np.float64, np.float32):
        x = np.arange(1, 4).astype(dtype)
        for _ in range(2):
            found = compiled(there(x), 2.5, np.float64(2.0))
            assert [type(y) for y in found] == [Guarded, Guarded, np.float64, Guarded]
            assert [y.dtype for y in found] == [dtype, np.float64, np.float64, np.float64]
            np.testing.assert_allclose(found[0].data, x * 2.5, rtol=1e-6)
    assert eager(compiled) == ["", ""]


def test_arrays_of_the_host_must_not_meet_those_of_a_device():
    meet = hoad.compile(lambda x, d: x * d["w"])
    with pytest.raises(CompileError, match=r"arrays of the host \(argument 1\['w'\]\) .* Move them with cupy.asarray"):
        meet(there(np.ones(3)), {"w": np.ones(3)})
    apart = hoad.compile(lambda x, y: (np.sin(x), np.cos(y)))
    for _ in range(2):
        a, b = apart(there(np.ones(3)), np.ones(3))
        assert type(a) is Guarded
        np.testing.assert_array_equal(b, np.cos(np.ones(3)))
    assert eager(apart) == [""]


def test_arguments_on_several_devices_run_without_compilation(monkeypatch):
    places = iter([0, 1] * 4)
    backends.register(Guarded, replace(guarded.BACKEND, place=lambda x: next(places)))
    try:
        compiled = hoad.compile(lambda x, y: x + y)
        assert compiled(there(np.ones(2)), there(np.ones(2))).data.tolist() == [2.0, 2.0]
        assert eager(compiled) == ["its arguments are on several devices"]
    finally:
        backends.register(Guarded, guarded.BACKEND)


@pytest.mark.parametrize(("given", "variable", "used"), [(None, "", "cuda"), (None, "numpy", "numpy"), ("c", "", "numpy"),
                                                         ("cuda", "numpy", "cuda"), (None, "off", "off")])  # fmt: skip
def test_the_back_end_that_was_asked_for(monkeypatch, given, variable, used):
    monkeypatch.setenv("HOAD_COMPILE", variable)
    compiled = hoad.compile(np.sin, backend=given)
    assert compiled._there == used
    assert type(compiled(there(np.ones(2)))) is Guarded
    assert bool(compiled.programs) == (used != "off")


def test_writing_into_an_argument_is_an_error():
    def f(x):
        x[0] = 1.0
        return x

    with pytest.raises(ArgumentWriteError):
        hoad.compile(f)(there(np.zeros(3)))


# -- results ------------------------------------------------------------------------------------------------------------------


def test_results_share_no_memory_with_anything():
    f = hoad.compile(lambda x: (x, x.T, x[1:], LARGE, LARGE.T, np.zeros(2), np.sum(x)))
    x = there(np.ones((3, 3)))
    for _ in range(2):
        found = f(x)
        assert [type(y) for y in found] == [Guarded] * 5 + [np.ndarray, Guarded]
        for k, y in enumerate(found[:5]):
            assert not any(np.may_share_memory(y.data, z.data) for z in (x, LARGE, *found[:k])), k
        np.testing.assert_array_equal(found[4].data, LARGE.data.T)


def test_a_gradient_of_what_is_not_used_is_on_the_device():
    f = hoad.compile(hoad.grad(lambda a, b: np.sum(a**2), argnums=(0, 1)))
    for _ in range(2):
        a, b = f(there(np.ones(3)), there(np.ones(2)))
        assert a.data.tolist() == [2.0] * 3
        assert b.data.tolist() == [0.0] * 2


def test_functions_that_ask_for_types():
    alike = hoad.compile(lambda x: np.where(x > 1, np.nan, x) * 2 if hasattr(x, "dtype") else x)
    other = hoad.compile(lambda x: x * 2 if isinstance(x, Guarded) else x * 3)
    x = there(np.arange(4.0))
    for _ in range(2):
        np.testing.assert_array_equal(alike(x).data, [0.0, 2.0, np.nan, np.nan])
        np.testing.assert_array_equal(other(x).data, x.data * 2)
    assert eager(alike) == [""]
    assert "it asks for the types of values" in eager(other)[0]


# -- what is closed over ------------------------------------------------------------------------------------------------------


def test_arrays_that_are_closed_over_stay_on_the_device():
    f = hoad.compile(hoad.grad(lambda w: np.sum(np.tanh(LARGE @ w) ** 2)))
    w = there(rng.standard_normal(50))
    with counted() as sizes:
        for _ in range(3):
            f(w)
    assert max(sizes) <= 1, "only answers to comparisons of two recordings come to the host"
    with counted() as sizes:
        f(w)
    assert sizes == []
    assert "matmul(Guarded, v0)" in str(f.program)
    assert f.cost.operations > 3000
    assert "replay of" in f.explain()


class Model:
    def __init__(self, a):
        self.a = a

    def f(self, w):
        return np.sum(np.tanh(-self.a @ w))


def test_another_array_is_noticed_and_its_numbers_are_not():
    model, w = Model(LARGE), there(rng.standard_normal(50))
    f = hoad.compile(model.f)
    expected = lambda: np.sum(np.tanh(-model.a.data @ w.data))
    np.testing.assert_allclose(f(w).data, expected(), rtol=1e-13)
    model.a = there(LARGE.data * 0.5)
    np.testing.assert_allclose(f(w).data, expected(), rtol=1e-13)
    before = f(w).data
    model.a[...] = model.a * 3.0
    assert f(w).data == before
    f.clear()
    np.testing.assert_allclose(f(w).data, expected(), rtol=1e-13)


@pytest.mark.parametrize("size", [8, 5000])
def test_random_numbers_are_an_error(size):
    draws = np.random.default_rng(0)
    with pytest.raises(CompileError, match="Does it draw random numbers"):
        hoad.compile(lambda x: x * np.sum(there(draws.normal(size=size)) + 0.0))(there(np.ones(3)))


@pytest.mark.parametrize("size", [8, 5000])
def test_arrays_that_are_overwritten_later_in_the_function(size):
    kept = there(np.zeros(size))

    def f(x):
        kept[...] = 1.0
        y = x * kept
        kept[...] = 3.0
        again = there(np.full(size, 2.0))
        y = y * again
        again[...] = 7.0
        return np.sum(y * kept)

    compiled = hoad.compile(f)
    for _ in range(3):
        assert compiled(there(np.ones(size))).data == 6.0 * size


def test_branches_are_paths():
    def f(x):
        if np.sum(x) > 1:
            return x * 2
        return x / 2 if x[0] > 0 else x[int(np.argmax(x))] + x

    compiled = hoad.compile(f)
    for x in ([1.0, 2.0], [0.1, -0.5], [-1.0, 0.5], [-0.5, -1.0], [3.0, 1.0], [-1.0, 0.7]):
        expected = np.array(x)
        expected = expected * 2 if sum(x) > 1 else expected / 2 if x[0] > 0 else max(x) + expected
        np.testing.assert_array_equal(compiled(there(np.array(x))).data, expected)
    assert len(next(iter(compiled.programs.values()))) == 4
    assert eager(compiled) == [""]


# -- what becomes of constants ------------------------------------------------------------------------------------------------


def steps_of(f, *arguments):
    return record_twice(lambda xs: f(*xs), list(arguments), "f").steps


def test_large_constants_are_inputs_once_and_small_ones_come_to_the_host():
    index = there(np.arange(2000) % 50)

    def f(x):
        y = LARGE @ x + LARGE @ (2.0 * x)
        z = LARGE.T @ y + there(np.full((50,), 0.5)) + np.sum(there(np.zeros((40, 50))) * x)
        return z[index]

    steps, arrays = lifted(steps_of(f, there(np.ones(50))))
    assert [a is LARGE for a in arrays] == [True]
    assert [s.shape for s in steps.inputs] == [(50,), (60, 50)]
    steps.check()
    constants = [a for s in steps.steps for a in (*s.args, *s.kw.values()) if isinstance(a, np.ndarray | Guarded)]
    assert all(type(a) is np.ndarray for a in constants)
    assert any(a.size == 2000 and not any(a.strides) for a in constants), "zeros take no memory"
    assert "transpose" in [s.primitive.name for s in steps.steps]
    from hoad.compiler.replay import Replay

    np.testing.assert_allclose(
        Replay(steps)([np.ones(50), LARGE.data])[0][0],
        (LARGE.data.T @ (3 * LARGE.data @ np.ones(50)) + 0.5)[index.data], rtol=1e-13,
    )  # fmt: skip


def test_constants_of_loops_are_inputs_of_their_bodies():
    def f(x, us):
        step = lambda c, u: (np.tanh(LARGE[:50] @ c + u), np.sum(LARGE.T[:, :50] @ c))
        return hoad.scan(step, x, us)

    x, us = rng.standard_normal(50), 0.1 * rng.standard_normal((7, 50))
    recorded = steps_of(f, there(x), there(us))
    assert "loop" in [s.primitive.name for s in recorded.steps]
    steps, arrays = lifted(recorded)
    steps.check()
    assert [a.shape for a in arrays] == [(50, 50)], "one is the transpose of the other"
    from hoad.compiler.replay import Replay

    compiled = hoad.compile(f)
    for _ in range(2):
        found = compiled(there(x), there(us))
        placed = Replay(steps)([x, us, *(a.data for a in arrays)])[0]
        a, c, ys = LARGE.data, x, []
        for u in us:
            ys.append(np.sum(a.T[:, :50] @ c))
            c = np.tanh(a[:50] @ c + u)
        for y, z, expected in zip(found, placed, (c, np.array(ys)), strict=True):
            np.testing.assert_allclose(y.data, expected, rtol=1e-12)
            np.testing.assert_allclose(z, expected, rtol=1e-12)
    assert eager(compiled) == [""]


def loops(w, us, mask):
    """Functions with loops in which numbers of the host and arrays of a device meet."""
    return {
        "fori": lambda x: hoad.fori_loop(0, 7, lambda k, c: np.tanh(w @ c) * (k + 1.0) + us[k], x),
        "backwards": lambda x: hoad.scan(lambda c, u: (np.where(mask, np.tanh(c + u), c * u), c), x, us, reverse=True)[1],
        "a counter": lambda x: hoad.scan(lambda c, u: ((c[0] * 0.5 + u, c[1] + 1), c[1] * u), (x, 0), us)[1],
        "a number at first": lambda x: hoad.scan(lambda c, u: (c + np.sum(u * x), c), 0.0, us)[1],
        "a loop in a loop": lambda x: hoad.scan(lambda c, u: (hoad.fori_loop(0, 3, lambda k, d: np.sin(d) + u, c), c), x, us)[1],
        "what is closed over alone": lambda x: hoad.scan(lambda c, u: (c * 0.5, us[0] + u), 0.5, np.arange(9.0))[1] * np.sum(x),
        "nothing to go through": lambda x: hoad.scan(lambda c, _: (c * 0.9, np.max(c)), x, None, length=5)[1],
    }


@pytest.mark.parametrize("name", loops(None, None, None))
def test_loops_on_the_device(name):
    w, us, mask, x = 0.3 * rng.standard_normal((6, 6)), rng.standard_normal((9, 6)), np.arange(6) % 2 > 0, rng.standard_normal(6)
    f, g = loops(there(w), there(us), there(mask))[name], loops(w, us, mask)[name]
    squared = lambda h: hoad.grad(lambda x: np.sum(h(x) ** 2))
    for on_device, on_host in ((f, g), (squared(f), squared(g))):
        compiled = hoad.compile(on_device)
        for _ in range(2):
            np.testing.assert_allclose(compiled(there(x)).data, on_host(x), rtol=1e-11)
        assert eager(compiled) == [""]
        np.testing.assert_allclose(on_device(there(x)).data, on_host(x), rtol=1e-11)


def test_maps_that_are_applied_again_and_operators():
    f, x, v = lambda w: np.sum(np.tanh(LARGE @ w) ** 2), rng.standard_normal(50), rng.standard_normal(50)
    g = lambda w: np.sum(np.tanh(LARGE.data @ w) ** 2)
    expected = hoad.hvp(g, x, v)
    H = hoad.HessianOperator(f, there(x), compile=True)
    point = there(x.copy())
    push = hoad.linearize_hvp(f, point, compile=True)[2]
    tangent = hoad.linearize(lambda w: w * w[::-1], point, compile=True)[1]
    point[...] = point * 2.0
    for _ in range(3):
        np.testing.assert_allclose((H @ there(v)).data, expected, rtol=1e-11)
        np.testing.assert_allclose((H.T @ there(v)).data, expected, rtol=1e-11)
        np.testing.assert_allclose(push(there(v)).data, expected, rtol=1e-11)
        np.testing.assert_allclose(tangent(there(v)).data, v * x[::-1] + x * v[::-1], rtol=1e-13)
    np.testing.assert_allclose((H @ there(np.stack([v, x], 1))).data[:, 0], expected, rtol=1e-11)
    J = hoad.JacobianOperator(lambda w: np.tanh(LARGE @ w), there(x), compile=True)
    dense = hoad.jacobian(lambda w: np.tanh(LARGE.data @ w))(x)
    for _ in range(3):
        np.testing.assert_allclose((J @ there(v)).data, dense @ v, rtol=1e-11)
        np.testing.assert_allclose((J.T @ there(LARGE.data[:, 0])).data, dense.T @ LARGE.data[:, 0], rtol=1e-11)


class Broken:
    """A device whose compiler fails, or whose functions cannot be run."""

    def __init__(self, when):
        self.when = when

    def key(self):
        return (0,)

    def functions(self, source, names):
        if self.when == "compiled":
            raise RuntimeError("nvrtc: error")
        return names

    def __getattr__(self, name):
        raise RuntimeError(f"no {name} here")


@pytest.mark.parametrize(("when", "text"), [("compiled", "compiled functions run as calls of guarded"), ("run", "CUDA failed")])
def test_without_cuda_steps_are_repeated_and_one_line_says_so(caplog, when, text):
    backends.register(Guarded, replace(guarded.BACKEND, device=lambda: Broken(when)))
    settings._said.clear()
    try:
        with caplog.at_level(logging.WARNING, "hoad"):
            for _ in range(2):
                f = hoad.compile(lambda x: np.sin(x) * 2)
                for _ in range(2):
                    np.testing.assert_array_equal(f(there(np.ones(3))).data, np.sin(np.ones(3)) * 2)
                assert f.program.backend == "numpy"
    finally:
        backends.register(Guarded, guarded.BACKEND)
    lines = [r.getMessage() for r in caplog.records if text in r.getMessage()]
    assert len(lines) == 1
