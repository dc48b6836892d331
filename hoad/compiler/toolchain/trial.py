"""What a compiler can do, found out by compiling and running a probe."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any

from hoad.compiler.toolchain.flags import FUNCTIONS, LIBRARIES, REQUIRED, VECTOR_LIBRARIES, optional_flags, probe_source
from hoad.compiler.toolchain.objects import compile_object, shortened
from hoad.compiler.toolchain.process import TimeLimitError, ended, run
from hoad.compiler.toolchain.settings import compile_timeout
from hoad.errors import NoCompilerError

__all__ = ["examined"]

TRIAL_LIMIT = 30.0
"""Seconds for each command of a trial."""
RUN_LIMIT = 10.0
RIGHT = 63
"""What the probe says about IEEE arithmetic: one bit for each rule that is kept."""
OPENMP, PROCESSOR, VECTOR = ("-fopenmp",), ("-march=native", "-mcpu=native"), ("-fveclib=libmvec",)
PARALLEL = """\
#include <omp.h>
int probe(void)
{
    int count = 0;
    #pragma omp parallel reduction(+ : count)
    count += omp_get_num_threads();
    return count;
}
"""


class _RefusedError(NoCompilerError):
    """The compiler failed on the probe, or the probe did not run: less may work."""


def examined(command: tuple[str, ...], folder: Path) -> dict[str, Any]:
    """Version, flags, libraries, vector functions and OpenMP of a compiler.

    The probe is compiled and run with all that could work at first, and with less as long as it does not.

    Raises
    ------
    NoCompilerError
        If it does not work with the least either, or not within IEEE arithmetic.
    """
    limit = min(TRIAL_LIMIT, compile_timeout())
    status, output = run([*command, "--version"], limit=limit, folder=folder)
    if status != 0:
        raise NoCompilerError(f"it does not tell its version ({ended(status)})")
    version = shortened(next((line for line in output.splitlines() if line.strip()), ""))
    flags = optional_flags(version)
    every = tuple(FUNCTIONS)
    with suppress(_RefusedError):
        return {"version": version, **_working(command, flags, VECTOR_LIBRARIES, every, folder, limit)}
    tried = {(flags, VECTOR_LIBRARIES, every)}
    flags = _accepted(command, flags, folder, limit)
    libraries = VECTOR_LIBRARIES if _compiles(command, (), folder, limit, libraries=VECTOR_LIBRARIES) else LIBRARIES
    reason = NoCompilerError("it refuses even small sources")
    for lacking in ((), OPENMP, PROCESSOR, (*OPENMP, *PROCESSOR), VECTOR, (*OPENMP, *PROCESSOR, *VECTOR)):
        rest = tuple(flag for flag in flags if flag not in lacking)
        functions = () if lacking[-1:] == VECTOR else every
        if (rest, libraries, functions) in tried:
            continue
        tried.add((rest, libraries, functions))
        try:
            return {"version": version, **_working(command, rest, libraries, functions, folder, limit)}
        except _RefusedError as error:
            reason = error
    raise NoCompilerError(*reason.args)


def _working(
    command: Sequence[str],
    flags: tuple[str, ...],
    libraries: tuple[str, ...],
    functions: tuple[str, ...],
    folder: Path,
    limit: float,
) -> dict[str, Any]:
    """What works with these flags, after vector functions that are missing or wrong have been left out."""
    while True:
        state = _examine(command, flags, libraries, functions, folder, limit)
        symbols = state["symbols"]
        bad = {f for f in functions if symbols.get(f, set()) & set(state["lacking"])} | set(state.get("wrong", ()))
        if not bad:
            break
        functions = tuple(f for f in functions if f not in bad)
    if state["evaluation"] not in (0, 16):  # 16 concerns half precision only
        raise NoCompilerError("it computes with more than double precision between operations (x87)")
    if state["arithmetic"] != RIGHT:
        raise NoCompilerError("it does not keep IEEE arithmetic: NaN, infinities, signed zeros, subnormals (-ffast-math?)")
    openmp = "-fopenmp" in flags and state["team"] > 0
    if not openmp:
        flags = tuple(flag for flag in flags if flag != "-fopenmp")
        if _compiles(command, ("-fopenmp-simd",), folder, limit):
            flags = (*flags, "-fopenmp-simd")
    called = tuple(f for f in functions if symbols.get(f))
    return {"flags": (*REQUIRED, *flags), "libraries": libraries, "vector_functions": called, "openmp": openmp}


def _accepted(command: Sequence[str], flags: Sequence[str], folder: Path, limit: float) -> tuple[str, ...]:
    """The flags with which small sources compile."""
    rest = tuple(flag for flag in flags if flag not in OPENMP)
    if not _compiles(command, rest, folder, limit):
        rest = tuple(flag for flag in rest if _compiles(command, (flag,), folder, limit))
    if len(rest) < len(flags) and _compiles(command, (*rest, *OPENMP), folder, limit, PARALLEL):
        rest = (*rest, *OPENMP)
    return rest


def _compiles(
    command: Sequence[str],
    flags: Sequence[str],
    folder: Path,
    limit: float,
    source: str = "int probe(void) { return 0; }\n",
    libraries: Sequence[str] = (),
) -> bool:
    try:
        compile_object(command, [*REQUIRED, *flags], source, folder, libraries, limit)
    except TimeLimitError:
        raise
    except NoCompilerError:
        return False
    return True


def _examine(
    command: Sequence[str],
    flags: Sequence[str],
    libraries: Sequence[str],
    functions: Sequence[str],
    folder: Path,
    limit: float,
) -> dict[str, Any]:
    """What the probe says when it runs in a process of its own."""
    try:
        made = compile_object(command, ["-O2", *REQUIRED, *flags], probe_source(functions), folder, libraries, limit)
    except TimeLimitError:  # it would not end with less either, and waiting for that is long
        raise
    except NoCompilerError as error:
        raise _RefusedError(*error.args) from error
    symbols: dict[str, set[str]] = {}
    for found in re.finditer(rb"_ZGV[a-zA-Z]\w*?v_(\w+)", made.read_bytes()):
        symbols.setdefault(found[1].decode(), set()).add(found[0].decode())
    script = resources.files("hoad.compiler.toolchain").joinpath("examine.py").read_text(encoding="utf-8")
    wanted = json.dumps({f: FUNCTIONS[f] for f in functions})
    called = json.dumps(sorted(name for names in symbols.values() for name in names))
    try:
        status, output = _run_python(["-I", "-S", "-c", script, str(made), wanted, called], min(limit, RUN_LIMIT), folder)
    except NoCompilerError as error:
        raise _RefusedError(f"what it compiles does not run: {error}") from error
    if status != 0:
        raise _RefusedError(f"what it compiles does not run: the trial {ended(status)}: {shortened(output)}")
    try:
        return {**json.loads(output.splitlines()[-1]), "symbols": symbols}
    except (ValueError, IndexError):
        raise _RefusedError(f"what it compiles does not run: the trial said {shortened(output)}") from None


def _run_python(arguments: Sequence[str], limit: float, folder: Path) -> tuple[int, str]:
    """Run a Python of this machine: the one that runs here, unless that is part of another program."""
    places = (sys.executable, getattr(sys, "_base_executable", ""), f"{sys.prefix}/bin/python3", shutil.which("python3"))
    reason = NoCompilerError("no Python interpreter can be started to try it")
    for place in places:
        if place and "py" in os.path.basename(place).lower():
            try:
                return run([place, *arguments], limit=limit, folder=folder)
            except TimeLimitError:
                raise
            except NoCompilerError as error:
                reason = error
    raise reason
