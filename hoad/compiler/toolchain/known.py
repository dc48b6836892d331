"""Compilers that need no trial: gcc on Linux with a glibc whose vector functions are all there.

A trial compiles and runs a probe, which takes longer than most kernels.  What it would find is known where the compiler is gcc,
called without flags of the user's, and the library of vector functions has the symbols that gcc calls.  Should a kernel then not
compile or not load, the trial is made after all; ``HOAD_COMPILE_TRIAL=always`` makes it in any case.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from hoad.compiler.toolchain.flags import FUNCTIONS, REQUIRED, VECTOR_LIBRARIES, optional_flags

__all__ = ["known", "linking"]

OLDEST = 9
"""The first gcc that does all that is asked for in the way in which it is asked for."""
LANES = {"b": (2, 4), "c": (4, 8), "d": (4, 8), "e": (8, 16)}
"""Instruction sets in the names of vector functions, with their lanes in double and in single precision."""


@lru_cache(maxsize=1)
def _vector_functions() -> bool:
    """Whether glibc has every vector function that gcc may call."""
    try:
        library = ctypes.CDLL("libmvec.so.1")
    except OSError:
        return False
    for name, count in FUNCTIONS.items():
        for letter, lanes in LANES.items():
            lane = lanes[name.endswith("f") and name != "erf"]
            if not hasattr(library, f"_ZGV{letter}N{lane}{'v' * count}_{name}"):
                return False
    return True


def linking(source: str) -> tuple[str, ...]:
    """Flags by which such a compiler links only what a source needs: the start-up code of programs takes it half of the time."""
    return ("-nostdlib", *(("-lgomp",) if "#pragma omp parallel" in source else ()))


def known(command: Sequence[str], files: Any) -> dict[str, Any] | None:
    """Version, flags, libraries, vector functions and OpenMP without a trial, or None.

    Parameters
    ----------
    command : sequence of str
    files : sequence of (path, size, time)
        The program behind the command; several where it may be a wrapper.
    """
    if (
        os.environ.get("HOAD_COMPILE_TRIAL") == "always"
        or not sys.platform.startswith("linux")
        or platform.machine() != "x86_64"
        or len(command) != 1
        or os.environ.get("LIBRARY_PATH")
    ):
        return None
    names = {os.path.basename(path) for path, _, _ in files}
    versions = {m[1] for m in (re.fullmatch(r"(?:x86_64-linux-gnu-)?gcc-(\d+)", name) for name in names) if m}
    if len(names) != 1 or len(versions) != 1 or int(min(versions)) < OLDEST or not _vector_functions():
        return None
    version = f"gcc {min(versions)} (known, not tried)"
    return {
        "version": version,
        "flags": (*REQUIRED, *optional_flags(version)),
        "libraries": VECTOR_LIBRARIES,
        "vector_functions": tuple(FUNCTIONS),
        "openmp": True,
        "tried": False,
    }
