"""One CUDA program on one queue of a device: its buffers, its graphs, and what it queues.

When a program runs for the second time it is captured into one CUDA graph, which is replayed from then on: products of matrices and
those functions of the library that keep no memory of their own can be a part of it.  Where that fails, because a function waits for
the device or refuses to be captured, each run of launches between two calls of libraries is a graph.  Values that guards ask for
are read back at the end, all at once; a program without guards does not wait for the device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import prod
from typing import Any, NamedTuple

import numpy as np

from hoad.compiler.emit.launches import PLACED, Library, Place, Product, Repeat
from hoad.compiler.executor import answered, arena
from hoad.compiler.lower.lowering import LOOPS, code
from hoad.compiler.replay import ReplayError

__all__ = ["CAPTURED", "Queue", "padded"]

ALIGNMENT = 256
GRAPH = 1024
"""Launches in one graph of a loop."""
WHOLE = 20_000
"""Launches and calls in the graph of a program."""
STAGED = 1 << 22
"""Bytes of an input up to which a graph that gives it to a library has a copy of it; beyond, it holds for one address."""
WHOLES = 4
"""Graphs of a program for different addresses of such inputs."""
CAPTURED = frozenset((
    "getitem", "take", "take_along_axis", "index_add", "index_update", "scatter", "cumsum", "cumprod", "concatenate", "stack",
    "where", "reshape", "transpose", "astype", "sum", "prod", "max", "min", "argmax", "argmin", "any", "all", "copy",
    "broadcast_to", "pad", "flip", "roll", "repeat", "tile", "real", "imag", "conjugate", "moveaxis", "swapaxes", "squeeze",
    "expand_dims", "ravel", "diagonal", "matmul", "dot", "tensordot", "einsum", "outer",
))  # fmt: skip
"""Functions of libraries that may be a part of a graph, with all ufuncs: they keep nothing on the device between calls.  A plan of
a Fourier transform does, in memory that may be given to others later."""


class _Whole(NamedTuple):
    """A program as one graph: its arrays, copies of inputs (place, copy), what queues it."""

    arrays: list[Any]
    copies: list[tuple[int, Any]]
    launch: Callable[[], None]


def _inside(items: Sequence[Any]) -> Iterator[Any]:
    """Items, also those of loops, but for loops of launches alone."""
    for item in items:
        yield item
        if isinstance(item, Repeat) and not all(isinstance(i, int) for i in item.items):
            yield from _inside(item.items)


def _count(items: Sequence[Any]) -> int:
    """Launches and calls, with those of all steps of loops."""
    return sum(item.times * _count(item.items) if isinstance(item, Repeat) else 1 for item in items)


class Queue:
    """The buffers of one program on one queue of a device: what they hold is in use until the queue has run past it."""

    def __init__(self, executor: Any, key: tuple[Any, ...]) -> None:
        self.executor, self.device, self.program, self.key = executor, executor.device, executor.program, key
        self.functions = executor.functions(key)
        places, device = self.program.places, self.device
        self.arrays: list[Any] = [executor.constant(p.constant, key) if p.kind == "constant" else None for p in places]
        shared = [n for n, p in enumerate(places) if p.kind == "scratch"]
        offsets, total = arena([(padded(places[n]), places[n].first, places[n].last) for n in shared])
        memory = device.empty((total,), np.uint8)
        for n, offset in zip(shared, offsets, strict=True):
            self.arrays[n] = device.view(memory, offset, places[n].shape, places[n].dtype)
        self.guards: dict[int, int] = {}
        total = 0
        for n, p in enumerate(places):
            if p.kind == "guard":
                self.guards[n] = total
                total += padded(p)
        self.answers = device.empty((total,), np.uint8)
        for n, offset in self.guards.items():
            self.arrays[n] = device.view(self.answers, offset, places[n].shape, places[n].dtype)
        moving = self.program.moving
        self.table = device.empty((max(1, len(moving)),), np.uint64)
        self.entries = {n: self.table[k : k + 1] for n, k in moving.items()}
        self.graphs: dict[Any, Callable[[], None]] = {}
        self.warm = False
        self.done = 0
        inside = list(_inside(self.program.items))
        touched: set[int] = set()
        for item in inside:
            if isinstance(item, Product):
                touched.update(item.places)
            elif isinstance(item, Library):
                touched.update((*item.given, *item.results))
            elif isinstance(item, Repeat) and any(not isinstance(i, int) for i in item.items):
                touched.update(array for _, array in item.rows)
        sizes = {n: prod(places[n].shape) * places[n].dtype.itemsize for n in touched if places[n].kind == "input"}
        self.copied = sorted(n for n, size in sizes.items() if size <= STAGED)
        self.large = sorted(n for n, size in sizes.items() if size > STAGED)
        self.kept = {n for n in touched if places[n].kind == "output"}
        self.libraries = [item for item in inside if isinstance(item, Library)]
        self.whole = any(isinstance(item, Product | Library) for item in inside) and not self.executor.pieces
        self.wholes: dict[Any, _Whole] = {}
        self.capturing = self.single = False

    def run(self, leaves: Sequence[Any]) -> tuple[list[Any] | None, list[Any]]:
        """Queue everything; wait only for guards."""
        device, program = self.device, self.program
        arrays = list(self.arrays)
        count = len(leaves)
        arrays[:count] = [device.asarray(x) for x in leaves]
        whole = self.as_one(arrays) if self.whole and self.warm else None
        for n, v in enumerate(program.outputs, count):
            if program.at[id(v)] == n:
                kept = whole is not None and n in self.kept
                arrays[n] = whole.arrays[n] if kept else device.empty(program.places[n].shape, program.places[n].dtype)  # type: ignore[union-attr]
        if program.launches:
            self.place(0, [self.table if a is None else a for a in arrays[: count + len(program.outputs)]])
        self.done = 0
        if whole is not None:
            for n, copy in whole.copies:
                device.copy(arrays[n], copy)
            whole.launch()
            self.done = len(program.launches)
            arrays = [b if a is None else a for a, b in zip(arrays, whole.arrays, strict=True)]
        else:
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
        results = []
        for v in program.outputs:
            n = program.at[id(v)]
            own = program.places[n].kind == "output" and not (whole is not None and n in self.kept)
            results.append(arrays[n] if own or not hasattr(arrays[n], "copy") else arrays[n].copy())
        return results, [g.value for g in self.executor.steps.guards]

    # -- the program as one graph ---------------------------------------------------------------------------------------------

    def as_one(self, arrays: Sequence[Any]) -> _Whole | None:
        """The graph for inputs at these places, or None."""
        key = tuple(self.device.address(arrays[n]) for n in self.large)
        found = self.wholes.get(key)
        if found is None and len(self.wholes) < WHOLES:
            why = self.obstacle()
            if not why:
                try:
                    found = self.wholes[key] = self.captured(arrays)
                    self.executor.wholes += 1
                    return found
                except Exception as error:  # a function that waits for the device, or that refuses
                    why = f"{type(error).__name__}: {error}"
            self.whole, self.executor.pieces = False, why
        return found

    def obstacle(self) -> str:
        """Why the program cannot be one graph; empty if it may be."""
        for item in self.libraries:
            primitive = item.call.data[0].primitive
            if id(item.call.data[0]) in self.executor.on_host:
                return "a step waits for the host"
            if primitive.name not in CAPTURED and not isinstance(primitive.native, np.ufunc):
                return f"{primitive.name} is a function that may keep memory of its own"
        return f"more than {WHOLE} launches" if _count(self.program.items) > WHOLE else ""

    def captured(self, arrays: Sequence[Any]) -> _Whole:
        """The graph: what moves from call to call and is used by a library has a place of its own there."""
        fixed, places = list(self.arrays), self.program.places
        copies = []
        for n in self.copied:
            fixed[n] = self.device.empty(places[n].shape, places[n].dtype)
            copies.append((n, fixed[n]))
        for n in self.large:
            fixed[n] = arrays[n]
        for n in self.kept:
            fixed[n] = self.device.empty(places[n].shape, places[n].dtype)
        self.capturing = True
        try:
            launch = self.device.capture(lambda: self.sequence(self.program.items, fixed))
        finally:
            self.capturing = False
        for n in self.large:  # known by its address alone
            fixed[n] = None
        return _Whole(fixed, copies, launch)

    # -- items ----------------------------------------------------------------------------------------------------------------

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
        if self.capturing or self.single or not self.warm or len(run) * times < 2:
            queue(times)
            return
        most = max(1, GRAPH // len(run))
        while times:
            count = most if times >= most else times
            key = (run[0], len(run), count)
            if key not in self.graphs:
                try:
                    self.graphs[key] = self.device.capture(partial(queue, count))
                except Exception:  # of a driver that has no graphs, or of somebody who captures this queue
                    self.single = True
                    queue(times)
                    return
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
                kw = {k: executor.constant(a, self.key) for k, a in step.kw.items()}
                y = device.call(step.primitive.native, args, kw)
            except Exception:
                if self.capturing:
                    raise
                args = list(step.args)
                for position, a, v in zip(fill, given, call.args, strict=True):
                    args[position] = device.to_host(a) if v.shape else device.to_host(a)[()]
                y = step.primitive.native(*args, **step.kw)
                executor.on_host[id(step)] = step.primitive.name
        for n, v, part in zip(library.results, call.results, y if step.primitive.multi else (y,), strict=True):
            found = device.asarray(part) if hasattr(part, "dtype") or np.isscalar(part) else part
            if hasattr(found, "dtype") and (found.shape != v.shape or code(found.dtype) != v.dtype):
                raise ReplayError(f"{step.primitive.name} gave {found.dtype}{list(found.shape)}, expected {v.dtype}{list(v.shape)}")
            arrays[n] = found
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
            answer, same = answered(guard, x, expected)
            found.append(answer)
            if not same:
                return found
        return None


def padded(place: Place) -> int:
    return -(-prod(place.shape) * np.dtype(place.dtype).itemsize // ALIGNMENT) * ALIGNMENT
