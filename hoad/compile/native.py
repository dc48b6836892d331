"""From C source to a function: the system's compiler, and a cache that only its owner can write.

``$CC`` is tried first, then cc, gcc and clang. A compiled object is kept under the user's cache folder (``$HOAD_CACHE_DIR`` if
that is set), named by a hash of the source, the flags, the compiler's version and the processor.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import platform
import shlex
import shutil
import stat
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import platformdirs

__all__ = ["NoCompilerError", "compiler", "load"]

log = logging.getLogger("hoad")
FLAGS = (
    "-std=gnu11", "-fPIC", "-shared", "-march=native", "-fopenmp-simd", "-fno-math-errno", "-fno-trapping-math", "-fno-builtin-sin",
    "-fno-builtin-cos",
)  # fmt: skip


class NoCompilerError(RuntimeError):
    """No working C compiler was found, or it refused; callers compute with NumPy instead."""


@lru_cache(maxsize=1)
def compiler() -> tuple[tuple[str, ...], str]:
    """Command of the C compiler and its version; raises :class:`NoCompilerError`."""
    for name in (os.environ.get("CC", ""), "cc", "gcc", "clang"):
        command = tuple(shlex.split(name))
        if command and shutil.which(command[0]):
            try:
                done = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=30, check=True)
            except (OSError, subprocess.SubprocessError):
                continue
            return command, done.stdout.splitlines()[0]
    raise NoCompilerError("no C compiler was found: set CC, or install cc, gcc or clang")


@lru_cache(maxsize=1)
def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line for line in lines if line.startswith(("flags", "Features")))
    except (OSError, StopIteration):
        return f"{platform.machine()} {platform.processor()}"


def _folder() -> Path:
    """The cache folder, private to the user; a temporary one where it cannot be had."""
    given = os.environ.get("HOAD_CACHE_DIR")
    path = Path(given) if given else Path(platformdirs.user_cache_dir("hoad"))
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.stat()
        if hasattr(os, "getuid") and (found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o022):
            raise PermissionError(f"{path} can be written by others")
    except OSError as error:
        path = Path(tempfile.mkdtemp(prefix="hoad-"))
        log.info("compiled code is kept in %s for this process: %s", path, error)
    return path


def load(source: str, level: str = "-O3") -> Any:
    """The function ``kernel`` of a C source, compiled unless it is in the cache.

    Raises
    ------
    NoCompilerError
        If there is no compiler, or it fails.
    """
    command, version = compiler()
    options = (level, *FLAGS)
    text = "\n".join((source, *options, *command, version, _processor()))
    path = _folder() / f"{hashlib.sha256(text.encode()).hexdigest()[:40]}.so"
    if not path.exists():
        _compile(source, command, options, path)
    try:
        kernel = ctypes.CDLL(str(path)).kernel
    except OSError as error:
        raise NoCompilerError(f"{path.name} cannot be loaded: {error}") from error
    pointers = ctypes.POINTER(ctypes.c_void_p)
    kernel.argtypes = (ctypes.c_long, pointers, pointers)
    kernel.restype = None
    return kernel


def _compile(source: str, command: tuple[str, ...], options: tuple[str, ...], path: Path) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="build-") as folder:
        code, made = Path(folder) / "kernel.c", Path(folder) / "kernel.so"
        code.write_text(source, encoding="utf-8")
        message = ""
        for libraries in (("-lmvec", "-lm"), ("-lm",)):
            try:
                done = subprocess.run(
                    [*command, *options, str(code), "-o", str(made), *libraries],
                    capture_output=True,
                    text=True,
                    timeout=600,
                    check=False,
                )
            except (OSError, subprocess.SubprocessError) as error:
                message = str(error)
                continue
            if done.returncode == 0:
                os.replace(made, path)
                return
            message = done.stderr
    raise NoCompilerError(f"{command[0]} failed: {message.strip()[:500]}")
