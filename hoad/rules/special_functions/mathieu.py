"""Mathieu functions in their argument, and characteristic values in q.

Functions and derivatives come in pairs, and second derivatives from the equation; SciPy's angles are degrees, its derivatives are
per radian.  Characteristic values are eigenvalues of a tridiagonal matrix that is linear in q.  Source: NIST Digital Library of
Mathematical Functions, 28.2, 28.4, 28.20.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from hoad.core.box import Box, bare, peek
from hoad.core.kinds import composite
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array
from hoad.rules.special_functions.declarations import declare_several


def _size(r: int, q: Any) -> int:
    """Rows after which the eigenvectors are negligible."""
    return r + 16 + int(2 * math.sqrt(float(np.max(np.abs(bare(q)), initial=0.0))))


def _matrix(kind: str, m: int, size: int) -> tuple[Any, Any]:
    """The matrix at q = 0 and its slope in q."""
    k = np.arange(size)
    slope = np.eye(size, k=1) + np.eye(size, k=-1)
    if m % 2:
        slope[0, 0] = 1.0 if kind == "a" else -1.0
        return np.diag((2.0 * k + 1) ** 2), slope
    if kind == "a":
        slope[0, 1] = slope[1, 0] = math.sqrt(2.0)
        return np.diag((2.0 * k) ** 2), slope
    return np.diag((2.0 * k + 2) ** 2), slope


def _declare_value(kind: str) -> None:
    name = f"mathieu_{kind}"
    native = getattr(special, name)

    def body(q: Any, m: int) -> Any:
        r = m // 2 if kind == "a" or m % 2 else m // 2 - 1
        constant, slope = _matrix(kind, m, _size(r, q))
        dtype = peek(q).dtype
        matrices = constant.astype(dtype) + q[..., None, None] * slope.astype(dtype)
        return np.linalg.eigvalsh(matrices)[..., r]

    value = composite(name, lambda q, m: native(m, q), body)

    def function(m: Any, q: Any) -> Any:
        if isinstance(m, Box) or np.ndim(m) or not float(m).is_integer():
            raise UnsupportedFunctionError.no_rule(f"scipy.special.{name} of an order m that is not a whole number")
        return value.bind(as_array(q), m=int(m))

    expose(function, f"scipy.special.{name}", native, "composite")


_declare_value("a")
_declare_value("b")


def _characteristic(kind: str, m: Any, q: Any) -> Any:
    return getattr(special, f"mathieu_{kind}")(m, q)


def _declare_function(name: str, kind: str, angular: bool) -> None:
    unit = math.pi / 180 if angular else 1.0

    def first(_: Any, m: Any, q: Any, x: Any) -> Any:
        return unit * slope.bind(m, q, x)

    def second(own: Any, m: Any, q: Any, x: Any) -> Any:
        value = _characteristic(kind, m, q).astype(peek(own).dtype)
        factor = 2 * q * np.cos(2 * unit * x) - value if angular else value - 2 * q * np.cosh(2 * x)
        return unit * factor * y.bind(m, q, x)

    y, slope = declare_several(name, (None, None, first), (None, None, second))


for _name, _kind, _angular in (
    ("mathieu_cem", "a", True), ("mathieu_sem", "b", True), ("mathieu_modcem1", "a", False), ("mathieu_modcem2", "a", False),
    ("mathieu_modsem1", "b", False), ("mathieu_modsem2", "b", False),
):  # fmt: skip
    _declare_function(_name, _kind, _angular)
