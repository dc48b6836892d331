"""Native code for recorded maps that are applied again and again: linearisations, Hessian operators, the products of optimisers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hoad.compiler import settings
from hoad.compiler.steps import ArraySpec, Steps
from hoad.core.box import Box
from hoad.core.engine import engine
from hoad.modes.record import Repeat

__all__ = ["native"]

Map = Callable[[Sequence[Any]], list[Any]]


def native(repeat: Repeat) -> Map | None:
    """The steps as native code; None where the back end is off, or where a constant belongs to a derivative in progress.

    Parameters
    ----------
    repeat : Repeat

    Returns
    -------
    callable or None
        A function of the list of inputs that returns the list of outputs, all arrays of their own.
    """
    backend = settings.backend_of(None)
    constants = [a for step in repeat.steps for a in step.args] + [c for _, c in repeat.outputs]
    if backend == "off" or any(isinstance(c, Box) for c in constants):
        return None
    if any(dtype is None for _, dtype in repeat.specs.values()):
        return None
    specs = {slot: ArraySpec(*spec) for slot, spec in repeat.specs.items()}
    inputs = tuple(specs[i] for i in range(repeat.inputs))
    steps = Steps(inputs, tuple(repeat.steps), tuple(repeat.outputs), (), specs)
    executor = settings.executor_for(settings.optimised(steps, backend), backend)
    single = len(repeat.outputs) == 1

    def run(leaves: Sequence[Any]) -> list[Any]:
        fast = executor.fast
        if fast is not None:
            found = fast(*leaves)
            if found is not NotImplemented:
                return [found] if single else list(found)
        return list(executor([np.asarray(x) for x in leaves])[0])

    return run


engine.native = native
