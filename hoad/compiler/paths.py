"""The Programs of one signature: one for each path that the function has taken, found by the answers that Python got on the way."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import optree

from hoad.backends import Backend, on_device, to_host
from hoad.compiler import report, settings
from hoad.compiler.placed import library_of
from hoad.compiler.recording import Recorded
from hoad.compiler.report import Cost
from hoad.compiler.steps import Guard, Steps
from hoad.core.space import unflatten
from hoad.modes.comparison import answer

__all__ = ["CompiledProgram", "Paths"]

log = logging.getLogger("hoad")

MOST_PATHS = 64
"""Programs for one signature; beyond, calls with this signature run without compilation."""

MOST_LOOKS = 4
"""Programs for one signature that hold for single values of an array only, because Python looked at its numbers."""

LATEST = 3
"""Programs that are tried by one call each, before the answers of the latest say which one it is."""

MOST_FAILURES = 3
"""Runs that raised although the function itself did not, before calls with this signature run without compilation."""


class CompiledProgram:
    """What a function did on one path, optimised, and what runs it.

    Attributes
    ----------
    steps : Steps
        After the passes.
    recorded : Recorded
        Before them.
    executor : object
    signature : str
    library : Backend or None
        The library of the device that holds some of the results.
    """

    def __init__(
        self, recorded: Recorded, steps: Steps, executor: Any, signature: str, backend: str, library: Backend | None = None
    ) -> None:
        self.recorded = recorded
        self.steps = steps
        self.executor = executor
        self.signature = signature
        self.backend = backend
        self.path = recorded.path
        self.constants = [(i, value) for i, (slot, value) in enumerate(steps.outputs) if slot is None]
        made = [slot is not None for slot, _ in recorded.steps.outputs]
        self.computed = [(i, scalar) for i, scalar in enumerate(recorded.scalars) if made[i]]
        spec = recorded.spec
        shapes = [() if slot is None else steps.specs[slot].shape for slot, _ in steps.outputs]
        plain = not self.constants and all(scalar or shapes[i] for i, scalar in self.computed)
        self.library = library
        self._there = [on_device(y) for y in recorded.results]
        self.recorded = replace(recorded, results=())
        self._plain = plain and not recorded.weak and library is None
        self.single = spec is None
        count = len(recorded.scalars)
        self.tuple = spec is not None and spec.type is tuple and spec.num_nodes == count + 1

    def __str__(self) -> str:
        return report.steps_as_text(self.steps)

    def __repr__(self) -> str:
        return f"<CompiledProgram for {self.signature}: {len(self.steps)} steps, {len(self.steps.guards)} guards, {self.backend}>"

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def guards(self) -> tuple[Guard, ...]:
        """What Python asked, and the answers for which the steps hold."""
        return self.steps.guards

    @property
    def source(self) -> str | None:
        """The generated code: C, or Python for NumPy."""
        return self.executor.source

    @property
    def cost(self) -> Cost:
        """Operations and bytes of one call."""
        return report.cost_of(self.steps)

    @property
    def fast(self) -> Callable[..., Any] | None:
        """The executor's builtin function, where its results are those of the function."""
        return self.executor.fast if self._plain else None

    @property
    def pending(self) -> bool:
        """Whether ``fast`` is still being prepared."""
        return self._plain and getattr(self.executor, "pending", False)

    def at_once(self, leaves: Sequence[Any]) -> Any:
        """The result by one call, or NotImplemented where that cannot be had or an answer is another one."""
        fast = self.fast
        if fast is None:
            return NotImplemented
        y = fast(*leaves)
        return y if y is NotImplemented or self.single or self.tuple else optree.tree_unflatten(self.recorded.spec, y)

    def run(self, leaves: Sequence[Any]) -> tuple[Any, int, Any]:
        """(result, -1, None), or (None, index, answer) where an answer is not the recorded one."""
        outputs, answers = self.executor(leaves)
        for k, (found, guard) in enumerate(zip(answers, self.steps.guards, strict=False)):
            if found is not guard.value and answer(_like(found, guard.value)) != answer(guard.value):
                return outputs, k, _like(found, guard.value)
        return self.result(outputs), -1, None

    def result(self, outputs: Sequence[Any]) -> Any:
        """The result as the function gives it."""
        leaves = list(outputs)
        if self.library is not None:
            return unflatten(self.recorded.spec, self._in_place(leaves))
        for i, value in self.constants:
            leaves[i] = value.copy("K") if isinstance(value, np.ndarray) else value
        for i, scalar in self.computed:
            y = leaves[i]
            if scalar:
                leaves[i] = y[()] if hasattr(y, "dtype") else np.asarray(y)[()]
            elif not isinstance(y, np.ndarray):
                leaves[i] = np.asarray(y)
        return unflatten(self.recorded.spec, leaves)

    def _in_place(self, leaves: list[Any]) -> list[Any]:
        """Results where the function leaves them: on the device or on the host."""
        assert self.library is not None
        for i, value in self.constants:
            if not self._there[i]:
                leaves[i] = value.copy("K") if isinstance(value, np.ndarray) else value
        constant = {i for i, _ in self.constants}
        for i, (y, there) in enumerate(zip(leaves, self._there, strict=True)):
            if there:
                leaves[i] = y if on_device(y) else self.library.asarray(np.array(y))
            elif i not in constant:
                y = np.asarray(to_host(y) if on_device(y) else y)
                leaves[i] = y[()] if self.recorded.scalars[i] else y
        return leaves


