"""Native code for recorded maps that are applied again and again: linearisations, Hessian operators, the products of optimisers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hoad.backends import on_device
from hoad.compiler import settings
from hoad.compiler.placed import library_of
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
    here = _on_host(steps, backend) if library_of(steps, ()) is None else None
    there: Map | None = None

    def run(leaves: Sequence[Any]) -> list[Any]:
        nonlocal there
        if here is not None and not any(map(on_device, leaves)):
            return here(leaves)
        if there is None:
            there = _on_device(steps, leaves, backend)
        return there(leaves)

    return run


def _on_host(steps: Steps, backend: str) -> Map:
    executor = settings.executor_for(settings.optimised(steps, backend), backend)
    single = len(steps.outputs) == 1

    def run(leaves: Sequence[Any]) -> list[Any]:
        fast = executor.fast
        if fast is not None:
            found = fast(*leaves)
            if found is not NotImplemented:
                return [found] if single else list(found)
        return list(executor([np.asarray(x) for x in leaves])[0])

    return run


def _on_device(steps: Steps, leaves: Sequence[Any], backend: str) -> Map:
    """The same with arrays of a device among inputs or constants."""
    library = library_of(steps, leaves)
    assert library is not None
    _, executor, _ = settings.made(steps, leaves, backend, settings.backend_there(None))

    def run(leaves: Sequence[Any]) -> list[Any]:
        found = executor(leaves)[0]
        return [
            c if slot is None and not on_device(c) else y if on_device(y) else library.asarray(np.array(y))
            for y, (slot, c) in zip(found, steps.outputs, strict=True)
        ]

    return run


engine.native = native
