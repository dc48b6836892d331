"""Recording for compilation: values that write down the primitive steps that made them, and what Python asked about their numbers.

A branch on a value, an integer used as an index, and every other look at numbers becomes a guard: the steps hold for other inputs
where the answers are the same.  Nothing is kept of intermediate values but shapes and dtypes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from hoad import backends
from hoad.core.box import Box, Buffer, functions, held, ops, ufuncs
from hoad.core.level import STATE, Level
from hoad.core.primitive import Primitive
from hoad.errors import LeakedTraceError
from hoad.modes.constants import Constants
from hoad.modes.record import Step

__all__ = ["Asked", "ForeignTraceError", "UnrollError", "Watch", "Watched", "WatchedNumber", "watch"]


class ForeignTraceError(BaseException):
    """A traced value of a differentiation around the recording was met; caught where the recording was started.

    Not an ordinary exception, so that no function under recording takes it for its own.
    """


class UnrollError(BaseException):
    """Python kept something of a step of a loop that was recorded once for all of them: the recording starts again, without that.

    Not an ordinary exception, so that no function under recording takes it for its own.
    """


_ATOMS = frozenset((int, float, bool, complex, str, slice, type(None), np.float64))
"""Types of constants that nothing can change."""


class Asked:
    """What Python asked: the slot, the answer (a bool, an int or an array) and who asked."""

    __slots__ = ("slot", "value", "what")

    def __init__(self, slot: int, value: Any, what: str) -> None:
        self.slot, self.value, self.what = slot, value, what


class Watch:
    """The recording in progress.

    Attributes
    ----------
    steps : list of Step
    specs : dict
        Slot -> (shape, dtype).
    asked : list of Asked
        In the order of the questions.
    failed : str
        The step that raised an error, which the function may have caught; a branch that no guard describes.
    weak : bool
        Whether a Python number met an array of another precision, which depends on its being a Python number.
    rolls : bool
        Whether the step of a loop may be recorded once for all steps.
    """

    repeats = False
    """Whether this is the recording of such a step, where one answer does not hold for all of them."""

    def __init__(self, constants: Constants, rolls: bool = True) -> None:
        self.constants = constants
        self.rolls = rolls
        self.steps: list[Step] = []
        self.specs: dict[int, tuple[tuple[int, ...], np.dtype[Any]]] = {}
        self.asked: list[Asked] = []
        self.failed = ""
        self.weak = False
        self._known: set[tuple[int, str]] = set()

    def new(self, level: float, value: Any) -> Watched:
        """A box for a result, in the next slot."""
        slot = len(self.specs)
        if not hasattr(value, "dtype"):
            value = np.asarray(value)[()]
        self.specs[slot] = (value.shape, value.dtype)
        return Watched(level, value, slot)

    def owns(self, slot: int) -> bool:
        """Whether this recording, or one around it, made the slot."""
        return slot in self.specs

    def met(self, box: Watched) -> None:
        """A step uses a slot that this recording did not make."""
        raise UnrollError

    def row(self, x: Any, parts: tuple[Any, ...], position: int) -> Any:
        """What is read at the number of a step of a loop; None if the index is not that."""
        return None

    def ask(self, slot: int, value: Any) -> None:
        """Take down an answer, once for each slot and kind."""
        if slot not in self.specs:
            raise UnrollError
        kind = type(value).__name__
        if (slot, kind) not in self._known:
            self._known.add((slot, kind))
            self.asked.append(Asked(slot, value, _asker()))


_PACKAGE = Path(__file__).parents[1]
_SILENT = tuple(str(_PACKAGE / part) for part in ("core", "modes", "backends"))


def _asker() -> str:
    """Who asks, outside the layers that only pass the question on; for a rule of hoad also the user's line that it is for."""
    frame: Any = sys._getframe(1)
    found: list[str] = []
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(_SILENT) and "numpy" not in Path(name).parts:
            inside = name.startswith(str(_PACKAGE))
            if not inside or not found:
                found.append(f"{frame.f_code.co_name} ({'/'.join(Path(name).parts[-2:])}:{frame.f_lineno})")
            if not inside:
                break
        frame = frame.f_back
    return " for ".join(found) or "an unknown line"


def _open(box: Box) -> Watch:
    state = STATE.get(box.level)
    if state is None:
        raise LeakedTraceError.leaked(Watched.kind)
    return state


