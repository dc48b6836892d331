"""Spherical Bessel functions, by neighbouring orders: without a quotient, so that 0 is a point like any other.

Source: NIST Digital Library of Mathematical Functions, 10.51.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from hoad.core.box import Box
from hoad.core.kinds import elementwise
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array
from hoad.rules.special_functions.declarations import reach, refusing

_SIGNS = {"spherical_jn": (1, -1), "spherical_yn": (1, -1), "spherical_in": (1, 1), "spherical_kn": (-1, -1)}
"""(2 n + 1) f' of order n = a n f of order n - 1 + b (n + 1) f of order n + 1: the a and b."""


def _declare(name: str) -> Any:
    native = getattr(special, name)
    a, b = _SIGNS[name]

    def neighbours(prim: Any, n: Any, x: Any) -> Any:
        """Of order 0 the lower neighbour counts nothing; its order there is 1, since SciPy knows no negative ones."""
        n = np.asarray(n)
        dtype = np.result_type(np.float32, getattr(x, "dtype", float)).type(0).real.dtype
        lower, upper = ((a * n) / (2 * n + 1)).astype(dtype)[()], ((b * (n + 1)) / (2 * n + 1)).astype(dtype)[()]
        return lower * prim.bind(np.abs(n - 1), x) + upper * prim.bind(n + 1, x)

    def in_precision(n: Any, x: Any, derivative: bool = False) -> Any:
        return native(n, x, derivative)

    refuse = refusing(name, "its order n")
    f: Any = elementwise(name, in_precision, refuse, lambda y, n, x: neighbours(f, n, x))
    slope: Any = elementwise(
        f"{name}_derivative", lambda n, x: in_precision(n, x, True), refuse, lambda y, n, x: neighbours(slope, n, x)
    )

    def function(n: Any, z: Any, derivative: bool = False) -> Any:
        if isinstance(n, Box):
            refuse()
        if np.any(np.asarray(n) < 0):
            raise UnsupportedFunctionError.no_rule(f"scipy.special.{name} of negative orders")
        return (slope if derivative else f).bind(n, as_array(z))

    expose(function, f"scipy.special.{name}", native, "elementwise")
    reach(f"_{name}", f.bind)
    reach(f"_{name}_d", slope.bind)
    return f


for _name in _SIGNS:
    _declare(_name)
