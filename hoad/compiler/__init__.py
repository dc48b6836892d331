"""Programs: what a function did, step by step, as a value that can be printed, drawn, evaluated and checked."""

from hoad.compiler import repeated  # noqa: F401  (linear maps find native code through it)
from hoad.compiler.program import Program, trace

__all__ = ["Program", "trace"]
