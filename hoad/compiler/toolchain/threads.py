"""How many threads generated code uses: one number in memory that it reads at each parallel region."""

from __future__ import annotations

import ctypes
import logging
import operator
import os
import threading

from hoad.compiler.toolchain.settings import positive_integer

__all__ = ["THREADS_SOURCE", "default_threads", "get_num_threads", "set_num_threads", "threads_address", "usable_processors"]

THREADS_SOURCE = """\
#ifdef _OPENMP
#include <omp.h>
#endif
#ifdef _WIN32
__declspec(dllexport)
#endif
const volatile long long *hoad_threads = 0; /* the loader points it at the number of threads of the process */
static inline int hoad_team(void)
{
#ifdef _OPENMP
    const long long wanted = hoad_threads ? *hoad_threads : 1, most = omp_get_max_threads();
    return omp_in_parallel() || wanted < 1 ? 1 : (int)(wanted < most ? wanted : most);
#else
    return 1;
#endif
}
"""
"""C text with ``static int hoad_team(void)``: the threads that a parallel region may use now."""

log = logging.getLogger("hoad")
_cell = ctypes.c_int64(0)  # 0 until the number is first asked for
_lock = threading.Lock()
_forked = False


def usable_processors() -> int:
    """Processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_threads() -> int:
    """``$HOAD_THREADS`` if set, otherwise the processors of this process, at most ``$OMP_NUM_THREADS``; 1 in a forked child."""
    if _forked:
        return 1
    given = positive_integer("HOAD_THREADS")
    if given is not None:
        return given
    limit = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()  # a list holds one number for each level of nesting
    most = int(limit) if limit.isdecimal() and int(limit) > 0 else None  # OpenMP ignores what it cannot read; so does this
    return min(usable_processors(), most or usable_processors())


def get_num_threads() -> int:
    """Number of threads that compiled functions use at most.

    Returns
    -------
    int
        What :func:`set_num_threads` was given; by default ``$HOAD_THREADS``, or the number of processors that this process may
        use, at most ``$OMP_NUM_THREADS``.  It is 1 in a forked child, because OpenMP's threads do not survive a fork.

    Raises
    ------
    SettingError
        If ``$HOAD_THREADS`` is not a positive integer.

    Notes
    -----
    Limits of threadpoolctl, and those of OpenMP itself, are applied on top of this number at each call.

    Examples
    --------
    >>> from hoad.compiler.toolchain import get_num_threads, set_num_threads
    >>> before = get_num_threads()
    >>> set_num_threads(2)
    >>> get_num_threads()
    2
    >>> set_num_threads(before)
    """
    if _cell.value == 0:
        with _lock:
            if _cell.value == 0:
                _cell.value = default_threads()
    return int(_cell.value)


def set_num_threads(n: int) -> None:
    """Set the number of threads that compiled functions use at most, in this process, from their next call on.

    Parameters
    ----------
    n : int
        At least 1. A number above what OpenMP allows (OMP_NUM_THREADS, threadpoolctl) has no further effect. In a forked child it
        stays 1, with a warning in the log: a parallel region would wait for threads that the fork has not copied. Processes
        that are spawned have threads.

    Raises
    ------
    TypeError
        If ``n`` is not an integer.
    ValueError
        If ``n`` is below 1.

    Examples
    --------
    >>> from hoad.compiler.toolchain import get_num_threads, set_num_threads
    >>> before = get_num_threads()
    >>> set_num_threads(1)
    >>> get_num_threads()
    1
    >>> set_num_threads(before)
    """
    count = operator.index(n)
    if not 1 <= count < 2**31:
        raise ValueError(f"the number of threads is {count}, expected 1 to 2147483647. Give 1 to compute without threads.")
    if _forked and count > 1:
        log.warning("a forked child computes with 1 thread instead of %d: threads do not survive a fork; spawn the process", count)
        count = 1
    _cell.value = count


def threads_address() -> int:
    """Address of the int64 that holds :func:`get_num_threads`, for generated code to read; it never changes."""
    get_num_threads()
    return ctypes.addressof(_cell)


def _after_fork() -> None:
    global _forked
    _forked = True
    _cell.value = 1  # found, so that the lock, which another thread of the parent may hold, is not asked for


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
