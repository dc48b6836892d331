"""Steps whose arrays are on a device: what becomes a constant of the code, what stays there, and how steps are repeated there.

Small arrays and arrays of whole numbers (indices) that steps use as constants come to the host once, where passes and the lowering
look at them.  Larger ones stay on the device and are inputs of the code, so that they are neither copied nor written into it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hoad import backends
from hoad.compiler.replay import Replay
from hoad.compiler.steps import ArraySpec, Step, Steps
from hoad.core.primitive import primitives
from hoad.modes.captured import COPIED
from hoad.modes.loop_steps import Body

__all__ = ["Placed", "PlacedReplay", "library_of", "lifted"]

INDICES = 1 << 20
"""Elements of an array of whole numbers or truth values up to which it may be a constant of the code: places to read from."""


_PLAIN = frozenset((np.ndarray, np.float64, np.int64, float, int, bool, complex, str, slice, type(None), type(Ellipsis)))


def _parts(x: Any) -> Iterator[Any]:
    """The arrays of devices in an argument."""
    if backends.on_device(x):
        yield x
    elif type(x) in (tuple, list):
        for y in x:
            yield from _parts(y)
    elif type(x) is dict:
        for y in x.values():
            yield from _parts(y)
    elif type(x) is Body:
        for step in x.steps:
            yield from _parts((step.args, step.kw))
        yield from _parts([c for _, c in x.outputs])


def library_of(steps: Steps, leaves: Sequence[Any]) -> backends.Backend | None:
    """The library of the arrays of a device among inputs and constants; None if there are none."""
    constants = (*(s.args for s in steps.steps), *(s.kw.values() for s in steps.steps if s.kw), [c for _, c in steps.outputs])
    for part in (leaves, *constants):
        for x in part:
            if type(x) not in _PLAIN:
                for found in _parts(x):
                    return backends.of(found)
    return None


# -- constants --------------------------------------------------------------------------------------------------------------------


def _stays(x: Any) -> bool:
    """Whether an array is an input of the code, and no constant in it."""
    if not backends.on_device(x) or x.size <= COPIED or not any(x.strides):
        return False
    return x.dtype.kind not in "iub" or x.size > INDICES


class _Moved:
    """Arrays of the device that have come to the host."""

    def __init__(self) -> None:
        self.known: dict[int, tuple[Any, np.ndarray]] = {}

    def __call__(self, x: Any) -> Any:
        if type(x) in (tuple, list):
            return type(x)(self(y) for y in x)
        if type(x) is dict:
            return {k: self(y) for k, y in x.items()}
        if not backends.on_device(x):
            return x
        if id(x) not in self.known:
            repeated = x.size > 1 and not any(x.strides)
            part = backends.to_host(x[(slice(0, 1),) * x.ndim] if repeated else x)
            self.known[id(x)] = (x, np.broadcast_to(part, x.shape) if repeated else part)
        return self.known[id(x)][1]


def _in_memory(a: Any) -> tuple[Any, tuple[int, ...] | None]:
    """The array in C order of which ``a`` is a transpose, and its axes in ``a``; without them where ``a`` is no transpose."""
    if a.flags.c_contiguous:
        return a, None
    order = sorted(range(a.ndim), key=lambda k: -abs(a.strides[k]))
    base = a.transpose(*order)
    return (base, tuple(order.index(k) for k in range(a.ndim))) if base.flags.c_contiguous else (a, None)


class _Block:
    """The steps of a program or of the body of a loop, with more inputs: arrays of the device that they use as constants."""

    def __init__(
        self, count: int, steps: Sequence[Step], outputs: Sequence[tuple[int | None, Any]], specs: Any, inside: bool
    ) -> None:
        self.count = count
        self.bodies: dict[int, tuple[Any, list[Any]]] = {}
        self.arrays: list[Any] = []
        self.slots: dict[int, int] = {}
        self.known: dict[Any, int] = {}
        self.turned: list[tuple[Any, int, tuple[int, ...]]] = []
        for step in steps:
            for a in step.args:
                self.add(a)
            if type(step.kw.get("body")) is Body:
                for a in self.body(step.kw["body"])[1]:
                    self.add(a)
        if inside:
            for _, c in outputs:
                self.add(c)
        self.old = specs
        first = max(map(self.slot, specs), default=count - 1) + 1
        first = max(first, count + len(self.arrays))
        self.transposes = []
        for n, (a, slot, axes) in enumerate(self.turned):
            self.slots[id(a)] = first + n
            self.transposes.append(Step(primitives["transpose"], (None,), ((0, slot),), {"axes": axes}, (first + n,)))

    def add(self, a: Any) -> None:
        """One more input, unless the same memory is one already."""
        if not _stays(a) or id(a) in self.slots:
            return
        base, axes = _in_memory(a)
        key = (backends.of(base).address(base), base.shape, base.strides, base.dtype)
        if key not in self.known:
            self.known[key] = self.count + len(self.arrays)
            self.arrays.append(base)
        self.slots[id(a)] = self.known[key]
        if axes is not None:
            self.turned.append((a, self.known[key], axes))

    def body(self, body: Body) -> tuple[Body, list[Any]]:
        """The body of a loop without arrays of the device, and the arrays that it is to be given beside its other inputs."""
        known = self.bodies.get(id(body))
        if known is None:
            known = self.bodies[id(body)] = _body(body)
        return known

    def slot(self, slot: int) -> int:
        return slot if slot < self.count else slot + len(self.arrays)

    def steps(self, steps: Sequence[Step], moved: _Moved) -> tuple[Step, ...]:
        return (*self.transposes, *(self.step(s, moved) for s in steps))

    def step(self, step: Step, moved: _Moved) -> Step:
        args, kw = list(step.args), step.kw
        inputs = [(position, self.slot(slot)) for position, slot in step.inputs]
        for position, a in enumerate(args):
            if id(a) in self.slots:
                inputs.append((position, self.slots[id(a)]))
                args[position] = None
        if type(kw.get("body")) is Body:
            body, more = self.body(kw["body"])
            inputs += [(len(args) + n, self.slots[id(a)]) for n, a in enumerate(more)]
            args += [None] * len(more)
            kw = {**kw, "body": body}
        outputs = tuple(map(self.slot, step.outputs))
        return replace(step, args=tuple(map(moved, args)), inputs=tuple(sorted(inputs)), kw=moved(kw), outputs=outputs)

    @property
    def specs(self) -> dict[int, Any]:
        found = {self.slot(k): s for k, s in self.old.items()}
        found.update((self.count + n, ArraySpec(a.shape, a.dtype)) for n, a in enumerate(self.arrays))
        found.update((s.outputs[0], ArraySpec(a.shape, a.dtype)) for s, (a, _, _) in zip(self.transposes, self.turned, strict=True))
        return found


def _body(body: Body) -> tuple[Body, list[Any]]:
    if not any(True for _ in _parts(body)):
        return body, []
    moved = _Moved()
    block = _Block(len(body.inputs), body.steps, body.outputs, body.specs, True)
    outputs: list[tuple[int | None, Any]] = []
    for slot, c in body.outputs:
        if slot is not None:
            outputs.append((block.slot(slot), None))
        else:
            outputs.append((block.slots[id(c)], None) if id(c) in block.slots else (None, moved(c)))
    inputs = (*body.inputs, *((a.shape, a.dtype) for a in block.arrays))
    specs = {k: tuple(s) for k, s in block.specs.items()}
    return Body(inputs, block.steps(body.steps, moved), tuple(outputs), specs), block.arrays


def lifted(steps: Steps) -> tuple[Steps, list[Any]]:
    """Steps without arrays of a device.

    Parameters
    ----------
    steps : Steps
        As recorded, perhaps on arrays of a device.

    Returns
    -------
    steps : Steps
        The same steps, itself where no constant was on a device. Results that are constants are left out: 0 is there instead.
    arrays : list
        What they are to be given after their inputs: larger constants, where they are.
    """
    if library_of(steps, ()) is None:
        return steps, []
    moved = _Moved()
    block = _Block(len(steps.inputs), steps.steps, steps.outputs, steps.specs, False)
    outputs = tuple((None if s is None else block.slot(s), 0.0 if backends.on_device(c) else c) for s, c in steps.outputs)
    guards = tuple(g._replace(slot=block.slot(g.slot)) for g in steps.guards)
    inputs = (*steps.inputs, *(ArraySpec(a.shape, a.dtype) for a in block.arrays))
    done = block.steps(steps.steps, moved)
    found = replace(steps, inputs=inputs, steps=done, outputs=outputs, guards=guards, specs=block.specs)
    return found, block.arrays


# -- execution --------------------------------------------------------------------------------------------------------------------


class Placed:
    """What runs lifted steps, with the arrays that were taken out of them."""

    fast = None

    def __init__(self, executor: Any, arrays: Sequence[Any], steps: Steps) -> None:
        self.executor, self.arrays = executor, list(arrays)
        self._constants = [(k, c) for k, (slot, c) in enumerate(steps.outputs) if slot is None and backends.on_device(c)]

    @property
    def source(self) -> str:
        """The generated code."""
        return str(self.executor.source)

    @property
    def explain(self) -> list[str]:
        """What is to be said about the execution."""
        size = sum(a.nbytes for a in self.arrays)
        there = f"{len(self.arrays)} arrays that it closes over ({size} bytes) are read on the device"
        return [*self.executor.explain, *([there] if self.arrays else [])]

    def __call__(self, leaves: Sequence[Any]) -> tuple[list[Any] | None, list[Any]]:
        """Results and answers; the results are None, and the answers end, where an answer is not the recorded one."""
        outputs, answers = self.executor([*leaves, *self.arrays])
        if outputs is not None:
            for k, c in self._constants:
                outputs[k] = c.copy("K")
        return outputs, answers


def _truth(x: Any) -> bool:
    return bool(backends.to_host(x) if backends.on_device(x) else x)


def _whole(x: Any) -> int:
    return int(backends.to_host(x) if backends.on_device(x) else x)


class PlacedReplay(Replay):
    """Runs steps with the functions of the library of the device, which NumPy's functions call."""

    def __init__(self, steps: Steps) -> None:
        super().__init__(steps)
        given = (*((s.args, s.kw) for s in steps.steps), [c for _, c in steps.outputs])
        self._there = {id(x) for part in given for x in _parts(list(part))}

    @property
    def explain(self) -> list[str]:
        """What is to be said about the execution."""
        return [f"replay of {len(self.steps)} steps by the library of the device"]

    def _compiled(self, writer: Any) -> Any:
        writer.names.update(bool=_truth, int=_whole)  # what guards ask with
        return super()._compiled(writer)

    def _owned(self, found: list[Any], leaves: Sequence[Any], arena: list[Any]) -> list[Any]:
        """Results that share no memory with anything."""
        out = super()._owned(found, leaves, arena)
        seen = self._there | {id(x) for x in leaves}
        for k, y in enumerate(out):
            if backends.on_device(y):
                if getattr(y, "base", None) is not None or id(y) in seen:
                    out[k] = y.copy("K")
                seen.add(id(y))
        return out
