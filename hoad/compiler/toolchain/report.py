"""The tool chain in words, for the command line."""

from __future__ import annotations

import os
import shlex

from hoad.compiler.toolchain import cache
from hoad.compiler.toolchain.compilers import capabilities
from hoad.compiler.toolchain.settings import cache_path
from hoad.compiler.toolchain.threads import get_num_threads, usable_processors
from hoad.errors import HoadError, NoCompilerError

__all__ = ["cleared", "rows"]


def rows() -> dict[str, str]:
    """Titles and texts: compiler, flags, vector mathematics, OpenMP, threads, cache. Faults of settings are told, not raised."""
    found = {}
    try:
        compiler = capabilities()
        found["C compiler"] = f"{shlex.join(compiler.command)} ({compiler.version})"
        found["flags"] = " ".join(compiler.flags)
        found["vector maths"] = f"{len(compiler.vector_functions)} functions" if compiler.vector_math else "none"
        found["OpenMP"] = "works" if compiler.openmp else "does not link"
    except HoadError as error:
        found["C compiler"] = " ".join(str(error).split()) if isinstance(error, NoCompilerError) else f"not looked for: {error}"
    found["threads"] = _threads()
    try:
        held = cache.statistics()
        text = f"{held.path}: {_entries(held.entries)}, {_size(held.bytes)} of at most {_size(held.limit)}"
        found["cache"] = f"{text}; not used: {held.refused}" if held.refused else text
    except HoadError as error:
        found["cache"] = f"{cache_path()}: {error}"
    return found


def cleared() -> str:
    """Empty the cache and tell how much there was."""
    entries, size = cache.clear()
    return f"{cache_path()}: {_entries(entries)} removed, {_size(size)}"


def _threads() -> str:
    """Threads of compiled functions, processors of this process, and what limits them further."""
    try:
        number = str(get_num_threads())
    except HoadError as error:
        number = str(error)
    names = ("HOAD_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    limits = [f"{name}={os.environ[name]}" for name in names if name in os.environ]
    return ", ".join([number, f"{usable_processors()} usable of {os.cpu_count()} processors", *limits])


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"


def _size(count: int) -> str:
    """Bytes in a unit that suits them."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.4g} {unit}"
    return f"{count} bytes"
