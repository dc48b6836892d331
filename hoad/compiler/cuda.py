"""Steps on a CUDA device: kernels of fused loops, cuBLAS for products of matrices, and CuPy for everything else."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from hoad.compiler.build import planned
from hoad.compiler.cuda_queue import Queue, padded
from hoad.compiler.device import Device
from hoad.compiler.emit.launches import LaunchProgram, emit_launches
from hoad.compiler.lower.lowering import Lowered
from hoad.compiler.steps import Steps
from hoad.errors import NoCompilerError

__all__ = ["CudaExecutor", "Device", "build"]

QUEUES = 16
"""Streams for which a program keeps buffers."""


def build(steps: Steps, device: Device | None = None) -> CudaExecutor:
    """An executor that runs the steps on a CUDA device.

    Parameters
    ----------
    steps : Steps
        With constants on the host: see :func:`hoad.compiler.placed.lifted`.
    device : Device, optional
        Default: the current device of CuPy.

    Raises
    ------
    NoCompilerError
        If there is no CuPy, no device, or the compiler fails.
    """
    if device is None:
        try:
            device = import_module("hoad.backends.cupy").device()
        except Exception as error:
            raise NoCompilerError(
                f"no CUDA device was found ({type(error).__name__}: {error}), expected CuPy and a device. "
                "pip install 'hoad[cuda12]' where there is one, or choose HOAD_COMPILE=c."
            ) from None
    plan, lowered = planned(steps)
    try:
        program = emit_launches(plan, steps.inputs, len(lowered.outputs))
    except OverflowError as error:
        raise NoCompilerError(f"the CUDA program has {error}. Store intermediate sums, or choose HOAD_COMPILE=numpy.") from None
    executor = CudaExecutor(lowered.guarded(steps), program, lowered, device)
    try:
        executor.functions(device.key())
    except Exception as error:
        raise NoCompilerError(
            f"the CUDA compiler failed ({type(error).__name__}: {error}). Choose HOAD_COMPILE=numpy, and please report it."
        ) from None
    return executor


class CudaExecutor:
    """Steps on a CUDA device.

    Results are arrays of the device if any input is one, else NumPy arrays.

    Attributes
    ----------
    fast : None
    source : str
        The CUDA text.
    explain : list of str
        What was fused, and what was not.
    """

    fast = None

    def __init__(self, steps: Steps, program: LaunchProgram, lowered: Lowered, device: Device) -> None:
        self.steps, self.program, self.device = steps, program, device
        self.source = program.source
        self.expected = [np.asarray(g.value) for g in steps.guards]
        self._calls = list(lowered.calls)
        self._lock = threading.Lock()
        self._queues: dict[Any, Queue] = {}
        self._constants: dict[Any, Any] = {}
        self._functions: dict[Any, list[Any]] = {}
        self.on_host: dict[int, str] = {}
        self.pieces = ""
        self.wholes = 0

    @property
    def explain(self) -> list[str]:
        """What is to be said about the execution."""
        p = self.program
        total = sum(padded(place) for place in p.places if place.kind == "scratch")
        counts = f"{len(p.launches)} launches of {len(p.functions)} kernels"
        lines = [f"{counts}, {total} bytes of intermediate results, {p.operations:.3g} operations"]
        names = dict.fromkeys(self._calls)
        lines += [f"not in loops: {name} ({self._calls.count(name)} times) is a call of its library" for name in names]
        there = dict.fromkeys(self.on_host.values())
        lines += [f"{name} runs on the host: the device's library has no such function" for name in there]
        if self.pieces:
            lines.append(f"captured in pieces: {self.pieces}")
        elif self.wholes:
            lines.append("captured as one CUDA graph")
        return [*lines, *p.notes]

    def __call__(self, leaves: Sequence[Any]) -> tuple[list[Any] | None, list[Any]]:
        """Results and answers; the results are None, and the answers end, where an answer is not the recorded one."""
        with self._lock, self.device.beside(leaves):
            key = self.device.key()
            queue = self._queues.pop(key, None) or Queue(self, key)
            self._queues[key] = queue  # as the latest
            if len(self._queues) > QUEUES:
                del self._queues[next(iter(self._queues))]
            outputs, answers = queue.run(leaves)
        if outputs is not None and not any(self.device.holds(x) for x in leaves):
            outputs = [self.device.to_host(y) if self.device.holds(y) else y for y in outputs]
            outputs = [y if getattr(y, "ndim", 0) else y[()] for y in outputs]
        return outputs, answers

    def functions(self, key: tuple[Any, ...]) -> list[Any]:
        """The functions of the program and the one that writes addresses, compiled for a device."""
        if not self.program.launches:
            return []
        if key[0] not in self._functions:
            names = [f"k{n}" for n in range(len(self.program.functions))]
            self._functions[key[0]] = self.device.functions(self.source, [*names, "place"])
        return self._functions[key[0]]

    def constant(self, x: Any, key: tuple[Any, ...]) -> Any:
        """A constant with its arrays on the device, where they are put once."""
        if type(x) in (tuple, list):
            return type(x)(self.constant(y, key) for y in x)
        if not isinstance(x, np.ndarray):
            return x
        if (id(x), key[0]) not in self._constants:
            self._constants[id(x), key[0]] = self.device.upload(x)
        return self._constants[id(x), key[0]]
