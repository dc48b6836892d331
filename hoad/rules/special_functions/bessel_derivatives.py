"""SciPy's n-th derivatives of Bessel functions (jvp and others): sums of neighbouring orders, as SciPy computes them.

Source: NIST Digital Library of Mathematical Functions, 10.6, 10.29.
"""

from __future__ import annotations

from typing import Any

from scipy import special

from hoad.core.primitive import expose


def _declare(name: str) -> None:
    native = getattr(special, name)

    def function(v: Any, z: Any, n: int = 1) -> Any:
        return native(v, z, n)  # plain arithmetic of functions that take traced values

    expose(function, f"scipy.special.{name}", native, "composite")


for _name in ("jvp", "yvp", "ivp", "kvp", "h1vp", "h2vp"):
    _declare(_name)
