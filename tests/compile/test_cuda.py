"""CUDA C++ of compiled programs.

There is no device where these tests usually run.  The launches are therefore run on the host by an emulator that knows the extent of
every array and who has written what (``cuda_emulator.h``), their text is compiled for a device where NVRTC is installed, and everything is
run by CuPy where a device is found.
"""

from __future__ import annotations

import math
import shutil
import threading
import warnings

import numpy as np
import pytest
import scipy.special

import hoad
from hoad.compile.cuda import build, hosted
from hoad.compile.emit import cuda as printer
from hoad.compile.passes import optimise
from hoad.compile.recording import record_twice
from hoad.compile.steps import ArraySpec, Step, Steps, spec_of
from hoad.core.primitive import primitives
from hoad.errors import NoCompilerError
from hoad.modes.loop_steps import Body, loop_
from tests.compile import agreement, nvrtc, passes_corpus
from tests.compile.emulated_cuda import EmulatedDevice
from tests.compile.random_programs import draw

emulated = pytest.mark.skipif(shutil.which("g++") is None, reason="the emulator needs g++")
rng = np.random.default_rng(3)


# -- programs -----------------------------------------------------------------------------------------------------------------


def with_derivatives(f):
    return lambda x, v: (f(x), hoad.grad(f)(x), hoad.hvp(f, x, v))


def transcendental(x):
    return np.sum(np.tanh(x) * np.exp(-0.5 * x) + np.sin(x) * np.log(x))


def neo_hooke(F):
    J = np.linalg.det(F)
    return np.sum(0.5 * (np.einsum("...ij,...ij->...", F, F) - 3) - np.log(J) + 5 * np.log(J) ** 2)


DATA = rng.standard_normal((2600, 40))
LABELS = rng.choice([-1.0, 1.0], 2600)
WEIGHTS = rng.standard_normal((12, 12)) * 0.3


def logistic(w):
    return np.mean(np.log1p(np.exp(-LABELS * (DATA @ w)))) + 0.5 * np.sum(w**2)


def many_functions(x):
    y = x[::-1]
    one = [
        np.sqrt, np.cbrt, np.exp, np.exp2, np.expm1, np.log, np.log2, np.log10, np.log1p, np.sin, np.cos, np.tan, np.arcsin, np.arccos,
        np.arctan, np.sinh, np.cosh, np.tanh, np.arcsinh, np.arctanh, np.floor, np.ceil, np.trunc, np.rint, np.abs, np.sign,
        scipy.special.erf, scipy.special.erfc, scipy.special.expit,
    ]  # fmt: skip
    two = [np.power, np.arctan2, np.hypot, np.copysign, np.fmod, np.fmax, np.fmin, np.maximum, np.minimum]
    total = sum(f(x) for f in one) + sum(f(x, y) for f in two) + np.arccosh(1 + x)
    strange = np.where(np.isnan(x) | np.isinf(y) | ~np.isfinite(x) | np.signbit(x) | (x > y), np.nan, np.inf)
    return total, np.where(x > 0.5, -np.inf, strange), x <= y


def extremes(x):
    wild = np.where(x > 2.5, np.nan, x)
    return (
        np.max(wild, 1), np.min(wild, 0), np.max(x), np.min(x, 1), np.max(x, 0), np.prod(1 + 1e-3 * x, 0), np.prod(1 + 1e-3 * x, 1),
        np.any(x > 3, 1), np.any(x > 3, 0), np.all(x > -3, 0), np.all(x > -3), np.any(x > 30), np.max(wild),
    )  # fmt: skip


def pieces(x):
    """Boundaries and residues: boxes that begin anywhere, rows and columns that only some boxes have."""
    u = np.pad(x, 2)
    lap = u[3:-1, 2:-2] + u[1:-3, 2:-2] + u[2:-2, 3:-1] + u[2:-2, 1:-3] - 4 * x
    return np.sum(lap**2) + np.sum(np.sum(x[1::2, ::3] ** 3, 0) ** 2)


def rows_of_boxes(x):
    inside = np.zeros_like(x)
    inside[1::3, 2:-4] = np.sin(x[1::3, 2:-4])
    y = x + inside
    return np.sum(y * x, 1), np.sum(y * x, 0), np.max(y, 1), np.min(y, 0), np.sum(y), y


