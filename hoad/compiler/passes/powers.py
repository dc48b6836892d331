"""Powers with a constant exponent as products, reciprocals and square roots.

| power | becomes | differs from NumPy's value by |
|---|---|---|
| x**0 | 1 | 0 (also of NaN and infinity) |
| x**1 | x | 0 |
| x**2 | square(x) | 0 or 1 ulp |
| x**-1 | reciprocal(x) | 0 or 1 ulp |
| x**0.5 | sqrt(x) | 0; only where NumPy does the same, which is not the power of IEEE 754 at -0.0 and -inf |
| x**3 | x * square(x) | 1 ulp |
| x**4 | square(square(x)) | 2 ulp |
| x**-2 | square(reciprocal(x)) | 2 ulp |

NumPy itself squares, and takes reciprocals, for arrays with one exponent; for numbers, float_power and arrays of exponents it does
not, and there the last place may differ.  Zeros keep their signs, and infinities and NaN come out where they did.  Other exponents
(-0.5, 1.5, 10) stay: there a product over- or underflows elsewhere, or differs at -0.0 and -inf.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from hoad.compiler.passes.rewriting import Constant, Slot, Walk, make_step, operands, rewrite
from hoad.compiler.passes.uniform import compact, number
from hoad.compiler.steps import Step, Steps
from hoad.core.primitive import Primitive

__all__ = ["expand_powers"]


def expand_powers(steps: Steps) -> Steps:
    """Write powers with small constant exponents in cheaper functions: 3, 4 and -2 in two steps, all others in one or none."""
    return rewrite(steps, {"pow": (_power,), "power": (_power,), "float_power": (_power,)})


@cache
def _roots_by_sqrt(primitive: Primitive) -> bool:
    """Whether this power of an array with exponent 0.5 is NumPy's square root."""
    with np.errstate(all="ignore"):
        y = primitive.native(np.array([-0.0, -np.inf]), 0.5)
    return bool(np.signbit(y[0]) and np.isnan(y[1]))


def _power(walk: Walk, step: Step) -> Any:
    x, exponent = operands(step)
    out = walk.specs[step.outputs[0]]
    if type(x) is not Slot or type(exponent) is Slot or step.kw or walk.specs[x] != out:
        return None
    p = number(compact(exponent))
    if p is None:
        return None
    if out.dtype.kind != "f":
        return x if p == 1 and out.dtype.kind in "iu" else None
    if p == 0:
        return Constant(np.broadcast_to(np.ones((), out.dtype), out.shape) if out.shape else out.dtype.type(1))
    if p == 1:
        return x
    if p == 2:
        return make_step("square", [x], {}, step.outputs)
    if p == -1:
        return make_step("reciprocal", [x], {}, step.outputs)
    if p == 0.5 and out.shape and not np.ndim(exponent) and _roots_by_sqrt(step.primitive):
        return make_step("sqrt", [x], {}, step.outputs)
    if p == 3:
        return make_step("multiply", [x, walk.add("square", [x], {}, out)], {}, step.outputs)
    if p == 4:
        return make_step("square", [walk.add("square", [x], {}, out)], {}, step.outputs)
    if p == -2:
        return make_step("square", [walk.add("reciprocal", [x], {}, out)], {}, step.outputs)
    return None
