"""One walk through steps in which rules replace steps by earlier results, by constants or by other steps.

A rule is a function ``rule(walk, step)`` whose step has its arguments already replaced.  It returns None where it does not apply,
else a :class:`Slot` (the result exists already), a :class:`Constant`, a tuple of them for a step of several results, or a step with
the same outputs.  No rule may change shape or dtype of a slot; a slot or constant of another shape or dtype is refused here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from hoad.compiler.steps import ArraySpec, Step, Steps, spec_of
from hoad.core.primitive import Primitive, primitives

__all__ = ["Constant", "Rule", "Slot", "Walk", "count_uses", "make_step", "operands", "rewrite"]

_MOST_RULES = 32
"""How often rules may replace one step in one walk."""


class Slot(int):
    """The number of a slot among operands, told apart from numbers that are constants."""

    __slots__ = ()


class Constant:
    """A value that does not depend on the inputs."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def operands(step: Step) -> list[Any]:
    """Arguments of a step, with a :class:`Slot` where an argument is the result of a step or an input."""
    found = list(step.args)
    for position, slot in step.inputs:
        found[position] = Slot(slot)
    return found


def make_step(primitive: Primitive | str, args: Sequence[Any], kw: dict[str, Any], outputs: tuple[int, ...]) -> Step:
    """A step from operands."""
    inputs = tuple((i, int(a)) for i, a in enumerate(args) if type(a) is Slot)
    template = tuple(None if type(a) is Slot else a for a in args)
    return Step(primitives[primitive] if isinstance(primitive, str) else primitive, template, inputs, kw, outputs)


def count_uses(steps: Steps) -> dict[int, int]:
    """How often each slot is an argument, a result or asked for by a guard."""
    uses: dict[int, int] = {}
    for step in steps.steps:
        for _, slot in step.inputs:
            uses[slot] = uses.get(slot, 0) + 1
    for result, _ in steps.outputs:
        if result is not None:
            uses[result] = uses.get(result, 0) + 1
    for guard in steps.guards:
        uses[guard.slot] = uses.get(guard.slot, 0) + 1
    return uses


