"""From a function and one set of arguments to straight-line steps with guards, recorded twice and compared.

The second recording must be the first one again: a function that draws random numbers, counts its calls or reads a clock gives
other steps or other constants, which must not become part of a program.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np

from hoad.backends import on_device, to_host
from hoad.compiler.steps import ArraySpec, Guard, Step, Steps
from hoad.core.box import Box, Buffer, held
from hoad.core.space import Spec, flatten
from hoad.errors import ArgumentWriteError, CompileError
from hoad.modes.comparison import answer, same_arguments
from hoad.modes.constants import Constants, alike_there
from hoad.modes.watched import ForeignTraceError, UnrollError, Watch, Watched, WatchedNumber, watch

__all__ = ["Recorded", "record_twice"]


@dataclass(frozen=True)
class Recorded:
    """What one path of a function did.

    Attributes
    ----------
    steps : Steps
    spec : object
        Structure of the result.
    scalars : tuple of bool
        Which leaves of the result are NumPy scalars, for those that steps compute.
    path : tuple
        The answers that Python got, in order, each as a hashable: two recordings with one path have the same steps.
    lasting : list of ndarray
        Arrays that the function used and did not make.
    weak : bool
        Whether it matters that some input is a Python number.
    failed : str
        Why the steps do not stand for the function; empty if they do.
    results : tuple
        What the steps gave while they were recorded.
    """

    steps: Steps
    spec: Spec
    scalars: tuple[bool, ...]
    path: tuple[Any, ...]
    lasting: list[np.ndarray]
    weak: bool
    failed: str
    results: tuple[Any, ...] = ()


def record_twice(call: Callable[[list[Any]], Any], leaves: Sequence[Any], name: str) -> Recorded:
    """The steps of ``call(leaves)``.

    Raises
    ------
    CompileError
        If two recordings differ.
    ArgumentWriteError
        If the function writes into its arguments.
    """
    try:
        first, second = _runs(call, leaves, name, rolls=True)
    except UnrollError:
        first, second = _runs(call, leaves, name, rolls=False)
    if not (first.state.failed or second.state.failed):
        _compare(first, second, name)
    return second.recorded()


def _runs(call: Callable[..., Any], leaves: Sequence[Any], name: str, rolls: bool) -> tuple[_Run, _Run]:
    """Two recordings."""
    with np.errstate(all="ignore"), _without_collection():
        constants = Constants()
        first = _Run(call, leaves, constants, name, rolls)
        constants.close()
        return first, _Run(call, leaves, Constants(constants), name, rolls)


@contextmanager
def _without_collection() -> Iterator[None]:
    """No search for cycles of garbage among the many objects that are made and all stay."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


_CONSTANTS = (np.ndarray, np.generic, int, float, complex, str, bytes, type(None), type, FunctionType, np.dtype)
"""What may be returned again and again."""


class _Run:
    """One recording."""

    def __init__(self, call: Callable[..., Any], leaves: Sequence[Any], constants: Constants, name: str, rolls: bool) -> None:
        out, boxes, self.state, self.level = watch(lambda *xs: call(list(xs)), leaves, constants, rolls)
        for k, box in enumerate(boxes):
            if not isinstance(box, Watched) or box.level != self.level or box.aux != k:
                raise ArgumentWriteError.found(name)
        self.count = len(boxes)
        self.numbers = tuple(k for k, x in enumerate(leaves) if type(x) in (float, complex))
        self.out, self.spec = flatten(out)
        for y in self.out:
            if isinstance(y, Watched) and y.level == self.level and not self.state.owns(y.aux):
                raise UnrollError

    def recorded(self) -> Recorded:
        state = self.state
        outputs: list[tuple[int | None, Any]] = []
        scalars, results = [], []
        failed = f"the function caught an error of {state.failed}, a branch that no value describes" if state.failed else ""
        for y in self.out:
            if type(y) is Buffer:
                y = y.value
            if isinstance(y, Box):
                if y.level != self.level:
                    raise ForeignTraceError
                outputs.append((y.aux, None))
                scalars.append(isinstance(held(y), np.generic))
                results.append(held(y))
            else:
                if not isinstance(y, _CONSTANTS) and not on_device(y):
                    failed = f"its result holds a {type(y).__name__}"
                results.append(y)
                outputs.append((None, y.copy() if isinstance(y, np.ndarray) or on_device(y) else y))
                scalars.append(False)
        guards = tuple(Guard(a.slot, to_host(a.value) if on_device(a.value) else a.value, a.what) for a in state.asked)
        specs = {slot: ArraySpec(*spec) for slot, spec in state.specs.items()}
        steps = Steps(tuple(specs[i] for i in range(self.count)), tuple(state.steps), tuple(outputs), guards, specs, self.numbers)
        lasting = list(state.constants.lasting.values())
        path = tuple((g.slot, *answer(g.value)) for g in guards)
        return Recorded(_used(steps), self.spec, tuple(scalars), path, lasting, state.weak, failed, tuple(results))