class Watched(Box):
    """A value and the slot (``aux``) that it will have when the steps are repeated.

    ``value`` is a question for numbers; shape, dtype and the recording itself use :func:`hoad.core.box.held`.
    """

    __slots__ = ()
    kind = "recorded value"
    recorded = True

    def __init__(self, level: float, value: Any, aux: Any) -> None:
        self.level = level
        _set(self, value)
        self.aux = aux
        self.base = None
        self.views = None

    @property
    def value(self) -> Any:
        plain = held(self)
        _open(self).ask(self.aux, plain.copy() if isinstance(plain, np.ndarray) else plain)
        return plain

    @value.setter
    def value(self, new: Any) -> None:
        _set(self, new)

    @staticmethod
    def process(prim: Any, level: float, args: tuple[Any, ...], kw: dict[str, Any]) -> Any:
        state = STATE.get(level)
        if state is None:
            raise LeakedTraceError.leaked(Watched.kind)
        for a in args:
            if type(a) is WatchedNumber:
                args = _strong(state, level, args)
                break
        xs: list[Any] = []
        template: list[Any] = []
        fill: list[tuple[int, int]] = []
        keep = state.constants.keep
        for i, a in enumerate(args):
            if type(a) in _ATOMS:
                xs.append(a)
                template.append(a)
                continue
            if isinstance(a, Box):
                if a.level == level:
                    if a.aux not in state.specs:
                        state.met(a)
                    xs.append(held(a))
                    template.append(None)
                    fill.append((i, a.aux))
                    continue
                if type(a) is not Buffer:
                    raise ForeignTraceError
                a = a.snapshot()
            xs.append(a)
            template.append(keep(a))
        for k, v in kw.items():
            if type(v) in (slice, tuple) and (whole := _whole(v)) is not v:
                kw = {**kw, k: whole}
        kept = {k: v if type(v) in _ATOMS else keep(v) for k, v in kw.items()} if kw else kw
        try:
            y = prim.bind(*xs, **kw)
        except BaseException:
            state.failed = prim.name
            raise
        if isinstance(y, tuple) and not prim.multi:  # places of non-zeros: as many as the values say, for Python to go through
            for _, slot in fill:
                state.ask(slot, next(held(a).copy() for a in args if isinstance(a, Box) and a.level == level and a.aux == slot))
            return y
        if not prim.multi:
            box = state.new(level, y)
            state.steps.append(Step(prim, tuple(template), tuple(fill), kept, (box.aux,)))
            return box
        boxes = tuple(state.new(level, v) for v in y)
        state.steps.append(Step(prim, tuple(template), tuple(fill), kept, tuple(b.aux for b in boxes)))
        return boxes

    def snapshot(self) -> Any:
        return self.__class__(self.level, held(self), self.aux)

    # -- functions that hoad does not know --------------------------------------------------------------------------
    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
        known = (ufunc, method) in ufuncs or ops.ufunc_method(ufunc, method) is not None
        if known or any(isinstance(x, Box) and not isinstance(x, Watched | Buffer) for x in inputs):
            return super().__array_ufunc__(ufunc, method, *inputs, out=out, **kwargs)
        if method == "__call__" and ufunc.nout == 1 and out is None and not kwargs:
            return _step_of(ufunc).bind(*inputs)
        return getattr(ufunc, method)(*_plain(inputs), **_plain(kwargs), **({} if out is None else {"out": out}))

    def __array_function__(self, func: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if func in functions or not all(issubclass(t, Watched | Buffer | np.ndarray) for t in types):
            return super().__array_function__(func, types, args, kwargs)
        return func(*_plain(args), **_plain(kwargs))

    # -- what does not depend on the numbers ------------------------------------------------------------------------
    shape = property(lambda self: held(self).shape)
    dtype = property(lambda self: held(self).dtype)
    ndim = property(lambda self: held(self).ndim)
    size = property(lambda self: held(self).size)
    itemsize = property(lambda self: held(self).dtype.itemsize)
    device = property(lambda self: getattr(held(self), "device", "cpu"))

    # -- questions --------------------------------------------------------------------------------------------------
    def __bool__(self) -> bool:
        plain = held(self)
        try:
            answer = bool(_here(plain))
        except BaseException:
            _open(self).failed = "bool"
            raise
        flag = self if plain.dtype.kind == "b" else ops.not_equal(self, 0)
        _open(self).ask((ops.reshape(flag, ()) if flag.ndim else flag).aux, answer)
        return answer

    def __index__(self) -> int:
        answer = _here(held(self)).__index__()
        _open(self).ask(self.aux, answer)
        return answer

    def __int__(self) -> int:
        plain = held(self)
        try:
            answer = int(_here(plain))
        except BaseException:
            _open(self).failed = "int"
            raise
        if plain.dtype.kind in "fc" and abs(answer) >= 2**62:
            return int(self.value)
        whole = self if plain.dtype.kind in "iu" else ops.astype(self, np.int64)
        _open(self).ask((ops.reshape(whole, ()) if whole.ndim else whole).aux, answer)
        return answer

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        plain = np.array(self.value, dtype)
        plain.flags.writeable = bool(copy)  # what is written into it would not reach the value
        return plain

    def __float__(self) -> float:
        return float(self.value)

    def __complex__(self) -> complex:
        return complex(self.value)

    def item(self, *args: Any) -> Any:
        return self.value.item(*args)

    def tolist(self) -> Any:
        return self.value.tolist()

    def tobytes(self, order: Any = "C") -> bytes:
        return self.value.tobytes(order)

    def __repr__(self) -> str:
        return repr(self.value) if self.level in STATE else f"<{self.kind} of a recording that has ended>"

    def __str__(self) -> str:
        return str(self.value) if self.level in STATE else repr(self)

    def __format__(self, spec: str) -> str:
        return format(self.value, spec) if self.level in STATE else repr(self)


def _here(x: Any) -> Any:
    """A value whose numbers Python may ask for."""
    return backends.to_host(x) if backends.on_device(x) else x


def _plain(x: Any) -> Any:
    """Arguments with the numbers of recorded values, which is a question for them."""
    if isinstance(x, Box):
        return x.value
    if type(x) is dict:
        return {k: _plain(v) for k, v in x.items()}
    return type(x)(map(_plain, x)) if type(x) in (list, tuple) else x


@cache
def _step_of(ufunc: Any) -> Primitive:
    """A ufunc without a rule as a step."""
    return Primitive(ufunc.__name__, ufunc, "constant")


_set: Any = Box.__dict__["value"].__set__
backends.answers(Watched)


class WatchedNumber(Watched):
    """A Python float or complex among the inputs, held as a NumPy scalar: it does not promote the dtype of an array."""

    __slots__ = ()

    def leaf(self) -> Any:
        return Watched(self.level, held(self), self.aux)


def _strong(state: Watch, level: float, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Python numbers in the precision of the arrays that they meet."""
    others = [a for a in args if hasattr(a, "dtype") and type(a) is not WatchedNumber]
    if not others:
        return args
    found = np.result_type(*[a.dtype for a in others])
    if found.kind not in "fc" or found.char in "dD":
        return args
    state.weak = True
    there = any(backends.on_device(held(a) if isinstance(a, Box) else a) for a in others)
    out = []
    for a in args:
        if type(a) is WatchedNumber:
            kind = np.result_type(found, 1j if a.dtype.kind == "c" else 1.0)
            a = ops.astype(Watched(level, held(a), a.aux), kind)
            if there:  # where a number may be of the host, and no array
                a = a[()]
        out.append(a)
    return tuple(out)


def _whole(index: Any) -> Any:
    """An index whose slices may end at recorded integers, with these as integers."""
    if type(index) is tuple:
        parts = [_whole(i) for i in index]
        return tuple(parts) if any(p is not i for p, i in zip(parts, index, strict=True)) else index
    if type(index) is slice and any(isinstance(i, Box) for i in (index.start, index.stop, index.step)):
        return slice(*[i.__index__() if isinstance(i, Box) else i for i in (index.start, index.stop, index.step)])
    return index


def _keeps_weak(name: str) -> Callable[..., Any]:
    plain = getattr(Box, name)

    def operator(self: Any, *others: Any) -> Any:
        y = plain(self, *others)
        if type(y) is Watched and all(type(o) in (int, float, complex, WatchedNumber) for o in others):
            return WatchedNumber(y.level, held(y), y.aux)
        return y

    operator.__name__ = name
    return operator


for _name in ("add", "sub", "mul", "truediv", "pow", "mod", "floordiv"):
    setattr(WatchedNumber, f"__{_name}__", _keeps_weak(f"__{_name}__"))
    setattr(WatchedNumber, f"__r{_name}__", _keeps_weak(f"__r{_name}__"))
for _name in ("neg", "pos", "abs"):
    setattr(WatchedNumber, f"__{_name}__", _keeps_weak(f"__{_name}__"))


def watch(
    f: Callable[..., Any], inputs: Sequence[Any], constants: Constants, rolls: bool = True
) -> tuple[Any, list[Watched], Watch, float]:
    """Result of ``f``, the boxes that it was given, the recording, and the level of its boxes.

    Python floats and complex numbers among the inputs stay weak (:class:`WatchedNumber`).
    """
    state = Watch(constants, rolls)
    with Level(state) as level:
        boxes = []
        for x in inputs:
            weak = type(x) in (float, complex)
            box = state.new(level, np.asarray(x)[()] if weak else x)
            boxes.append(WatchedNumber(level, held(box), box.aux) if weak else box)
        out = f(*boxes)
    return out, boxes, state, level
