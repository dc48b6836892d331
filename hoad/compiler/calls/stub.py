"""The stub of blocks.c and call.c, compiled and checked, and builtin functions made by it."""

from __future__ import annotations

import ctypes
import logging
import sys
import threading
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hoad.compiler.steps import ArraySpec
from hoad.compiler.toolchain import shared_library

__all__ = ["Memory", "address", "builtin", "fast_calls", "memory", "stub"]

log = logging.getLogger("hoad")
NAME = b"compiled"
DOC = b"Native code for arrays of one set of shapes and dtypes; NotImplemented for all others, and where a guard fails."


NUMBERS: dict[Any, type] = {np.dtype(np.float64): float, np.dtype(np.complex128): complex}
"""Classes of Python's numbers by the dtype that holds them."""


class _Spec(ctypes.Structure):
    _fields_ = [
        ("dtype", ctypes.py_object), ("scalar_type", ctypes.c_void_p), ("number_type", ctypes.c_void_p),
        ("shape", ctypes.POINTER(ctypes.c_ssize_t)), ("dimensions", ctypes.c_ssize_t), ("bytes", ctypes.c_ssize_t),
    ]  # fmt: skip


class _Guard(ctypes.Structure):
    _fields_ = [("buffer", ctypes.c_ssize_t), ("bytes", ctypes.c_ssize_t), ("expected", ctypes.c_char_p)]


class _Plan(ctypes.Structure):
    _fields_ = [
        ("run", ctypes.c_void_p), ("steps", ctypes.c_ssize_t), ("inputs", ctypes.c_ssize_t), ("outputs", ctypes.c_ssize_t),
        ("constants", ctypes.c_ssize_t), ("scratch", ctypes.c_ssize_t), ("guards", ctypes.c_ssize_t),
        ("total", ctypes.c_ssize_t), ("single", ctypes.c_ssize_t), ("release", ctypes.c_ssize_t),
        ("specs", ctypes.POINTER(_Spec)), ("values", ctypes.POINTER(ctypes.c_void_p)),
        ("offsets", ctypes.POINTER(ctypes.c_ssize_t)), ("guard", ctypes.POINTER(_Guard)), ("name", ctypes.c_char_p),
        ("doc", ctypes.c_char_p), ("keep", ctypes.py_object),
    ]  # fmt: skip


class _ArrayHead(ctypes.Structure):
    _fields_ = [
        ("references", ctypes.c_ssize_t), ("type", ctypes.c_void_p), ("data", ctypes.c_void_p), ("dimensions", ctypes.c_int),
        ("shape", ctypes.c_void_p), ("strides", ctypes.c_void_p), ("base", ctypes.c_void_p), ("descr", ctypes.c_void_p),
        ("flags", ctypes.c_int), ("weak", ctypes.c_void_p), ("buffer", ctypes.c_void_p), ("handler", ctypes.c_void_p),
    ]  # fmt: skip


HEAD = 2 * ctypes.sizeof(ctypes.c_void_p)
"""Bytes of a Python object before its own fields: reference count and type."""


def builtin(
    library: ctypes.PyDLL,
    run: int,
    steps: int,
    inputs: Sequence[ArraySpec],
    outputs: Sequence[ArraySpec],
    constants: Sequence[np.ndarray],
    offsets: Sequence[int],
    total: int,
    guards: Sequence[tuple[int, bytes]],
    single: bool,
    release_gil: bool,
    numbers: Collection[int],
    keep: Any,
) -> Callable[..., Any]:
    """A builtin function around native code: see :func:`hoad.compiler.calls.call.make_fast`; the library is :func:`stub`."""
    specs = (_Spec * (len(inputs) + len(outputs)))()
    for k, spec in enumerate((*inputs, *outputs)):
        dtype = spec.dtype
        specs[k].dtype, specs[k].bytes, specs[k].dimensions = dtype, dtype.itemsize * prod(spec.shape), len(spec.shape)
        specs[k].shape = (ctypes.c_ssize_t * len(spec.shape))(*spec.shape)
        if k < len(inputs) and spec.shape == () and _value_follows_head(dtype):
            specs[k].scalar_type = id(dtype.type)
            specs[k].number_type = id(NUMBERS[dtype]) if k in numbers and dtype in NUMBERS else None
    guard = (_Guard * len(guards))(*[_Guard(index, len(expected), expected) for index, expected in guards])
    values = (ctypes.c_void_p * len(constants))(*[c.ctypes.data for c in constants])
    places = (ctypes.c_ssize_t * len(offsets))(*offsets)
    owned = (library, keep, tuple(constants), specs, guard, values, places, tuple(guards))
    plan = _Plan(
        run, steps, len(inputs), len(outputs), len(constants), len(offsets), len(guards), total, single, release_gil,
        specs, values, places, guard, NAME, DOC, owned,
    )  # fmt: skip
    function = library.hoad_function(ctypes.byref(plan))
    if function is NotImplemented:
        raise MemoryError("no memory for a compiled function.")
    return function


