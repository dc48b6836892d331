"""Native code run in parts, by ctypes: what there is between the parts may be anything."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from math import prod
from types import TracebackType
from typing import Any

import numpy as np

from hoad.compiler.calls.stub import address
from hoad.compiler.steps import ArraySpec, spec_of

__all__ = ["ALIGNMENT", "Frame", "NativeCallError", "Runner", "check_buffers", "layout", "plain_array", "plain_spec"]

Array = Any
ALIGNMENT = 64
"""Bytes: what scratch buffers are aligned to, a cache line and a vector register of AVX-512."""
PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_void_p, ctypes.c_long, ctypes.c_long)


class NativeCallError(RuntimeError):
    """Native code reported that it could not do its work."""


def layout(sizes: Sequence[int]) -> tuple[list[int], int]:
    """Offsets of buffers of these sizes (bytes), one behind the other and aligned, and the size of the whole."""
    offsets, total = [], 0
    for size in sizes:
        offsets.append(total)
        total += -(-size // ALIGNMENT) * ALIGNMENT
    return offsets, total


def check_buffers(
    inputs: Sequence[ArraySpec],
    outputs: Sequence[ArraySpec],
    constants: Sequence[np.ndarray],
    offsets: Sequence[int],
    total: int,
    guards: Sequence[tuple[int, bytes]],
    single: bool,
) -> None:
    for spec in (*inputs, *outputs):
        if spec.dtype.kind not in "biufc" or not spec.dtype.isnative:
            raise ValueError(f"native code takes numbers in native byte order, not {spec.dtype}.")
    for c in constants:
        if type(c) is not np.ndarray:
            raise TypeError(f"constants are ndarrays, not {type(c).__name__}.")
    if any(o < 0 or o > total or o % ALIGNMENT for o in offsets):
        raise ValueError(f"scratch offsets are multiples of {ALIGNMENT} from 0 to {total}, not {list(offsets)}.")
    count = len(inputs) + len(outputs) + len(constants) + len(offsets)
    if any(not 0 <= index < count for index, _ in guards):
        raise ValueError(f"guards look at buffers 0 to {count - 1}, not {[index for index, _ in guards]}.")
    if single and len(outputs) != 1:
        raise ValueError(f"single is for one output, not {len(outputs)}.")


def plain_spec(spec: ArraySpec) -> ArraySpec:
    """Without metadata, and with the one dtype object that NumPy's own arrays share."""
    dtype = np.dtype(spec.dtype.type)
    return ArraySpec(spec.shape, dtype) if dtype == spec.dtype else spec


def plain_array(x: Any, spec: ArraySpec, k: int) -> np.ndarray:
    """The argument as code can read it: itself, or a copy."""
    a = np.asarray(x)
    if a.shape != spec.shape:
        raise ValueError(f"input {k} has shape {a.shape}; the native code was made for {spec.shape}.")
    if a.dtype != spec.dtype:
        if not np.can_cast(a.dtype, spec.dtype, "equiv"):
            raise ValueError(f"input {k} has dtype {a.dtype}; the native code was made for {spec.dtype}.")
        a = a.astype(spec.dtype)
    return a if type(a) is np.ndarray and a.flags.c_contiguous and a.flags.aligned else np.array(a, order="C")


class Runner:
    """Native code that is run in parts, with anything in between.

    Parameters
    ----------
    run, inputs, outputs, constants, offsets, total, keep
        As for :func:`hoad.compiler.calls.call.make_fast`.

    Notes
    -----
    Several threads may use one runner at once, each with a frame of its own. The interpreter lock is released in native code.
    """

    def __init__(
        self,
        *,
        run: int,
        inputs: Sequence[ArraySpec],
        outputs: Sequence[ArraySpec],
        constants: Sequence[np.ndarray] = (),
        offsets: Sequence[int] = (),
        total: int = 0,
        keep: Any = None,
    ) -> None:
        check_buffers(inputs, outputs, constants, offsets, total, (), False)
        self.inputs, self.outputs = tuple(map(plain_spec, inputs)), tuple(map(plain_spec, outputs))
        self.constants = [plain_array(c, spec_of(c), k) for k, c in enumerate(constants)]
        self.offsets, self.total = tuple(offsets), total
        self._native = PROTOTYPE(run)
        self._keep = keep
        self._idle: list[_Arena] = []
        self._first = len(self.inputs) + len(self.outputs)

    def __repr__(self) -> str:
        return f"Runner({len(self.inputs)} inputs, {len(self.outputs)} outputs, {self.total} bytes of scratch)"

    def start(self, leaves: Sequence[Any]) -> Frame:
        """Buffers for one call: the leaves (copied where they are not C-contiguous), fresh outputs, scratch.

        Raises
        ------
        ValueError
            If number, shapes or dtypes of the leaves are not those of ``inputs``.
        """
        if len(leaves) != len(self.inputs):
            raise ValueError(f"this native code takes {len(self.inputs)} arrays, {len(leaves)} were given.")
        arrays = [plain_array(x, spec, k) for k, (x, spec) in enumerate(zip(leaves, self.inputs))]
        arrays += [np.empty(spec.shape, spec.dtype) for spec in self.outputs]
        try:
            arena = self._idle.pop()
        except IndexError:
            arena = _Arena(self)
        arena.table[: len(arrays)] = list(map(address(), arrays))
        return Frame(self, arena, arrays)


