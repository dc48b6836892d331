"""The walk over the steps, and what the declarations share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hoad.compile.loops.roots import Call
from hoad.compile.loops.values import Constant, Input, Moved, Pointwise, Result, Uniform, Value
from hoad.compile.steps import ArraySpec, Step, Steps

__all__ = ["LOOPS", "Lowered", "code", "lower", "lowers", "pointwise", "uniform"]

LOOPS = ("f8", "f4", "b1")
"""Dtypes that loops compute with."""

Rule = Callable[..., Any]
RULES: dict[str, Rule] = {}
"""``rule(args, kw, spec) -> value``: ``args`` are values, ``spec`` the shape and dtype of the result; None where it does not apply.

For a primitive with several results ``spec`` is a list and the rule returns a value for each."""


def lowers(*names: str) -> Callable[[Rule], Rule]:
    """Declare how primitives of these names are lowered."""

    def declare(rule: Rule) -> Rule:
        for name in names:
            RULES[name] = rule
        return rule

    return declare


def code(dtype: Any) -> str:
    """``f8`` and so on; with the byte order where it is not the machine's."""
    dtype = np.dtype(dtype)
    return dtype.str[1:] if dtype.isnative else dtype.str


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
        for step in self.steps.steps:
            args = [self.values[slot] if slot is not None else self.constant(c) for slot, c in self.steps.arguments(step)]
            specs = [self.steps.specs[slot] for slot in step.outputs]
            found = self.rule(step, args, specs)
            if found is None:
                self.call(step, args, specs)
            else:
                self.values.update(zip(step.outputs, found, strict=True))
        outputs = [self.output(slot, c) for slot, c in self.steps.outputs]
        guards = [self.values[g.slot] for g in self.steps.guards]
        return Lowered(outputs, guards, self.calls)

    def output(self, slot: int | None, x: Any) -> Value:
        if slot is not None:
            return self.values[slot]
        value = self.constant(x)
        return value if value is not None else Constant(np.asarray(x), code(np.asarray(x).dtype))

    def rule(self, step: Step, args: list[Value | None], specs: list[ArraySpec]) -> list[Value] | None:
        """Values of the results, or None for what has no loop form."""
        rule = RULES.get(step.primitive.name)
        if rule is None or any(a is None for a in args):
            return None
        kinds = [code(s.dtype) for s in specs]
        if any(k not in LOOPS for k in kinds) or any(a.dtype not in LOOPS for a in args if a is not None and not _whole(a)):
            return None
        floats = [_as_float(a) if a is not None and _whole(a) else a for a in args]
        if None in floats:
            return None
        multi = step.primitive.multi
        found = rule(floats, step.kw, specs if multi else specs[0])
        if found is None:
            return None
        values = list(found) if multi else [found]
        for value, spec, kind in zip(values, specs, kinds, strict=True):
            if value.shape != spec.shape or value.dtype != kind:
                raise AssertionError(f"{step.primitive.name} was lowered to {value}, expected {kind}{list(spec.shape)}")
        return values

    def call(self, step: Step, args: list[Value | None], specs: list[ArraySpec]) -> None:
        """The step as a call of its library."""
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


def _whole(a: Value) -> bool:
    return isinstance(a, Constant) and a.array.dtype.kind in "iu"


def _as_float(a: Value) -> Value | None:
    assert isinstance(a, Constant)
    if a.array.size and np.abs(a.array.astype(float)).max() >= 2.0**53:
        return None
    return Constant(a.array.astype(np.float64), "f8")


def lower(steps: Steps) -> Lowered:
    """The results of the steps as formulas."""
    return _Lowerer(steps).run()
