"""The C compiler of this machine, and what it can do: found out by trial once, and kept in the cache.

``$CC`` comes first, then cc, gcc, clang, and the compiler in the package ``ziglang``; the first that passes the trial is taken.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import platform
import shlex
import shutil
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from hoad.compiler.toolchain import cache
from hoad.compiler.toolchain.flags import FUNCTIONS, REQUIRED, VECTOR_LIBRARIES, optional_flags
from hoad.compiler.toolchain.known import known
from hoad.compiler.toolchain.trial import examined
from hoad.errors import NoCompilerError

__all__ = ["Capabilities", "capabilities", "tried"]

log = logging.getLogger("hoad")
TRIAL = (2, REQUIRED, VECTOR_LIBRARIES, optional_flags("gcc"), optional_flags("clang"), FUNCTIONS)
"""Number of the trial, to be raised when it changes, and what it tries: the result of another one is not used."""
ENVIRONMENT = (
    "COMPILER_PATH", "CPATH", "C_INCLUDE_PATH", "GCC_EXEC_PREFIX", "LIBRARY_PATH", "MACOSX_DEPLOYMENT_TARGET", "SDKROOT",
)  # fmt: skip
"""Variables that change what compilers make."""
_lock = threading.RLock()
_known: dict[Any, Capabilities | NoCompilerError] = {}


@dataclass(frozen=True)
class Capabilities:
    """A C compiler that works.

    Attributes
    ----------
    command : tuple of str
        How it is called.
    version : str
        What it says about itself.
    flags : tuple of str
        Beside the level of optimisation.
    libraries : tuple of str
        Behind the source.
    vector_functions : tuple of str
        Functions of libm whose loops become calls of vector functions.
    openmp : bool
        Whether parallel regions work.
    tried : bool
        False for a compiler that was known and not tried out.
    identity : str
        Hash of the compiler's file, the processor, and the variables that change what it makes.
    """

    command: tuple[str, ...]
    version: str
    flags: tuple[str, ...]
    libraries: tuple[str, ...]
    vector_functions: tuple[str, ...]
    openmp: bool
    identity: str = field(repr=False)
    tried: bool = True

    @property
    def vector_math(self) -> bool:
        """Whether any function of libm has a vector form."""
        return bool(self.vector_functions)


def capabilities() -> Capabilities:
    """The C compiler that is used, and what it can do.

    Raises
    ------
    NoCompilerError
        If none works; the message has the reason for each that was tried.

    Notes
    -----
    The first call on a machine runs the compiler once or twice (about half a second); the result is kept in the cache.  A failure
    is kept for the life of the process.

    Examples
    --------
    >>> from hoad.compiler.toolchain import capabilities
    >>> capabilities().flags[0]  # doctest: +SKIP
    '-std=gnu11'
    """
    key = _asked()
    with _lock:
        if key not in _known:
            _known[key] = _search()
        found = _known[key]
    if isinstance(found, NoCompilerError):
        raise NoCompilerError(*found.args)
    return found


def tried() -> Capabilities:
    """As :func:`capabilities`, found out by trial where it was only known."""
    key = _asked()
    with _lock:
        found = _known.get(key)
        if found is None or (isinstance(found, Capabilities) and not found.tried):
            _known[key] = _search(trial=True)
    return capabilities()


def _search(trial: bool = False) -> Capabilities | NoCompilerError:
    """The first candidate that works: from the cache, because it is known, or by trial."""
    reasons = []
    seen = set()
    for command, files in _candidates():
        if not files:
            if command[0] not in ("cc", "gcc", "clang"):
                log.info("%s is not used: not found", shlex.join(command))
                reasons.append(f"{shlex.join(command)}: not found")
            continue
        identity = _identity(command, files)
        if (files, command[1:]) in seen:
            continue
        seen.add((files, command[1:]))
        try:
            kept = _kept(identity)
            guess = None if kept or trial else known(command, files)
            if guess is not None:
                return Capabilities(command=command, identity=identity, **guess)
            return kept or cache.with_place(partial(_trial, command, identity))
        except NoCompilerError as error:
            log.info("%s is not used: %s", shlex.join(command), error)
            reasons.append(f"{shlex.join(command)}: {error}")
        except OSError as error:
            reasons.append(f"{shlex.join(command)}: no place for compiled code: {error}")
    return NoCompilerError.none_works(reasons)


def _candidates() -> Iterator[tuple[tuple[str, ...], tuple[tuple[str, int, int], ...]]]:
    """Commands and the files behind them, in the order in which they are tried."""
    given = os.environ.get("CC", "")
    try:
        words = tuple(shlex.split(given))
    except ValueError:
        words = (given,)
    for command in (words, ("cc",), ("gcc",), ("clang",)):
        if command:
            where = shutil.which(command[0])
            found = os.path.abspath(where) if where else command[0]  # it runs in another folder, under this very name
            yield (found, *command[1:]), tuple(f for word in command for f in _files(word))
    # The package's launcher would only replace itself by this program.
    spec = importlib.util.find_spec("ziglang")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        program = Path(folder) / ("zig.exe" if sys.platform == "win32" else "zig")
        if files := _files(str(program)):
            yield (str(program), "cc"), files


def _files(word: str) -> tuple[tuple[str, int, int], ...]:
    """Real path, size and time of every program that a word may start: wrappers such as ccache start the next one on the path."""
    found = []
    folders = [""] if os.path.dirname(word) else os.environ.get("PATH", os.defpath).split(os.pathsep)
    for folder in folders:
        program = shutil.which(os.path.join(folder, word)) if folder or os.path.dirname(word) else None
        if program:
            status = os.stat(program)
            entry = (os.path.realpath(program), status.st_size, status.st_mtime_ns)
            if entry not in found:
                found.append(entry)
    return tuple(found)


def _asked() -> Any:
    """What the answer depends on, as far as it may change while a process runs."""
    return *(os.environ.get(name, "") for name in ("CC", "PATH", "HOAD_COMPILE_TRIAL")), _environment()


def _environment() -> tuple[str | None, ...]:
    return tuple(os.environ.get(name) for name in ENVIRONMENT)


@lru_cache(maxsize=1)
def _processor() -> str:
    """What ``-march=native`` looks at."""
    name = f"{platform.system()} {platform.machine()}"
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:  # the first processor only: the file is long
            for line in lines:
                if line.startswith(("vendor_id", "cpu family", "model", "CPU implementer", "CPU part", "flags", "Features")):
                    name += line
                if line.startswith(("flags", "Features")) or not line.strip():
                    return name
    except OSError:
        pass
    return f"{name} {platform.processor()} {platform.node()}"  # where it cannot be asked, this very machine


def _identity(command: Sequence[str], files: Any) -> str:
    text = json.dumps([TRIAL, list(command), files, _environment(), _processor(), sys.platform])
    return hashlib.sha256(text.encode()).hexdigest()[: cache.KEY]


def _kept(identity: str) -> Capabilities | None:
    """The result of an earlier trial."""
    try:
        path = cache.current().find(identity, "json")
        if path is None:
            return None
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        arguments: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return Capabilities(**arguments)
    except cache.UntrustedError as error:
        cache.refuse(error)
    except (OSError, ValueError, TypeError) as error:
        log.info("what the compiler can do is found out again: %s", error)
    return None


def _trial(command: tuple[str, ...], identity: str, place: cache.Cache) -> Capabilities:
    """Find out what a compiler can do, and keep it."""
    with place.building() as folder:
        result = Capabilities(identity=identity, command=command, **examined(command, folder))
        kept = folder / "probe.json"
        kept.write_text(json.dumps(asdict(result)), encoding="utf-8")
        place.store(identity, kept)
    return result


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
