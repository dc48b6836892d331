"""Native code run in parts, with steps of Python's in between."""

from __future__ import annotations

import numpy as np
import pytest

from hoad.compiler.calls.call import NativeCallError, Runner
from hoad.compiler.steps import ArraySpec
from tests.compiler.call_tools import REAL, Sub, at, choose, library


@pytest.fixture(scope="module")
def kernels():
    return library()


@pytest.fixture(params=["builtin", "python"])
def way(request, monkeypatch):
    """Both ways to make a function, tested alike."""
    return choose(request.param, monkeypatch)


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
