"""An array type whose entries are scalar expressions, registered as a backend: ordinary NumPy code, and hoad's derivatives of it,
run on it unchanged and leave the expressions of their results.

What would need a value (a branch, a conversion, an iteration until convergence) raises; so does every function that has no
scalar form. Nothing is guessed: code either becomes expressions that hold for all values, or is refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad import backends
from hoad.compiler.pointwise.expression import ALIASES, COMPARISONS, FUNCTIONS, LOGICAL, TESTS, Graph, Node, apply, select
from hoad.errors import UnsupportedFunctionError

__all__ = ["SymbolArray"]

Array = Any
_STRUCTURAL = {
    "atleast_1d", "broadcast_arrays", "broadcast_to", "column_stack", "concatenate", "copy", "diag", "diagonal", "dot",
    "expand_dims", "flip", "hstack", "matrix_transpose", "moveaxis", "outer", "permute_dims", "ravel", "repeat", "reshape", "roll",
    "rollaxis",
    "split", "squeeze", "stack", "sum", "swapaxes", "take", "tensordot", "tile", "trace", "transpose", "tril", "triu", "vstack",
}  # fmt: skip
_QUESTIONS = {"ndim": lambda x: x.data.ndim, "shape": lambda x: x.data.shape, "size": lambda x: x.data.size}
_FILLS = {"zeros_like": 0.0, "ones_like": 1.0, "empty_like": 0.0}


def _is_boolean(data: Any) -> bool:
    return data.size > 0 and all(x.boolean if isinstance(x, Node) else isinstance(x, bool | np.bool_) for x in data.flat)


def _entries(x: Any) -> Any:
    """An argument as an object array; numbers and host arrays become constants."""
    if isinstance(x, SymbolArray):
        return x.data
    if isinstance(x, list | tuple):
        return type(x)(_entries(v) for v in x)
    if isinstance(x, np.ndarray | np.generic | int | float):
        a = np.asarray(x)
        if a.dtype.kind not in "biuf":
            raise UnsupportedFunctionError(f"an array of dtype {a.dtype} met pointwise code, expected real numbers.")
        out = np.empty(a.shape, object)
        values = a.astype(bool if a.dtype.kind == "b" else float).tolist()
        out[...] = np.array(values, object) if a.ndim else values
        return out
    return x


def _arrays(x: Any) -> Any:
    """Arrays among arguments as object arrays; shapes, axes and indices as they are."""
    if isinstance(x, SymbolArray) or (isinstance(x, np.ndarray) and x.dtype.kind in "bf"):
        return _entries(x)
    if isinstance(x, list | tuple) and any(isinstance(v, SymbolArray | np.ndarray | list | tuple) for v in x):
        return type(x)(map(_arrays, x))
    return x


def _wrapped(y: Any) -> Any:
    if isinstance(y, np.ndarray):
        return SymbolArray(y if y.dtype == object else _entries(y))
    if isinstance(y, list | tuple):
        return type(y)(map(_wrapped, y))
    if isinstance(y, Node | float | bool):
        data = np.empty((), object)
        data[()] = y
        return SymbolArray(data)
    return y


class SymbolArray:
    """An array of expressions; claims to be of double precision, or boolean."""

    __array_priority__ = 100
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, data: Any) -> None:
        self.data = data
        self._boolean: bool | None = None

    @classmethod
    def inputs(cls, graph: Graph, name: str, shape: tuple[int, ...]) -> SymbolArray:
        """An array of inputs, named ``name[0]``, ``name[1]``, ... in C order."""
        data = np.empty(shape, object)
        for k, place in enumerate(np.ndindex(shape)):
            data[place] = graph.input(f"{name}[{k}]")
        return cls(data)

    # -- NumPy's protocols ----------------------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
        if not all(isinstance(x, _KNOWN) for x in inputs):
            return NotImplemented
        name = ALIASES.get(ufunc.__name__, ufunc.__name__)
        if out is not None:
            target = out[0]
            result = self.__array_ufunc__(ufunc, method, *inputs, **kwargs)
            target.data = np.broadcast_to(result.data, target.data.shape).copy()
            target._boolean = None
            return target
        if kwargs.pop("dtype", None) not in (None, float, np.float64, np.dtype(float)):
            raise UnsupportedFunctionError(f"np.{name} with another dtype has no form in compiled pointwise code.")
        data = [_entries(x) for x in inputs]
        if name == "matmul":
            return _wrapped(np.matmul(*data))
        if method == "reduce" and name in ("add", "multiply"):
            return _wrapped(getattr(ufunc, method)(*data, **kwargs))
        if method != "__call__" or kwargs:
            raise UnsupportedFunctionError(f"np.{name}.{method} with {sorted(kwargs)} has no form in compiled pointwise code.")
        if name not in FUNCTIONS and name not in ("square", "reciprocal", "positive", "conjugate"):
            raise UnsupportedFunctionError(f"np.{name} has no form in compiled pointwise code.")
        if name == "conjugate":
            return self
        operation = np.frompyfunc(lambda *a: apply(name, *a), len(data), 1)
        made = operation(*data)
        if not isinstance(made, np.ndarray):
            return _wrapped(made)
        result = SymbolArray(made)
        if name in COMPARISONS or name in LOGICAL or name in TESTS:
            result._boolean = True
        return result

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if not all(issubclass(t, _KNOWN) for t in types):
            return NotImplemented
        name = func.__name__
        if name in _QUESTIONS and isinstance(args[0], SymbolArray):
            return _QUESTIONS[name](args[0])
        if name == "where" and len(args) == 3:
            return _wrapped(np.frompyfunc(select, 3, 1)(*map(_entries, args)))
        if name in _FILLS or name == "full_like":
            value = _FILLS[name] if name in _FILLS else kwargs.get("fill_value", args[1] if len(args) > 1 else None)
            shape = kwargs.get("shape")
            like = args[0]
            return _wrapped(np.full(like.shape if shape is None else shape, value, kwargs.get("dtype") or float))
        if name == "einsum":
            kwargs.pop("optimize", None)
            return _wrapped(np.einsum(*[a if isinstance(a, str) else _entries(a) for a in args], **kwargs))
        if name in ("maximum", "minimum", "clip"):
            raise UnsupportedFunctionError(f"np.{name} has no form in compiled pointwise code.")
        if name not in _STRUCTURAL:
            raise UnsupportedFunctionError(f"np.{name} has no form in compiled pointwise code.")
        return _wrapped(func(*map(_arrays, args), **{k: v for k, v in kwargs.items() if v is not None}))

    # -- what would need values ----------------------------------------------------------------------------------------------------

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise UnsupportedFunctionError(
            "the value at a point was asked for while compiling code that holds for all points (a branch, a conversion, an "
            "iteration). Use np.where, or leave this function uncompiled."
        )

    __array__ = __bool__ = __float__ = __int__ = __index__ = __complex__ = item = tolist = _refuse

    # -- attributes and methods ----------------------------------------------------------------------------------------------------

    @property
    def dtype(self) -> np.dtype[Any]:
        """float64 or bool."""
        if self._boolean is None:
            self._boolean = _is_boolean(self.data)
        return np.dtype(bool) if self._boolean else np.dtype(float)

    shape = property(lambda self: self.data.shape)
    ndim = property(lambda self: self.data.ndim)
    size = property(lambda self: self.data.size)
    itemsize = property(lambda self: self.dtype.itemsize)
    nbytes = property(lambda self: self.data.size * self.dtype.itemsize)
    T = property(lambda self: SymbolArray(self.data.T))
    mT = property(lambda self: SymbolArray(self.data.mT))
    real = property(lambda self: self)

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Any:
        return iter([_wrapped(x) for x in self.data])

    def __repr__(self) -> str:
        return f"SymbolArray({self.data!r})"

    def __getitem__(self, index: Any) -> Any:
        return _wrapped(self.data[index])

    def __setitem__(self, index: Any, value: Any) -> None:
        new = _entries(value)
        self.data[index] = new[()] if isinstance(new, np.ndarray) and new.ndim == 0 else new

    def astype(self, dtype: Any, copy: bool = True, **_: Any) -> SymbolArray:
        """Itself for double precision; booleans become 0 and 1."""
        kind = np.dtype(dtype).kind
        if kind == self.dtype.kind:
            return SymbolArray(self.data.copy()) if copy else self
        if kind == "f":
            return _wrapped(np.frompyfunc(lambda x: select(x, 1.0, 0.0), 1, 1)(self.data))
        raise UnsupportedFunctionError(f"a conversion to {np.dtype(dtype)} has no form in compiled pointwise code.")

    def copy(self, *_: Any, **__: Any) -> SymbolArray:
        """A copy."""
        return SymbolArray(self.data.copy())

    def fill(self, value: Any) -> None:
        """Every entry the same."""
        self.data[...] = value


_KNOWN = (SymbolArray, np.ndarray, np.generic, int, float, list, tuple)


def _method(name: str) -> Any:
    def method(self: SymbolArray, *args: Any, **kwargs: Any) -> Any:
        return _wrapped(getattr(self.data, name)(*args, **{k: v for k, v in kwargs.items() if v is not None}))

    return method


for _name in (
    "sum", "prod", "reshape", "transpose", "swapaxes", "ravel", "flatten", "squeeze", "repeat", "take", "trace", "diagonal",
):  # fmt: skip
    setattr(SymbolArray, _name, _method(_name))

_OPERATORS = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide, "pow": np.power, "matmul": np.matmul,
    "and": np.bitwise_and, "or": np.bitwise_or,
}  # fmt: skip
for _name, _ufunc in _OPERATORS.items():
    setattr(
        SymbolArray, f"__{_name}__", lambda self, other, _u=_ufunc: NotImplemented if hasattr(other, "level") else _u(self, other)
    )
    setattr(SymbolArray, f"__r{_name}__", lambda self, other, _u=_ufunc: _u(other, self))
for _name, _ufunc in {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal,
}.items():  # fmt: skip
    setattr(SymbolArray, f"__{_name}__", lambda self, other, _u=_ufunc: _u(self, other))
for _name, _ufunc in {"neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert}.items():
    setattr(SymbolArray, f"__{_name}__", lambda self, _u=_ufunc: _u(self))


def _as_symbols(x: Any) -> SymbolArray:
    return x if isinstance(x, SymbolArray) else SymbolArray(_entries(np.asarray(x)))


def _no_host(x: Any) -> Any:
    return x._refuse() if isinstance(x, SymbolArray) else np.asarray(x)


def _scatter_add(array: SymbolArray, index: Any, values: Any) -> None:
    np.add.at(array.data, index, _entries(values))


BACKEND = backends.Backend(
    name="symbols",
    asarray=_as_symbols,
    arange=lambda n: SymbolArray(_entries(np.arange(n, dtype=float))),
    to_host=_no_host,
    synchronise=lambda: None,
    scatter_add=_scatter_add,
    special=lambda: __import__("scipy.special", fromlist=["special"]),
    symbolic=True,
)
backends.register(SymbolArray, BACKEND)
