"""Functions that act at each point by themselves, compiled into one loop over the points.

The function is run once on arrays of symbols (:mod:`hoad.compiler.pointwise.symbols`) that stand for one point; what it computes,
derivatives included, becomes one C loop without temporaries.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from hoad.compiler.pointwise.c_code import source_of
from hoad.compiler.pointwise.expression import Graph
from hoad.compiler.pointwise.symbols import SymbolArray
from hoad.compiler.toolchain import shared_library

__all__ = ["PointwiseKernel"]

Array = Any
LARGE = 8000
"""Statements beyond which the compiler optimises less, so that its time stays near-linear."""


class PointwiseKernel:
    """A compiled function of points.

    Parameters
    ----------
    f : callable
        Takes one array for each field and constant, by name, and returns a sequence of arrays: what happens at one point. It may
        be made of NumPy functions with a scalar form, and of derivatives by hoad.
    fields : mapping
        Shape at one point of each argument that differs from point to point.
    constants : mapping
        Shape of each argument that is the same at all points.

    Raises
    ------
    UnsupportedFunctionError
        If ``f`` needs a value while it runs, or calls a function without a scalar form.
    NoCompilerError
        If there is no C compiler.

    Attributes
    ----------
    source : str
        The C code.
    """

    def __init__(
        self,
        f: Callable[..., Sequence[Any]],
        fields: Mapping[str, tuple[int, ...]],
        constants: Mapping[str, tuple[int, ...]] | None = None,
    ) -> None:
        constants = constants or {}
        graph = Graph()
        given = {name: SymbolArray.inputs(graph, name, shape) for name, shape in {**fields, **constants}.items()}
        outputs = [np.asarray(y) if not isinstance(y, SymbolArray) else y for y in f(**given)]
        self.shapes = [tuple(np.shape(y)) for y in outputs]
        entries = [x for y in outputs for x in (y.data if isinstance(y, SymbolArray) else y).reshape(-1)]
        self.fields = {name: tuple(shape) for name, shape in fields.items()}
        self.constants = {name: tuple(shape) for name, shape in constants.items()}
        names = [[f"{name}[{k}]" for name, s in part.items() for k in range(prod(s))] for part in (self.fields, self.constants)]
        self.source = source_of(graph, names[0], names[1], entries)
        self.statements = len(graph.nodes)
        self._kernel = shared_library(self.source, optimise="-O3" if self.statements < LARGE else "-O1").kernel
        pointers = ctypes.POINTER(ctypes.c_void_p)
        self._kernel.argtypes = (ctypes.c_long, pointers, pointers)
        self._kernel.restype = None

    def __call__(self, out: Sequence[Array] | None = None, **arguments: Array) -> list[Array]:
        """Evaluate at points.

        Parameters
        ----------
        out : sequence of arrays, optional
            Where results go, of shape (shape at a point, n), with points contiguous.
        **arguments : arrays
            Fields of shape (shape at a point, n), constants of their shape.

        Returns
        -------
        list of arrays of shape (shape at a point, n)
        """
        first = next(iter(self.fields))
        n = np.shape(arguments[first])[-1]
        kept: list[Array] = []
        rows: list[int] = []
        for name, shape in self.fields.items():
            rows += _rows(arguments[name], (*shape, n), kept)
        for name, shape in self.constants.items():
            a = np.ascontiguousarray(arguments[name], float).reshape(-1)
            if a.size != prod(shape):
                raise ValueError(f"{name} has shape {np.shape(arguments[name])}, expected {shape}")
            kept.append(a)
            start = a.__array_interface__["data"][0]
            rows += [start + 8 * k for k in range(a.size)]
        results = [np.empty((*shape, n)) for shape in self.shapes] if out is None else list(out)
        places: list[int] = []
        for y, shape in zip(results, self.shapes, strict=True):
            found = _rows(y, (*shape, n), kept, writable=True)
            places += found
        self._kernel(n, (ctypes.c_void_p * max(1, len(rows)))(*rows), (ctypes.c_void_p * max(1, len(places)))(*places))
        return results


def _rows(a: Array, shape: tuple[int, ...], kept: list[Array], writable: bool = False) -> list[int]:
    """Addresses of the contiguous rows of points of an array."""
    if np.shape(a) != shape or (writable and (a.dtype != float or (shape[-1] > 1 and a.strides[-1] != 8))):
        raise ValueError(f"an array has shape {np.shape(a)}, expected {shape} in double precision with contiguous points")
    if a.dtype != float or (shape[-1] > 1 and a.strides[-1] != 8):
        a = np.ascontiguousarray(a, float)
        kept.append(a)
    addresses = [a.__array_interface__["data"][0]]
    for size, stride in zip(shape[:-1], a.strides[:-1], strict=True):
        addresses = [base + k * stride for base in addresses for k in range(size)]
    return addresses
