"""Results of CUDA code, run on the host by an emulator that knows the extent of every array and who has written what.

See ``cuda_emulator.h``; its own tests are at the end.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from hoad.compiler.cuda import build
from hoad.compiler.emit import cuda_splits as splits
from hoad.compiler.emit.cuda import ARGUMENTS
from hoad.compiler.emit.cuda_prelude import PRELUDE
from hoad.compiler.passes import optimise
from hoad.compiler.recording import record_twice
from tests.compiler import agreement
from tests.compiler.cuda_programs import LOOPS, PROGRAMS, assert_close, emulated, expected_of, normal, steps_of, uniform
from tests.compiler.emulated_cuda import EmulatedDevice
from tests.compiler.random_programs import draw


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
        assert 32 <= launch.block <= splits.BLOCK
        assert len(launch.places) <= ARGUMENTS
        assert len(set(launch.places)) == len(launch.places), "pointers are declared not to overlap"
    assert "atomic" not in program.source


def test_shapes_of_launches():
    """A sum is a tree of few launches, rows and columns are shared by as many threads as they have terms for."""

    def launches(f, *arguments):
        program = build(steps_of(f, *arguments), EmulatedDevice()).program
        return [(launch.grid, launch.block) for launch in program.launches], program

    found, _ = launches(lambda x: np.exp(x), uniform(100_000))
    assert found == [(391, 256)]
    found, _ = launches(lambda x: np.sum(np.exp(x)), uniform(splits.ALONE))
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
    assert terms <= splits.SERIAL, "what one thread adds up stays short, however long the sum"


@emulated
def test_sums_have_the_error_of_a_tree():
    x = 0.1 + 1e-3 * normal(1_000_000)
    executor = build(
        steps_of(lambda x: (np.sum(x), np.sum(x.reshape(10, -1), 1), np.sum(x.reshape(-1, 10), 0)), x), EmulatedDevice()
    )
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


def unsigned(results):
    """The same with 0 for -0."""
    return [y + y.dtype.type(0) if y.dtype.kind in "fc" else y for y in map(np.asarray, results)]


@emulated
@pytest.mark.parametrize(("special", "count"), [(False, 100), (True, 60), pytest.param(False, 600, marks=pytest.mark.slow)])
def test_random_programs(special, count):
    """Signs of zeros do not count here: they come from the lowering, which other tests try with C."""
    programs = [p for p in (draw(seed, special=special) for seed in range(count)) if agreement.kind_of(p)]
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
            expected = unsigned(agreement.run(steps, leaves))
            shaken = [unsigned(agreement.run(steps, leaves, shaking, special)) for _ in range(agreement.RUNS)]
            for _ in range(2):
                found = unsigned(executor(leaves)[0])
                for position, (x, y) in enumerate(zip(found, expected, strict=True)):
                    what = f"the launches of seeds {[p.seed for p in some]}"
                    agreement.close(x, y, [s[position] for s in shaken], position, what, report)
    assert report.numbers > 10 * count


# -- rolled loops -------------------------------------------------------------------------------------------------------------


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
    assert all(len(set(launch.places)) == len(launch.places) for launch in executor.program.launches)


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
    source = f'{PRELUDE}extern "C" {{\n\n{HEAD}{{\n    {WRONG[what]} // total<\n}}\n\n}}\n'
    (function,) = device.functions(source, ["k0"])
    x, y = device.asarray(normal(64)), device.empty((64,), np.float64)

    def run():
        device.launch(function, 1, 64, [x, y])
        device.to_host(y)

    with pytest.raises(AssertionError, match=what):
        run()
