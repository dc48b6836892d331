"""``hoad.compile``: a function that records what it does once for each signature and path, and then runs that as a Program."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial, update_wrapper
from typing import Any

import optree

from hoad.compiler import report, settings
from hoad.compiler.methods import BoundMethod, Method
from hoad.compiler.paths import CompiledProgram, Paths
from hoad.compiler.recording import Recorded, record_twice
from hoad.compiler.report import Cost
from hoad.compiler.signature import Call, Static, describe, orders
from hoad.core.space import NAMESPACE, flatten
from hoad.errors import ArgumentWriteError, CompileError, HoadError
from hoad.modes.comparison import alike_results
from hoad.modes.surroundings import Captures
from hoad.modes.watched import ForeignTraceError

__all__ = ["CompiledFunction", "compile"]

Function = Callable[..., Any]

MOST_SIGNATURES = 1024
"""Signatures for which there are Programs; others run without compilation."""

ADVICE = "each value of a static argument is one, so pass an int that changes as a float or as np.int64"

OTHER_RESULTS = "recorded, it gives other results: it asks for the types of values, perhaps by isinstance(x, np.ndarray)"

MOST_CHANGES = 64
"""How often what a function closes over may change before it runs without compilation."""


class CompiledFunction:
    """A function with a Program for each signature and path; made by :func:`hoad.compile`.

    Attributes
    ----------
    program : CompiledProgram or None
        The Program of the latest call that did not just repeat the one before it; None before the first call.
    programs : dict
        Signature as text -> tuple of Programs, the latest first.

    Notes
    -----
    Several threads may call it at once. A pickle holds the function and the options; Programs are made again.
    """

    def __init__(self, f: Function, static_argnums: Any = (), static_argnames: Any = (), backend: str | None = None) -> None:
        if not callable(f):
            raise TypeError(f"hoad.compile got {type(f).__name__}, expected a function")
        self._f: Function = f._f if isinstance(f, CompiledFunction) else f
        f = self._f
        self._options = (static_argnums, static_argnames, backend)
        self._static = Static(f, static_argnums, static_argnames)
        self._backend = settings.backend_of(backend)
        self._there = settings.backend_there(backend)
        settings.load(self._backend)
        self._eager = "the back end is off" if self._backend == "off" else ""
        self._changes = 0
        self._name = getattr(f, "__qualname__", type(f).__name__)
        self._lock = threading.RLock()
        self._bound: dict[int, tuple[Any, CompiledFunction]] = {}
        update_wrapper(self, f, updated=())
        self.clear()

    def clear(self) -> None:
        """Forget all Programs."""
        self._paths: dict[Any, Paths] = {}
        self._fast: Callable[..., Any] | None = None
        self._pending = False
        self._direct: Callable[..., Any] | None = None
        self._captures: Captures | None = None
        self.program: CompiledProgram | None = None

    # -- calls --------------------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        fast = self._fast
        if fast is not None and not kwargs:
            y = fast(*args)
            if y is not NotImplemented:
                return y
        direct = self._direct
        if direct is not None:
            y = direct(args, kwargs)
            if y is not NotImplemented:
                return y
        if self._eager:
            return self._f(*args, **kwargs)
        call = Call(args, kwargs, self._static, self._name)
        if call.traced:
            return self._f(*args, **kwargs)
        captures = self._captures
        if captures is not None and not captures.unchanged() and not captures.same():
            self._changed()
        paths = self._paths.get(call.key)
        if paths is not None:
            if paths.eager:
                return self._f(*args, **kwargs)
            tried = None if self._fast is None and self._direct is None else self.program
            program, result = paths.run(call.leaves, tried)
            if program is not None:
                self._remember(program, call)
                return result
        return self._record(call, args, kwargs)

    def _record(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result where no Program holds: one more is made."""
        call.check(self._name)
        with self._lock:
            paths = self._paths.get(call.key)
            if paths is None:
                if len(self._paths) >= MOST_SIGNATURES:
                    settings.once("%s runs without compilation beyond %d signatures: %s", self._name, MOST_SIGNATURES, ADVICE)
                    return self._f(*args, **kwargs)
                paths = Paths(describe(call.key), self._name)
                if len(call.places) > 1:
                    paths.give_up("its arguments are on several devices")
                    self._paths[call.key] = paths
            program, result = paths.run(call.leaves)  # another thread may have made it meanwhile
            if program is None and not paths.eager:
                try:
                    recorded = record_twice(partial(self._on, call), call.leaves, self._name)
                except ForeignTraceError:  # it closes over a traced value, whose derivative this call is about
                    return self._f(*args, **kwargs)
                except (ArgumentWriteError, CompileError):
                    raise
                except Exception as error:
                    why = f"recording it raised {type(error).__name__}: {str(error).partition('. ')[0]}"
                else:
                    why = ""
                if why:
                    result = self._itself(call, args, kwargs)  # which raises it too, unless recording is the reason
                    paths.give_up(why)
                    self._paths[call.key] = paths
                    return result
                if self._surround(call, recorded).asks_types and not recorded.failed:
                    result = self._f(*args, **kwargs)
                    if not alike_results(recorded.results, flatten(result)[0]):
                        recorded = replace(recorded, failed=OTHER_RESULTS)
                program, result = paths.add(recorded, call.leaves, self._backend, self._there)
                self._paths[call.key] = paths
        if program is None:
            return self._f(*args, **kwargs)
        self._remember(program, call)
        return result

    def _itself(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of the function, and what to do where arrays of the host meet those of a device."""
        try:
            return self._f(*args, **kwargs)
        except TypeError as error:
            if call.mixed and not isinstance(error, HoadError):
                raise CompileError.mixed(self._name, call.mixed, error) from error
            raise

    def _surround(self, call: Call, recorded: Recorded) -> Captures:
        """Watch what the function and its static arguments use."""
        roots = [self._f, *call.statics]
        if self._captures is None:
            self._captures = Captures(roots, recorded.lasting)
        else:
            self._captures.add(roots, recorded.lasting)
        self.program = None
        return self._captures

    def _on(self, call: Call, leaves: Sequence[Any]) -> Any:
        """The function itself, on other inputs."""
        args, kwargs = call.rebuild(leaves)
        before = flatten((args, kwargs))[0]
        out = self._f(*args, **kwargs)
        after = flatten((args, kwargs))[0]
        if len(before) != len(after) or any(x is not y for x, y in zip(before, after, strict=True)):
            raise ArgumentWriteError.found(self._name)
        return out

    def _remember(self, program: CompiledProgram, call: Call) -> None:
        """Let the next call try this Program first."""
        if program is self.program and not self._pending:
            return
        self.program = program
        self._fast = self._direct = None
        self._pending = program.pending
        if program.fast is None or not call.plain:
            return
        fast = program.fast if self._captures is None else self._captures.around(program.fast)
        if call.flat and (program.single or program.tuple):
            self._fast = fast
        elif not call.fixed:
            self._direct = _through_containers(fast, call, program)

    def _changed(self) -> None:
        """Forget what was recorded with other values of what the function closes over."""
        changes = self._changes + 1
        self.clear()
        self._changes = changes
        if changes > MOST_CHANGES:
            self._eager = "what it closes over changes from call to call: pass it as an argument"
            settings.once("%s runs without compilation: %s", self._name, self._eager)

    # -- what is known ------------------------------------------------------------------------------------------------

    @property
    def programs(self) -> dict[str, tuple[CompiledProgram, ...]]:
        """Signature as text -> Programs, the latest first."""
        return {paths.signature: paths.programs for paths in self._paths.values()}

    @property
    def source(self) -> str | None:
        """The generated code of the latest Program: C, or Python for NumPy; None before the first call."""
        return None if self.program is None else self.program.source

    @property
    def cost(self) -> Cost | None:
        """Operations and bytes of the latest Program; None before the first call."""
        return None if self.program is None else self.program.cost

    def explain(self) -> str:
        """What is known about all Programs, as text: steps, guards, who asked, what runs them, what is not compiled and why."""
        return report.explained(self._name, self._backend, self._eager, self._paths.values(), self._captures)

    def __repr__(self) -> str:
        count = sum(len(p.programs) for p in self._paths.values())
        return f"<hoad.compile({self._name}), {self._backend}: {count} Programs for {len(self._paths)} signatures>"

    # -- methods, copies ------------------------------------------------------------------------------------------------

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        known = self._bound.get(id(instance))
        if known is None or known[0]() is not instance:
            known = self._bind(instance)
        return BoundMethod(known[1], instance)

    def _bind(self, instance: Any) -> tuple[Any, CompiledFunction]:
        key = id(instance)
        method = Method(self._f, instance, lambda _: self._bound.pop(key, None))
        numbers = tuple(i - 1 for i in self._static.numbers if i > 0)
        child = CompiledFunction(method, numbers, self._options[1], self._options[2])
        found = self._bound[key] = (method.instance, child)
        return found

    def __reduce__(self) -> Any:
        found: Any = sys.modules.get(getattr(self, "__module__", ""), None)
        for part in self._name.split("."):
            found = getattr(found, part, None)
        if found is self:
            return self._name  # of a decorated function, found by its name
        return CompiledFunction, (self._f, *self._options)


def _through_containers(fast: Function, call: Call, program: CompiledProgram) -> Function:
    """The call of a Program whose inputs come in containers of one structure, or beside static values."""
    flatten_tree, build = optree.tree_flatten, optree.tree_unflatten
    whole = program.single or program.tuple
    out, spec, named, known_orders = program.recorded.spec, call.spec, call.named, call.orders
    static = [(i, x) for i, x in enumerate(call.parts) if i not in set(call.where)]
    static.reverse()

    def direct(args: Any, kwargs: Any) -> Any:
        if named is not bool(kwargs):
            return NotImplemented
        given: Any = (args, kwargs) if named else args
        leaves, found = flatten_tree(given, namespace=NAMESPACE)
        if found != spec or (known_orders and orders(args, kwargs) != known_orders):
            return NotImplemented
        for i, known in static:
            x = leaves.pop(i)
            if x is not known and (type(x) is not type(known) or x != known):
                return NotImplemented
        y = fast(*leaves)
        return y if whole or y is NotImplemented else build(out, y)

    return direct


def compile(f: Any = None, *, static_argnums: Any = (), static_argnames: Any = (), backend: str | None = None) -> Any:
    """A function that runs as native code after its first call.

    Parameters
    ----------
    f : callable, optional
        A function of arrays, numbers and containers of them; it may differentiate. Without it, ``compile`` is a decorator, also of
        methods.
    static_argnums : int or sequence of int
        Positions of arguments whose value is part of the Program; they must be hashable.
    static_argnames : str or sequence of str
        The same by name.
    backend : {"c", "numpy", "off", "cuda"}, optional
        What runs the Programs; default: the environment variable ``HOAD_COMPILE``, or "c", and "cuda" for arrays of a device.
        Both are read when ``compile`` is called. Where native code cannot be had, NumPy (or CuPy) runs the same steps, and one line
        in the log "hoad" says why.

    Returns
    -------
    CompiledFunction
        Takes the arguments of ``f`` and returns what ``f`` returns, as arrays that share no memory with anything; NumPy scalars
        stand for Python's numbers. Its ``program``, ``source``, ``cost`` and ``explain()`` tell what was made of ``f``.

    Raises
    ------
    CompileError
        When it is called: if ``f`` draws random numbers, counts its calls or reads a clock, so that two recordings differ; if an
        argument can be neither an input nor static; if arrays of the host meet arrays of a device.
    ArgumentWriteError
        When it is called: if ``f`` writes into its arguments.

    Notes
    -----
    The first call for each signature records what ``f`` does, twice, and compiles the steps. Inputs are arrays, NumPy scalars,
    Python floats and complex numbers; their shapes and dtypes are the signature, together with the values of everything else: an
    int, a bool, a string, None, a function.

    Wherever Python asks for a number on the way (``if x > 0``, an index, ``float(x)``), the steps hold where the answer is the
    same; for another answer ``f`` is recorded again, so that a function of k paths has at most k Programs. With more than 64 paths,
    or more than 4 that hold for single values of a whole array, the signature runs without compilation, and one line in the log
    says so.

    Numbers and arrays that ``f`` closes over, also through globals and attributes, are compared with what they were, and ``f`` is
    recorded again when they have changed. Of arrays beyond 512 elements a sample is compared, of arrays of a device nothing but
    which array it is: call ``clear()`` after overwriting a few elements of a large array, or anything in an array of a device, or
    pass it as an argument.

    Called with traced values, it is ``f`` itself: ``hoad.grad`` of a compiled function differentiates ``f``. Compiled code gives no
    floating-point warnings.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> hv = hoad.compile(lambda x, v: hoad.hvp(lambda x: np.sum(x**3), x, v))
    >>> hv(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 6., 12.])
    """
    if f is None:
        return partial(compile, static_argnums=static_argnums, static_argnames=static_argnames, backend=backend)
    return CompiledFunction(f, static_argnums, static_argnames, backend)


class _FromTheSecondCall:
    """A function that is compiled when it is called again: what is called once is not worth a compiler."""

    __slots__ = ("_compiled", "_f")

    def __init__(self, f: Function) -> None:
        self._f = f
        self._compiled: CompiledFunction | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._compiled is None:
            self._compiled = CompiledFunction(self._f)
            return self._f(*args, **kwargs)
        return self._compiled(*args, **kwargs)
