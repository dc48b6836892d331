"""Constants: what does not depend on the inputs is computed once, and what is uniform is kept as one number.

A uniform array (an array of ones in which a reverse sweep begins, for example) is a broadcast of one element; where the other
operand decides the shape of the result it becomes a Python number, which NumPy treats as having the dtype of the other operand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hoad.compiler.passes.rewriting import Constant, Slot, Walk, make_step, operands, rewrite
from hoad.compiler.passes.uniform import compact, element, number
from hoad.compiler.steps import Step, Steps, spec_of

__all__ = ["fold_constants", "fold_in_order"]

NUMERIC = frozenset(
    {
        "add", "subtract", "multiply", "divide", "maximum", "minimum", "fmax", "fmin", "hypot", "arctan2", "remainder", "fmod",
        "less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "floor_divide", "logaddexp",
    }
)  # fmt: skip
"""Functions of two numbers, elementwise, in which a Python number is as good as an array.

Not the powers: NumPy computes x**0.5 for one exponent by a square root, and for an array of exponents otherwise.
"""


def fold_constants(steps: Steps) -> Steps:
    """Evaluate steps that have no inputs, and simplify uniform constants.

    Notes
    -----
    A step that fails on constants stays, and fails when it is run.  One sweep; each constant array is looked at once.
    """
    return _folded(steps, compact)


def fold_in_order(steps: Steps) -> Steps:
    """The same but for uniform arrays of several axes, which stay: NumPy lays results out in memory as their operands are."""
    return _folded(steps, lambda a: a if _ordered(np.shape(a)) else compact(a))


def _ordered(shape: Sequence[int]) -> bool:
    """Whether elements of the shape can stand in different orders in memory."""
    return sum(n > 1 for n in shape) > 1


def _folded(steps: Steps, simplest: Callable[[Any], Any]) -> Steps:
    seen: dict[int, tuple[Any, Any]] = {}

    def compacted(a: Any) -> Any:
        found = seen.get(id(a))
        if found is None:  # the array itself is kept: otherwise another could get its id
            found = seen[id(a)] = (a, simplest(a))
        return found[1]

    def rule(walk: Walk, step: Step) -> Any:
        if not step.inputs:
            return _evaluated(walk, step, simplest)
        if len(step.inputs) == len(step.args) or not isinstance(step.primitive.native, np.ufunc):
            return None
        if step.primitive.name in ("power", "float_power"):
            return None
        args = operands(step)
        new = [a if type(a) is Slot else _simplest(walk, step, args, i, compacted(a)) for i, a in enumerate(args)]
        if all(a is b for a, b in zip(args, new, strict=True)):
            return None
        return make_step(step.primitive, new, step.kw, step.outputs)

    return rewrite(steps, {}, rule)


def _simplest(walk: Walk, step: Step, args: list[Any], i: int, a: Any) -> Any:
    """A Python number for operand i, where shape and dtype of the result are those without it; else ``a``."""
    if type(a) is float or len(args) != 2 or step.primitive.name not in NUMERIC or step.kw:
        return a
    other = args[1 - i]
    if type(other) is not Slot:
        return a
    spec, out = walk.specs[other], walk.specs[step.outputs[0]]
    if spec.shape != out.shape or spec.dtype.kind != "f":
        return a
    found = number(a)
    if found is None or (type(a) is not int and np.promote_types(a.dtype, spec.dtype) != spec.dtype):
        return a
    return found


def _evaluated(walk: Walk, step: Step, simplest: Callable[[Any], Any]) -> Any:
    outs = [walk.specs.get(slot) for slot in step.outputs]
    if not all(outs):
        return None
    short = isinstance(step.primitive.native, np.ufunc) and not step.kw
    short = short and (simplest is compact or not any(_ordered(spec.shape) for spec in outs if spec))
    try:
        with np.errstate(all="ignore"):
            found = _elementwise(step) if short else None
            if found is None:
                found = step.primitive.native(*step.args, **step.kw)
    except Exception:
        return None
    values = found if step.primitive.multi else (found,)
    if len(values) != len(outs) or any(not hasattr(v, "dtype") for v in values):
        return None
    done = tuple(Constant(simplest(v)) for v in values)
    if any(spec_of(c.value) != out for c, out in zip(done, outs, strict=True)):
        return None
    return done if step.primitive.multi else done[0]


def _elementwise(step: Step) -> Any:
    """The function of the repeated elements, broadcast, if all operands are uniform: no array of the full size is made."""
    parts = [a if isinstance(a, int | float | complex) else element(a) for a in step.args]
    if any(p is None for p in parts) or step.primitive.name in ("power", "float_power"):
        return None
    value = step.primitive.native(*parts)
    shape = np.broadcast_shapes(*(np.shape(a) for a in step.args))
    return np.broadcast_to(value, shape) if shape else value
