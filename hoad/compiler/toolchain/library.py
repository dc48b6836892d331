"""From C source to a loaded library."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shlex
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hoad.compiler.toolchain import cache
from hoad.compiler.toolchain.compilers import Capabilities, capabilities, tried
from hoad.compiler.toolchain.flags import SUFFIX
from hoad.compiler.toolchain.known import linking
from hoad.compiler.toolchain.objects import compile_object
from hoad.compiler.toolchain.settings import cache_size
from hoad.compiler.toolchain.threads import threads_address
from hoad.errors import NoCompilerError

__all__ = ["shared_library"]

_lock = threading.Lock()
_busy: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
_loaded: dict[str, ctypes.CDLL] = {}
_failed: dict[str, NoCompilerError] = {}


def shared_library(source: str, *, optimise: str = "-O3", extra: tuple[str, ...] = ()) -> ctypes.CDLL:
    """A C source as a loaded library, compiled unless it is in the memory of this process or in the cache.

    Parameters
    ----------
    source : str
        C11 with GNU extensions. A global variable ``hoad_threads`` (:data:`THREADS_SOURCE`) is set.
    optimise : str
        Level of optimisation.
    extra : tuple of str
        More flags, behind all others; folders in them are absolute.

    Returns
    -------
    ctypes.CDLL
        The same object for the same arguments: libraries with state of their own share it.

    Raises
    ------
    NoCompilerError
        If there is no compiler; if it fails, is killed, takes longer than ``$HOAD_COMPILE_TIMEOUT`` seconds, or makes what
        cannot be loaded; if there is no room for the library. A source that a compiler refused is not tried again by this process.

    Notes
    -----
    A small source takes about 0.1 s to compile, 1 ms from the cache, 30 µs from memory. Threads that ask for one source at a time
    wait for each other; processes compile it side by side, and the last one's library is kept.

    Examples
    --------
    >>> from hoad.compiler.toolchain import shared_library
    >>> library = shared_library("double twice(double x) { return 2 * x; }")  # doctest: +SKIP
    """
    found = capabilities()
    try:
        return _library(source, optimise, extra, found)
    except NoCompilerError:
        if found.tried or (better := tried()) == found:
            raise
        return _library(source, optimise, extra, better)


def _library(source: str, optimise: str, extra: tuple[str, ...], found: Capabilities) -> ctypes.CDLL:
    if not found.tried:
        extra = (*extra, *linking(source))
    text = "\0".join((source, optimise, *extra, "", *found.flags, *found.libraries, found.identity))
    key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[: cache.KEY]
    if key in _loaded:
        return _loaded[key]
    with _lock:
        waiting = _busy[key]
    with waiting:
        if key in _loaded:
            return _loaded[key]
        if key in _failed:
            raise NoCompilerError(*_failed[key].args)
        try:
            library = cache.with_place(lambda place: _obtain(place, key, source, (optimise, *found.flags, *extra), found))
        except NoCompilerError as error:
            _failed[key] = error
            raise
        except OSError as error:
            raise NoCompilerError(f"there is no room for compiled code: {error}") from error
        _loaded[key] = library
        return library


def _obtain(place: cache.Cache, key: str, source: str, flags: tuple[str, ...], found: Capabilities) -> ctypes.CDLL:
    """From the cache, or compiled into it; again if another process drops it before it is loaded."""
    limit = cache_size()  # before any work: the setting may be wrong
    for _ in range(3):
        path = place.find(key, SUFFIX[1:])
        stored = False
        if path is None:
            with place.building() as folder:
                path = place.store(key, compile_object(found.command, flags, source, folder, found.libraries))
            stored = True
        try:
            library = _load(path)
        except OSError as error:
            if not path.exists():
                continue
            path.unlink(missing_ok=True)
            raise NoCompilerError(f"what {shlex.join(found.command)} made cannot be loaded: {error}") from error
        if stored:
            place.trim(limit)
        return library
    raise OSError(f"{place.path} is emptied faster than it is filled")


SPINS = "GOMP_SPINCOUNT"
"""How often a waiting thread of libgomp looks before it sleeps: a variable that libgomp reads when it is loaded."""
FEW = "300"
"""Enough for loops that follow each other at once. By default threads look for some milliseconds, in which they take their
processors from the threads of BLAS: products of matrices between loops took ten times as long."""


@contextmanager
def _short_waits() -> Iterator[None]:
    """While a library is loaded, and libgomp with it, unless the user has chosen how threads wait."""
    chosen = any(name in os.environ for name in (SPINS, "OMP_WAIT_POLICY"))
    if not chosen:
        os.environ[SPINS] = FEW
    try:
        yield
    finally:
        if not chosen:
            os.environ.pop(SPINS, None)


def _load(path: Path) -> ctypes.CDLL:
    with _short_waits():
        library = ctypes.CDLL(str(path))
    try:
        cell = ctypes.c_void_p.in_dll(library, "hoad_threads")
    except ValueError:
        return library
    cell.value = threads_address()
    return library


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    _busy.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
