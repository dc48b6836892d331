"""Spheroidal wave functions in their argument: functions and derivatives come in pairs, and second derivatives from the equation.

The radial functions of the second kind (pro_rad2, obl_rad2) are left out: many of SciPy's values miss the equation in the first
digit.  Source: NIST Digital Library of Mathematical Functions, 30.2, 30.11; Zhang and Jin, Computation of Special Functions (1996).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scipy import special

from hoad.core.kinds import elementwise
from hoad.core.primitive import Primitive
from hoad.rules.special_functions.declarations import declare_several, refusing


def _second(kind: str, radial: bool) -> Callable[..., Any]:
    """y'' from (x, y, y', m, c, characteristic value)."""
    oblate = kind == "obl"

    def prolate_equation(x: Any, y: Any, slope: Any, m: Any, c: Any, value: Any) -> Any:
        q = 1 - x * x
        return (2 * x * slope - (value - c * c * x * x - m * m / q) * y) / q

    def oblate_angular(x: Any, y: Any, slope: Any, m: Any, c: Any, value: Any) -> Any:
        q = 1 - x * x
        return (2 * x * slope - (value + c * c * x * x - m * m / q) * y) / q

    def oblate_radial(x: Any, y: Any, slope: Any, m: Any, c: Any, value: Any) -> Any:
        q = 1 + x * x
        return ((value - c * c * x * x - m * m / q) * y - 2 * x * slope) / q

    return (oblate_radial if radial else oblate_angular) if oblate else prolate_equation


def _declare(kind: str, form: str) -> None:
    second = _second(kind, form.startswith("rad"))

    def slope(_: Any, m: Any, n: Any, c: Any, x: Any) -> Any:
        return with_slope.bind(m, n, c, x)

    def curvature(y: Any, m: Any, n: Any, c: Any, x: Any) -> Any:
        return second(x, plain.bind(m, n, c, x), y, m, c, value.bind(m, n, c))

    plain, with_slope = declare_several(f"{kind}_{form}", (None, None, None, slope), (None, None, None, curvature))

    def slope_cv(_: Any, m: Any, n: Any, c: Any, cv: Any, x: Any) -> Any:
        return with_slope_cv.bind(m, n, c, cv, x)

    def curvature_cv(y: Any, m: Any, n: Any, c: Any, cv: Any, x: Any) -> Any:
        return second(x, plain_cv.bind(m, n, c, cv, x), y, m, c, cv)

    nothing = (None,) * 4
    plain_cv, with_slope_cv = declare_several(f"{kind}_{form}_cv", (*nothing, slope_cv), (*nothing, curvature_cv))
    value = _values[kind]


_values: dict[str, Primitive] = {}
for _kind in ("pro", "obl"):
    _name = f"{_kind}_cv"
    _values[_kind] = elementwise(_name, getattr(special, _name), *[refusing(_name, a) for a in ("m", "n", "c")])
    for _form in ("ang1", "rad1"):
        _declare(_kind, _form)
