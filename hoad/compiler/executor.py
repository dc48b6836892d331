"""Runs a native program: one call where all of it is native, else native segments between calls of libraries."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hoad.compiler.calls.call import make_fast
from hoad.compiler.calls.stub import ready
from hoad.compiler.emit.program import Native
from hoad.compiler.loops.roots import Call
from hoad.compiler.loops.values import Constant, Input, Result, Value
from hoad.compiler.lower.lowering import LOOPS, Lowered, code
from hoad.compiler.replay import ReplayError
from hoad.compiler.steps import ArraySpec, Guard, Steps

__all__ = ["NativeExecutor", "answered", "arena"]

ALIGNMENT = 64
HEAVY = 20_000.0
"""Operations from which other Python threads may run meanwhile."""
IDLE = 2
"""Scratch memories that are kept for later calls; more are there only while more calls run at the same time."""


def arena(sizes: Sequence[tuple[int, int, int]]) -> tuple[list[int], int]:
    """Offsets of buffers of (bytes, first use, last use) that share memory where they are not in use at the same time."""
    free: list[tuple[int, int]] = []
    ends: list[tuple[int, int, int]] = []
    offsets = [0] * len(sizes)
    total = 0
    for k in sorted(range(len(sizes)), key=lambda k: sizes[k][1]):
        size, first, last = sizes[k]
        size = max(ALIGNMENT, -(-size // ALIGNMENT) * ALIGNMENT)
        still = []
        for end, at, width in ends:
            if end < first:
                free.append((at, width))
            else:
                still.append((end, at, width))
        ends = still
        free = _merged(free)
        fitting = [f for f in free if f[1] >= size]
        if fitting:
            at, width = min(fitting, key=lambda f: f[1])
            free.remove((at, width))
            if width > size:
                free.append((at + size, width - size))
        else:
            at = total
            if free and free[-1][0] + free[-1][1] == total:  # grow the last free one
                at = free.pop()[0]
            total = at + size
        offsets[k] = at
        ends.append((last, at, size))
    return offsets, total


def _merged(free: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for at, width in sorted(free):
        if found and found[-1][0] + found[-1][1] == at:
            found[-1] = (found[-1][0], found[-1][1] + width)
        else:
            found.append((at, width))
    return found


class NativeExecutor:
    """Steps as native code.

    Attributes
    ----------
    source : str
        The C text.
    explain : list of str
        What was fused, and what was not.
    """

    def __init__(self, steps: Steps, native: Native, lowered: Lowered, library: Any, source: str) -> None:
        self.steps, self.native, self.library, self.source = steps, native, library, source
        self.offsets, self.total = arena(native.buffers.scratch)
        self.specs = [ArraySpec(v.shape, np.dtype(v.dtype)) for v in native.buffers.outputs]
        self.expected = [np.asarray(g.value) for g in steps.guards]
        self.run: Any = None
        if library is not None:
            run = library.hoad_run
            run.argtypes, run.restype = [ctypes.c_void_p, ctypes.c_long, ctypes.c_long], ctypes.c_long
            self.run = run
        self.explain = _explanation(native, lowered, self.total)
        self._idle: list[tuple[list[Any], list[int]]] = []
        self._pure = library is not None and not any(isinstance(s, Call) for s in native.segments)
        self._fast: Callable[..., Any] | None = None

    @property
    def fast(self) -> Callable[..., Any] | None:
        """The builtin function around the one native call, once what it needs is there."""
        if self._fast is None and self._pure and ready():
            self._fast = self.make_fast()
            self._pure = self._fast is not None
        return self._fast

    @property
    def pending(self) -> bool:
        """Whether what the builtin function needs is still being compiled."""
        return self._fast is None and self._pure

    def make_fast(self) -> Callable[..., Any] | None:
        """The builtin function, where all results come from native code."""
        b = self.native.buffers
        if any(s.dtype.kind not in "biufc" for s in (*self.steps.inputs, *self.specs)):
            return None
        if any(v.dtype not in LOOPS for v in (*b.outputs, *b.guards)):
            return None
        guards = [(b.place[id(v)], x.astype(v.dtype).tobytes()) for v, x in zip(b.guards, self.expected, strict=True)]
        return make_fast(
            run=ctypes.cast(self.run, ctypes.c_void_p).value or 0,
            steps=self.native.calls,
            inputs=self.steps.inputs,
            outputs=self.specs,
            constants=[c.array for c in b.constants],
            offsets=self.offsets,
            total=self.total,
            guards=guards,
            single=len(self.specs) == 1,
            numbers=self.steps.numbers,
            release_gil=self.native.operations > HEAVY,
            keep=self.library,
        )

    def __call__(self, leaves: Sequence[Any]) -> tuple[list[Any] | None, list[Any]]:
        """Results and answers; the results are None, and the answers end, where an answer is not the recorded one."""
        inputs = [np.ascontiguousarray(x).reshape(np.shape(x)) for x in leaves]
        b = self.native.buffers
        outputs = [
            np.empty(s.shape, s.dtype) if v.dtype in LOOPS and not isinstance(v, Result) else None
            for v, s in zip(b.outputs, self.specs)
        ]
        fixed, addresses = self._scratch()
        arrays: list[Any] = [*inputs, *outputs, *fixed]
        moving = [None if a is None else a.ctypes.data for a in (*inputs, *outputs)]
        table = (ctypes.c_void_p * max(1, len(arrays)))(*moving, *addresses)
        known: dict[int, Any] = {}

        def array_of(v: Value) -> Any:
            if isinstance(v, Input):
                return inputs[v.slot]
            if isinstance(v, Constant):
                return v.array
            if id(v) in known:
                return known[id(v)]
            a = arrays[b.place[id(v)]]
            return a if a.dtype != np.uint8 or v.dtype == "u1" else a.view(v.dtype).reshape(v.shape)

        try:
            return self.carry_out(outputs, array_of, known, table)
        finally:
            if len(self._idle) < IDLE:
                self._idle.append((fixed, addresses))

    def _scratch(self) -> tuple[list[Any], list[int]]:
        """Constants and scratch arrays that no other call uses, and where they are."""
        try:
            return self._idle.pop()
        except IndexError:
            b = self.native.buffers
            memory = np.empty(self.total + ALIGNMENT, np.uint8)
            start = -memory.ctypes.data % ALIGNMENT
            fixed: list[Any] = [c.array for c in b.constants]
            fixed += [memory[start + o : start + o + size] for o, (size, _, _) in zip(self.offsets, b.scratch, strict=True)]
            return fixed, [a.ctypes.data for a in fixed]

    def carry_out(
        self, outputs: Sequence[Any], array_of: Any, known: dict[int, Any], table: Any
    ) -> tuple[list[Any] | None, list[Any]]:
        """Run everything; nothing that is returned lies in scratch memory."""
        for segment in self.native.segments:
            if isinstance(segment, Call):
                try:
                    self.call(segment, array_of, known, table)
                except Exception:
                    failed = self.answers(array_of, known)
                    if failed is None:
                        raise
                    return None, failed
            elif self.run(ctypes.addressof(table), *segment):
                raise RuntimeError("native code reported a failure. This is a bug of hoad; please report it.")
        failed = self.answers(array_of, known)
        if failed is not None:
            return None, failed
        results: list[Any] = []
        for v, out in zip(self.native.buffers.outputs, outputs, strict=True):
            if out is None:
                y = array_of(v)
                results.append(y.copy("K") if isinstance(y, np.ndarray) else y)
            else:
                results.append(out if out.ndim else out[()])
        return results, [g.value for g in self.steps.guards]

    def call(self, call: Call, array_of: Any, known: dict[int, Any], table: Any) -> None:
        """A step of a library."""
        step, fill = call.data
        args = list(step.args)
        for position, v in zip(fill, call.args, strict=True):
            a = array_of(v)
            args[position] = a if v.shape else a[()]
        with np.errstate(all="ignore"):
            y = step.primitive.native(*args, **step.kw)
        for v, part in zip(call.results, y if step.primitive.multi else (y,), strict=True):
            found = np.asarray(part)
            if found.shape != v.shape or code(found.dtype) != v.dtype:  # as with roots and eigenvalues that become complex
                raise ReplayError(f"{step.primitive.name} gave {found.dtype}{list(found.shape)}, expected {v.dtype}{list(v.shape)}")
            if v.dtype in LOOPS:
                part = np.ascontiguousarray(found).reshape(v.shape)
                place = self.native.buffers.place.get(id(v))
                if place is not None:
                    table[place] = part.ctypes.data
            known[id(v)] = part

    def answers(self, array_of: Any, known: dict[int, Any]) -> list[Any] | None:
        """The answers up to the first one that is not the recorded one, or None."""
        found: list[Any] = []
        for guard, v, expected in zip(self.steps.guards, self.native.buffers.guards, self.expected, strict=True):
            if isinstance(v, Result) and id(v) not in known:
                return None
            x = np.asarray(array_of(v)).reshape(expected.shape)
            answer, same = answered(guard, x, expected)
            found.append(answer)
            if not same:
                return found
        return None


def answered(guard: Guard, x: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> tuple[Any, bool]:
    """The answer to a question in the form of the recorded one, and whether it is that; ``x`` and ``expected`` as arrays.

    Raises
    ------
    LinAlgError
        If a check of a library failed.
    """
    if x.astype(expected.dtype).tobytes() == expected.tobytes():
        return guard.value, True
    if guard.slot < 0:
        raise np.linalg.LinAlgError(guard.what)
    return type(guard.value)(x[()]) if isinstance(guard.value, bool | int) else x.copy() if x.ndim else x[()], False


def _explanation(native: Native, lowered: Lowered, scratch: int) -> list[str]:
    work = f"{native.operations:.3g} operations"
    lines = [f"{native.calls} native calls of {native.kernels} kernels, {scratch} bytes of scratch memory, {work}"]
    names: dict[str, int] = {}
    for name in lowered.calls:
        names[name] = names.get(name, 0) + 1
    lines += [f"not in loops: {name}{f' ({n} times)' if n > 1 else ''} is a call of its library" for name, n in names.items()]
    return [*lines, *native.notes]
