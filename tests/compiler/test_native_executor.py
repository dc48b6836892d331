"""Native code between calls of libraries: scratch memory that is used again, results of libraries that are not as recorded."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import hoad
from hoad.compiler.replay import ReplayError
from tests.compiler.toolchain_tools import needs_compiler

pytestmark = needs_compiler


def f(x):
    return np.sin(np.cumsum(np.fft.rfft(np.exp(x)).real)) * 2, np.fft.rfft(x).imag


def test_scratch_memory_is_used_again_and_belongs_to_no_result():
    compiled = hoad.compile(f)
    xs = [np.random.default_rng(k).standard_normal(400) for k in range(4)]
    found = [compiled(x) for x in xs]
    for x, pair in zip(xs, found, strict=True):
        for y, expected in zip(pair, f(x), strict=True):
            np.testing.assert_allclose(y, expected, rtol=1e-10, atol=1e-12)
    executor = compiled.program.executor
    assert executor.total > 0
    ((memory, _),) = executor._idle
    assert not any(np.may_share_memory(y, m) for pair in found for y in pair for m in memory)


def test_calls_at_the_same_time_have_memory_of_their_own():
    compiled, wrong = hoad.compile(f), []
    compiled(np.zeros(400))

    def work(k):
        x = np.random.default_rng(k).standard_normal(400)
        expected = f(x)
        for _ in range(40):
            if not all(np.allclose(y, z, atol=1e-12) for y, z in zip(compiled(x), expected, strict=True)):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(5)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
    assert 1 <= len(compiled.program.executor._idle) <= 2


def test_memory_is_given_back_after_an_error():
    compiled = hoad.compile(lambda a: np.linalg.inv(np.exp(a)) + np.sin(a))
    compiled(np.eye(5))
    executor = compiled.program.executor
    for _ in range(3):
        with pytest.raises(np.linalg.LinAlgError):
            executor([np.zeros((5, 5))])
    assert len(executor._idle) == 1


def test_results_of_another_dtype_or_shape_are_not_written():
    compiled = hoad.compile(lambda a: np.linalg.eigvals(np.sin(a)) * 2)
    real, turning = np.diag([0.1, 0.2, 0.3]), np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    assert compiled(real).dtype == float
    executor = compiled.program.executor
    with pytest.raises(ReplayError, match="eigvals gave complex128"):
        executor([turning])
    for a in (turning, real, turning, real):
        expected = np.linalg.eigvals(np.sin(a)) * 2
        found = compiled(a)
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-12)