def _used(steps: Steps) -> Steps:
    """Without the steps that nothing needs, and without their slots."""
    needed = steps.needed | set(range(len(steps.inputs)))
    kept: list[Step] = []
    for step in reversed(steps.steps):
        if needed.intersection(step.outputs):
            kept.append(step)
            needed.update(slot for _, slot in step.inputs)
            needed.update(step.outputs)
    kept.reverse()
    return steps.with_steps(kept, specs={slot: spec for slot, spec in steps.specs.items() if slot in needed})


# -- comparison ---------------------------------------------------------------------------------------------------------------


def _compare(first: _Run, second: _Run, name: str) -> None:
    a, b = first.state, second.state
    for k, (s, t) in enumerate(zip(a.steps, b.steps, strict=False)):
        if s.inputs != t.inputs or not same_arguments((s.primitive, s.args, s.kw), (t.primitive, t.args, t.kw)):
            raise CompileError.differs(name, k, s.primitive.name, t.primitive.name)
    if len(a.steps) != len(b.steps):
        k = min(len(a.steps), len(b.steps))
        longer = (a.steps if len(a.steps) > k else b.steps)[k]
        raise CompileError.differs(name, k, longer.primitive.name, "nothing")
    if a.constants.prints != b.constants.prints:
        raise CompileError.differs(name, *_where(a, b))
    if [(q.slot, answer(q.value)) for q in a.asked] != [(q.slot, answer(q.value)) for q in b.asked]:
        raise CompileError.differs(name, len(a.steps), "a question for a value", "another one")
    if first.spec != second.spec or not all(_same_output(x, y) for x, y in zip(first.out, second.out, strict=True)):
        raise CompileError.differs(name, len(a.steps), "a result", "another one")


def _where(a: Watch, b: Watch) -> tuple[int, str, str]:
    """The first step whose constants differ."""
    place = next(
        (i for i, (p, q) in enumerate(zip(a.constants.prints, b.constants.prints, strict=False)) if p != q), len(a.constants.prints)
    )
    seen = 0
    for k, step in enumerate(a.steps):
        seen += _count((step.args, step.kw))
        if seen > place:
            return k, step.primitive.name, step.primitive.name
    return len(a.steps), "a step", "a step"


def _count(x: Any) -> int:
    """How many arrays there are in the arguments of a step."""
    if isinstance(x, np.ndarray) or on_device(x):
        return int(x.dtype.kind != "O")
    if type(x) in (tuple, list):
        return sum(map(_count, x))
    return sum(map(_count, x.values())) if type(x) is dict else 0


def _same_output(x: Any, y: Any) -> bool:
    if isinstance(x, Watched) and isinstance(y, Watched):
        return x.aux == y.aux and (type(x) is WatchedNumber) == (type(y) is WatchedNumber)
    if isinstance(x, Box) or isinstance(y, Box):
        x, y = (v.snapshot() if type(v) is Buffer else v for v in (x, y))
    if isinstance(x, np.ndarray | np.generic) and isinstance(y, np.ndarray | np.generic):
        return answer(x) == answer(y)
    return alike_there(x, y) if on_device(x) else same_arguments(x, y)
