"""Confluent and Gauss hypergeometric functions, in the argument by shifted parameters and in the parameters by series.

Source: NIST Digital Library of Mathematical Functions, 13.2, 13.3, 15.5, 16.3.
"""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np
from scipy import special

from hoad.core.kinds import elementwise
from hoad.core.kinds.cotangents import is_complex
from hoad.errors import UnsupportedFunctionError
from hoad.rules.special_functions.declarations import declare
from hoad.rules.special_functions.parameter_series import series


def _native(name: str, upper: int) -> Any:
    public = getattr(special, name)

    def function(*args: Any, orders: tuple[int, ...]) -> Any:
        if any(map(is_complex, args)):
            raise UnsupportedFunctionError.no_rule(f"scipy.special.{name} with respect to its parameters at complex arguments")
        with np.errstate(all="ignore"):
            dtype = public(*args).dtype
        *parameters, z = np.broadcast_arrays(*(np.asarray(a, float) for a in args))
        shape = z.shape
        parameters, z = [p.ravel() for p in parameters], z.ravel()
        if name == "hyp2f1" and np.any(np.abs(z) > 0.95):
            raise UnsupportedFunctionError.no_rule("scipy.special.hyp2f1 with respect to its parameters beyond |z| = 0.95")
        y = np.empty_like(z)
        turned = (z < -1) & (name == "hyp1f1")
        for where, f in ((~turned, _direct), (turned, _kummer)):
            if where.any():
                y[where] = f(name, upper, [p[where] for p in parameters], z[where], orders)
        return y.reshape(shape).astype(dtype)[()]

    return function


def _direct(name: str, upper: int, parameters: list[Any], z: Any, orders: tuple[int, ...]) -> Any:
    return series(name, parameters[:upper], parameters[upper:], z, orders)


def _kummer(name: str, upper: int, parameters: list[Any], z: Any, orders: tuple[int, ...]) -> Any:
    """M(a, b, z) = exp(z) M(b - a, b, -z), differentiated."""
    a, b = parameters
    in_a, in_b, in_z = orders
    total = np.zeros_like(z)
    for k in range(in_z + 1):
        for j in range(in_b + 1):
            inner = series(name, [b - a], [b], -z, (in_a + in_b - j, j, k))
            total += comb(in_z, k) * (-1) ** (k + in_a) * comb(in_b, j) * inner
    return total * np.exp(z)


in_parameters: dict[str, Any] = {}


def _raised(name: str, i: int) -> Any:
    def slope(y: Any, *args: Any, orders: tuple[int, ...]) -> Any:
        return in_parameters[name].bind(*args, orders=tuple(o + (j == i) for j, o in enumerate(orders)))

    return slope


def _first(name: str, count: int, i: int) -> Any:
    orders = tuple(int(j == i) for j in range(count))
    return lambda y, *args: in_parameters[name].bind(*args, orders=orders)


for _name, _upper, _count in (("hyp0f1", 0, 2), ("hyp1f1", 1, 3), ("hyp2f1", 2, 4)):
    in_parameters[_name] = elementwise(
        f"{_name}_in_parameters", _native(_name, _upper), *[_raised(_name, i) for i in range(_count)]
    )

hyp0f1: Any = declare("hyp0f1", _first("hyp0f1", 2, 0), lambda y, b, z: hyp0f1.bind(b + 1, z) / b)
hyp1f1: Any = declare(
    "hyp1f1", _first("hyp1f1", 3, 0), _first("hyp1f1", 3, 1), lambda y, a, b, z: a / b * hyp1f1.bind(a + 1, b + 1, z)
)
hyp2f1: Any = declare(
    "hyp2f1",
    *[_first("hyp2f1", 4, i) for i in range(3)],
    lambda y, a, b, c, z: a * b / c * hyp2f1.bind(a + 1, b + 1, c + 1, z),
)
hyperu: Any = declare("hyperu", None, None, lambda y, a, b, z: -a * hyperu.bind(a + 1, b + 1, z))
