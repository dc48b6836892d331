"""Calls of native code: from arrays to one table of buffers and back.

Native code exports ``long hoad_run(char **buffers, long start, long stop)``, which carries out calls ``start`` to ``stop`` of its
table on ``buffers`` (inputs, outputs, constants, scratch) and returns 0.  :func:`make_fast` gives a builtin function around it
that takes exactly the arrays that the code was made for; :class:`Runner` takes any strides and runs the code in parts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from hoad.compiler.calls.runner import Frame, NativeCallError, Runner, check_buffers, layout, plain_array, plain_spec
from hoad.compiler.calls.stub import NUMBERS, Memory, builtin, fast_calls, memory, stub
from hoad.compiler.steps import ArraySpec, spec_of

__all__ = ["Frame", "Memory", "NativeCallError", "Runner", "fast_calls", "layout", "make_fast", "memory"]


def make_fast(
    *,
    run: int,
    steps: int,
    inputs: Sequence[ArraySpec],
    outputs: Sequence[ArraySpec],
    constants: Sequence[np.ndarray] = (),
    offsets: Sequence[int] = (),
    total: int = 0,
    guards: Sequence[tuple[int, bytes]] = (),
    single: bool = False,
    release_gil: bool = False,
    numbers: Collection[int] = (),
    keep: Any = None,
) -> Callable[..., Any]:
    """A function of arrays that makes one native call, ``run(buffers, 0, steps)``.

    Parameters
    ----------
    run : int
        Address of ``hoad_run``.
    steps : int
    inputs, outputs : sequence of ArraySpec
        Shapes and dtypes, native byte order.
    constants : sequence of ndarray
        Read by the code, kept alive by the function.
    offsets : sequence of int
        Where the scratch buffers start in an arena of ``total`` bytes, which is aligned to 64 bytes (:func:`layout`). They may
        overlap. Each call that runs at the same time has an arena of its own.
    guards : sequence of (buffer index, bytes)
        What buffers must begin with, bit for bit, after the call.
    single : bool
        Return the only output itself instead of a tuple.
    release_gil : bool
        Let other Python threads run meanwhile; costs about 0.05 µs and pays where the call takes tens of µs.
    numbers : collection of int
        Inputs of shape () for which Python floats (dtype float64) and complex numbers (complex128) are taken as well. They may
        lead to other dtypes of results than NumPy's scalars of float64: only where the code was recorded with such a number.
    keep : object
        Kept alive by the function: the library that ``run`` lies in.

    Returns
    -------
    callable
        ``fast(*leaves)`` takes C-contiguous aligned arrays (class ``numpy.ndarray`` itself) of the shapes and dtypes of
        ``inputs``; for shape () also NumPy scalars of the dtype, and the Python numbers that ``numbers`` allows. It returns
        fresh arrays, NumPy scalars for shape (). It returns NotImplemented, and never raises, for all other arguments, where a
        guard finds another value, and where the code reports a failure. Several threads may call it at once.

    Notes
    -----
    A builtin function where :func:`fast_calls` is true, Python code with the same results elsewhere. The builtin takes about
    0.06 µs for two small arrays and one result. Results of 1 kB and more are aligned to 64 bytes, and their memory is used
    again when they are gone (:func:`memory`), which saves page faults.
    """
    inputs, outputs = tuple(map(plain_spec, inputs)), tuple(map(plain_spec, outputs))
    check_buffers(inputs, outputs, constants, offsets, total, guards, single)
    values = [plain_array(c, spec_of(c), k) for k, c in enumerate(constants)]
    library = stub()
    if library is None:
        runner = Runner(run=run, inputs=inputs, outputs=outputs, constants=values, offsets=offsets, total=total, keep=keep)
        return _plain(runner, steps, guards, single, numbers)
    return builtin(library, run, steps, inputs, outputs, values, offsets, total, guards, single, release_gil, numbers, keep)


def _plain(
    runner: Runner, steps: int, guards: Sequence[tuple[int, bytes]], single: bool, numbers: Collection[int]
) -> Callable[..., Any]:
    """What the builtin function does, with ctypes."""
    inputs = runner.inputs
    classes = [NUMBERS.get(s.dtype) if k in numbers and s.shape == () else None for k, s in enumerate(inputs)]

    def compiled(*leaves: Any, **names: Any) -> Any:
        if names or len(leaves) != len(inputs) or not all(map(_fits, leaves, inputs, classes)):
            return NotImplemented
        try:
            with runner.start([np.asarray(x) for x in leaves]) as frame:
                frame.run(0, steps)
                if any(frame.bytes(index, len(expected)) != expected for index, expected in guards):
                    return NotImplemented
                results = tuple(y if y.ndim else y[()] for y in frame.outputs)
        except (NativeCallError, MemoryError):
            return NotImplemented
        return results[0] if single else results

    return compiled


def _fits(x: Any, spec: ArraySpec, number: type | None) -> bool:
    """Whether the fast path takes an argument."""
    if type(x) is np.ndarray:
        return x.shape == spec.shape and x.dtype == spec.dtype and x.flags.c_contiguous and x.flags.aligned
    return spec.shape == () and type(x) in (spec.dtype.type, number)
