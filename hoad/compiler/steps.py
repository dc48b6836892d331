"""Straight-line code: what a function did at one path, as a list of primitive steps on numbered slots.

Passes turn one :class:`Steps` into another; the native back end and the replay run it.  Nothing here holds values of intermediate
results, only their shapes and dtypes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from hoad.modes.record import Step

__all__ = ["ArraySpec", "Guard", "Step", "Steps", "spec_of"]


class ArraySpec(NamedTuple):
    """Shape and dtype of a slot."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def spec_of(x: Any) -> ArraySpec:
    """Shape and dtype of an array or a number."""
    a = x if hasattr(x, "dtype") else np.asarray(x)
    return ArraySpec(tuple(a.shape), a.dtype)


class Guard(NamedTuple):
    """What Python asked about a value while the steps were recorded: the steps hold where the slot has this value again.

    ``value`` is a bool, an int or a whole array, compared bit for bit; ``what`` says in words what asked.
    """

    slot: int
    value: Any
    what: str


@dataclass(frozen=True)
class Steps:
    """Steps in topological order.

    Parameters
    ----------
    inputs : tuple of ArraySpec
        Slots 0 to n - 1.
    steps : tuple of Step
        ``step.inputs`` holds pairs (position among the arguments, slot); all other arguments are constants in ``step.args``.
        Each slot is the output of one step.
    outputs : tuple
        (slot, None), or (None, constant) for a result that does not depend on the inputs.
    guards : tuple of Guard
    specs : dict
        Shape and dtype of every slot.
    numbers : tuple of int
        Inputs that were Python floats or complex numbers.
    """

    inputs: tuple[ArraySpec, ...]
    steps: tuple[Step, ...]
    outputs: tuple[tuple[int | None, Any], ...]
    guards: tuple[Guard, ...] = ()
    specs: dict[int, ArraySpec] = field(default_factory=dict)
    numbers: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def needed(self) -> set[int]:
        """Slots that the results and the guards ask for."""
        return {slot for slot, _ in self.outputs if slot is not None} | {g.slot for g in self.guards}

    def arguments(self, step: Step) -> Iterator[tuple[int | None, Any]]:
        """(slot, None) or (None, constant) for each argument of a step."""
        places = dict(step.inputs)
        for i, a in enumerate(step.args):
            yield (places[i], None) if i in places else (None, a)

    def with_steps(self, steps: Sequence[Step], **changes: Any) -> Steps:
        """The same inputs with other steps."""
        return replace(self, steps=tuple(steps), **changes)

    def check(self) -> Steps:
        """Raise unless every step uses only inputs and earlier results, and all that is asked for exists."""
        known = set(range(len(self.inputs)))
        for step in self.steps:
            missing = {slot for _, slot in step.inputs} - known
            if missing:
                raise AssertionError(f"{step.primitive.name} uses slots {sorted(missing)} before they are computed")
            if known.intersection(step.outputs):
                raise AssertionError(f"{step.primitive.name} computes a slot again")
            known.update(step.outputs)
        if not self.needed <= known:
            raise AssertionError(f"slots {sorted(self.needed - known)} are asked for and never computed")
        return self