def sums_of_everything(x):
    return (
        x.sum(), x.sum(0), x.sum(1), x.sum(2), x.sum((0, 1)), x.sum((1, 2)), x.sum((0, 2)), (x * x).sum((0, 1, 2)),
        np.sin(x).sum((0, 1)), x[:, 1:].sum(0) * x[:, :-1].sum(0),
    )  # fmt: skip


def mixed(x):
    y = np.exp(-x)
    return y, y.sum(0), y.sum(1), y.sum(), np.max(y), y * x


def gathers(x):
    index = np.array([3, 1, 1, 0, 5, 2])
    return np.sum(x[index] ** 2 * x[2]) + np.sum(np.take(x, index[::-1], axis=0) ** 3)


def normal(*shape):
    return rng.standard_normal(shape)


def uniform(*shape):
    return rng.uniform(0.2, 0.9, shape)


PROGRAMS = {
    "Rosenbrock 9": (with_derivatives(passes_corpus.rosenbrock), uniform(9), normal(9)),
    "Rosenbrock 30000": (with_derivatives(passes_corpus.rosenbrock), uniform(30_000), normal(30_000)),
    "transcendental 10": (with_derivatives(transcendental), uniform(10), normal(10)),
    "transcendental 20000": (with_derivatives(transcendental), uniform(20_000), normal(20_000)),
    "neo-Hooke 1": (with_derivatives(neo_hooke), np.eye(3) + 0.1 * normal(3, 3), normal(3, 3)),
    "neo-Hooke 700": (with_derivatives(neo_hooke), np.eye(3) + 0.05 * normal(700, 3, 3), normal(700, 3, 3)),
    "logistic": (with_derivatives(logistic), 0.1 * normal(40), normal(40)),
    "network": (with_derivatives(passes_corpus.network), normal(67), normal(67)),
    "control loop": (with_derivatives(passes_corpus.control_loop), normal(12), normal(12)),
    "heat": (with_derivatives(passes_corpus.heat), normal(12), normal(12)),
    "pieces": (with_derivatives(pieces), normal(41, 37), normal(41, 37)),
    "rows of boxes": (rows_of_boxes, normal(60, 50)),
    "columns of boxes": (lambda x: rows_of_boxes(x.T), normal(45, 400)),
    "gathers": (with_derivatives(gathers), normal(6, 9), normal(6, 9)),
    "functions": (many_functions, uniform(300)),
    "functions in single precision": (many_functions, uniform(300).astype(np.float32)),
    "short rows": (lambda x: x.sum(1), normal(500, 13)),
    "rows of a warp": (lambda x: (x.sum(1), np.sin(x).sum(1)), normal(90, 200)),
    "long rows": (lambda x: x.sum(1), normal(11, 9000)),
    "rows of several blocks": (lambda x: (x.sum(1), x), normal(6, 70_000)),
    "narrow columns": (lambda x: x.sum(0), normal(5000, 7)),
    "wide columns": (lambda x: (x.sum(0), np.sum(x * x)), normal(300, 150)),
    "columns of several blocks": (lambda x: x.sum(0), normal(40_000, 6)),
    "full sums": (lambda x: (np.sum(x), np.sum(x * x), np.sum(np.abs(x))), normal(150_000)),
    "three axes": (sums_of_everything, normal(17, 23, 41)),
    "sums of single precision": (lambda x: (x.sum(0), x.sum(1), x.sum()), normal(700, 90).astype(np.float32)),
    "extremes": (extremes, normal(400, 70)),
    "mixed": (mixed, uniform(130, 60)),
    "products": (lambda a, b: (np.tanh(a @ b), a.T @ a, (b @ a).sum(0)), normal(40, 50), normal(50, 40)),
    "a library in between": (lambda a, x: np.sum(np.sin(np.linalg.solve(a + 12 * np.eye(12), np.exp(x)))) * x, normal(12, 12), normal(12)),
}


def steps_of(f, *arguments, passes=True):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        steps = record_twice(lambda xs: f(*xs), list(arguments), "program").steps
    return optimise(steps) if passes else steps


