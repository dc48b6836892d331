"""Steps on a CUDA device: kernels of fused loops, cuBLAS for products of matrices, and CuPy for everything else.

Runs of launches between calls of libraries are captured into CUDA graphs when a program runs for the second time, and replayed from
then on.  (CuPy refuses to capture calls of cuBLAS and of the other libraries.)  Values that guards ask for are read back at the
end, all at once; a program without guards does not wait for the device.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from math import prod
from typing import Any, Protocol

import numpy as np

from hoad import backends
from hoad.compiler.build import planned
from hoad.compiler.emit.launches import PLACED, LaunchProgram, Library, Place, Product, Repeat, emit_launches
from hoad.compiler.executor import arena
from hoad.compiler.lower.lowering import LOOPS, Lowered
from hoad.compiler.steps import Steps
from hoad.errors import NoCompilerError

__all__ = ["CudaExecutor", "Device", "build", "hosted"]

ALIGNMENT = 256
GRAPH = 1024
"""Launches in one graph of a loop."""


class Device(Protocol):
    """What the executor needs of a device; arrays are those of its library."""

    def key(self) -> tuple[Any, ...]:
        """The device, the queue, and the thread that calls where queues belong to threads; each has its own buffers."""

    def functions(self, source: str, names: Sequence[str]) -> list[Any]:
        """Compile; functions by name."""

    def launch(self, function: Any, grid: int, block: int, arguments: Sequence[Any]) -> None:
        """Queue a function of arrays and ints on the current queue."""

    def capture(self, run: Callable[[], None]) -> Callable[[], None]:
        """What queues, when called, everything that ``run`` launches, as one."""

    def holds(self, x: Any) -> bool:
        """Whether x is an array of this device."""

    def asarray(self, x: Any) -> Any:
        """An array of the device in C order, itself if it is one already."""

    def to_host(self, x: Any) -> Any:
        """A NumPy array; waits."""

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """An array whose values are not set."""

    def view(self, memory: Any, offset: int, shape: tuple[int, ...], dtype: Any) -> Any:
        """A part of an array of bytes as an array."""

    def matmul(self, a: Any, b: Any, out: Any) -> None:
        """out = a b, for matrices."""


def hosted(steps: Steps) -> Steps:
    """Steps whose constants are in the host's memory, where passes and the lowering look at them.

    Parameters
    ----------
    steps : Steps
        As recorded, perhaps on arrays of a device.

    Returns
    -------
    Steps
        The same steps, unchanged where no constant was on a device.
    """

    def moved(x: Any) -> Any:
        if type(x) in (tuple, list):
            return type(x)(moved(y) for y in x)
        if type(x) is dict:
            return {k: moved(y) for k, y in x.items()}
        return backends.of(x).to_host(x) if _foreign(x) else x

    def found(x: Any) -> bool:
        return any(map(found, x.values() if type(x) is dict else x)) if type(x) in (tuple, list, dict) else _foreign(x)

    changed = [replace(s, args=moved(s.args), kw=moved(s.kw)) if found(s.args) or found(s.kw) else s for s in steps.steps]
    outputs = tuple((slot, moved(c)) for slot, c in steps.outputs)
    guards = tuple(g._replace(value=moved(g.value)) for g in steps.guards)
    return replace(steps, steps=tuple(changed), outputs=outputs, guards=guards)


def _foreign(x: Any) -> bool:
    return hasattr(x, "dtype") and not backends.is_host(x) and backends.of(x).name != "numpy"


def build(steps: Steps, device: Device | None = None) -> CudaExecutor:
    """An executor that runs the steps on a CUDA device.

    Parameters
    ----------
    steps : Steps
        With constants on the host: see :func:`hosted`.
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
        self._queues: dict[Any, _Queue] = {}
        self._constants: dict[Any, Any] = {}
        self._functions: dict[Any, list[Any]] = {}
        self.on_host: dict[int, str] = {}

    @property
    def explain(self) -> list[str]:
        """What is to be said about the execution."""
        p = self.program
        total = sum(_padded(place) for place in p.places if place.kind == "scratch")
        counts = f"{len(p.launches)} launches of {len(p.functions)} kernels"
        lines = [f"{counts}, {total} bytes of intermediate results, {p.operations:.3g} operations"]
        names = dict.fromkeys(self._calls)
        lines += [f"not in loops: {name} ({self._calls.count(name)} times) is a call of its library" for name in names]
        there = dict.fromkeys(self.on_host.values())
        lines += [f"{name} runs on the host: the device's library has no such function" for name in there]
        return [*lines, *p.notes]

    def __call__(self, leaves: Sequence[Any]) -> tuple[list[Any] | None, list[Any]]:
        """Results and answers; the results are None, and the answers end, where an answer is not the recorded one."""
        with self._lock:
            key = self.device.key()
            queue = self._queues.get(key)
            if queue is None:
                queue = self._queues[key] = _Queue(self, key)
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
            self._constants[id(x), key[0]] = self.device.asarray(x)
        return self._constants[id(x), key[0]]


