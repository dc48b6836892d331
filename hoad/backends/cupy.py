"""CUDA devices: CuPy arrays.  The one file that imports CuPy; it is imported when the first CuPy array is met."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import cupy
import cupyx
import numpy as np

from hoad.backends import Backend

__all__ = ["BACKEND", "CupyDevice", "device"]


def _special() -> Any:
    import cupyx.scipy.special

    return cupyx.scipy.special


BACKEND = Backend(
    name="cupy",
    asarray=cupy.asarray,
    arange=cupy.arange,
    to_host=cupy.asnumpy,
    synchronise=lambda: cupy.cuda.get_current_stream().synchronize(),
    scatter_add=cupyx.scatter_add,
    special=_special,
)


class CupyDevice:
    """What compiled programs need of a device: the current one, and its current stream, at the time of each call."""

    def key(self) -> tuple[Any, ...]:
        """Device and stream; the thread as well where each thread has a stream of that name."""
        stream = cupy.cuda.get_current_stream().ptr
        own = stream == cupy.cuda.Stream.ptds.ptr
        return cupy.cuda.Device().id, stream, threading.get_ident() if own else None

    def functions(self, source: str, names: Sequence[str]) -> list[Any]:
        """Compiled functions, with products and sums contracted, as is NVRTC's default; CuPy keeps them in its own cache."""
        module = cupy.RawModule(code=source, options=("--std=c++17", "--fmad=false"))
        return [module.get_function(name) for name in names]

    def launch(self, function: Any, grid: int, block: int, arguments: Sequence[Any]) -> None:
        """Queue a function; ints are C's ints."""
        function((grid,), (block,), tuple(np.int32(a) if isinstance(a, int) else a for a in arguments))

    def capture(self, run: Callable[[], None]) -> Callable[[], None]:
        """What ``run`` queues, as a graph that is queued on the current stream."""
        stream = cupy.cuda.Stream(non_blocking=True)
        with stream:
            stream.begin_capture()
            try:
                run()
            finally:
                graph = stream.end_capture()
        launch: Callable[[], None] = graph.launch
        return launch

    def holds(self, x: Any) -> bool:
        """Whether x is a CuPy array."""
        return isinstance(x, cupy.ndarray)

    def asarray(self, x: Any) -> Any:
        """A CuPy array in C order."""
        return cupy.asarray(x, order="C")

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
        cupy.dot(a, b, out=out)


def device() -> CupyDevice:
    """The devices of CuPy; raises where there is none."""
    cupy.cuda.runtime.getDevice()
    if not cupy.cuda.runtime.getDeviceCount():
        raise RuntimeError("CuPy sees no device")
    return CupyDevice()
