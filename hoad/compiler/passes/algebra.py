"""Algebra: ones, zeros, signs and constant factors of elementwise steps.

Every rule but one gives bit for bit the same numbers, with signed zeros, NaN and infinities.  So these are rules:

- 1 x, x / 1, x + (-0.0), x - 0.0 are x; x + 0.0 is x where x cannot be -0.0 (adding 0.0 to -0.0 gives 0.0);
- -1 x and x / -1 are -x; -(-x) is x; -(c x) is (-c) x, -(x / c) is x / (-c), -(c / x) is (-c) / x, also inside of products;
- (-a) (-b), (-a) / (-b) lose their signs, (-a) b is -(a b) and (-a) / b is -(a / b), so that a sum can take the sign up:
  a + (-b) and (-a) + b are differences, a - (-b) is a sum;
- x + x is 2 x, -x - x is -2 x, sum(-x) is 0.0 - sum(x) (NumPy's sum is never -0.0);
- x x is square(x), square(-x) and absolute(-x) are those of x, 1 / x is reciprocal(x), x / 2**k is a product;
- moving elements (slices, transposes, reshapes) and changing their sign can be swapped.

And these are not: 0 x (NaN for infinite x, -0.0 for negative x), x - x, 0 - x, -(a - b), (-a) - b, sums of negatives, and
x / c as a product for other c.

The one rule that rounds differently, by at most 2 ulp, is c2 (c1 x) = (c1 c2) x.  It is used only where both factors are at least
one or both at most one in absolute value and the product of them is a normal number, so that nothing over- or underflows elsewhere;
for factors above two the first has to be whole, which makes it exact for subnormal x.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from hoad.compiler.passes.rewriting import Constant, Slot, Walk, make_step, operands, rewrite
from hoad.compiler.passes.signs import never_negative_zero
from hoad.compiler.passes.uniform import negated, number
from hoad.compiler.steps import Step, Steps

__all__ = ["simplify_algebra"]


def simplify_algebra(steps: Steps) -> Steps:
    """Leave out ones, zeros and double signs of arithmetic on real numbers; join constant factors; never more steps."""
    return rewrite(steps, _RULES, counted=True)


def _out(walk: Walk, step: Step) -> Any:
    """Spec of the result of a real function without keywords; None for others."""
    spec = walk.specs.get(step.outputs[0])
    return None if spec is None or spec.dtype.kind != "f" or step.kw else spec


def _negative_of(walk: Walk, a: Any) -> Any:
    """The operand whose negative the real ``a`` is, or None."""
    step = walk.maker(a, "negative")
    return None if step is None or walk.specs[a].dtype.kind != "f" else operands(step)[0]


def _with_sign_outside(walk: Walk, step: Step, args: list[Any], i: int, out: Any) -> Any:
    """``-(f(.., a, ..))`` for ``f(.., -a, ..)``, where the sign costs no more outside: it is used here only, or taken up there."""
    inner = _negative_of(walk, args[i])
    if inner is None or type(inner) is not Slot or walk.specs[args[i]] != out:
        return None
    if not walk.single(args[i]) and not _taken_up(walk, step.outputs[0]):
        return None
    new = list(args)
    new[i] = inner
    return make_step("negative", [walk.add(step.primitive, new, step.kw, out)], {}, step.outputs)


def _taken_up(walk: Walk, slot: int) -> bool:
    """Whether a result is only added or subtracted, and there is no other sign to take up (-a - b cannot)."""
    users = walk.consumers(slot)
    if not users or any(u.primitive.name not in ("add", "subtract") or u.kw for u in users):
        return False
    if any(u.primitive.name == "subtract" and u.inputs[0] == (0, slot) for u in users):
        return False
    others = [s for u in users for _, s in u.inputs if s != slot]
    return len(others) == len(users) and all(walk.maker(Slot(s), "negative") is None and _unsigned(walk, s) for s in others)


def _unsigned(walk: Walk, slot: int) -> bool:
    """Whether no sign will be moved out of what makes a slot."""
    step = walk.maker(Slot(slot), "multiply", "divide")
    return (
        slot < len(walk.source.inputs)
        or (slot in walk.made and step is None)
        or (step is not None and not any(walk.maker(a, "negative") for a in operands(step)))
    )


# -- products and quotients -------------------------------------------------------------------------------------------------------


def _multiply(walk: Walk, step: Step) -> Any:
    a, b = operands(step)
    out = walk.specs[step.outputs[0]]
    if out.dtype.kind in "iu" and not step.kw:
        return next((x for x, c in ((a, b), (b, a)) if type(x) is Slot and type(c) is int and c == 1), None)
    if _out(walk, step) is None:
        return None
    for x, c in ((a, b), (b, a)):
        if type(x) is Slot and type(c) is not Slot and walk.specs[x].dtype == out.dtype:
            return _times_constant(walk, step, x, c, out)
    if type(a) is not Slot or type(b) is not Slot:
        return None
    if a == b:
        return make_step("square", [a], {}, step.outputs)
    inner_a, inner_b = _negative_of(walk, a), _negative_of(walk, b)
    if inner_a is not None and inner_b is not None:
        return make_step("multiply", [inner_a, inner_b], {}, step.outputs)
    return _with_sign_outside(walk, step, [a, b], 0, out) or _with_sign_outside(walk, step, [a, b], 1, out)


def _times_constant(walk: Walk, step: Step, x: Slot, c: Any, out: Any) -> Any:
    value = number(c)
    if value == 1:
        return walk.spread(step, x)
    if value == -1 and walk.specs[x] == out:
        return make_step("negative", [x], {}, step.outputs)
    inner = _negative_of(walk, x)
    if inner is not None and (minus := negated(c)) is not None:
        return make_step("multiply", [minus, inner], {}, step.outputs)
    first = walk.maker(x, "multiply")
    if first is None or value is None or not walk.single(x) or walk.specs[x] != out:
        return None
    for factor, y in (operands(first), operands(first)[::-1]):
        if type(y) is Slot and type(factor) is not Slot and walk.specs[y] == out and (before := number(factor)) is not None:
            if _may_join(before, value, out.dtype):
                return make_step("multiply", [before * value, y], {}, step.outputs)
    return None


def _may_join(first: float, second: float, dtype: np.dtype[Any]) -> bool:
    """Whether (first * second) * x differs from second * (first * x) only by rounding, whatever x is."""
    one, two = abs(first), abs(second)
    tiny, largest = _limits(dtype.char)
    if not tiny <= one * two <= largest:  # refuses zeros, infinities and NaN too
        return False
    return (one <= 1 and two <= 1) or (one >= 1 and two >= 1 and (two <= 2 or one == math.floor(one)))


def _divide(walk: Walk, step: Step) -> Any:
    out = _out(walk, step)
    if out is None:
        return None
    a, b = operands(step)
    if type(b) is not Slot:
        if type(a) is not Slot or walk.specs[a].dtype != out.dtype:
            return None
        value = number(b)
        if value == 1:
            return walk.spread(step, a)
        if value is not None and walk.specs[a] == out:
            if value == -1:
                return make_step("negative", [a], {}, step.outputs)
            if (inverse := _exact_inverse(value, out.dtype)) is not None:
                return make_step("multiply", [inverse, a], {}, step.outputs)
        inner = _negative_of(walk, a)
        if inner is not None and (minus := negated(b)) is not None:
            return make_step("divide", [inner, minus], {}, step.outputs)
        return None
    if type(a) is not Slot:
        if walk.specs[b].dtype != out.dtype:
            return None
        if number(a) == 1 and walk.specs[b] == out:
            return make_step("reciprocal", [b], {}, step.outputs)
        inner = _negative_of(walk, b)
        if inner is not None and (minus := negated(a)) is not None:
            return make_step("divide", [minus, inner], {}, step.outputs)
        return None
    inner_a, inner_b = _negative_of(walk, a), _negative_of(walk, b)
    if inner_a is not None and inner_b is not None:
        return make_step("divide", [inner_a, inner_b], {}, step.outputs)
    return _with_sign_outside(walk, step, [a, b], 0, out) or _with_sign_outside(walk, step, [a, b], 1, out)


def _exact_inverse(value: float, dtype: np.dtype[Any]) -> float | None:
    """1 / value of a power of two, if it and its inverse are normal numbers."""
    if value == 0 or not math.isfinite(value) or abs(math.frexp(value)[0]) != 0.5:
        return None
    tiny, _ = _limits(dtype.char)
    return 1 / value if tiny <= abs(value) <= 1 / tiny else None


@cache
def _limits(char: str) -> tuple[float, float]:
    """The smallest and the largest normal number of half, single and double precision; none for others."""
    limits = np.finfo(char)
    return (float(limits.tiny), float(limits.max)) if char in "efd" else (math.inf, 0.0)


# -- sums and differences ---------------------------------------------------------------------------------------------------------


def _add(walk: Walk, step: Step) -> Any:
    out = _out(walk, step)
    if out is None:
        return None
    a, b = operands(step)
    for x, c in ((a, b), (b, a)):
        if type(x) is Slot and type(c) is not Slot and (same := _plus_constant(walk, step, x, number(c), out)) is not None:
            return same
    return _plus_negative(walk, step, a, b)


def _plus_constant(walk: Walk, step: Step, x: Slot, value: float | None, out: Any) -> Any:
    if value != 0 or walk.specs[x].dtype != out.dtype:
        return None
    return walk.spread(step, x) if math.copysign(1.0, value) < 0 or never_negative_zero(walk, x) else None


def _plus_negative(walk: Walk, step: Step, a: Any, b: Any) -> Any:
    if type(a) is Slot and type(b) is Slot and a == b:
        return make_step("multiply", [2.0, a], {}, step.outputs)
    for x, y in ((a, b), (b, a)):
        inner = _negative_of(walk, y)
        if inner is not None:
            return make_step("subtract", [x, inner], {}, step.outputs)
    return None


def _subtract(walk: Walk, step: Step) -> Any:
    out = _out(walk, step)
    if out is None:
        return None
    a, b = operands(step)
    if type(a) is Slot and type(b) is not Slot:
        value = number(b)
        return _plus_constant(walk, step, a, None if value is None else -value, out)
    inner = _negative_of(walk, b)
    if inner is not None:
        return make_step("add", [a, inner], {}, step.outputs)
    inner = _negative_of(walk, a)
    if type(inner) is Slot and type(b) is Slot and inner == b:
        return make_step("multiply", [-2.0, b], {}, step.outputs)
    return None


# -- signs ------------------------------------------------------------------------------------------------------------------------


def _negative(walk: Walk, step: Step) -> Any:
    out = _out(walk, step)
    if out is None:
        return None
    (x,) = operands(step)
    inner = _negative_of(walk, x)
    if inner is not None:
        return inner if type(inner) is Slot else Constant(inner)
    found = None if _taken_up(walk, step.outputs[0]) else _flipped(walk, x)
    return None if found is None else make_step(*found, {}, step.outputs)


_DEPTH = 4
"""Through how many products and quotients a sign looks for a constant factor."""


def _flipped(walk: Walk, x: Any, depth: int = _DEPTH) -> tuple[Any, list[Any]] | None:
    """Primitive and operands of -x, where x is a product or quotient with a constant factor somewhere that is used here only."""
    step = walk.maker(x, "multiply", "divide")
    if step is None or step.kw or not depth or not walk.single(x) or walk.specs[x].dtype.kind != "f":
        return None
    args = operands(step)
    for i, c in enumerate(args):
        if type(c) is not Slot and (minus := negated(c)) is not None:
            args[i] = minus
            return step.primitive, args
    for i, y in enumerate(args):
        found = _flipped(walk, y, depth - 1)
        if found is not None:
            args[i] = walk.add(*found, {}, walk.specs[y])
            return step.primitive, args
    return None


def _sum(walk: Walk, step: Step) -> Any:
    """0.0 - sum(x) for sum(-x): NumPy's sum of zeros is 0.0, never -0.0."""
    out = walk.specs.get(step.outputs[0])
    x = operands(step)[0]
    inner = _negative_of(walk, x)
    if out is None or type(inner) is not Slot or not walk.single(x) or walk.specs[x].dtype != out.dtype:
        return None
    return make_step("subtract", [0.0, walk.add(step.primitive, [inner], step.kw, out)], {}, step.outputs)


def _even(walk: Walk, step: Step) -> Any:
    if _out(walk, step) is None:
        return None
    inner = _negative_of(walk, operands(step)[0])
    return None if inner is None else make_step(step.primitive, [inner], {}, step.outputs)


def _moved(walk: Walk, step: Step) -> Any:
    """The negative of moved elements for moved negatives: a later sum takes the sign up."""
    out = walk.specs.get(step.outputs[0])
    x = operands(step)[0]
    inner = _negative_of(walk, x)
    if out is None or out.dtype.kind != "f" or type(inner) is not Slot or not walk.single(x):
        return None
    if math.prod(out.shape) > math.prod(walk.specs[x].shape):
        return None
    return make_step("negative", [walk.add(step.primitive, [inner], step.kw, out)], {}, step.outputs)


_RULES = {
    "multiply": (_multiply,), "divide": (_divide,), "add": (_add,), "subtract": (_subtract,), "negative": (_negative,),
    "sum": (_sum,), "square": (_even,), "absolute": (_even,), "getitem": (_moved,), "reshape": (_moved,), "transpose": (_moved,),
}  # fmt: skip
