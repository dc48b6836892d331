"""Programs as SymPy expressions: the steps repeated on object arrays of symbols."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from hoad.core.box import shape_of
from hoad.core.space import unflatten
from hoad.errors import UnsupportedFunctionError

if TYPE_CHECKING:
    from hoad.compiler.program import Program

__all__ = ["to_sympy"]

# hoad's primitive -> SymPy's function, where the names differ or SymPy's must be used on object arrays
_NAMES = {
    "sin": "sin", "cos": "cos", "tan": "tan", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2",
    "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh",
    "exp": "exp", "log": "log", "sqrt": "sqrt", "cbrt": "cbrt", "absolute": "Abs", "sign": "sign", "maximum": "Max",
    "minimum": "Min", "erf": "erf", "erfc": "erfc", "gamma": "gamma", "gammaln": "loggamma", "digamma": "digamma",
    "conjugate": "conjugate", "complex_absolute": "Abs",
}  # fmt: skip
_ARITHMETIC = {
    "add", "subtract", "multiply", "divide", "negative", "positive", "pow", "power", "square", "reciprocal", "sum", "prod",
    "cumsum", "cumprod", "reshape", "transpose", "broadcast_to", "getitem", "concatenate", "matmul", "dot", "inner", "outer",
    "tensordot", "einsum", "einsum_fast", "index_update", "index_add", "scatter", "copy", "convolve",
}  # fmt: skip


def _lambdas(sympy: Any) -> dict[str, Any]:
    return {
        "expm1": lambda x: sympy.exp(x) - 1,
        "log1p": lambda x: sympy.log(1 + x),
        "exp2": lambda x: 2**x,
        "log2": lambda x: sympy.log(x, 2),
        "log10": lambda x: sympy.log(x, 10),
        "hypot": lambda a, b: sympy.sqrt(a**2 + b**2),
        "expit": lambda x: 1 / (1 + sympy.exp(-x)),
        "logaddexp": lambda a, b: sympy.log(sympy.exp(a) + sympy.exp(b)),
        "xlogy": lambda a, b: a * sympy.log(b),
    }


def _exact(sympy: Any, value: Any) -> Any:
    """Constants as exact integers where they are integers."""

    def one(c: Any) -> Any:
        c = c.item() if hasattr(c, "item") else c
        return sympy.Integer(int(c)) if isinstance(c, int | float) and c == int(c) else sympy.sympify(c)

    array = np.asarray(value)
    if array.ndim == 0:
        return one(array[()])
    return np.vectorize(one, otypes=[object])(array)


def to_sympy(program: Program) -> Any:
    import sympy

    values: dict[int, Any] = {}
    for i, text in enumerate(program.names):
        name = re.sub(r"\W+", "_", text).strip("_")
        shape = shape_of(program.values[i])
        if shape == ():
            values[i] = sympy.Symbol(name)
        else:
            symbols = np.empty(shape, object)
            for index in np.ndindex(*shape):
                symbols[index] = sympy.Symbol(f"{name}_{'_'.join(map(str, index))}")
            values[i] = symbols
    special = _lambdas(sympy)
    for step in program.steps:
        args: list[Any] = [None if a is None else _exact(sympy, a) if np.asarray(a).dtype.kind in "iufc" else a for a in step.args]
        for position, slot in step.inputs:
            args[position] = values[slot]
        name = step.primitive.name
        f = special.get(name) or (getattr(sympy, _NAMES[name]) if name in _NAMES else None)
        if f is not None:
            y = f(*args) if all(np.ndim(a) == 0 for a in args) else np.vectorize(f, otypes=[object])(*args)
        elif name in ("einsum", "einsum_fast"):
            y = np.einsum(step.kw["subscripts"], *args)
        elif name in _ARITHMETIC:
            y = step.primitive.native(*args, **step.kw)
        else:
            raise UnsupportedFunctionError(
                f"{name} has no SymPy counterpart here. Print the program instead, or write it with elementary functions."
            )
        values[step.outputs[0]] = y
    outs = [constant if slot is None else values[slot] for slot, constant in program.outputs]
    return unflatten(program.out_spec, outs)
