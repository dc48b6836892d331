"""Which back end runs compiled functions: the environment variable ``HOAD_COMPILE``, or the argument ``backend=``."""

from __future__ import annotations

import logging
import os
from typing import Any

from hoad.compiler.replay import Replay
from hoad.compiler.steps import Steps
from hoad.errors import CompileError, NoCompilerError

__all__ = ["BACKENDS", "get_num_threads", "set_num_threads", "backend_of", "executor_for", "once", "optimised"]

log = logging.getLogger("hoad")
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
    """Import what a back end needs, and let the compiler begin with what every native call needs."""
    if backend in ("c", "cuda"):
        from hoad.compiler import build, passes  # noqa: F401

        build.ready()


def looks_at_rounding(steps: Steps) -> bool:
    """Whether the steps hold for certain values of a computed array of floating-point numbers only.

    Then every bit has to come out as it did when they were recorded, which NumPy alone promises.
    """
    count = len(steps.inputs)
    return any(g.slot >= count and getattr(getattr(g.value, "dtype", None), "kind", "b") in "fc" for g in steps.guards)


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
    if backend != "numpy" and not looks_at_rounding(steps):
        try:
            return _native(steps, backend)
        except _Missing as error:
            once("compiled functions run as NumPy calls: %s", error)
    return Replay(steps)


class _Missing(Exception):
    """There is no native code."""


def _native(steps: Steps, backend: str) -> Any:
    try:
        if backend == "cuda":
            from hoad.compiler import cuda

            return cuda.build(cuda.hosted(steps))
        from hoad.compiler.build import build

        return build(steps)
    except NoCompilerError as error:
        raise _Missing(str(error)) from None
    except Exception as error:  # whatever goes wrong there, the results are the same without it
        raise _Missing(f"native code could not be made ({type(error).__name__}: {error}); please report this") from error