@lru_cache
def _value_follows_head(dtype: np.dtype[Any]) -> bool:
    """Whether NumPy scalars keep their value right behind the head of the object."""
    x = np.array(41.7).astype(dtype)[()]
    bits = x.tobytes()
    return x.__sizeof__() >= HEAD + len(bits) and ctypes.string_at(id(x) + HEAD, len(bits)) == bits


def fast_calls() -> bool:
    """Whether functions of :func:`make_fast` are builtin functions: CPython with its interpreter lock, and a C compiler."""
    return stub() is not None


@lru_cache(maxsize=1)
def stub() -> ctypes.PyDLL | None:
    """The compiled C, ready for use, or None."""
    reason = _unexpected()
    if reason is None:
        try:
            folder = Path(__file__).parent
            library = _load("\n".join((folder / name).read_text(encoding="utf-8") for name in ("blocks.c", "call.c")))
            reason = _wrong(library)
        except Exception as error:  # whatever an unknown interpreter or NumPy does: there is another way
            reason = f"{type(error).__name__}: {error}"
        if reason is None:
            return library
    log.info("compiled functions are called through ctypes: %s", reason)
    return None


_preparing: threading.Thread | None = None


def ready() -> bool:
    """Whether :func:`stub` answers at once; if not, it is prepared in the background."""
    global _preparing
    if stub.cache_info().currsize:
        return True
    if _preparing is None:
        _preparing = threading.Thread(target=stub, name="hoad-stub", daemon=True)
        _preparing.start()
    return False


def _unexpected() -> str | None:
    """What is not as call.c expects it in this interpreter and this NumPy, found without running native code."""
    if sys.implementation.name != "cpython":
        return f"the interpreter is {sys.implementation.name}"
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return "the interpreter has no global lock"
    if object.__basicsize__ != HEAD or (float.__basicsize__, complex.__basicsize__) != (HEAD + 8, HEAD + 16):
        return "objects of this interpreter have another layout"
    a = np.arange(24.0).reshape(2, 3, 4)
    if np.ndarray.__basicsize__ < ctypes.sizeof(_ArrayHead):
        return "arrays of this NumPy have another layout"
    for x in (a, a[:, 1:, ::2], np.array(2.5, np.float32)):
        head = _ArrayHead.from_address(id(x))
        known = (id(np.ndarray), x.ctypes.data, x.ndim, None if x.base is None else id(x.base), id(x.dtype), x.flags.num)
        if (head.type, head.data, head.dimensions, head.base, head.descr, head.flags) != known:
            return "arrays of this NumPy have another layout"
    for number in (1.25, 2.5 - 0.5j):
        bits = np.array(number).tobytes()
        if ctypes.string_at(id(number) + HEAD, len(bits)) != bits:
            return "numbers of this interpreter have another layout"
    return None


