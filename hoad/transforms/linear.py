"""Linearisations that can be applied many times: the primal work is done once, what depends on the direction is recorded."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.backends import on_device
from hoad.core.box import Box
from hoad.core.engine import engine
from hoad.core.level import Level
from hoad.core.space import Spec, cast_like, flatten, flatten_like, leaf_zeros, unflatten
from hoad.errors import CompileError, NotLinearError
from hoad.modes.forward import Dual
from hoad.modes.forward import unpack as unpack_dual
from hoad.modes.record import record, slot_of
from hoad.modes.reverse import Node, Tape, backward
from hoad.transforms.arguments import as_outputs, scalar_output, select
from hoad.transforms.first import dual_call, seed_of, tangent_like, tape_call

__all__ = ["linear_transpose", "linearize", "linearize_hvp"]

Function = Callable[..., Any]


PRICE = 0.3, 1e-3
"""Seconds that compiling takes: at least, and for each step."""
CALL, ELEMENT = 1.5e-6, 1e-9
"""Seconds that NumPy takes for a step, and for each element of its result."""


class LinearMap:
    """A recorded linear function: call it with a direction.

    With ``compile="auto"`` it becomes native code when its applications have done as much work as compiling is; the estimate
    depends on shapes alone, so that results do not depend on how busy the machine is.  ``True`` compiles for the second
    application.
    """

    __slots__ = ("_done", "_in", "_like", "_limit", "_native", "_out", "_points", "_run")

    def __init__(self, run: Any, points: list[Any], in_spec: Spec, like: list[Any], out_spec: Spec, compile: bool | str) -> None:
        self._run, self._points, self._in, self._like, self._out = run, points, in_spec, like, out_spec
        self._native: Any = None
        self._done = 0
        self._limit = _applications(run, compile)

    def __call__(self, v: Any) -> Any:
        vs = flatten_like(v, self._points, self._in, "v")
        return unflatten(self._out, [tangent_like(t, y) for t, y in zip(self._products(vs), self._like, strict=True)])

    def _products(self, vs: list[Any]) -> list[Any]:
        if any(isinstance(v, Box) for v in vs):
            return self._run(vs)
        if self._native is not None:
            return self._native(vs)
        self._done += 1
        if self._done > self._limit:
            self._limit = math.inf
            self._native = engine.native(self._run)
        return self._run(vs) if self._native is None else self._native(vs)


def _applications(run: Any, compile: bool | str) -> float:
    """After how many applications the map is compiled."""
    if compile not in (True, False, "auto"):
        raise CompileError.option("compile", compile, "True, False or 'auto'")
    if compile is False:
        return math.inf
    if compile is True:
        return 1
    elements = sum(math.prod(shape) for shape, _ in run.specs.values())
    work = CALL * len(run.steps) + ELEMENT * elements
    return max(1.0, (PRICE[0] + PRICE[1] * len(run.steps)) / work) if run.steps else math.inf


def _own(x: Any) -> Any:
    return x.copy() if type(x) is np.ndarray or on_device(x) else x


def linearize(f: Function, *primals: Any, compile: bool | str = "auto") -> tuple[Any, Callable[..., Any]]:
    """Value at a point and the map v -> J v there, which repeats no non-linear work.

    Parameters
    ----------
    f : callable
        Function of ``len(primals)`` arguments.
    *primals
        The point.
    compile : {"auto", True, False}
        Whether the map becomes native code: for its second application (True), or when its applications have done as much work
        as compiling is, estimated from the shapes ("auto").

    Returns
    -------
    y : value
    push : callable
        ``push(v)`` is J v; for several arguments give ``push((v1, v2, ...))``.

    Raises
    ------
    ShapeError, StructureError, DTypeError
        If the point is not of a floating dtype, or ``v`` does not fit it.

    Notes
    -----
    The map refers to the large arrays (more than 1,024 elements) that ``f`` uses as constants: do not overwrite them while you
    use it.
    Source: Griewank & Walther, Evaluating Derivatives, 2nd ed. (2008), section 3.1.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> y, push = hoad.linearize(lambda x: x**3, 2.0)
    >>> push(1.0), push(10.0)
    (np.float64(12.0), np.float64(120.0))
    """
    single = len(primals) == 1
    selection = select(f, tuple(range(len(primals))), primals, {})
    selection.leaves = [_own(x) for x in selection.leaves]  # the map outlives this call, and the caller's arrays may change
    values: list[Any] = []
    spec: list[Any] = []

    def tangent(*vs: Any) -> Any:
        ys, ts, out_spec, _ = dual_call(selection, vs)
        values.extend(ys)
        spec.append(out_spec)
        return ts

    ts, recording, level = record(tangent, [leaf_zeros(x) for x in selection.leaves])
    recording.outputs = [slot_of(leaf_zeros(y) if t is None else t, level) for t, y in zip(ts, values, strict=True)]
    point = selection.parts(selection.leaves)
    in_spec = flatten(point[0] if single else tuple(point))[1]
    return unflatten(spec[0], [_own(y) for y in values]), LinearMap(
        recording.keep(), selection.leaves, in_spec, values, spec[0], compile
    )


def linear_transpose(f: Function, *primals: Any) -> Callable[[Any], tuple[Any, ...]]:
    """Transpose (adjoint) of a linear function.

    Parameters
    ----------
    f : callable
        Linear function of ``len(primals)`` arguments.
    *primals
        Any point of the domain: only structure, shapes and dtypes are used.

    Returns
    -------
    callable
        ``u -> (fᴴ(u) for each argument)``.

    Raises
    ------
    NotLinearError
        If an operation that is not linear is applied to the arguments.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> hoad.linear_transpose(lambda x: x[1:] - x[:-1], np.zeros(3))(np.array([1.0, 5.0]))
    (array([-1., -4.,  5.]),)
    """
    selection = select(f, tuple(range(len(primals))), primals, {})
    selection.leaves = [leaf_zeros(x) for x in selection.leaves]
    _, recording, _ = record(lambda *leaves: selection.call(leaves), selection.leaves)
    for step in recording.steps:
        kind = step.primitive.kind
        active = [p for p, _ in step.inputs]
        linear = kind == "linear" or (kind == "multilinear" and len(active) == 1)
        linear = linear or (step.primitive.name == "divide" and active == [0])
        if step.primitive.name in ("where", "gate") and 0 in active:
            linear = False
        if not linear:
            raise NotLinearError.found(step.primitive.name)
    pullback, _ = tape_call(selection)
    return pullback


def linearize_hvp(f: Function, x: Any, *, compile: bool | str = "auto") -> tuple[Any, Any, Callable[[Any], Any]]:
    """Value, gradient and the map v -> H v at a point, which repeats no work of the primal.

    Parameters
    ----------
    f : callable
        Function of one argument that returns a real scalar.
    x : array or container
        The point.
    compile : {"auto", True, False}
        As for :func:`linearize`.

    Returns
    -------
    value, gradient, product
        ``product(v)`` is H v.

    Raises
    ------
    NotScalarError, ShapeError, StructureError, DTypeError
        If ``f`` does not return a real scalar, or ``v`` does not fit the point.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> value, gradient, product = hoad.linearize_hvp(lambda x: np.sum(x**3), np.array([1.0, 2.0]))
    >>> product(np.array([1.0, 1.0]))
    array([ 6., 12.])
    """
    selection = select(f, 0, (x,), {})
    leaves = selection.leaves = [_own(x) for x in selection.leaves]
    found: dict[str, Any] = {}

    def products(*vs: Any) -> list[Any]:
        tape = Tape(len(leaves))
        with Level(tape) as outer:
            nodes = [Node(outer, p, i) for i, p in enumerate(leaves)]
            with Level(True) as inner:
                out = selection.call([Dual(inner, n, v) for n, v in zip(nodes, vs, strict=True)])
            y, t = unpack_dual(scalar_output(out, "linearize_hvp"), inner)
        if isinstance(y, Box) and y.level == outer:
            found["value"] = y.value
            found["gradient"] = [
                cast_like(c, p) for c, p in zip(backward(tape, y.aux, seed_of(y.value), len(leaves)), leaves, strict=True)
            ]
        else:
            found["value"], found["gradient"] = y, [leaf_zeros(p) for p in leaves]
        if not isinstance(t, Box) or t.level != outer:
            return [None] * len(leaves)
        return backward(tape, t.aux, seed_of(t.value), len(leaves), once=True)

    hs, recording, level = record(products, [leaf_zeros(p) for p in leaves])
    recording.outputs = [slot_of(leaf_zeros(p) if h is None else h, level) for h, p in zip(hs, leaves, strict=True)]
    spec = selection.specs[0][1]
    product = LinearMap(recording.keep(), leaves, spec, leaves, spec, compile)
    value = as_outputs(found["value"])[0][0]
    return value, selection.pack(found["gradient"]), product
