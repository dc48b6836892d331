"""Functions that act at each point by themselves, as one native loop over any number of points.

The function is recorded at one point, derivatives included; its steps go through the passes and become formulas as those of
:func:`hoad.compile` do. All arrays at a point are small, so every formula is written out as scalar operations, and what is printed
is one loop whose length, rows and threads are chosen at each call.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from hoad.compiler.build import LONG
from hoad.compiler.emit.points import print_points
from hoad.compiler.emit.prelude import called, prelude
from hoad.compiler.emit.statements import needed
from hoad.compiler.loops.index import ZERO, Affine, constant, variable
from hoad.compiler.loops.kernels import Box, Store, TooLarge
from hoad.compiler.loops.scalar import Graph, Node
from hoad.compiler.loops.values import Assembled, Constant, Input, Pieces, Value
from hoad.compiler.lower import lower
from hoad.compiler.passes import optimise
from hoad.compiler.recording import record_twice
from hoad.compiler.toolchain import THREADS_SOURCE, capabilities, shared_library, vector_declarations
from hoad.core.engine import sweep
from hoad.errors import UnsupportedFunctionError

__all__ = ["PointwiseKernel"]

Array = Any
MOST = 20_000
"""Operations at a point beyond which a compiler would take long."""
CHUNK = 2_000_000
"""Operations that a thread does at a time."""
DEPTH = 60
"""Formulas in a row that one recursion expands."""


class PointwiseKernel:
    """A compiled function of points.

    Parameters
    ----------
    f : callable
        Takes one array for each field and constant, by name, and returns a sequence of arrays: what happens at one point. It may
        be made of functions that have a form in loops, and of derivatives by hoad.
    fields : mapping
        Shape at one point of each argument that differs from point to point.
    constants : mapping
        Shape of each argument that is the same at all points.
    indexed : sequence of str
        Fields that are read at the places that the ``index`` of a call names.

    Raises
    ------
    UnsupportedFunctionError
        If ``f`` asks for a value while it runs, or calls a function that has no form in loops.
    CompileError
        If ``f`` does something else when it is run again.
    NoCompilerError
        If there is no C compiler.

    Attributes
    ----------
    source : str
        The C code.
    operations : int
        Scalar operations at a point.

    Notes
    -----
    Literal zeros, those of unit directions and those that ``where`` puts into a cotangent, are structural: what they are multiplied
    with is not computed. Where NumPy multiplies such a 0 with infinity, the result is 0 instead of NaN.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> from hoad.compiler.pointwise import PointwiseKernel
    >>> slope = hoad.grad(lambda x: np.exp(x[0]) * x[1])
    >>> kernel = PointwiseKernel(lambda x: [slope(x)], {"x": (2,)})
    >>> kernel(x=np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]))
    [array([[1., 2., 3.],
           [1., 1., 1.]])]
    """

    def __init__(
        self,
        f: Callable[..., Sequence[Any]],
        fields: Mapping[str, tuple[int, ...]],
        constants: Mapping[str, tuple[int, ...]] | None = None,
        indexed: Sequence[str] = (),
    ) -> None:
        order = sorted(fields, key=lambda name: name not in indexed)
        self.fields = {name: tuple(fields[name]) for name in order}
        self.constants = {name: tuple(shape) for name, shape in (constants or {}).items()}
        outputs = _formulas(f, {**self.fields, **self.constants})
        self.shapes = [v.shape for v in outputs]
        point = _Point([*self.fields.values()], [*self.constants.values()])
        entries = point.entries(outputs)
        self.operations = len(needed(entries))
        self._indexed = frozenset(indexed)
        through = point.starts[sum(name in indexed for name in self.fields)]
        chunk = min(16384, max(512, CHUNK // max(1, self.operations)))
        text = print_points(point, entries, point.starts[-1], point.starts[len(self.fields)], through, chunk)
        head = vector_declarations(name for name in called(text) if name in capabilities().vector_functions)
        self.source = head + THREADS_SOURCE + prelude(text) + text
        self._kernel = shared_library(self.source, optimise="-O3" if len(text) < LONG else "-O1").hoad_points
        pointer = ctypes.c_void_p
        self._kernel.argtypes = (ctypes.c_long, ctypes.c_long, pointer, pointer, pointer, ctypes.c_long)
        self._kernel.restype = ctypes.c_long

    def __call__(
        self, out: Sequence[Array] | None = None, index: Array | None = None, threads: int = 1 << 30, **arguments: Array
    ) -> list[Array]:
        """Evaluate at points.

        Parameters
        ----------
        out : sequence of arrays, optional
            Where results go, of shape (shape at a point, n) in double precision, with points contiguous. It may be where fields
            are read, row by row.
        index : integer array of shape (n,), optional
            Places of the points in the indexed fields, and in ``out``, which is needed then.
        threads : int, optional
            The most threads; what :func:`hoad.set_num_threads` allows still holds.
        **arguments : arrays
            Fields of shape (shape at a point, n), constants of their shape.

        Returns
        -------
        list of arrays of shape (shape at a point, n)

        Raises
        ------
        ValueError
            For arrays of other shapes.
        """
        whole = n = np.shape(arguments[next(iter(self.fields))])[-1]
        places = None
        if index is not None:
            if out is None:
                raise ValueError("where there is an index, results go into arrays of all places: give out=.")
            index = np.ascontiguousarray(index, np.int64)
            n, places = len(index), index.ctypes.data
        kept: list[Array] = []
        rows = [_rows(arguments[k], (*s, whole if k in self._indexed else n), kept) for k, s in self.fields.items()]
        rows += [_rows(np.asarray(arguments[k], float)[..., None], (*s, 1), kept) for k, s in self.constants.items()]
        results = [np.empty((*shape, n)) for shape in self.shapes] if out is None else list(out)
        written = np.concatenate([_rows(y, (*s, whole), None) for y, s in zip(results, self.shapes, strict=True)])
        read = np.concatenate(rows)
        if self._kernel(n, whole, places, read.ctypes.data, written.ctypes.data, threads):
            raise ValueError(f"the index names places outside of 0 to {whole - 1}.")
        return results


def _rows(a: Array, shape: tuple[int, ...], kept: list[Array] | None) -> Array:
    """Addresses of the contiguous rows of points of an array, or of a copy that is ``kept``."""
    a = np.asarray(a)
    if a.shape != shape:
        raise ValueError(f"an array has shape {a.shape}, expected {shape}.")
    if a.dtype != float or not a.flags.aligned or (shape[-1] > 1 and a.strides[-1] != 8):
        if kept is None:
            raise ValueError("results go into arrays in double precision with contiguous points.")
        a = np.ascontiguousarray(a, float)
    if kept is not None:
        kept.append(a)
    return _steps(shape[:-1], a.strides[:-1]) + a.__array_interface__["data"][0]


@lru_cache(maxsize=1024)
def _steps(shape: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """Bytes from the first row to each."""
    steps = np.zeros(1, np.int64)
    for size, stride in zip(shape, strides, strict=True):
        steps = (steps[:, None] + stride * np.arange(size)).reshape(-1)
    return steps


# -- from the function to scalar operations -------------------------------------------------------------------------------


def _formulas(f: Callable[..., Sequence[Any]], shapes: dict[str, tuple[int, ...]]) -> list[Value]:
    """What the function does at one point, for inputs of these shapes."""
    sizes = [prod(shape) for shape in shapes.values()]
    numbers = np.split(np.linspace(0.1, 0.2, max(1, sum(sizes))), np.cumsum(sizes))  # all different, small, of no importance
    leaves = [x.reshape(shape) for x, shape in zip(numbers, shapes.values(), strict=False)]
    before, sweep.structural = sweep.structural, True
    try:
        recorded = record_twice(lambda xs: list(f(**dict(zip(shapes, xs, strict=True)))), leaves, getattr(f, "__name__", "f"))
    finally:
        sweep.structural = before
    if recorded.failed or recorded.steps.guards:
        why = recorded.failed or f"its steps hold for certain values only, asked for by {recorded.steps.guards[0].what}"
        raise UnsupportedFunctionError(f"code that holds for all points was expected: {why}. Use np.where instead of branches.")
    lowered = lower(optimise(recorded.steps))
    if lowered.calls or lowered.checks:
        what = lowered.calls[0] if lowered.calls else f"a function that may raise {lowered.checks[0].error!r}"
        raise UnsupportedFunctionError(f"{what} has no form in compiled pointwise code.")
    return lowered.outputs


class _Structural(Graph):
    """Operations in which a literal 0 is nothing: it annihilates what it is multiplied with, also on one side of a ``select``."""

    def apply(self, operation: str, arguments: tuple[Any, ...], dtype: str) -> Any:
        a, b = arguments[0], arguments[-1]
        match operation:
            case "multiply":
                if _is_zero(a) or _is_zero(b):
                    return 0.0
                for x, y in ((a, b), (b, a)):
                    if _is_masked(x):
                        return self._masked(operation, x, (y,), dtype)
            case "divide":
                if _is_zero(a):
                    return 0.0
                if _is_masked(a):
                    return self._masked(operation, a, (b,), dtype)
            case "negative":
                if _is_masked(a):
                    return self._masked(operation, a, (), dtype)
            case "add" | "subtract":
                if _is_zero(b):
                    return self.apply("convert", (a,), dtype)
                if _is_zero(a):
                    return self.apply("convert" if operation == "add" else "negative", (b,), dtype)
            case "power" if b == 0.5:
                return self.apply("sqrt", (a,), dtype)
        return super().apply(operation, arguments, dtype)

    def _masked(self, operation: str, x: Node, others: tuple[Any, ...], dtype: str) -> Any:
        condition, *parts = x.arguments
        parts = [p if _is_zero(p) else self.apply(operation, (p, *others), dtype) for p in parts]
        return self.apply("select", (condition, *parts), dtype)


def _is_zero(a: Any) -> bool:
    return isinstance(a, float) and a == 0.0


def _is_masked(a: Any) -> bool:
    """Whether an entry is a literal 0 where a condition holds, or fails."""
    return isinstance(a, Node) and a.operation == "select" and any(map(_is_zero, a.arguments[1:]))


class _Point(Box):
    """Scalar operations at one point, of which row k of the inputs is read where the first loop variable says."""

    def __init__(self, fields: Sequence[tuple[int, ...]], constants: Sequence[tuple[int, ...]]) -> None:
        super().__init__(axes=(), stored={}, local={}, graph=_Structural(MOST), long=True)
        sizes = [prod(shape) for shape in (*fields, *constants)]
        self.starts = [sum(sizes[:k]) for k in range(len(sizes) + 1)]
        self.varying = len(fields)

    def entries(self, outputs: Sequence[Value]) -> list[Any]:
        """The entries of all outputs, one after the other."""
        try:
            depth: dict[int, int] = {}
            for v in _ordered(outputs):
                depth[id(v)] = 1 + max([depth[id(a)] for a in v.args], default=0)
                if depth[id(v)] % DEPTH == 0:
                    self._all(v)
            found = [e for v in outputs for e in self._all(v)]
        except TooLarge:
            raise UnsupportedFunctionError(f"more than {MOST} operations at one point are too many for one loop.") from None
        self.stores = [Store(None, ZERO, e) for e in found]  # type: ignore[arg-type]
        return found

    def _all(self, v: Value) -> list[Any]:
        return [self.get(v, tuple(map(constant, place))) for place in np.ndindex(v.shape)]

    def get(self, value: Value, index: tuple[Affine, ...]) -> Any:
        if isinstance(value, Assembled):
            if id(value) not in self.memo:
                self.memo[id(value)] = Pieces(value.args, value.places, 0.0, value.shape, value.dtype, added=True)
            value = self.memo[id(value)]
        return super().get(value, index)

    def load(self, value: Value, place: Affine) -> Any:
        if isinstance(value, Input):
            row = self.starts[value.slot] + place.const
            return self.graph.node("load", (row, variable(0) if value.slot < self.varying else ZERO), value.dtype)
        if isinstance(value, Constant):
            number = value.array.reshape(-1)[place.const]
            return bool(number) if value.dtype == "b1" else float(number)
        if value.stored:
            raise UnsupportedFunctionError("a loop over steps has no form in compiled pointwise code.")
        return self.get(value, tuple(constant(int(k)) for k in np.unravel_index(place.const, value.shape)))


def _ordered(outputs: Sequence[Value]) -> list[Value]:
    """All values that the outputs need, each after its arguments."""
    done: dict[int, Value] = {}
    waiting = [(v, False) for v in outputs]
    while waiting:
        v, ready = waiting.pop()
        if ready:
            done[id(v)] = v
        elif id(v) not in done:
            waiting.append((v, True))
            waiting += [(a, False) for a in v.args]
    return list(done.values())
