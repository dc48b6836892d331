"""The walk over the steps, and what the declarations share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from hoad.compiler.loops.roots import Call
from hoad.compiler.loops.values import Constant, Input, Moved, Pointwise, Result, Uniform, Value
from hoad.compiler.lower.dtypes import LOOPS, code
from hoad.compiler.lower.loops import loop_call
from hoad.compiler.steps import ArraySpec, Guard, Step, Steps

__all__ = ["LOOPS", "Checked", "Lowered", "code", "known_here", "lower", "lowers", "pointwise", "uniform"]

Rule = Callable[..., Any]
RULES: dict[str, Rule] = {}
"""``rule(args, kw, spec) -> value``: ``args`` are values, ``spec`` the shape and dtype of the result; None where it does not apply.

For a primitive with several results ``spec`` is a list and the rule returns a value for each."""

BODIES: set[str] = set()
"""Primitives whose body gives the value as well, to rounding: where they have no rule, the steps of the body are lowered."""

_known: ContextVar[dict[Any, Any]] = ContextVar("known")


def known_here() -> dict[Any, Any]:
    """What rules remember from step to step of one program."""
    return _known.get()


class Checked(NamedTuple):
    """A result that is right where a condition (b1, shape ()) is false; where it is true, the library raises an error."""

    value: Any
    failed: Value
    error: str = "Singular matrix"


def lowers(*names: str) -> Callable[[Rule], Rule]:
    """Declare how primitives of these names are lowered."""

    def declare(rule: Rule) -> Rule:
        for name in names:
            RULES[name] = rule
        return rule

    return declare


def uniform(number: Any, shape: Sequence[int] = (), dtype: str = "f8") -> Uniform:
    """The same number everywhere."""
    return Uniform(number, shape, dtype)


def pointwise(operation: str, args: Sequence[Value], shape: Sequence[int] | None = None, dtype: str | None = None) -> Value:
    """An operation on broadcast arrays."""
    if shape is None:
        shape = np.broadcast_shapes(*[a.shape for a in args])
    if dtype is None:
        dtype = max((a.dtype for a in args if a.dtype != "b1"), default="f8")
    return Pointwise(operation, args, shape, dtype)


@dataclass
class Lowered:
    """Values of the results and of the guards; ``calls`` names the steps that stayed calls."""

    outputs: list[Value]
    guards: list[Value]
    calls: list[str]
    checks: list[Checked] = field(default_factory=list)
    """Conditions under which a library would have raised an error."""
    inputs: list[Value] = field(default_factory=list)

    @property
    def asked(self) -> list[Value]:
        """What guards and checks look at."""
        return [*self.guards, *[c.failed for c in self.checks]]

    def guarded(self, steps: Steps) -> Steps:
        """The steps with a guard, of slot -1, for each check."""
        checks = tuple(Guard(-1, False, c.error) for c in self.checks)
        return replace(steps, guards=(*steps.guards, *checks)) if checks else steps


def constant(x: Any) -> Value | None:
    """A value for a constant argument, or None for something that is no array of numbers."""
    if isinstance(x, bool | np.bool_):
        return Uniform(x, (), "b1")
    if isinstance(x, int | float) and not isinstance(x, np.generic):
        return Uniform(x, (), "f8") if isinstance(x, float) or abs(x) < 2**53 else None
    if not isinstance(x, np.ndarray | np.generic):
        return None
    kind = code(x.dtype)
    if kind in LOOPS and (x.size == 1 or (x.size and not any(x.strides)) or _is_uniform(x)):
        return Uniform(x.flat[0] if isinstance(x, np.ndarray) else x, x.shape, kind)
    if x.dtype.kind in "iu" and x.size == 1 and abs(int(x.flat[0] if isinstance(x, np.ndarray) else x)) < 2**53:
        return Uniform(x.flat[0] if isinstance(x, np.ndarray) else x, x.shape, "f8")
    if isinstance(x, np.ndarray) and x.ndim > 1 and x.flags.f_contiguous and not x.flags.c_contiguous:
        last = x.ndim - 1  # a transpose of what lies in memory, which other steps may read as well
        return Moved(Constant(x.T, kind), [(0, ((last - k, 1),)) for k in range(x.ndim)], x.shape)
    return Constant(np.ascontiguousarray(x).reshape(np.shape(x)), kind)


def _is_uniform(x: Any) -> bool:
    if not x.size or x.flat[0] != x.flat[-1]:
        return False
    first = x.flat[0]
    return bool((x == first).all()) and (bool(first != 0) or not np.signbit(x).any())


class _Lowerer:
    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.values: dict[int, Value] = {n: Input(n, s.shape, code(s.dtype)) for n, s in enumerate(steps.inputs)}
        self.constants: dict[int, tuple[Any, Value | None]] = {}
        self.arrays: dict[Any, Constant] = {}
        self.calls: list[str] = []
        self.checks: list[Checked] = []
        self.wholes: dict[int, tuple[Value, float]] = {}
        self.late: dict[int, Step] = {}

    def constant(self, x: Any) -> Value | None:
        """The value of a constant argument; arrays of the same memory are one."""
        known = self.constants.get(id(x))
        if known is None:
            value = constant(x)
            base = value.args[0] if isinstance(value, Moved) else value
            if isinstance(base, Constant):
                key = (base.array.ctypes.data, base.shape, base.dtype)
                same = self.arrays.setdefault(key, base)
                if same is not base:
                    value = Moved(same, value.maps, value.shape) if isinstance(value, Moved) else same
            known = self.constants[id(x)] = (x, value)
        return known[1]

    def run(self) -> Lowered:
        inputs = [self.values[n] for n in range(len(self.steps.inputs))]
        self.walk()
        outputs = [self.output(slot, c) for slot, c in self.steps.outputs]
        guards = [self.wholes[g.slot][0] if g.slot in self.wholes else self.value(g.slot) for g in self.steps.guards]
        return Lowered(outputs, guards, self.calls, self.checks, inputs)

    def walk(self) -> None:
        for step in self.steps.steps:
            specs = [self.steps.specs[slot] for slot in step.outputs]
            found = self.loop(step, specs) if step.primitive.name == "loop" else self.rule(step, specs)
            if found is not None:
                self.values.update(zip(step.outputs, found, strict=True))
            elif not self.whole(step, specs):
                self.call(step)

    def loop(self, step: Step, specs: list[ArraySpec]) -> list[Value] | None:
        """Results of a rolled loop."""
        return loop_call(step, [self.formula(slot, c) for slot, c in self.steps.arguments(step)], specs, lower)

    def value(self, slot: int) -> Value:
        """The array of a slot in its dtype."""
        if slot not in self.values:
            self.call(self.late[slot])
        return self.values[slot]

    def formula(self, slot: int | None, x: Any) -> Value | None:
        """An argument as loops compute with it: whole numbers that are known to be small enough as floating-point numbers."""
        if slot is None:
            return self.constant(x)
        return self.wholes[slot][0] if slot in self.wholes else self.values[slot]

    def output(self, slot: int | None, x: Any) -> Value:
        if slot is not None:
            return self.value(slot)
        value = self.constant(x)
        return value if value is not None else Constant(np.asarray(x), code(np.asarray(x).dtype))

    def rule(self, step: Step, specs: list[ArraySpec]) -> list[Value] | None:
        """Values of the results, or None for what has no loop form."""
        name = step.primitive.name
        rule = RULES.get(name)
        kinds = [code(s.dtype) for s in specs]
        if (rule is None and name not in BODIES) or any(k not in LOOPS for k in kinds):
            return None
        args = [self.formula(slot, x) for slot, x in self.steps.arguments(step)]
        found = None
        if rule is not None and not any(a is None or (a.dtype not in LOOPS and not _whole(a)) for a in args):
            floats = [_as_float(a) if a is not None and _whole(a) else a for a in args]
            if None not in floats:
                found = rule(floats, step.kw, specs if step.primitive.multi else specs[0])
        if found is None and name in BODIES:
            return self.body(step, specs, args)
        if isinstance(found, Checked):
            self.checks.append(found._replace(value=None))
            found = found.value
        if found is None:
            return None
        return _as_asked(list(found) if step.primitive.multi else [found], specs)

    def body(self, step: Step, specs: list[ArraySpec], args: list[Value | None]) -> list[Value] | None:
        """The results by the steps of the body, if none of them is a call."""
        from hoad.compiler.lower.bodies import steps_of_body

        given = [args[position] for position, _ in step.inputs]
        if any(a is None or a.dtype not in LOOPS for a in given):
            return None
        steps = steps_of_body(step, [self.steps.specs[slot] for _, slot in step.inputs])
        if steps is None:
            return None
        inner = _Lowerer(steps)
        inner.values = {n: a for n, a in enumerate(given) if a is not None}
        inner.constants, inner.arrays = self.constants, self.arrays
        inner.walk()
        if inner.calls:
            return None
        found = [inner.output(slot, x) for slot, x in steps.outputs]
        if inner.calls or len(found) != len(specs):
            return None
        self.checks += inner.checks
        for n, (v, s) in enumerate(zip(found, specs, strict=True)):
            if v.dtype == "f8" and code(s.dtype) == "f4":  # some bodies compute in double precision
                found[n] = Pointwise("convert", (v,), v.shape, "f4")
        return _as_asked(found, specs)

    def whole(self, step: Step, specs: list[ArraySpec]) -> bool:
        """Whether the result is an array of whole numbers that loops know as floating-point numbers, without rounding."""
        from hoad.compiler.lower.counts import WHOLE

        bound_of = WHOLE.get(step.primitive.name)
        rule = RULES.get(step.primitive.name)
        if bound_of is None or rule is None or len(specs) != 1 or code(specs[0].dtype) != "i8":
            return False
        args, bounds = [], []
        for slot, x in self.steps.arguments(step):
            value = self.formula(slot, x)
            bound = self.wholes[slot][1] if slot in self.wholes else _bound(value)
            if value is None or bound is None:
                return False
            if _whole(value):
                value = _as_float(value)
            elif value.dtype == "b1":
                value = Pointwise("convert", (value,), value.shape, "f8")
            if value is None:
                return False
            args.append(value)
            bounds.append(bound)
        largest = bound_of(bounds, args, specs[0])
        if largest > 2.0**52:
            return False
        spec = ArraySpec(specs[0].shape, np.dtype("f8"))
        found = rule(args, step.kw, spec)
        if not isinstance(found, Value) or found.shape != spec.shape or found.dtype != "f8":
            return False
        self.wholes[step.outputs[0]] = (found, largest)
        self.late[step.outputs[0]] = step
        return True

    def call(self, step: Step) -> None:
        """The step as a call of its library."""
        args = [self.value(slot) if slot is not None else None for slot, _ in self.steps.arguments(step)]
        specs = [self.steps.specs[slot] for slot in step.outputs]
        self.calls.append(step.primitive.name)
        needed = []
        fill = []
        for position, slot in step.inputs:
            value = args[position]
            assert value is not None
            if isinstance(value, Uniform):
                value = Moved(value, [], value.shape)
            needed.append(value)
            fill.append(position)
            del slot
        call = Call(needed, [], "library", (step, tuple(fill)))
        call.results = [Result(call, n, s.shape, code(s.dtype)) for n, s in enumerate(specs)]
        for slot, result in zip(step.outputs, call.results, strict=True):
            self.values[slot] = result


def _as_asked(values: list[Value], specs: list[ArraySpec]) -> list[Value] | None:
    """The values, if their shapes and dtypes are right."""
    if len(values) != len(specs):
        return None
    same = all(v.shape == s.shape and v.dtype == code(s.dtype) for v, s in zip(values, specs, strict=True))
    return values if same else None


def _bound(a: Value | None) -> float | None:
    """The largest absolute value of whole numbers or truth values that are known."""
    if isinstance(a, Uniform) and a.dtype != "f4":
        return abs(float(a.number)) if float(a.number).is_integer() else None
    if isinstance(a, Constant) and _whole(a):
        return float(np.abs(a.array.astype(float)).max(initial=0.0))
    return 1.0 if a is not None and a.dtype == "b1" else None


def _whole(a: Value) -> bool:
    return isinstance(a, Constant) and a.array.dtype.kind in "iu"


def _as_float(a: Value) -> Value | None:
    assert isinstance(a, Constant)
    if a.array.size and np.abs(a.array.astype(float)).max() >= 2.0**53:
        return None
    return Constant(a.array.astype(np.float64), "f8")


def lower(steps: Steps) -> Lowered:
    """The results of the steps as formulas."""
    token = _known.set({})
    try:
        return _Lowerer(steps).run()
    finally:
        _known.reset(token)