def expected_of(f, *arguments):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = f(*arguments)
    return list(y) if isinstance(y, tuple) else [y]


def assert_close(found, expected, name):
    assert len(found) == len(expected)
    for k, (x, y) in enumerate(zip(found, map(np.asarray, expected), strict=True)):
        assert (x.shape, x.dtype) == (y.shape, y.dtype), (name, k)
        if y.dtype == bool:
            np.testing.assert_array_equal(x, y, err_msg=f"{name} {k}")
            continue
        finite = np.isfinite(y)
        scale = np.abs(y[finite]).max(initial=0.0)
        bound = (2e-12 if y.dtype == np.float64 else 3e-5) * scale
        np.testing.assert_allclose(np.where(finite, x, 0), np.where(finite, y, 0), rtol=0, atol=bound, err_msg=f"{name} {k}")
        np.testing.assert_array_equal(np.where(finite, 0, x), np.where(finite, 0, y), err_msg=f"{name} {k}")


@pytest.fixture(scope="module")
def executors():
    """One for each program; their kernels are compiled together when the first one runs."""
    return {name: build(steps_of(f, *a), EmulatedDevice()) for name, (f, *a) in PROGRAMS.items()}


# -- results on the emulator --------------------------------------------------------------------------------------------------


@emulated
@pytest.mark.parametrize("name", PROGRAMS)
def test_results(name, executors):
    f, *arguments = PROGRAMS[name]
    expected = expected_of(f, *arguments)
    executor = executors[name]
    for _ in range(3):  # launches, capture, replay
        found, answers = executor(arguments)
        assert answers == [g.value for g in executor.steps.guards]
        assert_close(found, expected, name)


@emulated
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_launch_is_sound(name, executors):
    program = executors[name].program
    assert program.launches
    assert {launch.function for launch in program.launches} == set(range(len(program.functions)))
    for launch in program.launches:
        assert 1 <= launch.grid <= 2**31 - 1
        assert launch.block % 32 == 0
        assert 32 <= launch.block <= printer.BLOCK
        assert len(launch.places) <= printer.ARGUMENTS
        assert len(set(launch.places)) == len(launch.places), "pointers are declared not to overlap"
    assert "atomic" not in program.source


def test_shapes_of_launches():
    """A sum is a tree of few launches, rows and columns are shared by as many threads as they have terms for."""

    def launches(f, *arguments):
        program = build(steps_of(f, *arguments), EmulatedDevice()).program
        return [(launch.grid, launch.block) for launch in program.launches], program

    found, _ = launches(lambda x: np.exp(x), uniform(100_000))
    assert found == [(391, 256)]
    found, _ = launches(lambda x: np.sum(np.exp(x)), uniform(printer.ALONE))
    assert found == [(1, 256)]
    found, program = launches(lambda x: np.sum(np.exp(x)), uniform(1_000_000))
    assert found == [(489, 256), (1, 256)]
    assert [p.shape for p in program.places if p.kind == "scratch"] == [(489, 1)]
    found, _ = launches(lambda x: np.sum(x, 1), uniform(1000, 64))
    assert found == [(125, 256)]  # a warp for each row
    found, program = launches(lambda x: np.sum(x, 0), uniform(4000, 64))
    assert len(found) == 2
    assert found[0][0] == 2 * 63  # two tiles of columns, 63 parts of 64 rows for 8 lanes
    found, program = launches(lambda x: (np.sin(x), np.sum(np.sin(x), 1), np.sum(np.sin(x))), uniform(1000, 64))
    assert program.source.count("sin(") == 1, "one launch computes the values and both sums"
    found, program = launches(lambda x: np.sum(x), np.broadcast_to(1.0, (10**9,)))
    terms = 10**9 / (found[0][0] * found[0][1])
    assert terms <= printer.SERIAL, "what one thread adds up stays short, however long the sum"


