"""CUDA devices: CuPy arrays.  The one file that imports CuPy; it is imported when the first CuPy array is met."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import cupy
import cupyx
import numpy as np

from hoad.backends import Backend, cublas

__all__ = ["BACKEND", "CupyDevice", "device"]

WORKSPACE = 1 << 22
"""Bytes that cuBLAS may use on a stream."""


def _special() -> Any:
    import cupyx.scipy.special

    return cupyx.scipy.special


def _place(x: Any) -> int:
    number: int = x.device.id
    return number


def _address(x: Any) -> int:
    number: int = x.data.ptr
    return number


_gemm: dict[int, cublas.Gemm | None] = {}
_workspaces: dict[Any, Any] = {}


def _products() -> cublas.Gemm | None:
    """cuBLAS without CuPy, if it gives what CuPy gives on the current device."""
    here = cupy.cuda.Device().id
    if here not in _gemm:
        try:
            gemm = cublas.Gemm(cublas.loaded(cupy.cuda.runtime.runtimeGetVersion() // 1000))
            _gemm[here] = gemm if _agrees(gemm) else None
        except Exception:  # another system, another version
            _gemm[here] = None
    return _gemm[here]


def _agrees(gemm: cublas.Gemm) -> bool:
    found = True
    for dtype in (np.float64, np.float32):
        x, y = cupy.arange(6, dtype=dtype).reshape(2, 3), cupy.arange(12, dtype=dtype).reshape(3, 4) - 5
        for a, b in ((x, y), (x.T.copy().T, y), (x, y.T.copy().T), (x.T.copy().T, y.T.copy().T)):
            out = cupy.zeros((2, 4), dtype)
            _multiply(gemm, a, b, out, _key())
            found = found and bool((out == cupy.dot(a, b)).all())
    return found


def _key() -> tuple[Any, ...]:
    stream = cupy.cuda.get_current_stream().ptr
    own = stream == cupy.cuda.Stream.ptds.ptr
    return cupy.cuda.Device().id, stream, threading.get_ident() if own else None


def _multiply(gemm: cublas.Gemm, a: Any, b: Any, out: Any, key: Any) -> None:
    stream = cupy.cuda.get_current_stream().ptr
    memory = _workspaces.get(key)
    if memory is None:
        memory = _workspaces[key] = cupy.empty((WORKSPACE,), np.uint8)
    pointers = (a.data.ptr, b.data.ptr, out.data.ptr)
    gemm(cupy.cuda.Device().cublas_handle, stream, (memory.data.ptr, WORKSPACE), (a, b, out), pointers)


class CupyDevice:
    """What compiled programs need of a device: the current one, and its current stream, at the time of each call."""

    def __init__(self) -> None:
        self._queue: Any = None

    def beside(self, arrays: Sequence[Any]) -> AbstractContextManager[Any]:
        """The device of these arrays as the current one."""
        there = {x.device.id: x.device for x in arrays if isinstance(x, cupy.ndarray)}
        if len(there) > 1:
            raise ValueError(f"arrays are on devices {sorted(there)}, expected one device")
        return next(iter(there.values()), nullcontext())

    def key(self) -> tuple[Any, ...]:
        """Device and stream; the thread as well where each thread has a stream of that name."""
        return _key()

    def functions(self, source: str, names: Sequence[str]) -> list[Any]:
        """Compiled functions; neither products and sums nor anything else is contracted. CuPy keeps them in its own cache."""
        module = cupy.RawModule(code=source, options=("--std=c++17", "--fmad=false"))
        return [module.get_function(name) for name in names]

    def launch(self, function: Any, grid: int, block: int, arguments: Sequence[Any]) -> None:
        """Queue a function; ints are C's ints."""
        function((grid,), (block,), tuple(np.int32(a) if isinstance(a, int) else a for a in arguments))

    def capture(self, run: Callable[[], None]) -> Callable[[], None]:
        """What ``run`` queues, as a graph that is queued on the current stream.

        What is allocated meanwhile comes from memory that belongs to the graph, since each launch writes there again.
        """
        stream, pool = cupy.cuda.Stream(non_blocking=True), cupy.cuda.MemoryPool()
        queue = _key()
        cupy.cuda.Device().cublas_handle  # noqa: B018  # made here, where it may wait for the device
        with stream, cupy.cuda.using_allocator(pool.malloc):
            stream.begin_capture()
            self._queue = queue
            try:
                run()
            except BaseException:
                _abandon(stream)
                raise
            finally:
                self._queue = None
            graph = stream.end_capture()

        def launch(pool: Any = pool) -> None:
            graph.launch()

        return launch

    def call(self, function: Callable[..., Any], arguments: Sequence[Any], keywords: dict[str, Any]) -> Any:
        """A function of CuPy."""
        return function(*arguments, **keywords)

    def holds(self, x: Any) -> bool:
        """Whether x is a CuPy array."""
        return isinstance(x, cupy.ndarray)

    def address(self, x: Any) -> int:
        """Where an array begins."""
        return _address(x)

    def asarray(self, x: Any) -> Any:
        """A CuPy array in C order."""
        return cupy.asarray(x, order="C")

    def upload(self, x: Any) -> Any:
        """A copy on the device that all streams may read from now on."""
        return cupy.asarray(x, order="C", blocking=True)

    def copy(self, source: Any, out: Any) -> None:
        """out[...] = source, for arrays of one shape and dtype."""
        cupy.copyto(out, source)

    def to_host(self, x: Any) -> Any:
        """A NumPy array; waits for the stream."""
        return cupy.asnumpy(x)

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """Memory of CuPy's pool."""
        return cupy.empty(shape, dtype)

    def view(self, memory: Any, offset: int, shape: tuple[int, ...], dtype: Any) -> Any:
        """A part of an array of bytes as an array."""
        return cupy.ndarray(shape, dtype, memory.data + offset)

    def matmul(self, a: Any, b: Any, out: Any) -> None:
        """out = a b by cuBLAS."""
        if not a.size:
            out.fill(0)
            return
        gemm = _gemm.get(cupy.cuda.Device().id) if self._queue is not None else _products()
        if gemm is None:
            cupy.dot(a, b, out=out)
        else:
            _multiply(gemm, a, b, out, self._queue or _key())


def _abandon(stream: Any) -> None:
    """End a capture that failed."""
    try:
        stream.end_capture()
    except Exception:  # what was queued cannot be a graph: the stream is as before all the same
        pass


def device() -> CupyDevice:
    """The devices of CuPy; raises where there is none."""
    cupy.cuda.runtime.getDevice()
    if not cupy.cuda.runtime.getDeviceCount():
        raise RuntimeError("CuPy sees no device")
    return CupyDevice()


BACKEND = Backend(
    name="cupy",
    asarray=cupy.asarray,
    arange=cupy.arange,
    to_host=cupy.asnumpy,
    synchronise=lambda: cupy.cuda.get_current_stream().synchronize(),
    scatter_add=cupyx.scatter_add,
    special=_special,
    place=_place,
    address=_address,
    device=device,
)
