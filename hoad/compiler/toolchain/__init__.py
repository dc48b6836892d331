"""From C source to a loaded library: the system's compiler, a private cache, and the number of threads.

What other modules use::

    shared_library(source: str, *, optimise: str = "-O3", extra: tuple[str, ...] = ()) -> ctypes.CDLL
    capabilities() -> Capabilities      # .command .version .flags .libraries .vector_functions .vector_math .openmp
    vector_declarations(names: Iterable[str]) -> str       # C text: simd declarations of functions of libm
    THREADS_SOURCE: str                                    # C text: static int hoad_team(void)
    set_num_threads(n: int) -> None
    get_num_threads() -> int
    threads_address() -> int                               # address of an int64 in this process
    cache.statistics() -> Statistics                       # .path .entries .bytes .limit .refused
    cache.clear() -> tuple[int, int]                       # entries, bytes
    report.rows() -> dict[str, str]                        # for ``hoad info``

``shared_library`` and ``capabilities`` raise :class:`hoad.errors.NoCompilerError` with the reason when there is no compiler, or it
fails, hangs, is killed, makes something that is no library, or the disk is full; callers compute with NumPy then.  A process that
finds its objects in the cache starts no other process.

Sources are C11 with GNU extensions.  They are compiled with ``capabilities().flags``: for this processor, without errno and
floating-point traps but with IEEE semantics otherwise kept, with OpenMP where it links (``_OPENMP`` is defined) and its ``simd``
pragmas everywhere, and without contraction of multiplications and additions to fma, so that differences of equal products are 0.
``vector_functions`` holds the names of functions of libm (``exp``,
``expf`` …) that loops call in vector form after ``vector_declarations(names)``.

Threads: generated code that contains ``THREADS_SOURCE`` writes ``const int team = hoad_team();`` and
``#pragma omp parallel num_threads(team) if (team > 1)``.  The team is the smaller of ``get_num_threads()`` and
``omp_get_max_threads()``, so OMP_NUM_THREADS and threadpoolctl's limits are obeyed, and 1 in a forked child.  The source defines
``const volatile long long *hoad_threads``, which ``shared_library`` points at the cell behind ``threads_address()``.

Environment: ``CC``, ``HOAD_CACHE_DIR``, ``HOAD_CACHE_SIZE`` (bytes, or 300MB, 2GB; 512MB by default), ``HOAD_COMPILE_TIMEOUT``
(seconds; 120 by default), ``HOAD_COMPILE_TRIAL`` (``always``: no compiler is taken as known), ``HOAD_THREADS``.
"""

from hoad.compiler.toolchain.compilers import Capabilities, capabilities
from hoad.compiler.toolchain.flags import vector_declarations
from hoad.compiler.toolchain.library import shared_library
from hoad.compiler.toolchain.threads import THREADS_SOURCE, get_num_threads, set_num_threads, threads_address
from hoad.errors import NoCompilerError

__all__ = [
    "THREADS_SOURCE",
    "Capabilities",
    "NoCompilerError",
    "capabilities",
    "get_num_threads",
    "set_num_threads",
    "shared_library",
    "threads_address",
    "vector_declarations",
]