def _load(source: str) -> ctypes.PyDLL:
    """The library of call.c, with the functions of Python and NumPy that it uses handed over."""
    found = shared_library(source, optimise="-O2")
    library = ctypes.PyDLL(found._name, handle=found._handle)  # called with the interpreter lock held
    python = ctypes.pythonapi
    pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", python))
    table = pointer(sys.modules["numpy._core._multiarray_umath"]._ARRAY_API, None)
    numpy = (ctypes.c_void_p * 306).from_address(table)
    names = (
        "PyCFunction_NewEx", "PyCapsule_New", "PyCapsule_GetPointer", "PyEval_SaveThread", "PyEval_RestoreThread", "PyTuple_New",
        "PyTuple_SetItem", "Py_IncRef", "Py_DecRef", "PyErr_Clear", "PyLong_FromVoidPtr",
    )  # fmt: skip
    functions = [ctypes.cast(getattr(python, name), ctypes.c_void_p).value for name in names]
    trace = ctypes.cast(python.PyTraceMalloc_Track, ctypes.c_void_p).value
    handler = ctypes.PYFUNCTYPE(ctypes.py_object)(numpy[305] or 0)()  # PyDataMem_GetHandler
    own = _ArrayHead.from_address(id(x := np.empty(3))).handler == id(handler) and x.flags.owndata
    # of NumPy: PyArray_NewFromDescr, PyArray_Scalar, PyArray_EquivTypes, at their fixed places in the table
    api = (id(np.ndarray), id(NotImplemented), *functions, numpy[94], numpy[60], numpy[182], trace, own)
    library.hoad_api.argtypes = (ctypes.c_void_p, ctypes.c_long)
    library.hoad_api.restype = ctypes.c_long
    if library.hoad_api((ctypes.c_void_p * len(api))(*api), len(api) * ctypes.sizeof(ctypes.c_void_p)):
        raise ValueError("call.c and call.py do not fit together")
    library.hoad_function.argtypes = (ctypes.POINTER(_Plan),)
    library.hoad_function.restype = ctypes.py_object
    library.hoad_address.argtypes = ()
    library.hoad_address.restype = ctypes.py_object
    library.hoad_memory.argtypes = (ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t))
    library.hoad_memory.restype = None
    library.hoad_probe.argtypes = (ctypes.c_void_p, ctypes.c_long, ctypes.c_long)
    return library


def _wrong(library: ctypes.PyDLL) -> str | None:
    """What a builtin function around a known kernel does wrong."""
    real = np.dtype(np.float64)
    inputs, outputs = [ArraySpec((), real), ArraySpec((3,), real)], [ArraySpec((3,), real), ArraySpec((), real)]
    run = ctypes.cast(library.hoad_probe, ctypes.c_void_p).value or 0
    guards = [(3, np.float64(6.0).tobytes())]
    fast = builtin(library, run, 2, inputs, outputs, [np.array(1.0)], [0], 64, guards, False, True, (0,), None)
    x = np.array([1.0, 2.0, 3.0])
    for a in (2.0, np.float64(2.0), np.array(2.0)):
        found = fast(a, x)
        if type(found) is not tuple or len(found) != 2 or type(found[0]) is not np.ndarray or type(found[1]) is not np.float64:
            return "the self-test gave another kind of result"
        if found[0].tolist() != [3.0, 5.0, 7.0] or found[1] != 6.0:
            return "the self-test gave another result"
    for wrong in ((2, x), (2.0, x[:2]), (2.0, x[::-1]), (2.0, x.astype(np.float32)), (2.0, x + 1), (2.0,), (2.0, 3.0)):
        if fast(*wrong) is not NotImplemented:
            return "the self-test took an argument that it must refuse"
    return None


class Memory(NamedTuple):
    """Bytes of results and scratch of builtin functions."""

    in_use: int
    idle: int
    peak: int


def memory(keep: int | None = None) -> Memory:
    """Memory of results and scratch: in use, idle (kept for the next results), and most in use at one time.

    Parameters
    ----------
    keep : int, optional
        Free idle memory beyond this number of bytes, and count the peak from here on.
    """
    library = stub()
    if library is None:
        return Memory(0, 0, 0)
    counts = (ctypes.c_size_t * 3)()
    library.hoad_memory(ctypes.c_size_t(-1).value if keep is None else keep, counts)
    return Memory(*counts)


@lru_cache(maxsize=1)
def address() -> Callable[[np.ndarray], int]:
    """A function that says where the data of an ndarray is."""
    library = stub()
    return (lambda a: a.ctypes.data) if library is None else library.hoad_address()
