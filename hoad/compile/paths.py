"""The Programs of one signature: one for each path that the function has taken, found by the answers that Python got on the way."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optree

from hoad.compile import report, settings
from hoad.compile.recording import Recorded, answer
from hoad.compile.report import Cost
from hoad.compile.steps import Guard, Steps
from hoad.core.space import unflatten

__all__ = ["CompiledProgram", "Paths"]

log = logging.getLogger("hoad")

MOST_PATHS = 64
"""Programs for one signature; beyond, calls with this signature run without compilation."""

MOST_LOOKS = 4
"""Programs for one signature that hold for single values of an array only, because Python looked at its numbers."""

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
    """

    def __init__(self, recorded: Recorded, steps: Steps, executor: Any, signature: str, backend: str) -> None:
        self.recorded = recorded
        self.steps = steps
        self.executor = executor
        self.signature = signature
        self.backend = backend
        self.path = recorded.path
        self.constants = [(i, value) for i, (slot, value) in enumerate(recorded.steps.outputs) if slot is None]
        spec = recorded.spec
        plain = not self.constants and all(
            s or (slot is not None and steps.specs[slot].shape) for s, (slot, _) in zip(recorded.scalars, steps.outputs, strict=True)
        )
        self._plain = plain and not recorded.weak
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
        return self.executor.source  # type: ignore[no-any-return]

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

    def run(self, leaves: Sequence[Any]) -> tuple[Any, int, Any]:
        """(result, -1, None), or (None, index, answer) where an answer is not the recorded one."""
        fast = self.fast
        if fast is not None:
            y = fast(*leaves)
            if y is not NotImplemented:
                return (y if self.single or self.tuple else optree.tree_unflatten(self.recorded.spec, y)), -1, None
        outputs, answers = self.executor(leaves)
        for k, (found, guard) in enumerate(zip(answers, self.steps.guards, strict=False)):
            if found is not guard.value and answer(_like(found, guard.value)) != answer(guard.value):
                return outputs, k, _like(found, guard.value)
        return self.result(outputs), -1, None

    def result(self, outputs: Sequence[Any]) -> Any:
        """The result as the function gives it."""
        leaves = list(outputs)
        for i, scalar in enumerate(self.recorded.scalars):
            y = leaves[i]
            if scalar:
                leaves[i] = y[()] if hasattr(y, "dtype") else np.asarray(y)[()]
            elif not isinstance(y, np.ndarray):
                leaves[i] = np.asarray(y)
        for i, value in self.constants:
            leaves[i] = value.copy("K") if isinstance(value, np.ndarray) else value
        return unflatten(self.recorded.spec, leaves)


def _like(found: Any, expected: Any) -> Any:
    """An answer as the kind that was recorded."""
    if isinstance(expected, bool):
        return bool(found)
    return int(found) if isinstance(expected, int) else found


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

    def run(self, leaves: Sequence[Any]) -> tuple[CompiledProgram | None, Any]:
        """The Program that holds for these inputs and its result, or (None, None)."""
        programs = self.programs
        prefix: tuple[Any, ...] = ()
        for program in programs:
            if program.path[: len(prefix)] != prefix:
                continue
            try:
                result, at, found = program.run(leaves)
            except Exception:  # of a library, perhaps on a path that the function would not have taken
                return None, None
            if at < 0:
                if program is not programs[0]:
                    self.programs = (program, *(p for p in programs if p is not program))
                return program, result
            prefix = (*program.path[:at], (program.path[at][0], *answer(found)))
        return None, None

    def add(self, recorded: Recorded, leaves: Sequence[Any], backend: str) -> tuple[CompiledProgram | None, Any]:
        """A Program for a new path, and its result; (None, None) where the function has to run itself."""
        if recorded.failed:
            return self.give_up(f"the function caught an error of {recorded.failed}, a branch that no value describes")
        for known in self.programs:
            if known.path == recorded.path:  # rounding: an answer on the edge, or a step that cannot be repeated
                self.failures += 1
                if self.failures > MOST_FAILURES:
                    return self.give_up("a step gives other shapes or raises an error when it is repeated")
                return None, None
        if len(self.programs) >= MOST_PATHS:
            return self.give_up(f"it has more than {MOST_PATHS} paths")
        looks = [g for g in recorded.steps.guards if not isinstance(g.value, bool | int)]
        if looks and sum(any(not isinstance(g.value, bool | int) for g in p.steps.guards) for p in self.programs) >= MOST_LOOKS:
            return self.give_up(f"it looks at the numbers of arrays, in {looks[0].what}")
        steps = settings.optimised(recorded.steps, backend)
        program = CompiledProgram(recorded, steps, settings.executor_for(steps, backend), self.signature, backend)
        try:
            result, at, _ = program.run(leaves)
        except Exception as error:
            return self.give_up(f"its steps cannot be repeated ({type(error).__name__}: {error})")
        self.programs = (program, *self.programs)
        return (program, result) if at < 0 else (None, None)

    def give_up(self, why: str) -> tuple[None, None]:
        """Run without compilation from here on."""
        self.eager = why
        self.programs = ()
        settings.once("%s runs without compilation for %s: %s", self.name, self.signature, why)
        return None, None
