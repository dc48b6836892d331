"""What a compiler can do, found out by compiling and running a probe."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from hoad.compile.toolchain.flags import FUNCTIONS, LIBRARIES, REQUIRED, optional_flags, probe_source
from hoad.compile.toolchain.objects import compile_object, shortened
from hoad.compile.toolchain.process import ended, run
from hoad.compile.toolchain.settings import compile_timeout
from hoad.errors import NoCompilerError

__all__ = ["examined"]

TRIAL_LIMIT = 30.0
"""Seconds for each command of a trial."""


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
    flags = list(optional_flags(version))
    functions = list(FUNCTIONS)
    reason = ""
    dropped = iter(("refused", "-march=native", "-fopenmp", "vector functions"))
    while True:
        try:
            state = _examine(command, flags, functions, folder, limit)
        except NoCompilerError as error:
            reason = str(error)
            state = None
        if state is None:
            step = next(dropped, None)
            if step is None:
                raise NoCompilerError(reason)
            if step == "refused":
                flags = [flag for flag in flags if _accepted(command, flag, folder, limit)]
            elif step == "vector functions":
                flags, functions = [flag for flag in flags if not flag.startswith("-fveclib")], []
            else:
                flags = [flag for flag in flags if flag not in (step, "-mcpu=native")]
            continue
        symbols = state["symbols"]
        bad = {f for f in functions if symbols.get(f, set()) & set(state["lacking"])} | set(state.get("wrong", ()))
        if bad:
            functions = [f for f in functions if f not in bad]
            continue
        if state["evaluation"] not in (0, 16):  # 16 concerns half precision only
            raise NoCompilerError("it computes with more than double precision between operations (x87)")
        if state["arithmetic"] != 63:
            raise NoCompilerError("it does not keep IEEE arithmetic: NaN, infinities, signed zeros, subnormals (-ffast-math?)")
        openmp = "-fopenmp" in flags and state["team"] > 0
        if not openmp:
            flags = [flag for flag in flags if flag != "-fopenmp"]
            flags += ["-fopenmp-simd"] if _accepted(command, "-fopenmp-simd", folder, limit) else []
        return {
            "version": version,
            "flags": (*REQUIRED, *flags),
            "libraries": LIBRARIES,
            "vector_functions": tuple(f for f in functions if symbols.get(f)),
            "openmp": openmp,
        }


def _examine(command: Sequence[str], flags: Sequence[str], functions: Sequence[str], folder: Path, limit: float) -> dict[str, Any]:
    """What the probe says when it runs in a process of its own."""
    made = compile_object(command, ["-O2", *REQUIRED, *flags], probe_source(functions), folder, LIBRARIES, limit)
    symbols: dict[str, set[str]] = {}
    for found in re.finditer(rb"_ZGV[a-zA-Z]\w*?v_(\w+)", made.read_bytes()):
        symbols.setdefault(found[1].decode(), set()).add(found[0].decode())
    script = resources.files("hoad.compile.toolchain").joinpath("examine.py").read_text(encoding="utf-8")
    wanted = json.dumps({f: FUNCTIONS[f] for f in functions})
    called = json.dumps(sorted(name for names in symbols.values() for name in names))
    status, output = run([sys.executable, "-I", "-S", "-c", script, str(made), wanted, called], limit=limit, folder=folder)
    if status != 0:
        raise NoCompilerError(f"what it compiles does not run: the trial {ended(status)}: {shortened(output)}")
    try:
        return {**json.loads(output.splitlines()[-1]), "symbols": symbols}
    except (ValueError, IndexError):
        raise NoCompilerError(f"what it compiles does not run: the trial said {shortened(output)}") from None


def _accepted(command: Sequence[str], flag: str, folder: Path, limit: float) -> bool:
    """Whether a small source compiles with a flag."""
    try:
        compile_object(command, [*REQUIRED, flag], "int probe(void) { return 0; }\n", folder, (), limit)
    except NoCompilerError:
        return False
    return True