@emulated
def test_sums_have_the_error_of_a_tree():
    x = 0.1 + 1e-3 * normal(1_000_000)
    executor = build(steps_of(lambda x: (np.sum(x), np.sum(x.reshape(10, -1), 1), np.sum(x.reshape(-1, 10), 0)), x), EmulatedDevice())
    (total, rows, columns), _ = executor([x])
    unit = np.finfo(float).eps
    assert abs(float(total) - math.fsum(x)) <= 4 * unit * math.fsum(x)
    for found, parts in ((rows, x.reshape(10, -1)), (columns, x.reshape(-1, 10).T)):
        for y, part in zip(found, parts, strict=True):
            assert abs(float(y) - math.fsum(part)) <= 4 * unit * math.fsum(part)


def reductions(seed):
    """A random expression of an array, summed (or the like) over random axes; lengths around those at which the launches change."""
    r = np.random.default_rng(seed)
    rank = int(r.integers(1, 4))
    lengths = [1, 2, 3, 5, 7, 8, 31, 32, 33, 64, 100, 129, 255, 257, 1000, 1024, 1500, 3000, 5000, 20_000]
    while True:
        shape = tuple(int(n) for n in r.choice(lengths, rank))
        if math.prod(shape) <= 60_000:
            break
    x = r.uniform(-1, 1, shape).astype(r.choice(["f8", "f8", "f4"]))
    cuts = [slice(None)] * rank
    for k, n in enumerate(shape):
        if n > 3 and r.random() < 0.4:
            cuts[k] = slice(int(r.integers(0, 2)), int(n - r.integers(0, 2)), int(r.integers(1, 3)))
    some = [tuple(sorted(int(a) for a in r.choice(rank, int(r.integers(1, rank + 1)), replace=False))) for _ in range(3)]
    names = [str(n) for n in r.choice(["sum", "sum", "sum", "max", "min", "prod", "any", "all", "mean"], 3)]

    def f(x):
        inside = np.zeros_like(x)
        inside[tuple(cuts)] = np.sin(x[tuple(cuts)])
        y = x * np.cos(x) + inside
        found = [inside * 2]
        for name, axes in zip(names, some, strict=True):
            z = 1 + y / 1000 if name == "prod" else y > 0.5 if name in ("any", "all") else y
            found.append(getattr(np, name)(z, axis=axes, keepdims=bool(seed % 2)))
        return tuple(found)

    return f, x


@emulated
def test_random_reductions():
    jobs = []
    for seed in range(60):
        f, x = reductions(seed)
        jobs.append((seed, f, x, build(steps_of(f, x, passes=seed % 3 > 0), EmulatedDevice())))
    for seed, f, x, executor in jobs:
        for _ in range(2):
            found, _ = executor([x])
            assert_close(found, expected_of(f, x), f"seed {seed}, {x.dtype}{x.shape}")


@emulated
@pytest.mark.parametrize(("special", "count"), [(False, 240), (True, 120)])
def test_random_programs(special, count):
    programs = [p for p in (draw(seed, special=special) for seed in range(10_000, 10_000 + count)) if agreement.kind_of(p)]
    assert len(programs) > count // 2
    jobs = []
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for k in range(0, len(programs), 4):
            some = programs[k : k + 4]
            call, _ = agreement.joined(some)
            leaves = [a for p in some for a in p.arguments()]
            steps = record_twice(lambda xs, call=call: call(*xs), leaves, "random").steps
            jobs.append((some, steps, leaves, build(optimise(steps), EmulatedDevice())))
        report = agreement.Report()
        for some, steps, leaves, executor in jobs:
            shaking = np.random.default_rng(1)
            expected = agreement.run(steps, leaves)
            shaken = [agreement.run(steps, leaves, shaking, special) for _ in range(agreement.RUNS)]
            for _ in range(2):
                found, _ = executor(leaves)
                for position, (x, y) in enumerate(zip(found, expected, strict=True)):
                    what = f"the launches of seeds {[p.seed for p in some]}"
                    agreement.close(x, y, [s[position] for s in shaken], position, what, report)
    assert report.numbers > 10 * count


# -- rolled loops -------------------------------------------------------------------------------------------------------------


