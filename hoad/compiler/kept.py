"""Native Programs of earlier processes, kept beside the compiled objects.

Recording a function again is quick; the passes and the planner take longer, and what they make depends on the recorded steps
alone.  It is stored under a hash of those steps and of this version of hoad, so that a process that has recorded them finds the C
text and the table of buffers at once.  Entries live in the same folder as compiled objects and are trusted as those are: the
folder belongs to the user alone, and the digest of an entry is checked before it is read.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import pickle
import sys
import threading
from dataclasses import dataclass
from functools import cache
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

import numpy as np
import scipy

import hoad
from hoad.compiler.build import loaded
from hoad.compiler.emit.program import Buffers, Native
from hoad.compiler.executor import NativeExecutor
from hoad.compiler.loops.roots import Call
from hoad.compiler.loops.values import Constant, Value
from hoad.compiler.lower.lowering import BODIES, RULES, Lowered
from hoad.compiler.steps import Steps
from hoad.compiler.toolchain import cache as folder
from hoad.compiler.toolchain.settings import cache_size
from hoad.core.primitive import Primitive, primitives
from hoad.modes.loop_steps import loop_

__all__ = ["find", "keep", "key_of", "version"]

log = logging.getLogger("hoad")
MOST = 1 << 24
"""Bytes of constants beyond which a Program is not kept."""
KIND = "kept"
FUNCTIONS = (FunctionType, BuiltinFunctionType, MethodType, type, np.ufunc)
STABLE = ("builtins", "copyreg", "hoad", "numpy", "scipy")
"""Packages whose functions and classes are known by their names and versions."""


class _Unkept(Exception):
    """Something in a Program has no meaning in another process."""


def _primitive(name: str) -> Primitive:
    return loop_ if name == loop_.name else primitives[name]


class _Pickler(pickle.Pickler):
    """Primitives by name; no functions of the user's, which may be others tomorrow; no more than so many bytes of arrays."""

    left = MOST

    def reducer_override(self, x: Any) -> Any:
        """How objects are taken down that are no plain numbers, texts and containers."""
        if isinstance(x, Primitive):
            if x is not loop_ and (primitives.get(x.name) is not x or not (x.name in RULES or x.name in BODIES)):
                raise _Unkept(x.name)
            return _primitive, (x.name,)
        if isinstance(x, FUNCTIONS):
            if (getattr(x, "__module__", None) or "numpy").partition(".")[0] not in STABLE:
                raise _Unkept(repr(x))
        elif isinstance(x, np.ndarray):
            self.left -= x.nbytes
            if self.left < 0 or x.dtype.hasobject:
                raise _Unkept("an array")
        return NotImplemented


def _pickled(x: Any) -> bytes:
    file = io.BytesIO()
    _Pickler(file, protocol=5).dump(x)
    return file.getvalue()


@cache
def version() -> str:
    """What the translation of steps depends on beside them."""
    parts = [hoad.__version__, np.__version__, scipy.__version__, sys.version, sys.platform]
    waiting = [os.path.dirname(hoad.__file__)]
    while waiting:  # an installation that is worked on changes without a new number
        with os.scandir(waiting.pop()) as found:
            for each in found:
                if each.name.endswith(".py"):
                    status = each.stat()
                    parts.append(f"{each.path} {status.st_size} {status.st_mtime_ns}")
                elif each.is_dir() and not each.name.startswith("_"):
                    waiting.append(each.path)
    return "\0".join(sorted(parts))


def key_of(steps: Steps) -> str | None:
    """The name under which a Program of these steps is kept; None if it cannot be."""
    try:
        content = _pickled(steps)
    except (_Unkept, pickle.PicklingError, TypeError, AttributeError, RecursionError):
        return None
    return hashlib.sha256(version().encode() + b"\0" + content).hexdigest()[: folder.KEY]


@dataclass(frozen=True)
class _Kept:
    """A Program without formulas: of its values shapes, dtypes and places remain."""

    steps: Steps
    guarded: Steps
    native: tuple[Any, ...]
    outputs: list[tuple[tuple[int, ...], str]]
    guards: list[tuple[tuple[int, ...], str, int]]
    constants: list[tuple[np.ndarray[Any, Any], str]]
    scratch: list[tuple[int, int, int]]

    @staticmethod
    def of(steps: Steps, executor: NativeExecutor) -> _Kept:
        n, b = executor.native, executor.native.buffers
        return _Kept(
            steps, executor.steps,
            (n.source, n.calls, n.segments, n.operations, n.kernels, n.notes, n.threaded, n.tables),
            [(v.shape, v.dtype) for v in b.outputs], [(v.shape, v.dtype, b.place[id(v)]) for v in b.guards],
            [(c.array, c.dtype) for c in b.constants], b.scratch,
        )  # fmt: skip

    def executor(self) -> NativeExecutor:
        source, calls, segments, operations, kernels, notes, threaded, tables = self.native
        guards = [(Value(shape, dtype), place) for shape, dtype, place in self.guards]
        outputs = [Value(*each) for each in self.outputs]
        constants = [Constant(*each) for each in self.constants]
        places = {id(v): place for v, place in guards}
        buffers = Buffers(len(self.guarded.inputs), outputs, [v for v, _ in guards], constants, self.scratch, places)
        native = Native(source, calls, buffers, segments, operations, kernels, notes, threaded, tables)
        return loaded(self.guarded, native, Lowered([], [], []))


def find(key: str) -> tuple[Steps, NativeExecutor] | None:
    """The steps after the passes and what runs them, if a process has kept them and the C text can be compiled."""
    try:
        place = folder.current()
        path = place.find(key, KIND)
        kept = None if path is None else pickle.loads(path.read_bytes())
        return (kept.steps, kept.executor()) if isinstance(kept, _Kept) else None
    except Exception as error:  # of anything that a file may hold, or of the compiler, which is asked again
        log.info("a Program that was kept cannot be used (%s: %s) and is made again", type(error).__name__, error)
        return None


def keep(key: str, steps: Steps, executor: Any) -> None:
    """Keep a Program for later processes, if all of it is one native call; the file is written meanwhile."""
    if not isinstance(executor, NativeExecutor) or any(isinstance(s, Call) for s in executor.native.segments):
        return
    try:
        content = _pickled(_Kept.of(steps, executor))
    except (_Unkept, pickle.PicklingError, TypeError, AttributeError, RecursionError, KeyError):
        return
    threading.Thread(target=_write, args=(key, content), name="hoad keeps a Program", daemon=True).start()


def _write(key: str, content: bytes) -> None:
    try:
        place = folder.current()
        if place.private or place.find(key, KIND) is not None:
            return
        with place.building() as temporary:
            made = temporary / f"kept.{KIND}"
            made.write_bytes(content)
            place.store(key, made)
        place.trim(cache_size())
    except OSError as error:
        log.info("a Program is not kept: %s", error)
