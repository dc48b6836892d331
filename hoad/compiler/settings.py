"""Which back end runs compiled functions: the environment variable ``HOAD_COMPILE``, or the argument ``backend=``."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from hoad.backends import Backend
from hoad.compiler.looks import Looked, rounded_looks
from hoad.compiler.placed import Placed, PlacedReplay, library_of, lifted
from hoad.compiler.replay import Replay
from hoad.compiler.steps import Steps
from hoad.errors import CompileError, NoCompilerError, SettingError

__all__ = [
    "BACKENDS", "backend_of", "backend_there", "executor_for", "get_num_threads", "made", "once", "optimised", "repeated",
    "set_num_threads",
]  # fmt: skip

log = logging.getLogger("hoad")
KEEPS = True
"""Whether native Programs are kept on disk for later processes."""
BACKENDS = ("off", "numpy", "c", "cuda")
_said: set[str] = set()


def once(message: str, *args: Any) -> None:
    """One line in the log of hoad for each text."""
    text = message % args
    if text not in _said:
        _said.add(text)
        log.warning("%s", text)


def backend_of(given: str | None) -> str:
    """The back end: ``given``, else the environment variable, else native code for the processor.

    Raises
    ------
    CompileError
        For an unknown name.
    """
    name = given if given is not None else os.environ.get("HOAD_COMPILE", "") or "c"
    if name not in BACKENDS:
        what = "backend" if given is not None else "the environment variable HOAD_COMPILE"
        raise CompileError.option(what, name, f"one of {', '.join(BACKENDS)}")
    return name


def backend_there(given: str | None) -> str:
    """The back end for arrays of a device: CUDA unless another one was asked for; steps are repeated there instead of in C."""
    name = given if given is not None else os.environ.get("HOAD_COMPILE", "") or "cuda"
    return "numpy" if name == "c" else name


def set_num_threads(n: int) -> None:
    """Let loops of generated code share their work among ``n`` threads at most.

    Parameters
    ----------
    n : int
        At least 1. What ``OMP_NUM_THREADS`` and threadpoolctl allow still holds.

    Raises
    ------
    SettingError
        For anything else than a positive whole number.

    Examples
    --------
    >>> import hoad
    >>> hoad.set_num_threads(1)
    """
    from hoad.compiler.toolchain import threads

    threads.set_num_threads(n)


def get_num_threads() -> int:
    """The most threads that loops of generated code share their work among.

    Returns
    -------
    int

    Examples
    --------
    >>> import hoad
    >>> hoad.get_num_threads() >= 1
    True
    """
    from hoad.compiler.toolchain import threads

    return threads.get_num_threads()


def load(backend: str) -> None:
    """Import what a back end needs."""
    if backend in ("c", "cuda"):
        from hoad.compiler import build, kept, passes  # noqa: F401

        kept.version()


def looks_at_rounding(steps: Steps) -> bool:
    """Whether the steps hold for certain values of a computed array of floating-point numbers only.

    Then every bit of it has to come out as it did when they were recorded, which NumPy alone promises.
    """
    return bool(rounded_looks(steps))


def optimised(steps: Steps, backend: str) -> Steps:
    """The steps after the passes: all of them for native code, those that round nothing differently for NumPy."""
    from hoad.compiler import passes

    if backend != "numpy" and not looks_at_rounding(steps):
        return passes.optimise(steps)
    for run in passes.SAME_BITS:
        steps = run(steps)
    return passes.remove_dead(steps)


def executor_for(steps: Steps, backend: str) -> Any:
    """What runs the steps: native code, or NumPy where that cannot be had."""
    from hoad.compiler import passes

    if backend != "numpy":
        try:
            if looks_at_rounding(steps):
                return Looked(steps, lambda rest: _native(passes.optimise(rest), backend))
            return _native(steps, backend)
        except _Missing as error:
            once("compiled functions run as NumPy calls: %s", error)
    return Replay(steps)


def made(steps: Steps, leaves: Sequence[Any], backend: str, there: str) -> tuple[Steps, Any, str]:
    """Optimised steps, what runs them, and the name of the back end that does.

    Parameters
    ----------
    steps : Steps
        As recorded.
    leaves : sequence
        Inputs like those for which they are meant.
    backend, there : str
        Back ends for arrays of the host and of a device.
    """
    library = library_of(steps, leaves)
    if library is None:
        return *_hosted(steps, backend), backend
    library.synchronise()  # constants are there before another stream reads them
    beside = any(isinstance(x, np.ndarray) for x in leaves)  # some results may belong to the host: each step decides by itself
    if there == "cuda" and library.device is not None and not beside and not looks_at_rounding(steps):
        try:
            found, executor = _placed(steps, library)
            return found, executor, there
        except _Missing as error:
            once("compiled functions run as calls of %s: %s", library.name, error)
    return repeated(steps, leaves)


def _hosted(steps: Steps, backend: str) -> tuple[Steps, Any]:
    """Optimised steps on arrays of the host, and what runs them: from an earlier process, if that has kept them."""
    key = None
    if backend == "c" and KEEPS:
        from hoad.compiler import kept

        key = kept.key_of(steps)
        known = kept.find(key) if key else None
        if known is not None:
            return known
    found = optimised(steps, backend)
    executor = executor_for(found, backend)
    if key:
        kept.keep(key, found, executor)
    return found, executor


def repeated(steps: Steps, leaves: Sequence[Any]) -> tuple[Steps, Any, str]:
    """The same, by functions of NumPy or of the library of the device."""
    if library_of(steps, leaves) is None:
        found = optimised(steps, "numpy")
        return found, Replay(found), "numpy"
    from hoad.compiler.passes.common import merge_common

    found = merge_common(steps)
    return found, PlacedReplay(found), "numpy"


def _placed(steps: Steps, library: Backend) -> tuple[Steps, Any]:
    """Steps on arrays of a device as native code."""
    from hoad.compiler import cuda, passes

    assert library.device is not None
    try:
        plain, arrays = lifted(steps)
        found = passes.optimise(plain)
        executor: Any = cuda.build(found, library.device())
        return found, Placed(executor, arrays, steps) if plain is not steps else executor
    except SettingError:
        raise
    except NoCompilerError as error:
        raise _Missing(str(error)) from None
    except Exception as error:  # whatever goes wrong there, the results are the same without it
        raise _Missing(f"native code could not be made ({type(error).__name__}: {error}); please report this") from error


class _Missing(Exception):
    """There is no native code."""


def _native(steps: Steps, backend: str) -> Any:
    try:
        if backend == "cuda":
            from hoad.compiler import cuda

            return cuda.build(steps)
        from hoad.compiler.build import build

        return build(steps)
    except SettingError:
        raise
    except NoCompilerError as error:
        raise _Missing(str(error)) from None
    except Exception as error:  # whatever goes wrong there, the results are the same without it
        raise _Missing(f"native code could not be made ({type(error).__name__}: {error}); please report this") from error
