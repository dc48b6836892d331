"""Whether others could have written what is about to be loaded.

On systems without users in the sense of POSIX nothing is checked: there, the user's cache folder is private by default.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

__all__ = ["UntrustedError", "check_file", "check_folder", "check_root"]

POSIX = hasattr(os, "getuid")


class UntrustedError(OSError):
    """Others can write a file or a folder, or own it."""


def check_root(path: Path) -> Path:
    """The real path of a folder that only we can write, and that nobody else can rename or replace.

    Raises
    ------
    UntrustedError
        If that cannot be said, or code in it cannot be run.
    """
    real = path.resolve(strict=True)
    check_folder(real)
    if not POSIX:
        return real
    if hasattr(os, "ST_NOEXEC") and os.statvfs(real).f_flag & os.ST_NOEXEC:
        raise UntrustedError(f"{real} is on a disk from which no code may be run (noexec)")
    for parent in real.parents:
        status = parent.stat()
        if status.st_uid not in (0, os.getuid()):
            raise UntrustedError(f"{parent} belongs to another user, who could replace what is in it")
        if _writable_by_others(status, parent) and not status.st_mode & stat.S_ISVTX:
            raise UntrustedError(f"{parent} can be written by others")
    return real


def check_folder(path: Path) -> None:
    """Raise unless it is a folder of ours that only we can write."""
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise UntrustedError(f"{path} is not a folder")
    _check(status, path)


def check_file(file: os.DirEntry[str]) -> bool:
    """True for a file of ours that only we can write; raises for anything else, False if it is gone."""
    try:
        status = file.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(status.st_mode):
        raise UntrustedError(f"{file.path} is not a plain file")
    _check(status, Path(file.path))
    return True


def _check(status: os.stat_result, path: Path) -> None:
    if not POSIX:
        return
    if status.st_uid != os.getuid():
        raise UntrustedError(f"{path} belongs to another user")
    if _writable_by_others(status, path):
        raise UntrustedError(f"{path} can be written by others")


def _writable_by_others(status: os.stat_result, path: Path) -> bool:
    """Write permission for all, or for a group that has anyone but its owner in it, or for anyone that an access list names."""
    if status.st_mode & stat.S_IWOTH:
        return True
    return bool(status.st_mode & stat.S_IWGRP) and (not _group_of_one(status.st_gid) or _has_access_list(path))


def _has_access_list(path: Path) -> bool:
    """Whether permissions go beyond the mode; its group bits then stand for all that the list grants."""
    try:
        return "system.posix_acl_access" in os.listxattr(path, follow_symlinks=False)
    except (AttributeError, OSError):  # no such lists on this system, or this disk
        return False


def _group_of_one(gid: int) -> bool:
    """Whether a group is the user's own, as many systems make for each user, and nobody was added to it."""
    try:
        import grp
        import pwd

        user, group = pwd.getpwuid(os.getuid()), grp.getgrgid(gid)
    except (ImportError, KeyError, OSError):
        return False
    return group.gr_name == user.pw_name and user.pw_gid == gid and set(group.gr_mem) <= {user.pw_name}
