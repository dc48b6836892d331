"""Programs: what a function did, step by step, as a value that can be printed, drawn, evaluated and checked."""

from hoad.compile import repeated  # noqa: F401  (linear maps find native code through it)
from hoad.compile.program import Program, trace

__all__ = ["Program", "trace"]