def rolled(step, carry, xs, closed, length, reverse):
    """Steps of one loop, its arguments, and what it gives."""
    first = [*carry, *[x[0] for x in xs], *closed]
    body = record_twice(lambda v: step(*v), first, "step").steps
    specs = {k: tuple(s) for k, s in body.specs.items()}
    loop = Body(tuple(tuple(s) for s in body.inputs), tuple(body.steps), tuple(body.outputs), specs)
    arguments = [*carry, *xs, *closed]
    inputs = tuple(spec_of(a) for a in arguments)
    outputs = [ArraySpec((length, *shape) if k >= len(carry) else shape, dtype) for k, (shape, dtype) in enumerate(loop.output_specs())]
    n = len(inputs)
    kw = {"body": loop, "length": length, "carry": len(carry), "slices": len(xs), "reverse": reverse}
    only = Step(loop_, (None,) * n, tuple((k, k) for k in range(n)), kw, tuple(range(n, n + len(outputs))))
    steps = Steps(inputs, (only,), tuple((n + k, None) for k in range(len(outputs))), (), dict(enumerate((*inputs, *outputs))))
    return steps.check(), arguments, list(loop_.native(*arguments, **kw))


def loops():
    for reverse in (False, True):
        for length in (1, 6, 1200):
            yield f"recurrence {length} {reverse}", rolled(
                lambda s, n, u, w: (np.tanh(w @ s)[:3] + 0.5 * s * n + u, n * 0.9, np.sum(s**2), s[::-1] * u),
                [normal(3), np.ones(())], [normal(length, 3)], [normal(5, 3) * 0.3], length, reverse,
            )  # fmt: skip
            yield f"swap {length} {reverse}", rolled(
                lambda a, b, u: (b, 0.5 * a + u, a * b), [normal(2), normal(2)], [normal(length, 2)], [], length, reverse
            )
        yield f"products {reverse}", rolled(
            lambda x, u, b: (np.tanh(b @ x) + u, np.sum(u @ x, 0)), [normal(40, 40)], [normal(5, 40, 40)], [normal(40, 40) * 0.1], 5, reverse
        )


LOOPS = dict(loops())


@emulated
@pytest.mark.parametrize("name", LOOPS)
def test_rolled_loops(name):
    steps, arguments, expected = LOOPS[name]
    executor = build(steps, EmulatedDevice())
    assert any("repeated launches" in line for line in executor.explain)
    for _ in range(3):
        found, _ = executor(arguments)
        assert_close(found, expected, name)
    assert len(executor.program.launches) < 12, "the text does not grow with the length"


# -- the executor -------------------------------------------------------------------------------------------------------------


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


def branches(x):
    y = np.exp(x)
    if np.sum(y) > 10:
        return y * 2
    return y / 2 if y[0] < 1 else y


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


def test_constants_on_a_device_are_brought_to_the_host():
    from tests.backends.guarded import Guarded

    there = Guarded(np.arange(3.0))
    add = primitives["add"]
    steps = Steps((ArraySpec((3,), np.dtype(float)),), (Step(add, (None, there), ((0, 0),), {}, (1,)),), ((1, None), (None, there)))
    found = hosted(steps)
    assert type(found.steps[0].args[1]) is np.ndarray
    np.testing.assert_array_equal(found.steps[0].args[1], np.arange(3.0))
    assert type(found.outputs[1][1]) is np.ndarray
    assert steps.steps[0].args[1] is there