def _like(found: Any, expected: Any) -> Any:
    """An answer as the kind that was recorded."""
    if isinstance(expected, bool):
        return bool(found)
    return int(found) if isinstance(expected, int) else found


def _unrepeatable(error: Exception) -> str:
    return f"its steps cannot be repeated ({type(error).__name__}: {str(error).partition('. ')[0]})"


class Paths:
    """The Programs of one signature, the latest first.

    Attributes
    ----------
    eager : str
        Why calls run without compilation; empty as long as they do not.
    """

    def __init__(self, signature: str, name: str) -> None:
        self.programs: tuple[CompiledProgram, ...] = ()
        self.eager = ""
        self.signature = signature
        self.name = name
        self.failures = 0

    def run(self, leaves: Sequence[Any], tried: CompiledProgram | None = None) -> tuple[CompiledProgram | None, Any]:
        """The Program that holds for these inputs and its result, or (None, None); ``tried`` was called with them in vain."""
        programs = self.programs
        for program in programs[:LATEST]:
            if program is not tried:
                result = program.at_once(leaves)
                if result is not NotImplemented:
                    self._first(program)
                    return program, result
        prefix: tuple[Any, ...] = ()
        for program in programs:
            if program.path[: len(prefix)] != prefix:
                continue
            try:
                result, at, found = program.run(leaves)
            except Exception:  # of a library, perhaps on a path that the function would not have taken
                return None, None
            if at < 0:
                self._first(program)
                return program, result
            prefix = (*program.path[:at], (program.path[at][0], *answer(found)))
        return None, None

    def _first(self, program: CompiledProgram) -> None:
        programs = self.programs
        if programs and program is not programs[0]:
            self.programs = (program, *(p for p in programs if p is not program))

    def add(
        self, recorded: Recorded, leaves: Sequence[Any], backend: str, there: str | None = None
    ) -> tuple[CompiledProgram | None, Any]:
        """A Program for a new path, and its result; (None, None) where the function has to run itself.

        ``there`` is the back end for arrays of a device; by default ``backend``.
        """
        if recorded.failed:
            return self.give_up(recorded.failed)
        for known in self.programs:
            if known.path == recorded.path:  # an answer on the edge, where rounding decides, or a step that cannot be repeated
                try:
                    known.run(leaves)
                except Exception as error:
                    self.failures += 1
                    if self.failures > MOST_FAILURES:
                        return self.give_up(_unrepeatable(error))
                return None, None
        if len(self.programs) >= MOST_PATHS:
            return self.give_up(f"it has more than {MOST_PATHS} paths")
        looks = [g for g in recorded.steps.guards if not isinstance(g.value, bool | int)]
        if looks and sum(any(not isinstance(g.value, bool | int) for g in p.steps.guards) for p in self.programs) >= MOST_LOOKS:
            return self.give_up(f"it looks at the numbers of arrays, in {looks[0].what}")
        steps = recorded.steps
        library = library_of(steps, (*leaves, *recorded.results))
        found = settings.made(steps, leaves, backend, there or backend)
        program = CompiledProgram(recorded, *found[:2], self.signature, found[2], library)
        try:
            result, at, _ = program.run(leaves)
        except Exception as error:
            if found[2] != "cuda":
                return self.give_up(_unrepeatable(error))
            settings.once("%s runs as calls of a library: CUDA failed (%s: %s)", self.name, type(error).__name__, error)
            found = settings.repeated(steps, leaves)
            program = CompiledProgram(recorded, *found[:2], self.signature, found[2], library)
            try:
                result, at, _ = program.run(leaves)
            except Exception as error:
                return self.give_up(_unrepeatable(error))
        self.programs = (program, *self.programs)
        return (program, result) if at < 0 else (None, None)

    def give_up(self, why: str) -> tuple[None, None]:
        """Run without compilation from here on."""
        self.eager = why
        self.programs = ()
        settings.once("%s runs without compilation for %s: %s", self.name, self.signature, why)
        return None, None
