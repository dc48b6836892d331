"""CUDA programs compiled for a device where NVRTC is installed, and run where a device is found."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from hoad.compiler.cuda import build
from hoad.compiler.passes import optimise
from hoad.compiler.recording import record_twice
from tests.compiler import agreement, nvrtc
from tests.compiler.cuda_programs import LOOPS, PROGRAMS, assert_close, branches, expected_of, steps_of
from tests.compiler.emulated_cuda import EmulatedDevice
from tests.compiler.random_programs import draw


@pytest.mark.skipif(nvrtc.library() is None, reason="NVRTC is not installed: pip install nvidia-cuda-nvrtc-cu12")
@pytest.mark.parametrize("name", [*PROGRAMS, *(name for name in LOOPS if "400" not in name)])
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
