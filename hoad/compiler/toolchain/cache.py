"""Compiled objects on disk, in a folder that only its owner can write.

An entry is one file, ``ab/KEY-DIGEST.so``: KEY is a hash of all that the content depends on, ``ab`` its start, DIGEST the
SHA-256 of the content, which is checked before use.  Entries appear by renaming, so that other processes see only complete ones.
Each carries the time of its last use, and the least recently used go when the limit is passed.

A folder that others could have written is never used: compiled code is then kept in a private temporary folder, for this process.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import platform
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from hoad.compiler.toolchain import trust
from hoad.compiler.toolchain.settings import cache_path, cache_size
from hoad.compiler.toolchain.trust import UntrustedError

__all__ = ["Cache", "Statistics", "clear", "current", "refuse", "statistics", "with_place"]

T = TypeVar("T")
log = logging.getLogger("hoad")
KEY = 40
ENTRY = re.compile(rf"[0-9a-f]{{{KEY}}}-[0-9a-f]{{64}}\.[a-z]{{1,5}}")
BUILD = re.compile(r"build-([0-9a-f]{8})-(\d+)-\w+")
FORGOTTEN = 86400.0
"""Seconds after which a build of another machine, whose processes cannot be seen from here, is taken for dead."""
TRIES = 5
"""How often work is begun again whose files are gone."""
KEEP = 0.9
"""Part of the limit that remains in use after entries were dropped, so that this does not happen at each new entry."""
_lock = threading.RLock()
_refused: dict[Path, str] = {}
_told: set[tuple[Path, str]] = set()
_private: dict[int, Cache] = {}
_sizes: dict[Path, int] = {}


@dataclass(frozen=True)
class Statistics:
    """What the cache holds.

    Attributes
    ----------
    path : Path
        The user's cache folder.
    entries, bytes : int
        Number and size of its entries.
    limit : int
        Bytes that it may hold.
    refused : str
        Why it is not used; empty if it is.
    """

    path: Path
    entries: int
    bytes: int
    limit: int
    refused: str = ""


@dataclass(frozen=True)
class Cache:
    """A folder of entries that has passed the checks of :mod:`hoad.compiler.toolchain.trust`."""

    path: Path
    private: bool = False

    def find(self, key: str, kind: str) -> Path | None:
        """The entry with a key (``KEY`` hexadecimal digits), if it is whole; its time of last use becomes now.

        Raises
        ------
        UntrustedError
            If an entry beside it is not a file of ours that only we can write.
        """
        shard = self.path / key[:2]
        try:
            trust.check_folder(shard)
            with os.scandir(shard) as files:
                names = [file.name for file in files if trust.check_file(file)]
        except FileNotFoundError:
            return None
        for name in sorted(names):
            if name.startswith(f"{key}-") and name.endswith(f".{kind}") and ENTRY.fullmatch(name):
                path = shard / name
                with suppress(FileNotFoundError):  # another process may drop it at any time
                    if hashlib.sha256(path.read_bytes()).hexdigest() == name[KEY + 1 : KEY + 65]:
                        os.utime(path)
                        return path
                    log.info("%s is damaged and made again", path)
                    path.unlink()
        return None

    def store(self, key: str, made: Path) -> Path:
        """Move a complete file, made in :meth:`building`, to its place; its suffix is kept."""
        content = made.read_bytes()
        shard = self.path / key[:2]
        with suppress(FileExistsError):
            shard.mkdir(mode=0o700)
        trust.check_folder(shard)
        path = shard / f"{key}-{hashlib.sha256(content).hexdigest()}{made.suffix}"
        made.chmod(0o600)
        os.replace(made, path)
        with _lock:
            if self.path in _sizes:
                _sizes[self.path] += len(content)
        return path

    @contextmanager
    def building(self) -> Iterator[Path]:
        """A temporary folder inside the cache, on the same disk, that is gone afterwards; those of dead processes go before."""
        for folder in self._builds():
            if not _alive(folder):
                shutil.rmtree(folder, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=f"build-{_node()}-{os.getpid()}-", dir=self.path))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def trim(self, limit: int) -> None:
        """Drop least recently used entries if there are more bytes than that."""
        with _lock:
            if _sizes.get(self.path, limit + 1) <= limit:  # what this process knows; the folder is read once, and at the limit
                return
            found = sorted((status.st_mtime_ns, status.st_size, path) for path, status in self.entries())
            total = sum(size for _, size, _ in found)
            if total > limit:
                for _, size, path in found:
                    if total <= KEEP * limit:
                        break
                    total -= size
                    with suppress(OSError):
                        path.unlink()
            _sizes[self.path] = total

    def entries(self) -> Iterator[tuple[Path, os.stat_result]]:
        """All entries with their status."""
        for folder in self._folders():
            if re.fullmatch(r"[0-9a-f]{2}", folder.name):
                with suppress(OSError), os.scandir(folder) as files:
                    for file in files:
                        if ENTRY.fullmatch(file.name):
                            with suppress(OSError):
                                yield Path(file.path), file.stat(follow_symlinks=False)

    def clear(self) -> tuple[int, int]:
        """Remove all entries, and builds of dead processes; nothing that the cache has not made. Returns (entries, bytes)."""
        count = size = 0
        for path, status in list(self.entries()):
            with suppress(OSError):
                path.unlink()
                count, size = count + 1, size + status.st_size
        for folder in self._folders():
            if BUILD.fullmatch(folder.name) and not _alive(folder):
                shutil.rmtree(folder, ignore_errors=True)
            elif re.fullmatch(r"[0-9a-f]{2}", folder.name):
                with suppress(OSError):  # not empty: another process has just stored something
                    folder.rmdir()
        with _lock:
            _sizes.pop(self.path, None)
        return count, size

    def _folders(self) -> list[Path]:
        try:
            with os.scandir(self.path) as found:
                return [Path(each.path) for each in found if each.is_dir(follow_symlinks=False)]
        except OSError:
            return []

    def _builds(self) -> list[Path]:
        return [folder for folder in self._folders() if BUILD.fullmatch(folder.name)]


def current() -> Cache:
    """The user's cache folder, or a private temporary one where that cannot be trusted or used.

    Raises
    ------
    OSError
        If there is no place for a temporary folder either.
    """
    path = cache_path()
    reason = _refused.get(path, "")
    if not reason:
        try:
            for each in (*reversed(path.parents), path):
                if not each.exists():
                    each.mkdir(mode=0o700, exist_ok=True)
            return Cache(trust.check_root(path))
        except OSError as error:
            reason = _words(error)
    if (path, reason) not in _told:
        _told.add((path, reason))
        log.warning("compiled code is kept for this process only, because %s cannot be used: %s", path, reason)
    with _lock:
        if os.getpid() not in _private:
            folder = tempfile.mkdtemp(prefix="hoad-")
            atexit.register(_remove, folder, os.getpid())
            _private[os.getpid()] = Cache(Path(folder), private=True)
        return _private[os.getpid()]


def refuse(error: OSError) -> None:
    """Use a private folder from now on, instead of the user's."""
    _refused[cache_path()] = _words(error)