class Walk:
    """The state of a walk: what was made, what stands for what."""

    __slots__ = ("_consumers", "_counted", "_guarded", "_next", "_uses", "changed", "done", "instead", "made", "source", "specs")

    def __init__(self, source: Steps, counted: bool = False) -> None:
        self.source = source
        self.specs = dict(enumerate(source.inputs)) | source.specs
        self._next = max(self.specs, default=-1) + 1
        self._guarded = {g.slot for g in source.guards}
        self._consumers: dict[int, list[Step]] | None = None
        self._uses = count_uses(source) if counted else {}
        self._counted = counted
        self.made: dict[int, Step] = {}
        """Steps with one result by their output."""
        self.instead: dict[int, Slot | Constant] = {}
        self.done: list[Step] = []
        self.changed = False

    # -- what rules ask and do -----------------------------------------------------------------------------------------------

    def maker(self, a: Any, *names: str) -> Step | None:
        """The step that made operand ``a``, if its primitive has one of these names."""
        if type(a) is not Slot:
            return None
        step = self.made.get(a)
        return step if step is not None and step.primitive.name in names else None

    def single(self, slot: int) -> bool:
        """Whether a slot is used once; only in walks that count."""
        return self._uses.get(slot, 0) <= 1

    def consumers(self, slot: int) -> list[Step] | None:
        """The steps that use a result, as they were before the walk; None if something else uses it too, or uses have changed."""
        if self._consumers is None:
            self._consumers = {}
            for step in self.source.steps:
                for _, s in step.inputs:
                    self._consumers.setdefault(s, []).append(step)
        found = self._consumers.get(slot, [])
        return found if len(found) == self._uses.get(slot, 0) else None

    def add(self, primitive: Primitive | str, args: Sequence[Any], kw: dict[str, Any], spec: ArraySpec) -> Slot:
        """Another step before the present one; its result."""
        slot = Slot(self._next)
        self._next += 1
        self.specs[slot] = spec
        step = make_step(primitive, args, kw, (int(slot),))
        self._count(step, 1)
        self.done.append(step)
        self.made[slot] = step
        self.changed = True
        return slot

    def spread(self, step: Step, a: Any) -> Any:
        """Operand ``a`` as what replaces the step: itself, or broadcast to the shape of the result."""
        out = self.specs[step.outputs[0]]
        if type(a) is not Slot:
            value = np.asarray(a)
            return Constant(np.broadcast_to(value, out.shape)) if value.dtype == out.dtype else None
        spec = self.specs[a]
        if spec == out:
            return a
        if spec.dtype != out.dtype or spec.shape == out.shape:
            return None
        return make_step("broadcast_to", [a], {"shape": out.shape}, step.outputs)

    # -- the walk --------------------------------------------------------------------------------------------------------------

    def run(self, rules: Mapping[str, Iterable[Rule]], everywhere: Rule | None = None) -> Steps:
        """Rules by names of primitives, and one that is tried on each step after them."""
        last = () if everywhere is None else (everywhere,)
        by_name = {name: (*chosen, *last) for name, chosen in rules.items()}
        instead, made, done = self.instead, self.made, self.done
        for step in self.source.steps:
            if instead:
                step = self._redirected(step)
            chosen = by_name.get(step.primitive.name, last)
            if chosen:
                found = self._first(chosen, step)
                if found is not None:
                    self.changed = True
                    step = self._replaced(by_name, last, step, found)
                    if step is None:
                        continue
            done.append(step)
            if len(step.outputs) == 1:
                made[step.outputs[0]] = step
        return self._finished()

    def _first(self, rules: Iterable[Rule], step: Step) -> Any:
        for rule in rules:
            found = rule(self, step)
            if found is not None and self._fits(step, found):
                return found
        return None

    def _replaced(self, by_name: Mapping[str, tuple[Rule, ...]], last: tuple[Rule, ...], step: Step, found: Any) -> Any:
        """The step after all rules, or None if earlier results stand for its own."""
        for _ in range(_MOST_RULES):
            self._count(step, -1)
            if type(found) is not Step:
                for old, new in zip(step.outputs, found if type(found) is tuple else (found,), strict=True):
                    self._stands_for(old, new)
                return None
            self._count(found, 1)
            step = found
            found = self._first(by_name.get(step.primitive.name, last), step)
            if found is None:
                break
        return step

    def _fits(self, step: Step, found: Any) -> bool:
        """Whether shape and dtype stay; a guard keeps its slot, so a constant cannot stand for it."""
        if type(found) is Step:
            return found.outputs == step.outputs
        many = found if type(found) is tuple else (found,)
        return len(many) == len(step.outputs) and all(map(self._may_stand_for, step.outputs, many))

    def _may_stand_for(self, old: int, new: Slot | Constant) -> bool:
        spec = self.specs.get(old)
        if type(new) is Slot:
            return spec is not None and self.specs.get(new) == spec
        return spec is not None and spec_of(new.value) == spec and old not in self._guarded  # type: ignore[union-attr]

    def _stands_for(self, old: int, new: Slot | Constant) -> None:
        self.instead[old] = new
        if self._counted and type(new) is Slot:
            self._uses[new] = self._uses.get(new, 0) + self._uses.get(old, 0)

    def _count(self, step: Step, by: int) -> None:
        if self._counted:
            for _, slot in step.inputs:
                self._uses[slot] = self._uses.get(slot, 0) + by

    def _redirected(self, step: Step) -> Step:
        instead = self.instead
        for _, slot in step.inputs:
            if slot in instead:
                break
        else:
            return step
        args = operands(step)
        for position, slot in step.inputs:
            new = instead.get(slot)
            if new is not None:
                args[position] = new.value if type(new) is Constant else new
        return make_step(step.primitive, args, step.kw, step.outputs)

    def _finished(self) -> Steps:
        if not self.changed:
            return self.source
        outputs = []
        for slot, constant in self.source.outputs:
            new = None if slot is None else self.instead.get(slot)
            if new is None:
                outputs.append((slot, constant))
            else:
                outputs.append((int(new), None) if type(new) is Slot else (None, new.value))  # type: ignore[union-attr]
        guards = []
        for g in self.source.guards:
            new = self.instead.get(g.slot)
            guards.append(g._replace(slot=int(new)) if type(new) is Slot else g)
        return self.source.with_steps(self.done, outputs=tuple(outputs), guards=tuple(guards), specs=self.specs)


Rule = Callable[[Walk, Step], Any]


def rewrite(steps: Steps, rules: Mapping[str, Iterable[Rule]], everywhere: Rule | None = None, *, counted: bool = False) -> Steps:
    """Apply rules in one walk; the same object if nothing changed.

    Parameters
    ----------
    steps : Steps
    rules : mapping of str to rules
        Rules for each name of a primitive, tried in order.
    everywhere : rule, optional
        Tried on every step for which no other rule applied.
    counted : bool
        Whether rules ask how often slots are used.
    """
    if everywhere is None and not any(step.primitive.name in rules for step in steps.steps):
        return steps
    return Walk(steps, counted).run(rules, everywhere)
