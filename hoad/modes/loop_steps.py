"""The step of a recording that is a whole loop: its body is recorded once, on slots of its own.

A body is straight-line code from [carry, slices, closed-over values] to [new carry, what is stacked].  The loop is one primitive
with several results, so that passes and back ends that do not know it take it for a function of a library.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hoad.core.primitive import Primitive
from hoad.modes.constants import bits
from hoad.modes.record import Step

__all__ = ["Body", "loop_"]

Spec = tuple[tuple[int, ...], np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class Body:
    """The step of a loop.

    Attributes
    ----------
    inputs : tuple of (shape, dtype)
        The carry, the slices of what the loop goes through, what it closes over: slots 0 to n - 1.
    steps : tuple of Step
    outputs : tuple of (slot, None) or (None, constant)
        The new carry and the results that are stacked.
    specs : dict
        Slot -> (shape, dtype), for all slots.
    """

    inputs: tuple[Spec, ...]
    steps: tuple[Step, ...]
    outputs: tuple[tuple[int | None, Any], ...]
    specs: dict[int, Spec]

    def __call__(self, values: Sequence[Any]) -> list[Any]:
        """The new carry and the results of one step, by the functions of NumPy."""
        slots = dict(enumerate(values))
        for native, template, fill, kw, out, dead in self._plan:
            args = template.copy()
            for position, slot in fill:
                args[position] = slots[slot]
            if type(out) is int:
                slots[out] = native(*args, **kw)
            else:
                slots.update(zip(out, native(*args, **kw), strict=True))
            for slot in dead:
                del slots[slot]
        return [constant if slot is None else slots[slot] for slot, constant in self.outputs]

    @cached_property
    def _plan(self) -> list[Any]:
        last = {slot: i for i, step in enumerate(self.steps) for _, slot in step.inputs}
        final = {slot for slot, _ in self.outputs}
        return [
            (s.primitive.native, list(s.args), s.inputs, s.kw, s.outputs if s.primitive.multi else s.outputs[0],
             [slot for slot in {slot for _, slot in s.inputs} if last[slot] == i and slot not in final])
            for i, s in enumerate(self.steps)
        ]  # fmt: skip

    def output_specs(self) -> Iterator[Spec]:
        """Shape and dtype of the outputs."""
        for slot, constant in self.outputs:
            if slot is None:
                constant = np.asarray(constant)
                yield constant.shape, constant.dtype
            else:
                yield self.specs[slot]

    def __eq__(self, other: Any) -> bool:
        if self is other:
            return True
        if type(other) is not Body or self.inputs != other.inputs or len(self.steps) != len(other.steps):
            return False
        pairs = zip(self.steps, other.steps, strict=True)
        return all(same_step(a, b) for a, b in pairs) and same(self.outputs, other.outputs)

    def __hash__(self) -> int:
        return hash((self.inputs, len(self.steps), len(self.outputs)))


def same_step(a: Step, b: Step) -> bool:
    """Whether two steps are the same, constants bit for bit."""
    return a.primitive is b.primitive and a.inputs == b.inputs and a.outputs == b.outputs and same(a.args, b.args) and same(a.kw, b.kw)


def same(x: Any, y: Any) -> bool:
    """Whether two constants are the same, bit for bit."""
    from hoad.compile.recording import _same  # what the recordings of a whole function are compared by

    if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
        return x.shape == y.shape and x.dtype == y.dtype and (x is y or x.dtype.kind != "O" and bits(x) == bits(y))
    if type(x) in (tuple, list):
        return type(x) is type(y) and len(x) == len(y) and all(map(same, x, y))
    if type(x) is dict:
        return type(y) is dict and x.keys() == y.keys() and all(same(v, y[k]) for k, v in x.items())
    return _same(x, y)


def _run(*args: Any, body: Body, length: int, carry: int, slices: int, reverse: bool) -> tuple[Any, ...]:
    """The last carry, and the other results stacked."""
    state = list(args[:carry])
    xs, closed = args[carry : carry + slices], args[carry + slices :]
    ys = [np.empty((length, *shape), dtype) for shape, dtype in list(body.output_specs())[carry:]]
    for k in reversed(range(length)) if reverse else range(length):
        found = body([*state, *[x[k] for x in xs], *closed])
        state = found[:carry]
        for y, row in zip(ys, found[carry:], strict=True):
            y[k] = row
    return (*state, *ys)


loop_ = Primitive("loop", _run, "composite", multi=True)
"""``loop_.bind(*carry, *xs, *closed, body=Body, length=T, carry=number, slices=number, reverse=bool)`` -> (*last carry, *ys).

The xs and the ys have the axis of the loop first; with ``reverse`` the loop goes through them from the end.
"""
