"""Measurements that several papers share: times, growth rates, slopes."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable, Hashable, Mapping, Sequence
from time import process_time
from typing import Any, TypeVar

import numpy as np

__all__ = ["slope", "times"]

Name = TypeVar("Name", bound=Hashable)


def times(functions: Mapping[Name, Callable[[], Any]], repeats: int, least: float = 2e-3) -> dict[Name, float]:
    """Processor seconds per call of each function: the best of ``repeats`` rounds.

    The functions take turns in each round, so that a machine that slows down slows all of them; calls shorter than
    ``least`` seconds are repeated within a round.  Processor time and the best round, because the papers compare costs and
    other programs on the machine only ever add to them; on one thread and a quiet machine it is the time on the clock.
    """
    keep_freed_memory()
    calls = {}
    for name, f in functions.items():
        f()
        start = process_time()
        f()
        calls[name] = max(1, int(least / max(process_time() - start, 1e-7)))
    best = dict.fromkeys(functions, float("inf"))
    enabled = gc.isenabled()
    gc.disable()
    try:
        for _ in range(repeats):
            for name, f in functions.items():
                start = process_time()
                for _ in range(calls[name]):
                    f()
                best[name] = min(best[name], (process_time() - start) / calls[name])
    finally:
        if enabled:
            gc.enable()
    return best


def keep_freed_memory() -> None:
    """Ask the C library to reuse freed memory instead of returning it to the system after every large array.

    Otherwise arrays of about 0.1 to 10 MB are new pages each time, and a clock measures page faults: the Helmholtz energy at
    n = 50 and 4,000 points takes 3.0 ms instead of 0.9 ms.  Does nothing where the C library is not glibc.
    """
    trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(trim_threshold, 1 << 30)
    mallopt(mmap_threshold, 1 << 25)


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Exponent p of the power law y = c x^p that fits best in the sense of least squares of the logarithms."""
    return float(np.polyfit(np.log(np.asarray(x)), np.log(np.asarray(y)), 1)[0])
