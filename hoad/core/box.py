"""Boxes: values at a level, which behave like ``numpy.ndarray`` and route every operation to the registry.

A box knows Python operators and NumPy's protocols and no derivative rule.  What a mode keeps beside the value (a tangent, a
place on a tape, Taylor coefficients) is in ``aux``; a mode is a subclass with one static method ``process``.  All subclasses
share one memory layout, so that an in-place update can turn the box a user holds into whatever the update produced.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np

from hoad.core.array_methods import ArrayMethods
from hoad.core.routes import functions, ops, ufuncs
from hoad.errors import TracedConversionError, UnsupportedFunctionError

__all__ = ["Box", "Buffer", "bare", "functions", "held", "ops", "peek", "shape_of", "strip", "ufuncs"]


def shape_of(value: Any) -> tuple[int, ...]:
    """Shape of an array, box or Python number."""
    try:
        return value.shape
    except AttributeError:
        return np.shape(value)


def strip(value: Any) -> Any:
    """The plain array inside any depth of boxes: its numbers, on which what follows may then depend."""
    while isinstance(value, Box):
        value = value.value
    return value


def peek(value: Any) -> Any:
    """The same array where only its type, dtype, device, layout or memory matter, and not its numbers.

    What was computed is valid for other numbers too, so that a recording need not ask again for these (see ``hoad.modes.watched``).
    """
    while isinstance(value, Box):
        value = held(value)
    return value


def _parts(x: Any) -> Any:
    return x.values() if type(x) is dict else x if type(x) in (list, tuple) else ()


def _any_box(x: Any) -> bool:
    return isinstance(x, Box) or any(map(_any_box, _parts(x)))


def _any_traced(x: Any) -> bool:
    return (isinstance(x, Box) and type(x) is not Buffer) or any(map(_any_traced, _parts(x)))


def _unbuffered(x: Any) -> Any:
    """Arguments with plain arrays in place of buffers."""
    if type(x) is dict:
        return {k: _unbuffered(v) for k, v in x.items()}
    return x.value if type(x) is Buffer else type(x)(map(_unbuffered, x)) if type(x) in (list, tuple) else x


_out_positions: dict[Any, int] = {}


def _out_position(func: Any) -> int:
    """Place of ``out`` among the positional parameters of a function of NumPy."""
    if func not in _out_positions:
        parameters = inspect.signature(func).parameters.values()
        names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        _out_positions[func] = names.index("out") if "out" in names else sys.maxsize
    return _out_positions[func]


def _unsupported(name: str) -> Any:
    def method(self: Box, *args: Any, **kwargs: Any) -> Any:
        raise TracedConversionError.conversion(f"ndarray.{name}()", "an operation that stays on arrays")

    method.__name__ = name
    return method


_known: set[type] = {np.ndarray, np.float64, float, int}
"""Operands of every day, which need no second look; boxes are added below."""


def _declines(other: Any) -> bool:
    """Whether the operation belongs to an operand that, like hoad's sparse arrays, takes no part in ufuncs."""
    if hasattr(other, "tocsr") and not hasattr(other, "__array_ufunc__"):  # one of SciPy's, which NumPy takes for a single object
        raise TracedConversionError.conversion("an operation with a sparse array of SciPy", "hoad.scipy.sparse.csr_array(a)")
    return getattr(type(other), "__array_ufunc__", ...) is None


def bare(value: Any) -> Any:
    """The same array for a question that is answered by a few booleans or numbers: a recording takes down the answer alone.

    A recorded value is not looked into, so that what is computed from it is recorded as well.
    """
    while isinstance(value, Box) and not value.recorded:
        value = held(value)
    return value


