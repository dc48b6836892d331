"""Steps as native code: lower, plan the loops, print C, compile."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from hoad.compiler.emit.prelude import called
from hoad.compiler.emit.program import Native, emit
from hoad.compiler.executor import NativeExecutor
from hoad.compiler.loops.roots import Plan, plan
from hoad.compiler.lower import lower
from hoad.compiler.lower.loops import stored_apart
from hoad.compiler.lower.lowering import Lowered
from hoad.compiler.steps import Steps
from hoad.compiler.toolchain import THREADS_SOURCE, capabilities, shared_library, vector_declarations

__all__ = ["build", "loaded", "native_of", "planned"]

LONG = 60_000
"""Characters of generated code beyond which the compiler is asked for less."""


def planned(steps: Steps) -> tuple[Plan, Lowered]:
    """What is stored and which loops compute it; the outputs of the plan are those of the steps, then what the guards ask for."""
    lowered = lower(steps)
    return plan(stored_apart([*lowered.outputs, *lowered.asked])), lowered


def native_of(steps: Steps) -> tuple[Native, Lowered]:
    """The C of the steps, without what depends on the machine."""
    found, lowered = planned(steps)
    return emit(found, len(steps.inputs), len(lowered.outputs)), lowered


def machine_source(native: Native) -> str:
    """The C text with the declarations of this machine."""
    head, _, rest = native.source.partition("/* declarations */\n")
    fast = vector_declarations(f for f in called(rest) if f in capabilities().vector_functions)
    return head + fast + (THREADS_SOURCE if native.threaded else "") + rest


def build(steps: Steps, optimise: str | None = None) -> NativeExecutor:
    """An executor that runs the steps natively, with calls of NumPy and SciPy where they have no loop form.

    ``optimise`` is the compiler's level, ``"-O1"`` for instance; by default it falls with the length of the code.

    Raises
    ------
    NoCompilerError
        If there is no compiler or it fails.
    """
    native, lowered = native_of(steps)
    return loaded(lowered.guarded(steps), native, lowered, optimise)


def loaded(steps: Steps, native: Native, lowered: Lowered, optimise: str | None = None) -> NativeExecutor:
    """An executor for steps whose C is known.

    Raises
    ------
    NoCompilerError
        If there is no compiler or it fails.
    """
    source = machine_source(native)
    library: Any = None
    if native.calls:
        size = len(native.source) - native.tables
        level = optimise or ("-O3" if size < LONG else "-O2" if size < 10 * LONG else "-O1")
        library = shared_library(source, optimise=level)
        for name in ("dgemm", "sgemm"):
            try:
                ctypes.c_void_p.in_dll(library, f"hoad_{name}").value = blas_address(name)
            except ValueError:  # not used
                continue
    return NativeExecutor(steps, native, lowered, library, source)


@cache
def blas_address(name: str) -> int:
    """Address of a function of the BLAS that SciPy carries, in Fortran's calling convention."""
    from scipy.linalg import cython_blas

    capsule = cython_blas.__pyx_capi__[name]
    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype = ctypes.c_char_p
    api.PyCapsule_GetName.argtypes = [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    return int(api.PyCapsule_GetPointer(capsule, api.PyCapsule_GetName(capsule)))