def with_place(work: Callable[[Cache], T]) -> T:
    """The result of some work in the cache; done again in a private folder if the cache turns out to be full or untrusted.

    Raises
    ------
    OSError
        If it cannot be done there either.
    """
    for tries in range(TRIES):
        place = current()
        try:
            return work(place)
        except OSError as error:
            if place.private:
                raise
            if not isinstance(error, FileNotFoundError) or tries == TRIES - 1:  # else another process empties the cache
                refuse(error)
                break
    return work(current())


def statistics() -> Statistics:
    """What the user's cache folder holds, and why it is not used if it is not; makes nothing.

    Examples
    --------
    >>> from hoad.compiler.toolchain import cache
    >>> cache.statistics().limit
    512000000
    """
    path = cache_path()
    reason = _refused.get(path, "")
    sizes = [status.st_size for _, status in Cache(path).entries()]
    with suppress(FileNotFoundError):
        try:
            trust.check_root(path)
        except UntrustedError as error:
            reason = reason or _words(error)
    return Statistics(path, len(sizes), sum(sizes), cache_size(), reason)


def clear() -> tuple[int, int]:
    """Empty the user's cache folder. Returns the number of entries and of bytes that were removed.

    Objects that are in use stay in memory.

    Raises
    ------
    UntrustedError
        If others can write the folder: what is in it may not be what it seems.
    """
    path = cache_path()
    if not path.exists():
        return 0, 0
    return Cache(trust.check_root(path)).clear()


def _alive(folder: Path) -> bool:
    """Whether the process that builds in a folder may still be there."""
    found = BUILD.fullmatch(folder.name)
    if found is None:
        return True
    with suppress(OSError):
        if time.time() - folder.stat().st_mtime > FORGOTTEN:
            return False
    if found[1] != _node() or os.name != "posix":  # elsewhere, os.kill(…, 0) does more than to ask
        return True
    try:
        os.kill(int(found[2]), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _node() -> str:
    """This machine, and its set of process numbers: containers with one name have several."""
    name = platform.node()
    with suppress(OSError):
        name += os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(name.encode()).hexdigest()[:8]


def _remove(folder: str, owner: int) -> None:
    if os.getpid() == owner:  # forked children inherit the registration
        shutil.rmtree(folder, ignore_errors=True)


def _words(error: OSError) -> str:
    return str(error) if isinstance(error, UntrustedError) else (error.strerror or str(error))


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
