"""The step of a recording that is a whole loop: its body is recorded once, on slots of its own.

A body is straight-line code from [carry, slices, closed-over values] to [new carry, what is stacked].  The loop is one primitive
with several results, so that passes and back ends that do not know it take it for a function of a library.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np

from hoad.backends import filled, is_host, like, on_device
from hoad.core.primitive import Primitive
from hoad.modes.comparison import same_arguments
from hoad.modes.constants import alike_there, bits
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

    holds_constants: ClassVar[bool] = True
    inputs: tuple[Spec, ...]
    steps: tuple[Step, ...]
    outputs: tuple[tuple[int | None, Any], ...]
    specs: dict[int, Spec]

    def __call__(self, *values: Any) -> tuple[Any, ...]:
        """The new carry and the results of one step, by the functions of NumPy."""
        found: tuple[Any, ...] = self.function()(*values)
        return found

    def function(self) -> Any:
        """The steps as straight-line Python, made once."""
        found = _functions.get(self)
        if found is None:
            found = _functions[self] = self._written()
        return found

    def _written(self) -> Any:
        names: dict[str, Any] = {}

        def name(x: Any) -> str:
            text = f"c{len(names)}"
            names[text] = x
            return text

        last = {slot: i for i, step in enumerate(self.steps) for _, slot in step.inputs}
        final = {slot for slot, _ in self.outputs}
        lines = []
        for i, step in enumerate(self.steps):
            places = dict(step.inputs)
            args = [f"v{places[n]}" if n in places else name(a) for n, a in enumerate(step.args)]
            args += [f"{k}={name(v)}" for k, v in step.kw.items()]
            targets = "".join(f"v{o}, " for o in step.outputs) if step.primitive.multi else f"v{step.outputs[0]} "
            lines.append(f"{targets}= {name(step.primitive.native)}({', '.join(args)})")
            dead = [f"v{slot}" for slot in places.values() if last[slot] == i and slot not in final]
            if dead:
                lines.append(f"del {', '.join(sorted(set(dead)))}")
        found = "".join(f"{name(constant) if slot is None else f'v{slot}'}, " for slot, constant in self.outputs)
        given = ", ".join(f"v{i}" for i in range(len(self.inputs)))
        text = "\n    ".join([f"def step({given}):", *lines, f"return ({found})"])
        exec(compile(text, "<step of a loop>", "exec"), names)  # the text was written here, from numbers alone
        return names["step"]

    def output_specs(self) -> Iterator[Spec]:
        """Shape and dtype of the outputs."""
        for slot, constant in self.outputs:
            if slot is None:
                constant = constant if on_device(constant) else np.asarray(constant)
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


_functions: WeakKeyDictionary[Body, Any] = WeakKeyDictionary()


def same_step(a: Step, b: Step) -> bool:
    """Whether two steps are the same, constants bit for bit."""
    return (
        a.primitive is b.primitive and a.inputs == b.inputs and a.outputs == b.outputs and same(a.args, b.args) and same(a.kw, b.kw)
    )


def same(x: Any, y: Any) -> bool:
    """Whether two constants are the same, bit for bit."""
    if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
        return x.shape == y.shape and x.dtype == y.dtype and (x is y or (x.dtype.kind != "O" and bits(x) == bits(y)))
    if on_device(x):
        return alike_there(x, y)
    if type(x) in (tuple, list):
        return type(x) is type(y) and len(x) == len(y) and all(map(same, x, y))
    if type(x) is dict:
        return type(y) is dict and x.keys() == y.keys() and all(same(v, y[k]) for k, v in x.items())
    return same_arguments(x, y)


def _run(*args: Any, body: Body, length: int, carry: int, slices: int, reverse: bool) -> tuple[Any, ...]:
    """The last carry, and the other results stacked."""
    state, step = args[:carry], body.function()
    xs, closed = args[carry : carry + slices], args[carry + slices :]
    ys = [np.empty((length, *shape), dtype) for shape, dtype in list(body.output_specs())[carry:]]
    there = any(map(on_device, args))
    for n, k in enumerate(reversed(range(length)) if reverse else range(length)):
        found = step(*state, *[x[k] for x in xs], *closed)
        state = found[:carry]
        if n == 0:
            there = there or any(map(on_device, found))
        if there:
            _store(ys, k, found[carry:], n == 0)
            continue
        for y, row in zip(ys, found[carry:], strict=True):
            y[k] = row
    return (*state, *ys)


def _store(ys: list[Any], k: int, rows: Sequence[Any], first: bool) -> None:
    """Row ``k`` of arrays that are where their rows are."""
    for n, row in enumerate(rows):
        if on_device(row) and not on_device(ys[n]):  # if not at first, then a carry that was a number of the host before
            ys[n] = filled(ys[n].shape, 0, ys[n].dtype, row) if first else like(ys[n], row)
        ys[n][k] = like(np.asarray(row), ys[n]) if is_host(row) and on_device(ys[n]) else row


loop_ = Primitive("loop", _run, "composite", multi=True)
"""``loop_.bind(*carry, *xs, *closed, body=Body, length=T, carry=number, slices=number, reverse=bool)`` -> (*last carry, *ys).

The xs and the ys have the axis of the loop first; with ``reverse`` the loop goes through them from the end.
"""
