"""Steps that hold for certain values of computed floating-point arrays, because Python looked at their numbers.

Such an array has to come out bit for bit as it did when it was recorded, which native roundings would miss.  So what it is computed
from is repeated by NumPy, and compared.  Where it is the same again it is a constant for all other steps, which native code runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hoad.compiler.replay import Replay
from hoad.compiler.steps import Guard, Step, Steps

__all__ = ["Looked", "rounded_looks"]

_MOVES = frozenset(("getitem", "reshape", "transpose", "broadcast_to", "copy", "diagonal"))
"""Primitives that move numbers and change none of them."""


def _needed_for(steps: Steps, slots: set[int]) -> list[Step]:
    """The steps from which slots are computed."""
    needed, found = set(slots), []
    for step in reversed(steps.steps):
        if needed.intersection(step.outputs):
            found.append(step)
            needed.update(slot for _, slot in step.inputs)
    return found[::-1]


def rounded_looks(steps: Steps) -> tuple[Guard, ...]:
    """The guards that ask for the value of an array in which something may have been rounded."""
    moved = set(range(len(steps.inputs)))
    for step in steps.steps:
        if step.primitive.name in _MOVES and all(slot in moved for _, slot in step.inputs):
            moved.update(step.outputs)
    return tuple(g for g in steps.guards if getattr(getattr(g.value, "dtype", None), "kind", "b") in "fc" and g.slot not in moved)


class Looked:
    """NumPy for what Python looked at, native code for the rest.

    Parameters
    ----------
    steps : Steps
        With the bits of the recording when NumPy repeats them.
    native : callable
        Makes what runs the other steps.

    Attributes
    ----------
    fast : None
    source : str
        Of the other steps.
    """

    fast = None

    def __init__(self, steps: Steps, native: Callable[[Steps], Any]) -> None:
        looks = rounded_looks(steps)
        self.steps = steps
        first = _needed_for(steps, {g.slot for g in looks})
        self.head = Replay(steps.with_steps(first, outputs=(), guards=looks))
        self.known = {g.slot: g.value for g in looks}
        self.kept = [i for i, g in enumerate(steps.guards) if g.slot not in self.known]
        rest = _with_constants(steps, self.known, tuple(steps.guards[i] for i in self.kept))
        self.rest = native(rest)
        self.constants = [(i, value) for i, (slot, value) in enumerate(rest.outputs) if slot is None]
        self.expected = [g.value for g in steps.guards]
        self.exact: Replay | None = None

    @property
    def source(self) -> str:
        return str(self.rest.source)

    @property
    def explain(self) -> list[str]:
        """What is to be said about the execution."""
        who = ", ".join(dict.fromkeys(g.what for g in rounded_looks(self.steps)))
        why = f"{len(self.head.steps)} steps are repeated by NumPy and compared bit for bit, because of {who}"
        return [why, *self.rest.explain]

    def __call__(self, leaves: Sequence[Any]) -> tuple[list[Any] | None, list[Any]]:
        """Results and answers; the results are None, and the answers end, where an answer is not the recorded one."""
        try:
            same = self.head(leaves)[0] is not None
        except Exception:  # perhaps of a path that the function would not have taken
            same = False
        if not same:  # in the order of the questions
            if self.exact is None:
                self.exact = Replay(self.steps)
            return self.exact(leaves)
        fast = None if self.constants else self.rest.fast
        if fast is not None and (found := fast(*leaves)) is not NotImplemented:
            return [found] if len(self.steps.outputs) == 1 else list(found), self.expected
        outputs, answers = self.rest(leaves)
        if outputs is None:
            at = self.kept[len(answers) - 1]
            return None, [*self.expected[:at], answers[-1]]
        for i, value in self.constants:
            outputs[i] = value.copy("K") if isinstance(value, np.ndarray) else value
        return outputs, self.expected


def _with_constants(steps: Steps, known: dict[int, Any], guards: tuple[Guard, ...]) -> Steps:
    """The steps without those that compute what is known."""
    outputs = tuple([(None, known[slot]) if slot in known else (slot, value) for slot, value in steps.outputs])
    found = []
    for step in steps.steps:
        if any(slot in known for _, slot in step.inputs):
            args = list(step.args)
            for position, slot in step.inputs:
                if slot in known:
                    args[position] = known[slot]
            inputs = tuple([(position, slot) for position, slot in step.inputs if slot not in known])
            step = Step(step.primitive, tuple(args), inputs, step.kw, step.outputs)
        found.append(step)
    rest = steps.with_steps(found, outputs=outputs, guards=guards)
    return rest.with_steps(_needed_for(rest, rest.needed))