class Box(ArrayMethods):
    """A value at a level.  Users meet it only inside the functions they differentiate."""

    __slots__ = ("__weakref__", "aux", "base", "level", "value", "views")
    __array_priority__ = 1000.0
    __hash__ = None  # type: ignore[assignment]  # like ndarray: == is elementwise
    kind = "traced value"
    recorded = False  # whether questions for its numbers are taken down

    level: float
    value: Any
    aux: Any
    base: Any
    views: Any

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _known.add(cls)

    def __init__(self, level: float, value: Any, aux: Any) -> None:
        self.level = level
        self.value = value
        self.aux = aux
        self.base = None
        self.views = None

    @staticmethod
    def process(prim: Any, level: float, args: tuple[Any, ...], kw: dict[str, Any]) -> Any:
        """Apply ``prim`` where the innermost level among ``args`` is ``level``; each mode defines its own."""
        raise AssertionError("a box without a mode: please report this as a bug of hoad")

    def snapshot(self) -> Any:
        """A box with the same content that later in-place updates do not change."""
        return self.__class__(self.level, self.value, self.aux)

    def leaf(self) -> Any:
        """The same as something that is differentiated: a Python number is a NumPy scalar then."""
        return self.snapshot()

    # -- NumPy's protocols ------------------------------------------------------------------------------------------
    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
        handler = ufuncs.get((ufunc, method)) or ops.ufunc_method(ufunc, method)
        if handler is None:
            name = getattr(ufunc, "__name__", str(ufunc)) + ("" if method == "__call__" else f".{method}")
            raise UnsupportedFunctionError.no_rule(name)
        if list in map(type, inputs):
            inputs = tuple(ops.array(x) if type(x) is list else x for x in inputs)
        if method == "__call__" and kwargs:
            return ops.ufunc_with_options(ufunc, handler, inputs, out, kwargs)
        if out is None:
            return handler(*inputs, **kwargs)
        return ops.store_out(out, handler(*inputs, **kwargs), inputs, grow=method == "__call__")

    def __array_function__(self, func: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        handler = functions.get(func)
        if handler is None:
            if not _any_traced((args, kwargs)):  # buffers alone, in which there is no derivative yet
                return func(*_unbuffered(args), **_unbuffered(kwargs))
            module = getattr(func, "__module__", "numpy") or "numpy"
            raise UnsupportedFunctionError.no_rule(f"{module}.{func.__name__}".replace("numpy.", "np.", 1))
        if "out" in kwargs:
            out = kwargs.pop("out")
        elif len(args) > 1 and len(args) > (position := _out_position(func)):
            out, args = args[position], (*args[:position], *((None,) if len(args) > position + 1 else ()), *args[position + 1 :])
        else:
            return handler(*args, **kwargs)
        if out is not None and not _any_box((args, kwargs)):
            return ops.store_out((out,), func(*args, **kwargs), args)
        result = handler(*args, **kwargs)
        return result if out is None else ops.store_out((out,), result, args)

    def __cupy_override_elementwise_kernel__(self, kernel: Any, *args: Any, **kwargs: Any) -> Any:
        handler = ufuncs.get((getattr(np, kernel.name.removeprefix("cupy_"), None), "__call__"))
        if handler is None:
            raise UnsupportedFunctionError.no_rule(kernel.name)
        return handler(*args, **kwargs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise TracedConversionError.into_array()

    # -- conversions that would drop a derivative -------------------------------------------------------------------
    def __float__(self) -> float:
        raise TracedConversionError.conversion("float(x) or a function of the math module", "NumPy functions (np.sin, np.sqrt)")

    def __int__(self) -> int:
        raise TracedConversionError.conversion("int(x)", "np.floor, np.trunc or np.rint")

    def __index__(self) -> int:
        raise TracedConversionError.conversion("using x as an index", "an integer array that does not depend on x")

    def __complex__(self) -> complex:
        raise TracedConversionError.conversion("complex(x) or a function of the cmath module", "x + 0j")

    item = _unsupported("item")
    tolist = _unsupported("tolist")
    tobytes = _unsupported("tobytes")

    def view(self, dtype: Any = None) -> Any:
        if dtype is None or dtype is np.ndarray or np.dtype(dtype) == self.dtype:
            return self[...]
        raise TracedConversionError.conversion(f"ndarray.view({dtype!r})", "x.real, x.imag or x.astype(dtype)")

    def __bool__(self) -> bool:
        return bool(self.value)

    def __reduce__(self) -> Any:
        raise TracedConversionError.conversion("pickling or deep-copying", "x.copy(), or return x as an output")

    # -- what an array knows about itself ---------------------------------------------------------------------------
    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    @property
    def ndim(self) -> int:
        return self.value.ndim

    @property
    def size(self) -> int:
        return self.value.size

    @property
    def itemsize(self) -> int:
        return self.value.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.itemsize

    @property
    def device(self) -> Any:
        return getattr(self.value, "device", "cpu")

    def to_device(self, device: Any, /, *, stream: Any = None) -> Any:
        """Itself: values stay where they are."""
        if device != self.device:
            raise ValueError(f"a traced value stays on its device, {self.device!r}: move arrays to {device!r} before tracing")
        return self

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        """The namespace of the array API standard: :mod:`hoad.numpy`."""
        known = np.__array_api_version__
        if api_version is not None and api_version > known:
            raise ValueError(f"version {api_version!r} of the array API standard was asked for, NumPy offers {known!r}")
        return import_module("hoad.numpy")

    @property
    def T(self) -> Any:  # NumPy's name
        return ops.transpose(self)

    @property
    def mT(self) -> Any:  # NumPy's name
        return ops.swapaxes(self, -1, -2)

    @property
    def real(self) -> Any:
        return ops.real(self)

    @real.setter
    def real(self, value: Any) -> None:
        if self.dtype.kind == "c":
            ops.real(self)[...] = value
        else:
            self[...] = value

    @property
    def imag(self) -> Any:
        return ops.imag(self)

    @imag.setter
    def imag(self, value: Any) -> None:
        if self.dtype.kind != "c":
            raise TypeError("array does not have imaginary part to set")
        ops.imag(self)[...] = value

    @property
    def flat(self) -> Any:
        return ops.flat(self)

    @flat.setter
    def flat(self, values: Any) -> None:
        ops.flat(self)[:] = values

    def __len__(self) -> int:
        shape = self.shape
        if not shape:
            raise TypeError("len() of unsized object")
        return shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self.shape[0]))

    def __contains__(self, item: Any) -> bool:
        return bool(np.any(self == item))

    def __repr__(self) -> str:
        return f"<{self.kind} at level {self.level}: {self.value!r}>"

    def __format__(self, spec: str) -> str:
        return format(strip(self), spec) if spec else repr(self)

    def __copy__(self) -> Any:
        return ops.copy(self)

    def __deepcopy__(self, memo: Any) -> Any:
        return ops.copy(self)

    # -- operators --------------------------------------------------------------------------------------------------
    def __add__(self, other: Any) -> Any:
        if type(other) not in _known and _declines(other):
            return NotImplemented
        return ops.add(self, other)

    def __radd__(self, other: Any) -> Any:
        return ops.add(other, self)

    def __sub__(self, other: Any) -> Any:
        if type(other) not in _known and _declines(other):
            return NotImplemented
        return ops.subtract(self, other)

    def __rsub__(self, other: Any) -> Any:
        return ops.subtract(other, self)

    def __mul__(self, other: Any) -> Any:
        if type(other) not in _known and _declines(other):
            return NotImplemented
        return ops.square(self) if other is self and self.dtype.kind != "b" else ops.multiply(self, other)

    def __rmul__(self, other: Any) -> Any:
        return ops.multiply(other, self)

    def __truediv__(self, other: Any) -> Any:
        if type(other) not in _known and _declines(other):
            return NotImplemented
        return ops.divide(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return ops.divide(other, self)

    def __pow__(self, other: Any) -> Any:
        return ops.power(self, other)

    def __rpow__(self, other: Any) -> Any:
        return ops.power(other, self)

    def __matmul__(self, other: Any) -> Any:
        if type(other) not in _known and _declines(other):
            return NotImplemented
        return ops.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return ops.matmul(other, self)

    def __mod__(self, other: Any) -> Any:
        return ops.remainder(self, other)

    def __rmod__(self, other: Any) -> Any:
        return ops.remainder(other, self)

    def __floordiv__(self, other: Any) -> Any:
        return ops.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return ops.floor_divide(other, self)

    def __divmod__(self, other: Any) -> Any:
        return ops.floor_divide(self, other), ops.remainder(self, other)

    def __rdivmod__(self, other: Any) -> Any:
        return ops.floor_divide(other, self), ops.remainder(other, self)

    def __neg__(self) -> Any:
        return ops.negative(self)

    def __pos__(self) -> Any:
        return ops.positive(self)

    def __abs__(self) -> Any:
        return ops.absolute(self)

    def __and__(self, other: Any) -> Any:
        return ops.bitwise_and(self, other)

    def __rand__(self, other: Any) -> Any:
        return ops.bitwise_and(other, self)

    def __or__(self, other: Any) -> Any:
        return ops.bitwise_or(self, other)

    def __ror__(self, other: Any) -> Any:
        return ops.bitwise_or(other, self)

    def __xor__(self, other: Any) -> Any:
        return ops.bitwise_xor(self, other)

    def __rxor__(self, other: Any) -> Any:
        return ops.bitwise_xor(other, self)

    def __invert__(self) -> Any:
        return ops.invert(self)

    def __lshift__(self, other: Any) -> Any:
        return ops.left_shift(self, other)

    def __rlshift__(self, other: Any) -> Any:
        return ops.left_shift(other, self)

    def __rshift__(self, other: Any) -> Any:
        return ops.right_shift(self, other)

    def __rrshift__(self, other: Any) -> Any:
        return ops.right_shift(other, self)

    def __lt__(self, other: Any) -> Any:
        return ops.less(self, other)

    def __le__(self, other: Any) -> Any:
        return ops.less_equal(self, other)

    def __gt__(self, other: Any) -> Any:
        return ops.greater(self, other)

    def __ge__(self, other: Any) -> Any:
        return ops.greater_equal(self, other)

    def __eq__(self, other: Any) -> Any:
        return ops.equal(self, other)

    def __ne__(self, other: Any) -> Any:
        return ops.not_equal(self, other)

    def __round__(self, digits: int | None = None) -> Any:
        return ops.round(self, digits or 0)

    # -- in-place updates -------------------------------------------------------------------------------------------
    def __iadd__(self, other: Any) -> Any:
        return ops.augment(self, ops.add(self, other))

    def __isub__(self, other: Any) -> Any:
        return ops.augment(self, ops.subtract(self, other))

    def __imul__(self, other: Any) -> Any:
        return ops.augment(self, ops.multiply(self, other))

    def __itruediv__(self, other: Any) -> Any:
        return ops.augment(self, ops.divide(self, other))

    def __ipow__(self, other: Any) -> Any:
        return ops.augment(self, ops.power(self, other))

    def __imod__(self, other: Any) -> Any:
        return ops.augment(self, ops.remainder(self, other))

    def __ifloordiv__(self, other: Any) -> Any:
        return ops.augment(self, ops.floor_divide(self, other))

    def __imatmul__(self, other: Any) -> Any:
        return ops.augment(self, ops.matmul(self, other))

    def __iand__(self, other: Any) -> Any:
        return ops.augment(self, ops.bitwise_and(self, other))

    def __ior__(self, other: Any) -> Any:
        return ops.augment(self, ops.bitwise_or(self, other))

    def __ixor__(self, other: Any) -> Any:
        return ops.augment(self, ops.bitwise_xor(self, other))

    def __ilshift__(self, other: Any) -> Any:
        return ops.augment(self, ops.left_shift(self, other))

    def __irshift__(self, other: Any) -> Any:
        return ops.augment(self, ops.right_shift(self, other))

    def __getitem__(self, index: Any) -> Any:
        return ops.getitem(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        ops.assign(self, ops.index_update(self, index, value))


held: Any = Box.__dict__["value"].__get__
"""``held(box)``: what a box holds, as ``box.value``, which a recording may understand as a question for numbers."""


class Buffer(Box):
    """A plain array that can take traced values; below every level, so never seen by a mode."""

    __slots__ = ()
    kind = "buffer"

    def snapshot(self) -> Any:
        return self.value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if not copy:  # an alias would not see what the buffer is given later
            raise TracedConversionError.into_array()
        return np.array(self.value, dtype)

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __index__(self) -> int:
        return int(self.value.__index__())

    def __complex__(self) -> complex:
        return complex(self.value)

    def item(self, *args: Any) -> Any:
        return self.value.item(*args)

    def tolist(self) -> Any:
        return self.value.tolist()

    @staticmethod
    def process(prim: Any, level: float, args: tuple[Any, ...], kw: dict[str, Any]) -> Any:
        return prim.bind(*[a.value if isinstance(a, Buffer) else a for a in args], **kw)