class _Queue:
    """The buffers of one program on one queue of a device: what they hold is in use until the queue has run past it."""

    def __init__(self, executor: CudaExecutor, key: tuple[Any, ...]) -> None:
        self.executor, self.device, self.program, self.key = executor, executor.device, executor.program, key
        self.functions = executor.functions(key)
        places, device = self.program.places, self.device
        self.arrays: list[Any] = [executor.constant(p.constant, key) if p.kind == "constant" else None for p in places]
        shared = [n for n, p in enumerate(places) if p.kind == "scratch"]
        offsets, total = arena([(_padded(places[n]), places[n].first, places[n].last) for n in shared])
        memory = device.empty((total,), np.uint8)
        for n, offset in zip(shared, offsets, strict=True):
            self.arrays[n] = device.view(memory, offset, places[n].shape, places[n].dtype)
        self.guards: dict[int, int] = {}
        total = 0
        for n, p in enumerate(places):
            if p.kind == "guard":
                self.guards[n] = total
                total += _padded(p)
        self.answers = device.empty((total,), np.uint8)
        for n, offset in self.guards.items():
            self.arrays[n] = device.view(self.answers, offset, places[n].shape, places[n].dtype)
        moving = self.program.moving
        self.table = device.empty((max(1, len(moving)),), np.uint64)
        self.entries = {n: self.table[k : k + 1] for n, k in moving.items()}
        self.graphs: dict[Any, Callable[[], None]] = {}
        self.warm = False
        self.done = 0

    def run(self, leaves: Sequence[Any]) -> tuple[list[Any] | None, list[Any]]:
        """Queue everything; wait only for guards."""
        device, program = self.device, self.program
        arrays = list(self.arrays)
        count = len(leaves)
        arrays[:count] = [device.asarray(x) for x in leaves]
        for n, v in enumerate(program.outputs, count):
            if program.at[id(v)] == n:
                arrays[n] = device.empty(program.places[n].shape, program.places[n].dtype)
        if program.launches:
            self.place(0, [self.table if a is None else a for a in arrays[: count + len(program.outputs)]])
        self.done = 0
        try:
            self.sequence(program.items, arrays)
        except Exception:
            failed = self.failed(arrays)
            if failed is None:
                raise
            return None, failed
        self.warm = True
        failed = self.failed(arrays)
        if failed is not None:
            return None, failed
        results = [arrays[program.at[id(v)]] for v in program.outputs]
        kept = [program.places[program.at[id(v)]].kind == "output" for v in program.outputs]
        results = [y if own or not hasattr(y, "copy") else y.copy() for y, own in zip(results, kept, strict=True)]
        return results, [g.value for g in self.executor.steps.guards]

    def place(self, entry: int, given: Sequence[Any]) -> None:
        """Write the addresses of arrays into the table, from an entry on."""
        for k in range(0, len(given), PLACED):
            some = given[k : k + PLACED]
            arguments = [self.table[entry + k : entry + k + 1], len(some), *some, *[self.table] * (PLACED - len(some))]
            self.device.launch(self.functions[-1], 1, 1, arguments)

    def sequence(self, items: Sequence[Any], arrays: list[Any]) -> None:
        """Queue items; runs of launches as graphs where they are run again."""
        run: list[int] = []
        for item in (*items, None):
            if isinstance(item, int):
                run.append(item)
                continue
            if run:
                self.launch(run, 1, arrays)
                run = []
            if isinstance(item, Product):
                self.product(item, arrays)
            elif isinstance(item, Library):
                self.call(item, arrays)
            elif isinstance(item, Repeat):
                self.repeat(item, arrays)

    def launch(self, run: list[int], times: int, arrays: Sequence[Any]) -> None:
        """Launches, one by one when they are run for the first time, then as a graph; all of them several times over."""

        def queue(count: int) -> None:
            for _ in range(count):
                for k in run:
                    launch = self.program.launches[k]
                    arguments = [self.entries[n] if n in self.entries else arrays[n] for n in launch.places]
                    self.device.launch(self.functions[launch.function], launch.grid, launch.block, arguments)

        self.done = max(self.done, run[-1] + 1)
        if not self.warm or len(run) * times < 2:
            queue(times)
            return
        most = max(1, GRAPH // len(run))
        while times:
            count = most if times >= most else times
            key = (run[0], len(run), count)
            if key not in self.graphs:
                self.graphs[key] = self.device.capture(partial(queue, count))
            self.graphs[key]()
            times -= count

    def repeat(self, loop: Repeat, arrays: list[Any]) -> None:
        """A rolled loop; the rows that it goes through are followed here too if a library has to find them."""
        if all(isinstance(item, int) for item in loop.items):
            if loop.items and loop.times:
                self.launch(loop.items, loop.times, arrays)
            return
        for k in range(loop.times):
            for row, array in loop.rows:
                arrays[row] = arrays[array][loop.times - 1 - k if loop.reverse else k]
            self.sequence(loop.items, arrays)

    def product(self, product: Product, arrays: list[Any]) -> None:
        """A product of matrices."""
        la, lb, out = product.labels
        y, a, b = (arrays[n] for n in product.places)
        if not set(out[0]) <= set(la):
            la, lb, a, b = lb, la, b, a
        shared = next(k for k in la if k in lb)
        a = a if la == out[0] + shared else a.T
        b = b if lb == shared + out[1] else b.T
        self.device.matmul(a, b, y)

    def call(self, library: Library, arrays: list[Any]) -> None:
        """A step of a library; on the host where the device's library cannot do it."""
        executor, device, call = self.executor, self.device, library.call
        step, fill = call.data
        args = [executor.constant(a, self.key) for a in step.args]
        given = [arrays[n] for n in library.given]
        for position, a in zip(fill, given, strict=True):
            args[position] = a
        with np.errstate(all="ignore"):
            try:
                if id(step) in executor.on_host:
                    raise NotImplementedError
                y = step.primitive.native(*args, **{k: executor.constant(a, self.key) for k, a in step.kw.items()})
            except Exception:
                args = list(step.args)
                for position, a, v in zip(fill, given, call.args, strict=True):
                    args[position] = device.to_host(a) if v.shape else device.to_host(a)[()]
                y = step.primitive.native(*args, **step.kw)
                executor.on_host[id(step)] = step.primitive.name
        for n, v, part in zip(library.results, call.results, y if step.primitive.multi else (y,), strict=True):
            arrays[n] = device.asarray(part).reshape(v.shape) if hasattr(part, "dtype") or np.isscalar(part) else part
            if v.dtype in LOOPS and self.program.launches:
                self.place(self.program.moving[n], [arrays[n]])

    def failed(self, arrays: Sequence[Any]) -> list[Any] | None:
        """The answers up to the first one that is not the recorded one, or None; of what has been computed."""
        program, guards = self.program, self.executor.steps.guards
        if not guards:
            return None
        memory = self.device.to_host(self.answers) if self.guards else np.empty(0, np.uint8)
        written = {n for launch in program.launches[: self.done] for n in launch.places}
        found: list[Any] = []
        for guard, v, expected in zip(guards, program.guards, self.executor.expected, strict=True):
            n = program.at[id(v)]
            if n in self.guards and n in written:
                place = program.places[n]
                x = memory[self.guards[n] :][: v.size * place.dtype.itemsize].view(place.dtype).reshape(expected.shape)
            elif n in self.guards or arrays[n] is None:
                return None
            else:
                x = np.asarray(self.device.to_host(arrays[n])).reshape(expected.shape)
            same = x.astype(expected.dtype).tobytes() == expected.tobytes()
            if not same and guard.slot < 0:
                raise np.linalg.LinAlgError(guard.what)
            found.append(guard.value if same else _answer(x, guard.value))
            if not same:
                return found
        return None


def _padded(place: Place) -> int:
    return -(-prod(place.shape) * np.dtype(place.dtype).itemsize // ALIGNMENT) * ALIGNMENT


def _answer(x: Any, like: Any) -> Any:
    """A value in the form of the recorded one."""
    return type(like)(x[()]) if isinstance(like, bool | int) else x.copy() if x.ndim else x[()]
