"""What CUDA programs need of a device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

__all__ = ["Device"]


class Device(Protocol):
    """What the executor needs of a device; arrays are those of its library."""

    def beside(self, arrays: Sequence[Any]) -> AbstractContextManager[Any]:
        """Makes the device of the arrays among these the current one."""

    def key(self) -> tuple[Any, ...]:
        """The device, the queue, and the thread that calls where queues belong to threads; each has its own buffers."""

    def functions(self, source: str, names: Sequence[str]) -> list[Any]:
        """Compile; functions by name."""

    def launch(self, function: Any, grid: int, block: int, arguments: Sequence[Any]) -> None:
        """Queue a function of arrays and ints on the current queue."""

    def capture(self, run: Callable[[], None]) -> Callable[[], None]:
        """What queues, when called, everything that ``run`` queues, as one; raises what ``run`` raises, or if that cannot be."""

    def call(self, function: Callable[..., Any], arguments: Sequence[Any], keywords: dict[str, Any]) -> Any:
        """A function of the library."""

    def holds(self, x: Any) -> bool:
        """Whether x is an array of this device."""

    def address(self, x: Any) -> int:
        """Where an array begins."""

    def asarray(self, x: Any) -> Any:
        """An array of the device in C order, itself if it is one already."""

    def upload(self, x: Any) -> Any:
        """A copy of an array of the host that all queues may read."""

    def copy(self, source: Any, out: Any) -> None:
        """Queue ``out[...] = source``."""

    def to_host(self, x: Any) -> Any:
        """A NumPy array; waits."""

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """An array whose values are not set."""

    def view(self, memory: Any, offset: int, shape: tuple[int, ...], dtype: Any) -> Any:
        """A part of an array of bytes as an array."""

    def matmul(self, a: Any, b: Any, out: Any) -> None:
        """out = a b, for matrices."""
