"""Work on long arrays in blocks that stay in cache, shared among threads (NumPy releases the interpreter's lock)."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, wraps
from threading import local
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from hoad.compiler.settings import get_num_threads

__all__ = ["in_blocks", "in_tasks", "own_threads", "threads"]

_inside = local()


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


@lru_cache(maxsize=1)
def keep_memory() -> None:
    """Let the C library keep freed memory for the next arrays of blocks.

    glibc returns what is free beyond twice the largest array that was ever freed, of up to 32 MB. On a small grid that is less than
    the arrays of one block, so that each iteration got its memory from the system anew: two thirds of its time on 32³ voxels.
    """
    np.empty((1 << 25) - (1 << 16), np.uint8)


def own_threads(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let BLAS use one thread while ``function`` runs: blocks are shared among threads here, and BLAS's own would only wait."""

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        if getattr(_inside, "on", False):
            return function(*args, **kwargs)
        _inside.on = True
        keep_memory()
        try:
            with _controller().limit(limits=1, user_api="blas"):
                return function(*args, **kwargs)
        finally:
            _inside.on = False

    return run


def threads() -> int:
    """Number of threads: ``HOAD_NUM_THREADS``, else what :func:`hoad.set_num_threads` allows compiled code as well."""
    given = os.environ.get("HOAD_NUM_THREADS", "")
    return int(given) if given.isdigit() and int(given) > 0 else get_num_threads()


@lru_cache(maxsize=4)
def _pool(n: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n, thread_name_prefix="hoad")


PARALLEL = 131072
"""Entries below which a second thread costs more than it saves."""


def in_blocks(work: Callable[[slice], None], count: int, block: int) -> None:
    """Call ``work`` on slices of ``range(count)`` of about ``block`` entries, on all threads if there are enough entries."""
    pieces = [slice(i, min(i + block, count)) for i in range(0, count, max(1, block))]
    in_tasks(lambda k: work(pieces[k]), len(pieces), count)


def in_tasks(work: Callable[[int], None], count: int, entries: int) -> None:
    """Call ``work(0)``, ``work(1)``, ... , on all threads if there are enough ``entries`` of arrays in them together."""
    if entries < PARALLEL or min(threads(), count) <= 1:
        for number in range(count):
            work(number)
        return
    for _ in _pool(threads()).map(work, range(count)):
        pass
