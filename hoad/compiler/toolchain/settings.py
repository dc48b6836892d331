"""Environment variables of the tool chain, read when they are needed."""

from __future__ import annotations

import os
import re
from pathlib import Path

from hoad.errors import SettingError

__all__ = ["cache_path", "cache_size", "compile_timeout", "positive_integer"]

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def cache_path() -> Path:
    """Where compiled code is kept: ``$HOAD_CACHE_DIR``, or the user's cache folder."""
    given = os.environ.get("HOAD_CACHE_DIR")
    if given:
        return Path(given).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("hoad"))


def cache_size() -> int:
    """Bytes that the cache may hold: ``$HOAD_CACHE_SIZE``, such as 1000000, 300MB or 2GB, or 512 MB."""
    given = os.environ.get("HOAD_CACHE_SIZE") or "512MB"
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", given.strip(), re.IGNORECASE)
    if found is None:
        raise SettingError.variable("HOAD_CACHE_SIZE", given, "a number of bytes such as 1000000, 300MB or 2GB")
    return int(float(found[1]) * _UNITS[found[2].upper()])


def compile_timeout() -> float:
    """Seconds after which a compiler is stopped: ``$HOAD_COMPILE_TIMEOUT``, or 120."""
    given = os.environ.get("HOAD_COMPILE_TIMEOUT") or "120"
    try:
        limit = float(given)
    except ValueError:
        limit = 0.0
    if not 0.0 < limit < 1e7:
        raise SettingError.variable("HOAD_COMPILE_TIMEOUT", given, "a positive number of seconds")
    return limit


def positive_integer(name: str) -> int | None:
    """A count from the environment; None where it is not set."""
    given = os.environ.get(name, "").strip()
    if not given:
        return None
    if not given.isdecimal() or int(given) < 1:
        raise SettingError.variable(name, given, "a positive integer")
    return int(given)
