"""Composite functions as the steps of their bodies.

A body says in other primitives what a function is; it is recorded with placeholders of the right shapes and dtypes.  Only functions
are listed whose bodies have the value of the function itself, special values and rounding included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hoad.compiler.lower.lowering import BODIES
from hoad.compiler.steps import ArraySpec, Step, Steps
from hoad.core.box import Box, Buffer
from hoad.modes.constants import Constants
from hoad.modes.watched import watch

__all__ = ["steps_of_body"]

STATISTICS = [
    "norm",
    "vector_norm",
    "matrix_norm",
    "var",
    "std",
    "var_about",
    "std_about",
    "masked_var",
    "masked_std",
    "masked_mean",
    "nanvar",
    "nanstd",
    "nanmax",
    "nanmin",
    "sum_with_keywords",
    "prod_with_keywords",
    "max_with_keywords",
    "min_with_keywords",
    "cov",
    "corrcoef",
]
OTHERS = ["pad", "linspace", "vecdot (ufunc)", "matvec (ufunc)", "vecmat (ufunc)"]
FAMILIES = ("poly", "cheb", "leg", "herm", "herme", "lag")
SERIES = ("vander", "der", "int", "add", "sub", "mul", "mulx")
BODIES.update((*STATISTICS, *OTHERS, *(f"{family}{function} (series)" for family in FAMILIES for function in SERIES)))


def steps_of_body(step: Step, specs: Sequence[ArraySpec]) -> Steps | None:
    """The steps of the body for inputs of these shapes and dtypes; None if Python looks at numbers in it."""
    prim = step.primitive
    if prim.body is None or any(s.dtype.kind not in "fb" for s in specs):
        return None
    rng = np.random.default_rng(1)
    inputs = [_placeholder(rng, s) for s in specs]

    def run(*boxes: Any) -> Any:
        args = list(step.args)
        for (position, _), box in zip(step.inputs, boxes, strict=True):
            args[position] = box
        return prim.body(*args, **step.kw)

    with np.errstate(all="ignore"):
        out, _, state, level = watch(run, inputs, Constants())
    if state.asked or state.failed:
        return None
    outputs: list[tuple[int | None, Any]] = []
    for y in out if prim.multi else (out,):
        y = y.value if type(y) is Buffer else y
        outputs.append((y.aux, None) if isinstance(y, Box) and y.level == level else (None, y))
    if any(isinstance(y, Box) for _, y in outputs):
        return None
    found = {slot: ArraySpec(*spec) for slot, spec in state.specs.items()}
    return Steps(tuple(found[n] for n in range(len(inputs))), tuple(state.steps), tuple(outputs), (), found)


def _placeholder(rng: Any, spec: ArraySpec) -> Any:
    if spec.dtype.kind == "b":
        return np.broadcast_to(np.array(True), spec.shape)
    x = np.asarray(rng.uniform(0.5, 1.5, spec.shape), spec.dtype)
    return x if spec.shape else x[()]