def test_without_a_device(monkeypatch):
    import hoad.compile.cuda as module

    def absent(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(module, "import_module", absent)
    with pytest.raises(NoCompilerError, match="no CUDA device was found .* expected CuPy and a device"):
        build(steps_of(np.sin, normal(3)))


def test_too_many_arrays_for_one_launch(monkeypatch):
    xs = [normal(700) for _ in range(9)]
    steps = steps_of(lambda *xs: sum(np.sin(x) for x in xs), *xs)
    monkeypatch.setattr(printer, "ARGUMENTS", 4)
    monkeypatch.setattr("hoad.compile.emit.launches.ARGUMENTS", 4)
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


# -- the emulator itself ------------------------------------------------------------------------------------------------------

HEAD = "__global__ void __launch_bounds__(256) k0(const double *__restrict__ p0, double *__restrict__ p1)\n"
WRONG = {
    "a place outside": "p1[threadIdx.x] = p0[threadIdx.x + 1];",
    "written by two threads": "p1[threadIdx.x / 2] = 1;",
    "written twice": "p1[threadIdx.x] = 1; p1[threadIdx.x] = 2;",
    "before it is written": "p1[threadIdx.x] += 1;",
    "read that another thread writes": "p1[threadIdx.x] = 1; __syncthreads(); p1[(threadIdx.x + 1) % 64] += 0;",
    "barrier that not all": "if (threadIdx.x < 7) __syncthreads();",
    "shuffle that not all": "if (threadIdx.x < 7) p1[threadIdx.x] = lanes_total<add_of, double, 32>(1.0);",
    "have no value": "if (threadIdx.x < 7) p1[threadIdx.x] = 1;",
}


@emulated
@pytest.mark.parametrize("what", WRONG)
def test_the_emulator_notices(what):
    device = EmulatedDevice()
    source = f'{printer_prelude()}extern "C" {{\n\n{HEAD}{{\n    {WRONG[what]} // total<\n}}\n\n}}\n'
    (function,) = device.functions(source, ["k0"])
    x, y = device.asarray(normal(64)), device.empty((64,), np.float64)
    with pytest.raises(AssertionError, match=what):
        device.launch(function, 1, 64, [x, y])
        device.to_host(y)


def printer_prelude():
    from hoad.compile.emit.cuda_prelude import PRELUDE

    return PRELUDE


# -- for real devices ---------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(nvrtc.library() is None, reason="NVRTC is not installed: pip install nvidia-cuda-nvrtc-cu12")
@pytest.mark.parametrize("name", [*PROGRAMS, *(name for name in LOOPS if "1200" not in name)])
def test_nvrtc_compiles(name):
    steps = steps_of(PROGRAMS[name][0], *PROGRAMS[name][1:]) if name in PROGRAMS else LOOPS[name][0]
    executor = build(steps, EmulatedDevice())
    EmulatedDevice.pending.pop()
    code, messages = nvrtc.compile_for(executor.source)
    assert code[:4] == b"\x7fELF"
    assert "error" not in messages


@pytest.mark.gpu
@pytest.mark.parametrize("name", [*PROGRAMS, *LOOPS])
@pytest.mark.parametrize("on_device", [False, True])
def test_on_a_device(name, on_device):
    import cupy

    if name in PROGRAMS:
        f, *arguments = PROGRAMS[name]
        steps, expected = steps_of(f, *arguments), expected_of(f, *arguments)
    else:
        steps, arguments, expected = LOOPS[name]
    executor = build(steps)
    given = [cupy.asarray(a) for a in arguments] if on_device else arguments
    for stream in (cupy.cuda.Stream.null, cupy.cuda.Stream(non_blocking=True)):
        with stream:
            for _ in range(3):
                found, _ = executor(given)
                assert all(isinstance(y, cupy.ndarray) == on_device for y in found)
                assert_close([cupy.asnumpy(y) for y in found], expected, name)


@pytest.mark.gpu
def test_random_programs_on_a_device():
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in range(10_000, 10_060):
            p = draw(seed)
            if agreement.kind_of(p) != "loops":
                continue
            leaves = p.arguments()
            steps = record_twice(lambda xs, p=p: p.function()(*xs), leaves, "random").steps
            shaking = np.random.default_rng(1)
            expected = agreement.run(steps, leaves)
            shaken = [agreement.run(steps, leaves, shaking) for _ in range(agreement.RUNS)]
            executor = build(optimise(steps))
            for _ in range(2):
                found, _ = executor(leaves)
                for k, (x, y) in enumerate(zip(found, expected, strict=True)):
                    agreement.close(x, y, [s[k] for s in shaken], k, f"seed {seed} on the device", agreement.Report())


@pytest.mark.gpu
def test_guards_on_a_device():
    executor = build(steps_of(branches, np.array([-1.0, 0.5, 0.0])))
    for _ in range(2):
        found, answers = executor([np.array([-2.0, 0.1, 0.3])])
        assert answers == [False, True]
        assert_close(found, expected_of(branches, np.array([-2.0, 0.1, 0.3])), "the same path")
        assert executor([np.array([3.0, 0.1, 0.3])]) == (None, [True])
