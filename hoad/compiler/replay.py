"""Replay: a Program as straight-line Python around the same NumPy calls that the function made, bit for bit.

Large results of ufuncs go into arrays that are kept from call to call and shared by results whose lives do not overlap.  Whether
such an array is free is what its reference count says when it is needed, so that a view that anybody still has never changes.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from hoad.compiler.steps import ArraySpec, Steps
from hoad.modes.constants import bits

__all__ = ["Replay", "ReplayError"]

LARGE = 1 << 14
"""Bytes from which a result goes into a kept array: below, a fresh one costs no more."""


class ReplayError(RuntimeError):
    """A step gave another shape or dtype than when it was recorded."""


# -- kept arrays --------------------------------------------------------------------------------------------------------------


def _references(arena: list[Any], k: int) -> int:
    array = arena[k]
    return sys.getrefcount(array)


_COUNTS = hasattr(sys, "getrefcount") and getattr(sys, "_is_gil_enabled", lambda: True)()
_FREE = _references([np.empty(1)], 0) if _COUNTS else 0


def _use(arena: list[Any], k: int) -> Any:
    """Array ``k``, or a new one in its place if somebody has it."""
    if not _COUNTS or _references(arena, k) > _FREE:
        old = arena[k]
        arena[k] = np.empty_like(old)
    return arena[k]


class _Allocation:
    """Which results share an array: those of one shape, dtype and layout whose lives do not overlap."""

    def __init__(self) -> None:
        self.layouts: list[tuple[tuple[int, ...], Any, tuple[int, ...]]] = []
        self._free: dict[Any, list[int]] = {}

    def take(self, layout: Any) -> int:
        free = self._free.setdefault(layout, [])
        if free:
            return free.pop()
        self.layouts.append(layout)
        return len(self.layouts) - 1

    def give(self, k: int) -> None:
        self._free[self.layouts[k]].append(k)

    def arena(self) -> list[Any]:
        return [np.ndarray(shape, dtype, strides=strides) for shape, dtype, strides in self.layouts]


# -- code ---------------------------------------------------------------------------------------------------------------------


def _identifier(name: str) -> str:
    text = "".join(c if c.isalnum() else "_" for c in name)
    return f"f_{text}"


class _Writer:
    """The lines of ``run(x, arena)`` and the names that they use."""

    def __init__(self, steps: Steps, layouts: dict[int, Any] | None) -> None:
        self.steps = steps
        self.layouts = layouts
        self.names: dict[str, Any] = {
            "use": _use, "same": _same, "fits": _fits, "ReplayError": ReplayError, "observe": None,
        }  # fmt: skip
        self._by_id: dict[int, str] = {}
        self._keep: list[Any] = []
        self.allocation = _Allocation()
        self.constants: set[int] = set()
        self.lines: list[str] = []

    def name(self, x: Any, prefix: str) -> str:
        """A global name for an object."""
        known = self._by_id.get(id(x))
        if known is None:
            if prefix.startswith("f_") and prefix not in self.names:
                known = prefix
            else:
                known = f"{prefix}{len(self._by_id)}"
            self._by_id[id(x)] = known
            self._keep.append(x)
            self.names[known] = x
        return known

    def constant(self, x: Any) -> str:
        """A constant, written out where that is its exact text."""
        if x is None or x is True or x is False or type(x) is int:
            return repr(x)
        if type(x) is float and x == x and abs(x) != float("inf"):
            return repr(x)
        if isinstance(x, np.ndarray):
            self.constants.add(id(x))
        return self.name(x, "c")

    def write(self) -> str:
        steps = self.steps
        count = len(steps.inputs)
        final = {slot for slot, _ in steps.outputs if slot is not None}
        last = {slot: i for i, step in enumerate(steps.steps) for _, slot in step.inputs}
        for g in steps.guards:
            last[g.slot] = len(steps.steps) if g.slot not in final else last.get(g.slot, 0)
        waiting = list(enumerate(steps.guards))
        known = set(range(count))
        held: dict[int, int] = {}
        if count:
            self.lines.append(f"({', '.join(f'v{i}' for i in range(count))},) = x")
        self._guards(waiting, known)
        for i, step in enumerate(steps.steps):
            out = step.outputs
            places = dict(step.inputs)
            args = [f"v{places[k]}" if k in places else self.constant(a) for k, a in enumerate(step.args)]
            native = step.primitive.native
            call = self.name(native, _identifier(step.primitive.name))
            if step.kw:
                args += [f"{k}={self.constant(v)}" for k, v in step.kw.items()]
            if len(out) == 1 and isinstance(native, np.ufunc) and out[0] not in final and self.layouts is not None:
                layout = self.layouts.get(out[0])
                if layout is not None:
                    held[out[0]] = k = self.allocation.take(layout)
                    args.append(f"out=use(arena, {k})")
            targets = ", ".join(f"v{o}" for o in out)
            self.lines.append(f"{targets}{',' if step.primitive.multi and len(out) == 1 else ''} = {call}({', '.join(args)})")
            if step.primitive.kind not in ("elementwise", "multilinear", "selecting") and not isinstance(native, np.ufunc):
                for o in out:
                    self.lines.append(f"if not fits(v{o}, {self.name(steps.specs[o], 's')}): raise ReplayError")
            if self.layouts is None:
                self.lines.append(f"observe({', '.join(f'{o}, v{o}' for o in out)})")
            known.update(out)
            self._guards(waiting, known)
            dead = [s for s in {s for _, s in step.inputs} if last[s] == i and s not in final]
            dead += [o for o in out if o not in last and o not in final]
            for s in dead:
                if s in held:
                    self.allocation.give(held.pop(s))
            big = [s for s in dead if s >= count and _bytes(steps, s) >= LARGE]
            if big:
                self.lines.append(f"del {', '.join(f'v{s}' for s in sorted(big))}")
        found = [f"v{slot}" if slot is not None else self.constant(value) for slot, value in steps.outputs]
        self.lines.append(f"return -1, [{', '.join(found)}]")
        return "def run(x, arena):\n    " + "\n    ".join(self.lines) + "\n"

    def _guards(self, waiting: list[Any], known: set[int]) -> None:
        """Compare what can be compared, in the order of the questions."""
        while waiting and waiting[0][1].slot in known:
            k, guard = waiting.pop(0)
            value = f"v{guard.slot}"
            if isinstance(guard.value, bool):
                self.lines.append(f"if bool({value}) is not {guard.value}: return {k}, {not guard.value}")
            elif isinstance(guard.value, int):
                self.lines.append(f"if int({value}) != {guard.value!r}: return {k}, int({value})")
            else:
                self.lines.append(f"if not same({value}, {self.name(guard.value, 'g')}): return {k}, {value}.copy()")


def _bytes(steps: Steps, slot: int) -> int:
    spec = steps.specs[slot]
    return prod(spec.shape) * spec.dtype.itemsize


def _fits(found: Any, spec: ArraySpec) -> bool:
    """Whether a library function gave the shape and dtype that were recorded; with some (roots, eigenvalues) the values decide."""
    return np.shape(found) == spec.shape and getattr(found, "dtype", spec.dtype) == spec.dtype


def _same(found: Any, expected: Any) -> bool:
    """Whether a value is another one, bit for bit."""
    return bool(found.dtype == expected.dtype and found.shape == expected.shape and bits(found) == bits(expected))


class Replay:
    """Runs steps with NumPy.

    Parameters
    ----------
    steps : Steps

    Attributes
    ----------
    fast : None
    source : str
        Python text.
    """

    fast = None

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self._expected = [g.value for g in steps.guards]
        writer = _Writer(steps, None)
        self.source = writer.write()
        self._observing = self._compiled(writer)
        self._names = writer.names
        self._run: Any = None
        self._constants = writer.constants
        self._idle: list[list[Any]] = []
        self._allocation = writer.allocation

    @property
    def explain(self) -> list[str]:
        """What is to be said about the execution."""
        kept = sum(prod(shape) * dtype.itemsize for shape, dtype, _ in self._allocation.layouts)
        return [f"NumPy replay of {len(self.steps)} steps, {len(self._allocation.layouts)} kept arrays ({kept} bytes)"]

    def __call__(self, leaves: Sequence[Any]) -> tuple[list[Any] | None, list[Any]]:
        """Results and answers; the results are None, and the answers end, where an answer is not the recorded one."""
        leaves = [x if hasattr(x, "dtype") else np.asarray(x)[()] for x in leaves]
        with np.errstate(all="ignore"):
            if self._run is None:
                return self._first(leaves)
            try:
                arena = self._idle.pop()
            except IndexError:
                arena = self._allocation.arena()
            at, found = self._run(leaves, arena)
            outputs = None if at >= 0 else self._owned(found, leaves, arena)
        if len(self._idle) < 2:
            self._idle.append(arena)
        return (outputs, self._expected) if at < 0 else (None, [*self._expected[:at], found])

    def _first(self, leaves: Sequence[Any]) -> tuple[list[Any] | None, list[Any]]:
        """A run that takes note of the layouts of results."""
        seen: dict[int, Any] = {}

        def observe(*pairs: Any) -> None:
            for slot, y in zip(pairs[::2], pairs[1::2], strict=True):
                if type(y) is np.ndarray and y.nbytes >= LARGE and 0 not in y.strides:
                    seen[slot] = (y.shape, y.dtype, y.strides)

        names = {**self._names, "observe": observe}
        exec(self._observing, names)  # the code was written here, from names of primitives and numbers
        at, found = names["run"](leaves, [])
        if at >= 0:
            return None, [*self._expected[:at], found]
        outputs = self._owned(found, leaves, [])
        writer = _Writer(self.steps, seen)
        self.source = writer.write()
        self._allocation, self._constants = writer.allocation, writer.constants
        names = writer.names
        exec(self._compiled(writer), names)
        self._run = names["run"]
        return outputs, self._expected

    def _compiled(self, writer: _Writer) -> Any:
        return compile("def run(x, arena):\n " + "\n ".join(writer.lines), "<replay>", "exec")

    def _owned(self, found: list[Any], leaves: Sequence[Any], arena: list[Any]) -> list[Any]:
        """Results that share no memory with anything."""
        seen = {id(x) for x in leaves} | {id(x) for x in arena} | self._constants
        out = []
        for y in found:
            if type(y) is np.ndarray:
                if y.base is not None or id(y) in seen:
                    y = y.copy("K")
                seen.add(id(y))
            out.append(y)
        return out