class _Arena:
    """Scratch memory and the table of buffers, for one call at a time."""

    __slots__ = ("address", "fixed", "scratch", "table")

    def __init__(self, runner: Runner) -> None:
        memory = np.empty(runner.total + ALIGNMENT, np.uint8)
        at = -memory.ctypes.data % ALIGNMENT
        self.scratch = memory[at : at + runner.total]
        start = memory.ctypes.data + at
        self.fixed = [c.ctypes.data for c in runner.constants] + [start + o for o in runner.offsets]
        self.table = np.array([0] * runner._first + self.fixed, np.uintp)
        self.address = self.table.ctypes.data


class Frame:
    """The buffers of one call of a :class:`Runner`; a context manager that gives the scratch memory back."""

    __slots__ = ("_arena", "_arrays", "_runner")

    def __init__(self, runner: Runner, arena: _Arena, arrays: list[np.ndarray]) -> None:
        self._runner = runner
        self._arena: _Arena | None = arena
        self._arrays = dict(enumerate(arrays))

    def __enter__(self) -> Frame:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def arena(self) -> _Arena:
        if self._arena is None:
            raise ValueError("this frame is closed: its scratch memory may be in use by another call.")
        return self._arena

    @property
    def outputs(self) -> list[np.ndarray]:
        """The outputs, complete when the code has run; shape () as arrays."""
        return [self._arrays[k] for k in range(len(self._runner.inputs), self._runner._first)]

    def close(self) -> None:
        """Give the scratch memory back: views of it (:meth:`view`) lose their meaning."""
        arena, self._arena = self._arena, None
        if arena is not None:
            first = self._runner._first
            if len(self._arrays) > first:  # pointers of constants or scratch were replaced
                arena.table[first:] = arena.fixed
            self._runner._idle.append(arena)

    def run(self, start: int, stop: int) -> None:
        """Carry out calls ``start`` to ``stop`` of the native table.

        Raises
        ------
        NativeCallError
            If the code reports a failure.
        """
        failed = self._runner._native(self.arena.address, start, stop)
        if failed:
            raise NativeCallError(f"native calls {start} to {stop} returned {failed}.")

    def view(self, index: int, spec: ArraySpec) -> Array:
        """Buffer number ``index`` (inputs, outputs, constants, scratch) as an array, without a copy."""
        runner = self._runner
        found = self._arrays.get(index)
        if found is None:
            k = index - runner._first
            n = len(runner.constants)
            found = runner.constants[k] if k < n else self.arena.scratch[runner.offsets[k - n] :]
        if found.dtype == spec.dtype and found.shape == spec.shape:
            return found
        size = prod(spec.shape) * spec.dtype.itemsize
        return found.reshape(-1).view(np.uint8)[:size].view(spec.dtype).reshape(spec.shape)

    def bind(self, index: int, array: np.ndarray) -> None:
        """Let the code use this C-contiguous array as buffer number ``index`` from here on."""
        if not (array.flags.c_contiguous and array.flags.aligned):
            raise ValueError("a buffer must be C-contiguous and aligned.")
        self.arena.table[index] = array.ctypes.data
        self._arrays[index] = array

    def bytes(self, index: int, size: int) -> bytes:
        """The first bytes of a buffer."""
        return ctypes.string_at(int(self.arena.table[index]), size)
